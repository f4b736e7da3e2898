/* SPDX-License-Identifier: Apache-2.0
 * Keeper's loop: signals, a tick, and an orderly end.
 */
#include "keeper/keeper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_grants.h"
#include "keeper/keeper_priv.h"
#include "keeper/keeper_factors.h"
#include "keeper/keeper_tickets.h"
#include "keeper/notify.h"

#define TICK_S         0.25
#define SOON_S         0.02
#define READY_MS       10000
#define DOOR_TEXT_SIZE 64

static void log_service(struct keeper *k, const char *name, const char *reason)
{
    struct event e;

    event_begin(&e, name);
    event_number(&e, "pid", getpid());
    event_word(&e, "reason", reason);
    enum sp_err err = keeper_event(k, &e, true);
    (void)err; /* said on standard error */
}

static void say_ready(struct keeper *k)
{
    char text[DOOR_TEXT_SIZE];

    k->is_ready = true;
    for (size_t i = 0; i < CHILD_ROLE_COUNT; i++)
        k->now->children.child[i].deaths = 0;
    if (k->elder_fd >= 0)
        keeper_take_over(k);
    else
        notify_say("READY=1");
    control_start(k, k->config->control_socket);
    log_service(k, "service_started", "all processes run");
    keeper_guard_report(k);
    keeper_grants_report(k);
    printf("sallyport: ready, listening on");
    for (size_t i = 0; i < k->config->listener_count; i++) {
        config_listener_text(&k->config->listeners[i], text, sizeof(text));
        printf(" %s", text);
    }
    printf("\n");
    fflush(stdout);
}

/* Ready is what we say when every helper is in its cage, and not before. */
static void ready_tick(struct keeper *k, int64_t now_ms)
{
    if (edition_is_ready(k->now)) {
        say_ready(k);
    } else if (now_ms >= k->ready_by_ms) {
        fprintf(stderr,
                "sallyport: the helper processes do not start; what they said stands above. "
                "They need %s and a readable /proc\n",
                "seccomp");
        k->has_failed = true;
        ev_break(k->loop, EVBREAK_ALL);
    }
}

static void drain_tick(struct keeper *k, int64_t now_ms)
{
    if (k->registry.count == 0 || now_ms >= k->drain_until_ms)
        ev_break(k->loop, EVBREAK_ALL);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct keeper *k = timer->data;
    int64_t now_ms = clock_now_ms();

    (void)loop;
    (void)events;
    edition_start(k->now, now_ms);
    keeper_sessions_tick(k, now_ms);
    keeper_reevaluate_tick(k);
    if (!k->is_finishing)
        keeper_guard_tick(k, now_ms);
    keeper_tickets_tick(k, now_ms);
    keeper_grants_tick(k, now_ms);
    directory_tick(k, now_ms);
    keeper_courier_tick(k, now_ms);
    control_tick(k, now_ms);
    keeper_reload_tick(k, now_ms);
    keeper_upgrade_tick(k, now_ms);
    if (k->is_draining)
        drain_tick(k, now_ms);
}

/* While something is being made ready a quarter of a second is long. */
static void on_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct keeper *k = timer->data;
    int64_t now_ms = clock_now_ms();

    (void)events;
    if (!k->is_ready) {
        edition_start(k->now, now_ms);
        ready_tick(k, now_ms);
    }
    if (k->next != NULL)
        keeper_reload_tick(k, now_ms);
    if (k->is_ready && k->next == NULL)
        ev_timer_stop(loop, timer);
}

void keeper_drain(struct keeper *k)
{
    int64_t drain_ms = k->config->limits.drain_ms;

    k->is_draining = true;
    k->drain_until_ms = clock_now_ms() + drain_ms + EXIT_MS;
    if (!k->is_finishing)
        notify_say("STOPPING=1");
    keeper_upgrade_stop(k);
    keeper_reload_stop(k, "the service is stopping");
    log_service(k, "service_stopping", "a signal asked for it");
    keeper_door_stop(k);
    for (size_t i = 0; i < k->registry.count; i++)
        keeper_session_end(k, k->registry.list[i], 0x19, "service is stopping", drain_ms);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct keeper *k = watcher->data;

    (void)events;
    switch (watcher->signum) {
    case SIGCHLD:
        keeper_reap(k);
        break;
    case SIGHUP:
        if (k->is_ready && !k->is_draining && !k->is_finishing && k->heir_fd < 0)
            keeper_reload(k); /* said as an event and on standard error */
        break;
    default:
        if (k->is_draining || !k->is_ready)
            ev_break(loop, EVBREAK_ALL); /* asked twice: now */
        else
            keeper_drain(k);
    }
}

