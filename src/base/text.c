/* SPDX-License-Identifier: Apache-2.0
 * Text that a peer chose: UTF-16 to UTF-8 and back, and escaping before it is shown.
 */
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wctype.h>

#define REPLACEMENT 0xFFFDu

static size_t utf8_put(uint32_t c, char *out, size_t room)
{
    char b[4];
    size_t n;

    if (c < 0x80) {
        b[0] = (char)c;
        n = 1;
    } else if (c < 0x800) {
        b[0] = (char)(0xC0 | c >> 6);
        b[1] = (char)(0x80 | (c & 0x3F));
        n = 2;
    } else if (c < 0x10000) {
        b[0] = (char)(0xE0 | c >> 12);
        b[1] = (char)(0x80 | (c >> 6 & 0x3F));
        b[2] = (char)(0x80 | (c & 0x3F));
        n = 3;
    } else {
        b[0] = (char)(0xF0 | c >> 18);
        b[1] = (char)(0x80 | (c >> 12 & 0x3F));
        b[2] = (char)(0x80 | (c >> 6 & 0x3F));
        b[3] = (char)(0x80 | (c & 0x3F));
        n = 4;
    }
    if (n > room)
        return 0;
    memcpy(out, b, n);
    return n;
}

static uint32_t unit_at(const uint8_t *in, size_t i)
{
    return (uint32_t)in[i] | (uint32_t)in[i + 1] << 8;
}

size_t text_utf8_from_utf16le(const uint8_t *in, size_t in_size, char *out, size_t out_size)
{
    size_t used = 0;

    for (size_t i = 0; i + 2 <= in_size; i += 2) {
        uint32_t c = unit_at(in, i);

        if (c >= 0xD800 && c < 0xDC00 && i + 4 <= in_size &&
            (unit_at(in, i + 2) & 0xFC00) == 0xDC00) {
            c = 0x10000 + ((c & 0x3FF) << 10) + (unit_at(in, i + 2) & 0x3FF);
            i += 2;
        } else if (c == 0 || (c & 0xF800) == 0xD800) {
            c = REPLACEMENT;
        }
        size_t n = utf8_put(c, out + used, out_size - 1 - used);
        if (n == 0)
            break;
        used += n;
    }
    out[used] = '\0';
    return used;
}

/* One character of UTF-8 at s; 0 bytes if it is not well-formed. */
static size_t utf8_get(const unsigned char *s, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xE0) == 0xC0 ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : 4;

    if (n == 1) {
        *c = s[0];
        return 1;
    }
    if (n == 4 && (s[0] & 0xF8) != 0xF0)
        return 0;
    *c = s[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        *c = *c << 6 | (s[i] & 0x3F);
    }
    if (*c < least[n] || *c > 0x10FFFF || (*c >= 0xD800 && *c < 0xE000))
        return 0;
    return n;
}

SP_MUST_USE enum sp_err text_utf16le_from_utf8(const char *in, uint8_t *out, size_t out_size,
                                               size_t *out_used)
{
    const unsigned char *s = (const unsigned char *)in;
    size_t used = 0;

    while (*s != '\0') {
        uint32_t c = 0;
        size_t n = utf8_get(s, &c);
        size_t need = c >= 0x10000 ? 4 : 2;

        if (n == 0)
            return SP_EVALUE;
        if (need > out_size - used)
            return SP_ESPACE;
        uint32_t first = need == 4 ? 0xD800 + ((c - 0x10000) >> 10) : c;
        out[used++] = (uint8_t)first;
        out[used++] = (uint8_t)(first >> 8);
        if (need == 4) {
            uint32_t second = 0xDC00 + ((c - 0x10000) & 0x3FF);
            out[used++] = (uint8_t)second;
            out[used++] = (uint8_t)(second >> 8);
        }
        s += n;
    }
    *out_used = used;
    return SP_OK;
}

void text_upper_utf16le(uint8_t *text, size_t size)
{
    for (size_t i = 0; i + 2 <= size; i += 2) {
        uint32_t c = unit_at(text, i);
        uint32_t u = c;

        if (c < 0x80)
            u = c >= 'a' && c <= 'z' ? c - 32 : c;
        else if ((c & 0xF800) != 0xD800)
            u = (uint32_t)towupper((wint_t)c);
        if (u > 0xFFFF)
            u = c;
        text[i] = (uint8_t)u;
        text[i + 1] = (uint8_t)(u >> 8);
    }
}

static bool is_plain(uint32_t c)
{
    return c >= 0x20 && c != 0x7F && c != '"' && c != '\\' && !(c >= 0x80 && c < 0xA0) &&
           c != 0x2028 && c != 0x2029 && !(c >= 0x202A && c <= 0x202E) &&
           !(c >= 0x2066 && c <= 0x2069);
}

void text_escape(const char *in, char *out, size_t out_size)
{
    const unsigned char *s = (const unsigned char *)in;
    size_t used = 0;

    while (*s != '\0') {
        uint32_t c = 0;
        size_t n = utf8_get(s, &c);

        if (n > 0 && is_plain(c)) {
            if (n > out_size - 1 - used)
                break;
            memcpy(out + used, s, n);
            used += n;
            s += n;
            continue;
        }
        if (out_size - 1 - used < 4)
            break;
        snprintf(out + used, 5, "\\x%02x", *s);
        used += 4;
        s++;
    }
    out[used] = '\0';
}
