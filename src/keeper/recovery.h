/* SPDX-License-Identifier: Apache-2.0
 * Recovery codes: ten words for the day on which the telephone is lost, each of them good once.
 *
 * A set has one salt, so that a try costs one run of Argon2id whatever it is compared with; the
 * codes are random, so that nothing is won by attacking ten of them at once. The run takes tens of
 * milliseconds: it belongs on the worker (worker.h), the comparison that follows it does not.
 */
#ifndef SP_KEEPER_RECOVERY_H
#define SP_KEEPER_RECOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RECOVERY_CODES     10
#define RECOVERY_CODE_SIZE 20 /* "xxxx-xxxx-xxxx-xxxx" and its NUL: 80 bits */
#define RECOVERY_HASH_SIZE 32
#define RECOVERY_SALT_SIZE 16
#define RECOVERY_MEMORY    (19u * 1024u * 1024u) /* bytes of one run           */
#define RECOVERY_PASSES    2

/* What is kept of a set. */
struct recovery {
    uint8_t salt[RECOVERY_SALT_SIZE];
    uint8_t hashes[RECOVERY_CODES][RECOVERY_HASH_SIZE];
    uint32_t unused; /* one bit a code */
};

/* Make the codes of a new set. out: the caller shows and wipes them */
void recovery_codes(char out[RECOVERY_CODES][RECOVERY_CODE_SIZE]);

/*
 * Hash the codes of a new set: for the worker, RECOVERY_CODES runs.
 * out      written only on SP_OK
 * Errors:  SP_ESYS no memory for a run
 */
SP_MUST_USE enum sp_err recovery_make(char codes[RECOVERY_CODES][RECOVERY_CODE_SIZE],
                                      struct recovery *out);

/*
 * Bring a typed code into its one spelling: blanks and hyphens are left out, case does not matter.
 * out      written only on SP_OK
 * Errors:  SP_EVALUE not sixteen of our letters
 */
SP_MUST_USE enum sp_err recovery_read(const char *typed, char out[RECOVERY_CODE_SIZE]);

/*
 * Hash one code: for the worker, one run.
 * code     as recovery_read writes it
 * Errors:  SP_ESYS no memory for the run
 */
SP_MUST_USE enum sp_err recovery_hash(const uint8_t salt[RECOVERY_SALT_SIZE], const char *code,
                                      uint8_t out[RECOVERY_HASH_SIZE]);

/*
 * Use up the code of this hash; r has changed only on SP_OK.
 * Errors:  SP_ECRYPTO no code of this set; SP_ESTATE used before
 */
SP_MUST_USE enum sp_err recovery_use(struct recovery *r, const uint8_t hash[RECOVERY_HASH_SIZE]);

/* How many are left. */
unsigned recovery_left(const struct recovery *r);

#endif
