/* SPDX-License-Identifier: Apache-2.0
 * Helpers are started with exactly their descriptors, noticed when they die, started again in time.
 *
 * This program is its own helper when it is called with a role.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/ipc_msg.h"
#include "base/mem.h"
#include "keeper/children.h"

static struct boot_config boot;
static struct children c;

/* ---- the helper's side: report what we were given, then wait for keeper's end ---- */

static uint64_t open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    uint64_t set = 0;

    while ((entry = readdir(dir)) != NULL) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd < 64)
            set |= 1ull << fd;
    }
    closedir(dir);
    return set;
}

static int helper(const char *role)
{
    extern char **environ;
    struct ipc_dialed report = {.id = open_descriptors()};
    static struct ipc_in in;
    char *ca;

    report.status = (uint32_t)strlen(role);
    report.sys = environ[0] == NULL && boot_read(BOOT_FD_CONFIG, &boot, &ca) == SP_OK &&
                 boot.first_byte_ms == 77 && getpgrp() == getpid();
    if (ipc_send(BOOT_FD_KEEPER, IPC_DIALED, &report, sizeof(report), NULL, 0,
                 clock_now_ms() + 1000) != SP_OK)
        return 2;
    return ipc_recv(BOOT_FD_KEEPER, &in, clock_now_ms() + 10000) == SP_ECLOSED ? 0 : 3;
}

/* ---- keeper's side ---- */

static int begin(void **state)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int listeners[2] = {null, open("/dev/null", O_RDONLY | O_CLOEXEC)};

    (void)state;
    boot = (struct boot_config){.magic = BOOT_MAGIC, .size = sizeof(boot), .first_byte_ms = 77};
    int penalties = fcntl(null, F_DUPFD_CLOEXEC, 200);
    int self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    int program = fcntl(self, F_DUPFD_CLOEXEC, 201);
    close(self);
    if (children_init(&c, boot_write(&boot, NULL), listeners, 2, NULL) != SP_OK)
        return -1;
    c.penalties_fd = penalties;
    c.program_fd = program;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    children_stop(&c);
    children_clear(&c);
    close(c.penalties_fd);
    close(c.program_fd);
    return 0;
}

static struct ipc_dialed start_and_hear(enum child_role role)
{
    static struct ipc_in in;
    struct ipc_dialed report;

    assert_int_equal(children_start(&c, role, clock_now_ms(), NULL), SP_OK);
    assert_true(c.child[role].pid > 0);
    assert_int_equal(ipc_recv(c.child[role].channel, &in, clock_now_ms() + 5000), SP_OK);
    memcpy(&report, in.msg.bytes, sizeof(report));
    return report;
}

static void each_gets_its_descriptors_and_no_more(void **state)
{
    static const uint64_t expected[] = {
        [CHILD_SPAWNER] = 0x3F, /* 0-2, keeper, boot, peer */
        [CHILD_DIALER] = 0x1F,  /* no peer                 */
        [CHILD_DOOR] = 0x1FF,   /* penalties, two listeners */
    };
    int stray = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    for (int role = 0; role <= CHILD_DOOR; role++) {
        struct ipc_dialed report = start_and_hear((enum child_role)role);
        assert_int_equal(report.id, expected[role]);
        assert_int_equal(report.status, strlen(child_name((enum child_role)role)));
        assert_int_equal(report.sys, 1);
    }
    close(stray);
}

static void works_without_being_dumpable(void **state)
{
    (void)state;
    assert_int_equal(prctl(PR_SET_DUMPABLE, 0), 0);
    start_and_hear(CHILD_DIALER);
    prctl(PR_SET_DUMPABLE, 1);
}

static void a_dead_one_is_due_at_once(void **state)
{
    enum child_role role = CHILD_DOOR;
    pid_t pid;

    (void)state;
    start_and_hear(CHILD_DIALER);
    pid = c.child[CHILD_DIALER].pid;
    assert_false(children_due(&c, CHILD_DIALER, clock_now_ms()));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(children_reaped(&c, 1, clock_now_ms(), &role));
    assert_true(children_reaped(&c, pid, clock_now_ms(), &role));
    assert_int_equal(role, CHILD_DIALER);
    assert_int_equal(c.child[CHILD_DIALER].channel, -1);
    assert_true(children_due(&c, CHILD_DIALER, clock_now_ms()));
    start_and_hear(CHILD_DIALER);
}

