/* SPDX-License-Identifier: Apache-2.0
 * The client's GCC data: golden bytes, every bound and refusal, round trips.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/probe.h"
#include "rdp/gcc.h"
#include "rdp/x224.h"
#include "support/vector.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define REQUEST_HEADER 23 /* from the userData to the first block, both lengths in two bytes */
#define CORE_SIZE_MIN  132
#define CORE_SIZE_MAX  234

static enum sp_err parse(struct rd *r, void *out)
{
    return gcc_client_read(r, true, out);
}

static enum sp_err parse_old(struct rd *r, void *out)
{
    return gcc_client_read(r, false, out);
}

static const char *const golden[] = {"gcc_client/spec.hex", "gcc_client/lab.hex",
                                     "gcc_client/all_blocks.hex"};

static struct gcc_client load(const char *name)
{
    size_t size;
    uint8_t *data = vector_load(name, &size);
    struct gcc_client c;

    assert_int_equal(probe_parse(data, size, parse, &c), SP_OK);
    free(data);
    return c;
}

static void reads_specification(void **state)
{
    struct gcc_client c = load("gcc_client/spec.hex");

    (void)state;
    assert_int_equal(c.core.version, RDP_VERSION_5);
    assert_int_equal(c.core.desktop_width, 1280);
    assert_int_equal(c.core.desktop_height, 1024);
    assert_int_equal(c.core.sas_sequence, 0xaa03);
    assert_int_equal(c.core.keyboard_layout, 0x409);
    assert_int_equal(c.core.client_build, 3790);
    assert_memory_equal(c.core.client_name, "E\0L\0T\0O\0N\0S\0-\0D\0E\0V\0002\0", 22);
    assert_int_equal(c.core.keyboard_type, 4);
    assert_int_equal(c.core.keyboard_function_key, 12);
    assert_int_equal(c.core.field_count, GCC_CORE_SERVER_SELECTED_PROTOCOL);
    assert_int_equal(c.core.high_color_depth, 24);
    assert_int_equal(c.core.early_capability_flags, RNS_UD_CS_SUPPORT_ERRINFO_PDU);
    assert_int_equal(c.core.server_selected_protocol, PROTOCOL_RDP);
    assert_true(c.has_security && c.has_cluster && c.has_net);
    assert_int_equal(c.encryption_methods, 0x1b);
    assert_int_equal(c.cluster_flags, 0x0d);
    assert_int_equal(c.channel_count, 3);
    assert_true(gcc_channel_is(&c.channels[0], "RDPDR"));
    assert_int_equal(c.channels[0].options, 0x80800000);
    assert_true(gcc_channel_is(&c.channels[1], "cliprdr"));
    assert_true(gcc_channel_is(&c.channels[2], "rdpsnd"));
    assert_false(c.has_message_channel || c.has_multitransport || c.has_monitor_ex);
    assert_int_equal(c.monitor_count, 0);
}

static void reads_freerdp(void **state)
{
    struct gcc_client c = load("gcc_client/lab.hex");

    (void)state;
    assert_int_equal(c.core.version, 0x0008000c);
    assert_int_equal(c.core.desktop_width, 1280);
    assert_int_equal(c.core.field_count, GCC_CORE_FIELD_COUNT);
    assert_int_equal(c.core.early_capability_flags,
                     RNS_UD_CS_SUPPORT_ERRINFO_PDU | RNS_UD_CS_WANT_32BPP_SESSION |
                         RNS_UD_CS_VALID_CONNECTION_TYPE | RNS_UD_CS_SUPPORT_MONITOR_LAYOUT_PDU |
                         RNS_UD_CS_SUPPORT_NETCHAR_AUTODETECT |
                         RNS_UD_CS_SUPPORT_DYNVC_GFX_PROTOCOL | RNS_UD_CS_SUPPORT_HEARTBEAT_PDU);
    assert_int_equal(c.core.connection_type, 7);
    assert_int_equal(c.core.server_selected_protocol, PROTOCOL_SSL);
    assert_int_equal(c.encryption_methods, 0); /* FreeRDP under TLS */
    assert_int_equal(c.channel_count, 4);
    assert_string_equal(c.channels[3].name, "drdynvc");
    assert_true(c.has_message_channel && c.has_multitransport);
    assert_int_equal(c.multitransport_flags, 0);
}

