/* SPDX-License-Identifier: Apache-2.0
 * Keyboards: US, UK, German, French; everything else counts as US unless the client sends Unicode.
 */
#include "lobby/keys.h"

#include <stddef.h>

#include "lobby/font.h"

#define LANGUAGE_MASK 0x3FF
#define LANG_GERMAN   0x07
#define LANG_FRENCH   0x0C
#define LAYOUT_UK     0x0809
#define LAYOUT_BE_FR  0x080C /* AZERTY too, but close enough for letters */

#define SCAN_ESCAPE      0x01
#define SCAN_BACKSPACE   0x0E
#define SCAN_TAB         0x0F
#define SCAN_ENTER       0x1C
#define SCAN_CONTROL     0x1D
#define SCAN_SHIFT_LEFT  0x2A
#define SCAN_SHIFT_RIGHT 0x36
#define SCAN_ALT         0x38
#define SCAN_SPACE       0x39
#define SCAN_CAPS        0x3A
#define SCAN_F2          0x3C
#define SCAN_102         0x56

/*
 * One line a shift state: scan codes 0x02-0x0D, 0x10-0x1B, 0x1E-0x29, 0x2B-0x35, 0x56. A blank is a
 * key that gives nothing.
 */
static const char *const us[] = {
    "1234567890-=qwertyuiop[]asdfghjkl;'`\\zxcvbnm,./\\",
    "!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:\"~|ZXCVBNM<>?|",
    "                                                ",
};
static const char *const uk[] = {
    "1234567890-=qwertyuiop[]asdfghjkl;'`#zxcvbnm,./\\",
    "!\"£$%^&*()_+QWERTYUIOP{}ASDFGHJKL:@¬~ZXCVBNM<>?|",
    "   €                                            ",
};
static const char *const german[] = {
    "1234567890ß´qwertzuiopü+asdfghjklöä^#yxcvbnm,.-<",
    "!\"§$%&/()=?`QWERTZUIOPÜ*ASDFGHJKLÖÄ°'YXCVBNM;:_>",
    " ²³   {[]}\\ @ €        ~                   µ   |",
};
static const char *const french[] = {
    "&é\"'(-è_çà)=azertyuiop^$qsdfghjklmù²*wxcvbn,;:!<",
    "1234567890°+AZERTYUIOP¨£QSDFGHJKLM% µWXCVBN?./§>",
    " ~#{[|`\\^@]}  €        ¤                        ",
};

void keys_init(struct keys *k, uint32_t layout)
{
    uint32_t language = layout & LANGUAGE_MASK;

    *k = (struct keys){.layout = us};
    if ((layout & 0xFFFF) == LAYOUT_UK)
        k->layout = uk;
    else if (language == LANG_GERMAN)
        k->layout = german;
    else if (language == LANG_FRENCH)
        k->layout = french;
}

/* The place of a scan code in the lines above, or -1. */
static int place_of(uint16_t scan)
{
    if (scan >= 0x02 && scan <= 0x0D)
        return scan - 0x02;
    if (scan >= 0x10 && scan <= 0x1B)
        return scan - 0x10 + 12;
    if (scan >= 0x1E && scan <= 0x29)
        return scan - 0x1E + 24;
    if (scan >= 0x2B && scan <= 0x35)
        return scan - 0x2B + 36;
    return scan == SCAN_102 ? 47 : -1;
}

static uint32_t at_place(const char *line, int place)
{
    uint32_t code = 0;

    for (int i = 0; i <= place; i++) {
        if (*line == '\0')
            return 0;
        code = font_next(&line);
    }
    return code == ' ' ? 0 : code;
}

static bool is_letter(uint32_t code)
{
    return (code >= 'a' && code <= 'z') || (code >= 0xE0 && code <= 0xFE && code != 0xF7);
}

