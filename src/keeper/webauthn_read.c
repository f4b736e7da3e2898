/* SPDX-License-Identifier: Apache-2.0
 * WebAuthn: what a browser sent, as bounded structs.
 */
#include <string.h>

#include "base/wire.h"
#include "keeper/webauthn.h"

#define DEPTH_MAX       4
#define FLAG_CREDENTIAL 0x40u
#define FLAG_EXTENSIONS 0x80u
#define AAGUID_SIZE     16
#define COSE_ALG        3

/* RFC 8949 3.1 */
enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

struct head {
    enum major major;
    uint64_t value;
};

static size_t rd_left(const struct rd *r)
{
    return r->left;
}

/* Definite lengths only, no floats, no tags: nothing else is in what authenticators send. */
static struct head read_head(struct rd *r)
{
    uint8_t first = rd_u8(r, "CBOR.head");
    struct head h = {(enum major)(first >> 5), first & 31u};

    switch (h.value) {
    case 24:
        h.value = rd_u8(r, "CBOR.value");
        break;
    case 25:
        h.value = rd_u16be(r, "CBOR.value");
        break;
    case 26:
        h.value = rd_u32be(r, "CBOR.value");
        break;
    case 27:
    case 28:
    case 29:
    case 30:
    case 31:
        rd_refuse(r, SP_EVALUE, "CBOR.length", first, 0);
        break;
    default:
        break;
    }
    if (h.major == TAG || (h.major == SIMPLE && (h.value < 20 || h.value > 22)))
        rd_refuse(r, SP_EVALUE, "CBOR.type", first, 0);
    /* No item is shorter than a byte: what cannot be there is refused before anyone counts. */
    if (h.major >= BYTES && h.major <= MAP && h.value > rd_left(r))
        rd_refuse(r, SP_ESHORT, "CBOR.length", (uint32_t)h.value, (uint32_t)rd_left(r));
    return h;
}

static void skip(struct rd *r, int depth)
{
    struct head h = read_head(r);
    uint64_t items = h.major == ARRAY ? h.value : h.major == MAP ? 2 * h.value : 0;

    if (!rd_ok(r))
        return;
    if (h.major == BYTES || h.major == TEXT)
        rd_skip(r, (size_t)h.value, "CBOR.string");
    if (items > 0 && depth == DEPTH_MAX) {
        rd_refuse(r, SP_ELIMIT, "CBOR.depth", DEPTH_MAX, DEPTH_MAX);
        return;
    }
    for (; items > 0 && rd_ok(r); items--)
        skip(r, depth + 1);
}

/* A string of that kind; its bytes stay in the reader's memory. */
static const uint8_t *read_string(struct rd *r, enum major major, size_t *size)
{
    struct head h = read_head(r);

    *size = 0;
    if (rd_ok(r) && h.major != major)
        rd_refuse(r, SP_EVALUE, "CBOR.type", h.major, major);
    if (!rd_ok(r))
        return NULL;
    *size = (size_t)h.value;
    return rd_bytes(r, *size, "CBOR.string");
}

static int64_t read_integer(struct rd *r)
{
    struct head h = read_head(r);

    if (rd_ok(r) && h.major != UNSIGNED && h.major != NEGATIVE)
        rd_refuse(r, SP_EVALUE, "CBOR.integer", h.major, 0);
    return h.major == NEGATIVE ? -1 - (int64_t)h.value : (int64_t)h.value;
}

static uint64_t read_map(struct rd *r)
{
    struct head h = read_head(r);

    if (rd_ok(r) && h.major != MAP)
        rd_refuse(r, SP_EVALUE, "CBOR.map", h.major, MAP);
    return h.value;
}

/* The algorithm of a COSE_Key, RFC 9053 7; the whole of it is walked. */
static int64_t read_cose(struct rd *r)
{
    int64_t alg = 0;
    uint64_t count = read_map(r);

    for (; count > 0 && rd_ok(r); count--) {
        int64_t label = read_integer(r);

        if (label == COSE_ALG)
            alg = read_integer(r);
        else
            skip(r, 1);
    }
    return alg;
}

static void read_credential(struct rd *r, struct webauthn_auth *out)
{
    rd_skip(r, AAGUID_SIZE, "aaguid");
    out->id_size = rd_u16be(r, "credentialIdLength");
    if (rd_ok(r) && (out->id_size == 0 || out->id_size > WEBAUTHN_ID_MAX))
        rd_refuse(r, SP_ELIMIT, "credentialIdLength", out->id_size, WEBAUTHN_ID_MAX);
    const uint8_t *id = rd_bytes(r, out->id_size, "credentialId");
    if (rd_ok(r))
        memcpy(out->id, id, out->id_size);
    out->alg = read_cose(r);
    out->has_credential = true;
}

enum sp_err webauthn_auth_read(const uint8_t *data, size_t size, struct webauthn_auth *out)
{
    struct webauthn_auth made = {0};
    struct rd r;

