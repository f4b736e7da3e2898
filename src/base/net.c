/* SPDX-License-Identifier: Apache-2.0
 * Networks as an administrator writes them.
 */
#include "base/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96u /* of ::ffff:0:0/96 */

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool read_address(const char *text, uint8_t ip[16], uint32_t *width)
{
    memcpy(ip, v4_prefix, sizeof(v4_prefix));
    *width = 32;
    if (inet_pton(AF_INET, text, ip + sizeof(v4_prefix)) == 1)
        return true;
    *width = 128;
    return inet_pton(AF_INET6, text, ip) == 1;
}

static bool read_bits(const char *text, uint32_t width, uint32_t *bits)
{
    size_t n = strlen(text);

    if (n == 0 || n > 3 || strspn(text, "0123456789") != n)
        return false;
    *bits = (uint32_t)strtoul(text, NULL, 10);
    return *bits <= width;
}

enum sp_err net_read(const char *text, struct net *out)
{
    char address[NET_TEXT_SIZE];
    size_t n = strcspn(text, "/");
    struct net net;
    uint32_t width;

    if (n >= sizeof(address))
        return SP_EVALUE;
    memcpy(address, text, n);
    address[n] = '\0';
    if (!read_address(address, net.ip, &width))
        return SP_EVALUE;
    net.bits = width;
    if (text[n] == '/' && !read_bits(text + n + 1, width, &net.bits))
        return SP_EVALUE;
    net.bits += 128 - width;
    for (uint32_t i = net.bits; i < 128; i++) {
        if ((net.ip[i / 8] >> (7 - i % 8) & 1) != 0)
            return SP_EVALUE;
    }
    *out = net;
    return SP_OK;
}

void net_write(const struct net *net, char out[NET_TEXT_SIZE])
{
    bool is_v4 = net->bits >= V4_BITS && memcmp(net->ip, v4_prefix, sizeof(v4_prefix)) == 0;
    char address[INET6_ADDRSTRLEN] = "";

    inet_ntop(is_v4 ? AF_INET : AF_INET6, net->ip + (is_v4 ? sizeof(v4_prefix) : 0), address,
              sizeof(address));
    if (net->bits == 128)
        snprintf(out, NET_TEXT_SIZE, "%s", address);
    else
        snprintf(out, NET_TEXT_SIZE, "%s/%u", address, net->bits - (is_v4 ? V4_BITS : 0));
}

bool net_contains(const struct net *net, const uint8_t ip[16])
{
    for (uint32_t i = 0; i < net->bits; i += 8) {
        uint32_t left = net->bits - i;
        uint8_t mask = (uint8_t)(left >= 8 ? 0xffu : 0xffu << (8 - left));

        if (((net->ip[i / 8] ^ ip[i / 8]) & mask) != 0)
            return false;
    }
    return true;
}
