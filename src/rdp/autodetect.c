/* SPDX-License-Identifier: Apache-2.0
 * Everything on the MCS message channel: network auto-detection, the offer of UDP transports,
 * and the heartbeat.
 */
#include "rdp/autodetect.h"

#include "rdp/sec.h"

#define TYPE_ID_AUTODETECT_REQUEST  0x00
#define TYPE_ID_AUTODETECT_RESPONSE 0x01
#define DETECT_HEADER_SIZE          6

enum message_kind message_kind_of(const struct rd *r)
{
    switch (sec_header_peek(r) & (SEC_AUTODETECT_REQ | SEC_AUTODETECT_RSP | SEC_TRANSPORT_REQ |
                                  SEC_TRANSPORT_RSP | SEC_HEARTBEAT)) {
    case SEC_AUTODETECT_REQ:
        return MESSAGE_DETECT_REQUEST;
    case SEC_AUTODETECT_RSP:
        return MESSAGE_DETECT_RESPONSE;
    case SEC_TRANSPORT_REQ:
        return MESSAGE_MULTITRANSPORT_REQUEST;
    case SEC_TRANSPORT_RSP:
        return MESSAGE_MULTITRANSPORT_RESPONSE;
    case SEC_HEARTBEAT:
        return MESSAGE_HEARTBEAT;
    default:
        return MESSAGE_UNKNOWN;
    }
}

/* ---- auto-detection ---- */

/* What follows the six bytes of the header. */
enum detect_layout {
    LAYOUT_EMPTY,
    LAYOUT_PAYLOAD,
    LAYOUT_RESULT_RTT,
    LAYOUT_RESULT_BANDWIDTH,
    LAYOUT_RESULT_ALL,
    LAYOUT_PAIR
};

/* headerLength of each layout; a payload's bytes do not count, only its length field does. */
static const uint8_t layout_sizes[] = {
    [LAYOUT_EMPTY] = 0,      [LAYOUT_PAYLOAD] = 2,          [LAYOUT_PAIR] = 8,
    [LAYOUT_RESULT_RTT] = 8, [LAYOUT_RESULT_BANDWIDTH] = 8, [LAYOUT_RESULT_ALL] = 12};

struct detect_type {
    uint16_t type;
    enum detect_kind kind;
    enum detect_layout layout;
};

static const struct detect_type request_types[] = {
    {RDP_RTT_REQUEST_CONNECT, DETECT_RTT, LAYOUT_EMPTY},
    {RDP_RTT_REQUEST_LATER, DETECT_RTT, LAYOUT_EMPTY},
    {RDP_BW_START_CONNECT, DETECT_BW_START, LAYOUT_EMPTY},
    {RDP_BW_START_LATER, DETECT_BW_START, LAYOUT_EMPTY},
    {RDP_BW_START_LOSSY, DETECT_BW_START, LAYOUT_EMPTY},
    {RDP_BW_PAYLOAD_CONNECT, DETECT_BW_PAYLOAD, LAYOUT_PAYLOAD},
    {RDP_BW_STOP_CONNECT, DETECT_BW_STOP, LAYOUT_PAYLOAD},
    {RDP_BW_STOP_LATER, DETECT_BW_STOP, LAYOUT_EMPTY},
    {RDP_BW_STOP_LOSSY, DETECT_BW_STOP, LAYOUT_EMPTY},
    {RDP_NETCHAR_RESULT_RTT, DETECT_RESULT, LAYOUT_RESULT_RTT},
    {RDP_NETCHAR_RESULT_BANDWIDTH, DETECT_RESULT, LAYOUT_RESULT_BANDWIDTH},
    {RDP_NETCHAR_RESULT_ALL, DETECT_RESULT, LAYOUT_RESULT_ALL},
};

