/* SPDX-License-Identifier: Apache-2.0
 * Passwords for the portal: Argon2id, with the cost written beside the hash so that it can grow.
 */
#include "keeper/portal_hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

const struct portal_cost portal_cost_now = {PORTAL_HASH_PASSES, PORTAL_HASH_MEMORY};

enum sp_err portal_hash_make(const char *password, const struct portal_cost *cost,
                             char out[PORTAL_HASH_SIZE])
{
    static_assert(PORTAL_HASH_SIZE == crypto_pwhash_STRBYTES, "libsodium's text form");

    if (crypto_pwhash_str_alg(out, password, strlen(password), cost->passes, cost->memory,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return SP_ESYS;
    return SP_OK;
}

enum sp_err portal_hash_check(const char *hash, const char *password, bool is_known,
                              char upgraded[PORTAL_HASH_SIZE])
{
    bool is_right = crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;

    if (!is_right || !is_known)
        return SP_ECRYPTO;
    upgraded[0] = '\0';
    /* The person is in; a hash that cannot be renewed now is renewed next time. */
    if (crypto_pwhash_str_needs_rehash(hash, PORTAL_HASH_PASSES, PORTAL_HASH_MEMORY) != 0 &&
        portal_hash_make(password, &portal_cost_now, upgraded) != SP_OK)
        upgraded[0] = '\0';
    return SP_OK;
}
