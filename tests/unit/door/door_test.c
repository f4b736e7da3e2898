/* SPDX-License-Identifier: Apache-2.0
 * The door as a process in its real sandbox; the test plays keeper, spawner and the clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "door/door.h"
#include "door/door_priv.h"
#include "support/helper_process.h"

#define FIRST_BYTE_MS 300
#define PER_SOURCE    3

struct fixture {
    struct helper_process door;
    int listener;
    uint16_t port;
};

static struct fixture start(uint32_t per_source)
{
    static struct boot_config config;
    struct fixture f;

    f.listener = helper_listen(64, &f.port);
    config = (struct boot_config){.listener_count = 1,
                                  .max_unauthenticated = 64,
                                  .max_unauthenticated_per_source = per_source,
                                  .early_drop_start = 64,
                                  .first_byte_ms = FIRST_BYTE_MS};
    f.door = helper_process_start(door_main, &config, &f.listener, 1);
    return f;
}

static void stop(struct fixture *f)
{
    int status = helper_process_stop(&f->door);

    close(f->listener);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static struct ipc_door_refused expect_refused(const struct fixture *f, enum ipc_door_reason reason)
{
    struct ipc_door_refused msg;

    helper_process_expect(f->door.keeper_fd, IPC_DOOR_REFUSED, &msg, sizeof(msg), NULL, 0);
    assert_int_equal(msg.reason, reason);
    return msg;
}

static void expect_connection(const struct fixture *f, int fds[2])
{
    struct ipc_connection msg;

    helper_process_expect(f->door.peer_fd, IPC_CONNECTION, &msg, sizeof(msg), fds, 2);
    assert_int_equal(msg.listener, 0);
    assert_int_equal(msg.peer.ip[12], 127);
    assert_int_not_equal(msg.peer.port, 0);
}

static void an_idle_connection_costs_little(void **state)
{
    (void)state;
    assert_true(sizeof(struct door_conn) + 4 * sizeof(struct limits_source) <= 1024);
}

static void silence_is_ended_and_reported(void **state)
{
    struct fixture f = start(PER_SOURCE);
    int client = helper_connect(f.port);

    (void)state;
    assert_false(helper_closed_within(client, FIRST_BYTE_MS / 2));
    assert_true(helper_closed_within(client, FIRST_BYTE_MS));
    assert_int_equal(expect_refused(&f, IPC_DOOR_SILENT).count, 1);
    close(client);
    stop(&f);
}

static void first_byte_hands_over_unread(void **state)
{
    struct fixture f = start(PER_SOURCE);
    int client = helper_connect(f.port);
    int fds[2];
    char byte = 0;

    (void)state;
    assert_int_equal(send(client, "x", 1, 0), 1);
    expect_connection(&f, fds);
    assert_int_equal(recv(fds[0], &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    /* Longer than the wait for a first byte: the door has no more to do with it. */
    assert_false(helper_closed_within(client, 2 * FIRST_BYTE_MS));
    close(fds[0]);
    assert_true(helper_closed_within(client, 1000));
    close(fds[1]);
    close(client);
    stop(&f);
}

static void counted_until_its_life_pipe_ends(void **state)
{
    struct fixture f = start(PER_SOURCE);
    int client[PER_SOURCE + 2], fds[PER_SOURCE + 2][2];

    (void)state;
    for (int i = 0; i < PER_SOURCE; i++) {
        client[i] = helper_connect(f.port);
        assert_int_equal(send(client[i], "x", 1, 0), 1);
        expect_connection(&f, fds[i]);
    }
    client[PER_SOURCE] = helper_connect(f.port);
    assert_true(helper_closed_within(client[PER_SOURCE], 1000));
    expect_refused(&f, IPC_DOOR_SOURCE);
    close(fds[0][1]); /* authenticated: its socket lives on */
    usleep(50000);
    client[PER_SOURCE + 1] = helper_connect(f.port);
    assert_int_equal(send(client[PER_SOURCE + 1], "x", 1, 0), 1);
    expect_connection(&f, fds[PER_SOURCE]);
    assert_false(helper_closed_within(client[0], 10));
    stop(&f);
}

static void a_penalised_source_is_reset_at_once(void **state)
{
    struct fixture f = start(PER_SOURCE);
    struct penalty_rules rules = penalty_defaults();
    const uint8_t loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    int fds[2];

    (void)state;
    penalty_charge(f.door.penalties, &rules, loopback, PENALTY_EXPLOIT, 1, clock_now_ms());
    for (int i = 0; i < 2 * PER_SOURCE; i++) {
        int client = helper_connect(f.port);
        assert_true(helper_closed_within(client, 1000));
        close(client);
    }
    expect_refused(&f, IPC_DOOR_PENALTY);
    struct penalty_key key[2];
    penalty_source_keys(loopback, key);
    assert_true(penalty_remove(f.door.penalties, key));
    int client = helper_connect(f.port);
    assert_int_equal(send(client, "x", 1, 0), 1);
    expect_connection(&f, fds);
    stop(&f);
}

