/* SPDX-License-Identifier: Apache-2.0
 * One blocking TCP connection with TLS over it.
 */
#include "line.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define QUEUE_SIZE (128 * 1024) /* several records of the greatest size */

static bool failed(struct line *l, const char *why)
{
    if (l->why == NULL)
        l->why = why;
    return false;
}

void line_init(struct line *l, int fd)
{
    int on = 1;
    struct timeval limit = {.tv_sec = LINE_TIMEOUT_S};

    l->fd = fd;
    l->ssl = NULL;
    l->why = NULL;
    l->start = l->end = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

bool line_dial(struct line *l, uint16_t port, uint32_t source)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {source}};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};

    line_init(l, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (bind(l->fd, (const struct sockaddr *)&from, sizeof(from)) != 0)
        return failed(l, "bind");
    if (connect(l->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        return failed(l, "connect");
    return true;
}

/* Writes go through a buffer, so that several records can leave in one segment. */
bool line_tls(struct line *l, SSL_CTX *context, bool is_server)
{
    BIO *out = BIO_new_socket(l->fd, BIO_NOCLOSE), *queue = BIO_new(BIO_f_buffer());

    l->ssl = SSL_new(context);
    if (l->ssl == NULL || out == NULL || queue == NULL ||
        BIO_set_write_buffer_size(queue, QUEUE_SIZE) != 1)
        return failed(l, "no memory for TLS");
    SSL_set_bio(l->ssl, BIO_new_socket(l->fd, BIO_NOCLOSE), BIO_push(queue, out));
    if ((is_server ? SSL_accept(l->ssl) : SSL_connect(l->ssl)) != 1)
        return failed(l, "TLS handshake");
    return true;
}

bool line_queue(struct line *l, const void *data, size_t size)
{
    return SSL_write(l->ssl, data, (int)size) > 0 || failed(l, "TLS write");
}

bool line_flush(struct line *l)
{
    return BIO_flush(SSL_get_wbio(l->ssl)) > 0 || failed(l, "TLS write");
}

bool line_send(struct line *l, const void *data, size_t size)
{
    const uint8_t *at = data;

    if (l->ssl != NULL)
        return line_queue(l, data, size) && line_flush(l);
    while (size > 0) {
        ssize_t n = send(l->fd, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return failed(l, "send");
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool line_read(struct line *l)
{
    ssize_t n;

    if (l->start == l->end) {
        l->start = l->end = 0;
    } else if (sizeof(l->in) - l->end < 16384) {
        memmove(l->in, l->in + l->start, l->end - l->start);
        l->end -= l->start;
        l->start = 0;
    }
    if (l->ssl != NULL)
        n = SSL_read(l->ssl, l->in + l->end, (int)(sizeof(l->in) - l->end));
    else
        n = recv(l->fd, l->in + l->end, sizeof(l->in) - l->end, 0);
    if (n <= 0)
        return failed(l, "peer closed or is silent");
    l->end += (size_t)n;
    return true;
}

bool line_message(struct line *l, enum rdp_frame_kind kind, uint8_t **data, size_t *size)
{
    for (;;) {
        if (rdp_frame_size(kind, l->in + l->start, l->end - l->start, size, NULL) != SP_OK)
            return failed(l, "no message where one was due");
        if (*size != 0 && *size <= l->end - l->start)
            break;
        if (!line_read(l))
            return false;
    }
    *data = l->in + l->start;
    l->start += *size;
    return true;
}

void line_close(struct line *l)
{
    SSL_free(l->ssl);
    l->ssl = NULL;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
