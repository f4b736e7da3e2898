/* SPDX-License-Identifier: Apache-2.0
 * One leg's byte stream: a socket, TLS over it once it is up, and a fixed receive buffer.
 *
 * Before the splice every call blocks under one deadline and gives up when keeper ends the
 * session; in the splice the same stream is used without blocking.
 */
#ifndef SP_BASE_STREAM_H
#define SP_BASE_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/keeper_link.h"

#define STREAM_BUFFER_SIZE (65536u + 16384u) /* a longest TPKT and a TLS record behind it */

struct stream {
    int fd;   /* non-blocking; owned                                            */
    SSL *ssl; /* NULL before TLS; owned                                         */
    struct keeper_link *keeper;
    int64_t deadline_ms;     /* of clock_now_ms, for the blocking calls              */
    struct sp_fail fail;     /* the first failure on this leg                        */
    bool has_more;           /* the write at hand is the first of several            */
    enum sp_err later;       /* what comes behind the bytes in buf; SP_OK if nothing is known */
    bool is_drained;         /* the kernel has no more bytes: no read before poll says so     */
    size_t start, end;       /* INVARIANT: start <= end <= STREAM_BUFFER_SIZE: unread bytes */
    uint64_t received, sent; /* payload bytes, inside TLS                        */
    uint8_t buf[STREAM_BUFFER_SIZE];
};

/* How long the message at p is: 0 in *size if more bytes are needed to tell. */
typedef enum sp_err stream_sizer(const uint8_t *p, size_t have, size_t *size, struct sp_fail *fail);

/*
 * Start using a connected socket; it becomes non-blocking.
 * Owner:   takes fd; stream_close gives everything back
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err stream_init(struct stream *s, int fd, struct keeper_link *keeper);

/* Run a TLS server handshake. Errors: SP_ETIME; SP_ECLOSED; SP_ECRYPTO; SP_ESTATE bytes waiting */
SP_MUST_USE enum sp_err stream_tls_accept(struct stream *s, SSL_CTX *context);

/* Run a TLS client handshake; host: SNI if it is a name. Errors: as stream_tls_accept */
SP_MUST_USE enum sp_err stream_tls_connect(struct stream *s, SSL_CTX *context, const char *host);

/*
 * Wait for one whole message.
 * max      longer messages are refused from their header on, before they are buffered
 * data     points into s->buf, valid until the next call; stepped over
 * Errors:  SP_ETIME; SP_ECLOSED; SP_ELIMIT; those of sizer; detail in s->fail
 */
SP_MUST_USE enum sp_err stream_message(struct stream *s, stream_sizer *sizer, size_t max,
                                       uint8_t **data, size_t *size);

/* Put the message that stream_message gave last back, so that the next reader sees it. */
void stream_unread(struct stream *s, size_t size);

/* Send all of it. Errors: SP_ETIME; SP_ECLOSED; detail in s->fail */
SP_MUST_USE enum sp_err stream_send(struct stream *s, const void *data, size_t size);

/*
 * Read without waiting: one record, and those behind it that have come together with it.
 * Once a read has found the bottom, the next is after stream_ready.
 * Returns  SP_OK with s->end advanced; SP_ETIME nothing there; SP_ESPACE buffer full; SP_ECLOSED
 */
SP_MUST_USE enum sp_err stream_read_some(struct stream *s);

/* poll has said that there is something to read, or it was not asked. */
static inline void stream_ready(struct stream *s)
{
    s->is_drained = false;
}

/*
 * Write once without waiting.
 * written  bytes taken, may be less than size; 0 with SP_ETIME
 * Errors:  SP_ETIME not now; SP_ECLOSED
 */
SP_MUST_USE enum sp_err stream_write_some(struct stream *s, const uint8_t *data, size_t size,
                                          size_t *written);

/* A BIO over the socket of s, for libssl; NULL without memory. Owner: the caller's; borrows s */
BIO *stream_bio_new(struct stream *s); /* stream_bio.c */

/* Move the unread bytes to the buffer's beginning. */
void stream_compact(struct stream *s);

/*
 * From now on let TLS read several records at once, and wipe them no more after reading. Not before
 * the peer is authenticated: until then at most one record of it is held; nor before Client Info.
 */
void stream_read_ahead(struct stream *s);

/* Overwrite every byte of the buffer that has been read already. */
void stream_forget(struct stream *s);

/*
 * Say goodbye in order (close_notify, FIN), wait at most linger_ms for the peer's, and release all.
 */
void stream_close(struct stream *s, int linger_ms);

#endif
