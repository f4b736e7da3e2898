/* SPDX-License-Identifier: Apache-2.0
 * The target's login by CredSSP: a target is content with what keeper made, and the session, which
 * carries it, is told no key. The target here knows the account's password and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/ntlm_verify.h"
#include "rdp/ntlm.h"
#include "support/session_world.h"

static struct world w;

static int begin(void **state)
{
    (void)state;
    world_init(&w);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    world_clear(&w);
    return 0;
}

static struct ipc_bind_req good_bind(void)
{
    static struct ipc_in in;
    struct ipc_bind_req req;

    world_good(&w, IPC_BIND_REQ, &in);
    memcpy(&req, in.msg.bytes, sizeof(req));
    return req;
}

static enum sp_err send_bind(const struct ipc_bind_req *req)
{
    w.s.used = 0;
    return world_send(&w, IPC_BIND_REQ, req, sizeof(*req));
}

/* The session key, as a target finds it: from the password and the message it is sent. */
static void target_key(const struct ipc_bind_req *req, const struct ipc_bind_rsp *rsp,
                       uint8_t key[NTLM_KEY_SIZE])
{
    uint8_t hash[NTLM_KEY_SIZE], proof[NTLM_KEY_SIZE], mic[NTLM_KEY_SIZE];
    static uint8_t message[IPC_AUTHENTICATE_MAX];
    struct ntlm_authenticate a;
    struct rd r;

    memcpy(message, rsp->authenticate, rsp->authenticate_size);
    rd_init(&r, message, rsp->authenticate_size);
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    ntlm_nt_hash((const uint8_t *)WORLD_PASSWORD, 12, hash);
    assert_int_equal(
        ntlm_response_key(hash, a.user.at, a.user.left, a.domain.at, a.domain.left, hash), SP_OK);
    ntlm_proof(hash, req->server_challenge, a.nt_response.at + 16, a.nt_response.left - 16, proof);
    assert_memory_equal(proof, a.nt_response.at, sizeof(proof));
    ntlm_session_base_key(hash, proof, hash);
    ntlm_exchange_key(hash, a.encrypted_random_session_key.at, key);
    memset(message + a.mic_offset, 0, sizeof(mic));
    struct ntlm_transcript t = {req->negotiate,      req->challenge,      message,
                                req->negotiate_size, req->challenge_size, rsp->authenticate_size};
    ntlm_mic(key, &t, mic);
    assert_memory_equal(mic, a.mic, sizeof(mic));
}

/* Neither the key nor what is derived from it stands in what the session was just sent. */
static void check_keyless(const uint8_t key[NTLM_KEY_SIZE])
{
    struct ntlm_seal seal;
    const uint8_t *keys[] = {key, seal.sign_out, seal.sign_in, seal.seal_out, seal.seal_in};

    ntlm_seal_init(&seal, key, false);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_null(memmem(w.sent.bytes, w.sent_size, keys[i], NTLM_KEY_SIZE));
    assert_null(memmem(w.sent.bytes, w.sent_size, WORLD_PASSWORD, 12));
}

static void log_in(uint32_t version)
{
    struct ipc_bind_req req = good_bind();
    struct ipc_seal_req seal = {.reserved = 0};
    uint8_t key[NTLM_KEY_SIZE], plain[IPC_AUTHINFO_MAX];
    struct ts_credentials creds;
    struct ntlm_seal target;
    struct rd r;

    world_at(&w, SESSION_TRUSTED);
    req.version = version;
    assert_int_equal(send_bind(&req), SP_OK);
    assert_int_equal(w.s.state, SESSION_BOUND);
    target_key(&req, &w.sent.bind, key);
    check_keyless(key);
    ntlm_seal_init(&target, key, true);
    assert_int_equal(
        ntlm_unwrap(&target, w.sent.bind.pub_key_auth, w.sent.bind.pub_key_auth_size, plain, NULL),
        SP_OK);
    seal.echo_size = (uint32_t)world_echo(&w, version, seal.echo);
    assert_int_equal(seal.echo_size, w.sent.bind.pub_key_auth_size);
    assert_int_equal(world_send(&w, IPC_SEAL_REQ, &seal, sizeof(seal)), SP_OK);
    assert_int_equal(w.s.state, SESSION_ADMITTED);
    assert_int_equal(w.sent.seal.verdict, IPC_SEAL_OK);
    check_keyless(key);
    assert_int_equal(ntlm_unwrap(&target, w.sent.seal.auth_info, w.sent.seal.size, plain, NULL),
                     SP_OK);
    rd_init(&r, plain, w.sent.seal.size - NTLM_SIGNATURE_SIZE);
    assert_int_equal(ts_credentials_read(&r, &creds), SP_OK);
    assert_int_equal(creds.password.password.left, w.decision.is_restricted ? 0 : 12);
    if (!w.decision.is_restricted)
        assert_memory_equal(creds.password.password.at, WORLD_PASSWORD, 12);
}

static void the_target_is_content(void **state)
{
    (void)state;
    w.decision.credssp_min = 2;
    for (uint32_t version = 2; version <= 7; version++)
        log_in(version);
}

static void restricted_admin_seals_nothing(void **state)
{
    (void)state;
    w.decision.is_restricted = true;
    log_in(6);
    assert_int_equal(w.sent.seal.size, NTLM_SIGNATURE_SIZE + 25); /* three empty texts */
}

