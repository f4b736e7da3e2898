/* SPDX-License-Identifier: Apache-2.0
 * Starts a helper process of base/boot.h for a test that plays keeper and the other helpers.
 */
#include "support/helper_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/sandbox.h"

#define OUT_OF_THE_WAY 100

/* Put descriptors at BOOT_FD_KEEPER and up, in this order, and close all others. */
static void arrange(const int *fds, size_t count)
{
    int moved[4 + BOOT_LISTENERS_MAX];

    for (size_t i = 0; i < count; i++)
        moved[i] = fcntl(fds[i], F_DUPFD, OUT_OF_THE_WAY);
    for (size_t i = 0; i < count; i++)
        dup2(moved[i], BOOT_FD_KEEPER + (int)i);
    sandbox_close_except(BOOT_FD_KEEPER + (int)count, NULL, 0);
}

struct helper_process helper_process_start(int (*main_fn)(void), struct boot_config *config,
                                           const int *listeners, size_t listener_count)
{
    struct helper_process p;
    int keeper[2], peer[2], fds[4 + BOOT_LISTENERS_MAX];
    int small = 0; /* the least that the kernel allows: a few messages */

    config->magic = BOOT_MAGIC;
    config->size = sizeof(*config);
    int boot = boot_write(config, NULL);
    assert_true(boot >= 0);
    assert_int_equal(ipc_pair(keeper), SP_OK);
    assert_int_equal(ipc_pair(peer), SP_OK);
    setsockopt(peer[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    fds[0] = keeper[1];
    fds[1] = boot;
    fds[2] = peer[1];
    p.penalties = penalty_create(&fds[3]);
    assert_non_null(p.penalties);
    for (size_t i = 0; i < listener_count; i++)
        fds[4 + i] = listeners[i];
    p.pid = fork();
    assert_true(p.pid >= 0);
    if (p.pid == 0) {
        arrange(fds, 4 + listener_count);
        _exit(main_fn());
    }
    close(keeper[1]);
    close(peer[1]);
    close(boot);
    close(fds[3]);
    p.keeper_fd = keeper[0];
    p.peer_fd = peer[0];
    return p;
}

int helper_process_stop(struct helper_process *p)
{
    int status = -1;

    close(p->keeper_fd);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    close(p->peer_fd);
    penalty_detach(p->penalties);
    return status;
}

void helper_process_expect(int fd, uint32_t type, void *msg, size_t size, int *fds, size_t fd_count)
{
    static struct ipc_in in;

    assert_int_equal(ipc_recv(fd, &in, clock_now_ms() + 2000), SP_OK);
    assert_int_equal(in.msg.head.type, type);
    assert_int_equal(in.size, size);
    assert_int_equal(in.fd_count, fd_count);
    memcpy(msg, in.msg.bytes, size);
    if (fd_count > 0)
        memcpy(fds, in.fds, fd_count * sizeof(int));
}

int helper_listen(int backlog, uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

int helper_connect(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

int helper_closed_within(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    if (poll(&p, 1, timeout_ms) <= 0)
        return 0;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}
