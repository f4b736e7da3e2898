/* SPDX-License-Identifier: Apache-2.0
 * Message security: the captured pubKeyAuth and authInfo, MS-NLMP 4.2.4.4, and the SPNEGO reset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/nla.h"
#include "rdp/ntlm_crypto.h"

#define KEY "ntlm_values/freerdp_exported_key"

static void start(struct ntlm_seal *client, struct ntlm_seal *server)
{
    ntlm_seal_init(client, nla_golden(KEY).data, false);
    ntlm_seal_init(server, nla_golden(KEY).data, true);
}

static void captured_direction_keys(void **state)
{
    struct ntlm_seal c, s;

    (void)state;
    start(&c, &s);
    assert_memory_equal(c.sign_out, nla_golden("ntlm_values/freerdp_client_sign").data, 16);
    assert_memory_equal(c.seal_out, nla_golden("ntlm_values/freerdp_client_seal").data, 16);
    assert_memory_equal(c.sign_in, nla_golden("ntlm_values/freerdp_server_sign").data, 16);
    assert_memory_equal(c.seal_in, nla_golden("ntlm_values/freerdp_server_seal").data, 16);
    assert_memory_equal(s.sign_out, c.sign_in, 16);
    assert_memory_equal(s.seal_in, c.seal_out, 16);
}

/* Seal plain and compare with the captured bytes; then open those at the other end. */
static void both_ways(struct ntlm_seal *from, struct ntlm_seal *to, const char *plain_name,
                      const char *sealed_name)
{
    struct golden plain = nla_golden(plain_name), sealed = nla_golden(sealed_name);
    uint8_t out[256];

    ntlm_wrap(from, plain.data, plain.size, out);
    assert_int_equal(sealed.size, plain.size + NTLM_SIGNATURE_SIZE);
    assert_memory_equal(out, sealed.data, sealed.size);
    memset(out, 0, sizeof(out));
    assert_int_equal(ntlm_unwrap(to, sealed.data, sealed.size, out, NULL), SP_OK);
    assert_memory_equal(out, plain.data, plain.size);
}

static void captured_exchange(void **state)
{
    struct ntlm_seal c, s;

    (void)state;
    start(&c, &s);
    both_ways(&c, &s, "credssp_values/freerdp_client_server_hash",
              "credssp_values/freerdp_pub_key_auth_client");
    both_ways(&s, &c, "credssp_values/freerdp_server_client_hash",
              "credssp_values/freerdp_pub_key_auth_server");
    both_ways(&c, &s, "ts_credentials/freerdp_password", "credssp_values/freerdp_auth_info");
    assert_int_equal(c.seq_out, 2);
    assert_int_equal(s.seq_in, 2);
    assert_false(s.seq_kept);
}

static void specified_wrap(void **state)
{
    struct golden plain = nla_golden("ntlm_values/nlmp_plaintext");
    struct golden data = nla_golden("ntlm_values/nlmp_wrap_data");
    struct ntlm_seal c;
    uint8_t out[64];

    (void)state;
    ntlm_seal_init(&c, nla_golden("ntlm_values/nlmp_random_session_key").data, false);
    assert_memory_equal(c.seal_out, nla_golden("ntlm_values/nlmp_sealkey").data, 16);
    assert_memory_equal(c.sign_out, nla_golden("ntlm_values/nlmp_signkey").data, 16);
    ntlm_wrap(&c, plain.data, plain.size, out);
    assert_memory_equal(out, nla_golden("ntlm_values/nlmp_wrap_signature").data, 16);
    assert_memory_equal(out + 16, data.data, data.size);
}

static void failure_leaves_state_alone(void **state)
{
    struct golden sealed = nla_golden("credssp_values/freerdp_pub_key_auth_client");
    struct ntlm_seal c, s;
    uint8_t out[64];

    (void)state;
    start(&c, &s);
    for (size_t i = 0; i < sealed.size * 8; i++) {
        struct sp_fail fail = {0};

        sealed.data[i / 8] ^= (uint8_t)(1u << i % 8);
        memset(out, 0xA5, sizeof(out));
        assert_int_equal(ntlm_unwrap(&s, sealed.data, sealed.size, out, &fail), SP_ECRYPTO);
        assert_int_equal(fail.code, SP_ECRYPTO);
        for (size_t n = 0; n < 32; n++)
            assert_int_equal(out[n], 0);
        sealed.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t size = 0; size < NTLM_SIGNATURE_SIZE; size++)
        assert_int_equal(ntlm_unwrap(&s, sealed.data, size, out, NULL), SP_ESHORT);
    assert_int_equal(ntlm_unwrap(&s, sealed.data, sealed.size, out, NULL), SP_OK);
    /* the same message a second time */
    assert_int_equal(ntlm_unwrap(&s, sealed.data, sealed.size, out, NULL), SP_ECRYPTO);
}

