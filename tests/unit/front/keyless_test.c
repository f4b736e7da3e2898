/* SPDX-License-Identifier: Apache-2.0
 * Real handshakes between the keyless front and our own TLS client, with keeper's signer behind.
 */
#include "front/keyless.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cmocka.h>

#include "back/back_tls.h"
#include "base/sandbox.h"
#include "keeper/signer.h"
#include "support/identity.h"

static struct identity ids[IDENTITY_KINDS];
static struct signer *signers[IDENTITY_KINDS];
static unsigned signatures; /* asked for since the last handshake began */

static enum sp_err sign(void *arg, uint16_t scheme, const uint8_t *tbs, size_t tbs_size,
                        uint8_t *sig, size_t *sig_size)
{
    signatures++;
    return signer_sign(arg, scheme, tbs, tbs_size, sig, sig_size);
}

static enum sp_err refuse(void *arg, uint16_t scheme, const uint8_t *tbs, size_t tbs_size,
                          uint8_t *sig, size_t *sig_size)
{
    (void)arg, (void)scheme, (void)tbs, (void)tbs_size, (void)sig, (void)sig_size;
    signatures++;
    return SP_EDENIED;
}

/* Two ends in one process. */
struct pair {
    SSL *server, *client;
};

static void pair_init(struct pair *p, SSL_CTX *server, SSL_CTX *client)
{
    BIO *a, *b;

    p->server = SSL_new(server);
    p->client = SSL_new(client);
    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(p->server, a, a);
    SSL_set_bio(p->client, b, b);
    SSL_set_accept_state(p->server);
    SSL_set_connect_state(p->client);
    signatures = 0;
}

static void pair_clear(struct pair *p)
{
    SSL_free(p->server);
    SSL_free(p->client);
    ERR_clear_error();
}

static bool shake(struct pair *p)
{
    for (int round = 0; round < 20; round++) {
        int c = SSL_do_handshake(p->client);
        int s = SSL_do_handshake(p->server);

        if (c == 1 && s == 1)
            return true;
        if (c != 1 && SSL_get_error(p->client, c) != SSL_ERROR_WANT_READ)
            return false;
        if (s != 1 && SSL_get_error(p->server, s) != SSL_ERROR_WANT_READ)
            return false;
    }
    return false;
}

static SSL_CTX *front(enum identity_kind kind, uint16_t tls_min)
{
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    SSL_CTX *ctx = keyless_context_new(ids[kind].cert, ids[kind].cert_size, tls_min, &fail);

    if (ctx == NULL)
        print_error("%s\n", fail.where);
    assert_non_null(ctx);
    keyless_set_signer(sign, signers[kind]);
    return ctx;
}

static SSL_CTX *back(const char *ca)
{
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    SSL_CTX *ctx = back_context_new(ca, &fail);

    assert_non_null(ctx);
    return ctx;
}

/* One handshake and one message each way; true if all of it worked. */
static bool talk(SSL_CTX *server, SSL_CTX *client, struct pair *p)
{
    char buf[16] = "";

    pair_init(p, server, client);
    return shake(p) && SSL_write(p->client, "ping", 4) == 4 &&
           SSL_read(p->server, buf, sizeof(buf)) == 4 && memcmp(buf, "ping", 4) == 0 &&
           SSL_write(p->server, "pong", 4) == 4 && SSL_read(p->client, buf, sizeof(buf)) == 4 &&
           memcmp(buf, "pong", 4) == 0;
}

static void every_key_signs_every_version(void **state)
{
    static const uint16_t versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (int kind = 0; kind < IDENTITY_KINDS; kind++) {
        for (size_t v = 0; v < 2; v++) {
            SSL_CTX *server = front((enum identity_kind)kind, TLS1_2_VERSION);
            SSL_CTX *client = back(ids[kind].cert);
            struct pair p;

            SSL_CTX_set_max_proto_version(client, versions[v]);
            assert_true(talk(server, client, &p));
            assert_int_equal(SSL_version(p.client), versions[v]);
            assert_int_equal(signatures, 1);
            assert_int_equal(ERR_peek_error(), 0);
            assert_true(back_tls_chain_ok(p.client, "gate.test"));
            assert_true(back_tls_chain_ok(p.client, "192.0.2.7"));
            pair_clear(&p);
            SSL_CTX_free(server);
            SSL_CTX_free(client);
        }
    }
}

