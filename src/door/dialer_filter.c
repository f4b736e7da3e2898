/* SPDX-License-Identifier: Apache-2.0
 * Which addresses dialer may connect to.
 */
#include "door/dialer_filter.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

struct prefix {
    uint8_t bytes[16];
    uint8_t bits;
};

/* IPv4 is written as ::ffff:a.b.c.d, as in struct ipc_address. */
#define V4(a, b, c, d, bits)                                                                       \
    {                                                                                              \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (bits)                        \
    }

static const struct prefix never_hosts[] = {
    V4(224, 0, 0, 0, 4), /* multicast               */
    V4(240, 0, 0, 0, 4), /* reserved, and broadcast */
    {{0xff}, 8},         /* IPv6 multicast          */
};

static const struct prefix not_by_name[] = {
    V4(0, 0, 0, 0, 8),      /* this network; 0.0.0.0 reaches this host */
    V4(127, 0, 0, 0, 8),    /* loopback                                */
    V4(169, 254, 0, 0, 16), /* link-local, cloud metadata              */
    {{0}, 96},              /* ::, ::1 and the retired ::a.b.c.d       */
    {{0xfe, 0x80}, 10},     /* link-local                              */
    {{0xfe, 0xc0}, 10},     /* retired site-local                      */
};

static bool has_prefix(const uint8_t ip[16], const struct prefix *p)
{
    size_t whole = p->bits / 8;
    uint8_t rest = p->bits % 8;

    if (memcmp(ip, p->bytes, whole) != 0)
        return false;
    return rest == 0 || ((ip[whole] ^ p->bytes[whole]) >> (8 - rest)) == 0;
}

static bool in_any(const uint8_t ip[16], const struct prefix *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (has_prefix(ip, &list[i]))
            return true;
    }
    return false;
}

#define IN_ANY(ip, list) in_any((ip), (list), sizeof(list) / sizeof((list)[0]))

/* IPv6 forms that carry an IPv4 address which the network would connect to in the end. */
static bool embedded_v4(const uint8_t ip[16], uint8_t out[16])
{
    static const struct prefix nat64 = {{0, 0x64, 0xff, 0x9b}, 96};
    static const struct prefix six_to_four = {{0x20, 0x02}, 16};
    size_t at;

    if (has_prefix(ip, &nat64))
        at = 12;
    else if (has_prefix(ip, &six_to_four))
        at = 2;
    else
        return false;
    memset(out, 0, 16);
    out[10] = out[11] = 0xff;
    memcpy(out + 12, ip + at, 4);
    return true;
}

static bool is_any(const uint8_t ip[16])
{
    static const struct prefix any[] = {{{0}, 128}, V4(0, 0, 0, 0, 32)};

    return IN_ANY(ip, any);
}

static bool is_own_listener(const struct ipc_address *address, bool local,
                            const struct boot_listener *listeners, size_t listener_count)
{
    for (size_t i = 0; i < listener_count; i++) {
        if (listeners[i].port != address->port)
            continue;
        if (memcmp(listeners[i].ip, address->ip, 16) == 0)
            return true;
        if (local && is_any(listeners[i].ip))
            return true;
    }
    return false;
}

bool dialer_filter_allows(const struct ipc_address *address, enum dialer_host kind, bool local,
                          const struct boot_listener *listeners, size_t listener_count)
{
    uint8_t inner[16];

    if (kind == DIALER_HOST_BAD || address->port == 0 || address->port > 65535 ||
        IN_ANY(address->ip, never_hosts))
        return false;
    if (kind == DIALER_HOST_LITERAL)
        return true;
    if (address->scope != 0 || IN_ANY(address->ip, not_by_name))
        return false;
    if (embedded_v4(address->ip, inner) &&
        (IN_ANY(inner, never_hosts) || IN_ANY(inner, not_by_name)))
        return false;
    return !is_own_listener(address, local, listeners, listener_count);
}

static bool is_ip_literal(const char *host)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    struct in_addr v4;
    size_t size = strcspn(host, "%");

    if (host[size] == '\0' && inet_pton(AF_INET, host, &v4) == 1)
        return true;
    if (size >= sizeof(address) || (host[size] == '%' && host[size + 1] == '\0'))
        return false;
    memcpy(address, host, size);
    address[size] = '\0';
    return inet_pton(AF_INET6, address, &v6) == 1;
}

enum dialer_host dialer_host_kind(const char host[IPC_HOST_MAX])
{
    static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789-._";
    size_t size = strnlen(host, IPC_HOST_MAX);

    if (size == 0 || size == IPC_HOST_MAX)
        return DIALER_HOST_BAD;
    if (is_ip_literal(host) || strcasecmp(host, "localhost") == 0)
        return DIALER_HOST_LITERAL;
    /* Also refuses a zone behind a name. */
    return strspn(host, name_characters) == size ? DIALER_HOST_NAME : DIALER_HOST_BAD;
}
