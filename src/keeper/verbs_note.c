/* SPDX-License-Identifier: Apache-2.0
 * A session's verb NOTE: what it reports for the event log. Nothing is allowed because of a note.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/session_priv.h"

static const char *const step_names[] = {
    [IPC_STEP_X224] = "x224",
    [IPC_STEP_TLS] = "tls",
    [IPC_STEP_NLA] = "nla",
    [IPC_STEP_DECIDE] = "decide",
    [IPC_STEP_MCS] = "mcs",
    [IPC_STEP_INFO] = "info",
    [IPC_STEP_CONNECT] = "connect",
    [IPC_STEP_TARGET_X224] = "target_x224",
    [IPC_STEP_TARGET_TLS] = "target_tls",
    [IPC_STEP_TARGET_NLA] = "target_nla",
    [IPC_STEP_TARGET_MCS] = "target_mcs",
    [IPC_STEP_TARGET_LICENCE] = "target_licence",
    [IPC_STEP_TARGET_ACTIVATE] = "target_activate",
    [IPC_STEP_SPLICE] = "splice",
    [IPC_STEP_PROXY] = "proxy",
};
static_assert(sizeof(step_names) / sizeof(step_names[0]) == IPC_STEP_COUNT, "all named");

/* Notes that a connection can have one of. */
#define ONCE (1u << IPC_NOTE_TARGET_LOGIN | 1u << IPC_NOTE_ACTIVE | 1u << IPC_NOTE_CLOSED)

static void detail(struct event *e, const struct ipc_note *n)
{
    event_word(e, "step", step_names[n->step]);
    event_word(e, "code", sp_err_name((enum sp_err)n->code));
    event_text(e, "where", n->where);
    event_number(e, "got", n->got);
    event_number(e, "want", n->want);
}

static enum sp_err on_client(struct verb *v, const struct ipc_note *n)
{
    struct event e;

    memcpy(v->s->client, n->text, sizeof(v->s->client));
    v->s->facts.is_client_known = true;
    v->s->facts.client_build = (uint32_t)(n->a & UINT32_MAX);
    session_event(v->s, &e, "client_info");
    event_text(&e, "client", n->text);
    event_number(&e, "build", (int64_t)(n->a & UINT32_MAX));
    event_number(&e, "width_px", (int64_t)(n->b >> 16 & 0xFFFF));
    event_number(&e, "height_px", (int64_t)(n->b & 0xFFFF));
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_channel(struct verb *v, const struct ipc_note *n)
{
    struct session *s = v->s;
    char name[SESSION_CHANNEL_SIZE];
    struct event e;

    text_escape(n->text, name, sizeof(name));
    if (n->a == 0) {
        session_event(s, &e, "channel_denied");
        event_word(&e, "channel", name);
        event_word(&e, "reason", "unknown, or not allowed by the rule");
        session_event_write(v->ops, &e);
        return SP_OK;
    }
    if (s->channel_count == SESSION_CHANNELS_MAX)
        return sp_fail_set(v->fail, SP_ELIMIT, "NOTE.channels", SESSION_CHANNELS_MAX + 1,
                           SESSION_CHANNELS_MAX);
    memcpy(s->channels[s->channel_count++], name, sizeof(name));
    return SP_OK;
}

/*
 * What a failure before authentication costs. TLS is a step of its own: clients leave there when
 * their user does not like the certificate.
 */
static void charge_failure(struct verb *v, const struct ipc_note *n)
{
    bool is_quiet = n->step == IPC_STEP_TLS || n->code == SP_ECLOSED || n->code == SP_ETIME ||
                    n->code == SP_ESYS || n->code == SP_EDENIED;

    if (n->step <= IPC_STEP_NLA && v->s->state < SESSION_VERIFIED)
        v->ops->charge(v->ops->ctx, v->s, is_quiet ? PENALTY_NO_AUTH : PENALTY_VIOLATION);
}

/* A failure that keeper has decided itself is logged already: one event a failure. */
static enum sp_err on_failed(struct verb *v, const struct ipc_note *n)
{
    struct session *s = v->s;
    struct event e;

