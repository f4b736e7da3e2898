/* SPDX-License-Identifier: Apache-2.0
 * Dynamic channels: headers, names, layouts, and the filter's verdicts in both directions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/ipc_msg.h"
#include "rdp/drdynvc.h"
#include "support/probe.h"
#include "support/vector.h"

#define C2S  CHANNEL_CLIENT_TO_SERVER
#define S2C  CHANNEL_SERVER_TO_CLIENT
#define ALL  (CHANNEL_FLAG_FIRST | CHANNEL_FLAG_LAST)
#define PASS DRDYNVC_VERDICT_PASS
#define DROP DRDYNVC_VERDICT_DROP
#define NO   DRDYNVC_VERDICT_REFUSE

#define GRAPHICS "Microsoft::Windows::RDS::Graphics"
#define DISPLAY  "Microsoft::Windows::RDS::DisplayControl"

static struct drdynvc_filter filter;
static struct drdynvc_report report;
static int64_t now_ms;

static int start(void **state)
{
    (void)state;
    memset(&filter, 0, sizeof(filter));
    filter.devices = IPC_DEVICE_GRAPHICS | IPC_DEVICE_DISPLAY_CONTROL;
    now_ms = 1000;
    return 0;
}

/* One chunk in an allocation of its size, so that ASan sees an over-read. */
static enum drdynvc_verdict send_chunk(enum channel_direction direction, const void *data,
                                       size_t size, uint32_t length, uint32_t flags)
{
    struct channel_header header = {length, flags};
    uint8_t *copy = vector_prefix(data, size);
    enum drdynvc_verdict v =
        drdynvc_filter_step(&filter, direction, &header, copy, size, now_ms, &report);

    free(copy);
    return v;
}

static enum drdynvc_verdict send_pdu(enum channel_direction direction, const void *data,
                                     size_t size)
{
    return send_chunk(direction, data, size, (uint32_t)size, ALL);
}

static enum drdynvc_verdict ask(uint8_t id, const char *name)
{
    uint8_t pdu[300] = {0x10, id};
    size_t n = strlen(name) + 1;

    memcpy(pdu + 2, name, n);
    return send_pdu(S2C, pdu, n + 2);
}

static enum drdynvc_verdict agree(uint8_t id, uint32_t status)
{
    uint8_t pdu[] = {0x10, id, (uint8_t)status, 0, 0, (uint8_t)(status >> 24)};

    return send_pdu(C2S, pdu, sizeof(pdu));
}

static void open_channel(uint8_t id, const char *name)
{
    assert_int_equal(ask(id, name), PASS);
    assert_int_equal(agree(id, 0), PASS);
    assert_int_equal(report.event, DRDYNVC_EVENT_OPENED);
    assert_string_equal(report.name, name);
}

static enum sp_err parse_header(struct rd *r, void *out)
{
    return drdynvc_header_read(r, out);
}

static enum sp_err parse_layout(struct rd *r, void *out)
{
    (void)out;
    return drdynvc_layout_check(r);
}

static void reads_headers(void **state)
{
    static const uint8_t first[] = {0x2a, 1, 0, 0, 2, 3, 0, 0, 4, 'x'};
    struct drdynvc_header h;

    (void)state;
    assert_int_equal(probe_parse(first, sizeof(first), parse_header, &h), SP_OK);
    assert_int_equal(h.id, 0x02000001);
    assert_int_equal(h.total, 0x04000003);
    static const uint8_t wide[] = {0x26, 1, 2, 3, 4, 0x10, 0x20, 'x'};
    assert_int_equal(probe_parse(wide, sizeof(wide), parse_header, &h), SP_OK);
    assert_int_equal(h.cmd, DYNVC_DATA_FIRST);
    assert_int_equal(h.id, 0x04030201);
    assert_int_equal(h.total, 0x2010);
}

