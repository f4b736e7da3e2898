/* SPDX-License-Identifier: Apache-2.0
 * What the files of tickets share.
 */
#ifndef SP_KEEPER_TICKETS_PRIV_H
#define SP_KEEPER_TICKETS_PRIV_H

#include "keeper/tickets.h"

/* Append a copy. Returns its place, or NULL if there is no room; the caller knows its id is new. */
struct ticket *tickets_add(struct tickets *t, const struct ticket *ticket);

#endif
