/* SPDX-License-Identifier: Apache-2.0
 * Messages between processes, boot data, and a session's link to keeper.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/boot.h"
#include "base/clock.h"
#include "base/keeper_link.h"
#include "base/mem.h"

static int pair[2];
static struct ipc_in in;

static int setup(void **state)
{
    (void)state;
    return ipc_pair(pair) == SP_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static void message_and_descriptors_arrive(void **state)
{
    struct ipc_lease lease = {.lease_ms = 42};
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fds[2] = {null_fd, null_fd};

    (void)state;
    assert_int_equal(ipc_send(pair[0], IPC_LEASE, &lease, sizeof(lease), fds, 2, 0), SP_OK);
    assert_int_equal(ipc_recv(pair[1], &in, 0), SP_OK);
    assert_int_equal(in.msg.head.type, IPC_LEASE);
    assert_int_equal(in.size, sizeof(lease));
    assert_int_equal(in.fd_count, 2);
    assert_int_not_equal(in.fds[1], null_fd);
    assert_true((fcntl(in.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
    int got = in.fds[0];
    ipc_in_clear(&in);
    assert_int_equal(fcntl(got, F_GETFD), -1);
    close(null_fd);
}

static void empty_queue_is_a_timeout(void **state)
{
    (void)state;
    assert_int_equal(ipc_recv(pair[1], &in, 0), SP_ETIME);
    assert_int_equal(ipc_recv(pair[1], &in, clock_now_ms() + 10), SP_ETIME);
}

static void full_queue_is_a_timeout(void **state)
{
    static struct ipc_verify_req big;
    enum sp_err err = SP_OK;

    (void)state;
    for (int i = 0; i < 10000 && err == SP_OK; i++)
        err = ipc_send(pair[0], IPC_VERIFY_REQ, &big, sizeof(big), NULL, 0, 0);
    assert_int_equal(err, SP_ETIME);
}

static void closed_peer_is_told(void **state)
{
    struct ipc_plain plain = {0};

    (void)state;
    shutdown(pair[1], SHUT_RDWR);
    assert_int_equal(ipc_send(pair[0], IPC_CONNECT_REQ, &plain, sizeof(plain), NULL, 0, 0),
                     SP_ECLOSED);
    assert_int_equal(ipc_recv(pair[0], &in, 0), SP_ECLOSED);
}

static void wrong_size_is_refused(void **state)
{
    struct ipc_head head = {IPC_LEASE, 99};

    (void)state;
    assert_int_equal(send(pair[0], &head, sizeof(head), 0), sizeof(head));
    assert_int_equal(ipc_recv(pair[1], &in, 0), SP_EVALUE);
    assert_int_equal(send(pair[0], "abc", 3, 0), 3);
    assert_int_equal(ipc_recv(pair[1], &in, 0), SP_EVALUE);
}

static void too_many_descriptors_are_closed(void **state)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * 3)];
    } control = {0};
    struct ipc_plain plain = {{IPC_CONNECT_REQ, sizeof(plain)}};
    struct iovec iov = {&plain, sizeof(plain)};
    struct msghdr mh = {.msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = sizeof(control.room)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
    int probe = dup(0);

    (void)state;
    close(probe);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * 3);
    memcpy(CMSG_DATA(c), (int[]){0, 1, 2}, sizeof(int) * 3);
    assert_int_equal(sendmsg(pair[0], &mh, 0), sizeof(plain));
    assert_int_equal(ipc_recv(pair[1], &in, 0), SP_EVALUE);
    int after = dup(0);
    assert_int_equal(after, probe); /* nothing was left open */
    close(after);
}

static void boot_data_comes_back(void **state)
{
    static struct boot_config config, got;
    char *ca = NULL;

    (void)state;
    config = (struct boot_config){.magic = BOOT_MAGIC, .size = sizeof(config), .ca_size = 5};
    SP_FD fd = boot_write(&config, "hello");
    assert_true(fd >= 0);
    assert_int_equal(boot_read(fd, &got, &ca), SP_OK);
    assert_string_equal(ca, "hello");
    free(ca);
    assert_int_equal(write(fd, "x", 1), -1); /* sealed */
    config.magic = 1;
    SP_FD other = boot_write(&config, "hello");
    assert_int_equal(boot_read(other, &got, &ca), SP_EVALUE);
    SP_FD empty = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(boot_read(empty, &got, &ca), SP_OK);
}