static void watch_signals(struct keeper *k)
{
    static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        ev_signal_init(&k->signals[i], on_signal, signals[i]);
        k->signals[i].data = k;
        ev_signal_start(k->loop, &k->signals[i]);
    }
    ev_timer_init(&k->soon, on_soon, SOON_S, SOON_S);
    k->soon.data = k;
    ev_timer_start(k->loop, &k->soon);
    ev_timer_init(&k->tick, on_tick, 0.01, TICK_S);
    k->tick.data = k;
    ev_timer_start(k->loop, &k->tick);
}

/* What can fail, in its order; the reason is in start->load.error. */
static bool start_parts(struct keeper *k, struct keeper_start *start)
{
    char *error = start->load.error;
    const struct config *config = start->load.config;

    snprintf(error, sizeof(start->load.error), "event loop");
    k->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (k->loop == NULL || !keeper_store_start(k, config, error))
        return false;
    snprintf(error, sizeof(start->load.error), "penalties");
    if (keeper_guard_start(k, config) != SP_OK)
        return false;
    k->config = config;
    if (!keeper_objects_start(k, error))
        return false;
    snprintf(error, sizeof(start->load.error), "the tickets in the store cannot be read");
    if (keeper_tickets_load(k) != SP_OK)
        return false;
    snprintf(error, sizeof(start->load.error), "the factors in the store cannot be read");
    if (keeper_factors_load(k) != SP_OK)
        return false;
    snprintf(error, sizeof(start->load.error), "the grants in the store cannot be read");
    if (keeper_grants_load(k) != SP_OK)
        return false;
    k->now = edition_new(k, &start->load);
    if (k->now == NULL)
        return false;
    k->config = k->now->config;
    error[0] = '\0'; /* what is left in it would be said at the end */
    return true;
}

static struct keeper *keeper_new(struct keeper_start *start)
{
    struct keeper *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    k->log = start->log;
    k->next_log.fd = -1;
    k->known = start->known;
    k->control_fd = start->control_fd;
    k->firewall = start->firewall;
    start->firewall.fd = -1;
    k->starter_uid = start->starter_uid;
    k->net_fd = start->net_fd;
    k->directory_program_fd = start->directory_program_fd;
    k->courier_program_fd = start->courier_program_fd;
    k->program = start->program;
    k->heir_fd = -1;
    k->elder_fd = start->elder_fd;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        k->clients[i].fd = -1;
    k->ready_by_ms = clock_now_ms() + READY_MS;
    if (start_parts(k, start))
        return k;
    fprintf(stderr, "sallyport: cannot start: %s\n", start->load.error);
    start->load.error[0] = '\0'; /* it has been said */
    keeper_store_stop(k);
    grants_clear(&k->grants);
    keeper_objects_stop(k);
    catalog_unref(&k->catalog);
    guard_close(&k->guard, clock_now_ms());
    free(k);
    return NULL;
}

static void end_editions(struct keeper *k)
{
    while (k->now != NULL) {
        struct edition *e = k->now;

        k->now = e->older;
        edition_free(e);
    }
}

static void keeper_free(struct keeper *k)
{
    if (k->is_finishing)
        k->guard.save.is_wanted = false; /* the heir keeps the files now */
    sp_fd_cleanup(&k->heir_fd);
    sp_fd_cleanup(&k->elder_fd);
    keeper_store_stop(k);
    keeper_objects_stop(k);
    guard_close(&k->guard, clock_now_ms());
    factors_clear(&k->factors);
    firewall_stop(&k->firewall);
    tickets_clear(&k->tickets);
    courier_queue_clear(&k->courier.queue);
    grants_clear(&k->grants);
    known_targets_clear(&k->known);
    catalog_unref(&k->catalog);
    event_log_close(&k->log);
    ev_loop_destroy(k->loop);
    sp_wipe(k, sizeof(*k));
    free(k);
}

int keeper_run(struct keeper_start *start)
{
    struct keeper *k = keeper_new(start);

    if (k == NULL)
        return 1;
    keeper_ops_init(k);
    keeper_courier_watch(k);
    watch_signals(k);
    if (k->elder_fd >= 0)
        keeper_elder_watch(k);
    edition_start(k->now, clock_now_ms());
    ev_run(k->loop, 0);
    keeper_reload_stop(k, "the service is stopping");
    control_stop(k);
    keeper_sessions_clear(k);
    keeper_courier_stop(k);
    end_editions(k);
    if (k->is_ready)
        log_service(k, "service_stopped", "all processes have ended");
    int status = k->has_failed ? 1 : 0;
    keeper_free(k);
    return status;
}
