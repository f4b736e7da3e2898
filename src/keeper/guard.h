/* SPDX-License-Identifier: Apache-2.0
 * Who is kept out, as keeper decides it: penalties, bans, exempt networks, and the files of both.
 *
 *   state_dir/penalties   what sources owe; written in small steps, at most every GUARD_SAVE_MS
 *   state_dir/accounts    what is counted per account; written once a minute
 *   state_dir/attempts    every attempt to sign in since, before it is verified
 *   state_dir/bans.json   what is shut out; written at once
 *   state_dir/allowed.json, opened.json   who is let in, and through a closed port
 *
 * The times in both are those of the wall clock, since the monotonic clock starts anew with the
 * machine; a wall clock that went back makes a penalty longer by nothing, one that jumped ends it.
 */
#ifndef SP_KEEPER_GUARD_H
#define SP_KEEPER_GUARD_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipc_msg.h"
#include "base/net.h"
#include "base/penalty.h"
#include "keeper/config.h"
#include "keeper/guard_account.h"
#include "keeper/guard_spray.h"

#define GUARD_PATH_SIZE    (CONFIG_PATH_SIZE + 16)
#define GUARD_SAVE_MS      1000
#define GUARD_LIST_MAX     1000 /* penalties that one listing shows                 */
#define GUARD_ATTACKS_MAX  64   /* different identifiers that are counted           */
#define GUARD_ATTACK_SIZE  32
#define GUARD_OWN_BANS_MAX 2048 /* that the guard makes by itself */
#define GUARD_ACCOUNTS_MS  60000

enum guard_origin { GUARD_BY_ADMIN, GUARD_BY_CONFIG, GUARD_BY_ITSELF, GUARD_ORIGIN_COUNT };

/* A network of a list, besides what door needs of it. */
struct guard_ban {
    struct net net;
    int64_t until_ms; /* of clock_now_ms, or PENALTY_FOREVER */
    enum guard_origin origin;
    char reason[IPC_TEXT_MAX];
};

struct guard_list {
    struct guard_ban *bans; /* owned */
    size_t count, room;
    bool is_dirty; /* the file is to be written at the next tick */
    char path[GUARD_PATH_SIZE];
};

/* Told of every change of a list: until_ms 0 = removed. */
typedef void guard_mirror_fn(void *ctx, enum penalty_list list, const struct net *net,
                             int64_t until_ms);

/* How often an attack was seen. */
struct guard_attack {
    char id[GUARD_ATTACK_SIZE];
    uint64_t count;
};

/* A save that goes on over several ticks. */
struct guard_save {
    int fd; /* -1 = none */
    uint32_t bucket;
    uint64_t count;
    EVP_MD_CTX *digest;
    int64_t next_ms;
    bool is_wanted; /* something has changed since the last one began */
};

struct guard {
    struct penalty_table *table;
    int door_fd; /* the table, for door; above all numbers of base/boot.h */
    char path[GUARD_PATH_SIZE], path_new[GUARD_PATH_SIZE];
    char accounts_path[GUARD_PATH_SIZE], attempts_path[GUARD_PATH_SIZE];
    struct guard_list lists[PENALTY_LIST_COUNT];
    guard_mirror_fn *mirror; /* or NULL */
    void *mirror_ctx;
    struct guard_save save;
    struct guard_accounts *accounts; /* owned */
    struct guard_spray *spray;       /* owned */
    int attempts_fd;                 /* -1 = none */
    uint64_t attempt;                /* number of the last one */
    uint64_t unsaved;                /* attempts since accounts was written */
    int64_t accounts_next_ms, penalties_wall_ms;
    struct guard_attack attacks[GUARD_ATTACKS_MAX];
    size_t attack_count;
};

/* ---- guard.c ---- */

/*
 * Make the table and read back what earlier services kept.
 * config   names the state folder and the longest penalty; not kept
 * spoiled  the path of a file that could not be used and was left out, or NULL; borrowed from g
 * Errors:  SP_ESYS no memory
 */
SP_MUST_USE enum sp_err guard_open(struct guard *g, const struct config *config,
                                   const char **spoiled, int64_t now_ms);

/* Save what is unsaved, and free. */
void guard_close(struct guard *g, int64_t now_ms);

/*
 * Charge a source by the rules of config, unless it is exempt there.
 * ip       16 bytes, IPv4 as ::ffff:a.b.c.d
 * Returns  true if it is refused from now on and was not before
 */
bool guard_charge(struct guard *g, const struct config *config, const uint8_t ip[16],
                  enum penalty_cause cause, uint32_t times, int64_t now_ms);

/* True if the source is refused now, by a penalty or a ban. */
bool guard_refuses(const struct guard *g, const uint8_t ip[16], int64_t now_ms);

/* For how long the source is refused by a penalty, in ms; 0 = it is not. */
int64_t guard_left_ms(const struct guard *g, const uint8_t ip[16], int64_t now_ms);

/* Count an attack of that name; returns how often it was seen, this time included. */
uint64_t guard_attack(struct guard *g, const char *id);

/* Describe bans, penalties and attacks as `sallyport ban list` shows them. Owner: the caller */
json_t *guard_describe(struct guard *g, int64_t now_ms);

