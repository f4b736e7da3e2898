/* SPDX-License-Identifier: Apache-2.0
 * Kerberos' verbs: what a session may ask when, how often, and what comes of directory's answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/session_world.h"

#define LOGON_FAILURE 0xC000006Du
#define ALICE         "alice@EXAMPLE.TEST"

static struct world w;

static enum sp_err ask_with(uint32_t type, uint32_t size, uint32_t version)
{
    static struct ipc_gss_req req;

    memset(&req, 0, sizeof(req));
    req.size = size;
    req.version = version;
    return world_send(&w, type, &req, sizeof(req));
}

static enum sp_err ask(uint32_t type)
{
    return ask_with(type, 40, 6);
}

static void at(enum session_state state)
{
    world_init(&w);
    world_at(&w, state);
}

static void verified(void)
{
    at(SESSION_SIGNED);
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
    world_gss_answer(&w, IPC_DIRECTORY_GSS_STEP, IPC_DIRECTORY_OK, ALICE);
    assert_int_equal(w.s.state, SESSION_VERIFIED);
}

static void a_ticket_verifies(void **state)
{
    (void)state;
    verified();
    assert_true(w.s.is_kerberos);
    assert_string_equal(w.s.user_text, "alice");
    assert_int_equal(w.s.user_size, 10);
    assert_int_equal(w.sent_type, IPC_GSS_STEP_RSP);
    assert_int_equal(w.sent.gss.is_done, 1);
    assert_int_equal(w.sent.gss.size, 16);
    json_t *e = world_event(&w, "auth_succeeded");
    assert_string_equal(json_string_value(json_object_get(e, "method")), "kerberos");
    assert_string_equal(json_string_value(json_object_get(e, "principal")), ALICE);
    world_clear(&w);
}

static void steps_are_few(void **state)
{
    (void)state;
    at(SESSION_SIGNED);
    for (int i = 0; i < IPC_GSS_STEPS_MAX; i++) {
        assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
        assert_int_equal(w.s.state, SESSION_GSS);
        world_gss_answer(&w, IPC_DIRECTORY_GSS_STEP, IPC_DIRECTORY_MORE, "");
        assert_int_equal(w.sent.gss.is_done, 0);
    }
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_ELIMIT);
    assert_int_equal(w.gss_asks, IPC_GSS_STEPS_MAX);
    world_clear(&w);
}

/* The way to NTLM is closed once a ticket was looked at. */
static void no_way_back_to_ntlm(void **state)
{
    (void)state;
    at(SESSION_SIGNED);
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
    world_gss_answer(&w, IPC_DIRECTORY_GSS_STEP, IPC_DIRECTORY_MORE, "");
    assert_int_equal(world_send_good(&w, IPC_CHALLENGE_REQ), SP_ESTATE);
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_ESTATE);
    assert_int_equal(world_send_good(&w, IPC_DECIDE_REQ), SP_ESTATE);
    world_clear(&w);
}

static void without_kerberos_ntlm_follows(void **state)
{
    (void)state;
    at(SESSION_SIGNED);
    w.kerberos_min = 0;
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
    assert_int_equal(w.sent.gss.is_absent, 1);
    assert_int_equal(w.s.state, SESSION_SIGNED);
    assert_int_equal(w.gss_asks, 0);
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_ESTATE); /* and is not asked again */
    assert_int_equal(world_send_good(&w, IPC_CHALLENGE_REQ), SP_OK);
    world_clear(&w);
}

static void check_refusal(const char *reason, uint32_t nt_status, unsigned charges)
{
    json_t *e = world_event(&w, "auth_failed");

    assert_int_equal(w.s.state, SESSION_REFUSED);
    assert_int_equal(w.sent.gss.nt_status, nt_status);
    assert_int_equal(w.sent.gss.is_done, 0);
    assert_int_equal(w.sent.gss.size, 0);
    assert_non_null(strstr(json_string_value(json_object_get(e, "reason")), reason));
    assert_int_equal(w.charges[PENALTY_AUTH_FAILED], charges);
    assert_false(w.s.is_kerberos);
    world_clear(&w);
}

static void answer_refused(uint32_t status, const char *principal)
{
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
    world_gss_answer(&w, IPC_DIRECTORY_GSS_STEP, status, principal);
}

