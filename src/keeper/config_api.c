/* SPDX-License-Identifier: Apache-2.0
 * Who may ask over the control socket, and where the master key comes from.
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "keeper/config_priv.h"

static enum sp_err check_master_key(struct config_load_state *s,
                                    const struct config_raw_master_key *raw)
{
    struct config *config = s->config;
    int given;

    if (raw == NULL)
        return SP_OK;
    given = (raw->file != NULL) + (raw->credential != NULL) + (raw->passphrase_file != NULL);
    if (given != 1)
        return config_refuse(s, SP_EVALUE, "master_key", NULL, NULL,
                             "give exactly one of the keys");
    if (raw->credential != NULL) {
        config->master_key_source = VAULT_CREDENTIAL;
        return strcmp(raw->credential, "true") == 0
                   ? SP_OK
                   : config_refuse(s, SP_EVALUE, "master_key.credential", NULL, raw->credential,
                                   NULL);
    }
    if (raw->file != NULL)
        return config_path(s, "master_key.file", raw->file, config->master_key,
                           sizeof(config->master_key));
    config->master_key_source = VAULT_PASSPHRASE;
    return config_path(s, "master_key.passphrase_file", raw->passphrase_file, config->master_key,
                       sizeof(config->master_key));
}

static bool find_account(const char *name, struct config_role_entry *out)
{
    const struct passwd *account;
    const struct group *group;

    out->is_group = name[0] == '@';
    if (out->is_group) {
        group = getgrnam(name + 1);
        out->id = group != NULL ? group->gr_gid : 0;
        return group != NULL;
    }
    account = getpwnam(name);
    out->id = account != NULL ? account->pw_uid : 0;
    return account != NULL;
}

static enum sp_err check_role(struct config_load_state *s, const char *key, enum config_role role,
                              char **names, uint32_t count)
{
    char path[CONFIG_FIELD_SIZE];

    for (uint32_t i = 0; i < count; i++) {
        struct config_role_entry *entry = &s->config->roles[s->config->role_count];

        if (!find_account(names[i], entry)) {
            snprintf(path, sizeof(path), "api.%s[%u]", key, i);
            return config_refuse(s, SP_EVALUE, path, NULL, names[i],
                                 "there is no such account or group on this machine");
        }
        entry->role = role;
        s->config->role_count++;
    }
    return SP_OK;
}

static enum sp_err check_break_glass(struct config_load_state *s,
                                     const struct config_raw_break_glass *raw)
{
    if (raw == NULL)
        return SP_OK;
    if (!config_is_label(raw->group))
        return config_refuse(s, SP_EVALUE, "break_glass.group", NULL, raw->group, NULL);
    snprintf(s->config->break_glass, sizeof(s->config->break_glass), "%s", raw->group);
    return SP_OK;
}

enum sp_err config_check_api(struct config_load_state *s, const struct config_raw *raw)
{
    const struct config_raw_api *api = raw->api;
    enum sp_err err = check_master_key(s, raw->master_key);

    if (err == SP_OK)
        err = check_break_glass(s, raw->break_glass);
    if (err != SP_OK || api == NULL)
        return err;
    err = check_role(s, "admins", CONFIG_ROLE_ADMIN, api->admins, api->admins_count);
    if (err == SP_OK)
        err =
            check_role(s, "approvers", CONFIG_ROLE_APPROVER, api->approvers, api->approvers_count);
    if (err == SP_OK)
        err = check_role(s, "auditors", CONFIG_ROLE_AUDITOR, api->auditors, api->auditors_count);
    return err;
}
