/* SPDX-License-Identifier: Apache-2.0
 * UTF-16, UTF-8 and escaping of peer text.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void utf16_becomes_utf8(void **state)
{
    char out[32];

    (void)state;
    assert_int_equal(text_utf8_from_utf16le((const uint8_t *)"a\0\xe4\0\xac\x20\x3d\xd8\x00\xde",
                                            10, out, sizeof(out)),
                     10);
    assert_string_equal(out, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void broken_units_become_replacements(void **state)
{
    char out[32];

    (void)state;
    text_utf8_from_utf16le((const uint8_t *)"\x00\xd8g\0\0\0\x00\xdc", 8, out, sizeof(out));
    assert_string_equal(out, "\xef\xbf\xbdg\xef\xbf\xbd\xef\xbf\xbd");
}

static void output_is_cut_at_a_character(void **state)
{
    char out[4];

    (void)state;
    assert_int_equal(text_utf8_from_utf16le((const uint8_t *)"a\0b\0\xe4\0", 6, out, 4), 2);
    assert_string_equal(out, "ab");
    assert_int_equal(text_utf8_from_utf16le((const uint8_t *)"a\0b", 3, out, 4), 1);
    assert_int_equal(text_utf8_from_utf16le((const uint8_t *)"a\0", 2, out, 1), 0);
}

static void utf8_becomes_utf16(void **state)
{
    uint8_t out[16];
    size_t used = 0;

    (void)state;
    assert_int_equal(text_utf16le_from_utf8("a\xc3\xa4\xf0\x9f\x98\x80", out, sizeof(out), &used),
                     SP_OK);
    assert_int_equal(used, 8);
    assert_memory_equal(out, "a\0\xe4\0\x3d\xd8\x00\xde", 8);
    assert_int_equal(text_utf16le_from_utf8("abc", out, 5, &used), SP_ESPACE);
}

static void bad_utf8_is_refused(void **state)
{
    static const char *const bad[] = {"\x80",         "\xc3",         "\xc0\xaf",
                                      "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xff",         "a\xc3(",       "\xf8\x88\x80\x80\x80"};
    uint8_t out[16];
    size_t used = 99;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(text_utf16le_from_utf8(bad[i], out, sizeof(out), &used), SP_EVALUE);
    assert_int_equal(used, 99);
}

static void upper_case_is_unit_by_unit(void **state)
{
    uint8_t text[] = "a\0Z\0\xe4\0\xdf\0\x3d\xd8";

    (void)state;
    text_upper_utf16le(text, 10);
    assert_memory_equal(text, "A\0Z\0\xc4\0\xdf\0\x3d\xd8", 10);
}

static void escape_keeps_one_line(void **state)
{
    char out[128];

    (void)state;
    text_escape("user\r\nevent=\"x\"\\ \xc3\xa4\x1b[31m\xff\xe2\x80\xae", out, sizeof(out));
    assert_string_equal(out, "user\\x0d\\x0aevent=\\x22x\\x22\\x5c \xc3\xa4\\x1b[31m\\xff"
                             "\\xe2\\x80\\xae");
    text_escape("\n\n", out, 6);
    assert_string_equal(out, "\\x0a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf16_becomes_utf8),
        cmocka_unit_test(broken_units_become_replacements),
        cmocka_unit_test(output_is_cut_at_a_character),
        cmocka_unit_test(utf8_becomes_utf16),
        cmocka_unit_test(bad_utf8_is_refused),
        cmocka_unit_test(upper_case_is_unit_by_unit),
        cmocka_unit_test(escape_keeps_one_line),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
