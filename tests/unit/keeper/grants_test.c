/* SPDX-License-Identifier: Apache-2.0
 * Tests of just-in-time access: who may do what, what time ends, and what a damaged row gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/grants.h"

#define HOUR_MS 3600000LL

static const struct grants_terms terms = {.rule = "prod",
                                          .group = "leads",
                                          .longest_ms = 4 * HOUR_MS,
                                          .needs_reason = true,
                                          .ticket_pattern = "CHG-[0-9]+"};
static const struct grants_wish wish = {.user = "alice",
                                        .target = "web01",
                                        .reason = "disk full",
                                        .ticket = "CHG-17",
                                        .wanted_ms = 2 * HOUR_MS};

static struct grants_time at(int64_t ms)
{
    return (struct grants_time){.wall_us = 1700000000000000LL + ms * 1000, .boot_ms = 5000000 + ms};
}

struct world {
    struct grants g;
    struct grants_step step;
    char id[GRANTS_ID_SIZE];
    const char *why;
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return 1;
    grants_init(&w->g, "boot-1");
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    grants_clear(&w->g);
    free(w);
    return 0;
}

static void ask(struct world *w)
{
    assert_int_equal(grants_ask(&w->g, &terms, &wish, at(0), &w->step, w->id, &w->why), SP_OK);
    assert_int_equal(grants_commit(&w->g, &w->step), SP_OK);
}

/* The running grant's id. */
static void approve(struct world *w, int64_t for_ms, int64_t now_ms)
{
    assert_int_equal(
        grants_approve(&w->g, w->id, "bob", true, for_ms, at(now_ms), &w->step, &w->why), SP_OK);
    assert_int_equal(grants_commit(&w->g, &w->step), SP_OK);
    memcpy(w->id, w->step.records[0].id, sizeof(w->id));
}

static int64_t left(struct world *w, int64_t now_ms)
{
    return grants_left_ms(&w->g, "alice", "web01", "leads", at(now_ms));
}

static void test_a_whole_life(void **state)
{
    struct world *w = *state;

    ask(w);
    assert_int_equal(left(w, 1), 0);
    approve(w, HOUR_MS, 10);
    assert_int_equal(left(w, 10), HOUR_MS);
    assert_int_equal(grants_left_ms(&w->g, "ALICE", "WEB01", "Leads", at(10)), HOUR_MS);
    assert_int_equal(grants_left_ms(&w->g, "alice", "web02", "leads", at(10)), 0);
    assert_int_equal(grants_left_ms(&w->g, "bob", "web01", "leads", at(10)), 0);
    assert_int_equal(grants_left_ms(&w->g, "alice", "web01", "other", at(10)), 0);
    assert_int_equal(left(w, 10 + HOUR_MS - 1), 1);
    assert_int_equal(left(w, 10 + HOUR_MS), 0);
}

static void test_nothing_is_true_before_it_is_stored(void **state)
{
    struct world *w = *state;
    struct grants_step other;

    ask(w);
    assert_int_equal(grants_approve(&w->g, w->id, "bob", true, 0, at(1), &w->step, &w->why), SP_OK);
    assert_int_equal(left(w, 1), 0);
    /* Of two at the same moment one decides. */
    assert_int_equal(grants_refuse(&w->g, w->id, "carol", true, "no", at(1), &other, &w->why),
                     SP_ESTATE);
    grants_abort(&w->g, &w->step);
    assert_int_equal(left(w, 1), 0);
    assert_int_equal(grants_refuse(&w->g, w->id, "carol", true, "no", at(1), &other, &w->why),
                     SP_OK);
    assert_int_equal(grants_commit(&w->g, &other), SP_OK);
    assert_int_equal(grants_approve(&w->g, w->id, "bob", true, 0, at(1), &w->step, &w->why),
                     SP_ESTATE);
}

