/* SPDX-License-Identifier: Apache-2.0
 * The trusted process: secrets, decisions, events, sessions' leases. It never reads network bytes.
 */
#ifndef SP_KEEPER_KEEPER_H
#define SP_KEEPER_KEEPER_H

#include <stddef.h>
#include <sys/types.h>

#include "keeper/events.h"
#include "keeper/firewall.h"
#include "keeper/known_targets.h"
#include "keeper/load.h"

/* Everything that was opened while starting; keeper_run takes all of it. */
struct keeper_start {
    struct load load;
    struct event_log log;
    struct known_targets known;
    int control_fd;           /* listening Unix socket                            */
    int elder_fd;             /* to the keeper that we take over from; -1 = none  */
    int directory_program_fd; /* sallyport-directory; -1 = it is not installed */
    int courier_program_fd;   /* sallyport-courier; -1 = it is not installed   */
    int net_fd;               /* sallyport-net, as programs.h opened it */
    struct firewall firewall;
    const char *program;
    uid_t starter_uid; /* who started us may use the control socket as well */
};

/*
 * Start the helpers, say "ready" on standard output, and serve until SIGTERM or SIGINT.
 * Returns  the exit status: 0 stopped in order; 1 a helper cannot be started, reason on stderr
 */
int keeper_run(struct keeper_start *start);

#endif
