/* SPDX-License-Identifier: Apache-2.0
 * Just-in-time access from the lobby: asking, and how the request stands.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/keeper_grants.h"
#include "keeper/session_priv.h"

#define MINUTE_MS INT64_C(60000)

static void tell_refused(const struct grants_record *r, struct ipc_lobby_state *out)
{
    snprintf(out->text, sizeof(out->text), "%s has refused%s%s", r->decided_by,
             r->word[0] != '\0' ? ": " : ".", r->word);
    out->flags |= IPC_LOBBY_IS_WRONG;
}

void keeper_lobby_show_request(struct keeper *k, struct session *s, const struct policy_decision *d,
                               struct ipc_lobby_state *out)
{
    const struct catalog_approval *asked = &d->rule->conditions.approval;
    struct policy_name name = {0};

    sp_ignore(policy_split_name(session_person(s), &name));
    struct grant_view view = keeper_grants_state(k, name.user, d->target->name);
    if (view.request != NULL && view.request->state == GRANTS_OPEN) {
        out->screen = IPC_LOBBY_WAITING;
        snprintf(out->text, sizeof(out->text),
                 "Request %s for %lld minutes. Members of %s can approve it. You may wait here, or "
                 "come back later.",
                 view.request->id, (long long)(view.request->wanted_ms / MINUTE_MS),
                 view.request->group);
        return;
    }
    out->screen = IPC_LOBBY_ASK;
    out->minutes = (uint32_t)(asked->longest_ms / MINUTE_MS);
    if (out->minutes == 0)
        out->minutes = 1;
    if (asked->needs_reason)
        out->flags |= IPC_LOBBY_WANTS_REASON;
    if (asked->ticket != NULL)
        out->flags |= IPC_LOBBY_WANTS_TICKET;
    if (view.request != NULL && view.request->state == GRANTS_REFUSED)
        tell_refused(view.request, out);
}

/* Whoever asked may be gone by now; everybody in the lobby is shown what is so. */
static void on_asked(void *ctx, enum sp_err err, const char *why, const struct grants_record *r)
{
    struct keeper *k = ctx;

    (void)err;
    (void)why;
    (void)r;
    keeper_lobby_refresh(k);
}

void keeper_lobby_ask(struct keeper *k, struct session *s, const struct policy_decision *d,
                      const struct ipc_lobby_action *a)
{
    const struct catalog_approval *asked = &d->rule->conditions.approval;
    struct grant_actor actor = {.person = policy_find_user(k->catalog, session_person(s)),
                                .uid = -1};
    struct grants_wish wish = {.reason = a->text,
                               .ticket = a->ticket[0] != '\0' ? a->ticket : NULL,
                               .wanted_ms = a->minutes * MINUTE_MS};
    char id[GRANTS_ID_SIZE];
    bool is_there;
    const char *why = NULL;

    if (wish.wanted_ms > asked->longest_ms) /* a rule of less than a minute rounds up */
        wish.wanted_ms = a->minutes > 1 ? wish.wanted_ms : 0;
    if (keeper_grants_ask(k, &actor, d->target, d->rule, wish, on_asked, k, id, &is_there, &why) !=
        SP_OK)
        snprintf(s->lobby.wrong, sizeof(s->lobby.wrong), "%s",
                 why != NULL ? why : "It cannot be asked for now.");
}
