/* SPDX-License-Identifier: Apache-2.0
 * A store in a folder of its own, and short ways to write to it and to look into it.
 */
#include "support/store_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static void on_bad(void *ctx, enum store_kind kind, const char *id, const char *why)
{
    struct store_lab *lab = ctx;

    (void)kind;
    (void)id;
    snprintf(lab->why, sizeof(lab->why), "%s", why);
}

static enum sp_err open_all(struct store_lab *lab, bool may_make)
{
    struct vault_options key = {lab->folder, VAULT_FILE, "", may_make};
    struct store_options options = {lab->path, lab->loop, NULL, on_bad, lab};
    enum sp_err err = vault_open(&key, &lab->vault, lab->error);

    options.vault = lab->vault;
    return err == SP_OK ? store_open(&options, &lab->store, lab->error) : err;
}

void lab_start(struct store_lab *lab)
{
    memset(lab, 0, sizeof(*lab));
    snprintf(lab->folder, sizeof(lab->folder), "/tmp/sallyport-store.XXXXXX");
    assert_non_null(mkdtemp(lab->folder));
    snprintf(lab->path, sizeof(lab->path), "%s/store.db", lab->folder);
    lab->loop = ev_loop_new(EVFLAG_AUTO);
    assert_int_equal(open_all(lab, true), SP_OK);
}

void lab_close(struct store_lab *lab)
{
    store_close(lab->store);
    vault_free(lab->vault);
    lab->store = NULL;
    lab->vault = NULL;
}

enum sp_err lab_restart(struct store_lab *lab)
{
    lab_close(lab);
    return open_all(lab, false);
}

void lab_stop(struct store_lab *lab)
{
    static const char *const names[] = {"store.db",   "store.db-wal",   "store.db-shm",
                                        "master.key", "master.key.new", "copy.db",
                                        "old.db",     "passphrase",     "store.db.new"};
    char path[160];

    lab_close(lab);
    ev_loop_destroy(lab->loop);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", lab->folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(lab->folder), 0);
}

static void on_done(void *ctx, enum sp_err err)
{
    *(enum sp_err *)ctx = err;
}

static enum sp_err write_one(struct store_lab *lab, struct store_change *change)
{
    enum sp_err done = SP_ERR_COUNT;
    enum sp_err err = store_write(lab->store, change, 1, on_done, &done);

    if (err != SP_OK)
        return err;
    store_flush(lab->store);
    return done;
}

enum sp_err lab_put(struct store_lab *lab, enum store_kind kind, const char *id, const char *body,
                    const char *secret)
{
    struct store_change change = {.kind = kind, .body = json_loads(body, 0, NULL)};

    snprintf(change.id, sizeof(change.id), "%s", id);
    if (secret != NULL) {
        change.secret.size = strlen(secret);
        memcpy(change.secret.bytes, secret, strlen(secret));
    }
    return write_one(lab, &change);
}

enum sp_err lab_erase(struct store_lab *lab, enum store_kind kind, const char *id)
{
    struct store_change change = {.kind = kind, .is_delete = true};

    snprintf(change.id, sizeof(change.id), "%s", id);
    return write_one(lab, &change);
}

static void on_row(void *ctx, const struct store_row *row)
{
    struct store_lab *lab = ctx;
    char *body = json_dumps(row->body, JSON_COMPACT);

    lab->good++;
    snprintf(lab->last_id, sizeof(lab->last_id), "%s", row->id);
    snprintf(lab->last_body, sizeof(lab->last_body), "%s", body);
    lab->last_secret_size = row->secret_size;
    memcpy(lab->last_secret, row->secret, row->secret_size);
    free(body);
}

enum sp_err lab_read(struct store_lab *lab, enum store_kind kind)
{
    lab->good = 0;
    lab->why[0] = '\0';
    return store_read(lab->store, kind, on_row, lab, &lab->bad);
}

void lab_sql(struct store_lab *lab, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    assert_int_equal(sqlite3_open(lab->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}
