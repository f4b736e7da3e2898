/* SPDX-License-Identifier: Apache-2.0
 * Capability sets of our own: the lobby's Demand Active and a plain client's Confirm Active.
 */
#include "rdp/caps.h"
#include "rdp/share.h"

#define OSMAJORTYPE_UNSPECIFIED    0x0000
#define TS_CAPS_PROTOCOLVERSION    0x0200
#define NEGOTIATEORDERSUPPORT      0x0002
#define ZEROBOUNDSDELTASSUPPORT    0x0008
#define COLORINDEXSUPPORT          0x0020
#define ORD_LEVEL_1_ORDERS         1
#define INPUT_FLAG_SCANCODES       0x0001
#define INPUT_FLAG_MOUSEX          0x0004
#define INPUT_FLAG_UNICODE         0x0010
#define INPUT_FLAG_FASTPATH_INPUT2 0x0020
#define LARGE_POINTER_FLAG_96x96   0x0001
#define FONTSUPPORT_FONTLIST       0x0001
#define MULTIFRAGMENT_DEFAULT      0x00038400
#define POINTER_CACHE_SIZE         20
#define KEYBOARD_TYPE_ENHANCED     4
#define KEYBOARD_FUNCTION_KEYS     12
#define KEYBOARD_LAYOUT_US         0x00000409
#define IME_FILE_NAME_SIZE         64
#define ORDER_SUPPORT_SIZE         32
#define GLYPH_CACHE_SIZE           44

/* Both PDUs differ in little: one writer, told which of them it writes. */
struct plain {
    bool is_confirm;
    uint16_t width, height, bits_per_pixel;
};

typedef void plain_set_fn(struct wr *w, const struct plain *p);

static void write_general(struct wr *w, const struct plain *p)
{
    wr_u16le(w, OSMAJORTYPE_UNSPECIFIED);
    wr_u16le(w, 0);
    wr_u16le(w, TS_CAPS_PROTOCOLVERSION);
    wr_zero(w, 4);
    wr_u16le(w, FASTPATH_OUTPUT_SUPPORTED | LONG_CREDENTIALS_SUPPORTED | NO_BITMAP_COMPRESSION_HDR);
    wr_zero(w, 6);
    wr_u8(w, !p->is_confirm); /* refreshRectSupport and suppressOutputSupport: server only */
    wr_u8(w, !p->is_confirm);
}

static void write_bitmap(struct wr *w, const struct plain *p)
{
    wr_u16le(w, p->bits_per_pixel);
    for (int i = 0; i < 3; i++)
        wr_u16le(w, 1); /* receive 1, 4 and 8 bits: ignored, SHOULD be TRUE (2.2.7.1.2) */
    wr_u16le(w, p->width);
    wr_u16le(w, p->height);
    wr_u16le(w, 0);
    wr_u16le(w, 1); /* desktopResizeFlag */
    wr_u16le(w, 1); /* bitmapCompressionFlag MUST be TRUE */
    wr_u8(w, 0);
    wr_u8(w, 0);
    wr_u16le(w, 1); /* multipleRectangleSupport MUST be TRUE */
    wr_u16le(w, 0);
}

static void write_order(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_zero(w, 20); /* terminalDescriptor, pad4octetsA */
    wr_u16le(w, 1);
    wr_u16le(w, 20);
    wr_u16le(w, 0);
    wr_u16le(w, ORD_LEVEL_1_ORDERS);
    wr_u16le(w, 0);
    wr_u16le(w, NEGOTIATEORDERSUPPORT | ZEROBOUNDSDELTASSUPPORT | COLORINDEXSUPPORT);
    wr_zero(w, ORDER_SUPPORT_SIZE); /* none: bitmaps only */
    wr_zero(w, 20);
}

static void write_bitmap_cache(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_zero(w, 36); /* no cells: nothing is cached */
}

static void write_pointer(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_u16le(w, 1);
    wr_u16le(w, POINTER_CACHE_SIZE);
    wr_u16le(w, POINTER_CACHE_SIZE);
}

static void write_input(struct wr *w, const struct plain *p)
{
    wr_u16le(w, INPUT_FLAG_SCANCODES | INPUT_FLAG_MOUSEX | INPUT_FLAG_UNICODE |
                    INPUT_FLAG_FASTPATH_INPUT2);
    wr_u16le(w, 0);
    wr_u32le(w, p->is_confirm ? KEYBOARD_LAYOUT_US : 0);
    wr_u32le(w, p->is_confirm ? KEYBOARD_TYPE_ENHANCED : 0);
    wr_u32le(w, 0);
    wr_u32le(w, p->is_confirm ? KEYBOARD_FUNCTION_KEYS : 0);
    wr_zero(w, IME_FILE_NAME_SIZE);
}

