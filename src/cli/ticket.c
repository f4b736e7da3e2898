/* SPDX-License-Identifier: Apache-2.0
 * `sallyport ticket`: names and passwords that are good once.
 */
#include <string.h>

#include "base/mem.h"
#include "base/net.h"
#include "cli/args.h"
#include "cli/ticket_ask.h"

#define FOR_DEFAULT "5m"

static const char *field(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text != NULL && text[0] != '\0' ? text : "-";
}

/* The question, or NULL and what was wrong with the order. */
static json_t *question_of(const struct ticket_order *order, const char **error)
{
    json_int_t for_s = cli_args_seconds(order->for_time != NULL ? order->for_time : FOR_DEFAULT);
    struct net net;
    json_t *question;

    *error = "--for takes a time from 10s to 24h, such as 90s, 5m or 2h";
    if (for_s == 0)
        return NULL;
    *error = "--from takes an address, or a network without bits behind its prefix";
    if (order->from != NULL && net_read(order->from, &net) != SP_OK)
        return NULL;
    *error = "a name is not UTF-8";
    question = json_pack("{s:s, s:s, s:s, s:I, s:b}", "cmd", "ticket_issue", "user", order->user,
                         "target", order->target, "for_s", for_s, "rdp", order->rdp != NULL);
    if (question == NULL)
        return NULL;
    if (order->from != NULL)
        json_object_set_new(question, "source", json_string(order->from));
    *error = "--address takes HOST, HOST:PORT or [IPV6]:PORT";
    if (order->address == NULL || cli_args_address(order->address, question))
        return question;
    json_decref(question);
    return NULL;
}

int cli_ticket_issue(const struct cli_args *args, const struct ticket_order *order)
{
    const char *error;
    json_t *question = question_of(order, &error);
    int status = CLI_OK;

    if (question == NULL)
        return cli_args_usage(args, error);
    json_t *answer = cli_control_ask(&args->options, question);
    if (answer == NULL)
        return CLI_FAILED;
    if (order->rdp != NULL)
        status =
            cli_args_write_rdp(args, order->rdp, json_string_value(json_object_get(answer, "rdp")));
    json_object_del(answer, "rdp");
    if (args->options.is_json) {
        cli_print_json(answer);
        return status;
    }
    printf("User name: %s\nPassword:  %s\nGood once, for %s on %s, until %s%s%s.\n",
           field(answer, "id"), field(answer, "password"), field(answer, "person"),
           field(answer, "target"), field(answer, "expires"), order->from != NULL ? ", from " : "",
           order->from != NULL ? order->from : "");
    json_decref(answer);
    return status;
}

static int list(const struct cli_args *args)
{
    static const char *const headline[] = {"TICKET", "PERSON", "TARGET",
                                           "FROM",   "STATE",  "EXPIRES"};
    json_t *answer = cli_control_ask(&args->options, json_pack("{s:s}", "cmd", "tickets"));
    const json_t *tickets = json_object_get(answer, "tickets");
    struct cli_table table;
    const json_t *entry;
    size_t i;

    if (answer == NULL)
        return CLI_FAILED;
    if (args->options.is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    if (json_array_size(tickets) == 0) {
        puts("There are no tickets.");
        json_decref(answer);
        return CLI_OK;
    }
    cli_table_init(&table, 6, headline);
    json_array_foreach(tickets, i, entry)
    {
        const char *cells[] = {field(entry, "id"),     field(entry, "person"),
                               field(entry, "target"), field(entry, "source"),
                               field(entry, "state"),  field(entry, "expires")};
        cli_table_add(&table, cells);
    }
    cli_table_print(&table);
    cli_table_clear(&table);
    json_decref(answer);
    return CLI_OK;
}

static int revoke(const struct cli_args *args)
{
    json_t *question = json_pack("{s:s, s:s}", "cmd", "ticket_revoke", "id", args->words[1]);
    json_t *answer = question != NULL ? cli_control_ask(&args->options, question) : NULL;

    if (question == NULL)
        return cli_args_usage(args, "this is not a ticket's name");
    if (answer == NULL)
        return CLI_FAILED;
    if (args->options.is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    printf("Ticket %s is revoked. A session that it opened goes on: sallyport kill ends it.\n",
           args->words[1]);
    json_decref(answer);
    return CLI_OK;
}

int cli_ticket(int argc, char **argv)
{
    struct ticket_order order = {0};
    const struct cli_arg known[] = {
        {"--for", &order.for_time, NULL},
        {"--from", &order.from, NULL},
        {"--rdp", &order.rdp, NULL},
        {"--address", &order.address, NULL},
    };
    struct cli_args args;
    int status = cli_args_read(argc, argv, known, sizeof(known) / sizeof(known[0]), &args);

    if (status >= 0)
        return status;
    const char *verb = args.count > 0 ? args.words[0] : "";
    bool is_bare =
        order.for_time == NULL && order.from == NULL && order.rdp == NULL && order.address == NULL;
    if (strcmp(verb, "list") == 0 && args.count == 1 && is_bare)
        return list(&args);
    if (strcmp(verb, "revoke") == 0 && args.count == 2 && is_bare)
        return revoke(&args);
    if (strcmp(verb, "issue") != 0 || args.count != 3)
        return cli_args_usage(&args, "expected: ticket issue USER TARGET, ticket list, or ticket "
                                     "revoke TICKET; see sallyport help ticket");
    order.user = args.words[1];
    order.target = args.words[2];
    if (order.rdp != NULL && strcmp(order.rdp, "-") == 0)
        return cli_args_usage(&args, "--rdp takes a file's name");
    return cli_ticket_issue(&args, &order);
}
