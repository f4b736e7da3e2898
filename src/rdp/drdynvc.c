/* SPDX-License-Identifier: Apache-2.0
 * The PDUs of drdynvc (MS-RDPEDYC 2.2), and the one message of display control that clients send.
 */
#include "rdp/drdynvc.h"

#include <string.h>

#define DISPLAYCONTROL_PDU_TYPE_MONITOR_LAYOUT 0x00000002
#define LAYOUT_ENTRY_SIZE                      40
#define LAYOUT_HEADER_SIZE                     16
#define LAYOUT_MONITORS_MAX                    16
#define LAYOUT_SIDE_MIN_PX                     200
#define LAYOUT_SIDE_MAX_PX                     8192

/* A number whose width is told by two bits. */
static uint32_t read_wide(struct rd *r, unsigned width, const char *where)
{
    switch (width) {
    case 0:
        return rd_u8(r, where);
    case 1:
        return rd_u16le(r, where);
    case 2:
        return rd_u32le(r, where);
    default:
        rd_want(r, where, width, 2);
        return 0;
    }
}

enum sp_err drdynvc_header_read(struct rd *r, struct drdynvc_header *out)
{
    uint8_t first = rd_u8(r, "DYNVC.Cmd");
    struct drdynvc_header header = {.cmd = (uint8_t)(first >> 4), .sp = (first >> 2) & 3};

    rd_min(r, "DYNVC.Cmd", header.cmd, DYNVC_CREATE);
    rd_max(r, "DYNVC.Cmd", header.cmd, DYNVC_SOFT_SYNC_RESPONSE);
    if (header.cmd != DYNVC_CAPABILITIES && header.cmd < DYNVC_SOFT_SYNC_REQUEST)
        header.id = read_wide(r, first & 3u, "DYNVC.ChannelId");
    if (header.cmd == DYNVC_DATA_FIRST)
        header.total = read_wide(r, header.sp, "DYNVC_DATA_FIRST.Length");
    if (rd_ok(r))
        *out = header;
    return r->fail.code;
}

enum sp_err drdynvc_name_read(struct rd *r, const char **name)
{
    size_t left = r->left;
    const char *text = (const char *)r->at;
    const char *nul = left > 0 ? memchr(text, '\0', left) : NULL;
    size_t n = nul != NULL ? (size_t)(nul - text) : 0;

    /* An empty name and one without its NUL are refused alike: there is no name. */
    rd_min(r, "DYNVC_CREATE_REQ.ChannelName", (uint32_t)n, 1);
    rd_max(r, "DYNVC_CREATE_REQ.ChannelName", (uint32_t)n, DRDYNVC_NAME_MAX);
    rd_skip(r, n + 1, "DYNVC_CREATE_REQ.ChannelName");
    rd_end(r, "DYNVC_CREATE_REQ");
    if (rd_ok(r))
        *name = text;
    return r->fail.code;
}

void drdynvc_create_response_write(struct wr *w, uint32_t id, uint32_t status)
{
    unsigned width = id <= UINT8_MAX ? 0 : id <= UINT16_MAX ? 1 : 2;

    wr_u8(w, (uint8_t)(DYNVC_CREATE << 4 | width));
    if (width == 0)
        wr_u8(w, (uint8_t)id);
    else if (width == 1)
        wr_u16le(w, (uint16_t)id);
    else
        wr_u32le(w, id);
    wr_u32le(w, status);
}

/* DISPLAYCONTROL_MONITOR_LAYOUT */
static void check_monitor(struct rd *r)
{
    rd_skip(r, 12, "MONITOR_LAYOUT.Flags");
    uint32_t width = rd_u32le(r, "MONITOR_LAYOUT.Width");
    uint32_t height = rd_u32le(r, "MONITOR_LAYOUT.Height");
    rd_skip(r, 20, "MONITOR_LAYOUT.PhysicalWidth");
    rd_min(r, "MONITOR_LAYOUT.Width", width, LAYOUT_SIDE_MIN_PX);
    rd_max(r, "MONITOR_LAYOUT.Width", width, LAYOUT_SIDE_MAX_PX);
    rd_want(r, "MONITOR_LAYOUT.Width", width % 2, 0);
    rd_min(r, "MONITOR_LAYOUT.Height", height, LAYOUT_SIDE_MIN_PX);
    rd_max(r, "MONITOR_LAYOUT.Height", height, LAYOUT_SIDE_MAX_PX);
}

enum sp_err drdynvc_layout_check(struct rd *r)
{
    uint32_t type = rd_u32le(r, "DISPLAYCONTROL_HEADER.Type");
    uint32_t length = rd_u32le(r, "DISPLAYCONTROL_HEADER.Length");
    uint32_t entry = rd_u32le(r, "MONITOR_LAYOUT_PDU.MonitorLayoutSize");
    uint32_t count = rd_u32le(r, "MONITOR_LAYOUT_PDU.NumMonitors");

    rd_want(r, "DISPLAYCONTROL_HEADER.Type", type, DISPLAYCONTROL_PDU_TYPE_MONITOR_LAYOUT);
    rd_want(r, "MONITOR_LAYOUT_PDU.MonitorLayoutSize", entry, LAYOUT_ENTRY_SIZE);
    rd_min(r, "MONITOR_LAYOUT_PDU.NumMonitors", count, 1);
    rd_max(r, "MONITOR_LAYOUT_PDU.NumMonitors", count, LAYOUT_MONITORS_MAX);
    if (!rd_ok(r))
        return r->fail.code;
    rd_want(r, "DISPLAYCONTROL_HEADER.Length", length,
            LAYOUT_HEADER_SIZE + LAYOUT_ENTRY_SIZE * count);
    for (uint32_t i = 0; i < count; i++)
        check_monitor(r);
    rd_end(r, "DISPLAYCONTROL_MONITOR_LAYOUT_PDU");
    return r->fail.code;
}
