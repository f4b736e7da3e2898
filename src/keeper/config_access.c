/* SPDX-License-Identifier: Apache-2.0
 * The users and groups of a catalog.
 */
#include "keeper/config_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static enum sp_err check_hash(struct config_load_state *s, const struct config_raw_user *raw,
                              size_t index, struct catalog_user *made)
{
    char path[CONFIG_FIELD_SIZE], text[SECRET_TEXT_MAX];
    struct secret hash = {0};

    snprintf(path, sizeof(path), "users[%zu].nt_hash", index);
    enum sp_err err = config_secret(s, path, raw->nt_hash, text);
    if (err == SP_OK && secret_from_nt_hash(text, &hash) != SP_OK)
        err = config_refuse(s, SP_EVALUE, path, NULL, NULL, NULL);
    sp_wipe(text, sizeof(text));
    if (err == SP_OK) {
        memcpy(made->nt_hash, hash.bytes, sizeof(made->nt_hash));
        made->has_nt_hash = true;
    }
    secret_clear(&hash);
    return err;
}

static enum sp_err check_user(struct config_load_state *s, const struct config_raw_user *raw,
                              size_t index)
{
    struct catalog *c = s->catalog;
    struct catalog_user *made = &c->users[c->user_count];
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "users[%zu].name", index);
    if (!config_is_user_name(raw->name))
        return config_refuse(s, SP_EVALUE, path, NULL, raw->name, NULL);
    if (catalog_names_add(&c->user_names, raw->name, (uint32_t)c->user_count) != SP_OK)
        return config_refuse_twice(s, CONFIG_SECTION_USERS,
                                   catalog_names_find(&c->user_names, raw->name), "users", index,
                                   raw->name);
    snprintf(made->name, sizeof(made->name), "%s", raw->name);
    c->user_count++;

    snprintf(path, sizeof(path), "users[%zu].disabled", index);
    made->is_disabled = raw->disabled != NULL && strcmp(raw->disabled, "true") == 0;
    if (raw->disabled != NULL && !made->is_disabled && strcmp(raw->disabled, "false") != 0)
        return config_refuse(s, SP_EVALUE, path, NULL, raw->disabled, NULL);
    return raw->nt_hash != NULL ? check_hash(s, raw, index, made) : SP_OK;
}

enum sp_err config_check_users(struct config_load_state *s)
{
    enum sp_err err = SP_OK;

    for (size_t i = 0; i < s->raw->users_count && err == SP_OK; i++)
        err = check_user(s, &s->raw->users[i], i);
    return err;
}

static enum sp_err check_members(struct config_load_state *s, const struct config_raw_group *raw,
                                 size_t index, struct catalog_group *made)
{
    struct catalog *c = s->catalog;
    char path[CONFIG_FIELD_SIZE];

    for (size_t i = 0; i < raw->members_count; i++) {
        uint32_t user = catalog_names_find(&c->user_names, raw->members[i]);

        snprintf(path, sizeof(path), "groups[%zu].members[%zu]", index, i);
        if (user == CATALOG_NONE)
            return config_refuse(s, SP_EVALUE, path, NULL, raw->members[i], NULL);
        catalog_set_add(&made->members, user);
        catalog_set_add(&c->users[user].groups, (uint32_t)(made - c->groups));
    }
    return SP_OK;
}

static enum sp_err check_group(struct config_load_state *s, const struct config_raw_group *raw,
                               size_t index)
{
    struct catalog *c = s->catalog;
    struct catalog_group *made = &c->groups[c->group_count];
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "groups[%zu].name", index);
    if (!config_is_label(raw->name))
        return config_refuse(s, SP_EVALUE, path, NULL, raw->name, NULL);
    if (catalog_names_add(&c->group_names, raw->name, (uint32_t)c->group_count) != SP_OK)
        return config_refuse_twice(s, CONFIG_SECTION_GROUPS,
                                   catalog_names_find(&c->group_names, raw->name), "groups", index,
                                   raw->name);
    snprintf(made->name, sizeof(made->name), "%s", raw->name);
    c->group_count++;
    return check_members(s, raw, index, made);
}

enum sp_err config_check_groups(struct config_load_state *s)
{
    enum sp_err err = SP_OK;

    for (size_t i = 0; i < s->raw->groups_count && err == SP_OK; i++)
        err = check_group(s, &s->raw->groups[i], i);
    return err;
}
