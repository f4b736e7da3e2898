/* SPDX-License-Identifier: Apache-2.0
 * CredSSP as the client: keeper proves, binds, verifies and seals; this process carries it.
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

/* INVARIANT: nothing here opens what is sealed; the keys of the exchange are keeper's. */
struct exchange {
    struct back *back;
    struct ntlm_initiator ntlm;
    uint32_t peer_version, min_version;
    struct ipc_bind_req bind;
    struct ipc_bind_rsp bound;
    struct ipc_seal_req seal;
    struct ipc_seal_rsp sealed;
    uint8_t token[IPC_NEGOTIATE_MAX];
    uint8_t out[TS_REQUEST_MAX];
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

static_assert(IPC_CHALLENGE_MAX >= NTLM_PEER_CHALLENGE_MAX, "what we read fits");

/* Have keeper answer the target's challenge, bound to the key that its TLS showed. */
static enum sp_err bind(struct exchange *x, const struct ntlm_bind_input *in)
{
    struct stream *s = &x->back->stream;
    struct ipc_bind_req *req = &x->bind;
    size_t spki_size = sizeof(req->spki), key_size;
    struct wr w;

    if (in->av_pairs.left > sizeof(req->av))
        return sp_fail_set(&s->fail, SP_ELIMIT, "CHALLENGE.TargetInfo", (uint32_t)in->av_pairs.left,
                           sizeof(req->av));
    enum sp_err err = back_tls_spki(s->ssl, req->spki, &spki_size, &key_size);
    if (err != SP_OK)
        return sp_fail_set(&s->fail, err, "target's public key", 0, 0);
    req->spki_size = (uint16_t)spki_size;
    req->key_size = (uint16_t)key_size;
    req->flags = in->flags;
    req->version = x->peer_version;
    memcpy(req->server_challenge, in->server_challenge, sizeof(req->server_challenge));
    wr_init(&w, req->time, sizeof(req->time));
    wr_u64le(&w, in->time);
    memcpy(req->av, in->av_pairs.at, in->av_pairs.left);
    req->av_size = (uint16_t)in->av_pairs.left;
    memcpy(req->negotiate, in->negotiate.at, in->negotiate.left);
    req->negotiate_size = (uint16_t)in->negotiate.left;
    memcpy(req->challenge, in->challenge.at, in->challenge.left);
    req->challenge_size = (uint16_t)in->challenge.left;
    err = keeper_bind(s->keeper, req, &x->bound);
    return err == SP_OK ? SP_OK : sp_fail_set(&s->fail, err, "keeper: bind", 0, 0);
}

/* Messages 1 and 2: NEGOTIATE out, CHALLENGE in; then AUTHENTICATE with our binding out. */
static enum sp_err prove(struct exchange *x)
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
    err = bind(x, &in);
    if (err != SP_OK)
        return err;
    req = (struct ts_request){.has_nego = true,
                              .has_pub_key_auth = true,
                              .has_nonce = x->peer_version >= CREDSSP_VERSION_MIN};
    memcpy(req.nonce, x->bound.nonce, sizeof(req.nonce));
    rd_init(&req.nego, x->bound.authenticate, x->bound.authenticate_size);
    rd_init(&req.pub_key_auth, x->bound.pub_key_auth, x->bound.pub_key_auth_size);
    return send_request(x, &req);
}

/*
 * The target's echo must prove that it saw the same TLS key, before it gets any password: keeper
 * verifies that, and gives the sealed credentials only then.
 */
static enum sp_err send_credentials(struct exchange *x)
{
    struct stream *s = &x->back->stream;
    struct ts_request req = {.has_auth_info = true}, answer;
    enum sp_err err = receive(x, &answer);

    if (err != SP_OK)
        return err;
    if (!answer.has_pub_key_auth || answer.pub_key_auth.left != x->bound.pub_key_auth_size)
        return sp_fail_set(&s->fail, SP_ESTATE, "target's pubKeyAuth", 0, 1);
    x->seal.echo_size = x->bound.pub_key_auth_size;
    memcpy(x->seal.echo, answer.pub_key_auth.at, answer.pub_key_auth.left);
    err = keeper_seal(s->keeper, &x->seal, &x->sealed);
    if (err != SP_OK)
        return sp_fail_set(&s->fail, err, "keeper: seal", 0, 0);
    if (x->sealed.verdict == IPC_SEAL_SIGNATURE)
        return sp_fail_set(&s->fail, SP_ECRYPTO, "NTLMSSP_MESSAGE_SIGNATURE.Checksum", 0, 0);
    if (x->sealed.verdict != IPC_SEAL_OK)
        return sp_fail_set(&s->fail, SP_ECRYPTO, "target's pubKeyAuth", 0, 0);
    rd_init(&req.auth_info, x->sealed.auth_info, x->sealed.size);
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

    if (b->selected_protocol == PROTOCOL_SSL)
        return SP_OK;
    if (b->selected_protocol == PROTOCOL_RDSTLS)
        return back_rdstls(b);
    memset(&x, 0, sizeof(x));
    x.back = b;
    x.min_version = decision->credssp_min;
    enum sp_err err = ntlm_initiator_init(&x.ntlm, decision->host);
    if (err == SP_OK)
        err = prove(&x);
    if (err == SP_OK)
        err = send_credentials(&x);
    ntlm_initiator_clear(&x.ntlm);
    sp_release(&x, sizeof(x));
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "NLA with the target", 0, 0);
    return early_result(b);
}
