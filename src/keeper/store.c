/* SPDX-License-Identifier: Apache-2.0
 * The store: opened and checked as a whole, read once, written through the queue.
 */
#include "keeper/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/store_priv.h"

const char *store_explain(enum sp_err err)
{
    switch (err) {
    case SP_OK:
        return "done";
    case SP_ETIME:
        return "the store is locked by another process; nothing was changed";
    case SP_ESPACE:
        return "the disk or the queue of writes is full; nothing was changed";
    case SP_ESTATE:
        return "the store takes no more changes: the service is stopping or has handed over";
    case SP_ECRYPTO:
        return "a row of the store is damaged; restart the service, which names it";
    case SP_EDENIED:
        return "the store is sealed with another master key";
    case SP_EVALUE:
        return "the store is damaged; put a backup back (docs/operations.md)";
    case SP_ELIMIT:
        return "that is more than the store takes; nothing was changed";
    case SP_ESYS:
    case SP_ESHORT:
    case SP_ETRAIL:
    case SP_ECLOSED:
    case SP_ERR_COUNT:
    default:
        return "the store could not be written; look at its disk";
    }
}

/* ---- opening ---- */

static enum sp_err say(const struct store *s, enum sp_err err, const char *what, char *error)
{
    snprintf(error, STORE_ERROR_SIZE, "the store %s: %s", s->path, what);
    return err;
}

struct counting {
    const struct store *store;
    struct store_set set;
    size_t bad;
};

static bool count_row(void *ctx, const struct engine_row *row)
{
    struct counting *c = ctx;

    store_set_add(c->store->options.vault, row, &c->set);
    return true;
}

/* A new database gets its first values; in another all rows are those that were written last. */
static enum sp_err check_rows(struct store *s, char *error)
{
    struct vault *vault = s->options.vault;
    struct counting counting = {.store = s};
    struct store_set set;
    bool is_there;
    enum sp_err err = store_set_read(s->ops, s->writer, vault, &set, &is_there);

    if (err != SP_OK)
        return say(s, err, "the digest over its rows was damaged or edited; put a backup back",
                   error);
    err = s->ops->each(s->writer, NULL, NULL, count_row, &counting);
    if (err != SP_OK)
        return say(s, err, store_explain(err), error);
    if (!is_there && counting.set.count == 0)
        return store_set_write(s->ops, s->writer, vault, &set);
    if (is_there && counting.set.count == set.count &&
        sp_equal_ct(counting.set.sum, set.sum, sizeof(set.sum)))
        return SP_OK;
    return say(s, SP_ECRYPTO,
               "rows were taken away, put back or edited by somebody else than the service; put a "
               "backup back, or accept the loss with: sallyport vault repair",
               error);
}

static enum sp_err check_all(struct store *s, char *error)
{
    enum sp_err err = s->ops->check(s->writer, error);

    if (err == SP_OK)
        err = store_settle_key(s->ops, s->writer, s->options.vault, error);
    if (err != SP_OK)
        return err;
    err = s->ops->begin(s->writer, true);
    if (err != SP_OK)
        return say(s, err, store_explain(err), error);
    err = check_rows(s, error);
    if (err != SP_OK) {
        s->ops->rollback(s->writer);
        return err;
    }
    err = s->ops->commit(s->writer);
    return err == SP_OK ? SP_OK : say(s, err, store_explain(err), error);
}

enum sp_err store_open(const struct store_options *options, struct store **out, char *error)
{
    struct store *s = calloc(1, sizeof(*s));
    enum sp_err err;

    SP_BUG(s == NULL || options->vault == NULL);
    s->options = *options;
    s->ops = &engine_sqlite;
    int n = snprintf(s->path, sizeof(s->path), "%s", options->path);
    error[0] = '\0';
    err = n > 0 && (size_t)n < sizeof(s->path) ? s->ops->open(s->path, true, &s->writer, error)
                                               : say(s, SP_ELIMIT, "the path is too long", error);
    if (err == SP_OK)
        err = check_all(s, error);
    if (err == SP_OK) {
        err = store_writer_start(s);
        if (err != SP_OK)
            say(s, err, strerror(errno), error);
    }
    if (err == SP_OK)
        *out = s;
    else
        store_close(s);
    return err;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    store_writer_stop(s);
    s->ops->close(s->writer);
    free(s);
}

/* ---- reading ---- */

