/* SPDX-License-Identifier: Apache-2.0
 * The server side with captured tokens: raw, inside SPNEGO, and in every wrong order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/nla.h"
#include "rdp/ntlm_acceptor.h"
#include "support/vector.h"

#define TIMESTAMP UINT64_C(0x01dd7a91d39b4d80) /* of the capture */
#define KEY       "ntlm_values/freerdp_exported_key"

static const struct ntlm_names names = {"VM", "VM", "vm", "vm"};

/* One acceptor and what it answered last. */
struct run {
    struct ntlm_acceptor a;
    uint8_t reply[2048];
    size_t reply_size;
};

static enum sp_err feed_bytes(struct run *run, const uint8_t *data, size_t size)
{
    uint8_t *exact = vector_prefix(data, size);
    struct rd in;
    struct wr out;
    enum sp_err err;

    rd_init(&in, exact, size);
    wr_init(&out, run->reply, sizeof(run->reply));
    err = ntlm_acceptor_token(&run->a, &in, &out);
    run->reply_size = out.pos;
    free(exact); /* the acceptor may keep nothing of it */
    return err;
}

static enum sp_err feed(struct run *run, const char *name)
{
    struct golden g = nla_golden(name);

    return feed_bytes(run, g.data, g.size);
}

static enum sp_err challenge(struct run *run)
{
    struct wr out;
    enum sp_err err;

    wr_init(&out, run->reply, sizeof(run->reply));
    err = ntlm_acceptor_challenge(&run->a, nla_golden("ntlm_values/freerdp_server_challenge").data,
                                  TIMESTAMP, &out);
    run->reply_size = out.pos;
    return err;
}

static enum sp_err accept_key(struct run *run)
{
    struct wr out;
    enum sp_err err;

    wr_init(&out, run->reply, sizeof(run->reply));
    err = ntlm_acceptor_accept(&run->a, nla_golden(KEY).data, &out);
    run->reply_size = out.pos;
    return err;
}

static struct spnego_resp reply(const struct run *run)
{
    struct spnego_resp resp;
    struct rd r;

    rd_init(&r, run->reply, run->reply_size);
    assert_int_equal(spnego_resp_read(&r, &resp), SP_OK);
    return resp;
}

static void assert_dead(struct run *run, enum sp_err code)
{
    assert_int_equal(run->a.state, NTLM_ACCEPTOR_FAILED);
    assert_int_equal(run->a.fail.code, code);
    assert_int_equal(feed(run, "ntlm_negotiate/freerdp"), SP_ESTATE);
    assert_int_equal(challenge(run), SP_ESTATE);
    assert_int_equal(accept_key(run), SP_ESTATE);
}

static void start(struct run *run)
{
    memset(run, 0, sizeof(*run));
    ntlm_acceptor_init(&run->a, &names);
}

static void start_raw(struct run *run)
{
    start(run);
    assert_int_equal(feed(run, "ntlm_negotiate/freerdp"), SP_OK);
    assert_int_equal(run->a.state, NTLM_ACCEPTOR_WAIT_CHALLENGE);
    assert_int_equal(run->reply_size, 0);
    assert_int_equal(challenge(run), SP_OK);
    assert_int_equal(run->a.state, NTLM_ACCEPTOR_WAIT_AUTHENTICATE);
}

static void raw_challenge(void **state)
{
    struct run run;
    struct ntlm_challenge c;
    struct rd r;

    (void)state;
    start_raw(&run);
    rd_init(&r, run.reply, run.reply_size);
    assert_int_equal(ntlm_challenge_read(&r, &c), SP_OK);
    assert_int_equal(c.flags & NTLM_FLAGS_REQUIRED, NTLM_FLAGS_REQUIRED);
    assert_int_equal(c.flags & (NTLM_NEGOTIATE_OEM | NTLMSSP_NEGOTIATE_LM_KEY), 0);
    assert_true(c.flags & NTLMSSP_TARGET_TYPE_SERVER);
    assert_int_equal(c.target_name.left, 4);
    assert_int_equal(c.target_info.left, 48);
    assert_memory_equal(run.a.challenge, run.reply, run.reply_size);
}

