/* SPDX-License-Identifier: Apache-2.0
 * The words between two keepers, of which one takes over from the other.
 *
 *   old ──BEGIN──► new    which file, which version of these words, how many sockets come
 *   old ──SOCKET─► new    one listener, or the control socket, with its descriptor
 *   new ──READY──► old    its helpers are in their cages: it accepts, the old one must not any more
 *   old ──REMAINING─► new how many sessions are finishing in the old one
 *   new ──STOP───► old    the service is stopping: end them
 *
 * The two may be of different versions; what does not fit exactly ends the attempt, and the old one
 * goes on as if nothing had been.
 */
#ifndef SP_KEEPER_TAKEOVER_H
#define SP_KEEPER_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ipc.h"
#include "keeper/config.h"
#include "keeper/load.h"

#define TAKEOVER_VERSION 1 /* changes with any struct below */
#define TAKEOVER_FD      3 /* where the new keeper finds its end */

enum takeover_type {
    TAKEOVER_BEGIN = 0x54300001, /* no number of base/ipc_msg.h */
    TAKEOVER_SOCKET,
    TAKEOVER_READY,
    TAKEOVER_REMAINING,
    TAKEOVER_STOP,
};

struct takeover_begin {
    struct ipc_head head;
    uint32_t version;
    uint32_t socket_count;
    uint32_t starter_uid;
    char config[CONFIG_PATH_SIZE];
    char control[CONFIG_SOCKET_SIZE];
};

struct takeover_socket {
    struct ipc_head head;
    uint8_t ip[16];
    uint32_t port;
    uint32_t is_control;
};

/* READY, STOP: count is 0. */
struct takeover_word {
    struct ipc_head head;
    uint32_t count;
};

/* What the new keeper was given. */
struct takeover {
    struct takeover_begin begin;
    struct load_socket sockets[BOOT_LISTENERS_MAX];
    size_t socket_count;
    int control_fd;
};

/*
 * Hand everything over.
 * sockets  socket_count listeners, borrowed, as is control_fd
 * Errors:  SP_ETIME, SP_ECLOSED, SP_ESYS
 */
SP_MUST_USE enum sp_err takeover_give(int channel, struct takeover_begin *begin,
                                      const struct load_socket *sockets, size_t socket_count,
                                      int control_fd);

/*
 * Take everything over.
 * out      takeover_clear ends it, also after a failure
 * Errors:  SP_ETIME, SP_ECLOSED; SP_EVALUE another version or not these words
 */
SP_MUST_USE enum sp_err takeover_take(int channel, struct takeover *out);

/* Close what was not taken out of it. */
void takeover_clear(struct takeover *t);

/* Say READY, REMAINING or STOP without waiting. Errors: as ipc_send */
SP_MUST_USE enum sp_err takeover_say(int channel, enum takeover_type type, uint32_t count);

/*
 * Hear READY, REMAINING or STOP without waiting.
 * Errors:  SP_ETIME nothing there; SP_ECLOSED; SP_EVALUE something else was said
 */
SP_MUST_USE enum sp_err takeover_hear(int channel, enum takeover_type *type, uint32_t *count);

#endif
