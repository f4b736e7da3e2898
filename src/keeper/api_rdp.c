/* SPDX-License-Identifier: Apache-2.0
 * Signed .rdp files for an administrator to hand out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/api_identity.h"
#include "keeper/config.h"
#include "keeper/policy.h"
#include "keeper/rdpfile.h"

#define TYPED_SIZE (2 * CATALOG_NAME_SIZE)

bool api_rdp_rule(const struct identity_ask *ask, const struct catalog_user **user,
                  const struct catalog_target **target, const struct catalog_rule **rule,
                  const char **error)
{
    const struct catalog *catalog = ask->k->catalog;
    const struct catalog_user *who = catalog_find_user(catalog, identity_text(ask, "user"));
    const struct catalog_target *what = catalog_find_target(catalog, identity_text(ask, "target"));
    const struct catalog_rule *found;

    *error = who == NULL        ? "there is no such user; \"sallyport check\" shows them"
             : what == NULL     ? "there is no such target; \"sallyport check\" shows them"
             : who->is_disabled ? "this user is disabled"
                                : "no rule lets this user reach this target";
    if (who == NULL || what == NULL || who->is_disabled)
        return false;
    found =
        policy_rule_for(catalog, (size_t)(who - catalog->users), (size_t)(what - catalog->targets));
    if (found == NULL)
        return false;
    *user = who;
    *target = what;
    *rule = found;
    return true;
}

/* By which name or address, and port, clients find us. False: nobody said so. */
static bool find_address(const struct identity_ask *ask, char *room, size_t size,
                         struct rdpfile *file)
{
    static const uint8_t any[16] = {0}, any_v4[16] = {[10] = 0xff, [11] = 0xff};
    const struct config *config = ask->k->config;
    const struct boot_listener *listener = &config->listeners[0];
    const json_t *port = json_object_get(ask->root, "port");
    bool is_any = memcmp(listener->ip, any, 16) == 0 || memcmp(listener->ip, any_v4, 16) == 0;
    struct net net = {.bits = 128};

    file->port = (uint16_t)(port != NULL ? (uint32_t)json_integer_value(port) : listener->port);
    file->host = identity_text(ask, "host");
    if (file->host == NULL && config->name_count > 0)
        file->host = config->names[0];
    if (file->host != NULL)
        return true;
    if (is_any || size < NET_TEXT_SIZE)
        return false;
    memcpy(net.ip, listener->ip, sizeof(net.ip));
    net_write(&net, room);
    file->host = room;
    return true;
}

char *api_rdp_file(const struct identity_ask *ask, const char *user,
                   const struct ipc_channels *channels, const char **error)
{
    const json_t *port = json_object_get(ask->root, "port");
    struct rdpfile file = {.user = user, .channels = *channels};
    char address[NET_TEXT_SIZE], text[RDPFILE_TEXT_MAX];
    char *out;

    *error = "port must be a number from 1 to 65535";
    if (port != NULL && (json_integer_value(port) < 1 || json_integer_value(port) > 65535))
        return NULL;
    *error = "nobody said by which name clients find this gateway; set the key names, or name it "
             "with --address";
    if (!find_address(ask, address, sizeof(address), &file))
        return NULL;
    *error = "the address has a character that no address has";
    if (rdpfile_write(&file, text, sizeof(text)) != SP_OK)
        return NULL;
    *error = "the file cannot be signed";
    out = malloc(RDPFILE_TEXT_MAX);
    if (out != NULL && rdpfile_sign(text, ask->k->now->signer, out, RDPFILE_TEXT_MAX) == SP_OK)
        return out;
    free(out);
    return NULL;
}

json_t *api_rdp(const struct identity_ask *ask)
{
    const struct catalog_user *user = NULL;
    const struct catalog_target *target = NULL;
    const struct catalog_rule *rule = NULL;
    char typed[TYPED_SIZE];
    const char *error;

    if (!api_rdp_rule(ask, &user, &target, &rule, &error))
        return api_refusal(error);
    snprintf(typed, sizeof(typed), "%s#%s", user->name, target->name);
    char *text = api_rdp_file(ask, typed, &rule->channels, &error);
    if (text == NULL)
        return api_refusal(error);
    json_t *answer = json_pack("{s:b, s:s}", "ok", 1, "rdp", text);
    free(text);
    return answer;
}
