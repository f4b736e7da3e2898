/* SPDX-License-Identifier: Apache-2.0
 * AV pairs, both TargetInfos, the NTLMv2 response, and the front's policy refusal by refusal.
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

#define TIMESTAMP UINT64_C(0x01dd7a91d39b4d80) /* of the capture */

static const struct ntlm_names names = {"VM", "VM", "vm", "vm"};

/* The captured AUTHENTICATE, and the TargetInfo of the CHALLENGE that it answers. */
static struct ntlm_authenticate captured(struct rd *target_info)
{
    struct rd r = nla_reader(nla_golden("ntlm_challenge/freerdp"));
    struct ntlm_authenticate a;
    struct ntlm_challenge c;

    assert_int_equal(ntlm_challenge_read(&r, &c), SP_OK);
    r = nla_reader(nla_golden("ntlm_authenticate/freerdp"));
    assert_int_equal(ntlm_authenticate_read(&r, &a), SP_OK);
    *target_info = c.target_info;
    return a;
}

static enum sp_err walk(const char *bytes, size_t size, unsigned *count)
{
    uint8_t *exact = vector_prefix((const uint8_t *)bytes, size);
    struct ntlm_av av = {.id = 0xFFFF};
    struct rd r;
    enum sp_err err = SP_OK;

    rd_init(&r, exact, size);
    for (*count = 0; err == SP_OK && av.id != MsvAvEOL; ++*count)
        err = ntlm_av_next(&r, &av);
    free(exact);
    return err;
}

#define WALK(bytes) walk(bytes, sizeof(bytes) - 1, &count)

static void lists(void **state)
{
    unsigned count;

    (void)state;
    assert_int_equal(WALK("\x00\x00\x00\x00"), SP_OK);
    assert_int_equal(WALK("\x01\x00\x02\x00Vx\x02\x00\x00\x00\x00\x00\x00\x00"), SP_OK);
    assert_int_equal(count, 3);
    assert_int_equal(WALK("\x01\x00\x02\x00Vx"), SP_ESHORT);             /* no end */
    assert_int_equal(WALK("\x01\x00\x02\x00Vx\x00\x00"), SP_ESHORT);     /* header straddles */
    assert_int_equal(WALK("\x01\x00\x02\x00Vx\x00\x00\x00"), SP_ESHORT); /* by one byte */
    assert_int_equal(WALK("\x01\x00\xFF\xFFVx\x00\x00\x00\x00"), SP_ESHORT);
    assert_int_equal(WALK("\x00\x00\x01\x00x"), SP_EVALUE); /* end with a value */
    assert_int_equal(WALK(""), SP_ESHORT);
}

static void find(void **state)
{
    struct rd info, value;

    (void)state;
    captured(&info);
    assert_true(ntlm_av_find(info, MsvAvTimestamp, &value));
    assert_int_equal(value.left, 8);
    assert_true(rd_u64le(&value, "t") == TIMESTAMP);
    assert_false(ntlm_av_find(info, MsvAvTargetName, &value));
    assert_false(ntlm_av_find(info, MsvAvEOL, &value));
    rd_init(&info, "\x01\x00\x09\x00", 4);
    assert_false(ntlm_av_find(info, MsvAvNbComputerName, &value));
}

static void server_info_is_that_of_the_capture(void **state)
{
    struct rd want;
    uint8_t out[128];
    struct wr w;

    (void)state;
    captured(&want);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_target_info_write(&w, &names, TIMESTAMP), SP_OK);
    assert_int_equal(w.pos, want.left);
    assert_memory_equal(out, want.at, want.left);
    wr_init(&w, out, want.left - 1);
    assert_int_equal(ntlm_target_info_write(&w, &names, TIMESTAMP), SP_ESPACE);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_target_info_write(&w, &(struct ntlm_names){.nb_domain = "\xFF"}, 0),
                     SP_EVALUE);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_target_info_write(&w, &(struct ntlm_names){.nb_domain = ""}, 0), SP_OK);
    assert_int_equal(w.pos, 16);
}

