/* SPDX-License-Identifier: Apache-2.0
 * One dial: from a host's name to a connected socket, by one deadline.
 */
#include "door/dialer_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "door/dialer_filter.h"
#include "door/helper.h"

#define CANDIDATES_MAX 16

struct candidates {
    struct ipc_address list[CANDIDATES_MAX];
    size_t count;
};

enum ipc_dial_status dialer_status(int sys)
{
    switch (sys) {
    case 0:
        return IPC_DIAL_OK;
    case ETIMEDOUT:
        return IPC_DIAL_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        return IPC_DIAL_FAILED;
    default:
        return IPC_DIAL_REFUSED;
    }
}

/*
 * The index of a zone that is written as a number or as an interface's name; 0 if there is none.
 * Not if_nametoindex: it would need an ioctl that the sandbox has no other use for.
 */
static uint32_t zone_index(const char *zone)
{
    uint32_t index = 0;
    char *end;

    unsigned long number = strtoul(zone, &end, 10);
    if (zone[0] >= '0' && zone[0] <= '9' && *end == '\0')
        return number <= INT32_MAX ? (uint32_t)number : 0;
    struct if_nameindex *all = if_nameindex();
    if (all == NULL)
        return 0;
    for (struct if_nameindex *i = all; i->if_name != NULL; i++) {
        if (strcmp(i->if_name, zone) == 0)
            index = i->if_index;
    }
    if_freenameindex(all);
    return index;
}

/* Parse an IP literal. False if host is none; a zone that does not exist gives no candidate. */
static bool take_literal(const char *host, uint32_t port, struct candidates *out)
{
    struct ipc_address a = {.port = port};
    char text[INET6_ADDRSTRLEN] = {0};
    const char *zone = strchr(host, '%');
    size_t size = zone != NULL ? (size_t)(zone - host) : strlen(host);

    if (size >= sizeof(text))
        return false;
    memcpy(text, host, size);
    if (zone == NULL && inet_pton(AF_INET, text, a.ip + 12) == 1)
        a.ip[10] = a.ip[11] = 0xff;
    else if (inet_pton(AF_INET6, text, a.ip) != 1)
        return false;
    if (zone != NULL)
        a.scope = zone_index(zone + 1);
    out->count = zone == NULL || a.scope != 0 ? 1 : 0;
    out->list[0] = a;
    return true;
}

static enum ipc_dial_status resolve(const char *host, uint32_t port, struct candidates *out,
                                    int *sys)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    out->count = 0;
    if (take_literal(host, port, out))
        return out->count > 0 ? IPC_DIAL_OK : IPC_DIAL_DNS;
    int err = getaddrinfo(host, NULL, &hints, &found);
    *sys = err == EAI_SYSTEM ? errno : 0;
    if (err == EAI_SYSTEM || err == EAI_MEMORY)
        return IPC_DIAL_FAILED;
    if (err != 0)
        return IPC_DIAL_DNS;
    for (struct addrinfo *i = found; i != NULL && out->count < CANDIDATES_MAX; i = i->ai_next) {
        struct ipc_address a = helper_address(i->ai_addr);

        a.port = port;
        out->list[out->count++] = a;
    }
    freeaddrinfo(found);
    return out->count > 0 ? IPC_DIAL_OK : IPC_DIAL_DNS;
}

/* True if this machine would reach the address as itself: a datagram socket is asked, no packet. */
static bool is_local(const struct ipc_address *address)
{
    struct sockaddr_storage to, from = {0};
    socklen_t to_size = helper_sockaddr(address, &to);
    socklen_t from_size = sizeof(from);
    SP_FD fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, to_size) != 0 ||
        getsockname(fd, (struct sockaddr *)&from, &from_size) != 0)
        return false;
    struct ipc_address own = helper_address((const struct sockaddr *)&from);
    return memcmp(own.ip, address->ip, sizeof(own.ip)) == 0;
}

/* On loopback a free port may connect to itself; that is nobody's answer. */
static bool is_self_connected(int fd, const struct ipc_address *address)
{
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof(storage);

    if (getsockname(fd, (struct sockaddr *)&storage, &size) != 0)
        return false;
    struct ipc_address own = helper_address((const struct sockaddr *)&storage);
    return own.port == address->port && memcmp(own.ip, address->ip, sizeof(own.ip)) == 0;
}

