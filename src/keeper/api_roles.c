/* SPDX-License-Identifier: Apache-2.0
 * Who may give which command over the control socket: one table.
 */
#include "keeper/api_roles.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/api.h"

#define GROUPS_MAX 256

#define ADM CONFIG_ROLE_ADMIN
#define APP CONFIG_ROLE_APPROVER
#define AUD CONFIG_ROLE_AUDITOR
#define USR CONFIG_ROLE_USER

static const struct {
    const char *command;
    unsigned roles;
} table[] = {
    {"sessions", ADM | APP | AUD},
    {"kill", ADM},
    {"reload", ADM},
    {"upgrade", ADM},
    {"bans", ADM | AUD},
    {"ban", ADM},
    {"unban", ADM},
    {"allows", ADM | AUD},
    {"opens", ADM | AUD},
    {"guard", ADM | AUD},
    {"directory_test", ADM},
    {"explain", ADM | AUD},
    {"objects", ADM | AUD},
    {"object_show", ADM | AUD},
    {"object_put", ADM},
    {"object_remove", ADM},
    {"export", ADM | AUD}, /* with secrets: root */
    {"apply", ADM},
    {"vault_rotate", ADM},
    {"factors", ADM | AUD},
    {"factor_enrol", ADM},
    {"factor_confirm", ADM},
    {"factor_remove", ADM},
    {"rdp", ADM},
    {"ticket_issue", ADM},
    {"ticket_revoke", ADM},
    {"tickets", ADM | AUD},
    /* People see and change their own; api_grants.c looks who they are. */
    {"request_add", USR},
    {"requests", APP | AUD | USR},
    {"request_withdraw", USR},
    {"grants", APP | AUD | USR},
    {"grant_approve", ADM | APP},
    {"grant_refuse", ADM | APP},
    {"grant_extend", ADM | APP},
    {"grant_revoke", USR},
    {"break_glass", USR},
};

bool api_roles_allow(unsigned roles, const char *command)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].command, command) == 0)
            return (table[i].roles & roles) != 0;
    }
    return (roles & ADM) != 0;
}

const char *api_roles_name(unsigned roles)
{
    return (roles & ADM) != 0   ? "admin"
           : (roles & APP) != 0 ? "approver"
           : (roles & AUD) != 0 ? "auditor"
                                : "user";
}

static bool has_group(int fd, gid_t primary, uint32_t wanted)
{
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof(groups);

    if (primary == wanted)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return false;
    for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
        if (groups[i] == wanted)
            return true;
    }
    return false;
}

unsigned api_roles_of(const struct config *config, int fd, uid_t starter, uid_t *uid)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    unsigned roles = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return 0;
    *uid = peer.uid;
    if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == starter)
        return ADM | USR;
    for (size_t i = 0; i < config->role_count; i++) {
        const struct config_role_entry *e = &config->roles[i];

        if (e->is_group ? has_group(fd, peer.gid, e->id) : peer.uid == e->id)
            roles |= e->role | USR;
    }
    return config->role_count > 0 ? roles | USR : roles;
}

void api_roles_command(const char *line, size_t line_size, char *out, size_t size)
{
    json_t *root = NULL;

    out[0] = '\0';
    if (line_size >= sizeof(API_APPLY_START) - 1 &&
        memcmp(line, API_APPLY_START, sizeof(API_APPLY_START) - 1) == 0) {
        snprintf(out, size, "apply");
        return;
    }
    if (line_size <= API_LINE_MAX && api_is_shallow(line, line_size, 16))
        root = json_loadb(line, line_size, JSON_REJECT_DUPLICATES, NULL);
    const char *command = json_string_value(json_object_get(root, "cmd"));
    if (command != NULL)
        snprintf(out, size, "%s", command);
    json_decref(root);
}
