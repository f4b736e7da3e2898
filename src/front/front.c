/* SPDX-License-Identifier: Apache-2.0
 * The front's first word and its last: X.224 negotiation, early result, goodbye.
 */
#include "front/front.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rdp/frame.h"
#include "rdp/share.h"
#include "rdp/x224.h"

#define GOODBYE_MS 2000
#define LINGER_MS  500

static enum sp_err size_tpkt(const uint8_t *p, size_t have, size_t *size, struct sp_fail *fail)
{
    return rdp_frame_size(RDP_FRAME_TPKT, p, have, size, fail);
}

enum sp_err front_tpkt(struct front *f, size_t max, uint8_t **pdu, size_t *size)
{
    return stream_message(&f->stream, size_tpkt, max, pdu, size);
}

/* flags: of RDP_NEG_RSP, beside those that every client is told */
static enum sp_err answer(struct front *f, bool is_failure, uint8_t flags, uint32_t value)
{
    struct x224_connection_confirm confirm = {
        .has_neg = true,
        .is_failure = is_failure,
        .flags = flags,
        .value = value,
    };
    uint8_t out[X224_CONNECTION_CONFIRM_SIZE_MAX];
    struct wr w;

    wr_init(&w, out, sizeof(out));
    SP_BUG(x224_connection_confirm_write(&w, &confirm) != SP_OK);
    return stream_send(&f->stream, out, w.pos);
}

/*
 * Restricted admin mode is answered to who asks for it: a target's injected account needs nothing
 * of the client, and where the person's own password is needed DELEGATE refuses one that is empty.
 */
static uint8_t rsp_flags(const struct x224_connection_request *request)
{
    uint8_t flags = EXTENDED_CLIENT_DATA_SUPPORTED | DYNVC_GFX_PROTOCOL_SUPPORTED;

    if ((request->flags & RESTRICTED_ADMIN_MODE_REQUIRED) != 0)
        flags |= RESTRICTED_ADMIN_MODE_SUPPORTED;
    return flags;
}

enum sp_err front_negotiate(struct front *f)
{
    struct x224_connection_request request;
    struct sp_fail *fail = &f->stream.fail;
    struct rd r;
    uint8_t *pdu;
    size_t size;
    enum sp_err err = front_tpkt(f, X224_CONNECTION_REQUEST_SIZE_MAX, &pdu, &size);

    if (err != SP_OK)
        return err;
    rd_init(&r, pdu, size);
    err = x224_connection_request_read(&r, &request);
    if (err != SP_OK) {
        *fail = r.fail;
        return err;
    }
    snprintf(f->cookie, sizeof(f->cookie), "%.63s", request.cookie);
    f->has_neg_req = request.has_neg_req;
    f->requested_protocols = request.requested_protocols;
    /* 3.3.5.3.1 forbids negotiation data towards a client that sent none. */
    if (!request.has_neg_req)
        return sp_fail_set(fail, SP_EDENIED, "no RDP_NEG_REQ", 0, PROTOCOL_HYBRID);
    if ((request.requested_protocols & PROTOCOL_HYBRID_EX) != 0)
        f->selected_protocol = PROTOCOL_HYBRID_EX;
    else if ((request.requested_protocols & PROTOCOL_HYBRID) != 0)
        f->selected_protocol = PROTOCOL_HYBRID;
    if (f->selected_protocol != 0)
        return answer(f, false, rsp_flags(&request), f->selected_protocol);
    sp_fail_set(fail, SP_EDENIED, "RDP_NEG_REQ.requestedProtocols", request.requested_protocols,
                PROTOCOL_HYBRID);
    sp_ignore(answer(f, true, 0, HYBRID_REQUIRED_BY_SERVER));
    return SP_EDENIED;
}

enum sp_err front_early_result(struct front *f, bool is_allowed)
{
    uint8_t out[4];
    struct wr w;

    if (f->selected_protocol != PROTOCOL_HYBRID_EX)
        return SP_OK;
    wr_init(&w, out, sizeof(out));
    wr_u32le(&w, is_allowed ? 0 : 5);
    return stream_send(&f->stream, out, w.pos);
}

void front_goodbye(struct front *f, uint32_t errinfo)
{
    uint8_t out[128];
    struct wr w;

    wr_init(&w, out, sizeof(out));
    f->stream.deadline_ms = clock_now_ms() + GOODBYE_MS;
    if (f->is_joined) {
        bool can_tell =
            (f->settings.core.early_capability_flags & RNS_UD_CS_SUPPORT_ERRINFO_PDU) != 0;
        if (errinfo != 0 && can_tell) {
            size_t mark = mcs_send_begin(&w, true, MCS_SERVER_CHANNEL, MCS_GLOBAL_CHANNEL);
            share_write_set_error_info(&w, SHARE_SERVER_CHANNEL, FRONT_SHARE_ID, errinfo);
            mcs_send_end(&w, mark);
        }
        SP_BUG(mcs_disconnect_ultimatum_write(&w, MCS_REASON_PROVIDER_INITIATED) != SP_OK);
        sp_ignore(stream_send(&f->stream, out, w.pos));
    }
    stream_close(&f->stream, LINGER_MS);
}
