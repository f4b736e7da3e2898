/* SPDX-License-Identifier: Apache-2.0
 * Keys and self-signed certificates of every kind, made for a test.
 */
#include "support/identity.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/err.h"

static EVP_PKEY *make_key(enum identity_kind kind)
{
    switch (kind) {
    case IDENTITY_P256:
        return EVP_EC_gen("P-256");
    case IDENTITY_P384:
        return EVP_EC_gen("P-384");
    case IDENTITY_P521:
        return EVP_EC_gen("P-521");
    case IDENTITY_RSA:
        return EVP_RSA_gen(2048);
    case IDENTITY_RSA_SMALL:
        return EVP_RSA_gen(1024);
    case IDENTITY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return NULL;
}

static size_t take(BIO *bio, char *out, size_t size)
{
    char *data;
    long used = BIO_get_mem_data(bio, &data);

    SP_BUG(used <= 0 || (size_t)used >= size);
    memcpy(out, data, (size_t)used);
    out[used] = '\0';
    BIO_free(bio);
    return (size_t)used;
}

void identity_make(enum identity_kind kind, int days, struct identity *out)
{
    EVP_PKEY *key = make_key(kind);
    X509 *cert = X509_new();
    BIO *key_pem = BIO_new(BIO_s_mem());
    BIO *cert_pem = BIO_new(BIO_s_mem());
    long seconds = (long)days * 86400;

    SP_BUG(key == NULL || cert == NULL || key_pem == NULL || cert_pem == NULL);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), days < 0 ? 2 * seconds : -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), seconds);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_EXTENSION *san =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:gate.test,IP:192.0.2.7");
    X509_add_ext(cert, san, -1);
    X509_EXTENSION_free(san);
    SP_BUG(X509_sign(cert, key, kind == IDENTITY_ED25519 ? NULL : EVP_sha256()) <= 0);
    SP_BUG(PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1);
    SP_BUG(PEM_write_bio_X509(cert_pem, cert) != 1);
    out->key_size = take(key_pem, out->key, sizeof(out->key));
    out->cert_size = take(cert_pem, out->cert, sizeof(out->cert));
    X509_free(cert);
    EVP_PKEY_free(key);
}
