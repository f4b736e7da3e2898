/* SPDX-License-Identifier: Apache-2.0
 * Tickets over the control socket: issue, list, revoke.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/api_identity.h"
#include "keeper/tickets_store.h"

/* An answer that waits for the store. */
struct pending {
    struct keeper *k;
    uint64_t deferred;
    char id[TICKET_ID_SIZE];
    char password[TICKET_PASSWORD_SIZE]; /* of a new one, else empty */
    char *rdp;                           /* owned; NULL if none was asked for */
    uid_t uid;
};

static void pending_free(struct pending *p)
{
    free(p->rdp);
    sp_wipe(p, sizeof(*p));
    free(p);
}

static void say(struct keeper *k, const char *name, const struct ticket *ticket, uid_t uid,
                struct event *e)
{
    char text[SP_TIMESTAMP_SIZE], source[NET_TEXT_SIZE];

    (void)k;
    event_begin(e, name);
    event_word(e, "ticket", ticket->id);
    event_word(e, "person", ticket->user);
    event_word(e, "target", ticket->target);
    clock_format(ticket->expires_us, text);
    event_word(e, "expires", text);
    if (ticket->has_source) {
        net_write(&ticket->source, source);
        event_word(e, "only_from", source);
    }
    event_number(e, "by_uid", uid);
}

static json_t *issued(struct pending *p, const struct ticket *ticket)
{
    char expires[SP_TIMESTAMP_SIZE];
    json_t *answer;

    clock_format(ticket->expires_us, expires);
    answer = json_pack("{s:b, s:s, s:s, s:s, s:s, s:s}", "ok", 1, "id", ticket->id, "password",
                       p->password, "person", ticket->user, "target", ticket->target, "expires",
                       expires);
    if (p->rdp != NULL)
        json_object_set_new(answer, "rdp", json_string(p->rdp));
    return answer;
}

static void on_issued(void *ctx, enum sp_err err)
{
    struct pending *p = ctx;
    struct keeper *k = p->k;
    struct ticket *ticket = tickets_find(&k->tickets, p->id);
    struct event e;

    SP_BUG(ticket == NULL);
    if (err == SP_OK) {
        say(k, "ticket_issued", ticket, p->uid, &e);
        if (keeper_event(k, &e, true) == SP_OK)
            control_answer(k, p->deferred, issued(p, ticket));
        else if (tickets_revoke(&k->tickets, ticket, clock_wall_us()) == SP_OK)
            control_answer(k, p->deferred, api_refusal("the event log cannot be written"));
    } else {
        tickets_forget(&k->tickets, ticket);
        control_answer(k, p->deferred, api_refusal(store_explain(err)));
    }
    pending_free(p);
}

static void on_revoked(void *ctx, enum sp_err err)
{
    struct pending *p = ctx;

    control_answer(p->k, p->deferred,
                   err == SP_OK ? json_pack("{s:b}", "ok", 1) : api_refusal(store_explain(err)));
    pending_free(p);
}

static struct pending *pending_new(const struct identity_ask *ask)
{
    struct pending *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->k = ask->k;
    p->uid = ask->c->uid;
    return p;
}

/* Everything that can be said against it before a ticket is made. */
static const char *prepare(const struct identity_ask *ask, struct ticket_ask *out,
                           struct net *source, struct ipc_channels *channels)
{
    const struct catalog_user *user = NULL;
    const struct catalog_target *target = NULL;
    const struct catalog_rule *rule = NULL;
    json_int_t for_s = json_integer_value(json_object_get(ask->root, "for_s"));
    const char *from = identity_text(ask, "source"), *error;

