/* SPDX-License-Identifier: Apache-2.0
 * Who is kept out, as keeper decides it: penalties, bans, exempt networks, and the files of both.
 *
 *   state_dir/penalties   what sources owe; written in small steps, at most every GUARD_SAVE_MS
 *   state_dir/bans.json   what an administrator shut out; written at once
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

#define GUARD_PATH_SIZE   (CONFIG_PATH_SIZE + 16)
#define GUARD_SAVE_MS     1000
#define GUARD_LIST_MAX    1000 /* penalties that one listing shows                 */
#define GUARD_ATTACKS_MAX 64   /* different identifiers that are counted           */
#define GUARD_ATTACK_SIZE 32

/* A ban, besides what door needs of it. */
struct guard_ban {
    struct net net;
    int64_t until_ms; /* of clock_now_ms, or PENALTY_FOREVER */
    char reason[IPC_TEXT_MAX];
};

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
    char path[GUARD_PATH_SIZE], path_new[GUARD_PATH_SIZE], bans_path[GUARD_PATH_SIZE];
    struct guard_ban *bans; /* owned */
    size_t ban_count, ban_room;
    struct guard_save save;
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

/* ---- guard_bans.c ---- */

/*
 * Shut a network out, or change a ban that is there.
 * for_ms   0 = without end
 * Errors:  SP_ELIMIT too many bans; SP_ESYS it cannot be kept, and is not in force
 */
SP_MUST_USE enum sp_err guard_ban(struct guard *g, const struct net *net, int64_t for_ms,
                                  const char *reason, int64_t now_ms);

/* End a ban, and forget the penalties of a single source. False if there was neither. */
bool guard_unban(struct guard *g, const struct net *net, int64_t now_ms);

/* Take one ban whose time is over out. False if there is none. out: what it was */
bool guard_expire(struct guard *g, int64_t now_ms, struct guard_ban *out);

/* Read bans.json. False if it is there and cannot be used. */
bool guard_bans_load(struct guard *g, int64_t now_ms);

/* ---- guard_file.c ---- */

/* Do a part of a save, if one is due or wanted; it never takes longer than a few ms. */
void guard_save_step(struct guard *g, int64_t now_ms);

/* Save all at once. */
void guard_save_all(struct guard *g, int64_t now_ms);

/* Read penalties back, none of them longer than max_ms. False if the file is there and cannot be
 * used. */
bool guard_load(struct guard *g, uint32_t max_ms, int64_t now_ms);

#endif
