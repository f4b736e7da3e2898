/* SPDX-License-Identifier: Apache-2.0
 * The administrator's commands: one JSON object a line, one answer a line.
 *
 *   {"cmd":"sessions"}                        → {"ok":true,"sessions":[…]}
 *   {"cmd":"kill","id":"…","reason":"…"}      → {"ok":true}
 *   anything else                             → {"ok":false,"error":"…"}
 */
#ifndef SP_KEEPER_API_H
#define SP_KEEPER_API_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/ipc_msg.h"
#include "keeper/session_table.h"

#define API_LINE_MAX 4096 /* a longer line ends the connection */

enum api_command { API_SESSIONS, API_KILL };

struct api_request {
    enum api_command command;
    char id[SESSION_ID_SIZE];
    char reason[IPC_TEXT_MAX]; /* empty if none was given */
};

/*
 * Read one line without its end.
 * line     size bytes, at most API_LINE_MAX
 * out      written only on SP_OK
 * error    on failure: static text for the answer
 * Errors:  SP_ELIMIT; SP_EVALUE not JSON, too deep, an unknown command or field
 */
SP_MUST_USE enum sp_err api_parse(const char *line, size_t size, struct api_request *out,
                                  const char **error);

/* The answer that says no. Owner: the caller; NULL if memory ran out */
json_t *api_refusal(const char *error);

/*
 * Write an answer as one line with its end.
 * answer   taken; NULL is answered as out of memory
 * Returns  heap text for the caller to free, or NULL
 */
char *api_line(json_t *answer);

#endif
