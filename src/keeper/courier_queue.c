/* SPDX-License-Identifier: Apache-2.0
 * Events on their way to courier's spool.
 */
#include "keeper/courier_queue.h"

#include <stdlib.h>
#include <string.h>

enum sp_err courier_queue_add(struct courier_queue *q, const uint8_t *hook, const uint8_t *id,
                              uint64_t time_us, const char *body, size_t size)
{
    if (size == 0 || size > IPC_COURIER_BODY_MAX)
        return SP_EVALUE;
    if (q->count == COURIER_WAITING_MAX)
        return SP_ELIMIT;
    struct ipc_courier_event *event = calloc(1, sizeof(*event));
    if (event == NULL)
        return SP_ESYS;
    q->last_us = time_us > q->last_us ? time_us : q->last_us + 1;
    event->number = ++q->last_number;
    event->time_us = q->last_us;
    memcpy(event->hook, hook, sizeof(event->hook));
    memcpy(event->id, id, sizeof(event->id));
    memcpy(event->body, body, size);
    event->size = (uint32_t)size;
    q->list[q->count++] = (struct courier_waiting){.event = event};
    return SP_OK;
}

struct courier_waiting *courier_queue_next(struct courier_queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        if (q->list[i].to == NULL)
            return &q->list[i];
    return NULL;
}

bool courier_queue_done(struct courier_queue *q, uint64_t number, const void *to,
                        uint8_t hook[IPC_COURIER_HOOK_SIZE])
{
    for (size_t i = 0; i < q->count; i++) {
        struct ipc_courier_event *event = q->list[i].event;

        if (event->number != number || q->list[i].to != to)
            continue;
        memcpy(hook, event->hook, sizeof(event->hook));
        free(event);
        memmove(&q->list[i], &q->list[i + 1], (q->count - i - 1) * sizeof(q->list[0]));
        q->count--;
        return true;
    }
    return false;
}

void courier_queue_lost(struct courier_queue *q, const void *to)
{
    for (size_t i = 0; i < q->count; i++)
        if (q->list[i].to == to)
            q->list[i].to = NULL;
}

void courier_queue_clear(struct courier_queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        free(q->list[i].event);
    *q = (struct courier_queue){0};
}
