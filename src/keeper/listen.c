/* SPDX-License-Identifier: Apache-2.0
 * The sockets that are opened while we may still do so: listeners and the control socket.
 */
#include "keeper/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "keeper/config.h"

#define BACKLOG         1024
#define CONTROL_BACKLOG 8

static socklen_t address_of(const struct boot_listener *l, struct sockaddr_storage *out)
{
    static const uint8_t v4[12] = {[10] = 0xFF, [11] = 0xFF};

    memset(out, 0, sizeof(*out));
    if (memcmp(l->ip, v4, sizeof(v4)) == 0) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
        memcpy(&a.sin_addr, l->ip + 12, 4);
        memcpy(out, &a, sizeof(a));
        return sizeof(a);
    }
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)l->port)};
    memcpy(&a.sin6_addr, l->ip, 16);
    memcpy(out, &a, sizeof(a));
    return sizeof(a);
}

static const char *remedy(int error)
{
    switch (error) {
    case EACCES:
        return "ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher port, or start "
               "it through the systemd unit";
    case EADDRINUSE:
        return "another program listens there (see `ss -ltnp`); stop it or choose another port";
    case EADDRNOTAVAIL:
        return "this machine has no such address; see `ip address`";
    case EAFNOSUPPORT:
        return "this machine has no IPv6; leave such listeners out";
    default:
        return "see listen in the configuration";
    }
}

int listen_tcp(const struct boot_listener *listener, char *error, size_t error_size)
{
    struct sockaddr_storage address;
    socklen_t size = address_of(listener, &address);
    const int on = 1;
    char text[64];
    SP_FD fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (address.ss_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
        bind(fd, (const struct sockaddr *)&address, size) == 0 && listen(fd, BACKLOG) == 0)
        return sp_fd_take(&fd);
    int saved = errno;
    config_listener_text(listener, text, sizeof(text));
    snprintf(error, error_size, "cannot listen on %s: %s; %s", text, strerror(saved),
             remedy(saved));
    return -1;
}

/* True if somebody answers on that name. */
static bool is_answered(const struct sockaddr_un *address)
{
    SP_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

static bool is_socket(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

int listen_control(const char *path, uint32_t uid, uint32_t gid, char *error, size_t error_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    SP_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (is_answered(&address)) {
        snprintf(error, error_size,
                 "%s is in use: the service runs already with this configuration; stop it first",
                 path);
        return -1;
    }
    if (is_socket(path) && unlink(path) != 0) {
        snprintf(error, error_size, "cannot replace %s: %s", path, strerror(errno));
        return -1;
    }
    mode_t before = umask(0177); /* no moment in which others could connect */
    int bad = fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
              listen(fd, CONTROL_BACKLOG) != 0;
    umask(before);
    if (bad == 0 && (uid == 0 || lchown(path, uid, gid) == 0))
        return sp_fd_take(&fd);
    snprintf(error, error_size,
             "cannot open the control socket %s: %s; its folder must exist and "
             "be writable",
             path, strerror(errno));
    return -1;
}
