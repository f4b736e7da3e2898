/* SPDX-License-Identifier: Apache-2.0
 * Lists of networks in the same shared memory as the penalties: shut out, let in, let through.
 */
#include <string.h>

#include "base/penalty.h"

#define READ_TRIES 64

static uint64_t big_endian(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

uint32_t penalty_ban_count(const struct penalty_table *table, enum penalty_list list)
{
    uint32_t count = atomic_load_explicit(&table->lists[list].count, memory_order_acquire);

    return count < PENALTY_BANS_MAX ? count : PENALTY_BANS_MAX;
}

struct penalty_ban penalty_ban_at(const struct penalty_table *table, enum penalty_list list,
                                  uint32_t index, uint8_t net[16])
{
    const struct penalty_ban_cell *cell = &table->lists[list].cells[index];
    struct penalty_ban ban = {0};
    uint32_t before, after;

    for (int i = 0; i < READ_TRIES; i++) {
        before = atomic_load_explicit(&table->lists[list].sequence, memory_order_acquire);
        ban.value[0] = atomic_load_explicit(&cell->value[0], memory_order_relaxed);
        ban.value[1] = atomic_load_explicit(&cell->value[1], memory_order_relaxed);
        ban.until_ms = atomic_load_explicit(&cell->until_ms, memory_order_relaxed);
        ban.bits = atomic_load_explicit(&cell->bits, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&table->lists[list].sequence, memory_order_relaxed);
        if (before == after && (before & 1) == 0)
            break;
    }
    if (net != NULL) {
        struct penalty_key key = {{ban.value[0], ban.value[1]}, PENALTY_NOTHING, 0};
        penalty_key_ip(&key, net);
    }
    return ban;
}

/* One look at all of a list: they are few, and a network cannot be looked up by its address. */
static bool scan(const struct penalty_table *t, enum penalty_list list, uint64_t high, uint64_t low,
                 int64_t now_ms)
{
    uint32_t count = penalty_ban_count(t, list);

    for (uint32_t i = 0; i < count; i++) {
        const struct penalty_ban_cell *c = &t->lists[list].cells[i];
        uint64_t a = atomic_load_explicit(&c->value[0], memory_order_relaxed) ^ high;
        uint64_t b = atomic_load_explicit(&c->value[1], memory_order_relaxed) ^ low;

        a &= atomic_load_explicit(&c->mask[0], memory_order_relaxed);
        b &= atomic_load_explicit(&c->mask[1], memory_order_relaxed);
        if ((a | b) == 0 && atomic_load_explicit(&c->until_ms, memory_order_relaxed) > now_ms)
            return true;
    }
    return false;
}

bool penalty_is_listed(const struct penalty_table *table, enum penalty_list list,
                       const uint8_t ip[16], int64_t now_ms)
{
    uint64_t high = big_endian(ip), low = big_endian(ip + 8);
    bool is_listed = false;

    for (int i = 0; i < READ_TRIES; i++) {
        uint32_t before = atomic_load_explicit(&table->lists[list].sequence, memory_order_acquire);

        is_listed = scan(table, list, high, low, now_ms);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&table->lists[list].sequence, memory_order_relaxed) == before &&
            (before & 1) == 0)
            break;
    }
    return is_listed;
}

static void write_begin(struct penalty_list_cells *l)
{
    uint32_t sequence = atomic_load_explicit(&l->sequence, memory_order_relaxed);

    atomic_store_explicit(&l->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void write_end(struct penalty_list_cells *l)
{
    uint32_t sequence = atomic_load_explicit(&l->sequence, memory_order_relaxed);

    atomic_store_explicit(&l->sequence, sequence + 1, memory_order_release);
}

/* The first bits of 64, at most all of them. */
static uint64_t mask_of(uint32_t bits)
{
    if (bits >= 64)
        return UINT64_MAX;
    return bits == 0 ? 0 : UINT64_MAX << (64 - bits);
}

static void cell_write(struct penalty_ban_cell *cell, const struct penalty_ban *ban)
{
    uint64_t low = ban->bits > 64 ? mask_of(ban->bits - 64) : 0;

    atomic_store_explicit(&cell->mask[0], mask_of(ban->bits), memory_order_relaxed);
    atomic_store_explicit(&cell->mask[1], low, memory_order_relaxed);
    atomic_store_explicit(&cell->value[0], ban->value[0], memory_order_relaxed);
    atomic_store_explicit(&cell->value[1], ban->value[1], memory_order_relaxed);
    atomic_store_explicit(&cell->until_ms, ban->until_ms, memory_order_relaxed);
    atomic_store_explicit(&cell->bits, ban->bits, memory_order_relaxed);
}

/* The network's bits and nothing behind them. */
static struct penalty_ban ban_of(const uint8_t net[16], uint32_t bits)
{
    struct penalty_ban ban = {.bits = bits};

    for (uint32_t i = 0; i < 128; i++) {
        uint64_t bit = i < bits ? (uint64_t)(net[i / 8] >> (7 - i % 8) & 1) : 0;
        ban.value[i / 64] = ban.value[i / 64] << 1 | bit;
    }
    return ban;
}

static uint32_t find(const struct penalty_table *t, enum penalty_list list,
                     const struct penalty_ban *ban)
{
    uint32_t count = penalty_ban_count(t, list);

    for (uint32_t i = 0; i < count; i++) {
        struct penalty_ban found = penalty_ban_at(t, list, i, NULL);
        if (found.bits == ban->bits && memcmp(found.value, ban->value, sizeof(ban->value)) == 0)
            return i;
    }
    return count;
}

enum sp_err penalty_ban(struct penalty_table *table, enum penalty_list list, const uint8_t net[16],
                        uint32_t bits, int64_t until_ms)
{
    if (bits > 128)
        return SP_EVALUE;
    struct penalty_ban ban = ban_of(net, bits);
    ban.until_ms = until_ms;
    uint32_t index = find(table, list, &ban), count = penalty_ban_count(table, list);
    if (index == PENALTY_BANS_MAX)
        return SP_ELIMIT;
    write_begin(&table->lists[list]);
    cell_write(&table->lists[list].cells[index], &ban);
    write_end(&table->lists[list]);
    if (index == count)
        atomic_store_explicit(&table->lists[list].count, count + 1, memory_order_release);
    return SP_OK;
}

bool penalty_unban(struct penalty_table *table, enum penalty_list list, const uint8_t net[16],
                   uint32_t bits)
{
    struct penalty_ban ban = ban_of(net, bits);
    uint32_t index = find(table, list, &ban), count = penalty_ban_count(table, list);

    if (bits > 128 || index == count)
        return false;
    struct penalty_ban last = penalty_ban_at(table, list, count - 1, NULL);
    write_begin(&table->lists[list]);
    cell_write(&table->lists[list].cells[index], &last); /* order does not matter */
    atomic_store_explicit(&table->lists[list].count, count - 1, memory_order_relaxed);
    write_end(&table->lists[list]);
    return true;
}
