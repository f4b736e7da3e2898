/* SPDX-License-Identifier: Apache-2.0
 * What door, spawner and dialer share: how they treat sockets; base/helper_life.h has the rest.
 */
#ifndef SP_DOOR_HELPER_H
#define SP_DOOR_HELPER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/helper_life.h"
#include "base/ipc_msg.h"

/* A socket address in the form that messages carry; all zero for an unknown family. */
struct ipc_address helper_address(const struct sockaddr *sa);

/*
 * The reverse of helper_address: AF_INET for ::ffff:a.b.c.d, else AF_INET6.
 * Returns  the length to pass to connect(2)
 */
socklen_t helper_sockaddr(const struct ipc_address *address, struct sockaddr_storage *out);

/*
 * Set what a TCP connection needs for life, as its later owner may not: no delay, and keepalives
 * that notice a vanished peer in about two minutes.
 */
void helper_tune(int fd);

/* Close a connection at once with a reset, leaving nothing behind in the kernel. fd is closed. */
void helper_refuse(int fd);

#endif
