/* SPDX-License-Identifier: Apache-2.0
 * Who may reach which target: pure decisions over a catalog. Deny by default.
 */
#include "keeper/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "rdp/errinfo.h"

/* Copy n bytes as a name; empty or too long is refused. */
static enum sp_err take(const char *text, size_t n, char out[CATALOG_NAME_SIZE])
{
    if (n == 0)
        return SP_EVALUE;
    if (n >= CATALOG_NAME_SIZE)
        return SP_ELIMIT;
    memcpy(out, text, n);
    out[n] = '\0';
    return SP_OK;
}

/* The length of text without its @DOMAIN; neither names of users nor of targets hold an '@'. */
static size_t without_domain(const char *text, size_t n)
{
    const char *sign = memchr(text, '@', n);

    return sign != NULL ? (size_t)(sign - text) : n;
}

enum sp_err policy_split_name(const char *typed, struct policy_name *out)
{
    const char *hash = strchr(typed, '#');
    size_t n = hash != NULL ? (size_t)(hash - typed) : strlen(typed);
    const char *slash = memchr(typed, '\\', n);
    struct policy_name made = {0};
    enum sp_err err;

    if (slash != NULL) {
        n -= (size_t)(slash + 1 - typed);
        typed = slash + 1;
    }
    err = take(typed, without_domain(typed, n), made.user);
    if (err == SP_OK && hash != NULL) {
        made.has_target = true;
        err = take(hash + 1, without_domain(hash + 1, strlen(hash + 1)), made.target);
    }
    if (err == SP_OK)
        *out = made;
    return err;
}

const struct catalog_user *policy_find_user(const struct catalog *catalog, const char *typed)
{
    struct policy_name name;

    return policy_split_name(typed, &name) == SP_OK ? catalog_find_user(catalog, name.user) : NULL;
}

/* ---- the rules that name a person and a target ---- */

/* One bit a rule, in two halves: those that name who, those that name what. */
struct candidates {
    uint64_t *who, *what; /* one allocation, who is its start */
    size_t words;
};

static void mark(uint64_t *bits, const struct catalog_set *rules)
{
    for (uint32_t i = 0; i < rules->count; i++)
        bits[rules->items[i] / 64] |= UINT64_C(1) << rules->items[i] % 64;
}

static void candidates_init(struct candidates *c, const struct catalog *catalog,
                            const struct catalog_user *user)
{
    c->words = catalog->rule_count / 64 + 1;
    c->who = calloc(2 * c->words, sizeof(*c->who));
    SP_BUG(c->who == NULL);
    c->what = c->who + c->words;
    mark(c->who, &user->rules);
    for (uint32_t i = 0; i < user->groups.count; i++)
        mark(c->who, &catalog->groups[user->groups.items[i]].rules);
}

static void candidates_target(struct candidates *c, const struct catalog *catalog,
                              const struct catalog_target *target)
{
    mark(c->what, &target->rules);
    for (uint32_t i = 0; i < target->tags.count; i++)
        mark(c->what, &catalog->tags[target->tags.items[i]].rules);
    for (size_t i = 0; i < c->words; i++)
        c->what[i] &= c->who[i];
}

