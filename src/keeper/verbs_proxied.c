/* SPDX-License-Identifier: Apache-2.0
 * A session's word on who is behind the proxy that its listener trusts.
 */
#include <string.h>

#include "keeper/session_priv.h"

static void log_source(struct verb *v, const struct ipc_address *proxy)
{
    char text[64];
    struct event e;

    session_source(proxy, text);
    session_event(v->s, &e, "proxied_source");
    event_word(&e, "proxy", text);
    session_event_write(v->ops, &e);
}

/* door could not know whom it let in: who is penalised ends here. */
static enum sp_err turn_away(struct verb *v)
{
    static const char reason[] = "the source behind the proxy is penalised or banned";
    char source[64];
    struct event e;

    session_source(&v->s->peer, source);
    event_begin(&e, "connection_refused");
    event_word(&e, "source", source);
    event_word(&e, "reason", reason);
    event_number(&e, "count", 1);
    session_event_write(v->ops, &e);
    session_refuse(v->s, reason);
    return session_end(v->s, v->ops, 0, reason);
}

enum sp_err verb_proxied(struct verb *v)
{
    struct session *s = v->s;
    struct ipc_proxied msg;
    struct ipc_address proxy = s->peer;

    memcpy(&msg, v->in->msg.bytes, sizeof(msg));
    if (!s->is_proxied || msg.has_source > 1 || msg.source.port > UINT16_MAX)
        return sp_fail_set(v->fail, SP_EVALUE, "PROXIED", msg.has_source, s->is_proxied);
    s->is_source_known = true;
    if (msg.has_source == 0)
        return SP_OK;
    s->peer = msg.source;
    s->peer.scope = 0;
    log_source(v, &proxy);
    return v->ops->is_penalised(v->ops->ctx, s) ? turn_away(v) : SP_OK;
}
