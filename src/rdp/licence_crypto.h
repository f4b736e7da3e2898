/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of the licensing protocol: its server's RSA key, its keys, its checksum.
 */
#ifndef SP_RDP_LICENCE_CRYPTO_H
#define SP_RDP_LICENCE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define LICENCE_RANDOM_SIZE    32
#define LICENCE_PREMASTER_SIZE 48
#define LICENCE_KEY_SIZE       16
#define LICENCE_MAC_SIZE       16
#define LICENCE_MODULUS_MIN    64  /* 512 bits: Windows Server 2003 */
#define LICENCE_MODULUS_MAX    512 /* 4096 bits                     */
#define LICENCE_MODULUS_PAD    8   /* zero bytes behind what was encrypted with it */

struct licence_public_key {
    size_t size;                          /* bytes of modulus used, the highest not 0 */
    uint8_t modulus[LICENCE_MODULUS_MAX]; /* big-endian                               */
    uint32_t exponent;
};

struct licence_keys {
    uint8_t mac[LICENCE_KEY_SIZE];
    uint8_t encryption[LICENCE_KEY_SIZE];
};

/*
 * Find the public key in a server certificate, proprietary or a chain of X.509. No signature is
 * checked: TLS has said who the peer is, and the proprietary ones are signed with a published key.
 * Spec:    MS-RDPBCGR 2.2.1.4.3.1, MS-RDPELE 2.2.1.4.2
 * r        the content of the certificate blob; all of it is consumed
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE; SP_ELIMIT key too small or too large; SP_ETRAIL
 */
SP_MUST_USE enum sp_err licence_public_key_read(struct rd *r, struct licence_public_key *out);

/*
 * Encrypt the premaster secret, without padding as the protocol wants it.
 * Spec:    MS-RDPBCGR 5.3.4.1
 * out      key->size + LICENCE_MODULUS_PAD bytes, little-endian
 * Errors:  SP_ECRYPTO the key is none
 */
SP_MUST_USE enum sp_err licence_rsa(const struct licence_public_key *key,
                                    const uint8_t premaster[LICENCE_PREMASTER_SIZE], uint8_t *out);

/* Derive both keys. Spec: MS-RDPELE 5.1.2 */
void licence_derive(const uint8_t premaster[LICENCE_PREMASTER_SIZE],
                    const uint8_t client_random[LICENCE_RANDOM_SIZE],
                    const uint8_t server_random[LICENCE_RANDOM_SIZE], struct licence_keys *out);

/* Checksum over size bytes of clear data. Spec: MS-RDPELE 5.1.5 */
void licence_mac(const struct licence_keys *keys, const uint8_t *data, size_t size,
                 uint8_t mac[LICENCE_MAC_SIZE]);

/* Encrypt or decrypt one field; each begins the key stream anew. Spec: MS-RDPELE 5.1.3 */
void licence_crypt(const struct licence_keys *keys, const uint8_t *in, size_t size, uint8_t *out);

#endif
