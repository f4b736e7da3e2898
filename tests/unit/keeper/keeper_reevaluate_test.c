/* SPDX-License-Identifier: Apache-2.0
 * Tests of sessions that are decided on again: who stays, who is told to end and why, who is
 * warned, and that a thousand of them take little.
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_priv.h"

#define SECOND_US      INT64_C(1000000)
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#define USERS   "users: [{name: alice}, {name: bob}]\ngroups: [{name: ops, members: [bob]}]\n"
#define TARGETS "targets: [{name: web01, address: a, login: delegate}]\nrules:\n"
#define RULE    "  - {name: r, users: [alice], targets: [web01]}\n"
#define BY_DAY  "  - {name: r, users: [alice], targets: [web01], require: {approval: {by: ops}}}\n"

static struct keeper k;
static struct config config;
static struct live live;
static int far_end;
static char log_path[] = "/tmp/sallyport-reevaluate-XXXXXX";
static int64_t grant_until_us; /* 0 = there is none */

static size_t grants_of(struct keeper *keeper, const char *user, struct moment now,
                        struct policy_grant *out, size_t most)
{
    (void)keeper;
    (void)now;
    (void)user;
    if (grant_until_us == 0 || most == 0)
        return 0;
    out[0] = (struct policy_grant){.target = "web01", .group = "ops", .until_us = grant_until_us};
    return 1;
}

static struct catalog *catalog_of(const char *text)
{
    const struct catalog_source source = {
        .label = "test", .text = text, .size = strlen(text), .is_file = true};
    char error[CATALOG_ERROR_SIZE];
    struct catalog *made = NULL;

    if (catalog_make(&source, 1, &made, error, sizeof(error)) != SP_OK)
        fail_msg("%s", error);
    return made;
}

static void begin(struct live *l, int fd, const char *user)
{
    struct ipc_session_started started = {.pid = 1};

    memset(l, 0, sizeof(*l));
    session_init(&l->s, &started, fd, -1, clock_now_ms(), 1000);
    l->keeper = &k;
    l->s.state = SESSION_ACTIVE;
    snprintf(l->s.user_text, sizeof(l->s.user_text), "%s", user);
    snprintf(l->s.decision.target, sizeof(l->s.decision.target), "web01");
    l->s.facts.nla = CATALOG_NLA_NTLM;
    assert_int_equal(registry_add(&k.registry, &l->s), SP_OK);
}

