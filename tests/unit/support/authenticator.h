/* SPDX-License-Identifier: Apache-2.0
 * A software authenticator and its browser: registrations and assertions that a test can bend.
 */
#ifndef SP_TEST_AUTHENTICATOR_H
#define SP_TEST_AUTHENTICATOR_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "keeper/webauthn.h"

/* Everything that it says, before it signs. Set what is to be wrong. */
struct authenticator {
    EVP_PKEY *key;
    enum webauthn_alg alg;                    /* what it says that the key is */
    const char *type, *origin, *rp_id, *more; /* more: further fields of clientDataJSON */
    uint8_t challenge[WEBAUTHN_CHALLENGE_SIZE];
    uint8_t flags;
    uint32_t sign_count;
    size_t id_size;
    uint8_t id[WEBAUTHN_ID_MAX + 1];
    const uint8_t *trail; /* bytes behind authenticatorData */
    size_t trail_size;
};

/* A key of that kind, and answers that are right. */
void authenticator_init(struct authenticator *a, enum webauthn_alg alg, const char *rp_id,
                        const char *origin);

/* Free its key. */
void authenticator_clear(struct authenticator *a);

/*
 * Answer to "create".
 * object   WEBAUTHN_OBJECT_MAX bytes: the attestationObject; Returns its size
 * format   "none", "packed", or anything else
 */
size_t authenticator_create(struct authenticator *a, const char *format, uint8_t *object,
                            struct webauthn_registration *out);

/* Answer to "get"; Errors: as webauthn_auth_read */
enum sp_err authenticator_get(struct authenticator *a, struct webauthn_assertion *out);

#endif