static void every_rsa_scheme_works(void **state)
{
    static const char *const schemes[] = {
        "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512",
        "RSA+SHA256",          "RSA+SHA384",          "RSA+SHA512",
    };

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        for (int max = TLS1_2_VERSION; max <= (i < 3 ? TLS1_3_VERSION : TLS1_2_VERSION); max++) {
            SSL_CTX *server = front(IDENTITY_RSA, TLS1_2_VERSION);
            SSL_CTX *client = back(NULL);
            char list[32];
            struct pair p;

            (void)snprintf(list, sizeof(list), "%s", schemes[i]);
            assert_int_equal(SSL_CTX_set1_sigalgs_list(client, list), 1);
            SSL_CTX_set_max_proto_version(client, max);
            assert_true(talk(server, client, &p));
            pair_clear(&p);
            SSL_CTX_free(server);
            SSL_CTX_free(client);
        }
    }
}

static void without_a_signature_there_is_no_handshake(void **state)
{
    keyless_sign_fn *const signer_cases[] = {NULL, refuse};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *server = front(IDENTITY_P256, TLS1_2_VERSION);
        SSL_CTX *client = back(NULL);
        struct pair p;

        keyless_set_signer(signer_cases[i], NULL);
        assert_false(talk(server, client, &p));
        assert_int_equal(signatures, i);
        pair_clear(&p);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
    }
}

