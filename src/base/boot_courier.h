/* SPDX-License-Identifier: Apache-2.0
 * What keeper hands to courier: one sealed memfd with its webhooks, and the folder of the spool as
 * BOOT_FD_PEER.
 */
#ifndef SP_BASE_BOOT_COURIER_H
#define SP_BASE_BOOT_COURIER_H

#include <stdint.h>

#include "base/boot.h"
#include "base/ipc_courier.h"

#define BOOT_COURIER_MAGIC      0x53504357u
#define BOOT_COURIER_HOOKS_MAX  16
#define BOOT_COURIER_URL_SIZE   1024
#define BOOT_COURIER_SECRET_MAX 256
#define BOOT_FD_SPOOL           BOOT_FD_PEER

struct boot_courier_hook {
    uint8_t id[IPC_COURIER_HOOK_SIZE];
    uint32_t port;
    uint32_t is_tls;
    uint32_t secret_size;
    char url[BOOT_COURIER_URL_SIZE];
    char host[IPC_COURIER_HOST_SIZE]; /* as in the URL, an IPv6 address without its brackets */
    uint8_t secret[BOOT_COURIER_SECRET_MAX];
};

struct boot_courier {
    uint32_t magic, size;
    uint32_t uid, gid;
    uint32_t ca_size; /* of the CA bundle, PEM, behind the struct; 0 = all hooks are loopback */
    uint32_t hook_count;
    struct boot_courier_hook hooks[BOOT_COURIER_HOOKS_MAX];
};

#endif
