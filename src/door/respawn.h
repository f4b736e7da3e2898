/* SPDX-License-Identifier: Apache-2.0
 * When the spawner executes itself anew, so that no two probes meet the same address layout.
 *
 * Pure: ends and times come in, a decision comes out.
 */
#ifndef SP_DOOR_RESPAWN_H
#define SP_DOOR_RESPAWN_H

#include <stdbool.h>
#include <stdint.h>

#define RESPAWN_EVERY_MS  (10 * 60 * 1000)
#define RESPAWN_GATHER_MS 100 /* several abnormal ends at a time are one reason, not several */

struct respawn {
    bool tainted;   /* a session ended abnormally under this layout */
    int64_t due_ms; /* latest time to renew when there is nothing to do */
};

/* Start with a fresh address layout. */
void respawn_init(struct respawn *r, int64_t now_ms);

/*
 * A session has ended.
 * status   as waitpid(2) gives it; anything but exit(0) is abnormal
 */
void respawn_ended(struct respawn *r, int status, int64_t now_ms);

/*
 * True if the spawner must execute itself before it does anything else.
 * waiting  a connection waits to be forked for: never under a tainted layout, but not delayed for
 *          a renewal that is merely due
 */
bool respawn_is_due(const struct respawn *r, bool waiting, int64_t now_ms);

#endif
