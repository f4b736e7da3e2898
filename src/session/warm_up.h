/* SPDX-License-Identifier: Apache-2.0
 * TLS made ready once in the process that forks, so that no session does it again.
 */
#ifndef SP_SESSION_WARM_UP_H
#define SP_SESSION_WARM_UP_H

#include <openssl/ssl.h>

/*
 * Play TLS handshakes in memory between the two contexts until the server would have to sign.
 * OpenSSL looks up algorithms and builds tables at their first use; what it keeps of that here,
 * children find ready in pages that they share. No key and no randomness of it outlives the call.
 * A failure costs speed only and is not reported.
 */
void warm_up_tls(SSL_CTX *front, SSL_CTX *back);

#endif
