/* SPDX-License-Identifier: Apache-2.0
 * A session's side of its channel to keeper.
 */
#include "base/keeper_link.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

void keeper_link_init(struct keeper_link *k, int fd)
{
    memset(k, 0, sizeof(*k));
    k->fd = fd;
}

static enum sp_err lost(struct keeper_link *k, enum sp_err code, const char *where)
{
    k->is_ended = true;
    sp_fail_set(&k->fail, code, where, 0, 0);
    return code;
}

/* Take a pushed message; SP_ESTATE if it is not one. */
static enum sp_err take_push(struct keeper_link *k)
{
    const struct ipc_in *in = &k->in;

    if (in->fd_count == 0 && in->msg.head.type == IPC_LEASE &&
        in->size == sizeof(struct ipc_lease)) {
        struct ipc_lease lease;
        memcpy(&lease, in->msg.bytes, sizeof(lease));
        k->lease_until_ms = clock_now_ms() + lease.lease_ms;
        return SP_OK;
    }
    if (in->fd_count == 0 && in->msg.head.type == IPC_LOBBY_STATE && k->lobby != NULL &&
        in->size == sizeof(*k->lobby)) {
        memcpy(k->lobby, in->msg.bytes, sizeof(*k->lobby));
        k->has_lobby = true;
        return SP_OK;
    }
    if (in->fd_count == 0 && in->msg.head.type == IPC_END && in->size == sizeof(struct ipc_end)) {
        struct ipc_end end;
        memcpy(&end, in->msg.bytes, sizeof(end));
        end.reason[sizeof(end.reason) - 1] = '\0';
        k->end_errinfo = end.errinfo;
        snprintf(k->end_reason, sizeof(k->end_reason), "%s", end.reason);
        return lost(k, SP_ECLOSED, "ended by keeper");
    }
    return SP_ESTATE;
}

enum sp_err keeper_link_poll(struct keeper_link *k)
{
    for (;;) {
        enum sp_err err = ipc_recv(k->fd, &k->in, 0);

        if (err == SP_ETIME)
            return SP_OK;
        if (err != SP_OK)
            return lost(k, SP_ECLOSED, "keeper is gone");
        err = take_push(k);
        ipc_in_clear(&k->in);
        if (err == SP_ESTATE)
            return lost(k, SP_ESTATE, "unexpected message from keeper");
        if (err != SP_OK)
            return err;
    }
}

enum sp_err keeper_link_call(struct keeper_link *k, uint32_t type, void *req, size_t req_size,
                             uint32_t answer, size_t answer_size, int timeout_ms)
{
    int64_t deadline = clock_now_ms() + timeout_ms;
    enum sp_err err;

    if (k->is_ended)
        return SP_ECLOSED;
    k->fail = (struct sp_fail){0};
    err = ipc_send(k->fd, type, req, req_size, NULL, 0, deadline);
    if (err != SP_OK)
        return lost(k, err, "keeper does not take the request");
    for (;;) {
        err = ipc_recv(k->fd, &k->in, deadline);
        if (err != SP_OK)
            return lost(k, err, "keeper does not answer");
        if (k->in.msg.head.type == answer && k->in.size == answer_size)
            return SP_OK;
        err = take_push(k);
        ipc_in_clear(&k->in);
        if (err == SP_ESTATE)
            return lost(k, SP_ESTATE, "unexpected message from keeper");
        if (err != SP_OK)
            return err;
    }
}

void keeper_link_take(struct keeper_link *k, void *out, size_t size)
{
    memcpy(out, k->in.msg.bytes, size);
    sp_wipe(k->in.msg.bytes, size);
    ipc_in_clear(&k->in);
}

enum sp_err keeper_sign(struct keeper_link *k, uint16_t scheme, const uint8_t *tbs, size_t tbs_size,
                        uint8_t *signature, size_t *size)
{
    struct ipc_sign_req req = {.scheme = scheme};
    struct ipc_sign_rsp rsp;

    if (tbs_size > sizeof(req.tbs))
        return SP_ELIMIT;
    req.tbs_size = (uint16_t)tbs_size;
    memcpy(req.tbs, tbs, tbs_size);
    enum sp_err err = keeper_link_call(k, IPC_SIGN_REQ, &req, sizeof(req), IPC_SIGN_RSP,
                                       sizeof(rsp), KEEPER_ANSWER_MS);
    if (err != SP_OK)
        return err;
    keeper_link_take(k, &rsp, sizeof(rsp));
    if (rsp.size == 0 || rsp.size > sizeof(rsp.signature))
        return SP_EDENIED;
    memcpy(signature, rsp.signature, rsp.size);
    *size = rsp.size;
    return SP_OK;
}

