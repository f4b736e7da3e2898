/* SPDX-License-Identifier: Apache-2.0
 * The lists in the client's GCC data: channels and monitors, their counts, names and edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/gcc_request.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct gcc_client client;
static const char *where; /* of the last failure */

static struct wr begin(void)
{
    return gcc_request_begin(GCC_CORE_SIZE_MAX);
}

static enum sp_err finish(const struct wr *w)
{
    return gcc_request_read(w, true, &client, &where);
}

static enum sp_err finish_old(const struct wr *w)
{
    return gcc_request_read(w, false, &client, &where);
}

static void channel(struct wr *w, const char name[static 8])
{
    wr_bytes(w, name, 8);
    wr_u32le(w, CHANNEL_OPTION_INITIALIZED);
}

/* ---- CS_NET ---- */

static enum sp_err read_name(const char name[static 8])
{
    struct wr w = begin();

    gcc_request_block(&w, 0xc003, 4 + 2 * 12);
    wr_u32le(&w, 2);
    channel(&w, "cliprdr");
    channel(&w, name);
    return finish(&w);
}

static void refuses_ms_t120(void **state)
{
    static const char *const names[] = {"MS_T120", "ms_t120", "Ms_T120"};
    char other[GCC_CHANNEL_NAME_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) { /* CVE-2019-0708, as any channel of 31 */
        for (size_t at = 0; at < GCC_CHANNEL_COUNT_MAX; at++) {
            struct wr w = begin();

            gcc_request_block(&w, 0xc003, 4 + 31 * 12);
            wr_u32le(&w, 31);
            for (size_t n = 0; n < GCC_CHANNEL_COUNT_MAX; n++) {
                memset(other, 0, sizeof(other));
                snprintf(other, sizeof(other), "c%u", (unsigned)n);
                channel(&w, n == at ? names[i] : other);
            }
            assert_int_equal(finish(&w), SP_EDENIED);
            assert_string_equal(where, "CS_NET.MS_T120");
        }
    }
    assert_int_equal(read_name("MS_T120x"), SP_EVALUE); /* no NUL */
    assert_int_equal(read_name("MS_T12\0x"), SP_OK);
    assert_string_equal(client.channels[1].name, "MS_T12");
    assert_int_equal(client.channels[1].name[7], 0);
}

static void checks_names(void **state)
{
    (void)state;
    assert_int_equal(read_name("drdynvc"), SP_OK);
    assert_int_equal(read_name("a\0\xff\xff\xff\xff\xff\xff"), SP_OK);
    assert_memory_equal(client.channels[1].name, "a\0\0\0\0\0\0\0", 8);
    assert_int_equal(read_name("\0rdpsnd"), SP_EVALUE);
    assert_int_equal(read_name("12345678"), SP_EVALUE);
    assert_int_equal(read_name("rdp snd"), SP_EVALUE);
    assert_int_equal(read_name("rdp\x7fsn\0"), SP_EVALUE);
    assert_int_equal(read_name("rdp\nsnd"), SP_EVALUE);
    assert_int_equal(read_name("r\xc3\xa4p\0\0\0"), SP_EVALUE);
    assert_int_equal(read_name("cliprdr"), SP_EVALUE); /* twice */
    assert_int_equal(read_name("CLIPRDR"), SP_EVALUE);
    assert_int_equal(read_name("cliprd\0x"), SP_OK);
}

static void bounds_channels(void **state)
{
    static const uint32_t counts[] = {0, 31, 32, 0x15555556, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        struct wr w = begin();
        char name[8];

        gcc_request_block(&w, 0xc003, 4 + 32 * 12);
        wr_u32le(&w, counts[i]);
        for (unsigned n = 0; n < 32; n++) {
            memset(name, 0, sizeof(name));
            snprintf(name, sizeof(name), "c%u", n);
            channel(&w, name);
        }
        assert_int_equal(finish(&w), counts[i] > 31 ? SP_ELIMIT : SP_ETRAIL);
    }
    struct wr w = begin();
    gcc_request_block(&w, 0xc003, 4);
    wr_u32le(&w, 0);
    assert_int_equal(finish(&w), SP_OK);
    assert_true(client.has_net);
    assert_int_equal(client.channel_count, 0);
    w = begin();
    gcc_request_block(&w, 0xc003, 4 + 12);
    wr_u32le(&w, 2);
    channel(&w, "cliprdr");
    assert_int_equal(finish(&w), SP_ESHORT);
}

static void compares_names(void **state)
{
    const struct gcc_channel c = {.name = "ClipRdr"};

    (void)state;
    assert_true(gcc_channel_is(&c, "cliprdr"));
    assert_true(gcc_channel_is(&c, "CLIPRDR"));
    assert_false(gcc_channel_is(&c, "cliprd"));
    assert_false(gcc_channel_is(&c, "cliprdrs"));
    assert_false(gcc_channel_is(&c, "clip@dr")); /* '@' and '`' differ in the same bit */
    assert_false(gcc_channel_is(&c, ""));
}

