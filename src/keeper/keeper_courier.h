/* SPDX-License-Identifier: Apache-2.0
 * Events that webhooks want: handed to courier, and what courier says of them.
 */
#ifndef SP_KEEPER_KEEPER_COURIER_H
#define SP_KEEPER_KEEPER_COURIER_H

#include <stdbool.h>
#include <stdint.h>

#include "keeper/courier_queue.h"

struct keeper;
struct edition;
struct ipc_in;

/* Events that got lost, said in one event a second at most. */
struct courier_drops {
    uint8_t hook[IPC_COURIER_HOOK_SIZE];
    char why[IPC_COURIER_WHY_SIZE];
    uint32_t count; /* 0 = none to be said */
    int64_t said_ms;
};

struct courier_feed {
    struct courier_queue queue;
    struct courier_drops drops;
};

/* Look at every event that is written to k->log from now on. */
void keeper_courier_watch(struct keeper *k);

/* Take courier's answer about an event. Returns  false if it may not say so */
bool keeper_courier_taken(struct edition *from, struct ipc_in *in);

/* Take courier's news about a webhook. Returns  false if it may not say so */
bool keeper_courier_news(struct edition *from, struct ipc_in *in);

/* A courier has ended: what it did not confirm goes to the next. */
void keeper_courier_died(struct keeper *k, const struct edition *edition);

/* Send what waits, and say what got lost. */
void keeper_courier_tick(struct keeper *k, int64_t now_ms);

/* The loop has ended: hand over what waits, for a moment. */
void keeper_courier_stop(struct keeper *k);

#endif
