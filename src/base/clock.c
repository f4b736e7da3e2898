/* SPDX-License-Identifier: Apache-2.0
 * Time: a monotonic clock for every wait, the wall clock for events only.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int clock_left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - clock_now_ms();

    if (left < 0)
        return 0;
    return left > 3600000 ? 3600000 : (int)left;
}

void clock_format(int64_t wall_us, char out[SP_TIMESTAMP_SIZE])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    size_t n;

    gmtime_r(&seconds, &tm);
    n = strftime(out, SP_TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, SP_TIMESTAMP_SIZE - n, ".%06dZ", (int)(wall_us % 1000000));
}
