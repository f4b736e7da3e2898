/* SPDX-License-Identifier: Apache-2.0
 * GCC ConferenceCreateResponse and the server's settings blocks; MS-RDPBCGR 2.2.1.4.
 */
#include "rdp/gcc.h"

#include "rdp/gcc_block.h"
#include "rdp/mcs.h"
#include "rdp/per.h"

#define SC_CORE           0x0c01
#define SC_SECURITY       0x0c02
#define SC_NET            0x0c03
#define SC_MCS_MSGCHANNEL 0x0c04
#define SC_MULTITRANSPORT 0x0c08

#define CREATE_RESPONSE    0x14
#define NODE_ID            0x760a /* +1001 */
#define SERVER_RANDOM_SIZE 32
/* Every server writes this instead of the true length, and no client looks at it. */
#define CONNECT_PDU_LENGTH 0x2a

static void core_read(struct rd *r, void *out)
{
    struct gcc_server *s = out;

    s->version = rd_u32le(r, "SC_CORE.version");
    if (!rd_ok(r) || r->left == 0)
        return;
    s->requested_protocols = rd_u32le(r, "SC_CORE.clientRequestedProtocols");
    s->has_requested_protocols = true;
    if (rd_ok(r) && r->left > 0)
        s->early_flags = rd_u32le(r, "SC_CORE.earlyCapabilityFlags");
}

static void security_read(struct rd *r, void *out)
{
    struct gcc_server *s = out;
    uint32_t random_size = 0;
    uint32_t cert_size = 0;

    s->encryption_method = rd_u32le(r, "SC_SECURITY.encryptionMethod");
    s->encryption_level = rd_u32le(r, "SC_SECURITY.encryptionLevel");
    if (!rd_ok(r) || r->left == 0)
        return;
    random_size = rd_u32le(r, "SC_SECURITY.serverRandomLen");
    cert_size = rd_u32le(r, "SC_SECURITY.serverCertLen");
    if (s->encryption_method == 0 && s->encryption_level == 0) {
        rd_want(r, "SC_SECURITY.serverRandomLen", random_size, 0);
        rd_want(r, "SC_SECURITY.serverCertLen", cert_size, 0);
    } else {
        rd_want(r, "SC_SECURITY.serverRandomLen", random_size, SERVER_RANDOM_SIZE);
    }
    rd_skip(r, random_size, "SC_SECURITY.serverRandom");
    rd_skip(r, cert_size, "SC_SECURITY.serverCertificate");
}

static void net_read(struct rd *r, void *out)
{
    struct gcc_server *s = out;
    uint16_t count = 0;

    s->io_channel = rd_u16le(r, "SC_NET.MCSChannelId");
    count = rd_u16le(r, "SC_NET.channelCount");
    rd_max(r, "SC_NET.channelCount", count, GCC_CHANNEL_COUNT_MAX);
    for (size_t i = 0; rd_ok(r) && i < count; i++)
        s->channel_ids[i] = rd_u16le(r, "SC_NET.channelIdArray");
    s->channel_count = rd_ok(r) ? count : 0;
    if (count % 2 == 1 && r->left > 0)
        rd_skip(r, 2, "SC_NET.Pad");
}

static void message_channel_read(struct rd *r, void *out)
{
    ((struct gcc_server *)out)->message_channel = rd_u16le(r, "SC_MCS_MSGCHANNEL.MCSChannelID");
}

static void multitransport_read(struct rd *r, void *out)
{
    (void)out; /* UDP is not used */
    rd_skip(r, 4, "SC_MULTITRANSPORT.flags");
}

/* No id below the dynamic ones, and none twice. */
static void ids_check(struct rd *r, const struct gcc_server *s)
{
    uint16_t ids[GCC_CHANNEL_COUNT_MAX + 2];
    size_t count = 0;

    ids[count++] = s->io_channel;
    for (size_t i = 0; i < s->channel_count; i++)
        ids[count++] = s->channel_ids[i];
    if (s->message_channel != 0)
        ids[count++] = s->message_channel;
    for (size_t i = 0; i < count; i++) {
        rd_min(r, "SC_NET.channelIdArray", ids[i], MCS_USER_ID_BASE);
        for (size_t j = 0; j < i; j++)
            if (ids[i] == ids[j])
                rd_refuse(r, SP_EVALUE, "SC_NET.channelIdArray twice", ids[i], ids[j]);
    }
}

