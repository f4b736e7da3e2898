/* SPDX-License-Identifier: Apache-2.0
 * Keys of targets that are trusted on first use: one small file, replaced as a whole.
 */
#include "keeper/known_targets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define FILE_NAME "known_targets"
#define TEMP_NAME "known_targets.new"
#define HEX_SIZE  64

static bool hex_digit(char c, uint8_t *out)
{
    if (c >= '0' && c <= '9')
        *out = (uint8_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *out = (uint8_t)(c - 'a' + 10);
    else
        return false;
    return true;
}

static bool parse_line(const char *line, size_t size, struct known_target *out)
{
    uint8_t high, low;

    if (size < HEX_SIZE + 2 || size > HEX_SIZE + KNOWN_TARGET_NAME_SIZE || line[HEX_SIZE] != ' ')
        return false;
    for (size_t i = 0; i < HEX_SIZE / 2; i++) {
        if (!hex_digit(line[2 * i], &high) || !hex_digit(line[2 * i + 1], &low))
            return false;
        out->key[i] = (uint8_t)(high << 4 | low);
    }
    size_t n = size - HEX_SIZE - 1;
    if (memchr(line + HEX_SIZE + 1, '\0', n) != NULL)
        return false;
    memcpy(out->name, line + HEX_SIZE + 1, n);
    out->name[n] = '\0';
    return true;
}

static const struct known_target *find(const struct known_targets *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->list[i].name, name) == 0)
            return &k->list[i];
    }
    return NULL;
}

/* A line without its end is a torn file: rename(2) never makes one. */
static enum sp_err parse_all(const char *text, size_t size, struct known_targets *k,
                             struct sp_fail *fail)
{
    uint32_t number = 0;

    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        struct known_target one = {0};

        number++;
        if (end == NULL || !parse_line(text, (size_t)(end - text), &one) ||
            find(k, one.name) != NULL)
            return sp_fail_set(fail, SP_EVALUE, FILE_NAME " line", number, 0);
        if (k->count == KNOWN_TARGETS_MAX)
            return sp_fail_set(fail, SP_ELIMIT, FILE_NAME " lines", number, KNOWN_TARGETS_MAX);
        k->list[k->count++] = one;
        size -= (size_t)(end - text) + 1;
        text = end + 1;
    }
    return SP_OK;
}

enum sp_err known_targets_parse(const char *text, size_t size, struct known_targets *out,
                                struct sp_fail *fail)
{
    struct known_targets k = {.list = calloc(KNOWN_TARGETS_MAX, sizeof(struct known_target))};

    if (k.list == NULL)
        return sp_fail_set(fail, SP_ESYS, "memory", ENOMEM, 0);
    enum sp_err err = parse_all(text, size, &k, fail);
    if (err != SP_OK) {
        known_targets_clear(&k);
        return err;
    }
    *out = k;
    return SP_OK;
}

static enum sp_err read_file(int fd, char *text, size_t room, size_t *size, struct sp_fail *fail)
{
    ssize_t n;

    *size = 0;
    while ((n = read(fd, text + *size, room - *size)) > 0)
        *size += (size_t)n;
    if (n < 0)
        return sp_fail_set(fail, SP_ESYS, FILE_NAME, (uint32_t)errno, 0);
    if (*size == room)
        return sp_fail_set(fail, SP_ELIMIT, FILE_NAME, (uint32_t)room, KNOWN_TARGETS_FILE_MAX);
    return SP_OK;
}

enum sp_err known_targets_load(const char *state_dir, struct known_targets *out,
                               struct sp_fail *fail)
{
    SP_FREE char *text = malloc(KNOWN_TARGETS_FILE_MAX + 1);
    char path[sizeof(out->dir) + 32];
    struct known_targets k;
    size_t size = 0;

    if (text == NULL || strlen(state_dir) >= sizeof(k.dir))
        return sp_fail_set(fail, SP_ESYS, FILE_NAME, ENAMETOOLONG, 0);
    snprintf(path, sizeof(path), "%s/" FILE_NAME, state_dir);
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT)
        return sp_fail_set(fail, SP_ESYS, FILE_NAME, (uint32_t)errno, 0);
    enum sp_err err = fd < 0 ? SP_OK : read_file(fd, text, KNOWN_TARGETS_FILE_MAX + 1, &size, fail);
    if (err == SP_OK)
        err = known_targets_parse(text, size, &k, fail);
    if (err != SP_OK)
        return err;
    snprintf(k.dir, sizeof(k.dir), "%s", state_dir);
    *out = k;
    return SP_OK;
}

static bool write_line(int fd, const struct known_target *t)
{
    char line[HEX_SIZE + KNOWN_TARGET_NAME_SIZE + 3];
    size_t used = 0;

    for (size_t i = 0; i < sizeof(t->key); i++)
        used += (size_t)snprintf(line + used, sizeof(line) - used, "%02x", t->key[i]);
    used += (size_t)snprintf(line + used, sizeof(line) - used, " %s\n", t->name);
    return write(fd, line, used) == (ssize_t)used;
}

/* Write beside, flush, rename, flush the folder: a crash leaves the old file or the new one. */
static enum sp_err save(const struct known_targets *k)
{
    SP_FD dir = open(k->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0 || (unlinkat(dir, TEMP_NAME, 0) != 0 && errno != ENOENT))
        return SP_ESYS;
    SP_FD fd = openat(dir, TEMP_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return SP_ESYS;
    for (size_t i = 0; i < k->count; i++) {
        if (!write_line(fd, &k->list[i]))
            return SP_ESYS;
    }
    if (fsync(fd) != 0 || renameat(dir, TEMP_NAME, dir, FILE_NAME) != 0 || fsync(dir) != 0)
        return SP_ESYS;
    return SP_OK;
}

enum sp_err known_targets_check(struct known_targets *k, const char *name, const uint8_t key[32],
                                bool *is_new, uint8_t known[32])
{
    const struct known_target *t = find(k, name);
    size_t n = strlen(name);

    *is_new = t == NULL;
    if (t != NULL && sp_equal_ct(t->key, key, sizeof(t->key)))
        return SP_OK;
    if (t != NULL) {
        memcpy(known, t->key, sizeof(t->key));
        return SP_EDENIED;
    }
    if (n == 0 || n >= KNOWN_TARGET_NAME_SIZE || strchr(name, '\n') != NULL)
        return SP_EVALUE;
    if (k->count == KNOWN_TARGETS_MAX)
        return SP_ELIMIT;
    struct known_target *added = &k->list[k->count++];
    memcpy(added->name, name, n + 1);
    memcpy(added->key, key, sizeof(added->key));
    enum sp_err err = save(k);
    if (err != SP_OK)
        k->count--;
    return err;
}

void known_targets_clear(struct known_targets *k)
{
    free(k->list);
    *k = (struct known_targets){0};
}
