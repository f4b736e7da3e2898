/* SPDX-License-Identifier: Apache-2.0
 * MCS, GCC, joins and Client Info towards the target.
 */
#include <string.h>

#include "back/back.h"
#include "base/mem.h"
#include "base/text.h"
#include "rdp/channel.h"
#include "rdp/frame.h"
#include "rdp/mcs.h"
#include "rdp/x224.h"

#define CLUSTER_VERSION_5 (4u << 2)

static enum sp_err refuse(struct back *b, const struct sp_fail *why)
{
    return sp_fail_set(&b->stream.fail, why->code, why->where, why->got, why->want);
}

/* Table "early flag" of CS_CORE: some pass, some are ours, some need both legs. */
static uint16_t early_flags(const struct back *b, const struct gcc_client *c)
{
    uint16_t client = c->core.early_capability_flags;
    uint16_t flags = RNS_UD_CS_SUPPORT_ERRINFO_PDU | RNS_UD_CS_STRONG_ASYMMETRIC_KEYS |
                     RNS_UD_CS_SUPPORT_SKIP_CHANNELJOIN;

    flags = (uint16_t)(flags |
                       (client & (RNS_UD_CS_WANT_32BPP_SESSION | RNS_UD_CS_SUPPORT_STATUSINFO_PDU |
                                  RNS_UD_CS_RELATIVE_MOUSE_INPUT | RNS_UD_CS_VALID_CONNECTION_TYPE |
                                  RNS_UD_CS_SUPPORT_MONITOR_LAYOUT_PDU |
                                  RNS_UD_CS_SUPPORT_DYNVC_GFX_PROTOCOL |
                                  RNS_UD_CS_SUPPORT_DYNAMIC_TIME_ZONE)));
    if (b->has_extended && c->has_message_channel)
        flags = (uint16_t)(flags | (client & (RNS_UD_CS_SUPPORT_NETCHAR_AUTODETECT |
                                              RNS_UD_CS_SUPPORT_HEARTBEAT_PDU)));
    return flags;
}

/* Keep only allowed channels, and remember which of the client's places they had. */
static void filter_channels(struct back *b, const struct back_wishes *wishes,
                            struct gcc_client *out)
{
    const struct gcc_client *client = &wishes->settings;
    size_t kept = 0;

    for (size_t i = 0; i < client->channel_count; i++) {
        b->channel_of[i] = BACK_NO_CHANNEL;
        if (!channel_name_allowed(client->channels[i].name, &wishes->decision->channels))
            continue;
        out->channels[kept] = client->channels[i];
        out->channels[kept].options = channel_options_filter(client->channels[i].options);
        b->channel_of[i] = (uint8_t)kept++;
    }
    out->channel_count = kept;
    out->has_net = kept > 0;
    b->channel_count = kept;
}

static void build_settings(struct back *b, const struct back_wishes *wishes, struct gcc_client *out)
{
    *out = wishes->settings;
    filter_channels(b, wishes, out);
    if (out->core.version > RDP_VERSION_10_12)
        out->core.version = RDP_VERSION_10_12;
    out->core.early_capability_flags = early_flags(b, &wishes->settings);
    out->core.server_selected_protocol = b->selected_protocol;
    /* It identifies the person's client installation to the target. */
    memset(out->core.client_dig_product_id, 0, sizeof(out->core.client_dig_product_id));
    out->has_security = true;
    out->encryption_methods = out->ext_encryption_methods = 0;
    out->has_cluster = true;
    out->cluster_flags = REDIRECTION_SUPPORTED | CLUSTER_VERSION_5;
    out->redirected_session_id = 0;
    if (b->via.is_set) {
        out->cluster_flags |= REDIRECTED_SESSIONID_FIELD_VALID;
        out->redirected_session_id = b->via.session_id;
    }
    out->has_multitransport = false; /* UDP would carry data around the gateway */
    if (!b->has_extended) {
        out->monitor_count = 0;
        out->has_monitor_ex = false;
        out->has_message_channel = false;
    }
}

static enum sp_err send_connect_initial(struct back *b, const struct gcc_client *settings)
{
    static uint8_t blocks[GCC_CLIENT_BLOCKS_MAX + 64], out[GCC_CLIENT_BLOCKS_MAX + 256];
    struct mcs_connect_initial initial;
    struct wr w;

    mcs_connect_initial_defaults(&initial);
    wr_init(&w, blocks, sizeof(blocks));
    enum sp_err err = gcc_client_write(&w, settings);
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "GCC request", 0, 0);
    rd_init(&initial.user_data, blocks, w.pos);
    wr_init(&w, out, sizeof(out));
    err = mcs_connect_initial_write(&w, &initial);
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "MCS Connect Initial", 0, 0);
    return stream_send(&b->stream, out, w.pos);
}

