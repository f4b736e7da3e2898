/* SPDX-License-Identifier: Apache-2.0
 * One leg's byte stream.
 */
#include "base/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define TLS_RECORD_SIZE 16384 /* the most that one SSL_read gives */
#define SMALL_RECORD    8192
#define TLS_READ_AHEAD  65536 /* several records a read(2): half the system calls under load */

enum sp_err stream_init(struct stream *s, int fd, struct keeper_link *keeper)
{
    s->fd = fd;
    s->ssl = NULL;
    s->keeper = keeper;
    s->deadline_ms = 0;
    s->fail = (struct sp_fail){0};
    s->later = SP_OK;
    s->has_more = false;
    s->is_drained = false;
    s->start = s->end = 0;
    s->received = s->sent = 0;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return sp_fail_set(&s->fail, SP_ESYS, "fcntl", (uint32_t)errno, 0);
    return SP_OK;
}

static enum sp_err failed(struct stream *s, enum sp_err code, const char *where)
{
    return sp_fail_set(&s->fail, code, where, (uint32_t)errno, 0);
}

/* Also for a peer that always has the next byte ready and so is never waited for. */
static enum sp_err check_deadline(struct stream *s)
{
    if (clock_now_ms() < s->deadline_ms)
        return SP_OK;
    errno = 0;
    return failed(s, SP_ETIME, "deadline");
}

/* Wait until the socket is ready; keeper may end us meanwhile. */
static enum sp_err wait_ready(struct stream *s, short events)
{
    struct pollfd p[2] = {{.fd = s->fd, .events = events}, {.fd = s->keeper->fd, .events = POLLIN}};

    for (;;) {
        if (check_deadline(s) != SP_OK)
            return SP_ETIME;
        int n = poll(p, 2, clock_left_ms(s->deadline_ms));

        if (n < 0 && errno != EINTR)
            return failed(s, SP_ESYS, "poll");
        if (n > 0 && p[1].revents != 0) {
            enum sp_err err = keeper_link_poll(s->keeper);
            if (err != SP_OK) {
                errno = 0;
                return failed(s, err, "ended by keeper");
            }
        }
        if (n > 0 && p[0].revents != 0) {
            stream_ready(s);
            return SP_OK;
        }
    }
}

/* What an SSL call's result means: SP_OK with *events = wait for these and call again. */
static enum sp_err ssl_outcome(struct stream *s, int result, short *events)
{
    int code = SSL_get_error(s->ssl, result);

    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        *events = code == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return SP_OK;
    }
    unsigned long detail = ERR_get_error();
    ERR_clear_error();
    if (code == SSL_ERROR_ZERO_RETURN || code == SSL_ERROR_SYSCALL ||
        ERR_GET_REASON(detail) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return sp_fail_set(&s->fail, SP_ECLOSED, "peer closed", (uint32_t)errno, 0);
    return sp_fail_set(&s->fail, SP_ECRYPTO, "TLS", (uint32_t)ERR_GET_REASON(detail), 0);
}

/* SNI carries names only (RFC 6066 3). A name too long for it simply goes without. */
static void set_server_name(SSL *ssl, const char *host)
{
    char name[256];
    struct in6_addr ip;

    if (inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1)
        return;
    if (snprintf(name, sizeof(name), "%s", host) < (int)sizeof(name))
        (void)SSL_set_tlsext_host_name(ssl, name);
}

static enum sp_err handshake(struct stream *s, SSL_CTX *context, const char *host, bool is_server)
{
    short events = 0;

    if (s->start != s->end)
        return sp_fail_set(&s->fail, SP_ESTATE, "bytes before TLS", (uint32_t)(s->end - s->start),
                           0);
    s->ssl = SSL_new(context);
    BIO *bio = s->ssl != NULL ? stream_bio_new(s) : NULL;
    if (bio == NULL)
        return failed(s, SP_ESYS, "SSL_new");
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_mode(s->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* A client's password comes in Client Info: no second copy of it may stay in libssl. */
    SSL_set_options(s->ssl, SSL_OP_CLEANSE_PLAINTEXT);
    if (host != NULL)
        set_server_name(s->ssl, host);
    for (;;) {
        ERR_clear_error();
        int n = is_server ? SSL_accept(s->ssl) : SSL_connect(s->ssl);

        if (n == 1)
            return SP_OK;
        enum sp_err err = ssl_outcome(s, n, &events);
        if (err == SP_OK)
            err = wait_ready(s, events);
        if (err != SP_OK)
            return err;
    }
}

enum sp_err stream_tls_accept(struct stream *s, SSL_CTX *context)
{
    return handshake(s, context, NULL, true);
}

enum sp_err stream_tls_connect(struct stream *s, SSL_CTX *context, const char *host)
{
    return handshake(s, context, host, false);
}

/* One read of at most room bytes behind end. */
static enum sp_err read_once(struct stream *s, size_t room, short *events)
{
    int n;

    if (s->ssl == NULL) {
        ssize_t got = recv(s->fd, s->buf + s->end, room, 0);

        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            *events = POLLIN;
            return SP_ETIME;
        }
        if (got <= 0)
            return failed(s, SP_ECLOSED, "peer closed");
        s->end += (size_t)got;
        s->received += (size_t)got;
        return SP_OK;
    }
    ERR_clear_error();
    n = SSL_read(s->ssl, s->buf + s->end, (int)room);
    if (n > 0) {
        s->end += (size_t)n;
        s->received += (size_t)n;
        return SP_OK;
    }
    enum sp_err err = ssl_outcome(s, n, events);
    return err == SP_OK ? SP_ETIME : err;
}

