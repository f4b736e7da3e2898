/* SPDX-License-Identifier: Apache-2.0
 * Connection Request and Confirm: golden bytes, every refusal, round trips.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/probe.h"
#include "rdp/x224.h"
#include "support/vector.h"

static enum sp_err read_cr(struct rd *r, void *out)
{
    return x224_connection_request_read(r, out);
}

static enum sp_err read_cc(struct rd *r, void *out)
{
    return x224_connection_confirm_read(r, out);
}

static const char *const requests[] = {
    "x224_request/spec.hex",        "x224_request/lab.hex",  "x224_request/token.hex",
    "x224_request/correlation.hex", "x224_request/bare.hex",
};
static const char *const confirms[] = {
    "x224_confirm/spec.hex",
    "x224_confirm/failure.hex",
    "x224_confirm/bare.hex",
    "x224_confirm/lab.hex",
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct x224_connection_request load_cr(const char *name)
{
    size_t size;
    uint8_t *pdu = vector_load(name, &size);
    struct x224_connection_request cr;

    assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_OK);
    free(pdu);
    return cr;
}

static void reads_requests(void **state)
{
    struct x224_connection_request cr = load_cr("x224_request/spec.hex");

    (void)state;
    assert_true(cr.has_cookie);
    assert_string_equal(cr.cookie, "eltons");
    assert_int_equal(cr.token_size, 0);
    assert_true(cr.has_neg_req);
    assert_int_equal(cr.requested_protocols, PROTOCOL_RDP);
    assert_false(cr.has_correlation);

    cr = load_cr("x224_request/lab.hex");
    assert_string_equal(cr.cookie, "alice");
    assert_int_equal(cr.requested_protocols, PROTOCOL_SSL | PROTOCOL_HYBRID);

    cr = load_cr("x224_request/token.hex");
    assert_false(cr.has_cookie);
    assert_int_equal(cr.token_size, strlen("Cookie: msts=3640205228.15629.0000"));
    assert_memory_equal(cr.token, "Cookie: msts=3640205228.15629.0000", cr.token_size);

    cr = load_cr("x224_request/correlation.hex");
    assert_true(cr.has_correlation);
    assert_int_equal(cr.correlation_id[0], 0x40);
    assert_int_equal(cr.correlation_id[15], 0x4f);

    cr = load_cr("x224_request/bare.hex");
    assert_false(cr.has_neg_req);
}

static void reads_confirms(void **state)
{
    size_t size;
    struct x224_connection_confirm cc;
    uint8_t *pdu = vector_load("x224_confirm/lab.hex", &size);

    (void)state;
    assert_int_equal(probe_parse(pdu, size, read_cc, &cc), SP_OK);
    assert_true(cc.has_neg && !cc.is_failure);
    assert_int_equal(cc.flags, EXTENDED_CLIENT_DATA_SUPPORTED | DYNVC_GFX_PROTOCOL_SUPPORTED);
    assert_int_equal(cc.value, PROTOCOL_HYBRID);
    free(pdu);
    pdu = vector_load("x224_confirm/failure.hex", &size);
    assert_int_equal(probe_parse(pdu, size, read_cc, &cc), SP_OK);
    assert_true(cc.has_neg && cc.is_failure);
    assert_int_equal(cc.value, HYBRID_REQUIRED_BY_SERVER);
    free(pdu);
    pdu = vector_load("x224_confirm/bare.hex", &size);
    assert_int_equal(probe_parse(pdu, size, read_cc, &cc), SP_OK);
    assert_false(cc.has_neg);
    free(pdu);
}

static void stands_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        probe_prefixes(requests[i], read_cr, sizeof(struct x224_connection_request), NULL);
        assert_true(probe_bytes(requests[i], read_cr, sizeof(struct x224_connection_request)) > 0);
    }
    for (size_t i = 0; i < COUNT(confirms); i++) {
        probe_prefixes(confirms[i], read_cc, sizeof(struct x224_connection_confirm), NULL);
        assert_true(probe_bytes(confirms[i], read_cc, sizeof(struct x224_connection_confirm)) > 0);
    }
}

static void round_trips(void **state)
{
    uint8_t buf[X224_CONNECTION_REQUEST_SIZE_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        size_t size;
        uint8_t *pdu = vector_load(requests[i], &size);
        struct x224_connection_request cr = load_cr(requests[i]);
        struct wr w;

        wr_init(&w, buf, sizeof(buf));
        assert_int_equal(x224_connection_request_write(&w, &cr), SP_OK);
        assert_int_equal(w.pos, size);
        assert_memory_equal(buf, pdu, size);
        free(pdu);
    }
    for (size_t i = 0; i < COUNT(confirms) - 1; i++) { /* the lab's source reference is 0 */
        size_t size;
        uint8_t *pdu = vector_load(confirms[i], &size);
        struct x224_connection_confirm cc;
        struct wr w;

        assert_int_equal(probe_parse(pdu, size, read_cc, &cc), SP_OK);
        wr_init(&w, buf, sizeof(buf));
        assert_int_equal(x224_connection_confirm_write(&w, &cc), SP_OK);
        assert_int_equal(w.pos, size);
        assert_memory_equal(buf, pdu, size);
        free(pdu);
    }
}