static void refuses_headers(void **state)
{
    static const uint8_t id3[] = {0x33, 1, 2, 3, 4, 5}, len3[] = {0x2c, 1, 2, 3, 4, 5, 6};
    static const uint8_t cmd0[] = {0x00, 1}, cmd10[] = {0xa0, 1};
    struct drdynvc_header h;

    (void)state;
    assert_int_equal(probe_parse(id3, sizeof(id3), parse_header, &h), SP_EVALUE);
    assert_int_equal(probe_parse(len3, sizeof(len3), parse_header, &h), SP_EVALUE);
    assert_int_equal(probe_parse(cmd0, sizeof(cmd0), parse_header, &h), SP_EVALUE);
    assert_int_equal(probe_parse(cmd10, sizeof(cmd10), parse_header, &h), SP_ELIMIT);
    assert_int_equal(probe_parse(id3, 0, parse_header, &h), SP_ESHORT);
}

static void holds_the_version(void **state)
{
    size_t size;
    uint8_t *caps = vector_load("drdynvc/caps_v3.hex", &size);
    struct channel_header header = {(uint32_t)size, ALL};
    static const uint8_t answer2[] = {0x50, 0, 2, 0}, answer3[] = {0x50, 0, 3, 0};
    static const uint8_t zero[] = {0x50, 0, 0, 0};

    (void)state;
    assert_int_equal(drdynvc_filter_step(&filter, S2C, &header, caps, size, 0, &report), PASS);
    assert_int_equal(caps[2], 2);
    assert_int_equal(caps[4], 0x33); /* the charges stay */
    assert_int_equal(send_pdu(C2S, answer2, sizeof(answer2)), PASS);
    assert_int_equal(send_pdu(C2S, answer3, sizeof(answer3)), NO);
    assert_int_equal(send_pdu(S2C, zero, sizeof(zero)), NO);
    assert_int_equal(send_pdu(S2C, caps, size - 1), NO);
    free(caps);
}

static void opens_what_is_allowed(void **state)
{
    size_t size;
    uint8_t *create = vector_load("drdynvc/create_graphics.hex", &size);
    static const uint8_t data[] = {0x30, 7, 1, 2, 3};
    const struct drdynvc_channel *open = NULL;
    size_t at = 0;

    (void)state;
    assert_int_equal(send_pdu(S2C, create, size), PASS);
    free(create);
    assert_int_equal(send_pdu(C2S, data, sizeof(data)), DROP); /* not open yet */
    assert_int_equal(agree(7, 0), PASS);
    assert_int_equal(agree(7, 0), DROP); /* once */
    assert_int_equal(send_pdu(S2C, data, sizeof(data)), PASS);
    assert_int_equal(send_pdu(C2S, data, sizeof(data)), PASS);
    assert_true(drdynvc_filter_next_open(&filter, &at, &open));
    assert_string_equal(open->name, GRAPHICS);
    assert_int_equal(open->bytes[S2C], 3);
    assert_false(drdynvc_filter_next_open(&filter, &at, &open));
}

/* What stands in no table or needs another permission is answered for the client. */
static void denies_by_name(void **state)
{
    static const char *const names[] = {"AUDIO_INPUT",
                                        "URBDRC",
                                        "PNPDR",
                                        "FileRedirectorChannel",
                                        "RDCamera_Device_Enumerator",
                                        "RDCamera_Device_0",
                                        "TSMF",
                                        "Microsoft::Windows::RDS::Telemetry",
                                        "WebAuthN_Channel",
                                        "cliprdr",
                                        "rdpdr",
                                        "rdpsnd",
                                        "graphics",
                                        "Microsoft::Windows::RDS::Graphics2",
                                        "microsoft::windows::rds::graphics",
                                        "AUDIO_PLAYBACK_DVC"};
    static const uint8_t denied[] = {0x10, 9, 0x05, 0x00, 0x07, 0x80};
    static const uint8_t data[] = {0x30, 9, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(ask(9, names[i]), DROP);
        assert_int_equal(report.event, DRDYNVC_EVENT_DENIED);
        assert_string_equal(report.name, names[i]);
        assert_int_equal(report.answer_size, sizeof(denied));
        assert_memory_equal(report.answer, denied, sizeof(denied));
    }
    assert_int_equal(send_pdu(C2S, data, sizeof(data)), DROP);
    assert_int_equal(send_pdu(S2C, data, sizeof(data)), NO);
}

