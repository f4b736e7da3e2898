/* SPDX-License-Identifier: Apache-2.0
 * The administrator's commands: one JSON object a line, one answer a line.
 */
#include "keeper/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 1 /* one object of plain values */

/* jansson's own limit of depth is a constant of its build; ours is checked before it parses. */
bool api_is_shallow(const char *line, size_t size, size_t depth_max)
{
    bool is_text = false;
    size_t depth = 0;

    for (size_t i = 0; i < size; i++) {
        if (is_text && line[i] == '\\')
            i++;
        else if (line[i] == '"')
            is_text = !is_text;
        else if (!is_text && (line[i] == '{' || line[i] == '['))
            depth++;
        else if (!is_text && depth > 0 && (line[i] == '}' || line[i] == ']'))
            depth--;
        if (depth > depth_max)
            return false;
    }
    return true;
}

bool api_copy_text(const json_t *value, char *out, size_t out_size)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) >= out_size || strlen(text) != json_string_length(value))
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static const char *read_kill(const json_t *root, struct api_request *out)
{
    const json_t *reason = json_object_get(root, "reason");

    out->command = API_KILL;
    if (!api_copy_text(json_object_get(root, "id"), out->id, sizeof(out->id)))
        return "kill needs \"id\", as \"sessions\" shows it";
    if (reason != NULL && !api_copy_text(reason, out->reason, sizeof(out->reason)))
        return "\"reason\" must be text of fewer than 128 bytes";
    if (json_object_size(root) != (reason != NULL ? 3u : 2u))
        return "kill knows \"id\" and \"reason\" only";
    return NULL;
}

static const char *read_root(const json_t *root, struct api_request *out)
{
    static const struct {
        const char *name;
        enum api_command command;
    } plain[] = {{"sessions", API_SESSIONS}, {"reload", API_RELOAD}, {"upgrade", API_UPGRADE}};
    const char *command = json_string_value(json_object_get(root, "cmd"));
    const char *error;

    if (command == NULL)
        return "expected an object with \"cmd\"";
    if (strcmp(command, "kill") == 0)
        return read_kill(root, out);
    if (api_read_guard(root, command, out, &error))
        return error;
    if (strcmp(command, "explain") == 0) {
        out->command = API_EXPLAIN;
        return explain_read(root, &out->explain);
    }
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (strcmp(command, plain[i].name) != 0)
            continue;
        out->command = plain[i].command;
        return json_object_size(root) == 1 ? NULL : "this command takes nothing";
    }
    return "unknown command; it may be newer than the service";
}

enum sp_err api_parse(const char *line, size_t size, struct api_request *out, const char **error)
{
    struct api_request request = {0};
    json_t *root;

    *error = "line too long";
    if (size > API_LINE_MAX)
        return SP_ELIMIT;
    *error = "too deep";
    if (!api_is_shallow(line, size, DEPTH_MAX))
        return SP_EVALUE;
    root = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    *error = json_is_object(root) ? read_root(root, &request) : "not a JSON object";
    json_decref(root);
    if (*error != NULL)
        return SP_EVALUE;
    *out = request;
    return SP_OK;
}

json_t *api_load(const char *line, size_t size)
{
    json_t *root = size <= API_LINE_MAX && api_is_shallow(line, size, DEPTH_MAX)
                       ? json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;

    if (json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}

json_t *api_refusal(const char *error)
{
    return json_pack("{s:b, s:s}", "ok", 0, "error", error);
}

char *api_line(json_t *answer)
{
    char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    char *line = NULL;

    if (text == NULL || asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    json_decref(answer);
    return line;
}
