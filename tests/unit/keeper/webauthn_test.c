/* SPDX-License-Identifier: Apache-2.0
 * WebAuthn: keys of each algorithm register and answer; everything else is refused, and says why.
 */
#include "keeper/webauthn.h"

#include <fido.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/authenticator.h"
#include "support/vector.h"

#define NOON INT64_C(1764072000000000)

static const struct webauthn_site site = {"gate.example", "https://gate.example:8443", true};
static const uint8_t handle[] = {1, 2, 3, 4}, other_handle[] = {1, 2, 3, 5};
static struct authenticator a;
static uint8_t object[WEBAUTHN_OBJECT_MAX], asked[WEBAUTHN_CHALLENGE_SIZE];
static size_t object_size;
static struct webauthn_registration reg;
static struct webauthn_assertion got;
static struct webauthn_key key;
static const char *why;

static void fresh(enum webauthn_alg alg)
{
    authenticator_init(&a, alg, site.rp_id, site.origin);
    memcpy(asked, a.challenge, sizeof(asked));
}

static enum sp_err create(const char *format)
{
    object_size = authenticator_create(&a, format, object, &reg);
    return webauthn_attestation_read(object, object_size, &reg);
}

static enum sp_err registered(const char *format)
{
    enum sp_err err = create(format);

    if (err != SP_OK)
        return err;
    return webauthn_register(&site, asked, &reg, handle, sizeof(handle), &key, &why);
}

static enum sp_err answered(void)
{
    enum sp_err err = authenticator_get(&a, &got);

    return err != SP_OK ? err : webauthn_assert(&site, asked, &got, &key, &why);
}

/* ---- what is accepted ---- */

static void keys_of_each_algorithm(void **state)
{
    static const enum webauthn_alg algs[] = {WEBAUTHN_ES256, WEBAUTHN_RS256, WEBAUTHN_EDDSA};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (int packed = 0; packed < 2; packed++) {
            fresh(algs[i]);
            assert_int_equal(registered(packed ? "packed" : "none"), SP_OK);
            assert_int_equal(key.alg, algs[i]);
            assert_int_equal(key.sign_count, 1);
            a.sign_count = 2;
            assert_int_equal(answered(), SP_OK);
            assert_int_equal(key.sign_count, 2);
            assert_true(webauthn_is_known(&key, 1, a.id, a.id_size));
            assert_false(webauthn_is_known(&key, 1, a.id, a.id_size - 1));
            authenticator_clear(&a);
        }
    }
}

static void authenticators_without_a_counter_and_with_extensions(void **state)
{
    static const uint8_t extensions[] = {0xa1, 0x63, 'c', 'r', 'p', 0x02};

    (void)state;
    fresh(WEBAUTHN_ES256);
    a.sign_count = 0;
    assert_int_equal(registered("none"), SP_OK);
    assert_int_equal(answered(), SP_OK);
    a.flags |= 0x80;
    a.trail = extensions;
    a.trail_size = sizeof(extensions);
    assert_int_equal(answered(), SP_OK);
    got.handle_size = sizeof(handle);
    memcpy(got.handle, handle, sizeof(handle));
    assert_int_equal(webauthn_assert(&site, asked, &got, &key, &why), SP_OK);
    authenticator_clear(&a);
}

/* ---- registrations that are refused ---- */

struct bend {
    const char *name;
    void (*bend)(void);
    enum sp_err err;
    bool is_packed;
};

static const uint8_t junk[] = {0x00};

