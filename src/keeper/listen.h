/* SPDX-License-Identifier: Apache-2.0
 * The sockets that are opened while we may still do so: listeners and the control socket.
 */
#ifndef SP_KEEPER_LISTEN_H
#define SP_KEEPER_LISTEN_H

#include <stddef.h>

#include "base/boot.h"

/*
 * Open one listening TCP socket: IPv4 or IPv6 only, never both by one socket.
 * error    error_size bytes: what failed and what to do, only if -1 is returned
 * Returns  the descriptor (close-on-exec), or -1
 */
int listen_tcp(const struct boot_listener *listener, char *error, size_t error_size);

/*
 * Open the control socket, mode 0600. A socket file that nobody answers on is replaced; one that
 * is answered means that the service runs already.
 * uid, gid  who shall own it, if started as root; else 0
 * Returns  the descriptor (close-on-exec), or -1 with error filled
 */
int listen_control(const char *path, uint32_t uid, uint32_t gid, char *error, size_t error_size);

#endif
