/* SPDX-License-Identifier: Apache-2.0
 * The worker of sallyport-firewall: keeper's changes into the kernel's sets, from a cage.
 */
#ifndef SP_FIREWALL_WORKER_H
#define SP_FIREWALL_WORKER_H

/* Serve keeper on this channel until it is closed. Returns  the exit status */
int firewall_worker(int channel);

#endif
