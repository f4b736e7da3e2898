/* SPDX-License-Identifier: Apache-2.0
 * Time: a monotonic clock for every wait, the wall clock for events only.
 */
#ifndef SP_BASE_CLOCK_H
#define SP_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define SP_TIMESTAMP_SIZE 28 /* "2026-11-22T03:00:00.000000Z" and its NUL */

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t clock_now_ms(void);

/* Microseconds of CLOCK_REALTIME since 1970, UTC. */
int64_t clock_wall_us(void);

/*
 * Milliseconds until deadline_ms (of clock_now_ms), for poll(2): never negative, at most one hour.
 */
int clock_left_ms(int64_t deadline_ms);

/* Write wall_us as RFC 3339 in UTC with microseconds. out: SP_TIMESTAMP_SIZE bytes */
void clock_format(int64_t wall_us, char out[SP_TIMESTAMP_SIZE]);

#endif
