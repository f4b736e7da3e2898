/* SPDX-License-Identifier: Apache-2.0
 * The cage: each probe runs in a child of its own, inside the real filter.
 */
#include "base/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/ipc_msg.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_FILTER false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_FILTER false
#endif
#endif
#ifndef WITH_FILTER
#define WITH_FILTER true
#endif

#define DENIED (-SIGSYS) /* what run() returns for a process that the filter killed */

typedef int probe_fn(void);

/* The probe's exit code, or minus the signal that ended it. */
static int run(enum sandbox_role role, probe_fn *probe)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct sp_fail fail = {SP_OK, NULL, 0, 0};
        if (sandbox_enter(role, &fail) != SP_OK) {
            dprintf(2, "%s: errno %u\n", fail.where, fail.got);
            _exit(99);
        }
        _exit(probe());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* 0 if it worked, else errno. */
static int outcome(long result)
{
    return result >= 0 ? 0 : errno;
}

static int probe_nothing(void)
{
    return 0;
}

static int probe_open(void)
{
    return outcome(open("/etc/passwd", O_RDONLY));
}

static int probe_create(void)
{
    return outcome(open("/tmp/sallyport-sandbox-test", O_WRONLY | O_CREAT, 0600));
}

static int probe_open_shadow(void)
{
    return outcome(open("/etc/shadow", O_RDONLY));
}

static int probe_socket(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

static int probe_packet_socket(void)
{
    return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static int probe_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static int probe_clone_newuser(void)
{
    return outcome(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0));
}

static int probe_execve(void)
{
    char *argv[] = {(char[]){"true"}, NULL};

    execv("/bin/true", argv);
    return errno;
}

static int probe_exec_self(void)
{
    char *argv[] = {(char[]){"sandbox_test"}, (char[]){"--again"}, NULL};

    execv("/proc/self/exe", argv);
    return errno;
}

static int probe_map_executable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? errno : 0;
}

static int probe_map_writable_executable(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? errno : 0;
}