enum sp_err keeper_challenge(struct keeper_link *k, uint8_t challenge[8])
{
    struct ipc_plain req = {0};
    struct ipc_challenge_rsp rsp;
    enum sp_err err = keeper_link_call(k, IPC_CHALLENGE_REQ, &req, sizeof(req), IPC_CHALLENGE_RSP,
                                       sizeof(rsp), KEEPER_ANSWER_MS);

    if (err != SP_OK)
        return err;
    keeper_link_take(k, &rsp, sizeof(rsp));
    memcpy(challenge, rsp.challenge, sizeof(rsp.challenge));
    return SP_OK;
}

enum sp_err keeper_verify(struct keeper_link *k, struct ipc_verify_req *req, uint32_t *nt_status,
                          uint8_t key[16])
{
    struct ipc_verify_rsp rsp;
    enum sp_err err = keeper_link_call(k, IPC_VERIFY_REQ, req, sizeof(*req), IPC_VERIFY_RSP,
                                       sizeof(rsp), KEEPER_ANSWER_MS);

    sp_wipe(req, sizeof(*req));
    if (err != SP_OK)
        return err;
    keeper_link_take(k, &rsp, sizeof(rsp));
    if (rsp.nt_status == 0)
        memcpy(key, rsp.exported_session_key, sizeof(rsp.exported_session_key));
    *nt_status = rsp.nt_status;
    sp_wipe(&rsp, sizeof(rsp));
    return SP_OK;
}

/* Take what DECIDE or REDIRECT answered. */
static enum sp_err take_decision(struct keeper_link *k, struct ipc_decide_rsp *out)
{
    keeper_link_take(k, out, sizeof(*out));
    out->host[sizeof(out->host) - 1] = '\0';
    out->target[sizeof(out->target) - 1] = '\0';
    if (out->user_size > sizeof(out->user) || out->domain_size > sizeof(out->domain))
        return lost(k, SP_EVALUE, "keeper's decision");
    if (out->lease_ms > 0)
        k->lease_until_ms = clock_now_ms() + out->lease_ms;
    return SP_OK;
}

enum sp_err keeper_decide(struct keeper_link *k, struct ipc_decide_rsp *out)
{
    struct ipc_plain req = {0};
    enum sp_err err = keeper_link_call(k, IPC_DECIDE_REQ, &req, sizeof(req), IPC_DECIDE_RSP,
                                       sizeof(*out), KEEPER_ANSWER_MS);

    return err == SP_OK ? take_decision(k, out) : err;
}

enum sp_err keeper_lobby_enter(struct keeper_link *k, struct ipc_decide_rsp *out)
{
    struct ipc_plain req = {0};
    enum sp_err err = keeper_link_call(k, IPC_LOBBY_ENTER_REQ, &req, sizeof(req),
                                       IPC_LOBBY_ENTER_RSP, sizeof(*out), KEEPER_ANSWER_MS);

    return err == SP_OK ? take_decision(k, out) : err;
}

void keeper_lobby_action(struct keeper_link *k, struct ipc_lobby_action *action)
{
    if (ipc_send(k->fd, IPC_LOBBY_ACTION, action, sizeof(*action), NULL, 0,
                 clock_now_ms() + KEEPER_ANSWER_MS) != SP_OK)
        k->is_ended = true;
    sp_wipe(action, sizeof(*action));
}

enum sp_err keeper_redirect(struct keeper_link *k, struct ipc_redirect_req *req,
                            struct ipc_decide_rsp *out)
{
    static struct ipc_decide_rsp next;
    enum sp_err err = keeper_link_call(k, IPC_REDIRECT_REQ, req, sizeof(*req), IPC_REDIRECT_RSP,
                                       sizeof(next), KEEPER_ANSWER_MS);

    if (err == SP_OK)
        err = take_decision(k, &next);
    if (err == SP_OK && next.errinfo == 0)
        *out = next;
    else if (err == SP_OK)
        out->errinfo = next.errinfo;
    return err;
}

