/* SPDX-License-Identifier: Apache-2.0
 * Keeper's side of sallyport-firewall: what stands on the guard's lists, mirrored into nftables.
 *
 * Door refuses the same sources anyway; the kernel drops them before they cost an accept. A change
 * that does not fit into the channel makes all of it be sent anew, in steps.
 */
#ifndef SP_KEEPER_FIREWALL_H
#define SP_KEEPER_FIREWALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ipc_firewall.h"
#include "keeper/guard.h"

struct firewall {
    int fd; /* -1 = not configured, or lost */
    pid_t pid;
    bool is_ready;
    struct firewall_begin begin;
    bool must_begin; /* the table is to be made anew */
    bool is_syncing; /* the lists are being sent from here on: */
    size_t at_list, at_ban;
    uint32_t failed; /* changes that the kernel refused, since the last report */
    char text[FIREWALL_TEXT_SIZE];
};

/*
 * Start it and wait until its table stands; nothing if the configuration does not want it.
 * error    error_size bytes: what failed and what to do
 * Errors:  SP_ESYS, SP_EDENIED
 */
SP_MUST_USE enum sp_err firewall_start(struct firewall *f, const struct config *config, char *error,
                                       size_t error_size);

/* A guard_mirror_fn: pass a change on. ctx: the firewall */
void firewall_mirror(void *ctx, enum penalty_list list, const struct net *net, int64_t until_ms);

/* Hear it, and go on sending. Returns  false once, when it is lost */
bool firewall_step(struct firewall *f, const struct guard *g, int64_t now_ms);

/* What a new configuration says of ports. False if it wants what only a restart can give. */
bool firewall_configure(struct firewall *f, const struct config *config);

/* End it. Its table stays: a port that was closed stays closed while nobody serves. */
void firewall_stop(struct firewall *f);

#endif