/* RETIRE: who is accepted is handed over, the sockets live on for others, then it ends. */
static void retires_when_nobody_waits(void **state)
{
    struct fixture f = start(PER_SOURCE);
    int client = helper_connect(f.port);
    struct ipc_plain msg = {0};
    int fds[2];

    (void)state;
    usleep(50000); /* accepted by then */
    assert_int_equal(ipc_send(f.door.keeper_fd, IPC_RETIRE, &msg, sizeof(msg), NULL, 0, 0), SP_OK);
    usleep(50000);
    int later = helper_connect(f.port); /* into the backlog, for another door */
    assert_int_equal(send(client, "x", 1, 0), 1);
    expect_connection(&f, fds);
    int status;
    assert_int_equal(waitpid(f.door.pid, &status, 0), f.door.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_false(helper_closed_within(later, 10));
    int taken = accept(f.listener, NULL, NULL);
    assert_true(taken >= 0);
    close(taken);
    close(fds[0]);
    close(fds[1]);
    close(later);
    close(client);
    close(f.listener);
    close(f.door.keeper_fd);
    close(f.door.peer_fd);
}

static void a_peer_that_leaves_is_forgotten(void **state)
{
    struct fixture f = start(1);

    (void)state;
    for (int i = 0; i < 5; i++) {
        close(helper_connect(f.port));
        usleep(20000);
    }
    int client = helper_connect(f.port), fds[2];
    assert_int_equal(send(client, "x", 1, 0), 1);
    expect_connection(&f, fds);
    stop(&f);
}

static void reports_are_summed(void **state)
{
    struct fixture f = start(1);
    int client = helper_connect(f.port), fds[2];
    uint32_t counted = 0, messages = 0;

    (void)state;
    assert_int_equal(send(client, "x", 1, 0), 1);
    expect_connection(&f, fds);
    for (int i = 0; i < 20; i++) {
        int refused = helper_connect(f.port);
        assert_true(helper_closed_within(refused, 1000));
        close(refused);
    }
    while (counted < 20) {
        counted += expect_refused(&f, IPC_DOOR_SOURCE).count;
        messages++;
    }
    assert_int_equal(counted, 20);
    assert_in_range(messages, 1, 2);
    stop(&f);
}

/* More readable connections than the channel to a spawner that sleeps will hold. */
static void a_busy_spawner_does_not_block_the_door(void **state)
{
    struct fixture f = start(64);
    int client[32], silent, fds[2];

    (void)state;
    for (int i = 0; i < 32; i++) {
        client[i] = helper_connect(f.port);
        assert_int_equal(send(client[i], "x", 1, 0), 1);
    }
    usleep(FIRST_BYTE_MS * 1000 / 2);
    silent = helper_connect(f.port);
    for (int i = 0; i < 16; i++)
        expect_connection(&f, fds);
    /* Those that nobody took in time are reset; deadlines of others go on meanwhile. */
    assert_true(helper_closed_within(client[31], FIRST_BYTE_MS));
    assert_true(helper_closed_within(silent, 2 * FIRST_BYTE_MS));
    expect_refused(&f, IPC_DOOR_SYSTEM);
    stop(&f);
}

static long cpu_ticks(pid_t pid)
{
    char path[64], text[512];
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_int_equal(
        sscanf(text, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system),
        2);
    return (long)(user + system);
}

static void no_descriptors_no_spinning(void **state)
{
    struct fixture f = start(64);
    struct rlimit few = {10, 10}, before;
    int client[8];

    (void)state;
    usleep(100000);
    assert_int_equal(prlimit(f.door.pid, RLIMIT_NOFILE, &few, &before), 0);
    long ticks = cpu_ticks(f.door.pid);
    for (int i = 0; i < 8; i++)
        client[i] = helper_connect(f.port);
    assert_true(helper_closed_within(client[7], 1000));
    expect_refused(&f, IPC_DOOR_SYSTEM);
    usleep(500000);
    assert_in_range(cpu_ticks(f.door.pid) - ticks, 0, 5);
    for (int i = 0; i < 8; i++)
        close(client[i]);
    usleep(50000);
    int late = helper_connect(f.port);
    assert_false(helper_closed_within(late, FIRST_BYTE_MS / 2));
    stop(&f);
}

static void stop_order_ends_the_listener_only(void **state)
{
    struct fixture f = start(PER_SOURCE);
    int client = helper_connect(f.port), fds[2];
    struct ipc_plain msg;

    (void)state;
    usleep(50000);
    assert_int_equal(ipc_send(f.door.keeper_fd, IPC_DOOR_STOP, &msg, sizeof(msg), NULL, 0, 0),
                     SP_OK);
    usleep(50000);
    int accepting = 1;
    socklen_t size = sizeof(accepting);
    assert_int_equal(getsockopt(f.listener, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size), 0);
    assert_int_equal(accepting, 0); /* though keeper, and we, still have it open */
    assert_int_equal(send(client, "x", 1, 0), 1);
    expect_connection(&f, fds);
    stop(&f);
}

static void without_a_spawner_it_ends(void **state)
{
    struct fixture f = start(PER_SOURCE);
    int client = helper_connect(f.port);
    int status;

    (void)state;
    close(f.door.peer_fd);
    f.door.peer_fd = -1;
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_int_equal(waitpid(f.door.pid, &status, 0), f.door.pid);
    assert_int_equal(WEXITSTATUS(status), 1);
    close(f.door.keeper_fd);
    close(f.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_costs_little),
        cmocka_unit_test(silence_is_ended_and_reported),
        cmocka_unit_test(first_byte_hands_over_unread),
        cmocka_unit_test(counted_until_its_life_pipe_ends),
        cmocka_unit_test(a_penalised_source_is_reset_at_once),
        cmocka_unit_test(retires_when_nobody_waits),
        cmocka_unit_test(a_peer_that_leaves_is_forgotten),
        cmocka_unit_test(reports_are_summed),
        cmocka_unit_test(a_busy_spawner_does_not_block_the_door),
        cmocka_unit_test(no_descriptors_no_spinning),
        cmocka_unit_test(stop_order_ends_the_listener_only),
        cmocka_unit_test(without_a_spawner_it_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
