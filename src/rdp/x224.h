/* SPDX-License-Identifier: Apache-2.0
 * X.224 Connection Request and Confirm with the RDP negotiation data inside.
 */
#ifndef SP_RDP_X224_H
#define SP_RDP_X224_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

/* requestedProtocols (a set) and selectedProtocol (one value), MS-RDPBCGR 2.2.1.1.1, 2.2.1.2.1 */
#define PROTOCOL_RDP       0x00000000u
#define PROTOCOL_SSL       0x00000001u
#define PROTOCOL_HYBRID    0x00000002u
#define PROTOCOL_RDSTLS    0x00000004u
#define PROTOCOL_HYBRID_EX 0x00000008u
#define PROTOCOL_RDSAAD    0x00000010u

/* RDP_NEG_REQ.flags */
#define RESTRICTED_ADMIN_MODE_REQUIRED          0x01
#define REDIRECTED_AUTHENTICATION_MODE_REQUIRED 0x02
#define CORRELATION_INFO_PRESENT                0x08

/* RDP_NEG_RSP.flags */
#define EXTENDED_CLIENT_DATA_SUPPORTED           0x01
#define DYNVC_GFX_PROTOCOL_SUPPORTED             0x02
#define NEGRSP_FLAG_RESERVED                     0x04
#define RESTRICTED_ADMIN_MODE_SUPPORTED          0x08
#define REDIRECTED_AUTHENTICATION_MODE_SUPPORTED 0x10

/* RDP_NEG_FAILURE.failureCode */
#define SSL_REQUIRED_BY_SERVER                0x00000001u
#define SSL_NOT_ALLOWED_BY_SERVER             0x00000002u
#define SSL_CERT_NOT_ON_SERVER                0x00000003u
#define INCONSISTENT_FLAGS                    0x00000004u
#define HYBRID_REQUIRED_BY_SERVER             0x00000005u
#define SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER 0x00000006u

#define X224_CONNECTION_REQUEST_SIZE_MIN 11
#define X224_CONNECTION_REQUEST_SIZE_MAX 259
#define X224_CONNECTION_CONFIRM_SIZE_MAX 19
#define X224_COOKIE_SIZE                 256 /* with NUL */
#define X224_TOKEN_SIZE_MAX              256
#define X224_CORRELATION_ID_SIZE         16

struct x224_connection_request {
    bool has_cookie;               /* "Cookie: mstshash=" was there, maybe with no name       */
    char cookie[X224_COOKIE_SIZE]; /* the name behind it: raw, unauthenticated, NUL-terminated */
    uint8_t token[X224_TOKEN_SIZE_MAX]; /* routing token without its CRLF: "Cookie: msts=…",
                                           "tsv://…" or "mth://…"                             */
    size_t token_size;                  /* 0 = none; a cookie excludes a token                */
    bool has_neg_req;
    uint8_t flags;                /* RDP_NEG_REQ.flags                                        */
    uint32_t requested_protocols; /* set of PROTOCOL_* bits                                   */
    bool has_correlation;         /* iff flags has CORRELATION_INFO_PRESENT                   */
    uint8_t correlation_id[X224_CORRELATION_ID_SIZE];
};

struct x224_connection_confirm {
    bool has_neg;    /* false: the peer knows no negotiation                             */
    bool is_failure; /* RDP_NEG_FAILURE, else RDP_NEG_RSP                                */
    uint8_t flags;   /* RDP_NEG_RSP.flags                                                */
    uint32_t value;  /* selectedProtocol (one PROTOCOL_* value) or failureCode           */
};

/*
 * Read a Connection Request, the first message of a client.
 * Spec:    MS-RDPBCGR 2.2.1.1, 3.3.5.3.1; X.224 13.3
 * pdu      the whole TPKT PDU and nothing else; consumed
 * Errors:  SP_ESHORT; SP_EVALUE a length or field is wrong, an unknown cookie, a second cookie or
 *          token; SP_ELIMIT above 259 bytes; SP_ETRAIL bytes behind the negotiation data
 * Owner:   out keeps no pointer into pdu
 */
SP_MUST_USE enum sp_err x224_connection_request_read(struct rd *pdu,
                                                     struct x224_connection_request *out);

/*
 * Append a Connection Request as a whole TPKT PDU.
 * Spec:    MS-RDPBCGR 2.2.1.1
 * Errors:  SP_ESPACE; SP_ELIMIT above 259 bytes; SP_EVALUE cookie and token, or a line break inside
 */
SP_MUST_USE enum sp_err x224_connection_request_write(struct wr *w,
                                                      const struct x224_connection_request *in);

/*
 * Read a Connection Confirm.
 * Spec:    MS-RDPBCGR 2.2.1.2
 * pdu      the whole TPKT PDU and nothing else; consumed
 * out      whether value was asked for and suffices is the caller's to judge
 * Errors:  SP_ESHORT; SP_EVALUE; SP_ELIMIT; SP_ETRAIL
 */
SP_MUST_USE enum sp_err x224_connection_confirm_read(struct rd *pdu,
                                                     struct x224_connection_confirm *out);

/* Append a Connection Confirm as a whole TPKT PDU. Spec: MS-RDPBCGR 2.2.1.2. Errors: SP_ESPACE */
SP_MUST_USE enum sp_err x224_connection_confirm_write(struct wr *w,
                                                      const struct x224_connection_confirm *in);

#endif