    if (s->is_failure_logged)
        return SP_OK;
    bool is_login = n->step == IPC_STEP_TARGET_NLA;
    session_event(s, &e, is_login ? "target_login_failed" : "session_failed");
    detail(&e, n);
    event_number(&e, "errinfo", (int64_t)(n->a & UINT32_MAX));
    if (n->text[0] != '\0')
        event_text(&e, "detail", n->text);
    event_word(&e, "reason",
               is_login ? "the target did not accept the login" : "protocol or connection failure");
    session_event_write(v->ops, &e);
    s->is_failure_logged = true;
    charge_failure(v, n);
    snprintf(s->end_reason, sizeof(s->end_reason), "failed: %s", step_names[n->step]);
    return SP_OK;
}

static enum sp_err on_exploit(struct verb *v, const struct ipc_note *n)
{
    bool is_target = n->a == IPC_LEG_TARGET;
    struct event e;

    if (n->a >= IPC_LEG_COUNT)
        return sp_fail_set(v->fail, SP_EVALUE, "NOTE.leg", (uint32_t)n->a, IPC_LEG_COUNT - 1);
    session_event(v->s, &e, "exploit_attempt");
    event_text(&e, "attack", n->text);
    event_word(&e, "leg", is_target ? "target" : "client");
    detail(&e, n);
    event_number(&e, "count", (int64_t)(v->ops->attack(v->ops->ctx, n->text) & INT64_MAX));
    event_word(&e, "reason", "input that only an attack sends; the connection was ended");
    session_event_write(v->ops, &e);
    if (!is_target)
        v->ops->charge(v->ops->ctx, v->s, PENALTY_EXPLOIT);
    v->s->is_failure_logged = true;
    snprintf(v->s->end_reason, sizeof(v->s->end_reason), "exploit attempt");
    return SP_OK;
}

static enum sp_err on_target_login(struct verb *v, const struct ipc_note *n)
{
    struct event e;

