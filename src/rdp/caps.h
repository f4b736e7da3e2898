/* SPDX-License-Identifier: Apache-2.0
 * Demand Active and Confirm Active: reading the list of capability sets, and the few edits that
 * the splice makes to them.
 */
#ifndef SP_RDP_CAPS_H
#define SP_RDP_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

/* capabilitySetType, MS-RDPBCGR 2.2.1.13.1.1.1 */
#define CAPSTYPE_GENERAL                 0x0001
#define CAPSTYPE_BITMAP                  0x0002
#define CAPSTYPE_ORDER                   0x0003
#define CAPSTYPE_BITMAPCACHE             0x0004
#define CAPSTYPE_CONTROL                 0x0005
#define CAPSTYPE_ACTIVATION              0x0007
#define CAPSTYPE_POINTER                 0x0008
#define CAPSTYPE_SHARE                   0x0009
#define CAPSTYPE_COLORCACHE              0x000A
#define CAPSTYPE_SOUND                   0x000C
#define CAPSTYPE_INPUT                   0x000D
#define CAPSTYPE_FONT                    0x000E
#define CAPSTYPE_BRUSH                   0x000F
#define CAPSTYPE_GLYPHCACHE              0x0010
#define CAPSTYPE_OFFSCREENCACHE          0x0011
#define CAPSTYPE_BITMAPCACHE_HOSTSUPPORT 0x0012
#define CAPSTYPE_BITMAPCACHE_REV2        0x0013
#define CAPSTYPE_VIRTUALCHANNEL          0x0014
#define CAPSTYPE_DRAWNINEGRIDCACHE       0x0015
#define CAPSTYPE_DRAWGDIPLUS             0x0016
#define CAPSTYPE_RAIL                    0x0017
#define CAPSTYPE_WINDOW                  0x0018
#define CAPSETTYPE_COMPDESK              0x0019
#define CAPSETTYPE_MULTIFRAGMENTUPDATE   0x001A
#define CAPSETTYPE_LARGE_POINTER         0x001B
#define CAPSETTYPE_SURFACE_COMMANDS      0x001C
#define CAPSETTYPE_BITMAP_CODECS         0x001D
#define CAPSSETTYPE_FRAME_ACKNOWLEDGE    0x001E

/* extraFlags of the General set */
#define FASTPATH_OUTPUT_SUPPORTED  0x0001
#define LONG_CREDENTIALS_SUPPORTED 0x0004
#define AUTORECONNECT_SUPPORTED    0x0008
#define ENC_SALTED_CHECKSUM        0x0010
#define NO_BITMAP_COMPRESSION_HDR  0x0400

#define PERSISTENT_KEYS_EXPECTED_FLAG 0x0001 /* CacheFlags of BITMAPCACHE_REV2 */

#define CAPS_SET_MAX          64
#define CAPS_DESCRIPTOR_MAX   512
#define CAPS_CHUNK_DEFAULT    1600 /* CHANNEL_CHUNK_LENGTH */
#define CAPS_CHUNK_MAX        16256
#define CAPS_MAX_REQUEST_SIZE 0x00C00000
#define CAPS_ORIGINATOR       0x03EA

struct caps_set {
    uint16_t type;
    struct rd data; /* without the 4-byte header */
};

struct active_pdu {
    bool is_confirm;
    uint16_t pdu_source;
    uint32_t share_id;
    uint32_t session_id; /* Demand Active only */
    const uint8_t *descriptor;
    uint16_t descriptor_size;
    uint16_t set_count;
    struct caps_set sets[CAPS_SET_MAX];
};

/* What the splice allows; all zero is the strictest. */
struct caps_policy {
    bool allow_autoreconnect;   /* keep AUTORECONNECT_SUPPORTED           */
    bool allow_remoteapp;       /* keep the RAIL and WINDOW sets          */
    bool allow_persistent_keys; /* keep PERSISTENT_KEYS_EXPECTED_FLAG     */
};