    if (!api_rdp_rule(ask, &user, &target, &rule, &error))
        return error;
    if (target->login != IPC_LOGIN_INJECT)
        return "this target wants the person's own password (login: delegate), which a ticket "
               "cannot give";
    if (from != NULL && net_read(from, source) != SP_OK)
        return "source must be an address, or a network without bits behind its prefix";
    if (for_s < TICKET_FOR_MIN_US / 1000000 || for_s > TICKET_FOR_MAX_US / 1000000)
        return "a ticket is good for 10 seconds to 24 hours";
    *out = (struct ticket_ask){.user = user->name,
                               .target = target->name,
                               .source = from != NULL ? source : NULL,
                               .for_us = for_s * 1000000,
                               .by_uid = ask->c->uid};
    *channels = rule->channels;
    return NULL;
}

static const char *issue(const struct identity_ask *ask, struct pending *p)
{
    struct ipc_channels channels = {0};
    struct ticket_ask wanted;
    const struct ticket *ticket = NULL;
    struct net source;
    const char *error = prepare(ask, &wanted, &source, &channels);

    if (error != NULL)
        return error;
    if (tickets_issue(&ask->k->tickets, &wanted, clock_wall_us(), &ticket, p->password) != SP_OK)
        return "there are 4096 tickets, and no room for one more; they are forgotten a day after "
               "their end";
    memcpy(p->id, ticket->id, sizeof(p->id));
    if (json_is_true(json_object_get(ask->root, "rdp")))
        p->rdp = api_rdp_file(ask, ticket->id, &channels, &error);
    if (error == NULL || p->rdp != NULL) {
        enum sp_err err = ticket_store(ask->k, ticket, on_issued, p);

        if (err == SP_OK)
            return NULL;
        error = store_explain(err);
    }
    tickets_forget(&ask->k->tickets, tickets_find(&ask->k->tickets, p->id));
    return error;
}

json_t *api_ticket_issue(const struct identity_ask *ask)
{
    struct pending *p = ask->k->store != NULL ? pending_new(ask) : NULL;
    const char *error = p != NULL ? issue(ask, p) : "there is no store to keep tickets in";

    if (error == NULL) {
        p->deferred = control_defer(ask->c);
        return NULL;
    }
    if (p != NULL)
        pending_free(p);
    return api_refusal(error);
}

json_t *api_ticket_revoke(const struct identity_ask *ask)
{
    struct keeper *k = ask->k;
    struct ticket *ticket = tickets_find(&k->tickets, identity_text(ask, "id"));
    struct pending *p;
    struct event e;

    if (ticket == NULL)
        return api_refusal("there is no such ticket; \"ticket list\" shows them");
    if (tickets_revoke(&k->tickets, ticket, clock_wall_us()) != SP_OK)
        return api_refusal("this ticket was used or revoked before");
    say(k, "ticket_revoked", ticket, ask->c->uid, &e);
    keeper_event_note(k, &e);
    p = pending_new(ask);
    enum sp_err err = p != NULL ? ticket_store(k, ticket, on_revoked, p) : SP_ESYS;
    if (err == SP_OK) {
        p->deferred = control_defer(ask->c);
        return NULL;
    }
    if (p != NULL)
        pending_free(p);
    return api_refusal(store_explain(err));
}

static json_t *describe(const struct ticket *ticket, int64_t now_us)
{
    char issued_at[SP_TIMESTAMP_SIZE], expires[SP_TIMESTAMP_SIZE], source[NET_TEXT_SIZE] = "";

    clock_format(ticket->issued_us, issued_at);
    clock_format(ticket->expires_us, expires);
    if (ticket->has_source)
        net_write(&ticket->source, source);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "id", ticket->id, "person",
                     ticket->user, "target", ticket->target, "source", source, "state",
                     ticket_state_word(ticket, now_us), "issued", issued_at, "expires", expires,
                     "by_uid", (json_int_t)ticket->by_uid);
}

json_t *api_tickets(const struct identity_ask *ask)
{
    const struct tickets *t = &ask->k->tickets;
    int64_t now_us = clock_wall_us();
    json_t *list = json_array();

    for (size_t i = 0; i < t->count; i++)
        json_array_append_new(list,
                              describe(&t->list[i], now_us > t->latest_us ? now_us : t->latest_us));
    return json_pack("{s:b, s:o}", "ok", 1, "tickets", list);
}
