/* SPDX-License-Identifier: Apache-2.0
 * Probes of keeper: verbs in the wrong order, of the wrong size, too many, and a signing oracle.
 */
#include "evil.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ipc_bind.h"
#include "base/ipc_directory.h"
#include "base/mem.h"

#define PATIENCE_MS 3000

/* What keeper says next: an answer, a refusal, or that it is over. */
static enum evil_result hear(const struct session_start *start, uint32_t want)
{
    static struct ipc_in in;

    for (;;) {
        enum sp_err err = ipc_recv(start->keeper_fd, &in, clock_now_ms() + PATIENCE_MS);

        if (err == SP_ECLOSED)
            return EVIL_ENDED;
        if (err != SP_OK)
            return EVIL_DENIED;
        if (in.msg.head.type == IPC_END)
            return EVIL_ENDED;
        if (in.msg.head.type == IPC_LEASE)
            continue;
        return in.msg.head.type == want ? EVIL_OK : EVIL_REFUSED;
    }
}

static enum evil_result ask(const struct session_start *start, uint32_t type, void *msg,
                            size_t size, uint32_t answer)
{
    if (ipc_send(start->keeper_fd, type, msg, size, NULL, 0, clock_now_ms() + PATIENCE_MS) != SP_OK)
        return EVIL_ENDED;
    return hear(start, answer);
}

static enum evil_result ask_plain(const struct session_start *start, uint32_t type, uint32_t answer)
{
    struct ipc_plain msg;

    return ask(start, type, &msg, sizeof(msg), answer);
}

/* A TLS 1.3 handshake that never took place. */
static enum evil_result sign(const struct session_start *start, size_t hash_size)
{
    struct ipc_sign_req req = {.scheme = 0x0403, .tbs_size = (uint16_t)(98 + hash_size)};

    memset(req.tbs, 0x20, 64);
    memcpy(req.tbs + 64, "TLS 1.3, server CertificateVerify", 34);
    return ask(start, IPC_SIGN_REQ, &req, sizeof(req), IPC_SIGN_RSP);
}

static enum evil_result sign_once(const struct session_start *start)
{
    return sign(start, 32);
}

static enum evil_result sign_twice(const struct session_start *start)
{
    return sign(start, 32) == EVIL_OK ? sign(start, 32) : EVIL_DENIED;
}

static enum evil_result sign_bytes(const struct session_start *start, uint16_t size)
{
    struct ipc_sign_req req = {.scheme = 0x0403, .tbs_size = size};

    return ask(start, IPC_SIGN_REQ, &req, sizeof(req), IPC_SIGN_RSP);
}

static enum evil_result sign_digest(const struct session_start *start)
{
    return sign_bytes(start, 32);
}

static enum evil_result sign_nothing(const struct session_start *start)
{
    return sign_bytes(start, 0);
}

static enum evil_result sign_overlong(const struct session_start *start)
{
    return sign_bytes(start, 65535);
}

static enum evil_result sign_other_hash(const struct session_start *start)
{
    return sign(start, 64);
}

static enum evil_result sign_then_digest(const struct session_start *start)
{
    return sign(start, 32) == EVIL_OK ? sign_bytes(start, 32) : EVIL_DENIED;
}

static enum evil_result challenge_once(const struct session_start *start)
{
    if (sign(start, 32) != EVIL_OK)
        return EVIL_DENIED;
    return ask_plain(start, IPC_CHALLENGE_REQ, IPC_CHALLENGE_RSP);
}

static enum evil_result challenge_twice(const struct session_start *start)
{
    if (challenge_once(start) != EVIL_OK)
        return EVIL_DENIED;
    return ask_plain(start, IPC_CHALLENGE_REQ, IPC_CHALLENGE_RSP);
}

static enum evil_result challenge_first(const struct session_start *start)
{
    return ask_plain(start, IPC_CHALLENGE_REQ, IPC_CHALLENGE_RSP);
}

static enum evil_result verify_first(const struct session_start *start)
{
    static struct ipc_verify_req req;

    return ask(start, IPC_VERIFY_REQ, &req, sizeof(req), IPC_VERIFY_RSP);
}

/* Sizes that would lead behind the message, if anybody believed them. */
static enum evil_result verify_lies(const struct session_start *start)
{
    static struct ipc_verify_req req;

