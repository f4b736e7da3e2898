/* SPDX-License-Identifier: Apache-2.0
 * The TLS private key and the only thing that is ever done with it: sign a server's handshake.
 */
#include "keeper/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wire.h"
#include "keeper/signer_priv.h"

#define KEY_FILE_MAX 65536

#define TLS_1_2 0x0303
#define TLS_1_3 0x0304

#define RANDOMS_SIZE     64 /* client_random, server_random     */
#define NAMED_CURVE      3  /* ECCurveType, RFC 8422 5.4        */
#define CURVE_P256       23
#define CURVE_P384       24
#define CURVE_X25519     29
#define POINT_FORM_PLAIN 0x04

/* What we sign with, RFC 8446 4.2.3. */
static const struct scheme {
    uint16_t code;
    unsigned kinds; /* set of enum key_kind */
    bool is_tls13;  /* may sign a CertificateVerify */
    int padding;    /* RSA only */
    const char *hash;
} schemes[] = {
    {0x0403, KEY_P256, true, 0, "SHA256"},
    {0x0503, KEY_P384, true, 0, "SHA384"},
    {0x0804, KEY_RSA, true, RSA_PKCS1_PSS_PADDING, "SHA256"},
    {0x0805, KEY_RSA, true, RSA_PKCS1_PSS_PADDING, "SHA384"},
    {0x0806, KEY_RSA, true, RSA_PKCS1_PSS_PADDING, "SHA512"},
    {0x0401, KEY_RSA, false, RSA_PKCS1_PADDING, "SHA256"},
    {0x0501, KEY_RSA, false, RSA_PKCS1_PADDING, "SHA384"},
    {0x0601, KEY_RSA, false, RSA_PKCS1_PADDING, "SHA512"},
};

static void forget_certificates(struct signer *signer)
{
    X509_free(signer->leaf);
    sk_X509_pop_free(signer->chain, X509_free);
    signer->leaf = NULL;
    signer->chain = NULL;
}

static int no_password(char *buf, int size, int for_writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)for_writing;
    (void)arg;
    return -1; /* never ask on a terminal */
}

static unsigned kind_of(const EVP_PKEY *key)
{
    char group[32] = "";
    size_t size;
    int bits = EVP_PKEY_get_bits(key);

    if (EVP_PKEY_is_a(key, "RSA"))
        return bits >= 2048 && bits <= 8192 ? KEY_RSA : 0;
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), &size) != 1)
        return 0;
    if (strcmp(group, "prime256v1") == 0)
        return KEY_P256;
    return strcmp(group, "secp384r1") == 0 ? KEY_P384 : 0;
}

struct signer *signer_load(const char *pem, size_t pem_size, struct sp_fail *fail)
{
    BIO *bio = pem_size > KEY_FILE_MAX ? NULL : BIO_new_mem_buf(pem, (int)pem_size);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    unsigned kind = key == NULL ? 0 : kind_of(key);
    struct signer *signer = NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL) {
        (void)sp_fail_set(fail, SP_EVALUE, "private key: not readable PEM", 0, 0);
        return NULL;
    }
    if (kind == 0)
        (void)sp_fail_set(fail, SP_EDENIED, "private key: kind or size", 0, 0);
    else
        signer = calloc(1, sizeof(*signer));
    if (signer == NULL) {
        EVP_PKEY_free(key);
        return NULL;
    }
    *signer = (struct signer){.key = key, .kind = (enum key_kind)kind};
    return signer;
}

struct signer *signer_load_file(const char *path, struct sp_fail *fail)
{
    char *pem = malloc(KEY_FILE_MAX);
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct signer *signer = NULL;
    size_t size = 0;
    ssize_t n = fd < 0 || pem == NULL ? -1 : 1;

    while (n > 0 && size < KEY_FILE_MAX) {
        n = read(fd, pem + size, KEY_FILE_MAX - size);
        size += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        (void)sp_fail_set(fail, SP_ESYS, "private key: read", (uint32_t)errno, 0);
    else if (size == KEY_FILE_MAX)
        (void)sp_fail_set(fail, SP_ELIMIT, "private key: size", KEY_FILE_MAX, KEY_FILE_MAX - 1);
    else
        signer = signer_load(pem, size, fail);
    if (pem != NULL)
        sp_wipe(pem, size);
    free(pem);
    return signer;
}

void signer_free(struct signer *signer)
{
    if (signer == NULL)
        return;
    EVP_PKEY_free(signer->key);
    forget_certificates(signer); /* OpenSSL wipes private numbers */
    free(signer);
}

/* The certificates behind the leaf, in the order of the file. */
static STACK_OF(X509) * read_chain(BIO *bio)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *next;

