/* SPDX-License-Identifier: Apache-2.0
 * CredSSP's binding to the target's TLS key: keeper seals ours and verifies the target's.
 */
#include "keeper/target_binding.h"

#include <assert.h>
#include <string.h>

#include <nettle/sha2.h>

#include "base/mem.h"

static_assert(TARGET_BINDING_KEY_MAX >= CREDSSP_BINDING_SIZE, "a hash fits where a key does");

static void sha256(const uint8_t *data, size_t size, uint8_t out[32])
{
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    sha256_update(&ctx, size, data);
    sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
}

size_t target_binding_make(struct target_binding *b, uint32_t version,
                           const uint8_t nonce[CREDSSP_NONCE_SIZE], const uint8_t *key,
                           size_t key_size, uint8_t *out)
{
    uint8_t ours[TARGET_BINDING_KEY_MAX], theirs[TARGET_BINDING_KEY_MAX];
    struct ntlm_seal seal;

    SP_BUG(key_size == 0 || key_size > TARGET_BINDING_KEY_MAX);
    if (version >= CREDSSP_VERSION_MIN) {
        b->size = CREDSSP_BINDING_SIZE;
        credssp_binding_hash(true, nonce, key, key_size, ours);
        credssp_binding_hash(false, nonce, key, key_size, theirs);
    } else {
        b->size = (uint32_t)key_size;
        memcpy(ours, key, key_size);
        memcpy(theirs, key, key_size);
        theirs[0]++;
    }
    sha256(theirs, b->size, b->echo_sha256);
    ntlm_seal_init(&seal, b->exported_key, false);
    ntlm_wrap(&seal, ours, b->size, out);
    ntlm_seal_clear(&seal);
    return NTLM_SIGNATURE_SIZE + b->size;
}

enum target_echo target_binding_check(const struct target_binding *b, const uint8_t *echo,
                                      size_t size)
{
    uint8_t plain[TARGET_BINDING_KEY_MAX], hash[32];
    struct ntlm_seal seal;

    if (b->size > sizeof(plain) || size != NTLM_SIGNATURE_SIZE + b->size)
        return TARGET_ECHO_UNSIGNED;
    ntlm_seal_init(&seal, b->exported_key, false);
    enum sp_err err = ntlm_unwrap(&seal, echo, size, plain, NULL);
    ntlm_seal_clear(&seal);
    if (err != SP_OK)
        return TARGET_ECHO_UNSIGNED;
    sha256(plain, b->size, hash);
    return sp_equal_ct(hash, b->echo_sha256, sizeof(hash)) ? TARGET_ECHO_GOOD : TARGET_ECHO_OTHER;
}
