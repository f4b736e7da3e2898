/* SPDX-License-Identifier: Apache-2.0
 * `sallyport request` and `sallyport grant`: access that somebody asks for and somebody else gives.
 */
#include <string.h>

#include "cli/args.h"

/* What was typed; NULL where it was not. */
struct order {
    const char *for_time, *reason, *ticket, *as;
};

/* One verb. Which options it takes, and which it needs, as letters: f, r, t; as is for all. */
struct verb {
    const char *command, *verb, *asks, *subject; /* subject: what the second word is; NULL = none */
    const char *takes, *needs;
};

static const struct verb verbs[] = {
    {"request", "add", "request_add", "target", "frt", ""},
    {"request", "list", "requests", NULL, "", ""},
    {"request", "withdraw", "request_withdraw", "id", "", ""},
    {"grant", "list", "grants", NULL, "", ""},
    {"grant", "approve", "grant_approve", "id", "f", ""},
    {"grant", "refuse", "grant_refuse", "id", "r", "r"},
    {"grant", "extend", "grant_extend", "id", "f", "f"},
    {"grant", "revoke", "grant_revoke", "id", "r", ""},
    {"grant", "break-glass", "break_glass", "target", "fr", "fr"},
};

static const char *field(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text != NULL && text[0] != '\0' ? text : "-";
}

/* A time as people type it: "90s", "2h 5m". */
static void write_time(json_int_t seconds, char *out, size_t size)
{
    long long h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
    int used = 0;

    if (h > 0)
        used = snprintf(out, size, "%lldh", h);
    if (m > 0)
        used += snprintf(out + used, size - (size_t)used, "%s%lldm", used > 0 ? " " : "", m);
    if (s > 0 || used == 0)
        snprintf(out + used, size - (size_t)used, "%s%llds", used > 0 ? " " : "", s);
}

/* Without the fraction of a second. */
static void write_moment(const json_t *entry, const char *key, char *out, size_t size)
{
    const char *text = field(entry, key);
    size_t n = strcspn(text, ".");

    snprintf(out, size, "%.*s%s", (int)n, text, text[n] != '\0' ? "Z" : "");
}

static void print_table(const json_t *rows, bool is_grant)
{
    static const char *const requests[] = {"REQUEST", "PERSON", "TARGET", "FOR",
                                           "STATE",   "ASKED",  "BY",     "REASON"};
    static const char *const grants[] = {"GRANT", "PERSON", "TARGET", "FOR",
                                         "STATE", "UNTIL",  "BY",     "REASON"};
    struct cli_table table;
    const json_t *entry;
    char length[64], moment[64];
    size_t i;

    cli_table_init(&table, 8, is_grant ? grants : requests);
    json_array_foreach(rows, i, entry)
    {
        bool is_open = strcmp(field(entry, "state"), "open") == 0;
        bool is_glass = json_is_true(json_object_get(entry, "break_glass"));

        write_time(json_integer_value(json_object_get(entry, "for_s")), length, sizeof(length));
        write_moment(entry, is_grant ? "until" : "made", moment, sizeof(moment));
        const char *cells[] = {field(entry, "id"),
                               field(entry, "person"),
                               field(entry, "target"),
                               length,
                               field(entry, "state"),
                               moment,
                               is_glass  ? "break glass"
                               : is_open ? field(entry, "group")
                                         : field(entry, "by"),
                               field(entry, "reason")};
        cli_table_add(&table, cells);
    }
    cli_table_print(&table);
    cli_table_clear(&table);
}

static void print_one(const struct verb *verb, const json_t *answer)
{
    const json_t *r = json_object_get(answer, "request"), *g = json_object_get(answer, "grant");
    const json_t *it = g != NULL ? g : r;
    char moment[64], length[64];

    write_moment(it, "until", moment, sizeof(moment));
    write_time(json_integer_value(json_object_get(it, "for_s")), length, sizeof(length));
    if (g != NULL && strcmp(field(g, "state"), "running") == 0)
        printf("Grant %s: %s may reach %s until %s.\n", field(g, "id"), field(g, "person"),
               field(g, "target"), moment);
    else if (g != NULL)
        printf("Grant %s of %s for %s is %s.\n", field(g, "id"), field(g, "person"),
               field(g, "target"), field(g, "state"));
    else if (strcmp(verb->verb, "add") == 0)
        printf("Request %s of %s for %s, %s: %s. Somebody of %s decides, until %s.\n",
               field(r, "id"), field(r, "person"), field(r, "target"), length, field(r, "state"),
               field(r, "group"), moment);
    else
        printf("Request %s of %s for %s is %s.\n", field(r, "id"), field(r, "person"),
               field(r, "target"), field(r, "state"));
}

