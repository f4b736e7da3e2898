/* SPDX-License-Identifier: Apache-2.0
 * The client's side of licensing, for a Session Host that insists: it gets what it asks for.
 */
#include "rdp/licence_client.h"

#include <string.h>

#include "base/mem.h"
#include "rdp/sec.h"

#define PREAMBLE_VERSION         0x83 /* 3, and extended errors are understood */
#define KEY_EXCHANGE_ALG_RSA     1u
#define PLATFORM_ID              0x04010000u /* Windows NT after 5.2, Microsoft */
#define BB_DATA_BLOB             0x0001
#define BB_RANDOM_BLOB           0x0002
#define BB_ENCRYPTED_DATA_BLOB   0x0009
#define BB_CLIENT_USER_NAME_BLOB 0x000F
#define BB_CLIENT_MACHINE_NAME   0x0010
#define CHALLENGE_VERSION        0x0100
#define WIN32_PLATFORMCHALLENGE  0x0100
#define LICENSE_DETAIL_DETAIL    0x0003
#define CHALLENGE_MAX            256
#define CLIENT_HARDWARE_ID_SIZE  (4 + LICENCE_HWID_SIZE)
#define INFO_TEXT_MAX            1024

enum { STEP_BEGIN, STEP_ASKED, STEP_CHALLENGED, STEP_ENDED };

static enum sp_err failed(struct licence_client *c, const struct sp_fail *why)
{
    c->step = STEP_ENDED;
    return sp_fail_set(&c->fail, why->code, why->where, why->got, why->want);
}

/* Security header and preamble; the lengths are what licence_read checked. */
static enum sp_err open_message(struct rd *r, struct rd *body, uint8_t *type)
{
    struct licence_pdu pdu;
    struct rd checked = *r;
    enum sp_err err = licence_read(&checked, &pdu);

    if (err != SP_OK) {
        r->fail = checked.fail;
        return err;
    }
    sec_header_read(r);
    rd_skip(r, 4, "LICENSE_PREAMBLE");
    rd_sub(r, r->left, body, "LICENSE_PREAMBLE");
    *type = (uint8_t)pdu.type;
    return r->fail.code;
}

static void open_blob(struct rd *r, struct rd *blob, const char *where)
{
    rd_skip(r, 2, where);
    rd_sub(r, rd_u16le(r, where), blob, where);
}

static void skip_counted(struct rd *r, const char *where)
{
    rd_skip(r, rd_u32le(r, where), where);
}

static void keep_scope(struct rd *scope, char out[LICENCE_SCOPE_TEXT_MAX])
{
    size_t n = strnlen((const char *)scope->at, scope->left);

    if (n >= LICENCE_SCOPE_TEXT_MAX)
        n = LICENCE_SCOPE_TEXT_MAX - 1;
    memcpy(out, scope->at, n);
    out[n] = '\0';
}

enum sp_err licence_request_read(struct rd *r, struct licence_request *out)
{
    struct licence_request request;
    struct rd body, blob;
    uint8_t type = 0;

    memset(&request, 0, sizeof(request));
    enum sp_err err = open_message(r, &body, &type);
    if (err != SP_OK)
        return err;
    if (type != LICENSE_REQUEST)
        return rd_refuse(r, SP_EVALUE, "LICENSE_PREAMBLE.bMsgType", type, LICENSE_REQUEST);
    request.server_random = rd_bytes(&body, LICENCE_RANDOM_SIZE, "ServerRandom");
    rd_skip(&body, 4, "PRODUCT_INFO.dwVersion");
    skip_counted(&body, "PRODUCT_INFO.cbCompanyName");
    skip_counted(&body, "PRODUCT_INFO.cbProductId");
    open_blob(&body, &blob, "KeyExchangeList");
    open_blob(&body, &request.certificate, "ServerCertificate");
    if (rd_u32le(&body, "SCOPE_LIST.ScopeCount") > 0) {
        open_blob(&body, &blob, "SCOPE_LIST.ScopeArray");
        if (rd_ok(&blob) && blob.left > 0)
            keep_scope(&blob, request.scope);
    }
    if (!rd_ok(&body))
        return rd_refuse(r, body.fail.code, body.fail.where, body.fail.got, body.fail.want);
    *out = request;
    return SP_OK;
}

static size_t begin_message(struct wr *w, uint8_t type)
{
    sec_header_write(w, SEC_LICENSE_PKT);
    wr_u8(w, type);
    wr_u8(w, PREAMBLE_VERSION);
    return wr_gap(w, 2);
}

static enum sp_err end_message(struct licence_client *c, struct wr *w, size_t mark)
{
    if (wr_ok(w))
        wr_patch_u16le(w, mark, (uint16_t)(w->pos - mark + 2));
    return wr_ok(w) ? SP_OK : failed(c, &w->fail);
}

