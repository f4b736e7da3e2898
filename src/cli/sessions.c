/* SPDX-License-Identifier: Apache-2.0
 * `sallyport sessions` and `sallyport kill`: what goes on, and how to end it.
 */
#include "cli/cli.h"

#include <string.h>

#include "base/ipc_msg.h"
#include "base/text.h"

#define ID_MAX 64

static const char *field(json_t *session, const char *key)
{
    const char *text = json_string_value(json_object_get(session, key));

    return text != NULL && text[0] != '\0' ? text : "-";
}

int cli_sessions(const struct cli_options *options)
{
    static const char *const headline[] = {"ID", "USER", "TARGET", "SOURCE", "STATE", "STARTED"};
    json_t *answer = cli_control_ask(options, json_pack("{s:s}", "cmd", "sessions"));
    struct cli_table table;
    json_t *session;
    size_t i;

    if (answer == NULL)
        return CLI_FAILED;
    if (options->is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    json_t *list = json_object_get(answer, "sessions");
    json_int_t finishing = json_integer_value(json_object_get(answer, "finishing"));
    if (finishing > 0)
        fprintf(stderr, "%d more finish in the process that served before an upgrade.\n",
                (int)finishing);
    if (json_array_size(list) == 0) {
        puts("There are no sessions.");
        json_decref(answer);
        return CLI_OK;
    }
    cli_table_init(&table, 6, headline);
    json_array_foreach(list, i, session)
    {
        const char *cells[] = {field(session, "id"),     field(session, "user"),
                               field(session, "target"), field(session, "source"),
                               field(session, "state"),  field(session, "started")};
        cli_table_add(&table, cells);
    }
    cli_table_print(&table);
    cli_table_clear(&table);
    json_decref(answer);
    return CLI_OK;
}

static bool is_id(const char *text)
{
    size_t n = strlen(text);

    return n > 0 && n <= ID_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

int cli_kill(const struct cli_options *options)
{
    const char *reason = options->reason != NULL ? options->reason : "";
    json_t *question;

    if (!is_id(options->argument)) {
        cli_complain(options, "this is not a session's ID; see: sallyport sessions");
        return CLI_USAGE;
    }
    if (strlen(reason) >= IPC_TEXT_MAX) {
        cli_complain(options, "the reason is longer than 127 bytes; shorten it");
        return CLI_USAGE;
    }
    question =
        json_pack("{s:s, s:s, s:s}", "cmd", "kill", "id", options->argument, "reason", reason);
    if (question == NULL) {
        cli_complain(options, "the reason is not UTF-8; write it in plain letters");
        return CLI_USAGE;
    }
    json_t *answer = cli_control_ask(options, question);
    if (answer == NULL)
        return CLI_FAILED;
    if (options->is_json)
        cli_print_json(answer);
    else {
        printf("Session %s is ended.\n", options->argument);
        json_decref(answer);
    }
    return CLI_OK;
}

/* A question without arguments whose answer is yes or a reason. */
static int ask_plain(const struct cli_options *options, const char *command, const char *done)
{
    json_t *answer = cli_control_ask(options, json_pack("{s:s}", "cmd", command));

    if (answer == NULL)
        return CLI_FAILED;
    if (options->is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    puts(done);
    json_decref(answer);
    return CLI_OK;
}

int cli_reload(const struct cli_options *options)
{
    return ask_plain(options, "reload", "The configuration is reloaded.");
}

int cli_upgrade(const struct cli_options *options)
{
    return ask_plain(
        options, "upgrade",
        "The program on disk serves now; sessions that were open finish in the old one.");
}
