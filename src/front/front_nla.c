/* SPDX-License-Identifier: Apache-2.0
 * CredSSP as the server: this process moves and checks messages, keeper knows the secrets.
 */
#include <stdio.h>
#include <malloc.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "front/front.h"
#include "front/front_gss.h"
#include "rdp/credssp.h"
#include "rdp/frame.h"
#include "rdp/ntlm_acceptor.h"

#define ROUNDS_MAX 6 /* SPNEGO needs at most four before authInfo */

/* One exchange; everything in it is wiped at its end. */
struct nla {
    struct front *front;
    struct ntlm_acceptor acceptor;
    uint32_t peer_version;
    bool has_nonce;
    uint8_t nonce[CREDSSP_NONCE_SIZE];
    bool told_by_keeper;
    bool is_begun; /* the first token was looked at */
    struct front_gss gss;
    struct ipc_verify_req verify;
    uint8_t token[2048];
    uint8_t out[TS_REQUEST_MAX];
    uint8_t plain[TS_REQUEST_MAX];
};

/* Constants: a client must learn nothing of the network behind (nmap rdp-ntlm-info). */
static const struct ntlm_names server_names = {"SALLYPORT", "SALLYPORT", "sallyport", "sallyport"};

static enum sp_err size_ts_request(const uint8_t *p, size_t have, size_t *size,
                                   struct sp_fail *fail)
{
    return rdp_frame_size(RDP_FRAME_TSREQUEST, p, have, size, fail);
}

static enum sp_err send_request(struct nla *n, struct ts_request *req)
{
    struct wr w;

    req->version = CREDSSP_VERSION;
    wr_init(&w, n->out, sizeof(n->out));
    enum sp_err err = ts_request_write(&w, req);
    if (err != SP_OK)
        return sp_fail_set(&n->front->stream.fail, err, "TSRequest", (uint32_t)w.pos, 0);
    return stream_send(&n->front->stream, n->out, w.pos);
}

/* Tell the client a code and give up; where and got are what the log shall say. */
static enum sp_err refuse(struct nla *n, uint32_t nt_status, const char *where)
{
    struct ts_request req = {.has_error = true, .error_code = nt_status};
    struct sp_fail fail = {SP_EDENIED, where, nt_status, 0};

    sp_ignore(send_request(n, &req));
    if (n->front->stream.fail.code == SP_OK)
        n->front->stream.fail = fail;
    return SP_EDENIED;
}

/* Only while Kerberos is spoken, or is about to be; and no other version than before. */
static bool may_be_old(const struct nla *n, const struct ts_request *req)
{
    if (n->gss.is_used)
        return req->version == n->peer_version;
    return !n->is_begun && req->has_nego && front_gss_wants(&req->nego);
}

static enum sp_err receive(struct nla *n, struct ts_request *req)
{
    struct stream *s = &n->front->stream;
    struct rd r;
    uint8_t *data;
    size_t size;
    enum sp_err err = stream_message(s, size_ts_request, TSREQUEST_SIZE_MAX, &data, &size);

    if (err != SP_OK)
        return err;
    /* MS-CSSP <8>: a TSRequest stands alone; bytes behind it are an attempt to run ahead. */
    if (s->start != s->end)
        return sp_fail_set(&s->fail, SP_ETRAIL, "TSRequest", (uint32_t)(s->end - s->start), 0);
    rd_init(&r, data, size);
    err = ts_request_read(&r, req);
    if (err != SP_OK)
        return sp_fail_set(&s->fail, err, r.fail.where, r.fail.got, r.fail.want);
    if (req->has_nonce) {
        n->has_nonce = true;
        memcpy(n->nonce, req->nonce, sizeof(n->nonce));
    }
    n->gss.version = req->version < CREDSSP_VERSION ? req->version : CREDSSP_VERSION;
    /* Whether a ticket is enough for an old client is keeper's to say; it is asked at once. */
    if (req->version < CREDSSP_VERSION_MIN && may_be_old(n, req)) {
        n->peer_version = req->version;
        return SP_OK;
    }
    err = credssp_version_check(&n->peer_version, req->version, CREDSSP_VERSION_MIN, &s->fail);
    return err == SP_EDENIED ? refuse(n, STATUS_NOT_SUPPORTED, "TSRequest.version") : err;
}

static uint64_t filetime_now(void)
{
    /* 100 ns since 1601; clock_wall_us counts from 1970. */
    return (uint64_t)clock_wall_us() * 10 + 116444736000000000ull;
}

/* Ask keeper whether the proof is right; the acceptor is DONE after SP_OK. */
static enum sp_err verify(struct nla *n, struct wr *token)
{
    struct ntlm_verify_input in;
    struct ipc_verify_req *q = &n->verify;
    uint8_t key[NTLM_KEY_SIZE] = {0};
    uint32_t nt_status = STATUS_LOGON_FAILURE;
    enum sp_err err = ntlm_acceptor_verify_input(&n->acceptor, &in);

