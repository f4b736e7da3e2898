/* SPDX-License-Identifier: Apache-2.0
 * Slow-path PDUs on the I/O channel: the share headers, and the small PDUs that Sallyport itself
 * says or understands.
 */
#include "rdp/share.h"

#define PDU_TYPE_MASK       0x000F
#define SHARE_FLOW_SIZE     8
#define SHARE_BARE_SIZE     4 /* old servers send Deactivate All without pduSource */
#define SHARE_LENGTH_MAX    0x7FFF
#define UNCOMPRESSED_OFFSET 14 /* of pduType2: uncompressedLength counts from there */
#define PDU_SOURCE_OFFSET   4
#define SYNCMSGTYPE_SYNC    1
#define FONT_FIRST_LAST     0x0003
#define FONT_LIST_ENTRY     0x0032
#define FONT_MAP_ENTRY      0x0004

/* The header of whole, which is exactly one PDU; the rest of it becomes the body. */
static enum sp_err read_control_header(struct rd *whole, struct share_pdu *out)
{
    struct share_pdu pdu = {.whole = *whole, .body = *whole};

    rd_skip(&pdu.body, 2, "TS_SHARECONTROLHEADER.totalLength");
    pdu.type = (uint8_t)(rd_u16le(&pdu.body, "TS_SHARECONTROLHEADER.pduType") & PDU_TYPE_MASK);
    if (pdu.body.left > 0)
        pdu.pdu_source = rd_u16le(&pdu.body, "TS_SHARECONTROLHEADER.pduSource");
    else if (pdu.type != PDUTYPE_DEACTIVATEALLPDU)
        rd_refuse(&pdu.body, SP_EVALUE, "TS_SHARECONTROLHEADER.totalLength", SHARE_BARE_SIZE,
                  SHARE_CONTROL_SIZE);
    if (!rd_ok(&pdu.body)) {
        rd_adopt(whole, &pdu.body);
        return whole->fail.code;
    }
    rd_init(&pdu.body, pdu.body.at, pdu.body.left);
    *out = pdu;
    return SP_OK;
}

enum sp_err share_next(struct rd *payload, struct share_pdu *out)
{
    struct rd peek = *payload;
    uint32_t size = rd_u16le(&peek, "TS_SHARECONTROLHEADER.totalLength");
    bool is_flow = size == SHARE_FLOW_MARKER;
    struct rd whole;

    rd_adopt(payload, &peek);
    if (is_flow)
        size = SHARE_FLOW_SIZE;
    rd_min(payload, "TS_SHARECONTROLHEADER.totalLength", size, SHARE_BARE_SIZE);
    rd_sub(payload, size, &whole, "TS_SHARECONTROLHEADER.totalLength");
    if (!rd_ok(payload))
        return payload->fail.code;
    if (is_flow) {
        *out = (struct share_pdu){.is_flow = true, .whole = whole};
        rd_init(&out->body, whole.at, 0);
        return SP_OK;
    }
    if (read_control_header(&whole, out) != SP_OK)
        rd_adopt(payload, &whole);
    return payload->fail.code;
}

enum sp_err share_data_read(struct rd *r, struct share_data *out)
{
    struct share_data data;

    data.share_id = rd_u32le(r, "TS_SHAREDATAHEADER.shareId");
    rd_skip(r, 1, "TS_SHAREDATAHEADER.pad1");
    data.stream_id = rd_u8(r, "TS_SHAREDATAHEADER.streamId");
    data.uncompressed_length = rd_u16le(r, "TS_SHAREDATAHEADER.uncompressedLength");
    data.pdu_type2 = rd_u8(r, "TS_SHAREDATAHEADER.pduType2");
    data.compressed_type = rd_u8(r, "TS_SHAREDATAHEADER.compressedType");
    data.compressed_length = rd_u16le(r, "TS_SHAREDATAHEADER.compressedLength");
    rd_sub(r, r->left, &data.body, "TS_SHAREDATAHEADER");
    if (rd_ok(r))
        *out = data;
    return r->fail.code;
}

bool share_client_type_allowed(uint8_t pdu_type2)
{
    static const uint8_t allowed[] = {
        PDUTYPE2_INPUT,
        PDUTYPE2_SYNCHRONIZE,
        PDUTYPE2_CONTROL,
        PDUTYPE2_REFRESH_RECT,
        PDUTYPE2_SUPPRESS_OUTPUT,
        PDUTYPE2_SHUTDOWN_REQUEST,
        PDUTYPE2_FONTLIST,
        PDUTYPE2_BITMAPCACHE_PERSISTENT_LIST,
        PDUTYPE2_BITMAPCACHE_ERROR_PDU,
        PDUTYPE2_OFFSCRCACHE_ERROR_PDU,
        PDUTYPE2_DRAWNINEGRID_ERROR_PDU,
        PDUTYPE2_DRAWGDIPLUS_ERROR_PDU,
        PDUTYPE2_FRAME_ACKNOWLEDGE,
    };

    for (size_t i = 0; i < sizeof(allowed); i++) {
        if (allowed[i] == pdu_type2)
            return true;
    }
    return false;
}