static int ask(const struct cli_args *args, const struct verb *verb, json_t *question)
{
    bool is_grant = strcmp(verb->asks, "grants") == 0;
    json_t *answer = cli_control_ask(&args->options, question);

    if (answer == NULL)
        return CLI_FAILED;
    if (args->options.is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    const json_t *rows = json_object_get(answer, is_grant ? "grants" : "requests");
    if (verb->subject != NULL)
        print_one(verb, answer);
    else if (json_array_size(rows) == 0)
        puts(is_grant ? "There are no grants." : "There are no requests.");
    else
        print_table(rows, is_grant);
    json_decref(answer);
    return CLI_OK;
}

/* An option that is there without being taken, or needed and not there. NULL: all is well */
static const char *misused(const struct verb *verb, const struct order *order)
{
    const struct {
        char letter;
        const char *value, *unwanted, *needed;
    } options[] = {
        {'f', order->for_time, "--for does not belong here", "--for TIME is needed, such as 1h"},
        {'r', order->reason, "--reason does not belong here", "--reason TEXT is needed"},
        {'t', order->ticket, "--ticket does not belong here", NULL},
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (options[i].value != NULL && strchr(verb->takes, options[i].letter) == NULL)
            return options[i].unwanted;
        if (options[i].value == NULL && strchr(verb->needs, options[i].letter) != NULL)
            return options[i].needed;
    }
    if (order->for_time != NULL && cli_args_seconds(order->for_time) == 0)
        return "--for takes a time such as 90s, 30m, 2h or 1d";
    return NULL;
}

static void put(json_t *question, const char *key, const char *text)
{
    if (text != NULL)
        json_object_set_new(question, key, json_string(text));
}

static bool is_utf8(const char *text)
{
    json_t *value = text != NULL ? json_string(text) : json_null();
    bool is_good = value != NULL;

    json_decref(value);
    return is_good;
}

static const struct verb *find(const struct cli_args *args, const char *command)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        const struct verb *v = &verbs[i];

        if (args->count > 0 && strcmp(v->command, command) == 0 &&
            strcmp(v->verb, args->words[0]) == 0 && args->count == (v->subject != NULL ? 2 : 1))
            return v;
    }
    return NULL;
}

int cli_grant(int argc, char **argv)
{
    struct order order = {0};
    const struct cli_arg known[] = {
        {"--for", &order.for_time, NULL},  {"--reason", &order.reason, NULL},
        {"--ticket", &order.ticket, NULL}, {"--as", &order.as, NULL},
        {"--user", &order.as, NULL},
    };
    struct cli_args args;
    int status = cli_args_read(argc, argv, known, sizeof(known) / sizeof(known[0]), &args);

    if (status >= 0)
        return status;
    const struct verb *verb = find(&args, argv[1]);
    if (verb == NULL)
        return cli_args_usage(&args, strcmp(argv[1], "grant") == 0
                                         ? "expected grant list, approve ID, refuse ID, extend ID, "
                                           "revoke ID or break-glass TARGET; see sallyport help "
                                           "grant"
                                         : "expected request add TARGET, request list or request "
                                           "withdraw ID; see sallyport help request");
    const char *wrong = misused(verb, &order);
    const char *subject = verb->subject != NULL ? args.words[1] : NULL;
    if (wrong == NULL && (!is_utf8(subject) || !is_utf8(order.reason) || !is_utf8(order.ticket) ||
                          !is_utf8(order.as)))
        wrong = "a text is not UTF-8";
    if (wrong != NULL)
        return cli_args_usage(&args, wrong);
    json_t *question = json_pack("{s:s}", "cmd", verb->asks);
    if (subject != NULL)
        put(question, verb->subject, subject);
    if (order.for_time != NULL)
        json_object_set_new(question, "for_s", json_integer(cli_args_seconds(order.for_time)));
    put(question, "reason", order.reason);
    put(question, "ticket", order.ticket);
    put(question, "as", order.as);
    return ask(&args, verb, question);
}
