/* SPDX-License-Identifier: Apache-2.0
 * Letters as tables, made when Sallyport is built (tools/font_maker.c): DejaVu Sans in seven sizes.
 */
#ifndef SP_LOBBY_FONT_H
#define SP_LOBBY_FONT_H

#include <stddef.h>
#include <stdint.h>

#define FONT_REPLACEMENT 0xFFFD /* for what is not in the tables */

/* Coverage of width x height pixels, four bits each, the left one of two in the low half. */
struct font_glyph {
    uint32_t offset; /* into the font's bits */
    uint16_t code;
    int8_t left, top; /* px from the pen and from the line's top */
    uint8_t width, height, advance;
};

struct font {
    uint8_t size_px, line_px; /* line_px: from one line's top to the next one's */
    uint16_t count;
    const struct font_glyph *glyphs; /* by rising code */
    const uint8_t *bits;
};

/* By rising size. */
extern const struct font font_all[];
extern const size_t font_count;

/* The largest font of at most size_px; the smallest one if all are larger. */
const struct font *font_of(unsigned size_px);

/* The glyph of a code point, or that of FONT_REPLACEMENT. */
const struct font_glyph *font_find(const struct font *f, uint32_t code);

/*
 * Take the next code point off UTF-8 text; bytes that are none give FONT_REPLACEMENT, one each.
 * text     not at its NUL; stepped on
 */
uint32_t font_next(const char **text);

/* Width in px of the first size bytes of text, or of all of it if it is shorter. */
int font_width(const struct font *f, const char *text, size_t size);

#endif
