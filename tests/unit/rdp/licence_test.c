/* SPDX-License-Identifier: Apache-2.0
 * Licensing: every message type, and lengths that lie (fr CVE-2020-11099, CVE-2026-109255).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/errinfo.h"
#include "rdp/licence.h"
#include "support/probe.h"
#include "support/vector.h"

/* Offsets behind the security header and the preamble. */
#define AT_TYPE     4
#define AT_MSG_SIZE 6
#define AT_BODY     8

static const struct {
    const char *vector;
    enum licence_type type;
} cases[] = {
    {"licence/license_request.hex", LICENSE_REQUEST},
    {"licence/platform_challenge.hex", PLATFORM_CHALLENGE},
    {"licence/new_license.hex", NEW_LICENSE},
    {"licence/upgrade_license.hex", UPGRADE_LICENSE},
    {"licence/license_info.hex", LICENSE_INFO},
    {"licence/new_license_request.hex", NEW_LICENSE_REQUEST},
    {"licence/platform_challenge_response.hex", PLATFORM_CHALLENGE_RESPONSE},
    {"licence/no_license.hex", LICENSE_ERROR_ALERT},
    {"licence/spec_valid_client.hex", LICENSE_ERROR_ALERT},
    {"licence/lab_valid_client.hex", LICENSE_ERROR_ALERT},
};

#define CASE_COUNT (sizeof(cases) / sizeof(cases[0]))

static enum sp_err parse(struct rd *r, void *out)
{
    return licence_read(r, out);
}

static void classifies_every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        size_t size;
        uint8_t *data = vector_load(cases[i].vector, &size);
        struct licence_pdu pdu;

        assert_int_equal(probe_parse(data, size, parse, &pdu), SP_OK);
        assert_int_equal(pdu.type, cases[i].type);
        assert_int_equal(licence_is_valid_client(&pdu), i >= CASE_COUNT - 2);
        free(data);
    }
}

static void stands_probes(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        probe_prefixes(cases[i].vector, parse, sizeof(struct licence_pdu), NULL);
        assert_true(probe_bytes(cases[i].vector, parse, sizeof(struct licence_pdu)) > 0);
    }
}

static void reads_refusal(void **state)
{
    size_t size;
    uint8_t *data = vector_load("licence/no_license.hex", &size);
    struct licence_pdu pdu;

    (void)state;
    assert_int_equal(probe_parse(data, size, parse, &pdu), SP_OK);
    assert_int_equal(pdu.error_code, ERR_NO_LICENSE);
    assert_int_equal(pdu.state_transition, ST_TOTAL_ABORT);
    assert_false(licence_is_valid_client(&pdu));
    free(data);
}

static void writes_lab_bytes(void **state)
{
    size_t size;
    uint8_t *data = vector_load("licence/lab_valid_client.hex", &size);
    uint8_t out[64];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    licence_write_valid_client(&w);
    assert_int_equal(w.pos, size);
    assert_memory_equal(out, data, size);
    wr_init(&w, out, size - 1);
    licence_write_valid_client(&w);
    assert_int_equal(w.fail.code, SP_ESPACE);
    free(data);
}

static void writes_no_license(void **state)
{
    size_t size;
    uint8_t *data = vector_load("licence/no_license.hex", &size);
    uint8_t out[64];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    licence_write_no_license(&w);
    assert_int_equal(w.pos, size);
    assert_memory_equal(out, data, size);
    free(data);
}

static enum sp_err parse_changed(const char *vector, size_t offset, uint32_t value, size_t width)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct licence_pdu pdu;
    enum sp_err err;

    for (size_t i = 0; i < width; i++)
        data[offset + i] = (uint8_t)(value >> 8 * i);
    err = probe_parse(data, size, parse, &pdu);
    free(data);
    return err;
}

static void refuses_bad_envelope(void **state)
{
    const char *lab = "licence/lab_valid_client.hex";

    (void)state;
    assert_int_equal(parse_changed(lab, 0, 0x0000, 2), SP_EVALUE);     /* no LICENSE_PKT */
    assert_int_equal(parse_changed(lab, 0, 0x0088, 2), SP_EVALUE);     /* encrypted      */
    assert_int_equal(parse_changed(lab, AT_TYPE, 0x05, 1), SP_EVALUE); /* unknown type   */
    assert_int_equal(parse_changed(lab, AT_MSG_SIZE, 15, 2), SP_EVALUE);
    assert_int_equal(parse_changed(lab, AT_MSG_SIZE, 17, 2), SP_EVALUE);
    assert_int_equal(parse_changed(lab, AT_MSG_SIZE, 0xFFFF, 2), SP_EVALUE);
    assert_int_equal(parse_changed(lab, AT_TYPE + 1, 0x83, 1), SP_OK); /* any version    */
    assert_int_equal(parse_changed(lab, 2, 0xBEEF, 2), SP_OK);         /* flagsHi garbage */
}

