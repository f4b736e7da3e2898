/* SPDX-License-Identifier: Apache-2.0
 * What keeper keeps of root: two capabilities, raised only while a configuration is read.
 *
 * Started as root, keeper becomes an unprivileged user. A later reload must still read files that
 * are root's alone and open ports below 1024; nothing else. Helpers get none of it.
 */
#ifndef SP_KEEPER_PRIVILEGE_H
#define SP_KEEPER_PRIVILEGE_H

#include <stdbool.h>

/* Before identities are changed: let the two capabilities survive that. Best effort. */
void privilege_keep(void);

/* After it, or where there was none: give up all but the two, and let even those rest. */
void privilege_settle(void);

/* Use the two, where we have them, or let them rest again. */
void privilege_raise(bool is_raised);

/* In a child before exec: what we have goes to the program that takes our place. */
void privilege_pass_on(void);

#endif
