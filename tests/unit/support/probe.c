/* SPDX-License-Identifier: Apache-2.0
 * What every parser must stand: its message cut short anywhere, and any byte of it changed.
 */
#include "probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vector.h"

#define UNTOUCHED 0xA5

static void assert_untouched(const uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(out[i], UNTOUCHED);
}

/* Parse and check the promises that hold for every outcome. */
static enum sp_err parse_checked(const uint8_t *data, size_t size, probe_fn *parse, uint8_t *out,
                                 size_t out_size)
{
    struct rd r;
    enum sp_err err;

    memset(out, UNTOUCHED, out_size);
    rd_init(&r, data, size);
    err = parse(&r, out);
    assert_int_equal(err, r.fail.code);
    if (err != SP_OK) {
        assert_non_null(r.fail.where);
        assert_untouched(out, out_size);
    }
    return err;
}

void probe_prefixes(const char *vector, probe_fn *parse, size_t out_size,
                    bool (*is_legal)(size_t size))
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    uint8_t *out = malloc(out_size);

    assert_non_null(out);
    for (size_t n = 0; n < size; n++) {
        uint8_t *prefix = vector_prefix(data, n);
        enum sp_err err = parse_checked(prefix, n, parse, out, out_size);

        if (is_legal == NULL || !is_legal(n))
            assert_int_not_equal(err, SP_OK);
        free(prefix);
    }
    assert_int_equal(parse_checked(data, size, parse, out, out_size), SP_OK);
    free(out);
    free(data);
}

size_t probe_bytes(const char *vector, probe_fn *parse, size_t out_size)
{
    size_t size, refused = 0;
    uint8_t *data = vector_load(vector, &size);
    uint8_t *out = malloc(out_size);

    assert_non_null(out);
    for (size_t i = 0; i < size; i++) {
        uint8_t original = data[i];

        for (unsigned v = 1; v < 256; v++) {
            data[i] = (uint8_t)(original ^ v);
            refused += parse_checked(data, size, parse, out, out_size) != SP_OK;
        }
        data[i] = original;
    }
    free(out);
    free(data);
    return refused;
}

enum sp_err probe_parse(const uint8_t *data, size_t size, probe_fn *parse, void *out)
{
    uint8_t *exact = vector_prefix(data, size);
    struct rd r;
    enum sp_err err;

    rd_init(&r, exact, size);
    err = parse(&r, out);
    free(exact);
    return err;
}