static void test_who_may_decide(void **state)
{
    struct world *w = *state;

    ask(w);
    assert_int_equal(grants_approve(&w->g, w->id, "Alice", true, 0, at(1), &w->step, &w->why),
                     SP_EDENIED);
    assert_int_equal(grants_approve(&w->g, w->id, "bob", false, 0, at(1), &w->step, &w->why),
                     SP_EDENIED);
    assert_int_equal(
        grants_approve(&w->g, w->id, "bob", true, 2 * HOUR_MS + 1, at(1), &w->step, &w->why),
        SP_ELIMIT);
    assert_int_equal(grants_approve(&w->g, "r-nothing", "bob", true, 0, at(1), &w->step, &w->why),
                     SP_EVALUE);
    assert_int_equal(grants_withdraw(&w->g, w->id, "bob", at(1), &w->step, &w->why), SP_EDENIED);
    assert_int_equal(grants_withdraw(&w->g, w->id, "alice", at(1), &w->step, &w->why), SP_OK);
    assert_int_equal(grants_commit(&w->g, &w->step), SP_OK);
    assert_int_equal(grants_approve(&w->g, w->id, "bob", true, 0, at(1), &w->step, &w->why),
                     SP_ESTATE);
}

static void test_what_a_request_needs(void **state)
{
    struct world *w = *state;
    static const struct {
        struct grants_wish wish;
        enum sp_err err;
    } cases[] = {
        {{"alice", "web01", "", "CHG-1", 1}, SP_EVALUE},
        {{"alice", "web01", "  ", "CHG-1", 1}, SP_EVALUE},
        {{"alice", "web01", "r", NULL, 1}, SP_EVALUE},
        {{"alice", "web01", "r", "CHG-", 1}, SP_EVALUE},
        {{"alice", "web01", "r", "xCHG-1", 1}, SP_EVALUE},
        {{"alice", "web01", "r", "CHG-1x", 1}, SP_EVALUE},
        {{"alice", "web01", "r", "CHG-1", 4 * HOUR_MS + 1}, SP_ELIMIT},
        {{"alice", "web01", "r", "CHG-1", -1}, SP_ELIMIT},
        {{"alice", "web01", "r", "CHG-1", 0}, SP_OK},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        w->why = NULL;
        assert_int_equal(grants_ask(&w->g, &terms, &cases[i].wish, at(0), &w->step, w->id, &w->why),
                         cases[i].err);
        assert_int_equal(w->why != NULL, cases[i].err != SP_OK);
    }
    assert_int_equal(w->step.records[0].wanted_ms, 4 * HOUR_MS);
}

static void test_a_request_is_asked_once_and_waits_a_day(void **state)
{
    struct world *w = *state;
    char again[GRANTS_ID_SIZE];

    ask(w);
    assert_int_equal(grants_ask(&w->g, &terms, &wish, at(5), &w->step, again, &w->why), SP_OK);
    assert_int_equal(w->step.count, 0);
    assert_string_equal(again, w->id);
    assert_int_equal(
        grants_approve(&w->g, w->id, "bob", true, 0, at(GRANTS_REQUEST_MS), &w->step, &w->why),
        SP_ESTATE);
}

static void test_requests_are_bounded(void **state)
{
    struct world *w = *state;
    enum sp_err err = SP_OK;
    int made = 0;

    for (; made < 100 && err == SP_OK; made++) {
        char target[32];
        struct grants_wish one = wish;

        snprintf(target, sizeof(target), "t%d", made);
        one.target = target;
        err = grants_ask(&w->g, &terms, &one, at(0), &w->step, w->id, &w->why);
        if (err == SP_OK)
            assert_int_equal(grants_commit(&w->g, &w->step), SP_OK);
    }
    assert_int_equal(err, SP_ELIMIT);
    assert_int_equal(made - 1, GRANTS_OPEN_USER);
}

