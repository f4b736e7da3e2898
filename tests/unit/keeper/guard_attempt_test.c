/* SPDX-License-Identifier: Apache-2.0
 * Attempts through the whole guard: verdicts, decoys, forgiveness, and what a killed keeper knows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/guard.h"

#define NOW 5000000

static struct config config;
static struct guard guard, killed;
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
    guard_account_key("administrator", config.guard.decoys[0], NULL);
    config.guard.decoy_count = 1;
    snprintf(config.state_dir, sizeof(config.state_dir), "/tmp/sallyport-guard-XXXXXX");
    if (mkdtemp(config.state_dir) == NULL)
        return -1;
    open_guard(NOW);
    return 0;
}

static int finish(void **state)
{
    static const char *const names[] = {"penalties",   "bans.json", "allowed.json",
                                        "opened.json", "accounts",  "attempts"};
    char path[CONFIG_PATH_SIZE + 32];

    (void)state;
    guard_close(&guard, NOW);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", config.state_dir, names[i]);
        unlink(path);
    }
    return rmdir(config.state_dir);
}

/* Nothing of the guard is saved: what is in its files is what a SIGKILL leaves. */
static void kill_guard(int64_t now_ms)
{
    killed = guard;
    open_guard(now_ms);
    killed.save.is_wanted = false;
    killed.unsaved = 0;
    guard_close(&killed, now_ms);
    assert_null(spoiled);
}

static struct net net_of(const char *text)
{
    struct net net;

    assert_int_equal(net_read(text, &net), SP_OK);
    return net;
}

static enum guard_verdict guess(const char *source, const char *name, bool is_user, int64_t now_ms)
{
    struct net net = net_of(source);
    struct guard_attempt attempt;

    guard_attempt_begin(&guard, &config, net.ip, name, is_user ? name : NULL, now_ms, &attempt);
    guard_attempt_failed(&guard, &config, net.ip, &attempt, PENALTY_AUTH_FAILED, now_ms);
    return attempt.verdict;
}

static enum guard_verdict succeed(const char *source, const char *name, int64_t now_ms)
{
    struct net net = net_of(source);
    struct guard_attempt attempt;

    guard_attempt_begin(&guard, &config, net.ip, name, name, now_ms, &attempt);
    if (attempt.verdict == GUARD_GO)
        guard_attempt_proved(&guard, &config, net.ip, &attempt, PENALTY_AUTH_FAILED, now_ms);
    return attempt.verdict;
}

static bool refuses(const char *source, int64_t now_ms)
{
    return guard_refuses(&guard, net_of(source).ip, now_ms);
}

/* BF-10: nine attempts, SIGKILL, and the tenth is the tenth. */
static void a_killed_keeper_has_counted(void **state)
{
    char source[32];

    (void)state;
    for (int i = 0; i < 9; i++) {
        snprintf(source, sizeof(source), "192.0.2.%d", 1 + i % 3); /* three each: no spray */
        assert_int_equal(guess(source, "alice", true, NOW), GUARD_GO);
    }
    kill_guard(NOW);
    assert_int_equal(guess("192.0.2.100", "alice", true, NOW), GUARD_GO);
    kill_guard(NOW);
    assert_int_equal(guess("192.0.2.101", "alice", true, NOW), GUARD_ACCOUNT_BUSY);
}

static void a_killed_keeper_remembers_sources(void **state)
{
    char source[32];

    (void)state;
    assert_int_equal(succeed("198.51.100.7", "alice", NOW), GUARD_GO);
    /* The journal goes by the wall clock, so a debt of exactly 15 s would be a little less again.
     */
    config.penalties.weight_ms[PENALTY_AUTH_FAILED] = 6000;
    for (int i = 0; i < 3; i++)
        guess("192.0.2.1", "bob", true, NOW); /* 18 s: refused */
    assert_true(refuses("192.0.2.1", NOW));
    kill_guard(NOW);
    assert_true(refuses("192.0.2.1", NOW));
    for (int i = 0; i < 30; i++) {
        snprintf(source, sizeof(source), "192.0.2.%d", 10 + i);
        guess(source, "alice", true, NOW);
    }
    assert_int_equal(succeed("203.0.113.1", "alice", NOW), GUARD_ACCOUNT_BUSY);
    kill_guard(NOW);
    assert_int_equal(succeed("203.0.113.1", "alice", NOW), GUARD_ACCOUNT_BUSY);
    assert_int_equal(succeed("198.51.100.7", "alice", NOW), GUARD_GO);
}