/* How a connect ended: 0 or its errno. */
static int socket_error(int fd)
{
    int err = 0;
    socklen_t size = sizeof(err);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) != 0 ? errno : err;
}

/* Wait until a connect has been decided. Returns 0 or its errno. */
static int wait_connected(int fd, int64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int n;

    do {
        n = poll(&p, 1, clock_left_ms(deadline_ms));
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return ETIMEDOUT;
    return n < 0 ? errno : socket_error(fd);
}

/* Returns 0 or EINPROGRESS and the socket in out, or another errno. */
static int begin_to(const struct ipc_address *address, int *out)
{
    struct sockaddr_storage to;
    socklen_t size = helper_sockaddr(address, &to);
    SP_FD fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    int err = connect(fd, (const struct sockaddr *)&to, size) != 0 ? errno : 0;
    if (err == 0 || err == EINPROGRESS)
        *out = sp_fd_take(&fd);
    return err;
}

void dialer_finish(struct dialer_answer *out, int sys)
{
    if (sys == 0)
        sys = socket_error(out->fd);
    if (sys == 0 && is_self_connected(out->fd, &out->address))
        sys = ECONNREFUSED;
    if (sys == 0)
        helper_tune(out->fd);
    else
        sp_fd_cleanup(&out->fd);
    out->sys = sys;
    out->status = dialer_status(sys);
}

/* Connect by the deadline; out->address is set. */
static void connect_to(struct dialer_answer *out, int64_t deadline_ms)
{
    int err = begin_to(&out->address, &out->fd);

    if (err == EINPROGRESS)
        err = wait_connected(out->fd, deadline_ms);
    dialer_finish(out, err);
}

static size_t keep_allowed(const struct dialer_request *request, enum dialer_host kind,
                           struct candidates *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (dialer_filter_allows(&c->list[i], kind, is_local(&c->list[i]), request->listeners,
                                 request->listener_count))
            c->list[kept++] = c->list[i];
    }
    c->count = kept;
    return kept;
}

static void try_all(const struct dialer_request *request, const struct candidates *c,
                    struct dialer_answer *out)
{
    for (size_t i = 0; i < c->count; i++) {
        int64_t now_ms = clock_now_ms();
        int64_t share_ms = (request->deadline_ms - now_ms) / (int64_t)(c->count - i);

        if (i > 0 && share_ms <= 0)
            break;
        out->address = c->list[i];
        connect_to(out, now_ms + share_ms);
        if (out->status == IPC_DIAL_OK)
            return;
    }
}

void dialer_connect(const struct dialer_request *request, struct dialer_answer *out)
{
    struct candidates c;
    enum dialer_host kind = dialer_host_kind(request->host);

    *out = (struct dialer_answer){.status = IPC_DIAL_FAILED, .sys = EINVAL, .fd = -1};
    if (kind == DIALER_HOST_BAD || request->port == 0 || request->port > 65535)
        return;
    out->sys = 0;
    out->status = resolve(request->host, request->port, &c, &out->sys);
    if (out->status != IPC_DIAL_OK)
        return;
    out->status = IPC_DIAL_FORBIDDEN;
    if (keep_allowed(request, kind, &c) > 0)
        try_all(request, &c, out);
}

enum dialer_begun dialer_begin(const struct dialer_request *request, struct dialer_answer *out)
{
    struct candidates c;
    enum dialer_host kind = dialer_host_kind(request->host);

    *out = (struct dialer_answer){.status = IPC_DIAL_FAILED, .sys = EINVAL, .fd = -1};
    if (kind == DIALER_HOST_BAD || request->port == 0 || request->port > 65535)
        return DIALER_DECIDED;
    if (strchr(request->host, '%') != NULL || !take_literal(request->host, request->port, &c))
        return DIALER_NEEDS_CHILD;
    out->sys = 0;
    out->status = IPC_DIAL_FORBIDDEN;
    if (keep_allowed(request, kind, &c) == 0)
        return DIALER_DECIDED;
    out->address = c.list[0];
    int err = begin_to(&out->address, &out->fd);
    if (err == EINPROGRESS)
        return DIALER_UNDER_WAY;
    dialer_finish(out, err);
    return DIALER_DECIDED;
}
