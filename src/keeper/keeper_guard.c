/* SPDX-License-Identifier: Apache-2.0
 * The guard in the loop: attempts and charges with their events, and ends of bans.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "keeper/keeper_priv.h"
#include "keeper/policy.h"
#include "keeper/session_priv.h"

static const char *const causes[] = {
    [PENALTY_NO_AUTH] = "connected and did not authenticate",
    [PENALTY_AUTH_FAILED] = "failed authentication",
    [PENALTY_VIOLATION] = "protocol violation before authentication",
    [PENALTY_CRASH] = "its session process ended abnormally",
    [PENALTY_EXPLOIT] = "exploit attempt",
    [PENALTY_FACTOR] = "wrong codes of a second factor",
};
static_assert(sizeof(causes) / sizeof(causes[0]) == PENALTY_CAUSE_COUNT, "all named");

/* Why nothing was verified, for the administrator; the client sees none of this. */
static const char *const verdicts[] = {
    [GUARD_GO] = NULL,
    [GUARD_SOURCE_REFUSED] = "the source is penalised, nothing was verified",
    [GUARD_ACCOUNT_BUSY] = "too many attempts on this account, nothing was verified",
    [GUARD_ACCOUNT_CLOSED] = "too many attempts in a row on this account, nothing was verified",
    [GUARD_DECOY] = "a decoy account",
};
static_assert(sizeof(verdicts) / sizeof(verdicts[0]) == GUARD_VERDICT_COUNT, "all named");

enum sp_err keeper_guard_start(struct keeper *k, const struct config *config)
{
    enum sp_err err = guard_open(&k->guard, config, &k->spoiled, clock_now_ms());

    k->guard.mirror = firewall_mirror;
    k->guard.mirror_ctx = &k->firewall;
    return err;
}

static void log_firewall(struct keeper *k, const char *reason)
{
    struct event e;

    event_begin(&e, "firewall_failed");
    event_text(&e, "reason", reason);
    keeper_event_note(k, &e);
}

/* Door goes on to refuse whom the kernel does not drop. */
static void firewall_tick(struct keeper *k, int64_t now_ms)
{
    struct firewall *f = &k->firewall;

    if (!firewall_step(f, &k->guard, now_ms))
        log_firewall(k, "its process is gone; nothing is mirrored until a restart");
    if (f->failed == 0)
        return;
    log_firewall(k, f->text[0] != '\0' ? f->text : "the kernel refused an element");
    f->failed = 0;
}

void keeper_guard_configure(struct keeper *k)
{
    guard_configure(&k->guard, k->config, clock_now_ms());
    if (!firewall_configure(&k->firewall, k->config))
        log_firewall(k, "guard.nftables has changed; that takes effect at a restart");
}

void keeper_guard_report(struct keeper *k)
{
    struct event e;

    if (k->spoiled == NULL)
        return;
    event_begin(&e, "state_ignored");
    event_word(&e, "file", k->spoiled);
    event_word(&e, "reason", "it is damaged or of another version; what could be read is in force");
    keeper_event_note(k, &e);
    k->spoiled = NULL;
}

static void log_penalised(struct keeper *k, const struct ipc_address *peer,
                          enum penalty_cause cause)
{
    char source[64];
    struct event e;

    session_source(peer, source);
    event_begin(&e, "source_penalised");
    event_word(&e, "source", source);
    event_number(&e, "refused_ms", guard_left_ms(&k->guard, peer->ip, clock_now_ms()));
    event_word(&e, "reason", causes[cause]);
    keeper_event_note(k, &e);
}

void keeper_charge(struct keeper *k, const struct ipc_address *peer, enum penalty_cause cause,
                   uint32_t times)
{
    if (guard_charge(&k->guard, k->config, peer->ip, cause, times, clock_now_ms()))
        log_penalised(k, peer, cause);
}

static struct guard_attempt *attempt_of(struct session *s)
{
    return &((struct live *)(void *)s)->attempt; /* INVARIANT: s is first in struct live */
}

