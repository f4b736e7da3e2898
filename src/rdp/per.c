/* SPDX-License-Identifier: Apache-2.0
 * Aligned PER as the MCS domain PDUs and GCC need it.
 */
#include "rdp/per.h"

#define USER_ID_BASE 1001

uint16_t per_length_read(struct rd *r, const char *where)
{
    uint8_t first = rd_u8(r, where);

    if ((first & 0x80) == 0)
        return first;
    if ((first & 0x40) != 0) {
        rd_refuse(r, SP_EVALUE, where, first, 0x80); /* a fragment: never used by RDP */
        return 0;
    }
    uint8_t second = rd_u8(r, where);
    if (!rd_ok(r))
        return 0;
    return (uint16_t)((first & 0x3f) << 8 | second);
}

void per_length_write(struct wr *w, size_t length)
{
    if (length > PER_LENGTH_MAX) {
        wr_refuse(w, SP_ELIMIT, "PER length", UINT16_MAX, PER_LENGTH_MAX);
        return;
    }
    if (length < 0x80)
        wr_u8(w, (uint8_t)length);
    else
        wr_u16be(w, (uint16_t)(length | 0x8000));
}

size_t per_length_gap(struct wr *w)
{
    return wr_gap(w, 2);
}

void per_length_end(struct wr *w, size_t mark)
{
    size_t size = 0;

    if (!wr_ok(w))
        return;
    SP_BUG(w->pos < mark + 2);
    size = w->pos - mark - 2;
    if (size > PER_LENGTH_MAX)
        wr_refuse(w, SP_ELIMIT, "PER length", (uint32_t)size, PER_LENGTH_MAX);
    wr_patch_u16be(w, mark, (uint16_t)(size | 0x8000));
}

uint16_t per_user_id_read(struct rd *r, const char *where)
{
    uint16_t raw = rd_u16be(r, where);

    if (raw > UINT16_MAX - USER_ID_BASE)
        rd_refuse(r, SP_EVALUE, where, raw, UINT16_MAX - USER_ID_BASE);
    return rd_ok(r) ? (uint16_t)(raw + USER_ID_BASE) : 0;
}

void per_user_id_write(struct wr *w, uint16_t id)
{
    SP_BUG(id < USER_ID_BASE);
    wr_u16be(w, (uint16_t)(id - USER_ID_BASE));
}
