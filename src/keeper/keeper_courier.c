/* SPDX-License-Identifier: Apache-2.0
 * Events that webhooks want: handed to courier, and what courier says of them.
 */
#include "keeper/keeper_courier.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_priv.h"

#define SAY_EVERY_MS 1000
#define STOP_MS      1000

/* A webhook's name in an event; one that is not configured any more has none. */
static const char *origin_of(const struct keeper *k, const uint8_t *hook)
{
    const struct config_webhooks *w = k->config->webhooks;

    for (size_t i = 0; w != NULL && i < w->boot.hook_count; i++)
        if (memcmp(w->boot.hooks[i].id, hook, IPC_COURIER_HOOK_SIZE) == 0)
            return w->list[i].origin;
    return "-";
}

static void say_drops(struct keeper *k, int64_t now_ms)
{
    struct courier_drops *d = &k->courier.drops;
    struct event e;

    if (d->count == 0)
        return;
    event_begin(&e, "webhook_dropped");
    event_word(&e, "webhook", origin_of(k, d->hook));
    event_text(&e, "reason", d->why);
    event_number(&e, "count", d->count);
    d->count = 0;
    d->said_ms = now_ms;
    keeper_event_note(k, &e);
}

static void dropped(struct keeper *k, const uint8_t *hook, const char *why)
{
    struct courier_drops *d = &k->courier.drops;

    if (d->count > 0 && (memcmp(d->hook, hook, sizeof(d->hook)) != 0 || strcmp(d->why, why) != 0))
        say_drops(k, clock_now_ms());
    memcpy(d->hook, hook, sizeof(d->hook));
    snprintf(d->why, sizeof(d->why), "%s", why);
    d->count++;
}

/* Nobody is there who would take it. */
static void give_up(struct keeper *k, struct courier_waiting *w)
{
    uint8_t hook[IPC_COURIER_HOOK_SIZE];

    if (courier_queue_done(&k->courier.queue, w->event->number, NULL, hook))
        dropped(k, hook, "the webhook is not configured any more");
}

/* deadline_ms: as for ipc_send */
static void send_waiting(struct keeper *k, int64_t deadline_ms)
{
    int fd = k->now->children.child[CHILD_COURIER].channel;
    struct courier_waiting *w;

    while ((w = courier_queue_next(&k->courier.queue)) != NULL) {
        if (!children_wants(&k->now->children, CHILD_COURIER)) {
            give_up(k, w);
            continue;
        }
        if (fd < 0 || ipc_send(fd, IPC_COURIER_EVENT, w->event, sizeof(*w->event), NULL, 0,
                               deadline_ms) != SP_OK)
            return; /* again at the next answer, tick or start */
        w->to = k->now;
    }
}

static void on_event(void *ctx, const char *name, const char *line, size_t size)
{
    struct keeper *k = ctx;
    uint8_t id[IPC_COURIER_ID_SIZE];
    bool has_id = false;

    if (k->now == NULL || k->config->webhooks == NULL)
        return;
    const struct config_webhooks *w = k->config->webhooks;
    for (size_t i = 0; i < w->boot.hook_count; i++) {
        if (!config_webhook_wants(&w->list[i], name))
            continue;
        if (!has_id)
            sp_random(id, sizeof(id));
        has_id = true;
        enum sp_err err = courier_queue_add(&k->courier.queue, w->boot.hooks[i].id, id,
                                            (uint64_t)clock_wall_us(), line, size);
        if (err != SP_OK)
            dropped(k, w->boot.hooks[i].id,
                    err == SP_ELIMIT ? "too many events wait for courier" : "no memory");
    }
    if (has_id)
        send_waiting(k, 0);
}

void keeper_courier_watch(struct keeper *k)
{
    k->log.watch = on_event;
    k->log.ctx = k;
}

bool keeper_courier_taken(struct edition *from, struct ipc_in *in)
{
    struct keeper *k = from->keeper;
    uint8_t hook[IPC_COURIER_HOOK_SIZE];
    struct ipc_courier_taken msg;

    memcpy(&msg, in->msg.bytes, sizeof(msg));
    msg.why[sizeof(msg.why) - 1] = '\0';
    if (msg.is_refused > 1 || !courier_queue_done(&k->courier.queue, msg.number, from, hook))
        return false;
    if (msg.is_refused)
        dropped(k, hook, msg.why);
    if (k->now != NULL)
        send_waiting(k, 0);
    return true;
}

bool keeper_courier_news(struct edition *from, struct ipc_in *in)
{
    struct keeper *k = from->keeper;
    struct ipc_courier_news msg;
    struct event e;

    memcpy(&msg, in->msg.bytes, sizeof(msg));
    msg.why[sizeof(msg.why) - 1] = '\0';
    if (msg.kind >= IPC_COURIER_NEWS_COUNT)
        return false;
    if (msg.kind == IPC_COURIER_DROPPED) {
        dropped(k, msg.hook, msg.why);
        return true;
    }
    event_begin(&e, msg.kind == IPC_COURIER_FAILING ? "webhook_failing" : "webhook_working");
    event_word(&e, "webhook", origin_of(k, msg.hook));
    event_text(&e, "reason", msg.why);
    keeper_event_note(k, &e);
    return true;
}

void keeper_courier_died(struct keeper *k, const struct edition *edition)
{
    courier_queue_lost(&k->courier.queue, edition);
}

void keeper_courier_tick(struct keeper *k, int64_t now_ms)
{
    send_waiting(k, 0);
    if (now_ms - k->courier.drops.said_ms >= SAY_EVERY_MS)
        say_drops(k, now_ms);
}

void keeper_courier_stop(struct keeper *k)
{
    int64_t now_ms = clock_now_ms();

    send_waiting(k, now_ms + STOP_MS);
    say_drops(k, now_ms);
}
