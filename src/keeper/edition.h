/* SPDX-License-Identifier: Apache-2.0
 * One configuration at work: the secrets that it named, and the helpers that were started with it.
 *
 * A reload makes a new edition beside the present one. When all its helpers are ready the old one
 * retires: its door hands over whom it has accepted and ends, its spawner ends with it, and its
 * sessions become keeper's own children. Its key is wiped when none of its sessions is before its
 * TLS handshake's signature. Passwords are the catalog's (catalog.h), which has a life of its own.
 */
#ifndef SP_KEEPER_EDITION_H
#define SP_KEEPER_EDITION_H

#include <ev.h>

#include "keeper/children.h"
#include "keeper/load.h"

struct keeper;
struct edition;

/* One helper's channel in the loop. */
struct helper_watch {
    ev_io io;
    struct edition *edition;
    enum child_role role;
};

struct edition {
    struct keeper *keeper;
    struct edition *older; /* the next older one that has not gone yet */
    struct config *config;
    struct signer *signer; /* NULL once nobody can need it */
    struct children children;
    struct helper_watch watch[CHILD_ROLE_COUNT];
    bool was_open;      /* its door has been started */
    bool is_retired;    /* nothing of it is started again */
    int64_t give_up_ms; /* when a retired door is no longer waited for */
};

/*
 * Make an edition; nothing is started yet.
 * l        what it needs is taken on success
 * Errors:  NULL; l->error is filled
 */
struct edition *edition_new(struct keeper *k, struct load *l);

/* Start whatever is due; door comes when the others are ready, so that nobody is let in vainly. */
void edition_start(struct edition *e, int64_t now_ms);

/* True if every helper is in its cage. */
bool edition_is_ready(const struct edition *e);

/* True if a helper has died already. */
bool edition_has_died(const struct edition *e);

/* Accept no more by it. Its sessions go on, and who is accepted already is served. */
void edition_retire(struct edition *e, int64_t now_ms);

/* Let go of whatever nobody needs. True if nothing of a retired edition is left: free it. */
bool edition_is_spent(struct edition *e, int64_t now_ms);

/*
 * True if all whom a retired edition's door had accepted are handed over, and spawner is gone. A
 * door that takes much longer than it may is killed.
 */
bool edition_is_closed(const struct edition *e, int64_t now_ms);

/* The helper of that process; false if it is none of this edition. */
bool edition_helper(const struct edition *e, pid_t pid, enum child_role *role);

/* End its helpers, wipe and free it. */
void edition_free(struct edition *e);

#endif
