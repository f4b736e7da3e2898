/* SPDX-License-Identifier: Apache-2.0
 * The small part of DER that CredSSP and SPNEGO use: definite lengths, explicit tags, 16 KiB.
 */
#include "rdp/der.h"

/* One, or 0x81 and 0x82 followed by one or two octets; padded forms are accepted. */
static size_t read_length(struct rd *r, const char *where)
{
    uint8_t first = rd_u8(r, where);
    uint32_t length = first;

    if (first == 0x81)
        length = rd_u8(r, where);
    else if (first == 0x82)
        length = rd_u16be(r, where);
    else if (first >= 0x80) /* indefinite (0x80) or more octets than we ever need */
        rd_refuse(r, SP_EVALUE, where, first, 0x82);
    rd_max(r, where, length, DER_LENGTH_MAX);
    return length;
}

void der_enter(struct rd *r, uint8_t tag, struct rd *child, const char *where)
{
    rd_want(r, where, rd_u8(r, where), tag);
    rd_sub(r, read_length(r, where), child, where);
}

bool der_at(const struct rd *r, uint8_t tag)
{
    return rd_ok(r) && r->left > 0 && r->at[0] == tag;
}

void der_enter_explicit(struct rd *r, unsigned n, uint8_t tag, struct rd *child, const char *where)
{
    struct rd outer;

    der_enter(r, DER_EXPLICIT(n), &outer, where);
    der_enter(&outer, tag, child, where);
    rd_end(&outer, where);
    rd_adopt(r, &outer);
    child->fail = r->fail;
}

int64_t der_integer(struct rd *r, uint8_t tag, const char *where)
{
    struct rd content;
    uint64_t value;

    der_enter(r, tag, &content, where);
    if (rd_ok(r) && (content.left == 0 || content.left > sizeof(value)))
        rd_refuse(r, SP_EVALUE, where, (uint32_t)content.left, sizeof(value));
    if (!rd_ok(r))
        return 0;
    value = content.at[0] >= 0x80 ? UINT64_MAX : 0;
    while (content.left > 0)
        value = value << 8 | rd_u8(&content, where);
    return (int64_t)value;
}

size_t der_size(size_t content_size)
{
    if (content_size < 0x80)
        return 2 + content_size;
    return content_size < 0x100 ? 3 + content_size : 4 + content_size;
}

void der_header(struct wr *w, uint8_t tag, size_t content_size)
{
    if (content_size > DER_LENGTH_MAX) {
        wr_refuse(w, SP_ELIMIT, "DER.length", (uint32_t)content_size, DER_LENGTH_MAX);
        return;
    }
    wr_u8(w, tag);
    if (content_size >= 0x100) {
        wr_u8(w, 0x82);
        wr_u16be(w, (uint16_t)content_size);
        return;
    }
    if (content_size >= 0x80)
        wr_u8(w, 0x81);
    wr_u8(w, (uint8_t)content_size);
}

void der_bytes(struct wr *w, uint8_t tag, const void *data, size_t size)
{
    der_header(w, tag, size);
    wr_bytes(w, data, size);
}

size_t der_explicit_size(size_t size)
{
    return der_size(der_size(size));
}

void der_explicit_bytes(struct wr *w, unsigned n, uint8_t tag, const void *data, size_t size)
{
    der_header(w, DER_EXPLICIT(n), der_size(size));
    der_bytes(w, tag, data, size);
}
