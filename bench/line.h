/* SPDX-License-Identifier: Apache-2.0
 * One blocking TCP connection with TLS over it, for the benchmark's peers.
 */
#ifndef SP_BENCH_LINE_H
#define SP_BENCH_LINE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdp/frame.h"

#define LINE_BUFFER_SIZE (65536u + 16384u)
#define LINE_TIMEOUT_S   60

struct line {
    int fd;
    SSL *ssl;        /* NULL before TLS */
    const char *why; /* static text of the first failure, or NULL */
    size_t start, end;
    uint8_t in[LINE_BUFFER_SIZE];
};

/* Start using a connected socket. Owner: takes fd; line_close gives it back */
void line_init(struct line *l, int fd);

/*
 * Connect to a loopback port.
 * source   own IPv4 address in network order
 */
bool line_dial(struct line *l, uint16_t port, uint32_t source);

/* Run a TLS handshake on either side. */
bool line_tls(struct line *l, SSL_CTX *context, bool is_server);

/* Send all of it now. */
bool line_send(struct line *l, const void *data, size_t size);

/* Send it as one TLS record that may wait for line_flush. */
bool line_queue(struct line *l, const void *data, size_t size);

/* Let out what line_queue kept. */
bool line_flush(struct line *l);

/* Read whatever is there, at least one byte, behind the unread ones. */
bool line_read(struct line *l);

/*
 * Wait for one whole message.
 * data     points into l->in, valid until the next call; stepped over
 */
bool line_message(struct line *l, enum rdp_frame_kind kind, uint8_t **data, size_t *size);

/* Release everything; twice is no harm. */
void line_close(struct line *l);

#endif
