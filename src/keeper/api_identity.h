/* SPDX-License-Identifier: Apache-2.0
 * The administrator's commands about who may pass and how he proves it (api.h has the others).
 *
 *   {"cmd":"rdp","user":"…","target":"…","host":"…","port":N}   → {"ok":true,"rdp":"…"}
 *   {"cmd":"ticket_issue","user":"…","target":"…","for_s":N,"source":"…","rdp":true,…}
 *                                   → {"ok":true,"id":"…","password":"…","expires":"…","rdp":"…"}
 *   {"cmd":"tickets"}               → {"ok":true,"tickets":[…]}
 *   {"cmd":"ticket_revoke","id":"…"}  → {"ok":true}
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

/* ---- keeper_tickets.c ---- */

identity_answer_fn api_ticket_issue, api_tickets, api_ticket_revoke;

#endif