/* ---- guard_attempt.c ---- */

/* One attempt to prove an account, from before it is verified until its outcome is known. */
struct guard_attempt {
    enum guard_verdict verdict;
    uint8_t key[GUARD_KEY_SIZE], source[GUARD_SOURCE_SIZE];
    uint32_t order;
    bool is_user, is_known;
};

/* What a failure led to. */
struct guard_outcome {
    bool is_penalised; /* the source is refused from now on and was not before */
    bool is_banned;    /* for it tried a decoy                                 */
    bool is_account_sprayed;
    struct guard_signs signs;
};

/*
 * Count an attempt and say whether it may be verified; it is kept before this returns.
 * ip       16 bytes
 * typed    the name as typed
 * user     the name of the user that it means, or NULL
 * out      always written
 */
void guard_attempt_begin(struct guard *g, const struct config *config, const uint8_t ip[16],
                         const char *typed, const char *user, int64_t now_ms,
                         struct guard_attempt *out);

/* It failed: charge the source, look for a spray. cause: PENALTY_AUTH_FAILED or _FACTOR */
struct guard_outcome guard_attempt_failed(struct guard *g, const struct config *config,
                                          const uint8_t ip[16], const struct guard_attempt *attempt,
                                          enum penalty_cause cause, int64_t now_ms);

/* It was right. Returns  how many mistakes before it are forgiven */
uint32_t guard_attempt_proved(struct guard *g, const struct config *config, const uint8_t ip[16],
                              const struct guard_attempt *attempt, enum penalty_cause cause,
                              int64_t now_ms);

/* What is known of an account. typed: its name. Owner: the caller */
json_t *guard_describe_account(struct guard *g, const struct config *config, const char *typed,
                               int64_t now_ms);

/* What is known of an address, and what holds for it. Owner: the caller */
json_t *guard_describe_source(struct guard *g, const struct config *config, const uint8_t ip[16],
                              int64_t now_ms);

/* Forget what is counted against an account. False if nothing is. */
bool guard_forgive_account(struct guard *g, const char *typed, int64_t now_ms);

/* ---- guard_journal.c ---- */

enum guard_record_kind {
    GUARD_RECORD_REFUSED = 1,
    GUARD_RECORD_TRY,
    GUARD_RECORD_PROVED,
    GUARD_RECORD_FORGIVEN
};

/* Keep what happened, so that it is counted even if this process ends now. */
void guard_journal_add(struct guard *g, enum guard_record_kind kind, const uint8_t ip[16],
                       const struct guard_attempt *attempt);

/* Read accounts and attempts back. False if a file is there and cannot be used. */
bool guard_journal_open(struct guard *g, const struct config *config, int64_t now_ms);

/* Write the accounts, if it is time or must be, and begin the attempts anew. */
void guard_journal_step(struct guard *g, bool is_last, int64_t now_ms);

/* Write no more: another process keeps the files now. */
void guard_journal_leave(struct guard *g);

/* ---- guard_bans.c ---- */

/*
 * Put a network on a list, or change one that is there.
 * for_ms   0 = without end
 * Errors:  SP_ELIMIT the list is full; SP_ESYS it cannot be kept, and is not in force
 */
SP_MUST_USE enum sp_err guard_ban(struct guard *g, enum penalty_list list, const struct net *net,
                                  int64_t for_ms, const char *reason, int64_t now_ms);

/* Shut a source out at once; kept by the next tick. False if there are too many such bans. */
bool guard_ban_source(struct guard *g, const uint8_t ip[16], int64_t for_ms, const char *reason,
                      int64_t now_ms);

/*
 * Take a network from a list; from PENALTY_BANNED also the penalties of a single source. False if
 * there was neither, or the configuration says it.
 */
bool guard_unban(struct guard *g, enum penalty_list list, const struct net *net, int64_t now_ms);

/* The entry of a list that an address falls under; NULL if there is none. */
const struct guard_ban *guard_listed(const struct guard *g, enum penalty_list list,
                                     const uint8_t ip[16], int64_t now_ms);

/* Put what a configuration says on the lists, in place of what the last one said. */
void guard_configure(struct guard *g, const struct config *config, int64_t now_ms);

/* Take one network whose time is over out. False if there is none. list, out: what it was */
bool guard_expire(struct guard *g, int64_t now_ms, enum penalty_list *list, struct guard_ban *out);

/* Write the lists that have changed. */
void guard_bans_step(struct guard *g, int64_t now_ms);

/* Read the lists. The path of one that is there and cannot be used, or NULL. */
const char *guard_bans_load(struct guard *g, int64_t now_ms);

/* Describe a list. Owner: the caller */
json_t *guard_describe_list(const struct guard *g, enum penalty_list list, int64_t now_ms);

/* ---- guard_file.c ---- */

/* Do a part of a save, if one is due or wanted; it never takes longer than a few ms. */
void guard_save_step(struct guard *g, int64_t now_ms);

/* Save all at once. */
void guard_save_all(struct guard *g, int64_t now_ms);

/* Read penalties back, none of them longer than max_ms. False if the file is there and cannot be
 * used. */
bool guard_load(struct guard *g, uint32_t max_ms, int64_t now_ms);

#endif
