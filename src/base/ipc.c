/* SPDX-License-Identifier: Apache-2.0
 * Fixed-size messages between our own processes.
 */
#include "base/ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
};

enum sp_err ipc_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return SP_ESYS;
    return SP_OK;
}

static enum sp_err wait_for(int fd, short events, int64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;

    if (deadline_ms == 0)
        return SP_ETIME;
    do {
        n = poll(&p, 1, clock_left_ms(deadline_ms));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return SP_ESYS;
    return n == 0 ? SP_ETIME : SP_OK;
}

enum sp_err ipc_send(int fd, uint32_t type, void *msg, size_t size, const int *fds, size_t fd_count,
                     int64_t deadline_ms)
{
    struct ipc_head head = {.type = type, .size = (uint32_t)size};
    struct iovec iov = {.iov_base = msg, .iov_len = size};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
    union control control = {0};

    SP_BUG(size < sizeof(head) || size > IPC_MSG_MAX || fd_count > IPC_FDS_MAX);
    memcpy(msg, &head, sizeof(head));
    if (fd_count > 0) {
        mh.msg_control = control.room;
        mh.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    for (;;) {
        if (sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return SP_OK;
        if (errno == EINTR)
            continue;
        if (errno == EPIPE || errno == ECONNRESET)
            return SP_ECLOSED;
        if (errno != EAGAIN)
            return SP_ESYS;
        enum sp_err err = wait_for(fd, POLLOUT, deadline_ms);
        if (err != SP_OK)
            return err;
    }
}

static enum sp_err take_fds(struct msghdr *mh, struct ipc_in *in)
{
    in->fd_count = 0;
    in->fds[0] = in->fds[1] = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (n > IPC_FDS_MAX - in->fd_count)
            n = IPC_FDS_MAX - in->fd_count;
        memcpy(in->fds + in->fd_count, CMSG_DATA(c), n * sizeof(int));
        in->fd_count += n;
    }
    return (mh->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0 ? SP_EVALUE : SP_OK;
}

enum sp_err ipc_recv(int fd, struct ipc_in *in, int64_t deadline_ms)
{
    union control control;
    struct iovec iov = {.iov_base = in->msg.bytes, .iov_len = sizeof(in->msg.bytes)};

    for (;;) {
        struct msghdr mh = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.room,
                            .msg_controllen = sizeof(control.room)};
        ssize_t n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

        if (n > 0) {
            enum sp_err err = take_fds(&mh, in);
            in->size = (size_t)n;
            if (err == SP_OK &&
                (in->size < sizeof(struct ipc_head) || in->msg.head.size != in->size))
                err = SP_EVALUE;
            if (err != SP_OK)
                ipc_in_clear(in);
            return err;
        }
        if (n == 0 || errno == ECONNRESET)
            return SP_ECLOSED;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return SP_ESYS;
        enum sp_err err = wait_for(fd, POLLIN, deadline_ms);
        if (err != SP_OK)
            return err;
    }
}

void ipc_in_clear(struct ipc_in *in)
{
    for (size_t i = 0; i < in->fd_count; i++) {
        if (in->fds[i] >= 0)
            close(in->fds[i]);
        in->fds[i] = -1;
    }
    in->fd_count = 0;
}
