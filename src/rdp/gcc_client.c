/* SPDX-License-Identifier: Apache-2.0
 * GCC ConferenceCreateRequest and the client's settings blocks; MS-RDPBCGR 2.2.1.3.
 */
#include "rdp/gcc.h"

#include <string.h>

#include "rdp/gcc_block.h"
#include "rdp/per.h"

#define CS_CORE           0xc001
#define CS_SECURITY       0xc002
#define CS_NET            0xc003
#define CS_CLUSTER        0xc004
#define CS_MONITOR        0xc005
#define CS_MCS_MSGCHANNEL 0xc006
#define CS_MONITOR_EX     0xc008
#define CS_MULTITRANSPORT 0xc00a

#define CORE_OPTIONAL_SIZE_MAX 102
#define MONITOR_ATTRIBUTE_SIZE 20
#define DESKTOP_SPAN_MIN       200
#define DESKTOP_SPAN_MAX       32766

/* ConnectGCCPDU up to the H.221 key: request with user data, conference "1", one user data set */
static const uint8_t create_request[] = {0x00, 0x08, 0x00, 0x10, 0x00, 0x01, 0xc0, 0x00};

/* What is read, and what only the reading needs. */
struct parse {
    struct gcc_client client;
    size_t monitor_ex_count;
};

/* ---- CS_CORE ---- */

/* Size of each optional field, in order. */
static const uint8_t core_field_size[GCC_CORE_FIELD_COUNT] = {2, 2, 4, 2, 2, 2, 64, 1,
                                                              1, 4, 4, 4, 2, 4, 4};

static bool has_field(struct rd *r, struct gcc_client_core *core)
{
    if (!rd_ok(r) || r->left == 0)
        return false;
    core->field_count++;
    return true;
}

static void core_optional_read(struct rd *r, struct gcc_client_core *core)
{
    if (has_field(r, core))
        core->post_beta2_color_depth = rd_u16le(r, "CS_CORE.postBeta2ColorDepth");
    if (has_field(r, core))
        core->client_product_id = rd_u16le(r, "CS_CORE.clientProductId");
    if (has_field(r, core))
        core->serial_number = rd_u32le(r, "CS_CORE.serialNumber");
    if (has_field(r, core))
        core->high_color_depth = rd_u16le(r, "CS_CORE.highColorDepth");
    if (has_field(r, core))
        core->supported_color_depths = rd_u16le(r, "CS_CORE.supportedColorDepths");
    if (has_field(r, core))
        core->early_capability_flags = rd_u16le(r, "CS_CORE.earlyCapabilityFlags");
    if (has_field(r, core))
        rd_copy(r, core->client_dig_product_id, GCC_PRODUCT_ID_SIZE, "CS_CORE.clientDigProductId");
    if (has_field(r, core))
        core->connection_type = rd_u8(r, "CS_CORE.connectionType");
    if (has_field(r, core))
        rd_skip(r, 1, "CS_CORE.pad1octet");
    if (has_field(r, core))
        core->server_selected_protocol = rd_u32le(r, "CS_CORE.serverSelectedProtocol");
    if (has_field(r, core))
        core->desktop_physical_width = rd_u32le(r, "CS_CORE.desktopPhysicalWidth");
    if (has_field(r, core))
        core->desktop_physical_height = rd_u32le(r, "CS_CORE.desktopPhysicalHeight");
    if (has_field(r, core))
        core->desktop_orientation = rd_u16le(r, "CS_CORE.desktopOrientation");
    if (has_field(r, core))
        core->desktop_scale_factor = rd_u32le(r, "CS_CORE.desktopScaleFactor");
    if (has_field(r, core))
        core->device_scale_factor = rd_u32le(r, "CS_CORE.deviceScaleFactor");
}

