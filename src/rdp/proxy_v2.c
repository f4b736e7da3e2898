/* SPDX-License-Identifier: Apache-2.0
 * PROXY protocol version 2: what a load balancer says before the client's first byte.
 */
#include "rdp/proxy_v2.h"

#include <string.h>

#define SIGNATURE_SIZE 12
#define COMMAND_LOCAL  0x20 /* version 2 in the upper half */
#define COMMAND_PROXY  0x21

/* Address family and protocol */
#define FAMILY_UNSPEC 0x00
#define FAMILY_TCP4   0x11
#define FAMILY_TCP6   0x21

static const uint8_t signature[SIGNATURE_SIZE] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                  0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

enum sp_err proxy_v2_size(const uint8_t *p, size_t have, size_t *size, struct sp_fail *fail)
{
    size_t n = have < SIGNATURE_SIZE ? have : SIGNATURE_SIZE;

    if (have > 0 && p[0] == 'P')
        return sp_fail_set(fail, SP_EVALUE, "PROXY.version 1", 1, 2);
    if (memcmp(p, signature, n) != 0)
        return sp_fail_set(fail, SP_EVALUE, "PROXY.signature", p[0], signature[0]);
    *size = 0;
    if (have < PROXY_V2_HEADER_SIZE)
        return SP_OK;
    size_t total = PROXY_V2_HEADER_SIZE + ((size_t)p[14] << 8 | p[15]);
    if (total > PROXY_V2_SIZE_MAX)
        return sp_fail_set(fail, SP_ELIMIT, "PROXY.length", (uint32_t)total, PROXY_V2_SIZE_MAX);
    *size = total;
    return SP_OK;
}

/* Type, length, value; none of them matters to us. */
static void skip_extensions(struct rd *r)
{
    while (rd_ok(r) && r->left > 0) {
        rd_skip(r, 1, "PROXY.TLV.type");
        rd_skip(r, rd_u16be(r, "PROXY.TLV.length"), "PROXY.TLV.value");
    }
}

static void read_tcp4(struct rd *r, struct proxy_v2 *out)
{
    out->has_source = true;
    out->source[10] = out->source[11] = 0xFF;
    rd_copy(r, out->source + 12, 4, "PROXY.source");
    rd_skip(r, 4, "PROXY.destination");
    out->source_port = rd_u16be(r, "PROXY.source port");
    rd_skip(r, 2, "PROXY.destination port");
}

static void read_tcp6(struct rd *r, struct proxy_v2 *out)
{
    out->has_source = true;
    rd_copy(r, out->source, 16, "PROXY.source");
    rd_skip(r, 16, "PROXY.destination");
    out->source_port = rd_u16be(r, "PROXY.source port");
    rd_skip(r, 2, "PROXY.destination port");
}

static void read_body(struct rd *r, uint8_t command, uint8_t family, struct proxy_v2 *out)
{
    if (command == COMMAND_LOCAL || family == FAMILY_UNSPEC)
        rd_skip(r, r->left, "PROXY.body"); /* of any form, to be ignored */
    else if (family == FAMILY_TCP4)
        read_tcp4(r, out);
    else if (family == FAMILY_TCP6)
        read_tcp6(r, out);
    else
        rd_refuse(r, SP_EVALUE, "PROXY.family", family, FAMILY_TCP4);
    skip_extensions(r);
}

enum sp_err proxy_v2_read(struct rd *r, struct proxy_v2 *out)
{
    struct proxy_v2 made = {0};
    struct rd body;
    const uint8_t *begin = rd_bytes(r, SIGNATURE_SIZE, "PROXY.signature");

    if (begin != NULL && memcmp(begin, signature, SIGNATURE_SIZE) != 0)
        rd_refuse(r, SP_EVALUE, "PROXY.signature", begin[0], signature[0]);
    uint8_t command = rd_u8(r, "PROXY.command");
    uint8_t family = rd_u8(r, "PROXY.family");
    uint16_t length = rd_u16be(r, "PROXY.length");
    if (rd_ok(r) && command != COMMAND_LOCAL && command != COMMAND_PROXY)
        rd_refuse(r, SP_EVALUE, "PROXY.command", command, COMMAND_PROXY);
    rd_max(r, "PROXY.length", length, PROXY_V2_SIZE_MAX - PROXY_V2_HEADER_SIZE);
    rd_sub(r, length, &body, "PROXY.body");
    if (rd_ok(r))
        read_body(&body, command, family, &made);
    rd_adopt(r, &body);
    rd_end(r, "PROXY");
    if (!rd_ok(r))
        return r->fail.code;
    *out = made;
    return SP_OK;
}
