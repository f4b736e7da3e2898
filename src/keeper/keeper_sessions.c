/* SPDX-License-Identifier: Apache-2.0
 * Sessions in the loop: taken from spawner, heard, held to their deadlines, killed, buried.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_priv.h"
#include "keeper/session_priv.h"

#define MESSAGES_A_TURN   16  /* then other sessions have theirs */
#define SESSIONS_OVERHEAD 256 /* refused and ending ones         */

static struct live *live_of(struct session *s)
{
    return (struct live *)(void *)s; /* INVARIANT: s is first in struct live */
}

/* The parent of a process; -1 if it is gone, 0 if we are not allowed to know. */
static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kill(pid, 0) == 0 ? 0 : -1;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return -1;
    text[n] = '\0';
    const char *at = strrchr(text, ')'); /* "PID (name) state ppid …", the name may hold anything */
    int parent;
    if (at == NULL || sscanf(at + 1, " %*c %d", &parent) != 1)
        return 0;
    return parent;
}

static bool is_ours(const struct keeper *k, pid_t parent)
{
    if (parent == getpid() ||
        (k->next != NULL && parent == k->next->children.child[CHILD_SPAWNER].pid))
        return true;
    for (const struct edition *e = k->now; e != NULL; e = e->older) {
        if (parent == e->children.child[CHILD_SPAWNER].pid)
            return true;
    }
    return false;
}

struct edition *keeper_edition_of(const struct session *s)
{
    return ((const struct live *)(const void *)s)->edition;
}

struct edition **keeper_gss_edition(struct session *s)
{
    return &live_of(s)->gss;
}

void keeper_edition_forget(struct session *s)
{
    live_of(s)->edition = NULL;
}

/* Who is past its login has no more use for passwords; names were copied. */
static void let_go(struct live *l)
{
    l->s.decision.secret = NULL;
    catalog_unref(&l->catalog);
}

void keeper_session_hold(struct session *s)
{
    struct live *l = live_of(s);

    catalog_unref(&l->catalog);
    l->catalog = catalog_ref(l->keeper->catalog);
}

static void kill_session(struct live *l)
{
    struct session *s = &l->s;

    l->is_killed = true;
    s->kill_at_ms = 0;
    l->remove_at_ms = clock_now_ms() + REPORT_MS;
    if (s->is_ended_report)
        return;
    if (s->pidfd >= 0)
        pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
    else if (is_ours(l->keeper, parent_of(s->pid)))
        kill(s->pid, SIGKILL);
}

static void close_channel(struct live *l)
{
    ev_io_stop(l->keeper->loop, &l->io);
    sp_fd_cleanup(&l->s.fd);
    l->remove_at_ms = clock_now_ms() + EXIT_MS + REPORT_MS;
    if (l->s.kill_at_ms == 0 && !l->is_killed)
        l->s.kill_at_ms = clock_now_ms() + EXIT_MS;
}

static void bury(struct live *l)
{
    struct keeper *k = l->keeper;

    if (l->s.fd >= 0)
        close_channel(l);
    if (l->gss != NULL)
        directory_gss_end(l->gss, l->s.number);
    session_log_end(&l->s, &k->ops);
    registry_remove(&k->registry, &l->s);
    let_go(l);
    session_clear(&l->s);
    free(l);
}

/* What a session said was not in the table, or it does not take its answers. */
static void punish(struct live *l, enum sp_err err, const struct sp_fail *fail)
{
    struct session *s = &l->s;

    if (err == SP_ETIME || err == SP_ECLOSED || err == SP_ESYS)
        snprintf(s->end_reason, sizeof(s->end_reason), "session does not take its answers");
    else
        session_log_violation(s, &l->keeper->ops, &l->keeper->in, fail);
    close_channel(l);
    kill_session(l);
}

static void on_session(struct ev_loop *loop, ev_io *io, int events)
{
    struct live *l = io->data;
    struct keeper *k = l->keeper;

    (void)loop;
    (void)events;
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        struct sp_fail fail = {0};
        enum sp_err err = ipc_recv(l->s.fd, &k->in, 0);

        if (err == SP_ETIME)
            return;
        if (err == SP_ECLOSED) {
            close_channel(l);
            return;
        }
        if (err == SP_OK)
            err = session_message(&l->s, &k->ops, &k->in, &fail);
        else
            sp_fail_set(&fail, err, "ipc.message", 0, 0);
        if (err != SP_OK) {
            punish(l, err, &fail);
            return;
        }
    }
}

static void refuse_report(struct keeper *k, const char *reason, pid_t pid)
{
    struct event e;

    event_begin(&e, "helper_violation");
    event_word(&e, "process", child_name(CHILD_SPAWNER));
    event_number(&e, "pid", pid);
    event_word(&e, "reason", reason);
    keeper_event_note(k, &e);
}

static struct live *new_live(struct edition *e, const struct ipc_session_started *started, int fd)
{
    struct keeper *k = e->keeper;
    SP_FD channel = fd;
    SP_FD pidfd = started->pid > 1 ? pidfd_open(started->pid, 0) : -1;
    pid_t parent = started->pid > 1 ? parent_of(started->pid) : 1;

