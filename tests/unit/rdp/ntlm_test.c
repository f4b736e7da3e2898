/* SPDX-License-Identifier: Apache-2.0
 * The three NTLM messages: captured and specified bytes, round trips, and lying descriptors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/nla.h"
#include "rdp/ntlm.h"
#include "support/vector.h"

#define NEGOTIATE    "ntlm_negotiate/freerdp"
#define CHALLENGE    "ntlm_challenge/freerdp"
#define AUTHENTICATE "ntlm_authenticate/freerdp"

static enum sp_err parse_negotiate(struct rd *r, void *out)
{
    return ntlm_negotiate_read(r, out);
}

static enum sp_err parse_challenge(struct rd *r, void *out)
{
    return ntlm_challenge_read(r, out);
}

static enum sp_err parse_authenticate(struct rd *r, void *out)
{
    return ntlm_authenticate_read(r, out);
}

static void assert_text(const struct rd *text, const char *want)
{
    assert_int_equal(text->left, 2 * strlen(want));
    for (size_t i = 0; i < strlen(want); i++)
        assert_int_equal(text->at[2 * i], want[i]);
}

static void negotiate_round_trip(void **state)
{
    struct golden g = nla_golden(NEGOTIATE);
    struct rd r = nla_reader(g);
    struct ntlm_negotiate n;
    uint8_t out[64];
    struct wr w;

    (void)state;
    assert_int_equal(ntlm_negotiate_read(&r, &n), SP_OK);
    assert_int_equal(n.flags, 0xE20882B7);
    assert_int_equal(n.domain.left + n.workstation.left, 0);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_negotiate_write(&w, n.flags), SP_OK);
    assert_int_equal(w.pos, g.size);
    assert_memory_equal(out, g.data, g.size);
    wr_init(&w, out, g.size - 1);
    assert_int_equal(ntlm_negotiate_write(&w, n.flags), SP_ESPACE);
}

static void challenge_round_trip(const char *name, uint32_t flags, const char *target)
{
    struct golden g = nla_golden(name);
    struct rd r = nla_reader(g);
    struct ntlm_challenge c;
    uint8_t out[256];
    struct wr w;

    assert_int_equal(ntlm_challenge_read(&r, &c), SP_OK);
    assert_int_equal(c.flags, flags);
    assert_text(&c.target_name, target);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_challenge_write(&w, &c), SP_OK);
    assert_int_equal(w.pos, g.size);
    memcpy(out + 48, g.data + 48, NTLM_VERSION_SIZE); /* ours is fixed, the sample has another */
    assert_memory_equal(out, g.data, g.size);
    wr_init(&w, out, g.size - 1);
    assert_int_equal(ntlm_challenge_write(&w, &c), SP_ESPACE);
}

static void challenges(void **state)
{
    struct rd r = nla_reader(nla_golden(CHALLENGE));
    struct ntlm_challenge c;

    (void)state;
    challenge_round_trip(CHALLENGE, 0xE28882B7, "VM");
    challenge_round_trip("ntlm_challenge/nlmp", 0xE28A8233, "Server");
    assert_int_equal(ntlm_challenge_read(&r, &c), SP_OK);
    assert_memory_equal(c.server_challenge, nla_golden("ntlm_values/freerdp_server_challenge").data,
                        8);
    assert_int_equal(c.target_info.left, 48);
}

static void authenticate_round_trip(void **state)
{
    struct golden g = nla_golden(AUTHENTICATE);
    struct rd r = nla_reader(g);
    struct ntlm_authenticate a;
    uint8_t out[512];
    struct wr w;

    (void)state;
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    assert_int_equal(a.flags, 0xE288B235);
    assert_text(&a.domain, "LAB");
    assert_text(&a.user, "alice");
    assert_text(&a.workstation, "vm");
    assert_int_equal(a.lm_response.left, 24);
    assert_int_equal(a.nt_response.left, 0xAA);
    assert_int_equal(a.encrypted_random_session_key.left, 16);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_authenticate_write(&w, &a), SP_OK);
    assert_int_equal(w.pos, g.size);
    assert_memory_equal(out, g.data, g.size);
    wr_init(&w, out, g.size - 1);
    assert_int_equal(ntlm_authenticate_write(&w, &a), SP_ESPACE);
}

