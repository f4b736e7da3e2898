/* SPDX-License-Identifier: Apache-2.0
 * Everything that a configuration names, read and opened: what keeper and its helpers work with.
 */
#include "keeper/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "keeper/listen.h"

void load_init(struct load *l)
{
    *l = (struct load){.boot_fd = -1, .directory_fd = -1, .courier_fd = -1, .spool_fd = -1};
    for (size_t i = 0; i < BOOT_LISTENERS_MAX; i++)
        l->listeners[i] = -1;
}

/* Secrets stay out of swap where the limits allow it; what nobody touched stays unused. */
static void lock_secrets(const struct config *config)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

    if (setrlimit(RLIMIT_MEMLOCK, &all) == 0 &&
        mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
        return;
    mlock(config->text, config->text_size);
    if (config->catalog->user_count > 0)
        mlock(config->catalog->users,
              config->catalog->user_count * sizeof(*config->catalog->users));
    for (size_t i = 0; i < config->catalog->target_count; i++)
        if (config->catalog->targets[i].login_password != NULL)
            mlock(config->catalog->targets[i].login_password, sizeof(struct secret));
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
    b->tarpit_ms = c->guard.tarpit_ms;
    b->tarpit_max = c->guard.tarpit_ms > 0 ? c->guard.tarpit_max : 0;
    b->dials_max = c->limits.dials;
    b->uid = c->run_as_uid;
    b->gid = c->run_as_gid;
    b->tls_min = c->tls_min;
    memcpy(b->listeners, c->listeners, sizeof(b->listeners));
}

static bool make_boot(struct load *l, struct boot_config *boot)
{
    const struct config *c = l->config;
    SP_FREE char *ca = NULL;
    size_t size = 0;

    if (c->ca_file[0] != '\0') {
        ca = state_read_file(c->ca_file, BOOT_CA_MAX, &size);
        if (ca == NULL) {
            snprintf(l->error, sizeof(l->error), "cannot read ca_file %s: %s", c->ca_file,
                     strerror(errno));
            return false;
        }
    }
    fill_boot(c, boot);
    boot->ca_size = (uint32_t)size;
    l->boot_fd = boot_write(boot, ca);
    if (l->boot_fd < 0)
        snprintf(l->error, sizeof(l->error), "cannot make the helpers' memfd: %s", strerror(errno));
    return l->boot_fd >= 0;
}

/* A file of the directory's, or nothing. */
static bool read_for(struct load *l, const char *path, size_t max, char **out, size_t *size)
{
    *size = 0;
    if (path == NULL)
        return true;
    *out = state_read_file(path, max, size);
    if (*out == NULL)
        snprintf(l->error, sizeof(l->error), "cannot read %s: %s", path, strerror(errno));
    return *out != NULL;
}

static bool make_directory(struct load *l)
{
    struct config_directory *d = l->config->directory;
    SP_FREE char *keytab = NULL;
    SP_FREE char *ca = NULL;
    size_t keytab_size = 0, ca_size = 0;

    if (d == NULL)
        return true;
    if (!read_for(l, d->keytab, BOOT_KEYTAB_MAX, &keytab, &keytab_size) ||
        !read_for(l, d->ldap_ca, BOOT_LDAP_CA_MAX, &ca, &ca_size))
        return false;
    d->boot.magic = BOOT_DIRECTORY_MAGIC;
    d->boot.size = sizeof(d->boot);
    d->boot.uid = l->config->run_as_uid;
    d->boot.gid = l->config->run_as_gid;
    d->boot.keytab_size = (uint32_t)keytab_size;
    d->boot.ca_size = (uint32_t)ca_size;
    l->directory_fd = boot_blob_write(&d->boot, sizeof(d->boot), keytab, keytab_size, ca, ca_size);
    sp_wipe(d->boot.bind_password, sizeof(d->boot.bind_password)); /* keeper has no use for it */
    if (keytab != NULL)
        sp_wipe(keytab, keytab_size);
    if (l->directory_fd < 0)
        snprintf(l->error, sizeof(l->error), "cannot make directory's memfd: %s", strerror(errno));
    return l->directory_fd >= 0;
}

static bool make_courier(struct load *l)
{
    struct config_webhooks *w = l->config->webhooks;
    SP_FREE char *ca = NULL;
    size_t ca_size = 0;

    if (w == NULL)
        return true;
    l->spool_fd = state_folder(l->config, "spool", l->error);
    if (l->spool_fd < 0 || !read_for(l, l->config->ca_file[0] != '\0' ? l->config->ca_file : NULL,
                                     BOOT_CA_MAX, &ca, &ca_size))
        return false;
    w->boot.magic = BOOT_COURIER_MAGIC;
    w->boot.size = sizeof(w->boot);
    w->boot.uid = l->config->run_as_uid;
    w->boot.gid = l->config->run_as_gid;
    w->boot.ca_size = (uint32_t)ca_size;
    l->courier_fd = boot_blob_write(&w->boot, sizeof(w->boot), ca, ca_size, NULL, 0);
    for (size_t i = 0; i < BOOT_COURIER_HOOKS_MAX; i++) /* keeper has no use for them */
        sp_wipe(w->boot.hooks[i].secret, sizeof(w->boot.hooks[i].secret));
    if (l->courier_fd < 0)
        snprintf(l->error, sizeof(l->error), "cannot make courier's memfd: %s", strerror(errno));
    return l->courier_fd >= 0;
}

bool load_read(struct load *l, const char *path)
{
    SP_FREE struct boot_config *boot = calloc(1, sizeof(*boot));

    if (boot == NULL) {
        snprintf(l->error, sizeof(l->error), "no memory");
        return false;
    }
    if (config_load(path, &l->config, l->error, sizeof(l->error)) != SP_OK)
        return false;
    lock_secrets(l->config);
    return state_prepare(l->config, l->error) == SP_OK &&
           state_certificate(l->config, boot, &l->signer, l->error) == SP_OK &&
           make_boot(l, boot) && make_directory(l) && make_courier(l);
}

bool load_same_address(const struct boot_listener *a, const struct boot_listener *b)
{
    return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && a->port == b->port;
}

/* -1 if there is none; -2 with errno if it cannot be shared. */
static int shared(const struct boot_listener *wanted, const struct load_socket *have, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!load_same_address(&have[i].address, wanted))
            continue;
        int fd = fcntl(have[i].fd, F_DUPFD_CLOEXEC, 0);
        return fd < 0 ? -2 : fd;
    }
    return -1;
}

bool load_listen(struct load *l, const struct load_socket *have, size_t have_count)
{
    const struct config *c = l->config;

    for (size_t i = 0; i < c->listener_count; i++) {
        int fd = shared(&c->listeners[i], have, have_count);

        if (fd == -2)
            snprintf(l->error, sizeof(l->error), "cannot share a listener: %s", strerror(errno));
        if (fd == -1)
            fd = listen_tcp(&c->listeners[i], l->error, sizeof(l->error));
        if (fd < 0)
            return false;
        l->listeners[i] = fd;
    }
    return true;
}

void load_clear(struct load *l)
{
    signer_free(l->signer);
    config_free(l->config);
    sp_fd_cleanup(&l->boot_fd);
    sp_fd_cleanup(&l->directory_fd);
    sp_fd_cleanup(&l->courier_fd);
    sp_fd_cleanup(&l->spool_fd);
    for (size_t i = 0; i < BOOT_LISTENERS_MAX; i++)
        sp_fd_cleanup(&l->listeners[i]);
    l->signer = NULL;
    l->config = NULL;
}