static void b_type(void)
{
    a.type = "webauthn.get";
}
static void b_type_create(void)
{
    a.type = "webauthn.create";
}
static void b_challenge(void)
{
    a.challenge[31] ^= 1;
}
static void b_origin(void)
{
    a.origin = "https://gate.example.evil:8443";
}
static void b_port(void)
{
    a.origin = "https://gate.example:8444";
}
static void b_scheme(void)
{
    a.origin = "http://gate.example:8443";
}
static void b_cross(void)
{
    a.more = ",\"crossOrigin\":true";
}
static void b_cross_text(void)
{
    a.more = ",\"crossOrigin\":\"no\"";
}
static void b_top(void)
{
    a.more = ",\"topOrigin\":\"https://evil.example\"";
}
static void b_twice(void)
{
    a.more = ",\"type\":\"webauthn.create\"";
}
static void b_no_json(void)
{
    a.more = ",";
}
static void b_rp(void)
{
    a.rp_id = "evil.example";
}
static void b_no_up(void)
{
    a.flags &= (uint8_t)~0x01u;
}
static void b_no_uv(void)
{
    a.flags &= (uint8_t)~0x04u;
}
static void b_bs_alone(void)
{
    a.flags |= 0x10;
}
static void b_backup(void)
{
    a.flags |= 0x18;
}
static void b_alg(void)
{
    a.alg = (enum webauthn_alg) - 37;
}
static void b_alg_of_other(void)
{
    a.alg = WEBAUTHN_RS256;
}
static void b_id_long(void)
{
    a.id_size = WEBAUTHN_ID_MAX + 1;
}
static void b_id_none(void)
{
    a.id_size = 0;
}
static void b_trail(void)
{
    a.trail = junk, a.trail_size = 1;
}
static void b_extension_lie(void)
{
    a.flags |= 0x80;
}
static void b_rollback(void)
{
    a.sign_count = 1;
}
static void b_zero(void)
{
    a.sign_count = 0;
}
static void b_other_id(void)
{
    a.id[0] ^= 1;
}

static void registrations_that_are_refused(void **state)
{
    static const struct bend bends[] = {
        {"type", b_type, SP_EDENIED, false},
        {"challenge", b_challenge, SP_EDENIED, false},
        {"origin", b_origin, SP_EDENIED, false},
        {"port", b_port, SP_EDENIED, false},
        {"scheme", b_scheme, SP_EDENIED, false},
        {"crossOrigin", b_cross, SP_EDENIED, false},
        {"crossOrigin as text", b_cross_text, SP_EDENIED, false},
        {"topOrigin", b_top, SP_EDENIED, false},
        {"a field twice", b_twice, SP_EDENIED, false},
        {"no JSON", b_no_json, SP_EDENIED, false},
        {"rpIdHash", b_rp, SP_EDENIED, false},
        {"UP", b_no_up, SP_EDENIED, false},
        {"UV", b_no_uv, SP_EDENIED, false},
        {"BS without BE", b_bs_alone, SP_EDENIED, false},
        {"alg that was not offered", b_alg, SP_EDENIED, false},
        {"alg of another key", b_alg_of_other, SP_EVALUE, false},
        {"id too long", b_id_long, SP_ELIMIT, false},
        {"id missing", b_id_none, SP_ELIMIT, false},
        {"trailing bytes", b_trail, SP_ETRAIL, false},
        {"extensions that are not there", b_extension_lie, SP_ESHORT, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
        fresh(WEBAUTHN_ES256);
        memset(&key, 0, sizeof(key));
        bends[i].bend();
        why = "";
        enum sp_err err = registered(bends[i].is_packed ? "packed" : "none");
        if (err != bends[i].err)
            fail_msg("%s: %s (%s)", bends[i].name, sp_err_name(err), why);
        assert_int_equal(key.id_size, 0);
        authenticator_clear(&a);
    }
}

static void attestations_that_are_refused(void **state)
{
    (void)state;
    fresh(WEBAUTHN_ES256);
    assert_int_equal(create("fido-u2f"), SP_EVALUE);
    assert_int_equal(create("packed"), SP_OK);
    reg.signature[10] ^= 1;
    assert_int_equal(webauthn_register(&site, asked, &reg, handle, 4, &key, &why), SP_ECRYPTO);
    assert_int_equal(create("packed"), SP_OK);
    reg.statement_alg = WEBAUTHN_RS256;
    assert_int_equal(webauthn_register(&site, asked, &reg, handle, 4, &key, &why), SP_ECRYPTO);
    assert_int_equal(create("packed"), SP_OK);
    memset(reg.x509, 0x30, 64);
    reg.x509_size = 64;
    assert_int_equal(webauthn_register(&site, asked, &reg, handle, 4, &key, &why), SP_ECRYPTO);
    assert_int_equal(create("packed"), SP_OK);
    reg.client[reg.client_size - 1] = ' '; /* signed over other data */
    assert_int_equal(webauthn_register(&site, asked, &reg, handle, 4, &key, &why), SP_EDENIED);
    assert_int_equal(create("none"), SP_OK);
    assert_int_equal(webauthn_register(&site, asked, &reg, handle, 0, &key, &why), SP_EVALUE);
    reg.auth.has_credential = false;
    assert_int_equal(webauthn_register(&site, asked, &reg, handle, 4, &key, &why), SP_EVALUE);
    object_size = authenticator_create(&a, "none", object, &reg);
    object[object_size] = 0;
    assert_int_equal(webauthn_attestation_read(object, object_size + 1, &reg), SP_ETRAIL);
    authenticator_clear(&a);
}

/* ---- assertions that are refused ---- */

static void assertions_that_are_refused(void **state)
{
    static const struct bend bends[] = {
        {"type", b_type_create, SP_EDENIED, false},
        {"challenge", b_challenge, SP_EDENIED, false},
        {"origin", b_origin, SP_EDENIED, false},
        {"port", b_port, SP_EDENIED, false},
        {"scheme", b_scheme, SP_EDENIED, false},
        {"crossOrigin", b_cross, SP_EDENIED, false},
        {"topOrigin", b_top, SP_EDENIED, false},
        {"no JSON", b_no_json, SP_EDENIED, false},
        {"rpIdHash", b_rp, SP_EDENIED, false},
        {"UP", b_no_up, SP_EDENIED, false},
        {"UV", b_no_uv, SP_EDENIED, false},
        {"BS without BE", b_bs_alone, SP_EDENIED, false},
        {"BE changed", b_backup, SP_EDENIED, false},
        {"counter stays", b_rollback, SP_EDENIED, false},
        {"counter falls", b_zero, SP_EDENIED, false},
        {"another key", b_other_id, SP_EDENIED, false},
        {"trailing bytes", b_trail, SP_ETRAIL, false},
    };
    struct webauthn_key before;

    (void)state;
    fresh(WEBAUTHN_ES256);
    assert_int_equal(registered("none"), SP_OK);
    a.sign_count = 2;
    before = key;
    for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
        struct authenticator right = a;

        bends[i].bend();
        why = "";
        enum sp_err err = answered();
        if (err != bends[i].err)
            fail_msg("%s: %s (%s)", bends[i].name, sp_err_name(err), why);
        assert_memory_equal(&key, &before, sizeof(key));
        a = right;
    }
    assert_int_equal(answered(), SP_OK);
    authenticator_clear(&a);
}