/* Block until `need` unread bytes are there. In clear text nothing beyond them is read. */
static enum sp_err fill(struct stream *s, size_t need)
{
    short events = POLLIN;

    SP_BUG(need > STREAM_BUFFER_SIZE);
    if (need > STREAM_BUFFER_SIZE - s->start)
        stream_compact(s);
    while (s->end - s->start < need) {
        size_t room = s->ssl != NULL ? STREAM_BUFFER_SIZE - s->end : need - (s->end - s->start);
        enum sp_err err = check_deadline(s);

        if (err != SP_OK)
            return err;
        err = read_once(s, room, &events);
        if (err == SP_ETIME)
            err = wait_ready(s, events);
        if (err != SP_OK)
            return err;
    }
    return SP_OK;
}

enum sp_err stream_message(struct stream *s, stream_sizer *sizer, size_t max, uint8_t **data,
                           size_t *size)
{
    size_t total = 0;

    for (;;) {
        size_t have = s->end - s->start;
        enum sp_err err = sizer(s->buf + s->start, have, &total, &s->fail);

        if (err != SP_OK)
            return err;
        if (total > max)
            return sp_fail_set(&s->fail, SP_ELIMIT, "message size", (uint32_t)total, (uint32_t)max);
        if (total != 0 && total <= have)
            break;
        err = fill(s, total != 0 ? total : have + 1);
        if (err != SP_OK)
            return err;
    }
    *data = s->buf + s->start;
    *size = total;
    s->start += total;
    return SP_OK;
}

void stream_unread(struct stream *s, size_t size)
{
    SP_BUG(size > s->start);
    s->start -= size;
}

enum sp_err stream_write_some(struct stream *s, const uint8_t *data, size_t size, size_t *written)
{
    short events;

    *written = 0;
    if (s->ssl == NULL) {
        ssize_t n = send(s->fd, data, size, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return SP_ETIME;
        if (n < 0)
            return failed(s, SP_ECLOSED, "peer closed");
        *written = (size_t)n;
        s->sent += (size_t)n;
        return SP_OK;
    }
    ERR_clear_error();
    s->has_more = size > TLS_RECORD_SIZE; /* one call takes one record */
    int n = SSL_write(s->ssl, data, (int)size);
    if (n > 0) {
        *written = (size_t)n;
        s->sent += (size_t)n;
        return SP_OK;
    }
    enum sp_err err = ssl_outcome(s, n, &events);
    return err == SP_OK ? SP_ETIME : err;
}

enum sp_err stream_send(struct stream *s, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size > 0) {
        size_t n;
        enum sp_err err = stream_write_some(s, at, size, &n);

        if (err == SP_ETIME)
            err = wait_ready(s, POLLOUT);
        if (err != SP_OK)
            return err;
        at += n;
        size -= n;
    }
    return SP_OK;
}

enum sp_err stream_read_some(struct stream *s)
{
    short events;
    enum sp_err err = s->later;

    if (err != SP_OK)
        return err;
    if (s->start == s->end || STREAM_BUFFER_SIZE - s->end < TLS_RECORD_SIZE)
        stream_compact(s);
    if (s->end == STREAM_BUFFER_SIZE)
        return SP_ESPACE;
    uint64_t before = s->received;
    err = read_once(s, STREAM_BUFFER_SIZE - s->end, &events);
    if (err != SP_OK || s->ssl == NULL)
        return err;
    /* Small records that came together go on together: what costs is the write of each. Large ones
     * are better written while they are in the cache. */
    while (err == SP_OK && s->received - before < SMALL_RECORD && SSL_has_pending(s->ssl) &&
           STREAM_BUFFER_SIZE - s->end >= TLS_RECORD_SIZE) {
        before = s->received;
        err = read_once(s, STREAM_BUFFER_SIZE - s->end, &events);
    }
    if (err != SP_ETIME)
        s->later = err;
    return SP_OK;
}

void stream_compact(struct stream *s)
{
    if (s->start == 0)
        return;
    if (s->end > s->start)
        memmove(s->buf, s->buf + s->start, s->end - s->start);
    s->end -= s->start;
    s->start = 0;
}

void stream_read_ahead(struct stream *s)
{
    if (s->ssl == NULL)
        return;
    SSL_clear_options(s->ssl, SSL_OP_CLEANSE_PLAINTEXT); /* graphics need no wiping */
    SSL_set_read_ahead(s->ssl, 1);
    SSL_set_default_read_buffer_len(s->ssl, TLS_READ_AHEAD);
}

void stream_forget(struct stream *s)
{
    stream_compact(s);
    sp_release(s->buf + s->end, sizeof(s->buf) - s->end);
}

void stream_close(struct stream *s, int linger_ms)
{
    int64_t until = clock_now_ms() + linger_ms;

    if (s->fd < 0)
        return;
    if (s->ssl != NULL && SSL_is_init_finished(s->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(s->ssl);
    }
    shutdown(s->fd, SHUT_WR);
    while (linger_ms > 0 && clock_now_ms() < until) {
        /* Unread bytes at close() would become a reset that overtakes our last words. */
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (poll(&p, 1, clock_left_ms(until)) <= 0 ||
            recv(s->fd, s->buf, sizeof(s->buf), MSG_DONTWAIT) <= 0)
            break;
    }
    SSL_free(s->ssl);
    s->ssl = NULL;
    close(s->fd);
    s->fd = -1;
}
