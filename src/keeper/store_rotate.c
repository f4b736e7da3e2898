/* SPDX-License-Identifier: Apache-2.0
 * All rows at once: sealed with a new key, or without those that are spoiled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/store_priv.h"

#define ROOM_FIRST 64

/* Good rows as items, and the others as items that erase. */
struct gathering {
    struct vault *vault;
    struct store_item *items;
    size_t count, room, spoiled;
};

static struct store_item *add_item(struct gathering *g, const struct engine_row *row)
{
    struct store_item *item;

    if (g->count == g->room) {
        g->room = g->room == 0 ? ROOM_FIRST : g->room * 2;
        struct store_item *grown =
            calloc(g->room, sizeof(*grown)); /* realloc would leave secrets */
        SP_BUG(grown == NULL);
        if (g->count > 0)
            memcpy(grown, g->items, g->count * sizeof(*grown));
        if (g->items != NULL)
            sp_wipe(g->items, g->count * sizeof(*grown));
        free(g->items);
        g->items = grown;
    }
    item = &g->items[g->count++];
    item->id = strdup(row->id);
    item->body_size = row->body_size;
    item->body = malloc(row->body_size + 1);
    SP_BUG(item->id == NULL || item->body == NULL);
    memcpy(item->body, row->body, row->body_size);
    return item;
}

static bool gather(void *ctx, const struct engine_row *row)
{
    struct gathering *g = ctx;
    struct store_opened opened;
    const char *why;

    if (store_row_open(g->vault, row, &opened, &why) != SP_OK) {
        g->spoiled++;
        return true;
    }
    struct store_item *item = add_item(g, row);
    item->kind = opened.kind;
    item->secret = opened.secret;
    store_opened_clear(&opened);
    return true;
}

static void clear(struct gathering *g)
{
    struct store_job *job = calloc(1, sizeof(*job));

    SP_BUG(job == NULL);
    job->items = g->items;
    job->count = g->count;
    store_job_free(job);
    *g = (struct gathering){0};
}

/* Every row anew, with the key that seals now. */
static enum sp_err put_all(const struct engine_ops *ops, struct engine *e, struct vault *vault,
                           const struct gathering *g)
{
    struct store_set set = {0};
    enum sp_err err = ops->erase_all(e);

    for (size_t i = 0; err == SP_OK && i < g->count; i++)
        err = store_row_apply(ops, e, vault, &g->items[i], &set);
    return err == SP_OK ? store_set_write(ops, e, vault, &set) : err;
}

static enum sp_err reseal_in_transaction(struct store *s)
{
    struct gathering g = {.vault = s->options.vault};
    char error[VAULT_ERROR_SIZE];
    enum sp_err err = s->ops->each(s->writer, NULL, NULL, gather, &g);

    if (err == SP_OK && g.spoiled > 0)
        err = SP_ECRYPTO; /* they would be sealed as good, or lost */
    if (err == SP_OK)
        err = vault_rotate_begin(s->options.vault, error);
    if (err == SP_OK) {
        err = put_all(s->ops, s->writer, s->options.vault, &g);
        bool is_certain = err != SP_OK;
        if (err == SP_OK)
            err = s->ops->commit(s->writer);
        if (err != SP_OK)
            vault_rotate_stop(s->options.vault, is_certain);
    }
    clear(&g);
    return err;
}

enum sp_err store_reseal(struct store *s)
{
    char error[VAULT_ERROR_SIZE];
    enum sp_err err = s->ops->begin(s->writer, true);

    if (err != SP_OK)
        return err;
    err = reseal_in_transaction(s);
    if (err != SP_OK) {
        s->ops->rollback(s->writer);
        return err;
    }
    return vault_rotate_end(s->options.vault, error);
}

/* ---- repair ---- */

static enum sp_err repair(const struct engine_ops *ops, struct engine *e, struct vault *vault,
                          size_t *removed)
{
    struct gathering g = {.vault = vault};
    enum sp_err err = ops->begin(e, true);

    if (err != SP_OK)
        return err;
    err = ops->each(e, NULL, NULL, gather, &g);
    if (err == SP_OK)
        err = put_all(ops, e, vault, &g);
    if (err == SP_OK)
        err = ops->commit(e);
    if (err != SP_OK)
        ops->rollback(e);
    *removed = g.spoiled;
    clear(&g);
    return err;
}

enum sp_err store_repair(const struct store_options *options, size_t *removed, char *error)
{
    const struct engine_ops *ops = &engine_sqlite;
    struct engine *e = NULL;
    enum sp_err err = ops->open(options->path, false, &e, error);

    if (err == SP_OK)
        err = store_settle_key(ops, e, options->vault, error);
    if (err == SP_OK) {
        err = repair(ops, e, options->vault, removed);
        if (err != SP_OK)
            snprintf(error, STORE_ERROR_SIZE, "the store %s: %s", options->path,
                     store_explain(err));
    }
    ops->close(e);
    return err;
}
