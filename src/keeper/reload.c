/* SPDX-License-Identifier: Apache-2.0
 * Reload: a new edition beside the present one, and the change from one to the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_objects.h"
#include "keeper/keeper_priv.h"
#include "keeper/notify.h"
#include "keeper/privilege.h"

#define NEXT_READY_MS 10000

static void log_reload(struct keeper *k, const char *name, const char *reason)
{
    struct event e;

    event_begin(&e, name);
    event_text(&e, "file", k->config->path);
    event_text(&e, "reason", reason);
    keeper_event_note(k, &e);
}

/* Nothing has changed, and everybody who may care is told why. */
static void fail_reload(struct keeper *k, const char *why)
{
    fprintf(stderr, "sallyport: not reloaded: %s\n", why);
    log_reload(k, "reload_failed", why);
    notify_say("READY=1");
    control_finish(k, why);
}

/* What a running service cannot change, since others hold on to it. */
static const char *fixed_key(const struct config *old, const struct config *made)
{
    if (strcmp(old->state_dir, made->state_dir) != 0)
        return "state_dir";
    if (strcmp(old->control_socket, made->control_socket) != 0)
        return "control_socket";
    if (made->run_as[0] != '\0' && strcmp(old->run_as, made->run_as) != 0)
        return "user";
    if (old->master_key_source != made->master_key_source ||
        strcmp(old->master_key, made->master_key) != 0)
        return "master_key";
    return NULL;
}

static bool open_log(struct keeper *k, struct load *l)
{
    struct sp_fail fail = {0};

    if (event_log_open(&k->next_log, l->config->event_log, &fail) == SP_OK)
        return true;
    snprintf(l->error, sizeof(l->error), "%.1000s: cannot be opened: %s", l->config->event_log,
             fail.where);
    return false;
}

static bool listen_all(const struct keeper *k, struct load *l)
{
    struct load_socket have[BOOT_LISTENERS_MAX];
    const struct children *c = &k->now->children;

    for (size_t i = 0; i < c->listener_count; i++)
        have[i] = (struct load_socket){k->config->listeners[i], c->listeners[i]};
    return load_listen(l, have, c->listener_count);
}

/* Everything that can be wrong with the file is found here. */
static bool prepare(struct keeper *k, struct load *l)
{
    if (!load_read(l, k->config->path))
        return false;
    const char *fixed = fixed_key(k->config, l->config);
    if (fixed != NULL) {
        snprintf(l->error, sizeof(l->error), "%.900s: %s has changed; that needs a restart",
                 k->config->path, fixed);
        return false;
    }
    if (keeper_objects_catalog(&k->objects, l->config, &k->next_catalog, l->error) != SP_OK ||
        !listen_all(k, l) || !open_log(k, l))
        return false;
    k->next = edition_new(k, l);
    if (k->next == NULL)
        event_log_close(&k->next_log);
    return k->next != NULL;
}

void keeper_reload(struct keeper *k)
{
    struct load l;

    if (k->next != NULL || k->pending != NULL) {
        k->must_reload = true;
        return;
    }
    notify_reloading();
    load_init(&l);
    privilege_raise(true);
    bool is_good = prepare(k, &l);
    privilege_raise(false);
    load_clear(&l);
    if (!is_good) {
        catalog_unref(&k->next_catalog);
        fail_reload(k, l.error);
        return;
    }
    k->next_until_ms = clock_now_ms() + NEXT_READY_MS;
    edition_start(k->next, clock_now_ms());
    ev_timer_again(k->loop, &k->soon);
}

/* INVARIANT: nothing below can fail. */
static void change_over(struct keeper *k, int64_t now_ms)
{
    struct edition *old = k->now;

    k->next->older = old;
    k->now = k->next;
    k->next = NULL;
    k->config = k->now->config;
    keeper_guard_configure(k);
    keeper_catalog_replace(k, k->next_catalog);
    k->next_catalog = NULL;
    event_log_close(&k->log);
    k->log = k->next_log;
    k->next_log.fd = -1;
    keeper_courier_watch(k);
    edition_retire(old, now_ms);
    log_reload(k, "reloaded", "the file was read anew");
    notify_say("READY=1");
    printf("sallyport: reloaded %s\n", k->config->path);
    fflush(stdout);
    control_finish(k, NULL);
}

/* Whoever its door let in meanwhile is served, as by any retired edition. */
static void give_up(struct keeper *k, const char *why)
{
    struct edition *e = k->next;

    k->next = NULL;
    catalog_unref(&k->next_catalog);
    event_log_close(&k->next_log);
    k->next_log.fd = -1;
    edition_retire(e, clock_now_ms());
    e->older = k->now->older;
    k->now->older = e;
    fail_reload(k, why);
}

void keeper_reload_stop(struct keeper *k, const char *why)
{
    k->must_reload = false;
    if (k->next != NULL)
        give_up(k, why);
}

static void sweep(struct keeper *k, int64_t now_ms)
{
    for (struct edition **at = &k->now->older; *at != NULL;) {
        struct edition *e = *at;

        if (!edition_is_spent(e, now_ms)) {
            at = &e->older;
            continue;
        }
        *at = e->older;
        edition_free(e);
    }
}

void keeper_reload_tick(struct keeper *k, int64_t now_ms)
{
    sweep(k, now_ms);
    if (k->next == NULL)
        return;
    edition_start(k->next, now_ms);
    if (edition_has_died(k->next) || now_ms >= k->next_until_ms)
        give_up(k, "the new helper processes do not start; what they said stands above");
    else if (edition_is_ready(k->next))
        change_over(k, now_ms);
    if (k->next == NULL && k->must_reload) {
        k->must_reload = false;
        keeper_reload(k);
    }
}
