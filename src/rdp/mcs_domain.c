/* SPDX-License-Identifier: Apache-2.0
 * MCS domain PDUs in aligned PER; T.125 7 and 9, MS-RDPBCGR 2.2.1.5-2.2.1.9.
 */
#include "rdp/mcs.h"

#include "rdp/frame.h"
#include "rdp/per.h"

#define CHOICE(type)       ((uint8_t)((type) << 2))
#define CONFIRM_HAS_ID     0x02
#define SEND_PRIORITY_HIGH 0x70 /* priority high, segmentation begin and end */
#define SEND_SEGMENTATION  0x30
#define SEND_LENGTH_OFFSET 13 /* from the TPKT */
#define ERECT_WORDS        0x00010001

/* PER INTEGER without bounds: RDP does not use the values. */
static void integer_skip(struct rd *r, const char *where)
{
    uint16_t size = per_length_read(r, where);

    rd_skip(r, size, where);
}

/*
 * rdesktop writes the height and the interval as two words of 1 and not as integers with a length.
 * Nobody uses the values, so just these four bytes are taken for what they mean.
 */
static void erect_domain_read(struct rd *r)
{
    struct rd ahead = *r;

    if (rd_u32be(&ahead, "ErectDomainRequest") == ERECT_WORDS && ahead.left == 0) {
        *r = ahead;
        return;
    }
    integer_skip(r, "ErectDomainRequest.subHeight");
    integer_skip(r, "ErectDomainRequest.subInterval");
}

static void ultimatum_read(struct rd *r, uint8_t first, struct mcs_pdu *out)
{
    uint8_t second = rd_u8(r, "DisconnectProviderUltimatum.reason");

    out->reason = (uint8_t)((first & 3) << 1 | second >> 7);
    if (out->reason > MCS_REASON_MAX)
        rd_refuse(r, SP_EVALUE, "DisconnectProviderUltimatum.reason", out->reason, MCS_REASON_MAX);
}

static void attach_confirm_read(struct rd *r, struct mcs_pdu *out)
{
    out->result = rd_u8(r, "AttachUserConfirm.result");
    if (out->has_id)
        out->initiator = per_user_id_read(r, "AttachUserConfirm.initiator");
}

static void join_request_read(struct rd *r, struct mcs_pdu *out)
{
    out->initiator = per_user_id_read(r, "ChannelJoinRequest.initiator");
    out->channel_id = rd_u16be(r, "ChannelJoinRequest.channelId");
}

static void join_confirm_read(struct rd *r, struct mcs_pdu *out)
{
    out->result = rd_u8(r, "ChannelJoinConfirm.result");
    out->initiator = per_user_id_read(r, "ChannelJoinConfirm.initiator");
    out->requested = rd_u16be(r, "ChannelJoinConfirm.requested");
    if (out->has_id)
        out->channel_id = rd_u16be(r, "ChannelJoinConfirm.channelId");
}

static void send_data_read(struct rd *r, struct mcs_pdu *out)
{
    uint16_t size = 0;

    out->initiator = per_user_id_read(r, "SendData.initiator");
    out->channel_id = rd_u16be(r, "SendData.channelId");
    uint8_t flags = rd_u8(r, "SendData.segmentation");
    rd_want(r, "SendData.segmentation", flags & SEND_SEGMENTATION, SEND_SEGMENTATION);
    size = per_length_read(r, "SendData.userData");
    out->data_offset = RDP_DATA_OFFSET + rd_pos(r);
    rd_sub(r, size, &out->data, "SendData.userData");
}

/* The bits that a choice byte may have beside the choice itself. */
static uint8_t optional_bits(enum mcs_type type)
{
    if (type == MCS_ATTACH_USER_CONFIRM || type == MCS_CHANNEL_JOIN_CONFIRM)
        return CONFIRM_HAS_ID;
    return type == MCS_DISCONNECT_PROVIDER_ULTIMATUM ? 0x03 : 0;
}

static void choice_read(struct rd *r, struct mcs_pdu *out)
{
    uint8_t first = rd_u8(r, "DomainMCSPDU");

    if (!rd_ok(r))
        return;
    out->type = (enum mcs_type)(first >> 2);
    out->has_id = (first & CONFIRM_HAS_ID) != 0 && optional_bits(out->type) == CONFIRM_HAS_ID;
    switch (first >> 2) {
    case MCS_ERECT_DOMAIN_REQUEST:
        erect_domain_read(r);
        break;
    case MCS_DISCONNECT_PROVIDER_ULTIMATUM:
        ultimatum_read(r, first, out);
        break;
    case MCS_ATTACH_USER_REQUEST:
        break;
    case MCS_ATTACH_USER_CONFIRM:
        attach_confirm_read(r, out);
        break;
    case MCS_CHANNEL_JOIN_REQUEST:
        join_request_read(r, out);
        break;
    case MCS_CHANNEL_JOIN_CONFIRM:
        join_confirm_read(r, out);
        break;
    case MCS_SEND_DATA_REQUEST:
    case MCS_SEND_DATA_INDICATION:
        send_data_read(r, out);
        break;
    default:
        rd_refuse(r, SP_EVALUE, "DomainMCSPDU", first, 0);
        return;
    }
    if ((first & 0x03 & ~optional_bits(out->type)) != 0)
        rd_refuse(r, SP_EVALUE, "DomainMCSPDU", first, CHOICE(out->type));
}

