/* SPDX-License-Identifier: Apache-2.0
 * A session's verbs from the handshake to the decision: SIGN, CHALLENGE, VERIFY, DECIDE, DELEGATE.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/ntlm_verify.h"
#include "keeper/session_priv.h"

enum sp_err verb_sign(struct verb *v)
{
    struct ipc_sign_req req;
    struct ipc_sign_rsp rsp = {0};
    size_t size = sizeof(rsp.signature);

    memcpy(&req, v->in->msg.bytes, sizeof(req));
    if (req.tbs_size > sizeof(req.tbs))
        return sp_fail_set(v->fail, SP_ELIMIT, "SIGN.tbs_size", req.tbs_size, sizeof(req.tbs));
    enum sp_err err = v->ops->sign(v->ops->ctx, v->s, &req, rsp.signature, &size);
    if (err != SP_OK)
        return sp_fail_set(v->fail, err, "SIGN.tbs", req.scheme, 0);
    rsp.size = (uint32_t)size;
    v->s->state = SESSION_SIGNED;
    return verb_answer(v, IPC_SIGN_RSP, &rsp, sizeof(rsp), -1);
}

enum sp_err verb_challenge(struct verb *v)
{
    struct ipc_challenge_rsp rsp = {0};

    sp_random(v->s->challenge, sizeof(v->s->challenge));
    memcpy(rsp.challenge, v->s->challenge, sizeof(rsp.challenge));
    v->s->challenge_until_ms = v->ops->now_ms(v->ops->ctx) + SESSION_CHALLENGE_MS;
    v->s->state = SESSION_CHALLENGED;
    return verb_answer(v, IPC_CHALLENGE_RSP, &rsp, sizeof(rsp), -1);
}

static enum sp_err verify_sizes(struct verb *v, const struct ipc_verify_req *req)
{
    size_t messages = (size_t)req->negotiate_size + req->challenge_size + req->authenticate_size;

    if (req->user_size == 0 || req->user_size > IPC_NAME_MAX || req->user_size % 2 != 0)
        return sp_fail_set(v->fail, SP_ELIMIT, "VERIFY.user_size", req->user_size, IPC_NAME_MAX);
    if (req->domain_size > IPC_NAME_MAX || req->domain_size % 2 != 0)
        return sp_fail_set(v->fail, SP_ELIMIT, "VERIFY.domain_size", req->domain_size,
                           IPC_NAME_MAX);
    if (req->nt_response_size < NTLM_VERIFY_RESPONSE_MIN || req->nt_response_size > IPC_NT_RSP_MAX)
        return sp_fail_set(v->fail, SP_ELIMIT, "VERIFY.nt_response_size", req->nt_response_size,
                           IPC_NT_RSP_MAX);
    if (messages > IPC_NTLM_MSGS_MAX)
        return sp_fail_set(v->fail, SP_ELIMIT, "VERIFY.messages", (uint32_t)messages,
                           IPC_NTLM_MSGS_MAX);
    return SP_OK;
}

/* Keep the name as typed: policy reads the target from it, events show it. */
static void keep_name(struct session *s, const struct ipc_verify_req *req)
{
    s->user_size = req->user_size;
    memcpy(s->user, req->user, req->user_size);
    text_utf8_from_utf16le(req->user, req->user_size, s->user_text, sizeof(s->user_text));
    text_utf8_from_utf16le(req->domain, req->domain_size, s->domain_text, sizeof(s->domain_text));
}

static enum sp_err check_proof(const struct session *s, const struct ipc_verify_req *req,
                               const struct session_account *account, uint8_t key[16])
{
    struct ntlm_verify_ask ask = {
        .user = {req->user, req->user_size},
        .domain = {req->domain, req->domain_size},
        .nt_response = {req->nt_response, req->nt_response_size},
        .messages = {.negotiate = req->messages,
                     .challenge = req->messages + req->negotiate_size,
                     .authenticate = req->messages + req->negotiate_size + req->challenge_size,
                     .negotiate_size = req->negotiate_size,
                     .challenge_size = req->challenge_size,
                     .authenticate_size = req->authenticate_size}};

    memcpy(ask.server_challenge, s->challenge, sizeof(ask.server_challenge));
    memcpy(ask.encrypted_random_session_key, req->encrypted_random_session_key, 16);
    memcpy(ask.mic, req->mic, sizeof(ask.mic));
    return ntlm_verify_check(&ask, account->nt_hash, account->is_known, key);
}

