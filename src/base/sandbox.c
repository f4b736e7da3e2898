/* SPDX-License-Identifier: Apache-2.0
 * The cage of each process: identity, limits, Landlock, seccomp, in an order that fails closed.
 */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sandbox_priv.h"

/* A session with a 1 MiB trust store and both TLS legs up maps about 30 MiB, libraries included. */
#define SESSION_ADDRESS_SPACE (256ull * 1024 * 1024)
#define SESSION_CPU_SECONDS   10 /* before its person is authenticated */
#define SESSION_FDS_SEARCHED  64 /* its descriptors are all below */

/* ASan wants terabytes of address space and calls that no cage of ours allows. */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_SANITIZER true
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER false
#endif

/* A session's filter is compiled once by the spawner: a fork then only loads it. */
static struct sandbox_program own_program, session_program;
static bool has_session_program;

static int by_number(const void *a, const void *b)
{
    const int *x = a;
    const int *y = b;

    return (*x > *y) - (*x < *y);
}

static void close_from(unsigned first, unsigned last)
{
    if (first <= last)
        SP_BUG(syscall(SYS_close_range, first, last, 0) != 0);
}

void sandbox_close_except(int first, const int *keep, size_t keep_count)
{
    int sorted[64];
    unsigned next = (unsigned)first;

    SP_BUG(first < 0 || keep_count > sizeof(sorted) / sizeof(sorted[0]));
    for (size_t i = 0; i < keep_count; i++)
        sorted[i] = keep[i];
    qsort(sorted, keep_count, sizeof(sorted[0]), by_number);
    for (size_t i = 0; i < keep_count; i++) {
        if (sorted[i] < (int)next)
            continue;
        if (sorted[i] > (int)next)
            close_from(next, (unsigned)sorted[i] - 1);
        next = (unsigned)sorted[i] + 1;
    }
    close_from(next, ~0u);
}

/* Without CAP_SETPCAP this fails; PR_SET_NO_NEW_PRIVS then keeps the set from being used. */
static void drop_bounding_set(void)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
            return;
}

/* All of them; firewall keeps the one that it is there for. */
static enum sp_err drop_capabilities(enum sandbox_role role, struct sp_fail *fail)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct kept[2] = {{0}};

    if (role == SANDBOX_FIREWALL)
        kept[0].permitted = kept[0].effective = 1u << CAP_NET_ADMIN;
    drop_bounding_set();
    if (syscall(SYS_capset, &head, kept) != 0)
        return sp_fail_set(fail, SP_ESYS, "capset", (uint32_t)errno, 0);
    return SP_OK;
}

enum sp_err sandbox_drop_identity(uint32_t uid, uint32_t gid, struct sp_fail *fail)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;

    if (uid == 0 || geteuid() != 0)
        return SP_OK;
    if (setgroups(0, NULL) != 0)
        return sp_fail_set(fail, SP_ESYS, "setgroups", (uint32_t)errno, 0);
    if (setresgid(gid, gid, gid) != 0)
        return sp_fail_set(fail, SP_ESYS, "setresgid", (uint32_t)errno, gid);
    drop_bounding_set();
    if (setresuid(uid, uid, uid) != 0)
        return sp_fail_set(fail, SP_ESYS, "setresuid", (uint32_t)errno, uid);
    if (getresuid(&r, &e, &s) != 0 || r != uid || e != uid || s != uid ||
        getresgid(&rg, &eg, &sg) != 0 || rg != gid || eg != gid || sg != gid)
        return sp_fail_set(fail, SP_ESYS, "getresuid", EPERM, uid);
    /* INVARIANT: there is no way back. */
    if (setuid(0) == 0 || seteuid(0) == 0 || (gid != 0 && setegid(0) == 0))
        return sp_fail_set(fail, SP_ESYS, "setuid(0)", EPERM, uid);
    return SP_OK;
}

static enum sp_err limit(__rlimit_resource_t which, rlim_t soft, rlim_t hard, const char *name,
                         struct sp_fail *fail)
{
    struct rlimit now;

