/* SPDX-License-Identifier: Apache-2.0
 * CredSSP as the client: keeper makes the proof and seals the password, this process carries them.
 */
#include <string.h>

#include "back/back.h"
#include "back/back_tls.h"
#include "base/clock.h"
#include "base/mem.h"
#include "rdp/credssp.h"
#include "rdp/frame.h"
#include "rdp/ntlm_initiator.h"
#include "rdp/x224.h"

#define SEAL_CHECKSUM_SIZE 8 /* of the RC4 keystream, behind each sealed message */

/* What the target's TLS handshake showed: K of CredSSP's binding. */
struct exchange_key {
    uint8_t bytes[BACK_PUBLIC_KEY_MAX];
    size_t size;
};

struct exchange {
    struct back *back;
    struct ntlm_initiator ntlm;
    uint32_t peer_version, min_version;
    uint8_t nonce[CREDSSP_NONCE_SIZE];
    uint8_t exported_key[NTLM_KEY_SIZE]; /* for keeper's check in SEAL */
    struct ipc_bind_req bind;
    struct ipc_bind_rsp bound;
    uint8_t token[NTLM_AUTHENTICATE_MAX];
    uint8_t out[TS_REQUEST_MAX];
    /* pubKeyAuth: a hash, before version 5 the key itself */
    uint8_t sealed[NTLM_SIGNATURE_SIZE + BACK_PUBLIC_KEY_MAX];
    uint8_t wanted[BACK_PUBLIC_KEY_MAX], got[BACK_PUBLIC_KEY_MAX];
};

static enum sp_err size_ts_request(const uint8_t *p, size_t have, size_t *size,
                                   struct sp_fail *fail)
{
    return rdp_frame_size(RDP_FRAME_TSREQUEST, p, have, size, fail);
}

static enum sp_err send_request(struct exchange *x, struct ts_request *req)
{
    struct wr w;

    req->version = CREDSSP_VERSION;
    wr_init(&w, x->out, sizeof(x->out));
    enum sp_err err = ts_request_write(&w, req);
    if (err != SP_OK)
        return sp_fail_set(&x->back->stream.fail, err, "TSRequest", 0, 0);
    return stream_send(&x->back->stream, x->out, w.pos);
}

static enum sp_err receive(struct exchange *x, struct ts_request *req)
{
    struct stream *s = &x->back->stream;
    struct rd r;
    uint8_t *data;
    size_t size;
    enum sp_err err = stream_message(s, size_ts_request, TSREQUEST_SIZE_MAX, &data, &size);

    /* Windows 2008 and FreeRDP close without an errorCode when the account is refused. */
    if (err == SP_ECLOSED) {
        s->fail = (struct sp_fail){SP_EDENIED, "target closed during NLA: login refused?", 0, 0};
        return SP_EDENIED;
    }
    if (err != SP_OK)
        return err;
    rd_init(&r, data, size);
    err = ts_request_read(&r, req);
    if (err != SP_OK)
        return sp_fail_set(&s->fail, err, r.fail.where, r.fail.got, r.fail.want);
    err = credssp_version_check(&x->peer_version, req->version, x->min_version, &s->fail);
    if (err == SP_OK && req->has_error)
        return sp_fail_set(&s->fail, SP_EDENIED, "target's TSRequest.errorCode", req->error_code,
                           0);
    return err;
}

static enum sp_err failed(struct exchange *x, enum sp_err err)
{
    const struct sp_fail *fail = &x->ntlm.fail;

    return sp_fail_set(&x->back->stream.fail, err, fail->where != NULL ? fail->where : "NTLM",
                       fail->got, fail->want);
}

