/* SPDX-License-Identifier: Apache-2.0
 * Everything that a configuration names, read and opened: what keeper and its helpers work with.
 *
 * The start, a reload and an upgrade all come here, so that a file is good for one exactly if it is
 * good for the others. Nothing outside is changed: a load that fails leaves no trace.
 */
#ifndef SP_KEEPER_LOAD_H
#define SP_KEEPER_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/boot.h"
#include "keeper/config.h"
#include "keeper/signer.h"
#include "keeper/state.h"

#define LOAD_ERROR_SIZE (STATE_ERROR_SIZE + CONFIG_ERROR_SIZE)

/* A listening socket that is open already. */
struct load_socket {
    struct boot_listener address;
    int fd;
};

struct load {
    struct config *config;
    struct signer *signer;
    int boot_fd;                       /* the helpers' memfd                     */
    int directory_fd;                  /* directory's; -1 = it is not configured */
    int courier_fd, spool_fd;          /* courier's, and its spool's folder; or both -1 */
    int listeners[BOOT_LISTENERS_MAX]; /* config->listener_count of them, rest -1 */
    char error[LOAD_ERROR_SIZE];       /* of the first call that returned false  */
};

/* An empty load. */
void load_init(struct load *l);

/* Read the file, its certificate and key, and ca_file; make the state folder if there is none. */
bool load_read(struct load *l, const char *path);

/*
 * Open the listeners; those that are open already are shared.
 * have     have_count sockets, borrowed
 */
bool load_listen(struct load *l, const struct load_socket *have, size_t have_count);

/* Close, wipe and free whatever was not taken. */
void load_clear(struct load *l);

/* True if both name the same address and port. */
bool load_same_address(const struct boot_listener *a, const struct boot_listener *b);

#endif
