/* SPDX-License-Identifier: Apache-2.0
 * The binding to the target's TLS key, against the captured exchange and against liars.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/target_binding.h"
#include "support/nla.h"

static struct target_binding fresh(void)
{
    struct target_binding b = {.size = 0};

    memcpy(b.exported_key, nla_golden("ntlm_values/freerdp_exported_key").data, NTLM_KEY_SIZE);
    return b;
}

static size_t make(struct target_binding *b, uint32_t version, uint8_t *out)
{
    struct golden nonce = nla_golden("credssp_values/freerdp_nonce");
    struct golden key = nla_golden("credssp_values/freerdp_public_key");

    return target_binding_make(b, version, nonce.data, key.data, key.size, out);
}

static void seals_and_judges_as_captured(void **state)
{
    struct golden ours = nla_golden("credssp_values/freerdp_pub_key_auth_client");
    struct golden theirs = nla_golden("credssp_values/freerdp_pub_key_auth_server");
    uint8_t out[NTLM_SIGNATURE_SIZE + TARGET_BINDING_KEY_MAX];
    struct target_binding b = fresh();

    (void)state;
    assert_int_equal(make(&b, 6, out), ours.size);
    assert_memory_equal(out, ours.data, ours.size);
    assert_int_equal(b.size, CREDSSP_BINDING_SIZE);
    assert_int_equal(target_binding_check(&b, theirs.data, theirs.size), TARGET_ECHO_GOOD);
    assert_int_equal(target_binding_check(&b, ours.data, ours.size), TARGET_ECHO_UNSIGNED);
    for (size_t i = 0; i < theirs.size; i++) {
        theirs.data[i] ^= 1;
        assert_int_equal(target_binding_check(&b, theirs.data, theirs.size), TARGET_ECHO_UNSIGNED);
        theirs.data[i] ^= 1;
    }
    assert_int_equal(target_binding_check(&b, theirs.data, theirs.size - 1), TARGET_ECHO_UNSIGNED);
    b.size = TARGET_BINDING_KEY_MAX + 1;
    assert_int_equal(target_binding_check(&b, theirs.data, theirs.size), TARGET_ECHO_UNSIGNED);
}

/* Versions 2 to 4: the key itself goes there, and comes back with its first byte one higher. */
static void older_versions_bind_the_key_itself(void **state)
{
    struct golden key = nla_golden("credssp_values/freerdp_public_key");
    uint8_t out[NTLM_SIGNATURE_SIZE + TARGET_BINDING_KEY_MAX], plain[TARGET_BINDING_KEY_MAX];
    uint8_t echo[sizeof(out)];
    struct target_binding b = fresh();
    struct ntlm_seal target;

    (void)state;
    for (uint8_t more = 0; more < 3; more++) {
        size_t size = make(&b, 4, out);

        assert_int_equal(size, NTLM_SIGNATURE_SIZE + key.size);
        ntlm_seal_init(&target, b.exported_key, true);
        assert_int_equal(ntlm_unwrap(&target, out, size, plain, NULL), SP_OK);
        assert_memory_equal(plain, key.data, key.size);
        plain[0] = (uint8_t)(plain[0] + more);
        ntlm_wrap(&target, plain, key.size, echo);
        assert_int_equal(target_binding_check(&b, echo, size),
                         more == 1 ? TARGET_ECHO_GOOD : TARGET_ECHO_OTHER);
    }
}

/* A target that has the session's key but shows another TLS key than it has: a relay. */
static void another_binding_is_told_from_a_forged_one(void **state)
{
    struct golden hash = nla_golden("credssp_values/freerdp_client_server_hash");
    uint8_t out[NTLM_SIGNATURE_SIZE + TARGET_BINDING_KEY_MAX], echo[NTLM_SIGNATURE_SIZE + 32];
    struct target_binding b = fresh();
    struct ntlm_seal target;

    (void)state;
    make(&b, 5, out);
    ntlm_seal_init(&target, b.exported_key, true);
    ntlm_wrap(&target, hash.data, hash.size, echo); /* ours, sent back */
    assert_int_equal(target_binding_check(&b, echo, sizeof(echo)), TARGET_ECHO_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals_and_judges_as_captured),
        cmocka_unit_test(older_versions_bind_the_key_itself),
        cmocka_unit_test(another_binding_is_told_from_a_forged_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
