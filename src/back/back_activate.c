/* SPDX-License-Identifier: Apache-2.0
 * From Client Info to Demand Active: licensing, auto-detection, and what a target says in between.
 */
#include <string.h>

#include "back/back.h"
#include "base/clock.h"
#include "base/mem.h"
#include "rdp/autodetect.h"
#include "rdp/mcs.h"
#include "rdp/share.h"

#define PDUS_MAX 1000 /* a target that talks for ever without a Demand Active */

/* Where this phase stands. */
struct waiting {
    struct back *back;
    struct detect_client detect;
    struct back_licence licence;
    bool is_ready; /* Demand Active is at the head of the stream */
    uint32_t errinfo;
};

static enum sp_err refuse(struct back *b, const struct sp_fail *why)
{
    return sp_fail_set(&b->stream.fail, why->code, why->where, why->got, why->want);
}

static enum sp_err reply(struct back *b, uint16_t channel, const uint8_t *data, size_t size)
{
    uint8_t out[128];
    struct wr w;

    wr_init(&w, out, sizeof(out));
    size_t mark = mcs_send_begin(&w, false, b->user_id, channel);
    wr_bytes(&w, data, size);
    mcs_send_end(&w, mark);
    SP_BUG(!wr_ok(&w));
    return stream_send(&b->stream, out, w.pos);
}

/* The message channel: the target measures the way to us, since the client is not there yet. */
static enum sp_err on_message(struct waiting *x, struct rd *data)
{
    struct multitransport_request offer;
    struct detect_request request;
    uint8_t out[64];
    bool answered = false;
    struct wr w;

    wr_init(&w, out, sizeof(out));
    switch (message_kind_of(data)) {
    case MESSAGE_DETECT_REQUEST:
        if (detect_request_read(data, &request) != SP_OK)
            return refuse(x->back, &data->fail);
        if (detect_client_step(&x->detect, &request, clock_now_ms(), &w, &answered) != SP_OK)
            return sp_fail_set(&x->back->stream.fail, SP_ESTATE, "auto-detect",
                               request.request_type, 0);
        break;
    case MESSAGE_MULTITRANSPORT_REQUEST:
        if (multitransport_request_read(data, &offer) != SP_OK)
            return refuse(x->back, &data->fail);
        multitransport_response_write(&w, offer.request_id, HRESULT_E_ABORT);
        answered = true;
        break;
    case MESSAGE_HEARTBEAT:
        return SP_OK;
    case MESSAGE_UNKNOWN:
    case MESSAGE_DETECT_RESPONSE:
    case MESSAGE_MULTITRANSPORT_RESPONSE:
    default:
        return sp_fail_set(&x->back->stream.fail, SP_EVALUE, "message channel", 0, 0);
    }
    return answered ? reply(x->back, x->back->message_channel, out, w.pos) : SP_OK;
}

static enum sp_err on_data_pdu(struct waiting *x, struct share_pdu *pdu)
{
    struct share_data data;
    uint32_t code;

    if (share_data_read(&pdu->body, &data) != SP_OK)
        return refuse(x->back, &pdu->body.fail);
    if (data.pdu_type2 != PDUTYPE2_SET_ERROR_INFO_PDU)
        return SP_OK; /* Status Info and the like: nothing to do before activation */
    if (share_read_set_error_info(&data.body, &code) != SP_OK)
        return refuse(x->back, &data.body.fail);
    x->back->target_errinfo = code;
    x->errinfo = code;
    return SP_OK;
}

static enum sp_err on_share(struct waiting *x, struct rd *data)
{
    while (data->left > 0) {
        struct share_pdu pdu;

        if (share_next(data, &pdu) != SP_OK)
            return refuse(x->back, &data->fail);
        if (pdu.is_flow)
            continue;
        if (pdu.type == PDUTYPE_DEMANDACTIVEPDU) {
            x->is_ready = true;
            return SP_OK;
        }
        if (pdu.type == PDUTYPE_SERVER_REDIR_PKT) {
            enum sp_err err = back_redirect_read(x->back, &pdu.body);

            if (err != SP_OK || x->back->next.is_set)
                return err;
            continue;
        }
        if (pdu.type != PDUTYPE_DATAPDU && pdu.type != PDUTYPE_DEACTIVATEALLPDU)
            return sp_fail_set(&x->back->stream.fail, SP_ESTATE, "target's share PDU", pdu.type,
                               PDUTYPE_DEMANDACTIVEPDU);
        enum sp_err err = pdu.type == PDUTYPE_DATAPDU ? on_data_pdu(x, &pdu) : SP_OK;
        if (err != SP_OK)
            return err;
    }
    return SP_OK;
}

static enum sp_err on_pdu(struct waiting *x, struct mcs_pdu *pdu)
{
    struct back *b = x->back;

    if (pdu->type == MCS_DISCONNECT_PROVIDER_ULTIMATUM)
        return sp_fail_set(&b->stream.fail, SP_ECLOSED, "target's ultimatum", pdu->reason, 0);
    if (pdu->type != MCS_SEND_DATA_INDICATION)
        return sp_fail_set(&b->stream.fail, SP_ESTATE, "target's MCS PDU", pdu->type,
                           MCS_SEND_DATA_INDICATION);
    if (b->message_channel != 0 && pdu->channel_id == b->message_channel)
        return on_message(x, &pdu->data);
    if (pdu->channel_id != b->io_channel)
        return sp_fail_set(&b->stream.fail, SP_ESTATE, "channel data before Demand Active",
                           pdu->channel_id, b->io_channel);
    return x->licence.is_done ? on_share(x, &pdu->data)
                              : back_licence_message(b, &x->licence, &pdu->data, &x->errinfo);
}

enum sp_err back_await_activation(struct back *b, enum ipc_step *step, uint32_t *errinfo)
{
    struct waiting x = {.back = b};
    enum sp_err err = SP_OK;

    for (int i = 0; i < PDUS_MAX && err == SP_OK && !x.is_ready && !b->next.is_set; i++) {
        struct mcs_pdu pdu;
        struct rd r;
        uint8_t *data;
        size_t size;

        *step = x.licence.is_done ? IPC_STEP_TARGET_ACTIVATE : IPC_STEP_TARGET_LICENCE;
        err = back_tpkt(b, &data, &size);
        if (err != SP_OK)
            break;
        rd_init(&r, data, size);
        err = mcs_domain_read(&r, &pdu);
        err = err == SP_OK ? on_pdu(&x, &pdu) : refuse(b, &r.fail);
        if (x.is_ready)
            stream_unread(&b->stream, size);
        if (b->next.is_set)
            sp_wipe(data, size); /* a redirection may carry a password */
    }
    if (err == SP_OK && !x.is_ready && !b->next.is_set)
        err = sp_fail_set(&b->stream.fail, SP_ELIMIT, "PDUs before Demand Active", PDUS_MAX,
                          PDUS_MAX);
    *errinfo = x.errinfo;
    return err;
}
