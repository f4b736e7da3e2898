/* SPDX-License-Identifier: Apache-2.0
 * Server side of NTLM, raw or in SPNEGO: what the front runs while keeper holds the secrets.
 *
 *   token → WAIT_CHALLENGE → ntlm_acceptor_challenge → token → WAIT_VERDICT
 *         → ntlm_acceptor_verify_input → keeper → ntlm_acceptor_accept → DONE
 */
#ifndef SP_RDP_NTLM_ACCEPTOR_H
#define SP_RDP_NTLM_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "rdp/ntlm.h"
#include "rdp/spnego.h"

enum ntlm_acceptor_state {
    NTLM_ACCEPTOR_FAILED, /* nothing leads out of it                                  */
    NTLM_ACCEPTOR_WAIT_NEGOTIATE,
    NTLM_ACCEPTOR_WAIT_CHALLENGE, /* the caller gets a challenge from keeper          */
    NTLM_ACCEPTOR_WAIT_AUTHENTICATE,
    NTLM_ACCEPTOR_WAIT_VERDICT, /* the caller asks keeper to verify                   */
    NTLM_ACCEPTOR_DONE,         /* seal is ready                                      */
    NTLM_ACCEPTOR_STATE_COUNT
};

struct ntlm_acceptor {
    enum ntlm_acceptor_state state;
    struct ntlm_names names;
    bool is_spnego;
    bool is_mech_told;                           /* a NegTokenResp with supportedMech was sent */
    bool is_first;                               /* NTLM is the client's first mechanism       */
    uint32_t flags;                              /* of our CHALLENGE                           */
    size_t target_info_offset, target_info_size; /* in challenge                     */
    struct ntlm_authenticate auth;               /* borrows from authenticate        */
    struct ntlm_facts facts;                     /* borrows from authenticate        */
    bool has_mech_list_mic;
    uint8_t mech_list_mic[NTLM_SIGNATURE_SIZE];
    size_t mech_types_size, negotiate_size, challenge_size, authenticate_size;
    uint8_t mech_types[SPNEGO_MECH_TYPES_SIZE_MAX];
    uint8_t negotiate[NTLM_NEGOTIATE_MAX];
    uint8_t challenge[NTLM_CHALLENGE_MAX];
    uint8_t authenticate[NTLM_AUTHENTICATE_MAX]; /* with its MIC zeroed */
    struct ntlm_seal seal;                       /* from NTLM_ACCEPTOR_DONE on       */
    struct sp_fail fail;
};

/* What keeper's verb "verify" takes. Borrowed from the acceptor. */
struct ntlm_verify_input {
    struct rd user, domain; /* UTF-16LE, at most NTLM_NAME_MAX bytes each, user not empty */
    struct rd nt_response;  /* NTLM_NT_RESPONSE_MIN…NTLM_NT_RESPONSE_MAX bytes            */
    uint8_t encrypted_random_session_key[NTLM_KEY_SIZE];
    uint8_t mic[NTLM_KEY_SIZE];
    struct ntlm_transcript messages; /* authenticate has its MIC zeroed */
};

/*
 * Start one exchange; there is no second try on the same connection.
 * Owner:   a may not be moved afterwards; the names' texts are borrowed while it is used
 */
void ntlm_acceptor_init(struct ntlm_acceptor *a, const struct ntlm_names *names);

/*
 * Take the client's next token.
 * in       the negoToken and nothing else
 * out      our reply token, if this token has one before keeper is asked (SPNEGO's choice of
 *          mechanism); nothing is written otherwise
 * Returns  look at a->state afterwards
 * Errors:  SP_ESTATE no token is awaited; SP_EDENIED by policy, also when NTLM is not offered;
 *          those of the readers. Detail in a->fail; the state is NTLM_ACCEPTOR_FAILED then
 */
SP_MUST_USE enum sp_err ntlm_acceptor_token(struct ntlm_acceptor *a, struct rd *in, struct wr *out);

/*
 * In WAIT_CHALLENGE: give keeper's challenge and the time, get the token to send.
 * now      FILETIME; goes into our TargetInfo
 * Errors:  SP_ESTATE; SP_EVALUE names are not UTF-8; SP_ESPACE
 */
SP_MUST_USE enum sp_err ntlm_acceptor_challenge(struct ntlm_acceptor *a,
                                                const uint8_t challenge[NTLM_CHALLENGE_SIZE],
                                                uint64_t now, struct wr *out);

/*
 * In WAIT_VERDICT: what to send to keeper; a->facts says what to log.
 * Errors:  SP_ESTATE
 */
SP_MUST_USE enum sp_err ntlm_acceptor_verify_input(const struct ntlm_acceptor *a,
                                                   struct ntlm_verify_input *out);

/*
 * In WAIT_VERDICT: keeper said yes. Checks the client's mechListMIC where SPNEGO is used; a->seal
 * is ready for pubKeyAuth afterwards.
 * exported_key  the caller wipes its copy
 * out      the last token: accept-completed with our mechListMIC; nothing for raw NTLM. It goes
 *          into the TSRequest that carries our pubKeyAuth, or alone if the client sent none yet
 * Errors:  SP_ESTATE; SP_ECRYPTO mechListMIC wrong; SP_ESPACE
 */
SP_MUST_USE enum sp_err ntlm_acceptor_accept(struct ntlm_acceptor *a,
                                             const uint8_t exported_key[NTLM_KEY_SIZE],
                                             struct wr *out);

/* Overwrite keys and messages; the state is NTLM_ACCEPTOR_FAILED afterwards. */
void ntlm_acceptor_clear(struct ntlm_acceptor *a);

#endif
