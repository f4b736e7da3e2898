/* SPDX-License-Identifier: Apache-2.0
 * The executables beside our own.
 */
#include "keeper/programs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/mem.h"
#include "sp_version.h"

#define FIRST_NUMBER 64
static_assert(FIRST_NUMBER >= BOOT_FD_LISTENERS + BOOT_LISTENERS_MAX, "stands apart");

static int open_in(const char *folder, const char *name)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (access(path, X_OK) != 0)
        return -1;
    SP_FD fd = open(path, O_PATH | O_CLOEXEC);
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_NUMBER);
}

int program_open(const char *name, char *error, size_t error_size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[n > 0 ? n : 0] = '\0';
    const char *folder = dirname(self);
    int fd = open_in(folder, name);
    if (fd < 0 && errno == ENOENT)
        fd = open_in(SP_LIBEXECDIR, name);
    if (fd < 0)
        snprintf(error, error_size,
                 "cannot execute %s: %s; it belongs beside this program in %s, or in %s: install "
                 "Sallyport again",
                 name, strerror(errno), folder, SP_LIBEXECDIR);
    return fd;
}
