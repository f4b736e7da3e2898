/* SPDX-License-Identifier: Apache-2.0
 * The client side: fed with the captured CHALLENGE it makes what the captured client made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/nla.h"
#include "rdp/ntlm_initiator.h"
#include "support/vector.h"

#define TIMESTAMP UINT64_C(0x01dd7a91d39b4d80) /* of the capture */

/* Bring one up to the point where a CHALLENGE is awaited. */
static void start(struct ntlm_initiator *i)
{
    struct golden want = nla_golden("ntlm_negotiate/freerdp");
    uint8_t out[64];
    struct wr w;

    assert_int_equal(ntlm_initiator_init(i, "127.0.0.1"), SP_OK);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_initiator_negotiate(i, &w), SP_OK);
    assert_int_equal(w.pos, want.size);
    memcpy(out + 12, want.data + 12, 4); /* we ask for neither OEM nor LM_KEY */
    assert_memory_equal(out, want.data, want.size);
}

static enum sp_err take(struct ntlm_initiator *i, struct golden g, struct ntlm_bind_input *out)
{
    struct rd r = nla_reader(g);

    return ntlm_initiator_challenge(i, &r, 1, out);
}

static struct ntlm_authenticate captured(void)
{
    struct rd r = nla_reader(nla_golden("ntlm_authenticate/freerdp"));
    struct ntlm_authenticate a;

    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    return a;
}

/* What keeper would have answered for the captured client. */
static struct ntlm_proof_parts bound(const struct ntlm_authenticate *a)
{
    struct ntlm_proof_parts b = {.flags = NTLM_FLAGS_REQUIRED | NTLMSSP_NEGOTIATE_TARGET_INFO,
                                 .nt_response = a->nt_response,
                                 .user = a->user,
                                 .domain = a->domain};

    memcpy(b.encrypted_random_session_key, a->encrypted_random_session_key.at, NTLM_KEY_SIZE);
    memcpy(b.exported_key, nla_golden("ntlm_values/freerdp_exported_key").data, NTLM_KEY_SIZE);
    return b;
}

static void asks_keeper_what_the_capture_says(void **state)
{
    struct ntlm_authenticate a = captured();
    struct ntlm_initiator i;
    struct ntlm_bind_input in;
    struct ntlmv2_response v;

    (void)state;
    start(&i);
    assert_int_equal(take(&i, nla_golden("ntlm_challenge/freerdp"), &in), SP_OK);
    assert_int_equal(ntlmv2_response_read(a.nt_response, &v, NULL), SP_OK);
    assert_true(in.time == TIMESTAMP);
    assert_memory_equal(in.server_challenge,
                        nla_golden("ntlm_values/freerdp_server_challenge").data, 8);
    assert_int_equal(in.av_pairs.left, v.av_pairs.left);
    assert_memory_equal(in.av_pairs.at, v.av_pairs.at, v.av_pairs.left);
}

static void time_is_ours_without_a_timestamp(void **state)
{
    struct ntlm_initiator i;
    struct ntlm_bind_input in;
    struct golden g = nla_golden("ntlm_challenge/nlmp");

    (void)state;
    start(&i);
    assert_int_equal(take(&i, g, &in), SP_OK);
    assert_true(in.time == 1);
}

static void authenticates(void **state)
{
    struct golden sealed = nla_golden("credssp_values/freerdp_pub_key_auth_client");
    struct golden hash = nla_golden("credssp_values/freerdp_client_server_hash");
    struct ntlm_authenticate want = captured(), got;
    struct ntlm_proof_parts b = bound(&want);
    struct ntlm_initiator i;
    struct ntlm_bind_input in;
    uint8_t out[1024], mic[NTLM_KEY_SIZE];
    struct ntlm_transcript t;
    struct ntlm_seal seal;
    struct wr w;
    struct rd r;

    (void)state;
    start(&i);
    assert_int_equal(take(&i, nla_golden("ntlm_challenge/freerdp"), &in), SP_OK);
    assert_int_equal(i.state, NTLM_INITIATOR_DONE);
    b.flags = in.flags | NTLMSSP_NEGOTIATE_LM_KEY; /* which we never ask for */
    b.negotiate = in.negotiate;
    b.challenge = in.challenge;
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_authenticate_prove(&b, &w), SP_OK);
    rd_init(&r, out, w.pos);
    assert_int_equal(ntlm_authenticate_read(&r, &got), SP_OK);
    assert_true(got.has_mic);
    assert_int_equal(got.user.left, want.user.left);
    assert_int_equal(got.lm_response.left, 24);
    assert_int_equal(got.flags, in.flags);
    assert_int_equal(got.flags & NTLM_FLAGS_REQUIRED, NTLM_FLAGS_REQUIRED);
    assert_memory_equal(got.nt_response.at, want.nt_response.at, want.nt_response.left);
    memset(out + got.mic_offset, 0, sizeof(mic));
    t = (struct ntlm_transcript){i.negotiate,      i.challenge,      out,
                                 i.negotiate_size, i.challenge_size, w.pos};
    ntlm_mic(b.exported_key, &t, mic);
    assert_memory_equal(mic, got.mic, sizeof(mic));
    ntlm_seal_init(&seal, b.exported_key, false);
    ntlm_wrap(&seal, hash.data, hash.size, out);
    assert_memory_equal(out, sealed.data, sealed.size);
}

