/* SPDX-License-Identifier: Apache-2.0
 * What comes from the target: graphics pass untouched, a few PDUs are rewritten or held back.
 */
#include <string.h>

#include "base/clock.h"
#include "rdp/autodetect.h"
#include "rdp/frame.h"
#include "rdp/mcs.h"
#include "rdp/save_session.h"
#include "rdp/share.h"
#include "session/splice_priv.h"

static bool client_wants(const struct splice *s, uint16_t early_flag)
{
    return (s->front->settings.core.early_capability_flags & early_flag) != 0;
}

/* The client's channel for one of the target's, or 0; FRONT_CHANNEL_FIRST + its place. */
static uint16_t client_channel(const struct splice *s, uint16_t id)
{
    const struct back *b = s->back;

    for (size_t i = 0; i < s->front->settings.channel_count; i++) {
        uint8_t place = b->channel_of[i];
        if (place != BACK_NO_CHANNEL && b->channel_ids[place] == id)
            return (uint16_t)(FRONT_CHANNEL_FIRST + i);
    }
    return 0;
}

static void on_error_info(struct splice *s, struct rd *body)
{
    uint32_t code;

    if (share_read_set_error_info(body, &code) != SP_OK || code == 0)
        return;
    s->back->target_errinfo = code;
    splice_note(s, IPC_NOTE_TARGET_ERROR, code);
}

/* One data PDU into w; *as_is says that it could have passed unchanged. */
static enum sp_err copy_data(struct splice *s, const struct share_pdu *pdu, struct wr *w,
                             bool *as_is)
{
    struct rd body = pdu->body, whole = pdu->whole;
    struct share_data data;

    if (share_data_read(&body, &data) != SP_OK)
        return sp_fail_set(&s->to_client.fail, body.fail.code, body.fail.where, body.fail.got,
                           body.fail.want);
    switch (data.pdu_type2) {
    case PDUTYPE2_SAVE_SESSION_INFO:
        splice_note(s, IPC_NOTE_LOGGED_ON, 0);
        /* A compressed one is part of the client's bulk history and can be neither edited nor left
         * out. It shows the account's name; a cookie is never in it, as none was offered. */
        if ((data.compressed_type & PACKET_COMPRESSED) != 0)
            break;
        *as_is = false;
        return save_session_info_rewrite(&whole, s->front->typed_domain.bytes,
                                         s->front->typed_domain.size, s->front->typed_user.bytes,
                                         s->front->typed_user.size, true, w);
    case PDUTYPE2_SYNCHRONIZE:
    case PDUTYPE2_CONTROL:
        *as_is = false;
        return share_rewrite_user(pdu, s->back->user_id, s->front->user_id, w);
    case PDUTYPE2_SET_ERROR_INFO_PDU:
        on_error_info(s, &data.body);
        if (client_wants(s, RNS_UD_CS_SUPPORT_ERRINFO_PDU))
            break;
        *as_is = false;
        return SP_OK;
    case PDUTYPE2_STATUS_INFO_PDU:
        if (client_wants(s, RNS_UD_CS_SUPPORT_STATUSINFO_PDU))
            break;
        *as_is = false;
        return SP_OK;
    default:
        break;
    }
    wr_bytes(w, whole.at, whole.left);
    return SP_OK;
}

static enum sp_err copy_share(struct splice *s, const struct share_pdu *pdu, struct wr *w,
                              bool *as_is)
{
    struct rd whole = pdu->whole;
    struct caps_facts facts;
    enum sp_err err;

    switch (pdu->type) {
    case PDUTYPE_DATAPDU:
        return copy_data(s, pdu, w, as_is);
    case PDUTYPE_DEMANDACTIVEPDU:
        *as_is = false;
        err = demand_active_edit(&whole, &s->policy, w, &facts);
        if (err != SP_OK)
            return sp_fail_set(&s->to_client.fail, err, whole.fail.where, whole.fail.got,
                               whole.fail.want);
        s->chunk_max = facts.vc_chunk_size;
        s->is_demanded = true;
        s->demanded_ms = clock_now_ms();
        return SP_OK;
    case PDUTYPE_DEACTIVATEALLPDU:
        s->is_confirmed = false;
        wr_bytes(w, whole.at, whole.left);
        return SP_OK;
    case PDUTYPE_SERVER_REDIR_PKT:
        /* It carries the target's credentials and would lead the client around us. */
        return sp_fail_set(&s->to_client.fail, SP_EDENIED, "target redirects elsewhere", 0, 0);
    default:
        return sp_fail_set(&s->to_client.fail, SP_EVALUE, "target's share PDU", pdu->type, 0);
    }
}

static enum verdict on_io(struct splice *s, struct mcs_pdu *mcs, uint8_t *frame, size_t size)
{
    struct flow *flow = &s->to_client;
    bool as_is = true;
    struct wr w;

