/* SPDX-License-Identifier: Apache-2.0
 * TLS towards the target: what the handshake showed is reported, keeper decides whether it will do.
 */
#ifndef SP_BACK_BACK_TLS_H
#define SP_BACK_BACK_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Make the client's TLS context: TLS 1.2 and 1.3, no session cache, no renegotiation. libssl lets
 * every certificate pass; back_tls_chain_ok and the pin say what it is worth.
 * ca_pem   bundle of trusted certificates, NUL-terminated, or NULL for none; it is loaded and
 *          sorted here, so that a session neither reads a file nor touches the shared pages
 * Returns  the context for SSL_CTX_free, or NULL with fail filled
 * Errors:  SP_EVALUE no certificate in ca_pem; SP_ECRYPTO OpenSSL refused
 */
SSL_CTX *back_context_new(const char *ca_pem, struct sp_fail *fail);

/*
 * Set the lowest TLS version for the next handshake of this context; below TLS 1.2 the security
 * level goes down with it.
 * tls_min  0x0301…0x0304, or 0 for TLS 1.2
 * Errors:  SP_ECRYPTO OpenSSL has no such version
 */
SP_MUST_USE enum sp_err back_context_require(SSL_CTX *ctx, uint32_t tls_min, struct sp_fail *fail);

/*
 * True if the peer's chain leads to a trusted certificate now, is made for a TLS server, and names
 * the host. To be called after the handshake.
 * host     DNS name or IP address literal as configured
 */
bool back_tls_chain_ok(SSL *ssl, const char *host);

/*
 * What keeper and CredSSP want to know of the peer's leaf certificate.
 * public_key   content of the subjectPublicKey BIT STRING; room for *public_key_size bytes, which
 *              becomes the bytes used
 * key_sha256   SHA-256 of the DER SubjectPublicKeyInfo: the pin
 * cert_sha256  SHA-256 of the DER certificate
 * Errors:  SP_ECRYPTO the peer showed no certificate, or none that can be read; SP_ESPACE
 */
SP_MUST_USE enum sp_err back_tls_peer(SSL *ssl, uint8_t *public_key, size_t *public_key_size,
                                      uint8_t key_sha256[32], uint8_t cert_sha256[32]);

/*
 * The peer's key as keeper's verb BIND wants it.
 * spki     DER SubjectPublicKeyInfo; room for *spki_size bytes, which becomes the bytes used
 * key_size how many of its last bytes are the content of the subjectPublicKey BIT STRING
 * Errors:  as back_tls_peer
 */
SP_MUST_USE enum sp_err back_tls_spki(SSL *ssl, uint8_t *spki, size_t *spki_size, size_t *key_size);

#endif
