/* SPDX-License-Identifier: Apache-2.0
 * Waiting for messages and for the ends of children at once, without a race between the two.
 */
#ifndef SP_DOOR_CHILDREN_H
#define SP_DOOR_CHILDREN_H

#include <poll.h>
#include <stddef.h>

#include "base/err.h"

/*
 * From here on SIGCHLD arrives only inside children_wait. One that came earlier stays pending,
 * across exec too.
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err children_begin(void);

/*
 * poll(2) that also returns when a child ends; the caller reaps after each call.
 * timeout_ms   negative: no end
 * Returns  as poll(2); 0 with every revents 0 after a child's end
 */
int children_wait(struct pollfd *fds, size_t count, int timeout_ms);

/* In a new child: take SIGCHLD back to what it is in any process. */
void children_forget(void);

#endif
