/* SPDX-License-Identifier: Apache-2.0
 * The administrator's commands that are the guard's.
 *
 *   {"cmd":"bans"}, {"cmd":"allows"}, {"cmd":"opens"}         the three lists
 *   {"cmd":"ban"|"allow"|"open","network":"…","for_s":N,"reason":"…"}
 *   {"cmd":"unban"|"unallow"|"unopen","network":"…"}
 *   {"cmd":"guard"|"forgive","subject":"ADDRESS or NAME"}
 */
#include "keeper/api.h"

#include <string.h>

/* The network of a command, and that nothing else than the fields counted in `known` is there. */
static const char *read_network(const json_t *root, size_t known, struct api_request *out)
{
    const char *text = json_string_value(json_object_get(root, "network"));

    if (text == NULL || net_read(text, &out->net) != SP_OK)
        return "expected \"network\": an address, or a network without bits behind its prefix";
    return json_object_size(root) == known ? NULL : "a field is not known";
}

static const char *read_add(const json_t *root, struct api_request *out)
{
    const json_t *reason = json_object_get(root, "reason");
    const json_t *for_s = json_object_get(root, "for_s");

    if (reason != NULL && !api_copy_text(reason, out->reason, sizeof(out->reason)))
        return "\"reason\" must be text of fewer than 128 bytes";
    if (for_s != NULL &&
        (json_integer_value(for_s) < 1 || json_integer_value(for_s) > API_BAN_SECONDS_MAX))
        return "\"for_s\" must be a number of seconds from 1 to 315360000";
    out->for_ms = for_s != NULL ? json_integer_value(for_s) * 1000 : 0;
    return read_network(root, 2u + (reason != NULL ? 1u : 0u) + (for_s != NULL ? 1u : 0u), out);
}

static const char *read_subject(const json_t *root, struct api_request *out)
{
    if (!api_copy_text(json_object_get(root, "subject"), out->subject, sizeof(out->subject)) ||
        out->subject[0] == '\0')
        return "expected \"subject\": an address or an account's name of fewer than 128 bytes";
    out->is_name = net_read(out->subject, &out->net) != SP_OK || out->net.bits != 128;
    return json_object_size(root) == 2 ? NULL : "a field is not known";
}

bool api_read_guard(const json_t *root, const char *command, struct api_request *out,
                    const char **error)
{
    static const struct {
        const char *name;
        enum api_command command;
        enum penalty_list list;
    } commands[] = {
        {"bans", API_BANS, PENALTY_BANNED},       {"ban", API_BAN, PENALTY_BANNED},
        {"unban", API_UNBAN, PENALTY_BANNED},     {"allows", API_BANS, PENALTY_ALLOWED},
        {"allow", API_BAN, PENALTY_ALLOWED},      {"unallow", API_UNBAN, PENALTY_ALLOWED},
        {"opens", API_BANS, PENALTY_OPEN},        {"open", API_BAN, PENALTY_OPEN},
        {"unopen", API_UNBAN, PENALTY_OPEN},      {"guard", API_GUARD, PENALTY_BANNED},
        {"forgive", API_FORGIVE, PENALTY_BANNED},
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(command, commands[i].name) != 0)
            continue;
        out->command = commands[i].command;
        out->list = commands[i].list;
        if (out->command == API_BANS)
            *error = json_object_size(root) == 1 ? NULL : "this command takes nothing";
        else if (out->command == API_BAN)
            *error = read_add(root, out);
        else if (out->command == API_UNBAN)
            *error = read_network(root, 2, out);
        else
            *error = read_subject(root, out);
        return true;
    }
    return false;
}
