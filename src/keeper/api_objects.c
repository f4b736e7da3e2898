/* SPDX-License-Identifier: Apache-2.0
 * The administrator's commands about users, groups, targets and rules, and about the vault.
 */
#include <string.h>

#include "base/mem.h"
#include "keeper/keeper_objects.h"

#define DEPTH_MAX (OBJECTS_DEPTH_MAX + 4)

/* A command being answered. */
struct ask {
    struct control_client *client;
    struct keeper *keeper;
    const json_t *root;
    enum store_kind kind;
    const char *name; /* NULL if there is none */
};

static bool is_true(const struct ask *ask, const char *key)
{
    return json_is_true(json_object_get(ask->root, key));
}

/* ---- looking ---- */

typedef const char *name_fn(const struct catalog *c, size_t index);

static const char *user_name(const struct catalog *c, size_t i)
{
    return i < c->user_count ? c->users[i].name : NULL;
}

static const char *group_name(const struct catalog *c, size_t i)
{
    return i < c->group_count ? c->groups[i].name : NULL;
}

static const char *target_name(const struct catalog *c, size_t i)
{
    return i < c->target_count ? c->targets[i].name : NULL;
}

static const char *rule_name(const struct catalog *c, size_t i)
{
    return i < c->rule_count ? c->rules[i].name : NULL;
}

static name_fn *const names[OBJECTS_KINDS] = {user_name, group_name, target_name, rule_name};

static bool is_in_file(const struct ask *ask, enum store_kind kind, const char *wanted)
{
    const char *name;

    for (size_t i = 0; (name = names[kind](ask->keeper->config->catalog, i)) != NULL; i++) {
        if (config_name_equal(name, wanted))
            return true;
    }
    return false;
}

static json_t *answer_list(const struct ask *ask)
{
    json_t *policy = objects_policy(&ask->keeper->objects, false);
    json_t *section = json_object_get(policy, objects_section(ask->kind));
    json_t *list = json_array(), *doc;
    const char *name;
    size_t i;

    for (i = 0; (name = names[ask->kind](ask->keeper->config->catalog, i)) != NULL; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "source", "file"));
    json_array_foreach(section, i, doc)
    {
        json_object_set_new(doc, "source", json_string("store"));
        json_array_append(list, doc);
    }
    json_decref(policy);
    return json_pack("{s:b, s:o}", "ok", 1, "objects", list);
}

static json_t *answer_show(const struct ask *ask)
{
    const json_t *doc = objects_find(&ask->keeper->objects, ask->kind, ask->name);

    if (doc != NULL)
        return json_pack("{s:b, s:s, s:o}", "ok", 1, "source", "store", "object",
                         objects_veiled(ask->kind, doc));
    if (is_in_file(ask, ask->kind, ask->name))
        return json_pack("{s:b, s:s, s:{s:s}}", "ok", 1, "source", "file", "object", "name",
                         ask->name);
    return api_refusal("there is nothing of that kind with that name");
}

static json_t *answer_export(const struct ask *ask)
{
    bool with_secrets = is_true(ask, "secrets");
    struct event e;

    if (with_secrets && ask->client->uid != 0)
        return api_refusal("only root is given secrets");
    event_begin(&e, "policy_exported");
    event_number(&e, "by_uid", ask->client->uid);
    event_word(&e, "secrets", with_secrets ? "yes" : "no");
    if (keeper_event(ask->keeper, &e, true) != SP_OK)
        return api_refusal("the event log cannot be written, so nothing is shown");
    return json_pack("{s:b, s:o}", "ok", 1, "policy",
                     objects_policy(&ask->keeper->objects, with_secrets));
}

/* ---- changing ---- */

static json_t *carry_out(const struct ask *ask, const json_t *policy, bool prune, bool is_dry,
                         const char *reason)
{
    char error[OBJECTS_ERROR_SIZE];
    struct objects_plan plan;

    if (objects_plan(&ask->keeper->objects, policy, prune, &plan, error) != SP_OK)
        return api_refusal(error);
    return keeper_objects_change(ask->client, &plan, is_dry, reason);
}

static json_t *answer_apply(const struct ask *ask)
{
    const json_t *policy = json_object_get(ask->root, "policy");

    if (!json_is_object(policy))
        return api_refusal("apply needs \"policy\": a mapping of users, groups, targets and rules");
    return carry_out(ask, policy, is_true(ask, "prune"), is_true(ask, "dry_run"), "apply");
}

/* What stands there, with what is given put over it; null takes a key away. */
static void merge(json_t *into, const json_t *given)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)given, key, value)
    {
        json_t *there = json_object_get(into, key);

        if (json_is_null(value))
            json_object_del(into, key);
        else if (json_is_object(value) && json_is_object(there))
            merge(there, value);
        else
            json_object_set(into, key, value);
    }
}

