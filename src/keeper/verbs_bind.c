/* SPDX-License-Identifier: Apache-2.0
 * A session's verbs BIND and SEAL: the target's login by CredSSP, whose keys stay here.
 */
#include <string.h>

#include <nettle/sha2.h>

#include "base/mem.h"
#include "keeper/ntlm_verify.h"
#include "keeper/session_priv.h"
#include "rdp/ntlm_initiator.h"

#define CHECKSUM_SIZE 8 /* of the RC4 keystream, behind each sealed message */

static_assert(IPC_KEY_MAX == TARGET_BINDING_KEY_MAX, "keeper binds what a session may send");
static_assert(IPC_PUB_KEY_AUTH_MAX == NTLM_SIGNATURE_SIZE + IPC_KEY_MAX, "and answers it");
static_assert(IPC_KEY_MAX + CHECKSUM_SIZE <= NTLM_SKIPPED_MAX, "and seals behind it");
static_assert(IPC_AV_MAX <= NTLM_BIND_AV_PAIRS_MAX, "every list of pairs fits a response");
static_assert(IPC_AUTHENTICATE_MAX >= NTLM_AUTHENTICATE_MAX, "every AUTHENTICATE fits");

static enum sp_err check_sizes(struct verb *v, const struct ipc_bind_req *req)
{
    if (req->av_size > sizeof(req->av))
        return sp_fail_set(v->fail, SP_ELIMIT, "BIND.av_size", req->av_size, sizeof(req->av));
    if (req->negotiate_size > sizeof(req->negotiate))
        return sp_fail_set(v->fail, SP_ELIMIT, "BIND.negotiate_size", req->negotiate_size,
                           sizeof(req->negotiate));
    if (req->challenge_size > sizeof(req->challenge))
        return sp_fail_set(v->fail, SP_ELIMIT, "BIND.challenge_size", req->challenge_size,
                           sizeof(req->challenge));
    if (req->spki_size > sizeof(req->spki))
        return sp_fail_set(v->fail, SP_ELIMIT, "BIND.spki_size", req->spki_size, sizeof(req->spki));
    if (req->key_size == 0 || req->key_size > req->spki_size || req->key_size > IPC_KEY_MAX)
        return sp_fail_set(v->fail, SP_ELIMIT, "BIND.key_size", req->key_size, IPC_KEY_MAX);
    return SP_OK;
}

static enum sp_err check_bind(struct verb *v, const struct ipc_bind_req *req)
{
    const struct session_decision *d = &v->s->decision;
    uint8_t shown[32];
    struct sha256_ctx ctx;

    if (d->nla == IPC_NLA_OFF)
        return sp_fail_set(v->fail, SP_ESTATE, "BIND.nla", IPC_NLA_OFF, 0);
    enum sp_err err = check_sizes(v, req);
    if (err != SP_OK)
        return err;
    if (req->version < d->credssp_min)
        return sp_fail_set(v->fail, SP_EVALUE, "BIND.version", req->version, d->credssp_min);
    if ((req->flags & NTLM_FLAGS_REQUIRED) != NTLM_FLAGS_REQUIRED)
        return sp_fail_set(v->fail, SP_EVALUE, "BIND.flags", req->flags, NTLM_FLAGS_REQUIRED);
    /* INVARIANT: the login is bound to the TLS key that was accepted, whoever wants otherwise. */
    sha256_init(&ctx);
    sha256_update(&ctx, req->spki_size, req->spki);
    sha256_digest(&ctx, sizeof(shown), shown);
    if (!sp_equal_ct(shown, v->s->target_key_sha256, sizeof(shown)))
        return sp_fail_set(v->fail, SP_EVALUE, "BIND.spki", 0, 0);
    return SP_OK;
}

/* The answer to the target's challenge, from the account's password. */
static enum sp_err respond(struct verb *v, const struct ipc_bind_req *req,
                           struct ntlm_bind_answer *out)
{
    const struct session_decision *d = &v->s->decision;
    uint8_t password[IPC_NAME_MAX], hash[NTLM_KEY_SIZE];
    struct ntlm_bind_ask ask = {.user = {d->user, d->user_size},
                                .domain = {d->domain, d->domain_size},
                                .av_pairs = {req->av, req->av_size}};
    size_t size;

    if (verb_password(v, password, &size) != SP_OK)
        return sp_fail_set(v->fail, SP_EDENIED, "BIND.password", 0, 0);
    ntlm_nt_hash(password, size, hash);
    sp_wipe(password, sizeof(password));
    memcpy(ask.server_challenge, req->server_challenge, sizeof(ask.server_challenge));
    for (size_t i = 0; i < sizeof(req->time); i++)
        ask.time |= (uint64_t)req->time[i] << (8 * i);
    enum sp_err err = ntlm_bind(&ask, hash, out);
    sp_wipe(hash, sizeof(hash));
    return err == SP_OK ? SP_OK : sp_fail_set(v->fail, err, "BIND", req->av_size, IPC_AV_MAX);
}

