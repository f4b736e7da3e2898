/* SPDX-License-Identifier: Apache-2.0
 * Tickets in the running keeper: used by sessions, kept in the store.
 */
#include "keeper/keeper_tickets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/policy.h"
#include "keeper/tickets_store.h"

#define EXPIRE_EVERY_MS 60000
#define EXPIRE_A_TURN   64

/* A use that is being stored. */
struct use {
    struct keeper *k;
    uint64_t session; /* its number; it may be gone when the store has answered */
};

static void take_row(void *ctx, const struct store_row *row)
{
    struct keeper *k = ctx;
    struct event e;

    if (tickets_load(&k->tickets, row->id, row->body, row->secret, row->secret_size) == SP_OK)
        return;
    event_begin(&e, "store_row_refused");
    event_word(&e, "kind", "ticket");
    event_text(&e, "id", row->id);
    event_word(&e, "reason", "not a ticket; it grants nothing");
    keeper_event_note(k, &e);
}

enum sp_err keeper_tickets_load(struct keeper *k)
{
    tickets_clear(&k->tickets);
    return store_read(k->store, STORE_TICKET, take_row, k, NULL);
}

enum sp_err ticket_store(struct keeper *k, const struct ticket *ticket, store_done_fn *done,
                         void *ctx)
{
    struct store_change change = {.kind = STORE_TICKET, .body = ticket_body(ticket)};

    if (change.body == NULL)
        return SP_ESYS;
    snprintf(change.id, sizeof(change.id), "%s", ticket->id);
    memcpy(change.secret.bytes, ticket->nt_hash, sizeof(ticket->nt_hash));
    change.secret.size = sizeof(ticket->nt_hash);
    return store_write(k->store, &change, 1, done, ctx);
}

void keeper_tickets_tick(struct keeper *k, int64_t now_ms)
{
    struct store_change changes[EXPIRE_A_TURN] = {0};
    char id[TICKET_ID_SIZE];
    size_t count = 0;

    if (k->store == NULL || now_ms < k->tickets_expire_ms)
        return;
    while (count < EXPIRE_A_TURN && tickets_expire(&k->tickets, clock_wall_us(), id)) {
        changes[count].kind = STORE_TICKET;
        changes[count].is_delete = true;
        snprintf(changes[count++].id, STORE_ID_SIZE, "%s", id);
    }
    k->tickets_expire_ms = count == EXPIRE_A_TURN ? now_ms : now_ms + EXPIRE_EVERY_MS;
    /* What stays in the store is dead too, and is tried again at the next start. */
    if (count > 0)
        sp_ignore(store_write(k->store, changes, count, NULL, NULL));
}

/* The ticket that a typed name means, whatever domain a client adds. */
static struct ticket *find(struct keeper *k, const char *typed)
{
    struct policy_name name;

    if (policy_split_name(typed, &name) != SP_OK)
        return NULL;
    return tickets_find(&k->tickets, name.user);
}

bool keeper_tickets_account(struct keeper *k, const char *typed, uint8_t nt_hash[16])
{
    const struct ticket *ticket = find(k, typed);

    if (ticket == NULL)
        return false;
    memcpy(nt_hash, ticket->nt_hash, sizeof(ticket->nt_hash));
    return true;
}

static void on_use_stored(void *ctx, enum sp_err err)
{
    struct use *use = ctx;
    struct keeper *k = use->k;
    struct session *s = registry_by_number(&k->registry, use->session);

    free(use);
    /* A session that is gone has used its ticket all the same. */
    if (s != NULL && session_ticket_done(s, &k->ops, err) != SP_OK)
        keeper_session_end(k, s, 0, "session does not take its answers", 0);
}

static void remember(struct session *s, const struct ticket *ticket)
{
    memcpy(s->ticket, ticket->id, sizeof(s->ticket));
    memcpy(s->person, ticket->user, sizeof(s->person));
    memcpy(s->ticket_target, ticket->target, sizeof(s->ticket_target));
}

const char *keeper_tickets_use(struct keeper *k, struct session *s)
{
    struct ticket *ticket = find(k, s->user_text);
    const struct catalog_user *user =
        ticket != NULL ? catalog_find_user(k->catalog, ticket->user) : NULL;

    if (ticket == NULL)
        return "unknown user";
    enum ticket_verdict verdict = tickets_judge(&k->tickets, ticket, s->peer.ip, clock_wall_us());
    remember(s, ticket);
    if (verdict != TICKET_GOOD)
        return ticket_verdict_reason(verdict);
    if (user == NULL || user->is_disabled)
        return "the ticket's person is gone or disabled";
    if (k->is_finishing || k->heir_fd >= 0)
        return "another process is taking over; the ticket stays unused";
    struct use *use = malloc(sizeof(*use));
    if (use == NULL)
        return "no memory";
    *use = (struct use){k, s->number};
    /* From here on it is used, whatever the store says: two must never win. */
    tickets_use(&k->tickets, ticket, clock_wall_us());
    if (ticket_store(k, ticket, on_use_stored, use) == SP_OK)
        return NULL;
    free(use);
    return "the ticket's use cannot be stored";
}