    if (challenge_once(start) != EVIL_OK)
        return EVIL_DENIED;
    req.user_size = req.domain_size = req.nt_response_size = 0xffff;
    req.negotiate_size = req.challenge_size = req.authenticate_size = 0xffff;
    return ask(start, IPC_VERIFY_REQ, &req, sizeof(req), IPC_VERIFY_RSP);
}

static enum evil_result decide_first(const struct session_start *start)
{
    return ask_plain(start, IPC_DECIDE_REQ, IPC_DECIDE_RSP);
}

static enum evil_result ask_gss(const struct session_start *start, uint32_t type, uint32_t size)
{
    static struct ipc_gss_req req;

    memset(&req, 0x60, sizeof(req));
    req.size = size;
    req.version = 6;
    return ask(start, type, &req, sizeof(req), type + 1);
}

static enum evil_result gss_first(const struct session_start *start)
{
    return ask_gss(start, IPC_GSS_STEP_REQ, 100);
}

/* Opening and sealing belong to whoever has shown a ticket. */
static enum evil_result gss_unwrap_without_ticket(const struct session_start *start)
{
    return sign(start, 32) == EVIL_OK ? ask_gss(start, IPC_GSS_UNWRAP_REQ, 100) : EVIL_DENIED;
}

static enum evil_result gss_wrap_without_ticket(const struct session_start *start)
{
    return sign(start, 32) == EVIL_OK ? ask_gss(start, IPC_GSS_WRAP_REQ, 100) : EVIL_DENIED;
}

static enum evil_result gss_overlong(const struct session_start *start)
{
    return sign(start, 32) == EVIL_OK ? ask_gss(start, IPC_GSS_STEP_REQ, UINT32_MAX) : EVIL_DENIED;
}

/* Where there is no Kerberos it may be asked for once. */
static enum evil_result gss_twice(const struct session_start *start)
{
    if (sign(start, 32) != EVIL_OK || ask_gss(start, IPC_GSS_STEP_REQ, 100) != EVIL_OK)
        return EVIL_DENIED;
    return ask_gss(start, IPC_GSS_STEP_REQ, 100);
}

/* The step that matters most: a decision without a proof. */
static enum evil_result decide_without_verify(const struct session_start *start)
{
    if (challenge_once(start) != EVIL_OK)
        return EVIL_DENIED;
    return ask_plain(start, IPC_DECIDE_REQ, IPC_DECIDE_RSP);
}

static enum evil_result connect_first(const struct session_start *start)
{
    return ask_plain(start, IPC_CONNECT_REQ, IPC_CONNECT_RSP);
}

static enum evil_result clear_first(const struct session_start *start)
{
    return ask_plain(start, IPC_CLEAR_REQ, IPC_CLEAR_RSP);
}

static enum evil_result seal_first(const struct session_start *start)
{
    static struct ipc_seal_req req = {.echo_size = 48};

    return ask(start, IPC_SEAL_REQ, &req, sizeof(req), IPC_SEAL_RSP);
}

static enum evil_result bind_first(const struct session_start *start)
{
    static struct ipc_bind_req req;

    return ask(start, IPC_BIND_REQ, &req, sizeof(req), IPC_BIND_RSP);
}

static enum evil_result delegate_first(const struct session_start *start)
{
    static struct ipc_delegate_req req;

    return ask(start, IPC_DELEGATE_REQ, &req, sizeof(req), IPC_DELEGATE_RSP);
}

static enum evil_result certificate_first(const struct session_start *start)
{
    struct ipc_certificate_req req = {.chain_ok = 1};

    return ask(start, IPC_CERTIFICATE_REQ, &req, sizeof(req), IPC_CERTIFICATE_RSP);
}

static enum evil_result wrong_size(const struct session_start *start)
{
    struct ipc_status_rsp msg = {{0}, 0, 0};

    return ask(start, IPC_CHALLENGE_REQ, &msg, sizeof(msg), IPC_CHALLENGE_RSP);
}

static enum evil_result unknown_type(const struct session_start *start)
{
    return ask_plain(start, 0xffffffff, 0);
}

static enum evil_result answer_as_keeper(const struct session_start *start)
{
    return ask_plain(start, IPC_VERIFY_RSP, 0);
}

static enum evil_result pretend_dialer(const struct session_start *start)
{
    struct ipc_dialed msg = {.id = 1};

    return ask(start, IPC_DIALED, &msg, sizeof(msg), 0);
}

static enum evil_result pretend_spawner(const struct session_start *start)
{
    struct ipc_session_started msg = {.pid = 1};

