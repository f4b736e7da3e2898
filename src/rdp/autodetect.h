/* SPDX-License-Identifier: Apache-2.0
 * Everything on the MCS message channel: network auto-detection, the offer of UDP transports,
 * and the heartbeat.
 */
#ifndef SP_RDP_AUTODETECT_H
#define SP_RDP_AUTODETECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

/* What a PDU on the message channel is, by its security flags. */
enum message_kind {
    MESSAGE_UNKNOWN,
    MESSAGE_DETECT_REQUEST,         /* server to client */
    MESSAGE_DETECT_RESPONSE,        /* client to server */
    MESSAGE_MULTITRANSPORT_REQUEST, /* server to client */
    MESSAGE_MULTITRANSPORT_RESPONSE,
    MESSAGE_HEARTBEAT /* server to client */
};

/* The kind of the PDU at r, which is not moved; MESSAGE_UNKNOWN for none or several flags. */
enum message_kind message_kind_of(const struct rd *r);

/* ---- auto-detection, MS-RDPBCGR 2.2.14 ---- */

enum detect_kind {
    DETECT_RTT,
    DETECT_BW_START,
    DETECT_BW_PAYLOAD,
    DETECT_BW_STOP,
    DETECT_RESULT,
    DETECT_RTT_RESPONSE,
    DETECT_BW_RESULTS,
    DETECT_SYNC
};

/* requestType and responseType, verbatim values of 2.2.14.1 and 2.2.14.2 */
#define RDP_RTT_REQUEST_CONNECT      0x1001
#define RDP_RTT_REQUEST_LATER        0x0001
#define RDP_BW_START_CONNECT         0x1014
#define RDP_BW_START_LATER           0x0014
#define RDP_BW_START_LOSSY           0x0114
#define RDP_BW_PAYLOAD_CONNECT       0x0002
#define RDP_BW_STOP_CONNECT          0x002B
#define RDP_BW_STOP_LATER            0x0429
#define RDP_BW_STOP_LOSSY            0x0629
#define RDP_NETCHAR_RESULT_RTT       0x0840 /* baseRTT, averageRTT */
#define RDP_NETCHAR_RESULT_BANDWIDTH 0x0880 /* bandwidth, averageRTT */
#define RDP_NETCHAR_RESULT_ALL       0x08C0
#define RDP_RTT_RESPONSE_TYPE        0x0000
#define RDP_BW_RESULTS_CONNECT       0x0003
#define RDP_BW_RESULTS_LATER         0x000B
#define RDP_NETCHAR_SYNC_TYPE        0x0018

struct detect_request {
    enum detect_kind kind; /* DETECT_RTT … DETECT_RESULT */
    uint16_t sequence;
    uint16_t request_type;  /* RDP_*: says also whether it is connect-time */
    uint16_t payload_size;  /* DETECT_BW_PAYLOAD and the connect-time stop, else 0 */
    const uint8_t *payload; /* borrowed from the reader; NULL when writing: zeros  */
    uint32_t base_rtt_ms, bandwidth_kbps, average_rtt_ms; /* DETECT_RESULT */
};

struct detect_response {
    enum detect_kind kind; /* DETECT_RTT_RESPONSE … DETECT_SYNC */
    uint16_t sequence;
    uint16_t response_type;
    uint32_t time_delta_ms, byte_count; /* DETECT_BW_RESULTS */
    uint32_t bandwidth_kbps, rtt_ms;    /* DETECT_SYNC       */
};

/*
 * Read a Server Auto-Detect Request PDU.
 * Spec:    MS-RDPBCGR 2.2.14.3
 * r        at the basic security header; everything is consumed on success
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE flags, header length or type wrong; SP_ETRAIL
 * Owner:   out->payload points into r's bytes
 */
SP_MUST_USE enum sp_err detect_request_read(struct rd *r, struct detect_request *out);

