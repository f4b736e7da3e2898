/* SPDX-License-Identifier: Apache-2.0
 * Server Redirection: every field, and each of its lengths told wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/redirection.h"
#include "rdp/share.h"
#include "support/probe.h"
#include "support/vector.h"

#define SPEC   "redirection/spec.hex"
#define TOKEN  "redirection/token_only.hex"
#define NOTICE "redirection/no_redirect.hex"
#define ALL    "redirection/every_field.hex"

#define AT_FLAGS16  8
#define AT_LENGTH   10
#define AT_FLAGS    16
#define AT_FIELDS   20
#define FIELD_COUNT 10

static enum sp_err parse(struct rd *r, void *out)
{
    struct share_pdu pdu;

    if (share_next(r, &pdu) != SP_OK)
        return r->fail.code;
    rd_end(r, "test");
    if (rd_ok(r) && redirection_read(&pdu.body, out) != SP_OK)
        rd_adopt(r, &pdu.body);
    return r->fail.code;
}

/* The result borrows *data. */
static struct redirection load(const char *vector, uint8_t **data)
{
    struct redirection red;
    size_t size;
    struct rd r;

    *data = vector_load(vector, &size);
    rd_init(&r, *data, size);
    assert_int_equal(parse(&r, &red), SP_OK);
    return red;
}

static void assert_text(const struct redirection_field *field, const char *ascii)
{
    assert_int_equal(field->size, 2 * strlen(ascii));
    for (size_t i = 0; i < strlen(ascii); i++)
        assert_int_equal(field->data[2 * i], ascii[i]);
}

static void reads_specification(void **state)
{
    uint8_t *data;
    struct redirection red = load(SPEC, &data);

    (void)state;
    assert_int_equal(red.session_id, 2);
    assert_int_equal(red.flags, 0xb1d);
    assert_text(&red.net_address, "2001:4898:2b:2:9de7:4569:fb39:ef29");
    assert_text(&red.user, "administrator");
    assert_text(&red.domain, "TS-STRESS1");
    assert_int_equal(red.password.size, 0x78 - 2);
    assert_text(&red.fqdn, "jiazou-test2.ts-stress1.nttest.microsoft.com");
    assert_text(&red.netbios, "JIAZOU-TEST2");
    assert_int_equal(red.load_balance_info.size, 0);
    assert_null(red.load_balance_info.data);
    assert_int_equal(red.address_count, 2);
    assert_text(&red.addresses[1], "157.59.240.144");
    free(data);
}

static void reads_every_field(void **state)
{
    uint8_t *data;
    struct redirection red = load(ALL, &data);

    (void)state;
    assert_text(&red.net_address, "192.0.2.7");
    assert_int_equal(red.load_balance_info.size, 47);
    assert_memory_equal(red.load_balance_info.data, "Cookie: msts=", 13);
    assert_int_equal(red.password.size, 64); /* opaque: no NUL is taken off */
    assert_text(&red.fqdn, "web01.lab.example");
    assert_int_equal(red.guid.size, 50);
    assert_int_equal(red.certificate.size, 10);
    assert_int_equal(red.address_count, 2);
    assert_text(&red.addresses[1], "2001:db8::7");
    free(data);
    red = load(NOTICE, &data);
    assert_int_equal(red.flags & LB_NOREDIRECT, LB_NOREDIRECT);
    free(data);
}

static void stands_probes(void **state)
{
    static const char *const vectors[] = {SPEC, TOKEN, NOTICE, ALL};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        probe_prefixes(vectors[i], parse, sizeof(struct redirection), NULL);
        assert_true(probe_bytes(vectors[i], parse, sizeof(struct redirection)) > 0);
    }
}

/* The specification's example has the optional eight bytes of padding, which we do not write. */
static void writes_what_it_read(void **state)
{
    static const char *const vectors[] = {TOKEN, NOTICE, ALL};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        uint8_t *again = vector_load(vectors[i], &size), *data;
        struct redirection red = load(vectors[i], &data);
        uint8_t out[1024];
        struct wr w;

        wr_init(&w, out, sizeof(out));
        redirection_write(&w, SHARE_SERVER_CHANNEL, &red);
        assert_int_equal(w.pos, size);
        assert_memory_equal(out, again, size);
        wr_init(&w, out, size - 1);
        redirection_write(&w, SHARE_SERVER_CHANNEL, &red);
        assert_int_equal(w.fail.code, SP_ESPACE);
        free(data);
        free(again);
    }
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static enum sp_err parse_with(const char *vector, size_t offset, uint32_t value)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct redirection red;
    enum sp_err err;

    put32(data + offset, value);
    err = probe_parse(data, size, parse, &red);
    free(data);
    return err;
}

