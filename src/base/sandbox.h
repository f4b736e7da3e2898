/* SPDX-License-Identifier: Apache-2.0
 * The cage of each process: one table of system calls with a reason a line, default kill.
 */
#ifndef SP_BASE_SANDBOX_H
#define SP_BASE_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A process's role; the table in sandbox.c says what each may call. */
enum sandbox_role {
    SANDBOX_SESSION,
    SANDBOX_DOOR,
    SANDBOX_SPAWNER, /* a superset of SESSION, since filters are inherited by fork and add up */
    SANDBOX_DIALER,
    SANDBOX_DIRECTORY,
    SANDBOX_COURIER,
    SANDBOX_FIREWALL, /* keeps what it has of CAP_NET_ADMIN */
    SANDBOX_ROLE_COUNT
};

/*
 * Close every descriptor from first upward that is not in keep.
 * keep     keep_count descriptors, any order
 */
void sandbox_close_except(int first, const int *keep, size_t keep_count);

/*
 * Drop to uid and gid for good (no supplementary groups, no capabilities); nothing if already
 * unprivileged (uid 0 in the arguments means: stay what we are).
 * Errors:  SP_ESYS; the caller must exit
 */
SP_MUST_USE enum sp_err sandbox_drop_identity(uint32_t uid, uint32_t gid, struct sp_fail *fail);

/*
 * Enter the cage of a role: not dumpable, no core, no new privileges, rlimits, Landlock with
 * nothing allowed where the kernel has it (any ABI from 0 on), seccomp-bpf with default kill.
 * Calling it again after exec with the same role adds no second filter.
 * Errors:  SP_ESYS with where = the call that failed; the caller must exit before it reads a byte
 */
SP_MUST_USE enum sp_err sandbox_enter(enum sandbox_role role, struct sp_fail *fail);

/*
 * Lift a session's limit on CPU seconds once its person is authenticated (SESSION only).
 */
void sandbox_session_authenticated(void);

#endif
