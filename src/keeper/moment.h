/* SPDX-License-Identifier: Apache-2.0
 * The two clocks that policy goes by, read at one moment.
 */
#ifndef SP_KEEPER_MOMENT_H
#define SP_KEEPER_MOMENT_H

#include <stdint.h>

struct moment {
    int64_t wall_us; /* CLOCK_REALTIME, UTC; may be set back */
    int64_t boot_ms; /* CLOCK_BOOTTIME; never back           */
};

/*
 * Now. A build with the meson option test_hooks adds the seconds that stand in the file named by
 * the environment variable SALLYPORT_TEST_CLOCK to the wall clock; other builds know no such thing.
 */
struct moment moment_now(void);

/*
 * The wall clock as somebody sees it who began at start: it may jump ahead, but after so many
 * seconds it is at least so many seconds later.
 */
int64_t moment_since(const struct moment *start, const struct moment *now);

#endif
