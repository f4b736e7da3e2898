/* SPDX-License-Identifier: Apache-2.0
 * Bitmap updates of our own: rows from the bottom up, widths rounded up, one colour as a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/bitmap_update.h"
#include "rdp/frame.h"

static uint8_t body_space[BITMAP_BODY_MAX], out_space[BITMAP_UPDATE_SIZE_MAX];

static struct wr begin(void)
{
    struct wr w;

    wr_init(&w, body_space, sizeof(body_space));
    bitmap_body_begin(&w);
    assert_false(bitmap_body_is_used(&w));
    return w;
}

static void rows_go_up_and_widths_are_rounded(void **state)
{
    static const uint32_t px[] = {0xFF0000, 0x00FF00, 0x0000FF, 0xFFFFFF};
    static const uint8_t expected[] = {
        1,    0,    1,    0, /* bitmap, one rectangle        */
        5,    0,    6,    0,    6,    0,    7, 0, 4, 0,
        2,    0,    16,   0,    0,    0,                /* 5,6 to 6,7; 4 wide, 2 high   */
        16,   0,    0x1F, 0x00, 0xFF, 0xFF, 0, 0, 0, 0, /* the lower row: blue, white   */
        0x00, 0xF8, 0xE0, 0x07, 0,    0,    0, 0,       /* the upper one: red, green    */
    };
    struct bitmap_tile tile = {.x = 5, .y = 6, .width = 2, .height = 2, .pixels = px, .stride = 2};
    struct wr body = begin(), out;
    size_t size;

    (void)state;
    assert_int_equal(bitmap_body_add(&body, &tile), SP_OK);
    assert_int_equal(body.pos, sizeof(expected));
    assert_memory_equal(body.buf, expected, sizeof(expected));
    wr_init(&out, out_space, sizeof(out_space));
    assert_int_equal(bitmap_update_fastpath(&out, &body), SP_OK);
    assert_int_equal(rdp_frame_size(RDP_FRAME_ACTIVE, out.buf, out.pos, &size, NULL), SP_OK);
    assert_int_equal(size, out.pos);
    assert_true(rdp_is_fastpath(out.buf[0]));
    wr_init(&out, out_space, sizeof(out_space));
    assert_int_equal(bitmap_update_slowpath(&out, &body, 0x103EA), SP_OK);
    assert_int_equal(rdp_frame_size(RDP_FRAME_ACTIVE, out.buf, out.pos, &size, NULL), SP_OK);
    assert_int_equal(size, out.pos);
}

static void one_colour_is_a_run(void **state)
{
    static const uint32_t px[] = {0x123456};
    static const uint8_t run[] = {0, 0, 5, 0, 128, 0, 0, 0x20, 0xF3, 0, 16, 0xAA, 0x11};
    struct bitmap_tile tile = {
        .width = 64, .height = 64, .is_plain = true, .pixels = px, .stride = 64};
    struct wr body = begin();

    (void)state;
    assert_int_equal(bitmap_body_add(&body, &tile), SP_OK);
    assert_int_equal(body.pos, 4 + 18 + sizeof(run));
    assert_memory_equal(body.buf + 22, run, sizeof(run));
}

static void a_full_body_takes_no_more(void **state)
{
    static const uint32_t px[64 * 64];
    struct bitmap_tile tile = {.width = 64, .height = 64, .pixels = px, .stride = 64};
    struct wr body = begin();
    size_t pos;

    (void)state;
    assert_int_equal(bitmap_body_add(&body, &tile), SP_OK);
    pos = body.pos;
    assert_int_equal(bitmap_body_add(&body, &tile), SP_ESPACE);
    assert_int_equal(body.pos, pos);
    assert_int_equal(body.buf[2], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_go_up_and_widths_are_rounded),
        cmocka_unit_test(one_colour_is_a_run),
        cmocka_unit_test(a_full_body_takes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
