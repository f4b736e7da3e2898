/* SPDX-License-Identifier: Apache-2.0
 * The table of verbs: every type in every state, wrong sizes, double use, stray descriptors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/session_world.h"

/* What a good message does. INVARIANT: whatever is not listed is a violation. */
static const struct {
    uint32_t type;
    enum session_state from, to;
} advances[] = {
    {IPC_PROXIED, SESSION_OPEN, SESSION_OPEN},
    {IPC_SIGN_REQ, SESSION_OPEN, SESSION_SIGNED},
    {IPC_CHALLENGE_REQ, SESSION_SIGNED, SESSION_CHALLENGED},
    {IPC_VERIFY_REQ, SESSION_CHALLENGED, SESSION_VERIFIED},
    {IPC_DECIDE_REQ, SESSION_VERIFIED, SESSION_DECIDED},
    {IPC_LOBBY_ACTION, SESSION_LOBBY, SESSION_LOBBY},
    {IPC_LOBBY_ENTER_REQ, SESSION_LOBBY, SESSION_DECIDED},
    {IPC_CONNECT_REQ, SESSION_DECIDED, SESSION_CONNECTING},
    {IPC_CERTIFICATE_REQ, SESSION_CONNECTED, SESSION_TRUSTED},
    {IPC_BIND_REQ, SESSION_TRUSTED, SESSION_BOUND},
    {IPC_SEAL_REQ, SESSION_BOUND, SESSION_ADMITTED},
    {IPC_CLEAR_REQ, SESSION_TRUSTED, SESSION_ADMITTED},
    {IPC_LICENCE_GET_REQ, SESSION_ADMITTED, SESSION_ADMITTED},
    {IPC_LICENCE_PUT, SESSION_ADMITTED, SESSION_ADMITTED},
    {IPC_REDIRECT_REQ, SESSION_ADMITTED, SESSION_DECIDED},
    /* a note changes nothing, wherever it comes */
    {IPC_NOTE, SESSION_OPEN, SESSION_OPEN},
    {IPC_NOTE, SESSION_SIGNED, SESSION_SIGNED},
    {IPC_NOTE, SESSION_GSS, SESSION_GSS},
    {IPC_NOTE, SESSION_CHALLENGED, SESSION_CHALLENGED},
    {IPC_NOTE, SESSION_VERIFIED, SESSION_VERIFIED},
    {IPC_NOTE, SESSION_LOBBY, SESSION_LOBBY},
    {IPC_NOTE, SESSION_DECIDED, SESSION_DECIDED},
    {IPC_NOTE, SESSION_CONNECTING, SESSION_CONNECTING},
    {IPC_NOTE, SESSION_CONNECTED, SESSION_CONNECTED},
    {IPC_NOTE, SESSION_TRUSTED, SESSION_TRUSTED},
    {IPC_NOTE, SESSION_BOUND, SESSION_BOUND},
    {IPC_NOTE, SESSION_ADMITTED, SESSION_ADMITTED},
    {IPC_NOTE, SESSION_ACTIVE, SESSION_ACTIVE},
    {IPC_NOTE, SESSION_REFUSED, SESSION_REFUSED},
    {IPC_TRANSFER, SESSION_ADMITTED, SESSION_ADMITTED},
    {IPC_TRANSFER, SESSION_ACTIVE, SESSION_ACTIVE},
};
#define ADVANCES (sizeof(advances) / sizeof(advances[0]))

static int expected(uint32_t type, enum session_state from)
{
    for (size_t i = 0; i < ADVANCES; i++) {
        if (advances[i].type == type && advances[i].from == from)
            return (int)advances[i].to;
    }
    return -1;
}

static void check_cell(uint32_t type, enum session_state from)
{
    static struct world w;
    int to = expected(type, from);

    world_init(&w);
    world_at(&w, from);
    enum sp_err err = world_send_good(&w, type);
    if (to < 0) {
        assert_int_not_equal(err, SP_OK);
        assert_int_equal(w.s.state, from);
        assert_int_equal(w.sends + w.signs + w.dials + w.passwords, 0);
    } else {
        assert_int_equal(err, SP_OK);
        assert_int_equal(w.s.state, to);
    }
    world_clear(&w);
}

static void every_type_in_every_state(void **state)
{
    (void)state;
    for (uint32_t type = 0; type <= IPC_TYPE_COUNT + 1; type++) {
        for (int from = 0; from < SESSION_STATE_COUNT; from++)
            check_cell(type, (enum session_state)from);
    }
}

/* What was begun with one target is nothing to the next: not its dial, nor a password. */
static void the_way_back_to_the_lobby_leaves_nothing(void **state)
{
    static struct world w;
    struct ipc_lobby_action back = {.verb = IPC_LOBBY_BACK};

    (void)state;
    world_init(&w);
    world_at(&w, SESSION_DECIDED);
    uint64_t number = w.s.number;
    w.s.delegated_size = 4;
    assert_int_not_equal(world_send(&w, IPC_LOBBY_ACTION, &back, sizeof(back)), SP_OK);
    w.s.lobby.is_used = true;
    assert_int_equal(world_send(&w, IPC_LOBBY_ACTION, &back, sizeof(back)), SP_OK);
    assert_int_equal(w.s.state, SESSION_LOBBY);
    assert_int_not_equal(w.s.number, number);
    assert_int_equal(w.s.delegated_size, 0);
    world_clear(&w);
}

