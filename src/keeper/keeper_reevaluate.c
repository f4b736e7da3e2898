/* SPDX-License-Identifier: Apache-2.0
 * Sessions that run are decided on again: when time passes an edge, and when a rule, a grant, a
 * factor or the person changes. What is no longer allowed ends.
 *
 * Each session knows the next moment at which time alone may change its decision, so that nothing
 * is decided in between. If the decision at that moment will be a no, the person is warned before.
 */
#include <stdio.h>
#include <string.h>

#include "keeper/keeper_priv.h"
#include "keeper/session_priv.h"

#define END_WITHIN_MS 1500 /* told, and killed so much later if it has not ended itself */
#define SECOND_US     INT64_C(1000000)

/* Before the end, longest first. */
static const uint32_t warnings_s[] = {300, 60};
#define WARNING_COUNT (sizeof(warnings_s) / sizeof(warnings_s[0]))

/* What the client shows: time is over, an administrator ended it, or no longer entitled. */
static uint32_t errinfo_of(enum policy_verdict verdict, bool is_by_time)
{
    if (is_by_time)
        return ERRINFO_TIME_OVER;
    return verdict == POLICY_USER_DISABLED || verdict == POLICY_USER_UNKNOWN ? ERRINFO_BY_ADMIN
                                                                             : ERRINFO_NOT_ENTITLED;
}

static void look_again_at(struct session_facts *f, int64_t at_us)
{
    if (f->check_us == 0 || at_us < f->check_us)
        f->check_us = at_us;
}

void keeper_watch(struct keeper *k, struct session *s, const struct catalog_user *user,
                  const struct policy_facts *facts, const struct policy_decision *d)
{
    struct session_facts *f = &s->facts;
    struct policy_facts then = *facts;
    struct policy_decision later;

    f->check_us = 0;
    f->ends_us = 0;
    if (d->edge_us == INT64_MAX)
        return;
    f->check_us = d->edge_us;
    then.wall_us = d->edge_us;
    then.boot_ms += (d->edge_us - facts->wall_us) / 1000;
    then.is_running = true;
    policy_decide(k->catalog, user, d->target->name, &then, &later);
    if (later.verdict == POLICY_ALLOWED)
        return;
    f->ends_us = d->edge_us;
    for (size_t i = 0; i < WARNING_COUNT; i++) {
        int64_t at_us = f->ends_us - warnings_s[i] * SECOND_US;

        if (at_us > facts->wall_us)
            look_again_at(f, at_us);
    }
}

void keeper_session_notice(struct keeper *k, struct session *s, uint32_t left_s)
{
    struct event e;

    session_event(s, &e, "session_ends_soon");
    event_number(&e, "left_s", left_s);
    event_word(&e, "rule", s->decision.rule);
    event_word(&e, "reason", "what its rule asks will not hold any more then");
    keeper_event_note(k, &e);
}

/* The shortest warning that is due says it; one that comes late says what is left. */
static void warn(struct keeper *k, struct session *s, int64_t now_us)
{
    struct session_facts *f = &s->facts;
    uint32_t due = 0;

    if (f->ends_us == 0) {
        f->warned_s = 0;
        return;
    }
    int64_t left_s = (f->ends_us - now_us + SECOND_US - 1) / SECOND_US;
    if (left_s > warnings_s[0])
        f->warned_s = 0; /* it was extended */
    for (size_t i = 0; i < WARNING_COUNT; i++)
        if (left_s <= warnings_s[i])
            due = warnings_s[i];
    if (due == 0 || due == f->warned_s || s->state != SESSION_ACTIVE)
        return;
    f->warned_s = due;
    keeper_session_notice(k, s, (uint32_t)left_s);
}

static void end_access(struct keeper *k, struct session *s, const struct policy_facts *facts,
                       const struct policy_decision *d, bool is_by_time)
{
    char explained[sizeof(s->decision.explained)];
    struct event e;

    policy_explain_short(k->catalog, policy_find_user(k->catalog, session_person(s)),
                         s->decision.target, facts, explained, sizeof(explained));
    session_event(s, &e, "access_ended");
    event_word(&e, "verdict", policy_verdict_name(d->verdict));
    event_text(&e, "reason", d->reason);
    if (explained[0] != '\0')
        event_text(&e, "rules", explained);
    keeper_event_note(k, &e);
    s->facts.check_us = 0;
    keeper_session_end(k, s, errinfo_of(d->verdict, is_by_time),
                       is_by_time ? "access ended: its time is over" : "access ended: not allowed",
                       END_WITHIN_MS);
}

static bool is_watched(const struct session *s)
{
    return s->fd >= 0 && s->kill_at_ms == 0 && s->state >= SESSION_DECIDED &&
           s->state <= SESSION_ACTIVE && s->decision.target[0] != '\0';
}

static void decide_again(struct keeper *k, struct session *s, bool is_by_time)
{
    const struct catalog_user *user = policy_find_user(k->catalog, session_person(s));
    struct facts_room room;
    struct policy_decision d;

    keeper_facts(k, s, &room);
    room.facts.is_running = true;
    policy_decide(k->catalog, user, s->decision.target, &room.facts, &d);
    if (d.verdict != POLICY_ALLOWED) {
        end_access(k, s, &room.facts, &d, is_by_time);
        return;
    }
    snprintf(s->decision.rule, sizeof(s->decision.rule), "%s", d.rule->name);
    keeper_watch(k, s, user, &room.facts, &d);
    warn(k, s, room.facts.wall_us);
}

void keeper_reevaluate(struct keeper *k)
{
    for (size_t i = k->registry.count; i > 0; i--)
        if (is_watched(k->registry.list[i - 1]))
            decide_again(k, k->registry.list[i - 1], false);
    keeper_lobby_refresh(k);
}

void keeper_reevaluate_tick(struct keeper *k)
{
    struct moment now = moment_now();

    for (size_t i = k->registry.count; i > 0; i--) {
        struct session *s = k->registry.list[i - 1];

        if (s->facts.check_us != 0 && is_watched(s) &&
            moment_since(&s->facts.start, &now) >= s->facts.check_us)
            decide_again(k, s, true);
    }
}
