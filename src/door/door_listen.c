/* SPDX-License-Identifier: Apache-2.0
 * The door's listening sockets: accepting, and not spinning when descriptors run out.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "door/door_priv.h"
#include "door/helper.h"

static enum sp_err watch_listeners(struct door *d)
{
    for (uint32_t i = 0; i < d->listener_count; i++) {
        enum sp_err err = door_watch(d, d->listeners[i].fd, EPOLLIN, DOOR_ON_LISTENER, i);
        if (err != SP_OK)
            return err;
    }
    return SP_OK;
}

static void unwatch_listeners(struct door *d)
{
    for (uint32_t i = 0; i < d->listener_count; i++)
        epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, d->listeners[i].fd, NULL);
}

enum sp_err door_listen(struct door *d, const struct boot_listener *config, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int fd = BOOT_FD_LISTENERS + (int)i;
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
            return SP_ESYS;
        d->listeners[i] = (struct door_listener){.fd = fd, .config = &config[i]};
    }
    d->listener_count = count;
    return watch_listeners(d);
}

static void pause_accepting(struct door *d, int64_t now_ms)
{
    if (!d->paused)
        unwatch_listeners(d);
    d->paused = true;
    d->resume_ms = now_ms + DOOR_PAUSE_MS;
}

void door_resume(struct door *d, int64_t now_ms)
{
    if (!d->paused || now_ms < d->resume_ms)
        return;
    d->paused = false;
    if (watch_listeners(d) != SP_OK) {
        helper_log("cannot watch a listener: errno=%d", errno);
        pause_accepting(d, now_ms);
    }
}

/* Accept one connection. Returns the descriptor or -1 with errno. */
static int accept_one(int fd, struct ipc_address *peer)
{
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof(storage);
    int client = accept4(fd, (struct sockaddr *)&storage, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (client >= 0)
        *peer = helper_address((const struct sockaddr *)&storage);
    return client;
}

/*
 * No descriptor is left: give up the reserve for a moment to refuse whoever waits first, since a
 * connection left in the backlog would wake us again at once. False if even that fails.
 */
static bool refuse_with_reserve(struct door *d, int fd)
{
    struct ipc_address peer = {0};

    if (d->reserve_fd < 0)
        return false;
    close(d->reserve_fd);
    int client = accept_one(fd, &peer);
    if (client >= 0) {
        report_add(&d->report, IPC_DOOR_SYSTEM, &peer);
        helper_refuse(client);
    }
    d->reserve_fd = epoll_create1(EPOLL_CLOEXEC);
    return client >= 0;
}

/* After accept failed: true if the next one may be tried at once. */
static bool accept_again(struct door *d, int fd, int64_t now_ms)
{
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        if (refuse_with_reserve(d, fd))
            return true;
        pause_accepting(d, now_ms);
        return false;
    case ENOBUFS:
    case ENOMEM:
        pause_accepting(d, now_ms);
        return false;
    default:
        /* The connection died in the backlog; accept(2) reports its error as its own. */
        return true;
    }
}

void door_accept(struct door *d, uint32_t listener, int64_t now_ms)
{
    if (listener >= d->listener_count || d->paused)
        return;
    int fd = d->listeners[listener].fd;
    for (int i = 0; i < DOOR_BATCH; i++) {
        struct ipc_address peer;
        int client = accept_one(fd, &peer);

        if (client >= 0)
            door_conn_add(d, client, &peer, listener, now_ms);
        else if (!accept_again(d, fd, now_ms))
            return;
    }
}

void door_retire(struct door *d)
{
    if (!d->paused)
        unwatch_listeners(d); /* they are open elsewhere, so closing would not do it */
    for (uint32_t i = 0; i < d->listener_count; i++)
        close(d->listeners[i].fd);
    d->listener_count = 0;
    d->paused = false;
    d->is_retiring = true;
    tarpit_clear(&d->tarpit);
}

void door_stop(struct door *d)
{
    for (uint32_t i = 0; i < d->listener_count; i++) {
        /* keeper has the socket too: closing ours would leave clients waiting in its backlog. */
        shutdown(d->listeners[i].fd, SHUT_RDWR);
        close(d->listeners[i].fd);
    }
    d->listener_count = 0;
    d->paused = false;
}
