/* SPDX-License-Identifier: Apache-2.0
 * Upgrade: another keeper, of the program as it is on disk now, takes over; this one finishes.
 *
 * Both hold the listening sockets, so that no connection finds a closed door. What can fail does so
 * before READY, and then nothing has happened.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "keeper/keeper_priv.h"
#include "keeper/keeper_factors.h"
#include "keeper/keeper_grants.h"
#include "keeper/keeper_tickets.h"
#include "keeper/listen.h"
#include "keeper/notify.h"
#include "keeper/privilege.h"
#include "keeper/takeover.h"

#define TAKEOVER_READY_MS 15000

static void log_upgrade(struct keeper *k, const char *name, const char *reason)
{
    struct event e;

    event_begin(&e, name);
    event_number(&e, "pid", k->heir_pid);
    event_text(&e, "reason", reason);
    keeper_event_note(k, &e);
}

/* ---- the old keeper ---- */

static void fail_upgrade(struct keeper *k, const char *why)
{
    fprintf(stderr, "sallyport: not upgraded: %s\n", why);
    ev_io_stop(k->loop, &k->heir_io);
    sp_fd_cleanup(&k->heir_fd);
    if (k->heir_pid > 0)
        kill(k->heir_pid, SIGKILL);
    log_upgrade(k, "upgrade_failed", why);
    k->heir_pid = 0;
    control_finish(k, why);
}

/* Runs in the child. Its end of the channel is the only descriptor that it gets. */
static _Noreturn void become_heir(const struct keeper *k, int channel)
{
    char program[] = "sallyport", role[] = "--role=heir";
    char *argv[] = {program, role, NULL};
    const int keep[] = {TAKEOVER_FD};

    privilege_raise(true); /* the program may stand in a folder that is root's */
    privilege_pass_on();
    if (dup2(channel, TAKEOVER_FD) == TAKEOVER_FD) {
        sandbox_close_except(STDERR_FILENO + 1, keep, 1);
        execv(k->program, argv);
    }
    dprintf(STDERR_FILENO, "sallyport: cannot execute %s: %s\n", k->program, strerror(errno));
    _exit(1);
}

static enum sp_err give(struct keeper *k)
{
    struct takeover_begin begin = {.starter_uid = k->starter_uid};
    struct load_socket sockets[BOOT_LISTENERS_MAX];
    const struct children *c = &k->now->children;

    snprintf(begin.config, sizeof(begin.config), "%s", k->config->path);
    snprintf(begin.control, sizeof(begin.control), "%s", k->config->control_socket);
    for (size_t i = 0; i < c->listener_count; i++)
        sockets[i] = (struct load_socket){k->config->listeners[i], c->listeners[i]};
    return takeover_give(k->heir_fd, &begin, sockets, c->listener_count, k->control_fd);
}

/* A second door for those who must still be ended or looked at here. */
static void move_control(struct keeper *k)
{
    char path[CONFIG_SOCKET_SIZE + 16], error[512];

    control_leave(k);
    snprintf(path, sizeof(path), "%s.%d", k->config->control_socket, (int)getpid());
    if (strlen(path) >= CONFIG_SOCKET_SIZE)
        return; /* what is finishing here finishes unwatched */
    k->control_fd = listen_control(path, 0, 0, error, sizeof(error));
    if (k->control_fd >= 0)
        control_start(k, path);
    else
        fprintf(stderr, "sallyport: %s\n", error);
}

/* INVARIANT: nothing below can fail. */
static void step_back(struct keeper *k)
{
    int64_t now_ms = clock_now_ms();

    k->is_finishing = true;
    guard_journal_leave(&k->guard);
    store_freeze(k->store);
    k->finish_until_ms =
        k->config->limits.drain_upgrade_ms > 0 ? now_ms + k->config->limits.drain_upgrade_ms : 0;
    log_upgrade(k, "upgraded", "another process serves new connections");
    edition_retire(k->now, now_ms);
    notify_main_pid(k->heir_pid);
    control_finish(k, NULL);
    move_control(k);
    printf("sallyport: process %d serves from now on; %zu sessions finish here\n", (int)k->heir_pid,
           k->registry.count);
    fflush(stdout);
}

