/* SPDX-License-Identifier: Apache-2.0
 * The store: what is written is there after a restart, and what was tampered with is not used.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "support/store_lab.h"

static struct store_lab lab;

static int start(void **state)
{
    (void)state;
    lab_start(&lab);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    lab_stop(&lab);
    return 0;
}

static void written_is_kept(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{\"a\":1}", "hash"), SP_OK);
    assert_int_equal(lab_put(&lab, STORE_USER, "bob", "{\"b\":2}", NULL), SP_OK);
    assert_int_equal(lab_put(&lab, STORE_GRANT, "alice", "{}", NULL), SP_OK);
    assert_int_equal(lab_restart(&lab), SP_OK);
    assert_int_equal(lab_read(&lab, STORE_USER), SP_OK);
    assert_int_equal(lab.good, 2);
    assert_int_equal(lab.bad, 0);
    assert_string_equal(lab.last_id, "bob");
    assert_string_equal(lab.last_body, "{\"b\":2}");
    assert_int_equal(lab.last_secret_size, 0);
    assert_int_equal(lab_erase(&lab, STORE_USER, "bob"), SP_OK);
    assert_int_equal(lab_erase(&lab, STORE_USER, "nobody"), SP_OK);
    assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{\"a\":3}", "other"), SP_OK);
    assert_int_equal(lab_restart(&lab), SP_OK);
    assert_int_equal(lab_read(&lab, STORE_USER), SP_OK);
    assert_int_equal(lab.good, 1);
    assert_string_equal(lab.last_body, "{\"a\":3}");
    assert_memory_equal(lab.last_secret, "other", 5);
    assert_int_equal(stat(lab.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void on_done(void *ctx, enum sp_err err)
{
    *(enum sp_err *)ctx = err;
}

static void refused_writes(void **state)
{
    struct store_change c = {.kind = STORE_USER, .body = json_array()};
    enum sp_err done = SP_ERR_COUNT;
    char *large = malloc(STORE_BODY_MAX + 1);

    (void)state;
    assert_int_equal(store_write(lab.store, &c, 1, on_done, &done), SP_EVALUE); /* no id */
    assert_null(c.body);
    snprintf(c.id, sizeof(c.id), "x");
    c.body = json_array();
    assert_int_equal(store_write(lab.store, &c, 1, on_done, &done), SP_EVALUE); /* no object */
    memset(large, 'a', STORE_BODY_MAX);
    large[STORE_BODY_MAX] = '\0';
    c.body = json_pack("{s:s}", "text", large);
    free(large);
    assert_int_equal(store_write(lab.store, &c, 1, on_done, &done), SP_ELIMIT);
    store_freeze(lab.store);
    c.body = json_object();
    assert_int_equal(store_write(lab.store, &c, 1, on_done, &done), SP_ESTATE);
    assert_int_equal(done, SP_ERR_COUNT); /* it was never called */
}

/* Another process holds the database: writes wait, the caller does not, and the queue is bounded.
 */
