/* SPDX-License-Identifier: Apache-2.0
 * Requests and grants as JSON, for the store and for administrators.
 */
#include <string.h>

#include "keeper/grants_priv.h"

static const char *const state_names[] = {
    [GRANTS_OPEN] = "open",           [GRANTS_APPROVED] = "approved", [GRANTS_REFUSED] = "refused",
    [GRANTS_WITHDRAWN] = "withdrawn", [GRANTS_EXPIRED] = "expired",   [GRANTS_RUNNING] = "running",
    [GRANTS_REVOKED] = "revoked",     [GRANTS_OVER] = "over",
};

const char *grants_state_name(enum grants_state state)
{
    return (unsigned)state < GRANTS_STATE_COUNT ? state_names[state] : "?";
}

json_t *grants_to_json(const struct grants *g, const struct grants_record *r)
{
    return json_pack("{s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, "
                     "s:I, s:I, s:I, s:I, s:s, s:I}",
                     "id", r->id, "state", grants_state_name(r->state), "is_grant", r->is_grant,
                     "break_glass", r->is_break_glass, "user", r->user, "target", r->target, "rule",
                     r->rule, "group", r->group, "reason", r->reason, "ticket", r->ticket,
                     "decided_by", r->decided_by, "word", r->word, "other", r->other, "made_us",
                     (json_int_t)r->made_us, "decided_us", (json_int_t)r->decided_us, "wanted_ms",
                     (json_int_t)r->wanted_ms, "longest_ms", (json_int_t)r->longest_ms, "starts_us",
                     (json_int_t)r->starts_us, "ends_us", (json_int_t)r->ends_us, "boot_id",
                     g->boot_id, "ends_boot_ms", (json_int_t)r->ends_boot_ms);
}

struct stored {
    const char *id, *state, *user, *target, *rule, *group, *reason, *ticket, *by, *word, *other,
        *boot;
    int is_grant, is_break_glass;
    json_int_t made, decided, wanted, longest, starts, ends, ends_boot;
};

static bool unpack(const json_t *body, struct stored *s)
{
    /* json_unpack_ex takes no const, and changes nothing */
    return json_unpack_ex((json_t *)(uintptr_t)body, NULL, JSON_STRICT,
                          "{s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, "
                          "s:I, s:I, s:I, s:I, s:I, s:s, s:I}",
                          "id", &s->id, "state", &s->state, "is_grant", &s->is_grant, "break_glass",
                          &s->is_break_glass, "user", &s->user, "target", &s->target, "rule",
                          &s->rule, "group", &s->group, "reason", &s->reason, "ticket", &s->ticket,
                          "decided_by", &s->by, "word", &s->word, "other", &s->other, "made_us",
                          &s->made, "decided_us", &s->decided, "wanted_ms", &s->wanted,
                          "longest_ms", &s->longest, "starts_us", &s->starts, "ends_us", &s->ends,
                          "boot_id", &s->boot, "ends_boot_ms", &s->ends_boot) == 0;
}

static bool take_state(const char *name, enum grants_state *out)
{
    for (int i = 0; i < GRANTS_STATE_COUNT; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *out = (enum grants_state)i;
            return true;
        }
    }
    return false;
}

static bool take_texts(const struct stored *s, struct grants_record *r)
{
    return grants_take(s->id, r->id, sizeof(r->id)) &&
           grants_take(s->user, r->user, sizeof(r->user)) &&
           grants_take(s->target, r->target, sizeof(r->target)) &&
           grants_take(s->rule, r->rule, sizeof(r->rule)) &&
           grants_take(s->group, r->group, sizeof(r->group)) &&
           grants_take(s->reason, r->reason, sizeof(r->reason)) &&
           grants_take(s->ticket, r->ticket, sizeof(r->ticket)) &&
           grants_take(s->by, r->decided_by, sizeof(r->decided_by)) &&
           grants_take(s->word, r->word, sizeof(r->word)) &&
           grants_take(s->other, r->other, sizeof(r->other));
}

/* A grant that is longer than any can be is none. */
static bool is_sane(const struct grants_record *r)
{
    bool is_grants_state = r->state >= GRANTS_RUNNING;

    return r->is_grant == is_grants_state && r->user[0] != '\0' && r->target[0] != '\0' &&
           r->made_us > 0 && r->longest_ms > 0 && r->longest_ms <= GRANTS_LONGEST_MS &&
           r->wanted_ms > 0 && r->wanted_ms <= r->longest_ms && r->ends_us > 0 &&
           (!r->is_grant || (r->starts_us > 0 && r->ends_us > r->starts_us));
}

enum sp_err grants_load(struct grants *g, const char *id, const json_t *body,
                        struct grants_time now)
{
    struct grants_record r = {0};
    struct stored s;

    if (!unpack(body, &s) || strcmp(s.id, id) != 0 || !take_texts(&s, &r) ||
        !take_state(s.state, &r.state))
        return SP_EVALUE;
    r.is_grant = s.is_grant != 0;
    r.is_break_glass = s.is_break_glass != 0;
    r.made_us = s.made;
    r.decided_us = s.decided;
    r.wanted_ms = s.wanted;
    r.longest_ms = s.longest;
    r.starts_us = s.starts;
    r.ends_us = s.ends;
    if (!is_sane(&r))
        return SP_EVALUE;
    /* Of another boot its clock says nothing: what is left by the wall clock, from now on, and
       never more than it was granted for. */
    int64_t from_us = now.wall_us > r.starts_us ? now.wall_us : r.starts_us;
    int64_t left_ms = (r.ends_us - from_us) / 1000;
    r.ends_boot_ms = strcmp(s.boot, g->boot_id) == 0 && s.ends_boot > 0
                         ? s.ends_boot
                         : now.boot_ms + (left_ms > 0 ? left_ms : 0);
    return grants_put(g, &r);
}