/* Have keeper answer the target's challenge. */
static enum sp_err bind(struct exchange *x, const struct ntlm_bind_input *in,
                        const struct ipc_decide_rsp *decision, struct wr *token)
{
    struct stream *s = &x->back->stream;
    struct ntlm_bind_output out;
    struct wr w;

    memset(&x->bind, 0, sizeof(x->bind));
    if (in->av_pairs.left > sizeof(x->bind.av))
        return sp_fail_set(&s->fail, SP_ELIMIT, "CHALLENGE.TargetInfo", (uint32_t)in->av_pairs.left,
                           sizeof(x->bind.av));
    memcpy(x->bind.server_challenge, in->server_challenge, sizeof(x->bind.server_challenge));
    memcpy(x->bind.av, in->av_pairs.at, in->av_pairs.left);
    x->bind.av_size = (uint32_t)in->av_pairs.left;
    wr_init(&w, x->bind.time, sizeof(x->bind.time));
    wr_u64le(&w, in->time);
    enum sp_err err = keeper_bind(s->keeper, &x->bind, &x->bound);
    if (err != SP_OK)
        return sp_fail_set(&s->fail, err, "keeper: bind", 0, 0);
    rd_init(&out.nt_response, x->bound.nt_response, x->bound.nt_response_size);
    rd_init(&out.user, decision->user, decision->user_size);
    rd_init(&out.domain, decision->domain, decision->domain_size);
    memcpy(out.encrypted_random_session_key, x->bound.encrypted_random_session_key,
           sizeof(out.encrypted_random_session_key));
    memcpy(out.exported_key, x->bound.exported_session_key, sizeof(out.exported_key));
    memcpy(x->exported_key, out.exported_key, sizeof(x->exported_key));
    err = ntlm_initiator_authenticate(&x->ntlm, &out, token);
    sp_wipe(&out, sizeof(out));
    return err == SP_OK ? SP_OK : failed(x, err);
}

static_assert(BACK_PUBLIC_KEY_MAX >= CREDSSP_BINDING_SIZE, "a binding fits where a key does");

/* The plaintext of pubKeyAuth. MS-CSSP 3.1.5. Returns  its size */
static size_t binding(const struct exchange *x, bool to_server, const struct exchange_key *peer,
                      uint8_t out[BACK_PUBLIC_KEY_MAX])
{
    if (x->peer_version >= CREDSSP_VERSION_MIN) {
        credssp_binding_hash(to_server, x->nonce, peer->bytes, peer->size, out);
        return CREDSSP_BINDING_SIZE;
    }
    memcpy(out, peer->bytes, peer->size);
    if (!to_server)
        out[0]++;
    return peer->size;
}

/* Messages 1 and 2: NEGOTIATE out, CHALLENGE in; then AUTHENTICATE with our binding out. */
static enum sp_err prove(struct exchange *x, const struct ipc_decide_rsp *decision,
                         const struct exchange_key *peer)
{
    struct ts_request req = {.has_nego = true}, answer;
    struct ntlm_bind_input in;
    struct wr token;

    wr_init(&token, x->token, sizeof(x->token));
    enum sp_err err = ntlm_initiator_negotiate(&x->ntlm, &token);
    if (err != SP_OK)
        return failed(x, err);
    rd_init(&req.nego, x->token, token.pos);
    err = send_request(x, &req);
    if (err == SP_OK)
        err = receive(x, &answer);
    if (err != SP_OK)
        return err;
    if (!answer.has_nego)
        return sp_fail_set(&x->back->stream.fail, SP_ESTATE, "TSRequest.negoTokens", 0, 1);
    err = ntlm_initiator_challenge(&x->ntlm, &answer.nego,
                                   (uint64_t)clock_wall_us() * 10 + 116444736000000000ull, &in);
    if (err != SP_OK)
        return failed(x, err);
    wr_init(&token, x->token, sizeof(x->token));
    err = bind(x, &in, decision, &token);
    if (err != SP_OK)
        return err;
    sp_random(x->nonce, sizeof(x->nonce));
    size_t size = binding(x, true, peer, x->wanted);
    ntlm_wrap(&x->ntlm.seal, x->wanted, size, x->sealed);
    req = (struct ts_request){.has_nego = true,
                              .has_pub_key_auth = true,
                              .has_nonce = x->peer_version >= CREDSSP_VERSION_MIN};
    memcpy(req.nonce, x->nonce, sizeof(req.nonce));
    rd_init(&req.nego, x->token, token.pos);
    rd_init(&req.pub_key_auth, x->sealed, NTLM_SIGNATURE_SIZE + size);
    return send_request(x, &req);
}

