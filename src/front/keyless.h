/* SPDX-License-Identifier: Apache-2.0
 * TLS towards the client without its private key: OpenSSL asks us, we ask keeper.
 *
 * libssl is given a key that consists of the leaf certificate's public half and lives in a small
 * OpenSSL 3 provider of our own. When the handshake wants its signature, the provider hands the
 * bytes to be signed (not their digest) to the signer that the session has set.
 */
#ifndef SP_FRONT_KEYLESS_H
#define SP_FRONT_KEYLESS_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KEYLESS_PUBLIC_KEY_MAX 2080 /* RSA-16384 as DER RSAPublicKey */

/*
 * Sign what a TLS handshake signs.
 * arg      as given to keyless_set_signer
 * scheme   TLS SignatureScheme code point (RFC 8446 4.2.3)
 * tbs      tbs_size bytes to be hashed and signed
 * sig      room for *sig_size bytes; *sig_size becomes the bytes used, both only on SP_OK
 */
typedef enum sp_err keyless_sign_fn(void *arg, uint16_t scheme, const uint8_t *tbs, size_t tbs_size,
                                    uint8_t *sig, size_t *sig_size);

/*
 * Say who signs for this process; a session does so after it was forked. Without one, and with
 * NULL, every handshake fails.
 * Owner:   arg is borrowed for as long as handshakes are made
 */
void keyless_set_signer(keyless_sign_fn *sign, void *arg);

/*
 * Make the server's TLS context: TLS 1.2 and 1.3, ECDHE with AEAD only, no tickets, no session
 * cache, no renegotiation, no compression, no early data, no request for a client certificate.
 * Spec:    protocol.md 1.4; RFC 8446; RFC 5246
 * pem      certificate chain, leaf first, pem_size bytes without a NUL; keys: EC P-256 and P-384,
 *          RSA of 2048 to 8192 bits
 * tls_min  0x0303 or 0x0304
 * Returns  the context for SSL_CTX_free, or NULL with fail filled
 * Errors:  SP_EVALUE no certificate, or a key that we do not serve; SP_ECRYPTO OpenSSL refused
 */
SSL_CTX *keyless_context_new(const char *pem, size_t pem_size, uint16_t tls_min,
                             struct sp_fail *fail);

/*
 * The content of the subjectPublicKey BIT STRING of the chain's leaf, which CredSSP binds to.
 * Spec:    MS-CSSP 3.1.5
 * out      room for *size bytes; *size becomes the bytes used, both only on SP_OK
 * Errors:  SP_EVALUE no certificate; SP_ESPACE
 */
SP_MUST_USE enum sp_err front_public_key(const char *pem, size_t pem_size, uint8_t *out,
                                         size_t *size);

#endif
