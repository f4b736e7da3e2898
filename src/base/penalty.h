/* SPDX-License-Identifier: Apache-2.0
 * Who may not connect for a while: penalties and bans in memory that keeper writes and door reads.
 *
 *   keeper ── penalty_create ──► memfd ── BOOT_FD_PENALTIES ──► door ── penalty_attach
 *   penalty_charge, penalty_ban  (read and write)                       penalty_refuses (read only)
 *
 * A penalty is time. Every offence adds its weight to the moment until which a source is in debt;
 * the debt melts by itself, one second a second, and never exceeds rules.max_ms. A source is
 * refused from the moment its debt reaches rules.min_ms until it has melted. Each offence but
 * silence also leaves a strike: the first PENALTY_FREE_STRIKES cost the plain weight, each later
 * one twice the one before it. A strike is forgotten after PENALTY_FORGET_MS.
 *
 * With the defaults a source that only guesses passwords gets verdicts on 9 guesses in its first
 * ten minutes and on 6 an hour later on, however many connections it uses.
 *
 * The key says what is counted, so that accounts and others fit the same table. One writer, any
 * number of readers, no locks: each entry has a sequence number, odd while it is being written.
 */
#ifndef SP_BASE_PENALTY_H
#define SP_BASE_PENALTY_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PENALTY_WAYS         16u       /* entries of one bucket                        */
#define PENALTY_BUCKETS      65536u    /* a key may stand in two of them, nowhere else */
#define PENALTY_BANS_MAX     4096u     /* networks of one list                         */
#define PENALTY_FREE_STRIKES 3u        /* offences without growth                      */
#define PENALTY_FORGET_MS    600000    /* one strike is forgotten in this time         */
#define PENALTY_NET_SCALE    4u        /* an IPv6 /56 bears four times what a /64 bears */
#define PENALTY_FOREVER      INT64_MAX /* until_ms of a ban without an end             */

/* What is counted. */
enum penalty_kind {
    PENALTY_NOTHING,
    PENALTY_V4,     /* one IPv4 address                                            */
    PENALTY_V6,     /* an IPv6 /64: what one person gets                           */
    PENALTY_V6_NET, /* an IPv6 /56: what one household gets                        */
    PENALTY_ACCOUNT /* the first 16 bytes of the SHA-256 of an account's folded name */
};

struct penalty_key {
    uint64_t value[2];
    uint32_t kind; /* enum penalty_kind */
    uint32_t reserved;
};

enum penalty_cause {
    PENALTY_NO_AUTH,     /* connected and did not authenticate             */
    PENALTY_AUTH_FAILED, /* a wrong name or password                       */
    PENALTY_VIOLATION,   /* broke the protocol before it was authenticated */
    PENALTY_CRASH,       /* its session process died or was taken over     */
    PENALTY_EXPLOIT,     /* sent what only an attack sends                 */
    PENALTY_FACTOR,      /* a wrong code of a second factor                */
    PENALTY_CAUSE_COUNT
};

struct penalty_rules {
    uint32_t weight_ms[PENALTY_CAUSE_COUNT]; /* 0 = this costs nothing */
    uint32_t min_ms, max_ms;                 /* max_ms 0 = no penalties at all */
};

/* The debt of one key. All zero: none. */
struct penalty_score {
    int64_t until_ms;   /* of clock_now_ms: when the debt has melted        */
    int64_t counted_ms; /* strikes are as they were at this moment          */
    uint32_t strikes;
    uint32_t is_refusing; /* 1: the debt has reached min_ms and has not melted */
};

struct penalty_entry {
    _Atomic uint64_t value[2];
    _Atomic int64_t until_ms, counted_ms;
    _Atomic uint32_t sequence, kind;
    _Atomic uint32_t strikes, is_refusing;
};

/* Lists of networks; the first that speaks decides. */
enum penalty_list {
    PENALTY_ALLOWED, /* let in, whatever it did                           */
    PENALTY_BANNED,  /* shut out                                          */
    PENALTY_OPEN,    /* may reach a listener whose port is closed to others */
    PENALTY_LIST_COUNT
};

/* A network of a list: the first bits of value, IPv4 as ::ffff:a.b.c.d/96+n. */
struct penalty_ban {
    uint64_t value[2]; /* in network order of the address's bytes, read as big endian */
    int64_t until_ms;  /* PENALTY_FOREVER or a moment of clock_now_ms                 */
    uint32_t bits;     /* 0…128                                                       */
    uint32_t reserved;
};

struct penalty_ban_cell {
    _Atomic uint64_t value[2], mask[2];
    _Atomic int64_t until_ms;
    _Atomic uint32_t bits, reserved;
};

struct penalty_list_cells {
    _Atomic uint32_t sequence, count;
    struct penalty_ban_cell cells[PENALTY_BANS_MAX];
};

/* The whole of the shared memory; pages that nobody touched cost nothing. */
struct penalty_table {
    uint64_t magic, size, seed;                      /* written before door gets it       */
    _Atomic uint64_t occupied[PENALTY_BUCKETS / 64]; /* a bit a bucket that ever had one  */
    struct penalty_list_cells lists[PENALTY_LIST_COUNT];
    struct penalty_entry entries[PENALTY_BUCKETS * PENALTY_WAYS];
};
static_assert(sizeof(struct penalty_table) <= 64u * 1024u * 1024u, "BF-07: within 64 MiB");
static_assert(sizeof(struct penalty_entry) == 48, "no hidden padding");