static void reads_all_blocks(void **state)
{
    struct gcc_client c = load("gcc_client/all_blocks.hex");

    (void)state;
    assert_int_equal(c.channel_count, GCC_CHANNEL_COUNT_MAX);
    assert_string_equal(c.channels[30].name, "ch30");
    assert_int_equal(c.monitor_count, 2);
    assert_int_equal(c.monitors[0].right, 1919);
    assert_int_equal(c.monitors[0].flags, TS_MONITOR_PRIMARY);
    assert_int_equal(c.monitors[1].left, -1280);
    assert_int_equal(c.monitors[1].right, -1);
    assert_true(c.has_monitor_ex);
    assert_int_equal(c.monitor_ex[1].physical_width, 376);
    assert_int_equal(c.multitransport_flags, 0x305);
}

static void stands_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        probe_prefixes(golden[i], parse, sizeof(struct gcc_client), NULL);
        assert_true(probe_bytes(golden[i], parse, sizeof(struct gcc_client)) > 0);
    }
}

static void round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        static struct gcc_client c, again;
        uint8_t buf[1024];
        size_t size;
        uint8_t *data = vector_load(golden[i], &size);
        struct wr w;

        c = load(golden[i]);
        wr_init(&w, buf, sizeof(buf));
        assert_int_equal(gcc_client_write(&w, &c), SP_OK);
        assert_int_equal(w.pos, size);
        if (i == 2) /* the others have their blocks in another order */
            assert_memory_equal(buf, data, size);
        assert_int_equal(probe_parse(buf, w.pos, parse, &again), SP_OK);
        assert_memory_equal(&c, &again, sizeof(c));
        for (size_t n = 0; n < size; n += 7) {
            wr_init(&w, buf, n);
            assert_int_equal(gcc_client_write(&w, &c), SP_ESPACE);
        }
        free(data);
    }
}

/* ---- requests built here ---- */

struct request {
    uint8_t buf[8192];
    size_t size;
};

/* Put a request of these blocks together, with right lengths. */
static void wrap(struct request *q, const uint8_t *blocks, size_t size)
{
    static const uint8_t head[REQUEST_HEADER] = {
        0, 5, 0, 0x14, 0x7c, 0, 1, 0, 0, 0, 8, 0, 0x10, 0, 1, 0xc0, 0, 'D', 'u', 'c', 'a', 0, 0};

    assert_true(size + REQUEST_HEADER <= sizeof(q->buf));
    memcpy(q->buf, head, sizeof(head));
    q->buf[7] = (uint8_t)(0x80 | (size + 14) >> 8);
    q->buf[8] = (uint8_t)(size + 14);
    q->buf[21] = (uint8_t)(0x80 | size >> 8);
    q->buf[22] = (uint8_t)size;
    memcpy(q->buf + REQUEST_HEADER, blocks, size);
    q->size = size + REQUEST_HEADER;
}

static void block(struct wr *w, uint16_t type, size_t body_size)
{
    wr_u16le(w, type);
    wr_u16le(w, (uint16_t)(body_size + 4));
}

/* CS_CORE of this whole size and CS_SECURITY; the core's bytes are those of the capture. */
static void base_blocks(struct wr *w, size_t core_size)
{
    size_t size;
    uint8_t *lab = vector_load("gcc_client/lab.hex", &size);

    block(w, 0xc001, core_size - 4);
    wr_bytes(w, lab + REQUEST_HEADER + 4, core_size - 4);
    block(w, 0xc002, 8);
    wr_zero(w, 8);
    free(lab);
}

static enum sp_err read_blocks_as(const struct wr *w, probe_fn *fn, struct gcc_client *out)
{
    static struct request q;

