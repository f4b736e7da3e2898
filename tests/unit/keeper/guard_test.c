/* SPDX-License-Identifier: Apache-2.0
 * The guard's files: penalties and bans come back, damaged ones are left out, clocks may jump.
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

#include "base/clock.h"
#include "keeper/guard.h"

#define NOW 5000000

static struct config config;
static struct guard guard;
static const char *spoiled;

static void open_guard(int64_t now_ms)
{
    assert_int_equal(guard_open(&guard, &config, &spoiled, now_ms), SP_OK);
}

static int begin(void **state)
{
    (void)state;
    memset(&config, 0, sizeof(config));
    config.penalties = penalty_defaults();
    config.guard.account = (struct guard_account_rules){10, 3, 100};
    config.guard.decoy_ban_ms = 3600000;
    snprintf(config.state_dir, sizeof(config.state_dir), "/tmp/sallyport-guard-XXXXXX");
    if (mkdtemp(config.state_dir) == NULL)
        return -1;
    open_guard(NOW);
    return 0;
}

static int finish(void **state)
{
    static const char *const names[] = {"penalties",     "penalties.new", "bans.json",
                                        "bans.json.new", "allowed.json",  "allowed.json.new",
                                        "opened.json",   "accounts",      "accounts.new",
                                        "attempts",      "attempts.new"};
    char path[CONFIG_PATH_SIZE + 32];

    (void)state;
    guard_close(&guard, NOW);
    chmod(config.state_dir, 0700);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", config.state_dir, names[i]);
        unlink(path);
    }
    return rmdir(config.state_dir);
}

static struct net net_of(const char *text)
{
    struct net net;

    assert_int_equal(net_read(text, &net), SP_OK);
    return net;
}

static void charge(const char *text, enum penalty_cause cause)
{
    guard_charge(&guard, &config, net_of(text).ip, cause, 1, NOW);
}

static bool refuses(const char *text, int64_t now_ms)
{
    return guard_refuses(&guard, net_of(text).ip, now_ms);
}

static void penalties_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        charge("192.0.2.1", PENALTY_AUTH_FAILED);
    charge("2001:db8::1", PENALTY_EXPLOIT);
    charge("192.0.2.2", PENALTY_AUTH_FAILED);
    guard_close(&guard, NOW);
    open_guard(700); /* another boot: the monotonic clock starts anew */
    assert_null(spoiled);
    assert_true(refuses("192.0.2.1", 700));
    assert_true(refuses("2001:db8::ffff", 700));
    assert_false(refuses("192.0.2.2", 700));
    assert_in_range(guard_left_ms(&guard, net_of("192.0.2.1").ip, 700), 300000, 325000);
    /* BF-10: the ninth failure counts as the ninth. */
    guard_charge(&guard, &config, net_of("192.0.2.1").ip, PENALTY_AUTH_FAILED, 1, 400000);
    assert_true(guard_left_ms(&guard, net_of("192.0.2.1").ip, 400000) >= 300000);
}

static void steps_make_the_same_file(void **state)
{
    char path[CONFIG_PATH_SIZE + 32];
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
    int steps = 0;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        ip[13] = (uint8_t)(i >> 16);
        ip[14] = (uint8_t)(i >> 8);
        ip[15] = (uint8_t)i;
        guard_charge(&guard, &config, ip, PENALTY_CRASH, 1, NOW);
    }
    guard_save_step(&guard, NOW);
    for (; guard.save.fd >= 0; steps++)
        guard_save_step(&guard, NOW);
    assert_in_range(steps, 2, 20);
    snprintf(path, sizeof(path), "%s/penalties.new", config.state_dir);
    assert_int_equal(access(path, F_OK), -1);
    guard_save_step(&guard, NOW + 10000); /* nothing has changed */
    assert_int_equal(access(path, F_OK), -1);
    assert_false(guard.save.is_wanted);
    guard_close(&guard, NOW);
    open_guard(NOW);
    ip[13] = ip[14] = 0;
    for (uint32_t i = 0; i < 256; i++) {
        ip[15] = (uint8_t)i;
        assert_true(guard_refuses(&guard, ip, NOW));
    }
}

