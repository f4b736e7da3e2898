/* SPDX-License-Identifier: Apache-2.0
 * The sessions that are alive: found by number, id and process, and listed for `sallyport
 * sessions`.
 */
#ifndef SP_KEEPER_REGISTRY_H
#define SP_KEEPER_REGISTRY_H

#include <jansson.h>
#include <stddef.h>

#include "keeper/session_table.h"

struct registry {
    struct session **list; /* owned array, borrowed sessions, order of arrival */
    size_t count, room;
};

/*
 * Remember a session until registry_remove.
 * Errors:  SP_ESYS no memory
 */
SP_MUST_USE enum sp_err registry_add(struct registry *r, struct session *s);

/* Forget a session that is in the registry; order is kept. */
void registry_remove(struct registry *r, const struct session *s);

/* The session of that dial number, or NULL. */
struct session *registry_by_number(const struct registry *r, uint64_t number);

/* The session of that id, or NULL. */
struct session *registry_by_id(const struct registry *r, const char *id);

/* The session of that process whose end was not reported yet, or NULL. */
struct session *registry_by_pid(const struct registry *r, pid_t pid);

/* How many sessions have passed the decision and have not ended. */
size_t registry_admitted(const struct registry *r);

/*
 * Describe all sessions as `sallyport sessions` shows them.
 * Owner:   the caller; NULL if memory ran out
 */
json_t *registry_describe(const struct registry *r);

/* Free the array; the sessions are not touched. */
void registry_clear(struct registry *r);

#endif
