/* SPDX-License-Identifier: Apache-2.0
 * Painting into one tile.
 */
#include "lobby/canvas.h"

#include "base/err.h"

static int at_least(int a, int b)
{
    return a > b ? a : b;
}

static int at_most(int a, int b)
{
    return a < b ? a : b;
}

void canvas_begin(struct canvas *c, struct canvas_rect tile, canvas_colour colour)
{
    SP_BUG(tile.width < 1 || tile.height < 1 || tile.width > CANVAS_TILE ||
           tile.height > CANVAS_TILE);
    c->tile = tile;
    canvas_fill(c, tile, colour);
}

void canvas_fill(struct canvas *c, struct canvas_rect r, canvas_colour colour)
{
    int left = at_least(r.x - c->tile.x, 0);
    int top = at_least(r.y - c->tile.y, 0);
    int right = at_most(r.x + r.width - c->tile.x, c->tile.width);
    int bottom = at_most(r.y + r.height - c->tile.y, c->tile.height);

    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            c->px[y * CANVAS_TILE + x] = colour;
}

void canvas_frame(struct canvas *c, struct canvas_rect r, int thick, canvas_colour colour)
{
    canvas_fill(c, (struct canvas_rect){r.x, r.y, r.width, thick}, colour);
    canvas_fill(c, (struct canvas_rect){r.x, r.y + r.height - thick, r.width, thick}, colour);
    canvas_fill(c, (struct canvas_rect){r.x, r.y, thick, r.height}, colour);
    canvas_fill(c, (struct canvas_rect){r.x + r.width - thick, r.y, thick, r.height}, colour);
}

/* Of 15 parts, coverage parts of above over below. */
static canvas_colour blend(canvas_colour below, canvas_colour above, unsigned coverage)
{
    canvas_colour mixed = 0;

    for (unsigned shift = 0; shift < 24; shift += 8) {
        unsigned a = above >> shift & 0xFF, b = below >> shift & 0xFF;

        mixed |= ((a * coverage + b * (15 - coverage)) / 15) << shift;
    }
    return mixed;
}

static void draw_glyph(struct canvas *c, const struct font *f, const struct font_glyph *g, int x,
                       int y, canvas_colour colour)
{
    size_t stride = (g->width + 1u) / 2;

    for (int row = 0; row < g->height; row++) {
        int to_y = y + row - c->tile.y;

        if (to_y < 0 || to_y >= c->tile.height)
            continue;
        for (int column = 0; column < g->width; column++) {
            int to_x = x + column - c->tile.x;

            if (to_x < 0 || to_x >= c->tile.width)
                continue;
            uint8_t pair = f->bits[g->offset + (size_t)row * stride + (size_t)column / 2];
            canvas_colour *px = &c->px[to_y * CANVAS_TILE + to_x];
            *px = blend(*px, colour, (column & 1) != 0 ? pair >> 4 : pair & 15);
        }
    }
}

int canvas_text(struct canvas *c, const struct font *f, int x, int y, const char *text, size_t size,
                canvas_colour colour)
{
    const char *at = text;
    bool is_near = y < c->tile.y + c->tile.height && y + f->line_px + f->size_px > c->tile.y;

    while (*at != '\0' && (size_t)(at - text) < size) {
        const struct font_glyph *g = font_find(f, font_next(&at));

        if (is_near && x + g->left < c->tile.x + c->tile.width &&
            x + g->left + g->width > c->tile.x)
            draw_glyph(c, f, g, x + g->left, y + g->top, colour);
        x += g->advance;
    }
    return x;
}

bool canvas_is_plain(const struct canvas *c, canvas_colour *colour)
{
    *colour = c->px[0];
    for (int y = 0; y < c->tile.height; y++)
        for (int x = 0; x < c->tile.width; x++)
            if (c->px[y * CANVAS_TILE + x] != *colour)
                return false;
    return true;
}

bool canvas_contains(struct canvas_rect r, int x, int y)
{
    return x >= r.x && x < r.x + r.width && y >= r.y && y < r.y + r.height;
}