static void raw_exchange(void **state)
{
    struct golden sealed = nla_golden("credssp_values/freerdp_pub_key_auth_client");
    struct golden authenticate = nla_golden("ntlm_authenticate/freerdp");
    struct ntlm_verify_input in;
    struct run run;
    uint8_t plain[64];

    (void)state;
    start_raw(&run);
    assert_int_equal(ntlm_acceptor_verify_input(&run.a, &in), SP_ESTATE);
    assert_int_equal(feed(&run, "ntlm_authenticate/freerdp"), SP_OK);
    assert_int_equal(run.a.state, NTLM_ACCEPTOR_WAIT_VERDICT);
    assert_int_equal(run.reply_size, 0);
    assert_int_equal(ntlm_acceptor_verify_input(&run.a, &in), SP_OK);
    assert_int_equal(in.user.left, 10);
    assert_int_equal(in.domain.left, 6);
    assert_int_equal(in.nt_response.left, 0xAA);
    assert_memory_equal(in.mic, nla_golden("ntlm_values/freerdp_mic").data, 16);
    assert_memory_equal(in.encrypted_random_session_key,
                        nla_golden("ntlm_values/freerdp_encrypted_session_key").data, 16);
    assert_int_equal(in.messages.negotiate_size, 40);
    memset(authenticate.data + 72, 0, 16);
    assert_int_equal(in.messages.authenticate_size, authenticate.size);
    assert_memory_equal(in.messages.authenticate, authenticate.data, authenticate.size);
    assert_true(run.a.facts.has_spn);
    assert_int_equal(accept_key(&run), SP_OK);
    assert_int_equal(run.reply_size, 0);
    assert_int_equal(run.a.state, NTLM_ACCEPTOR_DONE);
    assert_int_equal(ntlm_unwrap(&run.a.seal, sealed.data, sealed.size, plain, NULL), SP_OK);
    assert_memory_equal(plain, nla_golden("credssp_values/freerdp_client_server_hash").data, 32);
    assert_int_equal(accept_key(&run), SP_ESTATE); /* once only */
    assert_dead(&run, SP_ESTATE);
}

static void negotiate_without_a_flag(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        struct golden g = nla_golden("ntlm_negotiate/freerdp");
        bool is_needed = NTLM_FLAGS_REQUIRED & 1u << bit;
        struct run run;

        start(&run);
        g.data[12 + bit / 8] &= (uint8_t) ~(1u << bit % 8);
        assert_int_equal(feed_bytes(&run, g.data, g.size), is_needed ? SP_EDENIED : SP_OK);
        if (is_needed)
            assert_dead(&run, SP_EDENIED);
    }
}

static void wrong_order(void **state)
{
    struct run run;

    (void)state;
    start(&run);
    assert_int_equal(feed(&run, "ntlm_authenticate/freerdp"), SP_EVALUE);
    assert_dead(&run, SP_EVALUE);
    start_raw(&run); /* a second NEGOTIATE, FreeRDP 7182e0e36 */
    assert_int_equal(feed(&run, "ntlm_negotiate/freerdp"), SP_EVALUE);
    assert_dead(&run, SP_EVALUE);
    start(&run); /* a token while keeper is asked for the challenge */
    assert_int_equal(feed(&run, "ntlm_negotiate/freerdp"), SP_OK);
    assert_int_equal(feed(&run, "ntlm_authenticate/freerdp"), SP_ESTATE);
    assert_dead(&run, SP_ESTATE);
    start_raw(&run); /* a token while keeper verifies */
    assert_int_equal(feed(&run, "ntlm_authenticate/freerdp"), SP_OK);
    assert_int_equal(feed(&run, "ntlm_authenticate/freerdp"), SP_ESTATE);
    assert_dead(&run, SP_ESTATE);
    start(&run);
    assert_int_equal(challenge(&run), SP_ESTATE);
    start(&run);
    assert_int_equal(accept_key(&run), SP_ESTATE);
    assert_dead(&run, SP_ESTATE);
}

static void framing_does_not_change(void **state)
{
    struct run run;

    (void)state;
    start_raw(&run);
    assert_int_not_equal(feed(&run, "spnego_resp/authenticate_mic"), SP_OK);
    start(&run);
    assert_int_equal(feed(&run, "spnego_resp/negotiate"), SP_EVALUE); /* no offer before */
    start(&run);
    assert_int_equal(feed(&run, "spnego_init/kerberos_first"), SP_OK);
    assert_int_equal(feed(&run, "ntlm_negotiate/freerdp"), SP_EVALUE);
    start(&run);
    assert_int_equal(feed(&run, "spnego_init/kerberos_first"), SP_OK);
    assert_int_equal(feed(&run, "spnego_init/kerberos_first"), SP_ESTATE);
    start(&run);
    assert_int_equal(feed_bytes(&run, (const uint8_t *)"garbage", 7), SP_EVALUE);
    start(&run);
    assert_int_equal(feed_bytes(&run, (const uint8_t *)"", 0), SP_EVALUE);
}

