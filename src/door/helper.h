/* SPDX-License-Identifier: Apache-2.0
 * What door, spawner and dialer share: how they are born, how they log, how they treat sockets.
 */
#ifndef SP_DOOR_HELPER_H
#define SP_DOOR_HELPER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/ipc_msg.h"

/*
 * Begin a helper's life: name it "sp-<name>", ignore the signals that a terminal or a service
 * manager sends to the whole group (keeper alone decides when to end), drop to uid and gid, and
 * die with keeper from here on.
 * name     static text: "door", "spawner", "dialer"; also opens each line of helper_log
 * Errors:  SP_ESYS; SP_ECLOSED keeper is gone already; the caller must exit
 */
SP_MUST_USE enum sp_err helper_begin(const char *name, uint32_t uid, uint32_t gid,
                                     struct sp_fail *fail);

/* Write one line "sallyport NAME: …" to standard error; no text of a peer's choice goes in. */
void helper_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Log a failure that ends the process: what was being done, place, code and numbers. */
void helper_log_fail(const char *what, enum sp_err err, const struct sp_fail *fail);

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
