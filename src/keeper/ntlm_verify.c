/* SPDX-License-Identifier: Apache-2.0
 * Keeper's half of NTLM: checks a proof, makes one, seals a password. It parses nothing.
 */
#include "keeper/ntlm_verify.h"

#include <string.h>

#include "base/mem.h"
#include "base/wire.h"
#include "rdp/credssp.h"

#define TEMP_OFFSET   NTLM_KEY_SIZE /* NtResponse: proof, then temp                   */
#define CHECKSUM_SIZE 8             /* of the RC4 keystream, behind each message */

/* One attempt's outcome, computed in full whether it is right or wrong. */
struct attempt {
    uint8_t is_right; /* 0 or 1 */
    uint8_t exported_key[NTLM_KEY_SIZE];
};

static enum sp_err check_sizes(const struct ntlm_verify_ask *ask)
{
    const struct ntlm_transcript *m = &ask->messages;

    if (ask->user.size == 0 || ask->nt_response.size < NTLM_VERIFY_RESPONSE_MIN)
        return SP_EVALUE;
    if (ask->user.size > NTLM_NAME_MAX || ask->domain.size > NTLM_NAME_MAX ||
        ask->nt_response.size > NTLM_VERIFY_RESPONSE_MAX)
        return SP_ELIMIT;
    if (m->negotiate_size > NTLM_VERIFY_MESSAGES_MAX ||
        m->challenge_size > NTLM_VERIFY_MESSAGES_MAX ||
        m->authenticate_size > NTLM_VERIFY_MESSAGES_MAX)
        return SP_ELIMIT;
    if (m->negotiate_size + m->challenge_size + m->authenticate_size > NTLM_VERIFY_MESSAGES_MAX)
        return SP_ELIMIT;
    return SP_OK;
}

/* MS-NLMP 3.3.2 with one domain. No branch depends on a secret or on the outcome. */
static void attempt(const struct ntlm_verify_ask *ask, const uint8_t nt_hash[NTLM_KEY_SIZE],
                    size_t domain_size, struct attempt *out)
{
    uint8_t key[NTLM_KEY_SIZE], proof[NTLM_KEY_SIZE];

    /* check_sizes has bounded the user */
    SP_BUG(ntlm_response_key(nt_hash, ask->user.data, ask->user.size, ask->domain.data, domain_size,
                             key) != SP_OK);
    ntlm_proof(key, ask->server_challenge, ask->nt_response.data + TEMP_OFFSET,
               ask->nt_response.size - TEMP_OFFSET, proof);
    out->is_right = sp_equal_ct(proof, ask->nt_response.data, sizeof(proof));
    ntlm_session_base_key(key, proof, key);
    ntlm_exchange_key(key, ask->encrypted_random_session_key, out->exported_key);
    sp_wipe(key, sizeof(key));
    sp_wipe(proof, sizeof(proof));
}

/* Take b where a is wrong, without a branch. */
static void choose(struct attempt *a, const struct attempt *b)
{
    uint8_t mask = (uint8_t)(a->is_right - 1);

    for (size_t i = 0; i < NTLM_KEY_SIZE; i++)
        a->exported_key[i] =
            (uint8_t)((a->exported_key[i] & (uint8_t)~mask) | (b->exported_key[i] & mask));
    a->is_right = a->is_right | b->is_right;
}

enum sp_err ntlm_verify_check(const struct ntlm_verify_ask *ask,
                              const uint8_t nt_hash[NTLM_KEY_SIZE], bool is_known,
                              uint8_t exported_key[NTLM_KEY_SIZE])
{
    struct attempt with_domain, without;
    uint8_t mic[NTLM_KEY_SIZE], is_right;
    enum sp_err err = check_sizes(ask);

    if (err != SP_OK)
        return err;
    attempt(ask, nt_hash, ask->domain.size, &with_domain);
    attempt(ask, nt_hash, 0, &without); /* MS-NLMP 3.2.5.1.2: SHOULD retry with an empty domain */
    choose(&with_domain, &without);
    ntlm_mic(with_domain.exported_key, &ask->messages, mic);
    is_right =
        with_domain.is_right & (uint8_t)sp_equal_ct(mic, ask->mic, sizeof(mic)) & (uint8_t)is_known;
    if (is_right)
        memcpy(exported_key, with_domain.exported_key, NTLM_KEY_SIZE);
    sp_wipe(&with_domain, sizeof(with_domain));
    sp_wipe(&without, sizeof(without));
    sp_wipe(mic, sizeof(mic));
    return is_right ? SP_OK : SP_ECRYPTO;
}

