/* SPDX-License-Identifier: Apache-2.0
 * The server's TLS context, whose private key is elsewhere.
 */
#include "front/keyless.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "front/keyless_priv.h"

#define CIPHERS_TLS12                                                                              \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS        "X25519:P-256:P-384"

#define OPTIONS                                                                                    \
    (SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |                          \
     SSL_OP_CIPHER_SERVER_PREFERENCE)

/* OpenSSL's macros for these lists cast const away, so they are writable. */
static char groups[] = "X25519:P-256:P-384";

/* Which signatures keeper makes with which key; anything else is not offered. */
static struct kind {
    const char *name, *group;
    int bits_min, bits_max;
    char schemes[112];
} kinds[] = {
    {"EC", "prime256v1", 256, 256, "ECDSA+SHA256"},
    {"EC", "secp384r1", 384, 384, "ECDSA+SHA384"},
    {"RSA", NULL, 2048, 8192,
     "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
     "RSA+SHA256:RSA+SHA384:RSA+SHA512"},
};

static int no_password(char *buf, int size, int for_writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)for_writing;
    (void)arg;
    return -1; /* never ask on a terminal */
}

static X509 *next_certificate(BIO *bio)
{
    X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);

    ERR_clear_error(); /* the end of the file is an error, too */
    return cert;
}

static struct kind *kind_of(EVP_PKEY *key)
{
    char group[32] = "";
    size_t size;

    (void)EVP_PKEY_get_group_name(key, group, sizeof(group), &size);
    ERR_clear_error();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int bits = EVP_PKEY_get_bits(key);
        if (EVP_PKEY_is_a(key, kinds[i].name) && bits >= kinds[i].bits_min &&
            bits <= kinds[i].bits_max &&
            (kinds[i].group == NULL || strcmp(group, kinds[i].group) == 0))
            return &kinds[i];
    }
    return NULL;
}

static enum sp_err use_leaf(SSL_CTX *ctx, X509 *leaf, struct sp_fail *fail)
{
    EVP_PKEY *public_half = X509_get0_pubkey(leaf); /* borrowed */
    struct kind *kind = public_half == NULL ? NULL : kind_of(public_half);
    EVP_PKEY *key = NULL;
    enum sp_err err = SP_OK;

    if (kind == NULL)
        return sp_fail_set(fail, SP_EVALUE, "certificate: kind of key", 0, 0);
    if (SSL_CTX_set1_sigalgs_list(ctx, kind->schemes) != 1)
        return sp_fail_set(fail, SP_ECRYPTO, "certificate: signature schemes", 0, 0);
    if (SSL_CTX_use_certificate(ctx, leaf) != 1)
        return sp_fail_set(fail, SP_EVALUE, "certificate: too weak", 0, 0);
    key = keyless_key_new(public_half);
    if (key == NULL || SSL_CTX_use_PrivateKey(ctx, key) != 1)
        err = sp_fail_set(fail, SP_ECRYPTO, "certificate: keyless key", 0, 0);
    EVP_PKEY_free(key);
    return err;
}

static enum sp_err use_chain(SSL_CTX *ctx, BIO *bio, struct sp_fail *fail)
{
    X509 *cert = next_certificate(bio);
    enum sp_err err;

    if (cert == NULL)
        return sp_fail_set(fail, SP_EVALUE, "certificate: none in PEM", 0, 0);
    err = use_leaf(ctx, cert, fail);
    X509_free(cert);
    while (err == SP_OK && (cert = next_certificate(bio)) != NULL) {
        if (SSL_CTX_add1_chain_cert(ctx, cert) != 1)
            err = sp_fail_set(fail, SP_EVALUE, "certificate: chain", 0, 0);
        X509_free(cert);
    }
    return err;
}

static enum sp_err set_protocol(SSL_CTX *ctx, uint16_t tls_min, struct sp_fail *fail)
{
    if (tls_min != TLS1_2_VERSION && tls_min != TLS1_3_VERSION)
        return sp_fail_set(fail, SP_EVALUE, "tls_min", tls_min, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, OPTIONS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_min_proto_version(ctx, tls_min) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, CIPHERS_TLS13) != 1 ||
        SSL_CTX_set1_groups_list(ctx, groups) != 1 || SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
        SSL_CTX_set_max_early_data(ctx, 0) != 1 || SSL_CTX_set_recv_max_early_data(ctx, 0) != 1)
        return sp_fail_set(fail, SP_ECRYPTO, "TLS settings", 0, 0);
    return SP_OK;
}

SSL_CTX *keyless_context_new(const char *pem, size_t pem_size, uint16_t tls_min,
                             struct sp_fail *fail)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *bio = pem_size > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)pem_size);
    enum sp_err err = SP_OK;

    if (ctx == NULL || bio == NULL)
        err = sp_fail_set(fail, SP_ECRYPTO, "SSL_CTX_new", 0, 0);
    if (err == SP_OK)
        err = set_protocol(ctx, tls_min, fail);
    if (err == SP_OK)
        err = use_chain(ctx, bio, fail);
    BIO_free(bio);
    if (err != SP_OK) {
        SSL_CTX_free(ctx);
        ctx = NULL;
    }
    ERR_clear_error(); /* what is left there would be blamed on the first handshake */
    return ctx;
}

enum sp_err front_public_key(const char *pem, size_t pem_size, uint8_t *out, size_t *size)
{
    BIO *bio = pem_size > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)pem_size);
    X509 *leaf = bio == NULL ? NULL : next_certificate(bio);
    const ASN1_BIT_STRING *bits = leaf == NULL ? NULL : X509_get0_pubkey_bitstr(leaf);
    enum sp_err err = SP_OK;

    if (bits == NULL || ASN1_STRING_length(bits) <= 0)
        err = SP_EVALUE;
    else if ((size_t)ASN1_STRING_length(bits) > *size)
        err = SP_ESPACE;
    if (err == SP_OK) {
        *size = (size_t)ASN1_STRING_length(bits);
        memcpy(out, ASN1_STRING_get0_data(bits), *size);
    }
    X509_free(leaf);
    BIO_free(bio);
    return err;
}
