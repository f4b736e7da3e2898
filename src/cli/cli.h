/* SPDX-License-Identifier: Apache-2.0
 * The `sallyport` command: what its parts share.
 *
 *   main.c     which command or helper role it is
 *   options.c  the command line as a struct
 *   help.c     the texts that teach
 *   check.c passwd.c sessions.c   one command each
 *   ban.c      who is kept out, let in, let through a closed port
 *   guard.c    what is known of an address or an account
 *   explain.c  what policy says, and why
 *   control.c  the line to the running service
 *   table.c    aligned columns; colour on a terminal only
 */
#ifndef SP_CLI_CLI_H
#define SP_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#define CLI_CONFIG_DEFAULT "/etc/sallyport/sallyport.yaml"

#define CLI_PASSWORD_SIZE 1026

/* Exit statuses, as sysexits are too many to remember. */
enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* ---- options.c ---- */

/* The command line. Texts are borrowed from argv. */
struct cli_options {
    const char *command;  /* NULL if none was given          */
    const char *argument; /* passwd: name; kill: id; help: command; ban …: verb; NULL if absent */
    const char *detail;   /* ban, allow, port: network; guard: subject    */
    const char *config;   /* -c; NULL if absent              */
    const char *socket;   /* -s; NULL if absent              */
    const char *reason;   /* --reason; NULL if absent        */
    const char *duration; /* --for; NULL if absent           */
    /* explain: what else is to be assumed; NULL if absent */
    const char *from, *at, *factor, *client, *build, *nla;
    bool is_json, wants_help;
};

/*
 * Read the command line; options may stand anywhere.
 * out      written only if true is returned
 * error    error_size bytes; what is wrong, with control characters escaped
 */
bool cli_options_read(int argc, char **argv, struct cli_options *out, char *error,
                      size_t error_size);

/* ---- help.c ---- */

/* True if there is such a command. */
bool cli_help_knows(const char *command);

/* Print the page of a command, or the overview if command is NULL. */
void cli_help_print(FILE *to, const char *command);

/* ---- check.c, passwd.c, sessions.c ---- */

/* `sallyport check`. Returns the exit status. */
int cli_check(const struct cli_options *options);

/* `sallyport passwd`. Returns the exit status. */
int cli_passwd(const struct cli_options *options);

/* `sallyport sessions`. Returns the exit status. */
int cli_sessions(const struct cli_options *options);

/* `sallyport reload`. Returns the exit status. */
int cli_reload(const struct cli_options *options);

/* `sallyport upgrade`. Returns the exit status. */
int cli_upgrade(const struct cli_options *options);

/* `sallyport kill`. Returns the exit status. */
int cli_kill(const struct cli_options *options);

/* ---- directory.c ---- */

/* `sallyport directory`. Returns the exit status. */
int cli_directory(const struct cli_options *options);

/*
 * Ask for a password: unseen on a terminal, else one line of standard input.
 * line     CLI_PASSWORD_SIZE bytes; the caller wipes it
 * error    static text if false is returned
 */
bool cli_ask_password(char *line, const char **error);

/* ---- ban.c ---- */

/* `sallyport ban`, `allow` and `port`. Returns the exit status. */
int cli_ban(const struct cli_options *options);

/* ---- guard.c ---- */

/* `sallyport guard`. Returns the exit status. */
int cli_guard(const struct cli_options *options);

/* ---- explain.c ---- */

/* `sallyport explain`. Returns the exit status. */
int cli_explain(const struct cli_options *options);

/* ---- control.c ---- */

#define CLI_ANSWER_MAX (8u * 1024u * 1024u)

/*
 * Ask the running service one question; prints what went wrong.
 * question taken
 * Returns  the answer, whose "ok" is true, for the caller to json_decref; NULL after a failure
 */
json_t *cli_control_ask(const struct cli_options *options, json_t *question);

/* True if a service answers on that socket. */
bool cli_control_is_answered(const char *path);

/* ---- table.c ---- */

#define CLI_COLUMNS_MAX 8

/* Rows of text, aligned when printed. */
struct cli_table {
    size_t columns, rows, room;
    char **cells; /* rows * columns, owned */
};

/* Begin a table with a headline of columns texts. */
void cli_table_init(struct cli_table *table, size_t columns, const char *const *headline);

/* Add a row of table->columns texts; control characters become '?', nothing "-". */
void cli_table_add(struct cli_table *table, const char *const *cells);

/* Print to standard output; the headline is bold on a terminal. */
void cli_table_print(const struct cli_table *table);

/* Free what the table holds. */
void cli_table_clear(struct cli_table *table);

/*
 * Say on standard error what failed, "sallyport: …", and with --json also on standard output as
 * {"ok":false,"error":…}. text: without control characters
 */
void cli_complain(const struct cli_options *options, const char *text);

/* Print a JSON value as one line on standard output. value: taken */
void cli_print_json(json_t *value);

#endif