static int probe_protect_executable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return outcome(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int probe_x32(void)
{
    return outcome(syscall(SYS_getpid | 0x40000000));
}

static int probe_kill_parent(void)
{
    return outcome(syscall(SYS_tgkill, 1, 1, SIGABRT));
}

static int probe_abort(void)
{
    abort();
}

static int probe_dumpable(void)
{
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int probe_setuid(void)
{
    return outcome(setuid(0));
}

static int probe_too_much_memory(void)
{
    return malloc(300u * 1024 * 1024) == NULL ? ENOMEM : 0;
}

static int probe_spin(void)
{
    while (getpid() != 0)
        continue;
    return 0;
}

static int probe_raise_nofile(void)
{
    struct rlimit r = {1024, 1024};

    return outcome(setrlimit(RLIMIT_NOFILE, &r));
}

/* Everything that a session does all day. */
static int probe_work(void)
{
    int one = 1;
    char byte = 0;
    struct pollfd p = {.fd = 0, .events = POLLIN};
    struct timespec t;
    void *large = malloc(8u * 1024 * 1024);

    memset(large, 1, 8u * 1024 * 1024);
    free(large);
    sandbox_session_authenticated();
    if (poll(&p, 1, 0) < 0 || clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return errno;
    if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t) != 0 || getrandom(&byte, 1, 0) != 1)
        return errno;
    (void)setsockopt(0, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    (void)recv(0, &byte, 1, MSG_DONTWAIT);
    (void)send(0, &byte, 0, MSG_NOSIGNAL);
    (void)shutdown(0, SHUT_WR);
    return 0;
}

static int channel[2]; /* [0] goes into the cage */

/* One descriptor that keeper sends fits, a second one does not. */
static int probe_descriptors(void)
{
    for (int i = 0; i < 2; i++) {
        struct ipc_in in;
        enum sp_err err = ipc_recv(channel[0], &in, clock_now_ms() + 2000);

        if (err != SP_OK || in.fd_count != 1)
            return i;
    }
    return 2;
}

static int probe_spawner(void)
{
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (sandbox_enter(SANDBOX_SESSION, &fail) != SP_OK)
            _exit(99);
        (void)probe_work();
        (void)probe_open();
        _exit(1);
    }
    if (waitpid(pid, &status, 0) != pid)
        return 98;
    return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int probe_again(void)
{
    struct sp_fail fail = {SP_OK, NULL, 0, 0};

    return sandbox_enter(SANDBOX_SPAWNER, &fail) == SP_OK ? 0 : (int)fail.got;
}

struct expectation {
    enum sandbox_role role;
    probe_fn *probe;
    int want;
};

static void expect(const struct expectation *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = run(table[i].role, table[i].probe);
        if (got != table[i].want)
            print_error("line %zu: got %d, want %d\n", i, got, table[i].want);
        assert_int_equal(got, table[i].want);
    }
}
#define EXPECT(table) expect(table, sizeof(table) / sizeof((table)[0]))

static void what_a_session_needs_works(void **state)
{
    static const struct expectation table[] = {
        {SANDBOX_SESSION, probe_nothing, 0}, {SANDBOX_SESSION, probe_work, 0},
        {SANDBOX_DOOR, probe_nothing, 0},    {SANDBOX_SPAWNER, probe_nothing, 0},
        {SANDBOX_DIALER, probe_nothing, 0},  {SANDBOX_SPAWNER, probe_fork, 0},
        {SANDBOX_DIALER, probe_fork, 0},     {SANDBOX_DIALER, probe_socket, 0},
        {SANDBOX_DIALER, probe_open, 0},
    };

    (void)state;
    EXPECT(table);
}

static void what_nobody_needs_kills(void **state)
{
    static const struct expectation table[] = {
        {SANDBOX_SESSION, probe_open, DENIED},
        {SANDBOX_SESSION, probe_socket, DENIED},
        {SANDBOX_SESSION, probe_fork, DENIED},
        {SANDBOX_SESSION, probe_execve, DENIED},
        {SANDBOX_SESSION, probe_map_executable, DENIED},
        {SANDBOX_SESSION, probe_protect_executable, DENIED},
        {SANDBOX_SESSION, probe_x32, DENIED},
        {SANDBOX_SESSION, probe_kill_parent, DENIED},
        {SANDBOX_SESSION, probe_dumpable, DENIED},
        {SANDBOX_SESSION, probe_setuid, DENIED},
        {SANDBOX_SESSION, probe_raise_nofile, DENIED},
        {SANDBOX_SESSION, probe_abort, -SIGABRT},
        {SANDBOX_DOOR, probe_socket, DENIED},
        {SANDBOX_DOOR, probe_open, DENIED},
        {SANDBOX_DOOR, probe_fork, DENIED},
        {SANDBOX_DOOR, probe_execve, DENIED},
        {SANDBOX_DOOR, probe_abort, -SIGABRT},
        {SANDBOX_SPAWNER, probe_socket, DENIED},
        {SANDBOX_SPAWNER, probe_create, DENIED},
        {SANDBOX_SPAWNER, probe_clone_newuser, DENIED},
        {SANDBOX_SPAWNER, probe_map_writable_executable, DENIED},
        {SANDBOX_SPAWNER, probe_dumpable, DENIED},
        {SANDBOX_SPAWNER, probe_setuid, DENIED},
        {SANDBOX_SPAWNER, probe_abort, -SIGABRT},
        {SANDBOX_DIALER, probe_packet_socket, DENIED},
        {SANDBOX_DIALER, probe_create, DENIED},
        {SANDBOX_DIALER, probe_execve, DENIED},
        {SANDBOX_DIALER, probe_clone_newuser, DENIED},
        {SANDBOX_DIALER, probe_x32, DENIED},
    };

    (void)state;
    if (!WITH_FILTER)
        skip();
    EXPECT(table);
}

static void landlock_guards_the_spawners_paths(void **state)
{
    static const struct expectation table[] = {
        {SANDBOX_SPAWNER, probe_open_shadow, EACCES},
        {SANDBOX_SPAWNER, probe_open, EACCES},
        {SANDBOX_SPAWNER, probe_execve, EACCES},
    };

    (void)state;
    if (sandbox_landlock_abi() < 1)
        skip();
    EXPECT(table);
}

static void limits_hold(void **state)
{
    static const struct expectation table[] = {
        {SANDBOX_SESSION, probe_too_much_memory, ENOMEM},
    };

    (void)state;
    if (!WITH_FILTER)
        skip();
    EXPECT(table);
}

static void cpu_is_bounded_before_authentication(void **state)
{
    pid_t pid;
    int status;

    (void)state;
    if (!WITH_FILTER)
        skip();
    pid = fork();
    if (pid == 0) {
        struct rlimit one = {1, RLIM_INFINITY};
        struct sp_fail fail;
        if (sandbox_enter(SANDBOX_SESSION, &fail) != SP_OK)
            _exit(99);
        /* The same call that lifts the limit also lowers it: no need to burn ten seconds. */
        (void)setrlimit(RLIMIT_CPU, &one);
        _exit(probe_spin());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGXCPU);
}

static void one_more_descriptor_fits_a_session(void **state)
{
    struct ipc_plain msg;

    (void)state;
    assert_int_equal(ipc_pair(channel), SP_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ipc_send(channel[1], IPC_CONNECT_RSP, &msg, sizeof(msg), channel, 1, 0),
                         SP_OK);
    assert_int_equal(run(SANDBOX_SESSION, probe_descriptors), 1);
    close(channel[0]);
    close(channel[1]);
}

static void a_session_enters_under_its_spawner(void **state)
{
    (void)state;
    if (!WITH_FILTER)
        skip();
    assert_int_equal(run(SANDBOX_SPAWNER, probe_spawner), 100 + SIGSYS);
}

static void entering_again_adds_nothing(void **state)
{
    (void)state;
    assert_int_equal(run(SANDBOX_SPAWNER, probe_again), 0);
    if (!WITH_FILTER)
        skip();
    /* The image that is run again counts its filters, see main. */
    assert_int_equal(run(SANDBOX_SPAWNER, probe_exec_self), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_session_needs_works),
        cmocka_unit_test(what_nobody_needs_kills),
        cmocka_unit_test(landlock_guards_the_spawners_paths),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(cpu_is_bounded_before_authentication),
        cmocka_unit_test(one_more_descriptor_fits_a_session),
        cmocka_unit_test(a_session_enters_under_its_spawner),
        cmocka_unit_test(entering_again_adds_nothing),
    };

    (void)argv;
    if (argc > 1)
        return sandbox_is_loaded(SANDBOX_SPAWNER) && probe_again() == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