static void core_read(struct rd *r, void *out)
{
    struct gcc_client_core *core = &((struct parse *)out)->client.core;

    core->version = rd_u32le(r, "CS_CORE.version");
    core->desktop_width = rd_u16le(r, "CS_CORE.desktopWidth");
    core->desktop_height = rd_u16le(r, "CS_CORE.desktopHeight");
    core->color_depth = rd_u16le(r, "CS_CORE.colorDepth");
    core->sas_sequence = rd_u16le(r, "CS_CORE.SASSequence");
    core->keyboard_layout = rd_u32le(r, "CS_CORE.keyboardLayout");
    core->client_build = rd_u32le(r, "CS_CORE.clientBuild");
    rd_copy(r, core->client_name, GCC_CLIENT_NAME_SIZE, "CS_CORE.clientName");
    core->keyboard_type = rd_u32le(r, "CS_CORE.keyboardType");
    core->keyboard_sub_type = rd_u32le(r, "CS_CORE.keyboardSubType");
    core->keyboard_function_key = rd_u32le(r, "CS_CORE.keyboardFunctionKey");
    rd_copy(r, core->ime_file_name, GCC_IME_FILE_NAME_SIZE, "CS_CORE.imeFileName");
    memset(core->client_name + GCC_CLIENT_NAME_SIZE - 2, 0, 2);
    memset(core->ime_file_name + GCC_IME_FILE_NAME_SIZE - 2, 0, 2);
    rd_max(r, "CS_CORE.length", (uint32_t)r->left, CORE_OPTIONAL_SIZE_MAX);
    rd_min(r, "CS_CORE.desktopWidth", core->desktop_width, 1);
    rd_min(r, "CS_CORE.desktopHeight", core->desktop_height, 1);
    core_optional_read(r, core);
}

static void core_optional_write(struct wr *w, const struct gcc_client_core *core)
{
    wr_u16le(w, core->post_beta2_color_depth);
    wr_u16le(w, core->client_product_id);
    wr_u32le(w, core->serial_number);
    wr_u16le(w, core->high_color_depth);
    wr_u16le(w, core->supported_color_depths);
    wr_u16le(w, core->early_capability_flags);
    wr_bytes(w, core->client_dig_product_id, GCC_PRODUCT_ID_SIZE);
    wr_u8(w, core->connection_type);
    wr_u8(w, 0); /* pad1octet */
    wr_u32le(w, core->server_selected_protocol);
    wr_u32le(w, core->desktop_physical_width);
    wr_u32le(w, core->desktop_physical_height);
    wr_u16le(w, core->desktop_orientation);
    wr_u32le(w, core->desktop_scale_factor);
    wr_u32le(w, core->device_scale_factor);
}

static void core_write(struct wr *w, const struct gcc_client_core *core)
{
    uint8_t buf[CORE_OPTIONAL_SIZE_MAX];
    struct wr optional;
    size_t size = 0;
    size_t mark = gcc_block_begin(w, CS_CORE);

    wr_u32le(w, core->version);
    wr_u16le(w, core->desktop_width);
    wr_u16le(w, core->desktop_height);
    wr_u16le(w, core->color_depth);
    wr_u16le(w, core->sas_sequence);
    wr_u32le(w, core->keyboard_layout);
    wr_u32le(w, core->client_build);
    wr_bytes(w, core->client_name, GCC_CLIENT_NAME_SIZE);
    wr_u32le(w, core->keyboard_type);
    wr_u32le(w, core->keyboard_sub_type);
    wr_u32le(w, core->keyboard_function_key);
    wr_bytes(w, core->ime_file_name, GCC_IME_FILE_NAME_SIZE);
    wr_init(&optional, buf, sizeof(buf));
    core_optional_write(&optional, core);
    SP_BUG(!wr_ok(&optional));
    for (unsigned i = 0; i < core->field_count && i < GCC_CORE_FIELD_COUNT; i++)
        size += core_field_size[i];
    wr_bytes(w, buf, size);
    gcc_block_end(w, mark);
}

/* ---- CS_SECURITY, CS_CLUSTER, CS_MCS_MSGCHANNEL, CS_MULTITRANSPORT ---- */

static void security_read(struct rd *r, void *out)
{
    struct gcc_client *c = &((struct parse *)out)->client;

    /* All-zero methods are accepted against 3.3.5.3.3: under TLS, FreeRDP sends them. */
    c->encryption_methods = rd_u32le(r, "CS_SECURITY.encryptionMethods");
    c->ext_encryption_methods = rd_u32le(r, "CS_SECURITY.extEncryptionMethods");
    c->has_security = true;
}

static void cluster_read(struct rd *r, void *out)
{
    struct gcc_client *c = &((struct parse *)out)->client;

    c->cluster_flags = rd_u32le(r, "CS_CLUSTER.Flags");
    c->redirected_session_id = rd_u32le(r, "CS_CLUSTER.RedirectedSessionID");
    c->has_cluster = true;
}

static void message_channel_read(struct rd *r, void *out)
{
    rd_skip(r, 4, "CS_MCS_MSGCHANNEL.flags");
    ((struct parse *)out)->client.has_message_channel = true;
}

