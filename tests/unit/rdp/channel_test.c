/* SPDX-License-Identifier: Apache-2.0
 * Static channels: chunk headers, reassembly rules, names and options.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/channel.h"
#include "support/probe.h"
#include "support/vector.h"

#define FIRST CHANNEL_FLAG_FIRST
#define LAST  CHANNEL_FLAG_LAST
#define C2S   CHANNEL_CLIENT_TO_SERVER
#define S2C   CHANNEL_SERVER_TO_CLIENT

static enum sp_err parse(struct rd *r, void *out)
{
    return channel_header_read(r, out);
}

static bool past_header(size_t size)
{
    return size >= CHANNEL_HEADER_SIZE;
}

static void reads_headers(void **state)
{
    size_t size;
    uint8_t *data = vector_load("channel/spec_cliprdr.hex", &size);
    struct channel_header header;
    uint8_t out[CHANNEL_HEADER_SIZE];
    struct rd r;
    struct wr w;

    (void)state;
    rd_init(&r, data, size);
    assert_int_equal(channel_header_read(&r, &header), SP_OK);
    assert_int_equal(header.length, 8);
    assert_int_equal(header.flags, FIRST | LAST);
    assert_int_equal(r.left, 8);
    wr_init(&w, out, sizeof(out));
    channel_header_write(&w, &header);
    assert_memory_equal(out, data, sizeof(out));
    wr_init(&w, out, 7);
    channel_header_write(&w, &header);
    assert_int_equal(w.fail.code, SP_ESPACE);
    free(data);
    data = vector_load("channel/lab_rdpsnd_header.hex", &size);
    assert_int_equal(probe_parse(data, size, parse, &header), SP_OK);
    assert_int_equal(header.length, 0x4e);
    free(data);
}

static void stands_probes(void **state)
{
    (void)state;
    probe_prefixes("channel/spec_cliprdr.hex", parse, sizeof(struct channel_header), past_header);
    assert_int_equal(probe_bytes("channel/first_of_two.hex", parse, sizeof(struct channel_header)),
                     0);
}

static enum sp_err step(struct channel_stream *s, enum channel_direction direction, uint32_t length,
                        uint32_t flags, size_t chunk)
{
    struct channel_header header = {length, flags};
    struct channel_stream before = *s;
    struct sp_fail fail = {0};
    enum sp_err err =
        channel_stream_step(s, direction, &header, chunk, CHANNEL_CHUNK_LENGTH, &fail);

    assert_int_equal(err, fail.code);
    if (err != SP_OK)
        assert_memory_equal(s, &before, sizeof(before));
    assert_int_equal(
        channel_stream_step(&before, direction, &header, chunk, CHANNEL_CHUNK_LENGTH, NULL), err);
    return err;
}

static void follows_messages(void **state)
{
    struct channel_stream s = {0};

    (void)state;
    assert_int_equal(step(&s, C2S, 10, FIRST | LAST, 10), SP_OK);
    assert_false(s.is_open);
    assert_int_equal(step(&s, C2S, 0, FIRST | LAST, 0), SP_OK);
    assert_int_equal(step(&s, C2S, 4000, FIRST, 1600), SP_OK);
    assert_true(s.is_open);
    assert_int_equal(step(&s, C2S, 4000, CHANNEL_FLAG_SHOW_PROTOCOL, 1600), SP_OK);
    assert_int_equal(step(&s, C2S, 4000, LAST, 800), SP_OK);
    assert_false(s.is_open);
    assert_int_equal(step(&s, C2S, 0xFFFFFFFF, FIRST, 1600), SP_OK);
}

static void refuses_broken_sequences(void **state)
{
    struct channel_stream s = {0};

    (void)state;
    assert_int_equal(step(&s, C2S, 10, LAST, 10), SP_ESTATE); /* no FIRST */
    assert_int_equal(step(&s, C2S, 10, 0, 5), SP_ESTATE);     /* middle   */
    assert_int_equal(step(&s, C2S, 10, FIRST | LAST, 9), SP_EVALUE);
    assert_int_equal(step(&s, C2S, 10, FIRST | LAST, 11), SP_EVALUE);
    assert_int_equal(step(&s, C2S, 10, FIRST, 6), SP_OK);
    assert_int_equal(step(&s, C2S, 10, FIRST, 4), SP_ESTATE); /* FIRST twice */
    assert_int_equal(step(&s, C2S, 11, LAST, 5), SP_EVALUE);  /* other length */
    assert_int_equal(step(&s, C2S, 10, 0, 5), SP_EVALUE);     /* more than length */
    assert_int_equal(step(&s, C2S, 10, LAST, 3), SP_EVALUE);  /* fewer at the end */
    assert_int_equal(step(&s, C2S, 10, LAST, SIZE_MAX), SP_ELIMIT);
    assert_int_equal(step(&s, C2S, 10, LAST, 4), SP_OK);
}

