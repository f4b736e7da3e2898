/* SPDX-License-Identifier: Apache-2.0
 * Slow-path PDUs on the I/O channel: the share headers, and the small PDUs that Sallyport itself
 * says or understands.
 *
 * One MCS payload holds one or more share PDUs. share_next walks them; a data PDU is opened
 * further with share_data_read.
 */
#ifndef SP_RDP_SHARE_H
#define SP_RDP_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

/* pduType, low 4 bits; MS-RDPBCGR 2.2.8.1.1.1.1 */
#define PDUTYPE_DEMANDACTIVEPDU  0x1
#define PDUTYPE_CONFIRMACTIVEPDU 0x3
#define PDUTYPE_DEACTIVATEALLPDU 0x6
#define PDUTYPE_DATAPDU          0x7
#define PDUTYPE_SERVER_REDIR_PKT 0xA
#define PDU_VERSION              0x0010 /* upper 12 bits of pduType, except in a redirection */
#define SHARE_FLOW_MARKER        0x8000 /* in the place of totalLength: a T.128 flow PDU */
#define SHARE_CONTROL_SIZE       6
#define SHARE_DATA_SIZE          18 /* both headers of a data PDU */
#define SHARE_SERVER_CHANNEL     0x03EA

/* pduType2; MS-RDPBCGR 2.2.8.1.1.1.2 */
#define PDUTYPE2_UPDATE                      0x02
#define PDUTYPE2_CONTROL                     0x14
#define PDUTYPE2_POINTER                     0x1B
#define PDUTYPE2_INPUT                       0x1C
#define PDUTYPE2_SYNCHRONIZE                 0x1F
#define PDUTYPE2_REFRESH_RECT                0x21
#define PDUTYPE2_PLAY_SOUND                  0x22
#define PDUTYPE2_SUPPRESS_OUTPUT             0x23
#define PDUTYPE2_SHUTDOWN_REQUEST            0x24
#define PDUTYPE2_SHUTDOWN_DENIED             0x25
#define PDUTYPE2_SAVE_SESSION_INFO           0x26
#define PDUTYPE2_FONTLIST                    0x27
#define PDUTYPE2_FONTMAP                     0x28
#define PDUTYPE2_SET_KEYBOARD_INDICATORS     0x29
#define PDUTYPE2_BITMAPCACHE_PERSISTENT_LIST 0x2B
#define PDUTYPE2_BITMAPCACHE_ERROR_PDU       0x2C
#define PDUTYPE2_SET_KEYBOARD_IME_STATUS     0x2D
#define PDUTYPE2_OFFSCRCACHE_ERROR_PDU       0x2E
#define PDUTYPE2_SET_ERROR_INFO_PDU          0x2F
#define PDUTYPE2_DRAWNINEGRID_ERROR_PDU      0x30
#define PDUTYPE2_DRAWGDIPLUS_ERROR_PDU       0x31
#define PDUTYPE2_ARC_STATUS_PDU              0x32
#define PDUTYPE2_STATUS_INFO_PDU             0x36
#define PDUTYPE2_MONITOR_LAYOUT_PDU          0x37
#define PDUTYPE2_FRAME_ACKNOWLEDGE           0x38

#define STREAM_LOW 0x01

#define PACKET_COMPRESSED 0x20 /* in compressedType */

/* action of a Control PDU, MS-RDPBCGR 2.2.1.15.1 */
#define CTRLACTION_REQUEST_CONTROL 0x0001
#define CTRLACTION_GRANTED_CONTROL 0x0002
#define CTRLACTION_DETACH          0x0003
#define CTRLACTION_COOPERATE       0x0004

/* statusCode of a Status Info PDU, MS-RDPBCGR 2.2.5.2 */
#define TS_STATUS_FINDING_DESTINATION        0x00000401
#define TS_STATUS_LOADING_DESTINATION        0x00000402
#define TS_STATUS_BRINGING_SESSION_ONLINE    0x00000403
#define TS_STATUS_REDIRECTING_TO_DESTINATION 0x00000404

struct share_pdu {
    uint8_t type;        /* PDUTYPE_*; 0 in a flow PDU                         */
    bool is_flow;        /* T.128 flow PDU of 8 bytes: to be ignored           */
    uint16_t pdu_source; /* 0 in a flow PDU and in a bare 4-byte Deactivate All */
    struct rd body;      /* after the share control header, to totalLength     */
    struct rd whole;     /* the same PDU from its totalLength on               */
};

struct share_data {
    uint32_t share_id;
    uint8_t stream_id;
    uint16_t uncompressed_length; /* stacks disagree: never size by it */
    uint8_t pdu_type2;            /* PDUTYPE2_* */
    uint8_t compressed_type;      /* PACKET_COMPRESSED and friends */
    uint16_t compressed_length;
    struct rd body; /* the rest */
};

