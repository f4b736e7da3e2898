/* SPDX-License-Identifier: Apache-2.0
 * Users, groups, targets and rules that administrators keep in the store rather than in the file.
 *
 * A document has the keys that the configuration file has for the same thing; its one secret (a
 * user's nt_hash, a target's injected password) goes into the row's sealed part. This module is
 * pure: a change is planned on a copy, and the copy takes the place of the original once it is
 * written.
 */
#ifndef SP_KEEPER_OBJECTS_H
#define SP_KEEPER_OBJECTS_H

#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "keeper/store.h"

#define OBJECTS_KINDS      4 /* the first kinds of the store */
#define OBJECTS_KEEP       "stored:keep"
#define OBJECTS_DEPTH_MAX  8
#define OBJECTS_ERROR_SIZE 512

static_assert(STORE_USER == 0 && STORE_RULE == OBJECTS_KINDS - 1, "the first kinds of the store");

/* What there is: per kind a mapping from the folded name to {"order":N,"doc":{…}}. */
struct objects {
    json_t *kinds[OBJECTS_KINDS];
};

/* A change that was planned. */
struct objects_plan {
    struct objects next;
    struct store_change *changes; /* owned */
    size_t count;
    json_t *lines; /* "+ user alice", "~ user bob: disabled", "- rule x" */
};

/* Nothing. */
void objects_init(struct objects *o);

/* Free; secrets are wiped where jansson's memory is (crypto_memory.h). */
void objects_clear(struct objects *o);

/* How many there are, of all kinds. */
size_t objects_count(const struct objects *o);

/*
 * Take a row of the store.
 * Errors:  SP_EVALUE it is no object of ours
 */
SP_MUST_USE enum sp_err objects_load(struct objects *o, const struct store_row *row);

/* "user" as in the store's names; "users" as in the file. kind: below OBJECTS_KINDS */
const char *objects_section(enum store_kind kind);

/* The kind of "user" or "users". Returns  false if it is none */
bool objects_kind(const char *name, enum store_kind *out);

/* The document of that name, secret and all; NULL if there is none. Owner: o */
json_t *objects_find(const struct objects *o, enum store_kind kind, const char *name);

/*
 * All of it with the sections of the file, in its order.
 * with_secrets  false: OBJECTS_KEEP stands in their places
 * Owner:   the caller
 */
json_t *objects_policy(const struct objects *o, bool with_secrets);

/* A copy of a document with OBJECTS_KEEP in the place of its secret. Owner: the caller */
json_t *objects_veiled(enum store_kind kind, const json_t *doc);

/*
 * Plan to have what policy says: sections of documents. What stands there already is no change.
 * prune    whatever policy does not name goes, of all sections
 * error    OBJECTS_ERROR_SIZE bytes
 * Errors:  SP_EVALUE, SP_ELIMIT; whether documents make sense is for catalog_make to say
 * Owner:   objects_plan_clear
 */
SP_MUST_USE enum sp_err objects_plan(const struct objects *o, const json_t *policy, bool prune,
                                     struct objects_plan *out, char *error);

/*
 * Plan to remove one.
 * Errors:  SP_EVALUE there is none
 */
SP_MUST_USE enum sp_err objects_plan_remove(const struct objects *o, enum store_kind kind,
                                            const char *name, struct objects_plan *out,
                                            char *error);

/* Free a plan; what was taken from it is NULL by then. */
void objects_plan_clear(struct objects_plan *plan);

#endif
