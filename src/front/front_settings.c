/* SPDX-License-Identifier: Apache-2.0
 * MCS, GCC, channel joins, Client Info and licensing, as the server.
 */
#include <string.h>

#include "base/mem.h"
#include "front/front.h"
#include "rdp/frame.h"
#include "rdp/licence.h"

static enum sp_err refuse(struct front *f, const struct sp_fail *why)
{
    return sp_fail_set(&f->stream.fail, why->code, why->where, why->got, why->want);
}

static uint16_t clamp_px(uint16_t px)
{
    if (px < FRONT_DESKTOP_MIN)
        return FRONT_DESKTOP_MIN;
    return px > FRONT_DESKTOP_MAX ? FRONT_DESKTOP_MAX : px;
}

static enum sp_err read_connect_initial(struct front *f, struct mcs_domain_parameters *merged)
{
    struct mcs_connect_initial initial;
    struct rd r;
    uint8_t *pdu;
    size_t size;
    enum sp_err err = front_tpkt(f, TPKT_SIZE_MAX, &pdu, &size);

    if (err != SP_OK)
        return err;
    rd_init(&r, pdu, size);
    err = mcs_connect_initial_read(&r, &initial);
    if (err != SP_OK)
        return refuse(f, &r.fail);
    err = mcs_domain_parameters_merge(&initial, merged, &f->stream.fail);
    if (err != SP_OK)
        return err;
    err = gcc_client_read(&initial.user_data, true, &f->settings);
    if (err != SP_OK)
        return refuse(f, &initial.user_data.fail);
    struct gcc_client_core *core = &f->settings.core;
    /* 3.3.5.3.3: a client that heard another answer than ours has a man in the middle. */
    if (core->server_selected_protocol != f->selected_protocol)
        return sp_fail_set(&f->stream.fail, SP_EVALUE, "CS_CORE.serverSelectedProtocol",
                           core->server_selected_protocol, f->selected_protocol);
    core->desktop_width = clamp_px(core->desktop_width);
    core->desktop_height = clamp_px(core->desktop_height);
    return SP_OK;
}

static enum sp_err send_connect_response(struct front *f,
                                         const struct mcs_domain_parameters *merged)
{
    const struct gcc_client *c = &f->settings;
    struct gcc_server server = {
        .version = c->core.version < RDP_VERSION_10_12 ? c->core.version : RDP_VERSION_10_12,
        .has_requested_protocols = true,
        .requested_protocols = f->requested_protocols,
        .io_channel = MCS_GLOBAL_CHANNEL,
        .channel_count = c->channel_count,
    };
    struct mcs_connect_response response = {.result = RESULT_RT_SUCCESSFUL, .parameters = *merged};
    uint8_t blocks[512], out[1024];
    struct wr w;

    if ((c->core.early_capability_flags & RNS_UD_CS_SUPPORT_DYNAMIC_TIME_ZONE) != 0)
        server.early_flags |= RNS_UD_SC_DYNAMIC_DST_SUPPORTED;
    if ((c->core.early_capability_flags & RNS_UD_CS_SUPPORT_SKIP_CHANNELJOIN) != 0)
        server.early_flags |= RNS_UD_SC_SKIP_CHANNELJOIN_SUPPORTED;
    uint16_t next = FRONT_CHANNEL_FIRST;
    for (size_t i = 0; i < c->channel_count; i++)
        server.channel_ids[i] = next++;
    f->message_channel = c->has_message_channel ? next++ : 0;
    server.message_channel = f->message_channel;
    f->user_id = next;
    wr_init(&w, blocks, sizeof(blocks));
    SP_BUG(gcc_server_write(&w, &server) != SP_OK);
    rd_init(&response.user_data, blocks, w.pos);
    wr_init(&w, out, sizeof(out));
    SP_BUG(mcs_connect_response_write(&w, &response) != SP_OK);
    return stream_send(&f->stream, out, w.pos);
}

static enum sp_err next_domain_pdu(struct front *f, struct mcs_pdu *out)
{
    struct rd r;
    uint8_t *pdu;
    size_t size;
    enum sp_err err = front_tpkt(f, TPKT_SIZE_MAX, &pdu, &size);

    if (err != SP_OK)
        return err;
    rd_init(&r, pdu, size);
    err = mcs_domain_read(&r, out);
    if (err != SP_OK)
        return refuse(f, &r.fail);
    if (out->type == MCS_DISCONNECT_PROVIDER_ULTIMATUM)
        return sp_fail_set(&f->stream.fail, SP_ECLOSED, "client's ultimatum", out->reason, 0);
    return SP_OK;
}

static enum sp_err expect(struct front *f, enum mcs_type type)
{
    struct mcs_pdu pdu;
    enum sp_err err = next_domain_pdu(f, &pdu);

    if (err == SP_OK && pdu.type != type)
        err = sp_fail_set(&f->stream.fail, SP_ESTATE, "MCS PDU", pdu.type, type);
    return err;
}

