/* SPDX-License-Identifier: Apache-2.0
 * SPNEGO: Microsoft's sample with NEGOEX first, offers of every kind, and replies both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/nla.h"
#include "rdp/spnego.h"
#include "support/vector.h"

static enum sp_err parse_init(struct rd *r, void *out)
{
    return spnego_init_read(r, out);
}

static enum sp_err parse_resp(struct rd *r, void *out)
{
    return spnego_resp_read(r, out);
}

static enum sp_err read_init(const char *name, struct spnego_init *out)
{
    struct rd r = nla_reader(nla_golden(name));

    return spnego_init_read(&r, out);
}

static struct spnego_resp read_resp(const char *name)
{
    struct rd r = nla_reader(nla_golden(name));
    struct spnego_resp resp;

    assert_int_equal(spnego_resp_read(&r, &resp), SP_OK);
    return resp;
}

static void kinds(void **state)
{
    struct rd r = nla_reader(nla_golden("ntlm_negotiate/freerdp"));

    (void)state;
    assert_int_equal(spnego_classify(&r), SPNEGO_KIND_RAW_NTLM);
    r.left = 7;
    assert_int_equal(spnego_classify(&r), SPNEGO_KIND_UNKNOWN);
    r.left = 0;
    assert_int_equal(spnego_classify(&r), SPNEGO_KIND_UNKNOWN);
    r = nla_reader(nla_golden("spnego_init/ntlm_first"));
    assert_int_equal(spnego_classify(&r), SPNEGO_KIND_INIT);
    r = nla_reader(nla_golden("spnego_resp/reject"));
    assert_int_equal(spnego_classify(&r), SPNEGO_KIND_RESP);
}

static void negoex_first(void **state)
{
    struct golden g = nla_golden("spnego_init/spng_negoex_first");
    struct rd r = nla_reader(g);
    struct spnego_init init;

    (void)state;
    assert_int_equal(spnego_init_read(&r, &init), SP_OK);
    assert_int_equal(init.mech_count, 2);
    assert_int_equal(init.first, SPNEGO_MECH_NEGOEX);
    assert_true(init.has_ntlm);
    assert_int_equal(init.ntlm_index, 1);
    assert_int_equal(init.mech_types.left, 26);
    assert_ptr_equal(init.mech_types.at, g.data + 0x16);
    assert_true(init.has_mech_token);
    assert_int_equal(init.mech_token.left, 0xFE);
}

static void offers(void **state)
{
    struct golden negotiate = nla_golden("ntlm_negotiate/freerdp");
    struct spnego_init init;

    (void)state;
    assert_int_equal(read_init("spnego_init/ntlm_first", &init), SP_OK);
    assert_int_equal(init.first, SPNEGO_MECH_NTLM);
    assert_int_equal(init.mech_token.left, negotiate.size);
    assert_memory_equal(init.mech_token.at, negotiate.data, negotiate.size);
    assert_int_equal(read_init("spnego_init/kerberos_first", &init), SP_OK);
    assert_int_equal(init.first, SPNEGO_MECH_MS_KERBEROS);
    assert_int_equal(init.ntlm_index, 3);
    assert_int_equal(read_init("spnego_init/ntlm_no_token", &init), SP_OK);
    assert_false(init.has_mech_token);
    assert_int_equal(read_init("spnego_init/no_ntlm", &init), SP_OK);
    assert_false(init.has_ntlm);
    assert_int_equal(read_init("spnego_init/mechs_50", &init), SP_OK);
    assert_int_equal(init.mech_count, 50);
    assert_int_equal(init.first, SPNEGO_MECH_OTHER);
    assert_int_equal(init.ntlm_index, 49);
}

static void refused_offers(void **state)
{
    struct spnego_init init;
    struct golden g = nla_golden("spnego_init/ntlm_first");
    struct rd r = nla_reader(g);

    (void)state;
    assert_int_equal(read_init("spnego_init/empty_mech_types", &init), SP_EVALUE);
    assert_int_equal(read_init("spnego_init/mechs_51", &init), SP_ELIMIT);
    g.data[4] = 0x2C; /* another mechanism than SPNEGO */
    assert_int_equal(spnego_init_read(&r, &init), SP_EVALUE);
    g = nla_golden("spnego_init/no_ntlm");
    g.data = vector_prefix(g.data, g.size + 1 - 1);
    rd_init(&r, g.data, g.size);
    g.data[g.size - 5] = 0xA1; /* the token's tag turned into one that came before */
    assert_int_not_equal(spnego_init_read(&r, &init), SP_OK);
    free(g.data);
    rd_init(&r, "\xA1\x02\x30\x00", 4);
    assert_int_equal(spnego_init_read(&r, &init), SP_EVALUE);
}

static void long_mech_types(void **state)
{
    enum spnego_mech mechs[] = {SPNEGO_MECH_NTLM};
    static uint8_t big[2048];
    struct spnego_init init;
    struct wr w;
    struct rd r;

    (void)state;
    wr_init(&w, big, sizeof(big));
    assert_int_equal(spnego_init_write(&w, mechs, 1, NULL, 0), SP_OK);
    /* one mechanism of 1100 bytes */
    static const uint8_t head[] = {0x60, 0x82, 0x04, 0x64, 6,    6,    0x2B, 6,    1,    5,    5,
                                   2,    0xA0, 0x82, 0x04, 0x58, 0x30, 0x82, 0x04, 0x54, 0xA0, 0x82,
                                   0x04, 0x50, 0x30, 0x82, 0x04, 0x4C, 6,    0x82, 0x04, 0x48};
    memset(big, 0, sizeof(big));
    memcpy(big, head, sizeof(head));
    rd_init(&r, big, 4 + 0x464);
    assert_int_equal(spnego_init_read(&r, &init), SP_ELIMIT);
}