/* The client's last token with a mechListMIC made as it has to be made. */
static enum sp_err feed_authenticate_mic(struct run *run, bool is_damaged)
{
    struct golden token = nla_golden("ntlm_authenticate/freerdp");
    struct spnego_resp resp = {.has_response_token = true, .has_mech_list_mic = true};
    uint8_t mic[NTLM_SIGNATURE_SIZE], bytes[1024];
    struct ntlm_seal client;
    struct wr w;

    ntlm_seal_init(&client, nla_golden(KEY).data, false);
    ntlm_mech_list_mic_make(&client, run->a.mech_types, run->a.mech_types_size, mic);
    mic[4] ^= is_damaged;
    resp.response_token = nla_reader(token);
    rd_init(&resp.mech_list_mic, mic, sizeof(mic));
    wr_init(&w, bytes, sizeof(bytes));
    assert_int_equal(spnego_resp_write(&w, &resp), SP_OK);
    return feed_bytes(run, bytes, w.pos);
}

static void finish_spnego(struct run *run)
{
    struct golden sealed = nla_golden("credssp_values/freerdp_pub_key_auth_client");
    struct ntlm_seal client;
    struct spnego_resp resp;
    uint8_t plain[64];

    assert_int_equal(feed_authenticate_mic(run, false), SP_OK);
    assert_int_equal(run->a.state, NTLM_ACCEPTOR_WAIT_VERDICT);
    assert_int_equal(accept_key(run), SP_OK);
    resp = reply(run);
    assert_int_equal(resp.neg_state, SPNEGO_ACCEPT_COMPLETED);
    assert_false(resp.has_supported_mech || resp.has_response_token);
    assert_int_equal(resp.mech_list_mic.left, NTLM_SIGNATURE_SIZE);
    ntlm_seal_init(&client, nla_golden(KEY).data, false);
    assert_int_equal(ntlm_mech_list_mic_check(&client, run->a.mech_types, run->a.mech_types_size,
                                              resp.mech_list_mic.at, NULL),
                     SP_OK);
    assert_int_equal(ntlm_unwrap(&run->a.seal, sealed.data, sealed.size, plain, NULL), SP_OK);
}

/* Offer that is not led by NTLM: its token is skipped and the client starts again. */
static void start_request_mic(struct run *run, const char *offer)
{
    struct spnego_resp resp;

    start(run);
    assert_int_equal(feed(run, offer), SP_OK);
    assert_int_equal(run->a.state, NTLM_ACCEPTOR_WAIT_NEGOTIATE);
    resp = reply(run);
    assert_int_equal(resp.neg_state, SPNEGO_REQUEST_MIC);
    assert_int_equal(resp.supported_mech, SPNEGO_MECH_NTLM);
    assert_false(resp.has_response_token);
    assert_int_equal(feed(run, "spnego_resp/negotiate"), SP_OK);
    assert_int_equal(challenge(run), SP_OK);
    resp = reply(run);
    assert_int_equal(resp.neg_state, SPNEGO_ACCEPT_INCOMPLETE);
    assert_false(resp.has_supported_mech); /* told before */
    assert_true(resp.has_response_token);
}

static void spnego_other_first(void **state)
{
    static const char *const offers[] = {"spnego_init/kerberos_first",
                                         "spnego_init/spng_negoex_first", "spnego_init/mechs_50"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct run run;

        start_request_mic(&run, offers[i]);
        finish_spnego(&run);
    }
}

static void spnego_ntlm_first(void **state)
{
    struct spnego_resp resp;
    struct run run;

    (void)state;
    start(&run);
    assert_int_equal(feed(&run, "spnego_init/ntlm_first"), SP_OK);
    assert_int_equal(run.a.state, NTLM_ACCEPTOR_WAIT_CHALLENGE);
    assert_int_equal(run.reply_size, 0);
    assert_int_equal(challenge(&run), SP_OK);
    resp = reply(&run);
    assert_int_equal(resp.neg_state, SPNEGO_ACCEPT_INCOMPLETE);
    assert_int_equal(resp.supported_mech, SPNEGO_MECH_NTLM);
    assert_true(resp.has_response_token);
    finish_spnego(&run);
}

static void spnego_without_token(void **state)
{
    struct spnego_resp resp;
    struct run run;

    (void)state;
    start(&run);
    assert_int_equal(feed(&run, "spnego_init/ntlm_no_token"), SP_OK);
    resp = reply(&run);
    assert_int_equal(resp.neg_state, SPNEGO_ACCEPT_INCOMPLETE);
    assert_int_equal(feed(&run, "spnego_resp/negotiate"), SP_OK);
    assert_int_equal(challenge(&run), SP_OK);
    finish_spnego(&run);
}

