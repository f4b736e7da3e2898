/* SPDX-License-Identifier: Apache-2.0
 * What comes from the client: input passes once it is whole, everything else by an allow list.
 */
#include "base/clock.h"
#include "rdp/autodetect.h"
#include "rdp/errinfo.h"
#include "rdp/fastpath.h"
#include "rdp/frame.h"
#include "rdp/mcs.h"
#include "rdp/share.h"
#include "session/splice_priv.h"

/* Tell the client which of its PDUs was refused, and refuse it. */
static enum verdict refuse(struct splice *s, uint32_t errinfo, const struct sp_fail *fail)
{
    s->errinfo = errinfo;
    return splice_refuse_fail(&s->to_target, fail);
}

static enum verdict refuse_value(struct splice *s, uint32_t errinfo, const char *where,
                                 uint32_t got)
{
    struct sp_fail fail = {SP_EVALUE, where, got, 0};

    return refuse(s, errinfo, &fail);
}

static enum verdict on_fastpath(struct splice *s, uint8_t *frame, size_t size)
{
    unsigned count;
    bool has_user_input;
    struct rd r;

    if (!s->is_confirmed) {
        /* Legal while a reactivation is under way: the client has not seen it yet. */
        if (s->is_noted || s->had_lobby)
            return VERDICT_DROP;
        return refuse_value(s, ERRINFO_INPUTPDUBADLENGTH, "input before Confirm Active", frame[0]);
    }
    rd_init(&r, frame, size);
    if (fastpath_input_check(&r, &count, &has_user_input) != SP_OK)
        return refuse(s, ERRINFO_INPUTPDUBADLENGTH, &r.fail);
    if (has_user_input)
        s->last_input_ms = clock_now_ms();
    return VERDICT_PASS;
}

static enum sp_err on_confirm_active(struct splice *s, const struct share_pdu *pdu, struct wr *w)
{
    struct rd whole = pdu->whole;
    struct caps_facts facts;
    enum sp_err err;

    if (!s->is_demanded)
        return sp_fail_set(&s->to_target.fail, SP_ESTATE, "Confirm Active", 0, 0);
    err = confirm_active_edit(&whole, &s->policy, s->back->user_id, w, &facts);
    if (err != SP_OK) {
        s->errinfo = ERRINFO_BADCAPABILITIES;
        return sp_fail_set(&s->to_target.fail, err, whole.fail.where, whole.fail.got,
                           whole.fail.want);
    }
    s->is_demanded = false;
    s->is_confirmed = true;
    if (!s->is_noted)
        splice_note(s, IPC_NOTE_ACTIVE, 0);
    s->is_noted = true;
    return SP_OK;
}

static enum sp_err on_data(struct splice *s, const struct share_pdu *pdu, struct wr *w)
{
    struct rd body = pdu->body;
    struct share_data data;

    if (share_data_read(&body, &data) != SP_OK) {
        s->errinfo = ERRINFO_SHAREDATATOOSHORT;
        return sp_fail_set(&s->to_target.fail, body.fail.code, body.fail.where, body.fail.got,
                           body.fail.want);
    }
    if (!share_client_type_allowed(data.pdu_type2)) {
        s->errinfo = ERRINFO_UNKNOWNPDUTYPE2;
        return sp_fail_set(&s->to_target.fail, SP_EVALUE, "client's pduType2", data.pdu_type2, 0);
    }
    /* It tells which bitmaps the client keeps from other sessions. */
    if (data.pdu_type2 == PDUTYPE2_BITMAPCACHE_PERSISTENT_LIST)
        return SP_OK;
    if (!s->is_confirmed) {
        if (s->is_noted || s->had_lobby)
            return SP_OK;
        s->errinfo = ERRINFO_DATAPDUSEQUENCE;
        return sp_fail_set(&s->to_target.fail, SP_ESTATE, "data before Confirm Active",
                           data.pdu_type2, 0);
    }
    if (data.pdu_type2 == PDUTYPE2_INPUT)
        s->last_input_ms = clock_now_ms();
    return share_rewrite_user(pdu, s->front->user_id, s->back->user_id, w);
}

static enum verdict on_io(struct splice *s, struct mcs_pdu *mcs)
{
    struct flow *flow = &s->to_target;
    struct wr w;

