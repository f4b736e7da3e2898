/* SPDX-License-Identifier: Apache-2.0
 * `sallyport ban`: who is kept out, shutting somebody out, letting somebody in again.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/ipc_msg.h"
#include "base/net.h"

#define DIGITS_MAX 9 /* of --for */

/* "90s", "10m", "2h", "7d", "4w" as seconds; 0 if it is none of these. */
static json_int_t read_duration(const char *text)
{
    static const struct {
        char unit;
        json_int_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > DIGITS_MAX || text[digits] == '\0' || text[digits + 1] != '\0')
        return 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text[digits] == units[i].unit)
            return (json_int_t)strtoll(text, NULL, 10) * units[i].seconds;
    }
    return 0;
}

static const char *field(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text != NULL && text[0] != '\0' ? text : "-";
}

static void print_list(const json_t *answer)
{
    static const char *const headline[] = {"NETWORK", "UNTIL", "WHY"};
    const json_t *bans = json_object_get(answer, "bans");
    const json_t *penalties = json_object_get(answer, "penalties");
    struct cli_table table;
    const json_t *entry;
    size_t i;

    if (json_array_size(bans) + json_array_size(penalties) == 0) {
        puts("Nobody is kept out.");
        return;
    }
    cli_table_init(&table, 3, headline);
    json_array_foreach(bans, i, entry)
    {
        const char *cells[] = {field(entry, "network"), field(entry, "until"),
                               field(entry, "reason")};
        cli_table_add(&table, cells);
    }
    json_array_foreach(penalties, i, entry)
    {
        char why[64];

        snprintf(why, sizeof(why), "penalty after %lld offences",
                 (long long)json_integer_value(json_object_get(entry, "offences")));
        const char *cells[] = {field(entry, "source"), field(entry, "until"), why};
        cli_table_add(&table, cells);
    }
    cli_table_print(&table);
    cli_table_clear(&table);
    json_int_t total = json_integer_value(json_object_get(answer, "penalised"));
    if (total > (json_int_t)json_array_size(penalties))
        printf("%lld more sources are penalised.\n",
               (long long)total - (long long)json_array_size(penalties));
}

static int ban_list(const struct cli_options *options)
{
    json_t *answer = cli_control_ask(options, json_pack("{s:s}", "cmd", "bans"));

    if (answer == NULL)
        return CLI_FAILED;
    if (options->is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    print_list(answer);
    json_decref(answer);
    return CLI_OK;
}

static int ask(const struct cli_options *options, json_t *question, const char *done)
{
    json_t *answer = cli_control_ask(options, question);

    if (answer == NULL)
        return CLI_FAILED;
    if (options->is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    printf("%s %s.\n", options->detail, done);
    json_decref(answer);
    return CLI_OK;
}

static int usage(const struct cli_options *options, const char *text)
{
    cli_complain(options, text);
    return CLI_USAGE;
}

static int ban_add(const struct cli_options *options)
{
    json_int_t for_s = options->duration != NULL ? read_duration(options->duration) : 0;
    json_t *question;

    if (options->duration != NULL && for_s == 0)
        return usage(options, "--for takes a time such as 90s, 10m, 2h, 7d or 4w");
    if (options->reason != NULL && strlen(options->reason) >= IPC_TEXT_MAX)
        return usage(options, "the reason is longer than 127 bytes; shorten it");
    question = json_pack("{s:s, s:s}", "cmd", "ban", "network", options->detail);
    if (options->reason != NULL &&
        json_object_set_new(question, "reason", json_string(options->reason)) != 0) {
        json_decref(question);
        return usage(options, "the reason is not UTF-8; write it in plain letters");
    }
    if (for_s != 0)
        json_object_set_new(question, "for_s", json_integer(for_s));
    return ask(options, question, "is shut out");
}

int cli_ban(const struct cli_options *options)
{
    struct net net;
    bool is_add = strcmp(options->argument, "add") == 0;

    if (strcmp(options->argument, "list") == 0) {
        if (options->detail == NULL && options->reason == NULL && options->duration == NULL)
            return ban_list(options);
        return usage(options, "ban list takes nothing; see sallyport ban --help");
    }
    if (!is_add && strcmp(options->argument, "remove") != 0)
        return usage(options, "ban takes list, add or remove; see sallyport ban --help");
    if (options->detail == NULL || net_read(options->detail, &net) != SP_OK)
        return usage(options, "expected an address or a network without bits behind its prefix, "
                              "such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32");
    if (is_add)
        return ban_add(options);
    if (options->reason != NULL || options->duration != NULL)
        return usage(options, "--for and --reason belong to ban add");
    return ask(options, json_pack("{s:s, s:s}", "cmd", "unban", "network", options->detail),
               "may connect again");
}