enum sp_err keeper_rdstls(struct keeper_link *k)
{
    struct ipc_plain req = {0};
    struct ipc_status_rsp rsp;
    enum sp_err err = keeper_link_call(k, IPC_RDSTLS_REQ, &req, sizeof(req), IPC_RDSTLS_RSP,
                                       sizeof(rsp), KEEPER_ANSWER_MS);

    if (err != SP_OK)
        return err;
    keeper_link_take(k, &rsp, sizeof(rsp));
    return rsp.errinfo == 0 ? SP_OK : SP_EDENIED;
}

enum sp_err keeper_licence_get(struct keeper_link *k, const char *scope,
                               struct ipc_licence_get_rsp *out)
{
    struct ipc_licence_get_req req = {0};

    snprintf(req.scope, sizeof(req.scope), "%s", scope);
    enum sp_err err = keeper_link_call(k, IPC_LICENCE_GET_REQ, &req, sizeof(req),
                                       IPC_LICENCE_GET_RSP, sizeof(*out), KEEPER_ANSWER_MS);
    if (err != SP_OK)
        return err;
    keeper_link_take(k, out, sizeof(*out));
    if (out->size > sizeof(out->licence))
        return lost(k, SP_EVALUE, "keeper's licence");
    return SP_OK;
}

void keeper_licence_put(struct keeper_link *k, const char *scope, const uint8_t *licence,
                        size_t size)
{
    static struct ipc_licence_put put;

    if (size == 0 || size > sizeof(put.licence))
        return;
    memset(&put, 0, sizeof(put));
    snprintf(put.scope, sizeof(put.scope), "%s", scope);
    put.size = (uint32_t)size;
    memcpy(put.licence, licence, size);
    if (ipc_send(k->fd, IPC_LICENCE_PUT, &put, sizeof(put), NULL, 0,
                 clock_now_ms() + KEEPER_ANSWER_MS) != SP_OK)
        k->is_ended = true;
    sp_wipe(&put, sizeof(put));
}

enum sp_err keeper_delegate(struct keeper_link *k, struct ipc_delegate_req *req, uint32_t *errinfo)
{
    struct ipc_status_rsp rsp;
    enum sp_err err = keeper_link_call(k, IPC_DELEGATE_REQ, req, sizeof(*req), IPC_DELEGATE_RSP,
                                       sizeof(rsp), KEEPER_ANSWER_MS);

    sp_wipe(req, sizeof(*req));
    if (err != SP_OK)
        return err;
    keeper_link_take(k, &rsp, sizeof(rsp));
    *errinfo = rsp.errinfo;
    return SP_OK;
}

enum sp_err keeper_connect(struct keeper_link *k, int *fd, uint32_t *errinfo)
{
    struct ipc_plain req = {0};
    struct ipc_connect_rsp rsp;
    enum sp_err err = keeper_link_call(k, IPC_CONNECT_REQ, &req, sizeof(req), IPC_CONNECT_RSP,
                                       sizeof(rsp), KEEPER_CONNECT_MS);

    if (err != SP_OK)
        return err;
    memcpy(&rsp, k->in.msg.bytes, sizeof(rsp));
    *fd = -1;
    *errinfo = rsp.errinfo;
    if (rsp.errinfo == 0 && k->in.fd_count == 1)
        *fd = sp_fd_take(&k->in.fds[0]);
    ipc_in_clear(&k->in);
    if (rsp.errinfo == 0 && *fd < 0)
        return lost(k, SP_EVALUE, "keeper sent no descriptor");
    return SP_OK;
}

enum sp_err keeper_certificate(struct keeper_link *k, const uint8_t key_sha256[32],
                               const uint8_t cert_sha256[32], bool chain_ok, uint32_t *errinfo)
{
    struct ipc_certificate_req req = {.chain_ok = chain_ok ? 1 : 0};
    struct ipc_status_rsp rsp;

    memcpy(req.key_sha256, key_sha256, sizeof(req.key_sha256));
    memcpy(req.cert_sha256, cert_sha256, sizeof(req.cert_sha256));
    enum sp_err err = keeper_link_call(k, IPC_CERTIFICATE_REQ, &req, sizeof(req),
                                       IPC_CERTIFICATE_RSP, sizeof(rsp), KEEPER_ANSWER_MS);
    if (err != SP_OK)
        return err;
    keeper_link_take(k, &rsp, sizeof(rsp));
    *errinfo = rsp.errinfo;
    return SP_OK;
}

