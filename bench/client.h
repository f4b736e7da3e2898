/* SPDX-License-Identifier: Apache-2.0
 * The client role of the connection sequence, as the load generator plays it.
 */
#ifndef SP_BENCH_CLIENT_H
#define SP_BENCH_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "line.h"

/* How far a connection goes; each stage has those before it behind it. */
enum client_stage { CLIENT_TCP, CLIENT_X224, CLIENT_TLS, CLIENT_NLA, CLIENT_ACTIVE };

struct client_plan {
    uint16_t port;
    bool is_bare; /* TLS only: no RDP around it, for reference servers */
    bool is_tls;  /* ask for TLS without NLA                           */
    enum client_stage until;
    const char *user, *password; /* UTF-8 */
    SSL_CTX *tls;
};

struct client {
    const struct client_plan *plan;
    uint32_t requested, selected;
    uint16_t user_id, io_channel;
    struct line line;
};

/*
 * Connect and go as far as planned; c->line.why says what failed.
 * source   own IPv4 address in network order
 * Owner:   line_close(&c->line) afterwards, also after a failure
 */
bool client_run(struct client *c, const struct client_plan *plan, uint32_t source);

#endif
