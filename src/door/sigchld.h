/* SPDX-License-Identifier: Apache-2.0
 * Waiting for messages and for the ends of children at once, without a race between the two.
 */
#ifndef SP_DOOR_SIGCHLD_H
#define SP_DOOR_SIGCHLD_H

#include <poll.h>
#include <stddef.h>

#include "base/err.h"

/*
 * From here on SIGCHLD arrives only inside sigchld_wait. One that came earlier stays pending,
 * across exec too.
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err sigchld_begin(void);

/*
 * poll(2) that also returns when a child ends; the caller reaps after each call.
 * timeout_ms   negative: no end
 * Returns  as poll(2); 0 with every revents 0 after a child's end
 */
int sigchld_wait(struct pollfd *fds, size_t count, int timeout_ms);

/* In a new child: take SIGCHLD back to what it is in any process. */
void sigchld_forget(void);

#endif
