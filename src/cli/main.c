/* SPDX-License-Identifier: Apache-2.0
 * The `sallyport` program: a command of the administrator, or keeper.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/policy.h"
#include "cli/cli.h"
#include "keeper/serve.h"
#include "sp_version.h"

/* An upgrade starts us with this one argument; it is no part of the command line for people. */
static int run_role(const char *role)
{
    if (strcmp(role, "heir") == 0)
        return serve_heir_main();
    fputs("sallyport: --role is for the service itself; use: sallyport serve\n", stderr);
    return CLI_USAGE;
}

static int run_version(const struct cli_options *options)
{
    if (options->is_json)
        cli_print_json(json_pack("{s:b, s:s}", "ok", 1, "version", SP_VERSION));
    else
        puts("sallyport " SP_VERSION);
    return CLI_OK;
}

static int run_help(const struct cli_options *options, const char *command)
{
    if (command != NULL && !cli_help_knows(command)) {
        cli_complain(options, "there is no such command; see: sallyport --help");
        return CLI_USAGE;
    }
    cli_help_print(stdout, command);
    return CLI_OK;
}

static int run_serve(const struct cli_options *options)
{
    return serve_main(options->config != NULL ? options->config : CLI_CONFIG_DEFAULT);
}

static int run_command(const struct cli_options *options)
{
    static const struct {
        const char *name;
        int (*run)(const struct cli_options *options);
    } commands[] = {
        {"serve", run_serve},       {"check", cli_check},     {"passwd", cli_passwd},
        {"sessions", cli_sessions}, {"kill", cli_kill},       {"reload", cli_reload},
        {"upgrade", cli_upgrade},   {"ban", cli_ban},         {"allow", cli_ban},
        {"port", cli_ban},          {"guard", cli_guard},     {"directory", cli_directory},
        {"explain", cli_explain},   {"version", run_version},
    };

    if (options->wants_help)
        return run_help(options, options->command);
    if (options->command == NULL) {
        cli_help_print(stderr, NULL);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, options->command) == 0)
            return commands[i].run(options);
    return run_help(options, options->argument);
}

/* A full disk or a closed pipe must not look like success. */
static int flushed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fputs("sallyport: cannot write to standard output\n", stderr);
    return status == CLI_OK ? CLI_FAILED : status;
}

/* Commands that read the command line by a table of their own. */
static bool run_worded(int argc, char **argv, int *status)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"factor", cli_factor}, {"request", cli_grant}, {"grant", cli_grant},
                    {"rdp", cli_rdp},       {"ticket", cli_ticket}, {"apply", cli_apply},
                    {"export", cli_export}, {"user", cli_object},   {"group", cli_object},
                    {"target", cli_object}, {"rule", cli_object},   {"vault", cli_vault},
                    {"backup", cli_backup}};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (argc < 2 || strcmp(argv[1], commands[i].name) != 0)
            continue;
        *status = commands[i].run(argc, argv);
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct cli_options options = {0};
    char error[512];
    int status;

    if (argc >= 2 && strncmp(argv[1], "--role=", 7) == 0)
        return argc == 2 ? run_role(argv[1] + 7) : CLI_USAGE;
    /* Names beyond ASCII are compared without regard to case: towupper needs a UTF-8 locale. */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    if (run_worded(argc, argv, &status))
        return flushed(status);
    if (!cli_options_read(argc, argv, &options, error, sizeof(error))) {
        for (int i = 1; i < argc; i++)
            options.is_json = options.is_json || strcmp(argv[i], "--json") == 0;
        cli_complain(&options, error);
        return flushed(CLI_USAGE);
    }
    return flushed(run_command(&options));
}