static json_t *answer_put(const struct ask *ask)
{
    const json_t *given = json_object_get(ask->root, "doc");
    const char *mode = json_string_value(json_object_get(ask->root, "mode"));
    const char *name = json_string_value(json_object_get(given, "name"));
    const json_t *there;
    bool is_add;

    if (name == NULL || mode == NULL || (strcmp(mode, "add") != 0 && strcmp(mode, "set") != 0))
        return api_refusal("object_put needs \"mode\": add or set, and \"doc\" with a name");
    is_add = strcmp(mode, "add") == 0;
    there = objects_find(&ask->keeper->objects, ask->kind, name);
    if (is_in_file(ask, ask->kind, name))
        return api_refusal("it stands in the configuration file; change it there, then reload");
    if (is_add && there != NULL)
        return api_refusal("there is one with that name already; use set");
    if (!is_add && there == NULL)
        return api_refusal("there is nothing of that kind with that name; use add");
    json_t *doc = there != NULL ? json_deep_copy(there) : json_object();
    merge(doc, given);
    json_t *policy = json_pack("{s:[o]}", objects_section(ask->kind), doc);
    SP_BUG(policy == NULL);
    json_t *answer = carry_out(ask, policy, false, false, is_add ? "add" : "set");
    json_decref(policy);
    return answer;
}

static json_t *answer_remove(const struct ask *ask)
{
    char error[OBJECTS_ERROR_SIZE];
    struct objects_plan plan;

    if (is_in_file(ask, ask->kind, ask->name))
        return api_refusal("it stands in the configuration file; remove it there, then reload");
    if (objects_plan_remove(&ask->keeper->objects, ask->kind, ask->name, &plan, error) != SP_OK)
        return api_refusal(error);
    return keeper_objects_change(ask->client, &plan, false, "remove");
}

/* ---- the vault ---- */

static void on_rotated(void *ctx, enum sp_err err)
{
    struct keeper *k = ctx;
    struct event e;

    event_begin(&e, err == SP_OK ? "vault_rotated" : "vault_rotate_failed");
    event_word(&e, "reason", store_explain(err));
    keeper_event_note(k, &e);
    control_answer(k, k->rotation,
                   err == SP_OK ? json_pack("{s:b}", "ok", 1) : api_refusal(store_explain(err)));
    k->rotation = 0;
}

static json_t *answer_rotate(const struct ask *ask)
{
    struct keeper *k = ask->keeper;
    struct event e;
    enum sp_err err;

    event_begin(&e, "vault_rotating");
    event_number(&e, "by_uid", ask->client->uid);
    if (keeper_event(k, &e, true) != SP_OK)
        return api_refusal("the event log cannot be written, so nothing was changed");
    err = store_rotate(k->store, on_rotated, k);
    if (err != SP_OK)
        return api_refusal(store_explain(err));
    k->rotation = control_defer(ask->client);
    return NULL;
}

/* ---- all ---- */

static const struct {
    const char *name;
    bool has_kind, has_name, is_change;
    json_t *(*answer)(const struct ask *ask);
} commands[] = {
    {"objects", true, false, false, answer_list},
    {"object_show", true, true, false, answer_show},
    {"object_put", true, false, true, answer_put},
    {"object_remove", true, true, true, answer_remove},
    {"export", false, false, false, answer_export},
    {"apply", false, false, true, answer_apply},
    {"vault_rotate", false, false, true, answer_rotate},
};

static json_t *answer_command(struct ask *ask, size_t at)
{
    const char *kind = json_string_value(json_object_get(ask->root, "kind"));
    const char *why;

    ask->name = json_string_value(json_object_get(ask->root, "name"));
    if (commands[at].has_kind && (kind == NULL || !objects_kind(kind, &ask->kind)))
        return api_refusal("\"kind\" must be user, group, target or rule");
    if (commands[at].has_name && ask->name == NULL)
        return api_refusal("this command needs \"name\"");
    if (commands[at].is_change &&
        (!keeper_objects_may_change(ask->keeper, &why) || ask->keeper->rotation != 0))
        return api_refusal(ask->keeper->rotation != 0 ? "a new master key is being made; try again"
                                                      : why);
    return commands[at].answer(ask);
}

bool keeper_objects_answer(struct control_client *c, const char *line, size_t size, json_t **answer)
{
    struct ask ask = {.client = c, .keeper = c->keeper};
    json_t *root = api_is_shallow(line, size, DEPTH_MAX)
                       ? json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    const char *command = json_string_value(json_object_get(root, "cmd"));
    bool is_ours = false;

    ask.root = root;
    for (size_t i = 0; command != NULL && !is_ours && i < sizeof(commands) / sizeof(commands[0]);
         i++) {
        is_ours = strcmp(command, commands[i].name) == 0;
        if (is_ours)
            *answer = answer_command(&ask, i);
    }
    json_decref(root);
    return is_ours;
}
