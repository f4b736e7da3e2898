/* SPDX-License-Identifier: Apache-2.0
 * One configuration at work: the secrets that it named, and the helpers that were started with it.
 */
#include "keeper/edition.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "keeper/keeper_priv.h"

#define RETIRE_MARGIN_MS 5000 /* beyond the two waits that door itself has */

struct edition *edition_new(struct keeper *k, struct load *l)
{
    struct edition *e = calloc(1, sizeof(*e));
    struct sp_fail fail = {0};

    if (e == NULL) {
        snprintf(l->error, sizeof(l->error), "no memory");
        return NULL;
    }
    enum sp_err err =
        children_init(&e->children, l->boot_fd, l->listeners, l->config->listener_count, &fail);
    e->children.penalties_fd = k->guard.door_fd;
    e->children.program_fd = k->net_fd;
    e->children.directory_program_fd = k->directory_program_fd;
    e->children.courier_program_fd = k->courier_program_fd;
    l->boot_fd = -1;
    for (size_t i = 0; i < BOOT_LISTENERS_MAX; i++)
        l->listeners[i] = -1;
    if (err == SP_OK)
        err = children_add_directory(&e->children, l->directory_fd, &fail);
    l->directory_fd = -1;
    if (err == SP_OK)
        err = children_add_courier(&e->children, l->courier_fd, l->spool_fd, &fail);
    l->courier_fd = -1;
    l->spool_fd = -1;
    if (err == SP_OK && children_wants(&e->children, CHILD_DIRECTORY) &&
        e->children.directory_program_fd < 0)
        err = sp_fail_set(&fail, SP_ESYS, "sallyport-directory is not installed", 0, 0);
    if (err == SP_OK && children_wants(&e->children, CHILD_COURIER) &&
        e->children.courier_program_fd < 0)
        err = sp_fail_set(&fail, SP_ESYS, "sallyport-courier is not installed", 0, 0);
    if (err != SP_OK) {
        snprintf(l->error, sizeof(l->error), "cannot prepare the helpers: %s", fail.where);
        children_clear(&e->children);
        free(e);
        return NULL;
    }
    e->keeper = k;
    e->config = l->config;
    e->signer = l->signer;
    l->config = NULL;
    l->signer = NULL;
    for (int i = 0; i < CHILD_ROLE_COUNT; i++)
        e->watch[i] = (struct helper_watch){.edition = e, .role = (enum child_role)i};
    return e;
}

void edition_start(struct edition *e, int64_t now_ms)
{
    struct children *c = &e->children;

    for (int i = 0; i < CHILD_ROLE_COUNT; i++) {
        enum child_role role = (enum child_role)i;

        if (!children_due(c, role, now_ms))
            continue;
        if (role == CHILD_DOOR && !e->was_open &&
            !(children_is_ready(c, CHILD_SPAWNER) && children_is_ready(c, CHILD_DIALER)))
            continue;
        e->was_open = e->was_open || role == CHILD_DOOR;
        keeper_helper_start(e, role, now_ms);
    }
}

bool edition_is_ready(const struct edition *e)
{
    for (int i = 0; i < CHILD_ROLE_COUNT; i++) {
        if (!children_is_ready(&e->children, (enum child_role)i))
            return false;
    }
    return true;
}

bool edition_has_died(const struct edition *e)
{
    for (int i = 0; i < CHILD_ROLE_COUNT; i++) {
        if (e->children.child[i].deaths > 0)
            return true;
    }
    return false;
}

static void tell(const struct edition *e, enum child_role role)
{
    struct ipc_plain msg = {0};
    int fd = e->children.child[role].channel;

    if (fd >= 0 && ipc_send(fd, IPC_RETIRE, &msg, sizeof(msg), NULL, 0, 0) != SP_OK)
        fprintf(stderr, "sallyport: %s does not listen to keeper\n", child_name(role));
}

void edition_retire(struct edition *e, int64_t now_ms)
{
    if (e->is_retired)
        return;
    e->is_retired = true;
    e->give_up_ms = now_ms + 2 * (int64_t)e->config->limits.first_byte_ms + RETIRE_MARGIN_MS;
    tell(e, CHILD_SPAWNER); /* first, since door's end is news to it */
    tell(e, CHILD_DOOR);
    tell(e, CHILD_COURIER); /* the next one delivers */
    children_retire(&e->children);
}

bool edition_is_closed(const struct edition *e, int64_t now_ms)
{
    pid_t door = e->children.child[CHILD_DOOR].pid;
    pid_t spawner = e->children.child[CHILD_SPAWNER].pid;

    if (now_ms >= e->give_up_ms && door > 0)
        kill(door, SIGKILL);
    if (now_ms >= e->give_up_ms && spawner > 0)
        kill(spawner, SIGKILL);
    return door == 0 && spawner == 0;
}

static bool has_unsigned(const struct edition *e)
{
    const struct registry *r = &e->keeper->registry;

    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i]->state == SESSION_OPEN && keeper_edition_of(r->list[i]) == e)
            return true;
    }
    return false;
}

/* It ends by itself when its channel closes. */
static void end_helper(struct edition *e, enum child_role role)
{
    if (e->children.child[role].channel < 0)
        return;
    ev_io_stop(e->keeper->loop, &e->watch[role].io);
    sp_fd_cleanup(&e->children.child[role].channel);
}

bool edition_is_spent(struct edition *e, int64_t now_ms)
{
    if (!edition_is_closed(e, now_ms))
        return false;
    if (e->signer != NULL && !has_unsigned(e)) {
        signer_free(e->signer);
        e->signer = NULL;
    }
    if (e->signer != NULL)
        return false;
    end_helper(e, CHILD_DIALER);
    end_helper(e, CHILD_DIRECTORY);
    end_helper(e, CHILD_COURIER);
    return e->children.child[CHILD_DIALER].pid == 0 &&
           e->children.child[CHILD_DIRECTORY].pid == 0 && e->children.child[CHILD_COURIER].pid == 0;
}

bool edition_helper(const struct edition *e, pid_t pid, enum child_role *role)
{
    for (int i = 0; i < CHILD_ROLE_COUNT; i++) {
        if (e->children.child[i].pid == pid) {
            *role = (enum child_role)i;
            return true;
        }
    }
    return false;
}

static void forget_sessions(const struct edition *e)
{
    const struct registry *r = &e->keeper->registry;

    for (size_t i = 0; i < r->count; i++) {
        if (*keeper_gss_edition(r->list[i]) == e)
            *keeper_gss_edition(r->list[i]) = NULL;
        if (keeper_edition_of(r->list[i]) == e)
            keeper_edition_forget(r->list[i]);
    }
}

void edition_free(struct edition *e)
{
    for (int i = 0; i < CHILD_ROLE_COUNT; i++)
        ev_io_stop(e->keeper->loop, &e->watch[i].io);
    directory_died(e->keeper, e);
    keeper_courier_died(e->keeper, e);
    forget_sessions(e);
    children_stop(&e->children);
    children_clear(&e->children);
    signer_free(e->signer);
    config_free(e->config);
    free(e);
}
