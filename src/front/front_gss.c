/* SPDX-License-Identifier: Apache-2.0
 * Kerberos in CredSSP.
 */
#include "front/front_gss.h"

#include <string.h>

#include "base/mem.h"
#include "rdp/spnego.h"

#define KEY_MAX 2048 /* of a public key, RSA-8192 included */

bool front_gss_wants(const struct rd *token)
{
    struct spnego_init init;
    struct rd r = *token;

    if (spnego_classify(token) != SPNEGO_KIND_INIT)
        return false;
    if (spnego_is_kerberos(token))
        return true;
    return spnego_init_read(&r, &init) == SP_OK && init.has_mech_token &&
           (init.first == SPNEGO_MECH_KERBEROS || init.first == SPNEGO_MECH_MS_KERBEROS);
}

static enum sp_err ask(struct front *f, struct front_gss *g, uint32_t type, const uint8_t *data,
                       size_t size)
{
    uint32_t version = type == IPC_GSS_STEP_REQ ? g->version : 0;
    enum sp_err err = keeper_gss(f->stream.keeper, type, version, data, size, &g->rsp);

    if (err != SP_OK)
        return sp_fail_set(&f->stream.fail, err, "keeper: kerberos", (uint32_t)size,
                           IPC_GSS_TOKEN_MAX);
    return g->rsp.nt_status == 0 ? SP_OK : SP_EDENIED;
}

enum sp_err front_gss_step(struct front *f, struct front_gss *g, const struct rd *token)
{
    enum sp_err err = ask(f, g, IPC_GSS_STEP_REQ, token->at, token->left);

    if (err == SP_OK)
        g->is_done = g->rsp.is_done != 0;
    return err;
}

/* What is sealed from version 5 on is a hash with the client's nonce, before it the key itself. */
static size_t binding(const struct front_gss *g, bool is_clients, const uint8_t *nonce,
                      const struct front_identity *id, uint8_t out[KEY_MAX])
{
    if (g->version >= CREDSSP_VERSION_MIN) {
        credssp_binding_hash(is_clients, nonce, id->public_key, id->public_key_size, out);
        return CREDSSP_BINDING_SIZE;
    }
    memcpy(out, id->public_key, id->public_key_size);
    if (!is_clients)
        out[0] = (uint8_t)(out[0] + 1); /* MS-CSSP 3.1.5, step 4 */
    return id->public_key_size;
}

enum sp_err front_gss_bind(struct front *f, struct front_gss *g, const struct rd *pub_key_auth,
                           const uint8_t *nonce, const struct front_identity *id)
{
    uint8_t want[KEY_MAX];
    struct sp_fail *fail = &f->stream.fail;

    if (g->version >= CREDSSP_VERSION_MIN && nonce == NULL)
        return sp_fail_set(fail, SP_EVALUE, "TSRequest.clientNonce", 0, CREDSSP_NONCE_SIZE);
    if (id->public_key_size == 0 || id->public_key_size > sizeof(want))
        return sp_fail_set(fail, SP_ELIMIT, "public key", (uint32_t)id->public_key_size, KEY_MAX);
    enum sp_err err = ask(f, g, IPC_GSS_UNWRAP_REQ, pub_key_auth->at, pub_key_auth->left);
    if (err != SP_OK)
        return err;
    size_t size = binding(g, true, nonce, id, want);
    if (g->rsp.size != size || !sp_equal_ct(g->rsp.data, want, size))
        return sp_fail_set(fail, SP_ECRYPTO, "TSRequest.pubKeyAuth", g->rsp.size, (uint32_t)size);
    size = binding(g, false, nonce, id, want);
    return ask(f, g, IPC_GSS_WRAP_REQ, want, size);
}

enum sp_err front_gss_open(struct front *f, struct front_gss *g, const struct rd *auth_info)
{
    return ask(f, g, IPC_GSS_UNWRAP_REQ, auth_info->at, auth_info->left);
}
