/* SPDX-License-Identifier: Apache-2.0
 * An attempt to sign in, as the guard sees it: counted, then right or wrong, and what follows.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "keeper/guard.h"

#define TIGHT_CHARGES 2 /* what a failure costs while its source is part of a spray */

static bool is_decoy(const struct config *config, const uint8_t key[GUARD_KEY_SIZE])
{
    for (size_t i = 0; i < config->guard.decoy_count; i++) {
        if (memcmp(config->guard.decoys[i], key, GUARD_KEY_SIZE) == 0)
            return true;
    }
    return false;
}

static bool is_tight(const struct guard *g, int64_t now_ms)
{
    return now_ms < g->spray->spread_until_ms;
}

/* INVARIANT: the same work whatever the verdict is, since it must not show in the time. */
void guard_attempt_begin(struct guard *g, const struct config *config, const uint8_t ip[16],
                         const char *typed, const char *user, int64_t now_ms,
                         struct guard_attempt *out)
{
    *out = (struct guard_attempt){.is_user = user != NULL};
    guard_account_key(user != NULL ? user : typed, out->key, &out->order);
    guard_source_id(ip, out->source);
    struct guard_account *a = guard_account_get(g->accounts, out->key, out->is_user, now_ms);
    out->is_known = guard_account_knows(a, out->source, now_ms);
    if (guard_refuses(g, ip, now_ms))
        out->verdict = GUARD_SOURCE_REFUSED;
    else if (!out->is_user && is_decoy(config, out->key))
        out->verdict = GUARD_DECOY;
    else
        out->verdict = guard_account_begin(a, &config->guard.account, out->source,
                                           is_tight(g, now_ms), now_ms);
    guard_journal_add(g, out->verdict == GUARD_GO ? GUARD_RECORD_TRY : GUARD_RECORD_REFUSED, ip,
                      out);
}

struct guard_outcome guard_attempt_failed(struct guard *g, const struct config *config,
                                          const uint8_t ip[16], const struct guard_attempt *attempt,
                                          enum penalty_cause cause, int64_t now_ms)
{
    struct guard_outcome outcome = {0};
    struct guard_account *a = guard_account_find(g->accounts, attempt->key);
    bool is_allowed = penalty_is_listed(g->table, PENALTY_ALLOWED, ip, now_ms);

    /* A source that is refused already had this connection open before: not charged twice. */
    if (attempt->verdict == GUARD_SOURCE_REFUSED)
        return outcome;
    if (attempt->verdict == GUARD_DECOY) {
        outcome.is_banned = !is_allowed && guard_ban_source(g, ip, config->guard.decoy_ban_ms,
                                                            "tried a decoy account", now_ms);
        if (!outcome.is_banned)
            outcome.is_penalised = guard_charge(g, config, ip, PENALTY_EXPLOIT, 1, now_ms);
        return outcome;
    }
    if (config->guard.account.tries > 0) {
        outcome.signs = guard_spray_failed(g->spray, attempt->source, attempt->key, attempt->order,
                                           attempt->is_known, now_ms);
        outcome.is_account_sprayed = a != NULL && guard_account_is_sprayed(a, now_ms);
    }
    bool is_part = attempt->verdict == GUARD_GO && !attempt->is_known &&
                   (outcome.signs.is_source || outcome.signs.is_spread);
    for (int i = 0; i < (is_part ? TIGHT_CHARGES : 1); i++)
        outcome.is_penalised |= guard_charge(g, config, ip, cause, 1, now_ms);
    return outcome;
}

uint32_t guard_attempt_proved(struct guard *g, const struct config *config, const uint8_t ip[16],
                              const struct guard_attempt *attempt, enum penalty_cause cause,
                              int64_t now_ms)
{
    struct guard_account *a =
        guard_account_get(g->accounts, attempt->key, attempt->is_user, now_ms);
    uint32_t mistakes = guard_spray_proved(g->spray, attempt->source, attempt->key, now_ms);

    guard_account_proved(a, attempt->source, now_ms);
    guard_journal_add(g, GUARD_RECORD_PROVED, ip, attempt);
    if (mistakes > 0) {
        penalty_forgive(g->table, &config->penalties, ip, cause, mistakes, now_ms);
        g->save.is_wanted = true;
    }
    return mistakes;
}

bool guard_forgive_account(struct guard *g, const char *typed, int64_t now_ms)
{
    static const uint8_t nowhere[16];
    struct guard_attempt attempt = {0};

    guard_account_key(typed, attempt.key, NULL);
    struct guard_account *a = guard_account_find(g->accounts, attempt.key);
    if (a == NULL || (a->consecutive == 0 && a->consecutive_known == 0 && a->refused == 0 &&
                      guard_account_tries(a, now_ms) == 0))
        return false;
    a->consecutive = a->consecutive_known = a->refused = 0;
    a->tight_until_ms = 0;
    memset(a->tries, 0, sizeof(a->tries));
    attempt.is_user = a->is_user != 0;
    guard_journal_add(g, GUARD_RECORD_FORGIVEN, nowhere, &attempt);
    return true;
}

static json_t *moment(int64_t at_ms, int64_t now_ms)
{
    char text[SP_TIMESTAMP_SIZE];

    if (at_ms == INT64_MAX)
        return json_string("never by itself");
    clock_format(clock_wall_us() + (at_ms - now_ms) * 1000, text);
    return json_string(text);
}

