/* SPDX-License-Identifier: Apache-2.0
 * PER lengths and user ids at their bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/per.h"
#include "support/vector.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static enum sp_err length(const uint8_t *p, size_t size, uint16_t *out)
{
    uint8_t *exact = vector_prefix(p, size);
    struct rd r;

    rd_init(&r, exact, size);
    *out = per_length_read(&r, "length");
    free(exact);
    return r.fail.code;
}

static void reads_lengths(void **state)
{
    uint16_t n;

    (void)state;
    assert_int_equal(length(BYTES(0x7f), &n), SP_OK);
    assert_int_equal(n, 127);
    assert_int_equal(length(BYTES(0x80, 0x16), &n), SP_OK); /* two bytes below 128 are legal */
    assert_int_equal(n, 0x16);
    assert_int_equal(length(BYTES(0xbf, 0xff), &n), SP_OK);
    assert_int_equal(n, PER_LENGTH_MAX);
    for (unsigned first = 0xc0; first <= 0xff; first++) /* fragments */
        assert_int_equal(length(BYTES((uint8_t)first, 0), &n), SP_EVALUE);
    assert_int_equal(length(BYTES(0x81), &n), SP_ESHORT);
    assert_int_equal(n, 0);
    assert_int_equal(length((const uint8_t *)"", 0, &n), SP_ESHORT);
}

static void writes_lengths(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, PER_LENGTH_MAX};
    uint8_t buf[4];
    struct wr w;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint16_t back = 1;

        wr_init(&w, buf, sizeof(buf));
        per_length_write(&w, sizes[i]);
        assert_int_equal(w.pos, sizes[i] < 128 ? 1 : 2);
        assert_int_equal(length(buf, w.pos, &back), SP_OK);
        assert_int_equal(back, sizes[i]);
    }
    wr_init(&w, buf, sizeof(buf));
    per_length_write(&w, PER_LENGTH_MAX + 1);
    assert_int_equal(w.fail.code, SP_ELIMIT);
}

static void fills_gaps(void **state)
{
    static uint8_t buf[PER_LENGTH_MAX + 3];
    struct wr w;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        wr_init(&w, buf, sizeof(buf));
        size_t mark = per_length_gap(&w);
        wr_zero(&w, PER_LENGTH_MAX + extra);
        per_length_end(&w, mark);
        assert_int_equal(w.fail.code, extra == 0 ? SP_OK : SP_ELIMIT);
    }
    wr_init(&w, buf, 3);
    size_t mark = per_length_gap(&w);
    wr_u8(&w, 1);
    per_length_end(&w, mark);
    assert_memory_equal(buf, ((const uint8_t[]){0x80, 1, 1}), 3);
    wr_init(&w, buf, 1);
    mark = per_length_gap(&w);
    per_length_end(&w, mark);
    assert_int_equal(w.fail.code, SP_ESPACE);
}

static void reads_user_ids(void **state)
{
    uint8_t buf[2];
    struct wr w;
    struct rd r;

    (void)state;
    rd_init(&r, BYTES(0x00, 0x06));
    assert_int_equal(per_user_id_read(&r, "id"), 1007);
    rd_init(&r, BYTES(0xfc, 0x16));
    assert_int_equal(per_user_id_read(&r, "id"), 65535);
    rd_init(&r, BYTES(0xfc, 0x17)); /* the sum would wrap around */
    assert_int_equal(per_user_id_read(&r, "id"), 0);
    assert_int_equal(r.fail.code, SP_EVALUE);
    rd_init(&r, BYTES(0xfc));
    assert_int_equal(per_user_id_read(&r, "id"), 0);
    assert_int_equal(r.fail.code, SP_ESHORT);
    wr_init(&w, buf, sizeof(buf));
    per_user_id_write(&w, 1002);
    assert_memory_equal(buf, ((const uint8_t[]){0, 1}), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lengths),
        cmocka_unit_test(writes_lengths),
        cmocka_unit_test(fills_gaps),
        cmocka_unit_test(reads_user_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