enum sp_err keeper_bind(struct keeper_link *k, struct ipc_bind_req *req, struct ipc_bind_rsp *out)
{
    enum sp_err err = keeper_link_call(k, IPC_BIND_REQ, req, sizeof(*req), IPC_BIND_RSP,
                                       sizeof(*out), KEEPER_ANSWER_MS);

    if (err != SP_OK)
        return err;
    keeper_link_take(k, out, sizeof(*out));
    if (out->authenticate_size > sizeof(out->authenticate) ||
        out->pub_key_auth_size > sizeof(out->pub_key_auth))
        return lost(k, SP_EVALUE, "keeper's response");
    return SP_OK;
}

enum sp_err keeper_seal(struct keeper_link *k, struct ipc_seal_req *req, struct ipc_seal_rsp *out)
{
    enum sp_err err = keeper_link_call(k, IPC_SEAL_REQ, req, sizeof(*req), IPC_SEAL_RSP,
                                       sizeof(*out), KEEPER_ANSWER_MS);

    if (err != SP_OK)
        return err;
    keeper_link_take(k, out, sizeof(*out));
    if (out->size > sizeof(out->auth_info) || (out->size == 0) != (out->verdict != IPC_SEAL_OK))
        return lost(k, SP_EVALUE, "keeper's seal");
    return SP_OK;
}

enum sp_err keeper_clear(struct keeper_link *k, struct ipc_clear_rsp *out)
{
    struct ipc_plain req = {0};
    enum sp_err err = keeper_link_call(k, IPC_CLEAR_REQ, &req, sizeof(req), IPC_CLEAR_RSP,
                                       sizeof(*out), KEEPER_ANSWER_MS);

    if (err != SP_OK)
        return err;
    keeper_link_take(k, out, sizeof(*out));
    if (out->password_size > sizeof(out->password))
        return lost(k, SP_EVALUE, "keeper's password size");
    return SP_OK;
}

/* A peer can provoke notes at will: what ends the session has places that those cannot take. */
static unsigned note_limit(uint32_t kind)
{
    if (kind == IPC_NOTE_CLOSED)
        return IPC_NOTES_MAX;
    return kind == IPC_NOTE_FAILED || kind == IPC_NOTE_EXPLOIT ? IPC_NOTES_MAX - 1
                                                               : IPC_NOTES_MAX - 2;
}

void keeper_note(struct keeper_link *k, struct ipc_note *note)
{
    if (k->note_count >= note_limit(note->kind))
        return;
    k->note_count++;
    if (ipc_send(k->fd, IPC_NOTE, note, sizeof(*note), NULL, 0,
                 clock_now_ms() + KEEPER_ANSWER_MS) != SP_OK)
        k->is_ended = true;
}

void keeper_proxied(struct keeper_link *k, struct ipc_proxied *told)
{
    if (ipc_send(k->fd, IPC_PROXIED, told, sizeof(*told), NULL, 0,
                 clock_now_ms() + KEEPER_ANSWER_MS) != SP_OK)
        k->is_ended = true;
}

enum sp_err keeper_transfer(struct keeper_link *k, struct ipc_transfer *transfer)
{
    if (k->transfer_count >= IPC_TRANSFERS_MAX)
        return SP_ELIMIT;
    k->transfer_count++;
    if (ipc_send(k->fd, IPC_TRANSFER, transfer, sizeof(*transfer), NULL, 0,
                 clock_now_ms() + KEEPER_ANSWER_MS) == SP_OK)
        return SP_OK;
    k->is_ended = true;
    return SP_ECLOSED;
}

void keeper_note_failure(struct keeper_link *k, enum ipc_step step, const struct sp_fail *fail,
                         uint32_t errinfo)
{
    struct ipc_note note = {.kind = IPC_NOTE_FAILED,
                            .step = step,
                            .code = fail->code,
                            .got = fail->got,
                            .want = fail->want,
                            .a = errinfo};

    snprintf(note.where, sizeof(note.where), "%s", fail->where != NULL ? fail->where : "");
    keeper_note(k, &note);
}
