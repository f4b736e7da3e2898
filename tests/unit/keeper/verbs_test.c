/* SPDX-License-Identifier: Apache-2.0
 * What each verb answers, logs and refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

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
    check_login_refused(0xC0000072, "account disabled");
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

static void dialed(uint32_t status, int fd)
{
    struct ipc_dialed msg = {.id = w.s.number, .status = status};

    session_dialed(&w.s, &w.ops, &msg, fd);
}

static void connect_waits_for_dialer(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    world_at(&w, SESSION_DECIDED);
    assert_int_equal(world_send_good(&w, IPC_CONNECT_REQ), SP_OK);
    assert_int_equal(w.sends, 0);
    dialed(IPC_DIAL_OK, fds[0]);
    assert_int_equal(w.sent.connect.errinfo, 0);
    assert_int_equal(w.sent_fd, fds[0]);
    assert_int_equal(w.s.state, SESSION_CONNECTED);
    assert_int_equal(w.s.target_fd, -1);
    dialed(IPC_DIAL_OK, fds[1]); /* a second answer is nobody's: closed, nothing sent */
    assert_int_equal(w.sends, 1);
    assert_int_equal(close(fds[1]), -1);
}

static void dialer_may_be_first(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    close(fds[1]);
    world_at(&w, SESSION_DECIDED);
    dialed(IPC_DIAL_OK, fds[0]);
    assert_int_equal(w.sends, 0);
    assert_int_equal(world_send_good(&w, IPC_CONNECT_REQ), SP_OK);
    assert_int_equal(w.sent_fd, fds[0]);
    assert_int_equal(w.s.state, SESSION_CONNECTED);
}

static void each_dial_failure_has_its_code(void **state)
{
    static const uint32_t codes[] = {
        [IPC_DIAL_DNS] = 0x407,       [IPC_DIAL_REFUSED] = 0x404, [IPC_DIAL_TIMEOUT] = 0x404,
        [IPC_DIAL_FORBIDDEN] = 0x400, [IPC_DIAL_FAILED] = 0x404,
    };

    (void)state;
    for (uint32_t status = IPC_DIAL_DNS; status < IPC_DIAL_STATUS_COUNT; status++) {
        world_clear(&w);
        world_init(&w);
        world_at(&w, SESSION_CONNECTING);
        dialed(status, -1);
        assert_int_equal(w.sent.connect.errinfo, codes[status]);
        assert_int_equal(w.sent_fd, -1);
        assert_int_equal(w.s.state, SESSION_REFUSED);
        assert_int_equal(world_count(&w, "target_unreachable"), 1);
    }
    world_clear(&w);
    world_init(&w);
    world_at(&w, SESSION_CONNECTING);
    dialed(IPC_DIAL_OK, -1); /* no descriptor came */
    assert_int_equal(w.sent.connect.errinfo, 0x404);
}

static void dial_that_cannot_be_asked(void **state)
{
    (void)state;
    world_at(&w, SESSION_VERIFIED);
    w.dial_err = SP_ECLOSED;
    assert_int_equal(world_send_good(&w, IPC_DECIDE_REQ), SP_OK);
    assert_int_equal(world_send_good(&w, IPC_CONNECT_REQ), SP_OK);
    assert_int_equal(w.sent.connect.status, IPC_DIAL_FAILED);
}

static void certificate(uint8_t key_byte, uint32_t chain_ok)
{
    struct ipc_certificate_req req = {.chain_ok = chain_ok};

    memset(req.key_sha256, key_byte, 32);
    w.s.used = 0;
    world_at(&w, SESSION_CONNECTED);
    assert_int_equal(world_send(&w, IPC_CERTIFICATE_REQ, &req, sizeof(req)), SP_OK);
}

static void check_trusted(bool is_trusted)
{
    assert_int_equal(w.sent.status.errinfo, is_trusted ? 0 : 0x404);
    assert_int_equal(w.s.state, is_trusted ? SESSION_TRUSTED : SESSION_REFUSED);
}

static void certificate_by_pin(void **state)
{
    (void)state;
    certificate(0x11, 0);
    check_trusted(true);
    certificate(0x12, 1);
    check_trusted(false);
    assert_non_null(strstr(text_of("target_certificate_changed", "key_sha256"), "1212"));
    assert_non_null(strstr(text_of("target_certificate_changed", "known_key_sha256"), "1111"));
}

static void certificate_by_ca(void **state)
{
    (void)state;
    w.decision.tls_mode = IPC_TLS_CA;
    certificate(0x99, 1);
    check_trusted(true);
    certificate(0x11, 0);
    check_trusted(false);
    assert_int_equal(world_count(&w, "target_certificate_refused"), 1);
}

