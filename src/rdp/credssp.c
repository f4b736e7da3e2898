/* SPDX-License-Identifier: Apache-2.0
 * CredSSP: TSRequest, TSCredentials and the hashes that bind NTLM to the TLS key.
 */
#include "rdp/credssp.h"

#include <nettle/sha2.h>

#include "rdp/der.h"

enum sp_err ts_request_frame(const uint8_t *data, size_t size, size_t *total, struct sp_fail *fail)
{
    const char *where = "TSRequest.length";
    size_t octets, content = 0;

    *total = 0;
    if (size >= 1 && data[0] != DER_SEQUENCE)
        return sp_fail_set(fail, SP_EVALUE, "TSRequest", data[0], DER_SEQUENCE);
    if (size < 2)
        return SP_OK;
    if (data[1] < 0x80) {
        *total = 2 + (size_t)data[1];
        return SP_OK;
    }
    octets = data[1] & 0x7F;
    if (octets == 0 || octets > 2)
        return sp_fail_set(fail, SP_EVALUE, where, data[1], 0x82);
    if (size < 2 + octets)
        return SP_OK;
    for (size_t i = 0; i < octets; i++)
        content = content << 8 | data[2 + i];
    if (content > DER_LENGTH_MAX)
        return sp_fail_set(fail, SP_ELIMIT, where, (uint32_t)content, DER_LENGTH_MAX);
    *total = 2 + octets + content;
    return SP_OK;
}

static uint32_t read_version(struct rd *seq)
{
    struct rd tagged;
    int64_t version;

    der_enter(seq, DER_EXPLICIT(0), &tagged, "TSRequest.version");
    version = der_integer(&tagged, DER_INTEGER, "TSRequest.version");
    rd_end(&tagged, "TSRequest.version");
    rd_adopt(seq, &tagged);
    if (rd_ok(seq) && (version < 2 || version > INT32_MAX))
        rd_refuse(seq, SP_EVALUE, "TSRequest.version", (uint32_t)version, CREDSSP_VERSION);
    return (uint32_t)version;
}

/* NegoData is a list of lists; clients send exactly one token and we take no other number. */
static void read_nego(struct rd *seq, struct ts_request *out)
{
    const char *where = "TSRequest.negoTokens";
    struct rd list, item;

    out->has_nego = der_at(seq, DER_EXPLICIT(1));
    if (!out->has_nego)
        return;
    der_enter_explicit(seq, 1, DER_SEQUENCE, &list, where);
    der_enter(&list, DER_SEQUENCE, &item, where);
    rd_end(&list, where);
    der_enter_explicit(&item, 0, DER_OCTET_STRING, &out->nego, where);
    rd_end(&item, where);
    rd_adopt(seq, &list);
    rd_adopt(seq, &item);
}

static bool read_octets(struct rd *seq, unsigned n, struct rd *out, const char *where)
{
    bool has = der_at(seq, DER_EXPLICIT(n));

    if (has)
        der_enter_explicit(seq, n, DER_OCTET_STRING, out, where);
    return has;
}

/* Windows writes the NTSTATUS as a negative number of 4 octets, others as a positive one of 5. */
static void read_error(struct rd *seq, struct ts_request *out)
{
    struct rd tagged;
    int64_t code;

    out->has_error = der_at(seq, DER_EXPLICIT(4));
    if (!out->has_error)
        return;
    der_enter(seq, DER_EXPLICIT(4), &tagged, "TSRequest.errorCode");
    code = der_integer(&tagged, DER_INTEGER, "TSRequest.errorCode");
    rd_end(&tagged, "TSRequest.errorCode");
    rd_adopt(seq, &tagged);
    if (rd_ok(seq) && (code < INT32_MIN || code > UINT32_MAX))
        rd_refuse(seq, SP_EVALUE, "TSRequest.errorCode", (uint32_t)code, 0);
    out->error_code = (uint32_t)code;
}

static void read_nonce(struct rd *seq, struct ts_request *out)
{
    struct rd nonce;

    out->has_nonce = read_octets(seq, 5, &nonce, "TSRequest.clientNonce");
    if (!out->has_nonce || !rd_ok(seq))
        return;
    rd_want(seq, "TSRequest.clientNonce", (uint32_t)nonce.left, CREDSSP_NONCE_SIZE);
    if (rd_ok(seq))
        rd_copy(&nonce, out->nonce, CREDSSP_NONCE_SIZE, "TSRequest.clientNonce");
}

enum sp_err ts_request_read(struct rd *r, struct ts_request *out)
{
    struct ts_request req = {0};
    struct rd seq;

