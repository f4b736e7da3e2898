/* SPDX-License-Identifier: Apache-2.0
 * What is counted per account, on a virtual clock: spellings, windows, rows, known sources.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/guard_account.h"

#define MINUTE INT64_C(60000)

static const struct guard_account_rules rules = {10, 3, 100};
static struct guard_accounts *table;
static struct guard_account *alice;

static int begin(void **state)
{
    uint8_t key[GUARD_KEY_SIZE];

    (void)state;
    table = guard_accounts_new();
    guard_account_key("alice", key, NULL);
    alice = guard_account_get(table, key, true, 0);
    return table != NULL ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    free(table);
    return 0;
}

static void source_of(uint32_t n, uint8_t id[GUARD_SOURCE_SIZE])
{
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff, [12] = 127};

    ip[13] = (uint8_t)(n >> 16);
    ip[14] = (uint8_t)(n >> 8);
    ip[15] = (uint8_t)n;
    guard_source_id(ip, id);
}

static enum guard_verdict attempt(uint32_t source, int64_t now_ms)
{
    uint8_t id[GUARD_SOURCE_SIZE];

    source_of(source, id);
    return guard_account_begin(alice, &rules, id, false, now_ms);
}

static void prove(uint32_t source, int64_t now_ms)
{
    uint8_t id[GUARD_SOURCE_SIZE];

    source_of(source, id);
    guard_account_proved(alice, id, now_ms);
}

static void spellings_are_one_account(void **state)
{
    static const char *const same[] = {
        "alice",
        "ALICE",
        "Alice",
        " alice",
        "alice  ",
        "alice\t",
        "CORP\\alice",
        "corp.example\\Alice",
        "alice@corp.example",
        "ALICE@x@y",
        "alice#web01",
        "CORP\\alice#web01",
        "alice@corp#web01",
        "corp/alice",
        ".\\alice",
        "\xEF\xBD\x81lice", /* full-width a */
        "\xEF\xBC\xA1\xEF\xBC\xAC\xEF\xBC\xA9\xEF\xBC\xA3\xEF\xBC\xA5",
        "alice\xC2\xA0", /* no-break space */
        "\xE3\x80\x80"
        "alice", /* ideographic space */
        "ali\xE2\x80\x8B"
        "ce", /* zero width space */
        "ali\xC2\xAD"
        "ce"}; /* soft hyphen */
    static const char *const other[] = {"alic",
                                        "alice1",
                                        "bob",
                                        "",
                                        "al ice",
                                        "\xFF"
                                        "alice",
                                        "\xC3\xA1lice"};
    uint8_t key[GUARD_KEY_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        guard_account_key(same[i], key, NULL);
        if (guard_account_find(table, key) != alice)
            fail_msg("\"%s\" is another account", same[i]);
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        guard_account_key(other[i], key, NULL);
        assert_null(guard_account_find(table, key));
    }
}

static void strangers_get_ten_in_ten_minutes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(attempt(i, i * 1000), GUARD_GO);
    assert_int_equal(attempt(10, 20000), GUARD_ACCOUNT_BUSY);
    assert_int_equal(guard_account_tries(alice, 20000), 10);
    assert_int_equal(guard_account_until(alice, &rules, false, 20000), 10 * MINUTE);
    assert_int_equal(attempt(10, 10 * MINUTE - 1), GUARD_ACCOUNT_BUSY);
    assert_int_equal(attempt(10, 10 * MINUTE), GUARD_GO); /* the first has left the window */
    assert_int_equal(attempt(10, 10 * MINUTE), GUARD_ACCOUNT_BUSY);
    assert_int_equal(alice->refused, 3);
}

/* Any ten minutes, not only those that begin with the first attempt. */
static void no_window_holds_more(void **state)
{
    int64_t granted[4000];
    size_t count = 0;

    (void)state;
    for (int64_t t = 0; t < 3 * 60 * MINUTE; t += 7001) {
        alice->consecutive = 0;
        if (attempt((uint32_t)t, t) == GUARD_GO)
            granted[count++] = t;
    }
    assert_in_range(count, 150, 190);
    for (size_t i = 10; i < count; i++)
        assert_true(granted[i] - granted[i - 10] >= 10 * MINUTE);
}

static void a_row_ends_for_strangers(void **state)
{
    int64_t now = 0;
    uint32_t granted = 0;

    (void)state;
    prove(7, 0);
    for (uint32_t i = 100; i < 1100; i++) {
        now += MINUTE;
        granted += attempt(i, now) == GUARD_GO;
    }
    assert_int_equal(granted, 80); /* the rest of the hundred is for known sources */
    assert_int_equal(attempt(5000, now), GUARD_ACCOUNT_CLOSED);
    assert_true(guard_account_until(alice, &rules, false, now) == INT64_MAX);
    assert_int_equal(attempt(7, now), GUARD_GO);
    prove(7, now);
    assert_int_equal(attempt(5000, now), GUARD_GO); /* the owner's success begins a new row */
}