static void write_file(const char *name, const void *data, size_t size)
{
    char path[CONFIG_PATH_SIZE + 32];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", config.state_dir, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

/* Every cut and every flipped byte of a file is noticed; nothing of it is taken. */
static void damaged_files_are_left_out(void **state)
{
    static uint8_t data[4096], bad[4096];
    size_t size;
    FILE *f;

    (void)state;
    charge("192.0.2.1", PENALTY_EXPLOIT);
    guard_save_all(&guard, NOW);
    f = fopen(guard.path, "rb");
    assert_non_null(f);
    size = fread(data, 1, sizeof(data), f);
    fclose(f);
    assert_int_equal(size, 16 + 2 * 48 + 32);
    for (size_t i = 0; i < 2 * size; i += 7) {
        memcpy(bad, data, size);
        bad[i % size] ^= i < size ? 0x41 : 0;
        guard_close(&guard, NOW);
        write_file("penalties", bad, i < size ? size : i - size);
        open_guard(NOW);
        assert_ptr_equal(spoiled, guard.path);
        assert_false(refuses("192.0.2.1", NOW));
    }
}

static void bans_come_back(void **state)
{
    struct net forever = net_of("198.51.100.0/24"), hour = net_of("2001:db8::/32");

    (void)state;
    assert_int_equal(guard_ban(&guard, PENALTY_BANNED, &forever, 0, "for ever", NOW), SP_OK);
    assert_int_equal(guard_ban(&guard, PENALTY_BANNED, &hour, 3600000, "an hour", NOW), SP_OK);
    guard_close(&guard, NOW);
    open_guard(700);
    assert_null(spoiled);
    assert_int_equal(guard.lists[PENALTY_BANNED].count, 2);
    assert_true(refuses("198.51.100.77", INT64_MAX - 1));
    assert_true(refuses("2001:db8:1::1", 700 + 3590000));
    assert_false(refuses("2001:db8:1::1", 700 + 3602000));
    assert_true(guard_unban(&guard, PENALTY_BANNED, &forever, 700));
    assert_false(guard_unban(&guard, PENALTY_BANNED, &forever, 700));
    guard_close(&guard, NOW);
    open_guard(700);
    assert_int_equal(guard.lists[PENALTY_BANNED].count, 1);
}

static void bans_that_cannot_be_kept_are_not_in_force(void **state)
{
    struct net net = net_of("198.51.100.1");
    char path[CONFIG_PATH_SIZE + 32];

    (void)state;
    snprintf(path, sizeof(path), "%s/bans.json.new", config.state_dir);
    assert_int_equal(mkdir(path, 0700), 0); /* also stops root */
    assert_int_equal(guard_ban(&guard, PENALTY_BANNED, &net, 0, "x", NOW), SP_ESYS);
    assert_false(refuses("198.51.100.1", NOW));
    assert_int_equal(guard.lists[PENALTY_BANNED].count, 0);
    assert_int_equal(rmdir(path), 0);
}

static void bans_end(void **state)
{
    struct net net = net_of("198.51.100.1");
    enum penalty_list list;
    struct guard_ban ended;

    (void)state;
    assert_int_equal(guard_ban(&guard, PENALTY_BANNED, &net, 1000, "short", NOW), SP_OK);
    assert_false(guard_expire(&guard, NOW + 999, &list, &ended));
    assert_true(guard_expire(&guard, NOW + 1000, &list, &ended));
    assert_string_equal(ended.reason, "short");
    assert_false(guard_expire(&guard, NOW + 1000, &list, &ended));
    assert_int_equal(guard.lists[PENALTY_BANNED].count, 0);
}

static void damaged_bans_are_said(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{}",
                                      "[1]",
                                      "[{\"network\":\"x\"}]",
                                      "[{\"network\":\"10.0.0.1\",\"until\":\"never\","
                                      "\"reason\":\"r\"}]"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file("bans.json", bad[i], strlen(bad[i]));
        guard_close(&guard, NOW);
        open_guard(NOW);
        assert_ptr_equal(spoiled, guard.lists[PENALTY_BANNED].path);
    }
}

static void exempt_sources_and_forgiven_ones(void **state)
{
    struct net one = net_of("192.0.2.1");

    (void)state;
    config.exempt[0] = net_of("10.0.0.0/8");
    config.exempt_count = 1;
    charge("10.1.2.3", PENALTY_EXPLOIT);
    assert_false(refuses("10.1.2.3", NOW));
    charge("192.0.2.1", PENALTY_EXPLOIT);
    assert_true(refuses("192.0.2.1", NOW));
    assert_true(guard_unban(&guard, PENALTY_BANNED, &one, NOW));
    assert_false(refuses("192.0.2.1", NOW));
}

static void describes_itself(void **state)
{
    struct net net = net_of("198.51.100.0/24");
    char id[GUARD_ATTACK_SIZE];

    (void)state;
    charge("192.0.2.1", PENALTY_EXPLOIT);
    charge("192.0.2.9", PENALTY_AUTH_FAILED);
    assert_int_equal(guard_ban(&guard, PENALTY_BANNED, &net, 0, "why", NOW), SP_OK);
    assert_int_equal(guard_attack(&guard, "CVE-1"), 1);
    assert_int_equal(guard_attack(&guard, "CVE-1"), 2);
    for (int i = 0; i < 2 * GUARD_ATTACKS_MAX; i++) { /* made-up names have an end */
        snprintf(id, sizeof(id), "made-up-%d", i);
        guard_attack(&guard, id);
    }
    json_t *root = guard_describe(&guard, NOW);
    assert_int_equal(json_array_size(json_object_get(root, "bans")), 1);
    assert_int_equal(json_array_size(json_object_get(root, "penalties")), 1);
    assert_int_equal(json_integer_value(json_object_get(root, "penalised")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "attacks"), "CVE-1")),
                     2);
    assert_int_equal(json_object_size(json_object_get(root, "attacks")), GUARD_ATTACKS_MAX);
    json_decref(root);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)
    const struct CMUnitTest tests[] = {
        TEST(penalties_come_back),
        TEST(steps_make_the_same_file),
        TEST(damaged_files_are_left_out),
        TEST(bans_come_back),
        TEST(bans_that_cannot_be_kept_are_not_in_force),
        TEST(bans_end),
        TEST(damaged_bans_are_said),
        TEST(exempt_sources_and_forgiven_ones),
        TEST(describes_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
