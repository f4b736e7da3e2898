/* SPDX-License-Identifier: Apache-2.0
 * Which addresses dialer may connect to. Pure: addresses in, a verdict out.
 */
#ifndef SP_DOOR_DIALER_FILTER_H
#define SP_DOOR_DIALER_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boot.h"
#include "base/ipc_msg.h"

/* How the configuration names a target's host. */
enum dialer_host {
    DIALER_HOST_LITERAL, /* an IP address (IPv6 with or without a zone) or "localhost" */
    DIALER_HOST_NAME,    /* to be resolved; what comes out is not trusted              */
    DIALER_HOST_BAD,     /* empty, not terminated, or with characters no name has      */
};

/*
 * What kind of host a target's host field is. Only full dotted quads are literals: "127.1" is a
 * name, and what it resolves to is filtered.
 * host     IPC_HOST_MAX bytes, not necessarily NUL-terminated
 */
enum dialer_host dialer_host_kind(const char host[IPC_HOST_MAX]);

/*
 * True if the address may be connected to.
 * address  where to
 * kind     a literal names its address explicitly, so only what is never one host is refused
 * local    the address is one of this machine's own
 * listeners    our own, listener_count of them; for a name they are refused
 */
bool dialer_filter_allows(const struct ipc_address *address, enum dialer_host kind, bool local,
                          const struct boot_listener *listeners, size_t listener_count);

#endif