static void signatures_and_owners(void **state)
{
    struct authenticator mallory;

    (void)state;
    fresh(WEBAUTHN_ES256);
    assert_int_equal(registered("none"), SP_OK);
    a.sign_count = 2;
    assert_int_equal(authenticator_get(&a, &got), SP_OK);
    got.handle_size = sizeof(other_handle);
    memcpy(got.handle, other_handle, sizeof(other_handle));
    assert_int_equal(webauthn_assert(&site, asked, &got, &key, &why), SP_EDENIED);
    assert_string_equal(why, "the key is another person's");
    got.handle_size = 0;
    got.signature[got.signature_size - 1] ^= 1;
    assert_int_equal(webauthn_assert(&site, asked, &got, &key, &why), SP_ECRYPTO);
    got.signature[got.signature_size - 1] ^= 1;
    got.auth.raw[36] ^= 2; /* the counter, behind the signature's back */
    assert_int_equal(webauthn_assert(&site, asked, &got, &key, &why), SP_ECRYPTO);
    got.auth.raw[36] ^= 2;
    got.auth.has_credential = true;
    assert_int_equal(webauthn_assert(&site, asked, &got, &key, &why), SP_EVALUE);
    authenticator_init(&mallory, WEBAUTHN_ES256, site.rp_id, site.origin);
    memcpy(mallory.id, a.id, a.id_size);
    memcpy(mallory.challenge, asked, sizeof(asked));
    mallory.sign_count = 9;
    assert_int_equal(authenticator_get(&mallory, &got), SP_OK);
    assert_int_equal(webauthn_assert(&site, asked, &got, &key, &why), SP_ECRYPTO);
    assert_int_equal(key.sign_count, 1);
    authenticator_clear(&mallory);
    authenticator_clear(&a);
}

/* ---- reading ---- */

