/* SPDX-License-Identifier: Apache-2.0
 * Starts a helper process of base/boot.h for a test that plays keeper and the other helpers.
 */
#ifndef SP_TESTS_HELPER_PROCESS_H
#define SP_TESTS_HELPER_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/boot.h"
#include "base/ipc_msg.h"
#include "base/penalty.h"

struct helper_process {
    pid_t pid;
    int keeper_fd;                   /* keeper's end of the channel            */
    int peer_fd;                     /* the other end of the helper's BOOT_FD_PEER */
    struct penalty_table *penalties; /* keeper's side of BOOT_FD_PENALTIES */
};

/*
 * Fork a child with exactly the descriptors of base/boot.h, in which main_fn runs. What it sends to
 * peer_fd queues up to a few messages only.
 * config   magic and size are filled in
 * listeners    listener_count sockets, given to the child as BOOT_FD_LISTENERS and up; still open
 *              here afterwards
 */
struct helper_process helper_process_start(int (*main_fn)(void), struct boot_config *config,
                                           const int *listeners, size_t listener_count);

/* Close keeper's end and wait. Returns the status as waitpid(2) gives it. */
int helper_process_stop(struct helper_process *p);

/*
 * Receive one message of the given type and size within two seconds, or fail the test.
 * fds      fd_count descriptors must have come; the caller owns them
 */
void helper_process_expect(int fd, uint32_t type, void *msg, size_t size, int *fds,
                           size_t fd_count);

/* A listening socket on 127.0.0.1; *port is chosen by the system. */
int helper_listen(int backlog, uint16_t *port);

/* A blocking connection to 127.0.0.1:port. */
int helper_connect(uint16_t port);

/*
 * Whether the other side ends the connection within the time: 1 closed or reset, 0 still open.
 */
int helper_closed_within(int fd, int timeout_ms);

#endif