static void client_info_is_that_of_the_capture(void **state)
{
    struct rd info;
    struct ntlm_authenticate a = captured(&info);
    struct ntlmv2_response v;
    uint8_t out[256];
    struct wr w;

    (void)state;
    assert_int_equal(ntlmv2_response_read(a.nt_response, &v, NULL), SP_OK);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_target_info_augment(&w, info, "TERMSRV/127.0.0.1"), SP_OK);
    assert_int_equal(w.pos, v.av_pairs.left);
    assert_memory_equal(out, v.av_pairs.at, w.pos);
    assert_true(v.timestamp == TIMESTAMP);
}

/* What a target says about flags, name and bindings is replaced; its flags are kept. */
static void client_info_replaces(void **state)
{
    static const char info[] = "\x06\x00\x04\x00\x01\x00\x00\x00\x09\x00\x02\x00x\x00"
                               "\x0A\x00\x01\x00x\x00\x00\x00\x00";
    uint8_t out[128];
    struct rd r, value;
    struct wr w;

    (void)state;
    rd_init(&r, info, sizeof(info) - 1);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_target_info_augment(&w, r, "TERMSRV/h"), SP_OK);
    rd_init(&r, out, w.pos);
    assert_true(ntlm_av_find(r, MsvAvFlags, &value));
    assert_int_equal(rd_u32le(&value, "flags"), 3);
    assert_true(ntlm_av_find(r, MsvAvTargetName, &value));
    assert_int_equal(value.left, 18);
    assert_true(ntlm_av_find(r, MsvAvChannelBindings, &value));
    assert_int_equal(value.left, 16);
    assert_int_equal(w.pos, 8 + 20 + 22 + 4); /* each once */
}

static void client_info_refuses(void **state)
{
    uint8_t out[128];
    struct rd r;
    struct wr w;

    (void)state;
    rd_init(&r, "\x01\x00\x09\x00xx", 6);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_target_info_augment(&w, r, "TERMSRV/h"), SP_ESHORT);
    rd_init(&r, "\x00\x00\x00\x00", 4);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ntlm_target_info_augment(&w, r, "\xC0"), SP_EVALUE);
    wr_init(&w, out, 20);
    assert_int_equal(ntlm_target_info_augment(&w, r, "TERMSRV/h"), SP_ESPACE);
    wr_init(&w, out, sizeof(out));
    ntlm_av_write(&w, 1, out, 65536);
    assert_int_equal(w.fail.code, SP_ELIMIT);
}

static void responses(void **state)
{
    static uint8_t big[NTLM_NT_RESPONSE_MAX + 1];
    struct rd info;
    struct ntlm_authenticate a = captured(&info);
    struct ntlmv2_response v;
    uint8_t *copy;
    struct rd r;

    (void)state;
    assert_int_equal(ntlmv2_response_read(a.nt_response, &v, NULL), SP_OK);
    for (size_t size = 0; size < 44 + v.av_pairs.left; size++) {
        struct ntlmv2_response unused;

        copy = vector_prefix(a.nt_response.at, size);
        rd_init(&r, copy, size);
        assert_int_equal(ntlmv2_response_read(r, &unused, NULL), SP_ESHORT);
        free(copy);
    }
    copy = vector_prefix(a.nt_response.at, a.nt_response.left);
    rd_init(&r, copy, a.nt_response.left);
    copy[16] = 2;
    assert_int_equal(ntlmv2_response_read(r, &v, NULL), SP_EVALUE);
    copy[16] = 1;
    copy[17] = 2;
    assert_int_equal(ntlmv2_response_read(r, &v, NULL), SP_EVALUE);
    free(copy);
    rd_init(&r, big, sizeof(big));
    assert_int_equal(ntlmv2_response_read(r, &v, NULL), SP_ELIMIT);
}

static void policy_accepts_the_capture(void **state)
{
    struct rd info;
    struct ntlm_authenticate a = captured(&info);
    struct ntlm_facts facts;

    (void)state;
    assert_int_equal(ntlm_authenticate_check(&a, info, &facts, NULL), SP_OK);
    assert_true(facts.timestamp == TIMESTAMP);
    assert_true(facts.has_spn);
    assert_int_equal(facts.spn.left, 2 * strlen("TERMSRV/127.0.0.1"));
    assert_false(facts.is_spn_untrusted);
    assert_false(facts.has_channel_bindings);
}

static enum sp_err check(const struct ntlm_authenticate *a, struct rd info)
{
    struct ntlm_facts facts;
    struct sp_fail fail = {0};
    enum sp_err err = ntlm_authenticate_check(a, info, &facts, &fail);

