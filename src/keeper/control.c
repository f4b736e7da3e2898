/* SPDX-License-Identifier: Apache-2.0
 * The control socket: who may ask, one line in, one line out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/api_roles.h"
#include "keeper/api_directory.h"
#include "keeper/keeper_priv.h"

#define ERRINFO_KILLED 0x1 /* ERRINFO_RPC_INITIATED_DISCONNECT */

static void client_close(struct control_client *c)
{
    ev_io_stop(c->keeper->loop, &c->io);
    sp_fd_cleanup(&c->fd);
    free(c->out);
    c->out = NULL;
    sp_wipe(c->in, c->in_room);
    free(c->in);
    c->in = NULL;
    c->deferred = 0;
}

static json_t *answer_kill(struct control_client *c, const struct api_request *request)
{
    struct keeper *k = c->keeper;
    struct session *s = registry_by_id(&k->registry, request->id);
    const char *reason = request->reason[0] != '\0' ? request->reason : "ended by an administrator";
    struct event e;

    if (s == NULL || s->fd < 0)
        return api_refusal("no such session; \"sessions\" shows the ids");
    event_begin(&e, "session_killed");
    event_word(&e, "session", s->id);
    event_text(&e, "user", s->user_text);
    event_word(&e, "target", s->decision.target);
    event_number(&e, "by_uid", c->uid);
    event_text(&e, "reason", reason);
    keeper_event_note(k, &e);
    keeper_session_end(k, s, ERRINFO_KILLED, reason, KILL_AFTER_END_MS);
    return json_pack("{s:b}", "ok", 1);
}

static bool is_awaited(const struct keeper *k)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (k->clients[i].fd >= 0 && k->clients[i].is_waiting)
            return true;
    }
    return false;
}

/* NULL: control_finish answers, now or later. */
static json_t *answer_change(struct control_client *c, void (*change)(struct keeper *k))
{
    struct keeper *k = c->keeper;

    if (k->is_finishing)
        return api_refusal("another process has taken over; ask that one");
    if (!k->is_ready || k->is_draining || k->next != NULL || k->heir_fd >= 0 || is_awaited(k))
        return api_refusal("the service is starting, changing or stopping; try again");
    c->is_waiting = true;
    change(k);
    return NULL;
}

static json_t *answer_sessions(const struct keeper *k)
{
    return json_pack("{s:b, s:o, s:i}", "ok", 1, "sessions", registry_describe(&k->registry),
                     "finishing", (int)k->remaining);
}

static json_t *answer_refused(struct control_client *c, const char *command)
{
    struct event e;

    event_begin(&e, "api_refused");
    event_number(&e, "by_uid", c->uid);
    event_word(&e, "role", api_roles_name(c->roles));
    event_text(&e, "command", command);
    event_word(&e, "reason", "this role may not give this command");
    keeper_event_note(c->keeper, &e);
    return api_refusal("your role does not allow this command");
}

static json_t *answer(struct control_client *c, const char *line, size_t size)
{
    struct api_request request;
    char command[32];
    const char *error;
    json_t *own;

    api_roles_command(line, size, command, sizeof(command));
    if (!api_roles_allow(c->roles, command))
        return answer_refused(c, command);
    if (keeper_identity_answer(c, line, size, &own) || keeper_objects_answer(c, line, size, &own) ||
        keeper_directory_answer(c, line, size, &own))
        return own;
    if (api_parse(line, size, &request, &error) != SP_OK)
        return api_refusal(error);
    if (request.command == API_KILL)
        return answer_kill(c, &request);
    if (request.command == API_EXPLAIN)
        return json_pack("{s:b, s:o}", "ok", 1, "explain",
                         keeper_explain(c->keeper, &request.explain));
    if (request.command == API_RELOAD)
        return answer_change(c, keeper_reload);
    if (request.command == API_UPGRADE)
        return answer_change(c, keeper_upgrade);
    if (request.command != API_SESSIONS)
        return keeper_guard_answer(c->keeper, &request, c->uid);
    return answer_sessions(c->keeper);
}

static void watch_for(struct control_client *c, int events)
{
    ev_io_stop(c->keeper->loop, &c->io);
    ev_io_set(&c->io, c->fd, events);
    ev_io_start(c->keeper->loop, &c->io);
}

/* False when the client is gone. */
static bool send_out(struct control_client *c)
{
    ssize_t n =
        send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    c->out_sent += (size_t)n;
    if (c->out_sent < c->out_size)
        return true;
    free(c->out);
    c->out = NULL;
    return true;
}

/* Begin to send an answer. False when the client is gone. */
static bool send_answer(struct control_client *c, json_t *root)
{
    c->out = api_line(root);
    if (c->out == NULL)
        return false;
    c->out_size = strlen(c->out);
    c->out_sent = 0;
    return send_out(c);
}

static bool is_busy(const struct control_client *c)
{
    return c->is_waiting || c->deferred != 0;
}

/* The one long line is an administrator's "apply". False if this one may not be so long. */
static bool make_room(struct control_client *c)
{
    bool is_apply = memcmp(c->in, API_APPLY_START, sizeof(API_APPLY_START) - 1) == 0;
    size_t room = c->in_room * 4 < API_APPLY_MAX ? c->in_room * 4 : API_APPLY_MAX;
    char *grown;

    if (!is_apply || c->in_room >= API_APPLY_MAX || !api_roles_allow(c->roles, "apply"))
        return false;
    grown = malloc(room);
    SP_BUG(grown == NULL);
    memcpy(grown, c->in, c->in_used);
    sp_wipe(c->in, c->in_room);
    free(c->in);
    c->in = grown;
    c->in_room = room;
    return true;
}

