/* SPDX-License-Identifier: Apache-2.0
 * Passwords for the portal: Argon2id, with the cost written beside the hash so that it can grow.
 *
 * Both calls take tens of milliseconds: they belong on the worker (worker.h).
 */
#ifndef SP_KEEPER_PORTAL_HASH_H
#define SP_KEEPER_PORTAL_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define PORTAL_HASH_SIZE   128 /* libsodium's text form, with NUL */
#define PORTAL_HASH_MEMORY (19u * 1024u * 1024u)
#define PORTAL_HASH_PASSES 2

/* What a run costs. */
struct portal_cost {
    unsigned long long passes;
    size_t memory; /* bytes */
};

/* The cost of new hashes. */
extern const struct portal_cost portal_cost_now;

/*
 * Hash a password.
 * password UTF-8, NUL-terminated
 * Errors:  SP_ESYS no memory for a run
 */
SP_MUST_USE enum sp_err portal_hash_make(const char *password, const struct portal_cost *cost,
                                         char out[PORTAL_HASH_SIZE]);

/*
 * Check a password.
 * hash     NUL-terminated; of anybody if the person is unknown, and is_known is false then: the
 *          work is the same
 * upgraded on SP_OK the hash with today's cost, to be stored in the place of the old one, or empty
 * Errors:  SP_ECRYPTO
 */
SP_MUST_USE enum sp_err portal_hash_check(const char *hash, const char *password, bool is_known,
                                          char upgraded[PORTAL_HASH_SIZE]);

#endif
