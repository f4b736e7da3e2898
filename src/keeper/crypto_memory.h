/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL's memory in keeper: wiped when it is given back, since a key passes through it.
 */
#ifndef SP_KEEPER_CRYPTO_MEMORY_H
#define SP_KEEPER_CRYPTO_MEMORY_H

/* Call before anything else of OpenSSL; later it has no effect. */
void crypto_memory_wipe_freed(void);

#endif