static void write_blob(struct wr *w, uint16_t type, const void *data, size_t size)
{
    wr_u16le(w, type);
    wr_u16le(w, (uint16_t)size);
    wr_bytes(w, data, size);
}

static void write_hardware_id(const struct licence_client *c, uint8_t out[CLIENT_HARDWARE_ID_SIZE])
{
    struct wr w;

    wr_init(&w, out, CLIENT_HARDWARE_ID_SIZE);
    wr_u32le(&w, PLATFORM_ID);
    wr_bytes(&w, c->hardware_id, sizeof(c->hardware_id));
}

static void write_licence_info(struct licence_client *c, const uint8_t *licence, size_t size,
                               struct wr *w)
{
    uint8_t id[CLIENT_HARDWARE_ID_SIZE], sealed[CLIENT_HARDWARE_ID_SIZE], mac[LICENCE_MAC_SIZE];

    write_hardware_id(c, id);
    licence_crypt(&c->keys, id, sizeof(id), sealed);
    licence_mac(&c->keys, id, sizeof(id), mac);
    write_blob(w, BB_DATA_BLOB, licence, size);
    write_blob(w, BB_ENCRYPTED_DATA_BLOB, sealed, sizeof(sealed));
    wr_bytes(w, mac, sizeof(mac));
}

static void write_names(const struct licence_client *c, struct wr *w)
{
    write_blob(w, BB_CLIENT_USER_NAME_BLOB, c->user, strnlen(c->user, sizeof(c->user) - 1) + 1);
    write_blob(w, BB_CLIENT_MACHINE_NAME, c->machine,
               strnlen(c->machine, sizeof(c->machine) - 1) + 1);
}

enum sp_err licence_client_begin(struct licence_client *c, const struct licence_request *request,
                                 const uint8_t *licence, size_t size, struct wr *w)
{
    uint8_t secret[LICENCE_MODULUS_MAX + LICENCE_MODULUS_PAD];
    struct rd certificate = request->certificate;
    struct licence_public_key key;

    if (c->step != STEP_BEGIN || size > LICENCE_SIZE_MAX)
        return sp_fail_set(&c->fail, SP_ESTATE, "licence client", c->step, STEP_BEGIN);
    if (licence_public_key_read(&certificate, &key) != SP_OK)
        return failed(c, &certificate.fail);
    if (licence_rsa(&key, c->premaster, secret) != SP_OK)
        return failed(c, &(struct sp_fail){SP_ECRYPTO, "licence server's key", 0, 0});
    licence_derive(c->premaster, c->client_random, request->server_random, &c->keys);
    sp_wipe(c->premaster, sizeof(c->premaster));
    size_t mark = begin_message(w, size > 0 ? LICENSE_INFO : NEW_LICENSE_REQUEST);
    wr_u32le(w, KEY_EXCHANGE_ALG_RSA);
    wr_u32le(w, PLATFORM_ID);
    wr_bytes(w, c->client_random, sizeof(c->client_random));
    write_blob(w, BB_RANDOM_BLOB, secret, key.size + LICENCE_MODULUS_PAD);
    if (size > 0)
        write_licence_info(c, licence, size, w);
    else
        write_names(c, w);
    c->step = STEP_ASKED;
    return end_message(c, w, mark);
}

/* PLATFORM_CHALLENGE_RESPONSE_DATA and the hardware id, as the checksum takes them. */
static size_t write_response(const struct licence_client *c, const uint8_t *challenge, size_t size,
                             uint8_t *out, size_t room)
{
    struct wr w;

    wr_init(&w, out, room);
    wr_u16le(&w, CHALLENGE_VERSION);
    wr_u16le(&w, WIN32_PLATFORMCHALLENGE);
    wr_u16le(&w, LICENSE_DETAIL_DETAIL);
    wr_u16le(&w, (uint16_t)size);
    wr_bytes(&w, challenge, size);
    SP_BUG(!wr_ok(&w) || room - w.pos < CLIENT_HARDWARE_ID_SIZE);
    write_hardware_id(c, out + w.pos);
    return w.pos;
}

/* Decrypt a blob and check its checksum, which stands behind it. */
static enum sp_err open_sealed(struct licence_client *c, struct rd *body, uint8_t *out, size_t max,
                               size_t *size)
{
    uint8_t mac[LICENCE_MAC_SIZE];
    struct rd blob;

    open_blob(body, &blob, "licence data");
    rd_max(&blob, "licence data", (uint32_t)blob.left, (uint32_t)max);
    rd_adopt(body, &blob);
    const uint8_t *want = rd_bytes(body, LICENCE_MAC_SIZE, "MACData");
    if (!rd_ok(body))
        return failed(c, &body->fail);
    licence_crypt(&c->keys, blob.at, blob.left, out);
    licence_mac(&c->keys, out, blob.left, mac);
    if (!sp_equal_ct(mac, want, sizeof(mac)))
        return failed(c, &(struct sp_fail){SP_ECRYPTO, "MACData", 0, 0});
    *size = blob.left;
    return SP_OK;
}

