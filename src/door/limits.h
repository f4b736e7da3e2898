/* SPDX-License-Identifier: Apache-2.0
 * How many unauthenticated connections there may be: in all, per source, and random early drop.
 *
 * Pure: no descriptor, clock or randomness of its own. The table of sources is allocated once,
 * large enough that it is never more than half full.
 */
#ifndef SP_DOOR_LIMITS_H
#define SP_DOOR_LIMITS_H

#include <stdint.h>

#include "base/err.h"

#define LIMITS_TOTAL_MAX 65536u

/* One source: an IPv4 address (as ::ffff:a.b.c.d) or an IPv6 /64 (the rest is zero). */
struct limits_key {
    uint8_t ip[16];
};

struct limits_config {
    uint32_t total_max;          /* 1…LIMITS_TOTAL_MAX                                   */
    uint32_t source_max;         /* at least 1                                           */
    uint32_t early_drop_start;   /* from so many on, drop at random; ≥ total_max = never */
    uint32_t early_drop_percent; /* the chance there, rising evenly to 100 at total_max  */
};

struct limits_source {
    struct limits_key key;
    uint32_t count; /* 0 = free slot */
};

struct limits {
    struct limits_config config;
    uint32_t total;
    uint32_t mask; /* slots - 1; slots is a power of two, at least 2 * total_max */
    uint64_t seed; /* a peer must not be able to choose its slot                 */
    struct limits_source *table;
};

enum limits_verdict {
    LIMITS_ADMIT,
    LIMITS_SOURCE_FULL,
    LIMITS_TOTAL_FULL,
    LIMITS_EARLY_DROP,
};

/*
 * Prepare empty counters.
 * seed     from the system's random source
 * Errors:  SP_ELIMIT a figure of config out of its range; SP_ESYS no memory
 * Owner:   l owns the table until limits_clear
 */
SP_MUST_USE enum sp_err limits_init(struct limits *l, const struct limits_config *config,
                                    uint64_t seed);

/* Free the table. */
void limits_clear(struct limits *l);

/*
 * The source that an address belongs to: all of an IPv4 address, the first 64 bits of IPv6.
 * ip       16 bytes, IPv4 as ::ffff:a.b.c.d
 */
struct limits_key limits_source_key(const uint8_t ip[16]);

/*
 * Ask for one more unauthenticated connection; it is counted only on LIMITS_ADMIT.
 * random   any 32 random bits
 */
enum limits_verdict limits_enter(struct limits *l, const struct limits_key *key, uint32_t random);

/* The same for a source that stands for many people: only the total counts. */
enum limits_verdict limits_enter_many(struct limits *l, const struct limits_key *key,
                                      uint32_t random);

/* A connection admitted before is authenticated or gone. A key that was not admitted is a bug. */
void limits_leave(struct limits *l, const struct limits_key *key);

/*
 * The chance in percent that one more connection is dropped early while total are open.
 */
uint32_t limits_drop_percent(const struct limits_config *config, uint32_t total);

#endif
