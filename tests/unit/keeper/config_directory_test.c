/* SPDX-License-Identifier: Apache-2.0
 * directory: of the configuration: what is taken, what is refused, and whom a principal stands for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/config.h"

#define REST "users: []\ntargets: []\nrules: []\n"
#define LDAP(uri, filter)                                                                          \
    REST "directory: {ldap: {uri: \"" uri "\", ca_file: /dev/null/x, base: b, bind_dn: d, "        \
         "bind_password: p, user_filter: \"" filter "\"}}\n"

static char keytab[] = "/tmp/sallyport-keytab-XXXXXX";

static int make_keytab(void **state)
{
    int fd = mkstemp(keytab);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_keytab(void **state)
{
    (void)state;
    return unlink(keytab);
}

static struct config *parse(const char *kerberos, char error[CONFIG_ERROR_SIZE])
{
    struct config *config = NULL;
    char text[2048];

    snprintf(text, sizeof(text), REST "directory: {kerberos: {keytab: %s%s}}\n", keytab, kerberos);
    if (config_parse("/etc/sp.yaml", text, strlen(text), &config, error, CONFIG_ERROR_SIZE) !=
        SP_OK)
        assert_null(config);
    return config;
}

static void principals_are_users(void **state)
{
    char error[CONFIG_ERROR_SIZE], user[CATALOG_NAME_SIZE] = "";
    struct config *c = parse(", realm: EXAMPLE.TEST, users: strip-realm, principals: "
                             "[{principal: root/admin@OTHER, user: alice}]",
                             error);

    (void)state;
    assert_non_null(c);
    assert_int_equal(c->directory->credssp_min, 5);
    assert_true(config_directory_user(c->directory, "bob@EXAMPLE.TEST", user));
    assert_string_equal(user, "bob");
    assert_true(config_directory_user(c->directory, "root/admin@OTHER", user));
    assert_string_equal(user, "alice");
    static const char *const strangers[] = {
        "bob@OTHER",
        "bob@example.test",
        "bob",
        "@EXAMPLE.TEST",
        "host/web01@EXAMPLE.TEST",
        "bob@EXAMPLE.TEST@OTHER",
        "b@x@EXAMPLE.TEST",
        "",
        "0123456789012345678901234567890123456789012345678901234567890123456789@EXAMPLE.TEST"};
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
        assert_false(config_directory_user(c->directory, strangers[i], user));
    config_free(c);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text, *field;
    } cases[] = {
        {", realm: A", "directory.kerberos.users"},
        {", users: strip-realm", "directory.kerberos.users"},
        {", realm: A, users: all", "directory.kerberos.users"},
        {", credssp_min: 1", "directory.kerberos.credssp_min"},
        {", credssp_min: 7", "directory.kerberos.credssp_min"},
        {", principals: [{principal: bob, user: b}]", "directory.kerberos.principals[0].principal"},
        {", principals: [{principal: b@A, user: 'a#b'}]", "directory.kerberos.principals[0].user"},
        {", colour: red", "directory.kerberos.colour"},
    };
    char error[CONFIG_ERROR_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(parse(cases[i].text, error));
        if (strstr(error, cases[i].field) == NULL)
            fail_msg("%s: %s", cases[i].text, error);
    }
}

static void ldap_without_tls_or_a_name_is_refused(void **state)
{
    static const struct {
        const char *text, *field;
    } cases[] = {
        {LDAP("http://h", "(uid={user})"), "directory.ldap.uri"},
        {LDAP("ldapi://h", "(uid={user})"), "directory.ldap.uri"},
        {LDAP("ldaps://h", "(uid={user})"), "directory.ldap.ca_file"}, /* there is no such file */
        {REST "directory: {}\n", "directory"},
    };
    char error[CONFIG_ERROR_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *c = NULL;

        assert_int_not_equal(config_parse("/etc/sp.yaml", cases[i].text, strlen(cases[i].text), &c,
                                          error, CONFIG_ERROR_SIZE),
                             SP_OK);
        if (strstr(error, cases[i].field) == NULL)
            fail_msg("%s: %s", cases[i].text, error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(principals_are_users),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(ldap_without_tls_or_a_name_is_refused),
    };

    return cmocka_run_group_tests(tests, make_keytab, remove_keytab);
}