static void prefixes_and_changes(void **state)
{
    (void)state;
    nla_check_prefixes(NEGOTIATE, 32, parse_negotiate); /* Version may be missing */
    nla_check_prefixes(CHALLENGE, nla_golden(CHALLENGE).size, parse_challenge);
    nla_check_prefixes(AUTHENTICATE, nla_golden(AUTHENTICATE).size, parse_authenticate);
    nla_check_prefixes("ntlm_authenticate/nlmp", 232, parse_authenticate);
    nla_check_changes(NEGOTIATE, parse_negotiate);
    nla_check_changes(CHALLENGE, parse_challenge);
    nla_check_changes(AUTHENTICATE, parse_authenticate);
}

/* Parse a golden message with one 32-bit value overwritten. */
static enum sp_err with_u32(const char *name, size_t at, uint32_t v, nla_parse_fn *parse)
{
    struct golden g = nla_golden(name);
    uint8_t out[4096];
    struct rd r = nla_reader(g);

    for (size_t i = 0; i < 4; i++)
        g.data[at + i] = (uint8_t)(v >> 8 * i);
    return parse(&r, out);
}

static void signatures_and_types(void **state)
{
    (void)state;
    assert_int_equal(with_u32(NEGOTIATE, 0, 0, parse_negotiate), SP_EVALUE);
    assert_int_equal(with_u32(NEGOTIATE, 8, 2, parse_negotiate), SP_EVALUE);
    assert_int_equal(with_u32(CHALLENGE, 8, 3, parse_challenge), SP_EVALUE);
    assert_int_equal(with_u32(AUTHENTICATE, 8, 1, parse_authenticate), SP_EVALUE);
}

/* The offsets of all descriptors of AUTHENTICATE stand 4 bytes behind these. */
static void descriptors_of_authenticate(void **state)
{
    static const size_t fields[] = {12, 20, 28, 36, 44, 52};

    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t at = fields[i] + 4;

        assert_int_equal(with_u32(AUTHENTICATE, at, 0xFFFFFFF0, parse_authenticate), SP_ESHORT);
        assert_int_equal(with_u32(AUTHENTICATE, at, 0xFFFFFFFF, parse_authenticate), SP_ESHORT);
        assert_int_equal(with_u32(AUTHENTICATE, at, 318, parse_authenticate), SP_ESHORT);
        assert_int_equal(with_u32(AUTHENTICATE, at, 0, parse_authenticate), SP_EVALUE);
        assert_int_equal(with_u32(AUTHENTICATE, at, 63, parse_authenticate), SP_EVALUE);
        assert_int_equal(with_u32(AUTHENTICATE, fields[i], 0xFFFFFFFF, parse_authenticate),
                         SP_ESHORT);
    }
    assert_int_equal(with_u32(AUTHENTICATE, 28, 5, parse_authenticate), SP_EVALUE); /* odd text */
    assert_int_equal(with_u32(AUTHENTICATE, 36, 9, parse_authenticate), SP_EVALUE);
}

static void descriptors_of_challenge(void **state)
{
    (void)state;
    assert_int_equal(with_u32(CHALLENGE, 16, 0xFFFFFFF0, parse_challenge), SP_ESHORT);
    assert_int_equal(with_u32(CHALLENGE, 16, 47, parse_challenge), SP_EVALUE);
    assert_int_equal(with_u32(CHALLENGE, 44, 0xFFFFFFF0, parse_challenge), SP_ESHORT);
    assert_int_equal(with_u32(CHALLENGE, 44, 20, parse_challenge), SP_EVALUE);
    assert_int_equal(with_u32(CHALLENGE, 40, 2049, parse_challenge), SP_ELIMIT);
    assert_int_equal(with_u32(CHALLENGE, 40, 44, parse_challenge), SP_ESHORT); /* no end of list */
    assert_int_equal(with_u32(CHALLENGE, 40, 46, parse_challenge), SP_ESHORT); /* half a header */
    assert_int_equal(with_u32(CHALLENGE, 0x3C, 0xFFFF0002, parse_challenge), SP_ESHORT);
}

