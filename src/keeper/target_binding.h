/* SPDX-License-Identifier: Apache-2.0
 * CredSSP's binding to the target's TLS key: keeper seals ours and verifies the target's.
 */
#ifndef SP_KEEPER_TARGET_BINDING_H
#define SP_KEEPER_TARGET_BINDING_H

#include <stddef.h>
#include <stdint.h>

#include "rdp/credssp.h"
#include "rdp/ntlm_crypto.h"

#define TARGET_BINDING_KEY_MAX 2200 /* subjectPublicKey of RSA-16384 */

/* What is kept between BIND and SEAL. */
struct target_binding {
    uint8_t exported_key[NTLM_KEY_SIZE]; /* INVARIANT: never in a message to a session */
    uint32_t size;                       /* of the plaintext of both pubKeyAuths       */
    uint8_t echo_sha256[32];             /* of the plaintext that the target must send */
};

enum target_echo { TARGET_ECHO_GOOD, TARGET_ECHO_UNSIGNED, TARGET_ECHO_OTHER };

/*
 * Make our pubKeyAuth, the first message under the exported key, and remember the target's.
 * Spec:    MS-CSSP 3.1.5
 * b        with its exported_key; size and echo_sha256 are set
 * version  of the target: below CREDSSP_VERSION_MIN the key itself is sealed, not a hash
 * key      content of the subjectPublicKey BIT STRING, 1…TARGET_BINDING_KEY_MAX bytes
 * out      NTLM_SIGNATURE_SIZE + TARGET_BINDING_KEY_MAX bytes
 * Returns  the bytes used of out
 */
size_t target_binding_make(struct target_binding *b, uint32_t version,
                           const uint8_t nonce[CREDSSP_NONCE_SIZE], const uint8_t *key,
                           size_t key_size, uint8_t *out);

/*
 * Judge the target's pubKeyAuth, in constant time.
 * size     must be NTLM_SIGNATURE_SIZE + b->size; anything else is TARGET_ECHO_UNSIGNED
 */
enum target_echo target_binding_check(const struct target_binding *b, const uint8_t *echo,
                                      size_t size);

#endif
