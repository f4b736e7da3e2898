/* SPDX-License-Identifier: Apache-2.0
 * The command line of commands with verbs and options of their own.
 */
#include "cli/args.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define DIGITS_MAX   7
#define RDP_TEXT_MAX 32768

/* Whether argv[*at] is this option; its value is taken, from behind '=' or from the next word. */
static bool take(int argc, char **argv, int *at, const struct cli_arg *option, bool *is_broken)
{
    const char *argument = argv[*at];
    size_t n = strlen(option->name);
    bool is_glued = strncmp(argument, option->name, n) == 0 && argument[n] == '=';

    if (!is_glued && strcmp(argument, option->name) != 0)
        return false;
    if (option->value == NULL) {
        *option->flag = true;
        *is_broken = is_glued;
        return true;
    }
    if (is_glued)
        *option->value = argument + n + 1;
    else
        *option->value = *at + 1 < argc ? argv[++*at] : "";
    *is_broken = (*option->value)[0] == '\0';
    return true;
}

static bool take_any(int argc, char **argv, int *at, const struct cli_arg *known, size_t count,
                     bool *is_broken)
{
    for (size_t i = 0; i < count; i++) {
        if (take(argc, argv, at, &known[i], is_broken))
            return true;
    }
    return false;
}

int cli_args_usage(const struct cli_args *args, const char *text)
{
    cli_complain(&args->options, text);
    return CLI_USAGE;
}

/* Only the name of an option is shown: what is glued to it may be a secret. */
static int complain(const struct cli_args *args, const char *what, const char *argument)
{
    char shown[64], message[256];
    size_t n = strcspn(argument, "=");

    snprintf(shown, sizeof(shown), "%.*s", (int)(n < 40 ? n : 40), argument);
    snprintf(message, sizeof(message), "%s; see sallyport help %s", what, args->options.command);
    size_t used = strlen(message);
    char escaped[128];
    text_escape(shown, escaped, sizeof(escaped));
    snprintf(message + used, sizeof(message) - used, " (at \"%s\")", escaped);
    return cli_args_usage(args, message);
}

int cli_args_read(int argc, char **argv, const struct cli_arg *known, size_t known_count,
                  struct cli_args *out)
{
    bool is_broken = false, wants_help = false;

    *out = (struct cli_args){.options = {.command = argv[1]}};
    const struct cli_arg common[] = {
        {"-c", &out->options.config, NULL},
        {"--config", &out->options.config, NULL},
        {"-s", &out->options.socket, NULL},
        {"--socket", &out->options.socket, NULL},
        {"--json", NULL, &out->options.is_json},
        {"--help", NULL, &wants_help},
        {"-h", NULL, &wants_help},
    };
    for (int at = 2; at < argc; at++) {
        const char *argument = argv[at];

        if (take_any(argc, argv, &at, common, sizeof(common) / sizeof(common[0]), &is_broken) ||
            take_any(argc, argv, &at, known, known_count, &is_broken)) {
            if (is_broken)
                return complain(out, "this option is not used so", argument);
        } else if (argument[0] == '-' && argument[1] != '\0') {
            return complain(out, "unknown option", argument);
        } else if (out->count == CLI_WORDS_MAX) {
            return cli_args_usage(out, "too many arguments");
        } else {
            out->words[out->count++] = argument;
        }
    }
    if (!wants_help)
        return -1;
    cli_help_print(stdout, out->options.command);
    return CLI_OK;
}

json_int_t cli_args_seconds(const char *text)
{
    static const struct {
        char unit;
        json_int_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > DIGITS_MAX || text[digits] == '\0' || text[digits + 1] != '\0')
        return 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text[digits] == units[i].unit)
            return (json_int_t)strtoll(text, NULL, 10) * units[i].seconds;
    }
    return 0;
}

bool cli_args_address(const char *text, json_t *question)
{
    const char *colon = strrchr(text, ':'), *first = strchr(text, ':');
    bool is_bracketed = text[0] == '[';
    size_t size = strlen(text);

    if (is_bracketed) {
        const char *end = strchr(text, ']');

        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        colon = end[1] == ':' ? end + 1 : NULL;
        text++;
        size = (size_t)(end - text);
    } else if (colon != NULL && colon != first) {
        colon = NULL; /* IPv6 without brackets */
    } else if (colon != NULL) {
        size = (size_t)(colon - text);
    }
    if (colon != NULL) {
        size_t digits = strspn(colon + 1, "0123456789");

        if (digits == 0 || digits > 5 || colon[1 + digits] != '\0')
            return false;
        json_object_set_new(question, "port", json_integer(strtoll(colon + 1, NULL, 10)));
    }
    return size > 0 && json_object_set_new(question, "host", json_stringn(text, size)) == 0;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

int cli_args_write_rdp(const struct cli_args *args, const char *path, const char *text)
{
    static uint8_t wide[2 * RDP_TEXT_MAX] = {0xFF, 0xFE};
    char shown[256], message[512];
    size_t used = 0;
    bool is_stdout = strcmp(path, "-") == 0;
    SP_FD fd =
        is_stdout ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd >= 0 && text_utf16le_from_utf8(text, wide + 2, sizeof(wide) - 2, &used) == SP_OK &&
        write_all(fd, wide, used + 2))
        return CLI_OK;
    text_escape(path, shown, sizeof(shown));
    snprintf(message, sizeof(message), "cannot write %s: %s", shown, strerror(errno));
    cli_complain(&args->options, message);
    return CLI_FAILED;
}
