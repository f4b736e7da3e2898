/* SPDX-License-Identifier: Apache-2.0
 * A session's decisions: what is known of it, put before policy, and what policy says in the form
 * that the table of verbs needs.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/keeper_priv.h"
#include "keeper/session_priv.h"

static bool put_name(const char *text, uint8_t out[IPC_NAME_MAX], uint16_t *size)
{
    size_t used = 0;

    if (text_utf16le_from_utf8(text, out, IPC_NAME_MAX, &used) != SP_OK)
        return false;
    *size = (uint16_t)used;
    return true;
}

static void deny(struct session_decision *out, uint32_t errinfo, const char *reason)
{
    sp_wipe(out, sizeof(*out));
    out->errinfo = errinfo;
    out->nt_status = STATUS_LOGON_TYPE_NOT_GRANTED;
    snprintf(out->reason, sizeof(out->reason), "%s", reason);
}

static void allow(const struct keeper *k, const struct policy_decision *d, const char *user,
                  const char *domain, struct session_decision *out)
{
    const struct catalog_target *t = d->target;
    const struct catalog_rule *rule = d->rule;
    bool is_own = t->login == IPC_LOGIN_DELEGATE; /* else the target's; with ask it has none */

    *out = (struct session_decision){.is_allowed = true,
                                     .nla = t->nla,
                                     .login = t->login,
                                     .tls_mode = t->tls_mode,
                                     .idle_ms =
                                         rule->has_idle ? rule->idle_ms : k->config->limits.idle_ms,
                                     .total_ms = rule->total_ms,
                                     .tls_min = t->tls_min,
                                     .is_restricted = t->is_restricted,
                                     .credssp_min = t->credssp_min,
                                     .channels = rule->channels,
                                     .port = t->port,
                                     .dial_timeout_ms = k->config->limits.connect_timeout_ms,
                                     .secret = t};
    snprintf(out->target, sizeof(out->target), "%s", t->name);
    snprintf(out->host, sizeof(out->host), "%s", t->host);
    snprintf(out->rule, sizeof(out->rule), "%s", rule->name);
    memcpy(out->pin, t->pin, sizeof(out->pin));
    if (!put_name(is_own ? user : t->login_user, out->user, &out->user_size) ||
        !put_name(is_own ? domain : t->login_domain, out->domain, &out->domain_size))
        deny(out, ERRINFO_NOT_ENTITLED, "the account's name does not fit the protocol");
}

/* Sessions of the registry that count for a limit, without the one that is decided on. */
static uint32_t sessions_where(const struct facts_room *room, const char *user, const char *target)
{
    const struct registry *r = &room->keeper->registry;
    uint32_t count = 0;

    for (size_t i = 0; i < r->count; i++) {
        const struct session *s = r->list[i];
        struct policy_name name;

        if (s == room->session || s->fd < 0 || s->state < SESSION_DECIDED ||
            s->state > SESSION_ACTIVE)
            continue;
        if (target != NULL && strcasecmp(s->decision.target, target) != 0)
            continue;
        if (user != NULL && (policy_split_name(session_person(s), &name) != SP_OK ||
                             !config_name_equal(name.user, user)))
            continue;
        count++;
    }
    return count;
}

static uint32_t target_sessions(const void *ctx, const char *target)
{
    return sessions_where(ctx, NULL, target);
}

void keeper_facts(struct keeper *k, struct session *s, struct facts_room *room)
{
    struct session_facts *known = &s->facts;
    struct moment now = moment_now();
    bool is_running = s->state >= SESSION_DECIDED && s->state <= SESSION_ACTIVE;
    struct policy_name name = {0};

    if (known->start.wall_us == 0)
        known->start = now;
    bool has_name = policy_split_name(session_person(s), &name) == SP_OK;
    *room = (struct facts_room){.keeper = k, .session = s};
    room->facts = (struct policy_facts){
        .wall_us = moment_since(&known->start, &now),
        .boot_ms = now.boot_ms,
        .nla = known->nla,
        .is_client_known = known->is_client_known,
        .is_client_due = s->state > SESSION_DECIDED && is_running,
        .client = s->client,
        .build = known->client_build,
        .proofs = known->proofs,
        .proof_count = known->proof_count,
        .grants = room->grants,
        .consented = known->consented[0] != '\0' ? known->consented : NULL,
        .is_running = is_running,
        .target_sessions = target_sessions,
        .ctx = room,
    };
    memcpy(room->facts.source, s->peer.ip, sizeof(room->facts.source));
    geoip_country(k->config->geoip, s->peer.ip, room->facts.country);
    if (!is_running && has_name && k->catalog->counts_sessions)
        room->facts.user_sessions = sessions_where(room, name.user, NULL);
    if (k->grants_of != NULL && has_name)
        room->facts.grant_count =
            k->grants_of(k, name.user, (struct moment){room->facts.wall_us, now.boot_ms},
                         room->grants, FACTS_GRANTS_MAX);
}