    if (err != SP_OK)
        return sp_fail_set(&n->front->stream.fail, err, "NTLM", 0, 0);
    memset(q, 0, sizeof(*q));
    q->user_size = (uint16_t)in.user.left;
    q->domain_size = (uint16_t)in.domain.left;
    q->nt_response_size = (uint16_t)in.nt_response.left;
    q->negotiate_size = (uint16_t)in.messages.negotiate_size;
    q->challenge_size = (uint16_t)in.messages.challenge_size;
    q->authenticate_size = (uint16_t)in.messages.authenticate_size;
    memcpy(q->encrypted_random_session_key, in.encrypted_random_session_key, NTLM_KEY_SIZE);
    memcpy(q->mic, in.mic, sizeof(q->mic));
    struct wr user, domain, response, messages;
    wr_init(&user, q->user, sizeof(q->user));
    wr_bytes(&user, in.user.at, in.user.left);
    wr_init(&domain, q->domain, sizeof(q->domain));
    wr_bytes(&domain, in.domain.at, in.domain.left);
    wr_init(&response, q->nt_response, sizeof(q->nt_response));
    wr_bytes(&response, in.nt_response.at, in.nt_response.left);
    wr_init(&messages, q->messages, sizeof(q->messages));
    wr_bytes(&messages, in.messages.negotiate, in.messages.negotiate_size);
    wr_bytes(&messages, in.messages.challenge, in.messages.challenge_size);
    wr_bytes(&messages, in.messages.authenticate, in.messages.authenticate_size);
    if (!wr_ok(&user) || !wr_ok(&domain) || !wr_ok(&response) || !wr_ok(&messages))
        return sp_fail_set(&n->front->stream.fail, SP_ELIMIT, "NTLM AUTHENTICATE", 0, 0);
    err = keeper_verify(n->front->stream.keeper, q, &nt_status, key);
    if (err != SP_OK)
        return sp_fail_set(&n->front->stream.fail, err, "keeper: verify", 0, 0);
    if (nt_status != 0) {
        n->told_by_keeper = true;
        return refuse(n, nt_status, "NLA proof");
    }
    err = ntlm_acceptor_accept(&n->acceptor, key, token);
    sp_wipe(key, sizeof(key));
    if (err != SP_OK)
        return sp_fail_set(&n->front->stream.fail, err, n->acceptor.fail.where, 0, 0);
    return SP_OK;
}

/* Take the client's token as far as it leads; token holds what is to be sent back, maybe nothing.
 */
static enum sp_err advance(struct nla *n, struct ts_request *req, struct wr *token)
{
    struct ntlm_acceptor *a = &n->acceptor;
    enum sp_err err = ntlm_acceptor_token(a, &req->nego, token);

    if (err == SP_OK && a->state == NTLM_ACCEPTOR_WAIT_CHALLENGE) {
        uint8_t challenge[NTLM_CHALLENGE_SIZE];

        err = keeper_challenge(n->front->stream.keeper, challenge);
        if (err != SP_OK)
            return sp_fail_set(&n->front->stream.fail, err, "keeper: challenge", 0, 0);
        err = ntlm_acceptor_challenge(a, challenge, filetime_now(), token);
    } else if (err == SP_OK && a->state == NTLM_ACCEPTOR_WAIT_VERDICT) {
        return verify(n, token);
    }
    if (err == SP_EDENIED) {
        sp_fail_set(&n->front->stream.fail, err, a->fail.where, a->fail.got, a->fail.want);
        return refuse(n, STATUS_LOGON_FAILURE, "NTLM policy");
    }
    if (err != SP_OK)
        sp_fail_set(&n->front->stream.fail, err, a->fail.where, a->fail.got, a->fail.want);
    return err;
}

/* Keeper refused, and has logged why. */
static enum sp_err refused_by_keeper(struct nla *n)
{
    n->told_by_keeper = true;
    return refuse(n, n->gss.rsp.nt_status, "Kerberos");
}

/* A token of Kerberos. *is_absent: keeper knows no Kerberos, the client may go on with NTLM. */
static enum sp_err advance_kerberos(struct nla *n, const struct ts_request *req, bool *is_absent)
{
    enum sp_err err = front_gss_step(n->front, &n->gss, &req->nego);

    *is_absent = err == SP_EDENIED && n->gss.rsp.is_absent != 0;
    if (*is_absent && n->peer_version < CREDSSP_VERSION_MIN)
        return refuse(n, STATUS_NOT_SUPPORTED, "TSRequest.version");
    if (err == SP_EDENIED)
        return *is_absent ? SP_OK : refused_by_keeper(n);
    n->gss.is_used = err == SP_OK;
    return err;
}