static void lesser_challenges_are_refused(void **state)
{
    struct ntlm_initiator i;
    struct ntlm_bind_input in;

    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        struct golden g = nla_golden("ntlm_challenge/freerdp");
        uint32_t needed = NTLM_FLAGS_REQUIRED | NTLMSSP_NEGOTIATE_TARGET_INFO;

        g.data[20 + bit / 8] &= (uint8_t) ~(1u << bit % 8);
        start(&i);
        assert_int_equal(take(&i, g, &in), needed & 1u << bit ? SP_EDENIED : SP_OK);
        assert_int_equal(i.state, needed & 1u << bit ? NTLM_INITIATOR_FAILED : NTLM_INITIATOR_DONE);
    }
    struct golden g = nla_golden("ntlm_challenge/freerdp");
    g.data[40] = 0; /* no TargetInfo in spite of the flag */
    start(&i);
    assert_int_equal(take(&i, g, &in), SP_EDENIED);
    start(&i);
    assert_int_equal(take(&i, nla_golden("ntlm_authenticate/freerdp"), &in), SP_EVALUE);
    assert_int_equal(i.fail.code, SP_EVALUE);
}

static void every_prefix_is_refused(void **state)
{
    struct golden g = nla_golden("ntlm_challenge/freerdp");

    (void)state;
    for (size_t size = 0; size < g.size; size++) {
        struct golden part = {vector_prefix(g.data, size), size};
        struct ntlm_initiator i;
        struct ntlm_bind_input in;

        start(&i);
        assert_int_not_equal(take(&i, part, &in), SP_OK);
        assert_int_equal(i.state, NTLM_INITIATOR_FAILED);
        free(part.data);
    }
}

static void wrong_order(void **state)
{
    struct ntlm_initiator i;
    struct ntlm_bind_input in;
    uint8_t out[1024];
    struct wr w;

    (void)state;
    assert_int_equal(ntlm_initiator_init(&i, "host"), SP_OK);
    assert_int_equal(take(&i, nla_golden("ntlm_challenge/freerdp"), &in), SP_ESTATE);
    start(&i);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_initiator_negotiate(&i, &w), SP_ESTATE);
    start(&i);
    assert_int_equal(take(&i, nla_golden("ntlm_challenge/freerdp"), &in), SP_OK);
    assert_int_equal(take(&i, nla_golden("ntlm_challenge/freerdp"), &in), SP_ESTATE);
}

static void limits(void **state)
{
    static char host[NTLM_HOST_MAX + 2];
    static uint8_t big[65536];
    struct ntlm_authenticate a = captured();
    struct ntlm_proof_parts b = bound(&a);
    struct ntlm_initiator i;
    struct ntlm_bind_input in;
    uint8_t out[1024];
    struct wr w;

    (void)state;
    memset(host, 'h', NTLM_HOST_MAX + 1);
    assert_int_equal(ntlm_initiator_init(&i, host), SP_ELIMIT);
    host[NTLM_HOST_MAX] = '\0';
    assert_int_equal(ntlm_initiator_init(&i, host), SP_OK);
    wr_init(&w, out, 39);
    assert_int_equal(ntlm_initiator_negotiate(&i, &w), SP_ESPACE);
    start(&i);
    assert_int_equal(take(&i, nla_golden("ntlm_challenge/freerdp"), &in), SP_OK);
    rd_init(&b.user, big, NTLM_NAME_MAX + 2);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_authenticate_prove(&b, &w), SP_ELIMIT);
    b = bound(&a);
    rd_init(&b.domain, big, NTLM_NAME_MAX + 2);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_authenticate_prove(&b, &w), SP_ELIMIT);
    b = bound(&a);
    rd_init(&b.nt_response, big, sizeof(big));
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_authenticate_prove(&b, &w), SP_ELIMIT);
    b = bound(&a);
    wr_init(&w, out, 100);
    assert_int_equal(ntlm_authenticate_prove(&b, &w), SP_ESPACE);
    ntlm_initiator_clear(&i);
    assert_int_equal(i.state, NTLM_INITIATOR_FAILED);
    assert_int_equal(i.challenge_size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_keeper_what_the_capture_says),
        cmocka_unit_test(time_is_ours_without_a_timestamp),
        cmocka_unit_test(authenticates),
        cmocka_unit_test(lesser_challenges_are_refused),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(wrong_order),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
