/* SPDX-License-Identifier: Apache-2.0
 * The objects of the store in the running keeper.
 */
#ifndef SP_KEEPER_KEEPER_OBJECTS_H
#define SP_KEEPER_KEEPER_OBJECTS_H

#include "keeper/keeper_priv.h"
#include "keeper/objects.h"

/* ---- keeper_objects.c ---- */

/*
 * Make the catalog of a configuration file and of these objects.
 * error    CATALOG_ERROR_SIZE bytes
 */
SP_MUST_USE enum sp_err keeper_objects_catalog(const struct objects *o, const struct config *config,
                                               struct catalog **out, char *error);

/* True if a change may begin now; else why not. */
bool keeper_objects_may_change(const struct keeper *k, const char **why);

/*
 * Carry out a plan, or only say what it would do.
 * plan     taken
 * reason   for the event: static text
 * Returns  the answer; NULL if it comes later
 */
json_t *keeper_objects_change(struct control_client *c, struct objects_plan *plan, bool is_dry,
                              const char *reason);

#endif
