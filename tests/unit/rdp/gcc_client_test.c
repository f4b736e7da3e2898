/* SPDX-License-Identifier: Apache-2.0
 * The client's GCC data: golden bytes, every bound and refusal, round trips.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/gcc.h"
#include "rdp/x224.h"
#include "support/gcc_request.h"
#include "support/probe.h"
#include "support/vector.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
static enum sp_err parse(struct rd *r, void *out)
{
    return gcc_client_read(r, true, out);
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

static uint8_t space[1024];
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

/* ---- CS_CORE ---- */

static void reads_core_cut_after_each_field(void **state)
{
    static const uint8_t sizes[] = {2, 2, 4, 2, 2, 2, 64, 1, 1, 4, 4, 4, 2, 4, 4};
    size_t legal = GCC_CORE_SIZE_MIN;
    unsigned fields = 0;

    (void)state;
    for (size_t size = 4; size <= GCC_CORE_SIZE_MAX; size++) { /* xr CVE-2022-23482 */
        struct wr w = gcc_request_begin(size);

        assert_int_equal(finish(&w), size == legal ? SP_OK : SP_ESHORT);
        if (size != legal)
            continue;
        assert_int_equal(client.core.field_count, fields);
        assert_int_equal(client.core.server_selected_protocol,
                         fields >= GCC_CORE_SERVER_SELECTED_PROTOCOL ? PROTOCOL_SSL : 0);
        wr_init(&w, space, sizeof(space));
        assert_int_equal(gcc_client_write(&w, &client), SP_OK);
        assert_int_equal(w.pos, GCC_REQUEST_HEADER + size + 12);
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
    data[GCC_REQUEST_HEADER + 8] = data[GCC_REQUEST_HEADER + 9] = 0;
    assert_int_equal(probe_parse(data, size, parse, &client), SP_EVALUE);
    data[GCC_REQUEST_HEADER + 8] = 1;
    data[GCC_REQUEST_HEADER + 10] = data[GCC_REQUEST_HEADER + 11] = 0;
    assert_int_equal(probe_parse(data, size, parse, &client), SP_EVALUE);
    /* fr d943f5f78: the largest is legal here, the front clamps it */
    memset(data + GCC_REQUEST_HEADER + 8, 0xff, 4);
    assert_int_equal(probe_parse(data, size, parse, &client), SP_OK);
    assert_int_equal(client.core.desktop_height, 65535);
    /* names are closed by force */
    memset(data + GCC_REQUEST_HEADER + 24, 0x41, 32);
    memset(data + GCC_REQUEST_HEADER + 68, 0x41, 64);
    assert_int_equal(probe_parse(data, size, parse, &client), SP_OK);
    assert_memory_equal(client.core.client_name + 28, "AA\0\0", 4);
    assert_memory_equal(client.core.ime_file_name + 60, "AA\0\0", 4);
    free(data);
    w = gcc_request_begin(GCC_CORE_SIZE_MAX + 1);
    assert_int_equal(finish(&w), SP_ELIMIT);
}

/* ---- blocks ---- */

static void needs_core_and_security(void **state)
{
    struct wr w = begin();

    (void)state;
    w.pos = GCC_CORE_SIZE_MAX;
    assert_int_equal(finish(&w), SP_EVALUE);
    w.pos = 0;
    gcc_request_block(&w, 0xc002, 8);
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
            gcc_request_block(&w, blocks[i].type, blocks[i].size);
            wr_zero(&w, blocks[i].size);
        }
        assert_int_equal(finish(&w), SP_ESTATE);
    }
    struct wr w = begin();
    gcc_request_block(&w, 0xc001, 0);
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

            gcc_request_block(&w, blocks[i].type, size);
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
    gcc_request_block(&w, 0xc0ff, 1); /* beyond the end */
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
        gcc_request_block(&w, 0xc00c, 16);
        wr_zero(&w, 16);
        gcc_request_block(&w, 0x1234, 0);
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

            gcc_request_block(&w, 0x1234, size);
            wr_zero(&w, size);
            assert_int_equal(i == 0 ? finish_old(&w) : finish(&w), extra == 0 ? SP_OK : SP_ELIMIT);
        }
    }
}

static void refuses_extended_blocks_unasked(void **state)
{
    static const uint16_t types[] = {0xc006, 0xc00a};

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        struct wr w = begin();

        gcc_request_block(&w, types[i], 4);
        wr_zero(&w, 4);
        assert_int_equal(finish(&w), SP_OK);
        assert_int_equal(finish_old(&w), SP_ESTATE);
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
        cmocka_unit_test(refuses_to_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
