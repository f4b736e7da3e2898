/* SPDX-License-Identifier: Apache-2.0
 * Bitmap updates of our own.
 */
#include "rdp/bitmap_update.h"

#include "rdp/mcs.h"
#include "rdp/share.h"

#define UPDATETYPE_BITMAP          1
#define FASTPATH_UPDATETYPE_BITMAP 1
#define BITMAP_COMPRESSION         0x0001
#define MEGA_MEGA_COLOR_RUN        0xF3 /* MS-RDPBCGR 3.1.9: one colour, 16 bits of length */
#define COUNT_AT                   2
#define BODY_HEADER_SIZE           4
#define RECT_HEADER_SIZE           18
#define RUN_SIZE                   5
#define CD_HEADER_SIZE             8

void bitmap_body_begin(struct wr *w)
{
    wr_u16le(w, UPDATETYPE_BITMAP);
    wr_u16le(w, 0); /* counted as tiles are added */
}

static uint16_t to_565(uint32_t rgb)
{
    return (uint16_t)((rgb >> 8 & 0xF800) | (rgb >> 5 & 0x07E0) | (rgb >> 3 & 0x001F));
}

static void write_header(struct wr *w, const struct bitmap_tile *t, uint16_t width, size_t size)
{
    wr_u16le(w, t->x);
    wr_u16le(w, t->y);
    wr_u16le(w, (uint16_t)(t->x + t->width - 1));
    wr_u16le(w, (uint16_t)(t->y + t->height - 1));
    wr_u16le(w, width);
    wr_u16le(w, t->height);
    wr_u16le(w, 16);
    wr_u16le(w, t->is_plain ? BITMAP_COMPRESSION : 0);
    wr_u16le(w, (uint16_t)size);
}

static void write_run(struct wr *w, const struct bitmap_tile *t, uint16_t width)
{
    wr_u16le(w, 0); /* cbCompFirstRowSize */
    wr_u16le(w, RUN_SIZE);
    wr_u16le(w, (uint16_t)(width * 2));
    wr_u16le(w, (uint16_t)(width * 2 * t->height));
    wr_u8(w, MEGA_MEGA_COLOR_RUN);
    wr_u16le(w, (uint16_t)(width * t->height));
    wr_u16le(w, to_565(t->pixels[0]));
}

/* Rows go from the bottom up. */
static void write_rows(struct wr *w, const struct bitmap_tile *t, uint16_t width)
{
    for (size_t row = t->height; row > 0; row--) {
        const uint32_t *from = t->pixels + (row - 1) * t->stride;

        for (size_t x = 0; x < width; x++)
            wr_u16le(w, x < t->width ? to_565(from[x]) : 0);
    }
}

enum sp_err bitmap_body_add(struct wr *w, const struct bitmap_tile *t)
{
    uint16_t width = (uint16_t)((t->width + 3) & ~3);
    size_t size = t->is_plain ? CD_HEADER_SIZE + RUN_SIZE : (size_t)width * t->height * 2;

    SP_BUG(t->width < 1 || t->height < 1 || t->width > BITMAP_TILE_MAX ||
           t->height > BITMAP_TILE_MAX);
    if (w->pos + RECT_HEADER_SIZE + size > BITMAP_BODY_MAX)
        return SP_ESPACE;
    write_header(w, t, width, size);
    if (t->is_plain)
        write_run(w, t, width);
    else
        write_rows(w, t, width);
    uint16_t count = (uint16_t)(w->buf[COUNT_AT] | w->buf[COUNT_AT + 1] << 8);
    count++;
    w->buf[COUNT_AT] = (uint8_t)count;
    w->buf[COUNT_AT + 1] = (uint8_t)(count >> 8);
    return w->fail.code;
}

bool bitmap_body_is_used(const struct wr *w)
{
    return w->pos > BODY_HEADER_SIZE;
}

enum sp_err bitmap_update_fastpath(struct wr *out, struct wr *body)
{
    size_t size = 3 + 3 + body->pos;

    wr_u8(out, 0);
    wr_u16be(out, (uint16_t)(0x8000u | size));
    wr_u8(out, FASTPATH_UPDATETYPE_BITMAP);
    wr_u16le(out, (uint16_t)body->pos);
    wr_bytes(out, body->buf, body->pos);
    return out->fail.code;
}

enum sp_err bitmap_update_slowpath(struct wr *out, struct wr *body, uint32_t share_id)
{
    size_t mark = mcs_send_begin(out, true, MCS_SERVER_CHANNEL, MCS_GLOBAL_CHANNEL);
    size_t begin = share_data_begin(out, SHARE_SERVER_CHANNEL, share_id, PDUTYPE2_UPDATE);

    wr_bytes(out, body->buf, body->pos);
    share_data_end(out, begin);
    mcs_send_end(out, mark);
    return out->fail.code;
}
