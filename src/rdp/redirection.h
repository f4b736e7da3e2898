/* SPDX-License-Identifier: Apache-2.0
 * Server Redirection: a connection broker sends the client elsewhere. It carries credentials and
 * is never passed on; the back reads it and the keeper decides.
 */
#ifndef SP_RDP_REDIRECTION_H
#define SP_RDP_REDIRECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

/* RedirFlags, MS-RDPBCGR 2.2.13.1 */
#define LB_TARGET_NET_ADDRESS       0x00000001
#define LB_LOAD_BALANCE_INFO        0x00000002
#define LB_USERNAME                 0x00000004
#define LB_DOMAIN                   0x00000008
#define LB_PASSWORD                 0x00000010
#define LB_DONTSTOREUSERNAME        0x00000020
#define LB_SMARTCARD_LOGON          0x00000040
#define LB_NOREDIRECT               0x00000080
#define LB_TARGET_FQDN              0x00000100
#define LB_TARGET_NETBIOS_NAME      0x00000200
#define LB_TARGET_NET_ADDRESSES     0x00000800
#define LB_CLIENT_TSV_URL           0x00001000
#define LB_SERVER_TSV_CAPABLE       0x00002000
#define LB_PASSWORD_IS_PK_ENCRYPTED 0x00004000
#define LB_REDIRECTION_GUID         0x00008000
#define LB_TARGET_CERTIFICATE       0x00010000

#define REDIRECTION_ADDRESS_MAX   80 /* bytes with the NUL, as all below */
#define REDIRECTION_USER_MAX      512
#define REDIRECTION_DOMAIN_MAX    52
#define REDIRECTION_PASSWORD_MAX  512
#define REDIRECTION_FQDN_MAX      512
#define REDIRECTION_NETBIOS_MAX   32
#define REDIRECTION_LB_INFO_MAX   512
#define REDIRECTION_TSV_URL_MAX   1024
#define REDIRECTION_GUID_MAX      256
#define REDIRECTION_CERT_MAX      8192
#define REDIRECTION_ADDRESS_COUNT 16

/* A field of the packet: borrowed bytes, size 0 when its flag is not set. */
struct redirection_field {
    const uint8_t *data;
    uint32_t size; /* a UTF-16LE text's NUL is left out */
};

struct redirection {
    uint32_t session_id;
    uint32_t flags;                             /* LB_* */
    struct redirection_field net_address;       /* UTF-16LE */
    struct redirection_field load_balance_info; /* bytes for the next routing token */
    struct redirection_field user, domain;      /* UTF-16LE */
    struct redirection_field password;      /* UTF-16LE, or opaque if LB_PASSWORD_IS_PK_ENCRYPTED */
    struct redirection_field fqdn, netbios; /* UTF-16LE */
    struct redirection_field tsv_url, guid, certificate;
    uint32_t address_count;
    struct redirection_field addresses[REDIRECTION_ADDRESS_COUNT]; /* UTF-16LE */
};

/*
 * Read an Enhanced Security Server Redirection PDU.
 * Spec:    MS-RDPBCGR 2.2.13.3.1, 2.2.13.1
 * r        the body of a share_pdu of PDUTYPE_SERVER_REDIR_PKT
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE a size odd or 0, NUL missing, control characters in a name;
 *          SP_ELIMIT a field or the count too large; SP_ETRAIL
 * Owner:   out borrows r's bytes, which hold a password
 */
SP_MUST_USE enum sp_err redirection_read(struct rd *r, struct redirection *out);

/*
 * Write an Enhanced Security Server Redirection PDU with its share control header. The presence
 * flags follow from the fields' sizes; plain flags are taken from red->flags.
 * Errors:  SP_ESPACE
 */
void redirection_write(struct wr *w, uint16_t pdu_source, const struct redirection *red);

#endif
