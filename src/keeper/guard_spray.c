/* SPDX-License-Identifier: Apache-2.0
 * Guessing that no single counter shows, told from mistakes by number, timing and order.
 */
#include "keeper/guard_spray.h"

#include <stdlib.h>
#include <string.h>

static bool is_recent(int64_t at_ms, int64_t now_ms)
{
    return now_ms - at_ms < GUARD_WINDOW_MS;
}

/* The slot of a source; with make the oldest of its bucket gives way. */
static struct guard_source *slot_of(struct guard_spray *g, const uint8_t id[GUARD_SOURCE_SIZE],
                                    bool make)
{
    struct guard_source *bucket =
        &g->sources[guard_digest(id) % GUARD_SOURCE_BUCKETS * GUARD_SOURCE_WAYS];
    struct guard_source *oldest = bucket;

    for (size_t i = 0; i < GUARD_SOURCE_WAYS; i++) {
        if (bucket[i].is_used != 0 && memcmp(bucket[i].id, id, GUARD_SOURCE_SIZE) == 0)
            return &bucket[i];
        if (bucket[i].is_used < oldest->is_used ||
            (bucket[i].is_used == oldest->is_used && bucket[i].last_ms < oldest->last_ms))
            oldest = &bucket[i];
    }
    if (!make)
        return NULL;
    *oldest = (struct guard_source){.is_used = 1};
    memcpy(oldest->id, id, GUARD_SOURCE_SIZE);
    return oldest;
}

const struct guard_source *guard_spray_source(const struct guard_spray *g,
                                              const uint8_t source[GUARD_SOURCE_SIZE])
{
    const struct guard_source *bucket =
        &g->sources[guard_digest(source) % GUARD_SOURCE_BUCKETS * GUARD_SOURCE_WAYS];

    for (size_t i = 0; i < GUARD_SOURCE_WAYS; i++) {
        if (bucket[i].is_used != 0 && memcmp(bucket[i].id, source, GUARD_SOURCE_SIZE) == 0)
            return &bucket[i];
    }
    return NULL;
}

uint32_t guard_source_accounts(const struct guard_source *s, int64_t now_ms)
{
    uint32_t count = 0;

    for (size_t i = 0; i < GUARD_SOURCE_TRIES; i++)
        count += s->tries[i].tries > 0 && is_recent(s->tries[i].at_ms, now_ms);
    return count;
}

static void source_failed(struct guard_source *s, uint32_t account, int64_t now_ms)
{
    size_t at = 0;

    for (size_t i = 0; i < GUARD_SOURCE_TRIES; i++) {
        if (s->tries[i].tries > 0 && s->tries[i].account == account) {
            at = i;
            break;
        }
        if (s->tries[i].at_ms < s->tries[at].at_ms)
            at = i;
    }
    if (s->tries[at].account != account || !is_recent(s->tries[at].at_ms, now_ms))
        s->tries[at].tries = 0;
    s->tries[at].account = account;
    s->tries[at].tries++;
    s->tries[at].at_ms = now_ms;
    s->last_ms = now_ms;
}

bool guard_is_regular(const int64_t *times_ms, uint32_t count)
{
    int64_t mean = (times_ms[count - 1] - times_ms[0]) / (int64_t)(count - 1);
    int64_t off = 0;

    for (uint32_t i = 1; i < count; i++)
        off += llabs((long long)(times_ms[i] - times_ms[i - 1] - mean));
    /* People's gaps are spread like those of rain: their mean deviation is near the mean itself. */
    return off / (int64_t)(count - 1) <= mean / 4;
}

