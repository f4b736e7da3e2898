/* SPDX-License-Identifier: Apache-2.0
 * Tests of the configuration's refusals: file, line, field, what was expected, what to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/config.h"

#define HASH "8846f7eaee8fb117ad06bdd830b7586c"
#define PIN  "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Lines 1 to 3 of most files here; the case's own text begins on line 4. */
#define REST  "users: []\ntargets: []\nrules: []\n"
#define USERS "users: [{name: a, nt_hash: " HASH "}]\n"
/* Lines 1 to 5, so that a target's own keys begin on line 6. */
#define TARGET "users: []\nrules: []\ntargets:\n  - name: x\n    address: h\n"
#define INJECT "    login: {inject: {user: u, password: hunter2}}\n"

struct bad {
    const char *text;
    const char *message; /* how it begins, after "FILE:"; every part must be there */
    const char *remedy;  /* what it also holds, or NULL                            */
};

static struct config *parse(const char *text, char error[CONFIG_ERROR_SIZE])
{
    struct config *config = NULL;
    /* An allocation of exactly that size shows over-reads. */
    size_t size = strlen(text);
    char *exact = malloc(size > 0 ? size : 1);

    assert_non_null(exact);
    memcpy(exact, text, size);
    if (config_parse("/etc/sp.yaml", exact, size, &config, error, CONFIG_ERROR_SIZE) != SP_OK)
        assert_null(config);
    free(exact);
    return config;
}

static void check_bad(const struct bad *cases, size_t count)
{
    char error[CONFIG_ERROR_SIZE], wanted[512];

    for (size_t i = 0; i < count; i++) {
        struct config *config = parse(cases[i].text, error);

        if (config != NULL)
            fail_msg("accepted: %s", cases[i].text);
        snprintf(wanted, sizeof(wanted), "/etc/sp.yaml:%s", cases[i].message);
        if (strncmp(error, wanted, strlen(wanted)) != 0)
            fail_msg("%s\ngot    %s\nwanted %s", cases[i].text, error, wanted);
        if (cases[i].remedy != NULL && strstr(error, cases[i].remedy) == NULL)
            fail_msg("%s\ngot    %s\nwithout %s", cases[i].text, error, cases[i].remedy);
        assert_null(strstr(error, "hunter2"));
        assert_null(strstr(error, "8846f7"));
        assert_null(strpbrk(error, "\n\r\033"));
    }
}

#define CHECK_BAD(cases) check_bad(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_bad_yaml(void **state)
{
    static const struct bad cases[] = {
        {"", "1: expected a mapping of keys", "sallyport.yaml(5)"},
        {"# nothing\n", "1: expected a mapping of keys", NULL},
        {"- a\n", "1: expected a mapping of keys", NULL},
        {"users: [a\n", "2: this is not YAML: did not find expected ',' or ']'", "indentation"},
        {"users: []\n\ttargets: []\n", "2: this is not YAML: found character that cannot start",
         NULL},
        {"users: []\nrules: \"a\n", "3: this is not YAML: found unexpected end of stream", NULL},
        {"users: []\nrules: [\xff]\n", "2: this is not YAML: invalid leading UTF-8 octet", NULL},
        {"users: &x []\n", "1: anchors (&), aliases (*) and tags (!) are not taken", NULL},
        {"users: []\nrules: *x\n", "2: anchors (&), aliases (*)", "write the value out"},
        {"users: !!seq []\n", "1: anchors (&), aliases (*)", NULL},
        {"users: &x {a: b}\n", "1: anchors (&), aliases (*)", NULL},
        {"users: !a b\n", "1: anchors (&), aliases (*)", NULL},
        {REST "---\n" REST, "4: a second document begins here", "remove the line"},
        {REST "users: []\n", "4: field users: stands here for the second time, first on line 1",
         "remove one"},
        {REST "state_dir: \"a\\0b\"\n", "4: a NUL character", NULL},
        {REST "? [a]\n: b\n", "4: a list or mapping cannot be a key", NULL},
        {REST "x: [[[[[[[[[[[[[[]]]]]]]]]]]]]]\n", "4: nested too deeply", NULL},
    };

    (void)state;
    CHECK_BAD(cases);
}

