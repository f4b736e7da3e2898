/* SPDX-License-Identifier: Apache-2.0
 * Penalties and bans in shared memory: entries, buckets, and what a reader sees of them.
 */
#include "base/penalty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* linux/fcntl.h, since 5.1 */
#endif

#define MAGIC          0x53505046u
#define READ_TRIES     64 /* a writer that died half-way must not hold a reader */
#define STRIKE_RANK_MS 60000
#define KINDS          5u /* PENALTY_ACCOUNT + 1 */
static_assert(KINDS == PENALTY_ACCOUNT + 1, "all kinds");

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

struct penalty_table *penalty_create(int *fd)
{
    SP_FD made = memfd_create("sallyport-penalties", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (made < 0 || ftruncate(made, sizeof(struct penalty_table)) != 0)
        return NULL;
    struct penalty_table *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED, made, 0);
    if (t == MAP_FAILED)
        return NULL;
    t->magic = MAGIC;
    t->size = sizeof(*t);
    sp_random(&t->seed, sizeof(t->seed));
    if (fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) !=
        0) {
        munmap(t, sizeof(*t));
        return NULL;
    }
    *fd = sp_fd_take(&made);
    return t;
}

const struct penalty_table *penalty_attach(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_size != (off_t)sizeof(struct penalty_table))
        return NULL;
    const struct penalty_table *t = mmap(NULL, sizeof(*t), PROT_READ, MAP_SHARED, fd, 0);
    if (t == MAP_FAILED)
        return NULL;
    if (t->magic == MAGIC && t->size == sizeof(*t))
        return t;
    penalty_detach(t);
    return NULL;
}

void penalty_detach(const struct penalty_table *table)
{
    struct penalty_table *t;

    memcpy(&t, &table, sizeof(t)); /* munmap takes no const */
    if (t != NULL)
        munmap(t, sizeof(*t));
}

