/* SPDX-License-Identifier: Apache-2.0
 * What is counted per account: attempts in a window, attempts in a row, and known sources.
 */
#include "keeper/guard_account.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

void guard_source_id(const uint8_t ip[16], uint8_t id[GUARD_SOURCE_SIZE])
{
    bool is_v4 = memcmp(ip, v4_prefix, sizeof(v4_prefix)) == 0;

    memset(id, 0, GUARD_SOURCE_SIZE);
    memcpy(id, ip, is_v4 ? 16 : 8);
}

uint32_t guard_digest(const uint8_t bytes[16])
{
    uint64_t h = 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < 16; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return (uint32_t)(h ^ h >> 32);
}

struct guard_accounts *guard_accounts_new(void)
{
    struct guard_accounts *t = calloc(1, sizeof(*t));

    if (t != NULL)
        sp_random(&t->seed, sizeof(t->seed));
    return t;
}

/* The two buckets where a key may stand; keys are digests, the seed keeps them unforeseeable. */
static void buckets_of(const struct guard_accounts *t, const uint8_t key[GUARD_KEY_SIZE],
                       uint32_t out[2])
{
    uint64_t words[2];

    memcpy(words, key, sizeof(words));
    uint64_t h = (words[0] ^ t->seed) * 0x9e3779b97f4a7c15u ^ words[1];
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
    out[0] = (uint32_t)h % GUARD_ACCOUNTS_BUCKETS;
    out[1] = (uint32_t)(h >> 32) % GUARD_ACCOUNTS_BUCKETS;
}

struct guard_account *guard_account_find(struct guard_accounts *t,
                                         const uint8_t key[GUARD_KEY_SIZE])
{
    uint32_t buckets[2];

    buckets_of(t, key, buckets);
    for (size_t i = 0; i < 2 * GUARD_ACCOUNTS_WAYS; i++) {
        struct guard_account *a = &t->slots[buckets[i / GUARD_ACCOUNTS_WAYS] * GUARD_ACCOUNTS_WAYS +
                                            i % GUARD_ACCOUNTS_WAYS];
        if (a->is_used != 0 && memcmp(a->key, key, GUARD_KEY_SIZE) == 0)
            return a;
    }
    return NULL;
}

/* Whom a newcomer replaces: a free slot, else a made-up name, else the oldest. */
static bool gives_way(const struct guard_account *a, const struct guard_account *b)
{
    if (a->is_used != b->is_used)
        return a->is_used == 0;
    if (a->is_user != b->is_user)
        return a->is_user == 0;
    return a->last_ms < b->last_ms;
}

struct guard_account *guard_account_get(struct guard_accounts *t, const uint8_t key[GUARD_KEY_SIZE],
                                        bool is_user, int64_t now_ms)
{
    struct guard_account *a = guard_account_find(t, key);
    uint32_t buckets[2];

    buckets_of(t, key, buckets);
    if (a == NULL) {
        a = &t->slots[buckets[0] * GUARD_ACCOUNTS_WAYS];
        for (size_t i = 1; i < 2 * GUARD_ACCOUNTS_WAYS; i++) {
            struct guard_account *other =
                &t->slots[buckets[i / GUARD_ACCOUNTS_WAYS] * GUARD_ACCOUNTS_WAYS +
                          i % GUARD_ACCOUNTS_WAYS];
            if (gives_way(other, a))
                a = other;
        }
        *a = (struct guard_account){.is_used = 1};
        memcpy(a->key, key, GUARD_KEY_SIZE);
    }
    a->is_user = is_user ? 1 : 0;
    a->last_ms = now_ms;
    return a;
}

bool guard_account_knows(const struct guard_account *a, const uint8_t source[GUARD_SOURCE_SIZE],
                         int64_t now_ms)
{
    for (uint32_t i = 0; i < a->known_count; i++) {
        if (memcmp(a->known[i].source, source, GUARD_SOURCE_SIZE) == 0)
            return now_ms - a->known[i].last_ms < GUARD_KNOWN_MS;
    }
    return false;
}

static bool is_recent(const struct guard_try *t, int64_t now_ms)
{
    return t->is_counted != 0 && now_ms - t->at_ms < GUARD_WINDOW_MS;
}

uint32_t guard_account_tries(const struct guard_account *a, int64_t now_ms)
{
    uint32_t count = 0;

    for (size_t i = 0; i < GUARD_TRIES_MAX; i++)
        count += is_recent(&a->tries[i], now_ms);
    return count;
}

static uint32_t limit_of(const struct guard_account *a, const struct guard_account_rules *rules,
                         bool is_tight, int64_t now_ms)
{
    if ((is_tight || now_ms < a->tight_until_ms) && rules->tight_tries < rules->tries)
        return rules->tight_tries;
    return rules->tries;
}

/* What strangers may use of the attempts in a row. */
static uint32_t strangers_share(const struct guard_account_rules *rules)
{
    return rules->consecutive - rules->consecutive / 5;
}

