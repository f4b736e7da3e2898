/* SPDX-License-Identifier: Apache-2.0
 * The sessions that are alive.
 */
#include "keeper/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum sp_err registry_add(struct registry *r, struct session *s)
{
    if (r->count == r->room) {
        size_t room = r->room == 0 ? 64 : r->room * 2;
        struct session **list = reallocarray(r->list, room, sizeof(struct session *));
        if (list == NULL)
            return SP_ESYS;
        r->list = list;
        r->room = room;
    }
    r->list[r->count++] = s;
    return SP_OK;
}

void registry_remove(struct registry *r, const struct session *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i] != s)
            r->list[kept++] = r->list[i];
    }
    r->count = kept;
}

struct session *registry_by_number(const struct registry *r, uint64_t number)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i]->number == number)
            return r->list[i];
    }
    return NULL;
}

struct session *registry_by_id(const struct registry *r, const char *id)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->list[i]->id, id) == 0)
            return r->list[i];
    }
    return NULL;
}

struct session *registry_by_pid(const struct registry *r, pid_t pid)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i]->pid == pid && !r->list[i]->is_ended_report)
            return r->list[i];
    }
    return NULL;
}

size_t registry_admitted(const struct registry *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->count; i++) {
        enum session_state state = r->list[i]->state;
        if (r->list[i]->fd >= 0 && state >= SESSION_DECIDED && state <= SESSION_ACTIVE)
            n++;
    }
    return n;
}

static json_t *escaped(const char *peer_text)
{
    char text[IPC_NAME_MAX];

    text_escape(peer_text, text, sizeof(text));
    return json_string(text);
}

static json_t *describe(const struct session *s)
{
    char source[64], started[SP_TIMESTAMP_SIZE];

    session_source(&s->peer, source);
    clock_format(s->started_wall_us, started);
    return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:i, s:o, s:s}", "id", s->id, "user",
                     escaped(session_person(s)), "target", escaped(s->decision.target), "source",
                     source, "started", started, "state", session_state_name(s->state), "pid",
                     (int)s->pid, "client", escaped(s->client), "ticket", s->ticket);
}

json_t *registry_describe(const struct registry *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i]->fd >= 0)
            json_array_append_new(list, describe(r->list[i]));
    }
    return list;
}

void registry_clear(struct registry *r)
{
    free(r->list);
    *r = (struct registry){0};
}
