/* SPDX-License-Identifier: Apache-2.0
 * One-time passwords: the codes of RFC 6238, and each of them good once whatever the clock does.
 */
#include "keeper/totp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define NOON   (INT64_C(1764072000) * SECOND)

static void code_at(const struct totp *t, int64_t now_us, char out[9])
{
    assert_int_equal(
        totp_code(t->secret, sizeof(t->secret), now_us / (TOTP_STEP_S * SECOND), TOTP_DIGITS, out),
        SP_OK);
}

static enum totp_verdict try_at(struct totp *t, int64_t code_us, int64_t now_us)
{
    char code[9];

    code_at(t, code_us, code);
    return totp_check(t, code, now_us);
}

/* RFC 6238, appendix B, SHA-1. */
static void codes_of_the_rfc(void **state)
{
    static const struct {
        int64_t seconds;
        const char *code;
    } rfc[] = {{59, "94287082"},         {1111111109, "07081804"}, {1111111111, "14050471"},
               {1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"}};
    char out[9];

    (void)state;
    for (size_t i = 0; i < sizeof(rfc) / sizeof(rfc[0]); i++) {
        assert_int_equal(totp_code((const uint8_t *)"12345678901234567890", 20,
                                   rfc[i].seconds / TOTP_STEP_S, 8, out),
                         SP_OK);
        assert_string_equal(out, rfc[i].code);
    }
    assert_int_equal(totp_code((const uint8_t *)"1", 1, -1, 6, out), SP_EVALUE);
    assert_int_equal(totp_code((const uint8_t *)"1", 1, 1, 5, out), SP_EVALUE);
    assert_int_equal(totp_code((const uint8_t *)"1", 1, 1, 9, out), SP_EVALUE);
}

static void one_step_of_drift_and_no_more(void **state)
{
    (void)state;
    for (int64_t drift = -3; drift <= 3; drift++) {
        struct totp t;

        totp_init(&t);
        enum totp_verdict verdict = try_at(&t, NOON + drift * TOTP_STEP_S * SECOND, NOON);
        assert_int_equal(verdict, drift >= -1 && drift <= 1 ? TOTP_ACCEPTED : TOTP_WRONG);
        assert_int_equal(t.failures, verdict == TOTP_ACCEPTED ? 0 : 1);
    }
}

static void each_code_once(void **state)
{
    struct totp t;

    (void)state;
    totp_init(&t);
    assert_int_equal(try_at(&t, NOON, NOON), TOTP_ACCEPTED);
    assert_int_equal(try_at(&t, NOON, NOON), TOTP_REUSED);
    assert_int_equal(try_at(&t, NOON, NOON + 30 * SECOND), TOTP_REUSED);
    assert_int_equal(t.failures, 2);
    assert_int_equal(try_at(&t, NOON + 30 * SECOND, NOON + 30 * SECOND), TOTP_ACCEPTED);
    assert_int_equal(t.failures, 0);
}

/* An hour's codes are used; then the clock goes back, and none of them is good again. */
static void a_clock_that_steps_back(void **state)
{
    struct totp t;
    int64_t hour = 3600 * SECOND, step = TOTP_STEP_S * SECOND;

    (void)state;
    totp_init(&t);
    for (int64_t at = NOON; at < NOON + hour; at += 2 * step)
        assert_int_equal(try_at(&t, at, at), TOTP_ACCEPTED);
    for (int64_t at = NOON + hour - 2 * step; at > NOON + hour - 20 * step; at -= 2 * step) {
        assert_int_equal(try_at(&t, at, at), TOTP_REUSED);
        assert_int_equal(try_at(&t, at + step, at + step), TOTP_ACCEPTED);
    }
    assert_int_equal(try_at(&t, NOON - hour, NOON - hour), TOTP_REUSED); /* too long ago to say */
    assert_int_equal(try_at(&t, NOON + 9 * hour, NOON + 9 * hour), TOTP_ACCEPTED);
    assert_int_equal(try_at(&t, NOON + hour, NOON + hour), TOTP_REUSED);
}

static void what_is_typed(void **state)
{
    static const char *const bad[] = {"",       "12345",   "1234567",  "12345a",
                                      "-12345", "１23456", "123456\n", "000 00"};
    struct totp t;
    char code[9], spaced[16];

    (void)state;
    totp_init(&t);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(totp_check(&t, bad[i], NOON), TOTP_WRONG);
    assert_int_equal(totp_check(&t, "123456", -1), TOTP_WRONG);
    code_at(&t, NOON, code);
    snprintf(spaced, sizeof(spaced), " %.3s %.3s ", code, code + 3);
    assert_int_equal(totp_check(&t, spaced, NOON), TOTP_ACCEPTED);
}

static void twenty_failures_lock(void **state)
{
    struct totp t, before;
    char code[9], other[9];

    (void)state;
    totp_init(&t);
    code_at(&t, NOON, code);
    code_at(&t, NOON + 600 * SECOND, other);
    for (int i = 0; i < TOTP_FAILURES_MAX; i++)
        assert_int_equal(totp_check(&t, other, NOON), TOTP_WRONG);
    before = t;
    assert_int_equal(totp_check(&t, code, NOON), TOTP_LOCKED);
    assert_memory_equal(&t, &before, sizeof(t));
}

static void what_an_authenticator_scans(void **state)
{
    struct totp t = {.last_step = TOTP_NEVER_USED};
    char uri[TOTP_URI_SIZE], base32[TOTP_BASE32_SIZE], name[300];

    (void)state;
    memcpy(t.secret, "12345678901234567890", TOTP_SECRET_SIZE);
    totp_base32(&t, base32);
    assert_string_equal(base32, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_int_equal(totp_uri(&t, "Sallyport", "anna b\xc3\xa4r&x", uri), SP_OK);
    assert_string_equal(uri, "otpauth://totp/Sallyport:anna%20b%C3%A4r%26x?"
                             "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sallyport&"
                             "algorithm=SHA1&digits=6&period=30");
    memset(name, '/', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(totp_uri(&t, "Sallyport", name, uri), SP_ELIMIT);
    totp_clear(&t);
    assert_int_equal(t.secret[0], 0);
    assert_string_equal(totp_verdict_name(TOTP_LOCKED), "locked");
    assert_string_equal(totp_verdict_name(TOTP_VERDICT_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_the_rfc),
        cmocka_unit_test(one_step_of_drift_and_no_more),
        cmocka_unit_test(each_code_once),
        cmocka_unit_test(a_clock_that_steps_back),
        cmocka_unit_test(what_is_typed),
        cmocka_unit_test(twenty_failures_lock),
        cmocka_unit_test(what_an_authenticator_scans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
