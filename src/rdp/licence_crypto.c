/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of the licensing protocol: its server's RSA key, its keys, its checksum.
 */
#include "rdp/licence_crypto.h"

#include <nettle/arcfour.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <openssl/bn.h>
#include <string.h>

#include "base/mem.h"
#include "rdp/der.h"

#define CERT_CHAIN_VERSION_1  1u
#define CERT_CHAIN_VERSION_2  2u
#define CERT_TEMPORARY        0x80000000u
#define SIGNATURE_ALG_RSA     1u
#define KEY_EXCHANGE_ALG_RSA  1u
#define BB_RSA_KEY_BLOB       6u
#define BB_RSA_SIGNATURE_BLOB 8u
#define RSA_MAGIC             0x31415352u
#define CHAIN_MAX             16 /* the specification allows 200; no licence server has five */
#define DER_VERSION           0xA0

/* Big-endian, without leading zeros. */
static void take_modulus(struct rd *r, const uint8_t *bytes, size_t size,
                         struct licence_public_key *key)
{
    while (size > 0 && *bytes == 0) {
        bytes++;
        size--;
    }
    rd_min(r, "RSA.modulus", (uint32_t)size, LICENCE_MODULUS_MIN);
    rd_max(r, "RSA.modulus", (uint32_t)size, LICENCE_MODULUS_MAX);
    if (!rd_ok(r))
        return;
    memcpy(key->modulus, bytes, size);
    key->size = size;
}

/* RSA_PUBLIC_KEY: the modulus is little-endian and has 8 zero bytes behind it. */
static void read_key_blob(struct rd *r, struct licence_public_key *key)
{
    uint8_t big[LICENCE_MODULUS_MAX];

    rd_want(r, "RSA_PUBLIC_KEY.magic", rd_u32le(r, "RSA_PUBLIC_KEY.magic"), RSA_MAGIC);
    uint32_t size = rd_u32le(r, "RSA_PUBLIC_KEY.keylen");
    uint32_t bits = rd_u32le(r, "RSA_PUBLIC_KEY.bitlen");
    rd_skip(r, 4, "RSA_PUBLIC_KEY.datalen");
    key->exponent = rd_u32le(r, "RSA_PUBLIC_KEY.pubExp");
    rd_min(r, "RSA_PUBLIC_KEY.keylen", size, LICENCE_MODULUS_MIN + LICENCE_MODULUS_PAD);
    rd_max(r, "RSA_PUBLIC_KEY.keylen", size, LICENCE_MODULUS_MAX + LICENCE_MODULUS_PAD);
    if (rd_ok(r) && bits != (size - LICENCE_MODULUS_PAD) * 8)
        rd_refuse(r, SP_EVALUE, "RSA_PUBLIC_KEY.bitlen", bits, (size - LICENCE_MODULUS_PAD) * 8);
    const uint8_t *modulus = rd_bytes(r, rd_ok(r) ? size : 0, "RSA_PUBLIC_KEY.modulus");
    if (!rd_ok(r))
        return;
    size -= LICENCE_MODULUS_PAD;
    for (uint32_t i = 0; i < size; i++)
        big[i] = modulus[size - 1 - i];
    take_modulus(r, big, size, key);
}

static void read_proprietary(struct rd *r, struct licence_public_key *key)
{
    struct rd blob;

    rd_want(r, "PROPRIETARYSERVERCERTIFICATE.dwSigAlgId", rd_u32le(r, "dwSigAlgId"),
            SIGNATURE_ALG_RSA);
    rd_want(r, "PROPRIETARYSERVERCERTIFICATE.dwKeyAlgId", rd_u32le(r, "dwKeyAlgId"),
            KEY_EXCHANGE_ALG_RSA);
    rd_want(r, "PROPRIETARYSERVERCERTIFICATE.wPublicKeyBlobType", rd_u16le(r, "wPublicKeyBlobType"),
            BB_RSA_KEY_BLOB);
    rd_sub(r, rd_u16le(r, "wPublicKeyBlobLen"), &blob, "PublicKeyBlob");
    read_key_blob(&blob, key);
    rd_end(&blob, "PublicKeyBlob");
    rd_adopt(r, &blob);
    rd_want(r, "PROPRIETARYSERVERCERTIFICATE.wSignatureBlobType", rd_u16le(r, "wSignatureBlobType"),
            BB_RSA_SIGNATURE_BLOB);
    rd_skip(r, rd_u16le(r, "wSignatureBlobLen"), "SignatureBlob");
}