static void locked_database(void **state)
{
    static enum sp_err done[STORE_QUEUE_MAX + 1];
    struct timespec before, after;
    sqlite3 *other = NULL;
    enum sp_err err = SP_OK;
    size_t accepted = 0;

    (void)state;
    assert_int_equal(sqlite3_open(lab.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    clock_gettime(CLOCK_MONOTONIC, &before);
    while (err == SP_OK && accepted <= STORE_QUEUE_MAX) {
        struct store_change c = {.kind = STORE_USER, .id = "x", .body = json_object()};

        done[accepted] = SP_ERR_COUNT;
        err = store_write(lab.store, &c, 1, on_done, &done[accepted]);
        accepted += err == SP_OK ? 1 : 0;
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(err, SP_ESPACE);
    assert_int_equal(accepted, STORE_QUEUE_MAX);
    assert_true(after.tv_sec - before.tv_sec <= 1);
    while (done[0] == SP_ERR_COUNT) /* the first one gives up after its four seconds */
        ev_run(lab.loop, EVRUN_NOWAIT);
    assert_int_equal(done[0], SP_ETIME);
    assert_non_null(strstr(store_explain(done[0]), "locked"));
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    store_flush(lab.store);
    assert_int_equal(done[STORE_QUEUE_MAX - 1], SP_OK);
}

static void done_comes_in_the_loop(void **state)
{
    struct store_change c = {.kind = STORE_USER, .id = "x", .body = json_object()};
    enum sp_err done = SP_ERR_COUNT;

    (void)state;
    assert_int_equal(store_write(lab.store, &c, 1, on_done, &done), SP_OK);
    assert_int_equal(done, SP_ERR_COUNT);
    while (done == SP_ERR_COUNT) {
        ev_ref(lab.loop); /* the store alone keeps no loop running */
        ev_run(lab.loop, EVRUN_ONCE);
        ev_unref(lab.loop);
    }
    assert_int_equal(done, SP_OK);
}

static void several_changes_are_one(void **state)
{
    struct store_change c[3] = {
        {.kind = STORE_USER, .id = "a", .body = json_object()},
        {.kind = STORE_USER, .id = "a", .body = json_pack("{s:i}", "n", 2)},
        {.kind = STORE_USER, .id = "b", .is_delete = true},
    };
    enum sp_err done = SP_ERR_COUNT;

    (void)state;
    assert_int_equal(lab_put(&lab, STORE_USER, "b", "{}", NULL), SP_OK);
    assert_int_equal(store_write(lab.store, c, 3, on_done, &done), SP_OK);
    assert_int_equal(lab_restart(&lab), SP_OK); /* closing finishes what is queued */
    assert_int_equal(done, SP_OK);
    assert_int_equal(lab_read(&lab, STORE_USER), SP_OK);
    assert_int_equal(lab.good, 1);
    assert_string_equal(lab.last_body, "{\"n\":2}");
}

/* What a thief with the file could try; each leaves a row that is bad or a store that is refused.
 */
static void tampering(void **state)
{
    static const struct {
        const char *sql;
        enum sp_err at_open;
        size_t good, bad;
    } tries[] = {
        {"UPDATE object SET body = '{\"admin\":true}' WHERE id = 'alice'", SP_OK, 1, 1},
        {"UPDATE object SET body = 'not json' WHERE id = 'alice'", SP_OK, 1, 1},
        {"UPDATE object SET sealed = x'0102' WHERE id = 'alice'", SP_ECRYPTO, 0, 0},
        {"UPDATE object SET id = 'carol' WHERE id = 'alice'", SP_ECRYPTO, 0, 0},
        {"UPDATE object SET kind = 'rule' WHERE id = 'alice'", SP_ECRYPTO, 0, 0},
        {"UPDATE object SET sealed = (SELECT sealed FROM object WHERE id = 'bob') "
         "WHERE id = 'alice'",
         SP_ECRYPTO, 0, 0},
        {"DELETE FROM object WHERE id = 'alice'", SP_ECRYPTO, 0, 0},
        {"DELETE FROM object", SP_ECRYPTO, 0, 0},
        {"DELETE FROM value WHERE name = 'set'", SP_ECRYPTO, 0, 0},
        {"UPDATE value SET value = x'00' WHERE name = 'set'", SP_EVALUE, 0, 0},
        {"UPDATE value SET value = x'0011223344556677' WHERE name = 'key'", SP_EDENIED, 0, 0},
        {"CREATE TRIGGER t AFTER INSERT ON object BEGIN DELETE FROM object; END", SP_EVALUE, 0, 0},
        {"PRAGMA user_version = 99", SP_EVALUE, 0, 0},
        {"PRAGMA application_id = 1", SP_EVALUE, 0, 0},
        {"DROP TABLE object", SP_ECRYPTO, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        if (i > 0) {
            lab_stop(&lab);
            lab_start(&lab);
        }
        assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{\"a\":1}", "alice's hash"), SP_OK);
        assert_int_equal(lab_put(&lab, STORE_USER, "bob", "{\"a\":1}", "bob's hash.."), SP_OK);
        lab_close(&lab);
        lab_sql(&lab, tries[i].sql);
        enum sp_err err = lab_restart(&lab);
        if (tries[i].at_open == SP_OK ? err != SP_OK : err == SP_OK)
            fail_msg("%s: %s", tries[i].sql, sp_err_name(err));
        if (err != SP_OK) {
            assert_non_null(strstr(lab.error, "store"));
            continue;
        }
        assert_int_equal(lab_read(&lab, STORE_USER), SP_OK);
        assert_int_equal(lab.good, tries[i].good);
        assert_int_equal(lab.bad, tries[i].bad);
        assert_string_equal(lab.last_id, "bob");
        assert_true(lab.why[0] != '\0');
    }
}

/* An older row put back in its place: its seal is good, the digest over all is not. */
static void replayed_row(void **state)
{
    (void)state;
    assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{\"disabled\":false}", "h"), SP_OK);
    lab_sql(&lab, "CREATE TABLE old AS SELECT * FROM object");
    assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{\"disabled\":true}", "h"), SP_OK);
    lab_close(&lab);
    lab_sql(&lab, "INSERT OR REPLACE INTO object SELECT * FROM old; DROP TABLE old");
    assert_int_equal(lab_restart(&lab), SP_ECRYPTO);
}

static void wrong_key(void **state)
{
    char key[128], kept[128];

    (void)state;
    assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{}", NULL), SP_OK);
    lab_close(&lab);
    snprintf(key, sizeof(key), "%s/master.key", lab.folder);
    snprintf(kept, sizeof(kept), "%s/old.db", lab.folder);
    assert_int_equal(rename(key, kept), 0);
    assert_int_equal(lab_restart(&lab), SP_ESYS);
    assert_non_null(strstr(lab.error, "missing"));
    lab.vault = vault_new_random();
    struct store_options options = {lab.path, NULL, lab.vault, NULL, NULL};
    assert_int_equal(store_open(&options, &lab.store, lab.error), SP_EDENIED);
    assert_non_null(strstr(lab.error, "is not the one"));
    assert_int_equal(rename(kept, key), 0);
    lab.store = NULL;
    assert_int_equal(lab_restart(&lab), SP_OK);
}

static void backup_and_repair(void **state)
{
    struct store_options options = {lab.path, NULL, NULL, NULL, NULL};
    char copy[128];
    size_t removed = 0;

    (void)state;
    assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{\"a\":1}", "hash"), SP_OK);
    assert_int_equal(lab_put(&lab, STORE_USER, "bob", "{}", NULL), SP_OK);
    snprintf(copy, sizeof(copy), "%s/copy.db", lab.folder);
    assert_int_equal(store_backup(lab.path, copy, lab.error), SP_OK); /* while it is open */
    assert_int_equal(store_backup(lab.path, copy, lab.error), SP_ESYS);
    lab_close(&lab);
    lab_sql(&lab, "UPDATE object SET sealed = x'00' WHERE id = 'alice'");
    assert_int_equal(lab_restart(&lab), SP_ECRYPTO);
    options.vault = lab.vault;
    assert_int_equal(store_repair(&options, &removed, lab.error), SP_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(lab_restart(&lab), SP_OK);
    assert_int_equal(lab_read(&lab, STORE_USER), SP_OK);
    assert_int_equal(lab.good, 1);
    lab_close(&lab);
    assert_int_equal(rename(copy, lab.path), 0);
    assert_int_equal(lab_restart(&lab), SP_OK);
    assert_int_equal(lab_read(&lab, STORE_USER), SP_OK);
    assert_int_equal(lab.good, 2);
}

static void rotation(void **state)
{
    uint8_t before[VAULT_ID_SIZE], after[VAULT_ID_SIZE];
    enum sp_err done = SP_ERR_COUNT;

    (void)state;
    assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{\"a\":1}", "hash"), SP_OK);
    vault_id(lab.vault, before);
    assert_int_equal(store_rotate(lab.store, on_done, &done), SP_OK);
    assert_int_equal(lab_put(&lab, STORE_USER, "bob", "{}", "other"), SP_OK);
    assert_int_equal(done, SP_OK);
    vault_id(lab.vault, after);
    assert_memory_not_equal(before, after, sizeof(before));
    assert_int_equal(lab_restart(&lab), SP_OK);
    assert_int_equal(lab_read(&lab, STORE_USER), SP_OK);
    assert_int_equal(lab.good, 2);
    assert_int_equal(lab.bad, 0);
}

