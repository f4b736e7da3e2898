/* SPDX-License-Identifier: Apache-2.0
 * The vault's insides, shared by its two files.
 */
#ifndef SP_KEEPER_VAULT_PRIV_H
#define SP_KEEPER_VAULT_PRIV_H

#include <pthread.h>

#include "keeper/vault.h"

#define VAULT_PASSPHRASE_MAX 1024

struct vault_key {
    bool is_set;
    uint8_t bytes[VAULT_KEY_SIZE];
    uint8_t id[VAULT_ID_SIZE];
};

/* INVARIANT: keys are read and changed with the lock held only. */
struct vault {
    pthread_mutex_t lock;
    struct vault_key now;   /* seals and opens                                */
    struct vault_key other; /* opens only: of a rotation that is going on     */
    bool is_uncertain;      /* a rotation failed where it may have taken effect */
    bool is_rotating;       /* now is the new key; master.key.new is on disk  */
    enum vault_source source;
    char path[VAULT_PATH_SIZE]; /* of master.key; empty: on no disk           */
    size_t passphrase_size;
    uint8_t passphrase[VAULT_PASSPHRASE_MAX]; /* that wraps the key           */
};

/* ---- vault.c ---- */

/* Take key's bytes as a key, with its id. */
void vault_key_take(struct vault_key *key, const uint8_t bytes[VAULT_KEY_SIZE]);

/* Forget a key. */
void vault_key_clear(struct vault_key *key);

/* ---- vault_file.c ---- */

/*
 * Read a key's file.
 * Errors:  SP_ECLOSED there is none; others with error filled
 */
SP_MUST_USE enum sp_err vault_file_read(const struct vault *vault, const char *path,
                                        struct vault_key *out, char *error);

/* Write a key's file, whole and durable, or leave what was there. */
SP_MUST_USE enum sp_err vault_file_write(const struct vault *vault, const char *path,
                                         const struct vault_key *key, char *error);

/* Where the key of a rotation lies. out: VAULT_PATH_SIZE + 8 bytes */
void vault_path_new(const struct vault *vault, char *out);

#endif
