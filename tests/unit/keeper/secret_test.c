/* SPDX-License-Identifier: Apache-2.0
 * Tests of secrets: where they come from, who may read the file, and that nothing is shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/secret.h"

static char dir[] = "/tmp/sallyport-secret-XXXXXX";

static void write_file(const char *name, const void *data, size_t size, mode_t mode)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    static const char *const names[] = {"good", "crlf", "empty", "two",    "nul",
                                        "long", "open", "group", "written"};
    char path[256];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

/* A failure leaves out alone and says why without the content. */
static void refuses(const char *written, enum sp_err err, const char *why)
{
    char out[SECRET_TEXT_MAX] = "untouched", message[SECRET_MESSAGE_MAX] = "";

    assert_int_equal(secret_resolve(written, dir, out, message, sizeof(message)), err);
    assert_string_equal(out, "untouched");
    if (strstr(message, why) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", message, why);
    assert_null(strstr(message, "hunter2"));
}

static void gives(const char *written, const char *text)
{
    char out[SECRET_TEXT_MAX], message[SECRET_MESSAGE_MAX];

    assert_int_equal(secret_resolve(written, dir, out, message, sizeof(message)), SP_OK);
    assert_string_equal(out, text);
}

static void test_file(void **state)
{
    char absolute[256];

    (void)state;
    write_file("good", "hunter2\n", 8, 0600);
    gives("file:good", "hunter2");
    snprintf(absolute, sizeof(absolute), "file:%s/good", dir);
    gives(absolute, "hunter2");
    write_file("crlf", "hunter2\r\n", 9, 0400);
    gives("file:crlf", "hunter2");
    write_file("group", "hunter2", 7, 0640);
    gives("file:group", "hunter2"); /* we own it, so the group is our choice */
}

static void test_file_refused(void **state)
{
    char many[SECRET_TEXT_MAX + 10];

    (void)state;
    refuses("file:", SP_EVALUE, "must be followed by a path");
    refuses("file:absent", SP_ESYS, "cannot be read: No such file");
    refuses("file:.", SP_ESYS, "is not a regular file");
    write_file("empty", "\n", 1, 0600);
    refuses("file:empty", SP_EVALUE, "is empty");
    write_file("two", "hunter2\nhunter2\n", 16, 0600);
    refuses("file:two", SP_EVALUE, "more than one line");
    write_file("nul", "hunter2\0x", 9, 0600);
    refuses("file:nul", SP_EVALUE, "more than one line");
    memset(many, 'a', sizeof(many));
    write_file("long", many, sizeof(many), 0600);
    refuses("file:long", SP_ELIMIT, "is longer than a secret can be");
    write_file("open", "hunter2", 7, 0604);
    refuses("file:open", SP_EDENIED, "(mode 0604); run: chmod 0600 ");
    write_file("written", "hunter2", 7, 0620);
    refuses("file:written", SP_EDENIED, "chmod 0600 ");
}

static void test_env(void **state)
{
    char many[SECRET_TEXT_MAX + 10];

    (void)state;
    assert_int_equal(setenv("SP_TEST_SECRET", "hunter2", 1), 0);
    gives("env:SP_TEST_SECRET", "hunter2");
    assert_int_equal(setenv("SP_TEST_SECRET", "", 1), 0);
    refuses("env:SP_TEST_SECRET", SP_EVALUE, "SP_TEST_SECRET is empty");
    memset(many, 'a', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    assert_int_equal(setenv("SP_TEST_SECRET", many, 1), 0);
    refuses("env:SP_TEST_SECRET", SP_ELIMIT, "is longer");
    assert_int_equal(unsetenv("SP_TEST_SECRET"), 0);
    refuses("env:SP_TEST_SECRET", SP_ESYS, "is not set");
    refuses("env:", SP_ESYS, "is not set");
}

static void test_inline(void **state)
{
    char many[SECRET_TEXT_MAX + 10];

    (void)state;
    gives("hunter2", "hunter2");
    refuses("", SP_EVALUE, "empty");
    memset(many, 'a', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    refuses(many, SP_ELIMIT, "too long");
    assert_int_equal(secret_source_of("file:x"), SECRET_FILE);
    assert_int_equal(secret_source_of("env:x"), SECRET_ENV);
    assert_int_equal(secret_source_of("File:x"), SECRET_INLINE);
}

static void test_nt_hash(void **state)
{
    static const char *const bad[] = {
        "", "8846f7eaee8fb117ad06bdd830b7586", "8846f7eaee8fb117ad06bdd830b7586c0",
        "8846f7eaee8fb117ad06bdd830b7586g", " 846f7eaee8fb117ad06bdd830b7586c"};
    struct secret secret = {.size = 99};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(secret_from_nt_hash(bad[i], &secret), SP_EVALUE);
    assert_int_equal(secret.size, 99);
    assert_int_equal(secret_from_nt_hash("8846F7eaee8fb117ad06bdd830b7586c", &secret), SP_OK);
    assert_int_equal(secret.size, 16);
    assert_int_equal(secret.bytes[0], 0x88);
    assert_int_equal(secret.bytes[15], 0x6c);
    secret_clear(&secret);
    assert_int_equal(secret.size, 0);
    assert_int_equal(secret.bytes[0], 0);
}

static void test_password(void **state)
{
    char many[257];
    struct secret secret = {.size = 99};

    (void)state;
    assert_int_equal(secret_from_password("", &secret), SP_EVALUE);
    assert_int_equal(secret_from_password("\xff", &secret), SP_EVALUE);
    memset(many, 'a', 256);
    many[256] = '\0';
    assert_int_equal(secret_from_password(many, &secret), SP_ELIMIT);
    assert_int_equal(secret.size, 99);
    many[255] = '\0';
    assert_int_equal(secret_from_password(many, &secret), SP_OK);
    assert_int_equal(secret.size, 510);
    assert_int_equal(secret_from_password("p\xc3\xa4", &secret), SP_OK);
    assert_int_equal(secret.size, 4);
    assert_memory_equal(secret.bytes, "p\0\xe4\0", 4);
}

static void test_mode(void **state)
{
    uid_t other = geteuid() + 12345;

    (void)state;
    assert_true(secret_mode_is_private(0100600, other));
    assert_true(secret_mode_is_private(0100640, 0));
    assert_true(secret_mode_is_private(0100640, geteuid()));
    assert_false(secret_mode_is_private(0100640, other));
    assert_false(secret_mode_is_private(0100660, 0));
    assert_false(secret_mode_is_private(0100650, 0));
    assert_false(secret_mode_is_private(0100604, 0));
    assert_false(secret_mode_is_private(0100602, 0));
    assert_false(secret_mode_is_private(0100601, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),    cmocka_unit_test(test_file_refused),
        cmocka_unit_test(test_env),     cmocka_unit_test(test_inline),
        cmocka_unit_test(test_nt_hash), cmocka_unit_test(test_password),
        cmocka_unit_test(test_mode),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
