/* SPDX-License-Identifier: Apache-2.0
 * From the handshake to the decision: what each verb answers, logs and refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

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

static const char *text_of(const char *event, const char *key)
{
    return json_string_value(json_object_get(world_event(&w, event), key));
}

static void refused_signature_is_a_violation(void **state)
{
    struct ipc_sign_req req = {.tbs_size = IPC_TBS_MAX + 1};

    (void)state;
    assert_int_equal(world_send(&w, IPC_SIGN_REQ, &req, sizeof(req)), SP_ELIMIT);
    w.s.used = 0;
    w.sign_err = SP_EDENIED;
    assert_int_equal(world_send_good(&w, IPC_SIGN_REQ), SP_EDENIED);
    assert_int_equal(w.sends, 0);
}

static void challenges_differ(void **state)
{
    uint8_t first[8];

    (void)state;
    world_at(&w, SESSION_SIGNED);
    assert_int_equal(world_send_good(&w, IPC_CHALLENGE_REQ), SP_OK);
    memcpy(first, w.sent.challenge.challenge, 8);
    assert_memory_equal(first, w.s.challenge, 8);
    world_at(&w, SESSION_SIGNED);
    w.s.used = 0;
    assert_int_equal(world_send_good(&w, IPC_CHALLENGE_REQ), SP_OK);
    assert_memory_not_equal(first, w.sent.challenge.challenge, 8);
}

static void right_proof_gives_the_key(void **state)
{
    static const uint8_t key[16] = {9, 9, 9}, zeros[8];

    (void)state;
    world_at(&w, SESSION_CHALLENGED);
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_OK);
    assert_int_equal(w.sent.verify.nt_status, 0);
    assert_memory_equal(w.sent.verify.exported_session_key, key, 16);
    assert_memory_equal(w.s.challenge, zeros, 8);
    assert_int_equal(world_count(&w, "auth_succeeded"), 1);
}

static void send_verify(void (*change)(struct ipc_verify_req *req))
{
    static struct ipc_verify_req req;

    world_at(&w, SESSION_CHALLENGED);
    world_proof(&w, &req);
    change(&req);
    assert_int_equal(world_send(&w, IPC_VERIFY_REQ, &req, sizeof(req)), SP_OK);
}

static void check_login_refused(uint32_t status, const char *reason)
{
    static const uint8_t zeros[16];

    assert_int_equal(w.sent.verify.nt_status, status);
    assert_memory_equal(w.sent.verify.exported_session_key, zeros, 16);
    assert_int_equal(w.s.state, SESSION_REFUSED);
    assert_int_equal(world_count(&w, "auth_failed"), 1);
    assert_string_equal(text_of("auth_failed", "reason"), reason);
    assert_string_equal(text_of("auth_failed", "user"), "alice");
}

static void nothing(struct ipc_verify_req *req)
{
    (void)req;
}

static void break_proof(struct ipc_verify_req *req)
{
    req->nt_response[3] ^= 1;
}

static void break_mic(struct ipc_verify_req *req)
{
    req->mic[15] ^= 1;
}

static void wrong_password(void **state)
{
    (void)state;
    send_verify(break_proof);
    check_login_refused(0xC000006D, "wrong password");
    assert_int_equal(w.failed, 1);
}

static void a_penalised_source_gets_no_verdict(void **state)
{
    (void)state;
    w.refused = "the source is penalised, nothing was verified";
    send_verify(nothing); /* the right proof */
    check_login_refused(0xC000006D, "the source is penalised, nothing was verified");
    assert_int_equal(w.proved, 0);
}

static void wrong_mic(void **state)
{
    (void)state;
    send_verify(break_mic);
    check_login_refused(0xC000006D, "wrong password");
}

static void unknown_user_looks_the_same(void **state)
{
    struct ipc_verify_rsp wrong;

    (void)state;
    send_verify(break_proof);
    wrong = w.sent.verify;
    size_t keys = json_object_size(world_event(&w, "auth_failed"));
    world_clear(&w);
    world_init(&w);
    w.account.is_known = false;
    send_verify(nothing);
    check_login_refused(0xC000006D, "unknown user");
    assert_memory_equal(&wrong, &w.sent.verify, sizeof(wrong));
    assert_int_equal(json_object_size(world_event(&w, "auth_failed")), keys);
}

static void disabled_is_told_after_the_proof_only(void **state)
{
    (void)state;
    w.account.is_disabled = true;
    send_verify(nothing);
    check_login_refused(0xC000006D, "account disabled");
    world_clear(&w);
    world_init(&w);
    w.account.is_disabled = true;
    send_verify(break_proof);
    check_login_refused(0xC000006D, "wrong password");
}

static void late_proof(void **state)
{
    (void)state;
    world_at(&w, SESSION_CHALLENGED);
    w.now_ms += SESSION_CHALLENGE_MS + 1;
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_OK);
    check_login_refused(0xC000006D, "challenge expired");
}