    assert_true(wr_ok(w));
    wrap(&q, w->buf, w->pos);
    return probe_parse(q.buf, q.size, fn, out);
}

static uint8_t space[8192];
static struct gcc_client client;

static struct wr begin(void)
{
    struct wr w;

    wr_init(&w, space, sizeof(space));
    base_blocks(&w, CORE_SIZE_MAX);
    return w;
}

static enum sp_err finish(const struct wr *w)
{
    return read_blocks_as(w, parse, &client);
}

static void channel(struct wr *w, const char name[static 8])
{
    wr_bytes(w, name, 8);
    wr_u32le(w, CHANNEL_OPTION_INITIALIZED);
}

/* ---- CS_CORE ---- */

static void reads_core_cut_after_each_field(void **state)
{
    static const uint8_t sizes[] = {2, 2, 4, 2, 2, 2, 64, 1, 1, 4, 4, 4, 2, 4, 4};
    size_t legal = CORE_SIZE_MIN;
    unsigned fields = 0;

    (void)state;
    for (size_t size = 4; size <= CORE_SIZE_MAX; size++) { /* xr CVE-2022-23482 */
        struct wr w;

        wr_init(&w, space, sizeof(space));
        base_blocks(&w, size);
        assert_int_equal(finish(&w), size == legal ? SP_OK : SP_ESHORT);
        if (size != legal)
            continue;
        assert_int_equal(client.core.field_count, fields);
        assert_int_equal(client.core.server_selected_protocol,
                         fields >= GCC_CORE_SERVER_SELECTED_PROTOCOL ? PROTOCOL_SSL : 0);
        wr_init(&w, space, sizeof(space));
        assert_int_equal(gcc_client_write(&w, &client), SP_OK);
        assert_int_equal(w.pos, REQUEST_HEADER + size + 12);
        if (fields < COUNT(sizes))
            legal += sizes[fields++];
    }
    assert_int_equal(fields, GCC_CORE_FIELD_COUNT);
}

static void refuses_core(void **state)
{
    struct wr w;
    size_t size;
    uint8_t *data = vector_load("gcc_client/lab.hex", &size);

    (void)state;
    /* fr 406fdddda: a desktop without width or height */
    data[REQUEST_HEADER + 8] = data[REQUEST_HEADER + 9] = 0;
    assert_int_equal(probe_parse(data, size, parse, &client), SP_EVALUE);
    data[REQUEST_HEADER + 8] = 1;
    data[REQUEST_HEADER + 10] = data[REQUEST_HEADER + 11] = 0;
    assert_int_equal(probe_parse(data, size, parse, &client), SP_EVALUE);
    /* fr d943f5f78: the largest is legal here, the front clamps it */
    memset(data + REQUEST_HEADER + 8, 0xff, 4);
    assert_int_equal(probe_parse(data, size, parse, &client), SP_OK);
    assert_int_equal(client.core.desktop_height, 65535);
    /* names are closed by force */
    memset(data + REQUEST_HEADER + 24, 0x41, 32);
    memset(data + REQUEST_HEADER + 68, 0x41, 64);
    assert_int_equal(probe_parse(data, size, parse, &client), SP_OK);
    assert_memory_equal(client.core.client_name + 28, "AA\0\0", 4);
    assert_memory_equal(client.core.ime_file_name + 60, "AA\0\0", 4);
    free(data);
    wr_init(&w, space, sizeof(space));
    base_blocks(&w, CORE_SIZE_MAX + 1);
    assert_int_equal(finish(&w), SP_ELIMIT);
}

/* ---- blocks ---- */

static void needs_core_and_security(void **state)
{
    struct wr w = begin();

    (void)state;
    w.pos = CORE_SIZE_MAX;
    assert_int_equal(finish(&w), SP_EVALUE);
    w.pos = 0;
    block(&w, 0xc002, 8);
    wr_zero(&w, 8);
    assert_int_equal(finish(&w), SP_EVALUE);
    w.pos = 0;
    assert_int_equal(finish(&w), SP_EVALUE);
}