/* A request with this text between class and the end; its lengths are right. */
static enum sp_err read_body(const void *body, size_t size, struct x224_connection_request *out)
{
    uint8_t pdu[512] = {3, 0, 0, 0, 0, 0xe0};

    assert_true(size <= sizeof(pdu) - 11);
    pdu[2] = (uint8_t)((size + 11) >> 8);
    pdu[3] = (uint8_t)(size + 11);
    pdu[4] = (uint8_t)(size + 6);
    memcpy(pdu + 11, body, size);
    return probe_parse(pdu, size + 11, read_cr, out);
}
#define READ(text, out) read_body(text, sizeof(text) - 1, out)
#define NEG             "\x01\0\x08\0\x03\0\0\0"

static void refuses_lengths(void **state)
{
    size_t size;
    uint8_t *pdu = vector_load("x224_request/lab.hex", &size);
    struct x224_connection_request cr;

    (void)state;
    pdu[4]++; /* LI above the TPKT length less 5 */
    assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_EVALUE);
    pdu[4] -= 2;
    assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_EVALUE);
    pdu[4]++;
    for (uint8_t n = 0; n < 11; n++) {
        pdu[3] = n;
        assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_EVALUE);
    }
    pdu[2] = 1;
    pdu[3] = 4; /* 260 */
    assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_ELIMIT);
    free(pdu);
}

static void refuses_headers(void **state)
{
    size_t size;
    uint8_t *pdu = vector_load("x224_request/lab.hex", &size);
    struct x224_connection_request cr;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{0, 2}, {5, 0xd0}, {5, 0xf0}, {5, 0xe1}, {10, 0x20}, {10, 0xf0}};

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        uint8_t kept = pdu[changes[i].at];

        pdu[changes[i].at] = changes[i].value;
        assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_EVALUE);
        pdu[changes[i].at] = kept;
    }
    free(pdu);
}

static void reads_cookies(void **state)
{
    static char long_text[249];
    struct x224_connection_request cr;

    (void)state;
    assert_int_equal(READ("tsv://MS Terminal Services Plugin.1.Farm\r\n" NEG, &cr), SP_OK);
    assert_memory_equal(cr.token, "tsv://MS", 8);
    assert_int_equal(READ("mth://192.0.2.1\r\n" NEG, &cr), SP_OK);
    assert_memory_equal(cr.token, "mth://", 6);
    assert_int_equal(READ("Cookie: mstshash=\r\n" NEG, &cr), SP_OK);
    assert_true(cr.has_cookie);
    assert_string_equal(cr.cookie, "");
    assert_int_equal(READ("Cookie: mstshash=bob\r\n", &cr), SP_OK);
    assert_false(cr.has_neg_req);
    /* fr 68183b460: the tag cut short */
    assert_int_equal(READ("Cookie: mst", &cr), SP_EVALUE);
    assert_int_equal(READ("Cookie: mst\r\n", &cr), SP_EVALUE);
    assert_int_equal(READ("Cookie: mstshas\r\n", &cr), SP_EVALUE);
    assert_int_equal(READ("Cookie: mstshash=bob\r", &cr), SP_EVALUE);
    assert_int_equal(READ("Cookie: mstshash=b\0b\r\n" NEG, &cr), SP_EVALUE);
    assert_int_equal(READ("GET / HTTP/1.1\r\n" NEG, &cr), SP_EVALUE);
    /* the first is taken, a second is an attack */
    assert_int_equal(READ("Cookie: mstshash=a\r\nCookie: msts=1.2.3\r\n" NEG, &cr), SP_EVALUE);
    assert_int_equal(READ("tsv://a\r\nmth://b\r\n" NEG, &cr), SP_EVALUE);
    memset(long_text, 'x', sizeof(long_text));
    assert_int_equal(read_body(long_text, 248, &cr), SP_EVALUE); /* no CRLF */
    memcpy(long_text, "Cookie: mstshash=", 17);
    memcpy(long_text + 246, "\r\n", 2);
    assert_int_equal(read_body(long_text, 248, &cr), SP_OK); /* 259 bytes in all */
    assert_int_equal(strlen(cr.cookie), 229);
    assert_int_equal(read_body(long_text, 249, &cr), SP_ELIMIT);
}

