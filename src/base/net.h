/* SPDX-License-Identifier: Apache-2.0
 * Networks as an administrator writes them: "192.0.2.7", "10.0.0.0/8", "2001:db8::/32".
 */
#ifndef SP_BASE_NET_H
#define SP_BASE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NET_TEXT_SIZE 52 /* the longest IPv6 address, "/128" and a NUL */

/* The first bits of ip; IPv4 as ::ffff:a.b.c.d with 96 + n bits. The other bits are 0. */
struct net {
    uint8_t ip[16];
    uint32_t bits; /* 0…128 */
};

/*
 * Read an address or a network.
 * out      written only on SP_OK; an address is a network of all its bits
 * Errors:  SP_EVALUE neither, or bits are set behind the prefix
 */
SP_MUST_USE enum sp_err net_read(const char *text, struct net *out);

/* Write a network, without "/32" or "/128" where it is one address. out: NET_TEXT_SIZE bytes */
void net_write(const struct net *net, char out[NET_TEXT_SIZE]);

/* True if the address is in the network. ip: 16 bytes, IPv4 as ::ffff:a.b.c.d */
bool net_contains(const struct net *net, const uint8_t ip[16]);

#endif