enum sp_err ntlm_bind_with(const struct ntlm_bind_ask *ask, const uint8_t nt_hash[NTLM_KEY_SIZE],
                           const uint8_t client_challenge[NTLM_CHALLENGE_SIZE],
                           const uint8_t exported_key[NTLM_KEY_SIZE], struct ntlm_bind_answer *out)
{
    uint8_t key[NTLM_KEY_SIZE];
    uint8_t *temp = out->nt_response + TEMP_OFFSET;
    struct wr w;

    if (ask->av_pairs.size > NTLM_BIND_AV_PAIRS_MAX || ask->domain.size > NTLM_NAME_MAX ||
        ask->user.size > NTLM_NAME_MAX)
        return SP_ELIMIT;
    SP_BUG(ntlm_response_key(nt_hash, ask->user.data, ask->user.size, ask->domain.data,
                             ask->domain.size, key) != SP_OK);
    wr_init(&w, temp, sizeof(out->nt_response) - TEMP_OFFSET);
    wr_u16le(&w, 0x0101); /* RespType, HiRespType */
    wr_zero(&w, 6);
    wr_u64le(&w, ask->time);
    wr_bytes(&w, client_challenge, NTLM_CHALLENGE_SIZE);
    wr_zero(&w, 4);
    wr_bytes(&w, ask->av_pairs.data, ask->av_pairs.size);
    wr_zero(&w, 4);
    SP_BUG(!wr_ok(&w)); /* NTLM_BIND_RESPONSE_MAX has room for the largest */
    ntlm_proof(key, ask->server_challenge, temp, w.pos, out->nt_response);
    out->nt_response_size = TEMP_OFFSET + w.pos;
    ntlm_session_base_key(key, out->nt_response, key);
    memcpy(out->exported_key, exported_key, NTLM_KEY_SIZE);
    ntlm_exchange_key(key, exported_key, out->encrypted_random_session_key);
    sp_wipe(key, sizeof(key));
    return SP_OK;
}

enum sp_err ntlm_bind(const struct ntlm_bind_ask *ask, const uint8_t nt_hash[NTLM_KEY_SIZE],
                      struct ntlm_bind_answer *out)
{
    uint8_t client_challenge[NTLM_CHALLENGE_SIZE], exported_key[NTLM_KEY_SIZE];
    enum sp_err err;

    sp_random(client_challenge, sizeof(client_challenge));
    sp_random(exported_key, sizeof(exported_key));
    err = ntlm_bind_with(ask, nt_hash, client_challenge, exported_key, out);
    sp_wipe(exported_key, sizeof(exported_key));
    return err;
}

static struct rd reader(struct ntlm_blob b)
{
    struct rd r;

    rd_init(&r, b.data, b.size);
    return r;
}

enum sp_err ntlm_seal_credentials(const uint8_t exported_key[NTLM_KEY_SIZE],
                                  const struct ntlm_seal_ask *ask, uint8_t *out, size_t out_size,
                                  size_t *out_used)
{
    static const uint8_t zeros[NTLM_SKIPPED_MAX];
    uint8_t plain[NTLM_SEALED_MAX - NTLM_SIGNATURE_SIZE];
    uint8_t skipped[NTLM_SIGNATURE_SIZE + NTLM_SKIPPED_MAX];
    struct ts_password creds = {reader(ask->domain), reader(ask->user), reader(ask->password),
                                false};
    struct ntlm_seal seal;
    struct wr w;
    enum sp_err err;

    if (ask->skip <= CHECKSUM_SIZE || ask->skip > NTLM_SKIPPED_MAX)
        return SP_EVALUE;
    wr_init(&w, plain, sizeof(plain));
    err = ts_credentials_write(&w, &creds);
    if (err == SP_OK && out_size < NTLM_SIGNATURE_SIZE + w.pos)
        err = SP_ESPACE;
    if (err == SP_OK) {
        /* Step over the pubKeyAuth that the session sealed: its RC4, sequence number 0. */
        ntlm_seal_init(&seal, exported_key, false);
        ntlm_wrap(&seal, zeros, ask->skip - CHECKSUM_SIZE, skipped);
        ntlm_wrap(&seal, plain, w.pos, out);
        *out_used = NTLM_SIGNATURE_SIZE + w.pos;
        ntlm_seal_clear(&seal);
        sp_wipe(skipped, sizeof(skipped));
    }
    sp_wipe(plain, sizeof(plain));
    return err;
}