/* MS-ERREF status and the administrator's reason; the client sees the status only. */
static uint32_t judge(const struct session_account *account, enum sp_err proof, bool is_late,
                      const char **reason)
{
    *reason = NULL;
    if (!account->is_known)
        *reason = "unknown user";
    else if (proof != SP_OK)
        *reason = "wrong password";
    else if (is_late)
        *reason = "challenge expired";
    else if (account->is_disabled)
        *reason = "account disabled"; /* to the client the same as a wrong password */
    return *reason != NULL ? STATUS_LOGON_FAILURE : 0;
}

static void log_login(struct verb *v, bool is_ticket, uint32_t status, const char *reason)
{
    struct event e;

    session_event(v->s, &e, status == 0 ? "auth_succeeded" : "auth_failed");
    event_word(&e, "method", is_ticket ? "ticket" : "ntlm");
    if (status != 0) {
        event_number(&e, "nt_status", status);
        event_word(&e, "reason", reason);
    }
    session_event_write(v->ops, &e);
}

enum sp_err verb_verify(struct verb *v)
{
    struct session *s = v->s;
    struct ipc_verify_req req;
    struct ipc_verify_rsp rsp = {0};
    struct session_account account = {0};
    const char *reason;

    memcpy(&req, v->in->msg.bytes, sizeof(req));
    enum sp_err err = verify_sizes(v, &req);
    if (err != SP_OK)
        return err;
    keep_name(s, &req);
    v->ops->account(v->ops->ctx, s->user_text, s->domain_text, &account);
    const char *refused = v->ops->attempt(v->ops->ctx, s);
    /* INVARIANT: the same work, whoever asks and whatever comes of it: the time tells nothing. */
    account.is_known = account.is_known && refused == NULL;
    err = check_proof(s, &req, &account, rsp.exported_session_key);
    bool is_late = v->ops->now_ms(v->ops->ctx) > s->challenge_until_ms;
    sp_wipe(s->challenge, sizeof(s->challenge)); /* one use */
    rsp.nt_status = judge(&account, err, is_late, &reason);
    if (refused != NULL)
        reason = refused;
    bool is_ticket = account.is_ticket;
    sp_wipe(&account, sizeof(account));
    if (is_ticket && rsp.nt_status == 0) {
        reason = verify_ticket(v, rsp.exported_session_key);
        if (reason == NULL) {
            sp_wipe(&rsp, sizeof(rsp));
            return SP_OK;
        }
        rsp.nt_status = STATUS_LOGON_FAILURE;
    }
    log_login(v, is_ticket, rsp.nt_status, reason);
    if (rsp.nt_status != 0) {
        sp_wipe(rsp.exported_session_key, sizeof(rsp.exported_session_key));
        session_refuse(s, "login refused");
    } else {
        s->state = SESSION_VERIFIED;
        s->facts.nla = CATALOG_NLA_NTLM;
    }
    bool is_proved = rsp.nt_status == 0;
    err = verb_answer(v, IPC_VERIFY_RSP, &rsp, sizeof(rsp), -1);
    v->ops->attempted(v->ops->ctx, s, is_proved);
    sp_wipe(&rsp, sizeof(rsp));
    return err;
}

static void log_denied(struct verb *v, const char *reason)
{
    struct event e;

    session_event(v->s, &e, "access_denied");
    event_text(&e, "reason", reason);
    if (v->s->decision.explained[0] != '\0')
        event_text(&e, "rules", v->s->decision.explained);
    session_event_write(v->ops, &e);
    session_refuse(v->s, "access denied");
}

/* What is logged must be durable before what it allows happens: no log, no access. */
static enum sp_err log_granted(struct verb *v)
{
    static const char *const logins[] = {
        [IPC_LOGIN_INJECT] = "inject", [IPC_LOGIN_DELEGATE] = "delegate", [IPC_LOGIN_ASK] = "ask"};
    const struct session_decision *d = &v->s->decision;
    struct event e;

    session_event(v->s, &e, "access_granted");
    event_word(&e, "rule", d->rule);
    event_word(&e, "host", d->host);
    event_number(&e, "port", d->port);
    event_word(&e, "login", logins[d->login]);
    if (d->explained[0] != '\0')
        event_text(&e, "rules", d->explained);
    return v->ops->event(v->ops->ctx, &e, true);
}

