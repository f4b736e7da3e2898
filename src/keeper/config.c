/* SPDX-License-Identifier: Apache-2.0
 * A configuration's life: read the file, check it as a whole, hand it out, wipe it.
 */
#include "keeper/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/config_priv.h"

bool config_bit(const uint8_t *bits, size_t index)
{
    return (bits[index / 8] >> index % 8 & 1) != 0;
}

enum sp_err config_fold(const char *name, uint8_t out[CONFIG_NAME_SIZE * 2])
{
    uint8_t made[CONFIG_NAME_SIZE * 2] = {0};
    size_t used = 0;
    enum sp_err err = text_utf16le_from_utf8(name, made, sizeof(made) - 2, &used);

    if (err != SP_OK)
        return err;
    text_upper_utf16le(made, used);
    memcpy(out, made, sizeof(made));
    return SP_OK;
}

bool config_name_equal(const char *a, const char *b)
{
    uint8_t x[CONFIG_NAME_SIZE * 2], y[CONFIG_NAME_SIZE * 2];

    return config_fold(a, x) == SP_OK && config_fold(b, y) == SP_OK && memcmp(x, y, sizeof(x)) == 0;
}

void config_listener_text(const struct boot_listener *listener, char *out, size_t out_size)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_v4 = memcmp(listener->ip, mapped, sizeof(mapped)) == 0;

    if (is_v4)
        inet_ntop(AF_INET, listener->ip + 12, host, sizeof(host));
    else
        inet_ntop(AF_INET6, listener->ip, host, sizeof(host));
    snprintf(out, out_size, is_v4 ? "%s:%u" : "[%s]:%u", host, listener->port);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->group_count; i++)
        free(config->groups[i].user_bits);
    for (size_t i = 0; i < config->rule_count; i++) {
        free(config->rules[i].user_bits);
        free(config->rules[i].target_bits);
    }
    for (size_t i = 0; i < config->user_count; i++)
        secret_clear(&config->users[i].nt_hash);
    for (size_t i = 0; i < config->target_count; i++) {
        secret_clear(&config->targets[i].login_password);
        free(config->targets[i].redirects);
    }
    free(config->users);
    free(config->groups);
    free(config->targets);
    free(config->rules);
    sp_wipe(config, sizeof(*config));
    free(config);
}

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

static enum sp_err check_all(struct config_load_state *s, const char *text, size_t size)
{
    struct config_raw *raw = NULL;
    char *normal = NULL;
    size_t normal_size = 0;
    enum sp_err err = config_map_build(s, text, size, &normal, &normal_size);

    if (err != SP_OK)
        return err;
    err = config_raw_load(s, normal, normal_size, &raw);
    sp_wipe(normal, normal_size);
    free(normal);
    if (err == SP_OK)
        err = config_check_service(s, raw);
    if (err == SP_OK)
        err = config_check_access(s, raw);
    config_raw_free(raw);
    return err;
}

static enum sp_err parse(struct config_load_state *s, const char *text, size_t size,
                         struct config **out)
{
    enum sp_err err;

    s->error[0] = '\0';
    if (size > CONFIG_TEXT_MAX)
        return config_refuse_text(s, SP_ELIMIT, 0, "the file is larger than 4 MiB");
    if (!folder_of(s->path, s->dir, sizeof(s->dir)))
        return config_refuse_text(s, SP_ELIMIT, 0, "the path is too long");
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        size -= 3;
    }
    s->config = calloc(1, sizeof(*s->config));
    SP_BUG(s->config == NULL);
    const char *name = strrchr(s->path, '/');
    int n = snprintf(s->config->path, sizeof(s->config->path), "%s/%s",
                     strcmp(s->dir, "/") == 0 ? "" : s->dir, name != NULL ? name + 1 : s->path);
    if (n < 0 || (size_t)n >= sizeof(s->config->path))
        err = config_refuse_text(s, SP_ELIMIT, 0, "the path is too long");
    else
        err = check_all(s, text, size);
    config_map_clear(&s->map);
    free(s->folded);
    if (err == SP_OK)
        *out = s->config;
    else
        config_free(s->config);
    return err;
}

enum sp_err config_parse(const char *path, const char *text, size_t size, struct config **out,
                         char *error, size_t error_size)
{
    struct config_load_state s = {.path = path, .error = error, .error_size = error_size};

    return parse(&s, text, size, out);
}

/* The whole of fd; size from fstat may lie, so the end of file decides. */
static enum sp_err read_all(int fd, char **out, size_t *out_size)
{
    char *text = malloc(CONFIG_TEXT_MAX + 1);
    size_t used = 0;
    ssize_t n = 1;

    SP_BUG(text == NULL);
    while (used <= CONFIG_TEXT_MAX) {
        n = read(fd, text + used, CONFIG_TEXT_MAX + 1 - used);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        used += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        sp_wipe(text, used);
        free(text);
        return SP_ESYS;
    }
    *out = text;
    *out_size = used;
    return SP_OK;
}

enum sp_err config_load(const char *path, struct config **out, char *error, size_t error_size)
{
    struct config_load_state s = {.path = path, .error = error, .error_size = error_size};
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    char *text = NULL;
    size_t size = 0;

    if (fd < 0 || fstat(fd, &st) != 0)
        return config_refuse_text(&s, SP_ESYS, 0, "cannot be read: %s; name the file with -c FILE",
                                  strerror(errno));
    if (!S_ISREG(st.st_mode))
        return config_refuse_text(&s, SP_ESYS, 0,
                                  "is not a regular file; name the configuration with -c FILE");
    if (read_all(fd, &text, &size) != SP_OK)
        return config_refuse_text(&s, SP_ESYS, 0, "cannot be read: %s", strerror(errno));
    s.has_mode = true;
    s.mode = st.st_mode & 07777;
    enum sp_err err = parse(&s, text, size, out);
    sp_wipe(text, size);
    free(text);
    return err;
}