static void write_brush(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_u32le(w, 0);
}

static void write_glyph_cache(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_zero(w, GLYPH_CACHE_SIZE + 4); /* GLYPH_SUPPORT_NONE */
}

static void write_offscreen_cache(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_zero(w, 8); /* offscreenSupportLevel FALSE */
}

static void write_virtual_channel(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_u32le(w, 0);
    wr_u32le(w, CAPS_CHUNK_DEFAULT);
}

static void write_share(struct wr *w, const struct plain *p)
{
    wr_u16le(w, p->is_confirm ? 0 : SHARE_SERVER_CHANNEL);
    wr_u16le(w, 0);
}

static void write_font(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_u16le(w, FONTSUPPORT_FONTLIST);
    wr_u16le(w, 0);
}

static void write_sound(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_u32le(w, 0);
}

static void write_multifragment(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_u32le(w, MULTIFRAGMENT_DEFAULT);
}

static void write_large_pointer(struct wr *w, const struct plain *p)
{
    (void)p;
    wr_u16le(w, LARGE_POINTER_FLAG_96x96);
}

static const struct plain_set {
    uint16_t type;
    bool is_client_only; /* 2.2.1.13.2.1 lists them for the client alone */
    plain_set_fn *write;
} plain_sets[] = {
    {CAPSTYPE_GENERAL, false, write_general},
    {CAPSTYPE_BITMAP, false, write_bitmap},
    {CAPSTYPE_ORDER, false, write_order},
    {CAPSTYPE_BITMAPCACHE, true, write_bitmap_cache},
    {CAPSTYPE_POINTER, false, write_pointer},
    {CAPSTYPE_INPUT, false, write_input},
    {CAPSTYPE_BRUSH, true, write_brush},
    {CAPSTYPE_GLYPHCACHE, true, write_glyph_cache},
    {CAPSTYPE_OFFSCREENCACHE, true, write_offscreen_cache},
    {CAPSTYPE_VIRTUALCHANNEL, false, write_virtual_channel},
    {CAPSTYPE_SOUND, true, write_sound},
    {CAPSTYPE_SHARE, false, write_share},
    {CAPSTYPE_FONT, false, write_font},
    {CAPSETTYPE_MULTIFRAGMENTUPDATE, false, write_multifragment},
    {CAPSETTYPE_LARGE_POINTER, false, write_large_pointer},
};

static void write_plain(struct wr *w, const struct plain *p, uint16_t pdu_source, uint32_t share_id)
{
    static const uint8_t server_name[] = "RDP";       /* what Windows servers say */
    static const uint8_t client_name[] = "SALLYPORT"; /* both with their NUL */
    uint8_t space[512];
    struct active_pdu pdu = {.is_confirm = p->is_confirm,
                             .pdu_source = pdu_source,
                             .share_id = share_id,
                             .descriptor = p->is_confirm ? client_name : server_name};
    struct wr sets;

    pdu.descriptor_size = p->is_confirm ? sizeof(client_name) : sizeof(server_name);
    wr_init(&sets, space, sizeof(space));
    for (size_t i = 0; i < sizeof(plain_sets) / sizeof(plain_sets[0]); i++) {
        struct caps_set *set = &pdu.sets[pdu.set_count];
        size_t begin = sets.pos;

        if (plain_sets[i].is_client_only && !p->is_confirm)
            continue;
        set->type = plain_sets[i].type;
        plain_sets[i].write(&sets, p);
        SP_BUG(!wr_ok(&sets));
        rd_init(&set->data, space + begin, sets.pos - begin);
        pdu.set_count++;
    }
    active_pdu_write(w, &pdu);
}

void demand_active_write_minimal(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                                 uint16_t width_px, uint16_t height_px, uint16_t bits_per_pixel)
{
    struct plain p = {false, width_px, height_px, bits_per_pixel};

    write_plain(w, &p, pdu_source, share_id);
}

void confirm_active_write_minimal(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                                  uint16_t width_px, uint16_t height_px, uint16_t bits_per_pixel)
{
    struct plain p = {true, width_px, height_px, bits_per_pixel};

    write_plain(w, &p, pdu_source, share_id);
}
