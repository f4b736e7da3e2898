/* SPDX-License-Identifier: Apache-2.0
 * The process that forks a session for each connection and reports how it ended. It holds nothing.
 *
 * Siblings share an address layout, so after any abnormal end of a session the spawner executes
 * itself anew before it forks again; its live sessions stay its children, and connections on their
 * way wait in door's socket.
 */
#ifndef SP_DOOR_SPAWNER_H
#define SP_DOOR_SPAWNER_H

/*
 * Run the spawner with the descriptors of base/boot.h until keeper or door is gone; sessions live
 * on. Comes back to its beginning by exec of /proc/self/exe with "--role=spawner".
 * Returns  the process's exit status: 0 keeper closed its channel; 1 cannot work, reason logged
 */
int spawner_main(void);

#endif
