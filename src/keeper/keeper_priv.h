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
#include "keeper/directory_ask.h"
#include "keeper/edition.h"
#include "keeper/grants.h"
#include "keeper/guard.h"
#include "keeper/keeper.h"
#include "keeper/keeper_courier.h"
#include "keeper/objects.h"
#include "keeper/registry.h"
#include "keeper/session_table.h"
#include "keeper/store.h"
#include "keeper/factors.h"
#include "keeper/tickets.h"

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
    struct edition *edition; /* whose door let it in; NULL once that is spent */
    struct catalog *catalog; /* that its decision points into; NULL from ACTIVE on */
    struct edition *gss;     /* whose directory has its security context, or NULL */
    bool is_killed;
    struct guard_attempt attempt; /* to prove its account */
    int64_t remove_at_ms;         /* once the channel is closed */
};

#define FACTS_GRANTS_MAX 64 /* running grants of one person that policy is shown */

/* A session's facts and what they borrow. */
struct facts_room {
    struct keeper *keeper;
    const struct session *session;
    struct policy_grant grants[FACTS_GRANTS_MAX];
    struct policy_facts facts;
};

struct control_client {
    ev_io io;
    struct keeper *keeper;
    int fd; /* -1 = free */
    uid_t uid;
    bool is_waiting;   /* for what it asked to be done; reads no more until then */
    uint64_t deferred; /* the number of an answer that comes later; 0 = none */
    int64_t deadline_ms;
    size_t in_used;
    unsigned roles; /* of api_roles.h */
    char *in;       /* owned, in_room bytes */
    size_t in_room;
    char *out; /* NULL = nothing to send */
    size_t out_size, out_sent;
};

struct keeper {
    struct ev_loop *loop;
    struct edition *now;         /* the newest; retired ones hang behind it        */
    struct edition *next;        /* being made ready by a reload, or NULL          */
    struct event_log next_log;   /* goes with next                                 */
    int64_t next_until_ms;       /* when next is given up                          */
    bool must_reload;            /* asked while a reload was going on              */
    ev_timer soon;               /* looks at what is being made ready              */
    const struct config *config; /* of now                                         */
    struct catalog *catalog;     /* the newest; see keeper_catalog_replace         */
    /* The running grants of a person; NULL = there is no such thing. Returns  how many of most;
     * their texts live until the next call into keeper's loop. */
    size_t (*grants_of)(struct keeper *k, const char *user, struct moment now,
                        struct policy_grant *out, size_t most);
    struct event_log log;
    struct known_targets known;
    struct registry registry;
    struct vault *vault;
    struct store *store;
    struct objects objects;          /* what the store has of users, groups, targets, rules */
    struct objects_pending *pending; /* their change that is being written, or NULL         */
    uint64_t rotation;               /* who waits for a new master key; 0 = nobody          */
    struct catalog *next_catalog;    /* goes with next                                    */
    struct tickets tickets;
    struct factors factors;
    int64_t tickets_expire_ms; /* when dead ones are looked for */
    struct grants grants;      /* requests and grants; keeper_grants.h   */
    int64_t grants_prune_ms;   /* when old ones are looked for, or what the heir wrote */
    int64_t grants_stamp;      /* of the store's files, as the heir wrote them last */
    struct session_ops ops;
    struct directory_questions questions;
    struct courier_feed courier;
    struct guard guard;
    struct firewall firewall;
    const char *spoiled;     /* a file of the guard that could not be used */
    uint8_t nobody_hash[16]; /* of every user that does not exist */
    struct ipc_in in;        /* the message being handled          */
    ev_signal signals[4];
    ev_timer tick;
    bool is_ready, is_draining, has_failed;
    int directory_program_fd; /* sallyport-directory; -1 = it is not installed */
    int courier_program_fd;   /* sallyport-courier; -1 = it is not installed   */
    int net_fd;               /* sallyport-net, for the helpers  */
    const char *program;      /* where this program stood when it was started */
    /* Upgrade: the heir is the process that takes over from us, the elder whom we took over from.
     */
    bool is_finishing; /* the heir serves; we wait for our sessions' ends */
    pid_t heir_pid;
    int heir_fd, elder_fd; /* -1 = none */
    ev_io heir_io, elder_io;
    int64_t heir_until_ms, finish_until_ms; /* 0 = no end */
    uint32_t remaining;                     /* sessions that finish in the elder and before it */
    uint32_t remaining_said;
    int64_t ready_by_ms, drain_until_ms, log_said_ms;
    int control_fd;
    char control_path[CONFIG_SOCKET_SIZE]; /* empty: not ours to remove */
    uid_t starter_uid;
    ev_io control_io;
    struct control_client clients[CONTROL_CLIENTS_MAX];
};

/* ---- keeper_ops.c ---- */

/* Fill k->ops: the table's view of configuration, policy, signer, dialer and log. */
void keeper_ops_init(struct keeper *k);

/* ops_directory.c: the part of it that is about directory. */
void keeper_ops_directory(struct session_ops *ops);