static void test_extending_and_revoking(void **state)
{
    struct world *w = *state;

    ask(w);
    approve(w, HOUR_MS, 0);
    assert_int_equal(grants_extend(&w->g, w->id, "alice", true, HOUR_MS, at(1), &w->step, &w->why),
                     SP_EDENIED);
    assert_int_equal(
        grants_extend(&w->g, w->id, "bob", true, 4 * HOUR_MS, at(1), &w->step, &w->why), SP_ELIMIT);
    assert_int_equal(grants_extend(&w->g, w->id, "bob", true, HOUR_MS, at(1), &w->step, &w->why),
                     SP_OK);
    assert_int_equal(left(w, 1), HOUR_MS - 1);
    assert_int_equal(grants_commit(&w->g, &w->step), SP_OK);
    assert_int_equal(left(w, 1), 2 * HOUR_MS - 1);
    assert_int_equal(grants_revoke(&w->g, w->id, "root", "leaving", at(2), &w->step, &w->why),
                     SP_OK);
    assert_int_equal(grants_commit(&w->g, &w->step), SP_OK);
    assert_int_equal(left(w, 2), 0);
    assert_int_equal(grants_extend(&w->g, w->id, "bob", true, 1, at(3), &w->step, &w->why),
                     SP_ESTATE);
    assert_int_equal(grants_revoke(&w->g, w->id, "root", "", at(3), &w->step, &w->why), SP_ESTATE);
}

static void test_breaking_the_glass(void **state)
{
    struct world *w = *state;
    struct grants_wish one = wish;

    one.reason = "";
    assert_int_equal(grants_break_glass(&w->g, "fire", &one, at(0), &w->step, &w->why), SP_EVALUE);
    one.reason = "it burns";
    one.wanted_ms = GRANTS_BREAK_GLASS_MS + 1;
    assert_int_equal(grants_break_glass(&w->g, "fire", &one, at(0), &w->step, &w->why), SP_ELIMIT);
    one.wanted_ms = HOUR_MS;
    assert_int_equal(grants_break_glass(&w->g, "fire", &one, at(0), &w->step, &w->why), SP_OK);
    assert_int_equal(grants_commit(&w->g, &w->step), SP_OK);
    assert_int_equal(left(w, 0), HOUR_MS);
    assert_true(w->g.list[0]->is_break_glass);
}

static void test_a_clock_that_is_set_back_lengthens_nothing(void **state)
{
    struct world *w = *state;
    struct grants_time now = at(HOUR_MS / 2);

    ask(w);
    approve(w, HOUR_MS, 0);
    now.wall_us -= 3600 * 1000000LL;
    assert_int_equal(grants_left_ms(&w->g, "alice", "web01", "leads", now), HOUR_MS / 2);
    now = at(HOUR_MS + 1);
    now.wall_us -= 3600 * 1000000LL;
    assert_int_equal(grants_left_ms(&w->g, "alice", "web01", "leads", now), 0);
    /* Set forward it ends early. */
    now = at(1);
    now.wall_us += 2 * 3600 * 1000000LL;
    assert_int_equal(grants_left_ms(&w->g, "alice", "web01", "leads", now), 0);
}

static void count_change(void *ctx, const struct grants_record *r)
{
    (void)r;
    ++*(int *)ctx;
}

static void test_time_ends_things_once(void **state)
{
    struct world *w = *state;
    struct grants_wish one = wish;
    int changes = 0;

    ask(w);
    approve(w, HOUR_MS, 0);
    one.target = "web02";
    assert_int_equal(grants_ask(&w->g, &terms, &one, at(0), &w->step, w->id, &w->why), SP_OK);
    assert_int_equal(grants_commit(&w->g, &w->step), SP_OK);
    assert_int_equal(grants_due_ms(&w->g, at(0)), HOUR_MS);
    assert_int_equal(grants_tick(&w->g, at(HOUR_MS - 1), count_change, &changes), 0);
    assert_int_equal(grants_tick(&w->g, at(HOUR_MS), count_change, &changes), 1);
    assert_int_equal(grants_tick(&w->g, at(HOUR_MS), count_change, &changes), 0);
    assert_int_equal(grants_due_ms(&w->g, at(HOUR_MS)), GRANTS_REQUEST_MS - HOUR_MS);
    assert_int_equal(grants_tick(&w->g, at(GRANTS_REQUEST_MS), count_change, &changes), 1);
    assert_int_equal(grants_due_ms(&w->g, at(GRANTS_REQUEST_MS)), -1);
    assert_int_equal(changes, 2);
}

