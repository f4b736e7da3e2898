/* SPDX-License-Identifier: Apache-2.0
 * A session's verbs of Kerberos: GSS_STEP, GSS_UNWRAP, GSS_WRAP. Directory has the context.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/session_priv.h"

#define ANSWER_MS 12000 /* directory's own deadline comes before */

static enum sp_err answer(struct session *s, const struct session_ops *ops, uint32_t nt_status)
{
    static struct ipc_gss_rsp rsp;

    memset(&rsp, 0, sizeof(rsp));
    rsp.nt_status = nt_status;
    return session_answer_deferred(s, ops, s->deferred, s->deferred_type, &rsp, sizeof(rsp), -1);
}

static enum sp_err refuse(struct session *s, const struct session_ops *ops, uint32_t nt_status,
                          const char *reason, bool is_charged)
{
    struct event e;

    session_event(s, &e, "auth_failed");
    event_word(&e, "method", "kerberos");
    if (s->principal[0] != '\0')
        event_text(&e, "principal", s->principal);
    event_number(&e, "nt_status", nt_status);
    event_text(&e, "reason", reason);
    session_event_write(ops, &e);
    session_refuse(s, "login refused");
    if (is_charged)
        ops->charge(ops->ctx, s, PENALTY_AUTH_FAILED);
    return answer(s, ops, nt_status);
}

/* Nobody is to blame, and nobody gets in. */
static enum sp_err late(struct session *s, const struct session_ops *ops)
{
    return refuse(s, ops, STATUS_LOGON_FAILURE, "directory did not answer in time", false);
}

static enum sp_err ask(struct verb *v, const struct ipc_gss_req *req, uint32_t kind, uint32_t type)
{
    struct session *s = v->s;

    verb_defer(v, type, ANSWER_MS, late);
    enum sp_err err = v->ops->gss(v->ops->ctx, s, kind, req->data, req->size);
    if (err == SP_OK)
        return SP_OK;
    err = refuse(s, v->ops, STATUS_LOGON_FAILURE,
                 err == SP_ELIMIT ? "directory has too many questions" : "directory is not there",
                 false);
    return err == SP_OK ? SP_OK : sp_fail_set(v->fail, err, "ipc.answer", type, 0);
}

static enum sp_err take(struct verb *v, struct ipc_gss_req *req)
{
    memcpy(req, v->in->msg.bytes, sizeof(*req));
    if (req->size == 0 || req->size > sizeof(req->data))
        return sp_fail_set(v->fail, SP_ELIMIT, "GSS.size", req->size, sizeof(req->data));
    return SP_OK;
}

enum sp_err verb_gss_step(struct verb *v)
{
    static struct ipc_gss_req req;
    static struct ipc_gss_rsp absent;
    struct session *s = v->s;
    uint32_t oldest = v->ops->kerberos_min(v->ops->ctx);
    enum sp_err err = take(v, &req);

    if (err != SP_OK)
        return err;
    if (s->gss_steps++ >= IPC_GSS_STEPS_MAX)
        return sp_fail_set(v->fail, SP_ELIMIT, "GSS_STEP", s->gss_steps, IPC_GSS_STEPS_MAX);
    /* Whether Kerberos is spoken here is no secret; the client may go on with NTLM, once. */
    if (oldest == 0 && s->state == SESSION_SIGNED && s->gss_steps == 1) {
        memset(&absent, 0, sizeof(absent));
        absent.nt_status = STATUS_NOT_SUPPORTED;
        absent.is_absent = 1;
        return verb_answer(v, IPC_GSS_STEP_RSP, &absent, sizeof(absent), -1);
    }
    if (oldest == 0 || (s->state == SESSION_SIGNED && s->gss_steps != 1))
        return sp_fail_set(v->fail, SP_ESTATE, "GSS_STEP", s->gss_steps, 0);
    bool is_penalised = v->ops->is_penalised(v->ops->ctx, s);
    if (!is_penalised && req.version >= oldest) {
        s->state = SESSION_GSS;
        return ask(v, &req, IPC_DIRECTORY_GSS_STEP, IPC_GSS_STEP_RSP);
    }
    verb_defer(v, IPC_GSS_STEP_RSP, ANSWER_MS, late);
    err = is_penalised ? refuse(s, v->ops, STATUS_LOGON_FAILURE,
                                "the source is penalised, nothing was verified", false)
                       : refuse(s, v->ops, STATUS_NOT_SUPPORTED,
                                "the client's CredSSP is older than credssp_min", false);
    return err == SP_OK ? SP_OK : sp_fail_set(v->fail, err, "ipc.answer", 0, 0);
}

