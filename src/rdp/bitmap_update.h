/* SPDX-License-Identifier: Apache-2.0
 * Bitmap updates of our own, at 16 bits a pixel, uncompressed but for tiles of one colour: what the
 * lobby and notices draw with. Nothing is cached and no compression history is touched, so that a
 * target's graphics may begin at any time.
 */
#ifndef SP_RDP_BITMAP_UPDATE_H
#define SP_RDP_BITMAP_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define BITMAP_TILE_MAX        64    /* px a side */
#define BITMAP_BODY_MAX        16000 /* so that a fast-path PDU holds it      */
#define BITMAP_RECT_MAX        (18 + BITMAP_TILE_MAX * BITMAP_TILE_MAX * 2) /* bytes */
#define BITMAP_UPDATE_SIZE_MAX (BITMAP_BODY_MAX + 64) /* with any envelope    */

/* One tile. Its width is rounded up to a multiple of four in what is sent. */
struct bitmap_tile {
    uint16_t x, y, width, height; /* px, on the desktop            */
    bool is_plain;                /* all pixels are pixels[0]      */
    const uint32_t *pixels;       /* 0x00RRGGBB, top row first     */
    size_t stride;                /* pixels from one row to the next */
};

/*
 * Begin the body of an update; add tiles, then wrap it.
 * w        at least BITMAP_BODY_MAX bytes
 */
void bitmap_body_begin(struct wr *w);

/*
 * Append one tile to a body.
 * Spec:    MS-RDPBCGR 2.2.9.1.1.3.1.2.2
 * Errors:  SP_ESPACE no room: nothing was written; send the body and begin another
 */
SP_MUST_USE enum sp_err bitmap_body_add(struct wr *w, const struct bitmap_tile *tile);

/* True if the body holds a tile. */
bool bitmap_body_is_used(const struct wr *w);

/*
 * Wrap a body as a fast-path update PDU.
 * Spec:    MS-RDPBCGR 2.2.9.1.2.1.2
 * body     from bitmap_body_begin; its count is filled in
 * Errors:  SP_ESPACE
 */
SP_MUST_USE enum sp_err bitmap_update_fastpath(struct wr *out, struct wr *body);

/*
 * Wrap a body as a slow-path update in its MCS PDU on the I/O channel.
 * Spec:    MS-RDPBCGR 2.2.9.1.1.3.1.2
 * Errors:  SP_ESPACE
 */
SP_MUST_USE enum sp_err bitmap_update_slowpath(struct wr *out, struct wr *body, uint32_t share_id);

#endif
