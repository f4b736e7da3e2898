/* SPDX-License-Identifier: Apache-2.0
 * What a session may ask of keeper: one table of message, size, state, once, handler.
 *
 *   OPEN ─SIGN─► SIGNED ─CHALLENGE─► CHALLENGED ─VERIFY─► VERIFIED ─DECIDE─► DECIDED ─CONNECT─►
 *   CONNECTING ─(dialed)─► CONNECTED ─CERTIFICATE─► TRUSTED ─BIND─► BOUND ─SEAL─► ADMITTED
 *                                                           ─CLEAR──────────────► ADMITTED
 *                                                           ─RDSTLS─────────────► ADMITTED
 *   ADMITTED ─LICENCE_GET, LICENCE_PUT─► ADMITTED      ADMITTED ─REDIRECT─► DECIDED: next target
 *   ADMITTED ─NOTE active─► ACTIVE      any refusal ─► REFUSED      NOTE closed ─► CLOSED
 *
 *   SIGNED ─GSS_STEP─► GSS ─GSS_STEP─► VERIFIED ─GSS_UNWRAP, GSS_WRAP─► VERIFIED: Kerberos
 *
 * Whatever is not in the table, of another size, in another state or one too many is a violation:
 * the caller ends that session, never itself. The handlers see the world through session_ops only,
 * so that tests and the fuzzer drive the same code with effects in memory.
 */
#ifndef SP_KEEPER_SESSION_TABLE_H
#define SP_KEEPER_SESSION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ipc_bind.h"
#include "base/ipc_directory.h"
#include "base/ipc_lobby.h"
#include "base/ipc_msg.h"
#include "base/penalty.h"
#include "keeper/events.h"
#include "keeper/factors.h"
#include "keeper/moment.h"
#include "keeper/policy.h"
#include "keeper/target_binding.h"
#include "keeper/tickets.h"

#define SESSION_ID_SIZE        17    /* 16 hex digits and a NUL                         */
#define SESSION_CHALLENGE_MS   60000 /* how long a challenge may be answered            */
#define SESSION_LEASE_MS       60000 /* what a lease grants …                           */
#define SESSION_LEASE_EVERY_MS 20000 /* … and how often it is renewed                   */
#define SESSION_CHANNELS_MAX   31    /* static channels that one connection can have    */
#define SESSION_CHANNEL_SIZE   16
#define SESSION_PROOFS_MAX     4  /* factors that one session can prove              */
#define LOBBY_RETURNS_MAX      50 /* from targets that could not be reached           */

enum session_state {
    SESSION_OPEN,
    SESSION_SIGNED,
    SESSION_GSS, /* Kerberos: the client has more to say */
    SESSION_CHALLENGED,
    SESSION_VERIFIED,
    SESSION_LOBBY, /* the person is asked before anything is decided */
    SESSION_DECIDED,
    SESSION_CONNECTING,
    SESSION_CONNECTED,
    SESSION_TRUSTED,
    SESSION_BOUND,
    SESSION_ADMITTED,
    SESSION_ACTIVE,
    SESSION_REFUSED, /* a refusal was told and logged; only notes may follow            */
    SESSION_CLOSED,  /* it said its last word                                           */
    SESSION_STATE_COUNT
};

/* What keeper knows of the account that somebody claims to be. */
struct session_account {
    bool is_known;
    bool is_disabled;
    bool is_ticket;      /* not a person's: ticket_use says whether it is good */
    uint8_t nt_hash[16]; /* of nobody, and always the same, if unknown */
};

/* What policy said, in the form that the table needs. */
struct session_decision {
    bool is_allowed;
    bool is_lobby;               /* not allowed, but the person can change that         */
    uint32_t errinfo, nt_status; /* told to the client if not allowed                   */
    uint32_t nla;                /* enum ipc_nla                                        */
    uint32_t login;              /* enum ipc_login                                      */
    uint32_t tls_mode;           /* enum ipc_verify_mode                                */
    uint32_t idle_ms;            /* 0 = none                                            */
    uint32_t total_ms;           /* of the whole session; 0 = none                      */
    uint32_t tls_min;            /* 0x0301…0x0304 towards the target                    */
    bool is_restricted;          /* restricted admin mode: the target gets no password  */
    uint32_t credssp_min;        /* 2…6, of the target                                  */
    struct ipc_channels channels;
    uint32_t port;
    uint32_t dial_timeout_ms;
    uint16_t user_size, domain_size; /* of the target's account                         */
    uint8_t user[IPC_NAME_MAX];
    uint8_t domain[IPC_NAME_MAX];
    uint8_t pin[32]; /* for IPC_TLS_PIN                                                 */
    char target[IPC_TEXT_MAX];
    char host[IPC_HOST_MAX];
    char known_as[IPC_TEXT_MAX]; /* name for known_key, if it is not the target's      */
    char rule[IPC_TEXT_MAX];     /* which rule allowed it, for the event                  */
    char reason[512];            /* why not, for the event                                */
    char explained[768];         /* policy_explain_short, for the event                   */
    uint32_t needs;              /* set of enum policy_need: what the person could do     */
    const void *secret;          /* names the target to session_ops.password; borrowed    */
};

