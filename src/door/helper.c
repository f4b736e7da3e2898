/* SPDX-License-Identifier: Apache-2.0
 * What door, spawner and dialer share: how they treat sockets.
 */
#include "door/helper.h"

#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

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