/* Write an event of keeper's own; a failure is said on standard error. */
SP_MUST_USE enum sp_err keeper_event(struct keeper *k, struct event *e, bool is_durable);

/* As keeper_event where nothing depends on it. */
void keeper_event_note(struct keeper *k, struct event *e);

/* ---- keeper_store.c ---- */

/*
 * Open the vault and the store, as the user whom we have become.
 * error    STORE_ERROR_SIZE bytes
 */
bool keeper_store_start(struct keeper *k, const struct config *config, char *error);

/* Finish what is being written, and close. */
void keeper_store_stop(struct keeper *k);

/* ---- keeper_objects.c ---- */

/*
 * Read the objects anew, and decide by them and the configuration file from now on.
 * error    CATALOG_ERROR_SIZE bytes
 */
bool keeper_objects_start(struct keeper *k, char *error);

/* Wipe and free them. */
void keeper_objects_stop(struct keeper *k);

/* ---- api_objects.c ---- */

/*
 * Answer the commands about objects and the vault.
 * answer   written only if true; NULL: control_answer follows
 * Returns  false if it is none of them
 */
bool keeper_objects_answer(struct control_client *c, const char *line, size_t size,
                           json_t **answer);

/* ---- keeper_lobby.c ---- */

/* session_ops.lobby_idle_ms. ctx: the keeper */
uint32_t keeper_lobby_idle_ms(void *ctx);
/* session_ops.lobby_state. ctx: the keeper */
void keeper_lobby_state(void *ctx, struct session *s, struct ipc_lobby_state *out);
/* session_ops.lobby_act. ctx: the keeper */
void keeper_lobby_act(void *ctx, struct session *s, const struct ipc_lobby_action *a);

/* ---- keeper_lobby_ask.c ---- */

/* The screen of a target that needs an approval: to be asked for, or waited for. */
void keeper_lobby_show_request(struct keeper *k, struct session *s, const struct policy_decision *d,
                               struct ipc_lobby_state *out);

/* Ask for what the person wrote. d: NEEDS an approval */
void keeper_lobby_ask(struct keeper *k, struct session *s, const struct policy_decision *d,
                      const struct ipc_lobby_action *a);

/* ---- keeper_lobby.c ---- */

/* Show everybody in the lobby what is so now: a rule, a grant or a person has changed. */
void keeper_lobby_refresh(struct keeper *k);

/* ---- keeper_on_decide.c ---- */

/* session_ops.decide, is_still_allowed and redirect; ctx is the keeper. */
void keeper_on_decide(void *ctx, struct session *s, struct session_decision *out);
/* As keeper_on_decide. */
bool keeper_is_still_allowed(void *ctx, struct session *s, char out[512]);
/* As keeper_on_decide. */
void keeper_on_redirect(void *ctx, struct session *s, const char *host,
                        struct session_decision *out);

/* Answer `sallyport explain`. Owner: the caller */
json_t *keeper_explain(struct keeper *k, const struct explain_request *request);

/* Gather what is known of a session at this moment. room: filled; borrows from s and k */
void keeper_facts(struct keeper *k, struct session *s, struct facts_room *room);

/* ---- keeper_reevaluate.c ---- */

/*
 * Decide again about every session that has been allowed: to be called whenever the catalog, a
 * grant, a factor or a person has changed. What is not allowed any more ends within 2 s.
 */
void keeper_reevaluate(struct keeper *k);

/* Decide again where time has come to an edge. */
void keeper_reevaluate_tick(struct keeper *k);

/*
 * After a yes: remember when to look again, and when it will be a no.
 * facts    that d was made of
 */
void keeper_watch(struct keeper *k, struct session *s, const struct catalog_user *user,
                  const struct policy_facts *facts, const struct policy_decision *d);

/* Tell a session's person that it ends in left_s seconds. */
void keeper_session_notice(struct keeper *k, struct session *s, uint32_t left_s);

/* ---- keeper_sessions.c ---- */

/*
 * Take a new session from spawner.
 * fd       its channel; taken
 */
void keeper_session_started(struct edition *e, const struct ipc_session_started *started, int fd);

/* The edition whose door let a session in; NULL if it is spent. */
struct edition *keeper_edition_of(const struct session *s);

/* Where the session's security context is; NULL if it has none. */
struct edition **keeper_gss_edition(struct session *s);

/* It is spent. */
void keeper_edition_forget(struct session *s);

/* A session's process has ended. status: as waitpid(2) gives it */
void keeper_session_ended(struct keeper *k, pid_t pid, int32_t status);

/* Ask a session to end, and kill it within_ms later if it has not. */
void keeper_session_end(struct keeper *k, struct session *s, uint32_t errinfo, const char *reason,
                        int64_t within_ms);

/* Deadlines, leases, kills and burials of all sessions. */
void keeper_sessions_tick(struct keeper *k, int64_t now_ms);

/* Hold the present catalog for a session, whose decision points into it. */
void keeper_session_hold(struct session *s);

