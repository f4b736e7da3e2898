/* SPDX-License-Identifier: Apache-2.0
 * Input of both paths becomes the same events; what is not whole or not known is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/input.h"
#include "support/probe.h"
#include "support/vector.h"

static struct input_event events[INPUT_EVENTS_MAX];

static enum sp_err read_fast(struct rd *r, void *out)
{
    return input_fastpath_read(r, events, out);
}

static enum sp_err read_slow(struct rd *r, void *out)
{
    return input_slowpath_read(r, events, out);
}

static void fast_path_vectors(void **state)
{
    size_t size, count = 99;
    uint8_t *data = vector_load("fastpath_input/lab_three_events.hex", &size);

    (void)state;
    assert_int_equal(probe_parse(data, size, read_fast, &count), SP_OK);
    assert_int_equal(count, 3);
    assert_int_equal(events[0].kind, INPUT_KEY);
    assert_int_equal(events[0].code, 0x0F);
    assert_true(events[0].is_release);
    assert_int_equal(events[1].kind, INPUT_OTHER);
    free(data);
    data = vector_load("fastpath_input/every_code.hex", &size);
    assert_int_equal(probe_parse(data, size, read_fast, &count), SP_OK);
    assert_int_equal(count, 7);
    free(data);
}

static void slow_path_events(void **state)
{
    static const uint8_t body[] = {
        3, 0, 0, 0,                                           /* three events           */
        1, 0, 0, 0, 4, 0,    0x00, 0x81, 0x1E, 0,    0,    0, /* an extended key goes up */
        1, 0, 0, 0, 5, 0,    0x00, 0x00, 0xE4, 0x00, 0,    0, /* a Unicode letter        */
        1, 0, 0, 0, 1, 0x80, 0x00, 0x90, 0x40, 0x01, 0xF0, 0  /* the left button at 320,240 */
    };
    size_t count = 99;

    (void)state;
    assert_int_equal(probe_parse(body, sizeof(body), read_slow, &count), SP_OK);
    assert_int_equal(count, 3);
    assert_true(events[0].kind == INPUT_KEY && events[0].is_release && events[0].is_extended);
    assert_int_equal(events[0].code, 0x1E);
    assert_true(events[1].kind == INPUT_UNICODE && events[1].code == 0xE4);
    assert_true(events[2].kind == INPUT_MOUSE && events[2].x == 320 && events[2].y == 240);
    assert_int_equal(events[2].flags, PTRFLAGS_DOWN | PTRFLAGS_BUTTON1);
    for (size_t size = 0; size < sizeof(body); size++) {
        count = 99;
        assert_int_not_equal(probe_parse(body, size, read_slow, &count), SP_OK);
        assert_int_equal(count, 99);
    }
}

static void unknown_and_too_many_are_refused(void **state)
{
    static const uint8_t unknown[] = {1, 0, 0, 0, 1, 0, 0, 0, 0x07, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t many[] = {0, 1, 0, 0};
    size_t count = 99;

    (void)state;
    assert_int_equal(probe_parse(unknown, sizeof(unknown), read_slow, &count), SP_EVALUE);
    assert_int_equal(probe_parse(many, sizeof(many), read_slow, &count), SP_ELIMIT);
    assert_int_equal(count, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_path_vectors),
        cmocka_unit_test(slow_path_events),
        cmocka_unit_test(unknown_and_too_many_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
