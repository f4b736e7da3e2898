/* SPDX-License-Identifier: Apache-2.0
 * Scope-bound resources, secrets, and comparison in constant time.
 */
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/err.h"

void sp_fd_cleanup(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

void sp_free_cleanup(void *p)
{
    void *held;

    memcpy(&held, p, sizeof(held));
    free(held);
}

int sp_fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

void sp_wipe(void *p, size_t size)
{
    explicit_bzero(p, size);
}

void sp_release(void *p, size_t size)
{
    const uintptr_t page = 4096;
    uintptr_t begin = ((uintptr_t)p + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)p + size) & ~(page - 1);

    /* Whole pages are dropped without being touched first; what is left is overwritten. */
    if (begin >= end || madvise((void *)begin, end - begin, MADV_DONTNEED) != 0) {
        explicit_bzero(p, size);
        return;
    }
    explicit_bzero(p, begin - (uintptr_t)p);
    explicit_bzero((void *)end, (uintptr_t)p + size - end);
}

bool sp_equal_ct(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    uint8_t diff = 0;

    for (size_t i = 0; i < size; i++)
        diff = (uint8_t)(diff | (x[i] ^ y[i]));
    return diff == 0;
}

void sp_random(void *p, size_t size)
{
    uint8_t *at = p;

    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);

        SP_BUG(n < 0 && errno != EINTR);
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
}
