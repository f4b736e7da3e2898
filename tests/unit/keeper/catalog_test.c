/* SPDX-License-Identifier: Apache-2.0
 * Tests of the catalog: several sources as one, names found, sizes, references.
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

#include "keeper/catalog.h"

#define HASH "8846f7eaee8fb117ad06bdd830b7586c"

static const char file[] = "ca_file: /etc/hosts\n"
                           "users:\n  - {name: alice, nt_hash: " HASH "}\n"
                           "groups:\n  - {name: ops, members: [alice, bob]}\n"
                           "targets:\n  - {name: web01, address: a, tags: [web], login: delegate}\n"
                           "rules:\n  - {name: one, groups: [ops], tags: [WEB]}\n";
static const char store[] =
    "{\"users\": [{\"name\": \"Bob\"}, {\"name\": \"carol\", \"disabled\": \"true\"}],\n"
    "\"groups\": [],\n"
    "\"targets\": [{\"name\": \"web02\", \"address\": \"b\", \"tags\": [\"Web\"],\n"
    "\"login\": {\"inject\": {\"user\": \"u\", \"password\": \"hunter2\"}}}],\n"
    "\"rules\": [{\"name\": \"two\", \"users\": [\"ALICE\"], \"targets\": [\"web01\"]}]}\n";

static int use_utf8(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

static struct catalog_source source(const char *label, const char *text, bool is_file)
{
    return (struct catalog_source){
        .label = label, .text = text, .size = strlen(text), .is_file = is_file};
}

static struct catalog *make(const char *first, const char *second)
{
    const struct catalog_source sources[] = {source("/etc/sp.yaml", first, true),
                                             source("store", second, false)};
    char error[CATALOG_ERROR_SIZE];
    struct catalog *made = NULL;

    if (catalog_make(sources, 2, &made, error, sizeof(error)) != SP_OK)
        fail_msg("%s", error);
    return made;
}

static void test_two_sources(void **state)
{
    struct catalog *c = make(file, store);

    (void)state;
    assert_int_equal(c->user_count, 3);
    assert_int_equal(c->target_count, 2);
    assert_int_equal(c->tag_count, 1);
    assert_int_equal(c->rule_count, 2);
    const struct catalog_user *bob = catalog_find_user(c, "BOB");
    assert_non_null(bob);
    assert_false(bob->has_nt_hash);
    assert_true(catalog_find_user(c, "alice")->has_nt_hash);
    assert_true(catalog_find_user(c, "Carol")->is_disabled);
    assert_true(catalog_is_member(c, bob, catalog_find_group(c, "OPS")));
    assert_false(catalog_is_member(c, catalog_find_user(c, "carol"), catalog_find_group(c, "ops")));
    assert_true(catalog_set_has(&c->tags[0].targets, 1));
    assert_int_equal(c->targets[1].tls_mode, IPC_TLS_CA); /* the file's ca_file counts */
    assert_int_equal(c->targets[1].login_password->size, 14);
    assert_int_equal(catalog_find_rule(c, "TWO") - c->rules, 1);
    assert_true(catalog_set_has(&catalog_find_user(c, "alice")->rules, 1));
    assert_true(catalog_set_has(&c->groups[0].rules, 0));
    assert_null(catalog_find_user(c, "dave"));
    assert_null(catalog_find_user(c, ""));
    assert_null(catalog_find_user(c, "\xff"));
    assert_null(catalog_find_target(c, "web03"));
    catalog_unref(&c);
    assert_null(c);
}

static void refused(const char *first, const char *second, const char *message)
{
    const struct catalog_source sources[] = {source("/etc/sp.yaml", first, true),
                                             source("store", second, false)};
    char error[CATALOG_ERROR_SIZE];
    struct catalog *made = NULL;

    if (catalog_make(sources, 2, &made, error, sizeof(error)) == SP_OK)
        fail_msg("accepted: %s", second);
    if (strstr(error, message) == NULL || strstr(error, "hunter2") != NULL)
        fail_msg("%s", error);
    assert_null(made);
}

#define STORE(users, groups, targets, rules)                                                       \
    "users: [" users "]\ngroups: [" groups "]\ntargets: [" targets "]\nrules: [" rules "]\n"

