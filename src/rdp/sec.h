/* SPDX-License-Identifier: Apache-2.0
 * The 4-byte basic security header, which under TLS stands only before Client Info, licensing
 * PDUs and everything on the message channel.
 */
#ifndef SP_RDP_SEC_H
#define SP_RDP_SEC_H

#include <stdint.h>

#include "base/wire.h"

/* MS-RDPBCGR 2.2.8.1.1.2.1 */
#define SEC_EXCHANGE_PKT       0x0001
#define SEC_TRANSPORT_REQ      0x0002
#define SEC_TRANSPORT_RSP      0x0004
#define SEC_ENCRYPT            0x0008
#define SEC_INFO_PKT           0x0040
#define SEC_LICENSE_PKT        0x0080
#define SEC_LICENSE_ENCRYPT_CS 0x0200
#define SEC_REDIRECTION_PKT    0x0400
#define SEC_AUTODETECT_REQ     0x1000
#define SEC_AUTODETECT_RSP     0x2000
#define SEC_HEARTBEAT          0x4000
#define SEC_FLAGSHI_VALID      0x8000
#define SEC_HEADER_SIZE        4

/*
 * Read a basic security header; flagsHi is ignored, since peers leave garbage in it.
 * Spec:    MS-RDPBCGR 2.2.8.1.1.2.1
 * Returns  the flags; 0 after a failure, which sticks in r
 * Errors:  SP_ESHORT
 */
uint16_t sec_header_read(struct rd *r);

/* The flags of the header at r without consuming it; 0 when fewer than 4 bytes are left. */
uint16_t sec_header_peek(const struct rd *r);

/* Write a basic security header with flagsHi 0. Errors: SP_ESPACE */
void sec_header_write(struct wr *w, uint16_t flags);

#endif
