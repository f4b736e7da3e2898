/* SPDX-License-Identifier: Apache-2.0
 * What the two files of the objects share.
 */
#ifndef SP_KEEPER_OBJECTS_PRIV_H
#define SP_KEEPER_OBJECTS_PRIV_H

#include "keeper/objects.h"

/* The id of a name: the same for all its cases. Returns  false if it is no name */
bool objects_fold(const char *name, char out[STORE_ID_SIZE]);

/*
 * The mapping that a document's secret stands in, and its key there.
 * Returns  borrowed from doc; NULL if there is none
 */
json_t *objects_secret_holder(enum store_kind kind, const json_t *doc, const char **key);

/* A row's body and its secret. Owner: the caller of both */
json_t *objects_body(enum store_kind kind, const json_t *entry, struct secret *secret);

/* Entries by their order. Returns  a heap array of borrowed values */
json_t **objects_sorted(const struct objects *o, enum store_kind kind, size_t *count);

#endif
