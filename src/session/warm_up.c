/* SPDX-License-Identifier: Apache-2.0
 * TLS made ready once in the process that forks.
 */
#include "session/warm_up.h"

#include <malloc.h>
#include <openssl/err.h>
#include <stdbool.h>

#define FLIGHTS_MAX 8 /* a handshake needs fewer      */

static bool may_go_on(SSL *ssl, int result)
{
    return result == 1 || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ;
}

static void play(SSL *server, SSL *client)
{
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        ERR_clear_error();
        if (!may_go_on(client, SSL_connect(client)))
            break;
        ERR_clear_error();
        if (!may_go_on(server, SSL_accept(server)))
            break;
    }
}

static void one(SSL_CTX *front, SSL_CTX *back, int version)
{
    SSL *server = SSL_new(front), *client = SSL_new(back);
    BIO *left = NULL, *right = NULL;

    if (server != NULL && client != NULL && BIO_new_bio_pair(&left, 0, &right, 0) == 1) {
        SSL_set_bio(server, left, left);
        SSL_set_bio(client, right, right);
        SSL_set_max_proto_version(client, version);
        play(server, client);
    }
    SSL_free(server);
    SSL_free(client);
    ERR_clear_error();
}

void warm_up_tls(SSL_CTX *front, SSL_CTX *back)
{
    one(front, back, TLS1_3_VERSION);
    one(front, back, TLS1_2_VERSION);
    malloc_trim(0);
}
