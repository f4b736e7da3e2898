/* SPDX-License-Identifier: Apache-2.0
 * Second factors: enrolment, checks and their limits, rows there and back.
 */
#include "keeper/factors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define STEP   (TOTP_STEP_S * SECOND)
#define NOON   (INT64_C(1764072000) * SECOND)

static struct factors f;
static struct factors_challenge challenge;
static bool must_store;

static void code_at(int64_t at_us, char out[9])
{
    assert_int_equal(totp_code(factors_find(&f, "alice")->totp.secret, TOTP_SECRET_SIZE,
                               at_us / STEP, TOTP_DIGITS, out),
                     SP_OK);
}

static enum factors_verdict check(const char *code, int64_t now_us)
{
    return factors_check(&f, "Alice", code, now_us, &challenge, &must_store);
}

/* alice, confirmed by the code of NOON. */
static int begin(void **state)
{
    struct factor *made;
    char code[9];

    (void)state;
    challenge = (struct factors_challenge){0};
    if (factors_enrol(&f, "alice", NOON, &made) != SP_OK)
        return -1;
    code_at(NOON, code);
    return factors_confirm(&f, "alice", code, NOON) == SP_OK ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    factors_clear(&f);
    return 0;
}

static void good_once(void **state)
{
    char code[9];

    (void)state;
    code_at(NOON, code);
    assert_int_equal(check(code, NOON), FACTORS_REUSED); /* enrolment used it up */
    code_at(NOON + STEP, code);
    assert_int_equal(check(code, NOON + STEP), FACTORS_PROVEN);
    assert_true(must_store);
    assert_int_equal(factors_find(&f, "ALICE")->proven_us, NOON + STEP);
    assert_int_equal(check(code, NOON + STEP), FACTORS_REUSED);
    assert_true(must_store);
}

static void five_tries_a_challenge(void **state)
{
    char code[9];

    (void)state;
    code_at(NOON + STEP, code);
    for (int i = 0; i < FACTORS_TRIES_MAX; i++)
        assert_int_equal(check("no code", NOON), FACTORS_WRONG);
    assert_int_equal(check(code, NOON + STEP), FACTORS_ENOUGH);
    assert_false(must_store);
    challenge = (struct factors_challenge){0};
    assert_int_equal(check(code, NOON + STEP), FACTORS_PROVEN);
}

static void twenty_in_a_row_lock(void **state)
{
    struct factor *made;
    char code[9];

    (void)state;
    code_at(NOON + STEP, code);
    for (int i = 0; i < TOTP_FAILURES_MAX; i++) {
        challenge = (struct factors_challenge){0};
        assert_int_equal(check("000", NOON), FACTORS_WRONG);
    }
    challenge = (struct factors_challenge){0};
    assert_int_equal(check(code, NOON + STEP), FACTORS_LOCKED);
    assert_int_equal(factors_enrol(&f, "alice", NOON, &made), SP_ESTATE); /* no way around it */
    factors_remove(&f, factors_find(&f, "alice"));
    assert_int_equal(factors_enrol(&f, "alice", NOON, &made), SP_OK);
}

static void nobody_and_unconfirmed(void **state)
{
    struct factor *made;

    (void)state;
    assert_int_equal(factors_check(&f, "bob", "123456", NOON, &challenge, &must_store),
                     FACTORS_NONE);
    assert_int_equal(factors_enrol(&f, "bob", NOON, &made), SP_OK);
    assert_int_equal(factors_check(&f, "bob", "123456", NOON, &challenge, &must_store),
                     FACTORS_NONE);
    assert_false(must_store);
}

static void enrolments_that_fail(void **state)
{
    struct factor *made;

    (void)state;
    assert_int_equal(factors_enrol(&f, "", NOON, &made), SP_EVALUE);
    assert_int_equal(factors_enrol(&f, "a#b", NOON, &made), SP_EVALUE);
    assert_int_equal(factors_confirm(&f, "bob", "123456", NOON), SP_ESTATE);
    assert_int_equal(factors_confirm(&f, "alice", "123456", NOON), SP_ESTATE);
    assert_int_equal(factors_enrol(&f, "bob", NOON, &made), SP_OK);
    assert_int_equal(factors_confirm(&f, "bob", "1", NOON + FACTORS_UNCONFIRMED_US + 1), SP_ETIME);
    for (int i = 0; i < FACTORS_TRIES_MAX; i++)
        assert_int_equal(factors_confirm(&f, "bob", "1", NOON), SP_ECRYPTO);
    assert_int_equal(factors_confirm(&f, "bob", "1", NOON), SP_ELIMIT);
    assert_int_equal(factors_enrol(&f, "BOB", NOON, &made), SP_OK); /* anew */
    assert_string_equal(made->user, "bob");
    assert_int_equal(made->totp.failures, 0);
}

static void rows_there_and_back(void **state)
{
    static const char *const damage[] = {
        "{\"user\":\"bob\"}",      "{\"user\":1}",       "{\"kind\":\"sms\"}",
        "{\"confirmed\":1}",       "{\"failures\":-1}",  "{\"failures\":21}",
        "{\"last_step\":-1}",      "{\"last_step\":-2}", "{\"seen0\":\"0\"}",
        "{\"enrolled_us\":\"x\"}", "{\"proven_us\":-1}"};
    struct factor *alice = factors_find(&f, "alice");
    struct factors g = {0};
    char id[FACTORS_ID_SIZE];

    (void)state;
    alice->totp.seen[1] = UINT64_C(0x8000000000000001);
    factors_id(alice, id);
    assert_string_equal(id, "totp:alice");
    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        json_t *body = factors_body(alice), *bad = json_loads(damage[i], 0, NULL);

        json_object_update(body, bad);
        assert_int_equal(factors_load(&g, id, body, alice->totp.secret, 20), SP_EVALUE);
        json_decref(body);
        json_decref(bad);
    }
    json_t *body = factors_body(alice);
    assert_int_equal(factors_load(&g, "totp:bob", body, alice->totp.secret, 20), SP_EVALUE);
    assert_int_equal(factors_load(&g, id, body, alice->totp.secret, 19), SP_EVALUE);
    assert_int_equal(g.count, 0);
    assert_int_equal(factors_load(&g, id, body, alice->totp.secret, 20), SP_OK);
    assert_int_equal(factors_load(&g, id, body, alice->totp.secret, 20), SP_EVALUE);
    assert_memory_equal(&g.list[0], alice, sizeof(*alice));
    json_decref(body);
    factors_clear(&g);
}

static void verdicts_have_words(void **state)
{
    (void)state;
    for (int i = 0; i < FACTORS_VERDICT_COUNT; i++)
        assert_string_not_equal(factors_verdict_name((enum factors_verdict)i), "?");
    assert_string_equal(factors_verdict_name(FACTORS_VERDICT_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_once, begin, finish),
        cmocka_unit_test_setup_teardown(five_tries_a_challenge, begin, finish),
        cmocka_unit_test_setup_teardown(twenty_in_a_row_lock, begin, finish),
        cmocka_unit_test_setup_teardown(nobody_and_unconfirmed, begin, finish),
        cmocka_unit_test_setup_teardown(enrolments_that_fail, begin, finish),
        cmocka_unit_test_setup_teardown(rows_there_and_back, begin, finish),
        cmocka_unit_test(verdicts_have_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