static enum sp_err authenticate(struct verb *v, const struct ipc_bind_req *req,
                                const struct ntlm_bind_answer *answer, struct ipc_bind_rsp *rsp)
{
    const struct session_decision *d = &v->s->decision;
    struct ntlm_proof_parts parts = {.flags = req->flags};
    struct wr w;

    rd_init(&parts.nt_response, answer->nt_response, answer->nt_response_size);
    rd_init(&parts.user, d->user, d->user_size);
    rd_init(&parts.domain, d->domain, d->domain_size);
    rd_init(&parts.negotiate, req->negotiate, req->negotiate_size);
    rd_init(&parts.challenge, req->challenge, req->challenge_size);
    memcpy(parts.encrypted_random_session_key, answer->encrypted_random_session_key, NTLM_KEY_SIZE);
    memcpy(parts.exported_key, answer->exported_key, NTLM_KEY_SIZE);
    wr_init(&w, rsp->authenticate, sizeof(rsp->authenticate));
    enum sp_err err = ntlm_authenticate_prove(&parts, &w);
    sp_wipe(&parts, sizeof(parts));
    rsp->authenticate_size = (uint32_t)w.pos;
    return err == SP_OK ? SP_OK : sp_fail_set(v->fail, err, w.fail.where, w.fail.got, w.fail.want);
}

enum sp_err verb_bind(struct verb *v)
{
    struct ipc_bind_req req;
    struct ipc_bind_rsp rsp = {0};
    struct ntlm_bind_answer answer;
    struct target_binding *b = &v->s->binding;

    memcpy(&req, v->in->msg.bytes, sizeof(req));
    enum sp_err err = check_bind(v, &req);
    if (err == SP_OK)
        err = respond(v, &req, &answer);
    if (err != SP_OK)
        return err;
    err = authenticate(v, &req, &answer, &rsp);
    memcpy(b->exported_key, answer.exported_key, sizeof(b->exported_key));
    sp_wipe(&answer, sizeof(answer));
    if (err != SP_OK)
        return err;
    sp_random(rsp.nonce, sizeof(rsp.nonce));
    rsp.pub_key_auth_size = (uint32_t)target_binding_make(b, req.version, rsp.nonce,
                                                          req.spki + req.spki_size - req.key_size,
                                                          req.key_size, rsp.pub_key_auth);
    v->s->state = SESSION_BOUND;
    return verb_answer(v, IPC_BIND_RSP, &rsp, sizeof(rsp), -1);
}

/* authInfo: the account, or three empty texts (MS-CSSP 2.2.1.2.1) in restricted admin mode. */
static enum sp_err seal(struct verb *v, struct ipc_seal_rsp *rsp)
{
    const struct session *s = v->s;
    const struct session_decision *d = &s->decision;
    struct ntlm_seal_ask ask = {.skip = s->binding.size + CHECKSUM_SIZE};
    uint8_t password[IPC_NAME_MAX];
    size_t size, used = 0;

    if (verb_password(v, password, &size) != SP_OK)
        return sp_fail_set(v->fail, SP_EDENIED, "SEAL.password", 0, 0);
    if (!d->is_restricted) {
        ask.domain = (struct ntlm_blob){d->domain, d->domain_size};
        ask.user = (struct ntlm_blob){d->user, d->user_size};
        ask.password = (struct ntlm_blob){password, size};
    }
    enum sp_err err = ntlm_seal_credentials(s->binding.exported_key, &ask, rsp->auth_info,
                                            sizeof(rsp->auth_info), &used);
    sp_wipe(password, sizeof(password));
    rsp->size = (uint32_t)used;
    return err == SP_OK ? SP_OK : sp_fail_set(v->fail, err, "SEAL", 0, 0);
}

enum sp_err verb_seal(struct verb *v)
{
    static const uint32_t verdicts[] = {[TARGET_ECHO_GOOD] = IPC_SEAL_OK,
                                        [TARGET_ECHO_UNSIGNED] = IPC_SEAL_SIGNATURE,
                                        [TARGET_ECHO_OTHER] = IPC_SEAL_BINDING};
    struct target_binding *b = &v->s->binding;
    struct ipc_seal_req req;
    struct ipc_seal_rsp rsp = {0};
    enum sp_err err = SP_OK;

    memcpy(&req, v->in->msg.bytes, sizeof(req));
    if (req.echo_size > sizeof(req.echo) || req.echo_size != NTLM_SIGNATURE_SIZE + b->size)
        return sp_fail_set(v->fail, SP_EVALUE, "SEAL.echo_size", req.echo_size, b->size);
    rsp.verdict = verdicts[target_binding_check(b, req.echo, req.echo_size)];
    if (rsp.verdict == IPC_SEAL_OK)
        err = seal(v, &rsp);
    sp_wipe(b, sizeof(*b));
    if (err != SP_OK)
        return err;
    /* After a refusal the state stays BOUND, where both verbs are used up: only notes may follow.
     */
    if (rsp.verdict == IPC_SEAL_OK)
        v->s->state = SESSION_ADMITTED;
    return verb_answer(v, IPC_SEAL_RSP, &rsp, sizeof(rsp), -1);
}
