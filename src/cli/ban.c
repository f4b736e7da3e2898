/* SPDX-License-Identifier: Apache-2.0
 * `sallyport ban`, `allow` and `port`: three lists of networks, shown and changed.
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

/* One command: its list, its verbs, and how it talks. */
struct listing {
    const char *command, *ask, *add, *remove, *add_word, *remove_word;
    const char *added, *removed, *nobody;
};

static const struct listing listings[] = {
    {"ban", "bans", "ban", "unban", "add", "remove", "is shut out", "may connect again",
     "Nobody is kept out."},
    {"allow", "allows", "allow", "unallow", "add", "remove", "is let in, whatever it does",
     "is treated as everybody", "Nobody is allowed by name."},
    {"port", "opens", "open", "unopen", "open", "close", "may reach closed ports",
     "finds closed ports closed", "Closed ports are closed to everybody without a ticket."},
};

static const struct listing *listing_of(const struct cli_options *options)
{
    for (size_t i = 0; i < sizeof(listings) / sizeof(listings[0]); i++) {
        if (strcmp(listings[i].command, options->command) == 0)
            return &listings[i];
    }
    return &listings[0];
}

static const char *field(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text != NULL && text[0] != '\0' ? text : "-";
}

static void print_list(const json_t *answer, const struct listing *l)
{
    static const char *const headline[] = {"NETWORK", "UNTIL", "WHY"};
    const json_t *bans = json_object_get(answer, "bans");
    const json_t *penalties = json_object_get(answer, "penalties");
    struct cli_table table;
    const json_t *entry;
    size_t i;

    if (bans == NULL)
        bans = json_object_get(answer, "networks");
    if (json_array_size(bans) + json_array_size(penalties) == 0) {
        puts(l->nobody);
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
    json_t *answer = cli_control_ask(options, json_pack("{s:s}", "cmd", listing_of(options)->ask));

    if (answer == NULL)
        return CLI_FAILED;
    if (options->is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    print_list(answer, listing_of(options));
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

static int ban_add(const struct cli_options *options, const struct listing *l)
{
    json_int_t for_s = options->duration != NULL ? read_duration(options->duration) : 0;
    json_t *question;

    if (options->duration != NULL && for_s == 0)
        return usage(options, "--for takes a time such as 90s, 10m, 2h, 7d or 4w");
    if (options->reason != NULL && strlen(options->reason) >= IPC_TEXT_MAX)
        return usage(options, "the reason is longer than 127 bytes; shorten it");
    question = json_pack("{s:s, s:s}", "cmd", l->add, "network", options->detail);
    if (options->reason != NULL &&
        json_object_set_new(question, "reason", json_string(options->reason)) != 0) {
        json_decref(question);
        return usage(options, "the reason is not UTF-8; write it in plain letters");
    }
    if (for_s != 0)
        json_object_set_new(question, "for_s", json_integer(for_s));
    return ask(options, question, l->added);
}

int cli_ban(const struct cli_options *options)
{
    const struct listing *l = listing_of(options);
    struct net net;
    bool is_add = strcmp(options->argument, l->add_word) == 0;

    char text[160];

    if (strcmp(options->argument, "list") == 0) {
        snprintf(text, sizeof(text), "%s list takes nothing; see sallyport %s --help", l->command,
                 l->command);
        if (options->detail == NULL && options->reason == NULL && options->duration == NULL)
            return ban_list(options);
        return usage(options, text);
    }
    snprintf(text, sizeof(text), "%s takes list, %s or %s; see sallyport %s --help", l->command,
             l->add_word, l->remove_word, l->command);
    if (!is_add && strcmp(options->argument, l->remove_word) != 0)
        return usage(options, text);
    if (options->detail == NULL || net_read(options->detail, &net) != SP_OK)
        return usage(options, "expected an address or a network without bits behind its prefix, "
                              "such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32");
    if (is_add)
        return ban_add(options, l);
    snprintf(text, sizeof(text), "--for and --reason belong to %s %s", l->command, l->add_word);
    if (options->reason != NULL || options->duration != NULL)
        return usage(options, text);
    return ask(options, json_pack("{s:s, s:s}", "cmd", l->remove, "network", options->detail),
               l->removed);
}