/* Every pair that must agree on one leg (protocol cross-checks against a man in the middle). */
static enum sp_err check_server(struct back *b, const struct gcc_client *asked,
                                const struct gcc_server *got)
{
    struct sp_fail *fail = &b->stream.fail;

    if (!got->has_requested_protocols || got->requested_protocols != b->requested_protocols)
        return sp_fail_set(fail, SP_EVALUE, "SC_CORE.clientRequestedProtocols",
                           got->requested_protocols, b->requested_protocols);
    if (got->encryption_method != 0 || got->encryption_level != 0)
        return sp_fail_set(fail, SP_EVALUE, "SC_SECURITY", got->encryption_method, 0);
    if (got->channel_count != asked->channel_count)
        return sp_fail_set(fail, SP_EVALUE, "SC_NET.channelCount", (uint32_t)got->channel_count,
                           (uint32_t)asked->channel_count);
    b->io_channel = got->io_channel;
    b->message_channel = asked->has_message_channel ? got->message_channel : 0;
    memcpy(b->channel_ids, got->channel_ids, sizeof(b->channel_ids));
    return SP_OK;
}

static enum sp_err read_connect_response(struct back *b, const struct gcc_client *asked,
                                         bool *may_skip)
{
    struct mcs_connect_response response;
    struct gcc_server server;
    struct rd r;
    uint8_t *pdu;
    size_t size;
    enum sp_err err = back_tpkt(b, &pdu, &size);

    if (err != SP_OK)
        return err;
    rd_init(&r, pdu, size);
    err = mcs_connect_response_read(&r, &response);
    if (err != SP_OK)
        return refuse(b, &r.fail);
    if (response.result != RESULT_RT_SUCCESSFUL)
        return sp_fail_set(&b->stream.fail, SP_EDENIED, "target refused settings", response.result,
                           0);
    err = gcc_server_read(&response.user_data, &server);
    if (err != SP_OK)
        return refuse(b, &response.user_data.fail);
    *may_skip = (server.early_flags & RNS_UD_SC_SKIP_CHANNELJOIN_SUPPORTED) != 0;
    return check_server(b, asked, &server);
}

static enum sp_err await(struct back *b, enum mcs_type type, struct mcs_pdu *out)
{
    struct rd r;
    uint8_t *pdu;
    size_t size;
    enum sp_err err = back_tpkt(b, &pdu, &size);

    if (err != SP_OK)
        return err;
    rd_init(&r, pdu, size);
    err = mcs_domain_read(&r, out);
    if (err != SP_OK)
        return refuse(b, &r.fail);
    if (out->type != type)
        return sp_fail_set(&b->stream.fail, SP_ESTATE, "target's MCS PDU", out->type, type);
    if (out->result != 0)
        return sp_fail_set(&b->stream.fail, SP_EDENIED, "target's MCS result", out->result, 0);
    return SP_OK;
}

static enum sp_err attach_user(struct back *b)
{
    uint8_t out[32];
    struct mcs_pdu pdu;
    struct wr w;

    wr_init(&w, out, sizeof(out));
    SP_BUG(mcs_erect_domain_request_write(&w) != SP_OK ||
           mcs_attach_user_request_write(&w) != SP_OK);
    enum sp_err err = stream_send(&b->stream, out, w.pos);
    if (err == SP_OK)
        err = await(b, MCS_ATTACH_USER_CONFIRM, &pdu);
    if (err != SP_OK)
        return err;
    if (!pdu.has_id)
        return sp_fail_set(&b->stream.fail, SP_EVALUE, "AttachUserConfirm.initiator", 0, 0);
    b->user_id = pdu.initiator;
    for (size_t i = 0; i < b->channel_count; i++)
        if (b->channel_ids[i] == b->user_id)
            return sp_fail_set(&b->stream.fail, SP_EVALUE, "AttachUserConfirm.initiator",
                               b->user_id, 0);
    return SP_OK;
}

static enum sp_err join(struct back *b, uint16_t channel)
{
    uint8_t out[32];
    struct mcs_pdu pdu;
    struct wr w;

    if (channel == 0)
        return SP_OK;
    wr_init(&w, out, sizeof(out));
    SP_BUG(mcs_channel_join_request_write(&w, b->user_id, channel) != SP_OK);
    enum sp_err err = stream_send(&b->stream, out, w.pos);
    if (err == SP_OK)
        err = await(b, MCS_CHANNEL_JOIN_CONFIRM, &pdu);
    if (err == SP_OK && pdu.channel_id != channel)
        err = sp_fail_set(&b->stream.fail, SP_EVALUE, "ChannelJoinConfirm.channelId",
                          pdu.channel_id, channel);
    return err;
}

static enum sp_err join_all(struct back *b)
{
    enum sp_err err = join(b, b->user_id);

    if (err == SP_OK)
        err = join(b, b->io_channel);
    if (err == SP_OK)
        err = join(b, b->message_channel);
    for (size_t i = 0; err == SP_OK && i < b->channel_count; i++)
        err = join(b, b->channel_ids[i]);
    return err;
}

