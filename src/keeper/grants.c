/* SPDX-License-Identifier: Apache-2.0
 * Requests and grants as they are: the list, what runs, and what time ends.
 */
#include "keeper/grants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keeper/grants_priv.h"

#define ROOM_FIRST 64

void grants_init(struct grants *g, const char *boot_id)
{
    *g = (struct grants){0};
    snprintf(g->boot_id, sizeof(g->boot_id), "%s", boot_id);
}

void grants_clear(struct grants *g)
{
    for (size_t i = 0; i < g->count; i++)
        free(g->list[i]);
    free(g->list);
    *g = (struct grants){0};
}

bool grants_take(const char *text, char *out, size_t room)
{
    return (size_t)snprintf(out, room, "%s", text != NULL ? text : "") < room;
}

struct grants_record *grants_get(struct grants *g, const char *id)
{
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->list[i]->id, id) == 0)
            return g->list[i];
    return NULL;
}

const struct grants_record *grants_find(const struct grants *g, const char *id)
{
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->list[i]->id, id) == 0)
            return g->list[i];
    return NULL;
}

static bool is_over(const struct grants_record *r)
{
    return r->state != GRANTS_OPEN && r->state != GRANTS_RUNNING && !r->is_busy;
}

static void drop(struct grants *g, size_t i)
{
    free(g->list[i]);
    g->count--;
    memmove(&g->list[i], &g->list[i + 1], (g->count - i) * sizeof(g->list[0]));
}

/* Room for one more: of many records the oldest that is over goes. Its row stays in the store. */
static enum sp_err make_room(struct grants *g)
{
    if (g->count >= GRANTS_MAX) {
        size_t i = 0;

        while (i < g->count && !is_over(g->list[i]))
            i++;
        if (i == g->count)
            return SP_ELIMIT;
        drop(g, i);
    }
    if (g->count < g->room)
        return SP_OK;
    size_t room = g->room > 0 ? g->room * 2 : ROOM_FIRST;
    struct grants_record **list = reallocarray(g->list, room, sizeof(*list));
    if (list == NULL)
        return SP_ESYS;
    g->list = list;
    g->room = room;
    return SP_OK;
}

enum sp_err grants_put(struct grants *g, const struct grants_record *r)
{
    struct grants_record *old = grants_get(g, r->id);

    if (old == NULL) {
        enum sp_err err = make_room(g);

        if (err != SP_OK)
            return err;
        old = malloc(sizeof(*old));
        if (old == NULL)
            return SP_ESYS;
        g->list[g->count++] = old;
    }
    *old = *r;
    old->is_busy = false;
    return SP_OK;
}

enum sp_err grants_commit(struct grants *g, const struct grants_step *step)
{
    for (size_t i = 0; i < step->count; i++) {
        enum sp_err err = grants_put(g, &step->records[i]);

        /* The grant comes first: without it its request stays open. */
        if (err != SP_OK) {
            grants_abort(g, step);
            return err;
        }
    }
    return SP_OK;
}

void grants_abort(struct grants *g, const struct grants_step *step)
{
    for (size_t i = 0; i < step->count; i++) {
        struct grants_record *r = grants_get(g, step->records[i].id);

        if (r != NULL)
            r->is_busy = false;
    }
}

/* Milliseconds until the end of a record, by the clock that comes to it first; ≤ 0 = passed. */
static int64_t left_ms(const struct grants_record *r, struct grants_time now)
{
    int64_t by_wall = (r->ends_us - now.wall_us + 999) / 1000;
    int64_t by_boot = r->ends_boot_ms - now.boot_ms;

    if (r->ends_us <= now.wall_us)
        return 0;
    return r->ends_boot_ms != 0 && by_boot < by_wall ? by_boot : by_wall;
}

bool grants_is_running(const struct grants_record *r, struct grants_time now)
{
    return r->is_grant && r->state == GRANTS_RUNNING && left_ms(r, now) > 0;
}

int64_t grants_left_ms(const struct grants *g, const char *user, const char *target,
                       const char *group, struct grants_time now)
{
    int64_t longest = 0;

    for (size_t i = 0; i < g->count; i++) {
        const struct grants_record *r = g->list[i];

        if (!grants_is_running(r, now) || strcasecmp(r->user, user) != 0 ||
            strcasecmp(r->target, target) != 0)
            continue;
        if (!r->is_break_glass && strcasecmp(r->group, group) != 0)
            continue;
        int64_t left = left_ms(r, now);
        longest = left > longest ? left : longest;
    }
    return longest;
}

size_t grants_tick(struct grants *g, struct grants_time now,
                   void (*changed)(void *ctx, const struct grants_record *r), void *ctx)
{
    size_t count = 0;

    for (size_t i = 0; i < g->count; i++) {
        struct grants_record *r = g->list[i];

        if ((r->state != GRANTS_OPEN && r->state != GRANTS_RUNNING) || r->is_busy ||
            left_ms(r, now) > 0)
            continue;
        r->state = r->is_grant ? GRANTS_OVER : GRANTS_EXPIRED;
        count++;
        changed(ctx, r);
    }
    return count;
}

bool grants_forget(struct grants *g, int64_t before_us, struct grants_record *out)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct grants_record *r = g->list[i];

        if (!is_over(r) || r->ends_us >= before_us || r->decided_us >= before_us)
            continue;
        *out = *r;
        drop(g, i);
        return true;
    }
    return false;
}

int64_t grants_due_ms(const struct grants *g, struct grants_time now)
{
    int64_t due = -1;

    for (size_t i = 0; i < g->count; i++) {
        const struct grants_record *r = g->list[i];

        if (r->state != GRANTS_OPEN && r->state != GRANTS_RUNNING)
            continue;
        int64_t left = left_ms(r, now);
        left = left > 0 ? left : 0;
        if (due < 0 || left < due)
            due = left;
    }
    return due;
}
