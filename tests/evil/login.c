/* SPDX-License-Identifier: Apache-2.0
 * Probes of keeper behind the login: the attacker signs in as a person whose password it has, and
 * wants the password of the target's account.
 *
 * evil_arg is the password of "demo". What BIND answered goes to the tester as "bind HEX\n".
 */
#include "evil.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/ipc_bind.h"
#include "rdp/ntlm.h"

#define PATIENCE_MS 5000

/* The key that the attacker claims to have seen: its SHA-256, and the bytes. */
static const uint8_t spki[32] = "a key of the attacker's own";
static const uint8_t spki_sha256[32] = {
    0xe0, 0x86, 0x60, 0xd7, 0xf2, 0x0b, 0xbd, 0x75, 0xc2, 0x73, 0xc1, 0x6b, 0xb2, 0x96, 0x16, 0x4b,
    0xd1, 0xff, 0xf0, 0x40, 0xc4, 0x2e, 0x48, 0x57, 0x0d, 0x4c, 0xee, 0x6e, 0xf4, 0x9f, 0xd0, 0xa8};

/* One verb; EVIL_OK if out has its answer. */
static enum evil_result call(const struct session_start *start, uint32_t type, void *msg,
                             size_t size, void *out, size_t out_size)
{
    static struct ipc_in in;

    if (ipc_send(start->keeper_fd, type, msg, size, NULL, 0, clock_now_ms() + PATIENCE_MS) != SP_OK)
        return EVIL_ENDED;
    do {
        enum sp_err err = ipc_recv(start->keeper_fd, &in, clock_now_ms() + PATIENCE_MS);

        if (err != SP_OK)
            return err == SP_ECLOSED ? EVIL_ENDED : EVIL_DENIED;
        ipc_in_clear(&in);
    } while (in.msg.head.type == IPC_LEASE);
    if (in.msg.head.type == IPC_END)
        return EVIL_ENDED;
    if (in.msg.head.type != type + 1 || in.size != out_size)
        return EVIL_REFUSED;
    memcpy(out, in.msg.bytes, out_size);
    return EVIL_OK;
}

/* MS-NLMP 3.3.2 for "demo", over messages of zeros. */
static void prove(struct ipc_verify_req *req, const uint8_t challenge[8])
{
    static const uint8_t user[] = "d\0e\0m\0o"; /* the literal's NUL completes the last unit */
    uint8_t password[512], key[NTLM_KEY_SIZE], exported[NTLM_KEY_SIZE];
    size_t size = strlen(evil_arg.text);

    memset(password, 0, sizeof(password));
    for (size_t i = 0; i < size; i++)
        password[2 * i] = (uint8_t)evil_arg.text[i];
    req->user_size = sizeof(user);
    memcpy(req->user, user, sizeof(user));
    req->nt_response_size = 48;
    req->nt_response[16] = req->nt_response[17] = 1;
    req->negotiate_size = req->challenge_size = req->authenticate_size = 64;
    ntlm_nt_hash(password, 2 * size, key);
    if (ntlm_response_key(key, user, sizeof(user), NULL, 0, key) != SP_OK)
        return;
    ntlm_proof(key, challenge, req->nt_response + 16, 32, req->nt_response);
    ntlm_session_base_key(key, req->nt_response, key);
    ntlm_exchange_key(key, req->encrypted_random_session_key, exported);
    struct ntlm_transcript t = {req->messages, req->messages + 64, req->messages + 128, 64, 64, 64};
    ntlm_mic(exported, &t, req->mic);
}

static enum evil_result sign_in(const struct session_start *start)
{
    struct ipc_sign_req sign = {.scheme = 0x0403, .tbs_size = 130};
    static struct ipc_sign_rsp signature;
    static struct ipc_verify_req verify;
    struct ipc_challenge_rsp challenge;
    struct ipc_verify_rsp verdict;
    struct ipc_plain plain = {.head = {0, 0}};

    memset(sign.tbs, 0x20, 64);
    memcpy(sign.tbs + 64, "TLS 1.3, server CertificateVerify", 34);
    enum evil_result r =
        call(start, IPC_SIGN_REQ, &sign, sizeof(sign), &signature, sizeof(signature));
    if (r == EVIL_OK)
        r = call(start, IPC_CHALLENGE_REQ, &plain, sizeof(plain), &challenge, sizeof(challenge));
    if (r != EVIL_OK)
        return r;
    prove(&verify, challenge.challenge);
    r = call(start, IPC_VERIFY_REQ, &verify, sizeof(verify), &verdict, sizeof(verdict));
    return r == EVIL_OK && verdict.nt_status != 0 ? EVIL_REFUSED : r;
}

