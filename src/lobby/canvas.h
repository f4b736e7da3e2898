/* SPDX-License-Identifier: Apache-2.0
 * Painting into one small tile of a screen that is never in memory as a whole.
 *
 * The lobby draws itself anew for each tile: everything outside the tile is cut off. A 4K screen
 * costs as little memory as a small one.
 */
#ifndef SP_LOBBY_CANVAS_H
#define SP_LOBBY_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "lobby/font.h"

#define CANVAS_TILE 64 /* px a side */

/* 0x00RRGGBB */
typedef uint32_t canvas_colour;

struct canvas_rect {
    int x, y, width, height; /* px, of the screen; may lie outside the tile */
};

struct canvas {
    struct canvas_rect tile;                     /* at most CANVAS_TILE a side       */
    canvas_colour px[CANVAS_TILE * CANVAS_TILE]; /* rows of CANVAS_TILE, top row first */
};

/* Start a tile, filled with one colour. */
void canvas_begin(struct canvas *c, struct canvas_rect tile, canvas_colour colour);

/* Fill a rectangle. */
void canvas_fill(struct canvas *c, struct canvas_rect r, canvas_colour colour);

/* Draw the border of a rectangle, thick px wide, inside it. */
void canvas_frame(struct canvas *c, struct canvas_rect r, int thick, canvas_colour colour);

/*
 * Write text in one line.
 * x, y     its top left corner
 * size     bytes of text at most
 * Returns  the x behind the last letter
 */
int canvas_text(struct canvas *c, const struct font *f, int x, int y, const char *text, size_t size,
                canvas_colour colour);

/* True if all pixels of the tile have one colour, which is then in *colour. */
bool canvas_is_plain(const struct canvas *c, canvas_colour *colour);

/* True if the point is in the rectangle. */
bool canvas_contains(struct canvas_rect r, int x, int y);

#endif
