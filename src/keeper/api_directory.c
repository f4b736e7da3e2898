/* SPDX-License-Identifier: Apache-2.0
 * "directory_test": whether a directory takes a name and password, and which groups it gives.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/api_directory.h"
#include "keeper/keeper_priv.h"

#define DEPTH_MAX 1

/* Whoever waits for the answer. */
struct waiting {
    struct keeper *keeper;
    uint64_t deferred;
};

static void log_test(struct keeper *k, const struct ipc_directory_answer *answer)
{
    struct event e;

    event_begin(&e,
                answer->status == IPC_DIRECTORY_OK ? "directory_accepted" : "directory_refused");
    event_word(&e, "method", "ldap");
    event_word(&e, "reason",
               answer->status == IPC_DIRECTORY_OK ? "tested by an administrator" : answer->why);
    keeper_event_note(k, &e);
}

static void on_done(void *ctx, const struct ipc_directory_answer *answer)
{
    struct waiting *w = ctx;
    json_t *groups = json_array();

    log_test(w->keeper, answer);
    for (uint32_t i = 0; i < answer->group_count; i++)
        json_array_append_new(groups, json_string(answer->groups[i]));
    if (answer->status == IPC_DIRECTORY_OK) {
        control_answer(w->keeper, w->deferred, json_pack("{s:b, s:o}", "ok", 1, "groups", groups));
    } else {
        json_decref(groups);
        control_answer(w->keeper, w->deferred, api_refusal(answer->why));
    }
    free(w);
}

static json_t *ask(struct control_client *c, const char *user, const char *password)
{
    struct waiting *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return api_refusal("no memory");
    w->keeper = c->keeper;
    enum sp_err err =
        directory_login(c->keeper, user, (const uint8_t *)password, strlen(password), on_done, w);
    if (err == SP_OK) {
        w->deferred = control_defer(c);
        return NULL;
    }
    free(w);
    return api_refusal(err == SP_ESTATE   ? "no directory is configured for logins (directory.ldap)"
                       : err == SP_ELIMIT ? "too many questions at once, or too long a name"
                                          : "directory is not running; try again");
}

bool keeper_directory_answer(struct control_client *c, const char *line, size_t size,
                             json_t **answer)
{
    json_t *root = api_is_shallow(line, size, DEPTH_MAX)
                       ? json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    const char *command = json_string_value(json_object_get(root, "cmd"));
    const char *user = json_string_value(json_object_get(root, "user"));
    json_t *secret = json_object_get(root, "password");
    const char *password = json_string_value(secret);
    bool is_ours = command != NULL && strcmp(command, "directory_test") == 0;

    if (is_ours)
        *answer = user == NULL || password == NULL || json_object_size(root) != 3
                      ? api_refusal("directory_test needs \"user\" and \"password\"")
                      : ask(c, user, password);
    if (password != NULL) /* jansson does not wipe what it frees */
        sp_wipe((char *)(uintptr_t)password, json_string_length(secret));
    json_decref(root);
    return is_ours;
}
