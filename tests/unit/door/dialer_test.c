/* SPDX-License-Identifier: Apache-2.0
 * The dialer as a process in its real sandbox; the test plays keeper and the targets.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "door/dialer.h"
#include "door/dialer_connect.h"
#include "support/helper_process.h"

static struct helper_process start(uint32_t dials_max)
{
    static struct boot_config config;

    config = (struct boot_config){.dials_max = dials_max};
    return helper_process_start(dialer_main, &config, NULL, 0);
}

static void stop(struct helper_process *p)
{
    int status = helper_process_stop(p);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void dial(const struct helper_process *p, uint64_t id, const char *host, uint32_t port,
                 uint32_t timeout_ms)
{
    struct ipc_dial msg = {.id = id, .port = port, .timeout_ms = timeout_ms};

    snprintf(msg.host, sizeof(msg.host), "%s", host);
    assert_int_equal(ipc_send(p->keeper_fd, IPC_DIAL, &msg, sizeof(msg), NULL, 0, 0), SP_OK);
}

static struct ipc_dialed expect(const struct helper_process *p, uint64_t id,
                                enum ipc_dial_status status)
{
    struct ipc_dialed msg;

    helper_process_expect(p->keeper_fd, IPC_DIALED, &msg, sizeof(msg), NULL, 0);
    assert_int_equal(msg.id, id);
    assert_int_equal(msg.status, status);
    return msg;
}

static void expect_connected(const struct helper_process *p, uint64_t id, int listener)
{
    struct ipc_dialed msg;
    int fd;

    helper_process_expect(p->keeper_fd, IPC_DIALED, &msg, sizeof(msg), &fd, 1);
    assert_int_equal(msg.id, id);
    assert_int_equal(msg.status, IPC_DIAL_OK);
    assert_int_equal(msg.address.ip[12], 127);
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(send(accepted, "x", 1, 0), 1);
    usleep(10000);
    char byte = 0;
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    close(accepted);
    close(fd);
}

static void connects_to_a_literal_and_to_localhost(void **state)
{
    struct helper_process p = start(16);
    uint16_t port;
    int listener = helper_listen(8, &port);

    (void)state;
    dial(&p, 7, "127.0.0.1", port, 2000);
    expect_connected(&p, 7, listener);
    dial(&p, 8, "localhost", port, 2000);
    expect_connected(&p, 8, listener);
    close(listener);
    stop(&p);
}

static void says_what_went_wrong(void **state)
{
    struct helper_process p = start(16);
    char label[80];
    uint16_t port;
    int listener = helper_listen(8, &port);

    (void)state;
    close(listener);
    dial(&p, 1, "127.0.0.1", port, 2000);
    assert_int_equal(expect(&p, 1, IPC_DIAL_REFUSED).sys, ECONNREFUSED);
    dial(&p, 2, "127.1", port, 2000);
    expect(&p, 2, IPC_DIAL_FORBIDDEN);
    memset(label, 'a', sizeof(label) - 1); /* no name server is asked for a label of 79 */
    label[sizeof(label) - 1] = '\0';
    dial(&p, 3, label, port, 2000);
    expect(&p, 3, IPC_DIAL_DNS);
    dial(&p, 4, "fe80::1%nosuchzone", port, 2000);
    expect(&p, 4, IPC_DIAL_DNS);
    dial(&p, 5, "web01%lo", port, 2000);
    expect(&p, 5, IPC_DIAL_FAILED);
    dial(&p, 6, "127.0.0.1", 0, 2000);
    expect(&p, 6, IPC_DIAL_FAILED);
    dial(&p, 7, "127.0.0.1", port, 0);
    expect(&p, 7, IPC_DIAL_FAILED);
    stop(&p);
}

/* A listener whose backlog is full: further connects hang. */
static int hanging_listener(uint16_t *port)
{
    int fd = helper_listen(0, port);

    helper_connect(*port);
    return fd;
}

static void a_hanging_target_times_out(void **state)
{
    struct helper_process p = start(16);
    uint16_t port;
    int listener = hanging_listener(&port);
    int64_t began_ms = clock_now_ms();

    (void)state;
    dial(&p, 1, "127.0.0.1", port, 300);
    assert_int_equal(expect(&p, 1, IPC_DIAL_TIMEOUT).sys, ETIMEDOUT);
    assert_in_range(clock_now_ms() - began_ms, 290, 490);
    close(listener);
    stop(&p);
}

