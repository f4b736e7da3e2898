/* SPDX-License-Identifier: Apache-2.0
 * VERIFY by a ticket: nobody is in before its use is durable, and a refusal is as any other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/session_priv.h"
#include "support/session_world.h"

static struct world w;
static const uint8_t key[16] = {9, 9, 9}, zeros[16];

static int begin(void **state)
{
    (void)state;
    world_init(&w);
    w.account.is_ticket = true;
    world_at(&w, SESSION_CHALLENGED);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    world_clear(&w);
    return 0;
}

static const char *text_of(const char *event, const char *name)
{
    return json_string_value(json_object_get(world_event(&w, event), name));
}

static void check_refused(const char *reason)
{
    assert_int_equal(w.sent_type, IPC_VERIFY_RSP);
    assert_int_equal(w.sent_size, sizeof(struct ipc_verify_rsp));
    assert_int_equal(w.sent.verify.nt_status, STATUS_LOGON_FAILURE);
    assert_memory_equal(w.sent.verify.exported_session_key, zeros, 16);
    assert_memory_equal(w.s.late_key, zeros, 16);
    assert_int_equal(w.s.state, SESSION_REFUSED);
    assert_int_equal(world_count(&w, "auth_succeeded"), 0);
    assert_string_equal(text_of("auth_failed", "reason"), reason);
    assert_string_equal(text_of("auth_failed", "method"), "ticket");
}

static void in_when_it_is_stored(void **state)
{
    (void)state;
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_OK);
    assert_int_equal(w.sends, 0);
    assert_int_equal(world_count(&w, "auth_succeeded"), 0);
    assert_int_equal(session_ticket_done(&w.s, &w.ops, SP_OK), SP_OK);
    assert_int_equal(w.sends, 1);
    assert_int_equal(w.sent.verify.nt_status, 0);
    assert_memory_equal(w.sent.verify.exported_session_key, key, 16);
    assert_memory_equal(w.s.late_key, zeros, 16);
    assert_int_equal(w.s.state, SESSION_VERIFIED);
    assert_int_equal(w.s.facts.nla, CATALOG_NLA_TICKET);
    assert_string_equal(text_of("auth_succeeded", "method"), "ticket");
    assert_string_equal(text_of("auth_succeeded", "person"), "bob");
    assert_string_equal(text_of("auth_succeeded", "user"), "alice");
    assert_string_equal(session_person(&w.s), "bob");
    assert_int_equal(world_send_good(&w, IPC_DECIDE_REQ), SP_OK);
}

static void what_is_asked_meanwhile_is_a_violation(void **state)
{
    (void)state;
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_OK);
    assert_int_equal(world_send_good(&w, IPC_DECIDE_REQ), SP_ESTATE);
}

static void out_when_it_cannot_be_stored(void **state)
{
    (void)state;
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_OK);
    assert_int_equal(session_ticket_done(&w.s, &w.ops, SP_ESYS), SP_OK);
    check_refused("the ticket's use cannot be stored");
    assert_int_equal(w.failed, 0); /* it did nothing wrong */
}

static void out_when_the_store_takes_too_long(void **state)
{
    (void)state;
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_OK);
    assert_int_equal(session_defer_tick(&w.s, &w.ops, w.now_ms + 3999), SP_OK);
    assert_int_equal(w.sends, 0);
    assert_int_equal(session_defer_tick(&w.s, &w.ops, w.now_ms + 4000), SP_OK);
    check_refused("the ticket's use was not stored in time");
    assert_int_equal(session_ticket_done(&w.s, &w.ops, SP_OK), SP_OK);
    assert_int_equal(w.sends, 1);
    assert_int_equal(w.s.state, SESSION_REFUSED);
}

static void a_ticket_that_is_not_good(void **state)
{
    (void)state;
    w.ticket_refusal = "the ticket was used before";
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_OK);
    check_refused("the ticket was used before");
    assert_int_equal(w.failed, 1);
}

static void a_wrong_password_uses_nothing(void **state)
{
    static struct ipc_verify_req req;

    (void)state;
    world_proof(&w, &req);
    req.nt_response[3] ^= 1;
    assert_int_equal(world_send(&w, IPC_VERIFY_REQ, &req, sizeof(req)), SP_OK);
    check_refused("wrong password");
    assert_int_equal(w.ticket_uses, 0);
}

static void a_penalised_source_uses_nothing(void **state)
{
    (void)state;
    w.refused = "the source is penalised, nothing was verified";
    assert_int_equal(world_send_good(&w, IPC_VERIFY_REQ), SP_OK);
    check_refused("the source is penalised, nothing was verified");
    assert_int_equal(w.ticket_uses, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_when_it_is_stored, begin, finish),
        cmocka_unit_test_setup_teardown(what_is_asked_meanwhile_is_a_violation, begin, finish),
        cmocka_unit_test_setup_teardown(out_when_it_cannot_be_stored, begin, finish),
        cmocka_unit_test_setup_teardown(out_when_the_store_takes_too_long, begin, finish),
        cmocka_unit_test_setup_teardown(a_ticket_that_is_not_good, begin, finish),
        cmocka_unit_test_setup_teardown(a_wrong_password_uses_nothing, begin, finish),
        cmocka_unit_test_setup_teardown(a_penalised_source_uses_nothing, begin, finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
