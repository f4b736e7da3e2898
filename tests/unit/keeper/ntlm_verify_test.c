/* SPDX-License-Identifier: Apache-2.0
 * Keeper's verifier against the captured exchange, and its bind and seal verbs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "keeper/ntlm_verify.h"
#include "support/nla.h"
#include "rdp/credssp.h"
#include "rdp/ntlm.h"

#define HASH "ntlm_values/freerdp_nt_hash"
#define KEY  "ntlm_values/freerdp_exported_key"

static struct ntlm_blob blob(const struct rd *r)
{
    return (struct ntlm_blob){r->at, r->left};
}

static struct ntlm_blob golden_blob(const char *name)
{
    struct golden g = nla_golden(name);

    return (struct ntlm_blob){g.data, g.size};
}

/* The captured question; the caller may change the golden bytes, which are fresh each time. */
static struct ntlm_verify_ask captured(void)
{
    struct golden authenticate = nla_golden("ntlm_authenticate/freerdp");
    struct golden negotiate = nla_golden("ntlm_negotiate/freerdp");
    struct golden challenge = nla_golden("ntlm_challenge/freerdp");
    struct rd r = nla_reader(authenticate);
    struct ntlm_verify_ask ask;
    struct ntlm_authenticate a;

    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    ask = (struct ntlm_verify_ask){
        .user = blob(&a.user),
        .domain = blob(&a.domain),
        .nt_response = blob(&a.nt_response),
        .messages = {negotiate.data, challenge.data, authenticate.data, negotiate.size,
                     challenge.size, authenticate.size},
    };
    memcpy(ask.server_challenge, challenge.data + 24, sizeof(ask.server_challenge));
    memcpy(ask.encrypted_random_session_key, a.encrypted_random_session_key.at, NTLM_KEY_SIZE);
    memcpy(ask.mic, a.mic, NTLM_KEY_SIZE);
    memset(authenticate.data + a.mic_offset, 0, NTLM_KEY_SIZE);
    return ask;
}

static enum sp_err verify(const struct ntlm_verify_ask *ask)
{
    uint8_t key[NTLM_KEY_SIZE], before[NTLM_KEY_SIZE];
    enum sp_err err;

    memset(before, 0xA5, sizeof(before));
    memcpy(key, before, sizeof(key));
    err = ntlm_verify_check(ask, nla_golden(HASH).data, true, key);
    assert_memory_equal(key, err == SP_OK ? nla_golden(KEY).data : before, sizeof(key));
    return err;
}

static void captured_proof_is_right(void **state)
{
    struct ntlm_verify_ask ask = captured();

    (void)state;
    assert_int_equal(verify(&ask), SP_OK);
}

static void unknown_user_is_refused(void **state)
{
    struct ntlm_verify_ask ask = captured();
    uint8_t key[NTLM_KEY_SIZE] = {0}, zero[NTLM_KEY_SIZE] = {0};

    (void)state;
    /* even with the right hash: nothing but is_known decides */
    assert_int_equal(ntlm_verify_check(&ask, nla_golden(HASH).data, false, key), SP_ECRYPTO);
    assert_int_equal(ntlm_verify_check(&ask, zero, false, key), SP_ECRYPTO);
    assert_int_equal(ntlm_verify_check(&ask, zero, true, key), SP_ECRYPTO);
    assert_memory_equal(key, zero, sizeof(key));
}

/* Flip each bit of size bytes in turn: none may be accepted. */
static void refuse_each_bit(const struct ntlm_verify_ask *ask, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(verify(ask), SP_ECRYPTO);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_int_equal(verify(ask), SP_OK);
}

static void every_bit_counts(void **state)
{
    struct ntlm_verify_ask ask = captured();
    struct golden copy = nla_golden("ntlm_challenge/freerdp");

    (void)state;
    refuse_each_bit(&ask, ask.mic, sizeof(ask.mic));
    refuse_each_bit(&ask, ask.server_challenge, sizeof(ask.server_challenge));
    refuse_each_bit(&ask, ask.encrypted_random_session_key, NTLM_KEY_SIZE);
    ask.messages.challenge = copy.data;
    refuse_each_bit(&ask, copy.data, copy.size);
    copy = nla_golden("ntlm_negotiate/freerdp"); /* SIGN and SEAL taken out, among others */
    ask.messages.negotiate = copy.data;
    refuse_each_bit(&ask, copy.data, copy.size);
    copy = nla_golden("ntlm_authenticate/freerdp");
    memset(copy.data + 72, 0, NTLM_KEY_SIZE);
    ask.messages.authenticate = copy.data;
    refuse_each_bit(&ask, copy.data, copy.size);
    copy.size = ask.nt_response.size;
    memmove(copy.data, ask.nt_response.data, copy.size);
    ask = captured();
    ask.nt_response.data = copy.data;
    refuse_each_bit(&ask, copy.data, copy.size);
}

