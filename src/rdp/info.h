/* SPDX-License-Identifier: Apache-2.0
 * Client Info PDU: who logs on, with which password, from where, and how it should look.
 *
 * The front reads it, keeps a few facts and wipes the rest at once; the back writes its own.
 */
#ifndef SP_RDP_INFO_H
#define SP_RDP_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

/* MS-RDPBCGR 2.2.1.11.1.1 */
#define INFO_MOUSE                  0x00000001
#define INFO_DISABLECTRLALTDEL      0x00000002
#define INFO_AUTOLOGON              0x00000008
#define INFO_UNICODE                0x00000010
#define INFO_MAXIMIZESHELL          0x00000020
#define INFO_LOGONNOTIFY            0x00000040
#define INFO_COMPRESSION            0x00000080
#define INFO_ENABLEWINDOWSKEY       0x00000100
#define INFO_COMPRESSION_TYPE_MASK  0x00001E00
#define INFO_COMPRESSION_TYPE_SHIFT 9
#define INFO_REMOTECONSOLEAUDIO     0x00002000
#define INFO_FORCE_ENCRYPTED_CS_PDU 0x00004000
#define INFO_RAIL                   0x00008000
#define INFO_LOGONERRORS            0x00010000
#define INFO_MOUSE_HAS_WHEEL        0x00020000
#define INFO_PASSWORD_IS_SC_PIN     0x00040000
#define INFO_NOAUDIOPLAYBACK        0x00080000
#define INFO_USING_SAVED_CREDS      0x00100000
#define INFO_AUDIOCAPTURE           0x00200000
#define INFO_VIDEO_DISABLE          0x00400000
#define INFO_RESERVED1              0x00800000
#define INFO_RESERVED2              0x01000000
#define INFO_HIDEF_RAIL_SUPPORTED   0x02000000

#define CLIENT_INFO_ADDRESS_FAMILY_INET  0x0002
#define CLIENT_INFO_ADDRESS_FAMILY_INET6 0x0017

#define CLIENT_INFO_TEXT_MAX       510 /* bytes of UTF-16LE without the NUL */
#define CLIENT_INFO_ADDRESS_MAX    80  /* with the NUL */
#define CLIENT_INFO_DIR_MAX        512 /* with the NUL */
#define CLIENT_INFO_TIME_ZONE_SIZE 172
#define CLIENT_INFO_COOKIE_SIZE    28
#define CLIENT_INFO_KEY_NAME_MAX   254  /* without a NUL */
#define CLIENT_INFO_SIZE_MAX       4096 /* of the whole packet, security header included */

/* UTF-16LE as it stands on the wire, without the terminating NUL. */
struct client_info_text {
    uint16_t size; /* bytes, even, at most CLIENT_INFO_TEXT_MAX */
    uint8_t bytes[512];
};

struct client_info {
    uint32_t code_page;
    uint32_t flags; /* INFO_* */
    struct client_info_text domain, user, password, shell, dir;

    bool has_extended; /* address and client_dir are there */
    uint16_t address_family;
    struct client_info_text address;    /* text form, NUL stripped */
    struct client_info_text client_dir; /* NUL stripped            */

    /* Optional in this order: each one implies those before it. */
    bool has_time_zone;
    uint8_t time_zone[CLIENT_INFO_TIME_ZONE_SIZE];
    bool has_session_id;
    uint32_t session_id;
    bool has_performance_flags;
    uint32_t performance_flags;
    bool has_cookie_size;
    uint16_t cookie_size; /* 0 or CLIENT_INFO_COOKIE_SIZE */
    uint8_t cookie[CLIENT_INFO_COOKIE_SIZE];
    bool has_reserved; /* reserved1 and reserved2 */
    uint16_t reserved1, reserved2;
    bool has_key_name; /* dynamicDSTTimeZoneKeyName */
    struct client_info_text key_name;
    bool has_dynamic_dst_disabled;
    uint16_t dynamic_dst_disabled;
};

/*
 * Read a Client Info PDU.
 * Spec:    MS-RDPBCGR 2.2.1.11
 * r        at the basic security header; everything is consumed on success
 * out      written only on SP_OK; holds a password: the caller wipes it with client_info_wipe
 * Errors:  SP_ESHORT; SP_EVALUE no INFO_PKT, no UNICODE, odd or illegal length, NUL missing;
 *          SP_ELIMIT a text or the packet too long; SP_ETRAIL
 * Owner:   out keeps no pointer into r, whose bytes still hold the password
 */
SP_MUST_USE enum sp_err client_info_read(struct rd *r, struct client_info *out);

/*
 * Write a Client Info PDU with its basic security header; optional fields stop at the first one
 * that is not there.
 * Spec:    MS-RDPBCGR 2.2.1.11
 * Errors:  SP_ESPACE; SP_ELIMIT a text too long; SP_EVALUE an odd or illegal length (sticks in w)
 */
void client_info_write(struct wr *w, const struct client_info *info);

/* Overwrite all of it with zeros. */
void client_info_wipe(struct client_info *info);

/* The bulk compression type (0 8K, 1 64K, 2 RDP6, 3 RDP6.1) that INFO_* flags offer, or -1. */
int client_info_compression_type(uint32_t flags);

#endif
