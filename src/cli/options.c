/* SPDX-License-Identifier: Apache-2.0
 * The command line as a struct. No password can be given here: others see a process's arguments.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

struct reader {
    int argc, at;
    char **argv;
    char *error;
    size_t error_size;
};

/* One option that takes a value. */
struct valued {
    const char *brief, *full;
    const char **to;
};

static bool complain(struct reader *r, const char *before, const char *text, const char *after)
{
    char shown[256];

    text_escape(text, shown, sizeof(shown));
    snprintf(r->error, r->error_size, "%s \"%s\"%s", before, shown, after);
    return false;
}

/* Only the option's name is shown: what is glued to it may be a password. */
static bool complain_option(struct reader *r, const char *argument)
{
    char name[64];
    size_t n = strncmp(argument, "--", 2) == 0 ? strcspn(argument, "=") : 2;

    snprintf(name, sizeof(name), "%.*s", (int)(n < sizeof(name) ? n : sizeof(name) - 1), argument);
    return complain(r, "unknown option", name, "; see sallyport --help");
}

/* True if argument is this option; its value is in *value, or NULL if there is none. */
static bool matches(struct reader *r, const struct valued *option, const char **value)
{
    const char *argument = r->argv[r->at];
    size_t n = strlen(option->full);

    *value = NULL;
    if (strncmp(argument, option->full, n) == 0 && argument[n] == '=') {
        *value = argument + n + 1;
        return true;
    }
    if (strcmp(argument, option->full) != 0 &&
        (option->brief == NULL || strcmp(argument, option->brief) != 0))
        return false;
    if (r->at + 1 < r->argc)
        *value = r->argv[++r->at];
    return true;
}

static bool take_option(struct reader *r, struct cli_options *o)
{
    const struct valued valued[] = {
        {"-c", "--config", &o->config}, {"-s", "--socket", &o->socket},
        {NULL, "--reason", &o->reason}, {NULL, "--for", &o->duration},
        {NULL, "--from", &o->from},     {NULL, "--at", &o->at},
        {NULL, "--factor", &o->factor}, {NULL, "--client", &o->client},
        {NULL, "--build", &o->build},   {NULL, "--nla", &o->nla},
    };
    const char *argument = r->argv[r->at];
    const char *value;

    for (size_t i = 0; i < sizeof(valued) / sizeof(valued[0]); i++) {
        if (!matches(r, &valued[i], &value))
            continue;
        if (value == NULL || value[0] == '\0')
            return complain(r, "option", valued[i].full, " needs a value");
        *valued[i].to = value;
        return true;
    }
    if (strcmp(argument, "--json") == 0)
        o->is_json = true;
    else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
        o->wants_help = true;
    else if (strcmp(argument, "--version") == 0 && o->command == NULL)
        o->command = "version";
    else
        return complain_option(r, argument);
    return true;
}

/* Commands that take a verb and what it is about. */
static bool is_listing(const char *command)
{
    return strcmp(command, "ban") == 0 || strcmp(command, "allow") == 0 ||
           strcmp(command, "port") == 0 || strcmp(command, "guard") == 0 ||
           strcmp(command, "directory") == 0;
}

/* What only explain takes. */
static bool fits_explain(struct reader *r, const struct cli_options *o)
{
    bool is_explain = strcmp(o->command, "explain") == 0;
    bool assumes = o->from != NULL || o->at != NULL || o->factor != NULL || o->client != NULL ||
                   o->build != NULL || o->nla != NULL;

    if (is_explain && o->argument == NULL)
        return complain(r, "command", o->command, " needs a user, and a target if one is meant");
    if (o->build != NULL &&
        (o->build[strspn(o->build, "0123456789")] != '\0' || strlen(o->build) > 9))
        return complain(r, "option", "--build", " needs a number such as 22621");
    return is_explain || !assumes ||
           complain(r, "command", o->command,
                    " assumes nothing; --from, --at, --factor, --client, --build and --nla belong "
                    "to explain");
}

/* Each command takes what it takes and nothing else. */
static bool fits(struct reader *r, const struct cli_options *o)
{
    const char *command = o->command;
    bool is_kill, is_ban, talks;

    if (command == NULL || o->wants_help)
        return true;
    is_kill = strcmp(command, "kill") == 0;
    is_ban = is_listing(command);
    talks = is_kill || is_ban || strcmp(command, "sessions") == 0 ||
            strcmp(command, "reload") == 0 || strcmp(command, "upgrade") == 0 ||
            strcmp(command, "explain") == 0;
    if (!fits_explain(r, o))
        return false;
    if (is_ban && o->argument == NULL)
        return complain(r, "command", command,
                        strcmp(command, "port") == 0        ? " takes list, open or close"
                        : strcmp(command, "directory") == 0 ? " takes test and a user"
                        : strcmp(command, "guard") == 0     ? " takes explain or forgive"
                                                            : " takes list, add or remove");
    if (o->duration != NULL && !is_ban)
        return complain(r, "option", "--for", " belongs to the commands ban, allow and port");
    if (o->argument != NULL && !is_kill && !is_ban && strcmp(command, "passwd") != 0 &&
        strcmp(command, "help") != 0 && strcmp(command, "explain") != 0)
        return complain(r, "command", command,
                        strcmp(command, "serve") == 0 || strcmp(command, "check") == 0
                            ? " takes no argument; name the configuration with -c FILE"
                            : " takes no argument");
    if (is_kill && o->argument == NULL)
        return complain(r, "command", command, " needs a session's ID; see: sallyport sessions");
    if (o->reason != NULL && !is_kill && !is_ban)
        return complain(r, "option", "--reason",
                        " belongs to the commands kill, ban, allow and port");
    if (o->socket != NULL && !talks)
        return complain(r, "option", "--socket",
                        " belongs to commands that ask the running service");
    if (o->config != NULL && !talks && strcmp(command, "serve") != 0 &&
        strcmp(command, "check") != 0)
        return complain(r, "option", "--config", " does not belong to this command");
    return true;
}

bool cli_options_read(int argc, char **argv, struct cli_options *out, char *error,
                      size_t error_size)
{
    struct reader r = {argc, 1, argv, error, error_size};
    struct cli_options o = {0};
    bool only_words = false;

    for (; r.at < argc; r.at++) {
        const char *argument = argv[r.at];

        if (!only_words && strcmp(argument, "--") == 0) {
            only_words = true;
        } else if (!only_words && argument[0] == '-' && argument[1] != '\0') {
            if (!take_option(&r, &o))
                return false;
        } else if (o.command == NULL) {
            o.command = argument;
            if (!cli_help_knows(argument))
                return complain(&r, "unknown command", argument, "; see sallyport --help");
        } else if (o.argument == NULL) {
            o.argument = argument;
        } else if (o.detail == NULL &&
                   (is_listing(o.command) || strcmp(o.command, "explain") == 0)) {
            o.detail = argument;
        } else {
            /* It may be a password, so it is not shown. */
            return complain(&r, "one argument too many for command", o.command,
                            "; see sallyport --help");
        }
    }
    if (!fits(&r, &o))
        return false;
    *out = o;
    return true;
}
