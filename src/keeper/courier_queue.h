/* SPDX-License-Identifier: Apache-2.0
 * Events on their way to courier's spool: bounded, in order, each until courier says that it is on
 * stable storage. A courier that dies is told again what it had not confirmed.
 */
#ifndef SP_KEEPER_COURIER_QUEUE_H
#define SP_KEEPER_COURIER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipc_courier.h"

#define COURIER_WAITING_MAX 256

struct courier_waiting {
    struct ipc_courier_event *event; /* owned */
    const void *to;                  /* whose courier it was sent to; NULL = not sent yet */
};

struct courier_queue {
    struct courier_waiting list[COURIER_WAITING_MAX]; /* count of them, oldest first */
    size_t count;
    uint64_t last_number, last_us;
};

/*
 * Add an event for one webhook; its time is made later than all before it.
 * Errors:  SP_ELIMIT too many wait; SP_EVALUE size; SP_ESYS no memory
 */
SP_MUST_USE enum sp_err courier_queue_add(struct courier_queue *q, const uint8_t *hook,
                                          const uint8_t *id, uint64_t time_us, const char *body,
                                          size_t size);

/* The oldest that has not been sent; NULL if there is none. Owner: the queue */
struct courier_waiting *courier_queue_next(struct courier_queue *q);

/*
 * An answer about an event.
 * to       who gives it: only whom it was sent to may
 * hook     whose event it was, written only if true
 * Returns  false if no such event waits there
 */
bool courier_queue_done(struct courier_queue *q, uint64_t number, const void *to,
                        uint8_t hook[IPC_COURIER_HOOK_SIZE]);

/* That courier is gone: what it has not confirmed is to be sent again. */
void courier_queue_lost(struct courier_queue *q, const void *to);

/* Free all. */
void courier_queue_clear(struct courier_queue *q);

#endif
