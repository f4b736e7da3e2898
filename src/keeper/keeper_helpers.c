/* SPDX-License-Identifier: Apache-2.0
 * Helpers in the loop: what they report, and starting them again when they die.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_priv.h"

static const char *const door_reasons[] = {
    [IPC_DOOR_TOTAL] = "too many unauthenticated connections",
    [IPC_DOOR_SOURCE] = "too many unauthenticated connections of this source",
    [IPC_DOOR_EARLY_DROP] = "random early drop",
    [IPC_DOOR_SILENT] = "no first byte in time",
    [IPC_DOOR_SYSTEM] = "no descriptor, memory or spawner",
    [IPC_DOOR_PENALTY] = "the source is penalised or banned",
    [IPC_DOOR_UNTRUSTED] = "not a proxy that this listener trusts",
    [IPC_DOOR_LISTENER] = "too many unauthenticated connections of this listener",
    [IPC_DOOR_CLOSED] = "the port is closed to this source",
};

/* One message of a helper: exact size, exact number of descriptors. */
struct helper_row {
    uint32_t type;
    enum child_role role;
    size_t size;
    size_t fds_min, fds_max;
    bool (*handler)(struct edition *e, struct ipc_in *in);
};

static int take_fd(struct ipc_in *in)
{
    int fd = in->fd_count > 0 ? in->fds[0] : -1;

    in->fds[0] = -1;
    return fd;
}

static bool on_door_refused(struct edition *from, struct ipc_in *in)
{
    struct keeper *k = from->keeper;
    struct ipc_door_refused msg;
    char source[64];
    struct event e;

    memcpy(&msg, in->msg.bytes, sizeof(msg));
    if (msg.reason >= IPC_DOOR_REASON_COUNT)
        return false;
    session_source(&msg.peer, source);
    event_begin(&e, "connection_refused");
    event_word(&e, "source", source);
    event_word(&e, "reason", door_reasons[msg.reason]);
    event_number(&e, "count", msg.count);
    keeper_event_note(k, &e);
    if (msg.reason == IPC_DOOR_SILENT)
        keeper_charge(k, &msg.peer, PENALTY_NO_AUTH, msg.peer_count);
    return true;
}

static bool on_session_started(struct edition *from, struct ipc_in *in)
{
    struct ipc_session_started msg;

    memcpy(&msg, in->msg.bytes, sizeof(msg));
    keeper_session_started(from, &msg, take_fd(in));
    return true;
}

static bool on_session_ended(struct edition *from, struct ipc_in *in)
{
    struct ipc_session_ended msg;

    memcpy(&msg, in->msg.bytes, sizeof(msg));
    keeper_session_ended(from->keeper, msg.pid, msg.status);
    return true;
}

static bool on_dialed(struct edition *from, struct ipc_in *in)
{
    struct keeper *k = from->keeper;
    struct ipc_dialed msg;
    SP_FD fd = take_fd(in);

    memcpy(&msg, in->msg.bytes, sizeof(msg));
    if (msg.status >= IPC_DIAL_STATUS_COUNT)
        return false;
    struct session *s = registry_by_number(&k->registry, msg.id);
    if (s != NULL)
        session_dialed(s, &k->ops, &msg, sp_fd_take(&fd));
    return true;
}

static bool on_answer(struct edition *from, struct ipc_in *in)
{
    return directory_answered(from, in);
}

static const struct helper_row rows[] = {
    {IPC_DIRECTORY_ANSWER, CHILD_DIRECTORY, sizeof(struct ipc_directory_answer), 0, 0, on_answer},
    {IPC_COURIER_TAKEN, CHILD_COURIER, sizeof(struct ipc_courier_taken), 0, 0,
     keeper_courier_taken},
    {IPC_COURIER_NEWS, CHILD_COURIER, sizeof(struct ipc_courier_news), 0, 0, keeper_courier_news},
    {IPC_DOOR_REFUSED, CHILD_DOOR, sizeof(struct ipc_door_refused), 0, 0, on_door_refused},
    {IPC_SESSION_STARTED, CHILD_SPAWNER, sizeof(struct ipc_session_started), 1, 1,
     on_session_started},
    {IPC_SESSION_ENDED, CHILD_SPAWNER, sizeof(struct ipc_session_ended), 0, 0, on_session_ended},
    {IPC_DIALED, CHILD_DIALER, sizeof(struct ipc_dialed), 0, 1, on_dialed},
};

static bool handle(struct edition *from, enum child_role role, struct ipc_in *in)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct helper_row *row = &rows[i];

        if (row->type == in->msg.head.type && row->role == role && row->size == in->size &&
            in->fd_count >= row->fds_min && in->fd_count <= row->fds_max)
            return row->handler(from, in);
    }
    return false;
}

