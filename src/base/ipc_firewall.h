/* SPDX-License-Identifier: Apache-2.0
 * What keeper and sallyport-firewall say to each other: which addresses the kernel drops.
 *
 *   firewall ──HELLO──► keeper     a worker is there and knows nothing
 *   keeper ──BEGIN──► firewall     make the table anew, with these ports
 *   keeper ──CHANGE──► firewall    one element of one set
 *   firewall ──STATUS──► keeper    how BEGIN went, and how many changes failed since
 */
#ifndef SP_BASE_IPC_FIREWALL_H
#define SP_BASE_IPC_FIREWALL_H

#include <assert.h>
#include <stdint.h>

#include "base/boot.h"
#include "base/ipc.h"

#define FIREWALL_TABLE_SIZE 32
#define FIREWALL_TEXT_SIZE  128

enum firewall_type {
    FIREWALL_HELLO = 0x46570001, /* no number of base/ipc_msg.h */
    FIREWALL_BEGIN,
    FIREWALL_CHANGE,
    FIREWALL_STATUS,
};

struct firewall_hello {
    struct ipc_head head;
};

struct firewall_port {
    uint16_t port;
    uint16_t is_jit; /* 1: dropped unless the source is opened */
};

struct firewall_begin {
    struct ipc_head head;
    uint32_t port_count;
    struct firewall_port ports[BOOT_LISTENERS_MAX];
    char table[FIREWALL_TABLE_SIZE]; /* a-z, 0-9 and _ */
};
static_assert(sizeof(struct firewall_begin) == 108, "no hidden padding");

struct firewall_change {
    struct ipc_head head;
    uint32_t set;       /* enum penalty_list                   */
    uint32_t is_added;  /* 0: taken out                        */
    uint32_t bits;      /* of ip, which is IPv4 as ::ffff:a.b.c.d */
    uint32_t timeout_s; /* 0 = none; the kernel forgets by itself */
    uint8_t ip[16];
};
static_assert(sizeof(struct firewall_change) == 40, "no hidden padding");

struct firewall_status {
    struct ipc_head head;
    uint32_t is_ready;             /* 1: the table stands */
    uint32_t failed;               /* changes that the kernel refused */
    char text[FIREWALL_TEXT_SIZE]; /* what it said, printable */
};
static_assert(sizeof(struct firewall_status) == 144, "no hidden padding");

#endif