static void known_sources_have_an_end_too(void **state)
{
    uint32_t granted = 0;

    (void)state;
    prove(7, 0);
    for (uint32_t i = 0; i < 200; i++)
        granted += attempt(7, (int64_t)i * 60 * MINUTE) == GUARD_GO;
    assert_int_equal(granted, 100);
}

static void an_owner_is_not_locked_out(void **state)
{
    (void)state;
    assert_int_equal(attempt(7, 0), GUARD_GO);
    prove(7, 0);
    for (uint32_t i = 0; i < 1000; i++)
        attempt(100 + i, 1000);
    assert_int_equal(attempt(8, 2000), GUARD_ACCOUNT_BUSY);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(attempt(7, 2000 + i), GUARD_GO);
        prove(7, 2000 + i);
    }
}

static void known_sources_are_few_and_not_for_ever(void **state)
{
    uint8_t id[GUARD_SOURCE_SIZE];

    (void)state;
    for (uint32_t i = 0; i < GUARD_KNOWN_MAX + 3; i++)
        prove(i, i);
    source_of(2, id);
    assert_false(guard_account_knows(alice, id, 100));
    source_of(3, id);
    assert_true(guard_account_knows(alice, id, 100));
    assert_int_equal(alice->known_count, GUARD_KNOWN_MAX);
    assert_false(guard_account_knows(alice, id, 3 + GUARD_KNOWN_MS));
}

static void mistakes_before_a_success_are_forgotten(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++)
        assert_int_equal(attempt(7, 0), GUARD_GO);
    assert_int_equal(attempt(8, 0), GUARD_GO);
    assert_int_equal(attempt(9, 0), GUARD_ACCOUNT_BUSY);
    prove(7, 1);
    assert_int_equal(guard_account_tries(alice, 1), 1); /* the stranger's stays */
    assert_int_equal(alice->consecutive, 0);
}

static void a_spray_tightens(void **state)
{
    uint8_t id[GUARD_SOURCE_SIZE];

    (void)state;
    source_of(1, id);
    for (uint32_t i = 0; i < 4; i++) {
        attempt(i, 0);
        assert_false(guard_account_is_sprayed(alice, 0));
    }
    attempt(4, 0);
    assert_true(guard_account_is_sprayed(alice, 0));
    assert_false(guard_account_is_sprayed(alice, 1)); /* said once */
    assert_int_equal(attempt(5, 1), GUARD_ACCOUNT_BUSY);
    alice->tight_until_ms = 0;
    assert_int_equal(guard_account_begin(alice, &rules, id, true, 1), GUARD_ACCOUNT_BUSY);
    assert_int_equal(guard_account_begin(alice, &rules, id, false, 1), GUARD_GO);
}

static void v6_sources_are_networks(void **state)
{
    uint8_t a[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1}, b[16] = {0x20, 1, 0x0d, 0xb8, [8] = 9};
    uint8_t c[16] = {0x20, 1, 0x0d, 0xb8, [7] = 1}, x[16], y[16];

    (void)state;
    guard_source_id(a, x);
    guard_source_id(b, y);
    assert_memory_equal(x, y, 16);
    guard_source_id(c, y);
    assert_memory_not_equal(x, y, 16);
}

/* However many names somebody makes up, users stay. */
static void made_up_names_give_way(void **state)
{
    uint8_t key[GUARD_KEY_SIZE];
    char name[32];

    (void)state;
    attempt(1, 0);
    for (int i = 0; i < 200000; i++) {
        snprintf(name, sizeof(name), "made-up-%d", i);
        guard_account_key(name, key, NULL);
        assert_non_null(guard_account_get(table, key, false, i));
    }
    guard_account_key("ALICE", key, NULL);
    assert_ptr_equal(guard_account_find(table, key), alice);
    assert_int_equal(alice->consecutive, 1);
}

static void no_limits_when_off(void **state)
{
    static const struct guard_account_rules off = {0, 3, 100};
    uint8_t id[GUARD_SOURCE_SIZE];

    (void)state;
    source_of(1, id);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(guard_account_begin(alice, &off, id, true, 0), GUARD_GO);
    assert_int_equal(guard_account_until(alice, &off, true, 5), 5);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)
    const struct CMUnitTest tests[] = {
        TEST(spellings_are_one_account),
        TEST(strangers_get_ten_in_ten_minutes),
        TEST(no_window_holds_more),
        TEST(a_row_ends_for_strangers),
        TEST(known_sources_have_an_end_too),
        TEST(an_owner_is_not_locked_out),
        TEST(known_sources_are_few_and_not_for_ever),
        TEST(mistakes_before_a_success_are_forgotten),
        TEST(a_spray_tightens),
        TEST(v6_sources_are_networks),
        TEST(made_up_names_give_way),
        TEST(no_limits_when_off),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