static void refusals(void **state)
{
    (void)state;
    at(SESSION_SIGNED);
    answer_refused(IPC_DIRECTORY_REFUSED, "");
    check_refusal("no answer", LOGON_FAILURE, 1);
    at(SESSION_SIGNED);
    answer_refused(IPC_DIRECTORY_FAILED, ALICE);
    check_refusal("no answer", LOGON_FAILURE, 0);
    at(SESSION_SIGNED);
    answer_refused(IPC_DIRECTORY_OK, "mallory@EXAMPLE.TEST");
    check_refusal("no user here", LOGON_FAILURE, 1);
    at(SESSION_SIGNED);
    w.account.is_disabled = true;
    answer_refused(IPC_DIRECTORY_OK, ALICE);
    check_refusal("account disabled", LOGON_FAILURE, 1);
    at(SESSION_SIGNED);
    w.is_penalised = true;
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
    assert_int_equal(w.gss_asks, 0);
    check_refusal("penalised", LOGON_FAILURE, 0);
    at(SESSION_SIGNED);
    assert_int_equal(ask_with(IPC_GSS_STEP_REQ, 40, 4), SP_OK);
    check_refusal("credssp_min", 0xC00000BBu, 0);
    at(SESSION_SIGNED);
    w.gss_ask_err = SP_ELIMIT;
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
    check_refusal("too many questions", LOGON_FAILURE, 0);
    at(SESSION_SIGNED);
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
    assert_int_equal(session_defer_tick(&w.s, &w.ops, w.now_ms + 60000), SP_OK);
    check_refusal("in time", LOGON_FAILURE, 0);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    at(SESSION_SIGNED);
    assert_int_equal(ask_with(IPC_GSS_STEP_REQ, 0, 6), SP_ELIMIT);
    world_clear(&w);
    at(SESSION_SIGNED);
    assert_int_equal(ask_with(IPC_GSS_STEP_REQ, IPC_GSS_TOKEN_MAX + 1, 6), SP_ELIMIT);
    world_clear(&w);
    at(SESSION_SIGNED);
    assert_int_equal(ask_with(IPC_GSS_STEP_REQ, UINT32_MAX, 6), SP_ELIMIT);
    world_clear(&w);
}

static void the_context_serves_credssp_only(void **state)
{
    (void)state;
    verified();
    assert_int_equal(ask(IPC_GSS_UNWRAP_REQ), SP_OK);
    assert_int_equal(ask(IPC_GSS_WRAP_REQ), SP_ESTATE); /* one at a time */
    world_gss_answer(&w, IPC_DIRECTORY_GSS_UNWRAP, IPC_DIRECTORY_OK, "");
    assert_int_equal(w.sent_type, IPC_GSS_UNWRAP_RSP);
    world_clear(&w);
    verified();
    for (int i = 0; i < IPC_GSS_UNWRAPS_MAX; i++) {
        assert_int_equal(ask(IPC_GSS_UNWRAP_REQ), SP_OK);
        world_gss_answer(&w, IPC_DIRECTORY_GSS_UNWRAP, IPC_DIRECTORY_OK, "");
    }
    assert_int_equal(ask(IPC_GSS_UNWRAP_REQ), SP_ELIMIT);
    world_clear(&w);
    verified();
    assert_int_equal(ask(IPC_GSS_WRAP_REQ), SP_OK);
    world_gss_answer(&w, IPC_DIRECTORY_GSS_WRAP, IPC_DIRECTORY_OK, "");
    assert_int_equal(ask(IPC_GSS_WRAP_REQ), SP_ELIMIT);
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_ESTATE);
    world_clear(&w);
    /* a failed unwrap ends it: nothing may follow */
    verified();
    assert_int_equal(ask(IPC_GSS_UNWRAP_REQ), SP_OK);
    world_gss_answer(&w, IPC_DIRECTORY_GSS_UNWRAP, IPC_DIRECTORY_REFUSED, "");
    assert_int_equal(w.s.state, SESSION_REFUSED);
    assert_int_equal(world_send_good(&w, IPC_DECIDE_REQ), SP_ESTATE);
    world_clear(&w);
}

static void whoever_proved_a_password_has_no_context(void **state)
{
    (void)state;
    at(SESSION_VERIFIED);
    assert_int_equal(ask(IPC_GSS_UNWRAP_REQ), SP_ESTATE);
    assert_int_equal(ask(IPC_GSS_WRAP_REQ), SP_ESTATE);
    for (int s = 0; s < SESSION_STATE_COUNT; s++) {
        if (s == SESSION_SIGNED || s == SESSION_GSS)
            continue;
        at((enum session_state)s);
        assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_ESTATE);
        assert_int_equal(ask(IPC_GSS_UNWRAP_REQ), SP_ESTATE);
        assert_int_equal(w.gss_asks, 0);
        world_clear(&w);
    }
}

static void answers_nobody_waits_for_are_dropped(void **state)
{
    (void)state;
    at(SESSION_SIGNED);
    world_gss_answer(&w, IPC_DIRECTORY_GSS_STEP, IPC_DIRECTORY_OK, ALICE);
    assert_int_equal(w.s.state, SESSION_SIGNED);
    assert_int_equal(w.sends, 0);
    assert_int_equal(ask(IPC_GSS_STEP_REQ), SP_OK);
    world_gss_answer(&w, IPC_DIRECTORY_GSS_WRAP, IPC_DIRECTORY_OK, ALICE);
    assert_int_equal(w.s.state, SESSION_GSS);
    assert_int_equal(w.sends, 0);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_verifies),
        cmocka_unit_test(steps_are_few),
        cmocka_unit_test(no_way_back_to_ntlm),
        cmocka_unit_test(without_kerberos_ntlm_follows),
        cmocka_unit_test(refusals),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(the_context_serves_credssp_only),
        cmocka_unit_test(whoever_proved_a_password_has_no_context),
        cmocka_unit_test(answers_nobody_waits_for_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