void keeper_on_decide(void *ctx, struct session *s, struct session_decision *out)
{
    struct keeper *k = ctx;
    const struct catalog_user *user = policy_find_user(k->catalog, session_person(s));
    struct policy_decision d;
    struct policy_name name = {0};
    struct facts_room room;

    if (registry_admitted(&k->registry) >= k->config->limits.sessions) {
        deny(out, ERRINFO_DENIED, "limits.sessions is reached");
        return;
    }
    if (policy_split_name(session_person(s), &name) != SP_OK) {
        deny(out, ERRINFO_NOT_ENTITLED, "the name cannot be taken apart");
        return;
    }
    const char *target = session_lobby_target(s, &name);
    keeper_facts(k, s, &room);
    policy_decide(k->catalog, user, target, &room.facts, &d);
    if (d.verdict == POLICY_ALLOWED && s->ticket[0] != '\0' &&
        d.target->login != IPC_LOGIN_INJECT) {
        deny(out, ERRINFO_NOT_ENTITLED,
             "a ticket has no password for a target with login delegate");
    } else if (d.verdict == POLICY_ALLOWED) {
        allow(k, &d, name.user, s->domain_text, out);
        keeper_watch(k, s, user, &room.facts, &d);
    } else {
        deny(out, d.errinfo, d.reason);
        out->needs = d.needs;
        out->is_lobby = k->config->lobby.is_enabled &&
                        (d.verdict == POLICY_NEEDS || d.verdict == POLICY_TARGET_CHOICE);
    }
    policy_explain_short(k->catalog, user, target, &room.facts, out->explained,
                         sizeof(out->explained));
    if (out->is_allowed)
        keeper_session_hold(s);
}

bool keeper_is_still_allowed(void *ctx, struct session *s, char out[512])
{
    struct keeper *k = ctx;
    const struct catalog_user *user = policy_find_user(k->catalog, session_person(s));
    struct facts_room room;
    struct policy_decision d;

    keeper_facts(k, s, &room);
    room.facts.is_client_due = true;
    policy_decide(k->catalog, user, s->decision.target, &room.facts, &d);
    snprintf(out, 512, "%s", d.reason);
    if (d.verdict == POLICY_ALLOWED)
        keeper_watch(k, s, user, &room.facts, &d);
    return d.verdict == POLICY_ALLOWED;
}

json_t *keeper_explain(struct keeper *k, const struct explain_request *request)
{
    struct policy_grant grants[FACTS_GRANTS_MAX];
    struct moment now = moment_now();
    size_t count =
        k->grants_of != NULL ? k->grants_of(k, request->user, now, grants, FACTS_GRANTS_MAX) : 0;

    char country[3];

    geoip_country(k->config->geoip, request->source, country);
    return explain_answer(k->catalog, request, &now, country, grants, count);
}

/* A target of the configuration by its address, if the person may reach it. */
static bool redirect_to_target(struct keeper *k, struct session *s, const char *host,
                               struct session_decision *out)
{
    const struct catalog *c = k->catalog;
    const struct catalog_user *user = policy_find_user(c, session_person(s));
    struct policy_decision d;
    struct policy_name name = {0};
    struct facts_room room;

    if (user == NULL || policy_split_name(session_person(s), &name) != SP_OK)
        return false;
    keeper_facts(k, s, &room);
    for (size_t i = 0; i < c->target_count; i++) {
        if (strcasecmp(c->targets[i].host, host) != 0)
            continue;
        if (s->ticket[0] != '\0' && !config_name_equal(c->targets[i].name, s->ticket_target))
            continue; /* a ticket is for one target */
        policy_decide(c, user, c->targets[i].name, &room.facts, &d);
        if (d.verdict != POLICY_ALLOWED)
            continue;
        allow(k, &d, name.user, s->domain_text, out);
        if (out->is_allowed)
            keeper_session_hold(s);
        return true;
    }
    return false;
}

/* A host that the target's own list names: the same account and rules, another machine. */
static bool redirect_to_listed(const struct session *s, const char *host,
                               struct session_decision *out)
{
    const struct catalog_target *t = s->decision.secret;

    for (size_t i = 0; t != NULL && i < t->redirect_count; i++) {
        if (strcasecmp(t->redirects[i].host, host) != 0)
            continue;
        *out = s->decision;
        out->port = t->redirects[i].port;
        snprintf(out->host, sizeof(out->host), "%s", t->redirects[i].host);
        snprintf(out->known_as, sizeof(out->known_as), "%s/%s", t->name, t->redirects[i].host);
        return true;
    }
    return false;
}

void keeper_on_redirect(void *ctx, struct session *s, const char *host,
                        struct session_decision *out)
{
    struct keeper *k = ctx;

    if (host == NULL)
        *out = s->decision;
    else if (!redirect_to_target(k, s, host, out) && !redirect_to_listed(s, host, out))
        deny(out, ERRINFO_NO_CONNECTION,
             "neither a target that this person may reach nor in the target's redirects");
}