    if (v->s->state != SESSION_ADMITTED)
        return sp_fail_set(v->fail, SP_ESTATE, "NOTE.target_login", v->s->state, SESSION_ADMITTED);
    session_event(v->s, &e, "target_login");
    event_number(&e, "protocol", (int64_t)(n->a & UINT32_MAX));
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_active(struct verb *v, const struct ipc_note *n)
{
    struct session *s = v->s;
    struct event e;

    (void)n;
    if (s->state != SESSION_ADMITTED)
        return sp_fail_set(v->fail, SP_ESTATE, "NOTE.active", s->state, SESSION_ADMITTED);
    s->state = SESSION_ACTIVE;
    s->active_ms = v->ops->now_ms(v->ops->ctx);
    sp_wipe(s->delegated, sizeof(s->delegated)); /* no further target will want it */
    session_event(s, &e, "session_active");
    event_number(&e, "setup_ms", s->active_ms - s->started_ms);
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_logged_on(struct verb *v, const struct ipc_note *n)
{
    struct event e;

    (void)n;
    session_event(v->s, &e, "target_logged_on");
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_target_error(struct verb *v, const struct ipc_note *n)
{
    struct event e;

    session_event(v->s, &e, "target_error");
    event_number(&e, "errinfo", (int64_t)(n->a & UINT32_MAX));
    event_word(&e, "reason", "the target told the client why it ends");
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_no_redirect(struct verb *v, const struct ipc_note *n)
{
    struct event e;

    (void)n;
    session_event(v->s, &e, "target_no_redirect");
    event_word(&e, "reason", "the target says that it does not send the client elsewhere");
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_dvc_opened(struct verb *v, const struct ipc_note *n)
{
    struct event e;

    session_event(v->s, &e, "channel_opened");
    event_text(&e, "channel", n->text);
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_dvc_closed(struct verb *v, const struct ipc_note *n)
{
    struct event e;

    session_event(v->s, &e, "channel_closed");
    event_text(&e, "channel", n->text);
    event_number(&e, "bytes_to_client", (int64_t)(n->a & INT64_MAX));
    event_number(&e, "bytes_to_target", (int64_t)(n->b & INT64_MAX));
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_dvc_refused(struct verb *v, const struct ipc_note *n)
{
    struct event e;

    session_event(v->s, &e, "channel_refused");
    event_text(&e, "channel", n->text);
    event_text(&e, "what", n->where);
    event_word(&e, "reason", "the rule does not allow it");
    session_event_write(v->ops, &e);
    return SP_OK;
}

static enum sp_err on_closed(struct verb *v, const struct ipc_note *n)
{
    struct session *s = v->s;

    s->to_client = n->a;
    s->to_target = n->b;
    if (s->end_reason[0] == '\0')
        memcpy(s->end_reason, n->text, sizeof(s->end_reason));
    s->state = SESSION_CLOSED;
    return SP_OK;
}

typedef enum sp_err note_fn(struct verb *v, const struct ipc_note *n);

static note_fn *const kinds[] = {
    [IPC_NOTE_CLIENT] = on_client,
    [IPC_NOTE_CHANNEL] = on_channel,
    [IPC_NOTE_FAILED] = on_failed,
    [IPC_NOTE_EXPLOIT] = on_exploit,
    [IPC_NOTE_TARGET_LOGIN] = on_target_login,
    [IPC_NOTE_ACTIVE] = on_active,
    [IPC_NOTE_LOGGED_ON] = on_logged_on,
    [IPC_NOTE_TARGET_ERROR] = on_target_error,
    [IPC_NOTE_NO_REDIRECT] = on_no_redirect,
    [IPC_NOTE_DVC_OPENED] = on_dvc_opened,
    [IPC_NOTE_DVC_CLOSED] = on_dvc_closed,
    [IPC_NOTE_DVC_REFUSED] = on_dvc_refused,
    [IPC_NOTE_CLOSED] = on_closed,
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == IPC_NOTE_KIND_COUNT, "all handled");

static enum sp_err check(struct verb *v, const struct ipc_note *n)
{
    if (n->kind >= IPC_NOTE_KIND_COUNT)
        return sp_fail_set(v->fail, SP_EVALUE, "NOTE.kind", n->kind, IPC_NOTE_KIND_COUNT - 1);
    if (n->step >= IPC_STEP_COUNT)
        return sp_fail_set(v->fail, SP_EVALUE, "NOTE.step", n->step, IPC_STEP_COUNT - 1);
    if (n->code >= SP_ERR_COUNT)
        return sp_fail_set(v->fail, SP_EVALUE, "NOTE.code", n->code, SP_ERR_COUNT - 1);
    if (memchr(n->where, '\0', sizeof(n->where)) == NULL ||
        memchr(n->text, '\0', sizeof(n->text)) == NULL)
        return sp_fail_set(v->fail, SP_EVALUE, "NOTE.text", n->kind, 0);
    if (++v->s->notes > IPC_NOTES_MAX)
        return sp_fail_set(v->fail, SP_ELIMIT, "NOTE.count", v->s->notes, IPC_NOTES_MAX);
    if ((v->s->note_kinds & ONCE & 1u << n->kind) != 0)
        return sp_fail_set(v->fail, SP_ELIMIT, "NOTE.once", n->kind, 0);
    v->s->note_kinds |= 1u << n->kind;
    return SP_OK;
}

enum sp_err verb_note(struct verb *v)
{
    struct ipc_note note;

    memcpy(&note, v->in->msg.bytes, sizeof(note));
    enum sp_err err = check(v, &note);
    return err == SP_OK ? kinds[note.kind](v, &note) : err;
}
