/* SPDX-License-Identifier: Apache-2.0
 * The master key, and sealing with it: what keeper must keep on disk and nobody else may read.
 *
 *   master.key in the state folder ── as it is, or wrapped by a credential or a passphrase
 * (Argon2id) └─ keys derived for each purpose (BLAKE2b) ── XChaCha20-Poly1305 over one value
 *
 * A sealed value names its key, so that two keys may be known at once: between the steps of a
 * rotation the old key and the new one lie in master.key and master.key.new, and which of them
 * holds is what the store says.
 */
#ifndef SP_KEEPER_VAULT_H
#define SP_KEEPER_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define VAULT_KEY_SIZE   32
#define VAULT_ID_SIZE    8                             /* names a key; says nothing about it     */
#define VAULT_OVERHEAD   (1 + VAULT_ID_SIZE + 24 + 16) /* form, key, nonce, tag                */
#define VAULT_ERROR_SIZE 1536
#define VAULT_PATH_SIZE  1024

/* What stands between master.key and whoever steals the disk. */
enum vault_source {
    VAULT_FILE,       /* nothing: the file's mode                                           */
    VAULT_CREDENTIAL, /* $CREDENTIALS_DIRECTORY/sallyport.master wraps it                   */
    VAULT_PASSPHRASE, /* the first line of a file wraps it                                  */
};

/* What a value is sealed for: values of one purpose do not open as another's. */
enum vault_purpose {
    VAULT_FOR_ROW = 1, /* rows of the store         */
    VAULT_FOR_SET = 2, /* the digest over all rows  */
};

struct vault;

struct vault_options {
    const char *state_dir;
    enum vault_source source;
    const char *path; /* file: "" = STATE_DIR/master.key; passphrase: its file; else unused */
    bool may_make;    /* make a key if there is none: only where nothing is sealed yet       */
};

/* ---- vault.c ---- */

/*
 * Load the master key, or make one at the first start.
 * out      written only on SP_OK; for vault_free
 * error    VAULT_ERROR_SIZE bytes: what is wrong and what to do, never the key
 * Errors:  SP_ESYS; SP_EDENIED others may read it; SP_EVALUE not a key; SP_ECRYPTO it is wrapped by
 *          another passphrase
 */
SP_MUST_USE enum sp_err vault_open(const struct vault_options *options, struct vault **out,
                                   char *error);

/* A vault with a random key that is nowhere else, for tests. */
struct vault *vault_new_random(void);

/* Wipe and free; NULL is allowed. */
void vault_free(struct vault *vault);

/* The id of the key that new values are sealed with. */
void vault_id(struct vault *vault, uint8_t out[VAULT_ID_SIZE]);

/*
 * Seal a value. Safe from any thread, as all below.
 * aad      what the value belongs to; it opens only with the same
 * out      plain_size + VAULT_OVERHEAD bytes
 */
void vault_seal(struct vault *vault, enum vault_purpose purpose, const void *aad, size_t aad_size,
                const void *plain, size_t plain_size, uint8_t *out);

/*
 * Open a sealed value.
 * out      sealed_size - VAULT_OVERHEAD bytes, written only on SP_OK; the caller wipes them
 * Errors:  SP_ESHORT, SP_EVALUE no sealed value; SP_EDENIED of a key that is not known;
 *          SP_ECRYPTO damaged, or it belongs to something else
 */
SP_MUST_USE enum sp_err vault_unseal(struct vault *vault, enum vault_purpose purpose,
                                     const void *aad, size_t aad_size, const uint8_t *sealed,
                                     size_t sealed_size, void *out);

/*
 * A keyed digest under a key derived for the purpose.
 * out      32 bytes
 */
void vault_digest(struct vault *vault, enum vault_purpose purpose, const void *data, size_t size,
                  uint8_t out[32]);

/* ---- vault_file.c: the steps of a rotation, in this order ---- */

/*
 * Make a new key beside the present one, on disk (master.key.new) and in the vault, which seals
 * with it from now on and opens with both.
 */
SP_MUST_USE enum sp_err vault_rotate_begin(struct vault *vault, char *error);

/* Everything is sealed with the new key: it takes the place of the old one, on disk too. */
SP_MUST_USE enum sp_err vault_rotate_end(struct vault *vault, char *error);

/*
 * The old key holds again.
 * is_certain  nothing is sealed with the new key, so it is forgotten, on disk too. False: both stay
 *             until the next start looks what the store is sealed with
 */
void vault_rotate_stop(struct vault *vault, bool is_certain);

/*
 * At start: which key the store is sealed with. Ends or stops a rotation that a crash interrupted.
 * Errors:  SP_EDENIED neither of the keys
 */
SP_MUST_USE enum sp_err vault_settle(struct vault *vault, const uint8_t id[VAULT_ID_SIZE],
                                     char *error);

#endif
