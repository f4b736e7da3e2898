/* SPDX-License-Identifier: Apache-2.0
 * Guessing that no single counter shows: one source over many accounts, and many sources with one
 * attempt each, told from people's mistakes by their number, timing and order. Pure.
 *
 * A failure that its own source and account make good by a success is taken out again, so that a
 * morning of mistyped passwords behind one address is no spray.
 */
#ifndef SP_KEEPER_GUARD_SPRAY_H
#define SP_KEEPER_GUARD_SPRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "keeper/guard_account.h"

#define GUARD_RECENT_MAX      256u
#define GUARD_SOURCE_BUCKETS  1024u
#define GUARD_SOURCE_WAYS     4u
#define GUARD_SOURCE_TRIES    8u  /* accounts of one source that are remembered              */
#define GUARD_MISTYPED_MAX    3u  /* so many failures before a success are a mistyped password */
#define GUARD_ACCOUNTS_SPRAY  4u  /* accounts of one source in one window                    */
#define GUARD_SPREAD          20u /* sources with one attempt each in one window …           */
#define GUARD_SPREAD_REGULAR  10u /* … or so many in an even rhythm or in the names' order    */
#define GUARD_SPREAD_ACCOUNTS 5u  /* … over at least so many accounts                        */

/* One failure of a stranger. */
struct guard_failure {
    int64_t at_ms;
    uint32_t source, account; /* digests */
    uint32_t order;           /* the name's first letters */
    uint32_t is_counted;
};

/* What one source did lately. */
struct guard_source {
    uint8_t id[GUARD_SOURCE_SIZE];
    int64_t last_ms, said_until_ms;
    struct {
        uint32_t account, tries;
        int64_t at_ms;
    } tries[GUARD_SOURCE_TRIES];
    uint32_t is_used, reserved;
};

struct guard_spray {
    struct guard_failure recent[GUARD_RECENT_MAX];
    uint32_t next;
    int64_t spread_until_ms; /* INVARIANT: limits are tight until then */
    struct guard_source sources[GUARD_SOURCE_BUCKETS * GUARD_SOURCE_WAYS];
};

/* What a failure shows. */
struct guard_signs {
    bool is_source_new, is_spread_new; /* said for the first time in this window */
    bool is_source;                    /* this source tries many accounts        */
    bool is_spread;                    /* many sources try many accounts         */
    uint32_t accounts, sources;        /* how many, for the event                */
};

/*
 * Note a failure.
 * is_known the source is known for the account: that is no stranger's failure
 * order    of guard_account_key
 */
struct guard_signs guard_spray_failed(struct guard_spray *g,
                                      const uint8_t source[GUARD_SOURCE_SIZE],
                                      const uint8_t key[GUARD_KEY_SIZE], uint32_t order,
                                      bool is_known, int64_t now_ms);

/*
 * Note a success: its own failures were mistakes.
 * Returns  how many are to be forgiven; 0 if there were none or too many
 */
uint32_t guard_spray_proved(struct guard_spray *g, const uint8_t source[GUARD_SOURCE_SIZE],
                            const uint8_t key[GUARD_KEY_SIZE], int64_t now_ms);

/* What is known of a source; NULL if nothing. */
const struct guard_source *guard_spray_source(const struct guard_spray *g,
                                              const uint8_t source[GUARD_SOURCE_SIZE]);

/* How many accounts a source has failed at in the present window. */
uint32_t guard_source_accounts(const struct guard_source *s, int64_t now_ms);

/* Evenness of rising times: true if no gap is far from their mean. count ≥ 3 */
bool guard_is_regular(const int64_t *times_ms, uint32_t count);

/* True if nearly every name stands behind the one before it. count ≥ 3 */
bool guard_is_ordered(const uint32_t *orders, uint32_t count);

#endif
