/* SPDX-License-Identifier: Apache-2.0
 * A session's verbs towards its target: CONNECT, CERTIFICATE, CLEAR.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/session_priv.h"

static uint32_t dial_errinfo(uint32_t status)
{
    switch (status) {
    case IPC_DIAL_OK:
        return 0;
    case IPC_DIAL_DNS:
        return ERRINFO_NO_DNS;
    case IPC_DIAL_FORBIDDEN:
        return ERRINFO_NO_TARGET;
    default:
        return ERRINFO_NO_CONNECTION;
    }
}

static const char *dial_reason(uint32_t status)
{
    static const char *const reasons[] = {
        [IPC_DIAL_OK] = "connected",
        [IPC_DIAL_DNS] = "name does not resolve",
        [IPC_DIAL_REFUSED] = "connection refused or unreachable",
        [IPC_DIAL_TIMEOUT] = "no answer in time",
        [IPC_DIAL_FORBIDDEN] = "address not allowed for a target",
        [IPC_DIAL_FAILED] = "dialer failed",
    };

    return reasons[status < IPC_DIAL_STATUS_COUNT ? status : IPC_DIAL_FAILED];
}

static void log_dialed(struct session *s, const struct session_ops *ops,
                       const struct ipc_dialed *dialed)
{
    bool is_ok = s->dial_status == IPC_DIAL_OK;
    char address[64];
    struct event e;

    session_source(&dialed->address, address);
    session_event(s, &e, is_ok ? "target_connected" : "target_unreachable");
    event_word(&e, "host", s->decision.host);
    event_number(&e, "port", s->decision.port);
    if (is_ok) {
        event_word(&e, "address", address);
    } else {
        event_word(&e, "reason", dial_reason(s->dial_status));
        event_number(&e, "errno", dialed->sys);
        s->is_failure_logged = true;
    }
    session_event_write(ops, &e);
}

/* The answer to CONNECT, once it was asked and dialer has spoken. */
static enum sp_err answer_connect(struct session *s, const struct session_ops *ops)
{
    struct ipc_connect_rsp rsp = {.errinfo = dial_errinfo(s->dial_status),
                                  .status = s->dial_status};
    SP_FD fd = sp_fd_take(&s->target_fd);

    if (rsp.errinfo == 0)
        s->state = SESSION_CONNECTED;
    else
        session_refuse(s, dial_reason(s->dial_status));
    return ops->send(ops->ctx, s, IPC_CONNECT_RSP, &rsp, sizeof(rsp), fd);
}

void session_dialed(struct session *s, const struct session_ops *ops,
                    const struct ipc_dialed *dialed, int fd)
{
    SP_FD held = fd;

    if (s->is_dialed || (s->state != SESSION_DECIDED && s->state != SESSION_CONNECTING))
        return;
    s->is_dialed = true;
    s->dial_status = dialed->status < IPC_DIAL_STATUS_COUNT ? dialed->status : IPC_DIAL_FAILED;
    if (s->dial_status == IPC_DIAL_OK && held < 0)
        s->dial_status = IPC_DIAL_FAILED;
    if (s->dial_status == IPC_DIAL_OK)
        s->target_fd = sp_fd_take(&held);
    log_dialed(s, ops, dialed);
    if (s->state == SESSION_CONNECTING && answer_connect(s, ops) != SP_OK)
        s->kill_at_ms = ops->now_ms(ops->ctx); /* it does not take its answer */
}

/* What became known after the decision, such as the client's name, speaks against it. */
static enum sp_err refuse_connect(struct verb *v, const char *reason)
{
    struct ipc_connect_rsp rsp = {.errinfo = ERRINFO_NOT_ENTITLED, .status = IPC_DIAL_FORBIDDEN};
    struct event e;

    sp_fd_cleanup(&v->s->target_fd);
    session_event(v->s, &e, "access_denied");
    event_text(&e, "reason", reason);
    session_event_write(v->ops, &e);
    session_refuse(v->s, "access denied");
    return verb_answer(v, IPC_CONNECT_RSP, &rsp, sizeof(rsp), -1);
}

enum sp_err verb_connect(struct verb *v)
{
    const struct session_decision *d = &v->s->decision;

    if (d->login == IPC_LOGIN_DELEGATE && v->s->delegated_size == 0)
        return sp_fail_set(v->fail, SP_ESTATE, "CONNECT.delegate", 0, 1);
    char reason[sizeof(d->reason)];
    if (!v->ops->is_still_allowed(v->ops->ctx, v->s, reason))
        return refuse_connect(v, reason);
    v->s->state = SESSION_CONNECTING;
    if (!v->s->is_dialed)
        return SP_OK;
    enum sp_err err = answer_connect(v->s, v->ops);
    return err == SP_OK ? SP_OK : sp_fail_set(v->fail, err, "ipc.answer", IPC_CONNECT_RSP, 0);
}

static void event_hex(struct event *e, const char *key, const uint8_t bytes[32])
{
    char hex[65];

    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    event_word(e, key, hex);
}