int64_t guard_account_until(const struct guard_account *a, const struct guard_account_rules *rules,
                            bool is_tight, int64_t now_ms)
{
    uint32_t limit = limit_of(a, rules, is_tight, now_ms);
    uint32_t count = guard_account_tries(a, now_ms);

    if (rules->tries == 0)
        return now_ms;
    if (a->consecutive >= strangers_share(rules))
        return INT64_MAX;
    if (count < limit)
        return now_ms;
    int64_t until = INT64_MAX; /* the oldest of the newest `limit` must leave the window */
    uint32_t seen = 0;
    for (uint32_t i = 1; i <= GUARD_TRIES_MAX && seen < limit; i++) {
        const struct guard_try *t =
            &a->tries[(a->next_try + GUARD_TRIES_MAX - i) % GUARD_TRIES_MAX];
        if (!is_recent(t, now_ms))
            continue;
        seen++;
        until = t->at_ms + GUARD_WINDOW_MS;
    }
    return until;
}

enum guard_verdict guard_account_begin(struct guard_account *a,
                                       const struct guard_account_rules *rules,
                                       const uint8_t source[GUARD_SOURCE_SIZE], bool is_tight,
                                       int64_t now_ms)
{
    bool is_known = guard_account_knows(a, source, now_ms);
    enum guard_verdict verdict = GUARD_GO;

    if (rules->tries == 0)
        return GUARD_GO;
    if (a->consecutive + a->consecutive_known >= rules->consecutive ||
        (!is_known && a->consecutive >= strangers_share(rules)))
        verdict = GUARD_ACCOUNT_CLOSED;
    else if (!is_known && guard_account_tries(a, now_ms) >= limit_of(a, rules, is_tight, now_ms))
        verdict = GUARD_ACCOUNT_BUSY;
    if (verdict != GUARD_GO) {
        a->refused += a->refused < UINT32_MAX ? 1 : 0;
        return verdict;
    }
    if (is_known) {
        a->consecutive_known++;
        return GUARD_GO;
    }
    a->consecutive++;
    a->tries[a->next_try] = (struct guard_try){now_ms, guard_digest(source), 1};
    a->next_try = (a->next_try + 1) % GUARD_TRIES_MAX;
    return GUARD_GO;
}

/* The place of a source, a new one at that of the oldest. */
static struct guard_known *place_of(struct guard_account *a,
                                    const uint8_t source[GUARD_SOURCE_SIZE])
{
    struct guard_known *oldest = &a->known[0];

    for (uint32_t i = 0; i < a->known_count; i++) {
        if (memcmp(a->known[i].source, source, GUARD_SOURCE_SIZE) == 0)
            return &a->known[i];
        if (a->known[i].last_ms < oldest->last_ms)
            oldest = &a->known[i];
    }
    return a->known_count < GUARD_KNOWN_MAX ? &a->known[a->known_count++] : oldest;
}

void guard_account_proved(struct guard_account *a, const uint8_t source[GUARD_SOURCE_SIZE],
                          int64_t now_ms)
{
    struct guard_known *k = place_of(a, source);
    uint32_t digest = guard_digest(source);

    memcpy(k->source, source, GUARD_SOURCE_SIZE);
    k->last_ms = now_ms;
    a->consecutive = a->consecutive_known = a->refused = 0;
    for (size_t i = 0; i < GUARD_TRIES_MAX; i++) {
        if (a->tries[i].source == digest)
            a->tries[i].is_counted = 0;
    }
}

bool guard_account_is_sprayed(struct guard_account *a, int64_t now_ms)
{
    uint32_t seen[GUARD_TRIES_MAX];
    uint32_t count = 0;

    for (size_t i = 0; i < GUARD_TRIES_MAX; i++) {
        bool is_new = is_recent(&a->tries[i], now_ms);

        for (uint32_t j = 0; is_new && j < count; j++)
            is_new = seen[j] != a->tries[i].source;
        if (is_new)
            seen[count++] = a->tries[i].source;
    }
    if (count < GUARD_SOURCES_SPRAY)
        return false;
    bool was_said = now_ms < a->tight_until_ms;
    a->tight_until_ms = now_ms + GUARD_WINDOW_MS;
    return !was_said;
}

void guard_accounts_shift(struct guard_accounts *t, int64_t delta_ms)
{
    for (size_t i = 0; i < GUARD_ACCOUNTS_BUCKETS * GUARD_ACCOUNTS_WAYS; i++) {
        struct guard_account *a = &t->slots[i];

        if (a->is_used == 0)
            continue;
        a->last_ms += delta_ms;
        a->tight_until_ms += delta_ms;
        for (size_t j = 0; j < GUARD_TRIES_MAX; j++)
            a->tries[j].at_ms += delta_ms;
        for (size_t j = 0; j < GUARD_KNOWN_MAX; j++)
            a->known[j].last_ms += delta_ms;
    }
}