/* One round of Kerberos: a token, then the binding. */
static enum sp_err round_kerberos(struct nla *n, const struct front_identity *id,
                                  const struct ts_request *req, bool *is_bound)
{
    struct ts_request answer = {0};
    enum sp_err err;

    if (!req->has_pub_key_auth) {
        answer.has_nego = n->gss.rsp.size > 0;
        rd_init(&answer.nego, n->gss.rsp.data, n->gss.rsp.size);
        return answer.has_nego ? send_request(n, &answer) : SP_OK;
    }
    if (!n->gss.is_done)
        return sp_fail_set(&n->front->stream.fail, SP_ESTATE, "TSRequest.pubKeyAuth", 0, 0);
    err = front_gss_bind(n->front, &n->gss, &req->pub_key_auth, n->has_nonce ? n->nonce : NULL, id);
    if (err == SP_EDENIED)
        return refused_by_keeper(n);
    if (err == SP_ECRYPTO)
        return refuse(n, STATUS_LOGON_FAILURE, "pubKeyAuth");
    if (err != SP_OK)
        return err;
    *is_bound = true;
    answer.has_pub_key_auth = true;
    rd_init(&answer.pub_key_auth, n->gss.rsp.data, n->gss.rsp.size);
    return send_request(n, &answer);
}

/* Check that the client saw our TLS key, and prove that we saw it too. MS-CSSP 3.1.5 */
static enum sp_err bind_to_tls(struct nla *n, const struct front_identity *id,
                               struct ts_request *req, const struct wr *token)
{
    struct stream *s = &n->front->stream;
    uint8_t want[CREDSSP_BINDING_SIZE], got[CREDSSP_BINDING_SIZE];
    uint8_t sealed[NTLM_SIGNATURE_SIZE + CREDSSP_BINDING_SIZE];
    struct ts_request answer = {.has_pub_key_auth = true};

    if (!n->has_nonce)
        return sp_fail_set(&s->fail, SP_EVALUE, "TSRequest.clientNonce", 0, CREDSSP_NONCE_SIZE);
    if (req->pub_key_auth.left != sizeof(sealed))
        return sp_fail_set(&s->fail, SP_EVALUE, "TSRequest.pubKeyAuth",
                           (uint32_t)req->pub_key_auth.left, sizeof(sealed));
    enum sp_err err =
        ntlm_unwrap(&n->acceptor.seal, req->pub_key_auth.at, sizeof(sealed), got, &s->fail);
    if (err != SP_OK)
        return err;
    credssp_binding_hash(true, n->nonce, id->public_key, id->public_key_size, want);
    if (!sp_equal_ct(got, want, sizeof(want))) {
        sp_fail_set(&s->fail, SP_ECRYPTO, "TSRequest.pubKeyAuth", 0, 0);
        return refuse(n, STATUS_LOGON_FAILURE, "pubKeyAuth");
    }
    credssp_binding_hash(false, n->nonce, id->public_key, id->public_key_size, want);
    ntlm_wrap(&n->acceptor.seal, want, sizeof(want), sealed);
    rd_init(&answer.pub_key_auth, sealed, sizeof(sealed));
    answer.has_nego = token->pos > 0;
    rd_init(&answer.nego, token->buf, token->pos);
    return send_request(n, &answer);
}

static enum sp_err keep(const struct rd *text, uint8_t out[IPC_NAME_MAX], uint16_t *size)
{
    if (text->left > IPC_NAME_MAX)
        return SP_ELIMIT;
    if (text->left > 0)
        memcpy(out, text->at, text->left);
    *size = (uint16_t)text->left;
    return SP_OK;
}

static enum sp_err open_auth_info(struct nla *n, const struct ts_request *req, struct rd *out)
{
    struct stream *s = &n->front->stream;
    size_t sealed_size = req->auth_info.left;
    enum sp_err err;

    if (!req->has_auth_info || sealed_size <= NTLM_SIGNATURE_SIZE || sealed_size > sizeof(n->plain))
        return sp_fail_set(&s->fail, SP_EVALUE, "TSRequest.authInfo", (uint32_t)sealed_size, 0);
    if (n->gss.is_used) {
        err = front_gss_open(n->front, &n->gss, &req->auth_info);
        rd_init(out, n->gss.rsp.data, n->gss.rsp.size);
        return err == SP_EDENIED ? refused_by_keeper(n) : err;
    }
    err = ntlm_unwrap(&n->acceptor.seal, req->auth_info.at, sealed_size, n->plain, &s->fail);
    rd_init(out, n->plain, sealed_size - NTLM_SIGNATURE_SIZE);
    return err;
}

