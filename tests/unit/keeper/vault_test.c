/* SPDX-License-Identifier: Apache-2.0
 * The master key on disk: raw, wrapped by a passphrase or a credential, damaged, and a rotation
 * that a crash interrupted at each of its steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/store_lab.h"

#define LONG_ENOUGH "correct horse battery staple\n"
#define TEXT_MAX    512

static struct store_lab lab;

static int start(void **state)
{
    (void)state;
    lab_start(&lab);
    assert_int_equal(lab_put(&lab, STORE_USER, "alice", "{\"a\":1}", "hash"), SP_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    lab_stop(&lab);
    return 0;
}

static const char *in_folder(const char *name)
{
    static char path[2][128];
    static unsigned at;
    char *out = path[at++ % 2];

    snprintf(out, sizeof(path[0]), "%s/%s", lab.folder, name);
    return out;
}

static void put(const char *name, const char *bytes, size_t size)
{
    FILE *f = fopen(in_folder(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(in_folder(name), 0600), 0);
}

static size_t get(const char *name, char text[TEXT_MAX])
{
    FILE *f = fopen(in_folder(name), "rb");

    assert_non_null(f);
    size_t n = fread(text, 1, TEXT_MAX, f);
    assert_in_range(n, 1, TEXT_MAX - 1);
    fclose(f);
    return n;
}

/* Open the key by itself; its id, if it opens. */
static enum sp_err open_key(enum vault_source source, const char *path, bool may_make,
                            uint8_t id[VAULT_ID_SIZE])
{
    struct vault_options options = {lab.folder, source, path, may_make};
    struct vault *vault = NULL;
    enum sp_err err = vault_open(&options, &vault, lab.error);

    assert_int_equal(err == SP_OK, vault != NULL);
    assert_int_equal(err == SP_OK, lab.error[0] == '\0');
    if (err == SP_OK)
        vault_id(vault, id);
    vault_free(vault);
    return err;
}

static void a_passphrase_wraps_it(void **state)
{
    uint8_t made[VAULT_ID_SIZE], id[VAULT_ID_SIZE];
    char text[TEXT_MAX], path[128];

    (void)state;
    lab_close(&lab);
    assert_int_equal(unlink(in_folder("master.key")), 0);
    snprintf(path, sizeof(path), "%s", in_folder("passphrase"));
    assert_int_equal(open_key(VAULT_PASSPHRASE, path, true, made), SP_ESYS); /* no such file */
    put("passphrase", "too short\n", 10);
    assert_int_equal(open_key(VAULT_PASSPHRASE, path, true, made), SP_EVALUE);
    assert_non_null(strstr(lab.error, "shorter than"));
    assert_int_not_equal(access(in_folder("master.key"), F_OK), 0);
    put("passphrase", LONG_ENOUGH, strlen(LONG_ENOUGH));
    assert_int_equal(open_key(VAULT_PASSPHRASE, path, true, made), SP_OK);
    assert_int_equal(open_key(VAULT_PASSPHRASE, path, false, id), SP_OK);
    assert_memory_equal(made, id, sizeof(id));
    get("master.key", text);
    assert_non_null(strstr(text, " argon2id "));
    assert_int_equal(open_key(VAULT_FILE, "", false, id), SP_EVALUE);
    assert_non_null(strstr(lab.error, "is wrapped"));
    put("passphrase", "another one, long enough\n", 25);
    assert_int_equal(open_key(VAULT_PASSPHRASE, path, false, id), SP_ECRYPTO);
    assert_null(strstr(lab.error, "another one"));
}

static void a_credential_wraps_it(void **state)
{
    uint8_t made[VAULT_ID_SIZE], id[VAULT_ID_SIZE];

    (void)state;
    lab_close(&lab);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(open_key(VAULT_CREDENTIAL, "", false, id), SP_ESYS);
    assert_non_null(strstr(lab.error, "LoadCredential"));
    setenv("CREDENTIALS_DIRECTORY", lab.folder, 1);
    put("sallyport.master", LONG_ENOUGH, strlen(LONG_ENOUGH));
    assert_int_equal(open_key(VAULT_CREDENTIAL, "", false, id), SP_EVALUE); /* it is raw yet */
    assert_non_null(strstr(lab.error, "is not wrapped"));
    assert_int_equal(unlink(in_folder("master.key")), 0);
    assert_int_equal(open_key(VAULT_CREDENTIAL, "", true, made), SP_OK);
    assert_int_equal(open_key(VAULT_CREDENTIAL, "", false, id), SP_OK);
    assert_memory_equal(made, id, sizeof(id));
    assert_int_equal(unlink(in_folder("sallyport.master")), 0);
    assert_int_equal(open_key(VAULT_CREDENTIAL, "", false, id), SP_ESYS);
    unsetenv("CREDENTIALS_DIRECTORY");
}

