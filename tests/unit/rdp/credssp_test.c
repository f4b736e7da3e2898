/* SPDX-License-Identifier: Apache-2.0
 * TSRequest against a captured exchange, its rules one by one, and the binding hashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/nla.h"
#include "rdp/credssp.h"
#include "support/vector.h"

static const char *const messages[] = {
    "ts_request/freerdp_1_negotiate",    "ts_request/freerdp_2_challenge",
    "ts_request/freerdp_3_authenticate", "ts_request/freerdp_4_pub_key_auth",
    "ts_request/freerdp_5_auth_info",    "ts_request/error_negative",
};

static enum sp_err parse(struct rd *r, void *out)
{
    return ts_request_read(r, out);
}

static struct ts_request read_golden(const char *name)
{
    struct rd r = nla_reader(nla_golden(name));
    struct ts_request req;

    assert_int_equal(ts_request_read(&r, &req), SP_OK);
    assert_int_equal(r.left, 0);
    return req;
}

static void assert_holds(const struct rd *r, const char *name)
{
    struct golden g = nla_golden(name);

    assert_int_equal(r->left, g.size);
    assert_memory_equal(r->at, g.data, g.size);
}

static void capture_is_read(void **state)
{
    struct ts_request req = read_golden("ts_request/freerdp_3_authenticate");

    (void)state;
    assert_int_equal(req.version, 6);
    assert_true(req.has_nego && req.has_pub_key_auth && req.has_nonce);
    assert_false(req.has_auth_info || req.has_error);
    assert_holds(&req.nego, "ntlm_authenticate/freerdp");
    assert_holds(&req.pub_key_auth, "credssp_values/freerdp_pub_key_auth_client");
    assert_memory_equal(req.nonce, nla_golden("credssp_values/freerdp_nonce").data, 32);
    req = read_golden("ts_request/freerdp_5_auth_info");
    assert_true(req.has_auth_info && !req.has_nego && !req.has_pub_key_auth);
    assert_holds(&req.auth_info, "credssp_values/freerdp_auth_info");
    req = read_golden("ts_request/freerdp_1_negotiate");
    assert_holds(&req.nego, "ntlm_negotiate/freerdp");
}

static void error_codes_of_both_forms(void **state)
{
    struct ts_request req = read_golden("ts_request/error_negative");

    (void)state;
    assert_true(req.has_error);
    assert_int_equal(req.error_code, STATUS_LOGON_FAILURE);
    req = read_golden("ts_request/error_positive");
    assert_int_equal(req.error_code, STATUS_LOGON_FAILURE);
}

static void round_trip_and_frame(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct golden g = nla_golden(messages[i]);
        struct ts_request req = read_golden(messages[i]);
        uint8_t out[1024];
        struct wr w;
        size_t total;

        wr_init(&w, out, sizeof(out));
        assert_int_equal(ts_request_write(&w, &req), SP_OK);
        assert_int_equal(w.pos, g.size);
        assert_memory_equal(out, g.data, g.size);
        assert_int_equal(ts_request_frame(g.data, g.size, &total, NULL), SP_OK);
        assert_int_equal(total, g.size);
        wr_init(&w, out, g.size - 1);
        assert_int_equal(ts_request_write(&w, &req), SP_ESPACE);
    }
}

static void prefixes_and_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        nla_check_prefixes(messages[i], nla_golden(messages[i]).size, parse);
        nla_check_changes(messages[i], parse);
    }
}

/* Read bytes given in a string; the struct is not looked at. */
static enum sp_err read_bytes(const char *bytes, size_t size)
{
    uint8_t *exact = vector_prefix((const uint8_t *)bytes, size);
    struct ts_request req;
    struct rd r;
    enum sp_err err;

    rd_init(&r, exact, size);
    err = ts_request_read(&r, &req);
    free(exact);
    return err;
}

#define READ(bytes) read_bytes(bytes, sizeof(bytes) - 1)
#define VERSION     "\xA0\x03\x02\x01\x06"

static void versions(void **state)
{
    (void)state;
    assert_int_equal(READ("\x30\x05\xA0\x03\x02\x01\x06"), SP_OK);
    assert_int_equal(READ("\x30\x05\xA0\x03\x02\x01\x02"), SP_OK);
    assert_int_equal(READ("\x30\x05\xA0\x03\x02\x01\x07"), SP_OK);
    assert_int_equal(READ("\x30\x08\xA0\x06\x02\x04\x7F\xFF\xFF\xFF"), SP_OK);
    assert_int_equal(READ("\x30\x05\xA0\x03\x02\x01\x00"), SP_EVALUE);
    assert_int_equal(READ("\x30\x05\xA0\x03\x02\x01\x01"), SP_EVALUE);
    assert_int_equal(READ("\x30\x05\xA0\x03\x02\x01\xFF"), SP_EVALUE);
    assert_int_equal(READ("\x30\x09\xA0\x07\x02\x05\x01\x00\x00\x00\x00"), SP_EVALUE); /* 2^32 */
    assert_int_equal(READ("\x30\x09\xA0\x07\x02\x05\x00\x80\x00\x00\x00"), SP_EVALUE); /* 2^31 */
    assert_int_equal(READ("\x30\x06\xA0\x04\x02\x01\x06\x00"), SP_ETRAIL);
    assert_int_equal(READ("\x30\x00"), SP_ESHORT);
    assert_int_equal(READ("\x30\x05\xA1\x03\x02\x01\x06"), SP_EVALUE);
}