/* ---- writers ---- */

size_t share_control_begin(struct wr *w, uint16_t pdu_type, uint16_t pdu_source)
{
    size_t begin = wr_gap(w, 2);

    wr_u16le(w, pdu_type);
    wr_u16le(w, pdu_source);
    return begin;
}

void share_control_end(struct wr *w, size_t begin)
{
    if (!wr_ok(w))
        return;

    size_t size = w->pos - begin;

    if (size > SHARE_LENGTH_MAX)
        wr_refuse(w, SP_ELIMIT, "TS_SHARECONTROLHEADER.totalLength", (uint32_t)size,
                  SHARE_LENGTH_MAX);
    else
        wr_patch_u16le(w, begin, (uint16_t)size);
}

size_t share_data_begin(struct wr *w, uint16_t pdu_source, uint32_t share_id, uint8_t pdu_type2)
{
    size_t begin = share_control_begin(w, PDUTYPE_DATAPDU | PDU_VERSION, pdu_source);

    wr_u32le(w, share_id);
    wr_u8(w, 0);
    wr_u8(w, STREAM_LOW);
    wr_u16le(w, 0); /* uncompressedLength, by share_data_end */
    wr_u8(w, pdu_type2);
    wr_u8(w, 0);
    wr_u16le(w, 0);
    return begin;
}

void share_data_end(struct wr *w, size_t begin)
{
    share_control_end(w, begin);
    if (wr_ok(w))
        wr_patch_u16le(w, begin + UNCOMPRESSED_OFFSET - 2,
                       (uint16_t)(w->pos - begin - UNCOMPRESSED_OFFSET));
}

static void write_u32_pdu(struct wr *w, uint16_t pdu_source, uint32_t share_id, uint8_t pdu_type2,
                          uint32_t value)
{
    size_t begin = share_data_begin(w, pdu_source, share_id, pdu_type2);

    wr_u32le(w, value);
    share_data_end(w, begin);
}

void share_write_set_error_info(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                                uint32_t error_info)
{
    write_u32_pdu(w, pdu_source, share_id, PDUTYPE2_SET_ERROR_INFO_PDU, error_info);
}

void share_write_status_info(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                             uint32_t status_code)
{
    write_u32_pdu(w, pdu_source, share_id, PDUTYPE2_STATUS_INFO_PDU, status_code);
}

void share_write_deactivate_all(struct wr *w, uint16_t pdu_source, uint32_t share_id)
{
    size_t begin = share_control_begin(w, PDUTYPE_DEACTIVATEALLPDU | PDU_VERSION, pdu_source);

    wr_u32le(w, share_id);
    wr_u16le(w, 1);
    wr_u8(w, 0); /* sourceDescriptor SHOULD be one zero byte (2.2.3.1.1) */
    share_control_end(w, begin);
}

void share_write_synchronize(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                             uint16_t target_user)
{
    size_t begin = share_data_begin(w, pdu_source, share_id, PDUTYPE2_SYNCHRONIZE);

    wr_u16le(w, SYNCMSGTYPE_SYNC);
    wr_u16le(w, target_user);
    share_data_end(w, begin);
}

void share_write_control(struct wr *w, uint16_t pdu_source, uint32_t share_id, uint16_t action,
                         uint16_t grant_id, uint32_t control_id)
{
    size_t begin = share_data_begin(w, pdu_source, share_id, PDUTYPE2_CONTROL);

    wr_u16le(w, action);
    wr_u16le(w, grant_id);
    wr_u32le(w, control_id);
    share_data_end(w, begin);
}

static void write_font_pdu(struct wr *w, uint16_t pdu_source, uint32_t share_id, uint8_t pdu_type2,
                           uint16_t entry_size)
{
    size_t begin = share_data_begin(w, pdu_source, share_id, pdu_type2);

    wr_u16le(w, 0);
    wr_u16le(w, 0);
    wr_u16le(w, FONT_FIRST_LAST);
    wr_u16le(w, entry_size);
    share_data_end(w, begin);
}

void share_write_font_list(struct wr *w, uint16_t pdu_source, uint32_t share_id)
{
    write_font_pdu(w, pdu_source, share_id, PDUTYPE2_FONTLIST, FONT_LIST_ENTRY);
}