static void proof_with_another_domain(void **state)
{
    struct ntlm_verify_ask ask = captured();

    (void)state;
    ask.domain.size -= 2;
    assert_int_equal(verify(&ask), SP_ECRYPTO);
    ask.domain.size = 0;
    assert_int_equal(verify(&ask), SP_ECRYPTO);
}

static void user_is_upper_cased(void **state)
{
    struct ntlm_verify_ask ask = captured();
    uint8_t user[10];

    (void)state;
    memcpy(user, ask.user.data, sizeof(user));
    text_upper_utf16le(user, sizeof(user));
    ask.user.data = user;
    assert_int_equal(verify(&ask), SP_OK);
    user[0] = 'b';
    assert_int_equal(verify(&ask), SP_ECRYPTO);
}

static void sizes_are_bounded(void **state)
{
    struct ntlm_verify_ask ask = captured();

    (void)state;
    ask.user.size = 0;
    assert_int_equal(verify(&ask), SP_EVALUE);
    ask = captured();
    ask.nt_response.size = NTLM_VERIFY_RESPONSE_MIN - 1;
    assert_int_equal(verify(&ask), SP_EVALUE);
    ask = captured();
    ask.nt_response.size = NTLM_VERIFY_RESPONSE_MAX + 1;
    assert_int_equal(verify(&ask), SP_ELIMIT);
    ask = captured();
    ask.user.size = NTLM_NAME_MAX + 2;
    assert_int_equal(verify(&ask), SP_ELIMIT);
    ask = captured();
    ask.domain.size = NTLM_NAME_MAX + 2;
    assert_int_equal(verify(&ask), SP_ELIMIT);
    ask = captured();
    ask.messages.negotiate_size = SIZE_MAX;
    assert_int_equal(verify(&ask), SP_ELIMIT);
    ask = captured();
    ask.messages.challenge_size = NTLM_VERIFY_MESSAGES_MAX;
    assert_int_equal(verify(&ask), SP_ELIMIT);
}

/* With the capture's random values bind makes the captured response. */
static void bind_is_that_of_the_capture(void **state)
{
    struct ntlm_verify_ask v = captured();
    struct ntlm_bind_ask ask = {.user = v.user, .domain = v.domain};
    struct rd nt;
    struct ntlmv2_response r;
    struct ntlm_bind_answer out;

    (void)state;
    rd_init(&nt, v.nt_response.data, v.nt_response.size);
    assert_int_equal(ntlmv2_response_read(nt, &r, NULL), SP_OK);
    memcpy(ask.server_challenge, v.server_challenge, sizeof(ask.server_challenge));
    ask.time = r.timestamp;
    /* the captured client padded with 12 zeros where the specification has 4 */
    ask.av_pairs = (struct ntlm_blob){r.av_pairs.at, r.av_pairs.left + 8};
    assert_int_equal(
        ntlm_bind_with(&ask, nla_golden(HASH).data, r.client_challenge, nla_golden(KEY).data, &out),
        SP_OK);
    assert_int_equal(out.nt_response_size, v.nt_response.size);
    assert_memory_equal(out.nt_response, v.nt_response.data, v.nt_response.size);
    assert_memory_equal(out.encrypted_random_session_key, v.encrypted_random_session_key, 16);
    assert_memory_equal(out.exported_key, nla_golden(KEY).data, 16);
}