/* Write a Server Auto-Detect Request PDU; request_type decides the layout. Errors: SP_ESPACE */
void detect_request_write(struct wr *w, const struct detect_request *request);

/*
 * Read a Client Auto-Detect Response PDU.
 * Spec:    MS-RDPBCGR 2.2.14.4
 * r        at the basic security header; everything is consumed on success
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE flags, header length or type wrong; SP_ETRAIL
 */
SP_MUST_USE enum sp_err detect_response_read(struct rd *r, struct detect_response *out);

/* Write a Client Auto-Detect Response PDU; response_type decides the layout. Errors: SP_ESPACE */
void detect_response_write(struct wr *w, const struct detect_response *response);

/* The client's side of a measurement, between a start and its stop. */
struct detect_client {
    bool measuring;
    int64_t started_ms;
    uint32_t byte_count; /* sticks at UINT32_MAX */
};

/* Count bytes that arrived outside auto-detect PDUs while a later (not connect-time) one runs. */
void detect_client_count(struct detect_client *c, size_t size);

/*
 * Take one request as the client that answers it, and write the answer if there is one.
 * Spec:    MS-RDPBCGR 3.2.5.13
 * now_ms   monotonic milliseconds
 * answered set to whether w got a PDU (RTT: at once; stop after a start: results)
 * Errors:  SP_ESTATE payload or stop without a start; SP_ESPACE
 */
SP_MUST_USE enum sp_err detect_client_step(struct detect_client *c,
                                           const struct detect_request *request, int64_t now_ms,
                                           struct wr *w, bool *answered);

/* ---- multitransport, MS-RDPBCGR 2.2.15 ---- */

#define INITITATE_REQUEST_PROTOCOL_UDPFECR 0x01
#define INITITATE_REQUEST_PROTOCOL_UDPFECL 0x02
#define MULTITRANSPORT_COOKIE_SIZE         16
#define HRESULT_S_OK                       0x00000000
#define HRESULT_E_ABORT                    0x80004004

struct multitransport_request {
    uint32_t request_id;
    uint16_t requested_protocol;
    uint8_t security_cookie[MULTITRANSPORT_COOKIE_SIZE];
};

/*
 * Read an Initiate Multitransport Request.
 * Spec:    MS-RDPBCGR 2.2.15.1
 * r        at the basic security header; everything is consumed on success
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE flags or protocol wrong; SP_ETRAIL
 */
SP_MUST_USE enum sp_err multitransport_request_read(struct rd *r,
                                                    struct multitransport_request *out);

/* Write an Initiate Multitransport Request. Errors: SP_ESPACE */
void multitransport_request_write(struct wr *w, const struct multitransport_request *request);

/* Write a Multitransport Response (2.2.15.2), usually with HRESULT_E_ABORT. Errors: SP_ESPACE */
void multitransport_response_write(struct wr *w, uint32_t request_id, uint32_t hr_response);

/*
 * Read a Multitransport Response.
 * Spec:    MS-RDPBCGR 2.2.15.2
 * request_id, hr_response  written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE flags wrong; SP_ETRAIL
 */
SP_MUST_USE enum sp_err multitransport_response_read(struct rd *r, uint32_t *request_id,
                                                     uint32_t *hr_response);

/* ---- heartbeat, MS-RDPBCGR 2.2.16 ---- */

struct heartbeat {
    uint8_t period_s;
    uint8_t count1; /* missed beats before a warning   */
    uint8_t count2; /* missed beats before reconnecting */
};

/*
 * Read a Heartbeat PDU.
 * Spec:    MS-RDPBCGR 2.2.16.1
 * Errors:  SP_ESHORT; SP_EVALUE flags wrong; SP_ETRAIL
 */
SP_MUST_USE enum sp_err heartbeat_read(struct rd *r, struct heartbeat *out);

/* Write a Heartbeat PDU. Errors: SP_ESPACE */
void heartbeat_write(struct wr *w, const struct heartbeat *beat);

#endif