/* An orderly end keeps the same; nothing is counted twice. */
static void an_ended_keeper_has_counted(void **state)
{
    struct guard_account *a;
    uint8_t key[16];

    (void)state;
    for (int i = 0; i < 5; i++)
        guess("192.0.2.1", "alice", true, NOW + i);
    int64_t left = guard_left_ms(&guard, net_of("192.0.2.1").ip, NOW + 5);
    guard_close(&guard, NOW + 5);
    open_guard(NOW + 5);
    guard_account_key("alice", key, NULL);
    a = guard_account_find(guard.accounts, key);
    assert_non_null(a);
    assert_int_equal(a->consecutive, 4); /* the last found the source refused */
    assert_in_range(guard_left_ms(&guard, net_of("192.0.2.1").ip, NOW + 5), left - 2000, left);
}

static void decoys_ban_at_once(void **state)
{
    const struct guard_ban *ban;

    (void)state;
    assert_int_equal(guess("192.0.2.1", "CORP\\Administrator", false, NOW), GUARD_DECOY);
    assert_true(refuses("192.0.2.1", NOW));
    assert_true(refuses("192.0.2.1", NOW + 3599000));
    assert_false(refuses("192.0.2.1", NOW + 3600000));
    ban = guard_listed(&guard, PENALTY_BANNED, net_of("192.0.2.1").ip, NOW);
    assert_non_null(ban);
    assert_int_equal(ban->origin, GUARD_BY_ITSELF);
    assert_int_equal(guess("2001:db8:1::5", "administrator", false, NOW), GUARD_DECOY);
    assert_true(refuses("2001:db8:1::9", NOW));
    assert_int_equal(guess("192.0.2.2", "administrator", true, NOW), GUARD_GO); /* he exists */
    guard_bans_step(&guard, NOW);
    kill_guard(NOW);
    assert_true(refuses("192.0.2.1", NOW));
}

static void own_bans_have_an_end(void **state)
{
    char source[32];

    (void)state;
    for (int i = 0; i < GUARD_OWN_BANS_MAX + 10; i++) {
        snprintf(source, sizeof(source), "10.0.%d.%d", i / 250, 1 + i % 250);
        assert_int_equal(guess(source, "administrator", false, NOW), GUARD_DECOY);
        assert_true(refuses(source, NOW)); /* the last ones by a penalty */
    }
    assert_int_equal(guard.lists[PENALTY_BANNED].count, GUARD_OWN_BANS_MAX);
}

static void allowed_sources_are_let_in(void **state)
{
    struct net net = net_of("192.0.2.0/24");

    (void)state;
    guess("192.0.2.1", "administrator", false, NOW);
    assert_true(refuses("192.0.2.1", NOW));
    assert_int_equal(guard_ban(&guard, PENALTY_ALLOWED, &net, 60000, "x", NOW), SP_OK);
    assert_false(refuses("192.0.2.1", NOW));
    for (int i = 0; i < 20; i++)
        guess("192.0.2.2", "alice", true, NOW);
    assert_false(refuses("192.0.2.2", NOW));
    assert_int_equal(guess("192.0.2.2", "alice", true, NOW), GUARD_ACCOUNT_BUSY);
    assert_true(refuses("192.0.2.1", NOW + 60000));
}

static void the_configuration_has_lists(void **state)
{
    struct net other = net_of("203.0.113.0/24");

    (void)state;
    config.guard.block[0] = net_of("198.51.100.0/24");
    config.guard.block_count = 1;
    guard_configure(&guard, &config, NOW);
    assert_true(refuses("198.51.100.9", NOW));
    assert_false(guard_unban(&guard, PENALTY_BANNED, &config.guard.block[0], NOW));
    assert_int_equal(guard_ban(&guard, PENALTY_BANNED, &other, 0, "mine", NOW), SP_OK);
    config.guard.block_count = 0;
    guard_configure(&guard, &config, NOW);
    assert_false(refuses("198.51.100.9", NOW));
    assert_true(refuses("203.0.113.9", NOW));
}

