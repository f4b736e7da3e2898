/* SPDX-License-Identifier: Apache-2.0
 * What a delivery is signed with, and what an answer means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "courier/courier_priv.h"

#define ID "000102030405060708090a0b0c0d0e0f"

static void sign(const char *secret, int64_t time_s, const char *body, char *out)
{
    post_sign((const uint8_t *)secret, strlen(secret), time_s, ID, (const uint8_t *)body,
              strlen(body), out);
}

static void a_signature_is_hmac_of_time_id_and_body(void **state)
{
    char out[POST_SIGNATURE_SIZE], other[POST_SIGNATURE_SIZE];

    (void)state;
    sign("0123456789abcdef", 1700000000, "{\"event\":\"x\"}", out);
    assert_string_equal(
        out, "t=1700000000,v1=9c1dd9ff5c13e069b0848fb070f8871a94777d2fdbdb7bc9250684b70db8ea38");
    sign("0123456789abcdeF", 1700000000, "{\"event\":\"x\"}", other);
    assert_string_not_equal(out, other);
    sign("0123456789abcdef", 1700000001, "{\"event\":\"x\"}", other);
    assert_string_not_equal(out + 12, other + 12);
}

static void the_longest_fits(void **state)
{
    static uint8_t body[IPC_COURIER_BODY_MAX];
    char out[POST_SIGNATURE_SIZE];

    (void)state;
    post_sign(body, BOOT_COURIER_SECRET_MAX, INT64_MAX, ID, body, sizeof(body), out);
    assert_int_equal(strlen(out), 2 + 19 + 4 + 64);
}

static void what_an_answer_means(void **state)
{
    (void)state;
    for (uint32_t status = 0; status < 1000; status++) {
        assert_int_equal(post_is_taken(status), status >= 200 && status < 300);
        assert_false(post_is_taken(status) && post_is_final(status));
    }
    assert_true(post_is_final(400) && post_is_final(422));
    /* Worth another try: not found yet, not allowed yet, too many, broken, or no answer at all. */
    assert_false(post_is_final(0) || post_is_final(301) || post_is_final(401) ||
                 post_is_final(404) || post_is_final(408) || post_is_final(429) ||
                 post_is_final(500) || post_is_final(503));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_hmac_of_time_id_and_body),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(what_an_answer_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