/* Store a grant, and load it into another keeper's memory. */
static void reload(struct world *w, struct grants *into, const char *boot, struct grants_time now)
{
    grants_init(into, boot);
    for (size_t i = 0; i < w->g.count; i++) {
        json_t *body = grants_to_json(&w->g, w->g.list[i]);

        assert_non_null(body);
        assert_int_equal(grants_load(into, w->g.list[i]->id, body, now), SP_OK);
        json_decref(body);
    }
}

static void test_rows_come_back(void **state)
{
    struct world *w = *state;
    struct grants again;
    struct grants_time now = at(HOUR_MS / 2);

    ask(w);
    approve(w, HOUR_MS, 0);
    reload(w, &again, "boot-1", now);
    assert_int_equal(again.count, w->g.count);
    assert_int_equal(memcmp(again.list[1], w->g.list[1], sizeof(*again.list[1])), 0);
    grants_clear(&again);
    /* The same boot, the clock set back meanwhile: no more than it was. */
    now.wall_us -= 3600 * 1000000LL;
    reload(w, &again, "boot-1", now);
    assert_int_equal(grants_left_ms(&again, "alice", "web01", "leads", now), HOUR_MS / 2);
    grants_clear(&again);
    /* Another boot, whose clock began anew. */
    now = at(HOUR_MS / 2);
    now.boot_ms = 3;
    reload(w, &again, "boot-2", now);
    assert_int_equal(grants_left_ms(&again, "alice", "web01", "leads", now), HOUR_MS / 2);
    grants_clear(&again);
    now.wall_us -= 10 * 3600 * 1000000LL;
    reload(w, &again, "boot-2", now);
    assert_int_equal(grants_left_ms(&again, "alice", "web01", "leads", now), HOUR_MS);
    grants_clear(&again);
}

static void test_damaged_rows_grant_nothing(void **state)
{
    struct world *w = *state;
    struct grants again;
    static const struct {
        const char *key, *text;
        json_int_t number;
    } damages[] = {
        {"id", "g-other", 0},     {"state", "open", 0},
        {"state", "nonsense", 0}, {"user", "", 0},
        {"target", "", 0},        {"ends_us", NULL, 1},
        {"longest_ms", NULL, 0},  {"longest_ms", NULL, GRANTS_LONGEST_MS + 1},
        {"wanted_ms", NULL, -5},  {"starts_us", NULL, 0},
        {"extra", "x", 0},        {"user", NULL, 7},
        {"made_us", "x", 0},
    };

    ask(w);
    approve(w, HOUR_MS, 0);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        json_t *body = grants_to_json(&w->g, grants_find(&w->g, w->id));
        json_t *value = damages[i].text != NULL ? json_string(damages[i].text)
                                                : json_integer(damages[i].number);

        assert_int_equal(json_object_set_new(body, damages[i].key, value), 0);
        grants_init(&again, "boot-1");
        assert_int_equal(grants_load(&again, w->id, body, at(1)), SP_EVALUE);
        assert_int_equal(again.count, 0);
        grants_clear(&again);
        json_decref(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_whole_life, begin, end),
        cmocka_unit_test_setup_teardown(test_nothing_is_true_before_it_is_stored, begin, end),
        cmocka_unit_test_setup_teardown(test_who_may_decide, begin, end),
        cmocka_unit_test_setup_teardown(test_what_a_request_needs, begin, end),
        cmocka_unit_test_setup_teardown(test_a_request_is_asked_once_and_waits_a_day, begin, end),
        cmocka_unit_test_setup_teardown(test_requests_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_extending_and_revoking, begin, end),
        cmocka_unit_test_setup_teardown(test_breaking_the_glass, begin, end),
        cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_back_lengthens_nothing, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_time_ends_things_once, begin, end),
        cmocka_unit_test_setup_teardown(test_rows_come_back, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_rows_grant_nothing, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
