/* SPDX-License-Identifier: Apache-2.0
 * SPNEGO: just enough to find NTLM in what a client offers and to answer it.
 */
#ifndef SP_RDP_SPNEGO_H
#define SP_RDP_SPNEGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define SPNEGO_MECH_COUNT_MAX      50
#define SPNEGO_MECH_TYPES_SIZE_MAX 1024

/* RFC 4178 4.2.2 negState, MS-SPNG 2.2.1 */
#define SPNEGO_ACCEPT_COMPLETED  0
#define SPNEGO_ACCEPT_INCOMPLETE 1
#define SPNEGO_REJECT            2
#define SPNEGO_REQUEST_MIC       3

enum spnego_kind {
    SPNEGO_KIND_UNKNOWN,
    SPNEGO_KIND_RAW_NTLM, /* starts with "NTLMSSP\0"     */
    SPNEGO_KIND_INIT,     /* InitialContextToken, 0x60   */
    SPNEGO_KIND_RESP,     /* NegTokenResp, 0xA1          */
};

enum spnego_mech {
    SPNEGO_MECH_OTHER,
    SPNEGO_MECH_NTLM,        /* 1.3.6.1.4.1.311.2.2.10 */
    SPNEGO_MECH_NEGOEX,      /* 1.3.6.1.4.1.311.2.2.30 */
    SPNEGO_MECH_KERBEROS,    /* 1.2.840.113554.1.2.2   */
    SPNEGO_MECH_MS_KERBEROS, /* 1.2.840.48018.1.2.2    */
};

/* RFC 4178 4.2.1 NegTokenInit */
struct spnego_init {
    struct rd mech_types; /* the MechTypeList SEQUENCE with its header, as received: MIC input */
    unsigned mech_count;
    enum spnego_mech first;
    bool has_ntlm;
    unsigned ntlm_index; /* of NTLM in the list, from 0 */
    bool has_mech_token;
    struct rd mech_token; /* optimistic, for the first mechanism */
};

/* RFC 4178 4.2.2 NegTokenResp */
struct spnego_resp {
    bool has_neg_state;
    uint8_t neg_state;
    bool has_supported_mech;
    enum spnego_mech supported_mech;
    bool has_response_token;
    struct rd response_token;
    bool has_mech_list_mic;
    struct rd mech_list_mic;
};

/* Tell from a token's first bytes what it is; nothing is consumed. */
enum spnego_kind spnego_classify(const struct rd *r);

/* True for an InitialContextToken of Kerberos itself, without SPNEGO around it (RFC 4121 4.1). */
bool spnego_is_kerberos(const struct rd *r);

/*
 * Read an InitialContextToken with NegTokenInit.
 * Spec:    RFC 4178 4.2.1, RFC 2743 3.1
 * r        holds the token and nothing else
 * out      written only on SP_OK; its readers borrow from r's data
 * Errors:  SP_EVALUE not SPNEGO, no mechanism at all, tags out of order; SP_ELIMIT more than
 *          SPNEGO_MECH_COUNT_MAX mechanisms or SPNEGO_MECH_TYPES_SIZE_MAX bytes of them;
 *          SP_ESHORT; SP_ETRAIL
 */
SP_MUST_USE enum sp_err spnego_init_read(struct rd *r, struct spnego_init *out);

/*
 * Write an InitialContextToken with NegTokenInit.
 * mechs    in the order of preference; none may be SPNEGO_MECH_OTHER
 * token    optimistic token or NULL
 * Errors:  SP_ELIMIT, SP_ESPACE
 */
SP_MUST_USE enum sp_err spnego_init_write(struct wr *w, const enum spnego_mech *mechs,
                                          size_t mech_count, const uint8_t *token,
                                          size_t token_size);

/*
 * Read a NegTokenResp.
 * Spec:    RFC 4178 4.2.2
 * r        holds the token and nothing else
 * out      written only on SP_OK; its readers borrow from r's data
 * Errors:  SP_EVALUE tags out of order, negState above 3; SP_ESHORT; SP_ELIMIT; SP_ETRAIL
 */
SP_MUST_USE enum sp_err spnego_resp_read(struct rd *r, struct spnego_resp *out);

/* Write a NegTokenResp. Errors: SP_EVALUE supported_mech is OTHER; SP_ELIMIT; SP_ESPACE */
SP_MUST_USE enum sp_err spnego_resp_write(struct wr *w, const struct spnego_resp *resp);

#endif