/*
 * Take the next share PDU off an MCS payload: call while payload->left > 0.
 * Spec:    MS-RDPBCGR 2.2.8.1.1.1.1
 * payload  stepped over the PDU
 * out      written only on SP_OK
 * Errors:  SP_ESHORT totalLength longer than the payload; SP_EVALUE totalLength too small
 * Owner:   out borrows payload's bytes
 */
SP_MUST_USE enum sp_err share_next(struct rd *payload, struct share_pdu *out);

/*
 * Read the share data header.
 * Spec:    MS-RDPBCGR 2.2.8.1.1.1.2
 * r        the body of a share_pdu of PDUTYPE_DATAPDU; everything is consumed on success
 * out      written only on SP_OK
 * Errors:  SP_ESHORT
 */
SP_MUST_USE enum sp_err share_data_read(struct rd *r, struct share_data *out);

/* True for the data PDUs that a client may send after activation (2.2.8.1.1.1.2, client's). */
bool share_client_type_allowed(uint8_t pdu_type2);

/* ---- writers: a whole share PDU each; all stick in w with SP_ESPACE ---- */

/* Start a share control PDU. Returns the position to give to share_control_end. */
size_t share_control_begin(struct wr *w, uint16_t pdu_type, uint16_t pdu_source);

/* Finish it: fills totalLength. Errors: SP_ELIMIT above 32767 bytes */
void share_control_end(struct wr *w, size_t begin);

/* Start a share data PDU, uncompressed. Returns the position to give to share_data_end. */
size_t share_data_begin(struct wr *w, uint16_t pdu_source, uint32_t share_id, uint8_t pdu_type2);

/* Finish it: fills totalLength and uncompressedLength (counted from pduType2 on, as Windows). */
void share_data_end(struct wr *w, size_t begin);

/* Set Error Info, server to client (2.2.5.1). error_info: ERRINFO_* */
void share_write_set_error_info(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                                uint32_t error_info);

/* Status Info, server to client (2.2.5.2). status_code: TS_STATUS_* */
void share_write_status_info(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                             uint32_t status_code);

/* Deactivate All, server to client (2.2.3.1). */
void share_write_deactivate_all(struct wr *w, uint16_t pdu_source, uint32_t share_id);

/* Synchronize, both directions (2.2.1.14, 2.2.1.19). */
void share_write_synchronize(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                             uint16_t target_user);

/* Control, both directions (2.2.1.15, 2.2.1.16, 2.2.1.20, 2.2.1.21). action: CTRLACTION_* */
void share_write_control(struct wr *w, uint16_t pdu_source, uint32_t share_id, uint16_t action,
                         uint16_t grant_id, uint32_t control_id);

/* Font List, client to server (2.2.1.18). */
void share_write_font_list(struct wr *w, uint16_t pdu_source, uint32_t share_id);

/* Font Map, server to client (2.2.1.22). */
void share_write_font_map(struct wr *w, uint16_t pdu_source, uint32_t share_id);

/* Shutdown Request, client to server (2.2.2.1). */
void share_write_shutdown_request(struct wr *w, uint16_t pdu_source, uint32_t share_id);

/* Shutdown Request Denied, server to client (2.2.2.2). */
void share_write_shutdown_denied(struct wr *w, uint16_t pdu_source, uint32_t share_id);

/* ---- readers: r is the body of a share_data; out written only on SP_OK ---- */

struct share_control_action {
    uint16_t action; /* CTRLACTION_* */
    uint16_t grant_id;
    uint32_t control_id;
};

/* Read a Synchronize body. Errors: SP_ESHORT; SP_EVALUE messageType not 1; SP_ETRAIL */
SP_MUST_USE enum sp_err share_read_synchronize(struct rd *r, uint16_t *target_user);

/* Read a Control body. Errors: SP_ESHORT; SP_EVALUE unknown action; SP_ETRAIL */
SP_MUST_USE enum sp_err share_read_control(struct rd *r, struct share_control_action *out);

/* Read a Set Error Info body. Errors: SP_ESHORT; SP_ETRAIL */
SP_MUST_USE enum sp_err share_read_set_error_info(struct rd *r, uint32_t *error_info);

/* Read a Status Info body. Errors: SP_ESHORT; SP_ETRAIL */
SP_MUST_USE enum sp_err share_read_status_info(struct rd *r, uint32_t *status_code);

/*
 * Copy one share PDU from one leg to the other, with the MCS user id of the first leg replaced by
 * the second's wherever it stands: pduSource, targetUser of a Synchronize, grantId of a Granted
 * Control. Everything else stays, also ids of that value's neighbours such as 0x03EA.
 * pdu      from share_next; not a flow PDU
 * w        gets a PDU of the same length
 * Errors:  SP_EVALUE a flow PDU; SP_ESPACE
 */
SP_MUST_USE enum sp_err share_rewrite_user(const struct share_pdu *pdu, uint16_t from_user,
                                           uint16_t to_user, struct wr *w);

#endif
