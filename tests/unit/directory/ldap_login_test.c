/* SPDX-License-Identifier: Apache-2.0
 * Names in filters and the comparison of distinguished names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "directory/directory_priv.h"

static void check(const char *format, const char *user, const char *want)
{
    char out[256];

    assert_int_equal(ldap_filter(format, user, out, sizeof(out)), SP_OK);
    assert_string_equal(out, want);
}

static void names_are_escaped(void **state)
{
    (void)state;
    check("(uid={user})", "alice", "(uid=alice)");
    check("(|(uid={user})(mail={user}))", "a", "(|(uid=a)(mail=a))");
    check("(uid={user})", "*", "(uid=\\2a)");
    check("(uid={user})", "a)(uid=*", "(uid=a\\29\\28uid=\\2a)");
    check("(uid={user})", "back\\slash", "(uid=back\\5cslash)");
    check("(uid={user})", "\xC3\xBC\n", "(uid=\\c3\\bc\\0a)");
    check("(uid={user})", "{user}", "(uid={user})");
}

static void what_does_not_fit_is_refused(void **state)
{
    char out[16];

    (void)state;
    assert_int_equal(ldap_filter("(uid=alice)", "a", out, sizeof(out)), SP_EVALUE);
    assert_int_equal(ldap_filter("(uid={user})", "0123456789", out, sizeof(out)), SP_ESPACE);
    assert_int_equal(ldap_filter("(uid={user})", "****", out, sizeof(out)), SP_ESPACE);
    assert_int_equal(ldap_filter("(uid={user})(((((((((", "a", out, sizeof(out)), SP_ESPACE);
    assert_int_equal(ldap_filter("(uid={user})", "012345678", out, sizeof(out)), SP_OK);
}

static void names_of_entries(void **state)
{
    (void)state;
    assert_true(ldap_same_dn("cn=Staff,dc=example", "CN=staff, DC=Example"));
    assert_true(ldap_same_dn("cn=a b,dc=c", "cn=a b , dc=c"));
    assert_true(ldap_same_dn("", ""));
    assert_false(ldap_same_dn("cn=staff,dc=example", "cn=staff"));
    assert_false(ldap_same_dn("cn=staff", "cn=staffer"));
    assert_false(ldap_same_dn("cn=a b", "cn=ab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(names_of_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