    if (parent > 0 && !is_ours(k, parent)) {
        refuse_report(k, "reported a session that is no child of its own", started->pid);
        return NULL;
    }
    if (k->registry.count >=
        (size_t)k->config->limits.unauthenticated + k->config->limits.sessions + SESSIONS_OVERHEAD)
        return NULL; /* its channel closes here, which ends it */
    struct live *l = calloc(1, sizeof(*l));
    if (l == NULL || registry_add(&k->registry, &l->s) != SP_OK) {
        free(l);
        return NULL;
    }
    l->keeper = k;
    l->edition = e;
    session_init(&l->s, started, sp_fd_take(&channel), sp_fd_take(&pidfd), clock_now_ms(),
                 k->config->limits.authenticate_ms + DEADLINE_MARGIN_MS);
    l->s.is_proxied = started->listener < e->config->listener_count &&
                      e->config->listeners[started->listener].is_proxied != 0;
    return l;
}

void keeper_session_started(struct edition *e, const struct ipc_session_started *started, int fd)
{
    struct keeper *k = e->keeper;
    struct live *l = new_live(e, started, fd);

    if (l == NULL)
        return;
    session_log_start(&l->s, &k->ops);
    ev_io_init(&l->io, on_session, l->s.fd, EV_READ);
    l->io.data = l;
    ev_io_start(k->loop, &l->io);
    if (k->is_draining)
        keeper_session_end(k, &l->s, 0x19, "service is stopping", KILL_AFTER_END_MS);
}

void keeper_session_ended(struct keeper *k, pid_t pid, int32_t status)
{
    struct session *s = registry_by_pid(&k->registry, pid);

    if (s == NULL)
        return;
    s->is_ended_report = true;
    s->status = status;
    if (s->fd < 0)
        bury(live_of(s));
}

void keeper_session_end(struct keeper *k, struct session *s, uint32_t errinfo, const char *reason,
                        int64_t within_ms)
{
    int64_t now = clock_now_ms();
    bool is_told = s->fd >= 0 && session_end(s, &k->ops, errinfo, reason) == SP_OK;

    s->kill_at_ms = is_told ? now + within_ms : now;
}

/* The latest moment at which a session may be in its state; 0 = none. */
static int64_t limit_of(const struct keeper *k, const struct session *s)
{
    if (s->state <= SESSION_CHALLENGED)
        return s->deadline_ms;
    if (s->state == SESSION_ACTIVE || s->state == SESSION_CLOSED)
        return 0;
    return s->deadline_ms + k->config->limits.connect_timeout_ms + SETUP_MS;
}

static void log_stuck(struct keeper *k, struct session *s)
{
    struct event e;

    if (s->is_failure_logged)
        return;
    session_event(s, &e, "session_failed");
    event_word(&e, "state", session_state_name(s->state));
    event_word(&e, "reason", "not done in time");
    keeper_event_note(k, &e);
    s->is_failure_logged = true;
    if (s->state <= SESSION_CHALLENGED)
        k->ops.charge(k, s, PENALTY_NO_AUTH);
}

static void session_tick(struct keeper *k, struct live *l, int64_t now_ms)
{
    struct session *s = &l->s;
    int64_t limit = limit_of(k, s);

    /* After its last word it says goodbye to both peers; however old it is, that is no failure. */
    if (s->state == SESSION_CLOSED && s->kill_at_ms == 0 && !l->is_killed)
        s->kill_at_ms = now_ms + GOODBYE_MS;
    if (s->state >= SESSION_ACTIVE && l->catalog != NULL)
        let_go(l);
    if (s->kill_at_ms != 0 && now_ms >= s->kill_at_ms)
        kill_session(l);
    if (s->fd < 0) {
        if (s->is_ended_report || now_ms >= l->remove_at_ms)
            bury(l);
        return;
    }
    if (session_defer_tick(s, &k->ops, now_ms) != SP_OK && s->kill_at_ms == 0)
        s->kill_at_ms = now_ms + EXIT_MS;
    if (limit != 0 && now_ms >= limit && s->kill_at_ms == 0 && !l->is_killed) {
        log_stuck(k, s);
        keeper_session_end(k, s, 0x4, "not done in time", KILL_AFTER_END_MS);
    }
    if (s->state >= SESSION_LOBBY && s->state <= SESSION_ACTIVE && now_ms >= s->lease_at_ms &&
        session_lease(s, &k->ops) != SP_OK && s->kill_at_ms == 0)
        s->kill_at_ms = now_ms + EXIT_MS; /* it stopped reading */
}

void keeper_sessions_tick(struct keeper *k, int64_t now_ms)
{
    for (size_t i = k->registry.count; i > 0; i--)
        session_tick(k, live_of(k->registry.list[i - 1]), now_ms);
}

void keeper_sessions_clear(struct keeper *k)
{
    while (k->registry.count > 0) {
        struct live *l = live_of(k->registry.list[k->registry.count - 1]);

        kill_session(l);
        bury(l);
    }
    registry_clear(&k->registry);
}
