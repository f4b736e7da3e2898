/* SPDX-License-Identifier: Apache-2.0
 * The client's side of licensing, for a Session Host that insists: it gets what it asks for.
 *
 *   LICENSE_REQUEST → LICENSE_INFO or NEW_LICENSE_REQUEST → PLATFORM_CHALLENGE → its response →
 *   NEW_LICENSE or UPGRADE_LICENSE. "Valid client" may end it at any time and is the caller's.
 */
#ifndef SP_RDP_LICENCE_CLIENT_H
#define SP_RDP_LICENCE_CLIENT_H

#include "rdp/licence.h"
#include "rdp/licence_crypto.h"

#define LICENCE_HWID_SIZE        16
#define LICENCE_SCOPE_TEXT_MAX   256 /* with NUL */
#define LICENCE_NAME_SIZE        64  /* with NUL */
#define LICENCE_SIZE_MAX         LICENCE_INFO_MAX
#define LICENCE_MESSAGE_SIZE_MAX (LICENCE_SIZE_MAX + LICENCE_MODULUS_MAX + 256)

struct licence_client {
    uint8_t step;                               /* 0 at first */
    uint8_t client_random[LICENCE_RANDOM_SIZE]; /* the caller's, from a random source           */
    uint8_t premaster[LICENCE_PREMASTER_SIZE];  /* as client_random                             */
    uint8_t hardware_id[LICENCE_HWID_SIZE];     /* the caller's, always the same on one machine */
    char user[LICENCE_NAME_SIZE], machine[LICENCE_NAME_SIZE]; /* as told to the server          */
    struct licence_keys keys;
    struct sp_fail fail; /* detail of the first failure */
};

/* What the first message says; borrows its bytes. */
struct licence_request {
    const uint8_t *server_random;       /* LICENCE_RANDOM_SIZE bytes */
    struct rd certificate;              /* content of the blob; may be empty */
    char scope[LICENCE_SCOPE_TEXT_MAX]; /* the first one; empty if there is none */
};

/*
 * Read a LICENSE_REQUEST. Spec: MS-RDPELE 2.2.2.1
 * r        at the basic security header
 * out      written only on SP_OK
 * Errors:  those of licence_read
 */
SP_MUST_USE enum sp_err licence_request_read(struct rd *r, struct licence_request *out);

/*
 * Answer the request: LICENSE_INFO with a licence, NEW_LICENSE_REQUEST without; the keys are made.
 * Spec:    MS-RDPELE 2.2.2.2, 2.2.2.3, 3.3.5.1
 * licence  size bytes, at most LICENCE_SIZE_MAX; size 0 = none
 * Errors:  SP_ESTATE; SP_ECRYPTO, SP_EVALUE, … no usable key in the certificate; SP_ESPACE
 */
SP_MUST_USE enum sp_err licence_client_begin(struct licence_client *c,
                                             const struct licence_request *request,
                                             const uint8_t *licence, size_t size, struct wr *w);

/*
 * Answer a PLATFORM_CHALLENGE.
 * Spec:    MS-RDPELE 2.2.2.4, 2.2.2.5, 3.3.5.4
 * r        at the basic security header
 * Errors:  SP_ESTATE; SP_ECRYPTO the checksum is wrong; SP_ELIMIT; those of licence_read; SP_ESPACE
 */
SP_MUST_USE enum sp_err licence_client_challenge(struct licence_client *c, struct rd *r,
                                                 struct wr *w);

/*
 * Open a NEW_LICENSE or UPGRADE_LICENSE.
 * Spec:    MS-RDPELE 2.2.2.6, 2.2.2.7, 3.3.5.6
 * scope    LICENCE_SCOPE_TEXT_MAX bytes: who issued it, NUL-terminated
 * licence  LICENCE_SIZE_MAX bytes; *size becomes the bytes used
 * Errors:  SP_ESTATE; SP_ECRYPTO the checksum is wrong; SP_EVALUE, SP_ELIMIT, SP_ESHORT, SP_ETRAIL
 */
SP_MUST_USE enum sp_err licence_client_finish(struct licence_client *c, struct rd *r, char *scope,
                                              uint8_t *licence, size_t *size);

#endif
