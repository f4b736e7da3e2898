/* SPDX-License-Identifier: Apache-2.0
 * One rule's conditions against the facts of a moment, and when time alone may change the answer.
 */
#include <string.h>

#include "keeper/policy.h"
#include "keeper/zone.h"

#define MINUTE_US  INT64_C(60000000)
#define QUARTER_US (15 * MINUTE_US)
#define DAY_MIN    1440u

const char *policy_check_name(enum policy_check check)
{
    static const char *const names[] = {
        [POLICY_CHECK_SOURCE] = "source",     [POLICY_CHECK_COUNTRY] = "country",
        [POLICY_CHECK_WHEN] = "when",         [POLICY_CHECK_NLA] = "nla",
        [POLICY_CHECK_CLIENT] = "client",     [POLICY_CHECK_FACTOR] = "factor",
        [POLICY_CHECK_APPROVAL] = "approval", [POLICY_CHECK_CONSENT] = "consent",
        [POLICY_CHECK_SESSIONS] = "sessions",
    };

    return (unsigned)check < POLICY_CHECK_COUNT ? names[check] : "?";
}

const char *policy_answer_name(enum policy_answer answer)
{
    static const char *const names[] = {
        [POLICY_NOT_ASKED] = "not asked", [POLICY_YES] = "yes", [POLICY_LATER] = "later",
        [POLICY_NEED] = "needed",         [POLICY_NO] = "no",
    };

    return (unsigned)answer < POLICY_ANSWER_COUNT ? names[answer] : "?";
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Only the last * is ever gone back to, so that no pattern takes long. */
bool policy_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *behind = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            behind = text;
        } else if (*pattern != '\0' && (*pattern == '?' || lower(*pattern) == lower(*text))) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++behind;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* What one check is given. */
struct asked {
    const struct catalog *catalog;
    const struct catalog_rule *rule;
    const struct catalog_conditions *c;
    const struct catalog_target *target; /* or NULL */
    const struct policy_facts *facts;
    struct policy_judgement *out;
};

static enum policy_answer yes_if(bool is_true)
{
    return is_true ? POLICY_YES : POLICY_NO;
}

static void edge_at(const struct asked *a, int64_t at_us)
{
    if (at_us > a->facts->wall_us && at_us < a->out->edge_us)
        a->out->edge_us = at_us;
}

static enum policy_answer check_source(const struct asked *a)
{
    if (a->c->source_count == 0)
        return POLICY_NOT_ASKED;
    for (size_t i = 0; i < a->c->source_count; i++)
        if (net_contains(&a->c->sources[i], a->facts->source))
            return POLICY_YES;
    return POLICY_NO;
}

/* A country that is not known is none: neither allowed nor denied by name. */
static enum policy_answer check_country(const struct asked *a)
{
    if (a->c->country_count == 0)
        return POLICY_NOT_ASKED;
    for (size_t i = 0; i < a->c->country_count; i++)
        if (a->facts->country[0] != '\0' && strcmp(a->c->countries[i], a->facts->country) == 0)
            return POLICY_YES;
    return POLICY_NO;
}

/* The next minute of the day at which the answer may change, counted from now. */
static uint32_t minutes_to_edge(const struct catalog_when *when, uint32_t minute)
{
    uint32_t least = DAY_MIN - minute; /* a new day begins */

    if (when->has_hours && when->from_min > minute && when->from_min - minute < least)
        least = when->from_min - minute;
    if (when->has_hours && when->to_min > minute && when->to_min - minute < least)
        least = when->to_min - minute;
    return least;
}

/* If the clocks there change before the edge, it is looked at again every quarter of an hour. */
static void edge_of_when(const struct asked *a, const struct zone_time *now)
{
    int64_t start = a->facts->wall_us - a->facts->wall_us % MINUTE_US;
    int64_t edge = start + minutes_to_edge(&a->c->when, now->minute) * MINUTE_US;
    struct zone_time then;

    zone_local(a->c->when.zone, edge, &then);
    if (then.offset_s != now->offset_s) {
        int64_t quarter = a->facts->wall_us - a->facts->wall_us % QUARTER_US + QUARTER_US;
        edge = quarter < edge ? quarter : edge;
    }
    edge_at(a, edge);
}

static enum policy_answer check_when(const struct asked *a)
{
    const struct catalog_when *when = &a->c->when;
    struct zone_time now;

    if (!when->is_set)
        return POLICY_NOT_ASKED;
    zone_local(when->zone, a->facts->wall_us, &now);
    edge_of_when(a, &now);
    uint32_t day = now.day;
    bool is_over_midnight = when->has_hours && when->from_min > when->to_min;
    bool is_early = is_over_midnight && now.minute < when->to_min;
    bool is_in = !when->has_hours ||
                 (is_over_midnight ? now.minute >= when->from_min || is_early
                                   : now.minute >= when->from_min && now.minute < when->to_min);

    if (is_early) /* these hours belong to the day before */
        day = (day + 6) % 7;
    return yes_if(is_in && (when->days >> day & 1) != 0);
}

static enum policy_answer check_nla(const struct asked *a)
{
    return a->c->nla == 0 ? POLICY_NOT_ASKED : yes_if((a->c->nla >> a->facts->nla & 1) != 0);
}

static enum policy_answer check_client(const struct asked *a)
{
    const struct policy_facts *f = a->facts;
    bool is_named = a->c->client_count == 0;