static enum sp_err attach_user(struct front *f)
{
    uint8_t out[32];
    struct wr w;
    enum sp_err err = expect(f, MCS_ERECT_DOMAIN_REQUEST);

    if (err == SP_OK)
        err = expect(f, MCS_ATTACH_USER_REQUEST);
    if (err != SP_OK)
        return err;
    wr_init(&w, out, sizeof(out));
    SP_BUG(mcs_attach_user_confirm_write(&w, f->user_id) != SP_OK);
    return stream_send(&f->stream, out, w.pos);
}

/* One join: ids 1003…user_id are ours, each may be joined once. */
static enum sp_err join(struct front *f, const struct mcs_pdu *pdu, uint64_t *joined)
{
    unsigned slot = (unsigned)pdu->channel_id - MCS_GLOBAL_CHANNEL;
    uint8_t out[32];
    struct wr w;

    if (pdu->initiator != f->user_id)
        return sp_fail_set(&f->stream.fail, SP_EVALUE, "ChannelJoinRequest.initiator",
                           pdu->initiator, f->user_id);
    if (pdu->channel_id < MCS_GLOBAL_CHANNEL || pdu->channel_id > f->user_id ||
        (*joined >> slot & 1) != 0)
        return sp_fail_set(&f->stream.fail, SP_EVALUE, "ChannelJoinRequest.channelId",
                           pdu->channel_id, 0);
    *joined |= 1ull << slot;
    wr_init(&w, out, sizeof(out));
    SP_BUG(mcs_channel_join_confirm_write(&w, f->user_id, pdu->channel_id) != SP_OK);
    return stream_send(&f->stream, out, w.pos);
}

/* Joins in any order until the first data PDU, which must be Client Info. */
static enum sp_err join_channels(struct front *f, struct mcs_pdu *info)
{
    bool may_skip =
        (f->settings.core.early_capability_flags & RNS_UD_CS_SUPPORT_SKIP_CHANNELJOIN) != 0;
    uint64_t joined = 0;
    uint64_t needed = 1ull | 1ull << (f->user_id - MCS_GLOBAL_CHANNEL);

    for (;;) {
        enum sp_err err = next_domain_pdu(f, info);

        if (err != SP_OK)
            return err;
        if (info->type != MCS_CHANNEL_JOIN_REQUEST)
            break;
        err = join(f, info, &joined);
        if (err != SP_OK)
            return err;
    }
    if (info->type != MCS_SEND_DATA_REQUEST || info->initiator != f->user_id ||
        info->channel_id != MCS_GLOBAL_CHANNEL)
        return sp_fail_set(&f->stream.fail, SP_ESTATE, "MCS PDU before Client Info", info->type,
                           info->channel_id);
    if (!may_skip && (joined & needed) != needed)
        return sp_fail_set(&f->stream.fail, SP_ESTATE, "Client Info before channel joins",
                           (uint32_t)joined, (uint32_t)needed);
    f->is_joined = true;
    return SP_OK;
}

static enum sp_err take_info(struct front *f, struct mcs_pdu *pdu)
{
    static struct client_info info;
    enum sp_err err = client_info_read(&pdu->data, &info);

    if (err == SP_OK) {
        f->info_flags = info.flags;
        f->code_page = info.code_page;
        f->performance_flags = info.performance_flags;
        f->has_time_zone = info.has_time_zone;
        memcpy(f->time_zone, info.time_zone, sizeof(f->time_zone));
        f->typed_domain = info.domain;
        f->typed_user = info.user;
        f->dst_key_name = info.key_name;
        f->dst_disabled = info.dynamic_dst_disabled;
    } else {
        refuse(f, &pdu->data.fail);
    }
    client_info_wipe(&info);
    /* The password also stands in the receive buffer. */
    stream_forget(&f->stream);
    return err;
}

static enum sp_err grant_licence(struct front *f)
{
    uint8_t out[64];
    struct wr w;

    wr_init(&w, out, sizeof(out));
    size_t mark = mcs_send_begin(&w, true, MCS_SERVER_CHANNEL, MCS_GLOBAL_CHANNEL);
    licence_write_valid_client(&w);
    mcs_send_end(&w, mark);
    SP_BUG(!wr_ok(&w));
    return stream_send(&f->stream, out, w.pos);
}

enum sp_err front_settings(struct front *f, enum ipc_step *step)
{
    struct mcs_domain_parameters merged;
    struct mcs_pdu info;
    enum sp_err err;

    *step = IPC_STEP_MCS;
    err = read_connect_initial(f, &merged);
    if (err == SP_OK)
        err = send_connect_response(f, &merged);
    if (err == SP_OK)
        err = attach_user(f);
    if (err == SP_OK)
        err = join_channels(f, &info);
    if (err != SP_OK)
        return err;
    *step = IPC_STEP_INFO;
    err = take_info(f, &info);
    if (err != SP_OK)
        return err;
    return grant_licence(f);
}
