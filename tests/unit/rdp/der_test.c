/* SPDX-License-Identifier: Apache-2.0
 * DER helpers: lengths of every form, integers, limits, and the writer's minimal forms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/der.h"
#include "support/vector.h"

static enum sp_err enter(const char *bytes, size_t size, size_t *content)
{
    uint8_t *exact = vector_prefix((const uint8_t *)bytes, size);
    struct rd r, child;
    enum sp_err err;

    rd_init(&r, exact, size);
    der_enter(&r, DER_OCTET_STRING, &child, "test");
    *content = child.left;
    err = r.fail.code;
    assert_int_equal(child.fail.code, err);
    free(exact);
    return err;
}

#define ENTER(bytes, content) enter(bytes, sizeof(bytes) - 1, content)

static void lengths_are_read(void **state)
{
    size_t n;

    (void)state;
    assert_int_equal(ENTER("\x04\x01x", &n), SP_OK);
    assert_int_equal(n, 1);
    assert_int_equal(ENTER("\x04\x81\x01x", &n), SP_OK); /* padded */
    assert_int_equal(n, 1);
    assert_int_equal(ENTER("\x04\x82\x00\x01x", &n), SP_OK);
    assert_int_equal(n, 1);
    assert_int_equal(ENTER("\x04\x00", &n), SP_OK);
    assert_int_equal(n, 0);
}

static void lengths_are_refused(void **state)
{
    size_t n;

    (void)state;
    assert_int_equal(ENTER("\x04\x80x\x00\x00", &n), SP_EVALUE); /* indefinite */
    assert_int_equal(ENTER("\x04\x83\x00\x00\x01x", &n), SP_EVALUE);
    assert_int_equal(ENTER("\x04\x84\x80\x00\x00\x00", &n), SP_EVALUE); /* 2^31 */
    assert_int_equal(ENTER("\x04\xFF", &n), SP_EVALUE);
    assert_int_equal(ENTER("\x04\x82\x40\x01", &n), SP_ELIMIT); /* DER_LENGTH_MAX + 1 */
    assert_int_equal(ENTER("\x04\x02x", &n), SP_ESHORT);
    assert_int_equal(ENTER("\x04\x82\x00", &n), SP_ESHORT);
    assert_int_equal(ENTER("\x04", &n), SP_ESHORT);
    assert_int_equal(ENTER("", &n), SP_ESHORT);
    assert_int_equal(ENTER("\x05\x01x", &n), SP_EVALUE);
    assert_int_equal(n, 0);
}

static int64_t integer(const char *bytes, size_t size, enum sp_err want)
{
    struct rd r;
    int64_t v;

    rd_init(&r, bytes, size);
    v = der_integer(&r, DER_INTEGER, "test");
    assert_int_equal(r.fail.code, want);
    return v;
}

#define INTEGER(bytes, want) integer(bytes, sizeof(bytes) - 1, want)

static void integers(void **state)
{
    (void)state;
    assert_true(INTEGER("\x02\x01\x06", SP_OK) == 6);
    assert_true(INTEGER("\x02\x01\xFF", SP_OK) == -1);
    assert_true(INTEGER("\x02\x02\x00\xFF", SP_OK) == 255);
    assert_true(INTEGER("\x02\x05\x01\x00\x00\x00\x00", SP_OK) == INT64_C(0x100000000));
    assert_true(INTEGER("\x02\x08\x80\x00\x00\x00\x00\x00\x00\x00", SP_OK) == INT64_MIN);
    assert_true(INTEGER("\x02\x00", SP_EVALUE) == 0);
    assert_true(INTEGER("\x02\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00", SP_EVALUE) == 0);
    assert_true(INTEGER("\x0A\x01\x06", SP_EVALUE) == 0);
}

static void explicit_tags(void **state)
{
    struct rd r, child;

    (void)state;
    rd_init(&r, "\xA2\x03\x04\x01x\xA3", 6);
    assert_true(der_at(&r, DER_EXPLICIT(2)));
    assert_false(der_at(&r, DER_EXPLICIT(3)));
    der_enter_explicit(&r, 2, DER_OCTET_STRING, &child, "test");
    assert_true(rd_ok(&r));
    assert_int_equal(child.left, 1);
    assert_true(der_at(&r, DER_EXPLICIT(3)));

    rd_init(&r, "\xA2\x04\x04\x01xy", 6);
    der_enter_explicit(&r, 2, DER_OCTET_STRING, &child, "test");
    assert_int_equal(r.fail.code, SP_ETRAIL);
    assert_int_equal(child.fail.code, SP_ETRAIL);
    assert_false(der_at(&r, DER_EXPLICIT(3)));
}

static void written_lengths_are_minimal(void **state)
{
    static const size_t sizes[] = {0, 1, 0x7F, 0x80, 0xFF, 0x100, DER_LENGTH_MAX};
    static const size_t headers[] = {2, 2, 2, 3, 3, 4, 4};
    static uint8_t data[DER_LENGTH_MAX + 1], out[DER_LENGTH_MAX + 16];

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct wr w;
        struct rd r, child;

        wr_init(&w, out, sizeof(out));
        der_bytes(&w, DER_OCTET_STRING, data, sizes[i]);
        assert_true(wr_ok(&w));
        assert_int_equal(w.pos, headers[i] + sizes[i]);
        assert_int_equal(w.pos, der_size(sizes[i]));
        rd_init(&r, out, w.pos);
        der_enter(&r, DER_OCTET_STRING, &child, "test");
        rd_end(&r, "test");
        assert_true(rd_ok(&r));
        assert_int_equal(child.left, sizes[i]);
    }
}

static void writer_refuses(void **state)
{
    static uint8_t data[DER_LENGTH_MAX + 1], out[DER_LENGTH_MAX + 16];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    der_bytes(&w, DER_OCTET_STRING, data, sizeof(data));
    assert_int_equal(w.fail.code, SP_ELIMIT);
    wr_init(&w, out, 4);
    der_explicit_bytes(&w, 1, DER_OCTET_STRING, data, 3);
    assert_int_equal(w.fail.code, SP_ESPACE);
    wr_init(&w, out, der_explicit_size(3));
    der_explicit_bytes(&w, 1, DER_OCTET_STRING, data, 3);
    assert_true(wr_ok(&w));
    assert_int_equal(w.pos, der_explicit_size(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_read),
        cmocka_unit_test(lengths_are_refused),
        cmocka_unit_test(integers),
        cmocka_unit_test(explicit_tags),
        cmocka_unit_test(written_lengths_are_minimal),
        cmocka_unit_test(writer_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
