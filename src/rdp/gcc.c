/* SPDX-License-Identifier: Apache-2.0
 * GCC: the object key, the block loop, channel names.
 */
#include "rdp/gcc.h"

#include <string.h>

#include "rdp/gcc_block.h"

/* Key choice "object", 5 bytes: {itu-t recommendation t 124 version(0) 1} */
static const uint8_t t124_key[] = {0x00, 0x05, 0x00, 0x14, 0x7c, 0x00, 0x01};

bool gcc_channel_is(const struct gcc_channel *c, const char *name)
{
    size_t size = strnlen(c->name, sizeof(c->name));

    if (strlen(name) != size)
        return false;
    for (size_t i = 0; i < size; i++) {
        unsigned char a = (unsigned char)c->name[i];
        unsigned char b = (unsigned char)name[i];

        /* by hand, since the names are ASCII in every locale */
        a = a >= 'A' && a <= 'Z' ? (unsigned char)(a + 32) : a;
        b = b >= 'A' && b <= 'Z' ? (unsigned char)(b + 32) : b;
        if (a != b)
            return false;
    }
    return true;
}

static size_t find_kind(const struct gcc_block_kind *kinds, size_t count, uint16_t type)
{
    size_t i = 0;

    while (i < count && kinds[i].type != type)
        i++;
    return i;
}

uint32_t gcc_blocks_read(struct rd *r, const struct gcc_block_kind *kinds, size_t count, void *out)
{
    uint32_t seen = 0;

    while (rd_ok(r) && r->left > 0) {
        struct rd body;
        uint16_t type = rd_u16le(r, "GCC block.type");
        uint16_t length = rd_u16le(r, "GCC block.length");
        size_t i = find_kind(kinds, count, type);

        rd_min(r, "GCC block.length", length, GCC_BLOCK_HEADER_SIZE);
        if (i < count && (seen & 1u << i) != 0)
            rd_refuse(r, SP_ESTATE, "GCC block twice", type, 0);
        rd_sub(r, rd_ok(r) ? length - (size_t)GCC_BLOCK_HEADER_SIZE : 0, &body, "GCC block");
        if (!rd_ok(r) || i == count)
            continue;
        kinds[i].read(&body, out);
        rd_end(&body, "GCC block");
        rd_adopt(r, &body);
        seen |= 1u << i;
    }
    return seen;
}

size_t gcc_block_begin(struct wr *w, uint16_t type)
{
    size_t mark = w->pos;

    wr_u16le(w, type);
    wr_gap(w, 2);
    return mark;
}

void gcc_block_end(struct wr *w, size_t mark)
{
    wr_patch_u16le(w, mark + 2, (uint16_t)(w->pos - mark));
}

void gcc_key_read(struct rd *r)
{
    const uint8_t *key = rd_bytes(r, sizeof(t124_key), "GCC key");

    if (key != NULL && memcmp(key, t124_key, sizeof(t124_key)) != 0)
        rd_refuse(r, SP_EVALUE, "GCC key", key[0], t124_key[0]);
}

void gcc_key_write(struct wr *w)
{
    wr_bytes(w, t124_key, sizeof(t124_key));
}

void gcc_h221_read(struct rd *r, const char *key)
{
    const uint8_t *got = rd_bytes(r, 4, "GCC h221NonStandard");

    if (got != NULL && memcmp(got, key, 4) != 0)
        rd_refuse(r, SP_EVALUE, "GCC h221NonStandard", got[0], (uint8_t)key[0]);
}