/* Behind a proxy that has not said who is there yet, nothing is the source's. */
static bool has_source(const struct session *s)
{
    return !s->is_proxied || s->is_source_known;
}

const char *keeper_attempt(void *ctx, struct session *s)
{
    struct keeper *k = ctx;
    struct guard_attempt *attempt = attempt_of(s);
    const struct catalog_user *user = policy_find_user(k->catalog, s->user_text);

    guard_attempt_begin(&k->guard, k->config, s->peer.ip, s->user_text,
                        user != NULL ? user->name : NULL, clock_now_ms(), attempt);
    return verdicts[attempt->verdict];
}

static void log_spray(struct keeper *k, const struct session *s, const char *pattern,
                      const struct guard_signs *signs)
{
    char source[64];
    struct event e;

    session_source(&s->peer, source);
    event_begin(&e, "spray_suspected");
    event_word(&e, "pattern", pattern);
    event_word(&e, "source", source);
    event_text(&e, "user", s->user_text);
    if (signs != NULL && signs->accounts > 0)
        event_number(&e, "accounts", signs->accounts);
    if (signs != NULL && signs->sources > 0)
        event_number(&e, "sources", signs->sources);
    event_word(&e, "reason", "guessing is spread out; limits for strangers are tighter now");
    keeper_event_note(k, &e);
}

static void log_decoy(struct keeper *k, const struct session *s, bool is_banned)
{
    char source[64];
    struct event e;

    session_source(&s->peer, source);
    event_begin(&e, "decoy_tried");
    event_word(&e, "source", source);
    event_text(&e, "user", s->user_text);
    event_word(&e, "reason",
               is_banned ? "nobody has this account; the source is banned"
                         : "nobody has this account; the source is allowed or cannot be banned");
    keeper_event_note(k, &e);
}

static void log_outcome(struct keeper *k, struct session *s, const struct guard_outcome *o,
                        enum penalty_cause cause)
{
    if (attempt_of(s)->verdict == GUARD_DECOY)
        log_decoy(k, s, o->is_banned);
    if (o->signs.is_source_new)
        log_spray(k, s, "many accounts from one source", &o->signs);
    if (o->signs.is_spread_new)
        log_spray(k, s, "one attempt each from many sources", &o->signs);
    if (o->is_account_sprayed)
        log_spray(k, s, "one account from many sources", NULL);
    if (o->is_penalised)
        log_penalised(k, &s->peer, cause);
}

void keeper_attempted_by(struct keeper *k, struct session *s, enum penalty_cause cause,
                         bool is_proved)
{
    struct guard_attempt *attempt = attempt_of(s);
    int64_t now = clock_now_ms();

    if (!has_source(s))
        return; /* the proxy did nothing wrong */
    if (is_proved) {
        guard_attempt_proved(&k->guard, k->config, s->peer.ip, attempt, cause, now);
        return;
    }
    struct guard_outcome outcome =
        guard_attempt_failed(&k->guard, k->config, s->peer.ip, attempt, cause, now);
    log_outcome(k, s, &outcome, cause);
}

void keeper_attempted(void *ctx, struct session *s, bool is_proved)
{
    keeper_attempted_by(ctx, s, PENALTY_AUTH_FAILED, is_proved);
}

static const char *const removals[] = {[PENALTY_BANNED] = "ban_removed",
                                       [PENALTY_ALLOWED] = "allow_removed",
                                       [PENALTY_OPEN] = "port_closed"};

static void log_removed(struct keeper *k, enum penalty_list list, const struct net *net,
                        int64_t uid, const char *reason)
{
    char text[NET_TEXT_SIZE];
    struct event e;

    net_write(net, text);
    event_begin(&e, removals[list]);
    event_word(&e, "network", text);
    if (uid >= 0)
        event_number(&e, "by_uid", uid);
    event_text(&e, "reason", reason);
    keeper_event_note(k, &e);
}

