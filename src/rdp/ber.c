/* SPDX-License-Identifier: Apache-2.0
 * BER as the MCS connect PDUs need it.
 */
#include "rdp/ber.h"

#define LENGTH_OCTETS_MAX 4

size_t ber_length_read(struct rd *r, const char *where)
{
    uint8_t first = rd_u8(r, where);
    uint32_t length = 0;

    if (first < 0x80)
        return first;
    if (first == 0x80)
        rd_refuse(r, SP_EVALUE, where, first, 0); /* indefinite form */
    rd_max(r, where, first & 0x7f, LENGTH_OCTETS_MAX);
    for (unsigned i = 0; rd_ok(r) && i < (first & 0x7fu); i++)
        length = length << 8 | rd_u8(r, where);
    return rd_ok(r) ? length : 0;
}

static void tag_read(struct rd *r, uint16_t tag, const char *where)
{
    uint16_t got = tag > 0xff ? rd_u16be(r, where) : rd_u8(r, where);

    if (rd_ok(r))
        rd_want(r, where, got, tag);
}

void ber_open(struct rd *r, uint16_t tag, struct rd *contents, const char *where)
{
    size_t length = 0;

    tag_read(r, tag, where);
    length = ber_length_read(r, where);
    rd_sub(r, length, contents, where);
}

uint32_t ber_integer_read(struct rd *r, const char *where)
{
    size_t size = 0;
    uint8_t first = 0;
    uint32_t v = 0;

    tag_read(r, BER_INTEGER, where);
    size = ber_length_read(r, where);
    if (rd_ok(r) && size == 0)
        rd_refuse(r, SP_EVALUE, where, 0, 1);
    rd_max(r, where, (uint32_t)size, 4);
    if (!rd_ok(r))
        return 0;
    v = first = rd_u8(r, where);
    for (size_t i = 1; i < size; i++)
        v = v << 8 | rd_u8(r, where);
    if (first >= 0x80 && size != 2)
        rd_refuse(r, SP_EVALUE, where, v, INT32_MAX); /* negative */
    return rd_ok(r) ? v : 0;
}

uint8_t ber_enumerated_read(struct rd *r, const char *where)
{
    tag_read(r, BER_ENUMERATED, where);
    rd_want(r, where, rd_u8(r, where), 1);
    return rd_u8(r, where);
}

size_t ber_header_size(uint16_t tag, size_t contents_size)
{
    size_t tag_size = tag > 0xff ? 2 : 1;

    if (contents_size < 0x80)
        return tag_size + 1;
    return tag_size + (contents_size <= 0xff ? 2 : 3);
}

void ber_header_write(struct wr *w, uint16_t tag, size_t contents_size)
{
    if (contents_size > UINT16_MAX) {
        wr_refuse(w, SP_ELIMIT, "BER length", UINT32_MAX, UINT16_MAX);
        return;
    }
    if (tag > 0xff)
        wr_u16be(w, tag);
    else
        wr_u8(w, (uint8_t)tag);
    if (contents_size > 0xff)
        wr_u8(w, 0x82);
    else if (contents_size >= 0x80)
        wr_u8(w, 0x81);
    if (contents_size > 0xff)
        wr_u16be(w, (uint16_t)contents_size);
    else
        wr_u8(w, (uint8_t)contents_size);
}

void ber_integer_write(struct wr *w, uint32_t v)
{
    unsigned size = 1;

    while (size < 4 && v >> (8 * size - 1) != 0)
        size++;
    SP_BUG(v > INT32_MAX);
    wr_u8(w, BER_INTEGER);
    wr_u8(w, (uint8_t)size);
    while (size-- > 0)
        wr_u8(w, (uint8_t)(v >> (8 * size)));
}
