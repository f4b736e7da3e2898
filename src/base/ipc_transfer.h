/* SPDX-License-Identifier: Apache-2.0
 * One more of a session's messages: what moved through its channels.
 */
#ifndef SP_BASE_IPC_TRANSFER_H
#define SP_BASE_IPC_TRANSFER_H

#include "base/ipc_msg.h"

/* What moved through a channel: one clipboard text, one file, one open of a drive's file. */
enum ipc_transfer_kind {
    IPC_TRANSFER_CLIPBOARD_TEXT,
    IPC_TRANSFER_CLIPBOARD_IMAGE,
    IPC_TRANSFER_CLIPBOARD_FILE,
    IPC_TRANSFER_DRIVE_FILE,
    IPC_TRANSFER_PRINT,
    IPC_TRANSFER_REFUSED, /* text says what the policy refused */
    IPC_TRANSFER_KIND_COUNT
};

enum ipc_transfer_channel { IPC_TRANSFER_CLIPRDR, IPC_TRANSFER_RDPDR, IPC_TRANSFER_CHANNEL_COUNT };

struct ipc_transfer {
    struct ipc_head head;
    uint32_t kind;      /* enum ipc_transfer_kind                                   */
    uint32_t way;       /* IPC_WAY_TO_TARGET or IPC_WAY_TO_CLIENT                   */
    uint64_t size;      /* announced, bytes                                         */
    uint64_t bytes;     /* moved                                                    */
    uint32_t is_hashed; /* 1: sha256 covers all of it; 0: partial or out of order   */
    uint32_t channel;   /* enum ipc_transfer_channel                                */
    uint8_t sha256[32];
    char name[256]; /* NUL-terminated UTF-8, not yet escaped; cut if longer         */
};

static_assert(sizeof(struct ipc_transfer) == 72 + 256, "no hidden padding");

#endif