/* A raw key has no tag of its own: a changed digit is another key, which the store refuses. */
static void every_byte_changed(void **state)
{
    char text[TEXT_MAX];
    size_t size = get("master.key", text);

    (void)state;
    for (size_t at = 0; at <= size; at++) {
        char changed[TEXT_MAX];

        memcpy(changed, text, size);
        if (at < size)
            changed[at] = text[at] == '0' ? '1' : '0';
        put("master.key", changed, at < size ? size : size - 1); /* the last one is cut off */
        enum sp_err err = lab_restart(&lab);
        if (err != SP_EVALUE && err != SP_EDENIED)
            fail_msg("byte %zu changed: %s", at, sp_err_name(err));
        assert_true(lab.error[0] != '\0');
    }
    put("master.key", text, size);
    assert_int_equal(lab_restart(&lab), SP_OK);
}

static void open_to_others(void **state)
{
    uint8_t id[VAULT_ID_SIZE];

    (void)state;
    lab_close(&lab);
    assert_int_equal(chmod(in_folder("master.key"), 0644), 0);
    assert_int_equal(open_key(VAULT_FILE, "", false, id), SP_EDENIED);
    assert_non_null(strstr(lab.error, "chmod 0600"));
}

/* The store as it was and the key of now: what a start after the crash must make of it. */
static void comes_back_with(const uint8_t id[VAULT_ID_SIZE])
{
    uint8_t now[VAULT_ID_SIZE];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(lab_restart(&lab), SP_OK);
        vault_id(lab.vault, now);
        assert_memory_equal(now, id, sizeof(now));
        assert_int_equal(lab_read(&lab, STORE_USER), SP_OK);
        assert_int_equal(lab.good, 1);
        assert_int_equal(lab.bad, 0);
        assert_memory_equal(lab.last_secret, "hash", 4);
        assert_int_not_equal(access(in_folder("master.key.new"), F_OK), 0);
    }
}

static void crash_before_the_commit(void **state)
{
    uint8_t id[VAULT_ID_SIZE];

    (void)state;
    vault_id(lab.vault, id);
    store_close(lab.store);
    lab.store = NULL;
    assert_int_equal(vault_rotate_begin(lab.vault, lab.error), SP_OK);
    assert_int_equal(access(in_folder("master.key.new"), F_OK), 0);
    comes_back_with(id);
}

static void crash_behind_the_commit(void **state)
{
    uint8_t before[VAULT_ID_SIZE], id[VAULT_ID_SIZE];
    char text[TEXT_MAX];
    size_t size = get("master.key", text);

    (void)state;
    vault_id(lab.vault, before);
    assert_int_equal(store_rotate(lab.store, NULL, NULL), SP_OK);
    store_flush(lab.store);
    vault_id(lab.vault, id);
    assert_memory_not_equal(before, id, sizeof(id));
    lab_close(&lab);
    assert_int_equal(rename(in_folder("master.key"), in_folder("master.key.new")), 0);
    put("master.key", text, size);
    comes_back_with(id);
}

/* A key is written beside its name first: what is left there disturbs neither start nor rotation.
 */
static void crash_while_the_key_is_written(void **state)
{
    uint8_t id[VAULT_ID_SIZE];
    char text[TEXT_MAX];

    (void)state;
    size_t size = get("master.key", text);
    put("master.key.tmp", text, size / 2);
    put("master.key.new.tmp", text, size / 2);
    vault_id(lab.vault, id);
    comes_back_with(id);
    assert_int_equal(store_rotate(lab.store, NULL, NULL), SP_OK);
    store_flush(lab.store);
    assert_int_not_equal(access(in_folder("master.key.tmp"), F_OK), 0);
    assert_int_not_equal(access(in_folder("master.key.new.tmp"), F_OK), 0);
    vault_id(lab.vault, id);
    comes_back_with(id);
    put("master.key.new", text, size / 2); /* no crash does this; it is said, not guessed */
    assert_int_equal(lab_restart(&lab), SP_EVALUE);
    assert_non_null(strstr(lab.error, "master.key.new"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_passphrase_wraps_it, start, stop),
        cmocka_unit_test_setup_teardown(a_credential_wraps_it, start, stop),
        cmocka_unit_test_setup_teardown(every_byte_changed, start, stop),
        cmocka_unit_test_setup_teardown(open_to_others, start, stop),
        cmocka_unit_test_setup_teardown(crash_before_the_commit, start, stop),
        cmocka_unit_test_setup_teardown(crash_behind_the_commit, start, stop),
        cmocka_unit_test_setup_teardown(crash_while_the_key_is_written, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
