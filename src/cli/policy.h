/* SPDX-License-Identifier: Apache-2.0
 * Commands about what the store has: as a file, one at a time, and the store itself.
 */
#ifndef SP_CLI_POLICY_H
#define SP_CLI_POLICY_H

#include "cli/args.h"

/* ---- policy.c ---- */

/* `sallyport apply`. Returns the exit status. */
int cli_apply(int argc, char **argv);

/* `sallyport export`. Returns the exit status. */
int cli_export(int argc, char **argv);

/* Complain about what. Returns CLI_FAILED */
int policy_fail(const struct cli_args *args, const char *what, const char *why);

/*
 * Put what file: and env: stand for into a document's secret.
 * dir      that relative paths start from
 * Returns  false after a complaint
 */
bool policy_resolve(const struct cli_args *args, json_t *doc, const char *dir);

/* Print an answer's plan, one change a line. */
void policy_print_plan(const json_t *answer);

/* ---- object.c ---- */

/* `sallyport user|group|target|rule`. Returns the exit status. */
int cli_object(int argc, char **argv);

/* ---- vault.c ---- */

/* `sallyport vault rotate|repair`. Returns the exit status. */
int cli_vault(int argc, char **argv);

/* `sallyport backup FILE`. Returns the exit status. */
int cli_backup(int argc, char **argv);

#endif
