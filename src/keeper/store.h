/* SPDX-License-Identifier: Apache-2.0
 * What keeper keeps between two starts: documents with an optional secret, each of a kind, each
 * with an id of its own within its kind.
 *
 *   loop ── store_write ─► bounded queue ─► writer thread: one transaction, durable
 *    ▲                                          │
 *    └──────── done(ctx, err) ◄── ev_async ◄────┘
 *
 * Nothing that a write allows may happen, and nothing may be acknowledged, before its done was
 * called with SP_OK. Every row carries a tag under the master key over kind, id, body and secret,
 * and all rows together a digest, so that a row that was damaged, edited, swapped, put back or
 * taken away is noticed (docs/operations.md, "The store"). Times in bodies are microseconds since
 * 1970, UTC.
 */
#ifndef SP_KEEPER_STORE_H
#define SP_KEEPER_STORE_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "keeper/secret.h"
#include "keeper/vault.h"

#define STORE_ID_SIZE     192         /* with NUL                                       */
#define STORE_BODY_MAX    (1u << 20)  /* bytes of a body as compact JSON                */
#define STORE_CHANGES_MAX 65536       /* of one write                                   */
#define STORE_QUEUE_MAX   1024        /* writes that wait; one more is refused          */
#define STORE_QUEUE_BYTES (64u << 20) /* of all bodies that wait                      */
#define STORE_ERROR_SIZE  1536

/* INVARIANT: names and order are in the database; new kinds go to the end. */
enum store_kind {
    STORE_USER,
    STORE_GROUP,
    STORE_TARGET,
    STORE_RULE,
    STORE_FACTOR,
    STORE_TICKET,
    STORE_REQUEST,
    STORE_GRANT,
    STORE_GUARD,
    STORE_KIND_COUNT
};

/* A row being read; all of it is borrowed for the call. */
struct store_row {
    enum store_kind kind;
    const char *id;
    const json_t *body; /* an object */
    const uint8_t *secret;
    size_t secret_size; /* 0 = none */
};

/* One change of a write: the whole row anew, or its end. */
struct store_change {
    enum store_kind kind;
    bool is_delete;
    char id[STORE_ID_SIZE];
    json_t *body;         /* owned by the change; an object; NULL if is_delete */
    struct secret secret; /* size 0 = none                                     */
};

/* How a write ended. Called once, in the loop, never from within store_write. */
typedef void store_done_fn(void *ctx, enum sp_err err);

/* Called for each good row. */
typedef void store_row_fn(void *ctx, const struct store_row *row);

/* Called for each row that must not be used. why: static text */
typedef void store_bad_fn(void *ctx, enum store_kind kind, const char *id, const char *why);

struct store;

struct store_options {
    const char *path;     /* of the database; made 0600 if it is not there          */
    struct ev_loop *loop; /* where done is called; NULL: only reading and store_flush */
    struct vault *vault;  /* borrowed until store_close                             */
    store_bad_fn *on_bad; /* may be NULL                                            */
    void *ctx;            /* of on_bad                                              */
};

/*
 * Open or make the database, check it as a whole, and start the writer.
 * error    STORE_ERROR_SIZE bytes: what is wrong and what to do
 * Errors:  SP_EVALUE not ours, damaged, or of a newer version; SP_EDENIED sealed with another key;
 *          SP_ECRYPTO a row is missing or was put back; SP_ETIME locked; SP_ESYS
 */
SP_MUST_USE enum sp_err store_open(const struct store_options *options, struct store **out,
                                   char *error);

/*
 * Finish what is queued, call its done functions, stop the writer, close. NULL is allowed.
 */
void store_close(struct store *store);

/*
 * Call row_fn for every good row of a kind, by rising id; on_bad for the others. For the start: it
 * reads the disk in the caller's thread.
 * bad      how many rows must not be used; may be NULL
 * Errors:  SP_ESYS, SP_ETIME, SP_EVALUE the database cannot be read on
 */
SP_MUST_USE enum sp_err store_read(struct store *store, enum store_kind kind, store_row_fn *row_fn,
                                   void *ctx, size_t *bad);

/*
 * Queue changes as one transaction. They are applied in their order.
 * changes  bodies are taken and secrets wiped, whatever comes out; the array stays the caller's
 * done     called later exactly if SP_OK is returned; may be NULL
 * Errors:  SP_EVALUE a bad id or body; SP_ELIMIT too many or too large; SP_ESPACE the queue is
 * full; SP_ESTATE the store is closing or belongs to another process now
 */
SP_MUST_USE enum sp_err store_write(struct store *store, struct store_change *changes, size_t count,
                                    store_done_fn *done, void *ctx);

/* Take bodies and wipe secrets of changes that are not written after all. */
void store_changes_clear(struct store_change *changes, size_t count);

/*
 * Seal everything with a new master key: one transaction, crash-safe at each step. Queued like a
 * write.
 */
SP_MUST_USE enum sp_err store_rotate(struct store *store, store_done_fn *done, void *ctx);

/* Wait until all that is queued is written and its done functions are called: tests and the end. */
void store_flush(struct store *store);

/* No more writes from this process: another one has taken over. */
void store_freeze(struct store *store);

/* What an error of a write means, for the answer. Owner: static text */
const char *store_explain(enum sp_err err);

/* The name of a kind in the database and in messages: "user", "group", … */
const char *store_kind_name(enum store_kind kind);

/*
 * Copy a running or a resting database to a new file, whole and consistent; without the master key
 * it is of no use.
 * to       must not exist; made 0600
 * error    STORE_ERROR_SIZE bytes
 */
SP_MUST_USE enum sp_err store_backup(const char *from, const char *to, char *error);

/*
 * For an administrator who accepts what was lost: remove the rows that must not be used and take
 * the others as they are. The service must not be running. removed  rows that were removed
 */
SP_MUST_USE enum sp_err store_repair(const struct store_options *options, size_t *removed,
                                     char *error);

#endif
