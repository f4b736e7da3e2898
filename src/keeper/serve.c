/* SPDX-License-Identifier: Apache-2.0
 * `sallyport serve`: from a configuration file to a running keeper.
 *
 * The order is: read, open what needs rights, give up the rights, and only then start a helper.
 */
#include "keeper/serve.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sandbox.h"
#include "keeper/keeper.h"
#include "keeper/listen.h"
#include "keeper/state.h"

#define DESCRIPTORS 65536 /* wanted: a channel and a pidfd a session */

struct serve {
    struct config *config;
    struct boot_config *boot;
    char *ca;
    struct signer *signer;
    struct keeper_start start;
    char error[STATE_ERROR_SIZE + CONFIG_ERROR_SIZE];
};

/* Nobody reads our memory: no core, no ptrace by other processes of our user. */
static bool harden(struct serve *v)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;

    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(v->error, sizeof(v->error), "cannot protect our memory: %s", strerror(errno));
        return false;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < DESCRIPTORS ? files.rlim_max : DESCRIPTORS;
        setrlimit(RLIMIT_NOFILE, &files); /* fewer descriptors, fewer sessions: not fatal */
    }
    return true;
}

/* Secrets stay out of swap where the limits allow it. */
static void lock_secrets(const struct config *config)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

    if (setrlimit(RLIMIT_MEMLOCK, &all) == 0 && mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
        return;
    if (config->user_count > 0)
        mlock(config->users, config->user_count * sizeof(*config->users));
    if (config->target_count > 0)
        mlock(config->targets, config->target_count * sizeof(*config->targets));
}

static bool read_files(struct serve *v, const char *path)
{
    size_t size = 0;

    if (config_load(path, &v->config, v->error, sizeof(v->error)) != SP_OK ||
        state_prepare(v->config, v->error) != SP_OK ||
        state_certificate(v->config, v->boot, &v->signer, v->error) != SP_OK)
        return false;
    if (v->config->ca_file[0] == '\0')
        return true;
    v->ca = state_read_file(v->config->ca_file, BOOT_CA_MAX, &size);
    if (v->ca == NULL)
        snprintf(v->error, sizeof(v->error), "cannot read ca_file %s: %s", v->config->ca_file,
                 strerror(errno));
    v->boot->ca_size = (uint32_t)size;
    return v->ca != NULL;
}

static void fill_boot(const struct config *c, struct boot_config *b)
{
    b->magic = BOOT_MAGIC;
    b->size = sizeof(*b);
    b->listener_count = (uint32_t)c->listener_count;
    b->max_unauthenticated = c->limits.unauthenticated;
    b->max_unauthenticated_per_source = c->limits.per_source;
    b->early_drop_start = c->limits.early_drop_start;
    b->early_drop_percent = c->limits.early_drop_percent;
    b->first_byte_ms = c->limits.first_byte_ms;
    b->authenticate_ms = c->limits.authenticate_ms;
    b->dials_max = c->limits.dials;
    b->uid = c->run_as_uid;
    b->gid = c->run_as_gid;
    b->tls_min = c->tls_min;
    memcpy(b->listeners, c->listeners, sizeof(b->listeners));
}

static bool open_sockets(struct serve *v)
{
    const struct config *c = v->config;

    for (size_t i = 0; i < c->listener_count; i++) {
        v->start.listeners[i] = listen_tcp(&c->listeners[i], v->error, sizeof(v->error));
        if (v->start.listeners[i] < 0)
            return false;
    }
    v->start.control_fd =
        listen_control(c->control_socket, c->run_as_uid, c->run_as_gid, v->error, sizeof(v->error));
    if (v->start.control_fd < 0)
        return false;
    fill_boot(c, v->boot);
    v->start.boot_fd = boot_write(v->boot, v->ca);
    if (v->start.boot_fd < 0)
        snprintf(v->error, sizeof(v->error), "cannot make the helpers' memfd: %s", strerror(errno));
    return v->start.boot_fd >= 0;
}

static bool failed(struct serve *v, const char *what, const struct sp_fail *fail)
{
    snprintf(v->error, sizeof(v->error), "%s: %s: %s", what, fail->where,
             fail->code == SP_ESYS ? strerror((int)fail->got) : sp_err_name(fail->code));
    return false;
}

/* What is written later is opened or read as the user who will write it. */
static bool become_ourselves(struct serve *v)
{
    const struct config *c = v->config;
    struct sp_fail fail = {0};

    if (sandbox_drop_identity(c->run_as_uid, c->run_as_gid, &fail) != SP_OK)
        return failed(v, "cannot become the user of run_as", &fail);
    if (!harden(
            v)) /* once more: a change of identity makes a process dumpable as the system likes */
        return false;
    if (event_log_open(&v->start.log, c->event_log, &fail) != SP_OK)
        return failed(v, c->event_log, &fail);
    if (known_targets_load(c->state_dir, &v->start.known, &fail) != SP_OK) {
        snprintf(v->error, sizeof(v->error),
                 "%s/known_targets: %s %u cannot be used; correct or remove that line",
                 c->state_dir, fail.where, fail.got);
        return false;
    }
    return true;
}

static bool prepare(struct serve *v, const char *path)
{
    if (!harden(v) || !read_files(v, path))
        return false;
    lock_secrets(v->config);
    return open_sockets(v) && become_ourselves(v);
}

int serve_main(const char *config_path)
{
    struct serve v = {.start = {.boot_fd = -1, .control_fd = -1, .starter_uid = getuid()}};
    int status = 1;

    /* towupper over all of Unicode for NTLM user names (MS-NLMP 3.3.2), whatever the locale is */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        snprintf(v.error, sizeof(v.error), "the locale C.UTF-8 is missing; it is part of libc-bin");
    else if ((v.boot = calloc(1, sizeof(*v.boot))) == NULL)
        snprintf(v.error, sizeof(v.error), "no memory");
    else if (prepare(&v, config_path)) {
        v.start.config = v.config;
        v.start.signer = v.signer;
        status = keeper_run(&v.start);
    }
    if (v.error[0] != '\0')
        fprintf(stderr, "sallyport: %s\n", v.error);
    if (v.error[0] != '\0' && v.start.control_fd >= 0)
        unlink(v.config->control_socket);
    signer_free(v.signer);
    config_free(v.config);
    free(v.boot);
    free(v.ca);
    return status;
}
