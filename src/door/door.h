/* SPDX-License-Identifier: Apache-2.0
 * The process that owns the listening sockets and hands readable connections to the spawner.
 *
 *   accept ──► limits ──► IDLE ── first byte ──► PENDING ── room in the queue ──► HANDED
 *                 └ reset    └ 5 s: reset           └ 5 s: reset    life pipe hangs up ┘─► gone
 *
 * door looks whether there is a byte; it reads none. A connection counts as unauthenticated until
 * every holder of its life pipe has closed it.
 */
#ifndef SP_DOOR_DOOR_H
#define SP_DOOR_DOOR_H

/*
 * Run the door with the descriptors of base/boot.h until keeper is gone.
 * Returns  the process's exit status: 0 keeper closed its channel; 1 cannot work, reason logged
 */
int door_main(void);

#endif
