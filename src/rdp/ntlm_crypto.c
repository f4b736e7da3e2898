/* SPDX-License-Identifier: Apache-2.0
 * NTLMv2 arithmetic: keys, proofs and the MIC. Pure functions, no parsing.
 */
#include "rdp/ntlm_crypto.h"

#include <string.h>

#include <nettle/hmac.h>
#include <nettle/md4.h>

#include "base/mem.h"
#include "base/text.h"

/* One piece of an HMAC's input. */
struct piece {
    const uint8_t *data;
    size_t size;
};

static void hmac(const uint8_t key[NTLM_KEY_SIZE], const struct piece *pieces, size_t count,
                 uint8_t out[NTLM_KEY_SIZE])
{
    struct hmac_md5_ctx ctx;

    hmac_md5_set_key(&ctx, NTLM_KEY_SIZE, key);
    for (size_t i = 0; i < count; i++)
        hmac_md5_update(&ctx, pieces[i].size, pieces[i].data);
    hmac_md5_digest(&ctx, NTLM_KEY_SIZE, out);
    sp_wipe(&ctx, sizeof(ctx));
}

void ntlm_nt_hash(const uint8_t *password, size_t size, uint8_t out[NTLM_KEY_SIZE])
{
    struct md4_ctx ctx;

    md4_init(&ctx);
    md4_update(&ctx, size, password);
    md4_digest(&ctx, NTLM_KEY_SIZE, out);
    sp_wipe(&ctx, sizeof(ctx));
}

enum sp_err ntlm_response_key(const uint8_t nt_hash[NTLM_KEY_SIZE], const uint8_t *user,
                              size_t user_size, const uint8_t *domain, size_t domain_size,
                              uint8_t out[NTLM_KEY_SIZE])
{
    uint8_t upper[NTLM_NAME_MAX];

    if (user_size > sizeof(upper))
        return SP_ELIMIT;
    if (user_size > 0)
        memcpy(upper, user, user_size);
    text_upper_utf16le(upper, user_size);
    hmac(nt_hash, (struct piece[]){{upper, user_size}, {domain, domain_size}}, 2, out);
    return SP_OK;
}

void ntlm_proof(const uint8_t response_key[NTLM_KEY_SIZE],
                const uint8_t server_challenge[NTLM_CHALLENGE_SIZE], const uint8_t *temp,
                size_t temp_size, uint8_t out[NTLM_KEY_SIZE])
{
    hmac(response_key, (struct piece[]){{server_challenge, NTLM_CHALLENGE_SIZE}, {temp, temp_size}},
         2, out);
}

void ntlm_session_base_key(const uint8_t response_key[NTLM_KEY_SIZE],
                           const uint8_t proof[NTLM_KEY_SIZE], uint8_t out[NTLM_KEY_SIZE])
{
    hmac(response_key, (struct piece[]){{proof, NTLM_KEY_SIZE}}, 1, out);
}

void ntlm_exchange_key(const uint8_t key_exchange_key[NTLM_KEY_SIZE],
                       const uint8_t in[NTLM_KEY_SIZE], uint8_t out[NTLM_KEY_SIZE])
{
    struct arcfour_ctx rc4;

    arcfour_set_key(&rc4, NTLM_KEY_SIZE, key_exchange_key);
    arcfour_crypt(&rc4, NTLM_KEY_SIZE, out, in);
    sp_wipe(&rc4, sizeof(rc4));
}

void ntlm_mic(const uint8_t exported_key[NTLM_KEY_SIZE], const struct ntlm_transcript *m,
              uint8_t out[NTLM_KEY_SIZE])
{
    hmac(exported_key,
         (struct piece[]){{m->negotiate, m->negotiate_size},
                          {m->challenge, m->challenge_size},
                          {m->authenticate, m->authenticate_size}},
         3, out);
}
