/* SPDX-License-Identifier: Apache-2.0
 * The way to the next target, RDSTLS and licences: what each verb answers, logs and refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/redirection.h"
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

static enum sp_err redirect(uint32_t flags, uint32_t count, const char *first, const char *second)
{
    struct ipc_redirect_req req = {.flags = flags, .host_count = count};

    memcpy(req.hosts[0], first, strlen(first));
    memcpy(req.hosts[1], second, strlen(second));
    return world_send(&w, IPC_REDIRECT_REQ, &req, sizeof(req));
}

static void check_refused(const char *reason)
{
    json_t *e = world_event(&w, "target_redirect_refused");

    assert_int_equal(w.sent_type, IPC_REDIRECT_RSP);
    assert_int_equal(w.sent.decide.errinfo, 0x404);
    assert_int_equal(w.sent.decide.host[0], 0);
    assert_int_equal(w.s.state, SESSION_REFUSED);
    assert_non_null(strstr(json_string_value(json_object_get(e, "reason")), reason));
}

static void redirection_dials_the_next_target(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    w.s.used = UINT32_MAX;
    w.s.is_dialed = true;
    assert_int_equal(redirect(0, 2, "elsewhere.example", "farm02.example"), SP_OK);
    assert_int_equal(w.sent.decide.errinfo, 0);
    assert_string_equal(w.sent.decide.host, "farm02.example");
    assert_string_equal(w.s.decision.host, "farm02.example");
    assert_int_equal(w.s.state, SESSION_DECIDED);
    assert_int_equal(w.dials, 1);
    assert_int_equal(w.durable_events, 1);
    assert_false(w.s.is_dialed);
    /* The verbs towards a target may be used once more, the others not. */
    assert_int_equal(world_send_good(&w, IPC_CONNECT_REQ), SP_OK);
    w.s.state = SESSION_DECIDED;
    assert_int_equal(world_send_good(&w, IPC_DELEGATE_REQ), SP_ELIMIT);
    assert_int_equal(world_send_good(&w, IPC_CONNECT_REQ), SP_ELIMIT);
}

static void no_host_means_the_same_target(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(redirect(0, 0, "", ""), SP_OK);
    assert_string_equal(w.redirect_host, "");
    assert_string_equal(w.s.decision.host, "web01.example");
    assert_int_equal(w.dials, 1);
}

static void other_hosts_are_refused(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(redirect(0, 2, "127.0.0.1", "elsewhere.example"), SP_OK);
    check_refused("not allowed");
    assert_int_equal(w.dials, 0);
}

static void fourth_redirection_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < IPC_REDIRECTS_MAX; i++) {
        world_at(&w, SESSION_ADMITTED);
        assert_int_equal(redirect(0, 1, "farm02.example", ""), SP_OK);
        assert_int_equal(w.s.state, SESSION_DECIDED);
    }
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(redirect(0, 1, "farm02.example", ""), SP_OK);
    check_refused("more than 3");
    assert_int_equal(w.dials, IPC_REDIRECTS_MAX);
}

static void no_log_no_redirection(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    w.event_err = SP_ESYS;
    assert_int_equal(redirect(0, 1, "farm02.example", ""), SP_OK);
    assert_int_equal(w.sent.decide.errinfo, 0x404);
    assert_int_equal(w.dials, 0);
}

static void delegated_login_needs_the_password(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    w.decision.login = IPC_LOGIN_DELEGATE;
    assert_int_equal(redirect(0, 1, "farm02.example", ""), SP_OK);
    check_refused("was not delegated");
    world_at(&w, SESSION_ADMITTED);
    w.s.delegated_size = 2;
    assert_int_equal(redirect(0, 1, "farm02.example", ""), SP_OK);
    assert_int_equal(w.s.state, SESSION_DECIDED);
}

static void odd_requests_are_violations(void **state)
{
    struct ipc_redirect_req req = {.host_count = IPC_REDIRECT_HOSTS + 1};

    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(world_send(&w, IPC_REDIRECT_REQ, &req, sizeof(req)), SP_ELIMIT);
    req.host_count = 1;
    assert_int_equal(world_send(&w, IPC_REDIRECT_REQ, &req, sizeof(req)), SP_EVALUE);
    memset(req.hosts[0], 'a', sizeof(req.hosts[0]));
    assert_int_equal(world_send(&w, IPC_REDIRECT_REQ, &req, sizeof(req)), SP_EVALUE);
    assert_int_equal(w.sends, 0);
}

static void rdstls_only_behind_its_redirection(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(redirect(0, 1, "farm02.example", ""), SP_OK);
    w.s.state = SESSION_TRUSTED;
    assert_int_equal(world_send_good(&w, IPC_RDSTLS_REQ), SP_EDENIED);
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(redirect(LB_PASSWORD_IS_PK_ENCRYPTED, 1, "farm02.example", ""), SP_OK);
    w.s.state = SESSION_TRUSTED;
    assert_int_equal(world_send_good(&w, IPC_RDSTLS_REQ), SP_OK);
    assert_int_equal(w.s.state, SESSION_ADMITTED);
    assert_int_equal(w.passwords, 0);
}

static void licences_are_bounded(void **state)
{
    static struct ipc_licence_put put = {.size = IPC_LICENCE_MAX + 1};
    struct ipc_licence_get_req get;

    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(world_send(&w, IPC_LICENCE_PUT, &put, sizeof(put)), SP_ELIMIT);
    w.s.used = 0;
    put.size = 0;
    assert_int_equal(world_send(&w, IPC_LICENCE_PUT, &put, sizeof(put)), SP_ELIMIT);
    w.s.used = 0;
    put.size = 1;
    memset(put.scope, 's', sizeof(put.scope));
    assert_int_equal(world_send(&w, IPC_LICENCE_PUT, &put, sizeof(put)), SP_EVALUE);
    memset(get.scope, 's', sizeof(get.scope));
    assert_int_equal(world_send(&w, IPC_LICENCE_GET_REQ, &get, sizeof(get)), SP_EVALUE);
    assert_int_equal(w.licence_size, 0);
}

static void licence_that_cannot_be_read_is_none(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(world_send_good(&w, IPC_LICENCE_GET_REQ), SP_OK);
    assert_int_equal(w.sent.licence.size, 8);
    w.s.used = 0;
    w.licence_err = SP_ESYS;
    assert_int_equal(world_send_good(&w, IPC_LICENCE_GET_REQ), SP_OK);
    assert_int_equal(w.sent.licence.size, 0);
    assert_int_equal(world_send_good(&w, IPC_LICENCE_PUT), SP_OK);
    assert_non_null(json_object_get(world_event(&w, "target_licence"), "reason"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(redirection_dials_the_next_target),
        TEST(no_host_means_the_same_target),
        TEST(other_hosts_are_refused),
        TEST(fourth_redirection_is_refused),
        TEST(no_log_no_redirection),
        TEST(delegated_login_needs_the_password),
        TEST(odd_requests_are_violations),
        TEST(rdstls_only_behind_its_redirection),
        TEST(licences_are_bounded),
        TEST(licence_that_cannot_be_read_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