void share_write_font_map(struct wr *w, uint16_t pdu_source, uint32_t share_id)
{
    write_font_pdu(w, pdu_source, share_id, PDUTYPE2_FONTMAP, FONT_MAP_ENTRY);
}

void share_write_shutdown_request(struct wr *w, uint16_t pdu_source, uint32_t share_id)
{
    share_data_end(w, share_data_begin(w, pdu_source, share_id, PDUTYPE2_SHUTDOWN_REQUEST));
}

void share_write_shutdown_denied(struct wr *w, uint16_t pdu_source, uint32_t share_id)
{
    share_data_end(w, share_data_begin(w, pdu_source, share_id, PDUTYPE2_SHUTDOWN_DENIED));
}

/* ---- readers ---- */

enum sp_err share_read_synchronize(struct rd *r, uint16_t *target_user)
{
    uint16_t type = rd_u16le(r, "TS_SYNCHRONIZE_PDU.messageType");
    uint16_t user = rd_u16le(r, "TS_SYNCHRONIZE_PDU.targetUser");

    rd_want(r, "TS_SYNCHRONIZE_PDU.messageType", type, SYNCMSGTYPE_SYNC);
    rd_end(r, "TS_SYNCHRONIZE_PDU");
    if (rd_ok(r))
        *target_user = user;
    return r->fail.code;
}

enum sp_err share_read_control(struct rd *r, struct share_control_action *out)
{
    struct share_control_action control;

    control.action = rd_u16le(r, "TS_CONTROL_PDU.action");
    control.grant_id = rd_u16le(r, "TS_CONTROL_PDU.grantId");
    control.control_id = rd_u32le(r, "TS_CONTROL_PDU.controlId");
    if (control.action < CTRLACTION_REQUEST_CONTROL || control.action > CTRLACTION_COOPERATE)
        rd_refuse(r, SP_EVALUE, "TS_CONTROL_PDU.action", control.action, CTRLACTION_COOPERATE);
    rd_end(r, "TS_CONTROL_PDU");
    if (rd_ok(r))
        *out = control;
    return r->fail.code;
}

static enum sp_err read_u32_body(struct rd *r, uint32_t *out, const char *where)
{
    uint32_t value = rd_u32le(r, where);

    rd_end(r, where);
    if (rd_ok(r))
        *out = value;
    return r->fail.code;
}

enum sp_err share_read_set_error_info(struct rd *r, uint32_t *error_info)
{
    return read_u32_body(r, error_info, "TS_SET_ERROR_INFO_PDU.errorInfo");
}

enum sp_err share_read_status_info(struct rd *r, uint32_t *status_code)
{
    return read_u32_body(r, status_code, "Server Status Info PDU.statusCode");
}

/* ---- pass with other user ids ---- */

/* Replace the id at an offset of the copy that starts at begin, if it is from_user. */
static void replace_user(const struct share_pdu *pdu, size_t offset, uint16_t from_user,
                         uint16_t to_user, struct wr *w, size_t begin)
{
    struct rd at = pdu->whole;

    rd_skip(&at, offset, "TS_SHARECONTROLHEADER");
    if (rd_u16le(&at, "TS_SHARECONTROLHEADER") == from_user && rd_ok(&at))
        wr_patch_u16le(w, begin + offset, to_user);
}

/* True for a data PDU whose body has a user id in its second field. */
static bool names_user(const struct share_pdu *pdu)
{
    struct share_control_action control;
    struct share_data data;
    struct rd body = pdu->body;
    uint16_t user;

    if (pdu->type != PDUTYPE_DATAPDU || share_data_read(&body, &data) != SP_OK ||
        (data.compressed_type & PACKET_COMPRESSED) != 0)
        return false;
    if (data.pdu_type2 == PDUTYPE2_SYNCHRONIZE)
        return share_read_synchronize(&data.body, &user) == SP_OK;
    return data.pdu_type2 == PDUTYPE2_CONTROL &&
           share_read_control(&data.body, &control) == SP_OK &&
           control.action == CTRLACTION_GRANTED_CONTROL;
}

enum sp_err share_rewrite_user(const struct share_pdu *pdu, uint16_t from_user, uint16_t to_user,
                               struct wr *w)
{
    size_t begin = w->pos;

    if (pdu->is_flow)
        return sp_fail_set(&w->fail, SP_EVALUE, "TS_SHARECONTROLHEADER", SHARE_FLOW_MARKER, 0);
    wr_bytes(w, pdu->whole.at, pdu->whole.left);
    if (!wr_ok(w))
        return w->fail.code;
    replace_user(pdu, PDU_SOURCE_OFFSET, from_user, to_user, w, begin);
    if (names_user(pdu))
        replace_user(pdu, SHARE_DATA_SIZE + 2, from_user, to_user, w, begin);
    return SP_OK;
}