static void own_message_does_not_verify(void **state)
{
    struct ntlm_seal c, s;
    uint8_t out[64], sealed[64];

    (void)state;
    start(&c, &s);
    ntlm_wrap(&s, (const uint8_t *)"hash", 4, sealed);
    assert_int_equal(ntlm_unwrap(&s, sealed, 20, out, NULL), SP_ECRYPTO);
    assert_int_equal(ntlm_unwrap(&c, sealed, 20, out, NULL), SP_OK);
}

static void exchange_mics(struct ntlm_seal *c, struct ntlm_seal *s)
{
    static const uint8_t list[] = "mechTypes";
    uint8_t mic[NTLM_SIGNATURE_SIZE];

    ntlm_mech_list_mic_make(c, list, sizeof(list), mic);
    mic[5] ^= 1;
    assert_int_equal(ntlm_mech_list_mic_check(s, list, sizeof(list), mic, NULL), SP_ECRYPTO);
    mic[5] ^= 1;
    assert_int_equal(ntlm_mech_list_mic_check(s, list, sizeof(list) - 1, mic, NULL), SP_ECRYPTO);
    assert_int_equal(ntlm_mech_list_mic_check(s, list, sizeof(list), mic, NULL), SP_OK);
    ntlm_mech_list_mic_make(s, list, sizeof(list), mic);
    assert_int_equal(ntlm_mech_list_mic_check(c, list, sizeof(list), mic, NULL), SP_OK);
    ntlm_seal_reset_handles(c);
    ntlm_seal_reset_handles(s);
}

/* After the reset the streams and counters are those of a fresh context. */
static void reset_starts_again(void **state)
{
    struct ntlm_seal c, s;

    (void)state;
    start(&c, &s);
    exchange_mics(&c, &s);
    both_ways(&c, &s, "credssp_values/freerdp_client_server_hash",
              "credssp_values/freerdp_pub_key_auth_client");
    assert_false(s.seq_kept);
    assert_int_equal(s.seq_in, 1);
}

/* A peer that resets RC4 alone numbers its first sealed message 1: found, and followed. */
static void reset_with_kept_counter(void **state)
{
    struct ntlm_seal c, s;
    uint8_t sealed[64], out[64];

    (void)state;
    start(&c, &s);
    exchange_mics(&c, &s);
    c.seq_out = c.seq_in = 1;
    c.was_reset = false;
    ntlm_wrap(&c, (const uint8_t *)"hash", 4, sealed);
    sealed[17] ^= 1;
    assert_int_equal(ntlm_unwrap(&s, sealed, 20, out, NULL), SP_ECRYPTO);
    sealed[17] ^= 1;
    assert_int_equal(ntlm_unwrap(&s, sealed, 20, out, NULL), SP_OK);
    assert_memory_equal(out, "hash", 4);
    assert_true(s.seq_kept);
    assert_int_equal(s.seq_in, 2);
    ntlm_wrap(&s, (const uint8_t *)"echo", 4, sealed);
    assert_int_equal(ntlm_unwrap(&c, sealed, 20, out, NULL), SP_OK);
    /* only once, and only there */
    c.seq_out = 1;
    ntlm_wrap(&c, (const uint8_t *)"more", 4, sealed);
    assert_int_equal(ntlm_unwrap(&s, sealed, 20, out, NULL), SP_ECRYPTO);
}

static void clear_wipes(void **state)
{
    static const uint8_t zeros[sizeof(struct ntlm_seal)];
    struct ntlm_seal c, s;

    (void)state;
    start(&c, &s);
    ntlm_seal_clear(&c);
    assert_memory_equal(&c, zeros, sizeof(c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_direction_keys),
        cmocka_unit_test(captured_exchange),
        cmocka_unit_test(specified_wrap),
        cmocka_unit_test(failure_leaves_state_alone),
        cmocka_unit_test(own_message_does_not_verify),
        cmocka_unit_test(reset_starts_again),
        cmocka_unit_test(reset_with_kept_counter),
        cmocka_unit_test(clear_wipes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
