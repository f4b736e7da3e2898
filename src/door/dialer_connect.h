/* SPDX-License-Identifier: Apache-2.0
 * One dial: from a host's name to a connected socket, by one deadline.
 */
#ifndef SP_DOOR_DIALER_CONNECT_H
#define SP_DOOR_DIALER_CONNECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/boot.h"
#include "base/ipc_msg.h"

struct dialer_request {
    const char *host; /* IPC_HOST_MAX bytes, as keeper sent them */
    uint32_t port;
    int64_t deadline_ms;                   /* of clock_now_ms; a resolver may overrun it */
    const struct boot_listener *listeners; /* our own, borrowed                          */
    size_t listener_count;
};

struct dialer_answer {
    enum ipc_dial_status status;
    int sys; /* errno or 0 */
    int fd;  /* the connected socket on IPC_DIAL_OK, else -1; the caller owns it */
    struct ipc_address address; /* what was connected to, or tried last */
};

/*
 * Resolve, filter, and connect to one allowed address after the other, each with its share of the
 * time that is left.
 * out      always filled; the socket is non-blocking, close-on-exec, without delay
 */
void dialer_connect(const struct dialer_request *request, struct dialer_answer *out);

enum dialer_begun {
    DIALER_NEEDS_CHILD, /* a name, or an address with a zone: to be resolved, which may block */
    DIALER_DECIDED,     /* out is filled                                                      */
    DIALER_UNDER_WAY    /* out->fd will be writable when it is decided; then dialer_finish     */
};

/*
 * Begin to connect to a host that is written as an address; never waits.
 * out      filled, but for a dial that needs a child; the caller owns out->fd
 */
enum dialer_begun dialer_begin(const struct dialer_request *request, struct dialer_answer *out);

/*
 * Take the kernel's decision on a connect under way.
 * out      of dialer_begin; its status, sys and fd are brought up to date
 * sys      0 to ask the socket, or the errno with which it is given up
 */
void dialer_finish(struct dialer_answer *out, int sys);

/* What an errno of connect(2) means to a person. */
enum ipc_dial_status dialer_status(int sys);

#endif