static uint64_t big_endian(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static bool is_v4(const uint8_t ip[16])
{
    return memcmp(ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

size_t penalty_source_keys(const uint8_t ip[16], struct penalty_key out[2])
{
    uint64_t high = big_endian(ip), low = big_endian(ip + 8);

    if (is_v4(ip)) {
        out[0] = (struct penalty_key){{high, low}, PENALTY_V4, 0};
        return 1;
    }
    out[0] = (struct penalty_key){{high, 0}, PENALTY_V6, 0};
    out[1] = (struct penalty_key){{high & ~UINT64_C(0xff), 0}, PENALTY_V6_NET, 0};
    return 2;
}

void penalty_key_ip(const struct penalty_key *key, uint8_t out[16])
{
    for (size_t i = 0; i < 16; i++)
        out[i] = (uint8_t)(key->value[i / 8] >> (56 - 8 * (i % 8)));
}

/* One round of a multiply-and-fold hash. */
static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * 0x9e3779b97f4a7c15u;
    state ^= state >> 29;
    state *= 0xbf58476d1ce4e5b9u;
    return state ^ (state >> 32);
}

/* The two buckets of a key; seeded, since a peer must not be able to choose its own. */
static void buckets_of(const struct penalty_table *t, const struct penalty_key *key,
                       uint32_t out[2])
{
    uint64_t h = mix(mix(mix(t->seed, key->value[0]), key->value[1] ^ t->seed), key->kind);

    out[0] = (uint32_t)h % PENALTY_BUCKETS;
    out[1] = (uint32_t)(h >> 32) % PENALTY_BUCKETS;
}

static bool is_occupied(const struct penalty_table *t, uint32_t bucket)
{
    uint64_t word = atomic_load_explicit(&t->occupied[bucket / 64], memory_order_acquire);

    return (word >> bucket % 64 & 1) != 0;
}

/* A consistent copy of an entry. False if there is none, or it changed all the time. */
static bool entry_read(const struct penalty_entry *e, struct penalty_key *key,
                       struct penalty_score *score)
{
    for (int i = 0; i < READ_TRIES; i++) {
        uint32_t before = atomic_load_explicit(&e->sequence, memory_order_acquire);

        if ((before & 1) != 0)
            continue;
        key->kind = atomic_load_explicit(&e->kind, memory_order_relaxed);
        key->reserved = 0;
        key->value[0] = atomic_load_explicit(&e->value[0], memory_order_relaxed);
        key->value[1] = atomic_load_explicit(&e->value[1], memory_order_relaxed);
        score->until_ms = atomic_load_explicit(&e->until_ms, memory_order_relaxed);
        score->counted_ms = atomic_load_explicit(&e->counted_ms, memory_order_relaxed);
        score->strikes = atomic_load_explicit(&e->strikes, memory_order_relaxed);
        score->is_refusing = atomic_load_explicit(&e->is_refusing, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&e->sequence, memory_order_relaxed) == before)
            return key->kind != PENALTY_NOTHING;
    }
    return false;
}

static void entry_write(struct penalty_entry *e, const struct penalty_key *key,
                        const struct penalty_score *score)
{
    uint32_t sequence = atomic_load_explicit(&e->sequence, memory_order_relaxed);

    atomic_store_explicit(&e->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&e->kind, key->kind, memory_order_relaxed);
    atomic_store_explicit(&e->value[0], key->value[0], memory_order_relaxed);
    atomic_store_explicit(&e->value[1], key->value[1], memory_order_relaxed);
    atomic_store_explicit(&e->until_ms, score->until_ms, memory_order_relaxed);
    atomic_store_explicit(&e->counted_ms, score->counted_ms, memory_order_relaxed);
    atomic_store_explicit(&e->strikes, score->strikes, memory_order_relaxed);
    atomic_store_explicit(&e->is_refusing, score->is_refusing, memory_order_relaxed);
    atomic_store_explicit(&e->sequence, sequence + 2, memory_order_release);
}

static void entry_free(struct penalty_entry *e)
{
    static const struct penalty_key nothing;
    static const struct penalty_score none;

    entry_write(e, &nothing, &none);
}

/* Number of the entry of a key; -1 if it has none. */
static int64_t search(const struct penalty_table *t, const struct penalty_key *key,
                      struct penalty_score *score)
{
    uint32_t buckets[2];

    buckets_of(t, key, buckets);
    for (int b = 0; b < 2; b++) {
        size_t first = (size_t)buckets[b] * PENALTY_WAYS;

        /* Memory that nobody wrote must not be read either: that alone would fill the page. */
        if (!is_occupied(t, buckets[b]))
            continue;
        for (size_t i = first; i < first + PENALTY_WAYS; i++) {
            struct penalty_key found;

            if (atomic_load_explicit(&t->entries[i].kind, memory_order_relaxed) == key->kind &&
                entry_read(&t->entries[i], &found, score) &&
                memcmp(&found, key, sizeof(found)) == 0)
                return (int64_t)i;
        }
    }
    return -1;
}

/* How guilty: what is left of the debt, and a minute a strike. Negative: nothing is left. */
static int64_t rank_of(struct penalty_score score, int64_t now_ms)
{
    if (penalty_score_melt(&score, now_ms))
        return -1;
    int64_t debt = score.until_ms > now_ms ? score.until_ms - now_ms : 0;
    return debt + (int64_t)score.strikes * STRIKE_RANK_MS;
}

/* What one bucket offers to a new entry. */
struct offer {
    size_t at; /* its least guilty entry, or a free one */
    int64_t rank;
    uint32_t free_count;
};

static struct offer offer_of(const struct penalty_table *t, uint32_t bucket, int64_t now_ms)
{
    struct offer offer = {.rank = INT64_MAX};
    size_t first = (size_t)bucket * PENALTY_WAYS;

    for (size_t i = first; i < first + PENALTY_WAYS; i++) {
        struct penalty_key found;
        struct penalty_score score;
        int64_t r = entry_read(&t->entries[i], &found, &score) ? rank_of(score, now_ms) : -1;

        offer.free_count += r < 0;
        if (r < offer.rank) {
            offer.rank = r;
            offer.at = i;
        }
    }
    return offer;
}

/* Where a new entry goes: into the emptier of its buckets, or in place of the least guilty. */
static size_t find_place(const struct penalty_table *t, const struct penalty_key *key,
                         int64_t now_ms, int64_t *rank)
{
    uint32_t buckets[2];

    buckets_of(t, key, buckets);
    struct offer a = offer_of(t, buckets[0], now_ms), b = offer_of(t, buckets[1], now_ms);
    bool is_b = a.free_count != b.free_count ? b.free_count > a.free_count : b.rank < a.rank;

    *rank = is_b ? b.rank : a.rank;
    return is_b ? b.at : a.at;
}

bool penalty_put(struct penalty_table *table, const struct penalty_key *key,
                 const struct penalty_score *score, int64_t now_ms)
{
    struct penalty_score old;
    int64_t rank, at = search(table, key, &old);

    if (key->kind == PENALTY_NOTHING || key->kind >= KINDS)
        return false;
    if (at < 0) {
        at = (int64_t)find_place(table, key, now_ms, &rank);
        if (rank >= 0 && rank >= rank_of(*score, now_ms))
            return false;
    }
    entry_write(&table->entries[at], key, score);
    uint32_t bucket = (uint32_t)at / PENALTY_WAYS;
    atomic_fetch_or_explicit(&table->occupied[bucket / 64], UINT64_C(1) << bucket % 64,
                             memory_order_release);
    return true;
}

bool penalty_find(const struct penalty_table *table, const struct penalty_key *key, int64_t now_ms,
                  struct penalty_score *out)
{
    struct penalty_score score;

    if (search(table, key, &score) < 0 || penalty_score_melt(&score, now_ms))
        return false;
    *out = score;
    return true;
}

bool penalty_remove(struct penalty_table *table, const struct penalty_key *key)
{
    struct penalty_score score;
    int64_t at = search(table, key, &score);

    if (at >= 0)
        entry_free(&table->entries[at]);
    return at >= 0;
}

bool penalty_charge(struct penalty_table *table, const struct penalty_rules *rules,
                    const uint8_t ip[16], enum penalty_cause cause, uint32_t times, int64_t now_ms)
{
    struct penalty_key keys[2];
    size_t count = penalty_source_keys(ip, keys);
    bool begins = false;

    for (size_t i = 0; i < count; i++) {
        struct penalty_score score = {0};

        search(table, &keys[i], &score);
        if (!penalty_find(table, &keys[i], now_ms, &score))
            score = (struct penalty_score){0};
        bool crossed =
            penalty_score_add(&score, rules, cause, times,
                              keys[i].kind == PENALTY_V6_NET ? PENALTY_NET_SCALE : 1, now_ms);
        if (penalty_score_melt(&score, now_ms) || !penalty_put(table, &keys[i], &score, now_ms))
            continue;
        begins |= crossed;
    }
    return begins;
}

void penalty_forgive(struct penalty_table *table, const struct penalty_rules *rules,
                     const uint8_t ip[16], enum penalty_cause cause, uint32_t times, int64_t now_ms)
{
    struct penalty_key keys[2];
    size_t count = penalty_source_keys(ip, keys);

    for (size_t i = 0; i < count; i++) {
        struct penalty_score score;
        uint32_t scale = keys[i].kind == PENALTY_V6_NET ? PENALTY_NET_SCALE : 1;

        if (!penalty_find(table, &keys[i], now_ms, &score))
            continue;
        score.strikes -= times < score.strikes ? times : score.strikes;
        score.until_ms -= (int64_t)(rules->weight_ms[cause] / scale) * (int64_t)times;
        if (penalty_score_melt(&score, now_ms) || !penalty_put(table, &keys[i], &score, now_ms))
            penalty_remove(table, &keys[i]);
    }
}

size_t penalty_sweep(struct penalty_table *table, uint32_t bucket, int64_t now_ms,
                     struct penalty_key *keys, struct penalty_score *scores)
{
    struct penalty_entry *entries = &table->entries[(size_t)bucket * PENALTY_WAYS];
    size_t count = 0;

    if (!is_occupied(table, bucket))
        return 0;
    for (size_t i = 0; i < PENALTY_WAYS; i++) {
        if (!entry_read(&entries[i], &keys[count], &scores[count]))
            continue;
        if (penalty_score_melt(&scores[count], now_ms))
            entry_free(&entries[i]);
        else
            count++;
    }
    if (count == 0)
        atomic_fetch_and_explicit(&table->occupied[bucket / 64], ~(UINT64_C(1) << bucket % 64),
                                  memory_order_release);
    return count;
}

bool penalty_refuses(const struct penalty_table *table, const uint8_t ip[16], int64_t now_ms)
{
    struct penalty_key keys[2];
    struct penalty_score score;
    size_t count = penalty_source_keys(ip, keys);
    bool is_refused = penalty_is_listed(table, PENALTY_BANNED, ip, now_ms);

    for (size_t i = 0; i < count && !is_refused; i++) {
        is_refused = search(table, &keys[i], &score) >= 0 && score.is_refusing != 0 &&
                     score.until_ms > now_ms;
    }
    return is_refused && !penalty_is_listed(table, PENALTY_ALLOWED, ip, now_ms);
}