struct session;
struct session_ops;

/* Answer a deferred verb with its refusal: who was asked did not answer in time. */
typedef enum sp_err session_late_fn(struct session *s, const struct session_ops *ops);

/* What was learned of the person on the way in, for the decisions and for those that follow. */
struct session_facts {
    struct moment start; /* of the first decision; wall_us 0 = none yet           */
    enum catalog_nla nla;
    bool is_client_known; /* its name is in the session's client                   */
    uint32_t client_build;
    struct policy_proof proofs[SESSION_PROOFS_MAX];
    uint32_t proof_count;
    char consented[CATALOG_NAME_SIZE]; /* the rule whose text was accepted; else empty */
    int64_t check_us;  /* when to decide again, by moment_since(start); 0 = not by time     */
    int64_t ends_us;   /* when this session will end unless something changes; 0 = not known */
    uint32_t warned_s; /* the last warning said so many seconds; 0 = none yet               */
};

/* What a person in the lobby has said so far. */
struct session_lobby {
    bool is_used, is_busy;
    bool is_free; /* the target that was typed with the name does not count any more */
    uint32_t actions, returns, offset;
    char target[CATALOG_NAME_SIZE]; /* chosen; else empty */
    char filter[64];
    char wrong[IPC_LOBBY_TEXT]; /* why the last answer was refused; else empty */
    struct factors_challenge challenge;
};

/* One session as keeper sees it. */
struct session {
    char id[SESSION_ID_SIZE];
    uint64_t number; /* names it to dialer */
    int fd;          /* its channel; -1 when closed */
    int pidfd;       /* -1 if the kernel has none */
    pid_t pid;
    struct ipc_address peer;
    uint32_t listener;
    bool is_proxied;      /* peer is the proxy's address …             */
    bool is_source_known; /* … until the session has told who is behind */
    enum session_state state;
    uint32_t used; /* one bit a row of the table */
    uint32_t notes, note_kinds, transfers;
    bool is_failure_logged; /* INVARIANT: one failure event a session                   */
    int64_t started_ms, active_ms, deadline_ms, lease_at_ms, challenge_until_ms, kill_at_ms;
    int64_t started_wall_us;
    uint8_t challenge[8];
    uint16_t user_size;
    uint8_t user[IPC_NAME_MAX];                              /* as typed, UTF-16LE */
    char user_text[IPC_NAME_MAX], domain_text[IPC_NAME_MAX]; /* as typed, UTF-8, unescaped */
    /* Signed in by a ticket: its id (else empty), whose it is, where to. */
    char ticket[TICKET_ID_SIZE], person[TICKET_NAME_SIZE], ticket_target[TICKET_NAME_SIZE];
    struct session_lobby lobby;
    uint8_t late_key[16];      /* for a VERIFY whose answer comes later */
    char client[IPC_TEXT_MAX]; /* client name, unescaped */
    struct session_decision decision;
    struct session_facts facts;
    bool is_dialed;
    uint32_t dial_status;
    int target_fd;                 /* from dialer, until CONNECT takes it */
    uint8_t target_key_sha256[32]; /* what CERTIFICATE showed; BIND is bound to it   */
    struct target_binding binding; /* from BIND to SEAL; wiped there                 */
    uint16_t delegated_size;
    uint8_t delegated[IPC_NAME_MAX]; /* the person's own password */
    uint32_t hops;                   /* redirections that were asked for */
    bool may_rdstls; /* the redirection that led to this target came with a token for it */
    char channels[SESSION_CHANNELS_MAX][SESSION_CHANNEL_SIZE];
    uint32_t channel_count;
    uint64_t to_client, to_target;
    char end_reason[IPC_TEXT_MAX]; /* unescaped */
    bool is_kerberos;              /* proven by a ticket: its context is in directory */
    uint32_t gss_steps, gss_unwraps, gss_wraps;
    char principal[IPC_DIRECTORY_NAME_MAX]; /* unescaped */
    /* A verb whose answer comes later: until then only notes are legal. */
    uint64_t deferred;         /* its ticket; 0 = none */
    uint32_t deferred_type;    /* of the answer that the session waits for */
    int64_t deferred_until_ms; /* then late answers in place of whoever did not */
    session_late_fn *late;
    bool is_ended_report; /* spawner or waitpid said that the process is gone   */
    int32_t status;       /* as waitpid(2) gave it */
};

