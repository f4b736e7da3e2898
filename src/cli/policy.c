/* SPDX-License-Identifier: Apache-2.0
 * `sallyport apply` and `export`: users, groups, targets and rules as one file.
 */
#include "cli/policy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/policy_yaml.h"
#include "keeper/api.h"
#include "keeper/secret.h"
#include "keeper/state.h"

#define MESSAGE_SIZE 2048

int policy_fail(const struct cli_args *args, const char *what, const char *why)
{
    char shown[512], message[MESSAGE_SIZE];

    text_escape(what, shown, sizeof(shown));
    snprintf(message, sizeof(message), "%s: %s", shown, why);
    cli_complain(&args->options, message);
    return CLI_FAILED;
}

/* file: and env: are read here, where relative paths and the environment are the asker's. */
static bool resolve_one(const struct cli_args *args, json_t *holder, const char *key,
                        const char *dir)
{
    char text[SECRET_TEXT_MAX], message[SECRET_MESSAGE_MAX];
    const char *written = json_string_value(json_object_get(holder, key));
    bool is_good;

    if (written == NULL || secret_source_of(written) == SECRET_INLINE)
        return true;
    is_good = secret_resolve(written, dir, text, message, sizeof(message)) == SP_OK &&
              json_object_set_new(holder, key, json_string(text)) == 0;
    if (!is_good)
        policy_fail(args, key, message);
    sp_wipe(text, sizeof(text));
    return is_good;
}

bool policy_resolve(const struct cli_args *args, json_t *doc, const char *dir)
{
    json_t *inject = json_object_get(json_object_get(doc, "login"), "inject");

    return resolve_one(args, doc, "nt_hash", dir) && resolve_one(args, inject, "password", dir);
}

static bool resolve_all(const struct cli_args *args, json_t *policy, const char *path)
{
    static const char *const sections[] = {"users", "targets"};
    const char *slash = strrchr(path, '/');
    char dir[1024];
    json_t *doc;
    size_t i;

    snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - path) : 1,
             slash != NULL ? path : ".");
    if (slash == path)
        snprintf(dir, sizeof(dir), "/");
    for (size_t k = 0; k < sizeof(sections) / sizeof(sections[0]); k++) {
        json_array_foreach(json_object_get(policy, sections[k]), i, doc)
        {
            if (!policy_resolve(args, doc, dir))
                return false;
        }
    }
    return true;
}

static json_t *read_policy(const struct cli_args *args, const char *path)
{
    char error[256];
    size_t size;
    SP_FREE char *text = state_read_file(path, API_APPLY_MAX, &size);
    json_t *policy;

    if (text == NULL) {
        policy_fail(args, path, "it cannot be read, or it is larger than 4 MiB");
        return NULL;
    }
    policy = yaml_read(text, size, error, sizeof(error));
    sp_wipe(text, size);
    if (!json_is_object(policy)) {
        policy_fail(args, path, error[0] != '\0' ? error : "expected a mapping of sections");
        json_decref(policy);
        return NULL;
    }
    if (resolve_all(args, policy, path))
        return policy;
    json_decref(policy);
    return NULL;
}

/* The command stands first: so does keeper know that the line may be long. */
static json_t *ask_apply(const struct cli_args *args, json_t *policy, bool prune, bool is_dry)
{
    return cli_control_ask(&args->options,
                           json_pack("{s:s, s:b, s:b, s:O}", "cmd", "apply", "prune", prune,
                                     "dry_run", is_dry, "policy", policy));
}

void policy_print_plan(const json_t *answer)
{
    const json_t *plan = json_object_get(answer, "plan");
    json_t *line;
    size_t i;

    json_array_foreach(plan, i, line) puts(json_string_value(line));
    if (json_array_size(plan) == 0)
        puts("Nothing to change.");
}

int cli_apply(int argc, char **argv)
{
    bool is_dry = false, prune = false;
    const struct cli_arg known[] = {{"--dry-run", NULL, &is_dry}, {"--prune", NULL, &prune}};
    struct cli_args args;
    int status = cli_args_read(argc, argv, known, 2, &args);

    if (status >= 0)
        return status;
    if (args.count != 1)
        return cli_args_usage(&args, "apply takes the name of one policy file");
    json_t *policy = read_policy(&args, args.words[0]);
    if (policy == NULL)
        return CLI_FAILED;
    json_t *answer = ask_apply(&args, policy, prune, true);
    bool has_work = json_array_size(json_object_get(answer, "plan")) > 0;
    if (answer != NULL && !args.options.is_json)
        policy_print_plan(answer);
    fflush(stdout); /* the plan is seen before anything is done */
    if (answer != NULL && !is_dry && has_work) {
        json_decref(answer);
        answer = ask_apply(&args, policy, prune, false);
        if (answer != NULL && !args.options.is_json)
            puts("Done.");
    }
    json_decref(policy);
    if (answer == NULL)
        return CLI_FAILED;
    if (args.options.is_json)
        cli_print_json(answer);
    else
        json_decref(answer);
    return CLI_OK;
}

int cli_export(int argc, char **argv)
{
    bool with_secrets = false, is_good;
    const struct cli_arg known[] = {{"--secrets", NULL, &with_secrets}};
    struct cli_args args;
    int status = cli_args_read(argc, argv, known, 1, &args);
    json_t *answer;

    if (status >= 0)
        return status;
    if (args.count != 0)
        return cli_args_usage(&args, "export takes no argument; it writes to standard output");
    answer = cli_control_ask(&args.options,
                             json_pack("{s:s, s:b}", "cmd", "export", "secrets", with_secrets));
    if (answer == NULL)
        return CLI_FAILED;
    if (args.options.is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    is_good = yaml_write(stdout, json_object_get(answer, "policy"));
    json_decref(answer);
    return is_good ? CLI_OK : CLI_FAILED;
}
