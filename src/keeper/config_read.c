/* SPDX-License-Identifier: Apache-2.0
 * One source, read as far as libcyaml does: text without meaning yet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "keeper/config_priv.h"

/* The folder that relative paths start from, absolute. */
static bool folder_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    char cwd[CONFIG_PATH_SIZE];
    int n;

    if (slash == path) {
        n = snprintf(out, size, "/");
    } else if (path[0] == '/') {
        n = snprintf(out, size, "%.*s", (int)(slash - path), path);
    } else {
        if (getcwd(cwd, sizeof(cwd)) == NULL)
            return false;
        n = slash == NULL ? snprintf(out, size, "%s", cwd)
                          : snprintf(out, size, "%s/%.*s", cwd, (int)(slash - path), path);
    }
    return n > 0 && (size_t)n < size;
}

/* Server settings are the file's alone. */
static enum sp_err check_sections(struct config_load_state *s)
{
    static const char *const sections[] = {"", "users", "groups", "targets", "rules"};

    for (size_t i = 0; i < s->map.count && !s->is_file; i++) {
        const char *path = s->map.nodes[i].path;
        size_t n = strcspn(path, ".[");
        bool is_section = false;

        for (size_t k = 0; k < sizeof(sections) / sizeof(sections[0]); k++)
            is_section = is_section || (strncmp(path, sections[k], n) == 0 && sections[k][n] == 0);
        if (!is_section)
            return config_refuse(s, SP_EVALUE, path, "users, groups, targets or rules here", NULL,
                                 "server settings stand in the configuration file only");
    }
    return SP_OK;
}

enum sp_err config_read(struct config_load_state *s, const char *text, size_t size)
{
    char *normal = NULL;
    size_t normal_size = 0;

    if (size > CONFIG_TEXT_MAX)
        return config_refuse_text(s, SP_ELIMIT, 0, "the file is larger than 32 MiB");
    if (!folder_of(s->path, s->dir, sizeof(s->dir)))
        return config_refuse_text(s, SP_ELIMIT, 0, "the path is too long");
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        size -= 3;
    }
    enum sp_err err = config_map_build(s, text, size, &normal, &normal_size);
    if (err == SP_OK)
        err = check_sections(s);
    if (err == SP_OK)
        err = config_raw_load(s, normal, normal_size, &s->raw);
    if (normal != NULL)
        sp_wipe(normal, normal_size);
    free(normal);
    return err;
}

void config_read_clear(struct config_load_state *s)
{
    config_raw_free(s->raw);
    s->raw = NULL;
    config_map_clear(&s->map);
}
