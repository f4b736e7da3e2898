/* SPDX-License-Identifier: Apache-2.0
 * CredSSP: TSRequest, TSCredentials and the hashes that bind NTLM to the TLS key.
 */
#ifndef SP_RDP_CREDSSP_H
#define SP_RDP_CREDSSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define CREDSSP_VERSION      6 /* ours; a peer's higher one counts as this                   */
#define CREDSSP_VERSION_MIN  5 /* below it there is no nonce: CVE-2018-0886                  */
#define CREDSSP_NONCE_SIZE   32
#define CREDSSP_BINDING_SIZE 32
#define TS_REQUEST_MAX       0x4004 /* a whole TSRequest: header and DER_LENGTH_MAX           */

/* TSRequest.errorCode: NTSTATUS values. */
#define STATUS_LOGON_FAILURE          0xC000006Du
#define STATUS_INVALID_LOGON_HOURS    0xC000006Fu
#define STATUS_PASSWORD_EXPIRED       0xC0000071u
#define STATUS_ACCOUNT_DISABLED       0xC0000072u
#define STATUS_NOT_SUPPORTED          0xC00000BBu
#define STATUS_LOGON_TYPE_NOT_GRANTED 0xC000015Bu
#define STATUS_PASSWORD_MUST_CHANGE   0xC0000224u
#define STATUS_ACCOUNT_LOCKED_OUT     0xC0000234u

/* TSCredentials.credType */
#define TS_CRED_PASSWORD     1
#define TS_CRED_SMARTCARD    2
#define TS_CRED_REMOTE_GUARD 6

/* MS-CSSP 2.2.1. INVARIANT: a struct rd is meaningful only while its has_* is true. */
struct ts_request {
    uint32_t version;
    bool has_nego;
    struct rd nego; /* the one negoToken's bytes */
    bool has_auth_info;
    struct rd auth_info;
    bool has_pub_key_auth;
    struct rd pub_key_auth;
    bool has_error;
    uint32_t error_code; /* NTSTATUS */
    bool has_nonce;
    uint8_t nonce[CREDSSP_NONCE_SIZE];
};

/* MS-CSSP 2.2.1.2.1, UTF-16LE without NUL; all empty in restricted admin mode. */
struct ts_password {
    struct rd domain, user, password;
    bool is_empty;
};

/* MS-CSSP 2.2.1.2. password is set for TS_CRED_PASSWORD only. */
struct ts_credentials {
    uint32_t type;
    struct ts_password password;
};

/*
 * Tell how long the TSRequest is whose first bytes are at data, from its outer length alone.
 * total    whole size with its header; 0 while size is too small to know
 * Errors:  SP_EVALUE not a SEQUENCE, or a length form that DER does not allow here; SP_ELIMIT
 */
SP_MUST_USE enum sp_err ts_request_frame(const uint8_t *data, size_t size, size_t *total,
                                         struct sp_fail *fail);

/*
 * Read one TSRequest: tags ascending, each at most once, exactly one negoToken.
 * Spec:    MS-CSSP 2.2.1
 * r        holds the message and nothing else
 * out      written only on SP_OK; its readers borrow from r's data
 * Errors:  SP_ESHORT; SP_EVALUE wrong tag or length form, version below 2 or above 2^31-1, nonce
 *          not 32 bytes; SP_ELIMIT; SP_ETRAIL
 */
SP_MUST_USE enum sp_err ts_request_read(struct rd *r, struct ts_request *out);

/*
 * Write one TSRequest in minimal DER; the error code as Windows does, a negative INTEGER.
 * Spec:    MS-CSSP 2.2.1
 * Errors:  SP_ELIMIT a field is too big; SP_ESPACE
 */
SP_MUST_USE enum sp_err ts_request_write(struct wr *w, const struct ts_request *req);

/*
 * Check a received version: at least min and the same in the whole exchange.
 * seen     0 before the first message; keeps the peer's version
 * min      CREDSSP_VERSION_MIN, or less where the configuration of a target says so
 * Errors:  SP_EDENIED too old (answer STATUS_NOT_SUPPORTED); SP_EVALUE changed
 */
SP_MUST_USE enum sp_err credssp_version_check(uint32_t *seen, uint32_t version, uint32_t min,
                                              struct sp_fail *fail);

/*
 * Hash the nonce and the server's key into the plaintext of pubKeyAuth, versions 5 and 6.
 * Spec:    MS-CSSP 3.1.5, steps 3 and 4
 * key      content of the leaf certificate's subjectPublicKey BIT STRING without unused-bits octet
 */
void credssp_binding_hash(bool client_to_server, const uint8_t nonce[CREDSSP_NONCE_SIZE],
                          const uint8_t *key, size_t key_size, uint8_t out[CREDSSP_BINDING_SIZE]);

/*
 * Read decrypted TSCredentials of type 1 (password) or 2 (smart card, checked and not kept).
 * Spec:    MS-CSSP 2.2.1.2
 * r        holds the structure and nothing else
 * out      written only on SP_OK; its readers borrow from r's data, which the caller wipes
 * Errors:  SP_EDENIED type 6 (remote guard); SP_EVALUE other type, text of odd length; SP_ESHORT;
 *          SP_ELIMIT; SP_ETRAIL
 */
SP_MUST_USE enum sp_err ts_credentials_read(struct rd *r, struct ts_credentials *out);

/*
 * Write TSCredentials of type 1.
 * Spec:    MS-CSSP 2.2.1.2.1
 * password its readers give UTF-16LE without NUL; is_empty is ignored
 * Errors:  SP_ELIMIT, SP_ESPACE
 */
SP_MUST_USE enum sp_err ts_credentials_write(struct wr *w, const struct ts_password *password);

#endif