static int setup(void **state)
{
    struct sp_fail fail = {0};
    int pair[2], file;

    (void)state;
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return -1;
    memset(&k, 0, sizeof(k));
    snprintf(log_path + sizeof(log_path) - 7, 7, "XXXXXX");
    file = mkstemp(log_path);
    if (file < 0 || ipc_pair(pair) != SP_OK)
        return -1;
    close(file);
    k.config = &config;
    k.grants_of = grants_of;
    grant_until_us = 0;
    keeper_ops_init(&k);
    if (event_log_open(&k.log, log_path, &fail) != SP_OK)
        return -1;
    far_end = pair[1];
    begin(&live, pair[0], "alice#web01");
    k.catalog = catalog_of(USERS TARGETS RULE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    session_clear(&live.s);
    registry_clear(&k.registry);
    catalog_unref(&k.catalog);
    close(far_end);
    event_log_close(&k.log);
    unlink(log_path);
    return 0;
}

static bool is_logged(const char *what)
{
    static char text[65536];
    int fd = open(log_path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, what) != NULL;
}

/* What the session was told; 0 = nothing. */
static uint32_t told(void)
{
    static struct ipc_in in;
    struct ipc_end end = {0};

    if (ipc_recv(far_end, &in, 0) != SP_OK || in.msg.head.type != IPC_END)
        return 0;
    memcpy(&end, in.msg.bytes, sizeof(end));
    ipc_in_clear(&in);
    return end.errinfo;
}

static void who_is_allowed_stays(void **state)
{
    (void)state;
    keeper_reevaluate(&k);
    keeper_catalog_replace(&k, catalog_of(USERS TARGETS RULE));
    assert_int_equal(told(), 0);
    assert_int_equal(live.s.kill_at_ms, 0);
    assert_int_equal(live.s.facts.check_us, 0);
    assert_string_equal(live.s.decision.rule, "r");
}

static void who_is_disabled_ends(void **state)
{
    (void)state;
    keeper_catalog_replace(&k, catalog_of("users: [{name: alice, disabled: true}]\n" TARGETS RULE));
    assert_int_equal(told(), 0x1);
    assert_true(live.s.kill_at_ms > 0 && live.s.kill_at_ms <= clock_now_ms() + 2000);
    assert_true(is_logged("\"event\":\"access_ended\""));
    assert_true(is_logged("\"verdict\":\"user_disabled\""));
    keeper_reevaluate(&k); /* said once */
    assert_int_equal(told(), 0);
}

static void who_is_gone_ends(void **state)
{
    (void)state;
    keeper_catalog_replace(&k, catalog_of("users: []\nrules: []\ntargets: []\n"));
    assert_int_equal(told(), 0x1);
}

static void what_no_rule_allows_ends(void **state)
{
    (void)state;
    keeper_catalog_replace(
        &k, catalog_of(USERS TARGETS "  - {name: r, users: [bob], targets: [web01]}\n"));
    assert_int_equal(told(), 0x9);
    assert_true(is_logged("\"verdict\":\"target_denied\""));
}

/* A grant's end is known: warned before, ended at it, and an extension is believed. */
static void a_grant_ends(void **state)
{
    struct moment now = moment_now();

    (void)state;
    grant_until_us = now.wall_us + 400 * SECOND_US;
    keeper_catalog_replace(&k, catalog_of(USERS TARGETS BY_DAY));
    assert_int_equal(live.s.facts.ends_us, grant_until_us);
    assert_int_equal(live.s.facts.check_us, grant_until_us - 300 * SECOND_US);
    keeper_reevaluate_tick(&k);
    assert_false(is_logged("session_ends_soon"));
    grant_until_us = now.wall_us + 250 * SECOND_US;
    keeper_reevaluate(&k);
    assert_true(is_logged("session_ends_soon"));
    assert_int_equal(live.s.facts.warned_s, 300);
    assert_int_equal(live.s.facts.check_us, grant_until_us - 60 * SECOND_US);
    grant_until_us = now.wall_us + 3600 * SECOND_US;
    keeper_reevaluate(&k);
    assert_int_equal(live.s.facts.warned_s, 0);
    assert_int_equal(told(), 0);
    grant_until_us = now.wall_us + 30 * SECOND_US;
    keeper_reevaluate(&k);
    assert_int_equal(live.s.facts.warned_s, 60);
    grant_until_us = now.wall_us - 1;
    live.s.facts.check_us = now.wall_us; /* the edge has come */
    keeper_reevaluate_tick(&k);
    assert_int_equal(told(), 0x4);
    assert_true(is_logged("\"rules\":\"r needs, approval needed\""));
}

/* The session's own wall clock: at least as many seconds later as have passed since its start. */
static void a_clock_set_back_lengthens_nothing(void **state)
{
    struct moment start = {.wall_us = 5000 * SECOND_US, .boot_ms = 100000}, now;

    (void)state;
    now = (struct moment){.wall_us = 1400 * SECOND_US, .boot_ms = 160000};
    assert_int_equal(moment_since(&start, &now), 5060 * SECOND_US);
    now.wall_us = 9000 * SECOND_US;
    assert_int_equal(moment_since(&start, &now), 9000 * SECOND_US);
}

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void a_thousand_take_little(void **state)
{
    struct live *many = calloc(1000, sizeof(*many));

    (void)state;
    assert_non_null(many);
    for (size_t i = 0; i < 1000; i++)
        begin(&many[i], far_end, i % 2 == 0 ? "ALICE" : "CORP\\alice#web01");
    double start = cpu_ms();
    keeper_catalog_replace(&k, catalog_of(USERS TARGETS RULE));
    assert_true(cpu_ms() - start < 200);
    assert_int_equal(told(), 0);
    for (size_t i = 0; i < 1000; i++) {
        assert_string_equal(many[i].s.decision.rule, "r");
        registry_remove(&k.registry, &many[i].s);
    }
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_allowed_stays),   TEST(who_is_disabled_ends),
        TEST(who_is_gone_ends),       TEST(what_no_rule_allows_ends),
        TEST(a_grant_ends),           TEST(a_clock_set_back_lengthens_nothing),
        TEST(a_thousand_take_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