enum sp_err licence_client_challenge(struct licence_client *c, struct rd *r, struct wr *w)
{
    uint8_t challenge[CHALLENGE_MAX], data[CHALLENGE_MAX + 64], sealed[sizeof(data)];
    uint8_t mac[LICENCE_MAC_SIZE], type = 0;
    struct rd body;
    size_t size;

    if (c->step != STEP_ASKED)
        return sp_fail_set(&c->fail, SP_ESTATE, "licence client", c->step, STEP_ASKED);
    if (open_message(r, &body, &type) != SP_OK)
        return failed(c, &r->fail);
    if (type != PLATFORM_CHALLENGE)
        return failed(c, &(struct sp_fail){SP_ESTATE, "bMsgType", type, PLATFORM_CHALLENGE});
    rd_skip(&body, 4, "SERVER_PLATFORM_CHALLENGE.ConnectFlags");
    enum sp_err err = open_sealed(c, &body, challenge, sizeof(challenge), &size);
    if (err != SP_OK)
        return err;
    size = write_response(c, challenge, size, data, sizeof(data));
    licence_mac(&c->keys, data, size + CLIENT_HARDWARE_ID_SIZE, mac);
    size_t mark = begin_message(w, PLATFORM_CHALLENGE_RESPONSE);
    licence_crypt(&c->keys, data, size, sealed);
    write_blob(w, BB_ENCRYPTED_DATA_BLOB, sealed, size);
    licence_crypt(&c->keys, data + size, CLIENT_HARDWARE_ID_SIZE, sealed);
    write_blob(w, BB_ENCRYPTED_DATA_BLOB, sealed, CLIENT_HARDWARE_ID_SIZE);
    wr_bytes(w, mac, sizeof(mac));
    c->step = STEP_CHALLENGED;
    return end_message(c, w, mark);
}

static void open_counted(struct rd *r, struct rd *field, uint32_t max, const char *where)
{
    uint32_t size = rd_u32le(r, where);

    rd_max(r, where, size, max);
    rd_sub(r, rd_ok(r) ? size : 0, field, where);
}

/* NEW_LICENSE_INFO. Windows' licence servers leave bytes of padding behind it. */
static enum sp_err read_info(struct licence_client *c, struct rd *r, char *scope, uint8_t *licence,
                             size_t *size)
{
    struct rd issuer, company, product, info;

    rd_skip(r, 4, "NEW_LICENSE_INFO.dwVersion");
    open_counted(r, &issuer, INFO_TEXT_MAX, "NEW_LICENSE_INFO.cbScope");
    open_counted(r, &company, INFO_TEXT_MAX, "NEW_LICENSE_INFO.cbCompanyName");
    open_counted(r, &product, INFO_TEXT_MAX, "NEW_LICENSE_INFO.cbProductId");
    open_counted(r, &info, LICENCE_SIZE_MAX, "NEW_LICENSE_INFO.cbLicenseInfo");
    if (rd_ok(r) && info.left == 0)
        rd_refuse(r, SP_EVALUE, "NEW_LICENSE_INFO.cbLicenseInfo", 0, 1);
    if (!rd_ok(r))
        return failed(c, &r->fail);
    scope[0] = '\0';
    if (issuer.left > 0)
        keep_scope(&issuer, scope);
    memcpy(licence, info.at, info.left);
    *size = info.left;
    return SP_OK;
}

enum sp_err licence_client_finish(struct licence_client *c, struct rd *r, char *scope,
                                  uint8_t *licence, size_t *size)
{
    static uint8_t clear[LICENCE_SIZE_MAX];
    struct rd body, info;
    uint8_t type = 0;
    size_t used = 0;

    if (c->step != STEP_ASKED && c->step != STEP_CHALLENGED)
        return sp_fail_set(&c->fail, SP_ESTATE, "licence client", c->step, STEP_CHALLENGED);
    if (open_message(r, &body, &type) != SP_OK)
        return failed(c, &r->fail);
    if (type != NEW_LICENSE && type != UPGRADE_LICENSE)
        return failed(c, &(struct sp_fail){SP_ESTATE, "bMsgType", type, NEW_LICENSE});
    enum sp_err err = open_sealed(c, &body, clear, sizeof(clear), &used);
    if (err == SP_OK) {
        rd_init(&info, clear, used);
        err = read_info(c, &info, scope, licence, size);
    }
    sp_wipe(clear, sizeof(clear));
    c->step = STEP_ENDED;
    return err;
}
