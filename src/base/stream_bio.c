/* SPDX-License-Identifier: Apache-2.0
 * What libssl reads from and writes to: the stream's socket, without reads that can find nothing.
 *
 * libssl asks for more than there is, always. A read that gave less than it was asked for has
 * emptied the socket, so the next one would cost a system call and give EAGAIN; it is answered here
 * until poll has spoken.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/stream.h"

static int bio_read(BIO *bio, char *out, int size)
{
    struct stream *s = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (s->is_drained) {
        BIO_set_retry_read(bio);
        return -1;
    }
    errno = 0;
    ssize_t n = recv(s->fd, out, (size_t)size, 0);
    s->is_drained = n > 0 ? n < size : n < 0 && errno == EAGAIN;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)n;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    struct stream *s = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    errno = 0;
    /* Held back only until the write that follows at once: the peer is woken once for all. */
    ssize_t n = send(s->fd, data, (size_t)size, MSG_NOSIGNAL | (s->has_more ? MSG_MORE : 0));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO *stream_bio_new(struct stream *s)
{
    static BIO_METHOD *method; /* one for both legs, for as long as the process lives */

    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
        if (method == NULL || BIO_meth_set_read(method, bio_read) != 1 ||
            BIO_meth_set_write(method, bio_write) != 1 ||
            BIO_meth_set_ctrl(method, bio_control) != 1 ||
            BIO_meth_set_create(method, bio_create) != 1)
            return NULL;
    }
    BIO *bio = BIO_new(method);
    if (bio != NULL)
        BIO_set_data(bio, s);
    return bio;
}