void keeper_guard_tick(struct keeper *k, int64_t now_ms)
{
    enum penalty_list list;
    struct guard_ban ban;

    while (guard_expire(&k->guard, now_ms, &list, &ban))
        log_removed(k, list, &ban.net, -1, "its time is over");
    guard_bans_step(&k->guard, now_ms);
    guard_save_step(&k->guard, now_ms);
    guard_journal_step(&k->guard, false, now_ms);
    firewall_tick(k, now_ms);
}

static json_t *answer_add(struct keeper *k, const struct api_request *request, uid_t uid)
{
    static const char *const events[] = {[PENALTY_BANNED] = "ban_added",
                                         [PENALTY_ALLOWED] = "allow_added",
                                         [PENALTY_OPEN] = "port_opened"};
    static const char *const reasons[] = {[PENALTY_BANNED] = "banned by an administrator",
                                          [PENALTY_ALLOWED] = "allowed by an administrator",
                                          [PENALTY_OPEN] = "opened by an administrator"};
    const char *reason = request->reason[0] != '\0' ? request->reason : reasons[request->list];
    char text[NET_TEXT_SIZE];
    struct event e;
    enum sp_err err =
        guard_ban(&k->guard, request->list, &request->net, request->for_ms, reason, clock_now_ms());

    if (err == SP_ELIMIT)
        return api_refusal("there are 4096 networks on this list, and no room for one more; "
                           "remove some");
    if (err != SP_OK)
        return api_refusal("it cannot be written to the state folder; nothing is changed");
    net_write(&request->net, text);
    event_begin(&e, events[request->list]);
    event_word(&e, "network", text);
    if (request->for_ms != 0)
        event_number(&e, "for_s", request->for_ms / 1000);
    event_number(&e, "by_uid", uid);
    event_text(&e, "reason", reason);
    keeper_event_note(k, &e);
    return json_pack("{s:b}", "ok", 1);
}

static json_t *answer_remove(struct keeper *k, const struct api_request *request, uid_t uid)
{
    static const char *const refusals[] = {
        [PENALTY_BANNED] =
            "no such ban and no such penalised source; \"ban list\" shows them. What "
            "the configuration says is changed there",
        [PENALTY_ALLOWED] = "no such network; \"allow list\" shows them. What the configuration "
                            "says is changed there",
        [PENALTY_OPEN] = "no such network; \"port list\" shows them"};

    if (!guard_unban(&k->guard, request->list, &request->net, clock_now_ms()))
        return api_refusal(refusals[request->list]);
    log_removed(k, request->list, &request->net, uid, "removed by an administrator");
    return json_pack("{s:b}", "ok", 1);
}

static json_t *answer_forgive(struct keeper *k, const struct api_request *request, uid_t uid)
{
    struct event e;
    bool was_there = request->is_name
                         ? guard_forgive_account(&k->guard, request->subject, clock_now_ms())
                         : guard_unban(&k->guard, PENALTY_BANNED, &request->net, clock_now_ms());

    if (!was_there)
        return api_refusal("nothing is held against it");
    event_begin(&e, "guard_forgiven");
    event_text(&e, "subject", request->subject);
    event_number(&e, "by_uid", uid);
    keeper_event_note(k, &e);
    return json_pack("{s:b}", "ok", 1);
}

json_t *keeper_guard_answer(struct keeper *k, const struct api_request *request, uid_t uid)
{
    int64_t now = clock_now_ms();

    if (request->command == API_BANS && request->list == PENALTY_BANNED)
        return guard_describe(&k->guard, now);
    if (request->command == API_BANS)
        return json_pack("{s:b, s:o}", "ok", 1, "networks",
                         guard_describe_list(&k->guard, request->list, now));
    if (request->command == API_BAN)
        return answer_add(k, request, uid);
    if (request->command == API_FORGIVE)
        return answer_forgive(k, request, uid);
    if (request->command == API_GUARD)
        return request->is_name
                   ? guard_describe_account(&k->guard, k->config, request->subject, now)
                   : guard_describe_source(&k->guard, k->config, request->net.ip, now);
    return answer_remove(k, request, uid);
}