static void test_bad_shape(void **state)
{
    static const struct bad cases[] = {
        {"users: []\ntargets: []\n", "1: field rules: expected a list of {name, users",
         "this key is missing; add it"},
        {"targets: []\nrules: []\n", "1: field users: expected a list of {name, nt_hash}",
         "add it"},
        {"users:\ntargets: []\nrules: []\n",
         "1: field users: expected a list of {name, nt_hash}, found nothing; write []", NULL},
        {"users: x\n", "1: field users: expected a list of {name, nt_hash}, found one value", NULL},
        {"users: {a: b}\n", "1: field users: expected a list of {name, nt_hash}, found a mapping",
         NULL},
        {"users:\n  - a\n",
         "2: field users[0]: expected a mapping {name: NAME, nt_hash: HASH}, "
         "found one value",
         NULL},
        {"users:\n  - nt_hash: " HASH "\n", "2: field users[0].name: expected 1 to 64", "missing"},
        {"users:\n  - name: a\n    nt_hash: [" HASH "]\n",
         "3: field users[0].nt_hash: expected 32 hexadecimal digits, file:PATH or env:NAME, found "
         "a list",
         NULL},
        {REST "listen: [a]\n", "4: field listen: expected one of listeners, certificate, state_dir",
         "this key is not known; remove it"},
        {REST "limits:\n  idel: 5s\n", "5: field limits.idel: expected one of unauthenticated",
         "not known"},
        {REST "limits:\n", "4: field limits: expected a mapping of limits, found nothing", NULL},
        {"users: []\nrules: []\ntargets:\n  - {name: a, address: h, login: {inject: {user: u, "
         "password:hunter2}}}\n",
         "4: field targets[0].login.inject: expected one of user, domain, password",
         "blank after ':'"},
        {"users:\n  - {name: a, nt_hash:" HASH "}\n",
         "2: field users[0]: expected one of name, nt_hash, disabled", "blank after ':'"},
        {TARGET "    login: inject\n",
         "6: field targets[0].login: expected delegate, ask or {inject: {user: USER, password: "
         "SECRET}}, found one value",
         NULL},
        {TARGET "    login: [delegate]\n", "6: field targets[0].login: expected delegate, ask or",
         NULL},
        {TARGET, "4: field targets[0].login: expected delegate, ask or", "missing"},
        {TARGET "    login: {}\n", "6: field targets[0].login: expected delegate, ask or",
         "one of"},
        {TARGET "    login: {delegate: no}\n",
         "6: field targets[0].login.delegate: expected login: delegate", NULL},
        {TARGET "    login: {delegate: yes, inject: {user: u, password: hunter2}}\n",
         "6: field targets[0].login: expected delegate, ask or", NULL},
        {TARGET "    login: {inject: {user: u}}\n",
         "6: field targets[0].login.inject.password: expected a password", "missing"},
        {TARGET "    login: delegate\n    tls: pin\n",
         "7: field targets[0].tls: expected a mapping {verify", NULL},
        {REST "listeners: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]\n",
         "4: field listeners: expected a list of 1 to 16 ADDRESS:PORT", "too many entries"},
    };

    (void)state;
    CHECK_BAD(cases);
}

