/* SPDX-License-Identifier: Apache-2.0
 * Finding letters, and measuring text.
 */
#include "lobby/font.h"

const struct font *font_of(unsigned size_px)
{
    size_t best = 0;

    for (size_t i = 0; i < font_count; i++)
        if (font_all[i].size_px <= size_px)
            best = i;
    return &font_all[best];
}

static const struct font_glyph *look_up(const struct font *f, uint32_t code)
{
    size_t low = 0, high = f->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (f->glyphs[middle].code == code)
            return &f->glyphs[middle];
        if (f->glyphs[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct font_glyph *font_find(const struct font *f, uint32_t code)
{
    const struct font_glyph *found = look_up(f, code);

    if (found == NULL)
        found = look_up(f, FONT_REPLACEMENT);
    return found != NULL ? found : f->glyphs;
}

uint32_t font_next(const char **text)
{
    const uint8_t *p = (const uint8_t *)*text;
    size_t more = p[0] < 0x80 ? 0 : (p[0] & 0xE0) == 0xC0 ? 1 : (p[0] & 0xF0) == 0xE0 ? 2 : 3;
    uint32_t code = more == 0 ? p[0] : p[0] & (0x3Fu >> more);

    if (p[0] >= 0x80 && (p[0] < 0xC2 || p[0] > 0xF4)) {
        *text += 1;
        return FONT_REPLACEMENT;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *text += 1;
            return FONT_REPLACEMENT;
        }
        code = code << 6 | (p[i] & 0x3Fu);
    }
    *text += more + 1;
    return code;
}

int font_width(const struct font *f, const char *text, size_t size)
{
    const char *end = text;
    int width = 0;

    while (*end != '\0' && (size_t)(end - text) < size)
        width += font_find(f, font_next(&end))->advance;
    return width;
}
