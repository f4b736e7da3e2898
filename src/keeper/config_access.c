/* SPDX-License-Identifier: Apache-2.0
 * Users, groups and rules of the configuration: every name is resolved, into sets of indexes.
 */
#include "keeper/config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Finds a name, or sets every bit that it stands for; false if nobody has it. */
typedef bool resolve_fn(const struct config_load_state *s, const char *name, uint8_t *bits);

static void set_bit(uint8_t *bits, size_t index)
{
    bits[index / 8] = (uint8_t)(bits[index / 8] | 1u << index % 8);
}

static uint8_t *bits_new(size_t count)
{
    uint8_t *bits = calloc(1, count / 8 + 1);

    SP_BUG(bits == NULL);
    return bits;
}

static bool resolve_user(const struct config_load_state *s, const char *name, uint8_t *bits)
{
    uint8_t folded[CONFIG_NAME_SIZE * 2];

    if (config_fold(name, folded) != SP_OK)
        return false;
    for (size_t i = 0; i < s->config->user_count; i++) {
        if (memcmp(s->folded[i], folded, sizeof(folded)) == 0) {
            set_bit(bits, i);
            return true;
        }
    }
    return false;
}

static bool resolve_group(const struct config_load_state *s, const char *name, uint8_t *bits)
{
    for (size_t i = 0; i < s->config->group_count; i++) {
        const struct config_group *group = &s->config->groups[i];

        if (strcasecmp(group->name, name) != 0)
            continue;
        for (size_t k = 0; k <= s->config->user_count / 8; k++)
            bits[k] |= group->user_bits[k];
        return true;
    }
    return false;
}

static bool resolve_target(const struct config_load_state *s, const char *name, uint8_t *bits)
{
    for (size_t i = 0; i < s->config->target_count; i++) {
        if (strcasecmp(s->config->targets[i].name, name) == 0) {
            set_bit(bits, i);
            return true;
        }
    }
    return false;
}

static bool has_tag(const struct config_target *target, const char *tag)
{
    for (size_t i = 0; i < target->tag_count; i++)
        if (strcasecmp(target->tags[i], tag) == 0)
            return true;
    return false;
}

static bool resolve_tag(const struct config_load_state *s, const char *name, uint8_t *bits)
{
    bool is_found = false;

    for (size_t i = 0; i < s->config->target_count; i++) {
        if (has_tag(&s->config->targets[i], name)) {
            set_bit(bits, i);
            is_found = true;
        }
    }
    return is_found;
}

/* Resolve one list of names into bits. */
static enum sp_err resolve_list(struct config_load_state *s, const char *list_path,
                                char *const *names, size_t count, resolve_fn *resolve,
                                uint8_t *bits)
{
    char path[CONFIG_FIELD_SIZE + 32];

    for (size_t i = 0; i < count; i++) {
        if (resolve(s, names[i], bits))
            continue;
        snprintf(path, sizeof(path), "%s[%zu]", list_path, i);
        return config_refuse(s, SP_EVALUE, path, NULL, names[i], NULL);
    }
    return SP_OK;
}

static enum sp_err check_user(struct config_load_state *s, const struct config_raw_user *raw,
                              size_t index)
{
    struct config_user *made = &s->config->users[index];
    char path[CONFIG_FIELD_SIZE], text[SECRET_TEXT_MAX];

    snprintf(path, sizeof(path), "users[%zu].name", index);
    if (!config_is_user_name(raw->name) || config_fold(raw->name, s->folded[index]) != SP_OK)
        return config_refuse(s, SP_EVALUE, path, NULL, raw->name, NULL);
    for (size_t i = 0; i < index; i++)
        if (memcmp(s->folded[i], s->folded[index], sizeof(s->folded[i])) == 0)
            return config_refuse(s, SP_EVALUE, path, "each user's name once (case does not matter)",
                                 raw->name, "rename one");
    snprintf(made->name, sizeof(made->name), "%s", raw->name);

    snprintf(path, sizeof(path), "users[%zu].disabled", index);
    made->is_disabled = raw->disabled != NULL && strcmp(raw->disabled, "true") == 0;
    if (raw->disabled != NULL && !made->is_disabled && strcmp(raw->disabled, "false") != 0)
        return config_refuse(s, SP_EVALUE, path, NULL, raw->disabled, NULL);

    snprintf(path, sizeof(path), "users[%zu].nt_hash", index);
    enum sp_err err = config_secret(s, path, raw->nt_hash, text);
    if (err == SP_OK && secret_from_nt_hash(text, &made->nt_hash) != SP_OK)
        err = config_refuse(s, SP_EVALUE, path, NULL, NULL, NULL);
    sp_wipe(text, sizeof(text));
    return err;
}