static void mistyped_passwords_are_forgiven(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        guess("192.0.2.1", "alice", true, NOW);
        guess("192.0.2.1", "alice", true, NOW);
        assert_int_equal(succeed("192.0.2.1", "alice", NOW), GUARD_GO);
    }
    /* Who knows one account's password guesses no better at another's. */
    int verified = 0;
    for (int i = 0; i < 50; i++) {
        verified += guess("192.0.2.9", "bob", true, NOW) == GUARD_GO;
        succeed("192.0.2.9", "mallory", NOW);
    }
    assert_in_range(verified, 3, 10);
}

static void accounts_can_be_forgiven(void **state)
{
    char source[32];

    (void)state;
    for (int i = 0; i < 12; i++) {
        snprintf(source, sizeof(source), "192.0.2.%d", 1 + i);
        guess(source, "alice", true, NOW);
    }
    assert_int_equal(succeed("203.0.113.1", "alice", NOW), GUARD_ACCOUNT_BUSY);
    assert_true(guard_forgive_account(&guard, "Alice", NOW));
    assert_false(guard_forgive_account(&guard, "alice", NOW));
    assert_false(guard_forgive_account(&guard, "nobody", NOW));
    kill_guard(NOW);
    assert_int_equal(succeed("203.0.113.1", "alice", NOW), GUARD_GO);
}

static void a_guard_explains_itself(void **state)
{
    (void)state;
    succeed("198.51.100.7", "alice", NOW);
    guess("192.0.2.1", "alice", true, NOW);
    json_t *root = guard_describe_account(&guard, &config, "ALICE", NOW);
    assert_int_equal(json_integer_value(json_object_get(root, "tries_in_window")), 1);
    assert_int_equal(json_array_size(json_object_get(root, "known_sources")), 1);
    json_decref(root);
    root = guard_describe_account(&guard, &config, "administrator", NOW);
    assert_true(json_is_true(json_object_get(root, "is_decoy")));
    json_decref(root);
    guess("192.0.2.1", "administrator", false, NOW);
    root = guard_describe_source(&guard, &config, net_of("192.0.2.1").ip, NOW);
    assert_string_equal(json_string_value(json_object_get(root, "why")), "banned");
    assert_int_equal(json_array_size(json_object_get(root, "penalties")), 1);
    json_decref(root);
    root = guard_describe_source(&guard, &config, net_of("2001:db8::1").ip, NOW);
    assert_string_equal(json_string_value(json_object_get(root, "why")), "nothing against it");
    json_decref(root);
}

/* Any byte of "accounts" that changed, and any cut, is noticed. */
static void damaged_accounts_are_left_out(void **state)
{
    static uint8_t data[8192];
    size_t size;
    FILE *f;

    (void)state;
    guess("192.0.2.1", "alice", true, NOW);
    guard_close(&guard, NOW);
    f = fopen(guard.accounts_path[0] != '\0' ? guard.accounts_path : "/nonexistent", "rb");
    assert_null(f); /* closed: no path is left */
    open_guard(NOW);
    f = fopen(guard.accounts_path, "rb");
    assert_non_null(f);
    size = fread(data, 1, sizeof(data), f);
    fclose(f);
    for (size_t i = 0; i < 2 * size; i += 13) {
        char path[GUARD_PATH_SIZE];

        snprintf(path, sizeof(path), "%s", guard.accounts_path);
        data[i % size] ^= i < size ? 0x20 : 0;
        guard_close(&guard, NOW);
        f = fopen(path, "wb");
        assert_non_null(f);
        fwrite(data, 1, i < size ? size : i - size, f);
        fclose(f);
        open_guard(NOW);
        assert_ptr_equal(spoiled, guard.accounts_path);
        data[i % size] ^= i < size ? 0x20 : 0;
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)
    const struct CMUnitTest tests[] = {
        TEST(a_killed_keeper_has_counted),   TEST(a_killed_keeper_remembers_sources),
        TEST(an_ended_keeper_has_counted),   TEST(decoys_ban_at_once),
        TEST(own_bans_have_an_end),          TEST(allowed_sources_are_let_in),
        TEST(the_configuration_has_lists),   TEST(mistyped_passwords_are_forgiven),
        TEST(accounts_can_be_forgiven),      TEST(a_guard_explains_itself),
        TEST(damaged_accounts_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