static void test_refusals(void **state)
{
    (void)state;
    refused(file, STORE("{name: bob}, {name: ALICE}", "", "", ""),
            "store:1: field users[1].name: expected each user's name once (case does not matter), "
            "found \"ALICE\"; /etc/sp.yaml:3 has it as well");
    refused(file, STORE("{name: bob}", "{name: Ops, members: []}", "", ""),
            "store:2: field groups[0].name: expected each group's name once");
    refused(file, STORE("{name: bob}", "", "{name: WEB01, address: a, login: delegate}", ""),
            "/etc/sp.yaml:7 has it as well");
    refused(file, STORE("{name: bob}", "", "", "{name: ONE, users: [bob], tags: [web]}"),
            "/etc/sp.yaml:9 has it as well");
    refused(file, STORE("{name: bob}, {name: Bob}", "", "", ""), "rename one");
    refused(file, "tls_min: \"1.2\"\n" STORE("{name: bob}", "", "", ""),
            "store:1: field tls_min: expected users, groups, targets or rules here");
    refused(file, STORE("{name: bob, nt_hash: \"file:/etc/shadow\"}", "", "", ""),
            "only the configuration file may name files and variables");
    refused(file,
            STORE("{name: bob}", "",
                  "{name: x, address: a, login: {inject: {user: u, password: \"env:HOME\"}}}", ""),
            "only the configuration file may name files and variables");
    refused(file, STORE("", "", "", ""), "/etc/sp.yaml:5: field groups[0].members[1]");
    refused("users: [", store, "/etc/sp.yaml:2: this is not YAML");
    refused(file, "", "store:1: expected a mapping");
}

static void test_references(void **state)
{
    struct catalog *c = make(file, store), *again = catalog_ref(c), *none = NULL;

    (void)state;
    assert_ptr_equal(c, again);
    catalog_unref(&c);
    assert_string_equal(again->users[0].name, "alice");
    catalog_unref(&again);
    catalog_unref(&none);
    c = catalog_new();
    assert_null(catalog_find_user(c, "alice"));
    catalog_unref(&c);
}

static void test_sets(void **state)
{
    static const uint32_t items[] = {7, 3, 9, 3, 0, 8, 7};
    struct catalog_set set = {0};

    (void)state;
    assert_false(catalog_set_has(&set, 0));
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        catalog_set_add(&set, items[i]);
    assert_int_equal(set.count, 5);
    for (uint32_t i = 1; i < set.count; i++)
        assert_true(set.items[i - 1] < set.items[i]);
    assert_true(catalog_set_has(&set, 0) && catalog_set_has(&set, 9));
    assert_false(catalog_set_has(&set, 1) || catalog_set_has(&set, 10));
    catalog_set_clear(&set);
}

/* Every name is found, no other is, and a look-up visits few slots. */
static void test_names(void **state)
{
    struct catalog_names names = {0};
    char name[32];

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "Person-%u", i);
        assert_int_equal(catalog_names_add(&names, name, i), SP_OK);
    }
    assert_int_equal(catalog_names_add(&names, "person-7", 1), SP_ELIMIT);
    assert_int_equal(catalog_names_add(&names, "", 1), SP_EVALUE);
    assert_int_equal(catalog_names_add(&names, "\xff", 1), SP_EVALUE);
    for (uint32_t i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "PERSON-%u", i);
        assert_int_equal(catalog_names_find(&names, name), i);
    }
    assert_int_equal(catalog_names_find(&names, "person-20000"), CATALOG_NONE);
    assert_true(names.longest < 64);
    catalog_names_clear(&names);
}

static void __attribute__((format(printf, 4, 5)))
append(char *text, size_t *used, size_t size, const char *form, ...)
{
    va_list arguments;

    va_start(arguments, form);
    int n = vsnprintf(text + *used, size - *used, form, arguments);
    va_end(arguments);
    assert_true(n > 0 && (size_t)n < size - *used);
    *used += (size_t)n;
}

static void test_twenty_thousand(void **state)
{
    const unsigned count = 20000;
    size_t size = (size_t)count * 400, used = 0;
    char *text = malloc(size), error[CATALOG_ERROR_SIZE];
    struct catalog *c = NULL;

    (void)state;
    assert_non_null(text);
    append(text, &used, size, "users:\n");
    for (unsigned i = 0; i < count; i++)
        append(text, &used, size, "  - {name: user%u, nt_hash: " HASH "}\n", i);
    append(text, &used, size, "targets:\n");
    for (unsigned i = 0; i < count; i++)
        append(text, &used, size, "  - {name: target%u, address: h%u, login: delegate}\n", i, i);
    append(text, &used, size, "rules:\n");
    for (unsigned i = 0; i < count; i++)
        append(text, &used, size, "  - {name: rule%u, users: [user%u], targets: [target%u]}\n", i,
               i, i);
    const struct catalog_source one = {
        .label = "large", .text = text, .size = used, .is_file = true};
    if (catalog_make(&one, 1, &c, error, sizeof(error)) != SP_OK)
        fail_msg("%s", error);
    assert_int_equal(c->rule_count, count);
    assert_ptr_equal(catalog_find_user(c, "USER19999"), &c->users[19999]);
    assert_int_equal(c->users[4711].rules.items[0], 4711);
    catalog_unref(&c);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_sources), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_references),  cmocka_unit_test(test_sets),
        cmocka_unit_test(test_names),       cmocka_unit_test(test_twenty_thousand),
    };

    return cmocka_run_group_tests(tests, use_utf8, NULL);
}
