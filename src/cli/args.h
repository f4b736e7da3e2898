/* SPDX-License-Identifier: Apache-2.0
 * The command line of commands with verbs and options of their own: `sallyport ticket issue …`.
 *
 * A command has one table of what it knows; -c, -s, --json and --help are known to all.
 */
#ifndef SP_CLI_ARGS_H
#define SP_CLI_ARGS_H

#include "cli/cli.h"

#define CLI_WORDS_MAX 24

/* One option: with a value, or a flag. */
struct cli_arg {
    const char *name;   /* "--from" or "-o" */
    const char **value; /* set to what follows; NULL for a flag */
    bool *flag;         /* set to true; NULL for one with a value */
};

/* What was read. Texts are borrowed from argv. */
struct cli_args {
    struct cli_options options; /* for cli_control_ask and the printers */
    const char *words[CLI_WORDS_MAX];
    size_t count; /* of words, the command's name not among them */
};

/*
 * Read the command line. A command that cannot be read is complained about, and one that wants
 * help gets it.
 * known    known_count options besides the common ones
 * Returns  -1: go on; else the exit status
 */
int cli_args_read(int argc, char **argv, const struct cli_arg *known, size_t known_count,
                  struct cli_args *out);

/* Complain about the way a command was called. Returns CLI_USAGE */
int cli_args_usage(const struct cli_args *args, const char *text);

/* "90s", "10m", "2h", "7d" as seconds; 0 if it is none of these. */
json_int_t cli_args_seconds(const char *text);

/*
 * Put "HOST", "HOST:PORT" or "[V6]:PORT" into a question as host and port.
 * Returns  false if it is none of these
 */
bool cli_args_address(const char *text, json_t *question);

/*
 * Write a file that only its owner can read, "-" being standard output; complains on failure.
 * text     becomes UTF-16LE with a byte order mark
 * Returns  the exit status
 */
int cli_args_write_rdp(const struct cli_args *args, const char *path, const char *text);

/* ---- factor.c, grant.c, ticket.c, rdp.c ---- */

/* `sallyport factor`. Returns the exit status. */
int cli_factor(int argc, char **argv);

/* `sallyport request` and `sallyport grant`. Returns the exit status. */
int cli_grant(int argc, char **argv);

/* `sallyport ticket`. Returns the exit status. */
int cli_ticket(int argc, char **argv);

/* `sallyport rdp`. Returns the exit status. */
int cli_rdp(int argc, char **argv);

#endif