/* The world outside the table. ctx is the owner's. */
struct session_ops {
    void *ctx;
    int64_t (*now_ms)(void *ctx);
    /* Send to the session without waiting; fd -1 = none. */
    enum sp_err (*send)(void *ctx, struct session *s, uint32_t type, void *msg, size_t size,
                        int fd);
    /* Sign a handshake. Errors: SP_EDENIED no such scheme; others: not a handshake, a violation */
    enum sp_err (*sign)(void *ctx, const struct session *s, const struct ipc_sign_req *req,
                        uint8_t *signature, size_t *size);
    /* Look an account up by the name as typed, suffix included. */
    void (*account)(void *ctx, const char *user, const char *domain, struct session_account *out);
    /* Decide; what out->secret points into is kept until the session is ACTIVE or gone. */
    void (*decide)(void *ctx, struct session *s, struct session_decision *out);
    /* Decide once more about the target that was allowed, with all that is known by now; out is
     * the reason if it is a no. Asked at CONNECT: nothing passes before. */
    bool (*is_still_allowed)(void *ctx, struct session *s, char out[512]);
    /* Start to connect to s->decision's host and port; the answer comes by session_dialed. */
    enum sp_err (*dial)(void *ctx, struct session *s);
    /* The target's password, UTF-16LE, for login inject. The caller wipes it. */
    enum sp_err (*password)(void *ctx, const struct session *s, uint8_t out[IPC_NAME_MAX],
                            size_t *size);
    /* Compare with the key that is known for a target, learning it durably if none is.
     * Errors: SP_EDENIED another key is known, it is in known; SP_ESYS it cannot be kept */
    enum sp_err (*known_key)(void *ctx, const char *target, const uint8_t key[32], bool *is_new,
                             uint8_t known[32]);
    /* Whether this session may follow its target to host, as written there; NULL = the same target
     * again, by its routing token. out->reason says why not. */
    void (*redirect)(void *ctx, struct session *s, const char *host, struct session_decision *out);
    /* The licence that a target gave before: size 0 if none. Errors: SP_ESYS */
    enum sp_err (*licence_get)(void *ctx, const char *target, const char *scope,
                               struct ipc_licence_get_rsp *out);
    /* Keep a licence, replacing the older one. Errors: SP_ESYS */
    enum sp_err (*licence_put)(void *ctx, const char *target, const struct ipc_licence_put *put);
    /* Count one attempt to prove the session's account, before it is verified. Returns  NULL, or
     * why it may not be verified; static text */
    const char *(*attempt)(void *ctx, struct session *s);
    /* The attempt was right, or it was not; after the answer, since it may take longer. */
    void (*attempted)(void *ctx, struct session *s, bool is_proved);
    /* True if the session's source may not authenticate now. */
    bool (*is_penalised)(void *ctx, const struct session *s);
    /* Charge the session's source. */
    void (*charge)(void *ctx, const struct session *s, enum penalty_cause cause);
    /* Count an attack of that name; returns how often it was seen, this time included. */
    uint64_t (*attack)(void *ctx, const char *id);
    /* Kerberos: the oldest CredSSP version that may be used with it; 0 = there is none. */
    uint32_t (*kerberos_min)(void *ctx);
    /* The user that a principal stands for: false if it is none, or the user is unknown.
     * user     IPC_NAME_MAX bytes */
    bool (*principal)(void *ctx, const char *principal, char *user, struct session_account *out);
    /* Ask directory about this session's context; session_gss_answered follows, later.
     * Errors:  SP_ELIMIT, SP_ECLOSED, SP_ETIME it cannot be asked */
    enum sp_err (*gss)(void *ctx, struct session *s, uint32_t kind, const uint8_t *data,
                       size_t size);
    /* Write an event and end it. */
    enum sp_err (*event)(void *ctx, struct event *e, bool is_durable);
    /* Use the ticket whose password was proven. NULL: it is being stored, session_ticket_done
     * follows; else why it is refused. */
    const char *(*ticket_use)(void *ctx, struct session *s);
    /* How long the lobby waits for a person. */
    uint32_t (*lobby_idle_ms)(void *ctx);
    /* What the person is to see. */
    void (*lobby_state)(void *ctx, struct session *s, struct ipc_lobby_state *out);
    /* Take what the person answered. */
    void (*lobby_act)(void *ctx, struct session *s, const struct ipc_lobby_action *a);
};

