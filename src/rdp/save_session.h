/* SPDX-License-Identifier: Apache-2.0
 * Save Session Info: the server says who is logged on. On its way to the client the injected
 * account is replaced by what the client typed, and the reconnect cookie is taken out.
 */
#ifndef SP_RDP_SAVE_SESSION_H
#define SP_RDP_SAVE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

/* infoType, MS-RDPBCGR 2.2.10.1.1 */
#define INFOTYPE_LOGON               0x00000000
#define INFOTYPE_LOGON_LONG          0x00000001
#define INFOTYPE_LOGON_PLAINNOTIFY   0x00000002
#define INFOTYPE_LOGON_EXTENDED_INFO 0x00000003

/* FieldsPresent of the extended form */
#define LOGON_EX_AUTORECONNECTCOOKIE 0x00000001
#define LOGON_EX_LOGONERRORS         0x00000002

#define SAVE_SESSION_DOMAIN_MAX 52 /* bytes of UTF-16LE with its NUL */
#define SAVE_SESSION_USER_MAX   512
#define ARC_COOKIE_RANDOM_SIZE  16

struct save_session_info {
    uint32_t info_type;              /* INFOTYPE_* */
    uint32_t session_id;             /* types 0 and 1 */
    uint16_t domain_size, user_size; /* bytes as on the wire, a NUL at the end left out */
    uint8_t domain[SAVE_SESSION_DOMAIN_MAX];
    uint8_t user[SAVE_SESSION_USER_MAX];
    uint32_t fields_present; /* type 3: LOGON_EX_* */
    uint32_t logon_id;       /* type 3 with a cookie */
    uint8_t arc_random_bits[ARC_COOKIE_RANDOM_SIZE];
    uint32_t error_data, error_type; /* type 3 with logon errors: …NotificationData, …Type */
};

/*
 * Read the body of a Save Session Info PDU, all four types.
 * Spec:    MS-RDPBCGR 2.2.10.1
 * r        the body of a share_data with PDUTYPE2_SAVE_SESSION_INFO; padding may be cut short by
 *          the sender
 * out      written only on SP_OK; may hold a reconnect cookie, which is a secret
 * Errors:  SP_ESHORT; SP_EVALUE unknown type, version or size; SP_ELIMIT a name too long
 */
SP_MUST_USE enum sp_err save_session_info_read(struct rd *r, struct save_session_info *out);

/*
 * Write a whole share data PDU, in the specification's layout with full padding.
 * Spec:    MS-RDPBCGR 2.2.10.1
 * Errors:  SP_ESPACE; SP_ELIMIT a name too long (sticks in w)
 */
void save_session_info_write(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                             const struct save_session_info *info);

/*
 * Copy a Save Session Info PDU towards the client with domain and user replaced (types 0, 1) and,
 * if asked, the reconnect cookie taken out (type 3).
 * payload  at the share control header of the PDU; everything is consumed
 * domain, user  UTF-16LE without NUL; cut to the fields' size
 * out      gets the whole share data PDU
 * Errors:  as save_session_info_read; SP_EVALUE also a compressed PDU or another PDU; SP_ESPACE
 */
SP_MUST_USE enum sp_err save_session_info_rewrite(struct rd *payload, const uint8_t *domain,
                                                  size_t domain_size, const uint8_t *user,
                                                  size_t user_size, bool strip_cookie,
                                                  struct wr *out);

#endif
