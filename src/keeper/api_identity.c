/* SPDX-License-Identifier: Apache-2.0
 * The administrator's commands about who may pass and how he proves it: which there are.
 */
#include "keeper/api_identity.h"

#include <string.h>

#define FIELDS_MAX 8

/* A field is "s" text, "n" a number or "b" a flag; needed unless it ends in '?'. */
static const struct command {
    const char *name;
    identity_answer_fn *answer;
    struct {
        const char *key, *form;
    } fields[FIELDS_MAX];
} commands[] = {
    {"rdp", api_rdp, {{"user", "s"}, {"target", "s"}, {"host", "s?"}, {"port", "n?"}}},
    {"ticket_issue",
     api_ticket_issue,
     {{"user", "s"},
      {"target", "s"},
      {"for_s", "n"},
      {"source", "s?"},
      {"rdp", "b?"},
      {"host", "s?"},
      {"port", "n?"}}},
    {"tickets", api_tickets, {{NULL, NULL}}},
    {"factors", api_factors, {{NULL, NULL}}},
    {"factor_enrol", api_factor_enrol, {{"user", "s"}}},
    {"factor_confirm", api_factor_confirm, {{"user", "s"}, {"code", "s"}}},
    {"factor_remove", api_factor_remove, {{"user", "s"}}},
    {"ticket_revoke", api_ticket_revoke, {{"id", "s"}}},
    {"request_add",
     api_request_add,
     {{"target", "s"}, {"for_s", "n?"}, {"reason", "s?"}, {"ticket", "s?"}, {"as", "s?"}}},
    {"requests", api_requests, {{"as", "s?"}}},
    {"request_withdraw", api_request_withdraw, {{"id", "s"}, {"as", "s?"}}},
    {"grants", api_grants, {{"as", "s?"}}},
    {"grant_approve", api_grant_approve, {{"id", "s"}, {"for_s", "n?"}, {"as", "s?"}}},
    {"grant_refuse", api_grant_refuse, {{"id", "s"}, {"reason", "s"}, {"as", "s?"}}},
    {"grant_extend", api_grant_extend, {{"id", "s"}, {"for_s", "n"}, {"as", "s?"}}},
    {"grant_revoke", api_grant_revoke, {{"id", "s"}, {"reason", "s?"}, {"as", "s?"}}},
    {"break_glass",
     api_break_glass,
     {{"target", "s"}, {"for_s", "n"}, {"reason", "s"}, {"as", "s?"}}},
};

static bool has_form(const json_t *value, char form)
{
    switch (form) {
    case 's': /* no NUL inside, which would end it early */
        return json_is_string(value) &&
               strlen(json_string_value(value)) == json_string_length(value);
    case 'n':
        return json_is_integer(value);
    default:
        return json_is_boolean(value);
    }
}

/* Every needed field is there, each has its form, and no other is. */
static bool fits(const struct command *command, const json_t *root)
{
    size_t known = 1; /* cmd */

    for (size_t i = 0; i < FIELDS_MAX && command->fields[i].key != NULL; i++) {
        const json_t *value = json_object_get(root, command->fields[i].key);

        if (value == NULL && command->fields[i].form[1] == '?')
            continue;
        if (value == NULL || !has_form(value, command->fields[i].form[0]))
            return false;
        known++;
    }
    return json_object_size(root) == known;
}

const char *identity_text(const struct identity_ask *ask, const char *key)
{
    return json_string_value(json_object_get(ask->root, key));
}

bool keeper_identity_answer(struct control_client *c, const char *line, size_t size,
                            json_t **answer)
{
    json_t *root = api_load(line, size);
    struct identity_ask ask = {c->keeper, c, root};
    const char *name = json_string_value(json_object_get(root, "cmd"));
    bool is_known = false;

    for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name) != 0)
            continue;
        is_known = true;
        *answer = fits(&commands[i], root)
                      ? commands[i].answer(&ask)
                      : api_refusal("a field is missing, not known, or of another form");
        break;
    }
    json_decref(root);
    return is_known;
}
