/* SPDX-License-Identifier: Apache-2.0
 * Keys trusted on first use: learned durably, compared, never replaced, a torn write harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/known_targets.h"

#define HEX "1111111111111111111111111111111111111111111111111111111111111111"

static char dir[64];
static const uint8_t key_a[32] = {1}, key_b[32] = {2};

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/sallyport-known-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", dir, name);
}

static int finish(void **state)
{
    char path[128];

    (void)state;
    path_of("known_targets", path);
    unlink(path);
    path_of("known_targets.new", path);
    unlink(path);
    return rmdir(dir);
}

static void put(const char *name, const char *content)
{
    char path[128];
    FILE *f;

    path_of(name, path);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static void learned_and_kept(void **state)
{
    struct known_targets k, again;
    uint8_t known[32];
    char path[128];
    struct stat st;
    bool is_new;

    (void)state;
    assert_int_equal(known_targets_load(dir, &k, NULL), SP_OK);
    assert_int_equal(known_targets_check(&k, "web 01", key_a, &is_new, known), SP_OK);
    assert_true(is_new);
    assert_int_equal(known_targets_check(&k, "web02", key_b, &is_new, known), SP_OK);
    assert_int_equal(known_targets_check(&k, "web 01", key_a, &is_new, known), SP_OK);
    assert_false(is_new);
    known_targets_clear(&k);
    assert_int_equal(known_targets_load(dir, &again, NULL), SP_OK);
    assert_int_equal(again.count, 2);
    assert_int_equal(known_targets_check(&again, "web 01", key_b, &is_new, known), SP_EDENIED);
    assert_memory_equal(known, key_a, 32);
    known_targets_clear(&again);
    path_of("known_targets", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void torn_write_is_harmless(void **state)
{
    struct known_targets k;
    uint8_t known[32];
    bool is_new;

    (void)state;
    put("known_targets", HEX " web01\n");
    put("known_targets.new", "1111"); /* a crash in the middle */
    assert_int_equal(known_targets_load(dir, &k, NULL), SP_OK);
    assert_int_equal(k.count, 1);
    assert_int_equal(known_targets_check(&k, "web02", key_a, &is_new, known), SP_OK);
    known_targets_clear(&k);
    assert_int_equal(known_targets_load(dir, &k, NULL), SP_OK);
    assert_int_equal(k.count, 2);
    known_targets_clear(&k);
}

static void what_cannot_be_kept_is_not_trusted(void **state)
{
    struct known_targets k;
    uint8_t known[32];
    bool is_new;

    (void)state;
    assert_int_equal(known_targets_load(dir, &k, NULL), SP_OK);
    snprintf(k.dir, sizeof(k.dir), "%s/missing", dir);
    assert_int_equal(known_targets_check(&k, "web01", key_a, &is_new, known), SP_ESYS);
    assert_int_equal(k.count, 0);
    assert_int_equal(known_targets_check(&k, "", key_a, &is_new, known), SP_EVALUE);
    assert_int_equal(known_targets_check(&k, "a\nb", key_a, &is_new, known), SP_EVALUE);
    known_targets_clear(&k);
}

static void odd_files_are_refused(void **state)
{
    static const char *const bad[] = {
        HEX " web01", /* torn: no end of line */
        "\n",
        HEX "\n",
        HEX " \n",
        "Z" HEX " x\n",
        HEX "x web01\n",
        HEX " web01\n" HEX " web01\n", /* twice */
        "AAAA1111111111111111111111111111111111111111111111111111111111111 web01\n",
    };
    struct known_targets k = {.count = 77};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sp_fail fail = {0};
        put("known_targets", bad[i]);
        assert_int_equal(known_targets_load(dir, &k, &fail), SP_EVALUE);
        assert_int_equal(k.count, 77);
        assert_true(fail.got >= 1);
    }
    assert_int_equal(known_targets_parse(HEX " a\0b\n", 69, &k, NULL), SP_EVALUE);
}

static void link_is_not_followed(void **state)
{
    char path[128];
    struct known_targets k;

    (void)state;
    path_of("known_targets", path);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(known_targets_load(dir, &k, NULL), SP_ESYS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(learned_and_kept),      TEST(torn_write_is_harmless),
        TEST(odd_files_are_refused), TEST(what_cannot_be_kept_is_not_trusted),
        TEST(link_is_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
