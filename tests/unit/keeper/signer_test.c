/* SPDX-License-Identifier: Apache-2.0
 * The signer signs a TLS server's handshake and nothing else.
 */
#include "keeper/signer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#include "base/ipc_msg.h"
#include "support/identity.h"
#include "support/vector.h"

static struct identity ids[IDENTITY_KINDS];
static struct signer *signers[IDENTITY_KINDS];

/* ---- what TLS servers sign ---- */

static size_t certificate_verify(uint8_t *out, size_t hash_size)
{
    memset(out, 0x20, 64);
    memcpy(out + 64, "TLS 1.3, server CertificateVerify", 34);
    memset(out + 98, 0xa5, hash_size);
    return 98 + hash_size;
}

static size_t key_exchange(uint8_t *out, uint8_t curve, uint8_t point_size)
{
    memset(out, 0x11, 64);
    out[64] = 3;
    out[65] = 0;
    out[66] = curve;
    out[67] = point_size;
    memset(out + 68, 0x5a, point_size);
    out[68] = 4;
    return 68u + point_size;
}

struct tbs {
    uint8_t bytes[IPC_TBS_MAX];
    size_t size;
    uint16_t version;
};

static void all_good(struct tbs out[5])
{
    out[0].size = certificate_verify(out[0].bytes, 32);
    out[1].size = certificate_verify(out[1].bytes, 48);
    out[2].size = key_exchange(out[2].bytes, 29, 32);
    out[3].size = key_exchange(out[3].bytes, 23, 65);
    out[4].size = key_exchange(out[4].bytes, 24, 97);
    for (int i = 0; i < 5; i++)
        out[i].version = i < 2 ? 0x0304 : 0x0303;
}

static enum sp_err sign(enum identity_kind kind, uint16_t scheme, const uint8_t *tbs, size_t size)
{
    uint8_t sig[IPC_SIG_MAX];
    size_t used = sizeof(sig);
    enum sp_err err = signer_sign(signers[kind], scheme, tbs, size, sig, &used);

    assert_true(err == SP_OK || used == sizeof(sig));
    return err;
}

static void handshakes_are_recognised(void **state)
{
    struct tbs good[5];

    (void)state;
    all_good(good);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(signer_tbs_version(good[i].bytes, good[i].size), good[i].version);
        assert_int_equal(sign(IDENTITY_P256, 0x0403, good[i].bytes, good[i].size), SP_OK);
    }
}

static void shorter_and_longer_is_denied(void **state)
{
    struct tbs good[5];

    (void)state;
    all_good(good);
    for (int i = 0; i < 5; i++) {
        for (size_t size = 0; size < good[i].size; size++) {
            uint8_t *prefix = vector_prefix(good[i].bytes, size);
            /* A longer transcript hash, cut, is a shorter one. */
            bool is_sha256 = i == 1 && size == 130;
            assert_int_equal(signer_tbs_version(prefix, size), is_sha256 ? 0x0304 : 0);
            if (!is_sha256)
                assert_int_equal(sign(IDENTITY_P256, 0x0403, prefix, size), SP_EDENIED);
            free(prefix);
        }
        assert_int_equal(signer_tbs_version(good[i].bytes, good[i].size + 1), 0);
    }
}

/* Only randoms, point and hash are free; a change anywhere else is denied. */
static void structure_is_fixed(void **state)
{
    struct tbs good[5];

    (void)state;
    all_good(good);
    for (int i = 0; i < 5; i++) {
        for (size_t at = 0; at < good[i].size; at++) {
            bool is_free = i < 2 ? at >= 98 : i == 2 ? at < 64 || at >= 68 : at < 64 || at >= 69;
            good[i].bytes[at] ^= 1;
            uint16_t got = signer_tbs_version(good[i].bytes, good[i].size);
            assert_int_equal(got, is_free ? good[i].version : 0);
            good[i].bytes[at] ^= 1;
        }
    }
}

static void other_things_are_denied(void **state)
{
    uint8_t tbs[IPC_TBS_MAX];
    size_t size;

    (void)state;
    memset(tbs, 0, sizeof(tbs));
    assert_int_equal(sign(IDENTITY_P256, 0x0403, tbs, 32), SP_EDENIED); /* a digest */
    size = certificate_verify(tbs, 32);
    memcpy(tbs + 64, "TLS 1.3, client CertificateVerify", 34);
    assert_int_equal(sign(IDENTITY_P256, 0x0403, tbs, size), SP_EDENIED);
    size = key_exchange(tbs, 25, 133); /* P-521 */
    assert_int_equal(sign(IDENTITY_P256, 0x0403, tbs, size), SP_EDENIED);
    size = key_exchange(tbs, 29, 0);
    assert_int_equal(sign(IDENTITY_P256, 0x0403, tbs, size), SP_EDENIED);
    size = key_exchange(tbs, 30, 0); /* a curve that we do not know, of length 0 */
    assert_int_equal(sign(IDENTITY_P256, 0x0403, tbs, size), SP_EDENIED);
    size = key_exchange(tbs, 23, 65);
    tbs[68] = 2; /* compressed */
    assert_int_equal(sign(IDENTITY_P256, 0x0403, tbs, size), SP_EDENIED);
}

