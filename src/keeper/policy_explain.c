/* SPDX-License-Identifier: Apache-2.0
 * A decision taken apart: each rule, what holds in it and what does not.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "keeper/policy.h"

static bool names_user(const struct catalog *catalog, const struct catalog_rule *rule,
                       const struct catalog_user *user)
{
    if (user == NULL)
        return false;
    if (catalog_set_has(&rule->users, (uint32_t)(user - catalog->users)))
        return true;
    for (uint32_t i = 0; i < user->groups.count; i++)
        if (catalog_set_has(&rule->groups, user->groups.items[i]))
            return true;
    return false;
}

static bool names_target(const struct catalog *catalog, const struct catalog_rule *rule,
                         const struct catalog_target *target)
{
    if (target == NULL)
        return false;
    if (catalog_set_has(&rule->targets, (uint32_t)(target - catalog->targets)))
        return true;
    for (uint32_t i = 0; i < target->tags.count; i++)
        if (catalog_set_has(&rule->tags, target->tags.items[i]))
            return true;
    return false;
}

/* In the order of enum policy_answer, for a rule that names both. */
static const char *result_of(const struct catalog_rule *rule, enum policy_answer answer)
{
    switch (answer) {
    case POLICY_YES:
        return rule->is_deny ? "denies" : "allows";
    case POLICY_LATER:
        return "later";
    case POLICY_NEED:
        return "needs";
    case POLICY_NOT_ASKED:
    case POLICY_NO:
    case POLICY_ANSWER_COUNT:
    default:
        return "no";
    }
}

static json_t *explain_rule(const struct catalog *catalog, const struct catalog_rule *rule,
                            const struct catalog_target *target, const struct policy_facts *facts,
                            bool has_who, bool has_what)
{
    json_t *made =
        json_pack("{s:s, s:s, s:b, s:b}", "rule", rule->name, "effect",
                  rule->is_deny ? "deny" : "allow", "who", (int)has_who, "what", (int)has_what);
    struct policy_judgement j;

    policy_judge(catalog, rule, target, facts, true, &j);
    json_object_set_new(made, "result",
                        json_string(has_who && has_what ? result_of(rule, j.result) : "no"));
    for (int i = 0; i < POLICY_CHECK_COUNT; i++)
        if (j.answers[i] != POLICY_NOT_ASKED)
            json_object_set_new(made, policy_check_name((enum policy_check)i),
                                json_string(policy_answer_name((enum policy_answer)j.answers[i])));
    return made;
}

/* One rule as short text: "office allows, source yes, when yes". */
static void explain_short(const struct policy_judgement *j, const struct catalog_rule *rule,
                          char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "%s %s", rule->name, result_of(rule, j->result));

    for (int i = 0; i < POLICY_CHECK_COUNT && used < size; i++)
        if (j->answers[i] != POLICY_NOT_ASKED)
            used += (size_t)snprintf(out + used, size - used, ", %s %s",
                                     policy_check_name((enum policy_check)i),
                                     policy_answer_name((enum policy_answer)j->answers[i]));
}

/* Append the rules of a set that name the target; false when no more fits. */
static bool explain_set(const struct catalog *catalog, const struct catalog_set *rules,
                        const struct catalog_target *target, const struct policy_facts *facts,
                        char *out, size_t size)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct catalog_rule *rule = &catalog->rules[rules->items[i]];
        struct policy_judgement j;
        char one[2 * CATALOG_NAME_SIZE + 128];
        size_t used = strlen(out);

        if (target != NULL && !names_target(catalog, rule, target))
            continue;
        policy_judge(catalog, rule, target, facts, true, &j);
        explain_short(&j, rule, one, sizeof(one));
        if (used + strlen(one) + sizeof("; …") > size) {
            snprintf(out + used, size - used, "%s", "; …");
            return false;
        }
        snprintf(out + used, size - used, "%s%s", used > 0 ? "; " : "", one);
    }
    return true;
}

void policy_explain_short(const struct catalog *catalog, const struct catalog_user *user,
                          const char *target, const struct policy_facts *facts, char *out,
                          size_t size)
{
    const struct catalog_target *t =
        target != NULL && target[0] != '\0' ? catalog_find_target(catalog, target) : NULL;

    out[0] = '\0';
    if (user == NULL || (t == NULL && target != NULL && target[0] != '\0'))
        return;
    bool is_room = explain_set(catalog, &user->rules, t, facts, out, size);
    for (uint32_t i = 0; i < user->groups.count && is_room; i++)
        is_room = explain_set(catalog, &catalog->groups[user->groups.items[i]].rules, t, facts, out,
                              size);
}

static json_t *explain_needs(uint32_t needs)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{POLICY_NEED_FACTOR, "factor"},
                 {POLICY_NEED_APPROVAL, "approval"},
                 {POLICY_NEED_CONSENT, "consent"},
                 {POLICY_NEED_CHOICE, "choice"}};
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((needs & names[i].bit) != 0)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

json_t *policy_explain(const struct catalog *catalog, const struct catalog_user *user,
                       const char *target, const struct policy_facts *facts, size_t most)
{
    bool has_name = target != NULL && target[0] != '\0';
    const struct catalog_target *t = has_name ? catalog_find_target(catalog, target) : NULL;
    struct policy_decision d;
    json_t *rules = json_array();
    char reason[4 * POLICY_REASON_SIZE];
    size_t more = 0;

    policy_decide(catalog, user, target, facts, &d);
    for (int wanted = 2; wanted >= 1; wanted--) {
        for (size_t i = 0; i < catalog->rule_count; i++) {
            const struct catalog_rule *rule = &catalog->rules[i];
            bool has_who = names_user(catalog, rule, user);
            bool has_what = has_name ? names_target(catalog, rule, t) : has_who;

            if ((int)has_who + (int)has_what != wanted)
                continue;
            if (json_array_size(rules) < most)
                json_array_append_new(rules,
                                      explain_rule(catalog, rule, t, facts, has_who, has_what));
            else
                more++;
        }
    }
    text_escape(d.reason, reason, sizeof(reason));
    return json_pack("{s:s, s:s, s:o, s:o, s:I}", "verdict", policy_verdict_name(d.verdict),
                     "reason", reason, "needs", explain_needs(d.needs), "rules", rules, "more",
                     (json_int_t)more);
}
