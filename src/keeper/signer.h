/* SPDX-License-Identifier: Apache-2.0
 * The TLS private key and the only thing that is ever done with it: sign a server's handshake.
 */
#ifndef SP_KEEPER_SIGNER_H
#define SP_KEEPER_SIGNER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SIGNER_CERT_DAYS 825 /* life of a generated certificate */

struct signer;

/*
 * Read a private key: EC P-256 or P-384, or RSA of 2048 to 8192 bits, not encrypted.
 * pem      pem_size bytes; the caller wipes them
 * Returns  the signer for signer_free, or NULL with fail filled
 * Errors:  SP_EVALUE no readable key; SP_EDENIED a kind or size of key that we do not serve
 */
struct signer *signer_load(const char *pem, size_t pem_size, struct sp_fail *fail);

/*
 * Read a private key from a file.
 * Errors:  SP_ESYS as open or read gave it; SP_ELIMIT larger than 64 KiB; else as signer_load
 */
struct signer *signer_load_file(const char *path, struct sp_fail *fail);

/* Free a signer and wipe its key; NULL is fine. */
void signer_free(struct signer *signer);

/*
 * Check that the key belongs to the leaf of a certificate chain, and keep the chain for
 * signer_detached.
 * Errors:  SP_EVALUE no certificate; SP_ECRYPTO another key's certificate
 */
SP_MUST_USE enum sp_err signer_check_matches_cert(struct signer *signer, const char *pem,
                                                  size_t pem_size);

/*
 * Check that bytes are what a TLS server signs, and nothing else, and that the scheme fits them.
 * Spec:    RFC 8446 4.4.3 (CertificateVerify); RFC 8422 5.4 (ServerKeyExchange)
 * Returns  the TLS version that signs such bytes, 0x0303 or 0x0304, or 0 if none does
 */
uint16_t signer_tbs_version(const uint8_t *tbs, size_t tbs_size);

/*
 * Sign a handshake.
 * scheme   TLS SignatureScheme code point; must fit the key and the version
 * tbs      tbs_size bytes as signer_tbs_version accepts them
 * sig      room for *sig_size bytes; *sig_size becomes the bytes used, both only on SP_OK
 * Errors:  SP_EDENIED not a server's handshake, or a scheme that does not fit; SP_ESPACE;
 * SP_ECRYPTO
 */
SP_MUST_USE enum sp_err signer_sign(const struct signer *signer, uint16_t scheme,
                                    const uint8_t *tbs, size_t tbs_size, uint8_t *sig,
                                    size_t *sig_size);

/*
 * Sign a message of keeper's own: PKCS #7, detached, without attributes, with the certificates.
 * Nothing that a session chose may be such a message: a .rdp file's text is UTF-16 and can be no
 * TLS handshake.
 * der      *der_size bytes on the heap for the caller to free, both written only on SP_OK
 * Errors:  SP_ESTATE no certificate is known; SP_ECRYPTO
 */
SP_MUST_USE enum sp_err signer_detached(const struct signer *signer, const uint8_t *message,
                                        size_t message_size, uint8_t **der, size_t *der_size);

/*
 * Make an ECDSA P-256 key and a self-signed certificate for it, valid for SIGNER_CERT_DAYS.
 * name     host name or IP address literal, for subject and subjectAltName
 * cert_path, key_path  written whole or not at all, modes 0644 and 0600; an existing file is
 *          replaced; the key comes first, so that a certificate never stands alone
 * Errors:  SP_ESYS where = the call; SP_ECRYPTO; SP_EVALUE a name that no certificate can carry
 */
SP_MUST_USE enum sp_err signer_generate_self_signed(const char *name, const char *cert_path,
                                                    const char *key_path, struct sp_fail *fail);

#endif
