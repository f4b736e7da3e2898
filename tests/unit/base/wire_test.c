/* SPDX-License-Identifier: Apache-2.0
 * The bounded reader and writer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"
#include "support/vector.h"

static void reads_integers_in_both_orders(void **state)
{
    const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
                             0x0c, 0x0d, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    struct rd r;

    (void)state;
    rd_init(&r, bytes, sizeof(bytes));
    assert_int_equal(rd_u8(&r, "a"), 0x01);
    assert_int_equal(rd_u16le(&r, "b"), 0x0302);
    assert_int_equal(rd_u16be(&r, "c"), 0x0405);
    assert_int_equal(rd_u32le(&r, "d"), 0x09080706);
    assert_int_equal(rd_u32be(&r, "e"), 0x0a0b0c0d);
    assert_true(rd_u64le(&r, "f") == 0x8877665544332211ull);
    rd_end(&r, "end");
    assert_true(rd_ok(&r));
    assert_int_equal(rd_pos(&r), sizeof(bytes));
}

static void first_failure_sticks(void **state)
{
    uint8_t *bytes = vector_prefix((const uint8_t[]){1, 2, 3}, 3);
    struct rd r;

    (void)state;
    rd_init(&r, bytes, 3);
    assert_int_equal(rd_u32le(&r, "first"), 0);
    assert_int_equal(rd_u8(&r, "second"), 0);
    rd_want(&r, "third", 1, 2);
    assert_int_equal(r.fail.code, SP_ESHORT);
    assert_string_equal(r.fail.where, "first");
    assert_int_equal(r.fail.got, 3);
    assert_int_equal(r.fail.want, 4);
    free(bytes);
}

static void copy_zeroes_after_failure(void **state)
{
    uint8_t out[4] = {9, 9, 9, 9};
    struct rd r;

    (void)state;
    rd_init(&r, "ab", 2);
    rd_copy(&r, out, sizeof(out), "copy");
    assert_memory_equal(out, "\0\0\0\0", 4);
    assert_null(rd_bytes(&r, 1, "bytes"));
}

static void child_cannot_leave_its_block(void **state)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5};
    struct rd r, child;

    (void)state;
    rd_init(&r, bytes, sizeof(bytes));
    rd_sub(&r, 2, &child, "child");
    assert_int_equal(rd_u16le(&child, "inside"), 0x0201);
    assert_int_equal(rd_u8(&child, "outside"), 0);
    assert_int_equal(child.fail.code, SP_ESHORT);
    assert_true(rd_ok(&r));
    rd_adopt(&r, &child);
    assert_string_equal(r.fail.where, "outside");
}

static void child_of_failed_reader_is_failed(void **state)
{
    struct rd r, child;

    (void)state;
    rd_init(&r, "ab", 2);
    rd_sub(&r, 3, &child, "too long");
    assert_false(rd_ok(&child));
    assert_int_equal(child.left, 0);
}

static void checks_report_both_numbers(void **state)
{
    struct rd r;

    (void)state;
    rd_init(&r, "a", 1);
    rd_max(&r, "max", 5, 5);
    rd_min(&r, "min", 5, 5);
    assert_true(rd_ok(&r));
    rd_max(&r, "max", 6, 5);
    assert_int_equal(r.fail.code, SP_ELIMIT);
    rd_init(&r, "a", 1);
    rd_min(&r, "min", 4, 5);
    assert_int_equal(r.fail.code, SP_EVALUE);
    rd_init(&r, "a", 1);
    rd_end(&r, "end");
    assert_int_equal(r.fail.code, SP_ETRAIL);
    assert_int_equal(r.fail.got, 1);
}

static void zero_size_reads_are_legal(void **state)
{
    struct rd r;

    (void)state;
    rd_init(&r, NULL, 0);
    rd_copy(&r, NULL, 0, "nothing");
    rd_skip(&r, 0, "nothing");
    rd_end(&r, "end");
    assert_true(rd_ok(&r));
}

static void writes_what_reads_back(void **state)
{
    uint8_t out[32];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    size_t gap = wr_gap(&w, 2);
    wr_u8(&w, 0x01);
    wr_u16le(&w, 0x0302);
    wr_u16be(&w, 0x0405);
    wr_u32le(&w, 0x09080706);
    wr_u32be(&w, 0x0a0b0c0d);
    wr_u64le(&w, 0x8877665544332211ull);
    wr_zero(&w, 2);
    wr_patch_u16be(&w, gap, 0xf1f2);
    assert_true(wr_ok(&w));
    assert_memory_equal(out, "\xf1\xf2\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d", 15);
    wr_patch_u16le(&w, gap, 0xf1f2);
    assert_memory_equal(out, "\xf2\xf1", 2);
    wr_patch_u32le(&w, gap, 0x04030201);
    assert_memory_equal(out, "\x01\x02\x03\x04", 4);
    wr_patch_u8(&w, gap, 7);
    assert_int_equal(out[0], 7);
}

static void writer_never_passes_its_end(void **state)
{
    uint8_t out[4] = {0};
    struct wr w;

    (void)state;
    wr_init(&w, out, 3);
    wr_u16le(&w, 1);
    wr_u16le(&w, 2);
    assert_int_equal(w.fail.code, SP_ESPACE);
    wr_u8(&w, 0xff);
    assert_int_equal(w.pos, 2);
    assert_int_equal(out[2], 0);
    assert_int_equal(wr_refuse(&w, SP_ELIMIT, "later", 0, 0), SP_ESPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers_in_both_orders),
        cmocka_unit_test(first_failure_sticks),
        cmocka_unit_test(copy_zeroes_after_failure),
        cmocka_unit_test(child_cannot_leave_its_block),
        cmocka_unit_test(child_of_failed_reader_is_failed),
        cmocka_unit_test(checks_report_both_numbers),
        cmocka_unit_test(zero_size_reads_are_legal),
        cmocka_unit_test(writes_what_reads_back),
        cmocka_unit_test(writer_never_passes_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
