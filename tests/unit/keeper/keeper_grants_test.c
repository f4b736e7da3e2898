/* SPDX-License-Identifier: Apache-2.0
 * Tests of just-in-time access in keeper: nothing counts before store and log have it, a restart
 * finds it again, and who may not gets a reason.
 */
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/keeper_grants.h"
#include "keeper/policy.h"
#include "support/store_lab.h"

#define HOUR_MS        INT64_C(3600000)
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static const char policy[] =
    "users: [{name: alice}, {name: bob}, {name: carol}, {name: eve, disabled: true}]\n"
    "groups: [{name: leads, members: [alice, bob, eve]}, {name: fire, members: [carol]}]\n"
    "targets: [{name: web01, address: a, login: delegate}]\n"
    "rules:\n"
    "  - {name: standing, users: [alice], targets: [web01], sources: [192.0.2.1]}\n"
    "  - {name: jit, users: [alice, carol], targets: [web01],\n"
    "     require: {approval: {by: leads, longest: 2h, reason: optional}}}\n";

static struct keeper k;
static struct config config;
static struct store_lab lab;
static char log_path[] = "/tmp/sallyport-grants-XXXXXX";

/* What done was told last. */
static struct {
    unsigned calls;
    enum sp_err err;
    const char *why;
    char id[GRANTS_ID_SIZE];
} said;

static void on_done(void *ctx, enum sp_err err, const char *why, const struct grants_record *r)
{
    assert_null(ctx);
    said.calls++;
    said.err = err;
    said.why = why;
    snprintf(said.id, sizeof(said.id), "%s", r != NULL ? r->id : "");
}

static int setup(void **state)
{
    const struct catalog_source source = {
        .label = "test", .text = policy, .size = sizeof(policy) - 1, .is_file = true};
    char error[CATALOG_ERROR_SIZE];
    struct sp_fail fail = {0};

    (void)state;
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return -1;
    memset(&k, 0, sizeof(k));
    memset(&config, 0, sizeof(config));
    memset(&said, 0, sizeof(said));
    lab_start(&lab);
    snprintf(log_path + sizeof(log_path) - 7, 7, "XXXXXX");
    close(mkstemp(log_path));
    k.config = &config;
    k.store = lab.store;
    k.is_ready = true;
    k.heir_fd = -1;
    if (event_log_open(&k.log, log_path, &fail) != SP_OK ||
        catalog_make(&source, 1, &k.catalog, error, sizeof(error)) != SP_OK)
        return -1;
    return keeper_grants_load(&k) == SP_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    lab_stop(&lab);
    grants_clear(&k.grants);
    catalog_unref(&k.catalog);
    event_log_close(&k.log);
    unlink(log_path);
    return 0;
}

static unsigned logged(const char *name)
{
    static char text[65536];
    char wanted[64];
    unsigned count = 0;
    int fd = open(log_path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n > 0 ? n : 0] = '\0';
    snprintf(wanted, sizeof(wanted), "\"event\":\"%s\"", name);
    for (const char *at = text; (at = strstr(at, wanted)) != NULL; at++)
        count++;
    return count;
}

/* From here on nothing can be written to the log. */
static void fill_the_log(void)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_true(full >= 0);
    assert_true(dup2(full, k.log.fd) >= 0);
    close(full);
}

static void restart(void)
{
    assert_int_equal(lab_restart(&lab), SP_OK);
    k.store = lab.store;
    assert_int_equal(keeper_grants_load(&k), SP_OK);
}

static struct grant_actor as(const char *name)
{
    return (struct grant_actor){
        .person = catalog_find_user(k.catalog, name), .account = "root", .uid = 0};
}

static size_t running(const char *user)
{
    struct policy_grant grants[FACTS_GRANTS_MAX];

    return k.grants_of(&k, user, moment_now(), grants, FACTS_GRANTS_MAX);
}

static enum sp_err ask(const char *user, char *id)
{
    struct grant_actor actor = as(user);
    const struct catalog_target *target = catalog_find_target(k.catalog, "web01");
    size_t index = (size_t)(actor.person - k.catalog->users);
    const struct catalog_rule *rule = policy_approval_rule(k.catalog, index, 0);
    struct grants_wish wish = {.reason = "disk"};
    bool is_there = false;
    const char *why = NULL;

    assert_non_null(rule);
    assert_string_equal(rule->name, "jit");
    return keeper_grants_ask(&k, &actor, target, rule, wish, on_done, NULL, id, &is_there, &why);
}

static enum sp_err change(const char *who, enum grant_deed deed, const char *id, int64_t for_ms)
{
    struct grant_actor actor = as(who);
    const char *why = NULL;
    enum sp_err err =
        keeper_grants_change(&k, &actor, deed, id, for_ms, "a word", on_done, NULL, &why);

    assert_true(err == SP_OK || why != NULL);
    return err;
}