static json_t *describe_known(const struct guard_account *a, int64_t now_ms)
{
    json_t *list = json_array();
    char text[NET_TEXT_SIZE];

    for (uint32_t i = 0; i < a->known_count; i++) {
        struct net net = {.bits = 128};

        memcpy(net.ip, a->known[i].source, sizeof(net.ip));
        net.bits = net.ip[10] == 0xff && net.ip[11] == 0xff ? 128 : 64;
        net_write(&net, text);
        json_array_append_new(list, json_pack("{s:s, s:o}", "source", text, "last",
                                              moment(a->known[i].last_ms, now_ms)));
    }
    return list;
}

json_t *guard_describe_account(struct guard *g, const struct config *config, const char *typed,
                               int64_t now_ms)
{
    static const struct guard_account nothing;
    const struct guard_account_rules *rules = &config->guard.account;
    uint8_t key[GUARD_KEY_SIZE];

    guard_account_key(typed, key, NULL);
    const struct guard_account *a = guard_account_find(g->accounts, key);
    if (a == NULL)
        a = &nothing;
    bool is_spread = is_tight(g, now_ms), is_sprayed = now_ms < a->tight_until_ms;
    int64_t until = guard_account_until(a, rules, is_spread, now_ms);
    const char *why = until == INT64_MAX ? "too many attempts in a row: only known sources and "
                                           "tickets until an owner signs in"
                      : until > now_ms   ? "too many attempts of strangers in ten minutes"
                                         : "nothing: strangers may try";
    return json_pack(
        "{s:b, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:s, s:o, s:o}", "ok", 1,
        "account", typed, "is_user", a->is_user != 0, "is_decoy", is_decoy(config, key),
        "tries_in_window", (json_int_t)guard_account_tries(a, now_ms), "tries_allowed",
        (json_int_t)(is_spread || is_sprayed ? rules->tight_tries : rules->tries), "in_a_row",
        (json_int_t)a->consecutive, "in_a_row_known", (json_int_t)a->consecutive_known,
        "in_a_row_allowed", (json_int_t)rules->consecutive, "refused", (json_int_t)a->refused,
        "spray_on_account", is_sprayed, "spray_on_all", is_spread, "why", why, "strangers_until",
        until > now_ms ? moment(until, now_ms) : json_null(), "known_sources",
        describe_known(a, now_ms));
}

/* The penalties of an address: of itself, and of the network around it. */
static json_t *describe_debts(const struct guard *g, const uint8_t ip[16], int64_t now_ms)
{
    struct penalty_key keys[2];
    size_t count = penalty_source_keys(ip, keys);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        struct penalty_score score;

        if (!penalty_find(g->table, &keys[i], now_ms, &score))
            continue;
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:b, s:o}", "of",
                            keys[i].kind == PENALTY_V4   ? "address"
                            : keys[i].kind == PENALTY_V6 ? "/64"
                                                         : "/56",
                            "offences", (json_int_t)score.strikes, "owes_ms",
                            (json_int_t)(score.until_ms > now_ms ? score.until_ms - now_ms : 0),
                            "is_refused", score.is_refusing != 0, "until",
                            moment(score.until_ms > now_ms ? score.until_ms : now_ms, now_ms)));
    }
    return list;
}

static json_t *describe_listed(const struct guard *g, enum penalty_list list, const uint8_t ip[16],
                               int64_t now_ms)
{
    const struct guard_ban *ban = guard_listed(g, list, ip, now_ms);
    char text[NET_TEXT_SIZE];

    if (ban == NULL)
        return json_null();
    net_write(&ban->net, text);
    return json_pack("{s:s, s:s, s:o}", "network", text, "reason", ban->reason, "until",
                     ban->until_ms == PENALTY_FOREVER ? json_string("never")
                                                      : moment(ban->until_ms, now_ms));
}

static bool is_exempt(const struct config *config, const uint8_t ip[16])
{
    for (size_t i = 0; i < config->exempt_count; i++) {
        if (net_contains(&config->exempt[i], ip))
            return true;
    }
    return false;
}

json_t *guard_describe_source(struct guard *g, const struct config *config, const uint8_t ip[16],
                              int64_t now_ms)
{
    uint8_t id[GUARD_SOURCE_SIZE];
    struct net net = {.bits = 128};
    char text[NET_TEXT_SIZE];

    memcpy(net.ip, ip, sizeof(net.ip));
    net_write(&net, text);
    guard_source_id(ip, id);
    const struct guard_source *s = guard_spray_source(g->spray, id);
    bool is_refused = guard_refuses(g, ip, now_ms);
    bool is_allowed = guard_listed(g, PENALTY_ALLOWED, ip, now_ms) != NULL;
    const char *why = is_allowed ? "let in: it is on the list of the allowed"
                      : guard_listed(g, PENALTY_BANNED, ip, now_ms) != NULL ? "banned"
                      : is_refused                                          ? "penalised"
                                                                            : "nothing against it";
    return json_pack("{s:b, s:s, s:b, s:s, s:b, s:o, s:o, s:o, s:o, s:I, s:b}", "ok", 1, "source",
                     text, "is_refused", is_refused, "why", why, "is_exempt", is_exempt(config, ip),
                     "penalties", describe_debts(g, ip, now_ms), "ban",
                     describe_listed(g, PENALTY_BANNED, ip, now_ms), "allowed",
                     describe_listed(g, PENALTY_ALLOWED, ip, now_ms), "opened",
                     describe_listed(g, PENALTY_OPEN, ip, now_ms), "accounts_failed",
                     (json_int_t)(s != NULL ? guard_source_accounts(s, now_ms) : 0), "is_spraying",
                     s != NULL && now_ms < s->said_until_ms);
}