/* Offset of the n-th length field of the packet that has them all; the last is the list's. */
static size_t length_offset(const uint8_t *data, size_t n)
{
    size_t at = AT_FIELDS;

    for (size_t i = 0; i < n; i++)
        at += 4 + get32(data + at);
    return at;
}

static void refuses_each_length(void **state)
{
    static const uint32_t lies[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
    size_t size;
    uint8_t *data = vector_load(ALL, &size);

    (void)state;
    for (size_t field = 0; field <= FIELD_COUNT; field++) {
        size_t at = length_offset(data, field);

        for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
            assert_int_not_equal(parse_with(ALL, at, lies[i]), SP_OK);
        assert_int_not_equal(parse_with(ALL, at, get32(data + at) + 1), SP_OK);
        assert_int_not_equal(parse_with(ALL, at, get32(data + at) - 1), SP_OK);
    }
    free(data);
}

static void refuses_bad_address_list(void **state)
{
    size_t size;
    uint8_t *data = vector_load(ALL, &size);
    size_t list = length_offset(data, FIELD_COUNT);

    (void)state;
    assert_int_equal(parse_with(ALL, list + 4, 0x80000000), SP_ELIMIT);
    assert_int_equal(parse_with(ALL, list + 4, REDIRECTION_ADDRESS_COUNT + 1), SP_ELIMIT);
    assert_int_equal(parse_with(ALL, list + 4, 3), SP_ESHORT);
    assert_int_equal(parse_with(ALL, list + 4, 1), SP_ETRAIL);
    assert_int_equal(parse_with(ALL, list + 8, REDIRECTION_ADDRESS_MAX + 2), SP_ELIMIT);
    assert_int_equal(parse_with(ALL, list + 8, 19), SP_EVALUE);
    free(data);
}

static void refuses_bad_header(void **state)
{
    size_t size;
    uint8_t *data = vector_load(TOKEN, &size);
    uint32_t length = (uint32_t)(data[AT_LENGTH] | data[AT_LENGTH + 1] << 8);

    (void)state;
    assert_int_equal(parse_with(TOKEN, AT_FLAGS16, 0x0401 | length << 16), SP_EVALUE);
    assert_int_equal(parse_with(TOKEN, AT_FLAGS16, 0x0400 | 11U << 16), SP_EVALUE);
    assert_int_equal(parse_with(TOKEN, AT_FLAGS16, 0x0400 | (length + 2) << 16), SP_ESHORT);
    assert_int_equal(parse_with(TOKEN, AT_FLAGS16, 0x0400 | (length - 1) << 16), SP_ESHORT);
    assert_int_equal(parse_with(TOKEN, AT_FLAGS, 0), SP_ETRAIL);
    assert_int_equal(parse_with(TOKEN, AT_FLAGS, 3), SP_EVALUE);
    free(data);
}

/* What goes into our next Connection Request must not end its line early. */
static void refuses_line_breaks(void **state)
{
    size_t size;
    uint8_t *data = vector_load(ALL, &size);
    size_t token = length_offset(data, 1) + 4;
    size_t user = length_offset(data, 2) + 4;
    struct redirection red;

    (void)state;
    data[token + 8] = '\n';
    assert_int_equal(probe_parse(data, size, parse, &red), SP_EVALUE);
    data[token + 8] = '\r';
    assert_int_equal(probe_parse(data, size, parse, &red), SP_EVALUE);
    data[token + 8] = 'x';
    assert_int_equal(probe_parse(data, size, parse, &red), SP_OK);
    data[token + 46] = 'x'; /* CR without its LF */
    assert_int_equal(probe_parse(data, size, parse, &red), SP_EVALUE);
    data[token + 46] = '\n';
    data[user] = '\r';
    assert_int_equal(probe_parse(data, size, parse, &red), SP_EVALUE);
    data[user] = 0x7F;
    assert_int_equal(probe_parse(data, size, parse, &red), SP_EVALUE);
    data[user] = 0;
    assert_int_equal(probe_parse(data, size, parse, &red), SP_EVALUE);
    data[user + 1] = 0x20; /* U+2000 is a character like any other */
    assert_int_equal(probe_parse(data, size, parse, &red), SP_OK);
    data[user + 10] = 'x'; /* the NUL */
    assert_int_equal(probe_parse(data, size, parse, &red), SP_EVALUE);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_specification), cmocka_unit_test(reads_every_field),
        cmocka_unit_test(stands_probes),       cmocka_unit_test(writes_what_it_read),
        cmocka_unit_test(refuses_each_length), cmocka_unit_test(refuses_bad_address_list),
        cmocka_unit_test(refuses_bad_header),  cmocka_unit_test(refuses_line_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
