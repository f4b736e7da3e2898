/* SPDX-License-Identifier: Apache-2.0
 * Fuzz what a person types as a name, as UTF-16LE from the wire. Oracle: the parts hold no
 * separator that was to be taken off, and a yes names a rule and a target of that rule.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "keeper/config.h"
#include "keeper/policy.h"

static const struct policy_facts facts = {.wall_us = 1};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] = "users:\n"
                           "  - {name: a, nt_hash: 8846f7eaee8fb117ad06bdd830b7586c}\n"
                           "  - {name: bob, nt_hash: 8846f7eaee8fb117ad06bdd830b7586c}\n"
                           "targets:\n"
                           "  - {name: t, address: h, login: delegate}\n"
                           "  - {name: web01, address: h, login: delegate}\n"
                           "rules:\n"
                           "  - {name: r, users: [a], targets: [t]}\n"
                           "  - {name: s, users: [bob], targets: [t, web01]}\n";

static struct config *load(void)
{
    static struct config *config;
    char error[CONFIG_ERROR_SIZE];

    if (config == NULL)
        SP_BUG(config_parse("f", yaml, sizeof(yaml) - 1, &config, error, sizeof(error)) != SP_OK);
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct catalog *config = load()->catalog;
    struct policy_name name = {.user = "untouched"};
    struct policy_decision decision;
    char typed[2048];

    text_utf8_from_utf16le(data, size, typed, sizeof(typed));
    const struct catalog_user *user = policy_find_user(config, typed);
    if (policy_split_name(typed, &name) != SP_OK) {
        SP_BUG(strcmp(name.user, "untouched") != 0 || user != NULL);
        return 0;
    }
    SP_BUG(name.user[0] == '\0' || strpbrk(name.user, "#@") != NULL);
    SP_BUG(name.has_target != (name.target[0] != '\0') || strchr(name.target, '@') != NULL);
    SP_BUG(user != NULL && !config_name_equal(user->name, name.user));
    policy_decide(config, user, name.target, &facts, &decision);
    SP_BUG((decision.verdict == POLICY_ALLOWED) != (decision.rule != NULL));
    SP_BUG((decision.target != NULL) != (decision.errinfo == 0));
    SP_BUG(user == NULL && decision.errinfo == 0);
    SP_BUG(memchr(decision.reason, '\0', sizeof(decision.reason)) == NULL);
    return 0;
}
