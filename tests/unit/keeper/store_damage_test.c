/* SPDX-License-Identifier: Apache-2.0
 * A damaged database: whatever a broken disk makes of the files, the store is refused with a
 * message, or every row that it gives is one that was written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/store_lab.h"

#define PAGE    4096
#define STRIDE  61 /* of the sweep in a normal run; every byte with ./test --long */
#define COMMITS 6

static struct store_lab lab;

struct file {
    uint8_t *bytes;
    size_t size;
};

static struct file load(const char *suffix)
{
    struct file f = {0};
    char path[128];

    snprintf(path, sizeof(path), "%s%s", lab.path, suffix);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    f.size = (size_t)ftell(in);
    rewind(in);
    f.bytes = malloc(f.size);
    assert_non_null(f.bytes);
    assert_int_equal(fread(f.bytes, 1, f.size, in), f.size);
    fclose(in);
    return f;
}

static void save(const char *suffix, const uint8_t *bytes, size_t size)
{
    char path[128];

    snprintf(path, sizeof(path), "%s%s", lab.path, suffix);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

static void forget_logs(void)
{
    static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
    char path[128];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", lab.path, suffixes[i]);
        unlink(path);
    }
}

static int start(void **state)
{
    (void)state;
    lab_start(&lab);
    for (int i = 0; i < COMMITS; i++) {
        char id[16], body[32], secret[32];

        snprintf(id, sizeof(id), "person%d", i);
        snprintf(body, sizeof(body), "{\"n\":%d}", i);
        snprintf(secret, sizeof(secret), "the secret of %d", i);
        assert_int_equal(lab_put(&lab, STORE_USER, id, body, secret), SP_OK);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    forget_logs();
    lab_stop(&lab);
    return 0;
}

/* A row that is given out is one that was written, whole. */
static void on_row(void *ctx, const struct store_row *row)
{
    json_int_t n = json_integer_value(json_object_get(row->body, "n"));
    char want[32];

    assert_in_range(n, 0, COMMITS - 1);
    assert_int_equal(json_object_size(row->body), 1);
    snprintf(want, sizeof(want), "person%d", (int)n);
    assert_string_equal(row->id, want);
    snprintf(want, sizeof(want), "the secret of %d", (int)n);
    assert_int_equal(row->secret_size, strlen(want));
    assert_memory_equal(row->secret, want, row->secret_size);
    (*(size_t *)ctx)++;
}

/* Open what is there now. Returns SP_OK and the rows, or the refusal, which says why. */
static enum sp_err look(size_t *good, size_t *bad)
{
    struct store_options options = {lab.path, NULL, lab.vault, NULL, NULL};
    struct store *store = NULL;

    *good = *bad = 0;
    lab.error[0] = '\0';
    enum sp_err err = store_open(&options, &store, lab.error);
    if (err != SP_OK) {
        assert_null(store);
        assert_true(strlen(lab.error) > 10);
        return err;
    }
    err = store_read(store, STORE_USER, on_row, good, bad);
    store_close(store);
    return err;
}

static void rest(void)
{
    store_close(lab.store); /* the key stays open */
    lab.store = NULL;
}

static void every_byte_flipped(void **state)
{
    size_t step = getenv("SALLYPORT_LONG") != NULL ? 1 : STRIDE;
    size_t good, bad, refused = 0, whole = 0;

    (void)state;
    rest();
    struct file db = load("");
    for (size_t at = 0; at < db.size; at += step) {
        uint8_t kept = db.bytes[at];

        db.bytes[at] ^= 0xFF;
        save("", db.bytes, db.size);
        db.bytes[at] = kept;
        enum sp_err err = look(&good, &bad);
        forget_logs();
        if (err == SP_OK && good + bad != COMMITS)
            fail_msg("byte %zu: %zu good and %zu bad rows", at, good, bad);
        refused += err != SP_OK ? 1 : 0;
        whole += err == SP_OK && bad == 0 ? 1 : 0;
    }
    assert_true(refused > 0);
    assert_true(whole > 0); /* free space says nothing: the check is no mere "was it changed" */
    free(db.bytes);
}

static void every_page_zeroed(void **state)
{
    size_t good, bad;

    (void)state;
    rest();
    struct file db = load("");
    assert_true(db.size >= 2 * PAGE && db.size % PAGE == 0);
    for (size_t at = 0; at < db.size; at += PAGE) {
        uint8_t kept[PAGE];

        memcpy(kept, db.bytes + at, PAGE);
        memset(db.bytes + at, 0, PAGE);
        save("", db.bytes, db.size);
        memcpy(db.bytes + at, kept, PAGE);
        enum sp_err err = look(&good, &bad);
        forget_logs();
        if (err == SP_OK)
            fail_msg("the page at %zu is zero, and the store opens", at);
    }
    for (size_t size = PAGE; size < db.size; size += PAGE) { /* cut off */
        save("", db.bytes, size);
        assert_int_not_equal(look(&good, &bad), SP_OK);
        forget_logs();
    }
    free(db.bytes);
}

/* Power fails while the log is written: an earlier state, whole, and never less than the last
 * checkpoint. */
static void truncated_log(void **state)
{
    size_t good, bad, before = 0;

    (void)state;
    struct file db = load(""), wal = load("-wal");
    assert_true(wal.size > 0);
    rest();
    for (size_t size = 0; size <= wal.size; size += size + 515 < wal.size ? 515 : wal.size - size) {
        forget_logs();
        save("", db.bytes, db.size);
        save("-wal", wal.bytes, size);
        if (look(&good, &bad) == SP_OK) {
            assert_int_equal(bad, 0);
            assert_true(good >= before); /* more of the log, no fewer rows */
            before = good;
        }
        if (size == wal.size)
            break;
    }
    assert_int_equal(before, COMMITS);
    free(wal.bytes);
    free(db.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_byte_flipped, start, stop),
        cmocka_unit_test_setup_teardown(every_page_zeroed, start, stop),
        cmocka_unit_test_setup_teardown(truncated_log, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
