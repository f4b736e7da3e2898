/* SPDX-License-Identifier: Apache-2.0
 * Telling the service manager how we are: sd_notify(3)'s protocol over NOTIFY_SOCKET.
 */
#ifndef SP_KEEPER_NOTIFY_H
#define SP_KEEPER_NOTIFY_H

#include <sys/types.h>

/* Say one of READY=1, STOPPING=1. Nothing happens without a service manager. */
void notify_say(const char *state);

/* A reload begins: RELOADING=1 with the time that it needs. READY=1 ends it. */
void notify_reloading(void);

/* Another process of ours is the service from now on. */
void notify_main_pid(pid_t pid);

#endif
