/* SPDX-License-Identifier: Apache-2.0
 * One account, however it is spelled: the key under which a typed name is counted.
 */
#include <openssl/evp.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/err.h"
#include "keeper/guard_account.h"

#define NAME_MAX_UNITS 256 /* nobody can type more: IPC_NAME_MAX bytes of UTF-16 */

/*
 * What compatibility normalisation (NFKC) makes of the letters that look like ASCII: full width,
 * ideographic and other blanks, and what cannot be seen. The other compatibility letters are
 * counted as themselves; none of them names a user, since users are found without it.
 */
static wint_t plain(wint_t c)
{
    if (c >= 0xFF01 && c <= 0xFF5E)
        return c - 0xFEE0;
    if (c == 0x00A0 || c == 0x3000 || c == 0x202F || c == 0x205F || (c >= 0x2000 && c <= 0x200A))
        return L' ';
    if (c == 0x00AD || c == 0xFEFF || (c >= 0x200B && c <= 0x200F) || c == 0x2060)
        return 0; /* leave out */
    if (c == 0xFE68 || c == 0x2216)
        return L'\\';
    return c;
}

static int hex_digit(unsigned v)
{
    return (int)"0123456789abcdef"[v & 15];
}

/* UTF-8 to plain wide characters. What is not UTF-8 becomes \xNN, so that it is counted too. */
static size_t widen(const char *typed, wint_t out[NAME_MAX_UNITS])
{
    mbstate_t state = {0};
    size_t size = strlen(typed), used = 0;

    for (size_t at = 0; at < size && used + 4 < NAME_MAX_UNITS;) {
        wchar_t c;
        size_t n = mbrtowc(&c, typed + at, size - at, &state);

        if (n == 0 || n > size - at) {
            unsigned char byte = (unsigned char)typed[at++];
            out[used++] = L'x';
            out[used++] = (wint_t)hex_digit(byte >> 4);
            out[used++] = (wint_t)hex_digit(byte);
            state = (mbstate_t){0};
            continue;
        }
        at += n;
        wint_t p = plain((wint_t)c);
        if (p != 0)
            out[used++] = towlower(towupper(p));
    }
    return used;
}

/* Cut #TARGET, DOMAIN\, @DOMAIN and blanks at both ends. */
static void trim(const wint_t *name, size_t *begin, size_t *end)
{
    for (size_t i = *begin; i < *end; i++) {
        if (name[i] == L'#')
            *end = i;
    }
    for (size_t i = *begin; i < *end; i++) {
        if (name[i] == L'\\' || name[i] == L'/')
            *begin = i + 1;
    }
    for (size_t i = *begin; i < *end; i++) {
        if (name[i] == L'@')
            *end = i;
    }
    while (*begin < *end && iswspace(name[*begin]))
        ++*begin;
    while (*begin < *end && iswspace(name[*end - 1]))
        --*end;
}

void guard_account_key(const char *typed, uint8_t key[GUARD_KEY_SIZE], uint32_t *order)
{
    wint_t name[NAME_MAX_UNITS];
    uint8_t bytes[NAME_MAX_UNITS * 4] = {0}, digest[32];
    size_t begin = 0, end = widen(typed, name), size = 0;
    unsigned int n = sizeof(digest);

    trim(name, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            bytes[size++] = (uint8_t)((uint32_t)name[i] >> shift);
    }
    SP_BUG(EVP_Digest(bytes, size, digest, &n, EVP_sha256(), NULL) != 1);
    memcpy(key, digest, GUARD_KEY_SIZE);
    if (order == NULL)
        return;
    *order = 0;
    for (size_t i = 0; i < 4; i++)
        *order = *order << 8 | (begin + i < end ? (uint32_t)name[begin + i] & 0xff : 0);
}