static void multitransport_read(struct rd *r, void *out)
{
    struct gcc_client *c = &((struct parse *)out)->client;

    c->multitransport_flags = rd_u32le(r, "CS_MULTITRANSPORT.flags");
    c->has_multitransport = true;
}

/* ---- CS_NET ---- */

/* Check a name and blank what follows its NUL, so that nothing can hide there. */
static void channel_name_check(struct rd *r, struct gcc_channel *channel)
{
    size_t size = strnlen(channel->name, GCC_CHANNEL_NAME_SIZE);

    if (!rd_ok(r))
        return;
    if (size == 0 || size == GCC_CHANNEL_NAME_SIZE) {
        rd_refuse(r, SP_EVALUE, "CS_NET.name", (uint32_t)size, GCC_CHANNEL_NAME_SIZE - 1);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)channel->name[i];

        if (c < 0x21 || c > 0x7e)
            rd_refuse(r, SP_EVALUE, "CS_NET.name", c, 0x7e);
    }
    memset(channel->name + size, 0, GCC_CHANNEL_NAME_SIZE - size);
    /* MS_T120 is the server's own channel: asking for it is CVE-2019-0708. */
    if (gcc_channel_is(channel, "MS_T120"))
        rd_refuse(r, SP_EDENIED, "CS_NET.MS_T120", 0, 0);
}

static void net_read(struct rd *r, void *out)
{
    struct gcc_client *c = &((struct parse *)out)->client;
    uint32_t count = rd_u32le(r, "CS_NET.channelCount");

    c->has_net = true;
    rd_max(r, "CS_NET.channelCount", count, GCC_CHANNEL_COUNT_MAX);
    for (size_t i = 0; rd_ok(r) && i < count; i++) {
        struct gcc_channel *channel = &c->channels[i];

        rd_copy(r, channel->name, GCC_CHANNEL_NAME_SIZE, "CS_NET.name");
        channel->options = rd_u32le(r, "CS_NET.options");
        channel_name_check(r, channel);
        for (size_t j = 0; rd_ok(r) && j < i; j++)
            if (gcc_channel_is(channel, c->channels[j].name))
                rd_refuse(r, SP_EVALUE, "CS_NET.name twice", (uint32_t)i, (uint32_t)j);
        c->channel_count = i + 1;
    }
}

static void net_write(struct wr *w, const struct gcc_client *c)
{
    size_t mark = gcc_block_begin(w, CS_NET);

    wr_u32le(w, (uint32_t)c->channel_count);
    for (size_t i = 0; i < c->channel_count; i++) {
        wr_bytes(w, c->channels[i].name, GCC_CHANNEL_NAME_SIZE);
        wr_u32le(w, c->channels[i].options);
    }
    gcc_block_end(w, mark);
}

/* ---- CS_MONITOR, CS_MONITOR_EX ---- */

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void span_check(struct rd *r, int64_t span)
{
    /* MS-RDPBCGR 2.2.1.3.6: the virtual desktop is 200 to 32766 pixels wide and high */
    if (span > DESKTOP_SPAN_MAX)
        rd_refuse(r, SP_ELIMIT, "CS_MONITOR.desktop", (uint32_t)lesser(span, UINT32_MAX),
                  DESKTOP_SPAN_MAX);
    if (span < DESKTOP_SPAN_MIN)
        rd_refuse(r, SP_EVALUE, "CS_MONITOR.desktop", (uint32_t)span, DESKTOP_SPAN_MIN);
}

/* The union of all monitors; 64 bits, since each edge uses the whole of 32. */
static void desktop_check(struct rd *r, const struct gcc_monitor *m, size_t count)
{
    int64_t left = INT32_MAX, top = INT32_MAX, right = INT32_MIN, bottom = INT32_MIN;

    for (size_t i = 0; i < count; i++) {
        left = lesser(left, m[i].left);
        top = lesser(top, m[i].top);
        right = greater(right, m[i].right);
        bottom = greater(bottom, m[i].bottom);
        if (m[i].right < m[i].left || m[i].bottom < m[i].top)
            rd_refuse(r, SP_EVALUE, "CS_MONITOR.monitorDefArray", (uint32_t)i, 0);
    }
    span_check(r, right - left + 1);
    span_check(r, bottom - top + 1);
}