static void prefixes_and_changes(void **state)
{
    static const char *const inits[] = {"spnego_init/spng_negoex_first", "spnego_init/ntlm_first",
                                        "spnego_init/kerberos_first", "spnego_init/ntlm_no_token"};
    static const char *const resps[] = {"spnego_resp/request_mic", "spnego_resp/challenge",
                                        "spnego_resp/authenticate_mic", "spnego_resp/completed"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        nla_check_prefixes(inits[i], nla_golden(inits[i]).size, parse_init);
        nla_check_changes(inits[i], parse_init);
        nla_check_prefixes(resps[i], nla_golden(resps[i]).size, parse_resp);
        nla_check_changes(resps[i], parse_resp);
    }
}

static void offers_are_written(void **state)
{
    struct golden token = nla_golden("ntlm_negotiate/freerdp");
    struct golden want = nla_golden("spnego_init/ntlm_first");
    enum spnego_mech mechs[] = {SPNEGO_MECH_NTLM, SPNEGO_MECH_KERBEROS};
    uint8_t out[256];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    assert_int_equal(spnego_init_write(&w, mechs, 1, token.data, token.size), SP_OK);
    assert_int_equal(w.pos, want.size);
    assert_memory_equal(out, want.data, want.size);
    want = nla_golden("spnego_init/ntlm_no_token");
    wr_init(&w, out, sizeof(out));
    assert_int_equal(spnego_init_write(&w, mechs, 2, NULL, 0), SP_OK);
    assert_int_equal(w.pos, want.size);
    assert_memory_equal(out, want.data, want.size);
    wr_init(&w, out, 10);
    assert_int_equal(spnego_init_write(&w, mechs, 2, NULL, 0), SP_ESPACE);
}

static void responses_round_trip(void **state)
{
    static const char *const names[] = {
        "spnego_resp/request_mic",      "spnego_resp/negotiate", "spnego_resp/challenge",
        "spnego_resp/authenticate_mic", "spnego_resp/completed", "spnego_resp/reject",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct golden g = nla_golden(names[i]);
        struct spnego_resp resp = read_resp(names[i]);
        uint8_t out[1024];
        struct wr w;

        wr_init(&w, out, sizeof(out));
        assert_int_equal(spnego_resp_write(&w, &resp), SP_OK);
        assert_int_equal(w.pos, g.size);
        assert_memory_equal(out, g.data, g.size);
        wr_init(&w, out, g.size - 1);
        assert_int_equal(spnego_resp_write(&w, &resp), SP_ESPACE);
    }
}

static void responses_are_read(void **state)
{
    struct spnego_resp resp = read_resp("spnego_resp/request_mic");

    (void)state;
    assert_true(resp.has_neg_state && resp.has_supported_mech);
    assert_int_equal(resp.neg_state, SPNEGO_REQUEST_MIC);
    assert_int_equal(resp.supported_mech, SPNEGO_MECH_NTLM);
    assert_false(resp.has_response_token || resp.has_mech_list_mic);
    resp = read_resp("spnego_resp/authenticate_mic");
    assert_false(resp.has_supported_mech);
    assert_true(resp.has_response_token && resp.has_mech_list_mic);
    assert_int_equal(resp.mech_list_mic.left, 16);
}

static enum sp_err read_bytes(const char *bytes, size_t size)
{
    uint8_t *exact = vector_prefix((const uint8_t *)bytes, size);
    struct spnego_resp resp;
    struct rd r;
    enum sp_err err;

    rd_init(&r, exact, size);
    err = spnego_resp_read(&r, &resp);
    free(exact);
    return err;
}

#define READ(bytes) read_bytes(bytes, sizeof(bytes) - 1)

static void refused_responses(void **state)
{
    struct spnego_resp resp = {.has_supported_mech = true, .supported_mech = SPNEGO_MECH_OTHER};
    uint8_t out[64];
    struct wr w;

    (void)state;
    assert_int_equal(READ("\xA1\x02\x30\x00"), SP_OK);
    assert_int_equal(READ("\xA1\x02\x30\x00x"), SP_ETRAIL);
    assert_int_equal(READ("\xA1\x07\x30\x05\xA0\x03\x0A\x01\x03"), SP_OK);
    assert_int_equal(READ("\xA1\x07\x30\x05\xA0\x03\x0A\x01\x04"), SP_EVALUE);
    assert_int_equal(READ("\xA1\x06\x30\x04\xA0\x02\x0A\x00"), SP_ESHORT);
    assert_int_equal(READ("\xA1\x08\x30\x06\xA0\x04\x0A\x02\x00\x00"), SP_ETRAIL);
    assert_int_equal(READ("\xA1\x07\x30\x05\xA0\x03\x02\x01\x03"), SP_EVALUE);
    /* twice, and out of order */
    assert_int_equal(READ("\xA1\x0C\x30\x0A\xA0\x03\x0A\x01\x03\xA0\x03\x0A\x01\x03"), SP_ETRAIL);
    assert_int_equal(READ("\xA1\x0A\x30\x08\xA3\x02\x04\x00\xA2\x02\x04\x00"), SP_ETRAIL);
    assert_int_equal(READ("\xA0\x02\x30\x00"), SP_EVALUE);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(spnego_resp_write(&w, &resp), SP_EVALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(negoex_first),
        cmocka_unit_test(offers),
        cmocka_unit_test(refused_offers),
        cmocka_unit_test(long_mech_types),
        cmocka_unit_test(prefixes_and_changes),
        cmocka_unit_test(offers_are_written),
        cmocka_unit_test(responses_round_trip),
        cmocka_unit_test(responses_are_read),
        cmocka_unit_test(refused_responses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
