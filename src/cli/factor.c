/* SPDX-License-Identifier: Apache-2.0
 * `sallyport factor`: enrolling, confirming, listing and removing second factors.
 */
#include <qrencode.h>
#include <string.h>

#include "cli/args.h"

static const char *field(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text != NULL && text[0] != '\0' ? text : "-";
}

#define QUIET 2 /* modules around it */

/* Light modules are drawn, so that it can be scanned from a dark terminal as it stands. */
static bool is_light(const QRcode *code, int x, int y)
{
    if (y >= code->width + 2 * QUIET)
        return false;
    x -= QUIET;
    y -= QUIET;
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return true;
    return (code->data[y * code->width + x] & 1) == 0;
}

/* Two rows of modules a line, in half blocks. */
static bool print_qr(const char *text)
{
    static const char *const blocks[] = {" ", "\u2584", "\u2580", "\u2588"};
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);

    if (code == NULL)
        return false;
    int size = code->width + 2 * QUIET;
    for (int y = 0; y < size; y += 2) {
        for (int x = 0; x < size; x++)
            fputs(blocks[(is_light(code, x, y) ? 2 : 0) + (is_light(code, x, y + 1) ? 1 : 0)],
                  stdout);
        putchar('\n');
    }
    QRcode_free(code);
    return true;
}

static int print_enrolment(json_t *answer)
{
    const char *uri = field(answer, "uri");

    if (!print_qr(uri))
        puts("(no QR code: it is too long)");
    printf("Secret: %s\n%s\n", field(answer, "secret"), uri);
    printf("Scan it, then confirm with the first code: sallyport factor confirm %s CODE\n",
           field(answer, "user"));
    json_decref(answer);
    return CLI_OK;
}

static int print_list(json_t *answer)
{
    static const char *const headline[] = {"USER", "KIND", "STATE", "LAST PROVEN"};
    const json_t *entry, *factors = json_object_get(answer, "factors");
    struct cli_table table;
    size_t i;

    cli_table_init(&table, 4, headline);
    json_array_foreach(factors, i, entry)
    {
        const char *cells[] = {field(entry, "user"), field(entry, "kind"), field(entry, "state"),
                               field(entry, "proven")};
        cli_table_add(&table, cells);
    }
    cli_table_print(&table);
    cli_table_clear(&table);
    json_decref(answer);
    return CLI_OK;
}

/* One verb, what it takes, and what it is to keeper. */
static const struct verb {
    const char *name, *command;
    size_t words;
    const char *done;
} verbs[] = {
    {"enrol", "factor_enrol", 2, NULL},
    {"confirm", "factor_confirm", 3, "The factor is confirmed."},
    {"list", "factors", 1, NULL},
    {"remove", "factor_remove", 2, "The factor is removed."},
};

static int ask(const struct cli_args *args, const struct verb *verb)
{
    json_t *question = json_pack("{s:s}", "cmd", verb->command);

    if (verb->words > 1)
        json_object_set_new(question, "user", json_string(args->words[1]));
    if (verb->words > 2)
        json_object_set_new(question, "code", json_string(args->words[2]));
    json_t *answer = cli_control_ask(&args->options, question);
    if (answer == NULL)
        return CLI_FAILED;
    if (args->options.is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    if (strcmp(verb->name, "enrol") == 0)
        return print_enrolment(answer);
    if (strcmp(verb->name, "list") == 0)
        return print_list(answer);
    puts(verb->done);
    json_decref(answer);
    return CLI_OK;
}

int cli_factor(int argc, char **argv)
{
    struct cli_args args;
    int status = cli_args_read(argc, argv, NULL, 0, &args);

    if (status >= 0)
        return status;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (args.count > 0 && strcmp(args.words[0], verbs[i].name) == 0 &&
            args.count == verbs[i].words)
            return ask(&args, &verbs[i]);
    }
    return cli_args_usage(&args, "expected: factor enrol USER, factor confirm USER CODE, factor "
                                 "list, or factor remove USER; see sallyport help factor");
}
