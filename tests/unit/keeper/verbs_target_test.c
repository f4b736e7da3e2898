/* SPDX-License-Identifier: Apache-2.0
 * From the connection to the target's login: what each verb answers, logs and refuses.
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
    memset(w.decision.pin, 0x11, sizeof(w.decision.pin));
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

/* A target with a login screen of its own: no verb gives anything away. */
static void who_asks_itself_is_told_nothing(void **state)
{
    static const uint32_t verbs[] = {IPC_BIND_REQ, IPC_SEAL_REQ, IPC_CLEAR_REQ, IPC_RDSTLS_REQ};

    (void)state;
    w.decision.login = IPC_LOGIN_ASK;
    w.decision.nla = IPC_NLA_OFF;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        world_at(&w, SESSION_CONNECTED);
        w.s.used = 0;
        assert_int_equal(world_send_good(&w, IPC_CERTIFICATE_REQ), SP_OK);
        assert_int_equal(w.s.state, SESSION_ADMITTED);
        assert_int_equal(world_send_good(&w, verbs[i]), SP_ESTATE);
    }
    /* … not even one that came to the state before it by mistake */
    world_at(&w, SESSION_TRUSTED);
    w.s.used = 0;
    assert_int_equal(world_send_good(&w, IPC_CLEAR_REQ), SP_EDENIED);
    assert_int_equal(w.passwords, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connect_waits_for_dialer),
        TEST(dialer_may_be_first),
        TEST(each_dial_failure_has_its_code),
        TEST(dial_that_cannot_be_asked),
        TEST(certificate_by_pin),
        TEST(certificate_by_ca),
        TEST(certificate_on_first_use),
        TEST(certificate_of_an_odd_shape),
        TEST(clear_only_where_allowed),
        TEST(who_asks_itself_is_told_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