static void der_attacks(void **state)
{
    (void)state;
    assert_int_equal(READ("\x30\x80" VERSION "\x00\x00"), SP_EVALUE);      /* indefinite */
    assert_int_equal(READ("\x30\x84\x80\x00\x00\x00" VERSION), SP_EVALUE); /* 2^31 */
    assert_int_equal(READ("\x30\x82\xFF\xFF" VERSION), SP_ELIMIT);         /* 65535 */
    assert_int_equal(READ("\x30\x05" VERSION "\x00"), SP_ETRAIL);          /* garbage behind */
    assert_int_equal(READ("\x30\x0A" VERSION VERSION), SP_ETRAIL);         /* tag twice */
    assert_int_equal(READ("\x30\x0C" VERSION "\xA6\x05\x04\x03xyz"), SP_ETRAIL); /* unknown */
    assert_int_equal(READ("\x31\x05" VERSION), SP_EVALUE);
    /* padded lengths are fine */
    assert_int_equal(READ("\x30\x82\x00\x0C\xA0\x03\x02\x01\x06\xA2\x82\x00\x03\x04\x01x"), SP_OK);
    assert_int_equal(READ("\x30\x0A" VERSION "\xA2\x03\x04\x01x"), SP_OK);
    /* authInfo behind pubKeyAuth */
    assert_int_equal(READ("\x30\x0F" VERSION "\xA3\x03\x04\x01x\xA2\x03\x04\x01x"), SP_ETRAIL);
    /* pubKeyAuth twice */
    assert_int_equal(READ("\x30\x0F" VERSION "\xA3\x03\x04\x01x\xA3\x03\x04\x01x"), SP_ETRAIL);
    /* something behind the OCTET STRING */
    assert_int_equal(READ("\x30\x0B" VERSION "\xA3\x04\x04\x01xy"), SP_ETRAIL);
}

static void nego_tokens(void **state)
{
    (void)state;
    assert_int_equal(READ("\x30\x0E" VERSION "\xA1\x07\x30\x05\x30\x03\xA0\x01\x04"), SP_ESHORT);
    assert_int_equal(READ("\x30\x10" VERSION "\xA1\x09\x30\x07\x30\x05\xA0\x03\x04\x01x"), SP_OK);
    /* two tokens in one list */
    assert_int_equal(READ("\x30\x17" VERSION
                          "\xA1\x10\x30\x0E\x30\x05\xA0\x03\x04\x01x\x30\x05\xA0\x03\x04\x01x"),
                     SP_ETRAIL);
    /* two members in one item */
    assert_int_equal(
        READ("\x30\x15" VERSION "\xA1\x0E\x30\x0C\x30\x0A\xA0\x03\x04\x01x\xA0\x03\x04\x01x"),
        SP_ETRAIL);
    /* an empty list, and a list too much */
    assert_int_equal(READ("\x30\x09" VERSION "\xA1\x02\x30\x00"), SP_ESHORT);
    assert_int_equal(READ("\x30\x12" VERSION "\xA1\x0B\x30\x09\x30\x07\x30\x05\xA0\x03\x04\x01x"),
                     SP_EVALUE);
}

static void nonces(void **state)
{
    static const size_t sizes[] = {0, 31, 32, 33};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t out[80] = {0x30, (uint8_t)(9 + sizes[i]), 0xA0, 3, 2, 1, 6};

        out[7] = 0xA5;
        out[8] = (uint8_t)(sizes[i] + 2);
        out[9] = 0x04;
        out[10] = (uint8_t)sizes[i];
        assert_int_equal(read_bytes((char *)out, 11 + sizes[i]),
                         sizes[i] == 32 ? SP_OK : SP_EVALUE);
    }
}

static void error_code_bounds(void **state)
{
    (void)state;
    assert_int_equal(READ("\x30\x0A" VERSION "\xA4\x03\x02\x01\x00"), SP_OK);
    assert_int_equal(READ("\x30\x0E" VERSION "\xA4\x07\x02\x05\x01\x00\x00\x00\x00"), SP_EVALUE);
    assert_int_equal(READ("\x30\x0E" VERSION "\xA4\x07\x02\x05\xFF\x00\x00\x00\x00"), SP_EVALUE);
    assert_int_equal(READ("\x30\x0B" VERSION "\xA4\x04\x02\x01\x00\x00"), SP_ETRAIL);
}

