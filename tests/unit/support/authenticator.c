/* SPDX-License-Identifier: Apache-2.0
 * A software authenticator and its browser.
 */
#include "support/authenticator.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct out {
    uint8_t bytes[WEBAUTHN_OBJECT_MAX];
    size_t used;
};

static void put(struct out *o, const void *data, size_t size)
{
    memcpy(o->bytes + o->used, data, size);
    o->used += size;
}

static void put_head(struct out *o, unsigned major, size_t value)
{
    const uint8_t small[] = {(uint8_t)(major << 5 | value)};
    const uint8_t byte[] = {(uint8_t)(major << 5 | 24), (uint8_t)value};
    const uint8_t two[] = {(uint8_t)(major << 5 | 25), (uint8_t)(value >> 8), (uint8_t)value};

    if (value < 24)
        put(o, small, sizeof(small));
    else if (value < 256)
        put(o, byte, sizeof(byte));
    else
        put(o, two, sizeof(two));
}

static void put_integer(struct out *o, int value)
{
    put_head(o, value < 0 ? 1u : 0u, (size_t)(value < 0 ? -1 - value : value));
}

static void put_string(struct out *o, unsigned major, const void *data, size_t size)
{
    put_head(o, major, size);
    put(o, data, size);
}

static void put_number(struct out *o, EVP_PKEY *key, const char *name, size_t size)
{
    BIGNUM *number = NULL;
    uint8_t bytes[512];

    if (EVP_PKEY_get_bn_param(key, name, &number) != 1 ||
        BN_bn2binpad(number, bytes, (int)size) != (int)size)
        abort();
    put_string(o, 2, bytes, size);
    BN_free(number);
}

static void put_cose(struct out *o, const struct authenticator *a)
{
    bool is_rsa = EVP_PKEY_is_a(a->key, "RSA"), is_ec = EVP_PKEY_is_a(a->key, "EC");

    put_head(o, 5, is_rsa || !is_ec ? 4 : 5);
    put_integer(o, 1);
    put_integer(o, is_rsa ? 3 : is_ec ? 2 : 1);
    put_integer(o, 3);
    put_integer(o, a->alg);
    put_integer(o, -1);
    if (is_rsa) {
        put_number(o, a->key, "n", 256);
        put_integer(o, -2);
        put_number(o, a->key, "e", 3);
        return;
    }
    put_integer(o, is_ec ? 1 : 6);
    put_integer(o, -2);
    if (is_ec) {
        put_number(o, a->key, "qx", 32);
        put_integer(o, -3);
        put_number(o, a->key, "qy", 32);
        return;
    }
    uint8_t point[32];
    size_t size = sizeof(point);
    if (EVP_PKEY_get_raw_public_key(a->key, point, &size) != 1)
        abort();
    put_string(o, 2, point, size);
}

void authenticator_init(struct authenticator *a, enum webauthn_alg alg, const char *rp_id,
                        const char *origin)
{
    *a = (struct authenticator){.alg = alg,
                                .rp_id = rp_id,
                                .origin = origin,
                                .more = ",\"crossOrigin\":false",
                                .flags = 0x05,
                                .sign_count = 1,
                                .id_size = 32};
    a->key = alg == WEBAUTHN_ES256   ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
             : alg == WEBAUTHN_RS256 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                                     : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (a->key == NULL)
        abort();
    sp_random(a->id, a->id_size);
    sp_random(a->challenge, sizeof(a->challenge));
}

void authenticator_clear(struct authenticator *a)
{
    EVP_PKEY_free(a->key);
}

static size_t client_json(const struct authenticator *a, const char *type, uint8_t *out)
{
    char challenge[64];

    sodium_bin2base64(challenge, sizeof(challenge), a->challenge, sizeof(a->challenge),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    int n = snprintf((char *)out, WEBAUTHN_CLIENT_MAX,
                     "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\"%s}",
                     a->type != NULL ? a->type : type, challenge, a->origin, a->more);
    return (size_t)n;
}

static void auth_data(const struct authenticator *a, bool has_key, struct out *o)
{
    const uint8_t aaguid[16] = {0},
                  count[4] = {(uint8_t)(a->sign_count >> 24), (uint8_t)(a->sign_count >> 16),
                              (uint8_t)(a->sign_count >> 8), (uint8_t)a->sign_count};
    const uint8_t flags = (uint8_t)(a->flags | (has_key ? 0x40 : 0));
    const uint8_t size[2] = {(uint8_t)(a->id_size >> 8), (uint8_t)a->id_size};
    uint8_t hash[32];

    SHA256((const uint8_t *)a->rp_id, strlen(a->rp_id), hash);
    put(o, hash, sizeof(hash));
    put(o, &flags, 1);
    put(o, count, sizeof(count));
    if (has_key) {
        put(o, aaguid, sizeof(aaguid));
        put(o, size, sizeof(size));
        put(o, a->id, a->id_size);
        put_cose(o, a);
    }
    if (a->trail_size > 0)
        put(o, a->trail, a->trail_size);
}

static size_t sign(const struct authenticator *a, const struct out *auth, const uint8_t *client,
                   size_t client_size, uint8_t *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct out tbs = {.used = 0};
    uint8_t hash[32];
    size_t used = WEBAUTHN_SIGNATURE_MAX;

    SHA256(client, client_size, hash);
    put(&tbs, auth->bytes, auth->used);
    put(&tbs, hash, sizeof(hash));
    if (EVP_DigestSignInit(ctx, NULL, EVP_PKEY_is_a(a->key, "ED25519") ? NULL : EVP_sha256(), NULL,
                           a->key) != 1 ||
        EVP_DigestSign(ctx, signature, &used, tbs.bytes, tbs.used) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    return used;
}

size_t authenticator_create(struct authenticator *a, const char *format, uint8_t *object,
                            struct webauthn_registration *out)
{
    static struct out auth, whole;
    uint8_t signature[WEBAUTHN_SIGNATURE_MAX];
    bool is_packed = strcmp(format, "packed") == 0;

    auth.used = whole.used = 0;
    memset(out, 0, sizeof(*out));
    out->client_size = client_json(a, "webauthn.create", out->client);
    auth_data(a, true, &auth);
    put_head(&whole, 5, 3);
    put_string(&whole, 3, "fmt", 3);
    put_string(&whole, 3, format, strlen(format));
    put_string(&whole, 3, "attStmt", 7);
    put_head(&whole, 5, is_packed ? 2 : 0);
    if (is_packed) {
        put_string(&whole, 3, "alg", 3);
        put_integer(&whole, a->alg);
        put_string(&whole, 3, "sig", 3);
        put_string(&whole, 2, signature, sign(a, &auth, out->client, out->client_size, signature));
    }
    put_string(&whole, 3, "authData", 8);
    put_string(&whole, 2, auth.bytes, auth.used);
    memcpy(object, whole.bytes, whole.used);
    return whole.used;
}

enum sp_err authenticator_get(struct authenticator *a, struct webauthn_assertion *out)
{
    static struct out auth;

    auth.used = 0;
    memset(out, 0, sizeof(*out));
    out->client_size = client_json(a, "webauthn.get", out->client);
    auth_data(a, false, &auth);
    out->signature_size = sign(a, &auth, out->client, out->client_size, out->signature);
    out->id_size = a->id_size;
    memcpy(out->id, a->id, a->id_size);
    return webauthn_auth_read(auth.bytes, auth.used, &out->auth);
}
