/* SPDX-License-Identifier: Apache-2.0
 * Tests of the decisions: a table of who asks for what, and how a typed name is taken apart.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/config.h"
#include "keeper/policy.h"
#include "rdp/errinfo.h"

#define HASH  "8846f7eaee8fb117ad06bdd830b7586c"
#define WHERE "login: delegate"

static const char text[] = "users:\n"
                           "  - {name: alice, nt_hash: " HASH "}\n"
                           "  - {name: Bob, nt_hash: " HASH "}\n"
                           "  - {name: carol, nt_hash: " HASH ", disabled: true}\n"
                           "  - {name: dave, nt_hash: " HASH "}\n"
                           "  - {name: \"j\xc3\xbcrgen\", nt_hash: " HASH "}\n"
                           "groups:\n"
                           "  - {name: ops, members: [BOB, carol]}\n"
                           "  - {name: empty, members: []}\n"
                           "targets:\n"
                           "  - {name: web01, address: a, tags: [web], " WHERE "}\n"
                           "  - {name: web02, address: a, tags: [Web, prod], " WHERE "}\n"
                           "  - {name: db01, address: a, tags: [prod], " WHERE "}\n"
                           "rules:\n"
                           "  - {name: one, users: [Alice, \"J\xc3\x9cRGEN\"], targets: [WEB01]}\n"
                           "  - {name: group, groups: [OPS], tags: [web]}\n"
                           "  - {name: nobody, groups: [empty], tags: [prod]}\n"
                           "  - {name: again, users: [bob], targets: [web02]}\n";

static struct config *config;
static const struct catalog *catalog;
static const struct policy_facts facts = {.wall_us = 1};

static int load(void **state)
{
    char error[CONFIG_ERROR_SIZE];

    (void)state;
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 1;
    if (config_parse("policy.yaml", text, sizeof(text) - 1, &config, error, sizeof(error)) != SP_OK)
        fail_msg("%s", error);
    catalog = config->catalog;
    return 0;
}

static int unload(void **state)
{
    (void)state;
    config_free(config);
    return 0;
}

struct decision_case {
    const char *typed;
    enum policy_verdict verdict;
    const char *target, *reason;
};

static void test_decisions(void **state)
{
    static const struct decision_case cases[] = {
        {"alice", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"ALICE", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"CORP\\alice", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"alice@corp.example", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"alice#web01", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"CORP\\Alice#WEB01", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"alice#web01@corp", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"alice@corp#web01", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"alice#web02", POLICY_TARGET_DENIED, NULL, "no rule gives user alice target web02"},
        {"alice#nowhere", POLICY_TARGET_UNKNOWN, NULL, "there is no target nowhere"},
        {"alice#web", POLICY_TARGET_UNKNOWN, NULL, "there is no target web"},
        {"bob", POLICY_TARGET_CHOICE, NULL, "log in as Bob#TARGET with one of web01, web02"},
        {"bob#web01", POLICY_ALLOWED, "web01", "rule group allows target web01"},
        {"bob#web02", POLICY_ALLOWED, "web02", "rule group allows target web02"},
        {"bob#db01", POLICY_TARGET_DENIED, NULL, "no rule gives user Bob target db01"},
        {"carol#web01", POLICY_USER_DISABLED, NULL, "user carol is disabled"},
        {"carol", POLICY_USER_DISABLED, NULL, "user carol is disabled"},
        {"dave", POLICY_NOTHING, NULL, "no rule gives user dave any target"},
        {"dave#db01", POLICY_TARGET_DENIED, NULL, "no rule gives user dave target db01"},
        {"J\xc3\xbcRGEN", POLICY_ALLOWED, "web01", "rule one allows target web01"},
        {"mallory", POLICY_USER_UNKNOWN, NULL, "no such user"},
        {"mallory#web01", POLICY_USER_UNKNOWN, NULL, "no such user"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_name name;
        struct policy_decision d;

        assert_int_equal(policy_split_name(cases[i].typed, &name), SP_OK);
        policy_decide(catalog, policy_find_user(catalog, cases[i].typed), name.target, &facts, &d);
        if (d.verdict != cases[i].verdict)
            fail_msg("%s: %s (%s)", cases[i].typed, policy_verdict_name(d.verdict), d.reason);
        if (strstr(d.reason, cases[i].reason) == NULL)
            fail_msg("%s: %s", cases[i].typed, d.reason);
        assert_int_equal(d.target != NULL, cases[i].verdict == POLICY_ALLOWED);
        assert_int_equal(d.rule != NULL, cases[i].verdict == POLICY_ALLOWED);
        if (d.target != NULL)
            assert_string_equal(d.target->name, cases[i].target);
    }
}

/* What a person may learn is the same for every refusal. */
static void test_refusals_look_alike(void **state)
{
    static const char *const typed[] = {"alice#web02", "alice#nowhere", "bob", "dave", "carol"};
    struct policy_name name;
    struct policy_decision d;

    (void)state;
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        assert_int_equal(policy_split_name(typed[i], &name), SP_OK);
        policy_decide(catalog, policy_find_user(catalog, typed[i]), name.target, &facts, &d);
        assert_int_equal(d.errinfo, ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES);
    }
    policy_decide(catalog, &catalog->users[0], NULL, &facts, &d);
    assert_int_equal(d.errinfo, ERRINFO_NONE);
    assert_string_equal(d.target->name, "web01");
}