static void schemes_must_fit_key_and_version(void **state)
{
    static const uint16_t codes[] = {0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0804, 0x0805,
                                     0x0806, 0x0201, 0x0203, 0x0807, 0x0809, 0,      0xffff};
    uint8_t verify[IPC_TBS_MAX], exchange[IPC_TBS_MAX];
    size_t verify_size = certificate_verify(verify, 32);
    size_t exchange_size = key_exchange(exchange, 29, 32);

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        for (int kind = 0; kind < IDENTITY_KINDS; kind++) {
            enum identity_kind k = (enum identity_kind)kind;
            bool is_pss = codes[i] >= 0x0804 && codes[i] <= 0x0806;
            bool is_pkcs1 = codes[i] == 0x0401 || codes[i] == 0x0501 || codes[i] == 0x0601;
            bool in_13 = k == IDENTITY_P256   ? codes[i] == 0x0403
                         : k == IDENTITY_P384 ? codes[i] == 0x0503
                                              : is_pss;
            bool in_12 = in_13 || (k == IDENTITY_RSA && is_pkcs1);
            assert_int_equal(sign(k, codes[i], verify, verify_size), in_13 ? SP_OK : SP_EDENIED);
            assert_int_equal(sign(k, codes[i], exchange, exchange_size),
                             in_12 ? SP_OK : SP_EDENIED);
        }
    }
}

static void a_small_buffer_is_left_alone(void **state)
{
    uint8_t tbs[IPC_TBS_MAX], sig[8] = {0};
    size_t used = sizeof(sig);

    (void)state;
    assert_int_equal(
        signer_sign(signers[IDENTITY_P256], 0x0403, tbs, certificate_verify(tbs, 32), sig, &used),
        SP_ESPACE);
    assert_int_equal(used, sizeof(sig));
    assert_int_equal(sig[0], 0);
}

/* ---- keys ---- */

static void bad_keys_are_refused(void **state)
{
    static const enum identity_kind kinds[] = {IDENTITY_RSA_SMALL, IDENTITY_P521, IDENTITY_ED25519};
    struct sp_fail fail = {SP_OK, NULL, 0, 0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct identity id;
        identity_make(kinds[i], 1, &id);
        fail = (struct sp_fail){SP_OK, NULL, 0, 0};
        assert_null(signer_load(id.key, id.key_size, &fail));
        assert_int_equal(fail.code, SP_EDENIED);
    }
    fail = (struct sp_fail){SP_OK, NULL, 0, 0};
    assert_null(signer_load(ids[0].cert, ids[0].cert_size, &fail));
    assert_int_equal(fail.code, SP_EVALUE);
    fail = (struct sp_fail){SP_OK, NULL, 0, 0};
    assert_null(signer_load(ids[0].key, ids[0].key_size / 2, &fail));
    assert_int_equal(fail.code, SP_EVALUE);
    fail = (struct sp_fail){SP_OK, NULL, 0, 0};
    assert_null(signer_load_file("/nowhere/key.pem", &fail));
    assert_int_equal(fail.code, SP_ESYS);
    assert_int_equal(fail.got, ENOENT);
    fail = (struct sp_fail){SP_OK, NULL, 0, 0};
    assert_null(signer_load_file("/dev/zero", &fail));
    assert_int_equal(fail.code, SP_ELIMIT);
    signer_free(NULL);
}

/* An encrypted key must not make a daemon ask its terminal. */
static void an_encrypted_key_is_refused_without_asking(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    char *data, password[] = "secret";

    (void)state;
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, EVP_aes_128_cbc(), NULL, 0, NULL, password),
                     1);
    long size = BIO_get_mem_data(bio, &data);
    assert_null(signer_load(data, (size_t)size, &fail));
    assert_int_equal(fail.code, SP_EVALUE);
    BIO_free(bio);
    EVP_PKEY_free(key);
}