/* Open authInfo. The names in it are informative; who it is was proven by NTLM. */
static enum sp_err take_credentials(struct nla *n, struct ts_request *req,
                                    struct front_credentials *out)
{
    struct stream *s = &n->front->stream;
    struct ts_credentials cred;
    struct rd r;

    /* A token or a binding that comes again would be one that nobody looks at. */
    if (req->has_nego || req->has_pub_key_auth || req->has_error)
        return sp_fail_set(&s->fail, SP_ESTATE, "TSRequest beside authInfo", 0, 0);
    enum sp_err err = open_auth_info(n, req, &r);
    if (err != SP_OK)
        return err;
    err = ts_credentials_read(&r, &cred);
    if (err != SP_OK)
        return sp_fail_set(&s->fail, err, r.fail.where, r.fail.got, r.fail.want);
    out->is_password = cred.type == TS_CRED_PASSWORD && !cred.password.is_empty;
    if (!out->is_password)
        return SP_OK;
    if (keep(&cred.password.domain, out->domain, &out->domain_size) != SP_OK ||
        keep(&cred.password.user, out->user, &out->user_size) != SP_OK ||
        keep(&cred.password.password, out->password, &out->password_size) != SP_OK)
        return sp_fail_set(&s->fail, SP_ELIMIT, "TSPasswordCreds", 0, IPC_NAME_MAX);
    return SP_OK;
}

/* One round of NTLM: a token, the binding, or both. */
static enum sp_err round_ntlm(struct nla *n, const struct front_identity *id,
                              struct ts_request *req, bool *is_bound)
{
    struct ts_request answer = {.has_nego = true};
    struct wr token;
    enum sp_err err = SP_OK;

    wr_init(&token, n->token, sizeof(n->token));
    if (req->has_nego)
        err = advance(n, req, &token);
    if (err == SP_OK && req->has_pub_key_auth) {
        if (n->acceptor.state != NTLM_ACCEPTOR_DONE)
            return sp_fail_set(&n->front->stream.fail, SP_ESTATE, "TSRequest.pubKeyAuth", 0, 0);
        err = bind_to_tls(n, id, req, &token);
        *is_bound = true;
    } else if (err == SP_OK && token.pos > 0) {
        rd_init(&answer.nego, n->token, token.pos);
        err = send_request(n, &answer);
    }
    return err;
}

static enum sp_err round_any(struct nla *n, const struct front_identity *id, struct ts_request *req,
                             bool *is_bound)
{
    bool is_first = !n->is_begun, is_absent = true;
    enum sp_err err = SP_OK;

    /* Nothing but tokens and the binding is legal before the binding is proven. */
    if (req->has_auth_info || req->has_error ||
        (!req->has_nego && n->acceptor.state != NTLM_ACCEPTOR_DONE && !n->gss.is_done) ||
        (req->has_nego && n->gss.is_done))
        return sp_fail_set(&n->front->stream.fail, SP_ESTATE, "TSRequest", 0, 0);
    n->is_begun = true;
    if (n->gss.is_used || (is_first && front_gss_wants(&req->nego))) {
        if (req->has_nego)
            err = advance_kerberos(n, req, &is_absent);
        if (err != SP_OK || n->gss.is_used)
            return err == SP_OK ? round_kerberos(n, id, req, is_bound) : err;
    }
    return round_ntlm(n, id, req, is_bound);
}

static enum sp_err exchange(struct nla *n, const struct front_identity *id,
                            struct front_credentials *out)
{
    bool is_bound = false;

    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct ts_request req;
        enum sp_err err = receive(n, &req);

        if (err == SP_OK)
            err = is_bound ? take_credentials(n, &req, out) : round_any(n, id, &req, &is_bound);
        if (err != SP_OK || (is_bound && req.has_auth_info))
            return err;
    }
    return sp_fail_set(&n->front->stream.fail, SP_ELIMIT, "CredSSP rounds", ROUNDS_MAX, ROUNDS_MAX);
}

enum sp_err front_nla(struct front *f, const struct front_identity *identity,
                      struct front_credentials *out, bool *told_by_keeper)
{
    /* One connection a process; too large for the stack's guard page. Zero, and not zeroed here:
     * pages that are never touched cost nothing. */
    static struct nla n;

    malloc_trim(0); /* give back what the TLS handshake used: nobody is proven yet */
    n.front = f;
    ntlm_acceptor_init(&n.acceptor, &server_names);
    memset(out, 0, sizeof(*out));
    enum sp_err err = exchange(&n, identity, out);
    *told_by_keeper = n.told_by_keeper;
    ntlm_acceptor_clear(&n.acceptor);
    sp_release(&n, sizeof(n));
    /* authInfo and the messages still stand in the receive buffer. */
    stream_forget(&f->stream);
    if (err != SP_OK)
        sp_wipe(out, sizeof(*out));
    return err;
}
