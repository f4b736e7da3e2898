/* SPDX-License-Identifier: Apache-2.0
 * Fixed-size messages between our own processes, over SOCK_SEQPACKET socket pairs.
 *
 * A message is one struct of base/ipc_msg.h, sent whole or not at all, with at most IPC_FDS_MAX
 * descriptors attached. The receiver checks the exact size for the type before it looks inside.
 */
#ifndef SP_BASE_IPC_H
#define SP_BASE_IPC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define IPC_FDS_MAX 2
#define IPC_MSG_MAX 16384 /* no message is larger */

/* Every message begins so. */
struct ipc_head {
    uint32_t type; /* enum ipc_type                         */
    uint32_t size; /* of the whole struct, head included    */
};

/* What came with one message. */
struct ipc_in {
    union {
        struct ipc_head head;
        uint8_t bytes[IPC_MSG_MAX];
        uint64_t align;
    } msg;
    size_t size;
    int fds[IPC_FDS_MAX]; /* -1 where none came; the caller owns them */
    size_t fd_count;
};

/*
 * Make a connected pair of sockets, close-on-exec, blocking.
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err ipc_pair(int fds[2]);

/*
 * Send one message; head.type and head.size are filled in here.
 * msg      a struct of base/ipc_msg.h, head first
 * fds      fd_count ≤ IPC_FDS_MAX descriptors to attach; they stay open and owned by the caller
 * deadline_ms  of clock_now_ms; 0 means do not wait: a full queue is SP_ETIME at once
 * Errors:  SP_ETIME; SP_ECLOSED the other side is gone; SP_ESYS
 */
SP_MUST_USE enum sp_err ipc_send(int fd, uint32_t type, void *msg, size_t size, const int *fds,
                                 size_t fd_count, int64_t deadline_ms);

/*
 * Receive one message.
 * deadline_ms  as in ipc_send
 * in       filled only on SP_OK; stray descriptors beyond IPC_FDS_MAX are closed and the message
 *          is SP_EVALUE, as is one whose head.size is not its real size
 * Errors:  SP_ETIME nothing came; SP_ECLOSED; SP_EVALUE; SP_ESYS
 */
SP_MUST_USE enum sp_err ipc_recv(int fd, struct ipc_in *in, int64_t deadline_ms);

/* Close the descriptors that came with a message and that nobody took. */
void ipc_in_clear(struct ipc_in *in);

#endif