static void a_certificate_must_be_the_keys_own(void **state)
{
    (void)state;
    for (int a = 0; a < IDENTITY_KINDS; a++)
        for (int b = 0; b < IDENTITY_KINDS; b++)
            assert_int_equal(signer_check_matches_cert(signers[a], ids[b].cert, ids[b].cert_size),
                             a == b ? SP_OK : SP_ECRYPTO);
    assert_int_equal(signer_check_matches_cert(signers[0], "no PEM", 6), SP_EVALUE);
    assert_int_equal(signer_check_matches_cert(signers[0], "", 0), SP_EVALUE);
}

/* ---- a generated certificate ---- */

static X509 *read_certificate(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(cert);
    return cert;
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void check_generated(const char *name, const char *dir, bool is_ip)
{
    char cert_path[64], key_path[64];
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    int days, seconds;

    (void)snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
    (void)snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
    assert_int_equal(signer_generate_self_signed(name, cert_path, key_path, &fail), SP_OK);
    assert_int_equal(mode_of(cert_path), 0644);
    assert_int_equal(mode_of(key_path), 0600);
    X509 *cert = read_certificate(cert_path);
    assert_int_equal(
        is_ip ? X509_check_ip_asc(cert, name, 0) : X509_check_host(cert, name, 0, 0, 0), 1);
    assert_int_equal(X509_verify(cert, X509_get0_pubkey(cert)), 1);
    assert_int_equal(X509_check_ca(cert), 0);
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)), 1);
    assert_in_range(days, SIGNER_CERT_DAYS - 1, SIGNER_CERT_DAYS);
    struct signer *signer = signer_load_file(key_path, &fail);
    assert_non_null(signer);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    long size = BIO_get_mem_data(bio, &data);
    assert_int_equal(signer_check_matches_cert(signer, data, (size_t)size), SP_OK);
    BIO_free(bio);
    signer_free(signer);
    X509_free(cert);
}

static void a_generated_certificate_serves(void **state)
{
    char dir[] = "/tmp/sallyport-signer-XXXXXX", path[64];
    mode_t mask = umask(0);
    char long_name[130];

    (void)state;
    memset(long_name, 'a', sizeof(long_name));
    long_name[60] = long_name[120] = '.'; /* longer than a common name may be */
    long_name[129] = '\0';
    assert_non_null(mkdtemp(dir));
    check_generated("gate.example.org", dir, false);
    check_generated("192.0.2.1", dir, true); /* replaces the first */
    check_generated("2001:db8::1", dir, true);
    check_generated(long_name, dir, false);
    umask(mask);
    (void)snprintf(path, sizeof(path), "%s/cert.pem", dir);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/key.pem", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0); /* no temporary file is left */
}

static void bad_names_and_places_are_refused(void **state)
{
    static const char *const names[] = {"", "a,DNS:b", "a b", "a\nb", "ex\xc3\xa4mple", "a:b", "*"};
    struct sp_fail fail;
    char name[300];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fail = (struct sp_fail){SP_OK, NULL, 0, 0};
        assert_int_not_equal(
            signer_generate_self_signed(names[i], "/nowhere/c", "/nowhere/k", &fail), SP_OK);
        assert_true(fail.code == SP_EVALUE || fail.code == SP_ECRYPTO);
    }
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    fail = (struct sp_fail){SP_OK, NULL, 0, 0};
    assert_int_equal(signer_generate_self_signed(name, "/nowhere/c", "/nowhere/k", &fail),
                     SP_EVALUE);
    fail = (struct sp_fail){SP_OK, NULL, 0, 0};
    assert_int_equal(signer_generate_self_signed("gate", "/nowhere/c", "/nowhere/k", &fail),
                     SP_ESYS);
    assert_int_equal(fail.got, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_are_recognised),
        cmocka_unit_test(shorter_and_longer_is_denied),
        cmocka_unit_test(structure_is_fixed),
        cmocka_unit_test(other_things_are_denied),
        cmocka_unit_test(schemes_must_fit_key_and_version),
        cmocka_unit_test(a_small_buffer_is_left_alone),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(an_encrypted_key_is_refused_without_asking),
        cmocka_unit_test(a_certificate_must_be_the_keys_own),
        cmocka_unit_test(a_generated_certificate_serves),
        cmocka_unit_test(bad_names_and_places_are_refused),
    };
    struct sp_fail fail = {SP_OK, NULL, 0, 0};

    for (int kind = 0; kind < IDENTITY_KINDS; kind++) {
        identity_make((enum identity_kind)kind, 1, &ids[kind]);
        signers[kind] = signer_load(ids[kind].key, ids[kind].key_size, &fail);
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int kind = 0; kind < IDENTITY_KINDS; kind++)
        signer_free(signers[kind]);
    return failed;
}
