/* SPDX-License-Identifier: Apache-2.0
 * Writing a ticket to the store: shared by those who issue and those who use.
 */
#ifndef SP_KEEPER_TICKETS_STORE_H
#define SP_KEEPER_TICKETS_STORE_H

#include "keeper/keeper_priv.h"
#include "keeper/store.h"

/* Store a ticket as it is now. Errors: as store_write; done is called exactly if SP_OK */
SP_MUST_USE enum sp_err ticket_store(struct keeper *k, const struct ticket *ticket,
                                     store_done_fn *done, void *ctx);

#endif