static void refuses_negotiation(void **state)
{
    struct x224_connection_request cr;

    (void)state;
    assert_int_equal(READ("\x01\0\x07\0\x03\0\0\0", &cr), SP_EVALUE);
    assert_int_equal(READ("Cookie: mstshash=a\r\n\x02\0\x08\0\x03\0\0\0", &cr), SP_EVALUE);
    assert_int_equal(READ("\x01\0\x08\0\x03\0\0", &cr), SP_ESHORT);
    assert_int_equal(READ(NEG "\0", &cr), SP_ETRAIL);
    assert_int_equal(READ(NEG NEG, &cr), SP_ETRAIL);
    assert_int_equal(READ("\x01\x08\x08\0\x03\0\0\0", &cr), SP_ESHORT); /* flag without block */
}

static void refuses_correlation(void **state)
{
    size_t size;
    uint8_t *pdu = vector_load("x224_request/correlation.hex", &size);
    struct x224_connection_request cr;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{19, 5}, {20, 1}, {21, 35}, {22, 1}, {23, 0x00}, {23, 0xf4}, {38, 0x0d}};

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        uint8_t kept = pdu[changes[i].at];

        pdu[changes[i].at] = changes[i].value;
        assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_EVALUE);
        pdu[changes[i].at] = kept;
    }
    pdu[12] = 0; /* block without flag */
    assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_ETRAIL);
    free(pdu);
}

static void refuses_confirms(void **state)
{
    size_t size;
    uint8_t *pdu = vector_load("x224_confirm/spec.hex", &size);
    struct x224_connection_confirm cc;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{5, 0xe0}, {11, 0x01}, {11, 0x04}, {13, 0x09}, {10, 0x40}};

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        uint8_t kept = pdu[changes[i].at];

        pdu[changes[i].at] = changes[i].value;
        assert_int_equal(probe_parse(pdu, size, read_cc, &cc), SP_EVALUE);
        pdu[changes[i].at] = kept;
    }
    free(pdu);
}

static enum sp_err write_cr(const struct x224_connection_request *cr)
{
    uint8_t buf[600];
    struct wr w;

    wr_init(&w, buf, sizeof(buf));
    return x224_connection_request_write(&w, cr);
}

static void refuses_to_write(void **state)
{
    uint8_t buf[X224_CONNECTION_CONFIRM_SIZE_MAX];
    struct x224_connection_request cr = {.has_cookie = true, .cookie = "a\r\nb"};
    struct x224_connection_confirm cc = {.has_neg = true};
    struct wr w;

    (void)state;
    assert_int_equal(write_cr(&cr), SP_EVALUE);
    cr = (struct x224_connection_request){.cookie = "a", .token_size = 7};
    assert_int_equal(write_cr(&cr), SP_EVALUE);
    cr = (struct x224_connection_request){.token = "tsv://\n", .token_size = 7};
    assert_int_equal(write_cr(&cr), SP_EVALUE);
    cr = (struct x224_connection_request){.token_size = X224_TOKEN_SIZE_MAX};
    assert_int_equal(write_cr(&cr), SP_ELIMIT);
    for (size_t n = 0; n < sizeof(buf); n++) {
        wr_init(&w, buf, n);
        assert_int_equal(x224_connection_confirm_write(&w, &cc), SP_ESPACE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_requests),      cmocka_unit_test(reads_confirms),
        cmocka_unit_test(stands_damage),       cmocka_unit_test(round_trips),
        cmocka_unit_test(refuses_lengths),     cmocka_unit_test(refuses_headers),
        cmocka_unit_test(reads_cookies),       cmocka_unit_test(refuses_negotiation),
        cmocka_unit_test(refuses_correlation), cmocka_unit_test(refuses_confirms),
        cmocka_unit_test(refuses_to_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