/* A grant of alice for an hour, stored. Its id is in said.id. */
static void grant(void)
{
    char id[GRANTS_ID_SIZE];

    assert_int_equal(ask("alice", id), SP_OK);
    store_flush(lab.store);
    assert_int_equal(change("bob", GRANT_APPROVE, id, HOUR_MS), SP_OK);
    store_flush(lab.store);
    assert_int_equal(said.err, SP_OK);
}

static void counts_when_it_is_stored(void **state)
{
    char id[GRANTS_ID_SIZE], again[GRANTS_ID_SIZE];

    (void)state;
    assert_int_equal(ask("alice", id), SP_OK);
    assert_int_equal(said.calls, 0);
    store_flush(lab.store);
    assert_int_equal(said.calls, 1);
    assert_string_equal(said.id, id);
    assert_int_equal(ask("alice", again), SP_OK); /* it is there already */
    assert_string_equal(again, id);
    assert_int_equal(change("bob", GRANT_APPROVE, id, HOUR_MS), SP_OK);
    assert_int_equal(running("alice"), 0);
    assert_int_equal(change("bob", GRANT_REFUSE, id, 0), SP_ESTATE); /* being decided */
    store_flush(lab.store);
    assert_int_equal(running("ALICE"), 1);
    assert_int_equal(logged("access_requested"), 1);
    assert_int_equal(logged("access_approved"), 1);
    assert_int_equal(logged("access_granted_until"), 1);
    restart();
    assert_int_equal(running("alice"), 1);
    keeper_grants_report(&k);
    assert_int_equal(logged("access_granted_until"), 2);
    struct grant_view view = keeper_grants_state(&k, "alice", "web01");
    assert_non_null(view.request);
    assert_non_null(view.grant);
    assert_string_equal(view.request->id, id);
    assert_in_range(view.left_ms, HOUR_MS - 60000, HOUR_MS);
    assert_int_equal(change("alice", GRANT_REVOKE, view.grant->id, 0), SP_OK);
    store_flush(lab.store);
    assert_int_equal(running("alice"), 0);
}

static void nothing_is_given_without_a_log(void **state)
{
    char id[GRANTS_ID_SIZE], running_id[GRANTS_ID_SIZE];

    (void)state;
    grant();
    memcpy(running_id, said.id, sizeof(running_id));
    assert_int_equal(ask("carol", id), SP_OK);
    store_flush(lab.store);
    fill_the_log();
    assert_int_equal(change("bob", GRANT_APPROVE, id, 0), SP_OK);
    store_flush(lab.store);
    assert_int_not_equal(said.err, SP_OK);
    assert_int_equal(running("carol"), 0);
    assert_int_equal(grants_find(&k.grants, id)->state, GRANTS_OPEN);
    store_flush(lab.store); /* and it was taken back there */
    /* what takes away does so */
    assert_int_equal(change("bob", GRANT_REVOKE, running_id, 0), SP_OK);
    store_flush(lab.store);
    assert_int_not_equal(said.err, SP_OK);
    assert_int_equal(running("alice"), 0);
    restart();
    assert_int_equal(running("carol"), 0);
    assert_int_equal(running("alice"), 0);
    assert_int_equal(grants_find(&k.grants, id)->state, GRANTS_OPEN);
}

static void nothing_is_given_without_a_store(void **state)
{
    char id[GRANTS_ID_SIZE];

    (void)state;
    assert_int_equal(ask("alice", id), SP_OK);
    store_flush(lab.store);
    store_freeze(lab.store);
    said.calls = 0;
    assert_int_equal(change("bob", GRANT_APPROVE, id, 0), SP_ESTATE);
    assert_false(grants_find(&k.grants, id)->is_busy);
    assert_int_equal(said.calls, 0);
    assert_int_equal(running("alice"), 0);
}

static void frozen_while_another_takes_over(void **state)
{
    char id[GRANTS_ID_SIZE];

    (void)state;
    k.heir_fd = 1;
    assert_int_equal(ask("alice", id), SP_ESTATE);
    k.heir_fd = -1;
    k.is_finishing = true;
    assert_int_equal(ask("alice", id), SP_ESTATE);
    k.is_finishing = false;
    k.is_ready = false;
    assert_int_equal(ask("alice", id), SP_ESTATE);
    assert_int_equal(k.grants.count, 0);
}

