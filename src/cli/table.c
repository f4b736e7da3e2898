/* SPDX-License-Identifier: Apache-2.0
 * What the command prints: aligned columns, JSON, complaints. Colour on a terminal only.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static bool wants_colour(int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(fd) && (no_colour == NULL || no_colour[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

void cli_table_init(struct cli_table *table, size_t columns, const char *const *headline)
{
    SP_BUG(columns == 0 || columns > CLI_COLUMNS_MAX);
    *table = (struct cli_table){.columns = columns};
    cli_table_add(table, headline);
}

void cli_table_add(struct cli_table *table, const char *const *cells)
{
    if (table->rows == table->room) {
        size_t room = table->room == 0 ? 16 : table->room * 2;
        char **grown = reallocarray(table->cells, room * table->columns, sizeof(*grown));

        SP_BUG(grown == NULL);
        table->cells = grown;
        table->room = room;
    }
    for (size_t i = 0; i < table->columns; i++) {
        char *copy = strdup(cells[i][0] != '\0' ? cells[i] : "-");

        SP_BUG(copy == NULL);
        for (char *c = copy; *c != '\0'; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7F)
                *c = '?';
        table->cells[table->rows * table->columns + i] = copy;
    }
    table->rows++;
}

void cli_table_print(const struct cli_table *table)
{
    size_t widths[CLI_COLUMNS_MAX] = {0};
    bool is_bold = wants_colour(STDOUT_FILENO);

    for (size_t i = 0; i < table->rows * table->columns; i++) {
        size_t w = width_of(table->cells[i]);

        if (w > widths[i % table->columns])
            widths[i % table->columns] = w;
    }
    for (size_t row = 0; row < table->rows; row++) {
        fputs(row == 0 && is_bold ? "\033[1m" : "", stdout);
        for (size_t i = 0; i < table->columns; i++) {
            const char *cell = table->cells[row * table->columns + i];
            bool is_last = i + 1 == table->columns;
            size_t pad = is_last ? 0 : widths[i] - width_of(cell) + 2;

            printf("%s%*s", cell, (int)pad, "");
        }
        fputs(row == 0 && is_bold ? "\033[0m\n" : "\n", stdout);
    }
}

void cli_table_clear(struct cli_table *table)
{
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct cli_table){0};
}

void cli_complain(const struct cli_options *options, const char *text)
{
    bool is_red = wants_colour(STDERR_FILENO);

    fprintf(stderr, "%ssallyport:%s %s\n", is_red ? "\033[31m" : "", is_red ? "\033[0m" : "", text);
    if (options->is_json)
        cli_print_json(json_pack("{s:b, s:s}", "ok", 0, "error", text));
}

void cli_print_json(json_t *value)
{
    SP_BUG(value == NULL);
    json_dumpf(value, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(value);
}
