/* SPDX-License-Identifier: Apache-2.0
 * What is counted per account: attempts in a window, attempts in a row, and from where it was
 * proven before. Pure: bytes and the time come in.
 *
 * An attempt is counted before it is verified, so that connections opened together are no more
 * attempts than one after the other. A source that proved an account before is known for it: the
 * limits that strangers meet do not hold for it, so that nobody locks an owner out by guessing. The
 * last fifth of the attempts in a row is kept for known sources.
 */
#ifndef SP_KEEPER_GUARD_ACCOUNT_H
#define SP_KEEPER_GUARD_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_KEY_SIZE         16
#define GUARD_SOURCE_SIZE      16
#define GUARD_ACCOUNTS_BUCKETS 1024u
#define GUARD_ACCOUNTS_WAYS    8u
#define GUARD_TRIES_MAX        16 /* attempts of strangers that are remembered, with their time */
#define GUARD_KNOWN_MAX        8  /* sources that are known for one account                     */
#define GUARD_WINDOW_MS        600000
#define GUARD_KNOWN_MS         (INT64_C(90) * 24 * 3600 * 1000)
#define GUARD_SOURCES_SPRAY    5u /* strangers in one window: somebody asks many machines to guess */

struct guard_account_rules {
    uint32_t tries; /* of strangers in GUARD_WINDOW_MS, ≤ GUARD_TRIES_MAX; 0 = no limits at all */
    uint32_t tight_tries; /* the same while a spray goes on */
    uint32_t consecutive; /* without a success in between */
};

struct guard_try {
    int64_t at_ms;
    uint32_t source; /* digest */
    uint32_t is_counted;
};

struct guard_known {
    uint8_t source[GUARD_SOURCE_SIZE];
    int64_t last_ms; /* of its last success */
};

struct guard_account {
    uint8_t key[GUARD_KEY_SIZE];
    int64_t last_ms, tight_until_ms;
    uint32_t consecutive, consecutive_known; /* of strangers, of known sources */
    uint32_t refused;                        /* not even verified, since the last success */
    uint32_t next_try;
    uint32_t known_count;
    uint8_t is_used, is_user, reserved[2];
    struct guard_try tries[GUARD_TRIES_MAX];
    struct guard_known known[GUARD_KNOWN_MAX];
};

struct guard_accounts {
    uint64_t seed;
    struct guard_account slots[GUARD_ACCOUNTS_BUCKETS * GUARD_ACCOUNTS_WAYS];
};

enum guard_verdict {
    GUARD_GO,
    GUARD_SOURCE_REFUSED, /* the source is penalised or banned               */
    GUARD_ACCOUNT_BUSY,   /* too many attempts in this window                */
    GUARD_ACCOUNT_CLOSED, /* too many attempts in a row                      */
    GUARD_DECOY,          /* nobody has this account, and no honest person tries it */
    GUARD_VERDICT_COUNT
};

/*
 * The key of a name: domain in front or behind, target, case, full-width letters and blanks at the
 * ends make no difference.
 * typed    UTF-8, as typed
 * order    the folded name's first four bytes, for the order in which names are tried; or NULL
 */
void guard_account_key(const char *typed, uint8_t key[GUARD_KEY_SIZE], uint32_t *order);

/* What a source is counted as: all of an IPv4 address, an IPv6 /64. */
void guard_source_id(const uint8_t ip[16], uint8_t id[GUARD_SOURCE_SIZE]);

/* A digest of bytes for comparing within this process and its files. */
uint32_t guard_digest(const uint8_t bytes[16]);

/* Allocate an empty table; NULL without memory. Owner: the caller, free(3) */
struct guard_accounts *guard_accounts_new(void);

/* The account of a key, or NULL. */
struct guard_account *guard_account_find(struct guard_accounts *t,
                                         const uint8_t key[GUARD_KEY_SIZE]);

/*
 * The account of a key, made if there is none. Made-up names give way first, then the oldest.
 * is_user  it exists
 */
struct guard_account *guard_account_get(struct guard_accounts *t, const uint8_t key[GUARD_KEY_SIZE],
                                        bool is_user, int64_t now_ms);

/* True if the source proved this account within GUARD_KNOWN_MS. */
bool guard_account_knows(const struct guard_account *a, const uint8_t source[GUARD_SOURCE_SIZE],
                         int64_t now_ms);

/* How many attempts of strangers the present window holds. */
uint32_t guard_account_tries(const struct guard_account *a, int64_t now_ms);

/* When a stranger may try again; now_ms if at once, INT64_MAX if the account is closed to them. */
int64_t guard_account_until(const struct guard_account *a, const struct guard_account_rules *rules,
                            bool is_tight, int64_t now_ms);

/*
 * Ask for one attempt, and count it if it may be made.
 * is_tight a spray over many accounts goes on
 * Returns  GUARD_GO, GUARD_ACCOUNT_BUSY or GUARD_ACCOUNT_CLOSED
 */
enum guard_verdict guard_account_begin(struct guard_account *a,
                                       const struct guard_account_rules *rules,
                                       const uint8_t source[GUARD_SOURCE_SIZE], bool is_tight,
                                       int64_t now_ms);

/* The attempt was right: the source is known from now on, and its mistakes are forgotten. */
void guard_account_proved(struct guard_account *a, const uint8_t source[GUARD_SOURCE_SIZE],
                          int64_t now_ms);

/*
 * After a failure: whether many sources guess at this account. Its limits are tight from then on.
 * Returns  true once a window
 */
bool guard_account_is_sprayed(struct guard_account *a, int64_t now_ms);

/* Move all times by delta, when a table is read back. */
void guard_accounts_shift(struct guard_accounts *t, int64_t delta_ms);

#endif