    wr_init(&w, flow->side, sizeof(flow->side));
    size_t mark = mcs_send_begin(&w, true, MCS_SERVER_CHANNEL, MCS_GLOBAL_CHANNEL);
    size_t empty = w.pos;
    while (mcs->data.left > 0) {
        struct share_pdu pdu;

        if (share_next(&mcs->data, &pdu) != SP_OK)
            return splice_refuse_fail(flow, &mcs->data.fail);
        if (pdu.is_flow)
            continue;
        enum sp_err err = copy_share(s, &pdu, &w, &as_is);
        if (err != SP_OK)
            return splice_refuse(flow, err, "target's share PDU", pdu.type, 0);
    }
    if (as_is) {
        mcs_send_patch(frame, size, MCS_SEND_DATA_INDICATION, MCS_SERVER_CHANNEL,
                       MCS_GLOBAL_CHANNEL);
        return VERDICT_PASS;
    }
    if (w.pos == empty)
        return VERDICT_DROP;
    mcs_send_end(&w, mark);
    if (!wr_ok(&w))
        return splice_refuse_fail(flow, &w.fail);
    flow->side_size = w.pos;
    return VERDICT_REPLACE;
}

/* Auto-detection and heartbeat reach the client, which then measures both legs; UDP never does. */
static enum verdict on_message(struct splice *s, const struct mcs_pdu *mcs, uint8_t *frame,
                               size_t size)
{
    enum message_kind kind = message_kind_of(&mcs->data);
    bool passes =
        kind == MESSAGE_DETECT_REQUEST
            ? client_wants(s, RNS_UD_CS_SUPPORT_NETCHAR_AUTODETECT)
            : kind == MESSAGE_HEARTBEAT && client_wants(s, RNS_UD_CS_SUPPORT_HEARTBEAT_PDU);

    if (!passes || s->front->message_channel == 0)
        return VERDICT_DROP;
    mcs_send_patch(frame, size, MCS_SEND_DATA_INDICATION, MCS_SERVER_CHANNEL,
                   s->front->message_channel);
    return VERDICT_PASS;
}

static enum verdict on_channel(struct splice *s, const struct mcs_pdu *mcs, uint8_t *frame,
                               size_t size)
{
    uint16_t id = client_channel(s, mcs->channel_id);

    if (id == 0)
        return splice_refuse(&s->to_client, SP_EVALUE, "target's channel id", mcs->channel_id, 0);
    if (mcs->data.left < CHANNEL_HEADER_SIZE ||
        mcs->data.left > CHANNEL_CHUNK_MAX + CHANNEL_HEADER_SIZE)
        return splice_refuse(&s->to_client, SP_ELIMIT, "target's channel chunk",
                             (uint32_t)mcs->data.left, CHANNEL_CHUNK_MAX);
    struct channel_header header;
    struct rd r = mcs->data;

    if (channel_header_read(&r, &header) != SP_OK)
        return splice_refuse_fail(&s->to_client, &r.fail);
    enum verdict v =
        splice_channel_filter(s, (size_t)(id - FRONT_CHANNEL_FIRST), CHANNEL_SERVER_TO_CLIENT,
                              &header, frame + (size - r.left), r.left);
    if (v != VERDICT_PASS)
        return v;
    mcs_send_patch(frame, size, MCS_SEND_DATA_INDICATION, MCS_SERVER_CHANNEL, id);
    return VERDICT_PASS;
}

enum verdict splice_from_target(struct splice *s, uint8_t *frame, size_t size)
{
    struct mcs_pdu mcs;
    struct rd r;

    if (rdp_is_fastpath(frame[0])) {
        /* Under TLS neither encryption bit may be set (2.2.9.1.2). */
        if ((frame[0] & 0xC0) != 0 || !s->is_confirmed)
            return splice_refuse(&s->to_client, SP_ESTATE, "fast-path output", frame[0],
                                 s->is_confirmed);
        return VERDICT_PASS;
    }
    rd_init(&r, frame, size);
    enum sp_err err = mcs_domain_read(&r, &mcs);
    if (err == SP_ECLOSED || (err == SP_OK && mcs.type == MCS_DISCONNECT_PROVIDER_ULTIMATUM))
        return VERDICT_END;
    if (err != SP_OK)
        return splice_refuse_fail(&s->to_client, &r.fail);
    if (mcs.type != MCS_SEND_DATA_INDICATION)
        return splice_refuse(&s->to_client, SP_ESTATE, "target's MCS PDU", mcs.type,
                             MCS_SEND_DATA_INDICATION);
    if (mcs.channel_id == s->back->io_channel)
        return on_io(s, &mcs, frame, size);
    if (s->back->message_channel != 0 && mcs.channel_id == s->back->message_channel)
        return on_message(s, &mcs, frame, size);
    return on_channel(s, &mcs, frame, size);
}