/* ---- CS_MONITOR and CS_MONITOR_EX ---- */

static void monitors(struct wr *w, uint32_t count, size_t present, const int32_t edges[4])
{
    gcc_request_block(w, 0xc005, 8 + 20 * present);
    wr_u32le(w, 0);
    wr_u32le(w, count);
    for (size_t i = 0; i < present; i++) {
        for (size_t n = 0; n < 4; n++)
            wr_u32le(w, (uint32_t)edges[n]);
        wr_u32le(w, 0);
    }
}

static enum sp_err read_monitor(int32_t left, int32_t top, int32_t right, int32_t bottom)
{
    struct wr w = begin();

    monitors(&w, 1, 1, (const int32_t[]){left, top, right, bottom});
    return finish(&w);
}

static void bounds_monitors(void **state)
{
    static const uint32_t counts[] = {17, 0x0ccccccd, UINT32_MAX};
    const int32_t edges[] = {0, 0, 799, 599};

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        struct wr w = begin();

        monitors(&w, counts[i], 17, edges);
        assert_int_equal(finish(&w), SP_ELIMIT);
    }
    struct wr w = begin();
    monitors(&w, 16, 16, edges);
    assert_int_equal(finish(&w), SP_OK);
    assert_int_equal(client.monitor_count, 16);
    w = begin();
    monitors(&w, 0, 0, edges);
    assert_int_equal(finish(&w), SP_EVALUE);
    w = begin();
    monitors(&w, 2, 1, edges);
    assert_int_equal(finish(&w), SP_ESHORT);
    w = begin();
    monitors(&w, 1, 2, edges);
    assert_int_equal(finish(&w), SP_ETRAIL);
    w = begin();
    monitors(&w, 1, 1, edges);
    assert_int_equal(finish_old(&w), SP_ESTATE);
    monitors(&w, 1, 1, edges);
    assert_int_equal(finish(&w), SP_ESTATE); /* twice */
}

static void bounds_the_desktop(void **state)
{
    (void)state;
    assert_int_equal(read_monitor(0, 0, 199, 199), SP_OK);
    assert_int_equal(read_monitor(0, 0, 198, 199), SP_EVALUE);
    assert_int_equal(read_monitor(0, 0, 199, 198), SP_EVALUE);
    assert_int_equal(read_monitor(0, 0, 32765, 32765), SP_OK);
    assert_int_equal(read_monitor(0, 0, 32766, 32765), SP_ELIMIT);
    assert_int_equal(read_monitor(0, 0, 32765, 32766), SP_ELIMIT);
    assert_int_equal(read_monitor(INT32_MIN, 0, INT32_MAX, 599), SP_ELIMIT); /* fr 1ed5e53c3 */
    assert_int_equal(read_monitor(0, INT32_MIN, 799, INT32_MAX), SP_ELIMIT);
    assert_int_equal(read_monitor(INT32_MAX, 0, INT32_MIN, 599), SP_EVALUE);
    assert_int_equal(read_monitor(0, 599, 799, 0), SP_EVALUE);
    assert_int_equal(read_monitor(-1280, 0, -1, 1023), SP_OK);
}

static enum sp_err read_monitor_ex(uint32_t size, uint32_t count, size_t present)
{
    struct wr w = begin();

    gcc_request_block(&w, 0xc008, 12 + 20 * present); /* may come before CS_MONITOR */
    wr_u32le(&w, 0);
    wr_u32le(&w, size);
    wr_u32le(&w, count);
    wr_zero(&w, 20 * present);
    monitors(&w, 2, 2, (const int32_t[]){0, 0, 799, 599});
    return finish(&w);
}

static void checks_monitor_ex(void **state)
{
    (void)state;
    assert_int_equal(read_monitor_ex(20, 2, 2), SP_OK);
    assert_int_equal(read_monitor_ex(19, 2, 2), SP_EVALUE);
    assert_int_equal(read_monitor_ex(20, 1, 1), SP_EVALUE); /* not the count of CS_MONITOR */
    assert_int_equal(read_monitor_ex(20, 17, 17), SP_ELIMIT);
    assert_int_equal(read_monitor_ex(20, 0x0ccccccd, 2), SP_ELIMIT);
    assert_int_equal(read_monitor_ex(20, 2, 1), SP_ESHORT);
    assert_int_equal(read_monitor_ex(20, 1, 2), SP_ETRAIL);
    struct wr w = begin();
    gcc_request_block(&w, 0xc008, 32);
    wr_u32le(&w, 0);
    wr_u32le(&w, 20);
    wr_u32le(&w, 1);
    wr_zero(&w, 20);
    assert_int_equal(finish(&w), SP_EVALUE); /* without CS_MONITOR */
    assert_int_equal(finish_old(&w), SP_ESTATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_ms_t120),   cmocka_unit_test(checks_names),
        cmocka_unit_test(bounds_channels),   cmocka_unit_test(compares_names),
        cmocka_unit_test(bounds_monitors),   cmocka_unit_test(bounds_the_desktop),
        cmocka_unit_test(checks_monitor_ex),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
