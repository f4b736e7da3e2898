/* SPDX-License-Identifier: Apache-2.0
 * The lobby's verbs: what a person answered, and the way out of it.
 */
#include <string.h>

#include "base/mem.h"
#include "keeper/session_priv.h"

enum sp_err session_lobby_push(struct session *s, const struct session_ops *ops)
{
    struct ipc_lobby_state state = {0};

    if (s->state != SESSION_LOBBY)
        return SP_OK;
    ops->lobby_state(ops->ctx, s, &state);
    return ops->send(ops->ctx, s, IPC_LOBBY_STATE, &state, sizeof(state), -1);
}

enum sp_err session_lobby_open(struct verb *v)
{
    struct session *s = v->s;
    struct ipc_decide_rsp rsp = {
        .is_lobby = 1, .lease_ms = SESSION_LEASE_MS, .idle_ms = v->ops->lobby_idle_ms(v->ops->ctx)};
    struct event e;

    session_event(s, &e, "lobby_entered");
    event_text(&e, "reason", s->decision.reason);
    if (s->decision.explained[0] != '\0')
        event_text(&e, "rules", s->decision.explained);
    session_event_write(v->ops, &e);
    s->lobby.is_used = true;
    s->state = SESSION_LOBBY;
    s->deadline_ms = v->ops->now_ms(v->ops->ctx) + rsp.idle_ms;
    enum sp_err err = verb_answer(v, IPC_DECIDE_RSP, &rsp, sizeof(rsp), -1);
    if (err == SP_OK)
        err = session_lobby_push(s, v->ops);
    return err;
}

/* A target was tried and did not answer, or not rightly: nothing of it is left. */
static enum sp_err go_back(struct verb *v)
{
    struct session *s = v->s;

    if (++s->lobby.returns > LOBBY_RETURNS_MAX)
        return sp_fail_set(v->fail, SP_ELIMIT, "LOBBY_ACTION.returns", s->lobby.returns,
                           LOBBY_RETURNS_MAX);
    session_next_target(s);
    sp_fd_cleanup(&s->target_fd);
    /* A dial that is still under way must not become the next target's connection. */
    s->number = session_new_number();
    s->lobby.is_busy = false;
    s->may_rdstls = false;
    sp_wipe(s->delegated, sizeof(s->delegated));
    s->delegated_size = 0;
    sp_wipe(&s->binding, sizeof(s->binding));
    s->used &= ~session_row_bit(IPC_DELEGATE_REQ);
    s->is_failure_logged = false;
    s->end_reason[0] = '\0';
    s->state = SESSION_LOBBY;
    return SP_OK;
}

enum sp_err verb_lobby_action(struct verb *v)
{
    struct session *s = v->s;
    struct ipc_lobby_action a;

    memcpy(&a, v->in->msg.bytes, sizeof(a));
    if (!s->lobby.is_used)
        return sp_fail_set(v->fail, SP_ESTATE, "LOBBY_ACTION", s->state, SESSION_LOBBY);
    if (++s->lobby.actions > IPC_LOBBY_ACTIONS)
        return sp_fail_set(v->fail, SP_ELIMIT, "LOBBY_ACTION", s->lobby.actions, IPC_LOBBY_ACTIONS);
    if (a.verb >= IPC_LOBBY_VERB_COUNT || a.text[sizeof(a.text) - 1] != '\0' ||
        a.ticket[sizeof(a.ticket) - 1] != '\0')
        return sp_fail_set(v->fail, SP_EVALUE, "LOBBY_ACTION.verb", a.verb, IPC_LOBBY_VERB_COUNT);
    bool is_return = a.verb == IPC_LOBBY_BACK || a.verb == IPC_LOBBY_RETRY;
    if (s->state != SESSION_LOBBY && !is_return)
        return sp_fail_set(v->fail, SP_ESTATE, "LOBBY_ACTION.verb", a.verb, s->state);
    enum sp_err err = s->state != SESSION_LOBBY ? go_back(v) : SP_OK;
    if (err != SP_OK)
        return err;
    s->deadline_ms = v->ops->now_ms(v->ops->ctx) + v->ops->lobby_idle_ms(v->ops->ctx);
    v->ops->lobby_act(v->ops->ctx, s, &a);
    sp_wipe(&a, sizeof(a));
    err = session_lobby_push(s, v->ops);
    return err == SP_OK ? SP_OK : sp_fail_set(v->fail, err, "ipc.answer", IPC_LOBBY_STATE, 0);
}

enum sp_err verb_lobby_enter(struct verb *v)
{
    struct session *s = v->s;
    struct ipc_decide_rsp rsp = {0};

    if (++s->lobby.actions > IPC_LOBBY_ACTIONS)
        return sp_fail_set(v->fail, SP_ELIMIT, "LOBBY_ENTER", s->lobby.actions, IPC_LOBBY_ACTIONS);
    v->ops->decide(v->ops->ctx, s, &s->decision);
    if (!s->decision.is_allowed) {
        /* It changed meanwhile: what is asked now is on its way. */
        rsp.is_lobby = 1;
        rsp.lease_ms = SESSION_LEASE_MS;
        enum sp_err err = verb_answer(v, IPC_LOBBY_ENTER_RSP, &rsp, sizeof(rsp), -1);
        return err == SP_OK ? session_lobby_push(s, v->ops) : err;
    }
    return session_admit(v, IPC_LOBBY_ENTER_RSP);
}