static void refuses_blob_lengths(void **state)
{
    const char *lab = "licence/lab_valid_client.hex";
    const char *new_license = "licence/new_license.hex";

    (void)state;
    assert_int_equal(parse_changed(lab, AT_BODY + 10, 1, 2), SP_ESHORT);
    assert_int_equal(parse_changed(lab, AT_BODY + 10, LICENCE_BLOB_MAX + 1, 2), SP_ELIMIT);
    assert_int_equal(parse_changed(lab, AT_BODY + 10, 0xFFFF, 2), SP_ELIMIT);
    assert_int_equal(parse_changed(new_license, AT_BODY + 2, 0, 2), SP_ETRAIL);
    assert_int_equal(parse_changed(new_license, AT_BODY + 2, 61, 2), SP_ESHORT);
    assert_int_equal(parse_changed(new_license, AT_BODY + 2, 59, 2), SP_ETRAIL);
}

/* ScopeCount 0xFFFFFFFF was truncated to 32 bits in a multiplication elsewhere. */
static void refuses_request_counts(void **state)
{
    const char *request = "licence/license_request.hex";
    const size_t company = AT_BODY + 32 + 4;
    const size_t scope = AT_BODY + 32 + 4 + 4 + 44 + 4 + 8 + 8 + 28;

    (void)state;
    assert_int_equal(parse_changed(request, scope, 1, 4), SP_OK);
    assert_int_equal(parse_changed(request, scope, 0, 4), SP_ETRAIL);
    assert_int_equal(parse_changed(request, scope, 2, 4), SP_ESHORT);
    assert_int_equal(parse_changed(request, scope, LICENCE_SCOPE_MAX + 1, 4), SP_ELIMIT);
    assert_int_equal(parse_changed(request, scope, 0xFFFFFFFF, 4), SP_ELIMIT);
    assert_int_equal(parse_changed(request, company, 0xFFFFFFFF, 4), SP_ELIMIT);
    assert_int_equal(parse_changed(request, company, 1000, 4), SP_ESHORT);
}

static void maps_refusals_to_reasons(void **state)
{
    static const struct {
        uint32_t code, reason;
    } map[] = {
        {ERR_INVALID_SERVER_CERTIFICATE, ERRINFO_LICENSE_BAD_CLIENT_ENCRYPTION},
        {ERR_NO_LICENSE, ERRINFO_LICENSE_NO_LICENSE},
        {ERR_INVALID_MAC, ERRINFO_LICENSE_BAD_CLIENT_ENCRYPTION},
        {ERR_INVALID_SCOPE, ERRINFO_LICENSE_BAD_CLIENT_LICENSE},
        {ERR_NO_LICENSE_SERVER, ERRINFO_LICENSE_NO_LICENSE_SERVER},
        {ERR_INVALID_CLIENT, ERRINFO_LICENSE_HWID_DOESNT_MATCH_LICENSE},
        {ERR_INVALID_PRODUCTID, ERRINFO_LICENSE_BAD_CLIENT_LICENSE},
        {ERR_INVALID_MESSAGE_LEN, ERRINFO_LICENSE_BAD_CLIENT_MSG},
        {5, ERRINFO_LICENSE_INTERNAL},
        {0xFFFFFFFF, ERRINFO_LICENSE_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        assert_int_equal(licence_errinfo(map[i].code), map[i].reason);
}

static void names_reasons(void **state)
{
    (void)state;
    assert_string_equal(errinfo_name(ERRINFO_NONE), "NONE");
    assert_string_equal(errinfo_name(0x9), "SERVER_INSUFFICIENT_PRIVILEGES");
    assert_string_equal(errinfo_name(0x10A), "LICENSE_NO_REMOTE_CONNECTIONS");
    assert_string_equal(errinfo_name(0x112B), "VCDATATOOLONG");
    assert_string_equal(errinfo_name(0xDEAD), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifies_every_type),  cmocka_unit_test(stands_probes),
        cmocka_unit_test(reads_refusal),          cmocka_unit_test(writes_lab_bytes),
        cmocka_unit_test(refuses_bad_envelope),   cmocka_unit_test(refuses_blob_lengths),
        cmocka_unit_test(refuses_request_counts), cmocka_unit_test(maps_refusals_to_reasons),
        cmocka_unit_test(names_reasons),          cmocka_unit_test(writes_no_license),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
