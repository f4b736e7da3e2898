/* SPDX-License-Identifier: Apache-2.0
 * Save Session Info: all four types, and what the client gets to see of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/save_session.h"
#include "rdp/share.h"
#include "support/probe.h"
#include "support/vector.h"

#define V1       "save_session/logon_v1.hex"
#define V2       "save_session/spec_logon_v2.hex"
#define PLAIN    "save_session/spec_plain_notify.hex"
#define COOKIE   "save_session/spec_extended_cookie.hex"
#define ERRORS   "save_session/extended_errors.hex"
#define BOTH     "save_session/extended_both.hex"
#define AT_TYPE  18
#define AT_BODY  22
#define MAX_SIZE 1500

static const char *const vectors[] = {V1, V2, PLAIN, COOKIE, ERRORS, BOTH};

#define VECTOR_COUNT (sizeof(vectors) / sizeof(vectors[0]))

/* The whole PDU down to the body. */
static enum sp_err parse(struct rd *r, void *out)
{
    struct share_data data;
    struct share_pdu pdu;

    if (share_next(r, &pdu) != SP_OK)
        return r->fail.code;
    rd_end(r, "test");
    if (share_data_read(&pdu.body, &data) != SP_OK)
        rd_adopt(r, &pdu.body);
    else if (rd_ok(r) && save_session_info_read(&data.body, out) != SP_OK)
        rd_adopt(r, &data.body);
    return r->fail.code;
}

static struct save_session_info load(const char *vector)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct save_session_info info;

    assert_int_equal(probe_parse(data, size, parse, &info), SP_OK);
    free(data);
    return info;
}

static void assert_text(const uint8_t *text, size_t size, const char *ascii)
{
    assert_int_equal(size, 2 * strlen(ascii));
    for (size_t i = 0; i < strlen(ascii); i++)
        assert_int_equal(text[2 * i], ascii[i]);
}

static void reads_each_type(void **state)
{
    struct save_session_info info = load(V1);

    (void)state;
    assert_int_equal(info.session_id, 3);
    assert_text(info.domain, info.domain_size, "LAB");
    assert_text(info.user, info.user_size, "svc-web01");
    info = load(V2);
    assert_int_equal(info.info_type, INFOTYPE_LOGON_LONG);
    assert_int_equal(info.session_id, 2);
    assert_text(info.domain, info.domain_size, "NTDEV");
    assert_text(info.user, info.user_size, "eltons");
    assert_int_equal(load(PLAIN).info_type, INFOTYPE_LOGON_PLAINNOTIFY);
    info = load(COOKIE);
    assert_int_equal(info.fields_present, LOGON_EX_AUTORECONNECTCOOKIE);
    assert_int_equal(info.logon_id, 2);
    assert_int_equal(info.arc_random_bits[0], 0xa8);
    info = load(BOTH);
    assert_int_equal(info.fields_present, 3);
    assert_int_equal(info.error_type, 0xfffffffe);
    assert_int_equal(info.error_data, 2);
}

static void stands_probes(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        probe_prefixes(vectors[i], parse, sizeof(struct save_session_info), NULL);
        assert_true(probe_bytes(vectors[i], parse, sizeof(struct save_session_info)) > 0);
    }
}

static void writes_what_it_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        size_t size;
        uint8_t *data = vector_load(vectors[i], &size);
        struct save_session_info info = load(vectors[i]);
        uint8_t out[MAX_SIZE];
        struct wr w;

        wr_init(&w, out, sizeof(out));
        save_session_info_write(&w, (uint16_t)(data[4] | data[5] << 8),
                                (uint32_t)(data[6] | data[7] << 8 | data[8] << 16), &info);
        assert_int_equal(w.pos, size);
        memcpy(data + 12, out + 12, 2); /* uncompressedLength: Windows counts it in two ways */
        assert_memory_equal(out, data, size);
        wr_init(&w, out, size - 1);
        save_session_info_write(&w, 1, 1, &info);
        assert_int_equal(w.fail.code, SP_ESPACE);
        free(data);
    }
}

static enum sp_err rewrite(const uint8_t *data, size_t size, const char *domain, const char *user,
                           bool strip, struct wr *w)
{
    uint8_t d[1024] = {0}, u[1024] = {0};
    struct rd r;

    for (size_t i = 0; i < strlen(domain); i++)
        d[2 * i] = (uint8_t)domain[i];
    for (size_t i = 0; i < strlen(user); i++)
        u[2 * i] = (uint8_t)user[i];
    rd_init(&r, data, size);
    return save_session_info_rewrite(&r, d, 2 * strlen(domain), u, 2 * strlen(user), strip, w);
}

