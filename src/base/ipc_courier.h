/* SPDX-License-Identifier: Apache-2.0
 * What keeper and courier say to each other.
 *
 *   keeper ──COURIER_EVENT──► courier    here is an event for a webhook
 *   keeper ◄─COURIER_TAKEN─── courier    it is in the spool, on stable storage; or it is refused
 *   keeper ◄─COURIER_NEWS──── courier    how a webhook fares
 *
 * The types stand apart from enum ipc_type, behind its end.
 */
#ifndef SP_BASE_IPC_COURIER_H
#define SP_BASE_IPC_COURIER_H

#include <assert.h>
#include <stdint.h>

#include "base/ipc.h"

#define IPC_COURIER_BODY_MAX  8192
#define IPC_COURIER_ID_SIZE   16
#define IPC_COURIER_HOOK_SIZE 8 /* the first bytes of SHA-256 of the URL */
#define IPC_COURIER_HOST_SIZE 256
#define IPC_COURIER_WHY_SIZE  160

enum ipc_courier_type {
    IPC_COURIER_EVENT = 0x140,
    IPC_COURIER_TAKEN,
    IPC_COURIER_NEWS,
};

struct ipc_courier_event {
    struct ipc_head head;
    uint64_t number;  /* keeper's, for the answer */
    uint64_t time_us; /* of the wall clock: the order of delivery */
    uint8_t id[IPC_COURIER_ID_SIZE];
    uint8_t hook[IPC_COURIER_HOOK_SIZE];
    uint32_t size; /* bytes used of body, from 1 */
    uint32_t reserved;
    uint8_t body[IPC_COURIER_BODY_MAX]; /* one JSON document */
};

struct ipc_courier_taken {
    struct ipc_head head;
    uint64_t number;
    uint32_t is_refused;
    uint32_t reserved;
    char why[IPC_COURIER_WHY_SIZE]; /* is_refused: static text of courier's */
};

enum ipc_courier_news_kind {
    IPC_COURIER_FAILING, /* the first attempt in a row that failed   */
    IPC_COURIER_WORKING, /* the first after those that did not       */
    IPC_COURIER_DROPPED, /* an item of the spool was given up        */
    IPC_COURIER_NEWS_COUNT
};

struct ipc_courier_news {
    struct ipc_head head;
    uint32_t kind;
    uint32_t reserved;
    uint8_t hook[IPC_COURIER_HOOK_SIZE];
    char why[IPC_COURIER_WHY_SIZE]; /* printable */
};

static_assert(sizeof(struct ipc_courier_event) == 56 + IPC_COURIER_BODY_MAX, "no hidden padding");
static_assert(sizeof(struct ipc_courier_taken) == 24 + IPC_COURIER_WHY_SIZE, "no hidden padding");
static_assert(sizeof(struct ipc_courier_news) == 24 + IPC_COURIER_WHY_SIZE, "no hidden padding");
static_assert(sizeof(struct ipc_courier_event) <= IPC_MSG_MAX, "fits one message");

#endif
