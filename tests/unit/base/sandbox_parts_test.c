/* SPDX-License-Identifier: Apache-2.0
 * The cage's parts: the table, Landlock on older kernels, identity, and that it fails closed.
 */
#include "base/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

static void the_table_is_small_and_reasoned(void **state)
{
    (void)state;
    assert_in_range(sandbox_call_count(SANDBOX_SESSION), 1, SANDBOX_SESSION_CALLS);
    for (size_t i = 0; i < sandbox_table_count; i++) {
        assert_true(strlen(sandbox_table[i].reason) >= 3);
        assert_true(sandbox_table[i].roles != 0);
        assert_true(seccomp_syscall_resolve_name(sandbox_table[i].call) != __NR_SCMP_ERROR);
        if ((sandbox_table[i].roles & 1u << SANDBOX_SESSION) != 0 &&
            strcmp(sandbox_table[i].call, "tgkill") != 0)
            assert_true((sandbox_table[i].roles & 1u << SANDBOX_SPAWNER) != 0);
    }
}

static void landlock_rights_follow_the_abi(void **state)
{
    static const struct sandbox_landlock want[] = {
        {0, 0, 0},      {0x1fff, 0, 0}, {0x3fff, 0, 0}, {0x7fff, 0, 0}, {0x7fff, 3, 0},
        {0xffff, 3, 0}, {0xffff, 3, 3}, {0xffff, 3, 3}, {0xffff, 3, 3},
    };

    (void)state;
    for (int abi = 0; abi < (int)(sizeof(want) / sizeof(want[0])); abi++) {
        struct sandbox_landlock got = sandbox_landlock_rights(SANDBOX_SESSION, abi);
        assert_int_equal(got.fs, want[abi].fs);
        assert_int_equal(got.net, want[abi].net);
        assert_int_equal(got.scoped, want[abi].scoped);
    }
    /* The dialer connects, and still binds no port. */
    assert_int_equal(sandbox_landlock_rights(SANDBOX_DIALER, 7).net, 1);
}

/* ISO-12: an older kernel is one that lets us handle less; seccomp must carry the rest. */
static void every_landlock_abi_can_be_entered(void **state)
{
    (void)state;
    for (int abi = 0; abi <= sandbox_landlock_abi(); abi++) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
            struct sp_fail fail = {SP_OK, NULL, 0, 0};
            (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            if (sandbox_landlock_enter(SANDBOX_SESSION, abi, &fail) != SP_OK)
                _exit(99);
            bool is_open = open("/etc/passwd", O_RDONLY) >= 0;
            _exit(is_open == (abi == 0) ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

static void identity_is_dropped_for_good(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    if (geteuid() != 0)
        skip();
    pid = fork();
    if (pid == 0) {
        struct sp_fail fail = {SP_OK, NULL, 0, 0};
        gid_t groups[4];
        if (sandbox_drop_identity(65534, 65534, &fail) != SP_OK)
            _exit(1);
        if (getuid() != 65534 || getegid() != 65534 || getgroups(4, groups) != 0)
            _exit(2);
        _exit(setuid(0) == 0 || setgid(0) == 0 || open("/etc/shadow", O_RDONLY) >= 0 ? 3 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void descriptors_are_closed_but_for_some(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        static const int keep[] = {7, 5, 5, 1};
        for (int fd = 3; fd < 10; fd++)
            (void)dup2(2, fd);
        sandbox_close_except(3, keep, 4);
        for (int fd = 3; fd < 10; fd++)
            if ((fcntl(fd, F_GETFD) >= 0) != (fd == 5 || fd == 7))
                _exit(fd);
        _exit(fcntl(2, F_GETFD) < 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Let one system call fail from now on, as a kernel without it, or an outer cage, would. */
static bool sabotage(const char *call, int argument, uint64_t value)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    struct scmp_arg_cmp when = {(unsigned)argument, SCMP_CMP_EQ, value, 0};
    int number = seccomp_syscall_resolve_name(call);
    bool ok = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), number, argument < 0 ? 0 : 1,
                                     &when) == 0 &&
              seccomp_load(ctx) == 0;

    seccomp_release(ctx);
    return ok;
}

/* ISO-13: whatever cannot be set up, the caller hears of it. */
static void a_cage_that_cannot_close_is_an_error(void **state)
{
    static const struct {
        const char *call;
        int argument; /* -1 = any */
        uint64_t value;
    } cases[] = {
        {"prlimit64", -1, 0},
        {"prctl", 0, PR_SET_DUMPABLE},
        {"prctl", 0, PR_SET_NO_NEW_PRIVS},
        {"capset", -1, 0},
        {"landlock_restrict_self", -1, 0},
        {"seccomp", 0, 1}, /* SECCOMP_SET_MODE_FILTER */
        {"pipe2", -1, 0},
    };

    (void)state;
    if (!WITH_FILTER)
        skip();
    for (int role = 0; role < SANDBOX_ROLE_COUNT; role++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            int status;
            pid_t pid;

            if (strncmp(cases[i].call, "landlock", 8) == 0 && sandbox_landlock_abi() < 1)
                continue;
            pid = fork();
            if (pid == 0) {
                struct sp_fail fail = {SP_OK, NULL, 0, 0};
                if (!sabotage(cases[i].call, cases[i].argument, cases[i].value))
                    _exit(2);
                enum sp_err err = sandbox_enter((enum sandbox_role)role, &fail);
                _exit(err == SP_ESYS && fail.where != NULL && fail.got != 0 ? 0 : 1);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            if (status != 0)
                print_error("role %d, %s: status %d\n", role, cases[i].call, status);
            assert_int_equal(status, 0);
        }
    }
}

static void an_identity_that_stays_is_an_error(void **state)
{
    static const char *const calls[] = {"setgroups", "setresgid", "setresuid"};

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < 3; i++) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
            struct sp_fail fail = {SP_OK, NULL, 0, 0};
            if (!sabotage(calls[i], -1, 0))
                _exit(2);
            _exit(sandbox_drop_identity(65534, 65534, &fail) == SP_ESYS ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_small_and_reasoned),
        cmocka_unit_test(landlock_rights_follow_the_abi),
        cmocka_unit_test(every_landlock_abi_can_be_entered),
        cmocka_unit_test(identity_is_dropped_for_good),
        cmocka_unit_test(descriptors_are_closed_but_for_some),
        cmocka_unit_test(a_cage_that_cannot_close_is_an_error),
        cmocka_unit_test(an_identity_that_stays_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
