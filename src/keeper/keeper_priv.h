/* SPDX-License-Identifier: Apache-2.0
 * The running keeper's state, shared by its loop, sessions, helpers and control socket.
 */
#ifndef SP_KEEPER_KEEPER_PRIV_H
#define SP_KEEPER_KEEPER_PRIV_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ipc_msg.h"
#include "keeper/api.h"
#include "keeper/children.h"
#include "keeper/keeper.h"
#include "keeper/registry.h"
#include "keeper/session_table.h"

#define CONTROL_CLIENTS_MAX 8
#define CONTROL_IDLE_MS     10000
#define KILL_AFTER_END_MS   3000   /* how long a session may take to end in order             */
#define GOODBYE_MS          5000   /* how long a session may live after its last note          */
#define EXIT_MS             1000   /* how long a process may outlive its channel              */
#define REPORT_MS           2000   /* how long we wait for news of a process that was killed  */
#define DEADLINE_MARGIN_MS  5000   /* a session keeps its own deadlines; keeper is the second */
#define SETUP_MS            130000 /* a session's own bounds together, dialing excepted       */

struct keeper;

/* A session and what the loop needs for it. INVARIANT: s is first. */
struct live {
    struct session s;
    ev_io io;
    struct keeper *keeper;
    bool is_killed;
    int64_t remove_at_ms; /* once the channel is closed */
};

struct control_client {
    ev_io io;
    struct keeper *keeper;
    int fd; /* -1 = free */
    uid_t uid;
    int64_t deadline_ms;
    size_t in_used;
    char in[API_LINE_MAX + 1];
    char *out; /* NULL = nothing to send */
    size_t out_size, out_sent;
};

struct keeper {
    struct ev_loop *loop;
    const struct config *config;
    const struct signer *signer;
    struct event_log log;
    struct known_targets known;
    struct children children;
    struct registry registry;
    struct session_ops ops;
    uint8_t nobody_hash[16]; /* of every user that does not exist */
    struct ipc_in in;        /* the message being handled          */
    ev_io helper_io[CHILD_ROLE_COUNT];
    ev_signal signals[4];
    ev_timer tick;
    bool is_ready, is_draining, has_failed;
    int64_t ready_by_ms, drain_until_ms, log_said_ms;
    int control_fd;
    uid_t starter_uid;
    ev_io control_io;
    struct control_client clients[CONTROL_CLIENTS_MAX];
};

/* ---- keeper_ops.c ---- */

/* Fill k->ops: the table's view of configuration, policy, signer, dialer and log. */
void keeper_ops_init(struct keeper *k);

/* Write an event of keeper's own; a failure is said on standard error. */
SP_MUST_USE enum sp_err keeper_event(struct keeper *k, struct event *e, bool is_durable);

/* As keeper_event where nothing depends on it. */
void keeper_event_note(struct keeper *k, struct event *e);

/* ---- keeper_sessions.c ---- */

/*
 * Take a new session from spawner.
 * fd       its channel; taken
 */
void keeper_session_started(struct keeper *k, const struct ipc_session_started *started, int fd);

/* A session's process has ended. status: as waitpid(2) gives it */
void keeper_session_ended(struct keeper *k, pid_t pid, int32_t status);

/* Ask a session to end, and kill it within_ms later if it has not. */
void keeper_session_end(struct keeper *k, struct session *s, uint32_t errinfo, const char *reason,
                        int64_t within_ms);

/* Deadlines, leases, kills and burials of all sessions. */
void keeper_sessions_tick(struct keeper *k, int64_t now_ms);

/* Kill and bury all that are left, when keeper itself ends. */
void keeper_sessions_clear(struct keeper *k);

/* ---- keeper_helpers.c ---- */

/* Start every helper that is due. */
void keeper_helpers_tick(struct keeper *k, int64_t now_ms);

/* Reap whatever ended: helpers, and sessions whose spawner died. */
void keeper_reap(struct keeper *k);

/* Tell door to accept no more. */
void keeper_door_stop(struct keeper *k);

/* ---- control.c ---- */

/* Serve k->control_fd. */
void control_start(struct keeper *k);

/* Close clients that said nothing for too long. */
void control_tick(struct keeper *k, int64_t now_ms);

/* Close the socket and its clients, and remove its name. */
void control_stop(struct keeper *k);

#endif
