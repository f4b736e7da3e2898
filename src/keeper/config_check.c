/* SPDX-License-Identifier: Apache-2.0
 * The service's own keys: listeners, certificate, paths, account, names, TLS.
 */
#include "keeper/config_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define STATE_DIR_DEFAULT "/var/lib/sallyport"

enum sp_err config_path(struct config_load_state *s, const char *field, const char *written,
                        char *out, size_t out_size)
{
    int n = written[0] == '/' ? snprintf(out, out_size, "%s", written)
                              : snprintf(out, out_size, "%s/%s", s->dir, written);

    if (written[0] != '\0' && n > 0 && (size_t)n < out_size)
        return SP_OK;
    out[0] = '\0';
    return config_refuse(s, SP_EVALUE, field, NULL, written, NULL);
}

enum sp_err config_secret(struct config_load_state *s, const char *path, const char *written,
                          char *out)
{
    char message[SECRET_MESSAGE_MAX], shown[CONFIG_FIELD_SIZE];
    bool is_inline = secret_source_of(written) == SECRET_INLINE;

    if (!is_inline && !s->is_file)
        return config_refuse(s, SP_EDENIED, path, NULL, NULL,
                             "only the configuration file may name files and variables");
    if (is_inline && s->has_mode && (s->mode & 0007) != 0) {
        text_escape(s->path, shown, sizeof(shown));
        return config_refuse_text(s, SP_EDENIED, config_map_line(&s->map, path),
                                  "field %s: a secret stands in a file that is open to others "
                                  "(mode %04o); run: chmod 0600 %s",
                                  path, s->mode & 07777, shown);
    }
    enum sp_err err = secret_resolve(written, s->dir, out, message, sizeof(message));
    if (err != SP_OK)
        return config_refuse_text(s, err, config_map_line(&s->map, path),
                                  "field %s: expected %s; %s", path, config_expected(path),
                                  message);
    return SP_OK;
}

enum sp_err config_check_file(struct config_load_state *s, const char *field, const char *path,
                              bool is_secret)
{
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return config_refuse(s, SP_ESYS, field, NULL, path,
                             errno == EACCES ? "this account may not read it; change its owner"
                                             : "there is no such file; correct the path");
    if (!S_ISREG(st.st_mode))
        return config_refuse(s, SP_ESYS, field, NULL, path, "it is not a regular file");
    if (is_secret && !secret_mode_is_private(st.st_mode, st.st_uid)) {
        char shown[CONFIG_FIELD_SIZE];

        text_escape(path, shown, sizeof(shown));
        return config_refuse_text(s, SP_EDENIED, config_map_line(&s->map, field),
                                  "field %s: the secret file %s is open to others (mode %04o); "
                                  "run: chmod 0600 %s",
                                  field, shown, (unsigned)(st.st_mode & 07777), shown);
    }
    return SP_OK;
}

static enum sp_err check_certificate(struct config_load_state *s, const struct config_raw *raw)
{
    struct config *config = s->config;
    enum sp_err err = SP_OK;

    if (raw->certificate != NULL) {
        const struct config_raw_certificate *c = raw->certificate;

        err = config_path(s, "certificate.cert", c->cert, config->certificate,
                          sizeof(config->certificate));
        if (err == SP_OK)
            err = config_check_file(s, "certificate.cert", config->certificate, false);
        if (err == SP_OK)
            err = config_path(s, "certificate.key", c->key, config->key, sizeof(config->key));
        if (err == SP_OK)
            err = config_check_file(s, "certificate.key", config->key, true);
    }
    if (err == SP_OK && raw->ca_file != NULL) {
        err = config_path(s, "ca_file", raw->ca_file, config->ca_file, sizeof(config->ca_file));
        if (err == SP_OK)
            err = config_check_file(s, "ca_file", config->ca_file, false);
    }
    return err;
}

/* Opened here, while we may still read it; a reload opens it anew. */
static enum sp_err check_geoip(struct config_load_state *s, const struct config_raw *raw)
{
    struct config *config = s->config;
    const char *why = NULL;

    if (raw->geoip == NULL)
        return SP_OK;
    enum sp_err err =
        config_path(s, "geoip", raw->geoip, config->geoip_path, sizeof(config->geoip_path));
    if (err == SP_OK)
        err = config_check_file(s, "geoip", config->geoip_path, false);
    if (err != SP_OK)
        return err;
    err = geoip_open(config->geoip_path, &config->geoip, &why);
    return err == SP_OK ? SP_OK : config_refuse(s, err, "geoip", NULL, config->geoip_path, why);
}