static void refuses_any_block_twice(void **state)
{
    static const struct {
        uint16_t type;
        size_t size;
    } blocks[] = {{0xc002, 8}, {0xc003, 4}, {0xc004, 8}, {0xc006, 4}, {0xc00a, 4}};

    (void)state;
    for (size_t i = 0; i < COUNT(blocks); i++) {
        struct wr w = begin();
        size_t times = blocks[i].type == 0xc002 ? 1 : 2;

        while (times-- > 0) {
            block(&w, blocks[i].type, blocks[i].size);
            wr_zero(&w, blocks[i].size);
        }
        assert_int_equal(finish(&w), SP_ESTATE);
    }
    struct wr w = begin();
    base_blocks(&w, CORE_SIZE_MIN);
    assert_int_equal(finish(&w), SP_ESTATE);
}

static void checks_block_lengths(void **state)
{
    static const struct {
        uint16_t type;
        size_t size;
    } blocks[] = {{0xc004, 8}, {0xc006, 4}, {0xc00a, 4}};

    (void)state;
    for (size_t i = 0; i < COUNT(blocks); i++) {
        for (int difference = -1; difference <= 1; difference++) {
            struct wr w = begin();
            size_t size = blocks[i].size + (size_t)difference;

            block(&w, blocks[i].type, size);
            wr_zero(&w, size);
            assert_int_equal(finish(&w), difference < 0    ? SP_ESHORT
                                         : difference == 0 ? SP_OK
                                                           : SP_ETRAIL);
        }
    }
    for (uint16_t length = 0; length < 4; length++) {
        struct wr w = begin();

        wr_u16le(&w, 0xc0ff);
        wr_u16le(&w, length);
        assert_int_equal(finish(&w), SP_EVALUE);
    }
    struct wr w = begin();
    block(&w, 0xc0ff, 1); /* beyond the end */
    assert_int_equal(finish(&w), SP_ESHORT);
    w = begin();
    wr_u16le(&w, 0xc0ff); /* half a header */
    assert_int_equal(finish(&w), SP_ESHORT);
}

static void skips_unknown_blocks(void **state)
{
    struct wr w = begin();

    (void)state;
    for (unsigned i = 0; i < 3; i++) { /* also more than once */
        block(&w, 0xc00c, 16);
        wr_zero(&w, 16);
        block(&w, 0x1234, 0);
    }
    assert_int_equal(finish(&w), SP_OK);
}

static void bounds_all_blocks(void **state)
{
    static const size_t max[] = {GCC_CLIENT_BLOCKS_OLD, GCC_CLIENT_BLOCKS_MAX};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            struct wr w = begin();
            size_t size = max[i] + extra - w.pos - 4;

            block(&w, 0x1234, size);
            wr_zero(&w, size);
            assert_int_equal(read_blocks_as(&w, i == 0 ? parse_old : parse, &client),
                             extra == 0 ? SP_OK : SP_ELIMIT);
        }
    }
}

static void refuses_extended_blocks_unasked(void **state)
{
    static const uint16_t types[] = {0xc006, 0xc00a};

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        struct wr w = begin();

        block(&w, types[i], 4);
        wr_zero(&w, 4);
        assert_int_equal(read_blocks_as(&w, parse, &client), SP_OK);
        assert_int_equal(read_blocks_as(&w, parse_old, &client), SP_ESTATE);
    }
}

static void refuses_envelopes(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        enum sp_err want;
    } changes[] = {
        {0, 1, SP_EVALUE},     {1, 6, SP_EVALUE},     {6, 2, SP_EVALUE},     {7, 0xc1, SP_EVALUE},
        {8, 0x57, SP_ETRAIL},  {8, 0x59, SP_ESHORT},  {17, 'd', SP_EVALUE},  {20, 'n', SP_EVALUE},
        {22, 0x49, SP_ETRAIL}, {22, 0x4b, SP_ESHORT}, {21, 0xc1, SP_EVALUE},
    };
    size_t size;
    uint8_t *data = vector_load("gcc_client/lab.hex", &size);

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        uint8_t kept = data[changes[i].at];

        data[changes[i].at] = changes[i].value;
        assert_int_equal(probe_parse(data, size, parse, &client), changes[i].want);
        data[changes[i].at] = kept;
    }
    free(data);
}

