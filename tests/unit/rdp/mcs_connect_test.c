/* SPDX-License-Identifier: Apache-2.0
 * MCS Connect Initial and Response: golden bytes, refusals, merging of the parameters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/probe.h"
#include "rdp/mcs.h"
#include "support/vector.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum sp_err read_ci(struct rd *r, void *out)
{
    return mcs_connect_initial_read(r, out);
}

static enum sp_err read_cr(struct rd *r, void *out)
{
    return mcs_connect_response_read(r, out);
}

static const char *const initials[] = {"mcs_connect_initial/spec.hex",
                                       "mcs_connect_initial/lab.hex"};
static const char *const responses[] = {"mcs_connect_response/spec.hex",
                                        "mcs_connect_response/lab.hex"};

static void assert_parameters(const struct mcs_domain_parameters *p, const uint32_t want[8])
{
    const uint32_t got[] = {p->max_channel_ids,  p->max_user_ids,    p->max_token_ids,
                            p->num_priorities,   p->min_throughput,  p->max_height,
                            p->max_mcs_pdu_size, p->protocol_version};

    assert_memory_equal(got, want, sizeof(got));
}

static void reads_initial(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(initials); i++) {
        size_t size;
        uint8_t *pdu = vector_load(initials[i], &size);
        struct mcs_connect_initial ci;
        struct rd r;

        rd_init(&r, pdu, size);
        assert_int_equal(mcs_connect_initial_read(&r, &ci), SP_OK);
        assert_parameters(&ci.target, (uint32_t[]){34, 2, 0, 1, 0, 1, 65535, 2});
        assert_parameters(&ci.min, (uint32_t[]){1, 1, 1, 1, 0, 1, 1056, 2});
        assert_parameters(&ci.max, (uint32_t[]){65535, 64535, 65535, 1, 0, 1, 65535, 2});
        assert_int_equal(ci.user_data.left, i == 0 ? 307 : 353);
        assert_ptr_equal(ci.user_data.at + ci.user_data.left, pdu + size);
        free(pdu);
    }
}

static void reads_response(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(responses); i++) {
        size_t size;
        uint8_t *pdu = vector_load(responses[i], &size);
        struct mcs_connect_response cr;
        struct rd r;

        rd_init(&r, pdu, size);
        assert_int_equal(mcs_connect_response_read(&r, &cr), SP_OK);
        assert_int_equal(cr.result, RESULT_RT_SUCCESSFUL);
        assert_parameters(&cr.parameters, (uint32_t[]){34, 3, 0, 1, 0, 1, 65528, 2});
        assert_int_equal(cr.user_data.left, i == 0 ? 287 : 72);
        free(pdu);
    }
}

static void stands_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(initials); i++) {
        probe_prefixes(initials[i], read_ci, sizeof(struct mcs_connect_initial), NULL);
        assert_true(probe_bytes(initials[i], read_ci, sizeof(struct mcs_connect_initial)) > 0);
    }
    for (size_t i = 0; i < COUNT(responses); i++) {
        probe_prefixes(responses[i], read_cr, sizeof(struct mcs_connect_response), NULL);
        assert_true(probe_bytes(responses[i], read_cr, sizeof(struct mcs_connect_response)) > 0);
    }
}

static void round_trips(void **state)
{
    uint8_t buf[512];
    size_t size;
    struct mcs_connect_initial ci, defaults;
    struct mcs_connect_response cr;
    struct rd r;
    struct wr w;

    (void)state;
    uint8_t *pdu = vector_load("mcs_connect_initial/lab.hex", &size);
    rd_init(&r, pdu, size);
    assert_int_equal(mcs_connect_initial_read(&r, &ci), SP_OK);
    mcs_connect_initial_defaults(&defaults);
    defaults.user_data = ci.user_data;
    wr_init(&w, buf, sizeof(buf));
    assert_int_equal(mcs_connect_initial_write(&w, &defaults), SP_OK);
    assert_int_equal(w.pos, size);
    assert_memory_equal(buf, pdu, size);
    free(pdu);
    for (size_t i = 0; i < COUNT(responses); i++) {
        pdu = vector_load(responses[i], &size);
        rd_init(&r, pdu, size);
        assert_int_equal(mcs_connect_response_read(&r, &cr), SP_OK);
        wr_init(&w, buf, sizeof(buf));
        assert_int_equal(mcs_connect_response_write(&w, &cr), SP_OK);
        assert_int_equal(w.pos, size);
        assert_memory_equal(buf, pdu, size);
        wr_init(&w, buf, size - 1);
        assert_int_equal(mcs_connect_response_write(&w, &cr), SP_ESPACE);
        free(pdu);
    }
}

/* One byte of the captured Connect Initial changed. */
static enum sp_err changed(size_t at, uint8_t value)
{
    size_t size;
    uint8_t *pdu = vector_load("mcs_connect_initial/lab.hex", &size);
    struct mcs_connect_initial ci;
    enum sp_err err;

    pdu[at] = value;
    err = probe_parse(pdu, size, read_ci, &ci);
    free(pdu);
    return err;
}