static void splits(const char *typed, const char *user, const char *target)
{
    struct policy_name name;

    assert_int_equal(policy_split_name(typed, &name), SP_OK);
    assert_string_equal(name.user, user);
    assert_string_equal(name.target, target);
    assert_int_equal(name.has_target, target[0] != '\0');
}

static void test_split(void **state)
{
    static const char *const bad[] = {"", "#web01", "alice#", "DOM\\", "DOM\\#x", "@x", "alice#@x"};
    char many[CATALOG_NAME_SIZE + 1];
    struct policy_name name = {.user = "untouched"};

    (void)state;
    splits("alice", "alice", "");
    splits("D\\alice", "alice", "");
    splits("\\alice", "alice", "");
    splits("alice@d@e", "alice", "");
    splits("D\\alice@d#t@e", "alice", "t");
    splits("a#t#u", "a", "t#u");
    splits("a#D\\t", "a", "D\\t");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(policy_split_name(bad[i], &name), SP_EVALUE);
    memset(many, 'a', CATALOG_NAME_SIZE);
    many[CATALOG_NAME_SIZE] = '\0';
    assert_int_equal(policy_split_name(many, &name), SP_ELIMIT);
    assert_string_equal(name.user, "untouched");
    many[CATALOG_NAME_SIZE - 1] = '\0';
    assert_int_equal(policy_split_name(many, &name), SP_OK);
    assert_null(policy_find_user(catalog, ""));
    assert_null(policy_find_user(catalog, "\xff\xfe"));
}

static void test_rules(void **state)
{
    (void)state;
    assert_string_equal(policy_rule_for(catalog, 1, 1)->name, "group"); /* the first one counts */
    assert_null(policy_rule_for(catalog, 0, 1));
    assert_null(policy_rule_for(catalog, 3, 2));
    assert_string_equal(policy_verdict_name(POLICY_TARGET_DENIED), "target_denied");
    assert_string_equal(policy_verdict_name(POLICY_VERDICT_COUNT), "?");
}

/* A long list of choices is cut, not overrun. */
static void test_many_choices(void **state)
{
    static char yaml[200 * 120];
    char error[CONFIG_ERROR_SIZE];
    struct config *large = NULL;
    struct policy_decision d;
    size_t n = (size_t)snprintf(yaml, sizeof(yaml),
                                "users: [{name: a, nt_hash: " HASH "}]\n"
                                "rules: [{name: r, users: [a], tags: [t]}]\n"
                                "targets:\n");

    (void)state;
    for (int i = 0; i < 150; i++)
        n += (size_t)snprintf(yaml + n, sizeof(yaml) - n,
                              "  - {name: target-with-a-long-name-%03d, address: a, tags: [t], "
                              "login: delegate}\n",
                              i);
    if (config_parse("large.yaml", yaml, n, &large, error, sizeof(error)) != SP_OK)
        fail_msg("%s", error);
    policy_decide(large->catalog, &large->catalog->users[0], "", &facts, &d);
    assert_int_equal(d.verdict, POLICY_TARGET_CHOICE);
    assert_true(strlen(d.reason) < sizeof(d.reason));
    config_free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions),    cmocka_unit_test(test_refusals_look_alike),
        cmocka_unit_test(test_split),        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_many_choices),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
