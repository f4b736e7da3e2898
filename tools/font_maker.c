/* SPDX-License-Identifier: Apache-2.0
 * A tool of the build: draws the letters of a font into tables that the lobby paints with.
 *
 *   font_maker OUT.c
 *
 * The session that draws the lobby reads a client's bytes, so no font file, font library or
 * graphics library is in it: cairo is used here, on the machine that builds, and what remains is
 * read-only data, four bits of coverage a pixel.
 */
#include <cairo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILY "DejaVu Sans"
#define BOX    128 /* px; larger than any glyph */

static const int sizes[] = {14, 16, 20, 24, 32, 40, 48};

/* First and last code point of each range. */
static const uint16_t ranges[][2] = {
    {0x20, 0x7E},     {0xA0, 0x17F},    {0x386, 0x3CE},   {0x400, 0x45F},
    {0x490, 0x491},   {0x2010, 0x2015}, {0x2018, 0x201E}, {0x2022, 0x2022},
    {0x2026, 0x2026}, {0x2030, 0x2030}, {0x20AC, 0x20AC}, {0x2190, 0x2193},
    {0x2212, 0x2212}, {0x25B6, 0x25B6}, {0x25CF, 0x25CF}, {0xFFFD, 0xFFFD},
};

struct maker {
    FILE *out;
    cairo_surface_t *surface;
    cairo_t *cr;
    size_t bytes; /* of the present size's bits */
};

static void die(const char *what)
{
    fprintf(stderr, "font_maker: %s\n", what);
    exit(1);
}

static void to_utf8(uint16_t code, char out[4])
{
    memset(out, 0, 4);
    if (code < 0x80) {
        out[0] = (char)code;
    } else if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
    } else {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
    }
}

/* The smallest box that holds the glyph, as first and last column and row; false if it is blank. */
static int bounds(const unsigned char *data, int stride, int box[4])
{
    box[0] = box[2] = BOX;
    box[1] = box[3] = -1;
    for (int y = 0; y < BOX; y++) {
        for (int x = 0; x < BOX; x++) {
            if (data[y * stride + x] < 8)
                continue;
            box[0] = x < box[0] ? x : box[0];
            box[1] = x > box[1] ? x : box[1];
            box[2] = y < box[2] ? y : box[2];
            box[3] = y > box[3] ? y : box[3];
        }
    }
    return box[1] >= 0;
}

/* Two pixels a byte, the left one in the low half; rows begin at a byte. */
static void write_bits(struct maker *m, const unsigned char *data, int stride, const int box[4])
{
    for (int y = box[2]; y <= box[3]; y++) {
        for (int x = box[0]; x <= box[1]; x += 2) {
            int left = data[y * stride + x] * 15 / 255;
            int right = x + 1 <= box[1] ? data[y * stride + x + 1] * 15 / 255 : 0;

            fprintf(m->out, "%d,", left | right << 4);
            m->bytes++;
        }
    }
    fputc('\n', m->out);
}

struct made {
    uint16_t code;
    int left, top, width, height, advance;
    size_t offset;
};

static struct made draw(struct maker *m, uint16_t code, int ascent)
{
    struct made g = {.code = code, .offset = m->bytes};
    cairo_text_extents_t extents;
    char text[4];
    int box[4];

    to_utf8(code, text);
    cairo_set_operator(m->cr, CAIRO_OPERATOR_CLEAR);
    cairo_paint(m->cr);
    cairo_set_operator(m->cr, CAIRO_OPERATOR_OVER);
    cairo_move_to(m->cr, BOX / 4, BOX / 4 + ascent);
    cairo_show_text(m->cr, text);
    cairo_surface_flush(m->surface);
    cairo_text_extents(m->cr, text, &extents);
    g.advance = (int)(extents.x_advance + 0.5);
    const unsigned char *data = cairo_image_surface_get_data(m->surface);
    int stride = cairo_image_surface_get_stride(m->surface);
    if (!bounds(data, stride, box))
        return g;
    g.left = box[0] - BOX / 4;
    g.top = box[2] - BOX / 4;
    g.width = box[1] - box[0] + 1;
    g.height = box[3] - box[2] + 1;
    write_bits(m, data, stride, box);
    return g;
}

static size_t make_size(struct maker *m, int px)
{
    static struct made made[2048];
    cairo_font_extents_t extents;
    size_t count = 0;

    m->bytes = 0;
    cairo_set_font_size(m->cr, px);
    cairo_font_extents(m->cr, &extents);
    int ascent = (int)(extents.ascent + 0.5);
    fprintf(m->out, "static const uint8_t bits_%d[] = {\n", px);
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        for (uint32_t code = ranges[i][0]; code <= ranges[i][1]; code++)
            made[count++] = draw(m, (uint16_t)code, ascent);
    fprintf(m->out, "0};\nstatic const struct font_glyph glyphs_%d[] = {\n", px);
    for (size_t i = 0; i < count; i++)
        fprintf(m->out, "{%zu,0x%X,%d,%d,%d,%d,%d},\n", made[i].offset, made[i].code, made[i].left,
                made[i].top, made[i].width, made[i].height, made[i].advance);
    fprintf(m->out, "};\n#define LINE_%d %d\n", px, (int)(extents.height + 0.5));
    return count;
}

int main(int argc, char **argv)
{
    struct maker m = {.surface = cairo_image_surface_create(CAIRO_FORMAT_A8, BOX, BOX)};
    size_t counts[sizeof(sizes) / sizeof(sizes[0])];

    if (argc != 2 || (m.out = fopen(argv[1], "w")) == NULL)
        die("usage: font_maker OUT.c");
    m.cr = cairo_create(m.surface);
    cairo_select_font_face(m.cr, FAMILY, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    fputs("/* Made by tools/font_maker.c. */\n#include \"lobby/font.h\"\n", m.out);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        counts[i] = make_size(&m, sizes[i]);
    fputs("const struct font font_all[] = {\n", m.out);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        fprintf(m.out, "{%d, LINE_%d, %zu, glyphs_%d, bits_%d},\n", sizes[i], sizes[i], counts[i],
                sizes[i], sizes[i]);
    fprintf(m.out, "};\nconst size_t font_count = %zu;\n", sizeof(sizes) / sizeof(sizes[0]));
    if (cairo_status(m.cr) != CAIRO_STATUS_SUCCESS)
        die(cairo_status_to_string(cairo_status(m.cr)));
    cairo_destroy(m.cr);
    cairo_surface_destroy(m.surface);
    return ferror(m.out) != 0 || fclose(m.out) != 0;
}