    if (size > WEBAUTHN_AUTH_MAX)
        return SP_ELIMIT;
    rd_init(&r, data, size);
    const uint8_t *hash = rd_bytes(&r, sizeof(made.rp_id_hash), "rpIdHash");
    if (rd_ok(&r))
        memcpy(made.rp_id_hash, hash, sizeof(made.rp_id_hash));
    made.flags = rd_u8(&r, "flags");
    made.sign_count = rd_u32be(&r, "signCount");
    if ((made.flags & FLAG_CREDENTIAL) != 0 && rd_ok(&r))
        read_credential(&r, &made);
    if ((made.flags & FLAG_EXTENSIONS) != 0 && rd_ok(&r)) {
        for (uint64_t count = 2 * read_map(&r); count > 0 && rd_ok(&r); count--)
            skip(&r, 1);
    }
    rd_end(&r, "authData");
    if (!rd_ok(&r))
        return r.fail.code;
    memcpy(made.raw, data, size);
    made.raw_size = size;
    *out = made;
    return SP_OK;
}

static bool is_word(const uint8_t *text, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(text, word, size) == 0;
}

/* The authenticator's own certificate is the first one; the others are walked over. */
static void read_x5c(struct rd *r, struct webauthn_registration *out)
{
    struct head h = read_head(r);
    size_t size;

    if (rd_ok(r) && (h.major != ARRAY || h.value == 0))
        rd_refuse(r, SP_EVALUE, "x5c", h.major, ARRAY);
    const uint8_t *leaf = rd_ok(r) ? read_string(r, BYTES, &size) : NULL;
    if (!rd_ok(r))
        return;
    if (size == 0 || size > sizeof(out->x509)) {
        rd_refuse(r, SP_ELIMIT, "x5c", (uint32_t)size, sizeof(out->x509));
        return;
    }
    memcpy(out->x509, leaf, size);
    out->x509_size = size;
    for (uint64_t more = h.value - 1; more > 0 && rd_ok(r); more--)
        skip(r, 2);
}

static void read_signature(struct rd *r, struct webauthn_registration *out)
{
    size_t size;
    const uint8_t *signature = read_string(r, BYTES, &size);

    if (!rd_ok(r))
        return;
    if (size == 0 || size > sizeof(out->signature)) {
        rd_refuse(r, SP_ELIMIT, "sig", (uint32_t)size, sizeof(out->signature));
        return;
    }
    memcpy(out->signature, signature, size);
    out->signature_size = size;
}

/* Spec: WebAuthn 8.2 */
static void read_statement(struct rd *r, struct webauthn_registration *out)
{
    unsigned seen = 0;
    uint64_t count = read_map(r);

    for (; count > 0 && rd_ok(r); count--) {
        size_t size;
        const uint8_t *key = read_string(r, TEXT, &size);
        unsigned bit = !rd_ok(r)                   ? 0
                       : is_word(key, size, "alg") ? 1u
                       : is_word(key, size, "sig") ? 2u
                       : is_word(key, size, "x5c") ? 4u
                                                   : 0;

        if (bit == 0 || (seen & bit) != 0)
            rd_refuse(r, SP_EVALUE, "attStmt", bit, seen);
        seen |= bit;
        if (bit == 1)
            out->statement_alg = read_integer(r);
        else if (bit == 2)
            read_signature(r, out);
        else if (bit == 4)
            read_x5c(r, out);
    }
    if (rd_ok(r) && (out->is_packed ? (seen & 3u) != 3u : seen != 0))
        rd_refuse(r, SP_EVALUE, "attStmt", seen, 3);
}

/* The three parts of the object, wherever they stand. */
struct parts {
    const uint8_t *base; /* where the object begins */
    const uint8_t *format, *statement, *auth;
    size_t format_size, statement_size, auth_size;
};

static void read_parts(struct rd *r, struct parts *out)
{
    uint64_t count = read_map(r);

    if (rd_ok(r) && count != 3)
        rd_refuse(r, SP_EVALUE, "attestationObject", (uint32_t)count, 3);
    for (; count > 0 && rd_ok(r); count--) {
        size_t size;
        const uint8_t *key = read_string(r, TEXT, &size);

        if (!rd_ok(r))
            return;
        if (is_word(key, size, "fmt") && out->format == NULL) {
            out->format = read_string(r, TEXT, &out->format_size);
        } else if (is_word(key, size, "authData") && out->auth == NULL) {
            out->auth = read_string(r, BYTES, &out->auth_size);
        } else if (is_word(key, size, "attStmt") && out->statement == NULL) {
            size_t start = rd_pos(r);

            out->statement = out->base + start;
            skip(r, 1);
            out->statement_size = rd_pos(r) - start;
        } else {
            rd_refuse(r, SP_EVALUE, "attestationObject.key", 0, 0);
        }
    }
}

enum sp_err webauthn_attestation_read(const uint8_t *data, size_t size,
                                      struct webauthn_registration *out)
{
    struct webauthn_registration made = {0};
    struct parts parts = {.base = data};
    struct rd r, statement;

    if (size > WEBAUTHN_OBJECT_MAX)
        return SP_ELIMIT;
    rd_init(&r, data, size);
    read_parts(&r, &parts);
    rd_end(&r, "attestationObject");
    if (!rd_ok(&r))
        return r.fail.code;
    made.is_packed = is_word(parts.format, parts.format_size, "packed");
    if (!made.is_packed && !is_word(parts.format, parts.format_size, "none"))
        return SP_EVALUE;
    rd_init(&statement, parts.statement, parts.statement_size);
    read_statement(&statement, &made);
    if (!rd_ok(&statement))
        return statement.fail.code;
    enum sp_err err = webauthn_auth_read(parts.auth, parts.auth_size, &made.auth);
    if (err != SP_OK)
        return err;
    made.client_size = out->client_size;
    memcpy(made.client, out->client, sizeof(made.client));
    *out = made;
    return SP_OK;
}
