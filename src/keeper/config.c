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
#include "keeper/config_priv.h"

bool config_name_equal(const char *a, const char *b)
{
    uint8_t x[CATALOG_FOLDED_SIZE], y[CATALOG_FOLDED_SIZE];

    return catalog_fold(a, x) == SP_OK && catalog_fold(b, y) == SP_OK &&
           memcmp(x, y, sizeof(x)) == 0;
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
    catalog_unref(&config->catalog);
    geoip_close(config->geoip);
    config_directory_free(config->directory);
    config_webhooks_free(config->webhooks);
    if (config->text != NULL)
        sp_wipe(config->text, config->text_size);
    free(config->text);
    sp_wipe(config, sizeof(*config));
    free(config);
}

struct catalog_source config_source(const struct config *config)
{
    return (struct catalog_source){.label = config->path,
                                   .text = config->text,
                                   .size = config->text_size,
                                   .is_file = true,
                                   .has_mode = config->has_mode,
                                   .mode = config->mode};
}

static enum sp_err keep_path(struct config_load_state *s)
{
    const char *name = strrchr(s->path, '/');
    int n = snprintf(s->config->path, sizeof(s->config->path), "%s/%s",
                     strcmp(s->dir, "/") == 0 ? "" : s->dir, name != NULL ? name + 1 : s->path);

    if (n < 0 || (size_t)n >= sizeof(s->config->path))
        return config_refuse_text(s, SP_ELIMIT, 0, "the path is too long");
    return SP_OK;
}

/* Also keeps the text. */
static void keep_text(struct config_load_state *s, const char *text, size_t size)
{
    struct config *config = s->config;

    config->text = malloc(size + 1);
    SP_BUG(config->text == NULL);
    memcpy(config->text, text, size);
    config->text[size] = '\0';
    config->text_size = size;
    config->has_mode = s->has_mode;
    config->mode = s->mode;
}

static enum sp_err parse(struct config_load_state *s, const char *text, size_t size,
                         struct config **out)
{
    s->error[0] = '\0';
    s->is_file = true;
    s->config = calloc(1, sizeof(*s->config));
    SP_BUG(s->config == NULL);
    enum sp_err err = config_read(s, text, size);
    if (err == SP_OK)
        err = keep_path(s);
    if (err == SP_OK)
        err = config_check_service(s, s->raw);
    if (err == SP_OK)
        err = config_make_catalog(s, 1, &s->config->catalog);
    config_read_clear(s);
    if (err != SP_OK) {
        config_free(s->config);
        return err;
    }
    keep_text(s, text, size);
    *out = s->config;
    return SP_OK;
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
