/* SPDX-License-Identifier: Apache-2.0
 * VERIFY by a ticket: its use is durable before the session learns that it is in.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/session_priv.h"

#define STORE_MS 4000 /* a session waits 5 s for an answer */

static void log_ticket(struct session *s, const struct session_ops *ops, const char *reason)
{
    struct event e;

    session_event(s, &e, reason == NULL ? "auth_succeeded" : "auth_failed");
    event_word(&e, "method", "ticket");
    if (reason != NULL) {
        event_number(&e, "nt_status", STATUS_LOGON_FAILURE);
        event_word(&e, "reason", reason);
    }
    session_event_write(ops, &e);
}

static enum sp_err answer(struct session *s, const struct session_ops *ops, const char *reason)
{
    struct ipc_verify_rsp rsp = {0};

    log_ticket(s, ops, reason);
    if (reason == NULL) {
        memcpy(rsp.exported_session_key, s->late_key, sizeof(rsp.exported_session_key));
        s->state = SESSION_VERIFIED;
        s->facts.nla = CATALOG_NLA_TICKET;
    } else {
        rsp.nt_status = STATUS_LOGON_FAILURE;
        session_refuse(s, "login refused");
    }
    sp_wipe(s->late_key, sizeof(s->late_key));
    enum sp_err err =
        session_answer_deferred(s, ops, s->deferred, IPC_VERIFY_RSP, &rsp, sizeof(rsp), -1);
    ops->attempted(ops->ctx, s, true); /* the password was right, whatever the store says */
    sp_wipe(&rsp, sizeof(rsp));
    return err;
}

static enum sp_err late(struct session *s, const struct session_ops *ops)
{
    return answer(s, ops, "the ticket's use was not stored in time");
}

const char *verify_ticket(struct verb *v, const uint8_t key[16])
{
    const char *reason = v->ops->ticket_use(v->ops->ctx, v->s);

    if (reason != NULL)
        return reason;
    memcpy(v->s->late_key, key, sizeof(v->s->late_key));
    verb_defer(v, IPC_VERIFY_RSP, STORE_MS, late);
    return NULL;
}

enum sp_err session_ticket_done(struct session *s, const struct session_ops *ops, enum sp_err err)
{
    if (s->deferred == 0 || s->deferred_type != IPC_VERIFY_RSP)
        return SP_OK; /* it was told no already */
    return answer(s, ops, err == SP_OK ? NULL : "the ticket's use cannot be stored");
}