    assert_int_equal(fail.code, err);
    return err;
}

static void policy_refuses_flags(void **state)
{
    struct rd info;
    struct ntlm_authenticate good = captured(&info), a;

    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        a = good;
        a.flags &= ~(1u << bit);
        assert_int_equal(check(&a, info), NTLM_FLAGS_REQUIRED & 1u << bit ? SP_EDENIED : SP_OK);
    }
    a = good;
    a.flags |= NTLMSSP_ANONYMOUS;
    assert_int_equal(check(&a, info), SP_EDENIED);
}

static void policy_refuses_shapes(void **state)
{
    struct rd info;
    struct ntlm_authenticate good = captured(&info), a;

    (void)state;
    for (size_t size = 0; size <= 24; size++) { /* none, LM alone, NTLMv1 */
        a = good;
        a.nt_response.left = size;
        assert_int_equal(check(&a, info), SP_EDENIED);
    }
    for (size_t size = 25; size < 44; size++) {
        a = good;
        a.nt_response.left = size;
        assert_int_equal(check(&a, info), SP_ESHORT);
    }
    a = good;
    a.user.left = 0;
    assert_int_equal(check(&a, info), SP_EDENIED);
    a = good;
    a.encrypted_random_session_key.left = 0;
    assert_int_equal(check(&a, info), SP_EDENIED);
    a.encrypted_random_session_key.left = 8;
    assert_int_equal(check(&a, info), SP_EDENIED);
    a = good;
    a.has_mic = false;
    assert_int_equal(check(&a, info), SP_EDENIED);
}

/* Change one byte of the response's AV pairs; at counts from the response's start. */
static enum sp_err check_changed(size_t at, uint8_t value, struct ntlm_facts *facts)
{
    struct rd info;
    struct ntlm_authenticate a = captured(&info);
    uint8_t *copy = vector_prefix(a.nt_response.at, a.nt_response.left);
    enum sp_err err;

    copy[at] = value;
    rd_init(&a.nt_response, copy, a.nt_response.left);
    err = ntlm_authenticate_check(&a, info, facts, NULL);
    facts->spn = (struct rd){0};
    free(copy);
    return err;
}

static void policy_refuses_changed_pairs(void **state)
{
    /* the response: proof 16, temp's head 28, then 2 1 4 3 (8 each), 7 (12), 6 (8), A (20), 9 */
    const size_t pairs = 44, timestamp = pairs + 32, flags = timestamp + 12, cbt = flags + 8;
    struct ntlm_facts facts;

    (void)state;
    assert_int_equal(check_changed(pairs + 4, 'X', &facts), SP_EVALUE);
    assert_int_equal(check_changed(pairs, 5, &facts), SP_EVALUE);
    assert_int_equal(check_changed(timestamp + 5, 1, &facts), SP_EVALUE);
    assert_int_equal(check_changed(flags + 4, 0, &facts), SP_EDENIED); /* CVE-2019-1040 */
    assert_int_equal(check_changed(flags + 4, 1, &facts), SP_EDENIED);
    assert_int_equal(check_changed(flags, 8, &facts), SP_EDENIED); /* no flags at all */
    assert_int_equal(check_changed(flags + 2, 8, &facts), SP_EDENIED);
    assert_int_equal(check_changed(flags + 2, 0xFF, &facts), SP_ESHORT);
    assert_int_equal(check_changed(flags + 4, 6, &facts), SP_OK);
    assert_true(facts.is_spn_untrusted);
    assert_int_equal(check_changed(cbt + 4 + 15, 1, &facts), SP_OK);
    assert_true(facts.has_channel_bindings);
    assert_int_equal(facts.channel_bindings[15], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(find),
        cmocka_unit_test(server_info_is_that_of_the_capture),
        cmocka_unit_test(client_info_is_that_of_the_capture),
        cmocka_unit_test(client_info_replaces),
        cmocka_unit_test(client_info_refuses),
        cmocka_unit_test(responses),
        cmocka_unit_test(policy_accepts_the_capture),
        cmocka_unit_test(policy_refuses_flags),
        cmocka_unit_test(policy_refuses_shapes),
        cmocka_unit_test(policy_refuses_changed_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