static void keys_are_gone_after_seal(void **state)
{
    static const struct target_binding none;

    (void)state;
    log_in(6);
    assert_memory_equal(&w.s.binding, &none, sizeof(none));
}

static void bind_takes_bounded_fields_only(void **state)
{
    struct ipc_bind_req bad[7];

    (void)state;
    world_at(&w, SESSION_TRUSTED);
    for (size_t i = 0; i < 7; i++)
        bad[i] = good_bind();
    bad[0].av_size = IPC_AV_MAX + 1;
    bad[1].negotiate_size = IPC_NEGOTIATE_MAX + 1;
    bad[2].challenge_size = IPC_CHALLENGE_MAX + 1;
    bad[3].spki_size = IPC_SPKI_MAX + 1;
    bad[4].key_size = 0;
    bad[5].key_size = (uint16_t)(bad[5].spki_size + 1);
    bad[6].spki_size = IPC_SPKI_MAX;
    bad[6].key_size = IPC_KEY_MAX + 1;
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(send_bind(&bad[i]), SP_ELIMIT);
    assert_int_equal(w.passwords, 0);
    assert_int_equal(w.sends, 0);
}

/* A session that would log on somewhere else, or by less. */
static void bind_refusals(void **state)
{
    struct ipc_bind_req req = good_bind();

    (void)state;
    world_at(&w, SESSION_TRUSTED);
    req.spki[0] ^= 1; /* another key than CERTIFICATE showed */
    assert_int_equal(send_bind(&req), SP_EVALUE);
    assert_string_equal(w.fail.where, "BIND.spki");
    req = good_bind();
    req.version = 4;
    assert_int_equal(send_bind(&req), SP_EVALUE);
    for (unsigned bit = 0; bit < 32; bit++) {
        req = good_bind();
        req.flags &= ~(1u << bit);
        if (req.flags != NTLM_FLAGS_REQUIRED)
            assert_int_equal(send_bind(&req), SP_EVALUE);
    }
    assert_int_equal(w.passwords, 0);
    req = good_bind();
    w.password_err = SP_EDENIED;
    assert_int_equal(send_bind(&req), SP_EDENIED);
    w.s.decision.nla = IPC_NLA_OFF;
    assert_int_equal(send_bind(&req), SP_ESTATE);
    assert_int_equal(w.sends, 0);
}

/* The verdict is told; nothing is sealed, and nothing but notes may follow. */
static void a_wrong_echo_gets_no_password(void **state)
{
    static const uint32_t after[] = {IPC_BIND_REQ, IPC_SEAL_REQ, IPC_CLEAR_REQ, IPC_RDSTLS_REQ,
                                     IPC_REDIRECT_REQ};

    (void)state;
    for (uint32_t verdict = IPC_SEAL_SIGNATURE; verdict <= IPC_SEAL_BINDING; verdict++) {
        struct ipc_seal_req req = {.reserved = 0};

        w.s.used = 0;
        w.passwords = 0;
        world_at(&w, SESSION_TRUSTED);
        assert_int_equal(world_send_good(&w, IPC_BIND_REQ), SP_OK);
        w.nonce[0] ^= verdict == IPC_SEAL_BINDING;
        req.echo_size = (uint32_t)world_echo(&w, 6, req.echo);
        req.echo[0] ^= verdict == IPC_SEAL_SIGNATURE;
        assert_int_equal(world_send(&w, IPC_SEAL_REQ, &req, sizeof(req)), SP_OK);
        assert_int_equal(w.sent.seal.verdict, verdict);
        assert_int_equal(w.sent.seal.size, 0);
        assert_int_equal(w.s.state, SESSION_BOUND);
        assert_int_equal(w.passwords, 1);
        for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++)
            assert_int_not_equal(world_send_good(&w, after[i]), SP_OK);
        assert_int_equal(world_send_good(&w, IPC_NOTE), SP_OK);
    }
}

/* What a session knows does not make an echo: its own pubKeyAuth, zeros, or another size. */
static void seal_refusals(void **state)
{
    static const uint32_t sizes[] = {
        0, 16, 47, 49, IPC_PUB_KEY_AUTH_MAX, IPC_PUB_KEY_AUTH_MAX + 1, UINT32_MAX};
    struct ipc_seal_req req = {.echo_size = 48};

    (void)state;
    world_at(&w, SESSION_TRUSTED);
    assert_int_equal(world_send_good(&w, IPC_BIND_REQ), SP_OK);
    memcpy(req.echo, w.sent.bind.pub_key_auth, 48);
    assert_int_equal(world_send(&w, IPC_SEAL_REQ, &req, sizeof(req)), SP_OK);
    assert_int_equal(w.sent.seal.verdict, IPC_SEAL_SIGNATURE);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        world_at(&w, SESSION_BOUND);
        w.s.used = 0;
        req.echo_size = sizes[i];
        assert_int_equal(world_send(&w, IPC_SEAL_REQ, &req, sizeof(req)), SP_EVALUE);
    }
    assert_int_equal(w.passwords, 1);
    world_at(&w, SESSION_BOUND);
    w.s.used = 0;
    w.password_err = SP_EDENIED;
    assert_int_equal(world_send_good(&w, IPC_SEAL_REQ), SP_EDENIED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_target_is_content),
        TEST(restricted_admin_seals_nothing),
        TEST(keys_are_gone_after_seal),
        TEST(bind_takes_bounded_fields_only),
        TEST(bind_refusals),
        TEST(a_wrong_echo_gets_no_password),
        TEST(seal_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
