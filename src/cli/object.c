/* SPDX-License-Identifier: Apache-2.0
 * `sallyport user|group|target|rule list|show|add|set|remove`.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/policy.h"
#include "cli/policy_yaml.h"
#include "keeper/secret.h"

static int show_list(const struct cli_args *args, const char *kind)
{
    static const char *const headline[] = {"NAME", "SOURCE", "WHAT"};
    json_t *answer =
        cli_control_ask(&args->options, json_pack("{s:s, s:s}", "cmd", "objects", "kind", kind));
    struct cli_table table;
    json_t *object;
    size_t i;

    if (answer == NULL)
        return CLI_FAILED;
    if (args->options.is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    cli_table_init(&table, 3, headline);
    json_array_foreach(json_object_get(answer, "objects"), i, object)
    {
        const char *what = json_string_value(json_object_get(object, "address"));
        const char *cells[] = {json_string_value(json_object_get(object, "name")),
                               json_string_value(json_object_get(object, "source")),
                               what != NULL ? what : ""};
        cli_table_add(&table, cells);
    }
    cli_table_print(&table);
    cli_table_clear(&table);
    json_decref(answer);
    return CLI_OK;
}

static int show_one(const struct cli_args *args, const char *kind, const char *name)
{
    json_t *answer =
        cli_control_ask(&args->options, json_pack("{s:s, s:s, s:s}", "cmd", "object_show", "kind",
                                                  kind, "name", name));
    bool is_good = answer != NULL;

    if (answer == NULL)
        return CLI_FAILED;
    if (args->options.is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    printf("# source: %s\n", json_string_value(json_object_get(answer, "source")));
    is_good = yaml_write(stdout, json_object_get(answer, "object"));
    json_decref(answer);
    return is_good ? CLI_OK : CLI_FAILED;
}

/* "login.inject.user=administrator", "tags=[a, b]"; an empty value takes the key away. */
static bool put_field(const struct cli_args *args, json_t *doc, const char *word)
{
    const char *equals = strchr(word, '=');
    char key[128], error[256] = "expected KEY=VALUE";
    json_t *at = doc, *value = NULL;
    char *part = key, *dot;

    if (equals == NULL || equals == word || (size_t)(equals - word) >= sizeof(key)) {
        policy_fail(args, "a field", error);
        return false;
    }
    snprintf(key, sizeof(key), "%.*s", (int)(equals - word), word);
    value = equals[1] == '\0' ? json_null()
                              : yaml_read(equals + 1, strlen(equals + 1), error, sizeof(error));
    for (; value != NULL && (dot = strchr(part, '.')) != NULL; part = dot + 1) {
        *dot = '\0';
        if (!json_is_object(json_object_get(at, part)))
            json_object_set_new(at, part, json_object());
        at = json_object_get(at, part);
    }
    bool is_secret = strcmp(part, "nt_hash") == 0 || strcmp(part, "password") == 0;
    if (value != NULL && is_secret && json_is_string(value) &&
        secret_source_of(json_string_value(value)) == SECRET_INLINE) {
        json_decref(value);
        policy_fail(args, part, "others see a command line; write file:PATH or env:NAME");
        return false;
    }
    if (value == NULL || json_object_set_new(at, part, value) != 0) {
        policy_fail(args, part, error);
        return false;
    }
    return true;
}

static int change(const struct cli_args *args, json_t *question)
{
    json_t *answer = cli_control_ask(&args->options, question);

    if (answer == NULL)
        return CLI_FAILED;
    if (args->options.is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    policy_print_plan(answer);
    json_decref(answer);
    return CLI_OK;
}

static int put(const struct cli_args *args, const char *kind, const char *mode)
{
    json_t *doc = json_pack("{s:s}", "name", args->words[1]);
    bool is_good = doc != NULL;

    for (size_t i = 2; is_good && i < args->count; i++)
        is_good = put_field(args, doc, args->words[i]);
    if (!is_good || !policy_resolve(args, doc, ".")) {
        json_decref(doc);
        return CLI_USAGE;
    }
    return change(args, json_pack("{s:s, s:s, s:s, s:o}", "cmd", "object_put", "kind", kind, "mode",
                                  mode, "doc", doc));
}

int cli_object(int argc, char **argv)
{
    const char *kind = argv[1], *verb, *name;
    struct cli_args args;
    int status = cli_args_read(argc, argv, NULL, 0, &args);

    if (status >= 0)
        return status;
    verb = args.count > 0 ? args.words[0] : "";
    name = args.count > 1 ? args.words[1] : NULL;
    if (strcmp(verb, "list") == 0 && args.count == 1)
        return show_list(&args, kind);
    if (strcmp(verb, "show") == 0 && args.count == 2)
        return show_one(&args, kind, name);
    if (strcmp(verb, "remove") == 0 && args.count == 2)
        return change(&args, json_pack("{s:s, s:s, s:s}", "cmd", "object_remove", "kind", kind,
                                       "name", name));
    if ((strcmp(verb, "add") == 0 || strcmp(verb, "set") == 0) && args.count > 1)
        return put(&args, kind, verb);
    return cli_args_usage(&args, "expected list, show NAME, add NAME KEY=VALUE…, set NAME "
                                 "KEY=VALUE…, or remove NAME");
}
