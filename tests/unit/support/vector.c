/* SPDX-License-Identifier: Apache-2.0
 * Golden bytes for unit tests.
 */
#include "vector.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static FILE *open_vector(const char *name)
{
    const char *root = getenv("SP_VECTORS");
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", root != NULL ? root : "tests/vectors", name);
    f = fopen(path, "re");
    if (f == NULL) {
        fprintf(stderr, "test vector %s cannot be opened (SP_VECTORS names the folder)\n", path);
        exit(2);
    }
    return f;
}

uint8_t *vector_load(const char *name, size_t *size)
{
    static uint8_t bytes[1 << 17];
    FILE *f = open_vector(name);
    size_t digits = 0;
    int c;

    memset(bytes, 0, sizeof(bytes));
    while ((c = fgetc(f)) != EOF) {
        if (c == '#') {
            while (c != EOF && c != '\n')
                c = fgetc(f);
            continue;
        }
        if (isspace(c))
            continue;
        if (digit(c) < 0 || digits / 2 >= sizeof(bytes)) {
            fprintf(stderr, "test vector %s: byte '%c' is not hexadecimal\n", name, c);
            exit(2);
        }
        bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | digit(c));
        digits++;
    }
    fclose(f);
    *size = digits / 2;
    return vector_prefix(bytes, *size);
}

uint8_t *vector_prefix(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL)
        exit(2);
    memcpy(copy, data, size);
    return copy;
}
