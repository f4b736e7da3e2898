/* SPDX-License-Identifier: Apache-2.0
 * The spawner's loop, apart from how its process is set up, so that a test can drive it.
 */
#ifndef SP_DOOR_SPAWNER_LOOP_H
#define SP_DOOR_SPAWNER_LOOP_H

#include "base/boot.h"
#include "door/respawn.h"
#include "session/session.h"

struct spawner {
    int keeper_fd;
    int door_fd;
    struct session_start common; /* what all sessions share; descriptors and peer are filled in */
    void (*session)(const struct session_start *start); /* in the child; may return */
    bool is_proxied[BOOT_LISTENERS_MAX];                /* of each listener */
    struct respawn respawn;
    bool is_retiring;      /* keeper has announced that door will end */
    int64_t complained_ms; /* when a refused connection was last logged */
};

enum spawner_end {
    SPAWNER_KEEPER_GONE,
    SPAWNER_DOOR_GONE,
    SPAWNER_RETIRED, /* the door is gone, as keeper said it would be */
    SPAWNER_RESPAWN, /* exec now; nothing that was taken is unfinished */
    SPAWNER_FAILED,  /* the system refused to wait */
};

/*
 * Fork sessions and reap them. sigchld_begin must have been called.
 * Returns  in the parent only; a child ends in _exit(0)
 */
enum spawner_end spawner_loop(struct spawner *s);

#endif