static void who_may_not(void **state)
{
    struct grant_actor admin = {.account = "root", .uid = 0, .is_admin = true};
    char id[GRANTS_ID_SIZE], word[GRANTS_TEXT_SIZE + 1];
    const char *why = NULL;

    (void)state;
    assert_int_equal(ask("alice", id), SP_OK);
    store_flush(lab.store);
    assert_int_equal(change("alice", GRANT_APPROVE, id, 0), SP_EDENIED);
    assert_int_equal(change("carol", GRANT_APPROVE, id, 0), SP_EDENIED);
    assert_int_equal(change("eve", GRANT_APPROVE, id, 0), SP_EDENIED);
    assert_int_equal(change("bob", GRANT_WITHDRAW, id, 0), SP_EDENIED);
    assert_int_equal(change("bob", GRANT_APPROVE, "r-none", 0), SP_EVALUE);
    assert_int_equal(change("bob", GRANT_APPROVE, id, 3 * HOUR_MS), SP_ELIMIT);
    assert_int_equal(
        keeper_grants_change(&k, &admin, GRANT_APPROVE, id, 0, NULL, on_done, NULL, &why),
        SP_EDENIED); /* an administrator is no approver */
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_int_equal(
        keeper_grants_change(&k, &admin, GRANT_REVOKE, id, 0, word, on_done, NULL, &why),
        SP_ELIMIT);
    grant();
    assert_int_equal(change("carol", GRANT_REVOKE, said.id, 0), SP_EDENIED);
    assert_int_equal(
        keeper_grants_change(&k, &admin, GRANT_REVOKE, said.id, 0, NULL, on_done, NULL, &why),
        SP_OK);
    store_flush(lab.store);
    assert_int_equal(running("alice"), 0);
    assert_string_equal(grants_find(&k.grants, said.id)->decided_by, "account root");
}

static enum sp_err break_glass(const char *user, int64_t for_ms)
{
    struct grant_actor actor = as(user);
    struct grants_wish wish = {.reason = "fire", .wanted_ms = for_ms};
    const char *why = NULL;

    return keeper_grants_break_glass(&k, &actor, catalog_find_target(k.catalog, "web01"), wish,
                                     on_done, NULL, &why);
}

static void glass(void **state)
{
    struct policy_grant grants[FACTS_GRANTS_MAX];

    (void)state;
    assert_int_equal(break_glass("carol", HOUR_MS), SP_EDENIED); /* no group is set */
    snprintf(config.break_glass, sizeof(config.break_glass), "nowhere");
    assert_int_equal(break_glass("carol", HOUR_MS), SP_EDENIED);
    snprintf(config.break_glass, sizeof(config.break_glass), "fire");
    assert_int_equal(break_glass("alice", HOUR_MS), SP_EDENIED);
    assert_int_equal(break_glass("carol", 5 * HOUR_MS), SP_ELIMIT);
    for (size_t i = 0; i < FACTS_GRANTS_MAX; i++) {
        assert_int_equal(break_glass("carol", HOUR_MS), SP_OK);
        store_flush(lab.store);
        assert_int_equal(said.err, SP_OK);
    }
    assert_int_equal(logged("break_glass"), FACTS_GRANTS_MAX);
    assert_int_equal(k.grants_of(&k, "carol", moment_now(), grants, 1), 1);
    assert_null(grants[0].group);                               /* good for any */
    assert_int_equal(break_glass("carol", HOUR_MS), SP_ELIMIT); /* policy would not see it */
}

/* A clock that is set back, as a session that began before sees it and as one that comes. */
static void set_back(void **state)
{
    struct policy_grant grants[1];
    struct moment now;

    (void)state;
    grant();
    now = moment_now();
    int64_t end = grants_find(&k.grants, said.id)->ends_us;
    assert_int_equal(k.grants_of(&k, "alice", now, grants, 1), 1);
    assert_true(grants[0].until_us <= end);
    now.wall_us -= 30 * 60 * INT64_C(1000000);
    assert_int_equal(k.grants_of(&k, "alice", now, grants, 1), 1);
    assert_true(grants[0].until_us - now.wall_us <= HOUR_MS * 1000);
    now.boot_ms += HOUR_MS;
    assert_int_equal(k.grants_of(&k, "alice", now, grants, 1), 0);
}

static void time_ends_it(void **state)
{
    char id[GRANTS_ID_SIZE];

    (void)state;
    assert_int_equal(ask("alice", id), SP_OK);
    store_flush(lab.store);
    assert_int_equal(change("bob", GRANT_APPROVE, id, 1), SP_OK);
    store_flush(lab.store);
    k.is_finishing = true;
    keeper_grants_tick(&k, 0);
    assert_int_equal(logged("access_over"), 0); /* the heir says it */
    k.is_finishing = false;
    uint32_t turns = 0;
    while (grants_find(&k.grants, said.id)->state == GRANTS_RUNNING) { /* a millisecond */
        keeper_grants_tick(&k, 0);
        assert_true(turns++ < 100000000);
    }
    assert_int_equal(logged("access_over"), 1);
    assert_int_equal(running("alice"), 0);
    store_flush(lab.store);
    restart();
    assert_int_equal(grants_find(&k.grants, said.id)->state, GRANTS_OVER);
}

static void damaged_rows(void **state)
{
    (void)state;
    assert_int_equal(lab_put(&lab, STORE_GRANT, "g-0123456789abcdef", "{}", NULL), SP_OK);
    assert_int_equal(keeper_grants_load(&k), SP_OK);
    assert_int_equal(k.grants.count, 0);
    assert_int_equal(logged("store_row_refused"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_when_it_is_stored),
        TEST(nothing_is_given_without_a_log),
        TEST(nothing_is_given_without_a_store),
        TEST(frozen_while_another_takes_over),
        TEST(who_may_not),
        TEST(glass),
        TEST(set_back),
        TEST(time_ends_it),
        TEST(damaged_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
