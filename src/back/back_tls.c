/* SPDX-License-Identifier: Apache-2.0
 * The client's TLS context, and what can be said of the certificate that the target showed.
 */
#include "back/back_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* The front's order: one cipher for both directions of a relay keeps one implementation in cache.
 */
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* libssl would build the chain in the handshake, to no end: back_tls_chain_ok does, if asked. */
static int let_pass(X509_STORE_CTX *ctx, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

static int no_password(char *buf, int size, int for_writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)for_writing;
    (void)arg;
    return -1; /* never ask on a terminal */
}

static enum sp_err load_trust(SSL_CTX *ctx, const char *ca_pem, struct sp_fail *fail)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    BIO *bio = BIO_new_mem_buf(ca_pem, -1);
    uint32_t count = 0;
    X509 *cert;

    if (bio == NULL)
        return sp_fail_set(fail, SP_ECRYPTO, "BIO_new_mem_buf", 0, 0);
    while ((cert = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
        if (X509_STORE_add_cert(store, cert) == 1)
            count++;
        X509_free(cert);
    }
    BIO_free(bio);
    if (count == 0)
        return sp_fail_set(fail, SP_EVALUE, "ca: no certificate in PEM", 0, 1);
    /* The first look-up sorts; done here, no session has to write to the pages it shares. */
    sk_X509_OBJECT_sort(X509_STORE_get0_objects(store));
    return SP_OK;
}

static enum sp_err set_protocol(SSL_CTX *ctx, struct sp_fail *fail)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, let_pass, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, CIPHERS_TLS13) != 1)
        return sp_fail_set(fail, SP_ECRYPTO, "TLS settings", 0, 0);
    return SP_OK;
}

SSL_CTX *back_context_new(const char *ca_pem, struct sp_fail *fail)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    enum sp_err err = SP_OK;

    if (ctx == NULL)
        err = sp_fail_set(fail, SP_ECRYPTO, "SSL_CTX_new", 0, 0);
    if (err == SP_OK)
        err = set_protocol(ctx, fail);
    if (err == SP_OK && ca_pem != NULL)
        err = load_trust(ctx, ca_pem, fail);
    if (err != SP_OK) {
        SSL_CTX_free(ctx);
        ctx = NULL;
    }
    ERR_clear_error(); /* what is left there would be blamed on the first handshake */
    return ctx;
}

enum sp_err back_context_require(SSL_CTX *ctx, uint32_t tls_min, struct sp_fail *fail)
{
    static int usual_level = -1;
    int version = tls_min != 0 ? (int)tls_min : TLS1_2_VERSION;

    if (usual_level < 0)
        usual_level = SSL_CTX_get_security_level(ctx);
    /* OpenSSL signs TLS 1.0 and 1.1 handshakes with SHA-1 and MD5 at level 0 only. */
    SSL_CTX_set_security_level(ctx, version < TLS1_2_VERSION ? 0 : usual_level);
    if (SSL_CTX_set_min_proto_version(ctx, version) != 1)
        return sp_fail_set(fail, SP_ECRYPTO, "TLS version", tls_min, 0);
    return SP_OK;
}

/* The host as an address if it is one, else as a name; a name is never matched against addresses.
 */
static int expect_host(X509_VERIFY_PARAM *param, const char *host)
{
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);

    ASN1_OCTET_STRING_free(ip);
    return ip != NULL ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                      : X509_VERIFY_PARAM_set1_host(param, host, 0);
}

bool back_tls_chain_ok(SSL *ssl, const char *host)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool ok = false;

    if (leaf != NULL && ctx != NULL && host[0] != '\0' &&
        X509_STORE_CTX_init(ctx, store, leaf, SSL_get_peer_cert_chain(ssl)) == 1 &&
        X509_STORE_CTX_set_default(ctx, "ssl_server") == 1 &&
        expect_host(X509_STORE_CTX_get0_param(ctx), host) == 1)
        ok = X509_verify_cert(ctx) == 1 && X509_STORE_CTX_get_error(ctx) == X509_V_OK;
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

static enum sp_err hash_key(X509 *leaf, uint8_t out[32])
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);

    if (size <= 0)
        return SP_ECRYPTO;
    SHA256(der, (size_t)size, out);
    OPENSSL_free(der);
    return SP_OK;
}

enum sp_err back_tls_peer(SSL *ssl, uint8_t *public_key, size_t *public_key_size,
                          uint8_t key_sha256[32], uint8_t cert_sha256[32])
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    const ASN1_BIT_STRING *bits = leaf == NULL ? NULL : X509_get0_pubkey_bitstr(leaf);
    uint8_t key[32], cert[32];
    unsigned cert_size = sizeof(cert);

    if (bits == NULL || ASN1_STRING_length(bits) <= 0)
        return SP_ECRYPTO;
    if ((size_t)ASN1_STRING_length(bits) > *public_key_size)
        return SP_ESPACE;
    if (hash_key(leaf, key) != SP_OK || X509_digest(leaf, EVP_sha256(), cert, &cert_size) != 1)
        return SP_ECRYPTO;
    *public_key_size = (size_t)ASN1_STRING_length(bits);
    memcpy(public_key, ASN1_STRING_get0_data(bits), *public_key_size);
    memcpy(key_sha256, key, sizeof(key));
    memcpy(cert_sha256, cert, sizeof(cert));
    return SP_OK;
}

enum sp_err back_tls_spki(SSL *ssl, uint8_t *spki, size_t *spki_size, size_t *key_size)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    const ASN1_BIT_STRING *bits = leaf == NULL ? NULL : X509_get0_pubkey_bitstr(leaf);
    int size = leaf == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), NULL);
    int content = bits == NULL ? 0 : ASN1_STRING_length(bits);

    if (size <= 0 || content <= 0 || content >= size)
        return SP_ECRYPTO;
    if ((size_t)size > *spki_size)
        return SP_ESPACE;
    uint8_t *end = spki;
    if (i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &end) != size ||
        memcmp(end - content, ASN1_STRING_get0_data(bits), (size_t)content) != 0)
        return SP_ECRYPTO;
    *spki_size = (size_t)size;
    *key_size = (size_t)content;
    return SP_OK;
}