static void monitor_read(struct rd *r, void *out)
{
    struct gcc_client *c = &((struct parse *)out)->client;
    uint32_t count = 0;

    rd_skip(r, 4, "CS_MONITOR.flags");
    count = rd_u32le(r, "CS_MONITOR.monitorCount");
    rd_max(r, "CS_MONITOR.monitorCount", count, GCC_MONITOR_COUNT_MAX);
    rd_min(r, "CS_MONITOR.monitorCount", count, 1);
    for (size_t i = 0; rd_ok(r) && i < count; i++) {
        struct gcc_monitor *m = &c->monitors[i];

        m->left = (int32_t)rd_u32le(r, "TS_MONITOR_DEF.left");
        m->top = (int32_t)rd_u32le(r, "TS_MONITOR_DEF.top");
        m->right = (int32_t)rd_u32le(r, "TS_MONITOR_DEF.right");
        m->bottom = (int32_t)rd_u32le(r, "TS_MONITOR_DEF.bottom");
        m->flags = rd_u32le(r, "TS_MONITOR_DEF.flags");
    }
    if (!rd_ok(r))
        return;
    c->monitor_count = count;
    desktop_check(r, c->monitors, count);
}

static void monitor_ex_read(struct rd *r, void *out)
{
    struct parse *p = out;
    uint32_t count = 0;

    rd_skip(r, 4, "CS_MONITOR_EX.flags");
    rd_want(r, "CS_MONITOR_EX.monitorAttributeSize",
            rd_u32le(r, "CS_MONITOR_EX.monitorAttributeSize"), MONITOR_ATTRIBUTE_SIZE);
    count = rd_u32le(r, "CS_MONITOR_EX.monitorCount");
    rd_max(r, "CS_MONITOR_EX.monitorCount", count, GCC_MONITOR_COUNT_MAX);
    for (size_t i = 0; rd_ok(r) && i < count; i++) {
        struct gcc_monitor_ex *m = &p->client.monitor_ex[i];

        m->physical_width = rd_u32le(r, "TS_MONITOR_ATTRIBUTES.physicalWidth");
        m->physical_height = rd_u32le(r, "TS_MONITOR_ATTRIBUTES.physicalHeight");
        m->orientation = rd_u32le(r, "TS_MONITOR_ATTRIBUTES.orientation");
        m->desktop_scale_factor = rd_u32le(r, "TS_MONITOR_ATTRIBUTES.desktopScaleFactor");
        m->device_scale_factor = rd_u32le(r, "TS_MONITOR_ATTRIBUTES.deviceScaleFactor");
    }
    p->monitor_ex_count = count;
    p->client.has_monitor_ex = true;
}

static void monitor_write(struct wr *w, const struct gcc_client *c)
{
    size_t mark = gcc_block_begin(w, CS_MONITOR);

    wr_u32le(w, 0); /* flags */
    wr_u32le(w, (uint32_t)c->monitor_count);
    for (size_t i = 0; i < c->monitor_count; i++) {
        wr_u32le(w, (uint32_t)c->monitors[i].left);
        wr_u32le(w, (uint32_t)c->monitors[i].top);
        wr_u32le(w, (uint32_t)c->monitors[i].right);
        wr_u32le(w, (uint32_t)c->monitors[i].bottom);
        wr_u32le(w, c->monitors[i].flags);
    }
    gcc_block_end(w, mark);
}

static void monitor_ex_write(struct wr *w, const struct gcc_client *c)
{
    size_t mark = gcc_block_begin(w, CS_MONITOR_EX);

    wr_u32le(w, 0); /* flags */
    wr_u32le(w, MONITOR_ATTRIBUTE_SIZE);
    wr_u32le(w, (uint32_t)c->monitor_count);
    for (size_t i = 0; i < c->monitor_count; i++) {
        wr_u32le(w, c->monitor_ex[i].physical_width);
        wr_u32le(w, c->monitor_ex[i].physical_height);
        wr_u32le(w, c->monitor_ex[i].orientation);
        wr_u32le(w, c->monitor_ex[i].desktop_scale_factor);
        wr_u32le(w, c->monitor_ex[i].device_scale_factor);
    }
    gcc_block_end(w, mark);
}

/* ---- ConferenceCreateRequest ---- */

