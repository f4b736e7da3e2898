/* SPDX-License-Identifier: Apache-2.0
 * When the spawner executes itself anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "door/respawn.h"

#define STATUS_OK      0
#define STATUS_EXIT_1  (1 << 8)
#define STATUS_SIGSEGV 11

static void orderly_ends_change_nothing(void **state)
{
    struct respawn r;

    (void)state;
    respawn_init(&r, 1000);
    respawn_ended(&r, STATUS_OK, 2000);
    assert_false(respawn_is_due(&r, true, 2000));
    assert_false(respawn_is_due(&r, false, 2000 + RESPAWN_GATHER_MS));
}

static void never_forks_under_a_tainted_layout(void **state)
{
    static const int abnormal[] = {STATUS_SIGSEGV, STATUS_EXIT_1, 31 /* SIGSYS */};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct respawn r;

        respawn_init(&r, 1000);
        respawn_ended(&r, abnormal[i], 2000);
        assert_true(respawn_is_due(&r, true, 2000));
    }
}

static void several_ends_are_one_reason(void **state)
{
    struct respawn r;

    (void)state;
    respawn_init(&r, 1000);
    for (int i = 0; i < 20; i++) {
        respawn_ended(&r, STATUS_SIGSEGV, 2000 + i);
        assert_false(respawn_is_due(&r, false, 2000 + i));
    }
    assert_true(respawn_is_due(&r, false, 2000 + RESPAWN_GATHER_MS));
}

static void renews_in_time_but_only_when_idle(void **state)
{
    struct respawn r;

    (void)state;
    respawn_init(&r, 1000);
    assert_false(respawn_is_due(&r, false, 1000 + RESPAWN_EVERY_MS - 1));
    assert_true(respawn_is_due(&r, false, 1000 + RESPAWN_EVERY_MS));
    assert_false(respawn_is_due(&r, true, 1000 + RESPAWN_EVERY_MS));
}

static void an_end_never_delays_what_is_due(void **state)
{
    struct respawn r;

    (void)state;
    respawn_init(&r, 0);
    respawn_ended(&r, STATUS_SIGSEGV, RESPAWN_EVERY_MS - 1);
    assert_true(respawn_is_due(&r, false, RESPAWN_EVERY_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orderly_ends_change_nothing),
        cmocka_unit_test(never_forks_under_a_tainted_layout),
        cmocka_unit_test(several_ends_are_one_reason),
        cmocka_unit_test(renews_in_time_but_only_when_idle),
        cmocka_unit_test(an_end_never_delays_what_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
