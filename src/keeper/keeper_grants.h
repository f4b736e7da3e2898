/* SPDX-License-Identifier: Apache-2.0
 * Just-in-time access in the running keeper: grants.h put into the store, the event log and the
 * decisions. Commands (api_grants.c) and sessions come through here.
 *
 *   keeper_grants_… ─► checked, busy ─► store_write ─► event, durable ─► true ─► keeper_reevaluate
 *                                                                             └► done
 *
 * What cannot be stored, or not be logged, has not happened, with one exception: what takes access
 * away is taken away even if the log is full.
 */
#ifndef SP_KEEPER_KEEPER_GRANTS_H
#define SP_KEEPER_KEEPER_GRANTS_H

#include "keeper/keeper_priv.h"

/* Who does something. */
struct grant_actor {
    const struct catalog_user *person; /* NULL = an administrator who is no person of the catalog */
    char account[GRANTS_NAME_SIZE];    /* of this machine; empty = none, a session                */
    int64_t uid;                       /* of that account; -1 = none                              */
    bool is_admin;
};

/*
 * How it went. Called once, from keeper's loop, after the call that it belongs to has returned.
 * why      NULL if err is SP_OK, else static text for the person
 * r        the request or the grant as it is now; NULL if err is not SP_OK. Borrowed for the call
 */
typedef void keeper_grants_done_fn(void *ctx, enum sp_err err, const char *why,
                                   const struct grants_record *r);

/* ---- keeper_grants.c ---- */

/* Read requests and grants of the store anew, and show them to policy. Errors: as store_read */
SP_MUST_USE enum sp_err keeper_grants_load(struct keeper *k);

/* Say which grants run, so that no access is without an event: once the service is ready. */
void keeper_grants_report(struct keeper *k);

/*
 * End what time ends, and forget what ended long ago. Where another process has taken over, read
 * what that one wrote, so that a revoked grant ends the sessions that finish here.
 */
void keeper_grants_tick(struct keeper *k, int64_t now_ms);

/* What a person has of one target. */
struct grant_view {
    const struct grants_record *request; /* the newest; NULL = never asked. Borrowed until the … */
    const struct grants_record *grant; /* … loop goes on; that runs longest; NULL = none runs  */
    int64_t left_ms;                   /* of the grant                                         */
};

/* Look up what a person has of a target: a lobby asks each tick. */
struct grant_view keeper_grants_state(struct keeper *k, const char *user, const char *target);

/* ---- keeper_grants_deeds.c ---- */

/*
 * Ask for access by a rule that demands an approval. An open request for the same target is there
 * already: its id is written, and done is not called.
 * actor    its person asks
 * rule     policy_choices or policy_approval_rule found it for this person and target
 * wish     reason, ticket and wanted_ms; user and target are filled in here
 * id       GRANTS_ID_SIZE bytes: of the request
 * is_there true if it was there already
 * why      on failure: static text for the person
 * Errors:  as grants_ask; SP_ESTATE another process is taking over; as store_write
 */
SP_MUST_USE enum sp_err keeper_grants_ask(struct keeper *k, const struct grant_actor *actor,
                                          const struct catalog_target *target,
                                          const struct catalog_rule *rule, struct grants_wish wish,
                                          keeper_grants_done_fn *done, void *ctx, char *id,
                                          bool *is_there, const char **why);

/* A grant without an approval, for members of the configuration's group. Errors: SP_EDENIED, and as
 * grants_break_glass */
SP_MUST_USE enum sp_err keeper_grants_break_glass(struct keeper *k, const struct grant_actor *actor,
                                                  const struct catalog_target *target,
                                                  struct grants_wish wish,
                                                  keeper_grants_done_fn *done, void *ctx,
                                                  const char **why);

enum grant_deed {
    GRANT_ASK,
    GRANT_BREAK_GLASS,
    GRANT_APPROVE,
    GRANT_REFUSE,
    GRANT_WITHDRAW,
    GRANT_EXTEND,
    GRANT_REVOKE
};

/*
 * Change a request or a grant.
 * deed     from GRANT_APPROVE on
 * for_ms   approve: 0 = as long as was asked; extend: how much longer
 * word     refuse, revoke: for the person; NULL = none
 * Errors:  as the functions of grants.h; SP_ESTATE another process is taking over; as store_write
 */
SP_MUST_USE enum sp_err keeper_grants_change(struct keeper *k, const struct grant_actor *actor,
                                             enum grant_deed deed, const char *id, int64_t for_ms,
                                             const char *word, keeper_grants_done_fn *done,
                                             void *ctx, const char **why);

/* Put an event of a record into the log. by: NULL = time. */
SP_MUST_USE enum sp_err keeper_grants_say(struct keeper *k, const char *name,
                                          const struct grants_record *r, const char *by,
                                          int64_t uid, bool is_durable);

/* The change that stores a record. False if memory ran out. */
bool keeper_grants_row(const struct keeper *k, const struct grants_record *r,
                       struct store_change *out);

/* True while nothing may be changed here: not ready, or another process takes over. */
bool keeper_grants_are_frozen(const struct keeper *k);

#endif