static const struct gcc_block_kind server_kinds[] = {
    {SC_CORE, core_read},
    {SC_SECURITY, security_read},
    {SC_NET, net_read},
    {SC_MCS_MSGCHANNEL, message_channel_read},
    {SC_MULTITRANSPORT, multitransport_read},
};
#define SERVER_KIND_COUNT (sizeof(server_kinds) / sizeof(server_kinds[0]))
#define MANDATORY_KINDS   0x7u /* SC_CORE, SC_SECURITY and SC_NET */

/* ConferenceCreateResponse up to the H.221 key. */
static void response_read(struct rd *r)
{
    (void)per_length_read(r, "GCC connectPDU"); /* CONNECT_PDU_LENGTH */
    rd_want(r, "GCC ConferenceCreateResponse", rd_u8(r, "GCC ConferenceCreateResponse"),
            CREATE_RESPONSE);
    rd_skip(r, 2, "GCC ConferenceCreateResponse.nodeID");
    rd_skip(r, per_length_read(r, "GCC ConferenceCreateResponse.tag"),
            "GCC ConferenceCreateResponse.tag");
    rd_want(r, "GCC ConferenceCreateResponse.result",
            rd_u8(r, "GCC ConferenceCreateResponse.result"), 0);
    rd_skip(r, 3, "GCC ConferenceCreateResponse.userData"); /* one set, its choice, key size */
}

enum sp_err gcc_server_read(struct rd *user_data, struct gcc_server *out)
{
    struct gcc_server s = {0};
    struct rd blocks;
    uint32_t seen = 0;

    gcc_key_read(user_data);
    response_read(user_data);
    gcc_h221_read(user_data, "McDn");
    rd_sub(user_data, per_length_read(user_data, "GCC userData"), &blocks, "GCC userData");
    rd_end(user_data, "GCC userData");
    seen = gcc_blocks_read(&blocks, server_kinds, SERVER_KIND_COUNT, &s);
    if ((seen & MANDATORY_KINDS) != MANDATORY_KINDS)
        rd_refuse(&blocks, SP_EVALUE, "GCC mandatory blocks", seen & MANDATORY_KINDS,
                  MANDATORY_KINDS);
    ids_check(&blocks, &s);
    rd_adopt(user_data, &blocks);
    if (rd_ok(user_data))
        *out = s;
    return user_data->fail.code;
}

static void core_write(struct wr *w, const struct gcc_server *in)
{
    size_t mark = gcc_block_begin(w, SC_CORE);

    wr_u32le(w, in->version);
    if (in->has_requested_protocols) {
        wr_u32le(w, in->requested_protocols);
        wr_u32le(w, in->early_flags);
    }
    gcc_block_end(w, mark);
}

static void net_write(struct wr *w, const struct gcc_server *in)
{
    size_t mark = gcc_block_begin(w, SC_NET);

    wr_u16le(w, in->io_channel);
    wr_u16le(w, (uint16_t)in->channel_count);
    for (size_t i = 0; i < in->channel_count; i++)
        wr_u16le(w, in->channel_ids[i]);
    if (in->channel_count % 2 == 1)
        wr_zero(w, 2); /* MS-RDPBCGR 2.2.1.4.4: the size MUST be a multiple of 4 */
    gcc_block_end(w, mark);
}

static void blocks_write(struct wr *w, const struct gcc_server *in)
{
    core_write(w, in);
    net_write(w, in);
    size_t security = gcc_block_begin(w, SC_SECURITY);
    wr_u32le(w, in->encryption_method);
    wr_u32le(w, in->encryption_level);
    gcc_block_end(w, security);
    if (in->message_channel == 0)
        return;
    size_t message = gcc_block_begin(w, SC_MCS_MSGCHANNEL);
    wr_u16le(w, in->message_channel);
    gcc_block_end(w, message);
}

enum sp_err gcc_server_write(struct wr *w, const struct gcc_server *in)
{
    if (in->channel_count > GCC_CHANNEL_COUNT_MAX)
        return wr_refuse(w, SP_ELIMIT, "GCC server", (uint32_t)in->channel_count,
                         GCC_CHANNEL_COUNT_MAX);
    gcc_key_write(w);
    per_length_write(w, CONNECT_PDU_LENGTH);
    wr_u8(w, CREATE_RESPONSE);
    wr_u16be(w, NODE_ID);
    wr_bytes(w, (const uint8_t[]){1, 1, 0, 1, 0xc0, 0}, 6); /* tag 1, success, one set */
    wr_bytes(w, "McDn", 4);
    size_t length = wr_gap(w, 1); /* all blocks together have at most 108 bytes */
    blocks_write(w, in);
    wr_patch_u8(w, length, (uint8_t)(w->pos - length - 1));
    return w->fail.code;
}