/* The blocks below EXTENDED_FROM need EXTENDED_CLIENT_DATA_SUPPORTED (MS-RDPBCGR 2.2.1.3). */
#define EXTENDED_FROM 4
static const struct gcc_block_kind client_kinds[] = {
    {CS_CORE, core_read},
    {CS_SECURITY, security_read},
    {CS_NET, net_read},
    {CS_CLUSTER, cluster_read},
    {CS_MONITOR, monitor_read},
    {CS_MCS_MSGCHANNEL, message_channel_read},
    {CS_MONITOR_EX, monitor_ex_read},
    {CS_MULTITRANSPORT, multitransport_read},
};
#define CLIENT_KIND_COUNT (sizeof(client_kinds) / sizeof(client_kinds[0]))
#define MANDATORY_KINDS   0x3u /* CS_CORE and CS_SECURITY */

static void blocks_read(struct rd *r, bool extended, struct parse *p)
{
    uint32_t max = extended ? GCC_CLIENT_BLOCKS_MAX : GCC_CLIENT_BLOCKS_OLD;
    uint32_t seen = 0;

    rd_max(r, "GCC userData", (uint32_t)r->left, max);
    seen = gcc_blocks_read(r, client_kinds, CLIENT_KIND_COUNT, p);
    if ((seen & MANDATORY_KINDS) != MANDATORY_KINDS)
        rd_refuse(r, SP_EVALUE, "GCC mandatory blocks", seen & MANDATORY_KINDS, MANDATORY_KINDS);
    if (!extended && seen >> EXTENDED_FROM != 0)
        rd_refuse(r, SP_ESTATE, "GCC extended blocks", seen, 0);
    if (p->client.has_monitor_ex)
        rd_want(r, "CS_MONITOR_EX.monitorCount", (uint32_t)p->monitor_ex_count,
                (uint32_t)p->client.monitor_count);
}

enum sp_err gcc_client_read(struct rd *user_data, bool extended, struct gcc_client *out)
{
    struct parse p = {0};
    struct rd request, blocks;

    gcc_key_read(user_data);
    rd_sub(user_data, per_length_read(user_data, "GCC connectPDU"), &request, "GCC connectPDU");
    rd_end(user_data, "GCC connectPDU");
    rd_skip(&request, sizeof(create_request), "GCC ConferenceCreateRequest");
    gcc_h221_read(&request, "Duca");
    rd_sub(&request, per_length_read(&request, "GCC userData"), &blocks, "GCC userData");
    rd_end(&request, "GCC userData");
    rd_adopt(user_data, &request);
    blocks_read(&blocks, extended, &p);
    rd_adopt(user_data, &blocks);
    if (rd_ok(user_data))
        *out = p.client;
    return user_data->fail.code;
}

static void small_block_write(struct wr *w, uint16_t type, const uint32_t *words, size_t count)
{
    size_t mark = gcc_block_begin(w, type);

    for (size_t i = 0; i < count; i++)
        wr_u32le(w, words[i]);
    gcc_block_end(w, mark);
}

static void blocks_write(struct wr *w, const struct gcc_client *in)
{
    core_write(w, &in->core);
    if (in->has_cluster)
        small_block_write(w, CS_CLUSTER, (uint32_t[]){in->cluster_flags, in->redirected_session_id},
                          2);
    if (in->has_security)
        small_block_write(w, CS_SECURITY,
                          (uint32_t[]){in->encryption_methods, in->ext_encryption_methods}, 2);
    if (in->has_net)
        net_write(w, in);
    if (in->monitor_count > 0)
        monitor_write(w, in);
    if (in->has_message_channel)
        small_block_write(w, CS_MCS_MSGCHANNEL, (uint32_t[]){0}, 1);
    if (in->monitor_count > 0 && in->has_monitor_ex)
        monitor_ex_write(w, in);
    if (in->has_multitransport)
        small_block_write(w, CS_MULTITRANSPORT, &in->multitransport_flags, 1);
}

enum sp_err gcc_client_write(struct wr *w, const struct gcc_client *in)
{
    if (in->channel_count > GCC_CHANNEL_COUNT_MAX || in->monitor_count > GCC_MONITOR_COUNT_MAX ||
        in->core.field_count > GCC_CORE_FIELD_COUNT)
        return wr_refuse(w, SP_ELIMIT, "GCC client", (uint32_t)in->channel_count,
                         GCC_CHANNEL_COUNT_MAX);
    gcc_key_write(w);
    size_t request = per_length_gap(w);
    wr_bytes(w, create_request, sizeof(create_request));
    wr_bytes(w, "Duca", 4);
    size_t blocks = per_length_gap(w);
    blocks_write(w, in);
    per_length_end(w, blocks);
    per_length_end(w, request);
    return w->fail.code;
}