static void each_permission_opens_its_own(void **state)
{
    static const struct {
        const char *name;
        uint32_t device;
    } rows[] = {{"AUDIO_INPUT", IPC_DEVICE_MICROPHONE},
                {"AUDIO_PLAYBACK_DVC", IPC_DEVICE_SOUND},
                {"AUDIO_PLAYBACK_LOSSY_DVC", IPC_DEVICE_SOUND},
                {"URBDRC", IPC_DEVICE_USB},
                {"RDCamera_Device_Enumerator", IPC_DEVICE_CAMERA},
                {"RDCamera_Device_7", IPC_DEVICE_CAMERA},
                {"WebAuthN_Channel", IPC_DEVICE_WEBAUTHN},
                {GRAPHICS, IPC_DEVICE_GRAPHICS},
                {DISPLAY, IPC_DEVICE_DISPLAY_CONTROL}};
    enum drdynvc_kind kind;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(drdynvc_name_allowed(rows[i].name, rows[i].device, &kind));
        assert_false(drdynvc_name_allowed(rows[i].name, ~rows[i].device, &kind));
    }
    assert_true(drdynvc_name_allowed("ECHO", 0, &kind));
    assert_false(drdynvc_name_allowed("RDCamera_Device_\x1b[2J", IPC_DEVICE_CAMERA, &kind));
}

/* CVE-2026-109951 and its neighbours. */
static void refuses_bad_names(void **state)
{
    static const uint8_t no_nul[] = {0x10, 1, 'E', 'C', 'H', 'O'};
    static const uint8_t empty[] = {0x10, 1, 0}, nothing[] = {0x10, 1};
    static const uint8_t trail[] = {0x10, 1, 'E', 'C', 'H', 'O', 0, 'x'};
    static const uint8_t id3[] = {0x13, 1, 2, 3, 4, 'E', 'C', 'H', 'O', 0};
    uint8_t longest[1600] = {0x10, 1};

    (void)state;
    assert_int_equal(send_pdu(S2C, no_nul, sizeof(no_nul)), NO);
    assert_int_equal(send_pdu(S2C, empty, sizeof(empty)), NO);
    assert_int_equal(send_pdu(S2C, nothing, sizeof(nothing)), NO);
    assert_int_equal(send_pdu(S2C, trail, sizeof(trail)), NO);
    assert_int_equal(report.fail.code, SP_ETRAIL);
    assert_int_equal(send_pdu(S2C, id3, sizeof(id3)), NO);
    memset(longest + 2, 'A', sizeof(longest) - 3);
    assert_int_equal(send_pdu(S2C, longest, sizeof(longest)), NO);
    assert_int_equal(report.fail.code, SP_ELIMIT);
    assert_int_equal(ask(1, "bad\x1b\x07name"), DROP);
    assert_string_equal(report.name, "bad??name");
}

static void refuses_an_id_twice(void **state)
{
    (void)state;
    open_channel(1, "ECHO");
    assert_int_equal(ask(1, "ECHO"), NO);
    assert_int_equal(report.fail.code, SP_ESTATE);
}

static void closes_from_either_side(void **state)
{
    static const uint8_t close_pdu[] = {0x40, 1}, data[] = {0x30, 1, 'x'};
    static const uint8_t trail[] = {0x40, 1, 0};

    (void)state;
    open_channel(1, "ECHO");
    assert_int_equal(send_pdu(S2C, trail, sizeof(trail)), NO);
    assert_int_equal(send_pdu(S2C, data, sizeof(data)), PASS);
    assert_int_equal(send_pdu(C2S, close_pdu, sizeof(close_pdu)), PASS);
    assert_int_equal(report.event, DRDYNVC_EVENT_CLOSED);
    assert_int_equal(report.to_client, 1);
    assert_int_equal(send_pdu(C2S, close_pdu, sizeof(close_pdu)), DROP);
    assert_int_equal(send_pdu(S2C, data, sizeof(data)), DROP); /* was under way */
    assert_int_equal(send_pdu(S2C, close_pdu, sizeof(close_pdu)), PASS);
    assert_int_equal(send_pdu(S2C, data, sizeof(data)), NO);
    open_channel(1, "ECHO"); /* the id again */
    assert_int_equal(send_pdu(S2C, close_pdu, sizeof(close_pdu)), PASS);
    assert_int_equal(send_pdu(S2C, data, sizeof(data)), NO);
    assert_int_equal(send_pdu(C2S, data, sizeof(data)), DROP);
    assert_int_equal(send_pdu(C2S, close_pdu, sizeof(close_pdu)), PASS);
    assert_int_equal(send_pdu(C2S, close_pdu, sizeof(close_pdu)), DROP);
}

