/* SPDX-License-Identifier: Apache-2.0
 * Kerberos in CredSSP: what is sealed is opened and sealed behind keeper, what is bound is bound
 * here.
 */
#ifndef SP_FRONT_FRONT_GSS_H
#define SP_FRONT_FRONT_GSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/keeper_link_gss.h"
#include "front/front.h"
#include "rdp/credssp.h"

struct front_gss {
    bool is_used;           /* this exchange is Kerberos' */
    bool is_done;           /* the client is proven       */
    uint32_t version;       /* the client's CredSSP       */
    struct ipc_gss_rsp rsp; /* keeper's last answer       */
};

/* True if a client's first token is Kerberos', by itself or as SPNEGO's first mechanism. */
bool front_gss_wants(const struct rd *token);

/*
 * Take one token. g->rsp says what came of it: data is the token to send back, maybe nothing.
 * Errors:  SP_EDENIED keeper refused, rsp.nt_status is to be told; SP_ETIME; SP_ECLOSED; SP_ELIMIT
 */
SP_MUST_USE enum sp_err front_gss_step(struct front *f, struct front_gss *g,
                                       const struct rd *token);

/*
 * Check that the client saw our TLS key; g->rsp.data is our own proof, sealed, for pubKeyAuth.
 * Spec:    MS-CSSP 3.1.5
 * nonce    NULL if the client sent none, which from version 5 on it must
 * Errors:  SP_EDENIED as above; SP_ECRYPTO another key; SP_EVALUE
 */
SP_MUST_USE enum sp_err front_gss_bind(struct front *f, struct front_gss *g,
                                       const struct rd *pub_key_auth, const uint8_t *nonce,
                                       const struct front_identity *id);

/* Open authInfo into g->rsp.data, which the caller wipes. Errors: as front_gss_step */
SP_MUST_USE enum sp_err front_gss_open(struct front *f, struct front_gss *g,
                                       const struct rd *auth_info);

#endif