struct reading {
    struct store *store;
    enum store_kind kind;
    store_row_fn *row_fn;
    void *ctx;
    size_t bad;
};

static bool give_row(void *ctx, const struct engine_row *lying)
{
    struct reading *r = ctx;
    struct store_opened opened;
    const char *why;

    if (store_row_open(r->store->options.vault, lying, &opened, &why) != SP_OK) {
        r->bad++;
        if (r->store->options.on_bad != NULL)
            r->store->options.on_bad(r->store->options.ctx, r->kind, lying->id, why);
        return true;
    }
    struct store_row row = {.kind = opened.kind,
                            .id = lying->id,
                            .body = opened.body,
                            .secret = opened.secret.bytes,
                            .secret_size = opened.secret.size};
    r->row_fn(r->ctx, &row);
    store_opened_clear(&opened);
    return true;
}

enum sp_err store_read(struct store *s, enum store_kind kind, store_row_fn *row_fn, void *ctx,
                       size_t *bad)
{
    struct reading reading = {s, kind, row_fn, ctx, 0};
    char error[STORE_ERROR_SIZE];
    struct engine *e = NULL;
    enum sp_err err = s->ops->open(s->path, false, &e, error);

    if (err == SP_OK)
        err = s->ops->begin(e, false);
    if (err == SP_OK)
        err = s->ops->each(e, store_kind_name(kind), NULL, give_row, &reading);
    if (e != NULL)
        s->ops->rollback(e);
    s->ops->close(e);
    if (bad != NULL)
        *bad = reading.bad;
    return err;
}

/* ---- writing ---- */

void store_changes_clear(struct store_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_decref(changes[i].body);
        changes[i].body = NULL;
        secret_clear(&changes[i].secret);
    }
}

static enum sp_err take_change(const struct store_change *change, struct store_item *item)
{
    if ((unsigned)change->kind >= STORE_KIND_COUNT || change->id[0] == '\0' ||
        memchr(change->id, '\0', sizeof(change->id)) == NULL)
        return SP_EVALUE;
    *item = (struct store_item){.kind = change->kind, .is_delete = change->is_delete};
    item->id = strdup(change->id);
    SP_BUG(item->id == NULL);
    if (change->is_delete)
        return SP_OK;
    if (!json_is_object(change->body) || change->secret.size > sizeof(change->secret.bytes))
        return SP_EVALUE;
    item->body = json_dumps(change->body, JSON_COMPACT);
    if (item->body == NULL)
        return SP_EVALUE; /* not UTF-8 */
    item->body_size = strlen(item->body);
    item->secret = change->secret;
    return item->body_size <= STORE_BODY_MAX ? SP_OK : SP_ELIMIT;
}

static enum sp_err take_changes(const struct store_change *changes, struct store_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        enum sp_err err = take_change(&changes[i], &job->items[i]);

        if (err != SP_OK)
            return err;
        job->bytes += sizeof(job->items[i]) + job->items[i].body_size;
    }
    return SP_OK;
}

static struct store_job *job_new(size_t count, store_done_fn *done, void *ctx)
{
    struct store_job *job = calloc(1, sizeof(*job));

    SP_BUG(job == NULL);
    job->items = calloc(count + 1, sizeof(*job->items));
    SP_BUG(job->items == NULL);
    job->count = count;
    job->done = done;
    job->ctx = ctx;
    return job;
}

enum sp_err store_write(struct store *s, struct store_change *changes, size_t count,
                        store_done_fn *done, void *ctx)
{
    struct store_job *job = NULL;
    enum sp_err err = SP_ELIMIT;

    if (count <= STORE_CHANGES_MAX) {
        job = job_new(count, done, ctx);
        err = take_changes(changes, job);
        if (err == SP_OK)
            err = store_writer_queue(s, job);
        if (err != SP_OK)
            store_job_free(job);
    }
    store_changes_clear(changes, count);
    return err;
}

enum sp_err store_rotate(struct store *s, store_done_fn *done, void *ctx)
{
    struct store_job *job = job_new(0, done, ctx);
    enum sp_err err;

    job->is_rotation = true;
    err = store_writer_queue(s, job);
    if (err != SP_OK)
        store_job_free(job);
    return err;
}

enum sp_err store_backup(const char *from, const char *to, char *error)
{
    return engine_sqlite.backup(from, to, error);
}
