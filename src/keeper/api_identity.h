/* SPDX-License-Identifier: Apache-2.0
 * The administrator's commands about who may pass and how he proves it (api.h has the others).
 *
 *   {"cmd":"rdp","user":"…","target":"…","host":"…","port":N}   → {"ok":true,"rdp":"…"}
 *   {"cmd":"ticket_issue","user":"…","target":"…","for_s":N,"source":"…","rdp":true,…}
 *                                   → {"ok":true,"id":"…","password":"…","expires":"…","rdp":"…"}
 *   {"cmd":"factor_enrol","user":"…"}     → {"ok":true,"user":"…","uri":"…","secret":"…"}
 *   {"cmd":"factor_confirm","user":"…","code":"…"}, {"cmd":"factor_remove","user":"…"}
 *   {"cmd":"factors"}               → {"ok":true,"factors":[…]}
 *   {"cmd":"tickets"}               → {"ok":true,"tickets":[…]}
 *   {"cmd":"ticket_revoke","id":"…"}  → {"ok":true}
 *   {"cmd":"request_add","target":"…","for_s":N,"reason":"…","ticket":"…","as":"…"}
 *                                   → {"ok":true,"request":{…}}
 *   {"cmd":"requests"}, {"cmd":"grants"}  → {"ok":true,"requests":[…]}, {"ok":true,"grants":[…]}
 *   {"cmd":"grant_approve","id":"r-…","for_s":N}  → {"ok":true,"grant":{…}}
 *   {"cmd":"request_withdraw","id":"r-…"}, {"cmd":"grant_refuse","id":"r-…","reason":"…"},
 *   {"cmd":"grant_extend","id":"g-…","for_s":N}, {"cmd":"grant_revoke","id":"g-…"},
 *   {"cmd":"break_glass","target":"…","for_s":N,"reason":"…"}   the same way
 */
#ifndef SP_KEEPER_API_IDENTITY_H
#define SP_KEEPER_API_IDENTITY_H

#include <stdint.h>

#include "keeper/keeper_priv.h"

/* One question. */
struct identity_ask {
    struct keeper *k;
    struct control_client *c;
    const json_t *root; /* its fields are known, none is missing */
};

/* Answers a question; NULL: control_answer does it later. Owner: the caller */
typedef json_t *identity_answer_fn(const struct identity_ask *ask);

/* The text of a field, or NULL if it is not there. Borrowed */
const char *identity_text(const struct identity_ask *ask, const char *key);

/* ---- api_rdp.c ---- */

identity_answer_fn api_rdp;

/*
 * Write and sign the file that leads user (may be NULL) to this service.
 * ask      its host and port, where given, replace what the configuration says
 * error    static text
 * Returns  heap text for the caller to free, or NULL
 */
char *api_rdp_file(const struct identity_ask *ask, const char *user,
                   const struct ipc_channels *channels, const char **error);

/*
 * Find who is to reach what, and check that a rule lets him.
 * rule     written only on success
 * error    static text
 */
bool api_rdp_rule(const struct identity_ask *ask, const struct catalog_user **user,
                  const struct catalog_target **target, const struct catalog_rule **rule,
                  const char **error);

/* ---- keeper_factors.c ---- */

identity_answer_fn api_factors, api_factor_enrol, api_factor_confirm, api_factor_remove;

/* ---- api_grants.c ---- */

identity_answer_fn api_request_add, api_request_withdraw, api_grant_approve, api_grant_refuse,
    api_grant_extend, api_grant_revoke, api_break_glass;

/* Who asks: a person of the catalog, and what else is known of him. */
struct grant_actor;

/*
 * The person of the peer's account, or whom an administrator speaks for (field "as").
 * error    static text
 * Returns  false if nobody may ask so; a person may still be NULL
 */
bool api_grants_who(const struct identity_ask *ask, struct grant_actor *out, const char **error);

/* ---- api_grants_list.c ---- */

identity_answer_fn api_requests, api_grants;

/* A request or a grant for an answer. Owner: the caller; NULL if memory ran out */
json_t *api_grants_row(const struct keeper *k, const struct grants_record *r);

/* ---- keeper_tickets.c ---- */

identity_answer_fn api_ticket_issue, api_tickets, api_ticket_revoke;

#endif
