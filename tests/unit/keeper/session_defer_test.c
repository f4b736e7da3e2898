/* SPDX-License-Identifier: Apache-2.0
 * Answers that come later: in time, too late, twice, for nobody, and what a session may do
 * meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keeper/session_priv.h"
#include "support/session_world.h"

#define WAIT_MS 500

static enum sp_err late(struct session *s, const struct session_ops *ops)
{
    struct ipc_status_rsp rsp = {.errinfo = ERRINFO_DENIED};

    return session_answer_deferred(s, ops, s->deferred, IPC_DELEGATE_RSP, &rsp, sizeof(rsp), -1);
}

static uint64_t defer(struct world *w)
{
    struct verb v = {&w->s, &w->ops, &w->in, &w->fail};

    return verb_defer(&v, IPC_DELEGATE_RSP, WAIT_MS, late);
}

static enum sp_err answer(struct world *w, struct session *s, uint64_t ticket)
{
    struct ipc_status_rsp rsp = {0};

    return session_answer_deferred(s, &w->ops, ticket, IPC_DELEGATE_RSP, &rsp, sizeof(rsp), -1);
}

static void answered_once(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    uint64_t ticket = defer(&w);
    assert_true(session_is_deferred(&w.s, ticket));
    assert_int_equal(answer(&w, &w.s, ticket), SP_OK);
    assert_int_equal(w.sent_type, IPC_DELEGATE_RSP);
    assert_int_equal(w.sent.status.errinfo, 0);
    assert_false(session_is_deferred(&w.s, ticket));
    assert_int_equal(answer(&w, &w.s, ticket), SP_OK); /* dropped */
    assert_int_equal(w.sends, 1);
    assert_int_equal(session_defer_tick(&w.s, &w.ops, w.now_ms + 2 * WAIT_MS), SP_OK);
    assert_int_equal(w.sends, 1);
    world_clear(&w);
}

static void of_another_ticket_or_nobody_is_dropped(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    uint64_t ticket = defer(&w);
    assert_int_equal(answer(&w, &w.s, ticket + 1), SP_OK);
    assert_int_equal(answer(&w, &w.s, 0), SP_OK);
    assert_int_equal(answer(&w, NULL, ticket), SP_OK);
    assert_int_equal(w.sends, 0);
    assert_true(session_is_deferred(&w.s, ticket));
    world_clear(&w);
}

static void refused_at_the_deadline(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    uint64_t ticket = defer(&w);
    assert_int_equal(session_defer_tick(&w.s, &w.ops, w.now_ms + WAIT_MS - 1), SP_OK);
    assert_int_equal(w.sends, 0);
    assert_int_equal(session_defer_tick(&w.s, &w.ops, w.now_ms + WAIT_MS), SP_OK);
    assert_int_equal(w.sends, 1);
    assert_int_equal(w.sent.status.errinfo, ERRINFO_DENIED);
    assert_int_equal(answer(&w, &w.s, ticket), SP_OK); /* too late: dropped */
    assert_int_equal(w.sends, 1);
    world_clear(&w);
}

static void a_session_that_takes_no_answer_is_reported(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    uint64_t ticket = defer(&w);
    w.send_err = SP_ETIME;
    assert_int_equal(answer(&w, &w.s, ticket), SP_ETIME);
    assert_false(session_is_deferred(&w.s, ticket));
    defer(&w);
    assert_int_equal(session_defer_tick(&w.s, &w.ops, w.now_ms + WAIT_MS), SP_ETIME);
    world_clear(&w);
}

/* Whatever would be legal is a violation while an answer is awaited, a note excepted. */
static void only_notes_meanwhile(void **state)
{
    static struct world w;
    static const struct {
        uint32_t type;
        enum session_state at;
    } cells[] = {
        {IPC_PROXIED, SESSION_OPEN},
        {IPC_SIGN_REQ, SESSION_OPEN},
        {IPC_CHALLENGE_REQ, SESSION_SIGNED},
        {IPC_VERIFY_REQ, SESSION_CHALLENGED},
        {IPC_DECIDE_REQ, SESSION_VERIFIED},
        {IPC_CONNECT_REQ, SESSION_DECIDED},
        {IPC_CERTIFICATE_REQ, SESSION_CONNECTED},
        {IPC_BIND_REQ, SESSION_TRUSTED},
        {IPC_LICENCE_GET_REQ, SESSION_ADMITTED},
        {IPC_TRANSFER, SESSION_ACTIVE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        world_init(&w);
        world_at(&w, cells[i].at);
        uint64_t ticket = defer(&w);
        assert_int_equal(world_send_good(&w, cells[i].type), SP_ESTATE);
        assert_string_equal(w.fail.where, "ipc.deferred");
        assert_int_equal(w.sends + w.signs + w.dials, 0);
        assert_int_equal(world_send_good(&w, IPC_NOTE), SP_OK);
        assert_true(session_is_deferred(&w.s, ticket));
        world_clear(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answered_once),
        cmocka_unit_test(of_another_ticket_or_nobody_is_dropped),
        cmocka_unit_test(refused_at_the_deadline),
        cmocka_unit_test(a_session_that_takes_no_answer_is_reported),
        cmocka_unit_test(only_notes_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
