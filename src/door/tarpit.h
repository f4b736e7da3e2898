/* SPDX-License-Identifier: Apache-2.0
 * Refused connections that are held instead of closed: they cost their owner a connection for a
 * while, and us a descriptor. Nobody reads them; at most so many, each for the same time.
 */
#ifndef SP_DOOR_TARPIT_H
#define SP_DOOR_TARPIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct tarpit_held {
    int fd;
    int64_t until_ms;
};

/* First in, first out, since all are held for the same time. */
struct tarpit {
    struct tarpit_held *held; /* owned, room of them */
    uint32_t room, first, count;
    uint32_t hold_ms;
};

/*
 * Prepare.
 * hold_ms  0 = nothing is ever held
 * room     how many at once
 * Errors:  SP_ESYS no memory
 */
SP_MUST_USE enum sp_err tarpit_init(struct tarpit *t, uint32_t room, uint32_t hold_ms);

/* Hold a connection; fd is taken if true is returned, else there is no room. */
bool tarpit_hold(struct tarpit *t, int fd, int64_t now_ms);

/* Close those whose time is over. */
void tarpit_tick(struct tarpit *t, int64_t now_ms);

/* When tarpit_tick has something to do, or -1. */
int64_t tarpit_due_ms(const struct tarpit *t);

/* Close all; nothing is held from now on. */
void tarpit_clear(struct tarpit *t);

#endif
