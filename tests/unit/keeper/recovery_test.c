/* SPDX-License-Identifier: Apache-2.0
 * Recovery codes and the portal's passwords: what is kept is a hash, and a code is good once.
 */
#include "keeper/recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "keeper/portal_hash.h"

static void each_code_once(void **state)
{
    char codes[RECOVERY_CODES][RECOVERY_CODE_SIZE];
    uint8_t hash[RECOVERY_HASH_SIZE];
    struct recovery r, before;

    (void)state;
    recovery_codes(codes);
    assert_int_equal(recovery_make(codes, &r), SP_OK);
    assert_int_equal(recovery_left(&r), RECOVERY_CODES);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(recovery_hash(r.salt, codes[i], hash), SP_OK);
        assert_int_equal(recovery_use(&r, hash), SP_OK);
        before = r;
        assert_int_equal(recovery_use(&r, hash), SP_ESTATE);
        assert_memory_equal(&r, &before, sizeof(r));
    }
    assert_int_equal(recovery_left(&r), RECOVERY_CODES - 2);
    hash[0] ^= 1;
    assert_int_equal(recovery_use(&r, hash), SP_ECRYPTO);
    assert_int_equal(recovery_hash(r.salt, "0000-0000-0000-0000", hash), SP_OK);
    assert_int_equal(recovery_use(&r, hash), SP_ECRYPTO);
    assert_int_equal(recovery_left(&r), RECOVERY_CODES - 2);
}

static void codes_differ_and_are_read_as_typed(void **state)
{
    static const char *const bad[] = {"", "0123-4567-89ab-cde", "0123-4567-89ab-cdefg",
                                      "0123-4567-89ab-cdeu", "0123-4567-89ab-cde\n"};
    char codes[RECOVERY_CODES][RECOVERY_CODE_SIZE], out[RECOVERY_CODE_SIZE];

    (void)state;
    recovery_codes(codes);
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        assert_int_equal(recovery_read(codes[i], out), SP_OK);
        assert_string_equal(out, codes[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(codes[i], codes[j]);
    }
    assert_int_equal(recovery_read(" OIL3 4567-89ABcdef", out), SP_OK);
    assert_string_equal(out, "0113-4567-89ab-cdef");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(recovery_read(bad[i], out), SP_EVALUE);
    assert_string_equal(out, "0113-4567-89ab-cdef");
}

static void passwords_and_their_upgrade(void **state)
{
    static const struct portal_cost old = {1, 8192u * 1024u};
    char hash[PORTAL_HASH_SIZE], upgraded[PORTAL_HASH_SIZE] = "as it was", again[PORTAL_HASH_SIZE];

    (void)state;
    assert_int_equal(portal_hash_make("correct horse", &old, hash), SP_OK);
    assert_non_null(strstr(hash, "$argon2id$"));
    assert_int_equal(portal_hash_check(hash, "wrong horse", true, upgraded), SP_ECRYPTO);
    assert_int_equal(portal_hash_check(hash, "correct horse", false, upgraded), SP_ECRYPTO);
    assert_int_equal(portal_hash_check("no hash", "correct horse", true, upgraded), SP_ECRYPTO);
    assert_string_equal(upgraded, "as it was");
    assert_int_equal(portal_hash_check(hash, "correct horse", true, upgraded), SP_OK);
    assert_non_null(strstr(upgraded, "m=19456,t=2"));
    assert_int_equal(portal_hash_check(upgraded, "correct horse", true, again), SP_OK);
    assert_string_equal(again, "");
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_once),
        cmocka_unit_test(codes_differ_and_are_read_as_typed),
        cmocka_unit_test(passwords_and_their_upgrade),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