/* A path with a default inside the state folder. */
static enum sp_err state_path(struct config_load_state *s, const char *field, const char *written,
                              const char *name, char *out, size_t out_size)
{
    char made[CONFIG_PATH_SIZE];

    if (written != NULL)
        return config_path(s, field, written, out, out_size);
    int n = snprintf(made, sizeof(made), "%s/%s", s->config->state_dir, name);
    if (n < 0 || (size_t)n >= sizeof(made) || (size_t)n >= out_size)
        return config_refuse(s, SP_EVALUE, field, NULL, NULL,
                             "state_dir is too long for it; set this key to a shorter path");
    memcpy(out, made, (size_t)n + 1);
    return SP_OK;
}

static enum sp_err check_paths(struct config_load_state *s, const struct config_raw *raw)
{
    struct config *config = s->config;
    const char *state = raw->state_dir != NULL ? raw->state_dir : STATE_DIR_DEFAULT;
    enum sp_err err =
        config_path(s, "state_dir", state, config->state_dir, sizeof(config->state_dir));

    if (err == SP_OK)
        err = state_path(s, "event_log", raw->event_log, "events.jsonl", config->event_log,
                         sizeof(config->event_log));
    if (err == SP_OK)
        err = state_path(s, "control_socket", raw->control_socket, "control.sock",
                         config->control_socket, sizeof(config->control_socket));
    return err;
}

/* Only root can become somebody else; everybody else stays who he is. */
static enum sp_err check_account(struct config_load_state *s, const struct config_raw *raw)
{
    struct config *config = s->config;
    const char *name = raw->user;

    if (name != NULL && (name[0] == '\0' || strlen(name) >= sizeof(config->run_as)))
        return config_refuse(s, SP_EVALUE, "user", NULL, name, NULL);
    if (geteuid() != 0) {
        snprintf(config->run_as, sizeof(config->run_as), "%s", name != NULL ? name : "");
        return SP_OK;
    }
    if (name == NULL)
        name = getpwnam("sallyport") != NULL ? "sallyport" : "nobody";
    const struct passwd *account = getpwnam(name);
    if (account == NULL || account->pw_uid == 0 || account->pw_gid == 0)
        return config_refuse(s, SP_EVALUE, "user", NULL, name, NULL);
    config->run_as_uid = account->pw_uid;
    config->run_as_gid = account->pw_gid;
    snprintf(config->run_as, sizeof(config->run_as), "%s", name);
    return SP_OK;
}

static enum sp_err check_names(struct config_load_state *s, const struct config_raw *raw)
{
    char path[CONFIG_FIELD_SIZE];

    for (size_t i = 0; i < raw->names_count; i++) {
        snprintf(path, sizeof(path), "names[%zu]", i);
        if (!config_is_host(raw->names[i]))
            return config_refuse(s, SP_EVALUE, path, NULL, raw->names[i], NULL);
        snprintf(s->config->names[i], IPC_HOST_MAX, "%s", raw->names[i]);
    }
    s->config->name_count = raw->names_count;
    return SP_OK;
}

static enum sp_err check_tls_min(struct config_load_state *s, const struct config_raw *raw)
{
    s->config->tls_min = 0x0303;
    if (raw->tls_min == NULL || strcmp(raw->tls_min, "1.2") == 0)
        return SP_OK;
    s->config->tls_min = 0x0304;
    if (strcmp(raw->tls_min, "1.3") == 0)
        return SP_OK;
    return config_refuse(s, SP_EVALUE, "tls_min", NULL, raw->tls_min, NULL);
}

enum sp_err config_check_service(struct config_load_state *s, const struct config_raw *raw)
{
    enum sp_err err = config_check_listeners(s, raw);

    if (err == SP_OK)
        err = check_paths(s, raw);
    if (err == SP_OK)
        err = check_certificate(s, raw);
    if (err == SP_OK)
        err = check_geoip(s, raw);
    if (err == SP_OK)
        err = config_check_api(s, raw);
    if (err == SP_OK)
        err = check_account(s, raw);
    if (err == SP_OK)
        err = check_names(s, raw);
    if (err == SP_OK)
        err = check_tls_min(s, raw);
    if (err == SP_OK)
        err = config_check_directory(s, raw->directory);
    if (err == SP_OK)
        err = config_check_webhooks(s, raw);
    if (err == SP_OK)
        err = config_check_limits(s, raw->limits);
    if (err == SP_OK)
        err = config_check_guard(s, raw->guard);
    return err == SP_OK ? config_check_lobby(s, raw->lobby) : err;
}