/* Milliseconds that a helper must wait after its death at now_ms. */
static int64_t die_at(int64_t now_ms)
{
    enum child_role role;

    c.child[CHILD_DOOR].pid = 4242;
    assert_true(children_reaped(&c, 4242, now_ms, &role));
    return c.child[CHILD_DOOR].restart_ms - now_ms;
}

static void who_dies_all_the_time_waits(void **state)
{
    static const int64_t waits[] = {0, 0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    int64_t now_ms = 100000;

    (void)state;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_int_equal(die_at(now_ms), waits[i]);
        assert_int_equal(children_due(&c, CHILD_DOOR, now_ms), waits[i] == 0);
        assert_true(children_due(&c, CHILD_DOOR, now_ms + waits[i]));
        now_ms += waits[i] + 10;
    }
    assert_int_equal(die_at(now_ms + 10001), 0); /* ten quiet seconds */
}

static void nothing_is_due_while_stopping(void **state)
{
    pid_t pid;

    (void)state;
    start_and_hear(CHILD_SPAWNER);
    pid = c.child[CHILD_SPAWNER].pid;
    children_stop(&c);
    assert_int_equal(kill(pid, 0), -1);
    assert_false(children_due(&c, CHILD_SPAWNER, INT64_MAX));
}

/* Directory is there where it is configured; its program is not ours. */
static void directory_only_where_it_is_wanted(void **state)
{
    (void)state;
    assert_false(children_wants(&c, CHILD_DIRECTORY));
    assert_false(children_due(&c, CHILD_DIRECTORY, INT64_MAX));
    assert_true(children_is_ready(&c, CHILD_DIRECTORY));
    assert_int_equal(children_add_directory(&c, open("/dev/null", O_RDONLY | O_CLOEXEC), NULL),
                     SP_OK);
    assert_true(children_wants(&c, CHILD_DIRECTORY));
    assert_true(children_due(&c, CHILD_DIRECTORY, INT64_MAX));
    assert_false(children_is_ready(&c, CHILD_DIRECTORY));
    struct sp_fail fail = {0};
    assert_int_equal(children_start(&c, CHILD_DIRECTORY, clock_now_ms(), &fail), SP_ESYS);
    assert_string_equal(fail.where, "posix_spawn"); /* its program was not opened here */
}

static void courier_only_where_it_is_wanted(void **state)
{
    struct sp_fail fail = {0};
    int fds[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC), open("/tmp", O_RDONLY | O_CLOEXEC)};

    (void)state;
    assert_false(children_wants(&c, CHILD_COURIER));
    assert_true(children_is_ready(&c, CHILD_COURIER));
    assert_int_equal(children_add_courier(&c, -1, -1, NULL), SP_OK);
    assert_false(children_due(&c, CHILD_COURIER, INT64_MAX));
    assert_int_equal(children_add_courier(&c, fds[0], fds[1], NULL), SP_OK);
    assert_true(children_due(&c, CHILD_COURIER, INT64_MAX));
    assert_int_equal(children_start(&c, CHILD_COURIER, clock_now_ms(), &fail), SP_ESYS);
    assert_string_equal(fail.where, "posix_spawn"); /* its program was not opened here */
    c.courier_program_fd = c.program_fd;
    assert_int_equal(start_and_hear(CHILD_COURIER).id, 0x3F); /* keeper, its own memfd, the spool */
}

static void ready_only_in_the_cage(void **state)
{
    (void)state;
    assert_false(children_is_ready(&c, CHILD_DOOR));
    start_and_hear(CHILD_DOOR); /* this helper enters no cage */
    assert_false(children_is_ready(&c, CHILD_DOOR));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(each_gets_its_descriptors_and_no_more),
        TEST(works_without_being_dumpable),
        TEST(a_dead_one_is_due_at_once),
        TEST(who_dies_all_the_time_waits),
        TEST(nothing_is_due_while_stopping),
        TEST(directory_only_where_it_is_wanted),
        TEST(courier_only_where_it_is_wanted),
        TEST(ready_only_in_the_cage),
    };

    if (argc == 2 && strncmp(argv[1], "--role=", 7) == 0)
        return helper(argv[1] + 7);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
