/* SPDX-License-Identifier: Apache-2.0
 * The events of a session's life as a whole: start, end, violation.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "keeper/session_priv.h"

void session_event(const struct session *s, struct event *e, const char *name)
{
    char source[64];

    session_source(&s->peer, source);
    event_begin(e, name);
    event_word(e, "session", s->id);
    event_word(e, "source", source);
    if (s->user_size > 0) {
        event_text(e, "user", s->user_text);
        event_text(e, "domain", s->domain_text);
    }
    if (s->ticket[0] != '\0')
        event_text(e, "person", s->person);
    if (s->decision.target[0] != '\0')
        event_word(e, "target", s->decision.target);
}

void session_event_write(const struct session_ops *ops, struct event *e)
{
    enum sp_err err = ops->event(ops->ctx, e, false);

    (void)err; /* the log counts and reports it; nothing is allowed by this event */
}

void session_log_start(const struct session *s, const struct session_ops *ops)
{
    struct event e;

    session_event(s, &e, "session_start");
    event_number(&e, "listener", s->listener);
    event_number(&e, "pid", s->pid);
    session_event_write(ops, &e);
}

void session_log_violation(struct session *s, const struct session_ops *ops,
                           const struct ipc_in *in, const struct sp_fail *fail)
{
    struct event e;

    session_event(s, &e, "session_violation");
    event_word(&e, "state", session_state_name(s->state));
    event_number(&e, "type", in->size >= sizeof(struct ipc_head) ? in->msg.head.type : 0);
    event_word(&e, "code", sp_err_name(fail->code));
    event_word(&e, "where", fail->where != NULL ? fail->where : "ipc");
    event_number(&e, "got", fail->got);
    event_number(&e, "want", fail->want);
    event_word(&e, "reason", "the session asked for something it may not ask; it was ended");
    session_event_write(ops, &e);
    s->is_failure_logged = true;
    /* What breaks this table is no longer our code. */
    ops->charge(ops->ctx, s, PENALTY_CRASH);
    snprintf(s->end_reason, sizeof(s->end_reason), "violation");
}

/* How the process ended, if that is news. */
static const char *crash_reason(const struct session *s, char *room, size_t size)
{
    if (!s->is_ended_report || s->status == 0)
        return NULL;
    if (WIFSIGNALED(s->status))
        snprintf(room, size, "process ended by signal %d", WTERMSIG(s->status));
    else
        snprintf(room, size, "process ended with code %d", WEXITSTATUS(s->status));
    return room;
}

/* A fault, a forbidden system call, a failed check of our own; not what an administrator sends. */
static bool is_crash(const struct session *s)
{
    return s->is_ended_report && WIFSIGNALED(s->status) && WTERMSIG(s->status) != SIGKILL &&
           WTERMSIG(s->status) != SIGTERM;
}

static json_t *channel_list(const struct session *s)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < s->channel_count; i++)
        json_array_append_new(list, json_string(s->channels[i]));
    return list;
}

void session_log_end(struct session *s, const struct session_ops *ops)
{
    char room[64];
    const char *crash = crash_reason(s, room, sizeof(room));
    struct event e;

    if (!s->is_failure_logged && (crash != NULL || s->state != SESSION_CLOSED)) {
        session_event(s, &e, "session_failed");
        event_word(&e, "state", session_state_name(s->state));
        event_word(&e, "reason", crash != NULL ? crash : "process ended without a word");
        session_event_write(ops, &e);
        s->is_failure_logged = true;
    }
    if (is_crash(s))
        ops->charge(ops->ctx, s, PENALTY_CRASH);
    session_event(s, &e, "session_end");
    event_number(&e, "duration_ms", ops->now_ms(ops->ctx) - s->started_ms);
    event_number(&e, "bytes_to_client", (int64_t)(s->to_client & INT64_MAX));
    event_number(&e, "bytes_to_target", (int64_t)(s->to_target & INT64_MAX));
    event_list(&e, "channels", channel_list(s));
    if (s->end_reason[0] != '\0')
        event_text(&e, "reason", s->end_reason);
    else
        event_word(&e, "reason", crash != NULL ? crash : "connection closed");
    if (s->is_ended_report)
        event_number(&e, "status", s->status);
    session_event_write(ops, &e);
}
