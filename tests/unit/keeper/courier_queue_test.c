/* SPDX-License-Identifier: Apache-2.0
 * Events on their way to courier: in order, bounded, and never lost before courier has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/courier_queue.h"

static const uint8_t hook[IPC_COURIER_HOOK_SIZE] = {1, 2, 3}, id[IPC_COURIER_ID_SIZE] = {9};
static struct courier_queue q;
static const int first = 0, second = 0; /* two couriers */

static int clear(void **state)
{
    (void)state;
    courier_queue_clear(&q);
    return 0;
}

static enum sp_err add(uint64_t time_us, const char *body)
{
    return courier_queue_add(&q, hook, id, time_us, body, strlen(body));
}

static uint64_t send_next(const void *to)
{
    struct courier_waiting *w = courier_queue_next(&q);

    assert_non_null(w);
    w->to = to;
    return w->event->number;
}

static void events_go_in_order(void **state)
{
    uint8_t whose[IPC_COURIER_HOOK_SIZE] = {0};

    (void)state;
    assert_null(courier_queue_next(&q));
    assert_int_equal(add(100, "a"), SP_OK);
    assert_int_equal(add(100, "b"), SP_OK);
    assert_int_equal(add(50, "c"), SP_OK); /* the clock was put back */
    assert_int_equal(q.list[0].event->time_us, 100);
    assert_int_equal(q.list[1].event->time_us, 101);
    assert_int_equal(q.list[2].event->time_us, 102);
    uint64_t a = send_next(&first), b = send_next(&first), c = send_next(&first);
    assert_true(a < b && b < c);
    assert_null(courier_queue_next(&q));
    assert_true(courier_queue_done(&q, b, &first, whose));
    assert_memory_equal(whose, hook, sizeof(hook));
    assert_int_equal(q.count, 2);
    assert_int_equal(q.list[1].event->body[0], 'c');
}

static void answers_that_nobody_may_give(void **state)
{
    uint8_t whose[IPC_COURIER_HOOK_SIZE] = {0};

    (void)state;
    assert_int_equal(add(1, "a"), SP_OK);
    uint64_t number = q.list[0].event->number;
    assert_false(courier_queue_done(&q, number, &first, whose)); /* not sent yet */
    send_next(&first);
    assert_false(courier_queue_done(&q, number, &second, whose));
    assert_false(courier_queue_done(&q, number + 1, &first, whose));
    assert_true(courier_queue_done(&q, number, &first, whose));
    assert_false(courier_queue_done(&q, number, &first, whose)); /* twice */
    assert_int_equal(q.count, 0);
}

static void what_a_dead_courier_had_not_confirmed_goes_again(void **state)
{
    uint8_t whose[IPC_COURIER_HOOK_SIZE];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(add(1, "x"), SP_OK);
    uint64_t one = send_next(&first), two = send_next(&first);
    send_next(&second);
    assert_true(courier_queue_done(&q, one, &first, whose));
    courier_queue_lost(&q, &first);
    assert_int_equal(send_next(&second), two); /* the oldest first, by the same number */
    send_next(&second);
    assert_null(courier_queue_next(&q));
}

static void bounds(void **state)
{
    static char long_body[IPC_COURIER_BODY_MAX + 2];

    (void)state;
    memset(long_body, 'x', IPC_COURIER_BODY_MAX + 1);
    assert_int_equal(add(1, ""), SP_EVALUE);
    assert_int_equal(add(1, long_body), SP_EVALUE);
    long_body[IPC_COURIER_BODY_MAX] = '\0';
    for (int i = 0; i < COURIER_WAITING_MAX; i++)
        assert_int_equal(add(1, long_body), SP_OK);
    assert_int_equal(add(1, "newest"), SP_ELIMIT);
    assert_int_equal(q.list[0].event->number, 1); /* the oldest is kept */
}

#define TEST(f) cmocka_unit_test_teardown(f, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_go_in_order),
        TEST(answers_that_nobody_may_give),
        TEST(what_a_dead_courier_had_not_confirmed_goes_again),
        TEST(bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