static enum sp_err check_users(struct config_load_state *s, const struct config_raw *raw)
{
    struct config *config = s->config;

    config->users = calloc(raw->users_count + 1, sizeof(*config->users));
    s->folded = calloc(raw->users_count + 1, sizeof(*s->folded));
    SP_BUG(config->users == NULL || s->folded == NULL);
    for (size_t i = 0; i < raw->users_count; i++) {
        enum sp_err err = check_user(s, &raw->users[i], i);

        config->user_count = i + 1;
        if (err != SP_OK)
            return err;
    }
    return SP_OK;
}

static enum sp_err check_group(struct config_load_state *s, const struct config_raw_group *raw,
                               size_t index)
{
    struct config_group *made = &s->config->groups[index];
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "groups[%zu].name", index);
    if (!config_is_label(raw->name))
        return config_refuse(s, SP_EVALUE, path, NULL, raw->name, NULL);
    for (size_t i = 0; i < index; i++)
        if (strcasecmp(s->config->groups[i].name, raw->name) == 0)
            return config_refuse(s, SP_EVALUE, path,
                                 "each group's name once (case does not matter)", raw->name,
                                 "rename one");
    snprintf(made->name, sizeof(made->name), "%s", raw->name);
    made->user_bits = bits_new(s->config->user_count);
    snprintf(path, sizeof(path), "groups[%zu].members", index);
    return resolve_list(s, path, raw->members, raw->members_count, resolve_user, made->user_bits);
}

static enum sp_err check_groups(struct config_load_state *s, const struct config_raw *raw)
{
    struct config *config = s->config;

    config->groups = calloc((size_t)raw->groups_count + 1, sizeof(*config->groups));
    SP_BUG(config->groups == NULL);
    for (size_t i = 0; i < raw->groups_count; i++) {
        enum sp_err err = check_group(s, &raw->groups[i], i);

        config->group_count = i + 1;
        if (err != SP_OK)
            return err;
    }
    return SP_OK;
}

static enum sp_err check_rule_name(struct config_load_state *s, const struct config_raw_rule *raw,
                                   size_t index)
{
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "rules[%zu].name", index);
    if (!config_is_label(raw->name))
        return config_refuse(s, SP_EVALUE, path, NULL, raw->name, NULL);
    for (size_t i = 0; i < index; i++)
        if (strcasecmp(s->config->rules[i].name, raw->name) == 0)
            return config_refuse(s, SP_EVALUE, path, "each rule's name once (case does not matter)",
                                 raw->name, "rename one");
    snprintf(s->config->rules[index].name, CONFIG_NAME_SIZE, "%s", raw->name);
    return SP_OK;
}

/* A rule without a "who" or a "what" would silently allow nothing. */
static enum sp_err check_rule_is_whole(struct config_load_state *s,
                                       const struct config_raw_rule *raw, size_t index)
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
    struct config_rule *made = &s->config->rules[index];
    const struct {
        const char *key;
        char *const *names;
        size_t count;
        resolve_fn *resolve;
        bool is_who;
    } lists[] = {
        {"users", raw->users, raw->users_count, resolve_user, true},
        {"groups", raw->groups, raw->groups_count, resolve_group, true},
        {"targets", raw->targets, raw->targets_count, resolve_target, false},
        {"tags", raw->tags, raw->tags_count, resolve_tag, false},
    };
    char path[CONFIG_FIELD_SIZE];

    made->user_bits = bits_new(s->config->user_count);
    made->target_bits = bits_new(s->config->target_count);
    enum sp_err err = check_rule_name(s, raw, index);
    if (err == SP_OK)
        err = check_rule_is_whole(s, raw, index);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && err == SP_OK; i++) {
        snprintf(path, sizeof(path), "rules[%zu].%s", index, lists[i].key);
        err = resolve_list(s, path, lists[i].names, lists[i].count, lists[i].resolve,
                           lists[i].is_who ? made->user_bits : made->target_bits);
    }
    return err == SP_OK ? config_check_channels(s, raw, index, made) : err;
}

enum sp_err config_check_access(struct config_load_state *s, const struct config_raw *raw)
{
    struct config *config = s->config;
    enum sp_err err = check_users(s, raw);

    if (err == SP_OK)
        err = check_groups(s, raw);
    if (err == SP_OK)
        err = config_check_targets(s, raw);
    if (err != SP_OK)
        return err;
    config->rules = calloc((size_t)raw->rules_count + 1, sizeof(*config->rules));
    SP_BUG(config->rules == NULL);
    for (size_t i = 0; i < raw->rules_count && err == SP_OK; i++) {
        config->rule_count = i + 1;
        err = check_rule(s, &raw->rules[i], i);
    }
    return err;
}
