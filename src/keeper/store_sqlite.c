/* SPDX-License-Identifier: Apache-2.0
 * The engine that keeps the store in one SQLite file. All SQL of the project is here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "keeper/store_engine.h"

#define BUSY_MS        4000
#define APPLICATION_ID 1397899345 /* "SRDQ": ours, and nobody else's SQLite file */
#define SCHEMA_VERSION 1
#define CACHE_KIB      4096

struct engine {
    sqlite3 *db;
    sqlite3_stmt *put, *erase, *put_value;
};

/* migrations[i] leads from version i to version i + 1. */
static const char *const migrations[SCHEMA_VERSION] = {
    "CREATE TABLE kind (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"
    "CREATE TABLE object ("
    "  kind TEXT NOT NULL REFERENCES kind (name),"
    "  id TEXT NOT NULL CHECK (length(id) > 0),"
    "  body TEXT NOT NULL,"
    "  sealed BLOB NOT NULL,"
    "  PRIMARY KEY (kind, id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE value (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO kind VALUES ('user'), ('group'), ('target'), ('rule'), ('factor'), ('ticket'),"
    "  ('request'), ('grant'), ('guard');",
};

static enum sp_err error_of(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return SP_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SP_ETIME;
    case SQLITE_FULL:
        return SP_ESPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR: /* a table of ours is not there, or is another */
        return SP_EVALUE;
    default:
        return SP_ESYS;
    }
}

static enum sp_err run(struct engine *e, const char *sql)
{
    return error_of(sqlite3_exec(e->db, sql, NULL, NULL, NULL));
}

/* ---- opening ---- */

static enum sp_err say(char *error, enum sp_err err, const char *where, const char *what)
{
    snprintf(error, STORE_ERROR_SIZE, "the store %s %s", where, what);
    return err;
}

static enum sp_err say_code(char *error, int code, const char *where)
{
    enum sp_err err = error_of(code);

    if (err == SP_EVALUE)
        return say(error, err, where,
                   "is damaged or not Sallyport's; put a backup back (docs/operations.md)");
    if (err == SP_ETIME)
        return say(error, err, where, "is locked by another process; end that one");
    return say(error, err, where, sqlite3_errstr(code));
}

static int pragma_number(struct engine *e, const char *sql, int *out)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(e->db, sql, -1, &s, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_CORRUPT : code;
}