/* ---- CS_NET ---- */

static enum sp_err read_name(const char name[static 8])
{
    struct wr w = begin();

    block(&w, 0xc003, 4 + 2 * 12);
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

            block(&w, 0xc003, 4 + 31 * 12);
            wr_u32le(&w, 31);
            for (size_t n = 0; n < GCC_CHANNEL_COUNT_MAX; n++) {
                memset(other, 0, sizeof(other));
                snprintf(other, sizeof(other), "c%u", (unsigned)n);
                channel(&w, n == at ? names[i] : other);
            }
            struct rd r;
            static struct request q;
            wrap(&q, w.buf, w.pos);
            rd_init(&r, q.buf, q.size);
            assert_int_equal(gcc_client_read(&r, true, &client), SP_EDENIED);
            assert_string_equal(r.fail.where, "CS_NET.MS_T120");
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

        block(&w, 0xc003, 4 + 32 * 12);
        wr_u32le(&w, counts[i]);
        for (unsigned n = 0; n < 32; n++) {
            memset(name, 0, sizeof(name));
            snprintf(name, sizeof(name), "c%u", n);
            channel(&w, name);
        }
        assert_int_equal(finish(&w), counts[i] > 31 ? SP_ELIMIT : SP_ETRAIL);
    }
    struct wr w = begin();
    block(&w, 0xc003, 4);
    wr_u32le(&w, 0);
    assert_int_equal(finish(&w), SP_OK);
    assert_true(client.has_net);
    assert_int_equal(client.channel_count, 0);
    w = begin();
    block(&w, 0xc003, 4 + 12);
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
    block(w, 0xc005, 8 + 20 * present);
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
    assert_int_equal(read_blocks_as(&w, parse_old, &client), SP_ESTATE);
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

    block(&w, 0xc008, 12 + 20 * present); /* may come before CS_MONITOR */
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
    block(&w, 0xc008, 32);
    wr_u32le(&w, 0);
    wr_u32le(&w, 20);
    wr_u32le(&w, 1);
    wr_zero(&w, 20);
    assert_int_equal(finish(&w), SP_EVALUE); /* without CS_MONITOR */
    assert_int_equal(read_blocks_as(&w, parse_old, &client), SP_ESTATE);
}

static void refuses_to_write(void **state)
{
    struct wr w;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        client = load("gcc_client/lab.hex");
        if (i == 0)
            client.channel_count = GCC_CHANNEL_COUNT_MAX + 1;
        else if (i == 1)
            client.monitor_count = GCC_MONITOR_COUNT_MAX + 1;
        else
            client.core.field_count = GCC_CORE_FIELD_COUNT + 1;
        wr_init(&w, space, sizeof(space));
        assert_int_equal(gcc_client_write(&w, &client), SP_ELIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_specification),
        cmocka_unit_test(reads_freerdp),
        cmocka_unit_test(reads_all_blocks),
        cmocka_unit_test(stands_damage),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(reads_core_cut_after_each_field),
        cmocka_unit_test(refuses_core),
        cmocka_unit_test(needs_core_and_security),
        cmocka_unit_test(refuses_any_block_twice),
        cmocka_unit_test(checks_block_lengths),
        cmocka_unit_test(skips_unknown_blocks),
        cmocka_unit_test(bounds_all_blocks),
        cmocka_unit_test(refuses_extended_blocks_unasked),
        cmocka_unit_test(refuses_envelopes),
        cmocka_unit_test(refuses_ms_t120),
        cmocka_unit_test(checks_names),
        cmocka_unit_test(bounds_channels),
        cmocka_unit_test(compares_names),
        cmocka_unit_test(bounds_monitors),
        cmocka_unit_test(bounds_the_desktop),
        cmocka_unit_test(checks_monitor_ex),
        cmocka_unit_test(refuses_to_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
