/* SPDX-License-Identifier: Apache-2.0
 * WebAuthn: a key that a person's authenticator holds, registered once and shown at every login.
 *
 * Pure: no clock but the caller's, no network, no store. Reading (webauthn_read.c) turns what a
 * browser sent into bounded structs and belongs into the process that faces the browser; checking
 * (webauthn.c) takes those structs and is keeper's. Every check of WebAuthn level 2, 7.1 and 7.2
 * that does not depend on the page is here, and each says why it refused.
 */
#ifndef SP_KEEPER_WEBAUTHN_H
#define SP_KEEPER_WEBAUTHN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WEBAUTHN_CHALLENGE_SIZE 32
#define WEBAUTHN_CHALLENGE_US   (INT64_C(300) * 1000000) /* how long one may be answered */
#define WEBAUTHN_CHALLENGES_MAX 1024                     /* open at once */
#define WEBAUTHN_ID_MAX         1023 /* bytes of a credential's id, WebAuthn 7.1 step 25 */
#define WEBAUTHN_HANDLE_MAX     64
#define WEBAUTHN_KEY_MAX        768  /* RSA 4096 with its exponent, and more      */
#define WEBAUTHN_CLIENT_MAX     2048 /* clientDataJSON                            */
#define WEBAUTHN_AUTH_MAX       4096 /* authenticatorData                         */
#define WEBAUTHN_SIGNATURE_MAX  1024
#define WEBAUTHN_X509_MAX       4096
#define WEBAUTHN_OBJECT_MAX     16384 /* attestationObject */

enum webauthn_alg { WEBAUTHN_ES256 = -7, WEBAUTHN_EDDSA = -8, WEBAUTHN_RS256 = -257 };

enum webauthn_kind { WEBAUTHN_CREATE, WEBAUTHN_GET };

/* The page that asks. Texts are borrowed. */
struct webauthn_site {
    const char *rp_id;  /* "gate.example"                                 */
    const char *origin; /* "https://gate.example:8443": compared as bytes */
    bool needs_uv;      /* the authenticator must have verified its user  */
};

/* authenticatorData, taken apart. */
struct webauthn_auth {
    uint8_t rp_id_hash[32];
    uint8_t flags;
    uint32_t sign_count;
    bool has_credential; /* id, alg and the key follow */
    uint16_t id_size;
    uint8_t id[WEBAUTHN_ID_MAX];
    int64_t alg;
    size_t raw_size;
    uint8_t raw[WEBAUTHN_AUTH_MAX]; /* as it was signed */
};

/* What a browser answered to navigator.credentials.create. */
struct webauthn_registration {
    size_t client_size, signature_size, x509_size;
    uint8_t client[WEBAUTHN_CLIENT_MAX];
    struct webauthn_auth auth;
    bool is_packed;        /* attestation "packed", else "none"             */
    int64_t statement_alg; /* of the packed statement                  */
    uint8_t signature[WEBAUTHN_SIGNATURE_MAX];
    uint8_t
        x509[WEBAUTHN_X509_MAX]; /* of the authenticator; size 0: it signed with the key itself */
};

/* What a browser answered to navigator.credentials.get. */
struct webauthn_assertion {
    size_t client_size, signature_size, id_size, handle_size;
    uint8_t client[WEBAUTHN_CLIENT_MAX];
    struct webauthn_auth auth;
    uint8_t signature[WEBAUTHN_SIGNATURE_MAX];
    uint8_t id[WEBAUTHN_ID_MAX];
    uint8_t handle[WEBAUTHN_HANDLE_MAX]; /* size 0: the authenticator did not say */
};

/* What is kept of a key. */
struct webauthn_key {
    uint16_t id_size, key_size, handle_size;
    uint8_t id[WEBAUTHN_ID_MAX];
    uint8_t key[WEBAUTHN_KEY_MAX];       /* as libfido2 takes it   */
    uint8_t handle[WEBAUTHN_HANDLE_MAX]; /* of the person          */
    int64_t alg;
    uint32_t sign_count;
    bool is_backup_eligible, is_backed_up;
};

/* ---- webauthn_read.c ---- */

/*
 * Take authenticatorData apart: nothing may be left over.
 * Spec:    WebAuthn 6.1; CTAP2 canonical CBOR, definite lengths only
 * out      written only on SP_OK
 * Errors:  SP_ESHORT, SP_ETRAIL, SP_EVALUE, SP_ELIMIT
 */
SP_MUST_USE enum sp_err webauthn_auth_read(const uint8_t *data, size_t size,
                                           struct webauthn_auth *out);

/*
 * Take an attestationObject apart; auth and the statement of out are written, only on SP_OK.
 * Spec:    WebAuthn 6.5.4; the formats "none" and "packed"
 * Errors:  as webauthn_auth_read
 */
SP_MUST_USE enum sp_err webauthn_attestation_read(const uint8_t *data, size_t size,
                                                  struct webauthn_registration *out);

/* ---- webauthn.c ---- */

/*
 * Check a registration.
 * handle   handle_size bytes, at most WEBAUTHN_HANDLE_MAX: the person's
 * out      written only on SP_OK; that its id is nobody's yet is the caller's to check
 * why      on failure: static text for the event log
 * Errors:  SP_EVALUE, SP_EDENIED, SP_ECRYPTO
 */
SP_MUST_USE enum sp_err webauthn_register(const struct webauthn_site *site,
                                          const uint8_t challenge[WEBAUTHN_CHALLENGE_SIZE],
                                          const struct webauthn_registration *in,
                                          const uint8_t *handle, size_t handle_size,
                                          struct webauthn_key *out, const char **why);

/*
 * Check an assertion by a key that is kept.
 * key      its count and backup state change on SP_OK only, and are to be stored then
 * why      on failure: static text for the event log
 * Errors:  SP_EVALUE, SP_EDENIED, SP_ECRYPTO
 */
SP_MUST_USE enum sp_err webauthn_assert(const struct webauthn_site *site,
                                        const uint8_t challenge[WEBAUTHN_CHALLENGE_SIZE],
                                        const struct webauthn_assertion *in,
                                        struct webauthn_key *key, const char **why);

/* True if a key with this id is among count keys: it must not be registered again. */
bool webauthn_is_known(const struct webauthn_key *keys, size_t count, const uint8_t *id,
                       size_t id_size);

/* ---- webauthn_challenges.c ---- */

/* One question that is open. */
struct webauthn_challenge {
    uint8_t bytes[WEBAUTHN_CHALLENGE_SIZE];
    char user[65]; /* empty = free */
    enum webauthn_kind kind;
    int64_t asked_us;
};

/* INVARIANT: latest_us never falls. */
struct webauthn_challenges {
    struct webauthn_challenge list[WEBAUTHN_CHALLENGES_MAX];
    int64_t latest_us;
};

/*
 * Ask a new question; the oldest one makes room if all places are taken.
 * Errors:  SP_EVALUE not a user's name
 */
SP_MUST_USE enum sp_err webauthn_ask(struct webauthn_challenges *t, const char *user,
                                     enum webauthn_kind kind, int64_t now_us,
                                     uint8_t out[WEBAUTHN_CHALLENGE_SIZE]);

/*
 * Take a question back: whatever the answer is, there is no second one.
 * Errors:  SP_EDENIED never asked of this user for this, or answered before; SP_ETIME too old
 */
SP_MUST_USE enum sp_err webauthn_take(struct webauthn_challenges *t,
                                      const uint8_t bytes[WEBAUTHN_CHALLENGE_SIZE],
                                      const char *user, enum webauthn_kind kind, int64_t now_us);

#endif
