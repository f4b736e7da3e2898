/* SPDX-License-Identifier: Apache-2.0
 * Keeper's half of NTLM: checks a proof, makes one, seals a password. It parses nothing.
 */
#ifndef SP_KEEPER_NTLM_VERIFY_H
#define SP_KEEPER_NTLM_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "rdp/ntlm_crypto.h"

#define NTLM_VERIFY_RESPONSE_MIN 44
#define NTLM_VERIFY_RESPONSE_MAX 4096
#define NTLM_VERIFY_MESSAGES_MAX 8192 /* the three raw messages together              */
#define NTLM_BIND_AV_PAIRS_MAX   3072 /* target's TargetInfo and what the client adds */
#define NTLM_BIND_RESPONSE_MAX   (NTLM_BIND_AV_PAIRS_MAX + 48)
#define NTLM_SKIPPED_MAX         2208 /* keystream of pubKeyAuth: RSA-16384 and checksum */
#define NTLM_SEALED_MAX          2048 /* authInfo: signature and sealed TSCredentials  */

/* Bytes that somebody else owns. */
struct ntlm_blob {
    const uint8_t *data;
    size_t size;
};

/* One question "does this proof fit this hash?". */
struct ntlm_verify_ask {
    uint8_t server_challenge[NTLM_CHALLENGE_SIZE]; /* keeper's own, kept under the connection */
    struct ntlm_blob user, domain; /* UTF-16LE as in AUTHENTICATE, at most NTLM_NAME_MAX bytes */
    struct ntlm_blob nt_response;  /* proof, then temp as received                            */
    uint8_t encrypted_random_session_key[NTLM_KEY_SIZE];
    uint8_t mic[NTLM_KEY_SIZE];
    struct ntlm_transcript messages; /* authenticate with its MIC zeroed */
};

/* One question "authenticate to this target". */
struct ntlm_bind_ask {
    uint8_t server_challenge[NTLM_CHALLENGE_SIZE];
    uint64_t time;                 /* FILETIME */
    struct ntlm_blob user, domain; /* UTF-16LE */
    struct ntlm_blob av_pairs;     /* opaque, with MsvAvEOL */
};

struct ntlm_bind_answer {
    uint8_t nt_response[NTLM_BIND_RESPONSE_MAX];
    size_t nt_response_size;
    uint8_t encrypted_random_session_key[NTLM_KEY_SIZE];
    uint8_t exported_key[NTLM_KEY_SIZE];
};

/*
 * Check an NTLMv2 proof and the MIC. The work is the same for a right and a wrong proof, a known
 * and an unknown user, and a proof made with or without the domain (MS-NLMP 3.2.5.1.2).
 * Spec:    MS-NLMP 3.2.5.1.2, 3.3.2
 * nt_hash  of the user; any 16 bytes if the user is unknown
 * is_known false makes the answer SP_ECRYPTO after the same work
 * exported_key  written only on SP_OK
 * Errors:  SP_EVALUE or SP_ELIMIT sizes outside the limits (the asker broke the rules);
 *          SP_ECRYPTO everything else
 */
SP_MUST_USE enum sp_err ntlm_verify_check(const struct ntlm_verify_ask *ask,
                                          const uint8_t nt_hash[NTLM_KEY_SIZE], bool is_known,
                                          uint8_t exported_key[NTLM_KEY_SIZE]);

/*
 * Make an NTLMv2 response with a fresh client challenge and a fresh session key.
 * Spec:    MS-NLMP 3.1.5.1.2, 3.3.2
 * out      written only on SP_OK
 * Errors:  SP_ELIMIT names or av_pairs too long
 */
SP_MUST_USE enum sp_err ntlm_bind(const struct ntlm_bind_ask *ask,
                                  const uint8_t nt_hash[NTLM_KEY_SIZE],
                                  struct ntlm_bind_answer *out);

/*
 * The same with given random values: the arithmetic of ntlm_bind, testable.
 * Errors:  as ntlm_bind
 */
SP_MUST_USE enum sp_err ntlm_bind_with(const struct ntlm_bind_ask *ask,
                                       const uint8_t nt_hash[NTLM_KEY_SIZE],
                                       const uint8_t client_challenge[NTLM_CHALLENGE_SIZE],
                                       const uint8_t exported_key[NTLM_KEY_SIZE],
                                       struct ntlm_bind_answer *out);

/* What is sealed: UTF-16LE without NUL, all empty in restricted admin mode. */
struct ntlm_seal_ask {
    struct ntlm_blob domain, user, password;
    uint32_t
        skip; /* keystream that pubKeyAuth used: 40 in CredSSP 5 and 6, else key and checksum */
};

/*
 * Build TSPasswordCreds and seal them as a client's second message (seq 1, RC4 at byte skip).
 * Spec:    MS-CSSP 2.2.1.2, MS-NLMP 3.4.3
 * out      out_size bytes; *out_used written only on SP_OK
 * Errors:  SP_ELIMIT, SP_ESPACE; SP_EVALUE skip is no message's size
 */
SP_MUST_USE enum sp_err ntlm_seal_credentials(const uint8_t exported_key[NTLM_KEY_SIZE],
                                              const struct ntlm_seal_ask *ask, uint8_t *out,
                                              size_t out_size, size_t *out_used);

#endif