static void dials_are_bounded(void **state)
{
    struct helper_process p = start(2);
    uint16_t port;
    int listener = hanging_listener(&port);

    (void)state;
    dial(&p, 1, "127.0.0.1", port, 600);
    dial(&p, 2, "127.0.0.1", port, 700);
    dial(&p, 3, "127.0.0.1", port, 600);
    assert_int_equal(expect(&p, 3, IPC_DIAL_FAILED).sys, EAGAIN);
    expect(&p, 1, IPC_DIAL_TIMEOUT);
    expect(&p, 2, IPC_DIAL_TIMEOUT);
    usleep(20000);
    dial(&p, 4, "127.0.0.1", port, 100);
    expect(&p, 4, IPC_DIAL_TIMEOUT);
    close(listener);
    stop(&p);
}

/* The pid of the dialer's only child, or 0. */
static pid_t child_of(pid_t parent)
{
    char path[64], text[64] = "";
    int pid = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fgets(text, sizeof(text), file) != NULL)
        sscanf(text, "%d", &pid);
    fclose(file);
    return pid;
}

/* While one address hangs, others are answered, in the process itself. */
static void addresses_need_no_child(void **state)
{
    struct helper_process p = start(16);
    uint16_t port, other_port;
    int listener = hanging_listener(&port), other = helper_listen(8, &other_port);

    (void)state;
    dial(&p, 1, "127.0.0.1", port, 400);
    dial(&p, 2, "127.0.0.1", other_port, 5000);
    expect_connected(&p, 2, other);
    assert_int_equal(child_of(p.pid), 0);
    assert_int_equal(expect(&p, 1, IPC_DIAL_TIMEOUT).sys, ETIMEDOUT);
    close(listener);
    close(other);
    stop(&p);
}

static void signal_the_child(int number, uint32_t timeout_ms, enum ipc_dial_status want)
{
    struct helper_process p = start(16);
    uint16_t port;
    int listener = hanging_listener(&port);

    dial(&p, 1, "localhost", port, timeout_ms); /* a name is a child's */
    usleep(100000);
    pid_t child = child_of(p.pid);
    if (child != 0) {
        assert_int_equal(kill(child, number), 0);
        expect(&p, 1, want);
    }
    close(listener);
    stop(&p);
}

static void answers_for_a_child_that_died(void **state)
{
    (void)state;
    signal_the_child(SIGKILL, 5000, IPC_DIAL_FAILED);
}

static void ends_a_child_that_overruns(void **state)
{
    (void)state;
    signal_the_child(SIGSTOP, 300, IPC_DIAL_TIMEOUT);
}

static void children_end_with_the_dialer(void **state)
{
    struct helper_process p = start(16);
    uint16_t port;
    int listener = hanging_listener(&port);

    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans become ours */
    dial(&p, 1, "localhost", port, 60000);
    usleep(100000);
    pid_t child = child_of(p.pid);
    stop(&p);
    usleep(50000);
    if (child != 0)
        assert_int_equal(waitpid(child, NULL, WNOHANG), child);
    close(listener);
}

static void every_errno_has_a_meaning(void **state)
{
    (void)state;
    assert_int_equal(dialer_status(0), IPC_DIAL_OK);
    assert_int_equal(dialer_status(ETIMEDOUT), IPC_DIAL_TIMEOUT);
    assert_int_equal(dialer_status(EMFILE), IPC_DIAL_FAILED);
    assert_int_equal(dialer_status(ENETUNREACH), IPC_DIAL_REFUSED);
    assert_int_equal(dialer_status(EHOSTUNREACH), IPC_DIAL_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_to_a_literal_and_to_localhost),
        cmocka_unit_test(says_what_went_wrong),
        cmocka_unit_test(a_hanging_target_times_out),
        cmocka_unit_test(dials_are_bounded),
        cmocka_unit_test(addresses_need_no_child),
        cmocka_unit_test(answers_for_a_child_that_died),
        cmocka_unit_test(ends_a_child_that_overruns),
        cmocka_unit_test(children_end_with_the_dialer),
        cmocka_unit_test(every_errno_has_a_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
