/* SPDX-License-Identifier: Apache-2.0
 * BER lengths, tags and numbers at their bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/ber.h"
#include "support/vector.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static enum sp_err length(const uint8_t *p, size_t size, size_t *out)
{
    uint8_t *exact = vector_prefix(p, size);
    struct rd r;

    rd_init(&r, exact, size);
    *out = ber_length_read(&r, "length");
    free(exact);
    return r.fail.code;
}

static enum sp_err integer(const uint8_t *p, size_t size, uint32_t *out)
{
    uint8_t *exact = vector_prefix(p, size);
    struct rd r;

    rd_init(&r, exact, size);
    *out = ber_integer_read(&r, "integer");
    free(exact);
    return r.fail.code;
}

static void reads_lengths(void **state)
{
    size_t n;

    (void)state;
    assert_int_equal(length(BYTES(0x7f), &n), SP_OK);
    assert_int_equal(n, 0x7f);
    assert_int_equal(length(BYTES(0x81, 0xff), &n), SP_OK);
    assert_int_equal(n, 0xff);
    assert_int_equal(length(BYTES(0x82, 0x01, 0x94), &n), SP_OK);
    assert_int_equal(n, 404);
    assert_int_equal(length(BYTES(0x84, 0xff, 0xff, 0xff, 0xff), &n), SP_OK);
    assert_int_equal(n, UINT32_MAX);
    assert_int_equal(length(BYTES(0x80), &n), SP_EVALUE); /* indefinite */
    assert_int_equal(length(BYTES(0x85, 0, 0, 0, 0, 1), &n), SP_ELIMIT);
    assert_int_equal(length(BYTES(0x82, 0x01), &n), SP_ESHORT);
    assert_int_equal(n, 0);
    assert_int_equal(length((const uint8_t *)"", 0, &n), SP_ESHORT);
}

static void reads_integers(void **state)
{
    uint32_t v;

    (void)state;
    assert_int_equal(integer(BYTES(2, 1, 0x22), &v), SP_OK);
    assert_int_equal(v, 34);
    assert_int_equal(integer(BYTES(2, 3, 0, 0xff, 0xff), &v), SP_OK);
    assert_int_equal(v, 65535);
    assert_int_equal(integer(BYTES(2, 2, 0xff, 0xff), &v), SP_OK); /* as mstsc writes it */
    assert_int_equal(v, 65535);
    assert_int_equal(integer(BYTES(2, 4, 0x7f, 0xff, 0xff, 0xff), &v), SP_OK);
    assert_int_equal(v, INT32_MAX);
    /* CVE-2012-0002 inputs: negative and too wide */
    assert_int_equal(integer(BYTES(2, 1, 0xff), &v), SP_EVALUE);
    assert_int_equal(v, 0);
    assert_int_equal(integer(BYTES(2, 3, 0xff, 0xff, 0xff), &v), SP_EVALUE);
    assert_int_equal(integer(BYTES(2, 4, 0x80, 0, 0, 0), &v), SP_EVALUE);
    assert_int_equal(integer(BYTES(2, 5, 0, 0, 0, 0, 1), &v), SP_ELIMIT);
    assert_int_equal(integer(BYTES(2, 0), &v), SP_EVALUE);
    assert_int_equal(integer(BYTES(4, 1, 1), &v), SP_EVALUE);
    assert_int_equal(integer(BYTES(2, 2, 1), &v), SP_ESHORT);
    assert_int_equal(v, 0);
}

static void opens_contents(void **state)
{
    struct rd r, contents;

    (void)state;
    rd_init(&r, BYTES(0x7f, 0x65, 0x02, 0xaa, 0xbb, 0xcc));
    ber_open(&r, 0x7f65, &contents, "open");
    assert_true(rd_ok(&r));
    assert_int_equal(contents.left, 2);
    assert_int_equal(r.left, 1);
    rd_init(&r, BYTES(0x7f, 0x66, 0x00));
    ber_open(&r, 0x7f65, &contents, "open");
    assert_int_equal(r.fail.code, SP_EVALUE);
    rd_init(&r, BYTES(0x30, 0x03, 0, 0));
    ber_open(&r, BER_SEQUENCE, &contents, "open");
    assert_int_equal(r.fail.code, SP_ESHORT);
    assert_int_equal(contents.fail.code, SP_ESHORT);
}

static void reads_enumerated(void **state)
{
    struct rd r;

    (void)state;
    rd_init(&r, BYTES(0x0a, 1, 14));
    assert_int_equal(ber_enumerated_read(&r, "enumerated"), 14);
    assert_true(rd_ok(&r));
    rd_init(&r, BYTES(0x0a, 2, 0, 14));
    assert_int_equal(ber_enumerated_read(&r, "enumerated"), 0);
    assert_int_equal(r.fail.code, SP_EVALUE);
    rd_init(&r, BYTES(0x02, 1, 14));
    (void)ber_enumerated_read(&r, "enumerated");
    assert_int_equal(r.fail.code, SP_EVALUE);
}

static void writes_shortest(void **state)
{
    static const uint32_t values[] = {0,     1,     127,   128,      255,      256,      32767,
                                      32768, 65535, 65536, 0x7fffff, 0x800000, INT32_MAX};
    uint8_t buf[8];
    struct wr w;

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint32_t back = 1;

        wr_init(&w, buf, sizeof(buf));
        ber_integer_write(&w, values[i]);
        assert_true(wr_ok(&w));
        assert_int_equal(integer(buf, w.pos, &back), SP_OK);
        assert_int_equal(back, values[i]);
        assert_true(buf[2] < 0x80);
        assert_false(buf[1] > 1 && buf[2] == 0 && buf[3] < 0x80);
    }
}

static void writes_headers(void **state)
{
    static const size_t sizes[] = {0, 0x7f, 0x80, 0xff, 0x100, 0xffff};
    uint8_t buf[8];
    struct wr w;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t back = 1;

        wr_init(&w, buf, sizeof(buf));
        ber_header_write(&w, 0x7f65, sizes[i]);
        assert_int_equal(w.pos, ber_header_size(0x7f65, sizes[i]));
        assert_int_equal(length(buf + 2, w.pos - 2, &back), SP_OK);
        assert_int_equal(back, sizes[i]);
        assert_int_equal(ber_header_size(BER_SEQUENCE, sizes[i]), w.pos - 1);
    }
    wr_init(&w, buf, sizeof(buf));
    ber_header_write(&w, BER_SEQUENCE, 0x10000);
    assert_int_equal(w.fail.code, SP_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lengths),   cmocka_unit_test(reads_integers),
        cmocka_unit_test(opens_contents),  cmocka_unit_test(reads_enumerated),
        cmocka_unit_test(writes_shortest), cmocka_unit_test(writes_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