static void verify_sizes(void **state)
{
    static const struct {
        uint16_t user, domain, response, messages;
    } bad[] = {{0, 0, 100, 40},     {514, 0, 100, 40}, {3, 0, 100, 40},  {2, 514, 100, 40},
               {2, 1, 100, 40},     {2, 0, 43, 40},    {2, 0, 4097, 40}, {2, 0, 100, 8193},
               {65535, 0, 100, 40}, {2, 0, 65535, 40}};
    static struct ipc_verify_req req;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        world_at(&w, SESSION_CHALLENGED);
        w.s.used = 0;
        memset(&req, 0, sizeof(req));
        req.user_size = bad[i].user;
        req.domain_size = bad[i].domain;
        req.nt_response_size = bad[i].response;
        req.authenticate_size = bad[i].messages;
        assert_int_equal(world_send(&w, IPC_VERIFY_REQ, &req, sizeof(req)), SP_ELIMIT);
        assert_int_equal(w.sends, 0);
    }
}

static void user_text_is_escaped(void **state)
{
    static struct ipc_verify_req req;

    (void)state;
    world_at(&w, SESSION_CHALLENGED);
    world_proof(&w, &req);
    memcpy(req.user, "a\0\n\0\"\0\x1B\0", 8);
    req.user_size = 8;
    assert_int_equal(world_send(&w, IPC_VERIFY_REQ, &req, sizeof(req)), SP_OK);
    assert_string_equal(text_of("auth_failed", "user"), "a\\x0a\\x22\\x1b");
}

static void decision_is_durable_before_the_dial(void **state)
{
    (void)state;
    world_at(&w, SESSION_VERIFIED);
    assert_int_equal(world_send_good(&w, IPC_DECIDE_REQ), SP_OK);
    assert_int_equal(w.sent.decide.errinfo, 0);
    assert_string_equal(w.sent.decide.target, "web01");
    assert_int_equal(w.sent.decide.lease_ms, SESSION_LEASE_MS);
    assert_int_equal(w.durable_events, 1);
    assert_int_equal(w.dials, 1);
    assert_string_equal(text_of("access_granted", "target"), "web01");
}

static void no_log_no_access(void **state)
{
    (void)state;
    world_at(&w, SESSION_VERIFIED);
    w.event_err = SP_ESYS;
    assert_int_equal(world_send_good(&w, IPC_DECIDE_REQ), SP_OK);
    assert_int_equal(w.sent.decide.errinfo, 0x7);
    assert_int_equal(w.dials, 0);
    assert_int_equal(w.s.state, SESSION_REFUSED);
}

static void denied_with_a_reason(void **state)
{
    (void)state;
    world_at(&w, SESSION_VERIFIED);
    w.decision = (struct session_decision){.errinfo = 0x9, .nt_status = 0xC000015B};
    memcpy(w.decision.reason, "no rule", 8);
    assert_int_equal(world_send_good(&w, IPC_DECIDE_REQ), SP_OK);
    assert_int_equal(w.sent.decide.errinfo, 0x9);
    assert_int_equal(w.sent.decide.nt_status, 0xC000015B);
    assert_int_equal(w.dials, 0);
    assert_string_equal(text_of("access_denied", "reason"), "no rule");
    /* what the session says about it is no second failure */
    struct ipc_note note = {.kind = IPC_NOTE_FAILED};
    assert_int_equal(world_send(&w, IPC_NOTE, &note, sizeof(note)), SP_OK);
    assert_int_equal(world_count(&w, "session_failed"), 0);
}

static void delegate_belongs_to_the_proven_user(void **state)
{
    struct ipc_delegate_req req = {.user_size = 2, .password_size = 2};

    (void)state;
    w.decision.login = IPC_LOGIN_DELEGATE;
    world_at(&w, SESSION_DECIDED);
    assert_int_equal(world_send(&w, IPC_DELEGATE_REQ, &req, sizeof(req)), SP_OK);
    assert_int_equal(w.sent.status.errinfo, 0xA);
    assert_int_equal(w.s.state, SESSION_REFUSED);
    assert_int_equal(w.s.delegated_size, 0);
}

static void delegate_uninvited_or_too_large(void **state)
{
    struct ipc_delegate_req req = {.password_size = IPC_NAME_MAX + 2};

    (void)state;
    world_at(&w, SESSION_DECIDED);
    assert_int_equal(world_send_good(&w, IPC_DELEGATE_REQ), SP_ESTATE);
    w.decision.login = IPC_LOGIN_DELEGATE;
    world_at(&w, SESSION_DECIDED);
    w.s.used = 0;
    assert_int_equal(world_send(&w, IPC_DELEGATE_REQ, &req, sizeof(req)), SP_ELIMIT);
    w.s.used = 0;
    assert_int_equal(world_send_good(&w, IPC_CONNECT_REQ), SP_ESTATE); /* nothing delegated */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refused_signature_is_a_violation),
        TEST(challenges_differ),
        TEST(right_proof_gives_the_key),
        TEST(wrong_password),
        TEST(a_penalised_source_gets_no_verdict),
        TEST(wrong_mic),
        TEST(unknown_user_looks_the_same),
        TEST(disabled_is_told_after_the_proof_only),
        TEST(late_proof),
        TEST(verify_sizes),
        TEST(user_text_is_escaped),
        TEST(decision_is_durable_before_the_dial),
        TEST(no_log_no_access),
        TEST(denied_with_a_reason),
        TEST(delegate_belongs_to_the_proven_user),
        TEST(delegate_uninvited_or_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