static void spnego_refusals(void **state)
{
    struct golden g = nla_golden("spnego_resp/authenticate_mic");
    struct run run;

    (void)state;
    start(&run);
    assert_int_equal(feed(&run, "spnego_init/no_ntlm"), SP_EDENIED);
    assert_dead(&run, SP_EDENIED);
    start(&run);
    assert_int_equal(feed(&run, "spnego_init/empty_mech_types"), SP_EVALUE);
    start_request_mic(&run, "spnego_init/kerberos_first");
    assert_int_equal(feed(&run, "spnego_resp/reject"), SP_EDENIED);
    start_request_mic(&run, "spnego_init/kerberos_first");
    assert_int_equal(feed(&run, "spnego_resp/completed"), SP_EVALUE); /* no token */
    start_request_mic(&run, "spnego_init/kerberos_first");
    assert_int_equal(feed(&run, "spnego_resp/negotiate"), SP_EDENIED); /* no mechListMIC */
    assert_dead(&run, SP_EDENIED);
    start_request_mic(&run, "spnego_init/kerberos_first");
    assert_int_equal(feed_authenticate_mic(&run, true), SP_OK);
    assert_int_equal(accept_key(&run), SP_ECRYPTO);
    assert_dead(&run, SP_ECRYPTO);
    start_request_mic(&run, "spnego_init/kerberos_first");
    g.data[g.size - 17] = 15; /* a MIC of 15 bytes */
    assert_int_not_equal(feed_bytes(&run, g.data, g.size), SP_OK);
}

static void short_mech_list_mic(void **state)
{
    struct golden token = nla_golden("ntlm_authenticate/freerdp");
    struct spnego_resp resp = {.has_response_token = true, .has_mech_list_mic = true};
    uint8_t bytes[1024];
    struct run run;
    struct wr w;

    (void)state;
    start_request_mic(&run, "spnego_init/kerberos_first");
    resp.response_token = nla_reader(token);
    rd_init(&resp.mech_list_mic, token.data, 15);
    wr_init(&w, bytes, sizeof(bytes));
    assert_int_equal(spnego_resp_write(&w, &resp), SP_OK);
    assert_int_equal(feed_bytes(&run, bytes, w.pos), SP_EVALUE);
}

static void names_and_space(void **state)
{
    static const struct ntlm_names bad = {.nb_domain = "\xFF"};
    static uint8_t big[NTLM_AUTHENTICATE_MAX + 1];
    struct run run;
    struct wr out;

    (void)state;
    start(&run);
    ntlm_acceptor_init(&run.a, &bad);
    assert_int_equal(feed(&run, "ntlm_negotiate/freerdp"), SP_OK);
    assert_int_equal(challenge(&run), SP_EVALUE);
    assert_dead(&run, SP_EVALUE);
    start(&run);
    assert_int_equal(feed(&run, "ntlm_negotiate/freerdp"), SP_OK);
    wr_init(&out, run.reply, 10);
    assert_int_equal(ntlm_acceptor_challenge(&run.a, big, TIMESTAMP, &out), SP_ESPACE);
    assert_dead(&run, SP_ESPACE);
    start_raw(&run);
    assert_int_equal(feed_bytes(&run, big, sizeof(big)), SP_ELIMIT);
}

static void clear_wipes(void **state)
{
    static const struct ntlm_acceptor zero;
    struct run run;

    (void)state;
    start_raw(&run);
    assert_int_equal(feed(&run, "ntlm_authenticate/freerdp"), SP_OK);
    assert_int_equal(accept_key(&run), SP_OK);
    ntlm_acceptor_clear(&run.a);
    assert_memory_equal(&run.a, &zero, sizeof(zero));
    assert_dead(&run, SP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_challenge),
        cmocka_unit_test(raw_exchange),
        cmocka_unit_test(negotiate_without_a_flag),
        cmocka_unit_test(wrong_order),
        cmocka_unit_test(framing_does_not_change),
        cmocka_unit_test(spnego_other_first),
        cmocka_unit_test(spnego_ntlm_first),
        cmocka_unit_test(spnego_without_token),
        cmocka_unit_test(spnego_refusals),
        cmocka_unit_test(short_mech_list_mic),
        cmocka_unit_test(names_and_space),
        cmocka_unit_test(clear_wipes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