static void certificate_on_first_use(void **state)
{
    (void)state;
    w.decision.tls_mode = IPC_TLS_TOFU;
    w.known_is_new = true;
    certificate(0x33, 0);
    check_trusted(true);
    assert_int_equal(world_count(&w, "target_certificate_learned"), 1);
    w.known_is_new = false;
    certificate(0x33, 0);
    check_trusted(true);
    w.known_err = SP_EDENIED;
    certificate(0x34, 0);
    check_trusted(false);
    assert_int_equal(world_count(&w, "target_certificate_changed"), 1);
    w.known_err = SP_ESYS;
    certificate(0x33, 0);
    check_trusted(false);
}

static void certificate_of_an_odd_shape(void **state)
{
    struct ipc_certificate_req req = {.chain_ok = 2};

    (void)state;
    world_at(&w, SESSION_CONNECTED);
    assert_int_equal(world_send(&w, IPC_CERTIFICATE_REQ, &req, sizeof(req)), SP_EVALUE);
    w.decision.tls_mode = IPC_TLS_MODE_COUNT;
    certificate(0x11, 1);
    check_trusted(false);
}

static void bind_then_seal_hides_the_password(void **state)
{
    struct ipc_seal_req seal = {.sequence = 1, .rc4_offset = 40};

    (void)state;
    world_at(&w, SESSION_TRUSTED);
    assert_int_equal(world_send_good(&w, IPC_BIND_REQ), SP_OK);
    assert_true(w.sent.bind.nt_response_size > 44);
    assert_null(memmem(w.sent.bytes, w.sent_size, WORLD_PASSWORD, 12));
    memcpy(seal.exported_session_key, w.sent.bind.exported_session_key, 16);
    assert_int_equal(world_send(&w, IPC_SEAL_REQ, &seal, sizeof(seal)), SP_OK);
    assert_true(w.sent.seal.size > 16);
    assert_null(memmem(w.sent.bytes, w.sent_size, WORLD_PASSWORD, 12));
    assert_int_equal(w.s.state, SESSION_ADMITTED);
}

static void bind_refusals(void **state)
{
    struct ipc_bind_req req = {.av_size = IPC_AV_MAX + 1};

    (void)state;
    world_at(&w, SESSION_TRUSTED);
    assert_int_equal(world_send(&w, IPC_BIND_REQ, &req, sizeof(req)), SP_ELIMIT);
    w.s.used = 0;
    w.password_err = SP_EDENIED;
    assert_int_equal(world_send_good(&w, IPC_BIND_REQ), SP_EDENIED);
    w.s.used = 0;
    w.s.decision.nla = IPC_NLA_OFF;
    assert_int_equal(world_send_good(&w, IPC_BIND_REQ), SP_ESTATE);
    assert_int_equal(w.passwords, 0);
}

static void seal_refusals(void **state)
{
    static const struct ipc_seal_req bad[] = {
        {.exported_session_key = {1}, .sequence = 1, .rc4_offset = 40},
        {.sequence = 0, .rc4_offset = 40},
        {.sequence = 1, .rc4_offset = 41},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ipc_seal_req req = bad[i];
        if (i > 0)
            memset(req.exported_session_key, 0x77, 16);
        world_at(&w, SESSION_BOUND);
        w.s.used = 0;
        assert_int_equal(world_send(&w, IPC_SEAL_REQ, &req, sizeof(req)), SP_EVALUE);
    }
    assert_int_equal(w.passwords, 0);
}

static void clear_only_where_allowed(void **state)
{
    (void)state;
    w.decision.nla = IPC_NLA_OFF;
    world_at(&w, SESSION_TRUSTED);
    assert_int_equal(world_send_good(&w, IPC_CLEAR_REQ), SP_OK);
    assert_int_equal(w.sent.clear.password_size, 12);
    w.decision.nla = IPC_NLA_REQUIRED;
    world_at(&w, SESSION_TRUSTED);
    w.s.used = 0;
    assert_int_equal(world_send_good(&w, IPC_CLEAR_REQ), SP_EDENIED);
    w.decision.nla = IPC_NLA_OFF;
    w.decision.tls_mode = IPC_TLS_NONE;
    world_at(&w, SESSION_TRUSTED);
    w.s.used = 0;
    assert_int_equal(world_send_good(&w, IPC_CLEAR_REQ), SP_EDENIED);
    assert_int_equal(w.passwords, 1);
}

static enum sp_err note(uint32_t kind, const char *text, uint64_t a, uint64_t b)
{
    struct ipc_note n = {.kind = kind, .a = a, .b = b};

    memcpy(n.text, text, strlen(text));
    return world_send(&w, IPC_NOTE, &n, sizeof(n));
}

