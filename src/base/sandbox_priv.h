/* SPDX-License-Identifier: Apache-2.0
 * The parts of the cage, for sandbox*.c and their tests only.
 */
#ifndef SP_BASE_SANDBOX_PRIV_H
#define SP_BASE_SANDBOX_PRIV_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sandbox.h"

#define SANDBOX_CONDITIONS_MAX  3
#define SANDBOX_SESSION_CALLS   45                     /* ISO-03: no more names than this    */
#define SANDBOX_PROGRAM_MAX     1024                   /* BPF instructions of one filter     */
#define SANDBOX_OWN_PID         0x7ffffff1u            /* stands for getpid() until loaded   */
#define SANDBOX_MARK(role)      (0x53500000u + (role)) /* prctl option: is the filter on?    */
#define SANDBOX_MARK_ERRNO      3333                   /* … the answer if it is              */
#define SANDBOX_LANDLOCK_LATEST 7                      /* newest Landlock ABI that we know   */

/* sandbox_table.c: what each role may call. */

/* One line of the table; lines of the same call add up. */
struct sandbox_rule {
    const char *call;
    uint32_t roles; /* set of 1 << enum sandbox_role */
    uint32_t error; /* 0: allowed; else refused with this errno instead of death */
    struct scmp_arg_cmp when[SANDBOX_CONDITIONS_MAX]; /* all must hold; op 0 ends the list */
    const char *reason;
};

extern const struct sandbox_rule sandbox_table[];
extern const size_t sandbox_table_count;

/* Number of different system calls that a role may make. */
size_t sandbox_call_count(enum sandbox_role role);

/* sandbox_filter.c: the table made into seccomp-bpf. */

struct sandbox_program {
    unsigned short count;
    struct sock_filter code[SANDBOX_PROGRAM_MAX];
};

/*
 * Compile a role's lines.
 * Errors:  SP_ESYS libseccomp refused; SP_ELIMIT more than SANDBOX_PROGRAM_MAX instructions
 */
SP_MUST_USE enum sp_err sandbox_compile(enum sandbox_role role, struct sandbox_program *out,
                                        struct sp_fail *fail);

/*
 * Fill in the process id and hand the program to the kernel; no new privileges must be set.
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err sandbox_load(struct sandbox_program *program, struct sp_fail *fail);

/* True if this process, or the one that it was before exec, has loaded the role's filter. */
bool sandbox_is_loaded(enum sandbox_role role);

/* sandbox_landlock.c */

/* What a role's Landlock domain takes away; only bits that the ABI knows. */
struct sandbox_landlock {
    uint64_t fs, net, scoped;
};

/*
 * The rights that a Landlock domain of a role handles, that is, denies unless a rule gives them.
 * abi      as the kernel reports it; newer than SANDBOX_LANDLOCK_LATEST counts as that
 */
struct sandbox_landlock sandbox_landlock_rights(enum sandbox_role role, int abi);

/* The kernel's Landlock ABI; 0 if it has none. */
int sandbox_landlock_abi(void);

/*
 * Enter a role's Landlock domain as a kernel of this ABI would let us; nothing for 0.
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err sandbox_landlock_enter(enum sandbox_role role, int abi,
                                               struct sp_fail *fail);

#endif