/* Kill and bury all that are left, when keeper itself ends. */
void keeper_sessions_clear(struct keeper *k);

/* ---- keeper_catalog.c ---- */

/*
 * Decide by another catalog from now on. No helper is restarted; sessions that were promised a
 * target of the old one keep it until they are ACTIVE.
 * catalog  taken
 */
void keeper_catalog_replace(struct keeper *k, struct catalog *catalog);

/*
 * Make a catalog of the configuration file's text as it was loaded, and of what the store has.
 * more     more_count further sources, borrowed
 * out      for keeper_catalog_replace
 * error    CATALOG_ERROR_SIZE bytes
 * Errors:  as catalog_make
 */
SP_MUST_USE enum sp_err keeper_catalog_make(const struct keeper *k,
                                            const struct catalog_source *more, size_t more_count,
                                            struct catalog **out, char *error);

/* ---- keeper_helpers.c ---- */

/* Start one helper and listen to it. */
void keeper_helper_start(struct edition *e, enum child_role role, int64_t now_ms);

/* Reap whatever ended: helpers, and sessions whose spawner died. */
void keeper_reap(struct keeper *k);

/* Tell door to accept no more. */
void keeper_door_stop(struct keeper *k);

/* ---- reload.c ---- */

/* Read the configuration anew and start helpers with it; control_finish says how it went. */
void keeper_reload(struct keeper *k);

/* Go on with a reload, and let go of editions that are spent. */
void keeper_reload_tick(struct keeper *k, int64_t now_ms);

/* Give up a reload that is going on. */
void keeper_reload_stop(struct keeper *k, const char *why);

/* ---- keeper_guard.c ---- */

/* Open k->guard. Errors: SP_ESYS */
SP_MUST_USE enum sp_err keeper_guard_start(struct keeper *k, const struct config *config);

/* Say which file of the guard could not be used, once events can be written. */
void keeper_guard_report(struct keeper *k);

/* Charge a source and say so if it is refused from now on. */
void keeper_charge(struct keeper *k, const struct ipc_address *peer, enum penalty_cause cause,
                   uint32_t times);

/* As session_ops.attempt: count an attempt of a session to prove its account. ctx: the keeper */
const char *keeper_attempt(void *ctx, struct session *s);

/* As session_ops.attempted. ctx: the keeper */
void keeper_attempted(void *ctx, struct session *s, bool is_proved);

/*
 * A session was wrong or right about a code of a second factor, or about a password in the lobby.
 * cause    PENALTY_FACTOR or PENALTY_AUTH_FAILED
 */
void keeper_attempted_by(struct keeper *k, struct session *s, enum penalty_cause cause,
                         bool is_proved);

/* Put what the configuration says of the guard into force. */
void keeper_guard_configure(struct keeper *k);

/* Save penalties, end bans. */
void keeper_guard_tick(struct keeper *k, int64_t now_ms);

/* Answer "bans", "ban" and "unban". Owner: the caller */
json_t *keeper_guard_answer(struct keeper *k, const struct api_request *request, uid_t uid);

/* ---- api_identity.c ---- */

/*
 * Answer the commands about tickets, .rdp files and factors.
 * answer   written only if true; NULL: control_answer follows
 * Returns  false if it is none of them
 */
bool keeper_identity_answer(struct control_client *c, const char *line, size_t size,
                            json_t **answer);

/* ---- upgrade.c ---- */

/* Start the program that is on disk now, to take over; control_finish says how it went. */
void keeper_upgrade(struct keeper *k);

/* Go on with an upgrade; end when the last session has. */
void keeper_upgrade_tick(struct keeper *k, int64_t now_ms);

/* The service is stopping: give up an upgrade, and tell whom we took over from. */
void keeper_upgrade_stop(struct keeper *k);

/* We are ready: the elder must accept no more. */
void keeper_take_over(struct keeper *k);

/* Listen to the elder. */
void keeper_elder_watch(struct keeper *k);

/* ---- keeper.c ---- */

/* Accept no more, tell all sessions to end, and end within limits.drain. */
void keeper_drain(struct keeper *k);

/* ---- control.c ---- */

/*
 * Answer whoever waits for a reload or an upgrade.
 * error    NULL if it is done
 */
void control_finish(struct keeper *k, const char *error);

/*
 * Answer this client later, and read no more of it until then.
 * Returns  the number that control_answer takes
 */
uint64_t control_defer(struct control_client *c);

/*
 * Answer a client that was deferred; if it is gone the answer is dropped.
 * answer   taken
 */
void control_answer(struct keeper *k, uint64_t deferred, json_t *answer);

/* Serve k->control_fd, whose name is path and is removed when it is stopped. */
void control_start(struct keeper *k, const char *path);

/* Leave the socket to somebody else; clients that are there stay. */
void control_leave(struct keeper *k);

/* Close clients that said nothing for too long. */
void control_tick(struct keeper *k, int64_t now_ms);

/* Close the socket and its clients, and remove its name. */
void control_stop(struct keeper *k);

#endif