static void bytes_that_are_cut_or_changed(void **state)
{
    static struct webauthn_registration before, out;

    (void)state;
    fresh(WEBAUTHN_ES256);
    assert_int_equal(create("packed"), SP_OK);
    memset(&before, 0x5a, sizeof(before));
    for (size_t size = 0; size < object_size; size++) {
        uint8_t *cut = vector_prefix(object, size);

        out = before;
        assert_int_not_equal(webauthn_attestation_read(cut, size, &out), SP_OK);
        assert_memory_equal(&out, &before, sizeof(out));
        free(cut);
    }
    for (size_t i = 0; i < object_size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            object[i] ^= (uint8_t)(1u << bit);
            if (webauthn_attestation_read(object, object_size, &out) == SP_OK)
                assert_true(out.auth.raw_size <= WEBAUTHN_AUTH_MAX);
            object[i] ^= (uint8_t)(1u << bit);
        }
    }
    assert_int_equal(webauthn_attestation_read(object, WEBAUTHN_OBJECT_MAX + 1, &out), SP_ELIMIT);
    assert_int_equal(webauthn_auth_read(object, WEBAUTHN_AUTH_MAX + 1, &out.auth), SP_ELIMIT);
    authenticator_clear(&a);
}

/* ---- challenges ---- */

static void a_challenge_is_answered_once(void **state)
{
    static struct webauthn_challenges t;
    uint8_t c[WEBAUTHN_CHALLENGE_SIZE], d[WEBAUTHN_CHALLENGE_SIZE];
    unsigned good = 0;

    (void)state;
    assert_int_equal(webauthn_ask(&t, "alice", WEBAUTHN_GET, NOON, c), SP_OK);
    assert_int_equal(webauthn_ask(&t, "alice", WEBAUTHN_GET, NOON, d), SP_OK);
    for (int i = 0; i < 50; i++)
        good += webauthn_take(&t, c, "alice", WEBAUTHN_GET, NOON) == SP_OK ? 1u : 0u;
    assert_int_equal(good, 1);
    assert_int_equal(webauthn_take(&t, d, "bob", WEBAUTHN_GET, NOON), SP_EDENIED);
    assert_int_equal(webauthn_take(&t, d, "alice", WEBAUTHN_GET, NOON), SP_EDENIED); /* is gone */
    assert_int_equal(webauthn_ask(&t, "alice", WEBAUTHN_CREATE, NOON, c), SP_OK);
    assert_int_equal(webauthn_take(&t, c, "alice", WEBAUTHN_GET, NOON), SP_EDENIED);
    assert_int_equal(webauthn_ask(&t, "alice", WEBAUTHN_GET, NOON, c), SP_OK);
    int64_t late = NOON + WEBAUTHN_CHALLENGE_US + 1;
    assert_int_equal(webauthn_take(&t, c, "alice", WEBAUTHN_GET, late), SP_ETIME);
    assert_int_equal(webauthn_ask(&t, "", WEBAUTHN_GET, NOON, c), SP_EVALUE);
    memset(c, 0, sizeof(c));
    assert_int_equal(webauthn_take(&t, c, "", WEBAUTHN_GET, NOON), SP_EDENIED);
}

static void the_oldest_challenge_makes_room(void **state)
{
    static struct webauthn_challenges t;
    uint8_t first[WEBAUTHN_CHALLENGE_SIZE], c[WEBAUTHN_CHALLENGE_SIZE];

    (void)state;
    assert_int_equal(webauthn_ask(&t, "alice", WEBAUTHN_GET, NOON, first), SP_OK);
    for (int i = 1; i <= WEBAUTHN_CHALLENGES_MAX; i++)
        assert_int_equal(webauthn_ask(&t, "bob", WEBAUTHN_GET, NOON + i, c), SP_OK);
    assert_int_equal(webauthn_take(&t, first, "alice", WEBAUTHN_GET, NOON), SP_EDENIED);
    assert_int_equal(webauthn_take(&t, c, "bob", WEBAUTHN_GET, NOON), SP_OK);
}

static int start(void **state)
{
    (void)state;
    fido_init(0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_each_algorithm),
        cmocka_unit_test(authenticators_without_a_counter_and_with_extensions),
        cmocka_unit_test(registrations_that_are_refused),
        cmocka_unit_test(attestations_that_are_refused),
        cmocka_unit_test(assertions_that_are_refused),
        cmocka_unit_test(signatures_and_owners),
        cmocka_unit_test(bytes_that_are_cut_or_changed),
        cmocka_unit_test(a_challenge_is_answered_once),
        cmocka_unit_test(the_oldest_challenge_makes_room),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
