/* SPDX-License-Identifier: Apache-2.0
 * The process that carries events to webhooks; it owns the spool.
 */
#ifndef SP_COURIER_COURIER_H
#define SP_COURIER_COURIER_H

/*
 * Spool what keeper hands over, and deliver it, until keeper closes the channel.
 * Returns  the process's exit status
 */
int courier_main(void);

#endif
