/* SPDX-License-Identifier: Apache-2.0
 * The back's first word and its last: negotiation, TLS, goodbye.
 */
#include "back/back.h"

#include <string.h>

#include "back/back_tls.h"
#include "base/clock.h"
#include "base/text.h"
#include "rdp/frame.h"
#include "rdp/mcs.h"
#include "rdp/redirection.h"
#include "rdp/x224.h"

#define COOKIE_CHARS 9 /* as mstsc; some farm balancers route by it */
#define GOODBYE_MS   1000

static enum sp_err size_tpkt(const uint8_t *p, size_t have, size_t *size, struct sp_fail *fail)
{
    return rdp_frame_size(RDP_FRAME_TPKT, p, have, size, fail);
}

enum sp_err back_tpkt(struct back *b, uint8_t **pdu, size_t *size)
{
    return stream_message(&b->stream, size_tpkt, TPKT_SIZE_MAX, pdu, size);
}

static enum sp_err send_request(struct back *b, const struct ipc_decide_rsp *decision)
{
    struct x224_connection_request request = {.has_neg_req = true,
                                              .requested_protocols = b->requested_protocols};
    uint8_t out[X224_CONNECTION_REQUEST_SIZE_MAX];
    struct wr w;

    if (decision->is_restricted)
        request.flags = RESTRICTED_ADMIN_MODE_REQUIRED;
    text_utf8_from_utf16le(decision->user, decision->user_size, b->account, sizeof(b->account));
    /* An address in the redirection is meant instead of the token (MS-RDPBCGR 3.2.5.3.1). */
    if (b->via.is_set && b->via.host_count == 0 && b->via.token_size > 0) {
        memcpy(request.token, b->via.token, b->via.token_size);
        request.token_size = b->via.token_size;
    } else if (decision->user_size > 0) { /* a target that asks has no name of ours */
        text_utf8_from_utf16le(decision->user, decision->user_size, request.cookie,
                               COOKIE_CHARS + 1);
        request.has_cookie = true;
    }
    for (char *p = request.cookie; *p != '\0'; p++)
        if (*p <= 0x20 || *p == 0x7f)
            *p = '_';
    wr_init(&w, out, sizeof(out));
    enum sp_err err = x224_connection_request_write(&w, &request);
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "X.224 request", 0, 0);
    return stream_send(&b->stream, out, w.pos);
}

enum sp_err back_negotiate(struct back *b, const struct ipc_decide_rsp *decision)
{
    struct x224_connection_confirm confirm;
    struct sp_fail *fail = &b->stream.fail;
    struct rd r;
    uint8_t *pdu;
    size_t size;

    b->requested_protocols = decision->nla == IPC_NLA_OFF
                                 ? PROTOCOL_SSL
                                 : PROTOCOL_SSL | PROTOCOL_HYBRID | PROTOCOL_HYBRID_EX;
    if (decision->nla != IPC_NLA_OFF && b->via.is_set &&
        (b->via.flags & LB_PASSWORD_IS_PK_ENCRYPTED) != 0)
        b->requested_protocols |= PROTOCOL_RDSTLS;
    enum sp_err err = send_request(b, decision);
    if (err == SP_OK)
        err = back_tpkt(b, &pdu, &size);
    if (err != SP_OK)
        return err;
    rd_init(&r, pdu, size);
    err = x224_connection_confirm_read(&r, &confirm);
    if (err != SP_OK)
        return sp_fail_set(fail, err, r.fail.where, r.fail.got, r.fail.want);
    if (!confirm.has_neg)
        return sp_fail_set(fail, SP_EDENIED, "target knows no RDP_NEG_RSP", 0, 0);
    if (confirm.is_failure)
        return sp_fail_set(fail, SP_EDENIED, "RDP_NEG_FAILURE.failureCode", confirm.value, 0);
    /* Exactly one of the bits we asked for, and nothing below what the policy demands. */
    if (confirm.value == 0 || (confirm.value & (confirm.value - 1)) != 0 ||
        (confirm.value & b->requested_protocols) == 0)
        return sp_fail_set(fail, SP_EVALUE, "RDP_NEG_RSP.selectedProtocol", confirm.value,
                           b->requested_protocols);
    if (decision->nla == IPC_NLA_REQUIRED && confirm.value == PROTOCOL_SSL)
        return sp_fail_set(fail, SP_EDENIED, "target offers no NLA", confirm.value,
                           PROTOCOL_HYBRID);
    if (decision->is_restricted && confirm.value != PROTOCOL_RDSTLS &&
        (confirm.flags & RESTRICTED_ADMIN_MODE_SUPPORTED) == 0)
        return sp_fail_set(fail, SP_EDENIED, "target offers no restricted admin mode",
                           confirm.flags, RESTRICTED_ADMIN_MODE_SUPPORTED);
    b->selected_protocol = confirm.value;
    b->has_extended = (confirm.flags & EXTENDED_CLIENT_DATA_SUPPORTED) != 0;
    return SP_OK;
}

enum sp_err back_tls(struct back *b, SSL_CTX *context, const struct ipc_decide_rsp *decision,
                     uint32_t *errinfo)
{
    uint8_t key[BACK_PUBLIC_KEY_MAX], key_sha256[32], cert_sha256[32];
    size_t key_size = sizeof(key);

    *errinfo = 0;
    enum sp_err err = back_context_require(context, decision->tls_min, &b->stream.fail);
    if (err == SP_OK)
        err = stream_tls_connect(&b->stream, context, decision->host);
    if (err != SP_OK)
        return err;
    err = back_tls_peer(b->stream.ssl, key, &key_size, key_sha256, cert_sha256);
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "target's certificate", 0, 0);
    bool chain_ok =
        decision->tls_mode == IPC_TLS_CA && back_tls_chain_ok(b->stream.ssl, decision->host);
    err = keeper_certificate(b->stream.keeper, key_sha256, cert_sha256, chain_ok, errinfo);
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "keeper: certificate", 0, 0);
    if (*errinfo != 0)
        return sp_fail_set(&b->stream.fail, SP_EDENIED, "target's certificate", *errinfo, 0);
    return SP_OK;
}

void back_goodbye(struct back *b)
{
    uint8_t out[16];
    struct wr w;

    if (b->stream.fd < 0)
        return;
    b->stream.deadline_ms = clock_now_ms() + GOODBYE_MS;
    if (b->user_id != 0) {
        wr_init(&w, out, sizeof(out));
        SP_BUG(mcs_disconnect_ultimatum_write(&w, MCS_REASON_USER_REQUESTED) != SP_OK);
        sp_ignore(stream_send(&b->stream, out, w.pos));
    }
    stream_close(&b->stream, 0);
}
