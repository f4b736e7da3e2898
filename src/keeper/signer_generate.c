/* SPDX-License-Identifier: Apache-2.0
 * A key and a self-signed certificate for an operator who has none yet.
 */
#include "keeper/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define NAME_MAX_DNS  253
#define NAME_MAX_CN   64        /* ub-common-name, RFC 5280 A.1 */
#define BACKDATED_S   (60 * 60) /* for clients whose clock is slow */
#define SECONDS_A_DAY (24 * 60 * 60)

/* Letters, digits, dots, hyphens, colons: a name that cannot smuggle another extension in. */
static bool is_plain_name(const char *name)
{
    size_t size = strlen(name);

    return size > 0 && size <= NAME_MAX_DNS &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") ==
               size;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static bool set_names(X509 *cert, const char *name)
{
    char san[NAME_MAX_DNS + 8];
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);
    /* The subject is for people only, and short; programs read subjectAltName. */
    const char *common = strlen(name) <= NAME_MAX_CN ? name : "sallyport";
    X509_NAME *subject = X509_get_subject_name(cert);

    (void)snprintf(san, sizeof(san), "%s:%s", ip != NULL ? "IP" : "DNS", name);
    ASN1_OCTET_STRING_free(ip);
    if (ip == NULL && strchr(name, ':') != NULL) /* neither an address nor a name */
        return false;
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common,
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 &&
           add_extension(cert, NID_subject_alt_name, san);
}

static bool set_serial(X509 *cert)
{
    uint8_t random[16];
    BIGNUM *number;
    bool ok;

    sp_random(random, sizeof(random));
    random[0] = (uint8_t)((random[0] & 0x7f) | 0x40); /* positive, and always 16 bytes */
    number = BN_bin2bn(random, sizeof(random), NULL);
    ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static X509 *make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();

    if (cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATED_S) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(cert), (long)SIGNER_CERT_DAYS * SECONDS_A_DAY) != NULL &&
        X509_set_pubkey(cert, key) == 1 && set_names(cert, name) &&
        add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
        add_extension(cert, NID_ext_key_usage, "serverAuth") &&
        add_extension(cert, NID_subject_key_identifier, "hash") &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* A rename is on disk only when its directory is. */
static bool sync_directory_of(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int size = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);

    (void)snprintf(dir, sizeof(dir), "%.*s", size, slash == NULL ? "." : path);
    SP_FD fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

/* The file is there whole or not at all. */
static enum sp_err write_file(const char *path, mode_t mode, const char *data, size_t size,
                              struct sp_fail *fail)
{
    char temp[PATH_MAX];

    if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp))
        return sp_fail_set(fail, SP_ESYS, "certificate: path", ENAMETOOLONG, 0);
    SP_FD fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return sp_fail_set(fail, SP_ESYS, "certificate: create", (uint32_t)errno, 0);
    if (fchmod(fd, mode) != 0 || !write_all(fd, data, size) || fsync(fd) != 0 ||
        rename(temp, path) != 0) {
        uint32_t sys = (uint32_t)errno;
        (void)unlink(temp);
        return sp_fail_set(fail, SP_ESYS, "certificate: write", sys, 0);
    }
    if (!sync_directory_of(path))
        return sp_fail_set(fail, SP_ESYS, "certificate: fsync", (uint32_t)errno, 0);
    return SP_OK;
}

static enum sp_err write_both(EVP_PKEY *key, X509 *cert, const char *cert_path,
                              const char *key_path, struct sp_fail *fail)
{
    BIO *key_pem = BIO_new(BIO_s_secmem());
    BIO *cert_pem = BIO_new(BIO_s_mem());
    char *data;
    long size;
    enum sp_err err = SP_OK;

    if (key_pem == NULL || cert_pem == NULL ||
        PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(cert_pem, cert) != 1)
        err = sp_fail_set(fail, SP_ECRYPTO, "certificate: PEM", 0, 0);
    if (err == SP_OK) {
        size = BIO_get_mem_data(key_pem, &data);
        err = write_file(key_path, 0600, data, (size_t)size, fail);
        sp_wipe(data, (size_t)size);
    }
    if (err == SP_OK) {
        size = BIO_get_mem_data(cert_pem, &data);
        err = write_file(cert_path, 0644, data, (size_t)size, fail);
    }
    BIO_free(key_pem);
    BIO_free(cert_pem);
    return err;
}

enum sp_err signer_generate_self_signed(const char *name, const char *cert_path,
                                        const char *key_path, struct sp_fail *fail)
{
    EVP_PKEY *key;
    X509 *cert;
    enum sp_err err;

    if (!is_plain_name(name))
        return sp_fail_set(fail, SP_EVALUE, "certificate: host name", 0, 0);
    key = EVP_EC_gen("P-256");
    cert = key == NULL ? NULL : make_certificate(key, name);
    if (cert == NULL)
        err = sp_fail_set(fail, SP_ECRYPTO, "certificate: make", 0, 0);
    else
        err = write_both(key, cert, cert_path, key_path, fail);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return err;
}
