/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the filter of dynamic channels: what passes is legal, and nothing passes of what is denied.
 */
#include <string.h>

#include "base/ipc_msg.h"
#include "rdp/drdynvc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A PDU that passed to the client names an allowed channel, and compresses nothing. */
static void check_passed(const uint8_t *chunk, size_t size, enum channel_direction direction)
{
    struct drdynvc_header header;
    enum drdynvc_kind kind;
    const char *name;
    struct rd r;

    rd_init(&r, chunk, size);
    SP_BUG(drdynvc_header_read(&r, &header) != SP_OK);
    SP_BUG(header.cmd > DYNVC_CAPABILITIES);
    if (direction == CHANNEL_CLIENT_TO_SERVER)
        return;
    if (header.cmd == DYNVC_CREATE)
        SP_BUG(
            drdynvc_name_read(&r, &name) != SP_OK ||
            !drdynvc_name_allowed(name, IPC_DEVICE_GRAPHICS | IPC_DEVICE_DISPLAY_CONTROL, &kind));
    if (header.cmd == DYNVC_CAPABILITIES)
        SP_BUG(chunk[2] > DRDYNVC_VERSION_MAX || chunk[3] != 0);
}

/* Input: chunks of { bit 0 direction, bit 1 not first, bit 2 not last; size u16; body }. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct drdynvc_filter filter;
    struct drdynvc_report report;
    uint8_t chunk[1600];
    int64_t now_ms = 0;
    struct rd r;

    memset(&filter, 0, sizeof(filter));
    filter.devices = IPC_DEVICE_GRAPHICS | IPC_DEVICE_DISPLAY_CONTROL;
    rd_init(&r, data, size);
    while (r.left > 0) {
        uint8_t how = rd_u8(&r, "how");
        uint16_t n = rd_u16le(&r, "size");
        enum channel_direction direction =
            (how & 1) != 0 ? CHANNEL_CLIENT_TO_SERVER : CHANNEL_SERVER_TO_CLIENT;
        struct channel_header header = {n, 0};

        if (n > sizeof(chunk) || n > r.left)
            return 0;
        rd_copy(&r, chunk, n, "body");
        header.flags |= (how & 2) == 0 ? CHANNEL_FLAG_FIRST : 0;
        header.flags |= (how & 4) == 0 ? CHANNEL_FLAG_LAST : 0;
        now_ms += how >> 3;
        enum drdynvc_verdict v =
            drdynvc_filter_step(&filter, direction, &header, chunk, n, now_ms, &report);
        SP_BUG((v == DRDYNVC_VERDICT_REFUSE) != (report.fail.code != SP_OK));
        SP_BUG(filter.used > DRDYNVC_OPEN_MAX || strlen(report.name) >= DRDYNVC_SHOWN_SIZE);
        if (v == DRDYNVC_VERDICT_REFUSE)
            return 0;
        if (v == DRDYNVC_VERDICT_PASS && (how & 2) == 0)
            check_passed(chunk, n, direction);
    }
    return 0;
}