/* What the splice remembers of a PDU it edited. */
struct caps_facts {
    uint32_t share_id;
    uint16_t width, height, bits_per_pixel; /* BITMAP set; 0 without it */
    uint16_t general_extra_flags;           /* after the edit */
    uint16_t vc_chunk_size;    /* CAPS_CHUNK_DEFAULT … CAPS_CHUNK_MAX, also without the set */
    uint32_t max_request_size; /* MULTIFRAGMENTUPDATE after the edit; 0 without it */
    bool has_surface_commands, has_bitmap_codecs, has_frame_acknowledge;
    uint16_t sets_dropped;
};

/*
 * Read a Demand Active PDU.
 * Spec:    MS-RDPBCGR 2.2.1.13.1
 * r        at the share control header; everything is consumed on success
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE type, a length or a duplicate set; SP_ELIMIT more than
 *          CAPS_SET_MAX sets; SP_ETRAIL
 * Owner:   out borrows r's bytes
 */
SP_MUST_USE enum sp_err demand_active_read(struct rd *r, struct active_pdu *out);

/*
 * Read a Confirm Active PDU.
 * Spec:    MS-RDPBCGR 2.2.1.13.2
 * r        at the share control header; everything is consumed on success
 * out      written only on SP_OK
 * Errors:  as demand_active_read; SP_EVALUE also a wrong originatorId
 * Owner:   out borrows r's bytes
 */
SP_MUST_USE enum sp_err confirm_active_read(struct rd *r, struct active_pdu *out);

/*
 * Write a Demand Active or Confirm Active PDU, as pdu->is_confirm says, with its share control
 * header.
 * Errors:  SP_ESPACE; SP_ELIMIT the PDU longer than its length field
 */
void active_pdu_write(struct wr *w, const struct active_pdu *pdu);

/* The first set of a type, or NULL. Owner: points into pdu */
const struct caps_set *active_pdu_find(const struct active_pdu *pdu, uint16_t type);

/*
 * Copy a target's Demand Active towards the client with the splice's edits.
 * Spec:    MS-RDPBCGR 2.2.7
 * payload  at the share control header; everything is consumed on success
 * out      gets the whole PDU; after a failure it is refused too, so that nothing half-edited
 *          is sent
 * facts    written only on SP_OK
 * Errors:  as demand_active_read; SP_ESHORT a set too small for its edit; SP_ESPACE
 */
SP_MUST_USE enum sp_err demand_active_edit(struct rd *payload, const struct caps_policy *policy,
                                           struct wr *out, struct caps_facts *facts);

/*
 * Copy a client's Confirm Active towards the target with the splice's edits.
 * Spec:    MS-RDPBCGR 2.2.7
 * payload  at the share control header; everything is consumed on success
 * back_user_id  MCS user id on the target's leg: the new pduSource
 * out      gets the whole PDU; after a failure it is refused too, so that nothing half-edited
 *          is sent
 * facts    written only on SP_OK
 * Errors:  as confirm_active_read; SP_ESHORT a set too small for its edit; SP_ESPACE
 */
SP_MUST_USE enum sp_err confirm_active_edit(struct rd *payload, const struct caps_policy *policy,
                                            uint16_t back_user_id, struct wr *out,
                                            struct caps_facts *facts);

/* ---- our own sets: lobby, test peers, bench ---- */

/*
 * Write the Demand Active of a plain server: fast-path bitmaps, no orders, no caches.
 * width_px, height_px  of the desktop; bits_per_pixel 16, 24 or 32
 * Errors:  SP_ESPACE
 */
void demand_active_write_minimal(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                                 uint16_t width_px, uint16_t height_px, uint16_t bits_per_pixel);

/* Write the Confirm Active of a plain client. Errors: SP_ESPACE */
void confirm_active_write_minimal(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                                  uint16_t width_px, uint16_t height_px, uint16_t bits_per_pixel);

#endif
