/* SPDX-License-Identifier: Apache-2.0
 * Refused connections that are held instead of closed.
 */
#include "door/tarpit.h"

#include <stdlib.h>

#include "door/helper.h"

enum sp_err tarpit_init(struct tarpit *t, uint32_t room, uint32_t hold_ms)
{
    *t = (struct tarpit){.room = hold_ms > 0 ? room : 0, .hold_ms = hold_ms};
    if (t->room == 0)
        return SP_OK;
    t->held = calloc(t->room, sizeof(*t->held));
    return t->held != NULL ? SP_OK : SP_ESYS;
}

bool tarpit_hold(struct tarpit *t, int fd, int64_t now_ms)
{
    if (t->count == t->room)
        return false;
    t->held[(t->first + t->count++) % t->room] =
        (struct tarpit_held){fd, now_ms + (int64_t)t->hold_ms};
    return true;
}

static void let_go(struct tarpit *t)
{
    helper_refuse(t->held[t->first].fd);
    t->first = (t->first + 1) % t->room;
    t->count--;
}

void tarpit_tick(struct tarpit *t, int64_t now_ms)
{
    while (t->count > 0 && t->held[t->first].until_ms <= now_ms)
        let_go(t);
}

int64_t tarpit_due_ms(const struct tarpit *t)
{
    return t->count > 0 ? t->held[t->first].until_ms : -1;
}

void tarpit_clear(struct tarpit *t)
{
    while (t->count > 0)
        let_go(t);
    free(t->held);
    *t = (struct tarpit){0};
}