/* Up to the moment before BIND; the target's TLS key is whatever the attacker says. */
static enum evil_result reach(const struct session_start *start)
{
    static struct ipc_decide_rsp decision;
    struct ipc_certificate_req certificate = {.chain_ok = 0};
    struct ipc_connect_rsp connected;
    struct ipc_status_rsp status;
    struct ipc_plain plain = {.head = {0, 0}};
    enum evil_result r = sign_in(start);

    if (r == EVIL_OK)
        r = call(start, IPC_DECIDE_REQ, &plain, sizeof(plain), &decision, sizeof(decision));
    if (r == EVIL_OK && decision.errinfo != 0)
        return EVIL_REFUSED;
    if (r == EVIL_OK)
        r = call(start, IPC_CONNECT_REQ, &plain, sizeof(plain), &connected, sizeof(connected));
    if (r == EVIL_OK && connected.errinfo != 0)
        return EVIL_REFUSED;
    memcpy(certificate.key_sha256, spki_sha256, sizeof(spki_sha256));
    if (r == EVIL_OK)
        r = call(start, IPC_CERTIFICATE_REQ, &certificate, sizeof(certificate), &status,
                 sizeof(status));
    return r == EVIL_OK && status.errinfo != 0 ? EVIL_REFUSED : r;
}

static enum evil_result bind_target(const struct session_start *start, uint8_t first,
                                    struct ipc_bind_rsp *out)
{
    static struct ipc_bind_req req;
    static char line[2 * sizeof(*out) + 8];
    enum evil_result r = reach(start);

    if (r != EVIL_OK)
        return r == EVIL_ENDED ? EVIL_DENIED : r; /* not where the probe wants to be */
    req.flags = NTLM_FLAGS_REQUIRED;
    req.version = 6;
    req.av_size = 4;
    req.spki_size = req.key_size = sizeof(spki);
    memcpy(req.spki, spki, sizeof(spki));
    req.spki[0] = first;
    r = call(start, IPC_BIND_REQ, &req, sizeof(req), out, sizeof(*out));
    if (r != EVIL_OK)
        return r;
    size_t used = (size_t)snprintf(line, sizeof(line), "bind ");
    for (size_t i = 0; i < sizeof(*out); i++)
        used +=
            (size_t)snprintf(line + used, sizeof(line) - used, "%02x", ((const uint8_t *)out)[i]);
    line[used++] = '\n';
    for (size_t at = 0; at < used;) {
        ssize_t n = send(start->client_fd, line + at, used - at, MSG_NOSIGNAL);
        if (n <= 0)
            return EVIL_DENIED;
        at += (size_t)n;
    }
    return EVIL_OK;
}

static enum evil_result seal(const struct session_start *start, bool is_echo)
{
    static struct ipc_bind_rsp bound;
    static struct ipc_seal_req req;
    static struct ipc_seal_rsp rsp;
    enum evil_result r = bind_target(start, spki[0], &bound);

    if (r != EVIL_OK)
        return EVIL_DENIED;
    req.echo_size = bound.pub_key_auth_size;
    if (is_echo)
        memcpy(req.echo, bound.pub_key_auth, bound.pub_key_auth_size);
    r = call(start, IPC_SEAL_REQ, &req, sizeof(req), &rsp, sizeof(rsp));
    errno = 0;
    return r == EVIL_OK && rsp.size == 0 ? EVIL_REFUSED : r;
}

/* There is no target: the attacker says that it has answered. */
static enum evil_result seal_zeros(const struct session_start *start)
{
    return seal(start, false);
}

static enum evil_result seal_own_binding(const struct session_start *start)
{
    return seal(start, true);
}

/* Log on to somebody else than the target that CERTIFICATE was asked about. */
static enum evil_result bind_other_key(const struct session_start *start)
{
    static struct ipc_bind_rsp bound;

    return bind_target(start, (uint8_t)~spki[0], &bound);
}

const struct evil_probe evil_logins[] = {
    {"seal_zeros", seal_zeros},
    {"seal_own_binding", seal_own_binding},
    {"bind_other_key", bind_other_key},
    {NULL, NULL},
};