/* RSAPublicKey of PKCS#1, inside the BIT STRING. */
static void read_rsa_key(struct rd *bits, struct licence_public_key *key)
{
    struct rd rsa, modulus;

    rd_want(bits, "BIT STRING.unused", rd_u8(bits, "BIT STRING.unused"), 0);
    der_enter(bits, DER_SEQUENCE, &rsa, "RSAPublicKey");
    der_enter(&rsa, DER_INTEGER, &modulus, "RSAPublicKey.modulus");
    if (rd_ok(&modulus))
        take_modulus(&modulus, modulus.at, modulus.left, key);
    rd_adopt(&rsa, &modulus);
    int64_t exponent = der_integer(&rsa, DER_INTEGER, "RSAPublicKey.publicExponent");
    if (rd_ok(&rsa) && (exponent < 3 || exponent > UINT32_MAX))
        rd_refuse(&rsa, SP_EVALUE, "RSAPublicKey.publicExponent", 0, 65537);
    key->exponent = (uint32_t)exponent;
    rd_end(&rsa, "RSAPublicKey");
    rd_adopt(bits, &rsa);
}

/* Skip an element whatever it holds. */
static void skip_der(struct rd *r, uint8_t tag, const char *where)
{
    struct rd child;

    der_enter(r, tag, &child, where);
}

/* Walk to subjectPublicKeyInfo (RFC 5280 4.1); the algorithm's name is wrong in Windows' own. */
static void read_x509(struct rd *r, struct licence_public_key *key)
{
    struct rd cert, tbs, info, bits;

    der_enter(r, DER_SEQUENCE, &cert, "Certificate");
    der_enter(&cert, DER_SEQUENCE, &tbs, "TBSCertificate");
    if (der_at(&tbs, DER_VERSION))
        skip_der(&tbs, DER_VERSION, "TBSCertificate.version");
    skip_der(&tbs, DER_INTEGER, "TBSCertificate.serialNumber");
    skip_der(&tbs, DER_SEQUENCE, "TBSCertificate.signature");
    skip_der(&tbs, DER_SEQUENCE, "TBSCertificate.issuer");
    skip_der(&tbs, DER_SEQUENCE, "TBSCertificate.validity");
    skip_der(&tbs, DER_SEQUENCE, "TBSCertificate.subject");
    der_enter(&tbs, DER_SEQUENCE, &info, "SubjectPublicKeyInfo");
    skip_der(&info, DER_SEQUENCE, "SubjectPublicKeyInfo.algorithm");
    der_enter(&info, DER_BIT_STRING, &bits, "SubjectPublicKeyInfo.subjectPublicKey");
    read_rsa_key(&bits, key);
    rd_adopt(&info, &bits);
    rd_adopt(&tbs, &info);
    rd_adopt(&cert, &tbs);
    rd_adopt(r, &cert);
}

/* Root first: the last one is the terminal server's own. */
static void read_chain(struct rd *r, struct licence_public_key *key)
{
    uint32_t count = rd_u32le(r, "X509_CERTIFICATE_CHAIN.NumCertBlobs");

    rd_min(r, "X509_CERTIFICATE_CHAIN.NumCertBlobs", count, 1);
    rd_max(r, "X509_CERTIFICATE_CHAIN.NumCertBlobs", count, CHAIN_MAX);
    for (uint32_t i = 0; i < count && rd_ok(r); i++) {
        struct rd blob;

        rd_sub(r, rd_u32le(r, "CERT_BLOB.cbCert"), &blob, "CERT_BLOB.abCert");
        if (i + 1 == count && rd_ok(&blob))
            read_x509(&blob, key);
        rd_adopt(r, &blob);
    }
    if (rd_ok(r) && r->left == 8 + 4 * (size_t)count)
        rd_skip(r, r->left, "X509_CERTIFICATE_CHAIN.Padding");
}

enum sp_err licence_public_key_read(struct rd *r, struct licence_public_key *out)
{
    struct licence_public_key key = {0};
    uint32_t version = rd_u32le(r, "SERVER_CERTIFICATE.dwVersion") & ~CERT_TEMPORARY;

    if (rd_ok(r) && version == CERT_CHAIN_VERSION_1)
        read_proprietary(r, &key);
    else if (rd_ok(r) && version == CERT_CHAIN_VERSION_2)
        read_chain(r, &key);
    else
        rd_refuse(r, SP_EVALUE, "SERVER_CERTIFICATE.dwVersion", version, CERT_CHAIN_VERSION_2);
    rd_end(r, "SERVER_CERTIFICATE");
    if (rd_ok(r) && (key.exponent < 3 || (key.modulus[key.size - 1] & 1) == 0))
        rd_refuse(r, SP_EVALUE, "RSA.exponent", key.exponent, 65537);
    if (rd_ok(r))
        *out = key;
    return r->fail.code;
}