static void life_in_notes(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(note(IPC_NOTE_CLIENT, "PC\n1", 2600, 1024u << 16 | 768), SP_OK);
    assert_int_equal(note(IPC_NOTE_CHANNEL, "cliprdr", 1, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_CHANNEL, "MS_T120", 0, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_TARGET_LOGIN, "", 2, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_ACTIVE, "", 0, 0), SP_OK);
    assert_int_equal(w.s.state, SESSION_ACTIVE);
    assert_int_equal(note(IPC_NOTE_LOGGED_ON, "", 0, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_TARGET_ERROR, "", 0xC, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_CLOSED, "client left", 10, 20), SP_OK);
    w.now_ms += 5000;
    session_log_end(&w.s, &w.ops);
    json_t *end = world_event(&w, "session_end");
    assert_int_equal(json_integer_value(json_object_get(end, "duration_ms")), 5000);
    assert_int_equal(json_integer_value(json_object_get(end, "bytes_to_client")), 10);
    assert_int_equal(json_integer_value(json_object_get(end, "bytes_to_target")), 20);
    assert_string_equal(text_of("session_end", "reason"), "client left");
    json_t *channels = json_object_get(end, "channels");
    assert_int_equal(json_array_size(channels), 1);
    assert_string_equal(text_of("client_info", "client"), "PC\\x0a1");
    assert_string_equal(text_of("channel_denied", "channel"), "MS_T120");
    assert_int_equal(world_count(&w, "session_failed"), 0);
}

static void note_refusals(void **state)
{
    struct ipc_note bad[] = {{.kind = IPC_NOTE_KIND_COUNT},
                             {.step = IPC_STEP_COUNT},
                             {.code = SP_ERR_COUNT},
                             {.kind = 0},
                             {.kind = 0}};

    (void)state;
    memset(bad[3].text, 'x', sizeof(bad[3].text));
    memset(bad[4].where, 'x', sizeof(bad[4].where));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(world_send(&w, IPC_NOTE, &bad[i], sizeof(bad[i])), SP_EVALUE);
    assert_int_equal(note(IPC_NOTE_ACTIVE, "", 0, 0), SP_ESTATE);
    assert_int_equal(note(IPC_NOTE_TARGET_LOGIN, "", 0, 0), SP_ESTATE);
    assert_int_equal(w.event_count, 0);
}

static void notes_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < IPC_NOTES_MAX; i++)
        assert_int_equal(note(IPC_NOTE_LOGGED_ON, "", 0, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_LOGGED_ON, "", 0, 0), SP_ELIMIT);
}

static void channels_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < SESSION_CHANNELS_MAX; i++)
        assert_int_equal(note(IPC_NOTE_CHANNEL, "x", 1, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_CHANNEL, "x", 1, 0), SP_ELIMIT);
}

static void one_note_of_its_kind(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(note(IPC_NOTE_ACTIVE, "", 0, 0), SP_OK);
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(note(IPC_NOTE_ACTIVE, "", 0, 0), SP_ELIMIT);
}

static void failure_is_told_once(void **state)
{
    struct ipc_note n = {.kind = IPC_NOTE_FAILED, .step = IPC_STEP_MCS, .code = SP_EVALUE};

    (void)state;
    memcpy(n.where, "GCC.version", 12);
    assert_int_equal(world_send(&w, IPC_NOTE, &n, sizeof(n)), SP_OK);
    assert_int_equal(world_send(&w, IPC_NOTE, &n, sizeof(n)), SP_OK);
    assert_int_equal(world_count(&w, "session_failed"), 1);
    assert_string_equal(text_of("session_failed", "step"), "mcs");
    assert_string_equal(text_of("session_failed", "code"), "value");
    world_clear(&w);
    world_init(&w);
    n.step = IPC_STEP_TARGET_NLA;
    assert_int_equal(world_send(&w, IPC_NOTE, &n, sizeof(n)), SP_OK);
    assert_int_equal(world_count(&w, "target_login_failed"), 1);
}

static void exploit_is_named(void **state)
{
    (void)state;
    assert_int_equal(note(IPC_NOTE_EXPLOIT, "CVE-2019-0708", 0, 0), SP_OK);
    assert_string_equal(text_of("exploit_attempt", "attack"), "CVE-2019-0708");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refused_signature_is_a_violation),
        TEST(challenges_differ),
        TEST(right_proof_gives_the_key),
        TEST(wrong_password),
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
        TEST(connect_waits_for_dialer),
        TEST(dialer_may_be_first),
        TEST(each_dial_failure_has_its_code),
        TEST(dial_that_cannot_be_asked),
        TEST(certificate_by_pin),
        TEST(certificate_by_ca),
        TEST(certificate_on_first_use),
        TEST(certificate_of_an_odd_shape),
        TEST(bind_then_seal_hides_the_password),
        TEST(bind_refusals),
        TEST(seal_refusals),
        TEST(clear_only_where_allowed),
        TEST(life_in_notes),
        TEST(note_refusals),
        TEST(notes_are_counted),
        TEST(channels_are_counted),
        TEST(one_note_of_its_kind),
        TEST(failure_is_told_once),
        TEST(exploit_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