static void test_bad_service(void **state)
{
    static const struct bad cases[] = {
        {REST "listeners: []\n", "4: field listeners: expected a list of 1 to 16", "port 3389"},
        {REST "listeners: [localhost:3389]\n",
         "4: field listeners[0]: expected an IP address and port, such as 0.0.0.0:3389 or "
         "[::]:3389, found \"localhost:3389\"",
         "names are not taken"},
        {REST "listeners:\n  - 0.0.0.0:1\n  - 0.0.0.0:0\n",
         "6: field listeners[1]: expected an IP address", NULL},
        {REST "listeners: [\"0.0.0.0:65536\"]\n", "4: field listeners[0]:", NULL},
        {REST "listeners: [0.0.0.0]\n", "4: field listeners[0]:", NULL},
        {REST "listeners: [\"0.0.0.0:\"]\n", "4: field listeners[0]:", NULL},
        {REST "listeners: [\"[::]\"]\n", "4: field listeners[0]:", NULL},
        {REST "listeners: [\"[:::1\"]\n", "4: field listeners[0]:", NULL},
        {REST "listeners: [\"[0.0.0.0]:1\"]\n", "4: field listeners[0]:", NULL},
        {REST "listeners: [\"0.0.0.0:01\"]\n", "4: field listeners[0]:", NULL},
        {REST "listeners: [0.0.0.0:1, 0.0.0.0:1]\n",
         "4: field listeners[1]: expected each address and port once, found \"0.0.0.0:1\"",
         "remove one"},
        {REST "certificate: {cert: /dev/null}\n",
         "4: field certificate.key: expected the path of a PEM private key", "missing"},
        {REST "certificate: {cert: /nonexistent, key: /nonexistent}\n",
         "4: field certificate.cert: expected the path of a PEM certificate chain, found "
         "\"/nonexistent\"",
         "no such file"},
        {REST "certificate: {cert: /dev/null, key: /nonexistent}\n",
         "4: field certificate.cert:", "not a regular file"},
        {REST "ca_file: nonexistent.pem\n",
         "4: field ca_file: expected the path of a PEM bundle, found \"/etc/nonexistent.pem\"",
         "no such file"},
        {REST "ca_file: \"\"\n", "4: field ca_file: expected the path", NULL},
        {REST "state_dir: \"\"\n", "4: field state_dir: expected the path of a folder, found \"\"",
         NULL},
        {REST "control_socket: /a23456789012345678901234567890123456789012345678901234567890123456"
              "789012345678901234567890123456789012345678901234567890123\n",
         "4: field control_socket: expected a path of at most 107 bytes", "shorten"},
        {REST "state_dir: /a23456789012345678901234567890123456789012345678901234567890123456"
              "789012345678901234567890123456789012345678901234567890123\n",
         "1: field control_socket: expected a path of at most 107", "set this key"},
        {REST "user: \"\"\n", "4: field user: expected the name of an existing account", NULL},
        {REST "tls_min: \"1.1\"\n", "4: field tls_min: expected \"1.2\" or \"1.3\", found \"1.1\"",
         NULL},
        {REST "break_glass: {group: \"a b\"}\n", "4: field break_glass.group: expected 1 to 64",
         NULL},
        {REST "break_glass: {}\n", "4: field break_glass", NULL},
        {REST "names: [a b]\n", "4: field names[0]: expected a host name", NULL},
        {REST "names: [ok, \"ok:3389\"]\n", "4: field names[1]: expected a host name", NULL},
        {REST "names: [\"\\e[31m\"]\n", "4: field names[0]: expected", "\\x1b[31m"},
    };

    (void)state;
    CHECK_BAD(cases);
}

#define PENALTY(text)     REST "limits:\n  penalties: {" text "}\n"
#define LIMIT(key, value) REST "limits:\n  " key ": \"" value "\"\n"

static void test_bad_penalties(void **state)
{
    static const struct bad cases[] = {
        {LIMIT("penalties", "off"), "5: field limits.penalties: expected a mapping", NULL},
        {PENALTY("max: 2d"), "5: field limits.penalties.max: expected a time", "at most 1d"},
        {PENALTY("auth_failure: many"), "5: field limits.penalties.auth_failure:", NULL},
        {PENALTY("min: 11m"), "5: field limits.penalties.min: expected a time of at most max",
         "lower min"},
        {PENALTY("exempt: [10.0.0.0/8, 10.0.0.1/8]"),
         "5: field limits.penalties.exempt[1]: expected an address or a network", "no bit"},
        {PENALTY("exempt: [example.org]"), "5: field limits.penalties.exempt[0]:", NULL},
        {PENALTY("crahs: 1s"), "5: field limits.penalties.crahs: expected one of no_auth", NULL},
    };

    (void)state;
    CHECK_BAD(cases);
}

