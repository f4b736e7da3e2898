/* SPDX-License-Identifier: Apache-2.0
 * Requests and grants for those who may see them: their own, those that they may decide about, and
 * all for administrators and auditors.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "keeper/api_identity.h"
#include "keeper/keeper_grants.h"

#define LISTED_MAX 1000 /* the newest */

static void set_time(json_t *row, const char *key, int64_t at_us)
{
    char text[SP_TIMESTAMP_SIZE];

    if (at_us == 0)
        return;
    clock_format(at_us, text);
    json_object_set_new(row, key, json_string(text));
}

static void set_text(json_t *row, const char *key, const char *text)
{
    if (text[0] != '\0')
        json_object_set_new(row, key, json_string(text));
}

json_t *api_grants_row(const struct keeper *k, const struct grants_record *r)
{
    struct moment m = moment_now();
    struct grants_time now = {m.wall_us, m.boot_ms};
    enum grants_state state = r->state;

    /* Its time may have come since the last tick. */
    if (r->is_grant && state == GRANTS_RUNNING && !grants_is_running(r, now))
        state = GRANTS_OVER;
    json_t *row = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I}", "id", r->id, "state", grants_state_name(state), "person",
        r->user, "target", r->target, "group", r->group, "for_s",
        (json_int_t)(r->is_grant ? r->ends_us - r->starts_us : r->wanted_ms * 1000) / 1000000);
    (void)k;
    if (row == NULL)
        return NULL;
    set_text(row, "rule", r->rule);
    set_text(row, "reason", r->reason);
    set_text(row, "ticket", r->ticket);
    set_text(row, "by", r->decided_by);
    set_text(row, "word", r->word);
    set_text(row, r->is_grant ? "request" : "grant", r->other);
    set_time(row, "made", r->made_us);
    set_time(row, "decided", r->decided_us);
    set_time(row, "until", r->ends_us);
    if (r->is_grant)
        json_object_set_new(row, "break_glass", json_boolean(r->is_break_glass));
    return row;
}

static bool may_see(const struct identity_ask *ask, const struct grant_actor *actor,
                    const struct grants_record *r)
{
    const struct catalog *c = ask->k->catalog;
    const struct catalog_group *group = catalog_find_group(c, r->group);

    /* An administrator who speaks for somebody sees what that one sees. */
    if (identity_text(ask, "as") == NULL &&
        (ask->c->roles & (CONFIG_ROLE_ADMIN | CONFIG_ROLE_AUDITOR)) != 0)
        return true;
    if (actor->person == NULL)
        return false;
    return config_name_equal(actor->person->name, r->user) ||
           (group != NULL && catalog_is_member(c, actor->person, group));
}

static int by_age(const void *a, const void *b)
{
    const struct grants_record *const *x = a, *const *y = b;

    return (*x)->made_us < (*y)->made_us ? -1 : (*x)->made_us > (*y)->made_us;
}

static json_t *list(const struct identity_ask *ask, bool is_grant, const char *name)
{
    const struct grants *g = &ask->k->grants;
    struct grant_actor actor;
    const struct grants_record **seen;
    const char *error;
    size_t count = 0;

    if (!api_grants_who(ask, &actor, &error) && (ask->c->roles & CONFIG_ROLE_AUDITOR) == 0)
        return api_refusal(error);
    seen = calloc(g->count + 1, sizeof(*seen));
    json_t *rows = json_array();
    if (seen == NULL || rows == NULL)
        goto done;
    for (size_t i = 0; i < g->count; i++)
        if (g->list[i]->is_grant == is_grant && may_see(ask, &actor, g->list[i]))
            seen[count++] = g->list[i];
    qsort(seen, count, sizeof(seen[0]), by_age);
    for (size_t i = count > LISTED_MAX ? count - LISTED_MAX : 0; i < count; i++)
        json_array_append_new(rows, api_grants_row(ask->k, seen[i]));
done:
    free(seen);
    return json_pack("{s:b, s:o, s:I}", "ok", 1, name, rows, "count", (json_int_t)count);
}

json_t *api_requests(const struct identity_ask *ask)
{
    return list(ask, false, "requests");
}

json_t *api_grants(const struct identity_ask *ask)
{
    return list(ask, true, "grants");
}