/* The target's echo must prove that it saw the same TLS key, before it gets any password. */
static enum sp_err check_echo(struct exchange *x, const struct exchange_key *peer)
{
    struct stream *s = &x->back->stream;
    struct ts_request answer;
    size_t size = binding(x, false, peer, x->wanted);
    enum sp_err err = receive(x, &answer);

    if (err != SP_OK)
        return err;
    if (!answer.has_pub_key_auth || answer.pub_key_auth.left != NTLM_SIGNATURE_SIZE + size)
        return sp_fail_set(&s->fail, SP_ESTATE, "target's pubKeyAuth", 0, 1);
    err = ntlm_unwrap(&x->ntlm.seal, answer.pub_key_auth.at, answer.pub_key_auth.left, x->got,
                      &s->fail);
    if (err != SP_OK)
        return err;
    if (!sp_equal_ct(x->got, x->wanted, size))
        return sp_fail_set(&s->fail, SP_ECRYPTO, "target's pubKeyAuth", 0, 0);
    return SP_OK;
}

static enum sp_err send_credentials(struct exchange *x, const struct exchange_key *peer)
{
    uint8_t auth_info[IPC_AUTHINFO_MAX];
    struct ts_request req = {.has_auth_info = true};
    size_t size;
    uint32_t used = (uint32_t)binding(x, true, peer, x->wanted) + SEAL_CHECKSUM_SIZE;
    enum sp_err err = keeper_seal(x->back->stream.keeper, x->exported_key, used, auth_info, &size);

    if (err != SP_OK)
        return sp_fail_set(&x->back->stream.fail, err, "keeper: seal", 0, 0);
    rd_init(&req.auth_info, auth_info, size);
    return send_request(x, &req);
}

static enum sp_err size_early(const uint8_t *p, size_t have, size_t *size, struct sp_fail *fail)
{
    (void)p;
    (void)have;
    (void)fail;
    *size = 4;
    return SP_OK;
}

/* MS-RDPBCGR 2.2.10.2: the target says at once whether the account may log on. */
static enum sp_err early_result(struct back *b)
{
    uint8_t *data;
    size_t size;
    struct rd r;

    if (b->selected_protocol != PROTOCOL_HYBRID_EX)
        return SP_OK;
    enum sp_err err = stream_message(&b->stream, size_early, 4, &data, &size);
    if (err != SP_OK)
        return err;
    rd_init(&r, data, size);
    uint32_t result = rd_u32le(&r, "EarlyUserAuthResult");
    if (result != 0)
        return sp_fail_set(&b->stream.fail, SP_EDENIED, "target's EarlyUserAuthResult", result, 0);
    return SP_OK;
}

enum sp_err back_nla(struct back *b, const struct ipc_decide_rsp *decision)
{
    static struct exchange x; /* one connection a process; too large for the stack */
    static struct exchange_key key;
    uint8_t key_sha256[32], cert_sha256[32];

    if (b->selected_protocol == PROTOCOL_SSL)
        return SP_OK;
    if (b->selected_protocol == PROTOCOL_RDSTLS)
        return back_rdstls(b);
    memset(&x, 0, sizeof(x));
    x.back = b;
    x.min_version = decision->credssp_min;
    key.size = sizeof(key.bytes);
    enum sp_err err = back_tls_peer(b->stream.ssl, key.bytes, &key.size, key_sha256, cert_sha256);
    if (err == SP_OK)
        err = ntlm_initiator_init(&x.ntlm, decision->host);
    if (err == SP_OK)
        err = prove(&x, decision, &key);
    if (err == SP_OK)
        err = check_echo(&x, &key);
    if (err == SP_OK)
        err = send_credentials(&x, &key);
    ntlm_initiator_clear(&x.ntlm);
    sp_release(&x, sizeof(x));
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "NLA with the target", 0, 0);
    return early_result(b);
}
