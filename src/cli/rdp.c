/* SPDX-License-Identifier: Apache-2.0
 * `sallyport rdp`: a signed file that leads a person's client here.
 */
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/ticket_ask.h"

/* The account that runs the command. */
static const char *own_name(void)
{
    const struct passwd *entry = getpwuid(getuid());

    return entry != NULL ? entry->pw_name : "";
}

static int write_plain(const struct cli_args *args, const char *user, const char *address,
                       const char *path)
{
    json_t *question =
        json_pack("{s:s, s:s, s:s}", "cmd", "rdp", "user", user, "target", args->words[0]);
    json_t *answer;
    int status;

    if (question == NULL)
        return cli_args_usage(args, "a name is not UTF-8");
    if (address != NULL && !cli_args_address(address, question)) {
        json_decref(question);
        return cli_args_usage(args, "--address takes HOST, HOST:PORT or [IPV6]:PORT");
    }
    answer = cli_control_ask(&args->options, question);
    if (answer == NULL)
        return CLI_FAILED;
    status = cli_args_write_rdp(args, path, json_string_value(json_object_get(answer, "rdp")));
    if (status == CLI_OK && args->options.is_json) {
        json_object_del(answer, "rdp");
        cli_print_json(answer);
        return status;
    }
    json_decref(answer);
    return status;
}

int cli_rdp(int argc, char **argv)
{
    const char *user = NULL, *path = NULL, *address = NULL, *for_time = NULL, *from = NULL;
    bool wants_ticket = false;
    const struct cli_arg known[] = {
        {"--user", &user, NULL},       {"-o", &path, NULL},
        {"--address", &address, NULL}, {"--ticket", NULL, &wants_ticket},
        {"--for", &for_time, NULL},    {"--from", &from, NULL},
    };
    struct cli_args args;
    int status = cli_args_read(argc, argv, known, sizeof(known) / sizeof(known[0]), &args);

    if (status >= 0)
        return status;
    if (args.count != 1 || path == NULL)
        return cli_args_usage(&args, "expected: sallyport rdp TARGET -o FILE; see sallyport help "
                                     "rdp");
    if (strcmp(path, "-") == 0 && (wants_ticket || args.options.is_json))
        return cli_args_usage(&args, "-o - leaves no room for another answer; name a file");
    if (!wants_ticket && (for_time != NULL || from != NULL))
        return cli_args_usage(&args, "--for and --from belong to --ticket");
    if (user == NULL)
        user = own_name();
    if (!wants_ticket)
        return write_plain(&args, user, address, path);
    const struct ticket_order order = {user, args.words[0], for_time, from, path, address};
    return cli_ticket_issue(&args, &order);
}
