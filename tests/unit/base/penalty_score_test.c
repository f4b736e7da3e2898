/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of penalties on a virtual clock: a reference table, growth, melting, the cap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/penalty.h"

#define N         PENALTY_NO_AUTH
#define A         PENALTY_AUTH_FAILED
#define V         PENALTY_VIOLATION
#define C         PENALTY_CRASH
#define X         PENALTY_EXPLOIT
#define STEPS_MAX 14

/* One offence: seconds since the one before, cause, how often at once. */
struct step {
    uint32_t after_s;
    enum penalty_cause cause;
    uint32_t times;
};

/* BF-02: what is left right after the last step, in ms, and whether the source is refused then. */
struct reference {
    uint32_t scale;
    int64_t left_ms;
    uint32_t is_refusing, strikes;
    struct step steps[STEPS_MAX];
    size_t count;
};

#define CASE(scale, left_ms, refusing, strikes, ...)                                               \
    {                                                                                              \
        scale, left_ms, refusing, strikes, {__VA_ARGS__},                                          \
            sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step)                             \
    }

static const struct reference references[] = {
    /* one of each */
    CASE(1, 1000, 0, 0, {0, N, 1}),
    CASE(1, 5000, 0, 1, {0, A, 1}),
    CASE(1, 10000, 0, 1, {0, V, 1}),
    CASE(1, 90000, 1, 1, {0, C, 1}),
    CASE(1, 600000, 1, 1, {0, X, 1}),
    /* they add up */
    CASE(1, 10000, 0, 2, {0, A, 1}, {0, A, 1}),
    CASE(1, 15000, 1, 3, {0, A, 1}, {0, A, 1}, {0, A, 1}),
    CASE(1, 15000, 1, 2, {0, V, 1}, {0, A, 1}),
    CASE(1, 20000, 1, 2, {0, V, 1}, {0, V, 1}),
    CASE(1, 95000, 1, 2, {0, C, 1}, {0, A, 1}),
    CASE(1, 2000, 0, 0, {0, N, 1}, {0, N, 1}),
    CASE(1, 14000, 0, 0, {0, N, 14}),
    CASE(1, 15000, 1, 0, {0, N, 15}),
    CASE(1, 6000, 0, 1, {0, A, 1}, {0, N, 1}),
    CASE(1, 15000, 1, 1, {0, V, 1}, {0, N, 5}),
    /* growth after three strikes */
    CASE(1, 25000, 1, 4, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}),
    CASE(1, 45000, 1, 5, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}),
    CASE(1, 85000, 1, 6, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}),
    CASE(1, 165000, 1, 7, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1},
         {0, A, 1}),
    CASE(1, 325000, 1, 8, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1},
         {0, A, 1}, {0, A, 1}),
    CASE(1, 600000, 1, 9, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1},
         {0, A, 1}, {0, A, 1}, {0, A, 1}),
    CASE(1, 50000, 1, 4, {0, V, 1}, {0, V, 1}, {0, V, 1}, {0, V, 1}),
    CASE(1, 450000, 1, 4, {0, C, 1}, {0, C, 1}, {0, C, 1}, {0, C, 1}),
    CASE(1, 600000, 1, 5, {0, C, 1}, {0, C, 1}, {0, C, 1}, {0, C, 1}, {0, C, 1}),
    CASE(1, 25000, 1, 4, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, N, 0}),
    /* silence never grows and leaves no strike */
    CASE(1, 100000, 1, 0, {0, N, 100}),
    CASE(1, 16000, 1, 3, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, N, 1}),
    CASE(1, 11000, 0, 2, {0, N, 1}, {0, A, 1}, {0, A, 1}),
    /* the cap */
    CASE(1, 600000, 1, 0, {0, N, 4000000000u}),
    CASE(1, 600000, 1, 2, {0, X, 1}, {0, X, 1}),
    CASE(1, 600000, 1, 2, {0, X, 1}, {300, X, 1}),
    CASE(1, 600000, 1, 2, {0, X, 1}, {0, A, 1}),
    CASE(1, 305000, 1, 2, {0, X, 1}, {300, A, 1}),
    /* melting */
    CASE(1, 6000, 0, 2, {0, A, 1}, {4, A, 1}),
    CASE(1, 5000, 0, 2, {0, A, 1}, {5, A, 1}),
    CASE(1, 5000, 0, 2, {0, A, 1}, {60, A, 1}),
    CASE(1, 13000, 0, 3, {0, A, 1}, {1, A, 1}, {1, A, 1}),
    CASE(1, 1000, 0, 0, {0, N, 1}, {1, N, 1}),
    CASE(1, 500000, 1, 1, {0, X, 1}, {100, N, 0}),
    CASE(1, 5000, 0, 1, {0, X, 1}, {600, A, 1}),
    CASE(1, 10000, 0, 4, {0, A, 1}, {0, A, 1}, {0, A, 1}, {15, A, 1}),
    CASE(1, 30000, 1, 5, {0, A, 1}, {0, A, 1}, {0, A, 1}, {15, A, 1}, {0, A, 1}),
    CASE(1, 19000, 1, 3, {0, V, 1}, {1, A, 1}, {0, A, 1}),
    CASE(1, 8000, 1, 3, {0, A, 1}, {0, A, 1}, {0, A, 1}, {8, N, 1}), /* refused until it is 0 */
    /* strikes are forgotten, one in ten minutes */
    CASE(1, 5000, 0, 1, {0, A, 1}, {600, A, 1}),
    CASE(1, 5000, 0, 2, {0, A, 1}, {599, A, 1}),
    CASE(1, 5000, 0, 3, {0, A, 1}, {0, A, 1}, {0, A, 1}, {600, A, 1}),
    CASE(1, 10000, 0, 4, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {600, A, 1}),
    CASE(1, 5000, 0, 1, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {6000, A, 1}),
    /* an IPv6 /56 bears four times as much */
    CASE(4, 1250, 0, 1, {0, A, 1}),
    CASE(4, 22500, 1, 1, {0, C, 1}),
    CASE(4, 150000, 1, 1, {0, X, 1}),
    CASE(4, 15000, 1, 12, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1},
         {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}),
    CASE(4, 17500, 1, 13, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1},
         {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}, {0, A, 1}),
};
#define REFERENCE_COUNT (sizeof(references) / sizeof(references[0]))
_Static_assert(REFERENCE_COUNT >= 50, "BF-02 wants fifty");