    if (getrlimit(which, &now) != 0)
        return sp_fail_set(fail, SP_ESYS, name, (uint32_t)errno, 0);
    if (now.rlim_max < hard) /* never upwards: an outer limit stays */
        hard = now.rlim_max;
    if (soft > hard)
        soft = hard;
    now = (struct rlimit){.rlim_cur = soft, .rlim_max = hard};
    if (setrlimit(which, &now) != 0)
        return sp_fail_set(fail, SP_ESYS, name, (uint32_t)errno, (uint32_t)soft);
    return SP_OK;
}

/* The lowest free number: the target's socket, which keeper will send, gets it. */
static rlim_t descriptors_and_one(void)
{
    int fd = 0;

    while (fd < SESSION_FDS_SEARCHED && fcntl(fd, F_GETFD) >= 0)
        fd++;
    return (rlim_t)fd + 1;
}

static enum sp_err limit_session(struct sp_fail *fail)
{
    rlim_t files = descriptors_and_one();
    enum sp_err err = limit(RLIMIT_NOFILE, files, files, "RLIMIT_NOFILE", fail);

    if (err == SP_OK) /* does not bind uid 0, for which seccomp must do */
        err = limit(RLIMIT_NPROC, 0, 0, "RLIMIT_NPROC", fail);
    if (err == SP_OK)
        err = limit(RLIMIT_FSIZE, 0, 0, "RLIMIT_FSIZE", fail);
    if (err == SP_OK)
        err = limit(RLIMIT_MEMLOCK, 0, 0, "RLIMIT_MEMLOCK", fail);
    if (err == SP_OK)
        err = limit(RLIMIT_CPU, SESSION_CPU_SECONDS, RLIM_INFINITY, "RLIMIT_CPU", fail);
    if (err == SP_OK && !UNDER_SANITIZER)
        err = limit(RLIMIT_AS, SESSION_ADDRESS_SPACE, SESSION_ADDRESS_SPACE, "RLIMIT_AS", fail);
    return err;
}

/* Compiling needs descriptors and memory, so it comes before the limits. */
static enum sp_err compile_once(enum sandbox_role role, struct sp_fail *fail)
{
    enum sp_err err;

    if (UNDER_SANITIZER || (role == SANDBOX_SESSION && has_session_program))
        return SP_OK;
    if (role == SANDBOX_SPAWNER || role == SANDBOX_SESSION) {
        err = sandbox_compile(SANDBOX_SESSION, &session_program, fail);
        has_session_program = err == SP_OK;
        if (err != SP_OK || role == SANDBOX_SESSION)
            return err;
    }
    return sandbox_compile(role, &own_program, fail);
}

enum sp_err sandbox_enter(enum sandbox_role role, struct sp_fail *fail)
{
    enum sp_err err = compile_once(role, fail);

    if (err == SP_OK)
        err = limit(RLIMIT_CORE, 0, 0, "RLIMIT_CORE", fail);
    /* exec made the process dumpable again. */
    if (err == SP_OK && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        err = sp_fail_set(fail, SP_ESYS, "PR_SET_DUMPABLE", (uint32_t)errno, 0);
    if (err != SP_OK || sandbox_is_loaded(role))
        return err;
    err = drop_capabilities(role, fail);
    if (err == SP_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        err = sp_fail_set(fail, SP_ESYS, "PR_SET_NO_NEW_PRIVS", (uint32_t)errno, 0);
    if (err == SP_OK)
        err = sandbox_landlock_enter(role, sandbox_landlock_abi(), fail);
    if (err == SP_OK && role == SANDBOX_SESSION)
        err = limit_session(fail);
    if (err == SP_OK && !UNDER_SANITIZER)
        err = sandbox_load(role == SANDBOX_SESSION ? &session_program : &own_program, fail);
    return err;
}

void sandbox_session_authenticated(void)
{
    struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};

    /* Where an administrator's own limit forbids it, that limit goes on to hold. */
    if (setrlimit(RLIMIT_CPU, &none) == 0 || getrlimit(RLIMIT_CPU, &none) != 0)
        return;
    none.rlim_cur = none.rlim_max;
    (void)setrlimit(RLIMIT_CPU, &none);
}