/* A helper that breaks the table is a taken one: it is killed and started afresh. */
static void punish(struct edition *from, enum child_role role)
{
    struct keeper *k = from->keeper;
    struct child *child = &from->children.child[role];
    struct event e;

    event_begin(&e, "helper_violation");
    event_word(&e, "process", child_name(role));
    event_number(&e, "pid", child->pid);
    event_number(&e, "type", k->in.msg.head.type);
    event_number(&e, "got", (int64_t)k->in.size);
    event_word(&e, "reason", "it said something it may not say; it is started afresh");
    keeper_event_note(k, &e);
    ev_io_stop(k->loop, &from->watch[role].io);
    sp_fd_cleanup(&child->channel);
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
}

/* Not in a loop of its own: a helper that floods must not keep sessions waiting. */
static void on_helper(struct ev_loop *loop, ev_io *io, int events)
{
    struct helper_watch *w = io->data;
    struct keeper *k = w->edition->keeper;
    enum sp_err err = ipc_recv(w->edition->children.child[w->role].channel, &k->in, 0);

    (void)events;
    if (err == SP_ETIME)
        return;
    if (err == SP_ECLOSED) {
        ev_io_stop(loop, io); /* SIGCHLD says the rest */
        return;
    }
    bool is_ok = err == SP_OK && handle(w->edition, w->role, &k->in);
    if (err == SP_OK)
        ipc_in_clear(&k->in);
    if (!is_ok)
        punish(w->edition, w->role);
}

static void log_restart(struct edition *from, enum child_role role)
{
    struct event e;

    event_begin(&e, "process_restarted");
    event_word(&e, "process", child_name(role));
    event_number(&e, "pid", from->children.child[role].pid);
    event_number(&e, "deaths", from->children.child[role].deaths);
    event_word(&e, "reason", "it ended unexpectedly");
    keeper_event_note(from->keeper, &e);
}

void keeper_helper_start(struct edition *e, enum child_role role, int64_t now_ms)
{
    struct keeper *k = e->keeper;
    struct sp_fail fail = {0};
    struct helper_watch *w = &e->watch[role];

    if (children_start(&e->children, role, now_ms, &fail) != SP_OK) {
        fprintf(stderr, "sallyport: cannot start %s: %s: %s\n", child_name(role), fail.where,
                strerror((int)fail.got));
        return;
    }
    ev_io_init(&w->io, on_helper, e->children.child[role].channel, EV_READ);
    w->io.data = w;
    ev_io_start(k->loop, &w->io);
    if (e->children.child[role].deaths > 0 && k->is_ready)
        log_restart(e, role);
    if (role == CHILD_DOOR && k->is_draining)
        keeper_door_stop(k);
}

/* What dialer was asked dies with it. */
static void fail_dials(struct keeper *k)
{
    const struct ipc_dialed failed = {.status = IPC_DIAL_FAILED};

    for (size_t i = 0; i < k->registry.count; i++)
        session_dialed(k->registry.list[i], &k->ops, &failed, -1);
}

/* Whatever a dead helper still had to say is heard before its channel goes. */
static void helper_died(struct edition *e, enum child_role role)
{
    struct keeper *k = e->keeper;
    struct child *child = &e->children.child[role];

    ev_io_stop(k->loop, &e->watch[role].io);
    while (child->channel >= 0 && ipc_recv(child->channel, &k->in, 0) == SP_OK) {
        handle(e, role, &k->in);
        ipc_in_clear(&k->in);
    }
}

static struct edition *whose(const struct keeper *k, pid_t pid, enum child_role *role)
{
    if (k->next != NULL && edition_helper(k->next, pid, role))
        return k->next;
    for (struct edition *e = k->now; e != NULL; e = e->older) {
        if (edition_helper(e, pid, role))
            return e;
    }
    return NULL;
}

void keeper_reap(struct keeper *k)
{
    enum child_role role;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct edition *e = whose(k, pid, &role);

        if (e == NULL) {
            keeper_session_ended(k, pid, status);
            continue;
        }
        helper_died(e, role);
        children_reaped(&e->children, pid, clock_now_ms(), &role);
        if (role == CHILD_DIALER && e == k->now)
            fail_dials(k);
        if (role == CHILD_DIRECTORY)
            directory_died(k, e);
        if (role == CHILD_COURIER)
            keeper_courier_died(k, e);
        if (!k->is_ready)
            fprintf(stderr, "sallyport: %s ended while starting (status %d)\n", child_name(role),
                    status);
    }
    edition_start(k->now, clock_now_ms());
}

void keeper_door_stop(struct keeper *k)
{
    struct ipc_plain msg = {0};
    int fd = k->now->children.child[CHILD_DOOR].channel;

    if (fd >= 0 && ipc_send(fd, IPC_DOOR_STOP, &msg, sizeof(msg), NULL, 0, 0) != SP_OK)
        fprintf(stderr, "sallyport: door does not listen to keeper\n");
}