/* The lowest bit from `from` on, or CATALOG_NONE. */
static uint32_t next_rule(const uint64_t *bits, size_t words, uint32_t from)
{
    size_t word = from / 64;
    uint64_t rest = word < words ? bits[word] & (~UINT64_C(0) << from % 64) : 0;

    while (rest == 0) {
        if (++word >= words)
            return CATALOG_NONE;
        rest = bits[word];
    }
    return (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(rest);
}

const struct catalog_rule *policy_rule_for(const struct catalog *catalog, size_t user_index,
                                           size_t target_index)
{
    struct candidates c;
    uint32_t rule;

    candidates_init(&c, catalog, &catalog->users[user_index]);
    candidates_target(&c, catalog, &catalog->targets[target_index]);
    rule = next_rule(c.what, c.words, 0);
    while (rule != CATALOG_NONE && catalog->rules[rule].is_deny)
        rule = next_rule(c.what, c.words, rule + 1);
    free(c.who);
    return rule != CATALOG_NONE ? &catalog->rules[rule] : NULL;
}

const struct catalog_rule *policy_approval_rule(const struct catalog *catalog, size_t user_index,
                                                size_t target_index)
{
    const struct catalog_rule *rules = catalog->rules;
    struct candidates c;
    uint32_t rule;

    candidates_init(&c, catalog, &catalog->users[user_index]);
    candidates_target(&c, catalog, &catalog->targets[target_index]);
    rule = next_rule(c.what, c.words, 0);
    while (rule != CATALOG_NONE && (rules[rule].is_deny || !rules[rule].conditions.approval.is_set))
        rule = next_rule(c.what, c.words, rule + 1);
    free(c.who);
    return rule != CATALOG_NONE ? &rules[rule] : NULL;
}

/* ---- deciding ---- */

static bool is_yes(const struct policy_judgement *j)
{
    return j->result == POLICY_YES || j->result == POLICY_LATER;
}

/* The first check that says no, for the reason. */
static const char *first_no(const struct policy_judgement *j)
{
    for (int i = 0; i < POLICY_CHECK_COUNT; i++)
        if (j->answers[i] == POLICY_NO)
            return policy_check_name((enum policy_check)i);
    return "?";
}

/* What the rules of a person and a target say together. */
struct weighing {
    const struct catalog_rule *denies, *allows, *needs, *fails;
    const char *failed_check;
    uint32_t wanted;
    int64_t edge_us;
};

static void weigh_rule(const struct catalog *catalog, const struct catalog_rule *rule,
                       const struct catalog_target *target, const struct policy_facts *facts,
                       struct weighing *w)
{
    struct policy_judgement j;

    policy_judge(catalog, rule, target, facts, false, &j);
    w->edge_us = j.edge_us < w->edge_us ? j.edge_us : w->edge_us;
    if (rule->is_deny) {
        w->denies = w->denies == NULL && j.result == POLICY_YES ? rule : w->denies;
    } else if (is_yes(&j)) {
        w->allows = w->allows == NULL ? rule : w->allows;
    } else if (j.result == POLICY_NEED && w->needs == NULL) {
        w->needs = rule;
        w->wanted = j.needs;
    } else if (j.result == POLICY_NO && w->fails == NULL) {
        w->fails = rule;
        w->failed_check = first_no(&j);
    }
}

/* Decide about one target. */
static enum policy_verdict weigh(const struct catalog *catalog, const struct catalog_user *user,
                                 const struct catalog_target *target,
                                 const struct policy_facts *facts, struct policy_decision *out)
{
    struct weighing w = {.edge_us = INT64_MAX};
    struct candidates c;

    candidates_init(&c, catalog, user);
    candidates_target(&c, catalog, target);
    for (uint32_t i = next_rule(c.what, c.words, 0); i != CATALOG_NONE;
         i = next_rule(c.what, c.words, i + 1))
        weigh_rule(catalog, &catalog->rules[i], target, facts, &w);
    free(c.who);
    out->edge_us = w.edge_us;
    out->target = target;
    if (w.denies != NULL) {
        out->rule = w.denies;
        return POLICY_RULE_DENIES;
    }
    out->rule = w.allows != NULL ? w.allows : w.needs;
    if (w.allows != NULL)
        return POLICY_ALLOWED;
    out->needs = w.wanted;
    if (w.needs != NULL)
        return POLICY_NEEDS;
    out->rule = w.fails;
    if (w.fails == NULL)
        return POLICY_TARGET_DENIED;
    snprintf(out->reason, sizeof(out->reason), "%s", w.failed_check);
    return POLICY_CONDITIONS;
}

/* What each target gets from the rules of a person. */
struct reach {
    uint8_t *state;  /* 0 nothing, 1 needs something, 2 allowed, 3 denied */
    uint32_t *rule;  /* that says so                                       */
    uint32_t *needs; /* set of enum policy_need                            */
    bool *is_tag_done;
};

static void reach_target(struct reach *r, uint32_t target, uint32_t rule, uint8_t state,
                         uint32_t needs)
{
    if (state <= r->state[target])
        return;
    r->state[target] = state;
    r->rule[target] = rule;
    r->needs[target] = needs;
}

static void reach_rule(struct reach *r, const struct catalog *catalog, uint32_t index,
                       uint8_t state, uint32_t needs)
{
    const struct catalog_rule *rule = &catalog->rules[index];

    for (uint32_t i = 0; i < rule->targets.count; i++)
        reach_target(r, rule->targets.items[i], index, state, needs);
    for (uint32_t i = 0; i < rule->tags.count; i++) {
        uint32_t tag = rule->tags.items[i];
        const struct catalog_set *targets = &catalog->tags[tag].targets;
        /* A second rule of the same state tells the tag's targets nothing new. */
        bool *is_done = &r->is_tag_done[(size_t)tag * 4 + state];

        for (uint32_t k = 0; k < targets->count && !*is_done; k++)
            reach_target(r, targets->items[k], index, state, needs);
        *is_done = true;
    }
}

static void reach_all(struct reach *r, const struct catalog *catalog,
                      const struct catalog_user *user, const struct policy_facts *facts)
{
    struct policy_judgement j;
    struct candidates c;

    candidates_init(&c, catalog, user);
    for (uint32_t i = next_rule(c.who, c.words, 0); i != CATALOG_NONE;
         i = next_rule(c.who, c.words, i + 1)) {
        const struct catalog_rule *rule = &catalog->rules[i];

        if (facts == NULL && rule->is_deny)
            continue;
        if (facts != NULL)
            policy_judge(catalog, rule, NULL, facts, false, &j);
        else
            j = (struct policy_judgement){.result = POLICY_YES};
        if (rule->is_deny && j.result == POLICY_YES)
            reach_rule(r, catalog, i, 3, 0);
        else if (!rule->is_deny && is_yes(&j))
            reach_rule(r, catalog, i, 2, 0);
        else if (!rule->is_deny && j.result == POLICY_NEED)
            reach_rule(r, catalog, i, 1, j.needs);
    }
    free(c.who);
}

/* A grant runs for a target: whether that is enough is seen with the target in hand. */
static void reach_granted(struct reach *r, const struct catalog *catalog,
                          const struct catalog_user *user, const struct policy_facts *facts)
{
    for (size_t i = 0; i < facts->grant_count; i++) {
        const struct catalog_target *t = catalog_find_target(catalog, facts->grants[i].target);
        struct policy_decision d = {0};

        if (t == NULL || r->state[t - catalog->targets] != 1)
            continue;
        enum policy_verdict verdict = weigh(catalog, user, t, facts, &d);
        if (verdict == POLICY_ALLOWED || verdict == POLICY_NEEDS)
            r->needs[t - catalog->targets] = d.needs;
    }
}

struct policy_choice *policy_choices(const struct catalog *catalog, const struct catalog_user *user,
                                     const struct policy_facts *facts, size_t *count)
{
    size_t targets = catalog->target_count + 1, used = 0;
    SP_FREE uint8_t *state = calloc(targets, 1);
    SP_FREE uint32_t *rule = calloc(targets, sizeof(uint32_t));
    SP_FREE uint32_t *needs = calloc(targets, sizeof(uint32_t));
    SP_FREE bool *is_tag_done = calloc(catalog->tag_count + 1, 4 * sizeof(bool));
    struct reach r = {state, rule, needs, is_tag_done};
    struct policy_choice *made = calloc(targets, sizeof(*made));

    SP_BUG(state == NULL || rule == NULL || needs == NULL || is_tag_done == NULL || made == NULL);
    reach_all(&r, catalog, user, facts);
    if (facts != NULL)
        reach_granted(&r, catalog, user, facts);
    for (size_t i = 0; i < catalog->target_count; i++)
        if (state[i] == 1 || state[i] == 2)
            made[used++] =
                (struct policy_choice){&catalog->targets[i], &catalog->rules[rule[i]], needs[i]};
    *count = used;
    if (used > 0)
        return made;
    free(made);
    return NULL;
}

/* Choose a target by name. */
static enum policy_verdict choose_named(const struct catalog *catalog,
                                        const struct catalog_user *user, const char *name,
                                        const struct policy_facts *facts,
                                        struct policy_decision *out)
{
    const struct catalog_target *target = catalog_find_target(catalog, name);

    return target != NULL ? weigh(catalog, user, target, facts, out) : POLICY_TARGET_UNKNOWN;
}

/* Choose the only target that the person may reach; names the choice in out->reason if not. */
static enum policy_verdict choose_only(const struct catalog *catalog,
                                       const struct catalog_user *user,
                                       const struct policy_facts *facts,
                                       struct policy_decision *out)
{
    size_t count = 0, used = 0;
    SP_FREE struct policy_choice *choices = policy_choices(catalog, user, facts, &count);

    if (count == 0)
        return POLICY_NOTHING;
    if (count == 1)
        return weigh(catalog, user, choices[0].target, facts, out);
    for (size_t i = 0; i < count && used + CATALOG_NAME_SIZE < sizeof(out->reason); i++)
        used += (size_t)snprintf(out->reason + used, sizeof(out->reason) - used, "%s%s",
                                 i > 0 ? ", " : "", choices[i].target->name);
    out->needs = POLICY_NEED_CHOICE;
    return POLICY_TARGET_CHOICE;
}

static const char *needs_text(uint32_t needs)
{
    static const char *const texts[] = {"nothing",
                                        "a second factor",
                                        "an approval",
                                        "a second factor and an approval",
                                        "consent",
                                        "a second factor and consent",
                                        "an approval and consent",
                                        "a second factor, an approval and consent"};

    return texts[needs & 7];
}

static void give_reason(struct policy_decision *out, const char *user, const char *typed)
{
    char before[POLICY_REASON_SIZE];
    size_t size = sizeof(out->reason);
    const char *rule = out->rule != NULL ? out->rule->name : "";
    const char *target = out->target != NULL ? out->target->name : typed;

    snprintf(before, sizeof(before), "%s", out->reason);
    switch (out->verdict) {
    case POLICY_ALLOWED:
        snprintf(out->reason, size, "rule %s allows target %s", rule, target);
        break;
    case POLICY_NEEDS:
        snprintf(out->reason, size, "rule %s allows target %s once there is %s", rule, target,
                 needs_text(out->needs));
        break;
    case POLICY_USER_UNKNOWN:
        snprintf(out->reason, size, "no such user");
        break;
    case POLICY_USER_DISABLED:
        snprintf(out->reason, size, "user %s is disabled", user);
        break;
    case POLICY_NOTHING:
        snprintf(out->reason, size, "no rule gives user %s any target", user);
        break;
    case POLICY_TARGET_UNKNOWN:
        snprintf(out->reason, size, "there is no target %.64s", typed);
        break;
    case POLICY_TARGET_DENIED:
        snprintf(out->reason, size, "no rule gives user %s target %.64s", user, target);
        break;
    case POLICY_CONDITIONS:
        snprintf(out->reason, size, "rule %s does not hold for target %s: %.64s", rule, target,
                 before);
        break;
    case POLICY_RULE_DENIES:
        snprintf(out->reason, size, "rule %s denies target %s", rule, target);
        break;
    case POLICY_TARGET_CHOICE:
        snprintf(out->reason, size,
                 "several targets and none named: log in as %s#TARGET with one "
                 "of %.300s",
                 user, before);
        break;
    case POLICY_VERDICT_COUNT:
    default:
        SP_BUG(true);
    }
}

void policy_decide(const struct catalog *catalog, const struct catalog_user *user,
                   const char *target, const struct policy_facts *facts,
                   struct policy_decision *out)
{
    *out = (struct policy_decision){.verdict = POLICY_USER_UNKNOWN, .edge_us = INT64_MAX};
    if (user != NULL) {
        SP_BUG((size_t)(user - catalog->users) >= catalog->user_count);
        if (user->is_disabled)
            out->verdict = POLICY_USER_DISABLED;
        else if (target != NULL && target[0] != '\0')
            out->verdict = choose_named(catalog, user, target, facts, out);
        else
            out->verdict = choose_only(catalog, user, facts, out);
    }
    /* One code for every no, so that nobody learns which targets exist. */
    out->errinfo =
        out->verdict == POLICY_ALLOWED ? ERRINFO_NONE : ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES;
    give_reason(out, user != NULL ? user->name : "", target != NULL ? target : "");
    if (out->verdict != POLICY_ALLOWED && out->verdict != POLICY_NEEDS)
        out->target = NULL;
}

const char *policy_verdict_name(enum policy_verdict verdict)
{
    static const char *const names[] = {
        [POLICY_ALLOWED] = "allowed",
        [POLICY_NEEDS] = "needs",
        [POLICY_USER_UNKNOWN] = "user_unknown",
        [POLICY_USER_DISABLED] = "user_disabled",
        [POLICY_NOTHING] = "no_rule",
        [POLICY_TARGET_UNKNOWN] = "target_unknown",
        [POLICY_TARGET_DENIED] = "target_denied",
        [POLICY_CONDITIONS] = "conditions",
        [POLICY_RULE_DENIES] = "rule_denies",
        [POLICY_TARGET_CHOICE] = "target_choice",
    };

    return (unsigned)verdict < POLICY_VERDICT_COUNT ? names[verdict] : "?";
}