enum sp_err licence_rsa(const struct licence_public_key *key,
                        const uint8_t premaster[LICENCE_PREMASTER_SIZE], uint8_t *out)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_bin2bn(key->modulus, (int)key->size, NULL), *e = BN_new(), *y = BN_new();
    BIGNUM *m = BN_lebin2bn(premaster, LICENCE_PREMASTER_SIZE, NULL);
    bool ok = ctx != NULL && n != NULL && e != NULL && y != NULL && m != NULL &&
              BN_set_word(e, key->exponent) == 1 && BN_mod_exp(y, m, e, n, ctx) == 1 &&
              BN_bn2lebinpad(y, out, (int)key->size) == (int)key->size;

    if (ok)
        memset(out + key->size, 0, LICENCE_MODULUS_PAD);
    BN_free(n);
    BN_free(e);
    BN_free(y);
    BN_clear_free(m);
    BN_CTX_free(ctx);
    return ok ? SP_OK : SP_ECRYPTO;
}

static void hash16(struct md5_ctx *md5, uint8_t out[LICENCE_KEY_SIZE])
{
    md5_digest(md5, LICENCE_KEY_SIZE, out);
}

/* MD5(secret ‖ SHA-1(letters ‖ secret ‖ first ‖ second)) for 'A', 'BB' and 'CCC'. */
static void salted(const uint8_t secret[48], const uint8_t *first, const uint8_t *second,
                   uint8_t out[48])
{
    static const char letters[] = "ABBCCC";
    static const uint8_t at[] = {0, 1, 3};
    uint8_t digest[SHA1_DIGEST_SIZE];

    for (size_t i = 0; i < 3; i++) {
        struct sha1_ctx sha1;
        struct md5_ctx md5;

        sha1_init(&sha1);
        sha1_update(&sha1, i + 1, (const uint8_t *)letters + at[i]);
        sha1_update(&sha1, 48, secret);
        sha1_update(&sha1, LICENCE_RANDOM_SIZE, first);
        sha1_update(&sha1, LICENCE_RANDOM_SIZE, second);
        sha1_digest(&sha1, sizeof(digest), digest);
        md5_init(&md5);
        md5_update(&md5, 48, secret);
        md5_update(&md5, sizeof(digest), digest);
        hash16(&md5, out + 16 * i);
    }
    sp_wipe(digest, sizeof(digest));
}

void licence_derive(const uint8_t premaster[LICENCE_PREMASTER_SIZE],
                    const uint8_t client_random[LICENCE_RANDOM_SIZE],
                    const uint8_t server_random[LICENCE_RANDOM_SIZE], struct licence_keys *out)
{
    uint8_t master[48], blob[48];
    struct md5_ctx md5;

    salted(premaster, client_random, server_random, master);
    salted(master, server_random, client_random, blob);
    memcpy(out->mac, blob, sizeof(out->mac));
    md5_init(&md5);
    md5_update(&md5, LICENCE_KEY_SIZE, blob + LICENCE_KEY_SIZE);
    md5_update(&md5, LICENCE_RANDOM_SIZE, client_random);
    md5_update(&md5, LICENCE_RANDOM_SIZE, server_random);
    hash16(&md5, out->encryption);
    sp_wipe(master, sizeof(master));
    sp_wipe(blob, sizeof(blob));
}

void licence_mac(const struct licence_keys *keys, const uint8_t *data, size_t size,
                 uint8_t mac[LICENCE_MAC_SIZE])
{
    uint8_t pad[48], length[4], digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx sha1;
    struct md5_ctx md5;
    struct wr w;

    wr_init(&w, length, sizeof(length));
    wr_u32le(&w, (uint32_t)size);
    memset(pad, 0x36, sizeof(pad));
    sha1_init(&sha1);
    sha1_update(&sha1, LICENCE_KEY_SIZE, keys->mac);
    sha1_update(&sha1, 40, pad);
    sha1_update(&sha1, sizeof(length), length);
    sha1_update(&sha1, size, data);
    sha1_digest(&sha1, sizeof(digest), digest);
    memset(pad, 0x5C, sizeof(pad));
    md5_init(&md5);
    md5_update(&md5, LICENCE_KEY_SIZE, keys->mac);
    md5_update(&md5, sizeof(pad), pad);
    md5_update(&md5, sizeof(digest), digest);
    hash16(&md5, mac);
}

void licence_crypt(const struct licence_keys *keys, const uint8_t *in, size_t size, uint8_t *out)
{
    struct arcfour_ctx rc4;

    arcfour_set_key(&rc4, LICENCE_KEY_SIZE, keys->encryption);
    arcfour_crypt(&rc4, size, out, in);
    sp_wipe(&rc4, sizeof(rc4));
}
