/* SPDX-License-Identifier: Apache-2.0
 * What an engine must do for the store: keep rows and a few named values, in transactions.
 *
 * An engine knows nothing of keys and of what a row means. A connection is used by one thread at a
 * time. Everything returns SP_ETIME if somebody else holds the database for too long, SP_ESPACE if
 * the disk is full, SP_EVALUE if the database is damaged, and SP_ESYS otherwise.
 */
#ifndef SP_KEEPER_STORE_ENGINE_H
#define SP_KEEPER_STORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keeper/store.h"

#define ENGINE_SEALED_MAX (SECRET_MAX + VAULT_OVERHEAD)
#define ENGINE_VALUE_MAX  256

struct engine; /* one connection */

/* A row as it lies there; borrowed for the call. */
struct engine_row {
    const char *kind, *id;
    const char *body;
    size_t body_size;
    const uint8_t *sealed;
    size_t sealed_size;
};

/* Returns  false to stop */
typedef bool engine_row_fn(void *ctx, const struct engine_row *row);

struct engine_ops {
    /* Open; make and migrate if may_make. error: STORE_ERROR_SIZE bytes */
    enum sp_err (*open)(const char *where, bool may_make, struct engine **out, char *error);
    /* Look whether the database is whole as far as the engine can tell. */
    enum sp_err (*check)(struct engine *e, char *error);
    void (*close)(struct engine *e);

    enum sp_err (*begin)(struct engine *e, bool will_write);
    enum sp_err (*commit)(struct engine *e); /* durable when it returns */
    void (*rollback)(struct engine *e);

    enum sp_err (*put)(struct engine *e, const struct engine_row *row);
    enum sp_err (*erase)(struct engine *e, const char *kind, const char *id);
    enum sp_err (*erase_all)(struct engine *e);
    /* All rows of a kind by rising id, or of all kinds for NULL; with id, that row alone. */
    enum sp_err (*each)(struct engine *e, const char *kind, const char *id, engine_row_fn *fn,
                        void *ctx);

    /* A value by its name. *size: room, then used; 0 if there is none. */
    enum sp_err (*get_value)(struct engine *e, const char *name, uint8_t *out, size_t *size);
    enum sp_err (*put_value)(struct engine *e, const char *name, const uint8_t *value, size_t size);

    enum sp_err (*backup)(const char *from, const char *to, char *error);
};

/* SQLite, in one file. */
extern const struct engine_ops engine_sqlite;

#endif