static int set_up(struct engine *e)
{
    static const char settings[] = "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cell_size_check = ON;"
                                   "PRAGMA secure_delete = ON;"
                                   "PRAGMA temp_store = MEMORY;";

    sqlite3_extended_result_codes(e->db, 1);
    sqlite3_busy_timeout(e->db, BUSY_MS);
    sqlite3_db_config(e->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(e->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(e->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return sqlite3_exec(e->db, settings, NULL, NULL, NULL);
}

static enum sp_err migrate(struct engine *e, const char *where, int version, char *error)
{
    char sql[96];
    int code = sqlite3_exec(e->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    /* Somebody may have been faster. */
    if (code == SQLITE_OK)
        code = pragma_number(e, "PRAGMA user_version", &version);
    for (; code == SQLITE_OK && version < SCHEMA_VERSION; version++)
        code = sqlite3_exec(e->db, migrations[version], NULL, NULL, NULL);
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             APPLICATION_ID, SCHEMA_VERSION);
    if (code == SQLITE_OK)
        code = sqlite3_exec(e->db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        sqlite3_exec(e->db, "ROLLBACK", NULL, NULL, NULL);
    return code == SQLITE_OK ? SP_OK : say_code(error, code, where);
}

static enum sp_err check_version(struct engine *e, const char *where, bool is_made, char *error)
{
    int version = 0, id = 0;
    int code = pragma_number(e, "PRAGMA user_version", &version);

    if (code == SQLITE_OK)
        code = pragma_number(e, "PRAGMA application_id", &id);
    if (code != SQLITE_OK)
        return say_code(error, code, where);
    if (is_made)
        return migrate(e, where, 0, error);
    if (id == APPLICATION_ID && version == SCHEMA_VERSION)
        return SP_OK;
    if (id == APPLICATION_ID && version > SCHEMA_VERSION)
        return say(error, SP_EVALUE, where,
                   "was written by a newer Sallyport; start that one, or put a backup back");
    if (id != APPLICATION_ID || version < 1)
        return say(error, SP_EVALUE, where,
                   "is empty or another program's; put a backup back, or move it away");
    return migrate(e, where, version, error);
}

static enum sp_err prepare_all(struct engine *e, const char *where, char *error)
{
    const struct {
        const char *sql;
        sqlite3_stmt **to;
    } all[] = {
        {"INSERT OR REPLACE INTO object (kind, id, body, sealed) VALUES (?1, ?2, ?3, ?4)", &e->put},
        {"DELETE FROM object WHERE kind = ?1 AND id = ?2", &e->erase},
        {"INSERT OR REPLACE INTO value (name, value) VALUES (?1, ?2)", &e->put_value},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        int code =
            sqlite3_prepare_v3(e->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, all[i].to, NULL);
        if (code != SQLITE_OK)
            return say_code(error, code, where);
    }
    return SP_OK;
}

static void engine_close(struct engine *e)
{
    if (e == NULL)
        return;
    sqlite3_finalize(e->put);
    sqlite3_finalize(e->erase);
    sqlite3_finalize(e->put_value);
    sqlite3_close(e->db);
    free(e);
}

static enum sp_err check_file(const char *where, char *error)
{
    SP_FD fd = open(where, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return say(error, SP_ECLOSED, where, "is not there");
    if (fd < 0 || fstat(fd, &st) != 0)
        return say(error, SP_ESYS, where, strerror(errno));
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        return say(error, SP_EDENIED, where,
                   "is open to others or not a regular file; run: chmod 0600 on it");
    return SP_OK;
}

static enum sp_err connect_to(const char *where, bool is_made, struct engine **out, char *error)
{
    struct engine *e = calloc(1, sizeof(*e));
    int code;

    SP_BUG(e == NULL);
    code = sqlite3_open_v2(
        where, &e->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (code == SQLITE_OK)
        code = set_up(e);
    enum sp_err err =
        code == SQLITE_OK ? check_version(e, where, is_made, error) : say_code(error, code, where);
    if (err == SP_OK)
        err = prepare_all(e, where, error);
    if (err == SP_OK)
        *out = e;
    else
        engine_close(e);
    return err;
}

static bool flush(const char *path, int flags)
{
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC | flags);

    return fd >= 0 && fsync(fd) == 0;
}

/* An empty file at the store's own name is a store that was lost; so a new one is made beside. */
static enum sp_err make_database(const char *where, char *error)
{
    char made[VAULT_PATH_SIZE + 8], folder[VAULT_PATH_SIZE];
    struct engine *e = NULL;
    char *slash;

    snprintf(made, sizeof(made), "%s.new", where);
    snprintf(folder, sizeof(folder), "%s", where);
    slash = strrchr(folder, '/');
    SP_BUG(slash == NULL);
    slash[1] = '\0';
    if (unlink(made) != 0 && errno != ENOENT)
        return say(error, SP_ESYS, where, strerror(errno));
    SP_FD fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return say(error, SP_ESYS, where, strerror(errno));
    enum sp_err err = connect_to(made, true, &e, error);
    engine_close(err == SP_OK ? e : NULL); /* the last one to close writes the log back */
    if (err == SP_OK &&
        (!flush(made, 0) || rename(made, where) != 0 || !flush(folder, O_DIRECTORY)))
        err = say(error, SP_ESYS, where, strerror(errno));
    return err;
}

static enum sp_err engine_open(const char *where, bool may_make, struct engine **out, char *error)
{
    enum sp_err err = check_file(where, error);

    if (err == SP_ECLOSED && may_make) {
        err = make_database(where, error);
        if (err == SP_OK)
            err = check_file(where, error);
    }
    return err == SP_OK ? connect_to(where, false, out, error) : err;
}

/* Nothing but our own tables: what else could act on its own. */
static enum sp_err engine_check(struct engine *e, char *error)
{
    const char *where = sqlite3_db_filename(e->db, "main");
    sqlite3_stmt *s = NULL;
    int strange = 0;
    int code = sqlite3_prepare_v2(e->db, "PRAGMA integrity_check(1)", -1, &s, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    bool is_whole = code == SQLITE_ROW && sqlite3_column_type(s, 0) == SQLITE_TEXT &&
                    strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    sqlite3_finalize(s);
    if (code != SQLITE_ROW)
        return say_code(error, code, where);
    code = pragma_number(e,
                         "SELECT count(*) FROM sqlite_schema WHERE type <> 'table' OR "
                         "name NOT IN ('kind', 'object', 'value')",
                         &strange);
    if (code == SQLITE_OK && (!is_whole || strange != 0))
        code = SQLITE_CORRUPT;
    return code == SQLITE_OK ? SP_OK : say_code(error, code, where);
}

/* ---- transactions and rows ---- */

static enum sp_err engine_begin(struct engine *e, bool will_write)
{
    return run(e, will_write ? "BEGIN IMMEDIATE" : "BEGIN");
}

static void engine_rollback(struct engine *e)
{
    if (sqlite3_get_autocommit(e->db) == 0)
        (void)run(e, "ROLLBACK");
}

static enum sp_err engine_commit(struct engine *e)
{
    enum sp_err err = run(e, "COMMIT");

    if (err != SP_OK)
        engine_rollback(e);
    return err;
}

/* Run a prepared statement that gives no rows, and let go of what it was bound to. */
static enum sp_err finish(sqlite3_stmt *s, int code)
{
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return error_of(code);
}

static enum sp_err engine_put(struct engine *e, const struct engine_row *row)
{
    int code = sqlite3_bind_text(e->put, 1, row->kind, -1, SQLITE_STATIC);

    if (code == SQLITE_OK)
        code = sqlite3_bind_text(e->put, 2, row->id, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(e->put, 3, row->body, (int)row->body_size, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_blob(e->put, 4, row->sealed, (int)row->sealed_size, SQLITE_STATIC);
    return finish(e->put, code);
}

static enum sp_err engine_erase(struct engine *e, const char *kind, const char *id)
{
    int code = sqlite3_bind_text(e->erase, 1, kind, -1, SQLITE_STATIC);

    if (code == SQLITE_OK)
        code = sqlite3_bind_text(e->erase, 2, id, -1, SQLITE_STATIC);
    return finish(e->erase, code);
}

static enum sp_err engine_erase_all(struct engine *e)
{
    return run(e, "DELETE FROM object");
}

/* A text without a NUL inside; else what stands there is damaged, and shows as nothing. */
static const char *column_text(sqlite3_stmt *s, int at)
{
    const char *text = (const char *)sqlite3_column_text(s, at);

    return text != NULL && strlen(text) == (size_t)sqlite3_column_bytes(s, at) ? text : "";
}

static bool give_row(sqlite3_stmt *s, engine_row_fn *fn, void *ctx)
{
    struct engine_row row = {.kind = column_text(s, 0), .id = column_text(s, 1)};

    row.body = (const char *)sqlite3_column_text(s, 2);
    row.body_size = row.body != NULL ? (size_t)sqlite3_column_bytes(s, 2) : 0;
    row.body = row.body != NULL ? row.body : "";
    row.sealed = sqlite3_column_blob(s, 3);
    row.sealed_size = row.sealed != NULL ? (size_t)sqlite3_column_bytes(s, 3) : 0;
    return fn(ctx, &row);
}

static enum sp_err engine_each(struct engine *e, const char *kind, const char *id,
                               engine_row_fn *fn, void *ctx)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(e->db,
                                  id != NULL     ? "SELECT kind, id, body, sealed FROM object "
                                                   "WHERE kind = ?1 AND id = ?2"
                                  : kind != NULL ? "SELECT kind, id, body, sealed FROM object "
                                                   "WHERE kind = ?1 ORDER BY id"
                                                 : "SELECT kind, id, body, sealed FROM object "
                                                   "ORDER BY kind, id",
                                  -1, &s, NULL);

    if (code == SQLITE_OK && kind != NULL)
        code = sqlite3_bind_text(s, 1, kind, -1, SQLITE_STATIC);
    if (code == SQLITE_OK && id != NULL)
        code = sqlite3_bind_text(s, 2, id, -1, SQLITE_STATIC);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(s);
        if (code == SQLITE_ROW && !give_row(s, fn, ctx))
            break;
    }
    sqlite3_finalize(s);
    return error_of(code);
}

static enum sp_err engine_get_value(struct engine *e, const char *name, uint8_t *out, size_t *size)
{
    sqlite3_stmt *s = NULL;
    size_t room = *size;
    int code = sqlite3_prepare_v2(e->db, "SELECT value FROM value WHERE name = ?1", -1, &s, NULL);

    *size = 0;
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code == SQLITE_ROW && (size_t)sqlite3_column_bytes(s, 0) <= room) {
        *size = (size_t)sqlite3_column_bytes(s, 0);
        if (*size > 0)
            memcpy(out, sqlite3_column_blob(s, 0), *size);
    } else if (code == SQLITE_ROW) {
        code = SQLITE_CORRUPT;
    }
    sqlite3_finalize(s);
    return error_of(code);
}

static enum sp_err engine_put_value(struct engine *e, const char *name, const uint8_t *value,
                                    size_t size)
{
    int code = sqlite3_bind_text(e->put_value, 1, name, -1, SQLITE_STATIC);

    if (code == SQLITE_OK)
        code = sqlite3_bind_blob(e->put_value, 2, value, (int)size, SQLITE_STATIC);
    return finish(e->put_value, code);
}

/* ---- backup ---- */

/* Copy all pages in one step: readers and a writer of the original are not disturbed by it. */
static int copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    int code;

    if (b == NULL)
        return sqlite3_errcode(to);
    code = sqlite3_backup_step(b, -1);
    sqlite3_backup_finish(b);
    if (code == SQLITE_DONE) /* one file, without a log beside it */
        code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    return code;
}

static enum sp_err engine_backup(const char *from, const char *to, char *error)
{
    struct engine *e = NULL;
    sqlite3 *copy = NULL;
    enum sp_err err = engine_open(from, false, &e, error);
    int code;

    if (err != SP_OK)
        return err;
    SP_FD fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        engine_close(e);
        snprintf(error, STORE_ERROR_SIZE, "%s cannot be made: it exists, or its folder does not",
                 to);
        return SP_ESYS;
    }
    code = sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
    if (code == SQLITE_OK)
        code = copy_pages(e->db, copy);
    sqlite3_close(copy);
    engine_close(e);
    if (code == SQLITE_OK && flush(to, 0))
        return SP_OK;
    unlink(to);
    return say(error, code == SQLITE_OK ? SP_ESYS : error_of(code), to,
               code == SQLITE_OK ? "cannot be flushed" : sqlite3_errstr(code));
}

const struct engine_ops engine_sqlite = {
    .open = engine_open,
    .check = engine_check,
    .close = engine_close,
    .begin = engine_begin,
    .commit = engine_commit,
    .rollback = engine_rollback,
    .put = engine_put,
    .erase = engine_erase,
    .erase_all = engine_erase_all,
    .each = engine_each,
    .get_value = engine_get_value,
    .put_value = engine_put_value,
    .backup = engine_backup,
};
