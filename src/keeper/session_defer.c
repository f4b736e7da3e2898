/* SPDX-License-Identifier: Apache-2.0
 * Verbs whose answer comes later, from a process that keeper asked: one at a time, with a deadline.
 */
#include "base/mem.h"
#include "keeper/session_priv.h"

uint64_t verb_defer(struct verb *v, uint32_t type, int64_t within_ms, session_late_fn *late)
{
    static uint64_t tickets;
    struct session *s = v->s;

    SP_BUG(s->deferred != 0 || within_ms <= 0 || late == NULL);
    s->deferred = ++tickets;
    s->deferred_type = type;
    s->deferred_until_ms = v->ops->now_ms(v->ops->ctx) + within_ms;
    s->late = late;
    return s->deferred;
}

bool session_is_deferred(const struct session *s, uint64_t ticket)
{
    return ticket != 0 && s->deferred == ticket;
}

enum sp_err session_answer_deferred(struct session *s, const struct session_ops *ops,
                                    uint64_t ticket, uint32_t type, void *msg, size_t size, int fd)
{
    if (s == NULL || !session_is_deferred(s, ticket))
        return SP_OK;
    SP_BUG(type != s->deferred_type);
    s->deferred = 0;
    s->deferred_type = 0;
    s->late = NULL;
    return ops->send(ops->ctx, s, type, msg, size, fd);
}

enum sp_err session_defer_tick(struct session *s, const struct session_ops *ops, int64_t now_ms)
{
    if (s->deferred == 0 || now_ms < s->deferred_until_ms)
        return SP_OK;
    return s->late(s, ops);
}