    der_enter(r, DER_SEQUENCE, &seq, "TSRequest");
    rd_end(r, "TSRequest");
    req.version = read_version(&seq);
    read_nego(&seq, &req);
    req.has_auth_info = read_octets(&seq, 2, &req.auth_info, "TSRequest.authInfo");
    req.has_pub_key_auth = read_octets(&seq, 3, &req.pub_key_auth, "TSRequest.pubKeyAuth");
    read_error(&seq, &req);
    read_nonce(&seq, &req);
    rd_end(&seq, "TSRequest"); /* also what stood out of order or twice */
    rd_adopt(r, &seq);
    if (rd_ok(r))
        *out = req;
    return r->fail.code;
}

/* Content octets of a non-negative INTEGER in minimal form. */
static size_t integer_size(uint32_t v)
{
    return v < 0x80 ? 1 : v < 0x8000 ? 2 : v < 0x800000 ? 3 : v < 0x80000000 ? 4 : 5;
}

static void write_integer(struct wr *w, unsigned n, uint32_t v)
{
    size_t size = integer_size(v);
    uint8_t be[5] = {0, (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    der_explicit_bytes(w, n, DER_INTEGER, be + sizeof(be) - size, size);
}

static size_t nego_size(size_t token_size)
{
    return der_size(der_size(der_size(der_explicit_size(token_size))));
}

static void write_nego(struct wr *w, const struct rd *token)
{
    size_t item = der_explicit_size(token->left);
    size_t list = der_size(item);

    der_header(w, DER_EXPLICIT(1), der_size(list));
    der_header(w, DER_SEQUENCE, list);
    der_header(w, DER_SEQUENCE, item);
    der_explicit_bytes(w, 0, DER_OCTET_STRING, token->at, token->left);
}

static size_t request_size(const struct ts_request *req)
{
    size_t size = der_explicit_size(integer_size(req->version));

    if (req->has_nego)
        size += nego_size(req->nego.left);
    if (req->has_auth_info)
        size += der_explicit_size(req->auth_info.left);
    if (req->has_pub_key_auth)
        size += der_explicit_size(req->pub_key_auth.left);
    if (req->has_error)
        size += der_explicit_size(4);
    if (req->has_nonce)
        size += der_explicit_size(CREDSSP_NONCE_SIZE);
    return size;
}

enum sp_err ts_request_write(struct wr *w, const struct ts_request *req)
{
    uint32_t e = req->error_code;
    uint8_t be[4] = {(uint8_t)(e >> 24), (uint8_t)(e >> 16), (uint8_t)(e >> 8), (uint8_t)e};

    der_header(w, DER_SEQUENCE, request_size(req));
    write_integer(w, 0, req->version);
    if (req->has_nego)
        write_nego(w, &req->nego);
    if (req->has_auth_info)
        der_explicit_bytes(w, 2, DER_OCTET_STRING, req->auth_info.at, req->auth_info.left);
    if (req->has_pub_key_auth)
        der_explicit_bytes(w, 3, DER_OCTET_STRING, req->pub_key_auth.at, req->pub_key_auth.left);
    if (req->has_error)
        der_explicit_bytes(w, 4, DER_INTEGER, be, sizeof(be));
    if (req->has_nonce)
        der_explicit_bytes(w, 5, DER_OCTET_STRING, req->nonce, CREDSSP_NONCE_SIZE);
    return w->fail.code;
}

enum sp_err credssp_version_check(uint32_t *seen, uint32_t version, uint32_t min,
                                  struct sp_fail *fail)
{
    if (*seen != 0 && version != *seen)
        return sp_fail_set(fail, SP_EVALUE, "TSRequest.version changed", version, *seen);
    if (version < min)
        return sp_fail_set(fail, SP_EDENIED, "TSRequest.version", version, min);
    *seen = version;
    return SP_OK;
}

void credssp_binding_hash(bool client_to_server, const uint8_t nonce[CREDSSP_NONCE_SIZE],
                          const uint8_t *key, size_t key_size, uint8_t out[CREDSSP_BINDING_SIZE])
{
    static const char to_server[] = "CredSSP Client-To-Server Binding Hash";
    static const char to_client[] = "CredSSP Server-To-Client Binding Hash";
    const char *magic = client_to_server ? to_server : to_client;
    struct sha256_ctx sha;

    _Static_assert(sizeof(to_server) == sizeof(to_client), "one size for both, with the NUL");
    sha256_init(&sha);
    sha256_update(&sha, sizeof(to_server), (const uint8_t *)magic); /* the NUL is hashed */
    sha256_update(&sha, CREDSSP_NONCE_SIZE, nonce);
    sha256_update(&sha, key_size, key);
    sha256_digest(&sha, CREDSSP_BINDING_SIZE, out);
}
