/* SPDX-License-Identifier: Apache-2.0
 * RDSTLS: the login that a Server Redirection prepared, three messages inside TLS. Both roles.
 *
 * Each role takes exactly one type of message at each step; everything else ends the exchange. A
 * server that took another type for the request is how CVE-2026-73241 let clients in without one.
 */
#ifndef SP_RDP_RDSTLS_H
#define SP_RDP_RDSTLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

#define RDSTLS_GUID_MAX     128 /* bytes, as all below */
#define RDSTLS_NAME_MAX     512
#define RDSTLS_PASSWORD_MAX 1024
#define RDSTLS_SIZE_MAX     (14 + RDSTLS_GUID_MAX + 2 * (RDSTLS_NAME_MAX + 2) + RDSTLS_PASSWORD_MAX)

/* resultCode, MS-RDPBCGR 2.2.17.4 */
#define RDSTLS_RESULT_SUCCESS       0x00000000u
#define RDSTLS_RESULT_ACCESS_DENIED 0x00000005u
#define RDSTLS_RESULT_LOGON_FAILURE 0x0000052Eu

enum rdstls_role { RDSTLS_CLIENT, RDSTLS_SERVER };

struct rdstls_text {
    uint16_t size;
    uint8_t bytes[RDSTLS_PASSWORD_MAX];
};

/* What the client proves its redirection with. */
struct rdstls_login {
    struct rdstls_text guid;         /* as in the redirection: base64 of a GUID, UTF-16LE      */
    struct rdstls_text user, domain; /* UTF-16LE without the NUL that the wire has             */
    struct rdstls_text password;     /* opaque: encrypted for the target's certificate         */
};

/* Zero-initialised at the beginning of a connection. */
struct rdstls_client {
    uint8_t step;
    struct sp_fail fail; /* detail of the first failure */
};

struct rdstls_server {
    uint8_t step;
    bool is_admitted; /* INVARIANT: true only behind a request that matched the ticket */
    struct sp_fail fail;
};

/*
 * Find the length of the message at p that comes to a role; the type decides, not the step.
 * Spec:    MS-RDPBCGR 2.2.17
 * size     0 when more bytes are needed to tell
 * Errors:  SP_EVALUE no message that this role may get; SP_ELIMIT a field too long
 */
SP_MUST_USE enum sp_err rdstls_size(enum rdstls_role role, const uint8_t *p, size_t have,
                                    size_t *size, struct sp_fail *fail);

/*
 * Take the server's capabilities and write the request with password credentials.
 * Spec:    MS-RDPBCGR 2.2.17.1, 2.2.17.2
 * Errors:  SP_ESTATE a second time; SP_EVALUE; SP_ESHORT; SP_ETRAIL; SP_ELIMIT, SP_EVALUE login has
 *          a field that is too long or no GUID; SP_ESPACE
 */
SP_MUST_USE enum sp_err rdstls_client_answer(struct rdstls_client *c, struct rd *r,
                                             const struct rdstls_login *login, struct wr *w);

/*
 * Take the server's result.
 * Spec:    MS-RDPBCGR 2.2.17.4
 * Errors:  SP_EDENIED any result but success, which is fail.got; SP_ESTATE; SP_EVALUE; SP_ESHORT;
 *          SP_ETRAIL
 */
SP_MUST_USE enum sp_err rdstls_client_result(struct rdstls_client *c, struct rd *r);

/* Write the server's capabilities. Errors: SP_ESTATE not the first call; SP_ESPACE */
SP_MUST_USE enum sp_err rdstls_server_begin(struct rdstls_server *s, struct wr *w);

/*
 * Take a request, compare it with the ticket that the redirection handed out, and write the result.
 * ticket   NULL = there is none: everybody is denied
 * Errors:  SP_EDENIED the result "denied" was written and must be sent; SP_ESTATE, SP_EVALUE,
 *          SP_ELIMIT, SP_ESHORT, SP_ETRAIL close without an answer
 */
SP_MUST_USE enum sp_err rdstls_server_answer(struct rdstls_server *s, struct rd *r,
                                             const struct rdstls_login *ticket, struct wr *w);

/*
 * Read a request with password credentials.
 * out      written only on SP_OK
 * Errors:  SP_EVALUE type, NUL or an odd size; SP_ELIMIT; SP_ESHORT; SP_ETRAIL
 */
SP_MUST_USE enum sp_err rdstls_request_read(struct rd *r, struct rdstls_login *out);

#endif