static void every_wrong_size_is_a_violation(void **state)
{
    static struct world w;
    static uint8_t bytes[IPC_MSG_MAX];

    (void)state;
    for (size_t i = 0; i < ADVANCES; i++) {
        for (size_t size = sizeof(struct ipc_head); size <= IPC_MSG_MAX; size += 4) {
            world_init(&w);
            world_at(&w, advances[i].from);
            assert_int_equal(world_send_good(&w, advances[i].type), SP_OK);
            size_t good = w.in.size;
            if (size == good) {
                world_clear(&w);
                continue;
            }
            w.s.used = 0;
            world_at(&w, advances[i].from);
            assert_int_equal(world_send(&w, advances[i].type, bytes, size), SP_EVALUE);
            assert_string_equal(w.fail.where, "ipc.size");
            world_clear(&w);
        }
    }
}

static void second_use_is_a_violation(void **state)
{
    static struct world w;

    (void)state;
    for (size_t i = 0; i < ADVANCES; i++) {
        if (advances[i].type == IPC_LOBBY_ACTION || advances[i].type == IPC_LOBBY_ENTER_REQ ||
            advances[i].type == IPC_NOTE || advances[i].type == IPC_REDIRECT_REQ ||
            advances[i].type == IPC_TRANSFER)
            continue;
        world_init(&w);
        world_at(&w, advances[i].from);
        assert_int_equal(world_send_good(&w, advances[i].type), SP_OK);
        world_at(&w, advances[i].from); /* even if the state allowed it again */
        assert_int_equal(world_send_good(&w, advances[i].type), SP_ELIMIT);
        assert_string_equal(w.fail.where, "ipc.once");
        world_clear(&w);
    }
}

static void stray_descriptor_is_closed(void **state)
{
    static struct world w;
    struct ipc_plain msg = {.head = {IPC_CHALLENGE_REQ, sizeof(msg)}};
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    world_init(&w);
    world_at(&w, SESSION_SIGNED);
    memcpy(w.in.msg.bytes, &msg, sizeof(msg));
    w.in.size = sizeof(msg);
    w.in.fds[0] = fd;
    w.in.fds[1] = -1;
    w.in.fd_count = 1;
    assert_int_equal(session_message(&w.s, &w.ops, &w.in, &w.fail), SP_EVALUE);
    assert_string_equal(w.fail.where, "ipc.descriptors");
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    world_clear(&w);
}

static void message_is_wiped(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    w.decision.login = IPC_LOGIN_DELEGATE;
    world_at(&w, SESSION_DECIDED);
    assert_int_equal(world_send_good(&w, IPC_DELEGATE_REQ), SP_OK);
    for (size_t i = sizeof(struct ipc_head); i < sizeof(struct ipc_delegate_req); i++)
        assert_int_equal(w.in.msg.bytes[i], 0);
    world_clear(&w);
}

static void answer_not_taken_is_reported(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    world_at(&w, SESSION_SIGNED);
    w.send_err = SP_ETIME;
    assert_int_equal(world_send_good(&w, IPC_CHALLENGE_REQ), SP_ETIME);
    world_clear(&w);
}

static void violation_is_one_event(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(world_send_good(&w, IPC_SEAL_REQ), SP_ESTATE);
    session_log_violation(&w.s, &w.ops, &w.in, &w.fail);
    session_log_end(&w.s, &w.ops);
    json_t *e = world_event(&w, "session_violation");
    assert_int_equal(json_integer_value(json_object_get(e, "type")), IPC_SEAL_REQ);
    assert_string_equal(json_string_value(json_object_get(e, "where")), "ipc.state");
    assert_string_equal(json_string_value(json_object_get(e, "source")), "192.0.0.7:1024");
    assert_int_equal(world_count(&w, "session_failed"), 0);
    assert_int_equal(world_count(&w, "session_end"), 1);
    world_clear(&w);
}

static void crash_is_one_failure(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    w.s.is_ended_report = true;
    w.s.status = 31; /* SIGSYS */
    session_log_end(&w.s, &w.ops);
    assert_int_equal(world_count(&w, "session_failed"), 1);
    assert_string_equal(
        json_string_value(json_object_get(world_event(&w, "session_end"), "reason")),
        "process ended by signal 31");
    world_clear(&w);
}

static void end_and_lease_are_pushed(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(session_end(&w.s, &w.ops, 0x19, "stopping"), SP_OK);
    assert_int_equal(w.sent_type, IPC_END);
    assert_int_equal(w.sent.end.errinfo, 0x19);
    assert_int_equal(session_lease(&w.s, &w.ops), SP_OK);
    assert_int_equal(w.sent_type, IPC_LEASE);
    assert_int_equal(w.sent.lease.lease_ms, SESSION_LEASE_MS);
    assert_int_equal(w.s.lease_at_ms, w.now_ms + SESSION_LEASE_EVERY_MS);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_in_every_state),
        cmocka_unit_test(the_way_back_to_the_lobby_leaves_nothing),
        cmocka_unit_test(every_wrong_size_is_a_violation),
        cmocka_unit_test(second_use_is_a_violation),
        cmocka_unit_test(stray_descriptor_is_closed),
        cmocka_unit_test(message_is_wiped),
        cmocka_unit_test(answer_not_taken_is_reported),
        cmocka_unit_test(violation_is_one_event),
        cmocka_unit_test(crash_is_one_failure),
        cmocka_unit_test(end_and_lease_are_pushed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
