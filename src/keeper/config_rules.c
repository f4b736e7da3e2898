/* SPDX-License-Identifier: Apache-2.0
 * The rules of a catalog: every name is resolved, and every named thing knows its rules.
 */
#include "keeper/config_priv.h"

#include <stdio.h>
#include <string.h>

/* One list of names in a rule. */
struct list {
    const char *key;
    char *const *names;
    size_t count;
    const struct catalog_names *known;
    struct catalog_set *made;
};

static struct catalog_set *rules_of(struct catalog *c, const struct list *list, uint32_t index)
{
    if (list->known == &c->user_names)
        return &c->users[index].rules;
    if (list->known == &c->group_names)
        return &c->groups[index].rules;
    if (list->known == &c->target_names)
        return &c->targets[index].rules;
    return &c->tags[index].rules;
}

static enum sp_err resolve(struct config_load_state *s, const struct list *list, size_t index,
                           uint32_t rule)
{
    char path[CONFIG_FIELD_SIZE];

    for (size_t i = 0; i < list->count; i++) {
        uint32_t found = catalog_names_find(list->known, list->names[i]);

        if (found == CATALOG_NONE) {
            snprintf(path, sizeof(path), "rules[%zu].%s[%zu]", index, list->key, i);
            return config_refuse(s, SP_EVALUE, path, NULL, list->names[i], NULL);
        }
        catalog_set_add(list->made, found);
        catalog_set_add(rules_of(s->catalog, list, found), rule);
    }
    return SP_OK;
}

static enum sp_err check_name(struct config_load_state *s, const struct config_raw_rule *raw,
                              size_t index, struct catalog_rule *made)
{
    struct catalog *c = s->catalog;
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "rules[%zu].name", index);
    if (!config_is_label(raw->name))
        return config_refuse(s, SP_EVALUE, path, NULL, raw->name, NULL);
    if (catalog_names_add(&c->rule_names, raw->name, (uint32_t)(made - c->rules)) != SP_OK)
        return config_refuse_twice(s, CONFIG_SECTION_RULES,
                                   catalog_names_find(&c->rule_names, raw->name), "rules", index,
                                   raw->name);
    snprintf(made->name, sizeof(made->name), "%s", raw->name);
    return SP_OK;
}

/* A rule without a "who" or a "what" would silently allow nothing. */
static enum sp_err check_is_whole(struct config_load_state *s, const struct config_raw_rule *raw,
                                  size_t index)
{
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "rules[%zu]", index);
    if (raw->users_count == 0 && raw->groups_count == 0)
        return config_refuse(s, SP_EVALUE, path, "users or groups in a rule", NULL,
                             "say who: users: [NAME] or groups: [NAME]");
    if (raw->targets_count == 0 && raw->tags_count == 0)
        return config_refuse(s, SP_EVALUE, path, "targets or tags in a rule", NULL,
                             "say what: targets: [NAME] or tags: [TAG]");
    return SP_OK;
}

static enum sp_err check_rule(struct config_load_state *s, const struct config_raw_rule *raw,
                              size_t index)
{
    struct catalog *c = s->catalog;
    struct catalog_rule *made = &c->rules[c->rule_count++];
    const struct list lists[] = {
        {"users", raw->users, raw->users_count, &c->user_names, &made->users},
        {"groups", raw->groups, raw->groups_count, &c->group_names, &made->groups},
        {"targets", raw->targets, raw->targets_count, &c->target_names, &made->targets},
        {"tags", raw->tags, raw->tags_count, &c->tag_names, &made->tags},
    };

    enum sp_err err = check_name(s, raw, index, made);
    if (err == SP_OK)
        err = check_is_whole(s, raw, index);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && err == SP_OK; i++)
        err = resolve(s, &lists[i], index, (uint32_t)(made - c->rules));
    if (err == SP_OK)
        err = config_check_conditions(s, raw, index, made);
    if (err == SP_OK)
        err = config_check_demands(s, raw, index, made);
    return err == SP_OK ? config_check_channels(s, raw, index, made) : err;
}

enum sp_err config_check_rules(struct config_load_state *s)
{
    enum sp_err err = SP_OK;

    for (size_t i = 0; i < s->raw->rules_count && err == SP_OK; i++)
        err = check_rule(s, &s->raw->rules[i], i);
    return err;
}
