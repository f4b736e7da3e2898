/* SPDX-License-Identifier: Apache-2.0
 * How many unauthenticated connections there may be: in all, per source, and random early drop.
 */
#include "door/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

enum sp_err limits_init(struct limits *l, const struct limits_config *config, uint64_t seed)
{
    uint32_t slots = 4;

    if (config->total_max == 0 || config->total_max > LIMITS_TOTAL_MAX || config->source_max == 0 ||
        config->early_drop_percent > 100)
        return SP_ELIMIT;
    while (slots < config->total_max * 2)
        slots *= 2;
    struct limits_source *table = calloc(slots, sizeof(*table));
    if (table == NULL)
        return SP_ESYS;
    *l = (struct limits){.config = *config, .mask = slots - 1, .seed = seed, .table = table};
    return SP_OK;
}

void limits_clear(struct limits *l)
{
    free(l->table);
    *l = (struct limits){0};
}

struct limits_key limits_source_key(const uint8_t ip[16])
{
    struct limits_key key = {0};
    bool v4 = memcmp(ip, v4_prefix, sizeof(v4_prefix)) == 0;

    memcpy(key.ip, ip, v4 ? 16 : 8);
    return key;
}

/* One round of a multiply-and-fold hash, keyed by the seed. */
static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * 0x9e3779b97f4a7c15u;
    state ^= state >> 29;
    state *= 0xbf58476d1ce4e5b9u;
    return state ^ (state >> 32);
}

static uint32_t home_slot(const struct limits *l, const struct limits_key *key)
{
    uint64_t words[2];

    memcpy(words, key->ip, sizeof(words));
    return (uint32_t)mix(mix(l->seed, words[0]), words[1] ^ l->seed) & l->mask;
}

/* The key's slot, or the free slot where it would go. One is found: half of the table is free. */
static struct limits_source *find(const struct limits *l, const struct limits_key *key)
{
    uint32_t i = home_slot(l, key);

    while (l->table[i].count > 0 && memcmp(&l->table[i].key, key, sizeof(*key)) != 0)
        i = (i + 1) & l->mask;
    return &l->table[i];
}

uint32_t limits_drop_percent(const struct limits_config *config, uint32_t total)
{
    if (total >= config->total_max)
        return 100;
    if (total < config->early_drop_start)
        return 0;
    uint64_t done = total - config->early_drop_start;
    uint64_t span = config->total_max - config->early_drop_start;
    uint64_t rise = 100u - config->early_drop_percent;
    return config->early_drop_percent + (uint32_t)(rise * done / span);
}

static enum limits_verdict enter(struct limits *l, const struct limits_key *key,
                                 uint32_t source_max, uint32_t random)
{
    struct limits_source *source = find(l, key);

    if (source->count >= source_max)
        return LIMITS_SOURCE_FULL;
    if (l->total >= l->config.total_max)
        return LIMITS_TOTAL_FULL;
    if (((uint64_t)random * 100 >> 32) < limits_drop_percent(&l->config, l->total))
        return LIMITS_EARLY_DROP;
    source->key = *key;
    source->count++;
    l->total++;
    return LIMITS_ADMIT;
}

enum limits_verdict limits_enter(struct limits *l, const struct limits_key *key, uint32_t random)
{
    return enter(l, key, l->config.source_max, random);
}

enum limits_verdict limits_enter_many(struct limits *l, const struct limits_key *key,
                                      uint32_t random)
{
    return enter(l, key, UINT32_MAX, random);
}

/* Close the gap at slot so that no key behind it becomes unreachable from its home slot. */
static void remove_slot(struct limits *l, uint32_t gap)
{
    for (uint32_t i = (gap + 1) & l->mask; l->table[i].count > 0; i = (i + 1) & l->mask) {
        uint32_t home = home_slot(l, &l->table[i].key);

        if (((i - home) & l->mask) >= ((i - gap) & l->mask)) {
            l->table[gap] = l->table[i];
            gap = i;
        }
    }
    l->table[gap] = (struct limits_source){0};
}

void limits_leave(struct limits *l, const struct limits_key *key)
{
    struct limits_source *source = find(l, key);

    SP_BUG(source->count == 0 || l->total == 0);
    l->total--;
    if (--source->count == 0) {
        source->count = 1; /* still in its chain while the chain is walked */
        remove_slot(l, (uint32_t)(source - l->table));
    }
}
