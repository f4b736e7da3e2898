/* SPDX-License-Identifier: Apache-2.0
 * A session's verbs RDSTLS, LICENCE_GET, LICENCE_PUT and REDIRECT: what a target hands out.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/session_priv.h"
#include "rdp/redirection.h"

/* The token was made by the target that redirected; keeper only has to know that there is one. */
enum sp_err verb_rdstls(struct verb *v)
{
    struct ipc_status_rsp rsp = {0};

    if (!v->s->may_rdstls)
        return sp_fail_set(v->fail, SP_EDENIED, "RDSTLS.redirection", 0, 1);
    v->s->state = SESSION_ADMITTED;
    return verb_answer(v, IPC_RDSTLS_RSP, &rsp, sizeof(rsp), -1);
}

enum sp_err verb_licence_get(struct verb *v)
{
    struct ipc_licence_get_req req;
    struct ipc_licence_get_rsp rsp = {0};

    memcpy(&req, v->in->msg.bytes, sizeof(req));
    if (memchr(req.scope, '\0', sizeof(req.scope)) == NULL)
        return sp_fail_set(v->fail, SP_EVALUE, "LICENCE_GET.scope", 0, 0);
    if (v->ops->licence_get(v->ops->ctx, v->s->decision.target, req.scope, &rsp) != SP_OK)
        rsp.size = 0; /* as good as none: the target gives a new one */
    return verb_answer(v, IPC_LICENCE_GET_RSP, &rsp, sizeof(rsp), -1);
}

enum sp_err verb_licence_put(struct verb *v)
{
    struct ipc_licence_put put;
    struct event e;

    memcpy(&put, v->in->msg.bytes, sizeof(put));
    if (put.size == 0 || put.size > sizeof(put.licence))
        return sp_fail_set(v->fail, SP_ELIMIT, "LICENCE_PUT.size", put.size, sizeof(put.licence));
    if (memchr(put.scope, '\0', sizeof(put.scope)) == NULL)
        return sp_fail_set(v->fail, SP_EVALUE, "LICENCE_PUT.scope", 0, 0);
    bool is_kept = v->ops->licence_put(v->ops->ctx, v->s->decision.target, &put) == SP_OK;
    session_event(v->s, &e, "target_licence");
    event_text(&e, "scope", put.scope);
    event_number(&e, "bytes", put.size);
    if (!is_kept)
        event_word(&e, "reason", "it cannot be kept in state_dir");
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err redirect_check(struct verb *v, const struct ipc_redirect_req *req)
{
    if (req->host_count > IPC_REDIRECT_HOSTS)
        return sp_fail_set(v->fail, SP_ELIMIT, "REDIRECT.host_count", req->host_count,
                           IPC_REDIRECT_HOSTS);
    for (uint32_t i = 0; i < req->host_count; i++) {
        if (memchr(req->hosts[i], '\0', sizeof(req->hosts[i])) == NULL || req->hosts[i][0] == '\0')
            return sp_fail_set(v->fail, SP_EVALUE, "REDIRECT.hosts", i, 0);
    }
    return SP_OK;
}

/* Of the hosts that the target names, the first that the person may reach is taken. */
static void find_next(struct verb *v, const struct ipc_redirect_req *req,
                      struct session_decision *next)
{
    if (req->host_count == 0)
        v->ops->redirect(v->ops->ctx, v->s, NULL, next);
    for (uint32_t i = 0; i < req->host_count && !next->is_allowed; i++)
        v->ops->redirect(v->ops->ctx, v->s, req->hosts[i], next);
    if (next->is_allowed && next->login == IPC_LOGIN_DELEGATE && v->s->delegated_size == 0) {
        next->is_allowed = false;
        snprintf(next->reason, sizeof(next->reason),
                 "target %.64s wants the person's own password, which was not delegated",
                 next->target);
    }
}

static void redirect_event(struct verb *v, struct event *e, const char *name,
                           const struct ipc_redirect_req *req)
{
    session_event(v->s, e, name);
    event_text(e, "to", req->host_count > 0 ? req->hosts[0] : v->s->decision.host);
    event_number(e, "flags", req->flags);
    event_number(e, "hop", v->s->hops);
}

static enum sp_err redirect_refuse(struct verb *v, const struct ipc_redirect_req *req,
                                   const char *reason)
{
    struct ipc_decide_rsp rsp = {.errinfo = ERRINFO_NO_CONNECTION};
    struct event e;

    redirect_event(v, &e, "target_redirect_refused", req);
    event_text(&e, "reason", reason);
    session_event_write(v->ops, &e);
    session_refuse(v->s, "target redirects elsewhere");
    return verb_answer(v, IPC_REDIRECT_RSP, &rsp, sizeof(rsp), -1);
}

/* As for the first target: what is logged must be durable before it is allowed. */
static enum sp_err log_redirected(struct verb *v, const struct ipc_redirect_req *req,
                                  const struct session_decision *next)
{
    struct event e;

    redirect_event(v, &e, "target_redirected", req);
    event_word(&e, "next_target", next->target);
    event_word(&e, "rule", next->rule);
    event_word(&e, "host", next->host);
    event_number(&e, "port", next->port);
    return v->ops->event(v->ops->ctx, &e, true);
}

static enum sp_err go_on(struct verb *v, const struct session_decision *next)
{
    struct session *s = v->s;
    struct ipc_decide_rsp rsp = {0};

    s->decision = *next;
    session_next_target(s);
    s->state = SESSION_DECIDED;
    session_decision_tell(next, &rsp);
    if (v->ops->dial(v->ops->ctx, s) != SP_OK) {
        struct ipc_dialed failed = {.status = IPC_DIAL_FAILED};
        session_dialed(s, v->ops, &failed, -1);
    }
    return verb_answer(v, IPC_REDIRECT_RSP, &rsp, sizeof(rsp), -1);
}

enum sp_err verb_redirect(struct verb *v)
{
    struct session_decision next = {0};
    struct ipc_redirect_req req;

    memcpy(&req, v->in->msg.bytes, sizeof(req));
    enum sp_err err = redirect_check(v, &req);
    if (err != SP_OK)
        return err;
    if (++v->s->hops > IPC_REDIRECTS_MAX)
        return redirect_refuse(v, &req, "more than 3 redirections");
    find_next(v, &req, &next);
    if (!next.is_allowed)
        return redirect_refuse(v, &req, next.reason);
    if (log_redirected(v, &req, &next) != SP_OK)
        return redirect_refuse(v, &req, "the event log cannot be written");
    v->s->may_rdstls = (req.flags & LB_PASSWORD_IS_PK_ENCRYPTED) != 0;
    return go_on(v, &next);
}