static struct save_session_info rewritten(const char *vector, const char *domain, const char *user,
                                          bool strip, size_t *out_size)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    uint8_t out[MAX_SIZE];
    struct save_session_info info;
    struct wr w;

    wr_init(&w, out, sizeof(out));
    assert_int_equal(rewrite(data, size, domain, user, strip, &w), SP_OK);
    assert_memory_equal(out + 4, data + 4, 6); /* pduSource and shareId pass */
    assert_int_equal(probe_parse(out, w.pos, parse, &info), SP_OK);
    *out_size = w.pos;
    free(data);
    return info;
}

/* The injected account must not reach the client, who typed another name. */
static void replaces_account(void **state)
{
    size_t size;
    struct save_session_info info = rewritten(V2, "CORP", "alice#web01", true, &size);

    (void)state;
    assert_int_equal(size, 624 - 2 * 1 + 2 * 5);
    assert_int_equal(info.session_id, 2);
    assert_text(info.domain, info.domain_size, "CORP");
    assert_text(info.user, info.user_size, "alice#web01");
    info = rewritten(V1, "", "bob", true, &size);
    assert_int_equal(size, 18 + 4 + 576);
    assert_int_equal(info.domain_size, 0);
    assert_text(info.user, info.user_size, "bob");
    for (size_t i = 6; i < sizeof(info.user); i++)
        assert_int_equal(info.user[i], 0);
}

static void cuts_names_to_the_field(void **state)
{
    char long_name[301];
    size_t size;
    struct save_session_info info;

    (void)state;
    memset(long_name, 'n', 300);
    long_name[300] = '\0';
    info = rewritten(V1, long_name, long_name, true, &size);
    assert_int_equal(info.domain_size, SAVE_SESSION_DOMAIN_MAX - 2);
    assert_int_equal(info.user_size, SAVE_SESSION_USER_MAX - 2);
}

static void never_cuts_a_pair(void **state)
{
    size_t size;
    uint8_t *data = vector_load(V1, &size);
    uint8_t domain[54], out[MAX_SIZE];
    struct save_session_info info;
    struct rd r;
    struct wr w;

    (void)state;
    for (size_t i = 0; i < sizeof(domain); i += 2) {
        domain[i] = 'd';
        domain[i + 1] = 0;
    }
    domain[49] = 0xD8; /* the last unit that fits is a high surrogate */
    domain[51] = 0xDC;
    rd_init(&r, data, size);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(save_session_info_rewrite(&r, domain, sizeof(domain), domain, 2, true, &w),
                     SP_OK);
    assert_int_equal(probe_parse(out, w.pos, parse, &info), SP_OK);
    assert_int_equal(info.domain_size, 48);
    free(data);
}

static void strips_the_cookie(void **state)
{
    static const uint8_t none[ARC_COOKIE_RANDOM_SIZE];
    size_t size;
    struct save_session_info info = rewritten(BOTH, "X", "y", true, &size);

    (void)state;
    assert_int_equal(info.fields_present, LOGON_EX_LOGONERRORS);
    assert_int_equal(info.error_type, 0xfffffffe);
    assert_memory_equal(info.arc_random_bits, none, sizeof(none));
    info = rewritten(COOKIE, "X", "y", true, &size);
    assert_int_equal(info.fields_present, 0);
    assert_int_equal(size, AT_BODY + 6 + 570);
    info = rewritten(COOKIE, "X", "y", false, &size);
    assert_int_equal(info.fields_present, LOGON_EX_AUTORECONNECTCOOKIE);
    assert_int_equal(info.arc_random_bits[0], 0xa8);
    assert_int_equal(rewritten(PLAIN, "X", "y", true, &size).info_type, INFOTYPE_LOGON_PLAINNOTIFY);
}

static enum sp_err parse_changed(const char *vector, size_t offset, uint32_t value, size_t width)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct save_session_info info;
    enum sp_err err;

    for (size_t i = 0; i < width; i++)
        data[offset + i] = (uint8_t)(value >> 8 * i);
    err = probe_parse(data, size, parse, &info);
    free(data);
    return err;
}

