/* SPDX-License-Identifier: Apache-2.0
 * `sallyport directory test USER`: does the directory take this password, and which groups follow?
 */
#include "cli/cli.h"

#include <string.h>

#include "base/mem.h"

static void print(const struct cli_options *options, json_t *answer)
{
    const json_t *groups = json_object_get(answer, "groups");
    size_t i;
    const json_t *group;

    if (options->is_json) {
        cli_print_json(json_incref(answer));
        return;
    }
    printf("The directory takes the password of %s.\nGroups:", options->detail);
    json_array_foreach(groups, i, group) printf(" %s", json_string_value(group));
    puts(json_array_size(groups) == 0 ? " none that is mapped" : "");
}

int cli_directory(const struct cli_options *options)
{
    char line[CLI_PASSWORD_SIZE] = "";
    const char *error = "";

    if (strcmp(options->argument, "test") != 0 || options->detail == NULL) {
        cli_complain(options, "write: sallyport directory test USER");
        return CLI_USAGE;
    }
    if (!cli_ask_password(line, &error)) {
        sp_wipe(line, sizeof(line));
        cli_complain(options, error);
        return CLI_FAILED;
    }
    json_t *question = json_pack("{s:s, s:s, s:s}", "cmd", "directory_test", "user",
                                 options->detail, "password", line);
    sp_wipe(line, sizeof(line));
    if (question == NULL) {
        cli_complain(options, "the name or the password is not UTF-8");
        return CLI_FAILED;
    }
    json_t *answer = cli_control_ask(options, question);
    if (answer == NULL)
        return CLI_FAILED;
    print(options, answer);
    json_decref(answer);
    return CLI_OK;
}