static void bind_is_random_and_bounded(void **state)
{
    static uint8_t pairs[NTLM_BIND_AV_PAIRS_MAX + 1];
    struct ntlm_bind_ask ask = {.av_pairs = {pairs, NTLM_BIND_AV_PAIRS_MAX},
                                .user = {pairs, NTLM_NAME_MAX},
                                .domain = {pairs, NTLM_NAME_MAX}};
    uint8_t hash[NTLM_KEY_SIZE] = {0};
    struct ntlm_bind_answer one, two;

    (void)state;
    assert_int_equal(ntlm_bind(&ask, hash, &one), SP_OK);
    assert_int_equal(ntlm_bind(&ask, hash, &two), SP_OK);
    assert_int_equal(one.nt_response_size, NTLM_BIND_RESPONSE_MAX);
    assert_memory_not_equal(one.nt_response, two.nt_response, 16);
    assert_memory_not_equal(one.nt_response + 32, two.nt_response + 32, 8);
    assert_memory_not_equal(one.exported_key, two.exported_key, 16);
    ask.av_pairs.size++;
    assert_int_equal(ntlm_bind(&ask, hash, &one), SP_ELIMIT);
    ask.av_pairs.size = 0;
    ask.user.size += 2;
    assert_int_equal(ntlm_bind(&ask, hash, &one), SP_ELIMIT);
    ask.user.size = 2;
    ask.domain.size += 2;
    assert_int_equal(ntlm_bind(&ask, hash, &one), SP_ELIMIT);
}

static void credentials_are_sealed_as_captured(void **state)
{
    struct golden want = nla_golden("credssp_values/freerdp_auth_info");
    struct ntlm_verify_ask ask = captured();
    struct ntlm_seal_ask seal = {ask.domain, ask.user, golden_blob("ntlm_values/freerdp_password"),
                                 40};
    uint8_t out[256];
    size_t used = 7;

    (void)state;
    assert_int_equal(ntlm_seal_credentials(nla_golden(KEY).data, &seal, out, sizeof(out), &used),
                     SP_OK);
    assert_int_equal(used, want.size);
    assert_memory_equal(out, want.data, want.size);
    used = 7;
    assert_int_equal(ntlm_seal_credentials(nla_golden(KEY).data, &seal, out, want.size - 1, &used),
                     SP_ESPACE);
    seal.skip = 8;
    assert_int_equal(ntlm_seal_credentials(nla_golden(KEY).data, &seal, out, sizeof(out), &used),
                     SP_EVALUE);
    seal.skip = NTLM_SKIPPED_MAX + 1;
    assert_int_equal(ntlm_seal_credentials(nla_golden(KEY).data, &seal, out, sizeof(out), &used),
                     SP_EVALUE);
    assert_int_equal(used, 7);
}

static void long_password_is_refused(void **state)
{
    static uint8_t password[NTLM_SEALED_MAX], out[2 * NTLM_SEALED_MAX];
    struct ntlm_seal_ask seal = {{password, 0}, {password, 0}, {password, sizeof(password)}, 40};
    size_t used;

    (void)state;
    assert_int_equal(ntlm_seal_credentials(nla_golden(KEY).data, &seal, out, sizeof(out), &used),
                     SP_ESPACE);
}

/* Behind a pubKeyAuth of another size the same text is opened by the same stream. */
static void sealed_behind_an_older_binding(void **state)
{
    static const uint8_t key[270] = {0x30};
    static uint8_t first[NTLM_SIGNATURE_SIZE + sizeof(key)], out[512], plain[512];
    struct ntlm_verify_ask ask = captured();
    struct ntlm_seal_ask what = {ask.domain, ask.user, {NULL, 0}, sizeof(key) + 8};
    struct ntlm_seal sender, receiver;
    struct sp_fail fail = {0};
    struct ts_credentials creds;
    struct rd r;
    size_t used;

    (void)state;
    ntlm_seal_init(&sender, nla_golden(KEY).data, false);
    ntlm_seal_init(&receiver, nla_golden(KEY).data, true);
    ntlm_wrap(&sender, key, sizeof(key), first);
    assert_int_equal(ntlm_seal_credentials(nla_golden(KEY).data, &what, out, sizeof(out), &used),
                     SP_OK);
    assert_int_equal(ntlm_unwrap(&receiver, first, sizeof(first), plain, &fail), SP_OK);
    assert_int_equal(ntlm_unwrap(&receiver, out, used, plain, &fail), SP_OK);
    rd_init(&r, plain, used - NTLM_SIGNATURE_SIZE);
    assert_int_equal(ts_credentials_read(&r, &creds), SP_OK);
    assert_int_equal(creds.password.password.left, 0);
    assert_int_equal(creds.password.user.left, ask.user.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_proof_is_right),
        cmocka_unit_test(unknown_user_is_refused),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(proof_with_another_domain),
        cmocka_unit_test(user_is_upper_cased),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(bind_is_that_of_the_capture),
        cmocka_unit_test(bind_is_random_and_bounded),
        cmocka_unit_test(credentials_are_sealed_as_captured),
        cmocka_unit_test(long_password_is_refused),
        cmocka_unit_test(sealed_behind_an_older_binding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
