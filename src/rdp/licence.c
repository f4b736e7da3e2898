/* SPDX-License-Identifier: Apache-2.0
 * Licensing PDUs: the front grants at once, the back waits for the target to do the same.
 */
#include "rdp/licence.h"

#include "rdp/errinfo.h"
#include "rdp/sec.h"

#define LICENSE_RANDOM_SIZE 32
#define LICENSE_MAC_SIZE    16
#define PREAMBLE_SIZE       4
#define PREAMBLE_VERSION    0x03
#define BB_ERROR_BLOB       0x0004
#define PRODUCT_INFO_MAX    1024 /* company and product names are a few dozen bytes */

/* LICENSE_BINARY_BLOB, MS-RDPBCGR 2.2.1.12.1.2. Its type is advice: servers write any. */
static void skip_blob_of(struct rd *r, uint32_t max, const char *where)
{
    rd_skip(r, 2, where);
    uint16_t size = rd_u16le(r, where);

    rd_max(r, where, size, max);
    rd_skip(r, size, where);
}

static void skip_blob(struct rd *r, const char *where)
{
    skip_blob_of(r, LICENCE_BLOB_MAX, where);
}

static void skip_counted(struct rd *r, const char *where)
{
    uint32_t size = rd_u32le(r, where);

    rd_max(r, where, size, PRODUCT_INFO_MAX);
    rd_skip(r, size, where);
}

static void read_license_request(struct rd *r, struct licence_pdu *pdu)
{
    (void)pdu;
    rd_skip(r, LICENSE_RANDOM_SIZE, "SERVER_LICENSE_REQUEST.ServerRandom");
    rd_skip(r, 4, "PRODUCT_INFO.dwVersion");
    skip_counted(r, "PRODUCT_INFO.cbCompanyName");
    skip_counted(r, "PRODUCT_INFO.cbProductId");
    skip_blob(r, "SERVER_LICENSE_REQUEST.KeyExchangeList");
    skip_blob(r, "SERVER_LICENSE_REQUEST.ServerCertificate");

    uint32_t count = rd_u32le(r, "SCOPE_LIST.ScopeCount");

    rd_max(r, "SCOPE_LIST.ScopeCount", count, LICENCE_SCOPE_MAX);
    for (uint32_t i = 0; i < count && rd_ok(r); i++)
        skip_blob(r, "SCOPE_LIST.ScopeArray");
}

static void read_platform_challenge(struct rd *r, struct licence_pdu *pdu)
{
    (void)pdu;
    rd_skip(r, 4, "SERVER_PLATFORM_CHALLENGE.ConnectFlags");
    skip_blob(r, "SERVER_PLATFORM_CHALLENGE.EncryptedPlatformChallenge");
    rd_skip(r, LICENSE_MAC_SIZE, "SERVER_PLATFORM_CHALLENGE.MACData");
}

static void read_new_license(struct rd *r, struct licence_pdu *pdu)
{
    (void)pdu;
    skip_blob_of(r, LICENCE_INFO_MAX, "SERVER_NEW_LICENSE.EncryptedLicenseInfo");
    rd_skip(r, LICENSE_MAC_SIZE, "SERVER_NEW_LICENSE.MACData");
}

/* Both client messages begin with the algorithm, the platform, a random number and its secret. */
static void skip_client_secret(struct rd *r)
{
    rd_skip(r, 4, "CLIENT_NEW_LICENSE_REQUEST.PreferredKeyExchangeAlg");
    rd_skip(r, 4, "CLIENT_NEW_LICENSE_REQUEST.PlatformId");
    rd_skip(r, LICENSE_RANDOM_SIZE, "CLIENT_NEW_LICENSE_REQUEST.ClientRandom");
    skip_blob(r, "CLIENT_NEW_LICENSE_REQUEST.EncryptedPreMasterSecret");
}

static void read_license_info(struct rd *r, struct licence_pdu *pdu)
{
    (void)pdu;
    skip_client_secret(r);
    skip_blob_of(r, LICENCE_INFO_MAX, "CLIENT_LICENSE_INFO.LicenseInfo");
    skip_blob(r, "CLIENT_LICENSE_INFO.EncryptedHWID");
    rd_skip(r, LICENSE_MAC_SIZE, "CLIENT_LICENSE_INFO.MACData");
}

static void read_new_license_request(struct rd *r, struct licence_pdu *pdu)
{
    (void)pdu;
    skip_client_secret(r);
    skip_blob(r, "CLIENT_NEW_LICENSE_REQUEST.ClientUserName");
    skip_blob(r, "CLIENT_NEW_LICENSE_REQUEST.ClientMachineName");
}

static void read_challenge_response(struct rd *r, struct licence_pdu *pdu)
{
    (void)pdu;
    skip_blob(r, "CLIENT_PLATFORM_CHALLENGE_RESPONSE.EncryptedPlatformChallengeResponse");
    skip_blob(r, "CLIENT_PLATFORM_CHALLENGE_RESPONSE.EncryptedHWID");
    rd_skip(r, LICENSE_MAC_SIZE, "CLIENT_PLATFORM_CHALLENGE_RESPONSE.MACData");
}