void session_decision_tell(const struct session_decision *d, struct ipc_decide_rsp *rsp)
{
    rsp->nla = d->nla;
    rsp->login = d->login;
    rsp->tls_mode = d->tls_mode;
    rsp->idle_ms = d->idle_ms;
    rsp->total_ms = d->total_ms;
    rsp->tls_min = d->tls_min;
    rsp->is_restricted = d->is_restricted;
    rsp->credssp_min = d->credssp_min;
    rsp->channels = d->channels;
    rsp->lease_ms = SESSION_LEASE_MS;
    rsp->user_size = d->user_size;
    rsp->domain_size = d->domain_size;
    memcpy(rsp->user, d->user, sizeof(rsp->user));
    memcpy(rsp->domain, d->domain, sizeof(rsp->domain));
    memcpy(rsp->target, d->target, sizeof(rsp->target));
    memcpy(rsp->host, d->host, sizeof(rsp->host));
}

enum sp_err session_admit(struct verb *v, uint32_t type)
{
    struct session *s = v->s;
    struct ipc_decide_rsp rsp = {0};

    if (log_granted(v) != SP_OK) {
        rsp.errinfo = ERRINFO_DENIED;
        log_denied(v, "the event log cannot be written");
        return verb_answer(v, type, &rsp, sizeof(rsp), -1);
    }
    session_decision_tell(&s->decision, &rsp);
    s->state = SESSION_DECIDED;
    s->deadline_ms = v->ops->now_ms(v->ops->ctx);
    if (v->ops->dial(v->ops->ctx, s) != SP_OK) {
        struct ipc_dialed failed = {.status = IPC_DIAL_FAILED};
        session_dialed(s, v->ops, &failed, -1);
    }
    return verb_answer(v, type, &rsp, sizeof(rsp), -1);
}

enum sp_err verb_decide(struct verb *v)
{
    struct session_decision *d = &v->s->decision;
    struct ipc_decide_rsp rsp = {0};

    v->ops->decide(v->ops->ctx, v->s, d);
    if (d->is_allowed)
        return session_admit(v, IPC_DECIDE_RSP);
    if (d->is_lobby)
        return session_lobby_open(v);
    rsp.errinfo = d->errinfo != 0 ? d->errinfo : ERRINFO_NOT_ENTITLED;
    rsp.nt_status = d->nt_status;
    log_denied(v, d->reason);
    return verb_answer(v, IPC_DECIDE_RSP, &rsp, sizeof(rsp), -1);
}

/* The delegated name must be the one that was proven (protocol: NTLM proved no other). */
static bool is_same_user(const struct session *s, const struct ipc_delegate_req *req)
{
    uint8_t a[IPC_NAME_MAX], b[IPC_NAME_MAX];

    if (req->user_size != s->user_size)
        return false;
    memcpy(a, s->user, s->user_size);
    memcpy(b, req->user, s->user_size);
    text_upper_utf16le(a, s->user_size);
    text_upper_utf16le(b, s->user_size);
    return memcmp(a, b, s->user_size) == 0;
}

enum sp_err verb_delegate(struct verb *v)
{
    struct session *s = v->s;
    struct ipc_delegate_req req;
    struct ipc_status_rsp rsp = {0};

    memcpy(&req, v->in->msg.bytes, sizeof(req));
    if (s->decision.login != IPC_LOGIN_DELEGATE)
        return sp_fail_set(v->fail, SP_ESTATE, "DELEGATE.login", s->decision.login,
                           IPC_LOGIN_DELEGATE);
    if (req.user_size > IPC_NAME_MAX || req.domain_size > IPC_NAME_MAX ||
        req.password_size > IPC_NAME_MAX || req.password_size % 2 != 0) {
        sp_wipe(&req, sizeof(req));
        return sp_fail_set(v->fail, SP_ELIMIT, "DELEGATE.sizes", 0, IPC_NAME_MAX);
    }
    if (!is_same_user(s, &req) || req.password_size == 0) {
        rsp.errinfo = ERRINFO_FRESH_PASSWORD;
        log_denied(v, req.password_size == 0 ? "the client delegated no password"
                                             : "delegated credentials of another user");
    } else {
        memcpy(s->delegated, req.password, req.password_size);
        s->delegated_size = req.password_size;
    }
    sp_wipe(&req, sizeof(req));
    return verb_answer(v, IPC_DELEGATE_RSP, &rsp, sizeof(rsp), -1);
}