/* Writes and says so, until it is killed. */
static _Noreturn void write_for_ever(int pipe_end, int round)
{
    char id[64];

    if (lab_restart(&lab) != SP_OK)
        _exit(1);
    for (int n = 0;; n++) {
        snprintf(id, sizeof(id), "%d-%d", round, n);
        if (lab_put(&lab, STORE_GRANT, id, "{}", "secret") != SP_OK || write(pipe_end, "", 1) != 1)
            _exit(1);
    }
}

/* kill -9 while it writes: what was acknowledged is there, and all of it is whole. */
static void killed_while_writing(void **state)
{
    size_t acknowledged = 0;
    char byte;

    (void)state;
    for (int round = 0; round < 10; round++) {
        int ends[2], status;

        lab_close(&lab);
        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        if (pid == 0)
            write_for_ever(ends[1], round);
        close(ends[1]);
        for (int n = 0; n <= round; n++) {
            assert_int_equal(read(ends[0], &byte, 1), 1);
            acknowledged++;
        }
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        while (read(ends[0], &byte, 1) == 1)
            acknowledged++;
        close(ends[0]);
        assert_int_equal(lab_restart(&lab), SP_OK);
        assert_int_equal(lab_read(&lab, STORE_GRANT), SP_OK);
        assert_true(lab.good >= acknowledged);
        assert_true(lab.good <= acknowledged + (size_t)round + 1);
        assert_int_equal(lab.bad, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(written_is_kept, start, stop),
        cmocka_unit_test_setup_teardown(refused_writes, start, stop),
        cmocka_unit_test_setup_teardown(locked_database, start, stop),
        cmocka_unit_test_setup_teardown(done_comes_in_the_loop, start, stop),
        cmocka_unit_test_setup_teardown(several_changes_are_one, start, stop),
        cmocka_unit_test_setup_teardown(tampering, start, stop),
        cmocka_unit_test_setup_teardown(replayed_row, start, stop),
        cmocka_unit_test_setup_teardown(wrong_key, start, stop),
        cmocka_unit_test_setup_teardown(backup_and_repair, start, stop),
        cmocka_unit_test_setup_teardown(rotation, start, stop),
        cmocka_unit_test_setup_teardown(killed_while_writing, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