static void read_error_alert(struct rd *r, struct licence_pdu *pdu)
{
    pdu->error_code = rd_u32le(r, "LICENSE_ERROR_MESSAGE.dwErrorCode");
    pdu->state_transition = rd_u32le(r, "LICENSE_ERROR_MESSAGE.dwStateTransition");
    skip_blob(r, "LICENSE_ERROR_MESSAGE.bbErrorInfo");
}

typedef void licence_read_fn(struct rd *r, struct licence_pdu *pdu);

static const struct {
    uint8_t type;
    licence_read_fn *read;
} messages[] = {
    {LICENSE_REQUEST, read_license_request},
    {PLATFORM_CHALLENGE, read_platform_challenge},
    {NEW_LICENSE, read_new_license},
    {UPGRADE_LICENSE, read_new_license},
    {LICENSE_INFO, read_license_info},
    {NEW_LICENSE_REQUEST, read_new_license_request},
    {PLATFORM_CHALLENGE_RESPONSE, read_challenge_response},
    {LICENSE_ERROR_ALERT, read_error_alert},
};

static licence_read_fn *find_message(uint8_t type)
{
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (messages[i].type == type)
            return messages[i].read;
    }
    return NULL;
}

enum sp_err licence_read(struct rd *r, struct licence_pdu *out)
{
    struct licence_pdu pdu = {0};
    uint16_t flags = sec_header_read(r);
    size_t size = r->left;

    rd_want(r, "TS_SECURITY_HEADER.flags", flags & (SEC_LICENSE_PKT | SEC_ENCRYPT),
            SEC_LICENSE_PKT);

    uint8_t type = rd_u8(r, "LICENSE_PREAMBLE.bMsgType");
    licence_read_fn *read = find_message(type);

    rd_skip(r, 1, "LICENSE_PREAMBLE.bVersion"); /* peers write 0, 2, 3, 0x83 */

    uint16_t msg_size = rd_u16le(r, "LICENSE_PREAMBLE.wMsgSize");

    rd_want(r, "LICENSE_PREAMBLE.wMsgSize", msg_size, (uint32_t)size);
    if (rd_ok(r) && read == NULL)
        rd_refuse(r, SP_EVALUE, "LICENSE_PREAMBLE.bMsgType", type, LICENSE_ERROR_ALERT);
    if (!rd_ok(r))
        return r->fail.code;
    pdu.type = (enum licence_type)type;
    read(r, &pdu);
    rd_end(r, "LICENSE_PREAMBLE.wMsgSize");
    if (rd_ok(r))
        *out = pdu;
    return r->fail.code;
}

bool licence_is_valid_client(const struct licence_pdu *pdu)
{
    return pdu->type == LICENSE_ERROR_ALERT && pdu->error_code == STATUS_VALID_CLIENT;
}

static void write_error(struct wr *w, uint32_t error_code, uint32_t state_transition)
{
    sec_header_write(w, SEC_LICENSE_PKT);
    wr_u8(w, LICENSE_ERROR_ALERT);
    wr_u8(w, PREAMBLE_VERSION);
    wr_u16le(w, PREAMBLE_SIZE + 12);
    wr_u32le(w, error_code);
    wr_u32le(w, state_transition);
    wr_u16le(w, BB_ERROR_BLOB);
    wr_u16le(w, 0);
}

void licence_write_valid_client(struct wr *w)
{
    write_error(w, STATUS_VALID_CLIENT, ST_NO_TRANSITION);
}

void licence_write_no_license(struct wr *w)
{
    write_error(w, ERR_NO_LICENSE, ST_TOTAL_ABORT);
}

uint32_t licence_errinfo(uint32_t error_code)
{
    switch (error_code) {
    case ERR_NO_LICENSE_SERVER:
        return ERRINFO_LICENSE_NO_LICENSE_SERVER;
    case ERR_NO_LICENSE:
        return ERRINFO_LICENSE_NO_LICENSE;
    case ERR_INVALID_MESSAGE_LEN:
        return ERRINFO_LICENSE_BAD_CLIENT_MSG;
    case ERR_INVALID_CLIENT:
        return ERRINFO_LICENSE_HWID_DOESNT_MATCH_LICENSE;
    case ERR_INVALID_SCOPE:
    case ERR_INVALID_PRODUCTID:
        return ERRINFO_LICENSE_BAD_CLIENT_LICENSE;
    case ERR_INVALID_MAC:
    case ERR_INVALID_SERVER_CERTIFICATE:
        return ERRINFO_LICENSE_BAD_CLIENT_ENCRYPTION;
    default:
        return ERRINFO_LICENSE_INTERNAL;
    }
}
