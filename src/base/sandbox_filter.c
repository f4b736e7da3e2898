/* SPDX-License-Identifier: Apache-2.0
 * The table of sandbox_table.c made into seccomp-bpf, and loaded.
 */
#include "base/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

static int add_rule(scmp_filter_ctx ctx, const struct sandbox_rule *rule)
{
    int number = seccomp_syscall_resolve_name(rule->call);
    uint32_t action = rule->error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(rule->error);
    unsigned count = 0;

    if (number == __NR_SCMP_ERROR)
        return -EINVAL;
    if (number < 0) /* this architecture does not have it */
        return 0;
    while (count < SANDBOX_CONDITIONS_MAX && rule->when[count].op != _SCMP_CMP_MIN)
        count++;
    return seccomp_rule_add_array(ctx, action, number, count, rule->when);
}

static int fill(scmp_filter_ctx ctx, enum sandbox_role role)
{
    int err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

    for (size_t i = 0; err == 0 && i < sandbox_table_count; i++)
        if ((sandbox_table[i].roles & 1u << role) != 0)
            err = add_rule(ctx, &sandbox_table[i]);
    if (err == 0 && role != SANDBOX_SESSION)
        err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(SANDBOX_MARK_ERRNO), SCMP_SYS(prctl), 1,
                               SCMP_A0(SCMP_CMP_EQ, SANDBOX_MARK(role), 0));
    return err;
}

/* libseccomp 2.5 writes programs to descriptors only; a pipe holds more than SANDBOX_PROGRAM_MAX.
 */
static enum sp_err export_program(scmp_filter_ctx ctx, struct sandbox_program *out,
                                  struct sp_fail *fail)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return sp_fail_set(fail, SP_ESYS, "pipe2", (uint32_t)errno, 0);
    SP_FD from = fds[0];
    SP_FD to = fds[1];
    int err = seccomp_export_bpf(ctx, to);
    if (err != 0)
        return sp_fail_set(fail, SP_ESYS, "seccomp_export_bpf", (uint32_t)-err, 0);
    ssize_t size = read(from, out->code, sizeof(out->code));
    if (size <= 0 || (size_t)size == sizeof(out->code))
        return sp_fail_set(fail, SP_ELIMIT, "seccomp program", (uint32_t)size, sizeof(out->code));
    out->count = (unsigned short)((size_t)size / sizeof(out->code[0]));
    return SP_OK;
}

enum sp_err sandbox_compile(enum sandbox_role role, struct sandbox_program *out,
                            struct sp_fail *fail)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    enum sp_err result;

    if (ctx == NULL)
        return sp_fail_set(fail, SP_ESYS, "seccomp_init", ENOMEM, 0);
    int err = fill(ctx, role);
    if (err != 0)
        result = sp_fail_set(fail, SP_ESYS, "seccomp_rule_add", (uint32_t)-err, 0);
    else
        result = export_program(ctx, out, fail);
    seccomp_release(ctx);
    return result;
}

enum sp_err sandbox_load(struct sandbox_program *program, struct sp_fail *fail)
{
    uint32_t pid = (uint32_t)getpid();
    struct sock_fprog prog = {.len = program->count, .filter = program->code};

    for (size_t i = 0; i < program->count; i++)
        if (BPF_CLASS(program->code[i].code) == BPF_JMP && program->code[i].k == SANDBOX_OWN_PID)
            program->code[i].k = pid;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) != 0)
        return sp_fail_set(fail, SP_ESYS, "seccomp", (uint32_t)errno, 0);
    return SP_OK;
}

bool sandbox_is_loaded(enum sandbox_role role)
{
    /* A session's filter allows no prctl at all, so nobody may ask; it never executes anyway. */
    return role != SANDBOX_SESSION && prctl((int)SANDBOX_MARK(role), 0, 0, 0, 0) != 0 &&
           errno == SANDBOX_MARK_ERRNO;
}
