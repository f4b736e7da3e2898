/* SPDX-License-Identifier: Apache-2.0
 * Wall clocks of other places, by the system's time zone data.
 *
 * The C library knows one zone at a time, the one of TZ; this file is the only one that changes it,
 * and puts it back. Keeper asks from its one loop only. Answers are remembered by the minute.
 */
#ifndef SP_KEEPER_ZONE_H
#define SP_KEEPER_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/* What a clock on the wall there shows. */
struct zone_time {
    uint32_t day;     /* of the week, 0 = Sunday */
    uint32_t minute;  /* of the day, 0…1439      */
    int32_t offset_s; /* east of UTC             */
};

/* True if the system has a zone of that name, which fits CATALOG_ZONE_SIZE. */
bool zone_is_known(const char *name);

/*
 * What a clock shows in a zone.
 * name     zone_is_known
 * wall_us  microseconds since 1970, UTC
 */
void zone_local(const char *name, int64_t wall_us, struct zone_time *out);

#endif