/* Answer the lines that are complete, one at a time. False when the client must go. */
static bool answer_lines(struct control_client *c)
{
    char *end;

    while (c->out == NULL && !is_busy(c) && (end = memchr(c->in, '\n', c->in_used)) != NULL) {
        size_t size = (size_t)(end - c->in);
        json_t *root = answer(c, c->in, size);

        if (c->fd < 0)
            return true; /* control_finish has found it gone */
        c->in_used -= size + 1;
        memmove(c->in, end + 1, c->in_used);
        sp_wipe(c->in + c->in_used, size + 1); /* it may have held secrets */
        if (root == NULL)
            break;
        if (!send_answer(c, root))
            return false;
    }
    if (is_busy(c)) {
        ev_io_stop(c->keeper->loop, &c->io);
        return true;
    }
    if (c->out == NULL && c->in_used == c->in_room && !make_room(c))
        return false; /* a line longer than API_LINE_MAX */
    watch_for(c, c->out != NULL ? EV_WRITE : EV_READ);
    return true;
}

void control_finish(struct keeper *k, const char *error)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *c = &k->clients[i];

        if (c->fd < 0 || !c->is_waiting)
            continue;
        c->is_waiting = false;
        c->deadline_ms = clock_now_ms() + CONTROL_IDLE_MS;
        json_t *root = error != NULL ? api_refusal(error) : json_pack("{s:b}", "ok", 1);
        if (!send_answer(c, root))
            client_close(c);
        else
            watch_for(c, c->out != NULL ? EV_WRITE : EV_READ);
    }
}

uint64_t control_defer(struct control_client *c)
{
    static uint64_t count;

    c->deferred = ++count;
    return c->deferred;
}

void control_answer(struct keeper *k, uint64_t deferred, json_t *root)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *c = &k->clients[i];

        if (c->fd < 0 || c->deferred != deferred)
            continue;
        c->deferred = 0;
        c->deadline_ms = clock_now_ms() + CONTROL_IDLE_MS;
        if (!send_answer(c, root))
            client_close(c);
        else
            watch_for(c, c->out != NULL ? EV_WRITE : EV_READ);
        return;
    }
    json_decref(root);
}

static bool receive(struct control_client *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_used, c->in_room - c->in_used, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    c->in_used += (size_t)n;
    return true;
}

static void on_client(struct ev_loop *loop, ev_io *io, int events)
{
    struct control_client *c = io->data;
    bool is_alive;

    (void)loop;
    c->deadline_ms = clock_now_ms() + CONTROL_IDLE_MS;
    is_alive = (events & EV_WRITE) != 0 ? send_out(c) : receive(c);
    if (!is_alive || !answer_lines(c))
        client_close(c);
}

static struct control_client *free_client(struct keeper *k)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (k->clients[i].fd < 0)
            return &k->clients[i];
    }
    return NULL;
}

/* Best effort: whoever does not read it sees the end of the connection. */
static void refuse(int fd, const char *error)
{
    char *line = api_line(api_refusal(error));

    if (line != NULL)
        send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
    free(line);
}

static void on_control(struct ev_loop *loop, ev_io *io, int events)
{
    struct keeper *k = io->data;
    SP_FD fd = accept4(k->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct control_client *c = free_client(k);
    unsigned roles;
    uid_t uid;

    (void)events;
    if (fd < 0)
        return;
    roles = api_roles_of(k->config, fd, k->starter_uid, &uid);
    if (roles == 0) {
        refuse(fd, "only root, the service's own user and who has a role may ask");
        return;
    }
    if (c == NULL) {
        refuse(fd, "too many are asking at once; try again");
        return;
    }
    *c = (struct control_client){.keeper = k,
                                 .fd = sp_fd_take(&fd),
                                 .uid = uid,
                                 .roles = roles,
                                 .in = malloc(API_LINE_MAX + 1),
                                 .in_room = API_LINE_MAX + 1,
                                 .deadline_ms = clock_now_ms() + CONTROL_IDLE_MS};
    SP_BUG(c->in == NULL);
    ev_io_init(&c->io, on_client, c->fd, EV_READ);
    c->io.data = c;
    ev_io_start(loop, &c->io);
}

void control_start(struct keeper *k, const char *path)
{
    snprintf(k->control_path, sizeof(k->control_path), "%s", path);
    /* Where there are roles the kernel says who asks, and every command is looked up. */
    if (chmod(path, k->config->role_count > 0 ? 0666 : 0600) != 0)
        fprintf(stderr, "sallyport: cannot set the mode of %s: %s\n", path, strerror(errno));
    ev_io_init(&k->control_io, on_control, k->control_fd, EV_READ);
    k->control_io.data = k;
    ev_io_start(k->loop, &k->control_io);
}

void control_leave(struct keeper *k)
{
    ev_io_stop(k->loop, &k->control_io);
    sp_fd_cleanup(&k->control_fd);
    k->control_path[0] = '\0';
}

void control_tick(struct keeper *k, int64_t now_ms)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (k->clients[i].fd >= 0 && !is_busy(&k->clients[i]) &&
            now_ms >= k->clients[i].deadline_ms)
            client_close(&k->clients[i]);
    }
}

void control_stop(struct keeper *k)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (k->clients[i].fd >= 0)
            client_close(&k->clients[i]);
    }
    ev_io_stop(k->loop, &k->control_io);
    sp_fd_cleanup(&k->control_fd);
    if (k->control_path[0] != '\0' && unlink(k->control_path) != 0 && errno != ENOENT)
        fprintf(stderr, "sallyport: cannot remove %s: %s\n", k->control_path, strerror(errno));
}