static void refuses_fields(void **state)
{
    (void)state;
    assert_int_equal(changed(8, 0x66), SP_EVALUE);  /* Connect-Response */
    assert_int_equal(changed(11, 0xc6), SP_ETRAIL); /* outer length one short */
    assert_int_equal(changed(11, 0xc8), SP_ESHORT);
    assert_int_equal(changed(12, 0x05), SP_EVALUE); /* callingDomainSelector */
    assert_int_equal(changed(18, 0x04), SP_EVALUE); /* upwardFlag */
    assert_int_equal(changed(19, 0x02), SP_EVALUE);
    assert_int_equal(changed(21, 0x31), SP_EVALUE); /* targetParameters */
    assert_int_equal(changed(22, 0x1b), SP_ETRAIL); /* one byte too many */
    assert_int_equal(changed(23, 0x03), SP_EVALUE);
    assert_int_equal(changed(25, 0xff), SP_EVALUE); /* maxChannelIds -1 */
    assert_int_equal(changed(24, 0x05), SP_ELIMIT); /* 5 octets */
}

static void knows_disconnect(void **state)
{
    size_t size;
    uint8_t *pdu = vector_load("mcs_domain/x224_disconnect.hex", &size);
    struct mcs_connect_initial ci;
    struct mcs_connect_response cr;

    (void)state;
    assert_int_equal(probe_parse(pdu, size, read_ci, &ci), SP_ECLOSED);
    assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_ECLOSED);
    free(pdu);
}

static void reads_refused_result(void **state)
{
    size_t size;
    uint8_t *pdu = vector_load("mcs_connect_response/lab.hex", &size);
    struct mcs_connect_response cr;

    (void)state;
    pdu[12] = RESULT_RT_UNSPECIFIED_FAILURE;
    assert_int_equal(probe_parse(pdu, size, read_cr, &cr), SP_OK);
    assert_int_equal(cr.result, RESULT_RT_UNSPECIFIED_FAILURE);
    free(pdu);
}

static void merges_as_mstsc_and_freerdp_expect(void **state)
{
    struct mcs_connect_initial ci;
    struct mcs_domain_parameters out;

    (void)state;
    mcs_connect_initial_defaults(&ci);
    assert_int_equal(mcs_domain_parameters_merge(&ci, &out, NULL), SP_OK);
    assert_parameters(&out, (uint32_t[]){34, 3, 0, 1, 0, 1, 65528, 2});
    ci.target.max_user_ids = 9;
    ci.target.max_mcs_pdu_size = 4096;
    ci.target.max_height = 2;
    ci.target.num_priorities = 4;
    ci.target.protocol_version = 1;
    ci.min.protocol_version = 1;
    assert_int_equal(mcs_domain_parameters_merge(&ci, &out, NULL), SP_OK);
    assert_parameters(&out, (uint32_t[]){34, 9, 0, 1, 0, 1, 4096, 2});
    ci.target.max_mcs_pdu_size = 123;
    ci.max.max_mcs_pdu_size = 124;
    assert_int_equal(mcs_domain_parameters_merge(&ci, &out, NULL), SP_OK);
    assert_int_equal(out.max_mcs_pdu_size, 124);
}

static void unmergeable(const struct mcs_connect_initial *ci, const char *where)
{
    struct mcs_domain_parameters out;
    struct sp_fail fail = {0};

    assert_int_equal(mcs_domain_parameters_merge(ci, &out, &fail), SP_EVALUE);
    assert_string_equal(fail.where, where);
}

static void refuses_to_merge(void **state)
{
    struct mcs_connect_initial ci;

    (void)state;
    for (uint32_t n = 0; n < 4; n++) { /* CVE-2012-0002 */
        mcs_connect_initial_defaults(&ci);
        ci.target.max_channel_ids = n;
        unmergeable(&ci, "DomainParameters.maxChannelIds");
    }
    mcs_connect_initial_defaults(&ci);
    ci.max.max_user_ids = 2;
    unmergeable(&ci, "DomainParameters.maxUserIds");
    mcs_connect_initial_defaults(&ci);
    ci.min.num_priorities = 2;
    unmergeable(&ci, "DomainParameters.numPriorities");
    mcs_connect_initial_defaults(&ci);
    ci.target.max_height = ci.min.max_height = 2;
    unmergeable(&ci, "DomainParameters.maxHeight");
    mcs_connect_initial_defaults(&ci);
    ci.target.protocol_version = ci.min.protocol_version = 3;
    unmergeable(&ci, "DomainParameters.protocolVersion");
    mcs_connect_initial_defaults(&ci);
    ci.target.protocol_version = ci.max.protocol_version = 1;
    unmergeable(&ci, "DomainParameters.protocolVersion");
    mcs_connect_initial_defaults(&ci);
    ci.min.max_mcs_pdu_size = 65529;
    unmergeable(&ci, "DomainParameters.maxMCSPDUsize");
    mcs_connect_initial_defaults(&ci);
    ci.target.max_mcs_pdu_size = ci.max.max_mcs_pdu_size = 123;
    unmergeable(&ci, "DomainParameters.maxMCSPDUsize");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_initial),
        cmocka_unit_test(reads_response),
        cmocka_unit_test(stands_damage),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(refuses_fields),
        cmocka_unit_test(knows_disconnect),
        cmocka_unit_test(reads_refused_result),
        cmocka_unit_test(merges_as_mstsc_and_freerdp_expect),
        cmocka_unit_test(refuses_to_merge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
