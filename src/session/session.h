/* SPDX-License-Identifier: Apache-2.0
 * One connection's life in one sandboxed process: front, decision, back, splice.
 */
#ifndef SP_SESSION_SESSION_H
#define SP_SESSION_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ipc_msg.h"

/* What a session is born with; all descriptors are its own. */
struct session_start {
    int client_fd;             /* the person's socket, first byte readable                     */
    int keeper_fd;             /* SOCK_SEQPACKET to keeper                                     */
    int life_fd;               /* closed when the connection is authenticated                  */
    uint32_t authenticate_ms;  /* what is left until NLA must be done, whatever progress is made */
    SSL_CTX *front_tls;        /* server context; its private key asks keeper (front/keyless.h) */
    SSL_CTX *back_tls;         /* client context, trust store loaded if any target needs it    */
    const uint8_t *public_key; /* the front certificate's subjectPublicKey, for CredSSP        */
    size_t public_key_size;
    struct ipc_address peer;
    bool is_proxied; /* peer is a proxy, whose header comes first */
};

/*
 * Live through one connection inside the sandbox. Returns when it has ended in order; the caller
 * must _exit(0) then. A failed internal check ends the process by a signal.
 * Owner:   takes every descriptor of start
 */
void session_main(const struct session_start *start);

#endif
