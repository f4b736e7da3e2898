/* SPDX-License-Identifier: Apache-2.0
 * NTLMv2 arithmetic: keys, proofs, MIC, and sealing of messages. Pure functions, no parsing.
 */
#ifndef SP_RDP_NTLM_CRYPTO_H
#define SP_RDP_NTLM_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nettle/arcfour.h>

#include "base/err.h"

#define NTLM_KEY_SIZE       16  /* NT hash, every key, proof and MIC                      */
#define NTLM_CHALLENGE_SIZE 8   /* server's and client's challenge                        */
#define NTLM_SIGNATURE_SIZE 16  /* NTLMSSP_MESSAGE_SIGNATURE, stands before the ciphertext */
#define NTLM_NAME_MAX       512 /* bytes of UTF-16LE in a user or domain name             */

/* One context's message security. INVARIANT: *_out is the direction we send. */
struct ntlm_seal {
    uint8_t sign_out[NTLM_KEY_SIZE], sign_in[NTLM_KEY_SIZE];
    uint8_t seal_out[NTLM_KEY_SIZE], seal_in[NTLM_KEY_SIZE];
    struct arcfour_ctx rc4_out, rc4_in;
    uint32_t seq_out, seq_in;
    bool was_reset; /* RC4 restarted after a mechListMIC and nothing received since          */
    bool seq_kept;  /* after the reset the peer went on counting at 1; for the log           */
};

/* The three messages as exchanged, for the MIC. Borrowed. */
struct ntlm_transcript {
    const uint8_t *negotiate, *challenge, *authenticate; /* the last with its MIC zeroed */
    size_t negotiate_size, challenge_size, authenticate_size;
};

/*
 * NTOWFv1: MD4 of the password. password: UTF-16LE, size bytes.
 * Spec:    MS-NLMP 3.3.1
 */
void ntlm_nt_hash(const uint8_t *password, size_t size, uint8_t out[NTLM_KEY_SIZE]);

/*
 * NTOWFv2: the key of the response. The user is upper-cased here, the domain taken as sent.
 * Spec:    MS-NLMP 3.3.2
 * user     UTF-16LE, at most NTLM_NAME_MAX bytes
 * Errors:  SP_ELIMIT user longer than that
 */
SP_MUST_USE enum sp_err ntlm_response_key(const uint8_t nt_hash[NTLM_KEY_SIZE], const uint8_t *user,
                                          size_t user_size, const uint8_t *domain,
                                          size_t domain_size, uint8_t out[NTLM_KEY_SIZE]);

/*
 * NTProofStr over the server's challenge and temp as received.
 * Spec:    MS-NLMP 3.3.2
 */
void ntlm_proof(const uint8_t response_key[NTLM_KEY_SIZE],
                const uint8_t server_challenge[NTLM_CHALLENGE_SIZE], const uint8_t *temp,
                size_t temp_size, uint8_t out[NTLM_KEY_SIZE]);

/*
 * SessionBaseKey, which in NTLMv2 is KeyExchangeKey.
 * Spec:    MS-NLMP 3.3.2, 3.4.5.1
 */
void ntlm_session_base_key(const uint8_t response_key[NTLM_KEY_SIZE],
                           const uint8_t proof[NTLM_KEY_SIZE], uint8_t out[NTLM_KEY_SIZE]);

/*
 * EncryptedRandomSessionKey to ExportedSessionKey and back.
 * Spec:    MS-NLMP 3.1.5.1.2
 */
void ntlm_exchange_key(const uint8_t key_exchange_key[NTLM_KEY_SIZE],
                       const uint8_t in[NTLM_KEY_SIZE], uint8_t out[NTLM_KEY_SIZE]);

/*
 * MIC over the three messages.
 * Spec:    MS-NLMP 3.1.5.1.2
 */
void ntlm_mic(const uint8_t exported_key[NTLM_KEY_SIZE], const struct ntlm_transcript *messages,
              uint8_t out[NTLM_KEY_SIZE]);

/*
 * Derive both directions' keys (128 bits, extended session security) and start both at seq 0.
 * Spec:    MS-NLMP 3.4.5.2, 3.4.5.3
 */
void ntlm_seal_init(struct ntlm_seal *s, const uint8_t exported_key[NTLM_KEY_SIZE], bool is_server);

/*
 * Encrypt and sign the next message we send.
 * Spec:    MS-NLMP 3.4.3, 3.4.4.2
 * out      NTLM_SIGNATURE_SIZE + size bytes: signature, then ciphertext; not overlapping in
 */
void ntlm_wrap(struct ntlm_seal *s, const uint8_t *in, size_t size, uint8_t *out);

/*
 * Decrypt and verify the next message of the peer. Directly after ntlm_seal_reset_handles a peer
 * that kept counting (seq 1) is accepted too, and our own counter follows it.
 * in       signature and ciphertext, size bytes together
 * out      size - NTLM_SIGNATURE_SIZE bytes; zeroed unless SP_OK
 * Errors:  SP_ESHORT; SP_ECRYPTO does not verify; s is unchanged after a failure
 */
SP_MUST_USE enum sp_err ntlm_unwrap(struct ntlm_seal *s, const uint8_t *in, size_t size,
                                    uint8_t *out, struct sp_fail *fail);

/*
 * Sign the mechTypes list: the next signature of our direction.
 * Spec:    MS-SPNG 3.1.5.1, MS-NLMP 3.4.4.2
 */
void ntlm_mech_list_mic_make(struct ntlm_seal *s, const uint8_t *mech_types, size_t size,
                             uint8_t out[NTLM_SIGNATURE_SIZE]);

/*
 * Verify the peer's mechListMIC.
 * Errors:  SP_ECRYPTO; s is unchanged then
 */
SP_MUST_USE enum sp_err ntlm_mech_list_mic_check(struct ntlm_seal *s, const uint8_t *mech_types,
                                                 size_t size,
                                                 const uint8_t mic[NTLM_SIGNATURE_SIZE],
                                                 struct sp_fail *fail);

/*
 * Restart both RC4 streams and both counters once the mechListMICs are exchanged.
 * Spec:    MS-SPNG 3.2.5.1, 3.3.5.1
 */
void ntlm_seal_reset_handles(struct ntlm_seal *s);

/* Overwrite all keys. */
void ntlm_seal_clear(struct ntlm_seal *s);

#endif
