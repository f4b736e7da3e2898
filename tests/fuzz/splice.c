/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the splice's two filters: whatever goes on is a legal PDU with the other leg's ids.
 *
 * First byte: bit 0 = from the client, bit 1 = activation is done already, bits 2-3 = what the
 * channel is (rdpsnd, cliprdr, rdpdr, drdynvc), bit 5 = everything is allowed. The rest is the
 * stream.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rdp/frame.h"
#include "rdp/mcs.h"
#include "session/splice_priv.h"

#define CLIENT_USER 1007
#define TARGET_USER 1009

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct front front;
static struct back back;
static struct keeper_link keeper;
static struct splice splice;

static void start(uint8_t how)
{
    static const char *const names[] = {"rdpsnd", "cliprdr", "rdpdr", "drdynvc"};
    static const struct ipc_decide_rsp strict, loose = {.channels = {3, 7, 3, 0xFFFF}};
    bool is_active = (how & 2) != 0;

    memset(&front, 0, offsetof(struct front, stream.buf));
    memset(&back.channel_count, 0, sizeof(back) - offsetof(struct back, channel_count));
    keeper_link_init(&keeper, -1);
    front.stream.keeper = back.stream.keeper = &keeper;
    front.user_id = CLIENT_USER;
    front.message_channel = 1006;
    front.settings.core.early_capability_flags = 0xffff;
    front.settings.channel_count = 2;
    back.user_id = TARGET_USER;
    back.io_channel = MCS_GLOBAL_CHANNEL;
    back.message_channel = 1008;
    back.channel_count = 1;
    back.channel_ids[0] = 1004;
    back.channel_of[1] = BACK_NO_CHANNEL;
    snprintf(front.settings.channels[0].name, sizeof(front.settings.channels[0].name), "%s",
             names[how >> 2 & 3]);
    splice_init(&splice, &front, &back, &keeper, (how & 32) != 0 ? &loose : &strict);
    splice.is_noted = true; /* no notes: there is no keeper here */
    splice.is_confirmed = is_active;
    splice.is_demanded = !is_active;
}

/* Whatever passes must be readable by the other side and carry its ids only. */
static void check_out(const uint8_t *pdu, size_t size, bool from_client)
{
    struct mcs_pdu mcs;
    struct rd r;

    if (rdp_is_fastpath(pdu[0]))
        return;
    rd_init(&r, pdu, size);
    SP_BUG(mcs_domain_read(&r, &mcs) != SP_OK);
    SP_BUG(mcs.type != (from_client ? MCS_SEND_DATA_REQUEST : MCS_SEND_DATA_INDICATION));
    SP_BUG(mcs.initiator != (from_client ? TARGET_USER : MCS_SERVER_CHANNEL));
    if (from_client)
        SP_BUG(mcs.channel_id != 1003 && mcs.channel_id != 1004 && mcs.channel_id != 1008);
    else
        SP_BUG(mcs.channel_id != 1003 && mcs.channel_id != 1004 && mcs.channel_id != 1006);
}

/* What the filters say themselves must be whole PDUs of that leg, too. */
static void check_words(struct flow *flow, bool from_client)
{
    while (flow->has_words) {
        size_t at = 0, frame = 0;

        splice_channel_words(&splice, flow);
        SP_BUG(flow->side_size == 0);
        while (at < flow->side_size) {
            SP_BUG(rdp_frame_size(RDP_FRAME_TPKT, flow->side + at, flow->side_size - at, &frame,
                                  NULL) != SP_OK ||
                   frame == 0 || frame > flow->side_size - at);
            check_out(flow->side + at, frame, from_client);
            at += frame;
        }
        flow->side_size = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[STREAM_BUFFER_SIZE];
    size_t at = 0, frame = 0;

    if (size < 2 || size - 1 > sizeof(bytes))
        return 0;
    bool from_client = (data[0] & 1) != 0;
    start(data[0]);
    struct flow *flow = from_client ? &splice.to_target : &splice.to_client;
    memcpy(bytes, data + 1, size - 1);
    size--;
    while (rdp_frame_size(RDP_FRAME_ACTIVE, bytes + at, size - at, &frame, NULL) == SP_OK &&
           frame != 0 && frame <= size - at) {
        enum verdict v = from_client ? splice_from_client(&splice, bytes + at, frame)
                                     : splice_from_target(&splice, bytes + at, frame);

        if (v == VERDICT_REFUSE)
            SP_BUG(flow->fail.code == SP_OK);
        if (v == VERDICT_REFUSE || v == VERDICT_END)
            return 0;
        if (v == VERDICT_PASS)
            check_out(bytes + at, frame, from_client);
        if (v == VERDICT_REPLACE)
            check_out(flow->side, flow->side_size, from_client);
        flow->side_size = 0;
        check_words(&splice.to_client, false);
        check_words(&splice.to_target, true);
        at += frame;
    }
    return 0;
}
