/* SPDX-License-Identifier: Apache-2.0
 * The lowest TLS version towards a target: real handshakes with servers of every age.
 */
#include "back/back_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cmocka.h>

#include "support/identity.h"

static struct identity id;
static SSL_CTX *client;

/* A server that speaks exactly one version, and would sign with anything. */
static SSL_CTX *server_of(int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *cert = BIO_new_mem_buf(id.cert, (int)id.cert_size);
    BIO *key = BIO_new_mem_buf(id.key, (int)id.key_size);
    X509 *x = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

    SSL_CTX_set_security_level(ctx, 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
    assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, k), 1);
    X509_free(x);
    EVP_PKEY_free(k);
    BIO_free(cert);
    BIO_free(key);
    return ctx;
}

static bool shake(SSL *a, SSL *b)
{
    for (int round = 0; round < 20; round++) {
        int x = SSL_do_handshake(a), y = SSL_do_handshake(b);

        if (x == 1 && y == 1)
            return true;
        if ((x != 1 && SSL_get_error(a, x) != SSL_ERROR_WANT_READ) ||
            (y != 1 && SSL_get_error(b, y) != SSL_ERROR_WANT_READ))
            return false;
    }
    return false;
}

/* Does a target that speaks this version only get a handshake under that minimum? */
static bool connects(uint32_t tls_min, int version)
{
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    SSL_CTX *server = server_of(version);
    BIO *a, *b;

    assert_int_equal(back_context_require(client, tls_min, &fail), SP_OK);
    SSL *s = SSL_new(server), *c = SSL_new(client);
    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(s, a, a);
    SSL_set_bio(c, b, b);
    SSL_set_accept_state(s);
    SSL_set_connect_state(c);
    bool is_up = shake(c, s);
    assert_true(!is_up || SSL_version(c) == version);
    SSL_free(s);
    SSL_free(c);
    SSL_CTX_free(server);
    ERR_clear_error();
    return is_up;
}

static void the_minimum_is_obeyed(void **state)
{
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (size_t least = 0; least < 4; least++)
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(connects((uint32_t)versions[least], versions[i]), i >= least);
}

/* The next target of the same process does not inherit what an old one needed. */
static void the_usual_comes_back(void **state)
{
    (void)state;
    assert_true(connects(TLS1_VERSION, TLS1_VERSION));
    assert_false(connects(0, TLS1_1_VERSION));
    assert_true(connects(0, TLS1_2_VERSION));
    assert_true(SSL_CTX_get_security_level(client) > 0);
}

static void what_is_no_version_is_refused(void **state)
{
    struct sp_fail fail = {SP_OK, NULL, 0, 0};

    (void)state;
    assert_int_equal(back_context_require(client, 0x7777, &fail), SP_ECRYPTO);
    assert_string_equal(fail.where, "TLS version");
    ERR_clear_error();
}

static int begin(void **state)
{
    struct sp_fail fail = {SP_OK, NULL, 0, 0};

    (void)state;
    identity_make(IDENTITY_RSA, 1, &id);
    client = back_context_new(NULL, &fail);
    return client != NULL ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    SSL_CTX_free(client);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_minimum_is_obeyed),
        cmocka_unit_test(the_usual_comes_back),
        cmocka_unit_test(what_is_no_version_is_refused),
    };

    return cmocka_run_group_tests(tests, begin, finish);
}