static uint32_t letter_of(const struct keys *k, uint16_t scan)
{
    static const char keypad[] = "789-456+1230."; /* 0x47 … 0x53 */
    int place = place_of(scan);

    if (scan == SCAN_SPACE)
        return ' ';
    if (scan >= 0x47 && scan <= 0x53)
        return (uint8_t)keypad[scan - 0x47];
    if (scan == 0x37)
        return '*';
    if (place < 0)
        return 0;
    if (k->is_altgr)
        return at_place(k->layout[2], place);
    uint32_t plain = at_place(k->layout[0], place);
    bool is_upper = k->is_shift != (k->is_caps && is_letter(plain));
    return is_upper ? at_place(k->layout[1], place) : plain;
}

static enum key_kind special_of(const struct keys *k, const struct input_event *e)
{
    static const struct {
        uint16_t scan;
        bool is_extended;
        enum key_kind kind;
    } specials[] = {
        {SCAN_ESCAPE, false, KEY_ESCAPE}, {SCAN_BACKSPACE, false, KEY_BACKSPACE},
        {SCAN_ENTER, false, KEY_ENTER},   {SCAN_ENTER, true, KEY_ENTER},
        {SCAN_F2, false, KEY_CONTRAST},   {0x48, true, KEY_UP},
        {0x50, true, KEY_DOWN},           {0x49, true, KEY_PAGE_UP},
        {0x51, true, KEY_PAGE_DOWN},      {0x53, true, KEY_BACKSPACE},
    };

    if (e->code == SCAN_TAB)
        return k->is_shift ? KEY_BACKTAB : KEY_TAB;
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
        if (specials[i].scan == e->code && specials[i].is_extended == e->is_extended)
            return specials[i].kind;
    return KEY_NONE;
}

/* True if it is a key that changes others. */
static bool take_modifier(struct keys *k, const struct input_event *e)
{
    switch (e->code) {
    case SCAN_SHIFT_LEFT:
    case SCAN_SHIFT_RIGHT:
        if (!e->is_extended)
            k->is_shift = !e->is_release;
        return true;
    case SCAN_CONTROL:
        k->is_control = !e->is_release;
        return true;
    case SCAN_ALT:
        if (e->is_extended)
            k->is_altgr = !e->is_release;
        return true;
    case SCAN_CAPS:
        k->is_caps = e->is_release ? k->is_caps : !k->is_caps;
        return true;
    default:
        return false;
    }
}

static void take_unicode(struct keys *k, uint16_t unit, struct key *out)
{
    uint32_t code = unit;

    if (unit >= 0xD800 && unit < 0xDC00) {
        k->high_surrogate = unit;
        return;
    }
    if (unit >= 0xDC00 && unit < 0xE000) {
        if (k->high_surrogate == 0)
            return;
        code = 0x10000 + ((uint32_t)(k->high_surrogate - 0xD800) << 10) + (unit - 0xDC00u);
    }
    k->high_surrogate = 0;
    if (code == '\r' || code == '\n')
        *out = (struct key){.kind = KEY_ENTER};
    else if (code == '\b')
        *out = (struct key){.kind = KEY_BACKSPACE};
    else if (code >= 0x20 && code != 0x7F)
        *out = (struct key){.kind = KEY_CHAR, .code = code};
}

void keys_take(struct keys *k, const struct input_event *e, struct key *out)
{
    *out = (struct key){.kind = KEY_NONE};
    if (e->kind == INPUT_UNICODE && !e->is_release)
        take_unicode(k, e->code, out);
    if (e->kind != INPUT_KEY || take_modifier(k, e) || e->is_release)
        return;
    out->kind = special_of(k, e);
    if (out->kind != KEY_NONE || (e->is_extended && e->code != 0x35) ||
        (k->is_control && !k->is_altgr))
        return;
    out->code = letter_of(k, e->code);
    out->kind = out->code != 0 ? KEY_CHAR : KEY_NONE;
}

int keys_utf8(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}
