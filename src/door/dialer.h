/* SPDX-License-Identifier: Apache-2.0
 * The process that resolves and connects to the targets that keeper names.
 *
 * Addresses it connects to itself, all at once. A name is for a child, since a resolver blocks and
 * parses what a name server sends; the parent holds the deadlines and answers for a child that
 * could not.
 */
#ifndef SP_DOOR_DIALER_H
#define SP_DOOR_DIALER_H

/*
 * Run the dialer with the descriptors of base/boot.h until keeper is gone.
 * Returns  the process's exit status: 0 keeper closed its channel; 1 cannot work, reason logged
 */
int dialer_main(void);

#endif