static enum sp_err one_more(struct verb *v, uint32_t *used, uint32_t most, uint32_t kind,
                            uint32_t type)
{
    static struct ipc_gss_req req;
    enum sp_err err = take(v, &req);

    if (err != SP_OK)
        return err;
    if (!v->s->is_kerberos)
        return sp_fail_set(v->fail, SP_ESTATE, "GSS without a ticket", kind, 0);
    if ((*used)++ >= most)
        return sp_fail_set(v->fail, SP_ELIMIT, "GSS", kind, most);
    return ask(v, &req, kind, type);
}

enum sp_err verb_gss_unwrap(struct verb *v)
{
    return one_more(v, &v->s->gss_unwraps, IPC_GSS_UNWRAPS_MAX, IPC_DIRECTORY_GSS_UNWRAP,
                    IPC_GSS_UNWRAP_RSP);
}

enum sp_err verb_gss_wrap(struct verb *v)
{
    return one_more(v, &v->s->gss_wraps, 1, IPC_DIRECTORY_GSS_WRAP, IPC_GSS_WRAP_RSP);
}

/* The ticket is good; now it must be one of our people's. NULL: it is */
static const char *admit(struct session *s, const struct session_ops *ops, uint32_t *nt_status)
{
    struct session_account account = {0};
    char user[IPC_NAME_MAX] = "";
    size_t size = 0;
    bool is_known = ops->principal(ops->ctx, s->principal, user, &account);
    bool is_disabled = account.is_disabled;

    sp_wipe(&account, sizeof(account));
    *nt_status = STATUS_LOGON_FAILURE; /* unknown and disabled look the same outside */
    if (!is_known)
        return "the principal is no user here";
    snprintf(s->user_text, sizeof(s->user_text), "%s", user);
    if (is_disabled)
        return "account disabled";
    if (text_utf16le_from_utf8(user, s->user, sizeof(s->user), &size) != SP_OK)
        return "the user's name does not fit the protocol";
    s->user_size = (uint16_t)size;
    return NULL;
}

static enum sp_err pass(struct session *s, const struct session_ops *ops,
                        const struct ipc_directory_answer *from)
{
    static struct ipc_gss_rsp rsp;

    memset(&rsp, 0, sizeof(rsp));
    rsp.is_done = s->is_kerberos ? 1 : 0;
    rsp.size = from->size;
    memcpy(rsp.data, from->data, from->size);
    enum sp_err err =
        session_answer_deferred(s, ops, s->deferred, s->deferred_type, &rsp, sizeof(rsp), -1);
    sp_wipe(&rsp, sizeof(rsp));
    return err;
}

static void log_success(struct session *s, const struct session_ops *ops)
{
    struct event e;

    session_event(s, &e, "auth_succeeded");
    event_word(&e, "method", "kerberos");
    event_text(&e, "principal", s->principal);
    session_event_write(ops, &e);
}

enum sp_err session_gss_answered(struct session *s, const struct session_ops *ops,
                                 const struct ipc_directory_answer *from)
{
    bool is_step = from->kind == IPC_DIRECTORY_GSS_STEP;
    uint32_t type = is_step                                  ? IPC_GSS_STEP_RSP
                    : from->kind == IPC_DIRECTORY_GSS_UNWRAP ? IPC_GSS_UNWRAP_RSP
                                                             : IPC_GSS_WRAP_RSP;
    uint32_t nt_status;

    if (s == NULL || s->deferred == 0 || s->deferred_type != type)
        return SP_OK;
    if (is_step && from->status == IPC_DIRECTORY_MORE && from->size > 0)
        return pass(s, ops, from);
    if (from->status != IPC_DIRECTORY_OK)
        return refuse(s, ops, STATUS_LOGON_FAILURE,
                      from->why[0] != '\0' ? from->why : "directory gave no answer",
                      from->status == IPC_DIRECTORY_REFUSED);
    if (is_step) {
        memcpy(s->principal, from->principal, sizeof(s->principal));
        const char *reason = admit(s, ops, &nt_status);

        if (reason != NULL)
            return refuse(s, ops, nt_status, reason, true);
        log_success(s, ops);
        s->is_kerberos = true;
        s->state = SESSION_VERIFIED;
        s->facts.nla = CATALOG_NLA_KERBEROS;
    }
    return pass(s, ops, from);
}
