/* SPDX-License-Identifier: Apache-2.0
 * `sallyport guard`: what is counted for an address or an account, why, and until when.
 */
#include "cli/cli.h"

#include <string.h>

#include "base/ipc_msg.h"

/* What a person reads for a key of the answer; keys that are not here are not shown. */
static const struct {
    const char *key, *label;
} lines[] = {
    {"source", "address"},
    {"account", "account"},
    {"why", "what holds"},
    {"is_user", "a user"},
    {"is_decoy", "a decoy"},
    {"is_refused", "refused now"},
    {"is_exempt", "exempt from penalties"},
    {"tries_in_window", "attempts of strangers in 10 minutes"},
    {"tries_allowed", "  of"},
    {"in_a_row", "attempts of strangers in a row"},
    {"in_a_row_known", "attempts of known sources in a row"},
    {"in_a_row_allowed", "  together of"},
    {"refused", "attempts not even verified"},
    {"spray_on_account", "many sources guess at it"},
    {"spray_on_all", "many sources guess at many accounts"},
    {"strangers_until", "closed to strangers until"},
    {"accounts_failed", "accounts it failed at in 10 minutes"},
    {"is_spraying", "guesses at many accounts"},
};

static void print_value(const char *label, const json_t *value)
{
    if (json_is_string(value))
        printf("%-38s %s\n", label, json_string_value(value));
    else if (json_is_integer(value))
        printf("%-38s %lld\n", label, (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        printf("%-38s %s\n", label, json_is_true(value) ? "yes" : "no");
}

static const char *text_of(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text != NULL ? text : "-";
}

static void print_lists(const json_t *answer)
{
    static const char *const nets[] = {"ban", "allowed", "opened"};
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(answer, "penalties"), i, entry)
    {
        printf("%-38s %s: %lld offences, owes %lld s, until %s%s\n", "penalty",
               text_of(entry, "of"),
               (long long)json_integer_value(json_object_get(entry, "offences")),
               (long long)json_integer_value(json_object_get(entry, "owes_ms")) / 1000,
               text_of(entry, "until"),
               json_is_true(json_object_get(entry, "is_refused")) ? ", refused" : "");
    }
    for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
        entry = json_object_get(answer, nets[i]);
        if (json_is_object(entry))
            printf("%-38s %s until %s: %s\n", nets[i], text_of(entry, "network"),
                   text_of(entry, "until"), text_of(entry, "reason"));
    }
    json_array_foreach(json_object_get(answer, "known_sources"), i, entry)
    {
        printf("%-38s %s, last %s\n", "known source", text_of(entry, "source"),
               text_of(entry, "last"));
    }
}

int cli_guard(const struct cli_options *options)
{
    bool is_forgive = strcmp(options->argument, "forgive") == 0;
    const char *wrong = NULL;

    if (!is_forgive && strcmp(options->argument, "explain") != 0)
        wrong = "guard takes explain or forgive; see sallyport guard --help";
    else if (options->detail == NULL || options->detail[0] == '\0' ||
             strlen(options->detail) >= IPC_TEXT_MAX)
        wrong = "expected an address or an account's name of fewer than 128 bytes";
    else if (options->reason != NULL || options->duration != NULL)
        wrong = "--for and --reason do not belong to guard";
    if (wrong != NULL) {
        cli_complain(options, wrong);
        return CLI_USAGE;
    }
    json_t *answer =
        cli_control_ask(options, json_pack("{s:s, s:s}", "cmd", is_forgive ? "forgive" : "guard",
                                           "subject", options->detail));
    if (answer == NULL)
        return CLI_FAILED;
    if (options->is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    if (is_forgive)
        printf("Nothing is held against %s any more.\n", options->detail);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        print_value(lines[i].label, json_object_get(answer, lines[i].key));
    print_lists(answer);
    json_decref(answer);
    return CLI_OK;
}