static void test_bad_limits(void **state)
{
    static const struct bad cases[] = {
        {LIMIT("unauthenticated", "0"), "5: field limits.unauthenticated: expected a number", NULL},
        {LIMIT("unauthenticated", "many"), "5: field limits.unauthenticated:", "found \"many\""},
        {LIMIT("unauthenticated", "-1"), "5: field limits.unauthenticated:", NULL},
        {LIMIT("unauthenticated", "99999999999999999999"),
         "5: field limits.unauthenticated:", NULL},
        {LIMIT("per_source", "007"), "5: field limits.per_source: expected a number from 1", NULL},
        {LIMIT("per_source", ""), "5: field limits.per_source:", NULL},
        {LIMIT("first_byte", "5"), "5: field limits.first_byte: expected a time such as 500ms",
         "from 100ms to 5m"},
        {LIMIT("first_byte", "0"), "5: field limits.first_byte:", NULL},
        {LIMIT("first_byte", "5 s"), "5: field limits.first_byte:", NULL},
        {LIMIT("first_byte", "s"), "5: field limits.first_byte:", NULL},
        {LIMIT("first_byte", "6m"), "5: field limits.first_byte:", NULL},
        {LIMIT("first_byte", "1ms"), "5: field limits.first_byte:", NULL},
        {LIMIT("authenticate", "11m"), "5: field limits.authenticate:", "from 1s to 10m"},
        {LIMIT("connect_timeout", "1week"), "5: field limits.connect_timeout:", NULL},
        {LIMIT("idle", "99999999d"), "5: field limits.idle:", "from 1s to 7d"},
        {LIMIT("idle", "123456789012345s"), "5: field limits.idle:", NULL},
        {LIMIT("idle", "10ms"), "5: field limits.idle:", NULL},
        {LIMIT("drain", "2h"), "5: field limits.drain:", "at most 1h"},
        {LIMIT("dials", "10001"), "5: field limits.dials: expected a number from 1 to 10000", NULL},
        {LIMIT("sessions", "1e3"), "5: field limits.sessions:", NULL},
        {LIMIT("early_drop", "64"), "5: field limits.early_drop: expected START:PERCENT",
         "at most limits.unauthenticated"},
        {LIMIT("early_drop", "0:30"), "5: field limits.early_drop:", NULL},
        {LIMIT("early_drop", "64:0"), "5: field limits.early_drop:", NULL},
        {LIMIT("early_drop", "64:101"), "5: field limits.early_drop:", NULL},
        {LIMIT("early_drop", "257:30"), "5: field limits.early_drop:", NULL},
        {LIMIT("early_drop", "12345678901234567:30"), "5: field limits.early_drop:", NULL},
        {LIMIT("early_drop", ":30"), "5: field limits.early_drop:", NULL},
    };

    (void)state;
    CHECK_BAD(cases);
}

#define USER(line) "targets: []\nrules: []\nusers:\n  - " line "\n"