    wr_init(&w, flow->side, sizeof(flow->side));
    size_t mark = mcs_send_begin(&w, false, s->back->user_id, s->back->io_channel);
    size_t empty = w.pos;
    while (mcs->data.left > 0) {
        struct share_pdu pdu;
        enum sp_err err = SP_OK;

        if (share_next(&mcs->data, &pdu) != SP_OK)
            return refuse(s, ERRINFO_SHAREDATATOOSHORT, &mcs->data.fail);
        if (pdu.is_flow)
            continue;
        if (pdu.type == PDUTYPE_CONFIRMACTIVEPDU)
            err = on_confirm_active(s, &pdu, &w);
        else if (pdu.type == PDUTYPE_DATAPDU)
            err = on_data(s, &pdu, &w);
        else
            return refuse_value(s, ERRINFO_UNKNOWNPDUTYPE, "client's pduType", pdu.type);
        if (err != SP_OK)
            return splice_refuse(flow, err, "client's share PDU", pdu.type, 0);
    }
    if (w.pos == empty)
        return VERDICT_DROP;
    mcs_send_end(&w, mark);
    if (!wr_ok(&w))
        return splice_refuse_fail(flow, &w.fail);
    flow->side_size = w.pos;
    return VERDICT_REPLACE;
}

static enum verdict on_channel(struct splice *s, const struct mcs_pdu *mcs, uint8_t *frame,
                               size_t size)
{
    const struct back *b = s->back;
    size_t place = (size_t)mcs->channel_id - FRONT_CHANNEL_FIRST;
    struct channel_header header;
    struct rd r = mcs->data;

    if (mcs->channel_id < FRONT_CHANNEL_FIRST || place >= s->front->settings.channel_count)
        return refuse_value(s, ERRINFO_INVALIDCHANNELID, "client's channel id", mcs->channel_id);
    if (b->channel_of[place] == BACK_NO_CHANNEL) {
        s->dropped_channel_pdus++;
        return VERDICT_DROP;
    }
    if (channel_header_read(&r, &header) != SP_OK)
        return refuse(s, ERRINFO_VCHANNELDATATOOSHORT, &r.fail);
    struct sp_fail fail = {0};
    if (channel_stream_step(&s->channels[place], CHANNEL_CLIENT_TO_SERVER, &header, r.left,
                            s->chunk_max, &fail) != SP_OK)
        return refuse(s, ERRINFO_VCDATATOOLONG, &fail);
    enum verdict v = splice_channel_filter(s, place, CHANNEL_CLIENT_TO_SERVER, &header,
                                           frame + (size - r.left), r.left);
    if (v == VERDICT_REFUSE)
        s->errinfo = ERRINFO_VCHANNELDATATOOSHORT;
    if (v != VERDICT_PASS)
        return v;
    mcs_send_patch(frame, size, MCS_SEND_DATA_REQUEST, b->user_id,
                   b->channel_ids[b->channel_of[place]]);
    return VERDICT_PASS;
}

static enum verdict on_message(struct splice *s, const struct mcs_pdu *mcs, uint8_t *frame,
                               size_t size)
{
    /* Only what the target asked for: the answers of auto-detection. */
    if (message_kind_of(&mcs->data) != MESSAGE_DETECT_RESPONSE || s->back->message_channel == 0)
        return VERDICT_DROP;
    mcs_send_patch(frame, size, MCS_SEND_DATA_REQUEST, s->back->user_id, s->back->message_channel);
    return VERDICT_PASS;
}

enum verdict splice_from_client(struct splice *s, uint8_t *frame, size_t size)
{
    struct mcs_pdu mcs;
    struct rd r;

    if (rdp_is_fastpath(frame[0]))
        return on_fastpath(s, frame, size);
    rd_init(&r, frame, size);
    enum sp_err err = mcs_domain_read(&r, &mcs);
    if (err == SP_ECLOSED || (err == SP_OK && mcs.type == MCS_DISCONNECT_PROVIDER_ULTIMATUM))
        return VERDICT_END;
    if (err != SP_OK)
        return refuse(s, ERRINFO_UNKNOWNPDUTYPE, &r.fail);
    if (mcs.type != MCS_SEND_DATA_REQUEST)
        return refuse_value(s, ERRINFO_UNKNOWNPDUTYPE, "client's MCS PDU", mcs.type);
    if (mcs.initiator != s->front->user_id)
        return refuse_value(s, ERRINFO_INVALIDCHANNELID, "client's initiator", mcs.initiator);
    if (mcs.channel_id == MCS_GLOBAL_CHANNEL)
        return on_io(s, &mcs);
    if (s->front->message_channel != 0 && mcs.channel_id == s->front->message_channel)
        return on_message(s, &mcs, frame, size);
    return on_channel(s, &mcs, frame, size);
}
