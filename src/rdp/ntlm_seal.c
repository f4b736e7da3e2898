/* SPDX-License-Identifier: Apache-2.0
 * NTLM message security: signing and sealing with extended session security and key exchange.
 */
#include "rdp/ntlm_crypto.h"

#include <string.h>

#include <nettle/hmac.h>
#include <nettle/md5.h>

#include "base/mem.h"

#define CHECKSUM_SIZE 8 /* of the signature: encrypted start of the HMAC */

/* A copy of one direction's moving parts, so that a failed check leaves the original alone. */
struct direction {
    struct arcfour_ctx rc4;
    uint32_t seq;
};

static void derive(const uint8_t exported_key[NTLM_KEY_SIZE], const char *magic,
                   uint8_t out[NTLM_KEY_SIZE])
{
    struct md5_ctx ctx;

    md5_init(&ctx);
    md5_update(&ctx, NTLM_KEY_SIZE, exported_key);
    md5_update(&ctx, strlen(magic) + 1, (const uint8_t *)magic); /* with its NUL */
    md5_digest(&ctx, NTLM_KEY_SIZE, out);
    sp_wipe(&ctx, sizeof(ctx));
}

static void restart(struct ntlm_seal *s)
{
    arcfour_set_key(&s->rc4_out, NTLM_KEY_SIZE, s->seal_out);
    arcfour_set_key(&s->rc4_in, NTLM_KEY_SIZE, s->seal_in);
    s->seq_out = s->seq_in = 0;
}

void ntlm_seal_init(struct ntlm_seal *s, const uint8_t exported_key[NTLM_KEY_SIZE], bool is_server)
{
    memset(s, 0, sizeof(*s));
    derive(exported_key, "session key to client-to-server signing key magic constant",
           is_server ? s->sign_in : s->sign_out);
    derive(exported_key, "session key to client-to-server sealing key magic constant",
           is_server ? s->seal_in : s->seal_out);
    derive(exported_key, "session key to server-to-client signing key magic constant",
           is_server ? s->sign_out : s->sign_in);
    derive(exported_key, "session key to server-to-client sealing key magic constant",
           is_server ? s->seal_out : s->seal_in);
    restart(s);
}

static void put_u32le(uint8_t out[4], uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}

/* MS-NLMP 3.4.4.2: version 1, RC4 of the HMAC's first 8 bytes, sequence number. */
static void sign(const uint8_t key[NTLM_KEY_SIZE], struct direction *d, const uint8_t *message,
                 size_t size, uint8_t out[NTLM_SIGNATURE_SIZE])
{
    struct hmac_md5_ctx ctx;
    uint8_t seq[4], checksum[CHECKSUM_SIZE];

    put_u32le(seq, d->seq);
    hmac_md5_set_key(&ctx, NTLM_KEY_SIZE, key);
    hmac_md5_update(&ctx, sizeof(seq), seq);
    hmac_md5_update(&ctx, size, message);
    hmac_md5_digest(&ctx, sizeof(checksum), checksum);
    sp_wipe(&ctx, sizeof(ctx));
    put_u32le(out, 1);
    arcfour_crypt(&d->rc4, CHECKSUM_SIZE, out + 4, checksum);
    put_u32le(out + 4 + CHECKSUM_SIZE, d->seq);
    d->seq++;
}

void ntlm_wrap(struct ntlm_seal *s, const uint8_t *in, size_t size, uint8_t *out)
{
    struct direction d = {s->rc4_out, s->seq_out};

    /* The stream encrypts the message first and its checksum after it. */
    arcfour_crypt(&d.rc4, size, out + NTLM_SIGNATURE_SIZE, in);
    sign(s->sign_out, &d, in, size, out);
    s->rc4_out = d.rc4;
    s->seq_out = d.seq;
    sp_wipe(&d, sizeof(d));
}

static bool try_unwrap(struct ntlm_seal *s, uint32_t seq, const uint8_t *in, size_t size,
                       uint8_t *out)
{
    struct direction d = {s->rc4_in, seq};
    uint8_t signature[NTLM_SIGNATURE_SIZE];
    bool is_right;

    arcfour_crypt(&d.rc4, size, out, in + NTLM_SIGNATURE_SIZE);
    sign(s->sign_in, &d, out, size, signature);
    is_right = sp_equal_ct(signature, in, sizeof(signature));
    if (is_right) {
        s->rc4_in = d.rc4;
        s->seq_in = d.seq;
    }
    sp_wipe(&d, sizeof(d));
    return is_right;
}

enum sp_err ntlm_unwrap(struct ntlm_seal *s, const uint8_t *in, size_t size, uint8_t *out,
                        struct sp_fail *fail)
{
    size_t plain_size = size - NTLM_SIGNATURE_SIZE;

    if (size < NTLM_SIGNATURE_SIZE)
        return sp_fail_set(fail, SP_ESHORT, "NTLMSSP_MESSAGE_SIGNATURE", (uint32_t)size,
                           NTLM_SIGNATURE_SIZE);
    if (try_unwrap(s, s->seq_in, in, plain_size, out)) {
        s->was_reset = false;
        return SP_OK;
    }
    if (s->was_reset && try_unwrap(s, 1, in, plain_size, out)) {
        s->was_reset = false;
        s->seq_kept = true;
        s->seq_out = 1;
        return SP_OK;
    }
    sp_wipe(out, plain_size);
    return sp_fail_set(fail, SP_ECRYPTO, "NTLMSSP_MESSAGE_SIGNATURE.Checksum", s->seq_in, 0);
}

void ntlm_mech_list_mic_make(struct ntlm_seal *s, const uint8_t *mech_types, size_t size,
                             uint8_t out[NTLM_SIGNATURE_SIZE])
{
    struct direction d = {s->rc4_out, s->seq_out};

    sign(s->sign_out, &d, mech_types, size, out);
    s->rc4_out = d.rc4;
    s->seq_out = d.seq;
    sp_wipe(&d, sizeof(d));
}

enum sp_err ntlm_mech_list_mic_check(struct ntlm_seal *s, const uint8_t *mech_types, size_t size,
                                     const uint8_t mic[NTLM_SIGNATURE_SIZE], struct sp_fail *fail)
{
    struct direction d = {s->rc4_in, s->seq_in};
    uint8_t signature[NTLM_SIGNATURE_SIZE];
    bool is_right;

    sign(s->sign_in, &d, mech_types, size, signature);
    is_right = sp_equal_ct(signature, mic, sizeof(signature));
    if (is_right) {
        s->rc4_in = d.rc4;
        s->seq_in = d.seq;
    }
    sp_wipe(&d, sizeof(d));
    return is_right ? SP_OK : sp_fail_set(fail, SP_ECRYPTO, "NegTokenResp.mechListMIC", 0, 0);
}

void ntlm_seal_reset_handles(struct ntlm_seal *s)
{
    restart(s);
    s->was_reset = true;
}

void ntlm_seal_clear(struct ntlm_seal *s)
{
    sp_wipe(s, sizeof(*s));
}