    return ask(start, IPC_SESSION_STARTED, &msg, sizeof(msg), 0);
}

static enum evil_result raw(const struct session_start *start, const void *data, size_t size)
{
    if (send(start->keeper_fd, data, size, MSG_NOSIGNAL) < 0)
        return EVIL_DENIED;
    return hear(start, 0);
}

static enum evil_result short_message(const struct session_start *start)
{
    return raw(start, "\1\0\0", 3);
}

static enum evil_result lying_head(const struct session_start *start)
{
    struct ipc_head head = {IPC_CHALLENGE_REQ, 4096};

    return raw(start, &head, sizeof(head));
}

static enum evil_result huge_message(const struct session_start *start)
{
    static uint8_t data[65536];

    return raw(start, data, sizeof(data));
}

/* A descriptor as a gift, with a message that is otherwise right. */
static enum evil_result gift(const struct session_start *start)
{
    struct ipc_note note = {.kind = IPC_NOTE_CLIENT};

    if (ipc_send(start->keeper_fd, IPC_NOTE, &note, sizeof(note), &start->client_fd, 1, 0) != SP_OK)
        return EVIL_ENDED;
    return hear(start, 0);
}

static enum evil_result note_once(const struct session_start *start)
{
    struct ipc_note note = {.kind = IPC_NOTE_CLIENT, .text = "evil\n\"}{"};

    return ipc_send(start->keeper_fd, IPC_NOTE, &note, sizeof(note), NULL, 0, 0) == SP_OK
               ? EVIL_OK
               : EVIL_ENDED;
}

static enum evil_result note_unknown(const struct session_start *start)
{
    struct ipc_note note = {.kind = IPC_NOTE_KIND_COUNT, .step = 77, .code = 77};

    return ask(start, IPC_NOTE, &note, sizeof(note), 0);
}

/* Text without an end, in both fields. */
static enum evil_result note_unterminated(const struct session_start *start)
{
    struct ipc_note note = {.kind = IPC_NOTE_EXPLOIT};

    memset(note.where, 'A', sizeof(note.where));
    memset(note.text, 'A', sizeof(note.text));
    return ask(start, IPC_NOTE, &note, sizeof(note), 0);
}

static enum evil_result note_flood(const struct session_start *start)
{
    for (int i = 0; i < 10000; i++) {
        struct ipc_note note = {.kind = IPC_NOTE_CHANNEL, .text = "evil"};
        if (ipc_send(start->keeper_fd, IPC_NOTE, &note, sizeof(note), NULL, 0,
                     clock_now_ms() + PATIENCE_MS) != SP_OK)
            return EVIL_ENDED;
    }
    return EVIL_OK;
}

const struct evil_probe evil_misuse[] = {
    {"sign_once", sign_once},
    {"sign_twice", sign_twice},
    {"sign_digest", sign_digest},
    {"sign_nothing", sign_nothing},
    {"sign_overlong", sign_overlong},
    {"sign_other_hash", sign_other_hash},
    {"sign_then_digest", sign_then_digest},
    {"challenge_once", challenge_once},
    {"challenge_twice", challenge_twice},
    {"challenge_first", challenge_first},
    {"verify_first", verify_first},
    {"verify_lies", verify_lies},
    {"gss_first", gss_first},
    {"gss_unwrap_without_ticket", gss_unwrap_without_ticket},
    {"gss_wrap_without_ticket", gss_wrap_without_ticket},
    {"gss_overlong", gss_overlong},
    {"gss_twice", gss_twice},
    {"decide_first", decide_first},
    {"decide_without_verify", decide_without_verify},
    {"connect_first", connect_first},
    {"clear_first", clear_first},
    {"seal_first", seal_first},
    {"bind_first", bind_first},
    {"delegate_first", delegate_first},
    {"certificate_first", certificate_first},
    {"wrong_size", wrong_size},
    {"unknown_type", unknown_type},
    {"answer_as_keeper", answer_as_keeper},
    {"pretend_dialer", pretend_dialer},
    {"pretend_spawner", pretend_spawner},
    {"short_message", short_message},
    {"lying_head", lying_head},
    {"huge_message", huge_message},
    {"gift", gift},
    {"note_once", note_once},
    {"note_unknown", note_unknown},
    {"note_unterminated", note_unterminated},
    {"note_flood", note_flood},
    {NULL, NULL},
};
