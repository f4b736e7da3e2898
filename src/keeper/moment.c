/* SPDX-License-Identifier: Apache-2.0
 * The two clocks that policy goes by, read at one moment.
 */
#include "keeper/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

static int64_t test_offset_us(void)
{
    long long seconds = 0;

#ifdef SP_TEST_HOOKS
    const char *path = getenv("SALLYPORT_TEST_CLOCK");
    FILE *file = path != NULL ? fopen(path, "re") : NULL;

    if (file != NULL && fscanf(file, "%lld", &seconds) != 1)
        seconds = 0;
    if (file != NULL)
        fclose(file);
#endif
    return (int64_t)seconds * 1000000;
}

struct moment moment_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (struct moment){.wall_us = clock_wall_us() + test_offset_us(),
                           .boot_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

int64_t moment_since(const struct moment *start, const struct moment *now)
{
    int64_t least = start->wall_us + (now->boot_ms - start->boot_ms) * 1000;

    return now->wall_us > least ? now->wall_us : least;
}
