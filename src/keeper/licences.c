/* SPDX-License-Identifier: Apache-2.0
 * Licences that targets gave us: one small file each in state_dir/licences.
 */
#include "keeper/licences.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define FOLDER    "licences"
#define NAME_SIZE (2 * SHA256_DIGEST_LENGTH + 1)
#define TEMP_NAME "new"

static void name_of(const char *target, const char *scope, char out[NAME_SIZE])
{
    uint8_t text[IPC_TEXT_MAX + IPC_SCOPE_MAX] = {0}, hash[SHA256_DIGEST_LENGTH];
    size_t n = strnlen(target, IPC_TEXT_MAX - 1), m = strnlen(scope, IPC_SCOPE_MAX - 1);

    memcpy(text, target, n);
    memcpy(text + n + 1, scope, m); /* the NUL between them keeps pairs apart */
    SHA256(text, n + 1 + m, hash);
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* A per-device licence counts machines: this is one, whoever works through it. */
static void hardware_id(uint8_t out[LICENCE_HARDWARE_ID_SIZE])
{
    char text[128] = "sallyport licence ";
    uint8_t hash[SHA256_DIGEST_LENGTH];
    size_t n = strlen(text);

    if (gethostname(text + n, sizeof(text) - n - 1) != 0)
        text[n] = '\0';
    SHA256((const uint8_t *)text, strlen(text), hash);
    memcpy(out, hash, LICENCE_HARDWARE_ID_SIZE);
}

static int open_folder(const char *state_dir)
{
    SP_FD state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return state < 0 ? -1 : openat(state, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

enum sp_err licences_get(const char *state_dir, const char *target, const char *scope,
                         struct ipc_licence_get_rsp *out)
{
    uint8_t data[IPC_LICENCE_MAX + 1];
    char name[NAME_SIZE];
    ssize_t n;

    out->size = 0;
    hardware_id(out->hardware_id);
    SP_FD folder = open_folder(state_dir);
    if (folder < 0)
        return errno == ENOENT ? SP_OK : SP_ESYS;
    name_of(target, scope, name);
    SP_FD fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? SP_OK : SP_ESYS;
    n = read(fd, data, sizeof(data));
    if (n < 0)
        return SP_ESYS;
    if (n > IPC_LICENCE_MAX)
        return SP_ELIMIT;
    memcpy(out->licence, data, (size_t)n);
    out->size = (uint32_t)n;
    sp_wipe(data, sizeof(data));
    return SP_OK;
}

/* Write beside, flush, rename, flush the folder: a crash leaves the old file or the new one. */
static enum sp_err replace(int folder, const char *name, const uint8_t *data, size_t size)
{
    if (unlinkat(folder, TEMP_NAME, 0) != 0 && errno != ENOENT)
        return SP_ESYS;
    SP_FD fd =
        openat(folder, TEMP_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || fsync(fd) != 0)
        return SP_ESYS;
    if (renameat(folder, TEMP_NAME, folder, name) != 0 || fsync(folder) != 0)
        return SP_ESYS;
    return SP_OK;
}

enum sp_err licences_put(const char *state_dir, const char *target, const char *scope,
                         const uint8_t *data, size_t size)
{
    char name[NAME_SIZE];
    SP_FD state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (state < 0 || (mkdirat(state, FOLDER, 0700) != 0 && errno != EEXIST))
        return SP_ESYS;
    SP_FD folder = openat(state, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder < 0)
        return SP_ESYS;
    name_of(target, scope, name);
    return replace(folder, name, data, size);
}
