/* SPDX-License-Identifier: Apache-2.0
 * The process that proves identities by what outsiders say: Kerberos tickets, LDAP.
 *
 *   keeper ──ASK──► directory ──fork──► one child a context or question ──► directory ──ANSWER──►
 *
 * The parent parses nothing; a child that is overrun by what it parses has one context, and ends.
 */
#ifndef SP_DIRECTORY_DIRECTORY_H
#define SP_DIRECTORY_DIRECTORY_H

/*
 * Run directory with the descriptors of base/boot.h until keeper is gone.
 * Returns  the process's exit status: 0 keeper closed its channel; 1 cannot work, reason logged
 */
int directory_main(void);

#endif