/* Start a session's record: id and number are made here, fd and pidfd are taken. */
void session_init(struct session *s, const struct ipc_session_started *started, int fd, int pidfd,
                  int64_t now_ms, uint32_t authenticate_ms);

/* Wipe a session's record and close what it owns. */
void session_clear(struct session *s);

/*
 * Handle one message of a session.
 * in       as ipc_recv gave it; descriptors that nobody took are closed here
 * fail     where and what, if it is a violation
 * Errors:  anything but SP_OK is a violation: the caller must end this session
 */
SP_MUST_USE enum sp_err session_message(struct session *s, const struct session_ops *ops,
                                        struct ipc_in *in, struct sp_fail *fail);

/*
 * Dialer's answer for this session.
 * fd       the connected socket or -1; taken
 */
void session_dialed(struct session *s, const struct session_ops *ops,
                    const struct ipc_dialed *dialed, int fd);

/*
 * Directory's answer about this session's context; a late one is dropped.
 * Errors:  as session_answer_deferred
 */
SP_MUST_USE enum sp_err session_gss_answered(struct session *s, const struct session_ops *ops,
                                             const struct ipc_directory_answer *answer);

/* Show a session in the lobby what is so now; others are left alone. Errors: as session_end */
SP_MUST_USE enum sp_err session_lobby_push(struct session *s, const struct session_ops *ops);

/* ---- session_defer.c: verbs whose answer comes later ---- */

/*
 * Whether a completion is still awaited. Whoever completes looks the session up by its number, and
 * asks this before it changes anything: the session may be gone, or the deadline may have passed.
 * ticket   as verb_defer gave it
 */
bool session_is_deferred(const struct session *s, uint64_t ticket);

/*
 * Answer a deferred verb; nothing happens if this ticket is not awaited any more.
 * s        NULL if the session is gone
 * msg      head first; not wiped
 * Errors:  SP_ECLOSED, SP_ETIME, SP_ESYS the session does not take its answer and must be killed
 */
SP_MUST_USE enum sp_err session_answer_deferred(struct session *s, const struct session_ops *ops,
                                                uint64_t ticket, uint32_t type, void *msg,
                                                size_t size, int fd);

/*
 * Answer by the verb's own refusal if its deadline has passed.
 * Errors:  as session_answer_deferred
 */
SP_MUST_USE enum sp_err session_defer_tick(struct session *s, const struct session_ops *ops,
                                           int64_t now_ms);

/*
 * A ticket's use is stored, or cannot be: answer the VERIFY that waits for it, if it still does.
 * Errors:  as session_answer_deferred
 */
SP_MUST_USE enum sp_err session_ticket_done(struct session *s, const struct session_ops *ops,
                                            enum sp_err err);

/* The name that policy goes by: the typed one, or the person of the ticket. Borrowed */
const char *session_person(const struct session *s);

/*
 * Tell the session to end.
 * errinfo  what it should tell the client
 * reason   static or bounded text; becomes the reason of session_end
 * Errors:  SP_ECLOSED, SP_ETIME, SP_ESYS it cannot be told and must be killed
 */
SP_MUST_USE enum sp_err session_end(struct session *s, const struct session_ops *ops,
                                    uint32_t errinfo, const char *reason);

/* Renew the lease. Errors: as session_end */
SP_MUST_USE enum sp_err session_lease(struct session *s, const struct session_ops *ops);

/* Write session_end: duration, bytes, channels, reason; and what failed if nobody said it yet. */
void session_log_end(struct session *s, const struct session_ops *ops);

/* Write session_start. */
void session_log_start(const struct session *s, const struct session_ops *ops);

/* Write session_violation for a message that session_message refused. */
void session_log_violation(struct session *s, const struct session_ops *ops,
                           const struct ipc_in *in, const struct sp_fail *fail);

/* A state's name as it stands in events and in `sallyport sessions`. Owner: static text */
const char *session_state_name(enum session_state state);

/* Write address and port as "192.0.2.1:1024" or "[2001:db8::1]:1024"; out: 64 bytes */
void session_source(const struct ipc_address *a, char out[64]);

#endif
