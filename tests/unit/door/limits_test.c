/* SPDX-License-Identifier: Apache-2.0
 * Limits of unauthenticated connections: totals, sources, early drop, and the table under churn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "door/limits.h"

#define ALWAYS_KEPT    UINT32_MAX /* random draws: the last to be dropped … */
#define ALWAYS_DROPPED 0u         /* … and the first                        */

static struct limits_key v4_key(uint32_t host)
{
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff};

    for (size_t i = 0; i < 4; i++)
        ip[12 + i] = (uint8_t)(host >> (24 - 8 * i));
    return limits_source_key(ip);
}

static struct limits make(uint32_t total, uint32_t source, uint32_t start, uint32_t percent)
{
    struct limits l;
    struct limits_config config = {total, source, start, percent};

    assert_int_equal(limits_init(&l, &config, 42), SP_OK);
    return l;
}

static void refuses_bad_figures(void **state)
{
    static const struct limits_config bad[] = {
        {0, 8, 0, 30}, {LIMITS_TOTAL_MAX + 1, 8, 0, 30}, {256, 0, 0, 30}, {256, 8, 0, 101}};
    struct limits l;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(limits_init(&l, &bad[i], 1), SP_ELIMIT);
}

static void source_is_v4_address_or_v6_64(void **state)
{
    uint8_t a[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0xaa};
    uint8_t b[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0xbb};
    uint8_t c[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 2, 0xaa};
    struct limits_key ka = limits_source_key(a), kb = limits_source_key(b),
                      kc = limits_source_key(c), k1 = v4_key(1), k2 = v4_key(2);

    (void)state;
    assert_memory_equal(&ka, &kb, sizeof(ka));
    assert_memory_not_equal(&ka, &kc, sizeof(ka));
    assert_memory_not_equal(&k1, &k2, sizeof(k1));
}

static void source_limit_leaves_others_alone(void **state)
{
    struct limits l = make(100, 8, 100, 0);
    struct limits_key one = v4_key(1), two = v4_key(2);

    (void)state;
    for (int i = 0; i < 8; i++)
        assert_int_equal(limits_enter(&l, &one, ALWAYS_KEPT), LIMITS_ADMIT);
    assert_int_equal(limits_enter(&l, &one, ALWAYS_KEPT), LIMITS_SOURCE_FULL);
    assert_int_equal(l.total, 8);
    assert_int_equal(limits_enter(&l, &two, ALWAYS_KEPT), LIMITS_ADMIT);
    limits_leave(&l, &one);
    assert_int_equal(limits_enter(&l, &one, ALWAYS_KEPT), LIMITS_ADMIT);
    limits_clear(&l);
}

static void total_limit_holds_and_recovers(void **state)
{
    struct limits l = make(16, 1, 16, 0);

    (void)state;
    for (uint32_t i = 0; i < 16; i++) {
        struct limits_key key = v4_key(i);
        assert_int_equal(limits_enter(&l, &key, ALWAYS_DROPPED), LIMITS_ADMIT);
    }
    struct limits_key late = v4_key(99), first = v4_key(0);
    assert_int_equal(limits_enter(&l, &late, ALWAYS_KEPT), LIMITS_TOTAL_FULL);
    limits_leave(&l, &first);
    assert_int_equal(limits_enter(&l, &late, ALWAYS_KEPT), LIMITS_ADMIT);
    limits_clear(&l);
}

static void early_drop_rises_evenly(void **state)
{
    struct limits_config config = {256, 8, 64, 30};

    (void)state;
    assert_int_equal(limits_drop_percent(&config, 63), 0);
    assert_int_equal(limits_drop_percent(&config, 64), 30);
    assert_int_equal(limits_drop_percent(&config, 160), 65);
    assert_int_equal(limits_drop_percent(&config, 255), 99);
    assert_int_equal(limits_drop_percent(&config, 256), 100);
    config.early_drop_start = 300;
    assert_int_equal(limits_drop_percent(&config, 255), 0);
}

static void early_drop_follows_the_draw(void **state)
{
    struct limits l = make(256, 8, 0, 30);
    struct limits_key key = v4_key(1);

    (void)state;
    assert_int_equal(limits_enter(&l, &key, ALWAYS_DROPPED), LIMITS_EARLY_DROP);
    assert_int_equal(limits_enter(&l, &key, (uint32_t)(0.29 * UINT32_MAX)), LIMITS_EARLY_DROP);
    assert_int_equal(l.total, 0);
    assert_int_equal(limits_enter(&l, &key, (uint32_t)(0.31 * UINT32_MAX)), LIMITS_ADMIT);
    limits_clear(&l);
}

/* A model beside the table, through many collisions and removals. */
static void table_survives_churn(void **state)
{
    enum { HOSTS = 300, STEPS = 200000 };
    struct limits l = make(128, 3, 128, 0);
    uint32_t model[HOSTS] = {0}, total = 0, seed = 7;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t host = (seed >> 8) % HOSTS;
        struct limits_key key = v4_key(host);

        if ((seed >> 20) % 2 == 0 && model[host] > 0) {
            limits_leave(&l, &key);
            model[host]--;
            total--;
        } else {
            enum limits_verdict want = model[host] == 3 ? LIMITS_SOURCE_FULL
                                       : total == 128   ? LIMITS_TOTAL_FULL
                                                        : LIMITS_ADMIT;
            assert_int_equal(limits_enter(&l, &key, ALWAYS_KEPT), want);
            model[host] += want == LIMITS_ADMIT;
            total += want == LIMITS_ADMIT;
        }
        assert_int_equal(l.total, total);
    }
    limits_clear(&l);
}

/* A proxy is one source for many people: only the total ends it. */
static void one_for_many_is_bound_by_the_total_alone(void **state)
{
    struct limits_config config = {
        .total_max = 4, .source_max = 1, .early_drop_start = 4, .early_drop_percent = 1};
    struct limits l;
    struct limits_key proxy = {{[15] = 9}};

    (void)state;
    assert_int_equal(limits_init(&l, &config, 1), SP_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(limits_enter_many(&l, &proxy, UINT32_MAX), LIMITS_ADMIT);
    assert_int_equal(limits_enter_many(&l, &proxy, UINT32_MAX), LIMITS_TOTAL_FULL);
    assert_int_equal(limits_enter(&l, &proxy, UINT32_MAX), LIMITS_SOURCE_FULL);
    limits_leave(&l, &proxy);
    assert_int_equal(limits_enter_many(&l, &proxy, UINT32_MAX), LIMITS_ADMIT);
    limits_clear(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_figures),
        cmocka_unit_test(source_is_v4_address_or_v6_64),
        cmocka_unit_test(source_limit_leaves_others_alone),
        cmocka_unit_test(total_limit_holds_and_recovers),
        cmocka_unit_test(early_drop_rises_evenly),
        cmocka_unit_test(early_drop_follows_the_draw),
        cmocka_unit_test(table_survives_churn),
        cmocka_unit_test(one_for_many_is_bound_by_the_total_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