static void on_heir(struct ev_loop *loop, ev_io *io, int events)
{
    struct keeper *k = io->data;
    enum takeover_type type;
    uint32_t count;
    enum sp_err err = takeover_hear(k->heir_fd, &type, &count);

    (void)events;
    if (err == SP_ETIME)
        return;
    if (err == SP_OK && type == TAKEOVER_READY && !k->is_finishing) {
        step_back(k);
    } else if (err == SP_OK && type == TAKEOVER_STOP && k->is_finishing) {
        keeper_drain(k);
    } else if (!k->is_finishing) {
        fail_upgrade(k, "the new process does not start; what it said stands above");
    } else { /* it is gone or talks nonsense: what finishes here does so without it */
        ev_io_stop(loop, io);
        sp_fd_cleanup(&k->heir_fd);
    }
}

void keeper_upgrade(struct keeper *k)
{
    int pair[2];

    if (k->firewall.fd >= 0) {
        fail_upgrade(k, "guard.nftables is on, and its helper belongs to this process; restart the "
                        "service instead");
        return;
    }
    guard_save_all(&k->guard, clock_now_ms()); /* it reads them back */
    if (ipc_pair(pair) != SP_OK) {
        fail_upgrade(k, "no descriptor is left");
        return;
    }
    SP_FD theirs = pair[1];
    k->heir_fd = pair[0];
    k->heir_pid = fork();
    if (k->heir_pid == 0)
        become_heir(k, theirs);
    if (k->heir_pid < 0 || give(k) != SP_OK) {
        fail_upgrade(k, "the new process cannot be started");
        return;
    }
    k->heir_until_ms = clock_now_ms() + TAKEOVER_READY_MS;
    ev_io_init(&k->heir_io, on_heir, k->heir_fd, EV_READ);
    k->heir_io.data = k;
    ev_io_start(k->loop, &k->heir_io);
}

static void finish_tick(struct keeper *k, int64_t now_ms)
{
    uint32_t remaining = (uint32_t)k->registry.count + k->remaining;
    bool is_closed = edition_is_closed(k->now, now_ms);

    if (remaining != k->remaining_said && k->heir_fd >= 0 &&
        takeover_say(k->heir_fd, TAKEOVER_REMAINING, remaining) == SP_OK)
        k->remaining_said = remaining;
    if (remaining == 0 && is_closed && k->now->older == NULL)
        ev_break(k->loop, EVBREAK_ALL);
    if (k->finish_until_ms != 0 && now_ms >= k->finish_until_ms && !k->is_draining)
        keeper_drain(k);
}

void keeper_upgrade_tick(struct keeper *k, int64_t now_ms)
{
    if (k->is_finishing)
        finish_tick(k, now_ms);
    else if (k->heir_fd >= 0 && now_ms >= k->heir_until_ms)
        fail_upgrade(k, "the new process was not ready in time");
}

void keeper_upgrade_stop(struct keeper *k)
{
    if (k->heir_fd >= 0 && !k->is_finishing)
        fail_upgrade(k, "the service is stopping");
    if (k->elder_fd >= 0)
        sp_ignore(takeover_say(k->elder_fd, TAKEOVER_STOP, 0));
}

/* ---- the new keeper ---- */

static void on_elder(struct ev_loop *loop, ev_io *io, int events)
{
    struct keeper *k = io->data;
    enum takeover_type type;
    uint32_t count = 0;
    enum sp_err err = takeover_hear(k->elder_fd, &type, &count);

    (void)events;
    if (err == SP_ETIME)
        return;
    k->remaining = err == SP_OK && type == TAKEOVER_REMAINING ? count : 0;
    if (err == SP_OK)
        return;
    if (!k->is_ready) /* it has given us up */
        ev_break(loop, EVBREAK_ALL);
    ev_io_stop(loop, io);
    sp_fd_cleanup(&k->elder_fd);
}

void keeper_take_over(struct keeper *k)
{
    char error[CATALOG_ERROR_SIZE];

    /* What the old one wrote meanwhile. */
    if (!keeper_objects_start(k, error))
        fprintf(stderr, "sallyport: %s\n", error);
    if (keeper_tickets_load(k) != SP_OK)
        fprintf(stderr, "sallyport: the tickets in the store cannot be read; none is good\n");
    if (keeper_factors_load(k) != SP_OK)
        fprintf(stderr, "sallyport: the factors in the store cannot be read; none is good\n");
    if (keeper_grants_load(k) != SP_OK)
        fprintf(stderr, "sallyport: the grants in the store cannot be read; none is good\n");
    if (takeover_say(k->elder_fd, TAKEOVER_READY, 0) != SP_OK)
        fprintf(stderr, "sallyport: the old process is gone\n");
}

void keeper_elder_watch(struct keeper *k)
{
    ev_io_init(&k->elder_io, on_elder, k->elder_fd, EV_READ);
    k->elder_io.data = k;
    ev_io_start(k->loop, &k->elder_io);
}