static void test_bad_users(void **state)
{
    static const struct bad cases[] = {
        {USER("{name: \"\", nt_hash: " HASH "}"), "4: field users[0].name: expected 1 to 64", NULL},
        {USER("{name: \"a#b\", nt_hash: " HASH "}"), "4: field users[0].name:", "found \"a#b\""},
        {USER("{name: 'D\\a', nt_hash: " HASH "}"), "4: field users[0].name:", "without # \\ @"},
        {USER("{name: a@b, nt_hash: " HASH "}"), "4: field users[0].name:", NULL},
        {USER("{name: a/b, nt_hash: " HASH "}"), "4: field users[0].name:", NULL},
        {USER("{name: \"a:b\", nt_hash: " HASH "}"), "4: field users[0].name:", NULL},
        {USER("{name: \" a\", nt_hash: " HASH "}"), "4: field users[0].name:", NULL},
        {USER("{name: \"a \", nt_hash: " HASH "}"), "4: field users[0].name:", NULL},
        {USER("{name: \"a\\tb\", nt_hash: " HASH "}"), "4: field users[0].name:", "\\x09"},
        {USER("{name: a23456789012345678901234567890123456789012345678901234567890abcde, "
              "nt_hash: " HASH "}"),
         "4: field users[0].name:", NULL},
        {USER("{name: a, nt_hash: " HASH "}\n  - {name: A, nt_hash: " HASH "}"),
         "5: field users[1].name: expected each user's name once (case does not matter), found "
         "\"A\"",
         "rename one"},
        {USER("{name: a, nt_hash: hunter2}"),
         "4: field users[0].nt_hash: expected 32 hexadecimal digits, file:PATH or env:NAME",
         "sallyport passwd"},
        {USER("{name: a, nt_hash: 8846f7eaee8fb117ad06bdd830b7586g}"),
         "4: field users[0].nt_hash:", NULL},
        {USER("{name: a, nt_hash: \"\"}"), "4: field users[0].nt_hash:", "the value is empty"},
        {USER("{name: a, nt_hash: file:nonexistent}"),
         "4: field users[0].nt_hash:", "file /etc/nonexistent cannot be read: No such file"},
        {USER("{name: a, nt_hash: env:SP_NOT_SET}"),
         "4: field users[0].nt_hash:", "environment variable SP_NOT_SET is not set"},
        {USER("{name: a, nt_hash: " HASH ", disabled: maybe}"),
         "4: field users[0].disabled: expected true or false, found \"maybe\"", NULL},
        {USERS "targets: []\nrules: []\ngroups: [{name: \"\", members: []}]\n",
         "4: field groups[0].name: expected 1 to 64 letters", NULL},
        {USERS "targets: []\nrules: []\ngroups: [{name: g, members: [a, b]}]\n",
         "4: field groups[0].members[1]: expected the name of a user of this file, found \"b\"",
         "add the user"},
        {USERS "targets: []\nrules: []\ngroups: [{name: g, members: []}, {name: G, members: []}]\n",
         "4: field groups[1].name: expected each group's name once", NULL},
    };

    (void)state;
    CHECK_BAD(cases);
}

#define ADDRESS(text)                                                                              \
    "users: []\nrules: []\ntargets:\n  - {name: x, login: delegate, address: \"" text "\"}\n"

