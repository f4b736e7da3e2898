/* SPDX-License-Identifier: Apache-2.0
 * The door's connections: idle, pending, handed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "door/door_priv.h"
#include "door/helper.h"

static const struct door_list empty_list = {DOOR_NONE, DOOR_NONE};

enum sp_err door_conns_init(struct door *d)
{
    uint32_t count = d->limits.config.total_max;

    d->conns = calloc(count, sizeof(*d->conns));
    if (d->conns == NULL)
        return SP_ESYS;
    for (uint32_t i = 0; i < count; i++)
        d->conns[i].next = i + 1 < count ? i + 1 : DOOR_NONE;
    d->free_head = 0;
    d->idle = d->pending = empty_list;
    return SP_OK;
}

static void list_append(struct door *d, struct door_list *list, uint32_t index)
{
    struct door_conn *c = &d->conns[index];

    c->next = DOOR_NONE;
    c->prev = list->tail;
    if (list->tail == DOOR_NONE)
        list->head = index;
    else
        d->conns[list->tail].next = index;
    list->tail = index;
}

static void list_remove(struct door *d, struct door_list *list, uint32_t index)
{
    struct door_conn *c = &d->conns[index];

    if (c->prev == DOOR_NONE)
        list->head = c->next;
    else
        d->conns[c->prev].next = c->next;
    if (c->next == DOOR_NONE)
        list->tail = c->prev;
    else
        d->conns[c->next].prev = c->prev;
}

/* Forget a connection whose descriptor is closed already. */
static void conn_free(struct door *d, uint32_t index)
{
    struct door_conn *c = &d->conns[index];
    struct limits_key key = limits_source_key(c->peer.ip);

    if (c->state == DOOR_IDLE)
        list_remove(d, &d->idle, index);
    if (c->state == DOOR_PENDING)
        list_remove(d, &d->pending, index);
    limits_leave(&d->limits, &key);
    d->listeners[c->listener].count--;
    *c = (struct door_conn){.fd = -1, .state = DOOR_FREE, .next = d->free_head};
    d->free_head = index;
}

static void conn_refuse(struct door *d, uint32_t index, enum ipc_door_reason reason)
{
    struct door_conn *c = &d->conns[index];

    report_add(&d->report, reason, &c->peer);
    helper_refuse(c->fd);
    conn_free(d, index);
}

/* Count the connection. False if it was refused, with the reason counted too. */
static bool admit(struct door *d, const struct ipc_address *peer, bool is_proxied)
{
    static const enum ipc_door_reason reasons[] = {
        [LIMITS_SOURCE_FULL] = IPC_DOOR_SOURCE,
        [LIMITS_TOTAL_FULL] = IPC_DOOR_TOTAL,
        [LIMITS_EARLY_DROP] = IPC_DOOR_EARLY_DROP,
    };
    struct limits_key key = limits_source_key(peer->ip);
    uint32_t random;

    sp_random(&random, sizeof(random));
    enum limits_verdict verdict = is_proxied ? limits_enter_many(&d->limits, &key, random)
                                             : limits_enter(&d->limits, &key, random);
    if (verdict == LIMITS_ADMIT)
        return true;
    report_add(&d->report, reasons[verdict], peer);
    return false;
}

static bool is_trusted(const struct boot_listener *config, const struct ipc_address *peer)
{
    for (uint32_t i = 0; i < config->trusted_count; i++) {
        if (net_contains(&config->trusted[i], peer->ip))
            return true;
    }
    return false;
}

/* What becomes of a connection; all but ENTER are counted with their reason. */
enum entry { ENTRY_ENTER, ENTRY_REFUSE, ENTRY_HOLD };

/* A listener that is closed to strangers: nobody may enter whom keeper did not name. */
static bool is_closed_to(const struct door *d, const struct boot_listener *config,
                         const struct ipc_address *peer, int64_t now_ms)
{
    return config->is_jit != 0 && !penalty_is_listed(d->penalties, PENALTY_OPEN, peer->ip, now_ms);
}

/*
 * A proxy stands for many people, and is neither
 * penalised for them nor limited as one of them.
 */
static enum entry may_enter(struct door *d, const struct ipc_address *peer,
                            const struct door_listener *listener, int64_t now_ms)
{
    const struct boot_listener *config = listener->config;
    bool is_proxied = config->is_proxied != 0;

    if (!is_proxied && penalty_refuses(d->penalties, peer->ip, now_ms)) {
        report_add(&d->report, IPC_DOOR_PENALTY, peer);
        return ENTRY_HOLD;
    }
    if (is_proxied && !is_trusted(config, peer))
        report_add(&d->report, IPC_DOOR_UNTRUSTED, peer);
    else if (is_closed_to(d, config, peer, now_ms))
        report_add(&d->report, IPC_DOOR_CLOSED, peer);
    else if (config->limit != 0 && listener->count >= config->limit)
        report_add(&d->report, IPC_DOOR_LISTENER, peer);
    else
        return admit(d, peer, is_proxied) ? ENTRY_ENTER : ENTRY_REFUSE;
    return ENTRY_REFUSE;
}

