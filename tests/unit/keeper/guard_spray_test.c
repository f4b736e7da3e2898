/* SPDX-License-Identifier: Apache-2.0
 * Sprays and mistakes on a virtual clock: each pattern is seen, and a bad morning is not one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/guard_spray.h"

static struct guard_spray *g;
static int64_t now;

static int begin(void **state)
{
    (void)state;
    g = calloc(1, sizeof(*g));
    now = 1000000;
    return g != NULL ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    free(g);
    return 0;
}

static void source_of(uint32_t n, uint8_t id[16])
{
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};

    memcpy(ip + 13, &n, 3);
    guard_source_id(ip, id);
}

static struct guard_signs failed(uint32_t source, const char *name, bool is_known)
{
    uint8_t id[16], key[16];
    uint32_t order;

    source_of(source, id);
    guard_account_key(name, key, &order);
    return guard_spray_failed(g, id, key, order, is_known, now);
}

static uint32_t proved(uint32_t source, const char *name)
{
    uint8_t id[16], key[16];

    source_of(source, id);
    guard_account_key(name, key, NULL);
    return guard_spray_proved(g, id, key, now);
}

static void many_accounts_from_one_source(void **state)
{
    (void)state;
    assert_false(failed(1, "ann", false).is_source);
    assert_false(failed(1, "bob", false).is_source);
    assert_false(failed(1, "bob", false).is_source); /* the same again is no other account */
    assert_false(failed(1, "cid", false).is_source);
    struct guard_signs signs = failed(1, "dan", false);
    assert_true(signs.is_source && signs.is_source_new);
    assert_int_equal(signs.accounts, 4);
    signs = failed(1, "eve", false);
    assert_true(signs.is_source && !signs.is_source_new);
    assert_false(failed(2, "ann", false).is_source);
}

static void accounts_are_forgotten_after_a_window(void **state)
{
    (void)state;
    failed(1, "ann", false);
    failed(1, "bob", false);
    failed(1, "cid", false);
    now += GUARD_WINDOW_MS;
    assert_false(failed(1, "dan", false).is_source);
}

static void a_mistyped_password_is_forgiven(void **state)
{
    (void)state;
    failed(1, "ann", false);
    failed(1, "ann", false);
    assert_int_equal(proved(1, "ann"), 2);
    assert_int_equal(proved(1, "ann"), 0);
    failed(1, "bob", false);
    assert_int_equal(proved(1, "ann"), 0); /* one account's success says nothing of another's */
    for (int i = 0; i < 4; i++)
        failed(1, "cid", false);
    assert_int_equal(proved(1, "cid"), 0); /* that was guessing */
    assert_int_equal(proved(9, "ann"), 0);
}

/* Thirty people behind one address, each with a mistake or two. */
static void a_bad_morning_is_no_spray(void **state)
{
    char name[16];

    (void)state;
    for (uint32_t i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "user%02u", i);
        now += 5000;
        assert_false(failed(1, name, false).is_source);
        now += 9000;
        assert_int_equal(proved(1, name), 1);
    }
}

/* The same with an address each: whoever gets in was no attacker. */
static void a_bad_morning_at_home_is_no_spray(void **state)
{
    char name[16];

    (void)state;
    for (uint32_t i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "user%02u", i * 37 % 60);
        now += 2000 + i * i * 7919 % 9000;
        assert_false(failed(100 + i, name, false).is_spread);
        proved(100 + i, name);
    }
}

static uint32_t spread(bool is_even, bool is_ordered, bool is_known)
{
    char name[16];

    for (uint32_t i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "%c%02u",
                 is_ordered ? (char)('a' + i / 2) : (char)('a' + i * 11 % 26), i);
        now += is_even ? 3000 : 1 + (int64_t)(i * i * 7919 % 7 == 0 ? 40000 : i * 31 % 400);
        if (failed(1000 + i, name, is_known).is_spread_new)
            return i + 1;
    }
    return 0;
}

static void one_attempt_each_from_many_sources(void **state)
{
    (void)state;
    assert_int_equal(spread(false, false, false), GUARD_SPREAD);
    assert_true(g->spread_until_ms > now);
}

static void a_rhythm_gives_it_away_earlier(void **state)
{
    (void)state;
    assert_int_equal(spread(true, false, false), GUARD_SPREAD_REGULAR);
}

static void an_order_gives_it_away_earlier(void **state)
{
    (void)state;
    assert_int_equal(spread(false, true, false), GUARD_SPREAD_REGULAR);
}

static void known_sources_are_no_part_of_it(void **state)
{
    (void)state;
    assert_int_equal(spread(true, true, true), 0);
}

static void few_sources_are_no_spread(void **state)
{
    char name[16];

    (void)state;
    for (uint32_t i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "u%02u", i);
        now += 100;
        assert_false(failed(i % 6, name, false).is_spread);
    }
}

static void rhythm_and_order(void **state)
{
    static const int64_t even[] = {0, 10, 20, 31, 40}, rain[] = {0, 1, 2, 40, 41};
    static const uint32_t up[] = {1, 2, 2, 9}, mixed[] = {5, 1, 7, 2};

    (void)state;
    assert_true(guard_is_regular(even, 5));
    assert_false(guard_is_regular(rain, 5));
    assert_true(guard_is_ordered(up, 4));
    assert_false(guard_is_ordered(mixed, 4));
}

/* More sources than are remembered: the oldest give way, nothing breaks. */
static void sources_give_way(void **state)
{
    uint8_t id[16];

    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        now++;
        failed(i, "ann", true);
    }
    source_of(99999, id);
    assert_non_null(guard_spray_source(g, id));
    source_of(1, id);
    assert_null(guard_spray_source(g, id));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)
    const struct CMUnitTest tests[] = {
        TEST(many_accounts_from_one_source),
        TEST(accounts_are_forgotten_after_a_window),
        TEST(a_mistyped_password_is_forgiven),
        TEST(a_bad_morning_is_no_spray),
        TEST(a_bad_morning_at_home_is_no_spray),
        TEST(one_attempt_each_from_many_sources),
        TEST(a_rhythm_gives_it_away_earlier),
        TEST(an_order_gives_it_away_earlier),
        TEST(known_sources_are_no_part_of_it),
        TEST(few_sources_are_no_spread),
        TEST(rhythm_and_order),
        TEST(sources_give_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