/* A signature by another key is not accepted by anybody. */
static void a_wrong_key_is_noticed(void **state)
{
    SSL_CTX *server = front(IDENTITY_P256, TLS1_2_VERSION);
    SSL_CTX *client = back(NULL);
    struct identity other;
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    struct pair p;

    (void)state;
    identity_make(IDENTITY_P256, 1, &other);
    struct signer *wrong = signer_load(other.key, other.key_size, &fail);
    keyless_set_signer(sign, wrong);
    assert_false(talk(server, client, &p));
    assert_int_equal(signatures, 1);
    pair_clear(&p);
    signer_free(wrong);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

static void old_and_weak_clients_are_refused(void **state)
{
    static const struct {
        int max;
        const char *ciphers;
    } weak[] = {
        {TLS1_1_VERSION, "ALL:@SECLEVEL=0"},
        {TLS1_2_VERSION, "AES128-GCM-SHA256"},         /* RSA key exchange */
        {TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256"},   /* CBC */
        {TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256"}, /* not ECDHE */
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"},    /* CBC */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        SSL_CTX *server = front(IDENTITY_RSA, TLS1_2_VERSION);
        SSL_CTX *client = back(NULL);
        struct pair p;

        SSL_CTX_set_min_proto_version(client, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(client, weak[i].max);
        assert_int_equal(SSL_CTX_set_cipher_list(client, weak[i].ciphers), 1);
        assert_false(talk(server, client, &p));
        assert_int_equal(signatures, 0);
        pair_clear(&p);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
    }
}

static void tls_min_is_obeyed(void **state)
{
    SSL_CTX *server = front(IDENTITY_P256, TLS1_3_VERSION);
    SSL_CTX *client = back(NULL);
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    struct pair p;

    (void)state;
    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    assert_false(talk(server, client, &p));
    pair_clear(&p);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    assert_null(keyless_context_new(ids[0].cert, ids[0].cert_size, TLS1_1_VERSION, &fail));
    assert_int_equal(fail.code, SP_EVALUE);
}

static void nothing_is_resumed_or_renegotiated(void **state)
{
    (void)state;
    for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
        SSL_CTX *server = front(IDENTITY_P256, TLS1_2_VERSION);
        SSL_CTX *client = SSL_CTX_new(TLS_client_method()); /* one that wants tickets */
        struct pair p;

        SSL_CTX_set_max_proto_version(client, max);
        assert_true(talk(server, client, &p));
        SSL_SESSION *session = SSL_get1_session(p.client);
        assert_false(SSL_SESSION_has_ticket(session));
        if (max == TLS1_2_VERSION) {
            char byte;
            assert_int_equal(SSL_renegotiate(p.client), 1);
            (void)SSL_do_handshake(p.client);
            (void)SSL_read(p.server, &byte, 1);
            (void)SSL_do_handshake(p.client);
            assert_int_equal(signatures, 1);
        }
        pair_clear(&p);

        pair_init(&p, server, client);
        SSL_set_session(p.client, session);
        assert_true(shake(&p));
        assert_false(SSL_session_reused(p.client));
        assert_int_equal(signatures, 1);
        pair_clear(&p);
        SSL_SESSION_free(session);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
    }
}

static void the_chain_tells_what_it_is_worth(void **state)
{
    struct identity expired;
    SSL_CTX *server = front(IDENTITY_P256, TLS1_2_VERSION);
    SSL_CTX *trusting = back(ids[IDENTITY_P256].cert);
    SSL_CTX *knows_others = back(ids[IDENTITY_RSA].cert);
    SSL_CTX *knows_nobody = back(NULL);
    struct pair p;

    (void)state;
    assert_true(talk(server, trusting, &p));
    assert_true(back_tls_chain_ok(p.client, "gate.test"));
    assert_true(back_tls_chain_ok(p.client, "GATE.test"));
    assert_false(back_tls_chain_ok(p.client, "other.test"));
    assert_false(back_tls_chain_ok(p.client, "192.0.2.8"));
    assert_false(back_tls_chain_ok(p.client, "test")); /* CN, although there is a SAN */
    assert_false(back_tls_chain_ok(p.client, ""));
    pair_clear(&p);
    assert_true(talk(server, knows_others, &p));
    assert_false(back_tls_chain_ok(p.client, "gate.test"));
    pair_clear(&p);
    assert_true(talk(server, knows_nobody, &p));
    assert_false(back_tls_chain_ok(p.client, "gate.test"));
    pair_clear(&p);
    SSL_CTX_free(server);
    SSL_CTX_free(trusting);
    SSL_CTX_free(knows_others);
    SSL_CTX_free(knows_nobody);

    identity_make(IDENTITY_P256, -1, &expired);
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    struct signer *signer = signer_load(expired.key, expired.key_size, &fail);
    server = keyless_context_new(expired.cert, expired.cert_size, TLS1_2_VERSION, &fail);
    trusting = back(expired.cert);
    keyless_set_signer(sign, signer);
    assert_true(talk(server, trusting, &p));
    assert_false(back_tls_chain_ok(p.client, "gate.test"));
    pair_clear(&p);
    signer_free(signer);
    SSL_CTX_free(server);
    SSL_CTX_free(trusting);
}

/* protocol.md 2.2: both ends must mean the same bytes. */
static void both_ends_see_the_same_public_key(void **state)
{
    static const struct {
        size_t size;
        uint8_t first;
    } want[IDENTITY_KINDS] = {{65, 0x04}, {97, 0x04}, {270, 0x30}};

    (void)state;
    for (int kind = 0; kind < IDENTITY_KINDS; kind++) {
        SSL_CTX *server = front((enum identity_kind)kind, TLS1_2_VERSION);
        SSL_CTX *client = back(NULL);
        uint8_t ours[KEYLESS_PUBLIC_KEY_MAX], theirs[KEYLESS_PUBLIC_KEY_MAX], pin[32], whole[32];
        size_t ours_size = sizeof(ours), theirs_size = sizeof(theirs), small = 10;
        struct pair p;

        assert_true(talk(server, client, &p));
        assert_int_equal(front_public_key(ids[kind].cert, ids[kind].cert_size, ours, &ours_size),
                         SP_OK);
        assert_int_equal(back_tls_peer(p.client, theirs, &theirs_size, pin, whole), SP_OK);
        assert_int_equal(ours_size, want[kind].size);
        assert_int_equal(ours[0], want[kind].first);
        assert_int_equal(theirs_size, ours_size);
        assert_memory_equal(ours, theirs, ours_size);
        assert_memory_not_equal(pin, whole, 32);
        assert_int_equal(back_tls_peer(p.client, theirs, &small, pin, whole), SP_ESPACE);
        assert_int_equal(front_public_key(ids[kind].cert, ids[kind].cert_size, ours, &small),
                         SP_ESPACE);
        assert_int_equal(small, 10);
        /* The server's end has no peer certificate. */
        assert_int_equal(back_tls_peer(p.server, theirs, &theirs_size, pin, whole), SP_ECRYPTO);
        assert_false(back_tls_chain_ok(p.server, "gate.test"));
        pair_clear(&p);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
    }
}

static void what_we_do_not_serve_is_refused(void **state)
{
    static const enum identity_kind kinds[] = {IDENTITY_RSA_SMALL, IDENTITY_P521, IDENTITY_ED25519};
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    uint8_t out[8];
    size_t size = sizeof(out);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct identity id;
        identity_make(kinds[i], 1, &id);
        fail = (struct sp_fail){SP_OK, NULL, 0, 0};
        assert_null(keyless_context_new(id.cert, id.cert_size, TLS1_2_VERSION, &fail));
        assert_int_equal(fail.code, SP_EVALUE);
    }
    fail = (struct sp_fail){SP_OK, NULL, 0, 0};
    assert_null(keyless_context_new("no PEM", 6, TLS1_2_VERSION, &fail));
    assert_int_equal(fail.code, SP_EVALUE);
    assert_null(keyless_context_new("", 0, TLS1_2_VERSION, &fail));
    assert_int_equal(front_public_key("no PEM", 6, out, &size), SP_EVALUE);
    fail = (struct sp_fail){SP_OK, NULL, 0, 0};
    assert_null(back_context_new("no PEM", &fail));
    assert_int_equal(fail.code, SP_EVALUE);
}

/* A chain of two: the second certificate goes out, too. */
static void a_chain_is_sent_whole(void **state)
{
    static char chain[8192];
    struct sp_fail fail = {SP_OK, NULL, 0, 0};
    struct pair p;

    (void)state;
    int size =
        snprintf(chain, sizeof(chain), "%s%s", ids[IDENTITY_P256].cert, ids[IDENTITY_RSA].cert);
    SSL_CTX *server = keyless_context_new(chain, (size_t)size, TLS1_2_VERSION, &fail);
    SSL_CTX *client = back(NULL);
    keyless_set_signer(sign, signers[IDENTITY_P256]);
    assert_true(talk(server, client, &p));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(p.client)), 2);
    pair_clear(&p);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

/* All of this must also work where a session lives; the signer only stands in for keeper here. */
static void handshakes_work_inside_the_cage(void **state)
{
    static char bundle[1024 * 1024];
    FILE *f = fopen("/etc/ssl/certs/ca-certificates.crt", "r");
    size_t size = f == NULL ? 0 : fread(bundle, 1, sizeof(bundle) - 1, f);
    SSL_CTX *server = front(IDENTITY_P256, TLS1_2_VERSION);
    SSL_CTX *client = back(size > 0 ? bundle : ids[IDENTITY_RSA].cert);
    pid_t pid;
    int status;

    (void)state;
    if (f != NULL)
        fclose(f);
    pid = fork();
    if (pid == 0) {
        struct sp_fail fail = {SP_OK, NULL, 0, 0};
        struct pair p;

        if (sandbox_enter(SANDBOX_SESSION, &fail) != SP_OK)
            _exit(2);
        bool ok = talk(server, client, &p) && !back_tls_chain_ok(p.client, "gate.test");
        pair_clear(&p);
        SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
        _exit(ok && talk(server, client, &p) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_signs_every_version),
        cmocka_unit_test(every_rsa_scheme_works),
        cmocka_unit_test(without_a_signature_there_is_no_handshake),
        cmocka_unit_test(a_wrong_key_is_noticed),
        cmocka_unit_test(old_and_weak_clients_are_refused),
        cmocka_unit_test(tls_min_is_obeyed),
        cmocka_unit_test(nothing_is_resumed_or_renegotiated),
        cmocka_unit_test(the_chain_tells_what_it_is_worth),
        cmocka_unit_test(both_ends_see_the_same_public_key),
        cmocka_unit_test(what_we_do_not_serve_is_refused),
        cmocka_unit_test(a_chain_is_sent_whole),
        cmocka_unit_test(handshakes_work_inside_the_cage),
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