static void forgets_what_the_client_refuses(void **state)
{
    static const uint8_t data[] = {0x30, 3, 'x'}, no_status[] = {0x10, 3, 0, 0};

    (void)state;
    assert_int_equal(ask(3, "ECHO"), PASS);
    assert_int_equal(send_pdu(C2S, no_status, sizeof(no_status)), NO);
    assert_int_equal(agree(3, 0xC0000001), PASS);
    assert_int_equal(report.event, DRDYNVC_EVENT_NONE);
    assert_int_equal(send_pdu(S2C, data, sizeof(data)), NO);
}

static void measures_messages(void **state)
{
    static const uint8_t first[] = {0x20, 1, 4, 'a', 'b'}, more[] = {0x30, 1, 'c', 'd'};
    static const uint8_t too_much[] = {0x30, 1, 'c', 'd', 'e'}, over[] = {0x20, 1, 1, 'a', 'b'};

    (void)state;
    open_channel(1, "ECHO");
    assert_int_equal(send_pdu(S2C, first, sizeof(first)), PASS);
    assert_int_equal(send_pdu(S2C, more, sizeof(more)), PASS);
    assert_int_equal(send_pdu(S2C, more, sizeof(more)), PASS); /* a message of its own */
    assert_int_equal(send_pdu(S2C, over, sizeof(over)), NO);
    assert_int_equal(send_pdu(S2C, first, sizeof(first)), PASS);
    assert_int_equal(send_pdu(S2C, first, sizeof(first)), NO);
    assert_int_equal(send_pdu(S2C, too_much, sizeof(too_much)), NO);
}

/* DejaBlue's carrier: nobody negotiated compression, so nobody may send it. */
static void refuses_compression(void **state)
{
    static const uint8_t first[] = {0x60, 1, 0xf0, 0xe0, 0xff, 0xff}, more[] = {0x70, 1, 0xe0};
    static const uint8_t sync[] = {0x80, 0, 8, 0, 0, 0, 0, 0, 0, 0}, sync_rsp[] = {0x90, 0};

    (void)state;
    open_channel(1, GRAPHICS);
    assert_int_equal(send_pdu(S2C, first, sizeof(first)), NO);
    assert_int_equal(send_pdu(S2C, more, sizeof(more)), NO);
    assert_int_equal(send_pdu(C2S, more, sizeof(more)), NO);
    assert_int_equal(send_pdu(S2C, sync, sizeof(sync)), DROP);
    assert_int_equal(report.answer_size, 0);
    assert_int_equal(send_pdu(C2S, sync_rsp, sizeof(sync_rsp)), NO);
    assert_int_equal(send_pdu(C2S, sync, sizeof(sync)), NO);
}

static void judges_several_chunks_as_one(void **state)
{
    static const uint8_t data[] = {0x30, 1, 'x', 'y'}, denied[] = {0x30, 5, 'x', 'y'};
    static const uint8_t create[] = {0x10, 1, 'E'};

    (void)state;
    assert_int_equal(send_chunk(C2S, data, 4, 8, 0), NO); /* no first one */
    open_channel(1, "ECHO");
    assert_int_equal(send_chunk(S2C, data, 4, 8, CHANNEL_FLAG_FIRST), PASS);
    assert_int_equal(send_chunk(S2C, data, 2, 8, 0), PASS);
    assert_int_equal(send_chunk(S2C, data, 2, 8, CHANNEL_FLAG_LAST), PASS);
    assert_int_equal(send_chunk(S2C, data, 2, 8, CHANNEL_FLAG_LAST), NO);
    assert_int_equal(send_chunk(C2S, denied, 4, 8, CHANNEL_FLAG_FIRST), DROP);
    assert_int_equal(send_chunk(C2S, data, 4, 8, CHANNEL_FLAG_LAST), DROP);
    assert_int_equal(send_chunk(S2C, create, 3, 8, CHANNEL_FLAG_FIRST), NO);
    assert_int_equal(send_chunk(S2C, data, 4, 3, ALL), NO);
    assert_int_equal(send_chunk(S2C, data, 0, 0, ALL), NO);
}

