/* SPDX-License-Identifier: Apache-2.0
 * The door's state, shared by its loop, its listeners and its connections.
 */
#ifndef SP_DOOR_DOOR_PRIV_H
#define SP_DOOR_DOOR_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/boot.h"
#include "base/ipc_msg.h"
#include "base/penalty.h"
#include "door/limits.h"
#include "door/report.h"
#include "door/tarpit.h"

#define DOOR_NONE     UINT32_MAX /* no connection */
#define DOOR_RETRY_MS 20         /* between two tries to reach a busy spawner             */
#define DOOR_PAUSE_MS 100        /* without accept when not even the reserve helps        */
#define DOOR_BATCH    32         /* accepts in a row before other events have their turn  */

enum door_conn_state {
    DOOR_FREE,
    DOOR_IDLE,    /* waits for the first byte                      */
    DOOR_PENDING, /* readable, waits for room in spawner's queue   */
    DOOR_HANDED,  /* only the read end of the life pipe is left    */
};

/* One unauthenticated connection: all that an idle peer costs in user space. */
struct door_conn {
    int fd; /* the client's socket; from DOOR_HANDED on the life pipe's read end */
    enum door_conn_state state;
    uint32_t next, prev; /* in the list of its state, or of the free ones (next only) */
    uint32_t listener;
    int64_t deadline_ms;
    int64_t accepted_ms;
    struct ipc_address peer;
};

/* First in, first out; every member of one list was given the same time to live. */
struct door_list {
    uint32_t head, tail;
};

struct door_listener {
    int fd;
    uint32_t count; /* connections through it that are not authenticated yet */
    const struct boot_listener *config;
};

struct door {
    int epoll_fd;
    int keeper_fd;
    int spawner_fd;
    int reserve_fd; /* given up for a moment to refuse a connection when descriptors run out */
    struct door_listener listeners[BOOT_LISTENERS_MAX];
    uint32_t listener_count; /* 0 once stopped                          */
    bool is_retiring;        /* ends when nobody waits any more         */
    bool paused;             /* the listeners are not watched until …   */
    int64_t resume_ms;
    uint32_t first_byte_ms;
    const struct penalty_table *penalties;
    struct limits limits;
    struct report report;
    struct tarpit tarpit;
    struct door_conn *conns; /* limits.config.total_max of them */
    uint32_t free_head;
    struct door_list idle, pending;
};

/* What an epoll event is about: kind in the upper half, index in the lower. */
enum door_event { DOOR_ON_KEEPER, DOOR_ON_LISTENER, DOOR_ON_CONN };

/* ---- door.c ---- */

/* Watch fd for events (0 = hang-up only) under the name of kind and index. */
SP_MUST_USE enum sp_err door_watch(struct door *d, int fd, uint32_t events, enum door_event kind,
                                   uint32_t index);

/* ---- door_listen.c ---- */

/* Take the listeners that keeper opened: non-blocking and watched. config: outlives d */
SP_MUST_USE enum sp_err door_listen(struct door *d, const struct boot_listener *config,
                                    uint32_t count);

/* Accept up to DOOR_BATCH connections of one listener. */
void door_accept(struct door *d, uint32_t listener, int64_t now_ms);

/* Watch paused listeners again when their time has come. */
void door_resume(struct door *d, int64_t now_ms);

/* End every listener for all who hold it; connections that are there already go on. */
void door_stop(struct door *d);

/* Close the listeners for ourselves alone: another door accepts from them. */
void door_retire(struct door *d);

/* ---- door_conn.c ---- */

/* Allocate the connections. Errors: SP_ESYS no memory */
SP_MUST_USE enum sp_err door_conns_init(struct door *d);

/*
 * Take an accepted socket, or refuse and count it.
 * fd       taken
 */
void door_conn_add(struct door *d, int fd, const struct ipc_address *peer, uint32_t listener,
                   int64_t now_ms);

/*
 * The connection's descriptor has news: a first byte, the peer's end, or the life pipe's end.
 * Errors:  SP_ESTATE the spawner is gone
 */
SP_MUST_USE enum sp_err door_conn_event(struct door *d, uint32_t index, int64_t now_ms);

/*
 * Hand pending connections over while the spawner takes them, and reset those whose time is up.
 * Errors:  SP_ESTATE the spawner is gone
 */
SP_MUST_USE enum sp_err door_conns_tick(struct door *d, int64_t now_ms);

/* When door_conns_tick has something to do next, in ms of the same clock; -1 = never. */
int64_t door_conns_due_ms(const struct door *d, int64_t now_ms);

#endif
