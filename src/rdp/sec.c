/* SPDX-License-Identifier: Apache-2.0
 * The 4-byte basic security header.
 */
#include "rdp/sec.h"

uint16_t sec_header_read(struct rd *r)
{
    uint16_t flags = rd_u16le(r, "TS_SECURITY_HEADER.flags");

    rd_skip(r, 2, "TS_SECURITY_HEADER.flagsHi");
    return rd_ok(r) ? flags : 0;
}

uint16_t sec_header_peek(const struct rd *r)
{
    struct rd copy = *r;

    return sec_header_read(&copy);
}

void sec_header_write(struct wr *w, uint16_t flags)
{
    wr_u16le(w, flags);
    wr_u16le(w, 0);
}