static void fills_the_table(void **state)
{
    uint8_t pdu[] = {0x11, 0, 0, 'E', 'C', 'H', 'O', 0};

    (void)state;
    for (unsigned i = 0; i < DRDYNVC_OPEN_MAX; i++) {
        pdu[1] = (uint8_t)i;
        pdu[2] = (uint8_t)(i >> 8);
        assert_int_equal(send_pdu(S2C, pdu, sizeof(pdu)), PASS);
    }
    pdu[1] = 0xff;
    pdu[2] = 0xff;
    assert_int_equal(send_pdu(S2C, pdu, sizeof(pdu)), DROP);
    assert_int_equal(report.answer_size, 7); /* the id in two bytes */
    static const uint8_t close_pdu[] = {0x40, 9};
    assert_int_equal(send_pdu(S2C, close_pdu, sizeof(close_pdu)), PASS);
    assert_int_equal(send_pdu(S2C, pdu, sizeof(pdu)), PASS);
}

static enum drdynvc_verdict send_layout(const uint8_t *layout, size_t size)
{
    uint8_t pdu[1000] = {0x30, 2};

    memcpy(pdu + 2, layout, size);
    return send_pdu(C2S, pdu, size + 2);
}

static void checks_layouts(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
    } bad[] = {{0, 1},    {4, 55},    {4, 57},   {8, 39},          {12, 0},   {12, 17},  {12, 2},
               {28, 199}, {28, 8193}, {28, 201}, {12, 0xFFFFFFFF}, {32, 199}, {32, 8193}};
    size_t size;
    uint8_t *layout = vector_load("drdynvc/layout.hex", &size), copy[56];

    (void)state;
    assert_int_equal(size, sizeof(copy));
    assert_int_equal(probe_parse(layout, size, parse_layout, copy), SP_OK);
    open_channel(2, DISPLAY);
    assert_int_equal(send_layout(layout, size), PASS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct wr w;

        memcpy(copy, layout, size);
        wr_init(&w, copy, size);
        w.pos = size;
        wr_patch_u32le(&w, bad[i].at, bad[i].value);
        assert_int_equal(send_layout(copy, size), DROP);
        assert_int_equal(report.event, DRDYNVC_EVENT_LAYOUT);
    }
    assert_int_equal(send_layout(layout, size - 1), DROP);
    assert_int_equal(send_layout(layout, size), PASS);
    assert_int_equal(send_layout(layout, size), DROP); /* the third in a second */
    now_ms += DRDYNVC_LAYOUT_MS;
    assert_int_equal(send_layout(layout, size), PASS);
    free(layout);
}

static void stands_every_byte(void **state)
{
    uint8_t pdu[64] = {0};

    (void)state;
    open_channel(1, "ECHO");
    for (unsigned first = 0; first < 256; first++) {
        for (size_t size = 0; size < 16; size++) {
            pdu[0] = (uint8_t)first;
            pdu[1] = 1;
            (void)send_pdu(S2C, pdu, size);
            (void)send_pdu(C2S, pdu, size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_headers, start),
        cmocka_unit_test_setup(refuses_headers, start),
        cmocka_unit_test_setup(holds_the_version, start),
        cmocka_unit_test_setup(opens_what_is_allowed, start),
        cmocka_unit_test_setup(denies_by_name, start),
        cmocka_unit_test_setup(each_permission_opens_its_own, start),
        cmocka_unit_test_setup(refuses_bad_names, start),
        cmocka_unit_test_setup(refuses_an_id_twice, start),
        cmocka_unit_test_setup(closes_from_either_side, start),
        cmocka_unit_test_setup(forgets_what_the_client_refuses, start),
        cmocka_unit_test_setup(measures_messages, start),
        cmocka_unit_test_setup(refuses_compression, start),
        cmocka_unit_test_setup(judges_several_chunks_as_one, start),
        cmocka_unit_test_setup(fills_the_table, start),
        cmocka_unit_test_setup(checks_layouts, start),
        cmocka_unit_test_setup(stands_every_byte, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
