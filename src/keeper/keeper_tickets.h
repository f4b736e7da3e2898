/* SPDX-License-Identifier: Apache-2.0
 * Tickets in the running keeper: issued over the control socket, used by sessions, kept in the
 * store. What is not durable has not happened: a password is shown and a session let in only after
 * the store has said so.
 */
#ifndef SP_KEEPER_KEEPER_TICKETS_H
#define SP_KEEPER_KEEPER_TICKETS_H

#include "keeper/keeper_priv.h"

/* Take the rows of the store in place of those that are there. Errors: as store_read */
SP_MUST_USE enum sp_err keeper_tickets_load(struct keeper *k);

/* Delete from the store what has been dead for long. */
void keeper_tickets_tick(struct keeper *k, int64_t now_ms);

/*
 * Whether a typed name is a ticket's.
 * nt_hash  16 bytes, written only if true
 */
bool keeper_tickets_account(struct keeper *k, const char *typed, uint8_t nt_hash[16]);

/*
 * Use the ticket that a session has proven to hold.
 * Returns  NULL: it is being stored, and session_ticket_done follows; else why it is refused
 */
const char *keeper_tickets_use(struct keeper *k, struct session *s);

#endif
