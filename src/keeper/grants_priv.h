/* SPDX-License-Identifier: Apache-2.0
 * What the files of grants share.
 */
#ifndef SP_KEEPER_GRANTS_PRIV_H
#define SP_KEEPER_GRANTS_PRIV_H

#include "keeper/grants.h"

/* Put a record into the list, replacing the one of the same id. Errors: SP_ESYS */
SP_MUST_USE enum sp_err grants_put(struct grants *g, const struct grants_record *r);

/* Copy text; false, and cut, if it does not fit into room bytes. NULL is empty. */
bool grants_take(const char *text, char *out, size_t room);

/* The record of that id that may be changed, or NULL. */
struct grants_record *grants_get(struct grants *g, const char *id);

#endif