static void text_copy(struct client_info_text *out, const uint8_t *data, size_t size)
{
    out->size = (uint16_t)(size > CLIENT_INFO_TEXT_MAX ? CLIENT_INFO_TEXT_MAX : size);
    memcpy(out->bytes, data, out->size);
}

/* What the policy makes of the client's wishes about sound, microphone and RemoteApp. */
static uint32_t info_flags(const struct back_wishes *wishes, uint32_t devices)
{
    uint32_t passed = INFO_MOUSE | INFO_DISABLECTRLALTDEL | INFO_MAXIMIZESHELL |
                      INFO_ENABLEWINDOWSKEY | INFO_MOUSE_HAS_WHEEL | INFO_COMPRESSION |
                      INFO_COMPRESSION_TYPE_MASK | INFO_NOAUDIOPLAYBACK | INFO_VIDEO_DISABLE;
    uint32_t flags =
        INFO_UNICODE | INFO_LOGONNOTIFY | INFO_LOGONERRORS | INFO_FORCE_ENCRYPTED_CS_PDU;

    if ((devices & IPC_DEVICE_SOUND) != 0)
        passed |= INFO_REMOTECONSOLEAUDIO;
    else
        flags |= INFO_NOAUDIOPLAYBACK;
    if ((devices & IPC_DEVICE_MICROPHONE) != 0)
        passed |= INFO_AUDIOCAPTURE;
    if ((devices & IPC_DEVICE_REMOTEAPP) != 0)
        passed |= INFO_RAIL | INFO_HIDEF_RAIL_SUPPORTED;
    return (wishes->info_flags & passed) | flags;
}

static void build_info(const struct back_wishes *wishes, struct client_info *info)
{
    const struct ipc_decide_rsp *d = wishes->decision;
    static const char dir[] = "C:\\Windows\\System32\\mstscax.dll";
    size_t used = 0;

    memset(info, 0, sizeof(*info));
    info->code_page = wishes->code_page;
    info->flags = info_flags(wishes, d->channels.devices);
    text_copy(&info->domain, d->domain, d->domain_size);
    text_copy(&info->user, d->user, d->user_size);
    info->has_extended = true;
    info->address_family = CLIENT_INFO_ADDRESS_FAMILY_INET;
    SP_BUG(text_utf16le_from_utf8(dir, info->client_dir.bytes, sizeof(info->client_dir.bytes),
                                  &used) != SP_OK);
    info->client_dir.size = (uint16_t)used;
    info->has_time_zone = true;
    memcpy(info->time_zone, wishes->time_zone, sizeof(info->time_zone));
    info->has_session_id = true;
    info->has_performance_flags = true;
    info->performance_flags = wishes->performance_flags;
    info->has_cookie_size = true;
    info->has_reserved = true;
    info->has_key_name = wishes->dst_key_name.size > 0;
    info->key_name = wishes->dst_key_name;
    info->has_dynamic_dst_disabled = info->has_key_name;
    info->dynamic_dst_disabled = wishes->dst_disabled;
}

/* A target without NLA logs on with what Client Info says. */
static enum sp_err add_password(struct back *b, struct client_info *info)
{
    static struct ipc_clear_rsp clear;
    enum sp_err err = keeper_clear(b->stream.keeper, &clear);

    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "keeper: clear", 0, 0);
    text_copy(&info->password, clear.password, clear.password_size);
    info->flags |= INFO_AUTOLOGON;
    sp_wipe(&clear, sizeof(clear));
    return SP_OK;
}

static enum sp_err send_info(struct back *b, const struct back_wishes *wishes)
{
    static struct client_info info;
    static uint8_t out[CLIENT_INFO_SIZE_MAX + MCS_SEND_OVERHEAD_MAX];
    enum sp_err err = SP_OK;
    struct wr w;

    build_info(wishes, &info);
    if (b->selected_protocol == PROTOCOL_SSL && wishes->decision->login != IPC_LOGIN_ASK)
        err = add_password(b, &info);
    if (err == SP_OK) {
        wr_init(&w, out, sizeof(out));
        size_t mark = mcs_send_begin(&w, false, b->user_id, b->io_channel);
        client_info_write(&w, &info);
        mcs_send_end(&w, mark);
        err = wr_ok(&w) ? stream_send(&b->stream, out, w.pos)
                        : sp_fail_set(&b->stream.fail, w.fail.code, "Client Info", 0, 0);
    }
    client_info_wipe(&info);
    sp_release(out, sizeof(out));
    return err;
}

enum sp_err back_settings(struct back *b, const struct back_wishes *wishes)
{
    static struct gcc_client settings;
    bool may_skip = false;

    build_settings(b, wishes, &settings);
    enum sp_err err = send_connect_initial(b, &settings);
    if (err == SP_OK)
        err = read_connect_response(b, &settings, &may_skip);
    if (err == SP_OK)
        err = attach_user(b);
    if (err == SP_OK && !may_skip)
        err = join_all(b);
    if (err == SP_OK)
        err = send_info(b, wishes);
    return err;
}
