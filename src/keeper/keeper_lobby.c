/* SPDX-License-Identifier: Apache-2.0
 * What a person in the lobby is shown and may do: policy's needs, one screen after the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/keeper_factors.h"
#include "keeper/keeper_priv.h"
#include "keeper/session_priv.h"

#define US_PER_MINUTE INT64_C(60000000)

uint32_t keeper_lobby_idle_ms(void *ctx)
{
    const struct keeper *k = ctx;

    return k->config->lobby.idle_ms;
}

/* The person's targets whose names hold the filter, from offset on. */
static void show_choice(struct keeper *k, struct session *s, const struct policy_facts *facts,
                        struct ipc_lobby_state *out)
{
    size_t count = 0;
    struct policy_choice *choices =
        policy_choices(k->catalog, policy_find_user(k->catalog, session_person(s)), facts, &count);

    out->screen = IPC_LOBBY_CHOOSE;
    out->offset = s->lobby.offset;
    for (size_t i = 0; i < count; i++) {
        const char *name = choices[i].target->name;

        if (s->lobby.filter[0] != '\0' && strcasestr(name, s->lobby.filter) == NULL)
            continue;
        uint32_t place = out->total++;
        if (place < out->offset || out->count == IPC_LOBBY_ROWS)
            continue;
        struct ipc_lobby_row *row = &out->rows[out->count++];
        snprintf(row->name, sizeof(row->name), "%s", name);
        row->needs = choices[i].needs;
    }
    free(choices);
}

/* How many targets there are to choose from: is there a way back? */
static bool may_choose(struct keeper *k, struct session *s, const struct policy_facts *facts)
{
    size_t count = 0;

    if (s->ticket[0] != '\0')
        return false;
    free(
        policy_choices(k->catalog, policy_find_user(k->catalog, session_person(s)), facts, &count));
    return count > 1;
}

/* One need at a time: who it is, whether somebody allows it, and what must be known. */
static void show_need(struct keeper *k, struct session *s, const struct policy_decision *d,
                      struct ipc_lobby_state *out)
{
    if ((d->needs & POLICY_NEED_FACTOR) != 0) {
        out->screen = IPC_LOBBY_CODE;
    } else if ((d->needs & POLICY_NEED_APPROVAL) != 0) {
        keeper_lobby_show_request(k, s, d, out);
    } else {
        out->screen = IPC_LOBBY_CONSENT;
        snprintf(out->text, sizeof(out->text), "%s",
                 d->rule->conditions.consent != NULL ? d->rule->conditions.consent : "");
    }
}

void keeper_lobby_state(void *ctx, struct session *s, struct ipc_lobby_state *out)
{
    struct keeper *k = ctx;
    const struct catalog_user *user = policy_find_user(k->catalog, session_person(s));
    struct policy_name name = {0};
    struct facts_room room;
    struct policy_decision d;

    *out = (struct ipc_lobby_state){.screen = IPC_LOBBY_DENIED};
    keeper_facts(k, s, &room);
    sp_ignore(policy_split_name(session_person(s), &name));
    policy_decide(k->catalog, user, session_lobby_target(s, &name), &room.facts, &d);
    snprintf(out->target, sizeof(out->target), "%s", d.target != NULL ? d.target->name : "");
    if (d.verdict == POLICY_ALLOWED)
        out->screen = IPC_LOBBY_GO;
    else if (d.verdict == POLICY_NEEDS)
        show_need(k, s, &d, out);
    else if (d.verdict == POLICY_TARGET_CHOICE)
        show_choice(k, s, &room.facts, out);
    else
        snprintf(out->text, sizeof(out->text), "The rules of this door do not allow it now.");
    if (out->screen != IPC_LOBBY_CHOOSE && may_choose(k, s, &room.facts))
        out->flags |= IPC_LOBBY_MAY_CHOOSE;
    if (k->config->lobby.is_contrast)
        out->flags |= IPC_LOBBY_CONTRAST;
    if (s->lobby.wrong[0] != '\0') {
        snprintf(out->text, sizeof(out->text), "%s", s->lobby.wrong);
        out->flags |= IPC_LOBBY_IS_WRONG;
    }
}

static void wrong(struct session *s, const char *text)
{
    snprintf(s->lobby.wrong, sizeof(s->lobby.wrong), "%s", text);
}

/* A code that is being looked at; the session may be gone when it has been. */
struct proof {
    struct keeper *keeper;
    uint64_t number;
};

static const char *verdict_text(enum factors_verdict verdict)
{
    static const char *const texts[] = {
        [FACTORS_WRONG] = "That was not the right code.",
        [FACTORS_REUSED] = "That code was used already: wait for the next one.",
        [FACTORS_LOCKED] = "Too many wrong codes: an administrator must reset this factor.",
        [FACTORS_NONE] = "No authenticator is enrolled for you: ask an administrator.",
        [FACTORS_ENOUGH] = "Too many wrong codes: connect again.",
    };

    return texts[verdict];
}