/* ---- memory ---- */

/*
 * Make the table, empty, with the only mapping of it that can ever write.
 * fd       the memfd for door, sealed against writing; close-on-exec; the caller's
 * Returns  the table, mapped for the life of the process; NULL with errno
 */
struct penalty_table *penalty_create(int *fd);

/*
 * Map a table for reading.
 * fd       what penalty_create gave; stays open
 * Returns  NULL if it is not a table of this build, or with errno
 */
const struct penalty_table *penalty_attach(int fd);

/* Unmap; NULL is allowed. */
void penalty_detach(const struct penalty_table *table);

/* ---- keys ---- */

/*
 * What an address is counted as.
 * ip       16 bytes, IPv4 as ::ffff:a.b.c.d
 * out      room for two: the source itself, and for IPv6 its /56
 * Returns  how many were written
 */
size_t penalty_source_keys(const uint8_t ip[16], struct penalty_key out[2]);

/* The first address that a key of a source stands for. out: 16 bytes */
void penalty_key_ip(const struct penalty_key *key, uint8_t out[16]);

/* ---- arithmetic, pure ---- */

/* What is set where the configuration is silent (sshd's PerSourcePenalties, except max). */
struct penalty_rules penalty_defaults(void);

/*
 * Add offences to a debt.
 * times    how many at once; more than one only for PENALTY_NO_AUTH
 * scale    1; PENALTY_NET_SCALE for a key that many may share
 * Returns  true if it is refused from now on and was not before
 */
bool penalty_score_add(struct penalty_score *score, const struct penalty_rules *rules,
                       enum penalty_cause cause, uint32_t times, uint32_t scale, int64_t now_ms);

/* Forget what time has forgiven. Returns true if nothing is left */
bool penalty_score_melt(struct penalty_score *score, int64_t now_ms);

/* ---- keeper's side ---- */

/*
 * Charge a source. If there is no room for it, the least guilty of its buckets gives way, or it is
 * not kept if it is that itself.
 * Returns  true if it (or its /56) is refused from now on and was not before
 */
bool penalty_charge(struct penalty_table *table, const struct penalty_rules *rules,
                    const uint8_t ip[16], enum penalty_cause cause, uint32_t times, int64_t now_ms);

/* Write a score as it is, when penalties are read back. False if it was not worth keeping. */
bool penalty_put(struct penalty_table *table, const struct penalty_key *key,
                 const struct penalty_score *score, int64_t now_ms);

/* The score of a key, melted to now. False if there is none. */
bool penalty_find(const struct penalty_table *table, const struct penalty_key *key, int64_t now_ms,
                  struct penalty_score *out);

/* Forget a key. False if it was not there. */
bool penalty_remove(struct penalty_table *table, const struct penalty_key *key);

/*
 * List one bucket, and free the entries of it that time has forgiven.
 * bucket   < PENALTY_BUCKETS
 * Returns  how many were written to keys and scores (room for PENALTY_WAYS each)
 */
size_t penalty_sweep(struct penalty_table *table, uint32_t bucket, int64_t now_ms,
                     struct penalty_key *keys, struct penalty_score *scores);

/*
 * Take offences of a source back, without growth: what a success shows to have been mistakes.
 * times    how many
 */
void penalty_forgive(struct penalty_table *table, const struct penalty_rules *rules,
                     const uint8_t ip[16], enum penalty_cause cause, uint32_t times,
                     int64_t now_ms);

/*
 * Put a network on a list, or change the end of one that is there.
 * net      16 bytes; bits behind the first `bits` are ignored
 * Errors:  SP_ELIMIT there are PENALTY_BANS_MAX; SP_EVALUE bits above 128
 */
SP_MUST_USE enum sp_err penalty_ban(struct penalty_table *table, enum penalty_list list,
                                    const uint8_t net[16], uint32_t bits, int64_t until_ms);

/* Take a network from a list. False if exactly this network is not on it. */
bool penalty_unban(struct penalty_table *table, enum penalty_list list, const uint8_t net[16],
                   uint32_t bits);

/* How many networks a list has, ended ones included. */
uint32_t penalty_ban_count(const struct penalty_table *table, enum penalty_list list);

/* Number index of a list, < penalty_ban_count. net: 16 bytes, or NULL */
struct penalty_ban penalty_ban_at(const struct penalty_table *table, enum penalty_list list,
                                  uint32_t index, uint8_t net[16]);

/* ---- both sides ---- */

/* True if a list has a network with this address in it that has not ended. ip: 16 bytes */
bool penalty_is_listed(const struct penalty_table *table, enum penalty_list list,
                       const uint8_t ip[16], int64_t now_ms);

/*
 * True if a connection of this address is to be closed at once.
 * ip       16 bytes, IPv4 as ::ffff:a.b.c.d
 * now_ms   of clock_now_ms
 */
bool penalty_refuses(const struct penalty_table *table, const uint8_t ip[16], int64_t now_ms);

#endif
