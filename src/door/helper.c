/* SPDX-License-Identifier: Apache-2.0
 * What door, spawner and dialer share: how they are born, how they log, how they treat sockets.
 */
#include "door/helper.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/sandbox.h"

static const char *helper_name = "helper";

/* True if the other end of keeper's channel is closed. */
static bool keeper_gone(void)
{
    struct pollfd p = {.fd = BOOT_FD_KEEPER, .events = 0};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static enum sp_err ignore_group_signals(struct sp_fail *fail)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction action = {.sa_handler = SIG_IGN};

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (sigaction(ignored[i], &action, NULL) != 0)
            return sp_fail_set(fail, SP_ESYS, "sigaction", (uint32_t)errno, 0);
    }
    return SP_OK;
}

enum sp_err helper_begin(const char *name, uint32_t uid, uint32_t gid, struct sp_fail *fail)
{
    pid_t parent = getppid();
    char title[16];

    helper_name = name;
    snprintf(title, sizeof(title), "sp-%s", name);
    if (prctl(PR_SET_NAME, title) != 0)
        return sp_fail_set(fail, SP_ESYS, "PR_SET_NAME", (uint32_t)errno, 0);
    enum sp_err err = ignore_group_signals(fail);
    if (err == SP_OK)
        err = sandbox_drop_identity(uid, gid, fail);
    if (err != SP_OK)
        return err;
    /* After the change of identity, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return sp_fail_set(fail, SP_ESYS, "PR_SET_PDEATHSIG", (uint32_t)errno, 0);
    /* keeper may have died before the signal was asked for. */
    if (getppid() != parent || keeper_gone())
        return sp_fail_set(fail, SP_ECLOSED, "keeper", 0, 0);
    return SP_OK;
}

void helper_log(const char *format, ...)
{
    char text[200];
    char line[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    int size = snprintf(line, sizeof(line), "sallyport %s: %s\n", helper_name, text);
    /* Not dprintf: it seeks, which not every sandbox allows. A log that is full or gone is no
     * reason to stop. */
    if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0)
        return;
}

void helper_log_fail(const char *what, enum sp_err err, const struct sp_fail *fail)
{
    helper_log("%s: code=%s where=%s got=%u want=%u", what, sp_err_name(err),
               fail->where != NULL ? fail->where : "-", fail->got, fail->want);
}

struct ipc_address helper_address(const struct sockaddr *sa)
{
    struct ipc_address out = {0};

    if (sa->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, sa, sizeof(v4));
        out.ip[10] = out.ip[11] = 0xff;
        memcpy(out.ip + 12, &v4.sin_addr, 4);
        out.port = ntohs(v4.sin_port);
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, sa, sizeof(v6));
        memcpy(out.ip, &v6.sin6_addr, 16);
        out.port = ntohs(v6.sin6_port);
        out.scope = v6.sin6_scope_id;
    }
    return out;
}

socklen_t helper_sockaddr(const struct ipc_address *address, struct sockaddr_storage *out)
{
    struct in6_addr ip;

    memset(out, 0, sizeof(*out));
    memcpy(&ip, address->ip, 16);
    if (IN6_IS_ADDR_V4MAPPED(&ip)) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)address->port)};

        memcpy(&v4.sin_addr, address->ip + 12, 4);
        memcpy(out, &v4, sizeof(v4));
        return sizeof(v4);
    }
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons((uint16_t)address->port),
                              .sin6_addr = ip,
                              .sin6_scope_id = address->scope};
    memcpy(out, &v6, sizeof(v6));
    return sizeof(v6);
}

static void set_option(int fd, int level, int option, int value)
{
    /* Best effort: a socket that is closing refuses options, and its owner finds out by reading. */
    setsockopt(fd, level, option, &value, sizeof(value));
}

void helper_tune(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

void helper_refuse(int fd)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
}