/* The names of NEGOTIATE count only with their flags. */
static void descriptors_of_negotiate(void **state)
{
    struct golden g = nla_golden(NEGOTIATE);
    struct ntlm_negotiate n;
    struct rd r;

    (void)state;
    g.data[16] = 4;
    g.data[20] = 0xF0;
    r = nla_reader(g);
    assert_int_equal(ntlm_negotiate_read(&r, &n), SP_OK);
    assert_int_equal(n.domain.left, 0);
    g.data[13] |= 0x10; /* NTLMSSP_NEGOTIATE_OEM_DOMAIN_SUPPLIED */
    r = nla_reader(g);
    assert_int_equal(ntlm_negotiate_read(&r, &n), SP_ESHORT);
    g.data[20] = 36;
    r = nla_reader(g);
    assert_int_equal(ntlm_negotiate_read(&r, &n), SP_OK);
    assert_int_equal(n.domain.left, 4);
    g.data[20] = 31;
    r = nla_reader(g);
    assert_int_equal(ntlm_negotiate_read(&r, &n), SP_EVALUE);
}

static void too_long(void **state)
{
    static uint8_t big[8192];
    struct golden g = nla_golden(AUTHENTICATE);
    struct ntlm_authenticate a;
    struct ntlm_challenge c;
    struct ntlm_negotiate n;
    struct rd r;

    (void)state;
    memcpy(big, g.data, g.size);
    rd_init(&r, big, NTLM_AUTHENTICATE_MAX);
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    rd_init(&r, big, NTLM_AUTHENTICATE_MAX + 1);
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_ELIMIT);
    big[28] = 0x02; /* domain of 514 bytes */
    big[29] = 0x02;
    rd_init(&r, big, NTLM_AUTHENTICATE_MAX);
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_ELIMIT);
    rd_init(&r, big, NTLM_NEGOTIATE_MAX + 1);
    assert_int_equal(ntlm_negotiate_read(&r, &n), SP_ELIMIT);
    rd_init(&r, big, NTLM_PEER_CHALLENGE_MAX + 1);
    assert_int_equal(ntlm_challenge_read(&r, &c), SP_ELIMIT);
}

static void oversized_field_is_not_written(void **state)
{
    static uint8_t big[65536], out[1 << 17];
    struct ntlm_authenticate a = {0};
    struct wr w;

    (void)state;
    rd_init(&a.nt_response, big, sizeof(big));
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_authenticate_write(&w, &a), SP_ELIMIT);
}

/* Version left out, MIC in its place; and no room for a MIC at all. */
static void mic_positions(void **state)
{
    struct golden g = nla_golden(AUTHENTICATE);
    static const size_t offsets[] = {16, 24, 32, 40, 48, 56};
    struct ntlm_authenticate a;
    uint8_t *shorter = vector_prefix(g.data, g.size - NTLM_VERSION_SIZE);
    struct rd r;

    (void)state;
    memmove(shorter + 64, g.data + 72, g.size - 72);
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        unsigned offset = shorter[offsets[i]] | (unsigned)shorter[offsets[i] + 1] << 8;

        shorter[offsets[i]] = (uint8_t)(offset - NTLM_VERSION_SIZE);
        shorter[offsets[i] + 1] = (uint8_t)((offset - NTLM_VERSION_SIZE) >> 8);
    }
    rd_init(&r, shorter, g.size - NTLM_VERSION_SIZE);
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    assert_false(a.has_mic); /* the flag says that Version is there: no room behind it */
    shorter[63] &= (uint8_t)~0x02;
    rd_init(&r, shorter, g.size - NTLM_VERSION_SIZE);
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    assert_true(a.has_mic);
    assert_int_equal(a.mic_offset, 64);
    assert_memory_equal(a.mic, nla_golden("ntlm_values/freerdp_mic").data, 16);
    free(shorter);
    r = nla_reader(nla_golden("ntlm_authenticate/nlmp"));
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    assert_false(a.has_mic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(negotiate_round_trip),
        cmocka_unit_test(challenges),
        cmocka_unit_test(authenticate_round_trip),
        cmocka_unit_test(prefixes_and_changes),
        cmocka_unit_test(signatures_and_types),
        cmocka_unit_test(descriptors_of_authenticate),
        cmocka_unit_test(descriptors_of_challenge),
        cmocka_unit_test(descriptors_of_negotiate),
        cmocka_unit_test(too_long),
        cmocka_unit_test(oversized_field_is_not_written),
        cmocka_unit_test(mic_positions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
