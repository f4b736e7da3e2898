/* SPDX-License-Identifier: Apache-2.0
 * Tests of the conditions: each one true and false, what is needed, what is not known yet, when
 * time alone changes the answer, and that a rule which denies wins.
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

#include "base/mem.h"
#include "keeper/config.h"
#include "keeper/policy.h"
#include "keeper/zone.h"

#define S   INT64_C(1000000)
#define MIN (60 * S)
#define H   (60 * MIN)
/* Monday 2026-11-23 10:00:00 UTC, 11:00 in Berlin */
#define MONDAY (INT64_C(1795428000) * S)

#define BASE                                                                                       \
    "users: [{name: alice}, {name: bob}]\n"                                                        \
    "groups: [{name: ops, members: [bob]}, {name: boss, members: [alice]}]\n"                      \
    "targets:\n"                                                                                   \
    "  - {name: web01, address: a, tags: [web], login: delegate}\n"                                \
    "  - {name: web02, address: b, tags: [web], login: delegate}\n"                                \
    "rules:\n"

static struct policy_facts facts;
static struct policy_decision d;

static int start(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

static int fresh_facts(void **state)
{
    (void)state;
    facts = (struct policy_facts){.wall_us = MONDAY, .boot_ms = 1000000, .nla = CATALOG_NLA_NTLM};
    facts.source[10] = facts.source[11] = 0xFF;
    facts.source[12] = 10;
    return 0;
}

/* Decide by a file whose rules are given; alice asks for web01. */
static enum policy_verdict decide_for(const char *rules, const char *target)
{
    char text[4096], error[CONFIG_ERROR_SIZE];
    struct config *config = NULL;
    int n = snprintf(text, sizeof(text), BASE "%s", rules);

    assert_true(n > 0 && (size_t)n < sizeof(text));
    if (config_parse("p.yaml", text, (size_t)n, &config, error, sizeof(error)) != SP_OK)
        fail_msg("%s", error);
    const struct catalog *c = config->catalog;
    policy_decide(c, catalog_find_user(c, "alice"), target, &facts, &d);
    d.rule = NULL; /* it goes with the configuration */
    d.target = NULL;
    config_free(config);
    return d.verdict;
}

#define WITH(more) "  - {name: r, users: [alice], targets: [web01], " more "}\n"

static enum policy_verdict decide(const char *rules)
{
    return decide_for(rules, "web01");
}

static void test_source(void **state)
{
    (void)state;
    assert_int_equal(decide(WITH("sources: [192.0.2.0/24, 10.0.0.0/8]")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("sources: [192.0.2.0/24]")), POLICY_CONDITIONS);
    assert_string_equal(d.reason, "rule r does not hold for target web01: source");
    assert_int_equal(d.errinfo, 0x9);
}

static void test_country(void **state)
{
    (void)state;
    assert_int_equal(decide(WITH("countries: [DE, AT]")), POLICY_CONDITIONS);
    memcpy(facts.country, "AT", 3);
    assert_int_equal(decide(WITH("countries: [DE, AT]")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("countries: [DE]")), POLICY_CONDITIONS);
}

static void test_when(void **state)
{
    (void)state;
    assert_int_equal(decide(WITH("when: {days: [mon-fri]}")), POLICY_ALLOWED);
    assert_int_equal(d.edge_us, MONDAY + 14 * H);
    assert_int_equal(decide(WITH("when: {days: [sat, sun]}")), POLICY_CONDITIONS);
    assert_int_equal(decide(WITH("when: {days: [sat-mon]}")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("when: {hours: \"08:00-10:00\"}")), POLICY_CONDITIONS);
    assert_int_equal(decide(WITH("when: {hours: \"08:00-10:01\"}")), POLICY_ALLOWED);
    assert_int_equal(d.edge_us, MONDAY + MIN);
    assert_int_equal(decide(WITH("when: {hours: \"10:00-24:00\"}")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("when: {hours: \"10:01-24:00\"}")), POLICY_CONDITIONS);
    assert_int_equal(d.edge_us, MONDAY + MIN);
    assert_int_equal(decide(WITH("when: {hours: \"11:00-12:00\", zone: Europe/Berlin}")),
                     POLICY_ALLOWED);
    assert_int_equal(decide(WITH("when: {hours: \"10:00-11:00\", zone: Europe/Berlin}")),
                     POLICY_CONDITIONS);
}

/* The hours after midnight belong to the day on which they began. */
static void test_over_midnight(void **state)
{
    (void)state;
    facts.wall_us = MONDAY - 8 * H; /* Monday 02:00 */
    assert_int_equal(decide(WITH("when: {days: [sun], hours: \"22:00-06:00\"}")), POLICY_ALLOWED);
    assert_int_equal(d.edge_us, MONDAY - 4 * H);
    assert_int_equal(decide(WITH("when: {days: [mon], hours: \"22:00-06:00\"}")),
                     POLICY_CONDITIONS);
    facts.wall_us = MONDAY + 13 * H; /* Monday 23:00 */
    assert_int_equal(decide(WITH("when: {days: [mon], hours: \"22:00-06:00\"}")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("when: {days: [sun], hours: \"22:00-06:00\"}")),
                     POLICY_CONDITIONS);
}

/* Berlin's clocks go from 02:00 to 03:00 on 2026-03-29 at 01:00 UTC. */
static void test_clock_change(void **state)
{
    const int64_t change = INT64_C(1774746000) * S;
    struct zone_time t;

    (void)state;
    zone_local("Europe/Berlin", change - MIN, &t);
    assert_int_equal(t.minute, 119);
    zone_local("Europe/Berlin", change, &t);
    assert_int_equal(t.minute, 180);
    assert_int_equal(t.day, 0);
    assert_int_equal(t.offset_s, 7200);
    facts.wall_us = change - 10 * MIN; /* 01:50; 04:00 comes an hour sooner than it seems */
    assert_int_equal(decide(WITH("when: {hours: \"00:00-04:00\", zone: Europe/Berlin}")),
                     POLICY_ALLOWED);
    assert_true(d.edge_us <= change + H);
    assert_false(zone_is_known("../../etc/passwd"));
    assert_false(zone_is_known("/etc/localtime"));
    assert_false(zone_is_known("Europe"));
    assert_false(zone_is_known(""));
}

static void test_nla(void **state)
{
    (void)state;
    assert_int_equal(decide(WITH("nla: [ntlm, ticket]")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("nla: [kerberos]")), POLICY_CONDITIONS);
    facts.nla = CATALOG_NLA_KERBEROS;
    assert_int_equal(decide(WITH("nla: [kerberos]")), POLICY_ALLOWED);
    facts.nla = CATALOG_NLA_NONE;
    assert_int_equal(decide(WITH("nla: [ntlm, kerberos, ticket]")), POLICY_CONDITIONS);
}

static void test_client(void **state)
{
    static const char rule[] = WITH("clients: {names: [\"PC-*\"], builds: \"19041-26100\"}");

    (void)state;
    assert_int_equal(decide(rule), POLICY_ALLOWED); /* not known yet */
    facts.is_client_due = true;
    assert_int_equal(decide(rule), POLICY_CONDITIONS); /* never said */
    facts.is_client_known = true;
    facts.client = "pc-7";
    facts.build = 22621;
    assert_int_equal(decide(rule), POLICY_ALLOWED);
    facts.build = 18363;
    assert_int_equal(decide(rule), POLICY_CONDITIONS);
    facts.build = 22621;
    facts.client = "laptop";
    assert_int_equal(decide(rule), POLICY_CONDITIONS);
    facts.client = NULL;
    assert_int_equal(decide(rule), POLICY_CONDITIONS);
}

static void test_patterns(void **state)
{
    (void)state;
    assert_true(policy_matches("*", "") && policy_matches("a*c?", "AbbCd"));
    assert_true(policy_matches("*a*b*", "xxaxxbxx") && policy_matches("", ""));
    assert_false(policy_matches("a", "ab") || policy_matches("?", "") ||
                 policy_matches("a*b", "a"));
    char text[65];
    memset(text, 'a', 64);
    text[64] = '\0';
    assert_false(policy_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

static void test_factor(void **state)
{
    struct policy_proof proof = {POLICY_TOTP, MONDAY - 10 * MIN, 1000000 - 600000};

    (void)state;
    assert_int_equal(decide(WITH("mfa: any")), POLICY_NEEDS);
    assert_int_equal(d.needs, POLICY_NEED_FACTOR);
    facts.proofs = &proof;
    facts.proof_count = 1;
    assert_int_equal(decide(WITH("mfa: any")), POLICY_ALLOWED);
    assert_int_equal(d.edge_us, INT64_MAX);
    assert_int_equal(decide(WITH("mfa: totp")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("mfa: webauthn")), POLICY_NEEDS);
    assert_int_equal(decide(WITH("mfa: totp, fresh: 15m")), POLICY_ALLOWED);
    assert_int_equal(d.edge_us, MONDAY + 5 * MIN);
    assert_int_equal(decide(WITH("mfa: totp, fresh: 10m")), POLICY_NEEDS);
    facts.wall_us -= H; /* the wall clock was set back: the proof is no younger for it */
    assert_int_equal(decide(WITH("mfa: totp, fresh: 10m")), POLICY_NEEDS);
    facts.wall_us += H;
    proof.kind = POLICY_RECOVERY;
    assert_int_equal(decide(WITH("mfa: totp")), POLICY_NEEDS);
    assert_int_equal(decide(WITH("mfa: any")), POLICY_ALLOWED);
}

static void test_approval(void **state)
{
    static const char rule[] = WITH("require: {approval: {by: ops, longest: 4h}}");
    struct policy_grant grant = {"WEB01", "OPS", MONDAY + H};

    (void)state;
    assert_int_equal(decide(rule), POLICY_NEEDS);
    assert_int_equal(d.needs, POLICY_NEED_APPROVAL);
    facts.grants = &grant;
    facts.grant_count = 1;
    assert_int_equal(decide(rule), POLICY_ALLOWED);
    assert_int_equal(d.edge_us, MONDAY + H);
    assert_int_equal(decide_for(rule, NULL), POLICY_ALLOWED);
    grant.group = "boss";
    assert_int_equal(decide(rule), POLICY_NEEDS);
    grant.group = NULL; /* break glass */
    assert_int_equal(decide(rule), POLICY_ALLOWED);
    grant.target = "web02";
    assert_int_equal(decide(rule), POLICY_NEEDS);
    grant.target = "web01";
    grant.until_us = MONDAY;
    assert_int_equal(decide(rule), POLICY_NEEDS);
}

static void test_consent(void **state)
{
    (void)state;
    assert_int_equal(decide(WITH("consent: \"be nice\"")), POLICY_NEEDS);
    assert_int_equal(d.needs, POLICY_NEED_CONSENT);
    facts.consented = "other";
    assert_int_equal(decide(WITH("consent: \"be nice\"")), POLICY_NEEDS);
    facts.consented = "r";
    assert_int_equal(decide(WITH("consent: \"be nice\"")), POLICY_ALLOWED);
    facts.consented = NULL;
    assert_int_equal(decide(WITH("consent: \"x\", mfa: any, require: {approval: {by: ops}}")),
                     POLICY_NEEDS);
    assert_int_equal(d.needs, POLICY_NEED_CONSENT | POLICY_NEED_FACTOR | POLICY_NEED_APPROVAL);
}

static uint32_t two(const void *ctx, const char *target)
{
    (void)ctx;
    return strcmp(target, "web01") == 0 ? 2 : 0;
}

static void test_sessions(void **state)
{
    (void)state;
    facts.user_sessions = 1;
    facts.target_sessions = two;
    assert_int_equal(decide(WITH("concurrent: {user: 2}")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("concurrent: {user: 1}")), POLICY_CONDITIONS);
    assert_int_equal(decide(WITH("concurrent: {target: 3}")), POLICY_ALLOWED);
    assert_int_equal(decide(WITH("concurrent: {target: 2}")), POLICY_CONDITIONS);
    facts.is_running = true; /* who is inside stays inside */
    assert_int_equal(decide(WITH("concurrent: {user: 1, target: 1}")), POLICY_ALLOWED);
}

static void test_deny_wins(void **state)
{
    static const char deny[] =
        WITH("mfa: any") "  - {name: all, groups: [boss], tags: [web]}\n"
                         "  - {name: no, effect: deny, users: [alice], tags: [web], sources: "
                         "[10.0.0.0/8]}\n";

    (void)state;
    assert_int_equal(decide(deny), POLICY_RULE_DENIES);
    assert_string_equal(d.reason, "rule no denies target web01");
    assert_int_equal(decide_for(deny, NULL), POLICY_NOTHING);
    facts.source[12] = 192;
    assert_int_equal(decide(deny), POLICY_ALLOWED); /* standing access beside one that asks more */
    assert_int_equal(decide_for(deny, ""), POLICY_TARGET_CHOICE);
    assert_int_equal(d.needs, POLICY_NEED_CHOICE);
    assert_int_equal(decide("  - {name: no, effect: deny, users: [alice], targets: [web01]}\n"),
                     POLICY_RULE_DENIES);
}

static void test_explained(void **state)
{
    static const char rules[] = WITH(
        "sources: [192.0.2.0/24]") "  - {name: office, groups: [boss], tags: [web], mfa: totp}\n"
                                   "  - {name: other, users: [bob], targets: [web01]}\n"
                                   "  - {name: none, users: [bob], targets: [web02]}\n";
    char text[1024], error[CONFIG_ERROR_SIZE], out[256], little[16];
    struct config *config = NULL;
    int n = snprintf(text, sizeof(text), BASE "%s", rules);

    (void)state;
    if (config_parse("p.yaml", text, (size_t)n, &config, error, sizeof(error)) != SP_OK)
        fail_msg("%s", error);
    const struct catalog *c = config->catalog;
    const struct catalog_user *alice = catalog_find_user(c, "alice");
    policy_explain_short(c, alice, "web01", &facts, out, sizeof(out));
    assert_string_equal(out, "r no, source no; office needs, factor needed");
    policy_explain_short(c, alice, "web01", &facts, little, sizeof(little));
    assert_true(strlen(little) < sizeof(little));
    json_t *all = policy_explain(c, alice, "web01", &facts, 2);
    assert_string_equal(json_string_value(json_object_get(all, "verdict")), "needs");
    assert_int_equal(json_array_size(json_object_get(all, "rules")), 2);
    assert_int_equal(json_integer_value(json_object_get(all, "more")), 1);
    const json_t *first = json_array_get(json_object_get(all, "rules"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "source")), "no");
    json_decref(all);
    size_t count = 0;
    SP_FREE struct policy_choice *choices = policy_choices(c, alice, &facts, &count);
    assert_int_equal(count, 2);
    assert_int_equal(choices[0].needs, POLICY_NEED_FACTOR);
    config_free(config);
}

static void test_refusals(void **state)
{
    static const char *const bad[][2] = {
        {"effect: maybe", "rules[0].effect: expected allow or deny"},
        {"sources: [10.0.0.1/8]", "rules[0].sources[0]"},
        {"countries: [de]", "rules[0].countries[0]"},
        {"when: {}", "rules[0].when"},
        {"when: {days: [someday]}", "rules[0].when.days[0]"},
        {"when: {days: [mon-]}", "rules[0].when.days[0]"},
        {"when: {hours: \"8-18\"}", "rules[0].when.hours"},
        {"when: {hours: \"08:00-24:01\"}", "rules[0].when.hours"},
        {"when: {hours: \"24:00-08:00\"}", "rules[0].when.hours"},
        {"when: {hours: \"08:00-08:00\"}", "rules[0].when.hours"},
        {"when: {hours: \"08:60-09:00\"}", "rules[0].when.hours"},
        {"when: {days: [mon], zone: Mars/Olympus}", "rules[0].when.zone"},
        {"mfa: sms", "rules[0].mfa"},
        {"fresh: 15m", "rules[0].fresh"},
        {"mfa: any, fresh: 8d", "rules[0].fresh"},
        {"nla: [basic]", "rules[0].nla[0]"},
        {"clients: {}", "rules[0].clients"},
        {"clients: {names: [\"\"]}", "rules[0].clients.names[0]"},
        {"clients: {builds: \"9-1\"}", "rules[0].clients.builds"},
        {"require: {approval: {by: nobody}}", "rules[0].require.approval.by"},
        {"require: {approval: {by: ops, longest: 31d}}", "rules[0].require.approval.longest"},
        {"require: {approval: {by: ops, reason: maybe}}", "rules[0].require.approval.reason"},
        {"require: {approval: {by: ops, ticket: \"(\"}}", "rules[0].require.approval.ticket"},
        {"consent: \"\"", "rules[0].consent"},
        {"concurrent: {user: 0}", "rules[0].concurrent.user"},
        {"concurrent: {target: x}", "rules[0].concurrent.target"},
        {"recording: full", "rules[0].recording: expected off, since there is no recording yet"},
        {"watermark: true", "rules[0].watermark: expected nothing, since there is no watermark"},
        {"four_eyes: true", "rules[0].four_eyes: expected nothing"},
        {"effect: deny, mfa: any", "rules[0].mfa: expected nothing, since this rule denies"},
        {"effect: deny, idle: 5m", "rules[0].idle: expected nothing, since this rule denies"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[2048], error[CONFIG_ERROR_SIZE] = "";
        struct config *config = NULL;
        int n = snprintf(text, sizeof(text),
                         BASE "  - {name: r, users: [alice], targets: [web01], %s}\n", bad[i][0]);

        assert_int_not_equal(config_parse("p.yaml", text, (size_t)n, &config, error, sizeof(error)),
                             SP_OK);
        if (strstr(error, bad[i][1]) == NULL)
            fail_msg("%s: %s", bad[i][0], error);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh_facts)
    const struct CMUnitTest tests[] = {
        TEST(test_source),        TEST(test_country),      TEST(test_when),
        TEST(test_over_midnight), TEST(test_clock_change), TEST(test_nla),
        TEST(test_client),        TEST(test_patterns),     TEST(test_factor),
        TEST(test_approval),      TEST(test_consent),      TEST(test_sessions),
        TEST(test_deny_wins),     TEST(test_explained),    TEST(test_refusals),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
