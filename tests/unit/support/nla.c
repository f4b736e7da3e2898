/* SPDX-License-Identifier: Apache-2.0
 * What the tests of CredSSP, NTLM and SPNEGO share: golden bytes and the usual abuse of parsers.
 */
#include "support/nla.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/vector.h"

#define OUT_SIZE  4096
#define UNTOUCHED 0xA5

/* Freed at the end, so that a test may drop its golden bytes without a thought. */
static struct kept {
    struct kept *next;
    uint8_t *data;
} * kept;

static void free_kept(void)
{
    while (kept != NULL) {
        struct kept *next = kept->next;

        free(kept->data);
        free(kept);
        kept = next;
    }
}

struct golden nla_golden(const char *name)
{
    char path[256];
    struct golden g;
    struct kept *node;

    snprintf(path, sizeof(path), "%s.hex", name);
    g.data = vector_load(path, &g.size);
    node = malloc(sizeof(*node));
    assert_non_null(node);
    if (kept == NULL)
        atexit(free_kept);
    *node = (struct kept){kept, g.data};
    kept = node;
    return g;
}

struct rd nla_reader(struct golden g)
{
    struct rd r;

    rd_init(&r, g.data, g.size);
    return r;
}

void nla_check_prefixes(const char *name, size_t from, nla_parse_fn *parse)
{
    struct golden g = nla_golden(name);
    uint8_t out[OUT_SIZE], before[OUT_SIZE];

    memset(before, UNTOUCHED, sizeof(before));
    for (size_t size = 0; size < from; size++) {
        uint8_t *prefix = vector_prefix(g.data, size);
        struct rd r;

        memcpy(out, before, sizeof(out));
        rd_init(&r, prefix, size);
        assert_int_not_equal(parse(&r, out), SP_OK);
        assert_false(rd_ok(&r));
        assert_memory_equal(out, before, sizeof(out));
        free(prefix);
    }
}

void nla_check_changes(const char *name, nla_parse_fn *parse)
{
    static const uint8_t masks[] = {0x01, 0x02, 0x20, 0x80, 0xFF};
    struct golden g = nla_golden(name);
    uint8_t out[OUT_SIZE];

    for (size_t i = 0; i < g.size * sizeof(masks); i++) {
        uint8_t *copy = vector_prefix(g.data, g.size);
        struct rd r;

        copy[i / sizeof(masks)] ^= masks[i % sizeof(masks)];
        rd_init(&r, copy, g.size);
        enum sp_err err = parse(&r, out);
        assert_true(err < SP_ERR_COUNT);
        assert_true((err == SP_OK) == rd_ok(&r));
        free(copy);
    }
}