static void arithmetic_matches_the_reference(void **state)
{
    struct penalty_rules rules = penalty_defaults();

    (void)state;
    for (size_t i = 0; i < REFERENCE_COUNT; i++) {
        const struct reference *r = &references[i];
        struct penalty_score score = {0};
        int64_t now = 5000000;

        for (size_t j = 0; j < r->count; j++) {
            now += (int64_t)r->steps[j].after_s * 1000;
            penalty_score_add(&score, &rules, r->steps[j].cause, r->steps[j].times, r->scale, now);
        }
        if (score.until_ms - now != r->left_ms || score.is_refusing != r->is_refusing ||
            score.strikes != r->strikes)
            fail_msg("case %zu: left %lld refusing %u strikes %u", i,
                     (long long)(score.until_ms - now), score.is_refusing, score.strikes);
    }
}

/* BF-01: verdicts that a source gets that tries as soon as it may. */
static void a_guesser_gets_few_verdicts(void **state)
{
    struct penalty_rules rules = penalty_defaults();
    struct penalty_score score = {0};
    int early = 0, hour = 0;

    (void)state;
    for (int64_t now = 0; now < 2 * 3600 * 1000; now += 100) {
        penalty_score_melt(&score, now);
        if (score.is_refusing != 0)
            continue;
        penalty_score_add(&score, &rules, A, 1, 1, now);
        early += now < 600 * 1000;
        hour += now >= 600 * 1000 && now < 4200 * 1000;
    }
    assert_in_range(early, 3, 10);
    assert_in_range(hour, 1, 30);
}

static void no_rules_no_penalties(void **state)
{
    struct penalty_rules off = penalty_defaults(), free_login = off;
    struct penalty_score score = {0};

    (void)state;
    off.max_ms = 0;
    free_login.weight_ms[A] = 0;
    assert_false(penalty_score_add(&score, &off, X, 1, 1, 1000));
    assert_false(penalty_score_add(&score, &free_login, A, 1, 1, 1000));
    assert_true(penalty_score_melt(&score, 1000));
    assert_true(penalty_score_add(&score, &free_login, X, 1, 1, 1000));
}

static void crossing_is_said_once(void **state)
{
    struct penalty_rules rules = penalty_defaults();
    struct penalty_score score = {0};

    (void)state;
    assert_false(penalty_score_add(&score, &rules, V, 1, 1, 1000));
    assert_true(penalty_score_add(&score, &rules, V, 1, 1, 1000));
    assert_false(penalty_score_add(&score, &rules, V, 1, 1, 1000));
    assert_true(penalty_score_add(&score, &rules, C, 1, 1, 900000)); /* melted in between */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_matches_the_reference),
        cmocka_unit_test(a_guesser_gets_few_verdicts),
        cmocka_unit_test(no_rules_no_penalties),
        cmocka_unit_test(crossing_is_said_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