    if (a->c->client_count == 0 && !a->c->has_builds)
        return POLICY_NOT_ASKED;
    if (!f->is_client_known)
        return f->is_client_due ? POLICY_NO : POLICY_LATER;
    for (size_t i = 0; i < a->c->client_count; i++)
        is_named = is_named || policy_matches(a->c->clients[i], f->client != NULL ? f->client : "");
    bool is_build =
        !a->c->has_builds || (f->build >= a->c->build_least && f->build <= a->c->build_most);
    return yes_if(is_named && is_build);
}

static bool is_kind(enum catalog_mfa mfa, enum policy_factor kind)
{
    return mfa == CATALOG_MFA_ANY || (mfa == CATALOG_MFA_TOTP && kind == POLICY_TOTP) ||
           (mfa == CATALOG_MFA_WEBAUTHN && kind == POLICY_WEBAUTHN);
}

/* The older of what the two clocks say: setting one back makes no proof younger. */
static int64_t age_us(const struct policy_proof *p, const struct policy_facts *f)
{
    int64_t by_wall = f->wall_us - p->at_us, by_boot = (f->boot_ms - p->at_boot_ms) * 1000;

    return by_wall > by_boot ? by_wall : by_boot;
}

static enum policy_answer check_factor(const struct asked *a)
{
    const struct policy_facts *f = a->facts;
    int64_t left = -1;

    if (a->c->mfa == CATALOG_MFA_NONE)
        return POLICY_NOT_ASKED;
    for (size_t i = 0; i < f->proof_count; i++) {
        if (!is_kind(a->c->mfa, f->proofs[i].kind))
            continue;
        if (a->c->fresh_ms == 0)
            return POLICY_YES;
        int64_t rest = (int64_t)a->c->fresh_ms * 1000 - age_us(&f->proofs[i], f);
        left = rest > left ? rest : left;
    }
    if (left > 0)
        edge_at(a, f->wall_us + left);
    else
        a->out->needs |= POLICY_NEED_FACTOR;
    return left > 0 ? POLICY_YES : POLICY_NEED;
}

static enum policy_answer check_approval(const struct asked *a)
{
    const struct policy_facts *f = a->facts;
    int64_t until = 0;

    if (!a->c->approval.is_set)
        return POLICY_NOT_ASKED;
    const char *group = a->catalog->groups[a->c->approval.group].name;
    for (size_t i = 0; i < f->grant_count && a->target != NULL; i++) {
        const struct policy_grant *g = &f->grants[i];

        if (policy_matches(a->target->name, g->target) &&
            (g->group == NULL || policy_matches(group, g->group)) && g->until_us > until)
            until = g->until_us;
    }
    if (until > f->wall_us) {
        edge_at(a, until);
        return POLICY_YES;
    }
    a->out->needs |= POLICY_NEED_APPROVAL;
    return POLICY_NEED;
}

static enum policy_answer check_consent(const struct asked *a)
{
    if (a->c->consent == NULL)
        return POLICY_NOT_ASKED;
    if (a->facts->consented != NULL && strcmp(a->facts->consented, a->rule->name) == 0)
        return POLICY_YES;
    a->out->needs |= POLICY_NEED_CONSENT;
    return POLICY_NEED;
}

/* Who is inside stays inside: a lower limit holds for those who come. */
static enum policy_answer check_sessions(const struct asked *a)
{
    const struct policy_facts *f = a->facts;

    if (a->c->user_sessions == 0 && a->c->target_sessions == 0)
        return POLICY_NOT_ASKED;
    if (f->is_running)
        return POLICY_YES;
    if (a->c->user_sessions != 0 && f->user_sessions >= a->c->user_sessions)
        return POLICY_NO;
    if (a->c->target_sessions == 0 || a->target == NULL || f->target_sessions == NULL)
        return POLICY_YES;
    return yes_if(f->target_sessions(f->ctx, a->target->name) < a->c->target_sessions);
}

void policy_judge(const struct catalog *catalog, const struct catalog_rule *rule,
                  const struct catalog_target *target, const struct policy_facts *facts,
                  bool is_whole, struct policy_judgement *out)
{
    typedef enum policy_answer check_fn(const struct asked *a);
    static check_fn *const checks[] = {
        [POLICY_CHECK_SOURCE] = check_source,     [POLICY_CHECK_COUNTRY] = check_country,
        [POLICY_CHECK_WHEN] = check_when,         [POLICY_CHECK_NLA] = check_nla,
        [POLICY_CHECK_CLIENT] = check_client,     [POLICY_CHECK_FACTOR] = check_factor,
        [POLICY_CHECK_APPROVAL] = check_approval, [POLICY_CHECK_CONSENT] = check_consent,
        [POLICY_CHECK_SESSIONS] = check_sessions,
    };
    const struct asked asked = {catalog, rule, &rule->conditions, target, facts, out};

    *out = (struct policy_judgement){.result = POLICY_YES, .edge_us = INT64_MAX};
    for (int i = 0; i < POLICY_CHECK_COUNT; i++) {
        enum policy_answer answer = checks[i](&asked);

        out->answers[i] = (uint8_t)answer;
        if (answer > out->result)
            out->result = answer;
        if (answer == POLICY_NO && !is_whole)
            return; /* what comes behind cannot matter before this changes */
    }
}