/* lint: flat */
static void test_bad_targets(void **state)
{
    static const struct bad cases[] = {
        {ADDRESS(""), "4: field targets[0].address: expected HOST or HOST:PORT, found \"\"",
         "brackets"},
        {ADDRESS("::1"), "4: field targets[0].address:", "brackets: [2001:db8::1]"},
        {ADDRESS("a b"), "4: field targets[0].address:", NULL},
        {ADDRESS("a:0"), "4: field targets[0].address:", NULL},
        {ADDRESS("a:"), "4: field targets[0].address:", NULL},
        {ADDRESS("a:b"), "4: field targets[0].address:", NULL},
        {ADDRESS("1.2.3"), "4: field targets[0].address:", NULL},
        {ADDRESS("1.2.3.256"), "4: field targets[0].address:", NULL},
        {ADDRESS("-a"), "4: field targets[0].address:", NULL},
        {ADDRESS("a..b"), "4: field targets[0].address:", NULL},
        {ADDRESS("[a]:1"), "4: field targets[0].address:", NULL},
        {ADDRESS("[::1]x"), "4: field targets[0].address:", NULL},
        {"users: []\nrules: []\ntargets:\n  - {name: a b, address: h, login: delegate}\n",
         "4: field targets[0].name: expected 1 to 64 letters", "found \"a b\""},
        {"users: []\nrules: []\ntargets:\n  - {name: a, address: h, login: delegate}\n"
         "  - {name: A, address: h, login: delegate}\n",
         "5: field targets[1].name: expected each target's name once", "rename"},
        {TARGET "    login: delegate\n    tags: [ok, \"no t\"]\n",
         "7: field targets[0].tags[1]: expected 1 to 64 letters", NULL},
        {TARGET "    login: {inject: {user: \"\", password: hunter2}}\n",
         "6: field targets[0].login.inject.user: expected USER, DOMAIN\\USER", NULL},
        {TARGET "    login: {inject: {user: 'D\\', password: hunter2}}\n",
         "6: field targets[0].login.inject.user:", NULL},
        {TARGET "    login: {inject: {user: '\\u', password: hunter2}}\n",
         "6: field targets[0].login.inject.user:", NULL},
        {TARGET "    login: {inject: {user: 'D\\E\\u', password: hunter2}}\n",
         "6: field targets[0].login.inject.user:", NULL},
        {TARGET "    login: {inject: {user: 'D\\u', domain: E, password: hunter2}}\n",
         "6: field targets[0].login.inject.user:", "the domain is given twice"},
        {TARGET "    login: {inject: {user: u, password: \"\"}}\n",
         "6: field targets[0].login.inject.password: expected a password of 1 to 255", "empty"},
        {TARGET "    login: {inject: {user: u, password: file:nonexistent}}\n",
         "6: field targets[0].login.inject.password:", "cannot be read"},
        {TARGET "    login: delegate\n    nla: maybe\n",
         "7: field targets[0].nla: expected required, allowed or off, found \"maybe\"", NULL},
        {TARGET "    login: delegate\n    nla: off\n",
         "7: field targets[0].nla: expected required, since login is delegate", "login: inject"},
        {TARGET INJECT "    nla: off\n    tls: {verify: none}\n",
         "7: field targets[0].nla: expected required, since tls.verify is none, found \"off\"",
         "ca, pin or tofu"},
        {TARGET INJECT "    nla: allowed\n    tls: {verify: none}\n",
         "7: field targets[0].nla: expected required, since tls.verify is none", NULL},
        {TARGET "    login: ask\n", "4: field targets[0].nla: expected off, since login is ask",
         "nla: off"},
        {TARGET "    login: ask\n    nla: allowed\n",
         "7: field targets[0].nla: expected off, since login is ask, found \"allowed\"", NULL},
        {TARGET "    login: {ask: maybe}\n", "6: field targets[0].login.ask: expected login: ask",
         NULL},
        {TARGET "    login: {ask: yes, delegate: yes}\n",
         "6: field targets[0].login: expected delegate, ask or", "write one of them"},
        {TARGET INJECT "    restricted_admin: maybe\n",
         "7: field targets[0].restricted_admin: expected true or false, found \"maybe\"", NULL},
        {TARGET INJECT "    restricted_admin: true\n    nla: allowed\n",
         "7: field targets[0].restricted_admin: expected false, since nla is not required",
         "a mode of NLA"},
        {TARGET INJECT "    credssp_min: 1\n",
         "7: field targets[0].credssp_min: expected a number from 2 to 6, found \"1\"", NULL},
        {TARGET INJECT "    credssp_min: 60\n",
         "7: field targets[0].credssp_min: expected a number from 2 to 6, found \"60\"", NULL},
        {TARGET INJECT "    credssp_min: 4\n    tls: {verify: none}\n",
         "7: field targets[0].credssp_min: expected 5 or 6, since tls.verify is none",
         "CVE-2018-0886"},
        {TARGET INJECT "    tls: {verify: maybe}\n",
         "7: field targets[0].tls.verify: expected ca, pin, tofu or none, found \"maybe\"", NULL},
        {TARGET INJECT "    tls: {verify: ca}\n",
         "7: field targets[0].tls.verify: expected pin, tofu or none, found \"ca\"", "ca_file"},
    };

    (void)state;
    CHECK_BAD(cases);
}

static void test_bad_pins(void **state)
{
    static const struct bad cases[] = {
        {TARGET INJECT "    tls: {verify: pin}\n",
         "7: field targets[0].tls.pin: expected sha256:", "verify: pin needs it"},
        {TARGET INJECT "    tls:\n      verify: tofu\n      pin: " PIN "\n",
         "8: field targets[0].tls.verify: expected pin, since a pin is given, found \"tofu\"",
         "remove one"},
        {TARGET INJECT "    tls:\n      pin: " PIN "0\n", "8: field targets[0].tls.pin:", NULL},
        {TARGET INJECT "    tls: {pin: \"sha256:00\"}\n", "7: field targets[0].tls.pin:", NULL},
        {TARGET INJECT "    tls: {pin: \"\"}\n", "7: field targets[0].tls.pin:", NULL},
        {TARGET INJECT "    tls: {pin: \"!AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}\n",
         "7: field targets[0].tls.pin:", NULL},
    };

    (void)state;
    CHECK_BAD(cases);
}

