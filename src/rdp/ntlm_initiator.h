/* SPDX-License-Identifier: Apache-2.0
 * Client side of raw NTLM, in two halves: the back parses, keeper has the password and the keys.
 *
 *   back: ntlm_initiator_negotiate → T → ntlm_initiator_challenge → keeper: ntlm_authenticate_prove
 */
#ifndef SP_RDP_NTLM_INITIATOR_H
#define SP_RDP_NTLM_INITIATOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "rdp/ntlm.h"

#define NTLM_HOST_MAX 255 /* bytes of a target's host name */

enum ntlm_initiator_state {
    NTLM_INITIATOR_FAILED,
    NTLM_INITIATOR_START,
    NTLM_INITIATOR_WAIT_CHALLENGE,
    NTLM_INITIATOR_DONE, /* the caller asks keeper to bind */
};

struct ntlm_initiator {
    enum ntlm_initiator_state state;
    char spn[sizeof("TERMSRV/") + NTLM_HOST_MAX];
    uint32_t flags; /* what T granted of what we asked */
    size_t negotiate_size, challenge_size, av_pairs_size;
    uint8_t negotiate[64];
    uint8_t challenge[NTLM_PEER_CHALLENGE_MAX];
    uint8_t av_pairs[NTLM_PEER_CHALLENGE_MAX];
    struct sp_fail fail;
};

/* What keeper's verb "bind" takes. Borrowed from the initiator. */
struct ntlm_bind_input {
    uint8_t server_challenge[NTLM_CHALLENGE_SIZE];
    uint64_t time;                  /* FILETIME: T's own, or the caller's if T sent none */
    uint32_t flags;                 /* for AUTHENTICATE                                  */
    struct rd av_pairs;             /* augmented, with its MsvAvEOL                      */
    struct rd negotiate, challenge; /* as sent and received, for the MIC                 */
};

/* What AUTHENTICATE is made from. Borrowed for the call. */
struct ntlm_proof_parts {
    uint32_t flags; /* those that we never ask for are left out */
    struct rd nt_response;
    struct rd user, domain; /* UTF-16LE, as used in the proof */
    struct rd negotiate, challenge;
    uint8_t encrypted_random_session_key[NTLM_KEY_SIZE];
    uint8_t exported_key[NTLM_KEY_SIZE];
};

/*
 * Start one exchange with a target.
 * host     as configured; becomes the SPN TERMSRV/host
 * Errors:  SP_ELIMIT longer than NTLM_HOST_MAX
 */
SP_MUST_USE enum sp_err ntlm_initiator_init(struct ntlm_initiator *i, const char *host);

/* Write NEGOTIATE. Errors: SP_ESTATE, SP_ESPACE */
SP_MUST_USE enum sp_err ntlm_initiator_negotiate(struct ntlm_initiator *i, struct wr *out);

/*
 * Read T's CHALLENGE.
 * in       the negoToken and nothing else
 * now      FILETIME, used if T sent no timestamp
 * out      written only on SP_OK
 * Errors:  SP_ESTATE; SP_EDENIED T lacks a flag that we require or sent one we did not ask for;
 *          those of ntlm_challenge_read. Detail in i->fail; the state is FAILED then
 */
SP_MUST_USE enum sp_err ntlm_initiator_challenge(struct ntlm_initiator *i, struct rd *in,
                                                 uint64_t now, struct ntlm_bind_input *out);

/*
 * Write AUTHENTICATE with its MIC. It needs no state: keeper runs it.
 * Spec:    MS-NLMP 2.2.1.3, 3.1.5.1.2
 * Errors:  SP_ELIMIT NtResponse or a name too long; SP_ESPACE. Detail in out->fail
 */
SP_MUST_USE enum sp_err ntlm_authenticate_prove(const struct ntlm_proof_parts *p, struct wr *out);

/* Forget the exchange; the state is NTLM_INITIATOR_FAILED afterwards. */
void ntlm_initiator_clear(struct ntlm_initiator *i);

#endif
