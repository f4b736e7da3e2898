/* SPDX-License-Identifier: Apache-2.0
 * Reports of refused connections: summed up, once a second for each reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "door/report.h"

static const struct ipc_address peer_a = {.port = 1};
static const struct ipc_address peer_b = {.port = 2};

static void nothing_counted_nothing_due(void **state)
{
    struct report r = {0};
    struct ipc_door_refused out;

    (void)state;
    assert_int_equal(report_due_ms(&r), -1);
    assert_false(report_take(&r, 5000, &out));
}

static void first_goes_at_once_then_sums(void **state)
{
    struct report r = {0};
    struct ipc_door_refused out;

    (void)state;
    report_add(&r, IPC_DOOR_SOURCE, &peer_a);
    assert_true(report_take(&r, 5000, &out));
    assert_int_equal(out.count, 1);
    assert_int_equal(out.reason, IPC_DOOR_SOURCE);
    for (int i = 0; i < 100; i++)
        report_add(&r, IPC_DOOR_SOURCE, &peer_b);
    assert_int_equal(report_due_ms(&r), 6000);
    assert_false(report_take(&r, 5999, &out));
    assert_true(report_take(&r, 6000, &out));
    assert_int_equal(out.count, 100);
    assert_int_equal(out.peer.port, 2);
    assert_false(report_take(&r, 9000, &out));
}

static void reasons_do_not_wait_for_each_other(void **state)
{
    struct report r = {0};
    struct ipc_door_refused out;

    (void)state;
    report_add(&r, IPC_DOOR_SOURCE, &peer_a);
    assert_true(report_take(&r, 5000, &out));
    report_add(&r, IPC_DOOR_SILENT, &peer_a);
    assert_true(report_take(&r, 5001, &out));
    assert_int_equal(out.reason, IPC_DOOR_SILENT);
}

static void what_could_not_be_sent_is_not_lost(void **state)
{
    struct report r = {0};
    struct ipc_door_refused out;

    (void)state;
    report_add(&r, IPC_DOOR_TOTAL, &peer_a);
    assert_true(report_take(&r, 5000, &out));
    report_give_back(&r, &out);
    report_add(&r, IPC_DOOR_TOTAL, &peer_b);
    assert_true(report_take(&r, 6000, &out));
    assert_int_equal(out.count, 2);
}

static void counts_do_not_wrap(void **state)
{
    struct report r = {0};
    struct ipc_door_refused full = {.reason = IPC_DOOR_TOTAL, .count = UINT32_MAX};
    struct ipc_door_refused out;

    (void)state;
    report_give_back(&r, &full);
    report_add(&r, IPC_DOOR_TOTAL, &peer_a);
    assert_true(report_take(&r, 1, &out));
    assert_int_equal(out.count, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_counted_nothing_due),
        cmocka_unit_test(first_goes_at_once_then_sums),
        cmocka_unit_test(reasons_do_not_wait_for_each_other),
        cmocka_unit_test(what_could_not_be_sent_is_not_lost),
        cmocka_unit_test(counts_do_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
