/* SPDX-License-Identifier: Apache-2.0
 * Keeper's side of sallyport-firewall: what stands on the guard's lists, mirrored into nftables.
 */
#include "keeper/firewall.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/programs.h"

#define START_MS   5000
#define STEP_MAX   256 /* changes sent in one step */
#define LISTEN_MAX 16  /* messages heard in one step */

static int spawn(int program, int channel, const struct config *config, pid_t *pid)
{
    char name[] = "sallyport-firewall", path[32], uid[16], gid[16];
    char *argv[] = {name, uid, gid, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t files;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
    snprintf(uid, sizeof(uid), "%u", config->run_as_uid);
    snprintf(gid, sizeof(gid), "%u", config->run_as_gid);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    int bad = posix_spawn_file_actions_adddup2(&files, channel, BOOT_FD_KEEPER);
    if (bad == 0)
        bad = posix_spawn(pid, path, &files, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&files);
    return bad;
}

static void fill_begin(struct firewall_begin *b, const struct config *config)
{
    *b = (struct firewall_begin){.port_count = (uint32_t)config->listener_count};
    for (size_t i = 0; i < config->listener_count; i++)
        b->ports[i] = (struct firewall_port){(uint16_t)config->listeners[i].port,
                                             config->listeners[i].is_jit != 0};
    memcpy(b->table, config->guard.nft_table, sizeof(b->table));
}

/* HELLO is answered with BEGIN; after it comes STATUS, and then all that stands on the lists. */
static enum sp_err hear(struct firewall *f, int64_t deadline_ms)
{
    struct ipc_in in;
    struct firewall_status status;
    enum sp_err err = ipc_recv(f->fd, &in, deadline_ms);

    if (err != SP_OK)
        return err;
    ipc_in_clear(&in);
    if (in.msg.head.type == FIREWALL_HELLO && in.size == sizeof(struct firewall_hello)) {
        f->is_ready = false;
        return ipc_send(f->fd, FIREWALL_BEGIN, &f->begin, sizeof(f->begin), NULL, 0,
                        clock_now_ms() + 100);
    }
    if (in.msg.head.type != FIREWALL_STATUS || in.size != sizeof(status))
        return SP_EVALUE;
    memcpy(&status, in.msg.bytes, sizeof(status));
    status.text[sizeof(status.text) - 1] = '\0';
    if (!f->is_ready && status.is_ready == 1) {
        f->is_syncing = true;
        f->at_list = f->at_ban = 0;
    }
    f->is_ready = status.is_ready == 1;
    f->failed += status.failed;
    memcpy(f->text, status.text, sizeof(f->text));
    return SP_OK;
}

static enum sp_err wait_ready(struct firewall *f, char *error, size_t error_size)
{
    int64_t until = clock_now_ms() + START_MS;
    enum sp_err err = SP_OK;

    for (int i = 0; i < 2 && err == SP_OK; i++)
        err = hear(f, until);
    if (err == SP_OK && f->is_ready)
        return SP_OK;
    snprintf(error, error_size,
             "guard.nftables: the table cannot be made (%s); it needs CAP_NET_ADMIN at the start, "
             "and a kernel with nftables",
             err != SP_OK ? sp_err_name(err) : f->text);
    return err != SP_OK ? err : SP_EDENIED;
}

enum sp_err firewall_start(struct firewall *f, const struct config *config, char *error,
                           size_t error_size)
{
    int pair[2] = {-1, -1};

    *f = (struct firewall){.fd = -1};
    if (config->guard.nft_table[0] == '\0')
        return SP_OK;
    fill_begin(&f->begin, config);
    SP_FD program = program_open("sallyport-firewall", error, error_size);
    if (program < 0)
        return SP_ESYS;
    if (ipc_pair(pair) != SP_OK) {
        snprintf(error, error_size, "guard.nftables: no descriptor is left");
        return SP_ESYS;
    }
    SP_FD theirs = pair[1];
    f->fd = pair[0];
    int bad = spawn(program, theirs, config, &f->pid);
    if (bad != 0) {
        snprintf(error, error_size, "guard.nftables: cannot start its helper: %s", strerror(bad));
        firewall_stop(f);
        return SP_ESYS;
    }
    sp_fd_cleanup(&theirs); /* else its end would never be seen */
    enum sp_err err = wait_ready(f, error, error_size);
    if (err != SP_OK)
        firewall_stop(f);
    return err;
}

static enum sp_err send(const struct firewall *f, enum penalty_list list, const struct net *net,
                        int64_t until_ms)
{
    int64_t left = until_ms - clock_now_ms();
    struct firewall_change change = {.set = list, .is_added = until_ms != 0, .bits = net->bits};

    memcpy(change.ip, net->ip, sizeof(change.ip));
    if (until_ms != 0 && until_ms != PENALTY_FOREVER)
        change.timeout_s = left <= 1000 ? 1 : (uint32_t)((left + 999) / 1000);
    return ipc_send(f->fd, FIREWALL_CHANGE, &change, sizeof(change), NULL, 0, 0);
}

void firewall_mirror(void *ctx, enum penalty_list list, const struct net *net, int64_t until_ms)
{
    struct firewall *f = ctx;

    if (f->fd < 0 || !f->is_ready)
        return; /* all is sent when it is ready */
    if (f->is_syncing || send(f, list, net, until_ms) != SP_OK)
        f->must_begin = true; /* in between, or no room: all is sent again */
}

static void begin_again(struct firewall *f)
{
    if (ipc_send(f->fd, FIREWALL_BEGIN, &f->begin, sizeof(f->begin), NULL, 0, 0) != SP_OK)
        return; /* no room: at the next step */
    f->must_begin = f->is_ready = f->is_syncing = false;
}

bool firewall_configure(struct firewall *f, const struct config *config)
{
    if (f->fd < 0)
        return config->guard.nft_table[0] == '\0';
    if (strcmp(f->begin.table, config->guard.nft_table) != 0)
        return false;
    fill_begin(&f->begin, config);
    f->must_begin = true;
    return true;
}

static void sync_some(struct firewall *f, const struct guard *g)
{
    for (int sent = 0; f->is_syncing && sent < STEP_MAX;) {
        const struct guard_list *l = &g->lists[f->at_list];

        if (f->at_ban >= l->count) {
            f->at_ban = 0;
            f->is_syncing = ++f->at_list < PENALTY_LIST_COUNT;
            continue;
        }
        const struct guard_ban *ban = &l->bans[f->at_ban];
        if (send(f, (enum penalty_list)f->at_list, &ban->net, ban->until_ms) != SP_OK)
            return; /* it goes on at the next step */
        f->at_ban++;
        sent++;
    }
}

bool firewall_step(struct firewall *f, const struct guard *g, int64_t now_ms)
{
    enum sp_err err = SP_OK;

    (void)now_ms;
    if (f->fd < 0)
        return true;
    for (int i = 0; i < LISTEN_MAX && err == SP_OK; i++)
        err = hear(f, 0);
    if (err != SP_OK && err != SP_ETIME) {
        firewall_stop(f);
        return false;
    }
    if (f->is_ready && f->must_begin)
        begin_again(f);
    if (f->is_ready)
        sync_some(f, g);
    return true;
}

void firewall_stop(struct firewall *f)
{
    sp_fd_cleanup(&f->fd); /* which it sees; whoever reaps children reaps it */
    *f = (struct firewall){.fd = -1};
}