static void certificate_event(struct verb *v, struct event *e, const char *name,
                              const struct ipc_certificate_req *req)
{
    session_event(v->s, e, name);
    event_word(e, "host", v->s->decision.host);
    event_hex(e, "key_sha256", req->key_sha256);
    event_hex(e, "cert_sha256", req->cert_sha256);
}

static bool refuse_certificate(struct verb *v, const struct ipc_certificate_req *req,
                               const char *reason)
{
    struct event e;

    certificate_event(v, &e, "target_certificate_refused", req);
    event_word(&e, "reason", reason);
    session_event_write(v->ops, &e);
    session_refuse(v->s, reason);
    return false;
}

static bool refuse_changed(struct verb *v, const struct ipc_certificate_req *req,
                           const uint8_t known[32])
{
    struct event e;

    certificate_event(v, &e, "target_certificate_changed", req);
    event_hex(&e, "known_key_sha256", known);
    event_word(&e, "reason", "the target shows another key than the known one");
    session_event_write(v->ops, &e);
    session_refuse(v->s, "target certificate changed");
    return false;
}

static bool judge_tofu(struct verb *v, const struct ipc_certificate_req *req)
{
    uint8_t known[32] = {0};
    bool is_new = false;
    const struct session_decision *d = &v->s->decision;
    const char *name = d->known_as[0] != '\0' ? d->known_as : d->target;
    enum sp_err err = v->ops->known_key(v->ops->ctx, name, req->key_sha256, &is_new, known);
    struct event e;

    if (err == SP_EDENIED)
        return refuse_changed(v, req, known);
    if (err != SP_OK)
        return refuse_certificate(v, req, "the known keys cannot be read or written");
    if (is_new) {
        certificate_event(v, &e, "target_certificate_learned", req);
        session_event_write(v->ops, &e);
    }
    return true;
}

static bool judge_certificate(struct verb *v, const struct ipc_certificate_req *req)
{
    const struct session_decision *d = &v->s->decision;

    switch (d->tls_mode) {
    case IPC_TLS_CA:
        return req->chain_ok == 1 ||
               refuse_certificate(v, req, "the chain or the name does not verify");
    case IPC_TLS_PIN:
        return sp_equal_ct(req->key_sha256, d->pin, sizeof(d->pin)) ||
               refuse_changed(v, req, d->pin);
    case IPC_TLS_TOFU:
        return judge_tofu(v, req);
    case IPC_TLS_NONE:
        return true;
    default:
        return refuse_certificate(v, req, "no way to verify is configured");
    }
}

enum sp_err verb_certificate(struct verb *v)
{
    struct ipc_certificate_req req;
    struct ipc_status_rsp rsp = {0};

    memcpy(&req, v->in->msg.bytes, sizeof(req));
    if (req.chain_ok > 1)
        return sp_fail_set(v->fail, SP_EVALUE, "CERTIFICATE.chain_ok", req.chain_ok, 1);
    memcpy(v->s->target_key_sha256, req.key_sha256, sizeof(req.key_sha256));
    /* Who is asked by the target itself gets nothing from keeper on the way. */
    if (judge_certificate(v, &req))
        v->s->state = v->s->decision.login == IPC_LOGIN_ASK ? SESSION_ADMITTED : SESSION_TRUSTED;
    else
        rsp.errinfo = ERRINFO_NO_CONNECTION;
    return verb_answer(v, IPC_CERTIFICATE_RSP, &rsp, sizeof(rsp), -1);
}

enum sp_err verb_password(struct verb *v, uint8_t out[IPC_NAME_MAX], size_t *size)
{
    const struct session *s = v->s;

    if (s->decision.login == IPC_LOGIN_INJECT)
        return v->ops->password(v->ops->ctx, s, out, size);
    if (s->decision.login != IPC_LOGIN_DELEGATE)
        return SP_EDENIED;
    memcpy(out, s->delegated, s->delegated_size);
    *size = s->delegated_size;
    return SP_OK;
}

enum sp_err verb_clear(struct verb *v)
{
    const struct session_decision *d = &v->s->decision;
    struct ipc_clear_rsp rsp = {0};
    size_t size;

    if (d->nla != IPC_NLA_OFF && d->nla != IPC_NLA_ALLOWED)
        return sp_fail_set(v->fail, SP_EDENIED, "CLEAR.nla", d->nla, IPC_NLA_OFF);
    if (d->tls_mode == IPC_TLS_NONE)
        return sp_fail_set(v->fail, SP_EDENIED, "CLEAR.tls_mode", d->tls_mode, IPC_TLS_CA);
    if (verb_password(v, rsp.password, &size) != SP_OK) {
        sp_wipe(&rsp, sizeof(rsp));
        return sp_fail_set(v->fail, SP_EDENIED, "CLEAR.password", 0, 0);
    }
    rsp.password_size = (uint32_t)size;
    v->s->state = SESSION_ADMITTED;
    enum sp_err err = verb_answer(v, IPC_CLEAR_RSP, &rsp, sizeof(rsp), -1);
    sp_wipe(&rsp, sizeof(rsp));
    return err;
}