bool guard_is_ordered(const uint32_t *orders, uint32_t count)
{
    uint32_t rising = 0;

    for (uint32_t i = 1; i < count; i++)
        rising += orders[i] >= orders[i - 1];
    return rising * 10 >= (count - 1) * 9;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* How many different values there are; sorts them. */
static uint32_t distinct(uint32_t *values, uint32_t count)
{
    uint32_t found = 0;

    qsort(values, count, sizeof(values[0]), by_value);
    for (uint32_t i = 0; i < count; i++)
        found += i == 0 || values[i] != values[i - 1];
    return found;
}

/* Look at the failures of one window, in the order in which they came. */
static bool is_spread(const struct guard_spray *g, int64_t now_ms, struct guard_signs *signs)
{
    uint32_t sources[GUARD_RECENT_MAX], accounts[GUARD_RECENT_MAX], orders[GUARD_RECENT_MAX];
    int64_t times[GUARD_RECENT_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < GUARD_RECENT_MAX; i++) {
        const struct guard_failure *f = &g->recent[(g->next + i) % GUARD_RECENT_MAX];

        if (f->is_counted == 0 || !is_recent(f->at_ms, now_ms))
            continue;
        sources[count] = f->source;
        accounts[count] = f->account;
        orders[count] = f->order;
        times[count++] = f->at_ms;
    }
    if (count < GUARD_SPREAD_REGULAR)
        return false;
    bool is_machine = guard_is_regular(times, count) || guard_is_ordered(orders, count);
    signs->sources = distinct(sources, count);
    signs->accounts = distinct(accounts, count);
    return signs->sources >= (is_machine ? GUARD_SPREAD_REGULAR : GUARD_SPREAD) &&
           signs->sources * 10 >= count * 8 && signs->accounts >= GUARD_SPREAD_ACCOUNTS;
}

struct guard_signs guard_spray_failed(struct guard_spray *g,
                                      const uint8_t source[GUARD_SOURCE_SIZE],
                                      const uint8_t key[GUARD_KEY_SIZE], uint32_t order,
                                      bool is_known, int64_t now_ms)
{
    struct guard_source *s = slot_of(g, source, true);
    struct guard_signs signs = {0};

    source_failed(s, guard_digest(key), now_ms);
    if (!is_known) {
        g->recent[g->next] =
            (struct guard_failure){now_ms, guard_digest(source), guard_digest(key), order, 1};
        g->next = (g->next + 1) % GUARD_RECENT_MAX;
        signs.is_spread = is_spread(g, now_ms, &signs);
    }
    if (signs.is_spread) {
        signs.is_spread_new = now_ms >= g->spread_until_ms;
        g->spread_until_ms = now_ms + GUARD_WINDOW_MS;
    }
    uint32_t accounts = guard_source_accounts(s, now_ms);
    if (accounts < GUARD_ACCOUNTS_SPRAY)
        return signs;
    signs.is_source = true;
    signs.is_source_new = now_ms >= s->said_until_ms;
    if (signs.is_source_new && !signs.is_spread_new)
        signs.accounts = accounts;
    s->said_until_ms = now_ms + GUARD_WINDOW_MS;
    return signs;
}

uint32_t guard_spray_proved(struct guard_spray *g, const uint8_t source[GUARD_SOURCE_SIZE],
                            const uint8_t key[GUARD_KEY_SIZE], int64_t now_ms)
{
    struct guard_source *s = slot_of(g, source, false);
    uint32_t account = guard_digest(key), digest = guard_digest(source), tries = 0;

    if (s == NULL)
        return 0;
    for (size_t i = 0; i < GUARD_SOURCE_TRIES; i++) {
        if (s->tries[i].tries == 0 || s->tries[i].account != account)
            continue;
        if (is_recent(s->tries[i].at_ms, now_ms))
            tries += s->tries[i].tries;
        s->tries[i].tries = 0;
    }
    if (tries == 0 || tries > GUARD_MISTYPED_MAX)
        return 0;
    for (size_t i = 0; i < GUARD_RECENT_MAX; i++) {
        if (g->recent[i].source == digest && g->recent[i].account == account)
            g->recent[i].is_counted = 0;
    }
    return tries;
}
