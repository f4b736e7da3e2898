/* SPDX-License-Identifier: Apache-2.0
 * NTLMv2 arithmetic recomputed byte for byte: a captured exchange and MS-NLMP 4.2.4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/nla.h"
#include "rdp/ntlm.h"

#define MIC_OFFSET 72

static void assert_value(const uint8_t *got, const char *name)
{
    assert_memory_equal(got, nla_golden(name).data, NTLM_KEY_SIZE);
}

static struct ntlm_authenticate read_authenticate(const char *name)
{
    struct rd r = nla_reader(nla_golden(name));
    struct ntlm_authenticate a;

    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    return a;
}

static void captured_keys(void **state)
{
    struct golden password = nla_golden("ntlm_values/freerdp_password");
    struct ntlm_authenticate a = read_authenticate("ntlm_authenticate/freerdp");
    uint8_t key[NTLM_KEY_SIZE], proof[NTLM_KEY_SIZE];

    (void)state;
    ntlm_nt_hash(password.data, password.size, key);
    assert_value(key, "ntlm_values/freerdp_nt_hash");
    assert_int_equal(
        ntlm_response_key(key, a.user.at, a.user.left, a.domain.at, a.domain.left, key), SP_OK);
    assert_value(key, "ntlm_values/freerdp_response_key");
    ntlm_proof(key, nla_golden("ntlm_values/freerdp_server_challenge").data,
               a.nt_response.at + NTLM_KEY_SIZE, a.nt_response.left - NTLM_KEY_SIZE, proof);
    assert_value(proof, "ntlm_values/freerdp_nt_proof_str");
    assert_value(a.nt_response.at, "ntlm_values/freerdp_nt_proof_str");
    ntlm_session_base_key(key, proof, key);
    assert_value(key, "ntlm_values/freerdp_session_base_key");
    assert_value(a.encrypted_random_session_key.at, "ntlm_values/freerdp_encrypted_session_key");
    ntlm_exchange_key(key, a.encrypted_random_session_key.at, key);
    assert_value(key, "ntlm_values/freerdp_exported_key");
}

static void captured_mic(void **state)
{
    struct golden negotiate = nla_golden("ntlm_negotiate/freerdp");
    struct golden challenge = nla_golden("ntlm_challenge/freerdp");
    struct golden authenticate = nla_golden("ntlm_authenticate/freerdp");
    struct ntlm_authenticate a = read_authenticate("ntlm_authenticate/freerdp");
    struct ntlm_transcript t = {negotiate.data, challenge.data, authenticate.data,
                                negotiate.size, challenge.size, authenticate.size};
    uint8_t mic[NTLM_KEY_SIZE];

    (void)state;
    assert_true(a.has_mic);
    assert_int_equal(a.mic_offset, MIC_OFFSET);
    assert_value(a.mic, "ntlm_values/freerdp_mic");
    memset(authenticate.data + a.mic_offset, 0, NTLM_KEY_SIZE);
    ntlm_mic(nla_golden("ntlm_values/freerdp_exported_key").data, &t, mic);
    assert_value(mic, "ntlm_values/freerdp_mic");
    negotiate.data[12] ^= 0x10; /* SIGN taken out of NEGOTIATE */
    ntlm_mic(nla_golden("ntlm_values/freerdp_exported_key").data, &t, mic);
    assert_memory_not_equal(mic, a.mic, NTLM_KEY_SIZE);
}

static void specified_keys(void **state)
{
    struct golden password = nla_golden("ntlm_values/nlmp_passwd");
    struct golden user = nla_golden("ntlm_values/nlmp_user");
    struct golden domain = nla_golden("ntlm_values/nlmp_user_dom");
    struct golden temp = nla_golden("ntlm_values/nlmp_temp");
    uint8_t key[NTLM_KEY_SIZE], proof[NTLM_KEY_SIZE];

    (void)state;
    ntlm_nt_hash(password.data, password.size, key);
    assert_value(key, "ntlm_values/nlmp_ntowfv1");
    assert_int_equal(ntlm_response_key(key, user.data, user.size, domain.data, domain.size, key),
                     SP_OK);
    assert_value(key, "ntlm_values/nlmp_ntowfv2");
    ntlm_proof(key, nla_golden("ntlm_values/nlmp_server_challenge").data, temp.data, temp.size,
               proof);
    assert_value(proof, "ntlm_values/nlmp_nt_proof_str");
    ntlm_session_base_key(key, proof, key);
    assert_value(key, "ntlm_values/nlmp_session_base_key");
    ntlm_exchange_key(key, nla_golden("ntlm_values/nlmp_random_session_key").data, proof);
    assert_value(proof, "ntlm_values/nlmp_encrypted_session_key");
}

static void specified_messages_agree(void **state)
{
    struct ntlm_authenticate a = read_authenticate("ntlm_authenticate/nlmp");
    struct golden temp = nla_golden("ntlm_values/nlmp_temp");
    struct ntlmv2_response v;

    (void)state;
    assert_false(a.has_mic);
    assert_int_equal(ntlmv2_response_read(a.nt_response, &v, NULL), SP_OK);
    assert_value(v.proof, "ntlm_values/nlmp_nt_proof_str");
    assert_int_equal(v.temp.left, temp.size);
    assert_memory_equal(v.temp.at, temp.data, temp.size);
    assert_memory_equal(v.client_challenge, nla_golden("ntlm_values/nlmp_client_challenge").data,
                        NTLM_CHALLENGE_SIZE);
    assert_value(a.encrypted_random_session_key.at, "ntlm_values/nlmp_encrypted_session_key");
}

static void long_user_is_refused(void **state)
{
    static uint8_t name[NTLM_NAME_MAX + 2];
    uint8_t key[NTLM_KEY_SIZE] = {0};

    (void)state;
    assert_int_equal(ntlm_response_key(key, name, sizeof(name), NULL, 0, key), SP_ELIMIT);
    assert_int_equal(ntlm_response_key(key, name, NTLM_NAME_MAX, NULL, 0, key), SP_OK);
    assert_int_equal(ntlm_response_key(key, NULL, 0, NULL, 0, key), SP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_keys),        cmocka_unit_test(captured_mic),
        cmocka_unit_test(specified_keys),       cmocka_unit_test(specified_messages_agree),
        cmocka_unit_test(long_user_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
