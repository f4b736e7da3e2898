/* SPDX-License-Identifier: Apache-2.0
 * What keeper hands to a helper process when it starts it.
 */
#include "base/boot.h"
#include "base/boot_directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

static bool write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

int boot_blob_write(const void *head, size_t head_size, const void *a, size_t a_size, const void *b,
                    size_t b_size)
{
    SP_FD fd = memfd_create("sallyport-boot", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || !write_all(fd, head, head_size) || !write_all(fd, a, a_size) ||
        !write_all(fd, b, b_size))
        return -1;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return -1;
    return sp_fd_take(&fd);
}

int boot_write(const struct boot_config *config, const char *ca)
{
    return boot_blob_write(config, sizeof(*config), ca, config->ca_size, NULL, 0);
}

enum sp_err boot_read(int fd, struct boot_config *config, char **ca)
{
    ssize_t n = pread(fd, config, sizeof(*config), 0);

    if (n < 0)
        return SP_ESYS;
    if (n != (ssize_t)sizeof(*config))
        return SP_ESHORT;
    if (config->magic != BOOT_MAGIC || config->size != sizeof(*config) ||
        config->listener_count > BOOT_LISTENERS_MAX || config->pem_size >= BOOT_PEM_MAX ||
        config->ca_size > BOOT_CA_MAX)
        return SP_EVALUE;
    *ca = NULL;
    if (config->ca_size == 0)
        return SP_OK;
    SP_FREE char *text = calloc(1, (size_t)config->ca_size + 1);
    if (text == NULL)
        return SP_ESYS;
    if (pread(fd, text, config->ca_size, sizeof(*config)) != (ssize_t)config->ca_size)
        return SP_ESHORT;
    *ca = text;
    text = NULL;
    return SP_OK;
}
