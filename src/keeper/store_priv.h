/* SPDX-License-Identifier: Apache-2.0
 * The store's insides: rows as they lie there, and the queue to the writer.
 */
#ifndef SP_KEEPER_STORE_PRIV_H
#define SP_KEEPER_STORE_PRIV_H

#include <pthread.h>

#include "keeper/store.h"
#include "keeper/store_engine.h"

/* A row whose text is owned. */
struct store_item {
    enum store_kind kind;
    bool is_delete;
    char *id, *body; /* owned; body NULL if is_delete */
    size_t body_size;
    struct secret secret;
};

/* One write, or a rotation if it has no items. */
struct store_job {
    struct store_job *next;
    struct store_item *items; /* owned */
    size_t count, bytes;
    bool is_rotation;
    enum sp_err err;
    store_done_fn *done;
    void *ctx;
};

struct store_list {
    struct store_job *first, **last;
};

struct store {
    struct store_options options;
    const struct engine_ops *ops;
    char path[VAULT_PATH_SIZE];
    struct engine *writer; /* the thread's alone once it runs */
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t has_work, has_rest;
    struct store_list queue, finished;
    size_t queued, queued_bytes;
    bool is_running, is_busy, is_closing, is_frozen;
    ev_async wake;
};

/* ---- store_rows.c ---- */

/* The sum over all rows (modulo 2^256) of a keyed digest of each, and their number. */
struct store_set {
    uint8_t sum[32];
    uint64_t count;
};

/* A row of the database, opened. */
struct store_opened {
    enum store_kind kind;
    json_t *body; /* owned */
    struct secret secret;
};

/*
 * Open a row as it lies in the database.
 * why      on failure: static text
 * Owner:   store_opened_clear
 * Errors:  SP_EVALUE, SP_ECRYPTO, SP_EDENIED it must not be used
 */
SP_MUST_USE enum sp_err store_row_open(struct vault *vault, const struct engine_row *row,
                                       struct store_opened *out, const char **why);

/* Wipe and free what store_row_open gave. */
void store_opened_clear(struct store_opened *opened);

/*
 * Put an item into the database, or erase it, and bring the set up to date.
 * Errors:  as the engine's
 */
SP_MUST_USE enum sp_err store_row_apply(const struct engine_ops *ops, struct engine *e,
                                        struct vault *vault, const struct store_item *item,
                                        struct store_set *set);

/* Add a row to the set. */
void store_set_add(struct vault *vault, const struct engine_row *row, struct store_set *set);

/*
 * Read the set that was written last.
 * is_there false in a new database
 * Errors:  SP_ECRYPTO, SP_EDENIED, SP_EVALUE it was tampered with; as the engine's
 */
SP_MUST_USE enum sp_err store_set_read(const struct engine_ops *ops, struct engine *e,
                                       struct vault *vault, struct store_set *out, bool *is_there);

/* Write the set, and which key everything is sealed with. */
SP_MUST_USE enum sp_err store_set_write(const struct engine_ops *ops, struct engine *e,
                                        struct vault *vault, const struct store_set *set);

/*
 * Tell the vault which key everything is sealed with; nothing in a new database.
 * error    STORE_ERROR_SIZE bytes
 */
SP_MUST_USE enum sp_err store_settle_key(const struct engine_ops *ops, struct engine *e,
                                         struct vault *vault, char *error);

/* ---- store_writer.c ---- */

/* Start the thread; store->writer is its own from now on. Errors: SP_ESYS */
SP_MUST_USE enum sp_err store_writer_start(struct store *store);

/* Let it finish what is queued, and end it. */
void store_writer_stop(struct store *store);

/* Call the done functions of what is finished; in the loop's thread. */
void store_writer_deliver(struct store *store);

/* Queue a job, which is taken on SP_OK. Errors: SP_ESTATE, SP_ESPACE */
SP_MUST_USE enum sp_err store_writer_queue(struct store *store, struct store_job *job);

/* Wipe and free a job. */
void store_job_free(struct store_job *job);

/* ---- store_rotate.c ---- */

/* Seal all anew; in the writer's thread. */
SP_MUST_USE enum sp_err store_reseal(struct store *store);

#endif
