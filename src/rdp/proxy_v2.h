/* SPDX-License-Identifier: Apache-2.0
 * PROXY protocol version 2: what a load balancer says before the client's first byte.
 * Spec: haproxy.org, "The PROXY protocol, Versions 1 & 2", section 2.2
 */
#ifndef SP_RDP_PROXY_V2_H
#define SP_RDP_PROXY_V2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define PROXY_V2_HEADER_SIZE 16
#define PROXY_V2_SIZE_MAX    536 /* header, addresses and extensions: what one TCP segment holds */

struct proxy_v2 {
    bool has_source;    /* false: LOCAL or UNSPEC, the proxy speaks for itself */
    uint8_t source[16]; /* IPv4 as ::ffff:a.b.c.d                              */
    uint16_t source_port;
};

/*
 * How long the header at p is.
 * size     0 if more bytes are needed to tell
 * Errors:  SP_EVALUE it does not begin as one: where = "PROXY.version 1" for the older text form;
 *          SP_ELIMIT longer than PROXY_V2_SIZE_MAX
 */
SP_MUST_USE enum sp_err proxy_v2_size(const uint8_t *p, size_t have, size_t *size,
                                      struct sp_fail *fail);

/*
 * Read one whole header. Extensions must be well-formed and are not looked at.
 * out      written only on SP_OK
 * Errors:  SP_ESHORT, SP_ETRAIL, SP_EVALUE, SP_ELIMIT
 */
SP_MUST_USE enum sp_err proxy_v2_read(struct rd *r, struct proxy_v2 *out);

#endif
