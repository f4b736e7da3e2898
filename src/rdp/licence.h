/* SPDX-License-Identifier: Apache-2.0
 * Licensing PDUs: the front grants at once, the back waits for the target to do the same.
 */
#ifndef SP_RDP_LICENCE_H
#define SP_RDP_LICENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

/* bMsgType, MS-RDPBCGR 2.2.1.12.1.1 */
enum licence_type {
    LICENSE_REQUEST = 0x01,
    PLATFORM_CHALLENGE = 0x02,
    NEW_LICENSE = 0x03,
    UPGRADE_LICENSE = 0x04,
    LICENSE_INFO = 0x12,
    NEW_LICENSE_REQUEST = 0x13,
    PLATFORM_CHALLENGE_RESPONSE = 0x15,
    LICENSE_ERROR_ALERT = 0xFF
};

/* dwErrorCode, MS-RDPBCGR 2.2.1.12.1.3 */
#define ERR_INVALID_SERVER_CERTIFICATE 0x00000001
#define ERR_NO_LICENSE                 0x00000002
#define ERR_INVALID_MAC                0x00000003
#define ERR_INVALID_SCOPE              0x00000004
#define ERR_NO_LICENSE_SERVER          0x00000006
#define STATUS_VALID_CLIENT            0x00000007
#define ERR_INVALID_CLIENT             0x00000008
#define ERR_INVALID_PRODUCTID          0x0000000B
#define ERR_INVALID_MESSAGE_LEN        0x0000000C

/* dwStateTransition */
#define ST_TOTAL_ABORT          0x00000001
#define ST_NO_TRANSITION        0x00000002
#define ST_RESET_PHASE_TO_START 0x00000003
#define ST_RESEND_LAST_MESSAGE  0x00000004

#define LICENCE_BLOB_MAX  4096
#define LICENCE_INFO_MAX  8192 /* a licence itself: Windows' own take up to 7 KiB */
#define LICENCE_SCOPE_MAX 16

struct licence_pdu {
    enum licence_type type;
    uint32_t error_code;       /* LICENSE_ERROR_ALERT only, else 0 */
    uint32_t state_transition; /* LICENSE_ERROR_ALERT only, else 0 */
};

/*
 * Read a licensing PDU; every length inside it is checked, of all types.
 * Spec:    MS-RDPBCGR 2.2.1.12, MS-RDPELE 2.2.2
 * r        at the basic security header; everything is consumed on success
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE no LICENSE_PKT, unknown type, wMsgSize or an inner size wrong;
 *          SP_ELIMIT a blob or the scope list too long; SP_ETRAIL
 */
SP_MUST_USE enum sp_err licence_read(struct rd *r, struct licence_pdu *out);

/* True for the answer that ends licensing well: ERROR_ALERT with STATUS_VALID_CLIENT. */
bool licence_is_valid_client(const struct licence_pdu *pdu);

/* Write the Server License Error PDU "valid client" with its security header. Errors: SP_ESPACE */
void licence_write_valid_client(struct wr *w);

/*
 * Write a client's Licensing Error Message that ends the protocol: no licence, total abort, with
 * its security header. It is a legal answer to LICENSE_REQUEST for a client that keeps none; xrdp
 * goes on with "valid client" after it, a Session Host decides by its licensing mode.
 * Spec:    MS-RDPELE 3.3.5.1, 2.2.2.8
 * Errors:  SP_ESPACE
 */
void licence_write_no_license(struct wr *w);

/*
 * The reason to show to the client when the target refused in licensing.
 * error_code dwErrorCode of an ERROR_ALERT
 * Returns  an ERRINFO_LICENSE_* code, ERRINFO_LICENSE_INTERNAL for one that has no own
 */
uint32_t licence_errinfo(uint32_t error_code);

#endif
