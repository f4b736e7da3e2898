/* SPDX-License-Identifier: Apache-2.0
 * What the table and the files of verbs share.
 */
#ifndef SP_KEEPER_SESSION_PRIV_H
#define SP_KEEPER_SESSION_PRIV_H

#include "keeper/session_table.h"

/* NTSTATUS for TSRequest.errorCode (MS-ERREF) */
#define STATUS_LOGON_FAILURE          0xC000006Du
#define STATUS_NOT_SUPPORTED          0xC00000BBu
#define STATUS_LOGON_TYPE_NOT_GRANTED 0xC000015Bu

/* Set Error Info codes that keeper gives (MS-RDPBCGR 2.2.5.1.1) */
#define ERRINFO_BY_ADMIN       0x00000001u
#define ERRINFO_TIME_OVER      0x00000004u
#define ERRINFO_DENIED         0x00000007u
#define ERRINFO_NOT_ENTITLED   0x00000009u
#define ERRINFO_FRESH_PASSWORD 0x0000000Au
#define ERRINFO_NO_TARGET      0x00000400u
#define ERRINFO_NO_CONNECTION  0x00000404u
#define ERRINFO_NO_DNS         0x00000407u

/* What a handler works with. */
struct verb {
    struct session *s;
    const struct session_ops *ops;
    struct ipc_in *in;
    struct sp_fail *fail;
};

typedef enum sp_err verb_fn(struct verb *v);

/* verbs_login.c: from the handshake to the decision. Errors: a violation */
verb_fn verb_sign, verb_challenge, verb_verify, verb_decide, verb_delegate;

/*
 * verbs_ticket.c: use a ticket whose password was proven; the answer to VERIFY is deferred.
 * key      16 bytes, the session's key once it is in
 * Returns  NULL, or why it is refused: then the caller answers
 */
const char *verify_ticket(struct verb *v, const uint8_t key[16]);

/* verbs_target.c: from the connection to the target's login. Errors: a violation */
verb_fn verb_connect, verb_certificate, verb_clear;

/*
 * verbs_target.c: the target's password, wherever it comes from. The caller wipes it.
 * out      *size written only on SP_OK
 * Errors:  SP_EDENIED there is none for keeper to give
 */
SP_MUST_USE enum sp_err verb_password(struct verb *v, uint8_t out[IPC_NAME_MAX], size_t *size);

/* verbs_bind.c: the target's login by CredSSP. Errors: a violation */
verb_fn verb_bind, verb_seal;

/* verbs_redirect.c: licences, and the way to the next target. Errors: a violation */
verb_fn verb_rdstls, verb_licence_get, verb_licence_put, verb_redirect;

/* verbs_proxied.c. Errors: a violation */
verb_fn verb_proxied;

/* verbs_gss.c: Kerberos. Errors: a violation */
verb_fn verb_gss_step, verb_gss_unwrap, verb_gss_wrap;

/* verbs_lobby.c. Errors: a violation */
verb_fn verb_lobby_action, verb_lobby_enter;

/* DECIDE's answer where the person is asked first. Errors: a violation */
SP_MUST_USE enum sp_err session_lobby_open(struct verb *v);

/*
 * verbs_login.c: s->decision allows it: log it, dial, and say so.
 * type     of the answer: DECIDE_RSP or LOBBY_ENTER_RSP
 * Errors:  a violation
 */
SP_MUST_USE enum sp_err session_admit(struct verb *v, uint32_t type);

/* A number that no session had: an answer to an older one finds nobody. */
uint64_t session_new_number(void);

/* The bit of session.used that stands for a message. */
uint32_t session_row_bit(uint32_t type);

/* The target that is meant: chosen in the lobby, of the ticket, or typed with the name; or NULL. */
const char *session_lobby_target(const struct session *s, const struct policy_name *typed);

/* verbs_note.c. Errors: a violation */
verb_fn verb_note;

/* verbs_transfer.c. Errors: a violation */
verb_fn verb_transfer;

/* Start an event about a session: its id, source, user and target as far as known. */
void session_event(const struct session *s, struct event *e, const char *name);

/* Write an event that nothing waits for; a failure is counted by the log. */
void session_event_write(const struct session_ops *ops, struct event *e);

/* Answer a request; a session that does not take its answer is a violation (SP_ETIME, …). */
SP_MUST_USE enum sp_err verb_answer(struct verb *v, uint32_t type, void *msg, size_t size, int fd);

/*
 * Answer later: until then any message of the session but NOTE is a violation. The handler returns
 * SP_OK afterwards without an answer.
 * type     of the answer
 * within_ms  more than 0; late answers then
 * Returns  the ticket that session_answer_deferred takes
 */
uint64_t verb_defer(struct verb *v, uint32_t type, int64_t within_ms, session_late_fn *late);

/* Let the verbs towards a target be used once more, for the next one; the state is the caller's. */
void session_next_target(struct session *s);

/* Write what the session may know of a decision. */
void session_decision_tell(const struct session_decision *d, struct ipc_decide_rsp *rsp);

/* Move to REFUSED and remember why for session_end. */
void session_refuse(struct session *s, const char *reason);

#endif