static void refuses_bad_fields(void **state)
{
    (void)state;
    assert_int_equal(parse_changed(V1, AT_TYPE, 4, 4), SP_EVALUE);
    assert_int_equal(parse_changed(V1, AT_BODY, 54, 4), SP_ELIMIT);
    assert_int_equal(parse_changed(V1, AT_BODY, 0xFFFFFFFF, 4), SP_ELIMIT);
    assert_int_equal(parse_changed(V1, AT_BODY, 7, 4), SP_EVALUE);
    assert_int_equal(parse_changed(V1, AT_BODY + 56, 514, 4), SP_ELIMIT);
    assert_int_equal(parse_changed(V1, AT_BODY + 56, 5, 4), SP_EVALUE);
    assert_int_equal(parse_changed(V2, AT_BODY, 2, 2), SP_EVALUE);
    assert_int_equal(parse_changed(V2, AT_BODY + 10, 54, 4), SP_ELIMIT);
    assert_int_equal(parse_changed(V2, AT_BODY + 10, 14, 4), SP_ESHORT);
    assert_int_equal(parse_changed(V2, AT_BODY + 10, 10, 4), SP_ETRAIL);
    assert_int_equal(parse_changed(V2, AT_BODY + 14, 514, 4), SP_ELIMIT);
    assert_int_equal(parse_changed(V2, AT_BODY + 14, 3, 4), SP_EVALUE);
    assert_int_equal(parse_changed(COOKIE, AT_BODY, 5, 2), SP_EVALUE);
    assert_int_equal(parse_changed(COOKIE, AT_BODY, 0xFFFF, 2), SP_ESHORT);
    assert_int_equal(parse_changed(COOKIE, AT_BODY, 39, 2), SP_ETRAIL);
    assert_int_equal(parse_changed(COOKIE, AT_BODY + 2, 4, 4), SP_EVALUE);
    assert_int_equal(parse_changed(COOKIE, AT_BODY + 2, 3, 4), SP_ESHORT);
    assert_int_equal(parse_changed(COOKIE, AT_BODY + 6, 29, 4), SP_EVALUE);
    assert_int_equal(parse_changed(COOKIE, AT_BODY + 10, 27, 4), SP_EVALUE);
    assert_int_equal(parse_changed(COOKIE, AT_BODY + 14, 2, 4), SP_EVALUE);
    assert_int_equal(parse_changed(ERRORS, AT_BODY + 6, 9, 4), SP_EVALUE);
}

static void refuses_to_rewrite_what_it_cannot_read(void **state)
{
    size_t size;
    uint8_t *data = vector_load(V2, &size);
    uint8_t out[MAX_SIZE];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    data[15] = PACKET_COMPRESSED;
    assert_int_equal(rewrite(data, size, "D", "u", true, &w), SP_EVALUE);
    data[15] = 0;
    data[14] = PDUTYPE2_CONTROL;
    assert_int_equal(rewrite(data, size, "D", "u", true, &w), SP_EVALUE);
    data[14] = PDUTYPE2_SAVE_SESSION_INFO;
    data[2] = 0x11;
    assert_int_equal(rewrite(data, size, "D", "u", true, &w), SP_EVALUE);
    data[2] = 0x17;
    assert_int_equal(rewrite(data, size - 1, "D", "u", true, &w), SP_ESHORT);
    assert_int_equal(rewrite(data, 10, "D", "u", true, &w), SP_ESHORT);
    data[0] = 12;
    data[1] = 0;
    assert_int_equal(rewrite(data, 12, "D", "u", true, &w), SP_ESHORT);
    assert_int_equal(w.pos, 0);
    free(data);
}

static void writer_refuses_long_names(void **state)
{
    struct save_session_info info = {.info_type = INFOTYPE_LOGON, .domain_size = 52};
    uint8_t out[MAX_SIZE];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    save_session_info_write(&w, 1, 1, &info);
    assert_int_equal(w.fail.code, SP_ELIMIT);
    info.domain_size = 0;
    info.user_size = 512;
    wr_init(&w, out, sizeof(out));
    save_session_info_write(&w, 1, 1, &info);
    assert_int_equal(w.fail.code, SP_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_type),
        cmocka_unit_test(stands_probes),
        cmocka_unit_test(writes_what_it_read),
        cmocka_unit_test(replaces_account),
        cmocka_unit_test(cuts_names_to_the_field),
        cmocka_unit_test(never_cuts_a_pair),
        cmocka_unit_test(strips_the_cookie),
        cmocka_unit_test(refuses_bad_fields),
        cmocka_unit_test(refuses_to_rewrite_what_it_cannot_read),
        cmocka_unit_test(writer_refuses_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