static void lease_is_taken_on_the_way(void **state)
{
    static struct keeper_link k;
    struct ipc_lease lease = {.lease_ms = 60000};
    struct ipc_challenge_rsp rsp = {.challenge = "1234567"};
    uint8_t challenge[8];

    (void)state;
    keeper_link_init(&k, pair[0]);
    assert_int_equal(ipc_send(pair[1], IPC_LEASE, &lease, sizeof(lease), NULL, 0, 0), SP_OK);
    assert_int_equal(ipc_send(pair[1], IPC_CHALLENGE_RSP, &rsp, sizeof(rsp), NULL, 0, 0), SP_OK);
    assert_int_equal(keeper_challenge(&k, challenge), SP_OK);
    assert_memory_equal(challenge, "1234567", 8);
    assert_true(k.lease_until_ms > clock_now_ms());
}

static void end_stops_the_link(void **state)
{
    static struct keeper_link k;
    struct ipc_end end = {.errinfo = 1, .reason = "killed"};
    uint8_t challenge[8];

    (void)state;
    keeper_link_init(&k, pair[0]);
    assert_int_equal(ipc_send(pair[1], IPC_END, &end, sizeof(end), NULL, 0, 0), SP_OK);
    assert_int_equal(keeper_link_poll(&k), SP_ECLOSED);
    assert_int_equal(k.end_errinfo, 1);
    assert_string_equal(k.end_reason, "killed");
    assert_int_equal(keeper_challenge(&k, challenge), SP_ECLOSED);
}

static void an_answer_nobody_asked_for_ends_the_link(void **state)
{
    static struct keeper_link k;
    struct ipc_verify_rsp rsp = {.nt_status = 0};

    (void)state;
    keeper_link_init(&k, pair[0]);
    assert_int_equal(ipc_send(pair[1], IPC_VERIFY_RSP, &rsp, sizeof(rsp), NULL, 0, 0), SP_OK);
    assert_int_equal(keeper_link_poll(&k), SP_ESTATE);
    assert_true(k.is_ended);
}

static void connect_without_a_descriptor_is_an_error(void **state)
{
    static struct keeper_link k;
    struct ipc_connect_rsp rsp = {.errinfo = 0};
    uint32_t errinfo;
    int fd;

    (void)state;
    keeper_link_init(&k, pair[0]);
    assert_int_equal(ipc_send(pair[1], IPC_CONNECT_RSP, &rsp, sizeof(rsp), NULL, 0, 0), SP_OK);
    assert_int_equal(keeper_connect(&k, &fd, &errinfo), SP_EVALUE);
}

static void notes_are_bounded(void **state)
{
    static struct keeper_link k;
    struct ipc_note note = {.kind = IPC_NOTE_CHANNEL};
    unsigned got = 0;

    (void)state;
    keeper_link_init(&k, pair[0]);
    for (int i = 0; i < 2 * IPC_NOTES_MAX; i++) {
        note.kind = IPC_NOTE_CHANNEL;
        keeper_note(&k, &note);
        while (ipc_recv(pair[1], &in, 0) == SP_OK)
            got++;
    }
    assert_int_equal(got, IPC_NOTES_MAX - 2);
    /* Why a session failed and that it is over always finds a place, each once. */
    note.kind = IPC_NOTE_EXPLOIT;
    keeper_note(&k, &note);
    assert_int_equal(ipc_recv(pair[1], &in, 0), SP_OK);
    keeper_note(&k, &note);
    assert_int_equal(ipc_recv(pair[1], &in, 0), SP_ETIME);
    note.kind = IPC_NOTE_CLOSED;
    keeper_note(&k, &note);
    assert_int_equal(ipc_recv(pair[1], &in, 0), SP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(message_and_descriptors_arrive, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_queue_is_a_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(full_queue_is_a_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_peer_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_size_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_descriptors_are_closed, setup, teardown),
        cmocka_unit_test(boot_data_comes_back),
        cmocka_unit_test_setup_teardown(lease_is_taken_on_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(end_stops_the_link, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_nobody_asked_for_ends_the_link, setup, teardown),
        cmocka_unit_test_setup_teardown(connect_without_a_descriptor_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(notes_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