static void refuses_flags_and_size(void **state)
{
    struct channel_header header = {CHANNEL_CHUNK_MAX + 1, FIRST | LAST};
    struct channel_stream s = {0};

    (void)state;
    assert_int_equal(step(&s, C2S, 10, FIRST | LAST | CHANNEL_PACKET_COMPRESSED, 10), SP_EVALUE);
    assert_int_equal(step(&s, S2C, 10, FIRST | LAST | CHANNEL_PACKET_COMPRESSED, 10), SP_EVALUE);
    assert_int_equal(step(&s, C2S, 0, CHANNEL_FLAG_SUSPEND, 0), SP_EVALUE);
    assert_int_equal(step(&s, C2S, 0, CHANNEL_FLAG_RESUME, 0), SP_EVALUE);
    assert_int_equal(step(&s, S2C, 0, CHANNEL_FLAG_SUSPEND, 0), SP_OK);
    assert_int_equal(step(&s, S2C, 0, CHANNEL_FLAG_RESUME, 0), SP_OK);
    assert_false(s.is_open);
    assert_int_equal(step(&s, C2S, 1601, FIRST | LAST, 1601), SP_ELIMIT);
    assert_int_equal(
        channel_stream_step(&s, S2C, &header, CHANNEL_CHUNK_MAX + 1, CHANNEL_CHUNK_MAX, NULL),
        SP_ELIMIT); /* a chunk of 16257 bytes */
    header.length = CHANNEL_CHUNK_MAX;
    assert_int_equal(
        channel_stream_step(&s, S2C, &header, CHANNEL_CHUNK_MAX, CHANNEL_CHUNK_MAX, NULL), SP_OK);
}

static void knows_names(void **state)
{
    (void)state;
    static const struct ipc_channels all = {3, 7, 3, 0xFFFF}, none = {0},
                                     sound = {.devices = IPC_DEVICE_SOUND},
                                     kinds_only = {.clipboard_kinds = 7};

    assert_true(channel_name_allowed("rdpdr\0\0", &all));
    assert_true(channel_name_allowed("RDPSND\0", &all));
    assert_true(channel_name_allowed("ClipRdr", &all));
    assert_true(channel_name_allowed("drdynvc", &all));
    assert_true(channel_name_allowed("rdpdr\0x", &all));
    assert_true(channel_name_allowed("rail_wi", &all));
    assert_false(channel_name_allowed("MS_T120", &all));
    assert_false(channel_name_allowed("ms_t120", &all));
    assert_false(channel_name_allowed("rail\0\0\0", &sound));
    assert_false(channel_name_allowed("rdpd\0\0\0", &all));
    assert_false(channel_name_allowed("rdpdr1\0", &all));
    assert_false(channel_name_allowed("\0\0\0\0\0\0\0", &all));
    assert_true(channel_name_allowed("drdynvc", &none));
    assert_false(channel_name_allowed("rdpsnd\0", &none));
    assert_false(channel_name_allowed("rdpdr\0\0", &none));
    assert_true(channel_name_allowed("rdpdr\0\0", &sound)); /* Windows: no sound without it */
    assert_false(channel_name_allowed("cliprdr", &sound));
    assert_false(channel_name_allowed("cliprdr", &kinds_only));
    assert_true(channel_name_equal("Ms_T120", "MS_T120"));
    assert_false(channel_name_equal("@s_T120", "`s_T120"));
    assert_false(
        channel_name_equal((const char[]){'d', 'r', 'd', 'y', 'n', 'v', 'c', 'x'}, "drdynvc"));
    assert_false(
        channel_name_equal((const char[]){'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}, "abcdefgh"));
}

static void filters_options(void **state)
{
    (void)state;
    assert_int_equal(channel_options_filter(0), 0x80000000);
    assert_int_equal(channel_options_filter(0xFFFFFFFF), 0x8EA00000);
    assert_int_equal(channel_options_filter(0xC0800000), 0x80800000); /* [lab] rdpdr */
    assert_int_equal(channel_options_filter(CHANNEL_OPTION_COMPRESS), 0x80000000);
    assert_int_equal(channel_options_filter(CHANNEL_OPTION_REMOTE_CONTROL_PERSISTENT), 0x80000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers),          cmocka_unit_test(stands_probes),
        cmocka_unit_test(follows_messages),       cmocka_unit_test(refuses_broken_sequences),
        cmocka_unit_test(refuses_flags_and_size), cmocka_unit_test(knows_names),
        cmocka_unit_test(filters_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
