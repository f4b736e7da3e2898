/* SPDX-License-Identifier: Apache-2.0
 * Message boundaries, found from the outermost length only; TPKT + X.224 data envelope.
 */
#include "rdp/frame.h"

#define TPKT_VERSION         3
#define X224_TPDU_DATA       0xf0
#define X224_TPDU_DISCONNECT 0x80
#define X224_EOT             0x80
#define DER_SEQUENCE         0x30
#define FASTPATH_ACTION_MASK 0x03
#define FASTPATH_FLAGS_MASK  0xc0 /* encrypted, secure checksum: Standard RDP Security only */

/* Give the length out, or 0 when the header ended before it was known. */
static enum sp_err finish(const struct rd *r, size_t found, size_t *size, struct sp_fail *fail)
{
    if (r->fail.code == SP_ESHORT) {
        *size = 0;
        return SP_OK;
    }
    if (!rd_ok(r))
        return sp_fail_set(fail, r->fail.code, r->fail.where, r->fail.got, r->fail.want);
    *size = found;
    return SP_OK;
}

static size_t tpkt_size(struct rd *r)
{
    uint8_t version = rd_u8(r, "TPKT.version");
    uint16_t length = 0;

    rd_want(r, "TPKT.version", version, TPKT_VERSION);
    rd_skip(r, 1, "TPKT.reserved");
    length = rd_u16be(r, "TPKT.length");
    rd_min(r, "TPKT.length", length, TPKT_SIZE_MIN);
    return length;
}

static size_t fastpath_size(struct rd *r)
{
    uint8_t header = rd_u8(r, "FASTPATH.header");
    uint32_t length = 0;

    rd_want(r, "FASTPATH.action", header & FASTPATH_ACTION_MASK, 0);
    rd_want(r, "FASTPATH.flags", header & FASTPATH_FLAGS_MASK, 0);
    length = rd_u8(r, "FASTPATH.length1");
    if ((length & 0x80) != 0)
        length = (length & 0x7f) << 8 | rd_u8(r, "FASTPATH.length2");
    rd_min(r, "FASTPATH.length", length, FASTPATH_SIZE_MIN);
    return length;
}

static size_t tsrequest_size(struct rd *r)
{
    uint8_t tag = rd_u8(r, "TSRequest");
    uint32_t length = 0;

    rd_want(r, "TSRequest", tag, DER_SEQUENCE);
    length = rd_u8(r, "TSRequest.length");
    if (length == 0x81)
        length = rd_u8(r, "TSRequest.length");
    else if (length == 0x82)
        length = rd_u16be(r, "TSRequest.length");
    else if (length >= 0x80)
        rd_refuse(r, SP_EVALUE, "TSRequest.length", length, 0x82);
    rd_max(r, "TSRequest", (uint32_t)rd_pos(r) + length, TSREQUEST_SIZE_MAX);
    return rd_pos(r) + length;
}

enum sp_err rdp_frame_size(enum rdp_frame_kind kind, const uint8_t *p, size_t have, size_t *size,
                           struct sp_fail *fail)
{
    struct rd r;
    size_t found = 0;

    rd_init(&r, p, have);
    if (kind == RDP_FRAME_TSREQUEST)
        found = tsrequest_size(&r);
    else if (kind == RDP_FRAME_ACTIVE && have > 0 && rdp_is_fastpath(p[0]))
        found = fastpath_size(&r);
    else
        found = tpkt_size(&r);
    return finish(&r, found, size, fail);
}

bool rdp_is_fastpath(uint8_t first)
{
    return (first & FASTPATH_ACTION_MASK) == 0;
}

/* Read the X.224 header; true on a Disconnect Request. */
static bool tpdu_open(struct rd *r)
{
    uint8_t indicator = rd_u8(r, "X.224.LI");
    uint8_t code = rd_u8(r, "X.224.code");

    if (rd_ok(r) && (code & 0xf0) == X224_TPDU_DISCONNECT) {
        rd_want(r, "X.224 DR.LI", indicator, (uint32_t)(r->left + 1));
        return rd_ok(r);
    }
    rd_want(r, "X.224.LI", indicator, 2);
    rd_want(r, "X.224.code", code, X224_TPDU_DATA);
    rd_want(r, "X.224.EOT", rd_u8(r, "X.224.EOT"), X224_EOT);
    return false;
}

enum sp_err rdp_data_open(struct rd *pdu, struct rd *payload, bool *disconnect)
{
    size_t whole = pdu->left;
    size_t length = tpkt_size(pdu);
    struct rd body;
    bool ended = false;

    if (rd_ok(pdu) && length < whole)
        return rd_refuse(pdu, SP_ETRAIL, "TPKT.length", (uint32_t)length, (uint32_t)whole);
    rd_sub(pdu, rd_ok(pdu) ? length - TPKT_HEADER_SIZE : 0, &body, "TPKT");
    ended = tpdu_open(&body);
    rd_adopt(pdu, &body);
    if (!rd_ok(pdu))
        return pdu->fail.code;
    rd_sub(&body, ended ? 0 : body.left, payload, "X.224");
    *disconnect = ended;
    return SP_OK;
}

size_t rdp_data_begin(struct wr *w)
{
    size_t mark = w->pos;

    wr_u8(w, TPKT_VERSION);
    wr_u8(w, 0);
    wr_gap(w, 2);
    wr_bytes(w, (const uint8_t[]){2, X224_TPDU_DATA, X224_EOT}, 3);
    return mark;
}

void rdp_data_end(struct wr *w, size_t mark)
{
    SP_BUG(w->pos < mark);
    if (w->pos - mark > TPKT_SIZE_MAX)
        wr_refuse(w, SP_ESPACE, "TPKT.length", (uint32_t)(w->pos - mark), TPKT_SIZE_MAX);
    wr_patch_u16be(w, mark + 2, (uint16_t)(w->pos - mark));
}