static const struct detect_type response_types[] = {
    {RDP_RTT_RESPONSE_TYPE, DETECT_RTT_RESPONSE, LAYOUT_EMPTY},
    {RDP_BW_RESULTS_CONNECT, DETECT_BW_RESULTS, LAYOUT_PAIR},
    {RDP_BW_RESULTS_LATER, DETECT_BW_RESULTS, LAYOUT_PAIR},
    {RDP_NETCHAR_SYNC_TYPE, DETECT_SYNC, LAYOUT_PAIR},
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const struct detect_type *find_type(const struct detect_type *types, size_t count,
                                           uint16_t type)
{
    for (size_t i = 0; i < count; i++) {
        if (types[i].type == type)
            return &types[i];
    }
    return NULL;
}

static const struct detect_type *find_request(uint16_t type)
{
    return find_type(request_types, COUNT_OF(request_types), type);
}

static const struct detect_type *find_response(uint16_t type)
{
    return find_type(response_types, COUNT_OF(response_types), type);
}

struct detect_header {
    uint8_t header_length;
    uint16_t sequence;
    uint16_t type;
};

static struct detect_header read_header(struct rd *r, uint16_t sec_flag, uint8_t type_id)
{
    struct detect_header h;

    rd_want(r, "TS_SECURITY_HEADER.flags", sec_header_read(r) & (sec_flag | SEC_ENCRYPT), sec_flag);
    h.header_length = rd_u8(r, "RDP_RTT_REQUEST.headerLength");
    rd_want(r, "RDP_RTT_REQUEST.headerTypeId", rd_u8(r, "RDP_RTT_REQUEST.headerTypeId"), type_id);
    h.sequence = rd_u16le(r, "RDP_RTT_REQUEST.sequenceNumber");
    h.type = rd_u16le(r, "RDP_RTT_REQUEST.requestType");
    return h;
}

/* Returns NULL, with the failure in r, unless the type is known and has the right header length. */
static const struct detect_type *check_header(struct rd *r, const struct detect_header *h,
                                              const struct detect_type *type)
{
    if (!rd_ok(r))
        return NULL;
    if (type == NULL) {
        rd_refuse(r, SP_EVALUE, "RDP_RTT_REQUEST.requestType", h->type, 0);
        return NULL;
    }
    rd_want(r, "RDP_RTT_REQUEST.headerLength", h->header_length,
            DETECT_HEADER_SIZE + layout_sizes[type->layout]);
    return rd_ok(r) ? type : NULL;
}

static void read_request_body(struct rd *r, enum detect_layout layout, struct detect_request *out)
{
    if (layout == LAYOUT_PAYLOAD) {
        out->payload_size = rd_u16le(r, "RDP_BW_PAYLOAD.payloadLength");
        out->payload = rd_bytes(r, out->payload_size, "RDP_BW_PAYLOAD.payload");
    }
    if (layout == LAYOUT_RESULT_RTT || layout == LAYOUT_RESULT_ALL)
        out->base_rtt_ms = rd_u32le(r, "RDP_NETCHAR_RESULTS.baseRTT");
    if (layout == LAYOUT_RESULT_BANDWIDTH || layout == LAYOUT_RESULT_ALL)
        out->bandwidth_kbps = rd_u32le(r, "RDP_NETCHAR_RESULTS.bandwidth");
    if (out->kind == DETECT_RESULT)
        out->average_rtt_ms = rd_u32le(r, "RDP_NETCHAR_RESULTS.averageRTT");
}

enum sp_err detect_request_read(struct rd *r, struct detect_request *out)
{
    struct detect_header h = read_header(r, SEC_AUTODETECT_REQ, TYPE_ID_AUTODETECT_REQUEST);
    const struct detect_type *type = check_header(r, &h, find_request(h.type));
    struct detect_request request = {.sequence = h.sequence, .request_type = h.type};

    if (type == NULL)
        return r->fail.code;
    request.kind = type->kind;
    read_request_body(r, type->layout, &request);
    rd_end(r, "Server Auto-Detect Request PDU");
    if (rd_ok(r))
        *out = request;
    return r->fail.code;
}

static void write_header(struct wr *w, uint16_t sec_flag, uint8_t type_id,
                         const struct detect_type *type, uint16_t sequence)
{
    sec_header_write(w, sec_flag);
    wr_u8(w, (uint8_t)(DETECT_HEADER_SIZE + layout_sizes[type->layout]));
    wr_u8(w, type_id);
    wr_u16le(w, sequence);
    wr_u16le(w, type->type);
}

void detect_request_write(struct wr *w, const struct detect_request *request)
{
    const struct detect_type *type = find_request(request->request_type);

    SP_BUG(type == NULL);
    write_header(w, SEC_AUTODETECT_REQ, TYPE_ID_AUTODETECT_REQUEST, type, request->sequence);
    if (type->layout == LAYOUT_PAYLOAD)
        wr_u16le(w, request->payload_size);
    if (type->layout == LAYOUT_PAYLOAD && request->payload != NULL)
        wr_bytes(w, request->payload, request->payload_size);
    else if (type->layout == LAYOUT_PAYLOAD)
        wr_zero(w, request->payload_size);
    if (type->layout == LAYOUT_RESULT_RTT || type->layout == LAYOUT_RESULT_ALL)
        wr_u32le(w, request->base_rtt_ms);
    if (type->layout == LAYOUT_RESULT_BANDWIDTH || type->layout == LAYOUT_RESULT_ALL)
        wr_u32le(w, request->bandwidth_kbps);
    if (type->kind == DETECT_RESULT)
        wr_u32le(w, request->average_rtt_ms);
}

enum sp_err detect_response_read(struct rd *r, struct detect_response *out)
{
    struct detect_header h = read_header(r, SEC_AUTODETECT_RSP, TYPE_ID_AUTODETECT_RESPONSE);
    const struct detect_type *type = check_header(r, &h, find_response(h.type));
    struct detect_response response = {.sequence = h.sequence, .response_type = h.type};

    if (type == NULL)
        return r->fail.code;
    response.kind = type->kind;
    if (type->kind == DETECT_BW_RESULTS) {
        response.time_delta_ms = rd_u32le(r, "RDP_BW_RESULTS.timeDelta");
        response.byte_count = rd_u32le(r, "RDP_BW_RESULTS.byteCount");
    } else if (type->kind == DETECT_SYNC) {
        response.bandwidth_kbps = rd_u32le(r, "RDP_NETCHAR_SYNC.bandwidth");
        response.rtt_ms = rd_u32le(r, "RDP_NETCHAR_SYNC.rtt");
    }
    rd_end(r, "Client Auto-Detect Response PDU");
    if (rd_ok(r))
        *out = response;
    return r->fail.code;
}

void detect_response_write(struct wr *w, const struct detect_response *response)
{
    const struct detect_type *type = find_response(response->response_type);

    SP_BUG(type == NULL);
    write_header(w, SEC_AUTODETECT_RSP, TYPE_ID_AUTODETECT_RESPONSE, type, response->sequence);
    if (type->kind == DETECT_BW_RESULTS) {
        wr_u32le(w, response->time_delta_ms);
        wr_u32le(w, response->byte_count);
    } else if (type->kind == DETECT_SYNC) {
        wr_u32le(w, response->bandwidth_kbps);
        wr_u32le(w, response->rtt_ms);
    }
}

void detect_client_count(struct detect_client *c, size_t size)
{
    if (!c->measuring)
        return;
    c->byte_count = size > UINT32_MAX - c->byte_count ? UINT32_MAX : c->byte_count + (uint32_t)size;
}

static void write_results(const struct detect_client *c, const struct detect_request *request,
                          int64_t now_ms, struct wr *w)
{
    struct detect_response results = {.kind = DETECT_BW_RESULTS, .sequence = request->sequence};
    int64_t delta = now_ms - c->started_ms;
    bool at_connect = request->request_type == RDP_BW_STOP_CONNECT;

    results.response_type = at_connect ? RDP_BW_RESULTS_CONNECT : RDP_BW_RESULTS_LATER;
    results.time_delta_ms = delta < 0 ? 0 : (delta > UINT32_MAX ? UINT32_MAX : (uint32_t)delta);
    results.byte_count = c->byte_count;
    detect_response_write(w, &results);
}

enum sp_err detect_client_step(struct detect_client *c, const struct detect_request *request,
                               int64_t now_ms, struct wr *w, bool *answered)
{
    bool answer = request->kind == DETECT_RTT || request->kind == DETECT_BW_STOP;
    bool needs_start = request->kind == DETECT_BW_STOP || request->kind == DETECT_BW_PAYLOAD;

    if (needs_start && !c->measuring)
        return sp_fail_set(&w->fail, SP_ESTATE, "RDP_BW_STOP", request->request_type, 0);
    detect_client_count(c, request->payload_size);
    if (request->kind == DETECT_RTT) {
        detect_response_write(w, &(struct detect_response){.kind = DETECT_RTT_RESPONSE,
                                                           .sequence = request->sequence});
    } else if (request->kind == DETECT_BW_START) {
        *c = (struct detect_client){.measuring = true, .started_ms = now_ms};
    } else if (request->kind == DETECT_BW_STOP) {
        write_results(c, request, now_ms, w);
        c->measuring = false;
    }
    *answered = answer && wr_ok(w);
    return w->fail.code;
}

/* ---- multitransport ---- */

enum sp_err multitransport_request_read(struct rd *r, struct multitransport_request *out)
{
    struct multitransport_request request;

    rd_want(r, "TS_SECURITY_HEADER.flags", sec_header_read(r) & (SEC_TRANSPORT_REQ | SEC_ENCRYPT),
            SEC_TRANSPORT_REQ);
    request.request_id = rd_u32le(r, "Initiate Multitransport Request.requestId");
    request.requested_protocol = rd_u16le(r, "Initiate Multitransport Request.requestedProtocol");
    rd_skip(r, 2, "Initiate Multitransport Request.reserved");
    rd_copy(r, request.security_cookie, sizeof(request.security_cookie),
            "Initiate Multitransport Request.securityCookie");
    if (request.requested_protocol != INITITATE_REQUEST_PROTOCOL_UDPFECR)
        rd_want(r, "Initiate Multitransport Request.requestedProtocol", request.requested_protocol,
                INITITATE_REQUEST_PROTOCOL_UDPFECL);
    rd_end(r, "Initiate Multitransport Request");
    if (rd_ok(r))
        *out = request;
    return r->fail.code;
}

void multitransport_request_write(struct wr *w, const struct multitransport_request *request)
{
    sec_header_write(w, SEC_TRANSPORT_REQ);
    wr_u32le(w, request->request_id);
    wr_u16le(w, request->requested_protocol);
    wr_u16le(w, 0);
    wr_bytes(w, request->security_cookie, sizeof(request->security_cookie));
}

void multitransport_response_write(struct wr *w, uint32_t request_id, uint32_t hr_response)
{
    sec_header_write(w, SEC_TRANSPORT_RSP);
    wr_u32le(w, request_id);
    wr_u32le(w, hr_response);
}

enum sp_err multitransport_response_read(struct rd *r, uint32_t *request_id, uint32_t *hr_response)
{
    rd_want(r, "TS_SECURITY_HEADER.flags", sec_header_read(r) & (SEC_TRANSPORT_RSP | SEC_ENCRYPT),
            SEC_TRANSPORT_RSP);

    uint32_t id = rd_u32le(r, "Initiate Multitransport Response.requestId");
    uint32_t hr = rd_u32le(r, "Initiate Multitransport Response.hrResponse");

    rd_end(r, "Initiate Multitransport Response");
    if (!rd_ok(r))
        return r->fail.code;
    *request_id = id;
    *hr_response = hr;
    return SP_OK;
}

/* ---- heartbeat ---- */

enum sp_err heartbeat_read(struct rd *r, struct heartbeat *out)
{
    struct heartbeat beat;

    rd_want(r, "TS_SECURITY_HEADER.flags", sec_header_read(r) & (SEC_HEARTBEAT | SEC_ENCRYPT),
            SEC_HEARTBEAT);
    rd_skip(r, 1, "Heartbeat.reserved");
    beat.period_s = rd_u8(r, "Heartbeat.period");
    beat.count1 = rd_u8(r, "Heartbeat.count1");
    beat.count2 = rd_u8(r, "Heartbeat.count2");
    rd_end(r, "Heartbeat");
    if (rd_ok(r))
        *out = beat;
    return r->fail.code;
}

void heartbeat_write(struct wr *w, const struct heartbeat *beat)
{
    sec_header_write(w, SEC_HEARTBEAT);
    wr_u8(w, 0);
    wr_u8(w, beat->period_s);
    wr_u8(w, beat->count1);
    wr_u8(w, beat->count2);
}