    while (chain != NULL && (next = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
        if (sk_X509_push(chain, next) > 0)
            continue;
        X509_free(next);
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    return chain;
}

enum sp_err signer_check_matches_cert(struct signer *signer, const char *pem, size_t pem_size)
{
    BIO *bio = pem_size > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)pem_size);
    X509 *leaf = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_password, NULL);
    enum sp_err err = SP_EVALUE;

    if (leaf != NULL)
        err = X509_check_private_key(leaf, signer->key) == 1 ? SP_OK : SP_ECRYPTO;
    if (err == SP_OK) {
        forget_certificates(signer);
        signer->leaf = leaf;
        signer->chain = read_chain(bio);
        leaf = NULL;
    }
    X509_free(leaf);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

/* ---- what may be signed ---- */

static bool is_certificate_verify(const uint8_t *tbs, size_t size)
{
    /* The NUL that ends the literal is the separator of RFC 8446 4.4.3. */
    static const char context[] = "TLS 1.3, server CertificateVerify";
    struct rd r;

    rd_init(&r, tbs, size);
    for (int i = 0; i < RANDOMS_SIZE; i++)
        rd_want(&r, "CertificateVerify.pad", rd_u8(&r, "CertificateVerify.pad"), 0x20);
    const uint8_t *found = rd_bytes(&r, sizeof(context), "CertificateVerify.context");
    if (!rd_ok(&r) || memcmp(found, context, sizeof(context)) != 0)
        return false;
    return r.left == 32 || r.left == 48; /* transcript hash of the TLS 1.3 suites */
}

static size_t point_size(uint16_t curve)
{
    switch (curve) {
    case CURVE_X25519:
        return 32;
    case CURVE_P256:
        return 65;
    case CURVE_P384:
        return 97;
    default:
        return 0;
    }
}

static bool is_server_key_exchange(const uint8_t *tbs, size_t size)
{
    struct rd r;

    rd_init(&r, tbs, size);
    rd_skip(&r, RANDOMS_SIZE, "ServerKeyExchange.randoms");
    rd_want(&r, "ECParameters.curve_type", rd_u8(&r, "ECParameters.curve_type"), NAMED_CURVE);
    uint16_t curve = rd_u16be(&r, "ECParameters.namedcurve");
    uint8_t length = rd_u8(&r, "ECPoint.length");
    rd_want(&r, "ECPoint.length", length, (uint32_t)point_size(curve));
    const uint8_t *point = rd_bytes(&r, length, "ECPoint.point");
    rd_end(&r, "ServerKeyExchange");
    if (!rd_ok(&r) || length == 0)
        return false;
    return curve == CURVE_X25519 || point[0] == POINT_FORM_PLAIN;
}

uint16_t signer_tbs_version(const uint8_t *tbs, size_t tbs_size)
{
    if (is_certificate_verify(tbs, tbs_size))
        return TLS_1_3;
    return is_server_key_exchange(tbs, tbs_size) ? TLS_1_2 : 0;
}

static const struct scheme *scheme_for(enum key_kind kind, uint16_t code, uint16_t version)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (schemes[i].code == code && (schemes[i].kinds & kind) != 0 &&
            (version == TLS_1_2 || schemes[i].is_tls13))
            return &schemes[i];
    return NULL;
}

static bool make_signature(EVP_PKEY *key, const struct scheme *scheme, const uint8_t *tbs,
                           size_t tbs_size, uint8_t *sig, size_t *sig_size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    bool ok = ctx != NULL &&
              EVP_DigestSignInit_ex(ctx, &options, scheme->hash, NULL, NULL, key, NULL) == 1;

    if (ok && scheme->padding != 0)
        ok = EVP_PKEY_CTX_set_rsa_padding(options, scheme->padding) == 1;
    if (ok && scheme->padding == RSA_PKCS1_PSS_PADDING)
        ok = EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
    ok = ok && EVP_DigestSign(ctx, sig, sig_size, tbs, tbs_size) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

enum sp_err signer_sign(const struct signer *signer, uint16_t scheme, const uint8_t *tbs,
                        size_t tbs_size, uint8_t *sig, size_t *sig_size)
{
    uint16_t version = signer_tbs_version(tbs, tbs_size);
    const struct scheme *how = scheme_for(signer->kind, scheme, version);
    size_t used = *sig_size;

    if (version == 0 || how == NULL)
        return SP_EDENIED;
    if ((size_t)EVP_PKEY_get_size(signer->key) > *sig_size)
        return SP_ESPACE;
    if (!make_signature(signer->key, how, tbs, tbs_size, sig, &used))
        return SP_ECRYPTO;
    *sig_size = used;
    return SP_OK;
}