void door_conn_add(struct door *d, int fd, const struct ipc_address *peer, uint32_t listener,
                   int64_t now_ms)
{
    enum entry entry = may_enter(d, peer, &d->listeners[listener], now_ms);

    if (entry != ENTRY_ENTER) {
        if (entry == ENTRY_REFUSE || !tarpit_hold(&d->tarpit, fd, now_ms))
            helper_refuse(fd);
        return;
    }
    d->listeners[listener].count++;
    uint32_t index = d->free_head;
    SP_BUG(index == DOOR_NONE); /* as many as limits admits */
    struct door_conn *c = &d->conns[index];
    d->free_head = c->next;
    *c = (struct door_conn){.fd = fd,
                            .state = DOOR_IDLE,
                            .listener = listener,
                            .deadline_ms = now_ms + d->first_byte_ms,
                            .accepted_ms = now_ms,
                            .peer = *peer};
    list_append(d, &d->idle, index);
    if (door_watch(d, fd, EPOLLIN, DOOR_ON_CONN, index) != SP_OK)
        conn_refuse(d, index, IPC_DOOR_SYSTEM);
}

/* Send the client's socket and a new life pipe to the spawner. SP_ETIME: not now. */
static enum sp_err send_to_spawner(struct door *d, const struct door_conn *c, int64_t now_ms,
                                   int *life_read)
{
    struct ipc_connection msg = {
        .peer = c->peer, .listener = c->listener, .waited_ms = (uint32_t)(now_ms - c->accepted_ms)};
    int life[2];

    if (pipe2(life, O_CLOEXEC | O_NONBLOCK) != 0)
        return SP_ETIME;
    SP_FD write_end = life[1];
    SP_FD read_end = life[0];
    int fds[2] = {c->fd, write_end};
    enum sp_err err = ipc_send(d->spawner_fd, IPC_CONNECTION, &msg, sizeof(msg), fds, 2, 0);
    if (err == SP_OK)
        *life_read = sp_fd_take(&read_end);
    if (err == SP_ECLOSED)
        return SP_ESTATE;
    /* Too many descriptors in flight or no memory: it may go later, or the deadline decides. */
    return err == SP_ESYS ? SP_ETIME : err;
}

/* Hand the connection over. SP_ETIME: the spawner has no room, it stays pending. */
static enum sp_err hand_over(struct door *d, uint32_t index, int64_t now_ms)
{
    struct door_conn *c = &d->conns[index];
    int life = -1;
    enum sp_err err = send_to_spawner(d, c, now_ms, &life);

    if (err != SP_OK)
        return err;
    close(c->fd);
    list_remove(d, &d->pending, index);
    c->state = DOOR_HANDED;
    c->fd = life;
    if (door_watch(d, life, 0, DOOR_ON_CONN, index) != SP_OK) {
        /* Its end would never be seen: not counted is better than counted for ever. */
        close(life);
        conn_free(d, index);
    }
    return SP_OK;
}

static enum sp_err flush_pending(struct door *d, int64_t now_ms)
{
    while (d->pending.head != DOOR_NONE) {
        enum sp_err err = hand_over(d, d->pending.head, now_ms);

        if (err == SP_ETIME)
            return SP_OK;
        if (err != SP_OK)
            return err;
    }
    return SP_OK;
}

/* Whether there is a byte: 1 there is, 0 not yet, -1 the peer has gone. Nothing is consumed. */
static int first_byte(int fd)
{
    uint8_t byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = recvmsg(fd, &mh, MSG_PEEK | MSG_DONTWAIT);

    if (n > 0)
        return 1;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static enum sp_err on_idle_event(struct door *d, uint32_t index, int64_t now_ms)
{
    struct door_conn *c = &d->conns[index];
    int there = first_byte(c->fd);

    if (there == 0)
        return SP_OK;
    if (there < 0) {
        close(c->fd);
        conn_free(d, index);
        return SP_OK;
    }
    epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    helper_tune(c->fd);
    list_remove(d, &d->idle, index);
    c->state = DOOR_PENDING;
    c->deadline_ms = now_ms + d->first_byte_ms;
    list_append(d, &d->pending, index);
    return flush_pending(d, now_ms);
}

enum sp_err door_conn_event(struct door *d, uint32_t index, int64_t now_ms)
{
    struct door_conn *c = &d->conns[index];

    if (c->state == DOOR_IDLE)
        return on_idle_event(d, index, now_ms);
    if (c->state == DOOR_HANDED) {
        close(c->fd);
        conn_free(d, index);
    }
    return SP_OK;
}

enum sp_err door_conns_tick(struct door *d, int64_t now_ms)
{
    enum sp_err err = flush_pending(d, now_ms);

    if (err != SP_OK)
        return err;
    while (d->idle.head != DOOR_NONE && d->conns[d->idle.head].deadline_ms <= now_ms)
        conn_refuse(d, d->idle.head, IPC_DOOR_SILENT);
    while (d->pending.head != DOOR_NONE && d->conns[d->pending.head].deadline_ms <= now_ms)
        conn_refuse(d, d->pending.head, IPC_DOOR_SYSTEM);
    return SP_OK;
}

int64_t door_conns_due_ms(const struct door *d, int64_t now_ms)
{
    if (d->pending.head != DOOR_NONE)
        return now_ms + DOOR_RETRY_MS;
    if (d->idle.head != DOOR_NONE)
        return d->conns[d->idle.head].deadline_ms;
    return -1;
}
