/* SPDX-License-Identifier: Apache-2.0
 * Who may reach which target: pure decisions over a catalog. Deny by default.
 */
#include "keeper/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
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

static bool has_target(const struct catalog_rule *rule, const struct catalog_target *target,
                       size_t target_index)
{
    if (catalog_set_has(&rule->targets, (uint32_t)target_index))
        return true;
    for (uint32_t i = 0; i < target->tags.count; i++)
        if (catalog_set_has(&rule->tags, target->tags.items[i]))
            return true;
    return false;
}

/* The first of some rules that has the target, if it stands before `first`. */
static uint32_t first_of(const struct catalog *catalog, const struct catalog_set *rules,
                         size_t target_index, uint32_t first)
{
    const struct catalog_target *target = &catalog->targets[target_index];

    for (uint32_t i = 0; i < rules->count && rules->items[i] < first; i++)
        if (has_target(&catalog->rules[rules->items[i]], target, target_index))
            return rules->items[i];
    return first;
}

const struct catalog_rule *policy_rule_for(const struct catalog *catalog, size_t user_index,
                                           size_t target_index)
{
    const struct catalog_user *user = &catalog->users[user_index];
    uint32_t first = first_of(catalog, &user->rules, target_index, CATALOG_NONE);

    for (uint32_t i = 0; i < user->groups.count; i++)
        first =
            first_of(catalog, &catalog->groups[user->groups.items[i]].rules, target_index, first);
    return first != CATALOG_NONE ? &catalog->rules[first] : NULL;
}

/* Choose a target by name. */
static enum policy_verdict choose_named(const struct catalog *catalog, size_t user_index,
                                        const char *name, struct policy_decision *out)
{
    const struct catalog_target *target = catalog_find_target(catalog, name);

    if (target != NULL) {
        out->rule = policy_rule_for(catalog, user_index, (size_t)(target - catalog->targets));
        if (out->rule == NULL)
            return POLICY_TARGET_DENIED;
        out->target = target;
        return POLICY_ALLOWED;
    }
    return POLICY_TARGET_UNKNOWN;
}

/* Choose the only target that the person may reach; names the choice in out->reason if not. */
static enum policy_verdict choose_only(const struct catalog *catalog, size_t user_index,
                                       struct policy_decision *out)
{
    size_t count = 0, used = 0;

    for (size_t i = 0; i < catalog->target_count; i++) {
        const struct catalog_rule *rule = policy_rule_for(catalog, user_index, i);

        if (rule == NULL)
            continue;
        out->target = &catalog->targets[i];
        out->rule = rule;
        int n = snprintf(out->reason + used, sizeof(out->reason) - used, "%s%s",
                         count > 0 ? ", " : "", catalog->targets[i].name);
        if (n > 0 && (size_t)n < sizeof(out->reason) - used)
            used += (size_t)n;
        out->reason[used] = '\0';
        count++;
    }
    if (count == 1)
        return POLICY_ALLOWED;
    out->target = NULL;
    out->rule = NULL;
    return count == 0 ? POLICY_NOTHING : POLICY_TARGET_CHOICE;
}

static void give_reason(struct policy_decision *out, const char *user, const char *typed)
{
    char list[POLICY_REASON_SIZE];
    size_t size = sizeof(out->reason);

    switch (out->verdict) {
    case POLICY_ALLOWED:
        snprintf(out->reason, size, "rule %s allows target %s", out->rule->name, out->target->name);
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
        snprintf(out->reason, size, "no rule gives user %s target %.64s", user, typed);
        break;
    case POLICY_TARGET_CHOICE:
        snprintf(list, sizeof(list), "%s", out->reason);
        snprintf(out->reason, size,
                 "several targets and none named: log in as %s#TARGET with one "
                 "of %.300s",
                 user, list);
        break;
    case POLICY_VERDICT_COUNT:
    default:
        SP_BUG(true);
    }
}

void policy_decide(const struct catalog *catalog, const struct catalog_user *user,
                   const char *target, struct policy_decision *out)
{
    *out = (struct policy_decision){.verdict = POLICY_USER_UNKNOWN};
    if (user != NULL) {
        size_t index = (size_t)(user - catalog->users);

        SP_BUG(index >= catalog->user_count);
        if (user->is_disabled)
            out->verdict = POLICY_USER_DISABLED;
        else if (target != NULL && target[0] != '\0')
            out->verdict = choose_named(catalog, index, target, out);
        else
            out->verdict = choose_only(catalog, index, out);
    }
    /* One code for every no, so that nobody learns which targets exist. */
    out->errinfo =
        out->verdict == POLICY_ALLOWED ? ERRINFO_NONE : ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES;
    give_reason(out, user != NULL ? user->name : "", target != NULL ? target : "");
}

const char *policy_verdict_name(enum policy_verdict verdict)
{
    static const char *const names[] = {
        [POLICY_ALLOWED] = "allowed",
        [POLICY_USER_UNKNOWN] = "user_unknown",
        [POLICY_USER_DISABLED] = "user_disabled",
        [POLICY_NOTHING] = "no_rule",
        [POLICY_TARGET_UNKNOWN] = "target_unknown",
        [POLICY_TARGET_DENIED] = "target_denied",
        [POLICY_TARGET_CHOICE] = "target_choice",
    };

    return (unsigned)verdict < POLICY_VERDICT_COUNT ? names[verdict] : "?";
}