static void add_proof(struct session *s)
{
    struct moment now = moment_now();
    struct session_facts *f = &s->facts;
    struct policy_proof proof = {
        .kind = POLICY_TOTP, .at_us = moment_since(&f->start, &now), .at_boot_ms = now.boot_ms};

    if (f->proof_count == SESSION_PROOFS_MAX)
        f->proofs[0] = proof;
    else
        f->proofs[f->proof_count++] = proof;
}

static void log_factor(struct keeper *k, const struct session *s, enum factors_verdict verdict)
{
    struct event e;

    session_event(s, &e, verdict == FACTORS_PROVEN ? "factor_proven" : "factor_failed");
    event_word(&e, "factor", "totp");
    if (verdict != FACTORS_PROVEN)
        event_word(&e, "reason", factors_verdict_name(verdict));
    keeper_event_note(k, &e);
}

static void on_proof(void *ctx, enum factors_verdict verdict)
{
    struct proof *p = ctx;
    struct keeper *k = p->keeper;
    struct session *s = registry_by_number(&k->registry, p->number);

    free(p);
    if (s == NULL || s->fd < 0 || s->state != SESSION_LOBBY)
        return;
    s->lobby.is_busy = false;
    log_factor(k, s, verdict);
    if (verdict == FACTORS_PROVEN)
        add_proof(s);
    else
        wrong(s, verdict_text(verdict));
    keeper_attempted_by(k, s, PENALTY_FACTOR, verdict == FACTORS_PROVEN);
    if (session_lobby_push(s, &k->ops) != SP_OK)
        s->kill_at_ms = k->ops.now_ms(k);
}

static void prove(struct keeper *k, struct session *s, const char *code)
{
    struct policy_name name = {0};
    struct proof *p = s->lobby.is_busy ? NULL : malloc(sizeof(*p));

    if (p == NULL || policy_split_name(session_person(s), &name) != SP_OK) {
        free(p);
        return;
    }
    *p = (struct proof){k, s->number};
    s->lobby.is_busy = true;
    keeper_factors_check(k, name.user, code, &s->lobby.challenge, on_proof, p);
}

/* What policy says now of the target that is meant. */
static void decide_now(struct keeper *k, struct session *s, struct policy_decision *out)
{
    struct policy_name name = {0};
    struct facts_room room;

    keeper_facts(k, s, &room);
    sp_ignore(policy_split_name(session_person(s), &name));
    policy_decide(k->catalog, policy_find_user(k->catalog, session_person(s)),
                  session_lobby_target(s, &name), &room.facts, out);
}

/* The rule whose text is shown now, and no other. */
static void accept_text(struct keeper *k, struct session *s)
{
    struct policy_decision d;
    struct event e;

    decide_now(k, s, &d);
    if (d.verdict != POLICY_NEEDS || d.needs != POLICY_NEED_CONSENT)
        return;
    snprintf(s->facts.consented, sizeof(s->facts.consented), "%s", d.rule->name);
    session_event(s, &e, "consent_given");
    event_word(&e, "rule", d.rule->name);
    keeper_event_note(k, &e);
}

static void want(struct keeper *k, struct session *s, const struct ipc_lobby_action *a)
{
    struct policy_decision d;

    decide_now(k, s, &d);
    if (d.verdict == POLICY_NEEDS && (d.needs & POLICY_NEED_FACTOR) == 0 &&
        (d.needs & POLICY_NEED_APPROVAL) != 0)
        keeper_lobby_ask(k, s, &d, a);
}

void keeper_lobby_act(void *ctx, struct session *s, const struct ipc_lobby_action *a)
{
    struct keeper *k = ctx;
    struct session_lobby *l = &s->lobby;

    l->wrong[0] = '\0';
    switch ((enum ipc_lobby_verb)a->verb) {
    case IPC_LOBBY_LIST:
        snprintf(l->filter, sizeof(l->filter), "%.*s", (int)sizeof(l->filter) - 1, a->text);
        l->offset = a->offset;
        return;
    case IPC_LOBBY_PICK:
        snprintf(l->target, sizeof(l->target), "%.*s", (int)sizeof(l->target) - 1, a->text);
        return;
    case IPC_LOBBY_PROVE:
        prove(k, s, a->text);
        return;
    case IPC_LOBBY_WANT:
        want(k, s, a);
        return;
    case IPC_LOBBY_ACCEPT:
        accept_text(k, s);
        return;
    case IPC_LOBBY_BACK:
        if (s->ticket[0] == '\0')
            l->target[0] = '\0';
        l->is_free = true;
        l->filter[0] = '\0';
        l->offset = 0;
        return;
    case IPC_LOBBY_RETRY:
    case IPC_LOBBY_VERB_COUNT:
    default:
        return;
    }
}

void keeper_lobby_refresh(struct keeper *k)
{
    for (size_t i = k->registry.count; i > 0; i--) {
        struct session *s = k->registry.list[i - 1];

        if (s->fd >= 0 && s->kill_at_ms == 0 && s->state == SESSION_LOBBY &&
            session_lobby_push(s, &k->ops) != SP_OK)
            s->kill_at_ms = k->ops.now_ms(k);
    }
}