static void frames(void **state)
{
    struct golden g = nla_golden("ts_request/freerdp_3_authenticate");
    size_t total = 7;

    (void)state;
    for (size_t size = 0; size < 4; size++) {
        assert_int_equal(ts_request_frame(g.data, size, &total, NULL), SP_OK);
        assert_int_equal(total, 0);
    }
    assert_int_equal(ts_request_frame(g.data, 4, &total, NULL), SP_OK);
    assert_int_equal(total, g.size);
    assert_int_equal(ts_request_frame((const uint8_t *)"\x30\x7F", 2, &total, NULL), SP_OK);
    assert_int_equal(total, 0x81);
    assert_int_equal(ts_request_frame((const uint8_t *)"\x30\x81\x80", 3, &total, NULL), SP_OK);
    assert_int_equal(total, 0x83);
    assert_int_equal(ts_request_frame((const uint8_t *)"\x03", 1, &total, NULL), SP_EVALUE);
    assert_int_equal(ts_request_frame((const uint8_t *)"\x30\x80", 2, &total, NULL), SP_EVALUE);
    assert_int_equal(ts_request_frame((const uint8_t *)"\x30\x83", 2, &total, NULL), SP_EVALUE);
    assert_int_equal(ts_request_frame((const uint8_t *)"\x30\x82\x40\x01", 4, &total, NULL),
                     SP_ELIMIT);
}

static void version_stays_the_same(void **state)
{
    uint32_t seen = 0;
    struct sp_fail fail = {0};

    (void)state;
    assert_int_equal(credssp_version_check(&seen, 4, CREDSSP_VERSION_MIN, &fail), SP_EDENIED);
    assert_int_equal(credssp_version_check(&seen, 2, CREDSSP_VERSION_MIN, NULL), SP_EDENIED);
    assert_int_equal(seen, 0);
    assert_int_equal(credssp_version_check(&seen, 7, CREDSSP_VERSION_MIN, NULL), SP_OK);
    assert_int_equal(credssp_version_check(&seen, 7, CREDSSP_VERSION_MIN, NULL), SP_OK);
    assert_int_equal(credssp_version_check(&seen, 6, CREDSSP_VERSION_MIN, NULL), SP_EVALUE);
    assert_int_equal(credssp_version_check(&seen, 2, CREDSSP_VERSION_MIN, NULL), SP_EVALUE);
    assert_int_equal(fail.got, 4);
    seen = 0;
    assert_int_equal(credssp_version_check(&seen, 3, 2, NULL), SP_OK);
    assert_int_equal(credssp_version_check(&seen, 2, 2, NULL), SP_EVALUE);
}

static void binding_hashes(void **state)
{
    struct golden nonce = nla_golden("credssp_values/freerdp_nonce");
    struct golden key = nla_golden("credssp_values/freerdp_public_key");
    uint8_t hash[CREDSSP_BINDING_SIZE];

    (void)state;
    assert_int_equal(key.size, 270);
    credssp_binding_hash(true, nonce.data, key.data, key.size, hash);
    assert_memory_equal(hash, nla_golden("credssp_values/freerdp_client_server_hash").data, 32);
    credssp_binding_hash(false, nonce.data, key.data, key.size, hash);
    assert_memory_equal(hash, nla_golden("credssp_values/freerdp_server_client_hash").data, 32);
}

static void writer_refuses_too_much(void **state)
{
    static uint8_t big[0x4001], out[0x8000];
    struct ts_request req = {.version = 6, .has_auth_info = true};
    struct wr w;

    (void)state;
    rd_init(&req.auth_info, big, sizeof(big));
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ts_request_write(&w, &req), SP_ELIMIT);
}

static void written_versions_are_minimal(void **state)
{
    static const uint32_t versions[] = {6, 0x80, 0x8000, 0x800000, 0x7FFFFFFF};

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct ts_request req = {.version = versions[i]}, back;
        uint8_t out[32];
        struct wr w;
        struct rd r;

        wr_init(&w, out, sizeof(out));
        assert_int_equal(ts_request_write(&w, &req), SP_OK);
        rd_init(&r, out, w.pos);
        assert_int_equal(ts_request_read(&r, &back), SP_OK);
        assert_int_equal(back.version, versions[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capture_is_read),
        cmocka_unit_test(error_codes_of_both_forms),
        cmocka_unit_test(round_trip_and_frame),
        cmocka_unit_test(prefixes_and_changes),
        cmocka_unit_test(versions),
        cmocka_unit_test(der_attacks),
        cmocka_unit_test(nego_tokens),
        cmocka_unit_test(nonces),
        cmocka_unit_test(error_code_bounds),
        cmocka_unit_test(frames),
        cmocka_unit_test(version_stays_the_same),
        cmocka_unit_test(binding_hashes),
        cmocka_unit_test(writer_refuses_too_much),
        cmocka_unit_test(written_versions_are_minimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
