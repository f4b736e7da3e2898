/* SPDX-License-Identifier: Apache-2.0
 * The spawner's loop: a connection comes, a session is forked, its end is reported.
 */
#include "door/spawner_loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "door/sigchld.h"
#include "door/helper.h"

#define KEEPER_PATIENCE_MS 5000
#define COMPLAIN_EVERY_MS  1000

/*
 * Report every child that has ended, those of the image before exec included.
 * Errors:  SP_ECLOSED keeper is gone
 */
static enum sp_err reap(struct spawner *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct ipc_session_ended msg = {.pid = pid, .status = status};
        int64_t now_ms = clock_now_ms();

        respawn_ended(&s->respawn, status, now_ms);
        enum sp_err err = ipc_send(s->keeper_fd, IPC_SESSION_ENDED, &msg, sizeof(msg), NULL, 0,
                                   now_ms + KEEPER_PATIENCE_MS);
        if (err == SP_ECLOSED)
            return err;
        if (err != SP_OK)
            helper_log("keeper did not hear of the end of %d: %s", (int)pid, sp_err_name(err));
    }
    return SP_OK;
}

static void complain(struct spawner *s, const char *what)
{
    int saved = errno;
    int64_t now_ms = clock_now_ms();

    if (s->complained_ms != 0 && now_ms - s->complained_ms < COMPLAIN_EVERY_MS)
        return;
    s->complained_ms = now_ms;
    helper_log("connection refused: %s: errno=%d", what, saved);
}

/* In the child: nothing but its own three descriptors from here on. */
static _Noreturn void child_main(const struct spawner *s, struct session_start *start)
{
    int keep[] = {start->client_fd, start->keeper_fd, start->life_fd};

    sigchld_forget();
    prctl(PR_SET_NAME, "sp-session");
    sandbox_close_except(BOOT_FD_KEEPER, keep, sizeof(keep) / sizeof(keep[0]));
    s->session(start);
    _exit(0);
}

/* The time to authenticate counts from accept: what door waited for the first byte is gone. */
static uint32_t left_to_authenticate(const struct session_start *common,
                                     const struct ipc_connection *c)
{
    return c->waited_ms < common->authenticate_ms ? common->authenticate_ms - c->waited_ms : 1;
}

/*
 * Fork a session for one connection. Its end cannot be reported before its start, since one
 * process does both, one after the other.
 */
static void start_session(struct spawner *s, const struct ipc_connection *c, int client, int life)
{
    struct ipc_session_started msg = {.peer = c->peer, .listener = c->listener};
    int pair[2];

    if (ipc_pair(pair) != SP_OK) {
        complain(s, "socketpair");
        return;
    }
    SP_FD to_session = pair[0];
    SP_FD to_keeper = pair[1];
    msg.pid = fork();
    if (msg.pid < 0) {
        complain(s, "fork");
        return;
    }
    if (msg.pid == 0) {
        struct session_start start = s->common;

        start.client_fd = client;
        start.keeper_fd = to_keeper;
        start.life_fd = life;
        start.peer = c->peer;
        start.authenticate_ms = left_to_authenticate(&s->common, c);
        start.is_proxied = c->listener < BOOT_LISTENERS_MAX && s->is_proxied[c->listener];
        child_main(s, &start);
    }
    enum sp_err err = ipc_send(s->keeper_fd, IPC_SESSION_STARTED, &msg, sizeof(msg), &to_session, 1,
                               clock_now_ms() + KEEPER_PATIENCE_MS);
    /* Our copy of keeper's end closes now, so a session that keeper does not know ends by EOF. */
    if (err != SP_OK)
        complain(s, "keeper did not take the session");
}

/* Errors: SP_ECLOSED door is gone */
static enum sp_err on_door(struct spawner *s)
{
    struct ipc_in in;
    struct ipc_connection c;
    enum sp_err err = ipc_recv(s->door_fd, &in, 0);

    if (err == SP_ECLOSED)
        return err;
    if (err == SP_EVALUE) /* the kernel could not give us its descriptors: it is closed already */
        complain(s, "no descriptor");
    if (err != SP_OK)
        return SP_OK;
    errno = 0;
    if (in.msg.head.type == IPC_CONNECTION && in.size == sizeof(c) && in.fd_count == 2) {
        memcpy(&c, in.msg.bytes, sizeof(c));
        start_session(s, &c, in.fds[0], in.fds[1]);
    } else {
        complain(s, "not a connection");
    }
    ipc_in_clear(&in); /* the child has its own copies by now */
    return SP_OK;
}

/* What counts is whether keeper is there; it has one thing to say. */
static enum sp_err on_keeper(struct spawner *s)
{
    struct ipc_in in;
    enum sp_err err = ipc_recv(s->keeper_fd, &in, 0);

    if (err == SP_OK) {
        s->is_retiring = s->is_retiring || in.msg.head.type == IPC_RETIRE;
        ipc_in_clear(&in);
    }
    return err == SP_ECLOSED ? err : SP_OK;
}

enum spawner_end spawner_loop(struct spawner *s)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = s->keeper_fd, .events = POLLIN},
                                {.fd = s->door_fd, .events = POLLIN}};

        if (sigchld_wait(fds, 2, clock_left_ms(s->respawn.due_ms)) < 0)
            return SPAWNER_FAILED;
        if (fds[0].revents != 0 && on_keeper(s) != SP_OK)
            return SPAWNER_KEEPER_GONE;
        if (reap(s) != SP_OK)
            return SPAWNER_KEEPER_GONE;
        if (respawn_is_due(&s->respawn, fds[1].revents != 0, clock_now_ms()))
            return SPAWNER_RESPAWN;
        if (fds[1].revents != 0 && on_door(s) != SP_OK)
            return s->is_retiring ? SPAWNER_RETIRED : SPAWNER_DOOR_GONE;
    }
}