static void test_bad_redirects(void **state)
{
    static const struct bad cases[] = {
        {TARGET "    login: delegate\n    redirects: ['host:0']\n",
         "7: field targets[0].redirects[0]: expected HOST or HOST:PORT", NULL},
        {TARGET "    login: delegate\n    redirects: [a, '::1']\n",
         "7: field targets[0].redirects[1]:", "brackets: [2001:db8::1]"},
        {TARGET "    login: delegate\n    redirects: ["
                "a123456789b123456789c123456789d123456789e123456789f1234567890]\n",
         "7: field targets[0].redirects[0]:", "brackets"},
    };

    (void)state;
    CHECK_BAD(cases);
}

#define RULE(text)                                                                                 \
    USERS "targets: [{name: t, address: h, tags: [g], login: delegate}]\nrules:\n  - " text "\n"

static void test_bad_rules(void **state)
{
    static const struct bad cases[] = {
        {RULE("{name: r}"), "4: field rules[0]: expected users or groups in a rule", "say who"},
        {RULE("{name: r, users: [a]}"), "4: field rules[0]: expected targets or tags in a rule",
         "say what"},
        {RULE("{name: r, users: [], targets: [t]}"), "4: field rules[0]: expected users or groups",
         NULL},
        {RULE("{name: r, users: [b], targets: [t]}"),
         "4: field rules[0].users[0]: expected the name of a user of this file, found \"b\"",
         "add the user or remove"},
        {RULE("{name: r, users: [\"\\xff\"], targets: [t]}"), "4: field rules[0].users[0]:", NULL},
        {RULE("{name: r, groups: [x], targets: [t]}"),
         "4: field rules[0].groups[0]: expected the name of a group of this file", NULL},
        {RULE("{name: r, users: [a], targets: [t, u]}"),
         "4: field rules[0].targets[1]: expected the name of a target of this file, found \"u\"",
         NULL},
        {RULE("{name: r, users: [a], tags: [h]}"),
         "4: field rules[0].tags[0]: expected a tag that some target has, found \"h\"", NULL},
        {RULE("{name: r r, users: [a], tags: [g]}"), "4: field rules[0].name: expected 1 to 64",
         NULL},
        {RULE("{name: r, users: [a], tags: [g]}\n  - {name: R, users: [a], tags: [g]}"),
         "5: field rules[1].name: expected each rule's name once", NULL},
        {RULE("{users: [a], tags: [g]}"), "4: field rules[0].name: expected", "missing"},
    };

    (void)state;
    CHECK_BAD(cases);
}

static void test_bad_channels(void **state)
{
    static const struct bad cases[] = {
        {RULE("{name: r, users: [a], tags: [g], idle: 5}"),
         "4: field rules[0].idle: expected a time", "7d"},
        {RULE("{name: r, users: [a], tags: [g], total: 8d}"),
         "4: field rules[0].total: expected a time", NULL},
        {RULE("{name: r, users: [a], tags: [g], channels: {clipboard: in}}"),
         "4: field rules[0].channels.clipboard: expected both, to-target, to-client or off", NULL},
        {RULE("{name: r, users: [a], tags: [g], channels: {clipboard_kinds: [text, html]}}"),
         "4: field rules[0].channels.clipboard_kinds[1]: expected text, images or files", NULL},
        {RULE("{name: r, users: [a], tags: [g], channels: {drives: true}}"),
         "4: field rules[0].channels.drives: expected off, read, write or both, found \"true\"",
         NULL},
        {RULE("{name: r, users: [a], tags: [g], channels: {sound: 1}}"),
         "4: field rules[0].channels.sound: expected true or false, found \"1\"", NULL},
        {RULE("{name: r, users: [a], tags: [g], channels: {floppy: true}}"),
         "4: field rules[0].channels.floppy: expected one of clipboard", "remove it"},
    };

    (void)state;
    CHECK_BAD(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_yaml),      cmocka_unit_test(test_bad_shape),
        cmocka_unit_test(test_bad_service),   cmocka_unit_test(test_bad_limits),
        cmocka_unit_test(test_bad_penalties), cmocka_unit_test(test_bad_users),
        cmocka_unit_test(test_bad_targets),   cmocka_unit_test(test_bad_pins),
        cmocka_unit_test(test_bad_redirects), cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_bad_channels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