enum sp_err mcs_domain_read(struct rd *pdu, struct mcs_pdu *out)
{
    struct mcs_pdu mcs = {0};
    struct rd payload;
    bool disconnect = false;

    if (rdp_data_open(pdu, &payload, &disconnect) != SP_OK)
        return pdu->fail.code;
    if (disconnect)
        return rd_refuse(pdu, SP_ECLOSED, "X.224 Disconnect Request", 0, 0);
    choice_read(&payload, &mcs);
    rd_end(&payload, "DomainMCSPDU");
    rd_adopt(pdu, &payload);
    if (rd_ok(pdu))
        *out = mcs;
    return pdu->fail.code;
}

static enum sp_err finish(struct wr *w, size_t mark)
{
    rdp_data_end(w, mark);
    return w->fail.code;
}

enum sp_err mcs_erect_domain_request_write(struct wr *w)
{
    size_t mark = rdp_data_begin(w);

    wr_u8(w, CHOICE(MCS_ERECT_DOMAIN_REQUEST));
    wr_bytes(w, (const uint8_t[]){1, 0, 1, 0}, 4); /* subHeight 0, subInterval 0 */
    return finish(w, mark);
}

enum sp_err mcs_attach_user_request_write(struct wr *w)
{
    size_t mark = rdp_data_begin(w);

    wr_u8(w, CHOICE(MCS_ATTACH_USER_REQUEST));
    return finish(w, mark);
}

enum sp_err mcs_attach_user_confirm_write(struct wr *w, uint16_t user)
{
    size_t mark = rdp_data_begin(w);

    wr_u8(w, CHOICE(MCS_ATTACH_USER_CONFIRM) | CONFIRM_HAS_ID);
    wr_u8(w, RESULT_RT_SUCCESSFUL);
    per_user_id_write(w, user);
    return finish(w, mark);
}

enum sp_err mcs_channel_join_request_write(struct wr *w, uint16_t user, uint16_t channel)
{
    size_t mark = rdp_data_begin(w);

    wr_u8(w, CHOICE(MCS_CHANNEL_JOIN_REQUEST));
    per_user_id_write(w, user);
    wr_u16be(w, channel);
    return finish(w, mark);
}

enum sp_err mcs_channel_join_confirm_write(struct wr *w, uint16_t user, uint16_t channel)
{
    size_t mark = rdp_data_begin(w);

    wr_u8(w, CHOICE(MCS_CHANNEL_JOIN_CONFIRM) | CONFIRM_HAS_ID);
    wr_u8(w, RESULT_RT_SUCCESSFUL);
    per_user_id_write(w, user);
    wr_u16be(w, channel); /* requested */
    wr_u16be(w, channel);
    return finish(w, mark);
}

enum sp_err mcs_disconnect_ultimatum_write(struct wr *w, uint8_t reason)
{
    size_t mark = rdp_data_begin(w);

    SP_BUG(reason > MCS_REASON_MAX);
    wr_u8(w, (uint8_t)(CHOICE(MCS_DISCONNECT_PROVIDER_ULTIMATUM) | reason >> 1));
    wr_u8(w, (uint8_t)((reason & 1) << 7));
    return finish(w, mark);
}

size_t mcs_send_begin(struct wr *w, bool indication, uint16_t initiator, uint16_t channel)
{
    size_t mark = rdp_data_begin(w);

    wr_u8(w, CHOICE(indication ? MCS_SEND_DATA_INDICATION : MCS_SEND_DATA_REQUEST));
    per_user_id_write(w, initiator);
    wr_u16be(w, channel);
    wr_u8(w, SEND_PRIORITY_HIGH);
    per_length_gap(w);
    return mark;
}

void mcs_send_end(struct wr *w, size_t mark)
{
    per_length_end(w, mark + SEND_LENGTH_OFFSET);
    rdp_data_end(w, mark);
}

void mcs_send_patch(uint8_t *pdu, size_t size, enum mcs_type type, uint16_t initiator,
                    uint16_t channel)
{
    struct wr w;

    SP_BUG(size < SEND_LENGTH_OFFSET + 1);
    SP_BUG(type != MCS_SEND_DATA_REQUEST && type != MCS_SEND_DATA_INDICATION);
    wr_init(&w, pdu + RDP_DATA_OFFSET, 5);
    wr_u8(&w, CHOICE(type));
    per_user_id_write(&w, initiator);
    wr_u16be(&w, channel);
}
