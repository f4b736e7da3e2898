/* SPDX-License-Identifier: Apache-2.0
 * The administrator's commands: one JSON object a line, one answer a line.
 *
 *   {"cmd":"sessions"}                        → {"ok":true,"sessions":[…]}
 *   {"cmd":"kill","id":"…","reason":"…"}      → {"ok":true}
 *   {"cmd":"reload"}, {"cmd":"upgrade"}       → {"ok":true}, once it is done
 *   {"cmd":"bans"}                            → {"ok":true,"bans":[…],"penalties":[…],…}
 *   {"cmd":"ban","network":"…","for_s":N,"reason":"…"}   → {"ok":true}; no for_s: without end
 *   {"cmd":"unban","network":"…"}             → {"ok":true}
 *   {"cmd":"objects","kind":"user"}           → {"ok":true,"objects":[…]}
 *   {"cmd":"object_show","kind":…,"name":…}   → {"ok":true,"object":{…},"source":"store"}
 *   {"cmd":"object_put","kind":…,"mode":"add"|"set","doc":{…}}  → {"ok":true,"plan":[…]}
 *   {"cmd":"object_remove","kind":…,"name":…} → {"ok":true,"plan":[…]}
 *   {"cmd":"export","secrets":false}          → {"ok":true,"policy":{…}}
 *   {"cmd":"apply","policy":{…},"prune":false,"dry_run":false}  → {"ok":true,"plan":[…]}
 *   {"cmd":"vault_rotate"}                    → {"ok":true}, once all is sealed anew
 *   the same with "allow…" and "open…" for the two other lists; see api_guard.c
 *   {"cmd":"guard","subject":"…"}             → {"ok":true,…}: an address or a name, explained
 *   {"cmd":"forgive","subject":"…"}           → {"ok":true}
 *   {"cmd":"explain","user":"…",…}            → {"ok":true,"explain":{…}}; see explain.h
 *   anything else                             → {"ok":false,"error":"…"}
 */
#ifndef SP_KEEPER_API_H
#define SP_KEEPER_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/ipc_msg.h"
#include "base/net.h"
#include "base/penalty.h"
#include "keeper/explain.h"
#include "keeper/session_table.h"

#define API_BAN_SECONDS_MAX 315360000             /* ten years */
#define API_LINE_MAX        4096                  /* a longer line ends the connection … */
#define API_APPLY_START     "{\"cmd\":\"apply\"," /* … unless it begins so: an administrator's */
#define API_APPLY_MAX       (4u * 1024u * 1024u)

enum api_command {
    API_SESSIONS,
    API_KILL,
    API_BANS,
    API_BAN,
    API_UNBAN,
    API_GUARD,
    API_FORGIVE,
    API_RELOAD,
    API_UPGRADE,
    API_EXPLAIN
};

struct api_request {
    enum api_command command;
    char id[SESSION_ID_SIZE];
    char reason[IPC_TEXT_MAX];  /* empty if none was given */
    struct net net;             /* ban, unban */
    enum penalty_list list;     /* bans, ban, unban */
    char subject[IPC_TEXT_MAX]; /* guard, forgive: a name, if it is no address */
    bool is_name;
    int64_t for_ms; /* ban; 0 = without end */
    struct explain_request explain;
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

/*
 * Read one line as a JSON object that holds plain values only.
 * Returns  it for the caller to json_decref, or NULL if it is none
 */
json_t *api_load(const char *line, size_t size);

/*
 * True if no list or mapping of a JSON text lies deeper than depth_max: asked before it is parsed.
 */
bool api_is_shallow(const char *line, size_t size, size_t depth_max);

/*
 * Read a command of the guard.
 * out      zero; filled as far as understood
 * error    NULL if it is good, else static text
 * Returns  false if it is no command of the guard; error is not written
 */
bool api_read_guard(const json_t *root, const char *command, struct api_request *out,
                    const char **error);

/* Copy text of fewer than out_size bytes without a NUL in it; false if it is anything else. */
bool api_copy_text(const json_t *value, char *out, size_t out_size);

/* The answer that says no. Owner: the caller; NULL if memory ran out */
json_t *api_refusal(const char *error);

/*
 * Write an answer as one line with its end.
 * answer   taken; NULL is answered as out of memory
 * Returns  heap text for the caller to free, or NULL
 */
char *api_line(json_t *answer);

#endif
