/* SPDX-License-Identifier: Apache-2.0
 * Channel filters' common part: queues, chunks, records, hashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/svc.h"

#define C2S CHANNEL_CLIENT_TO_SERVER
#define S2C CHANNEL_SERVER_TO_CLIENT

static struct svc_out out;
static struct svc_side side;
static uint8_t held[4096];

/* A filter that does what the first byte of a message says. */
static enum sp_err first(void *filter, enum channel_direction direction, const uint8_t *data,
                         size_t size, size_t total, enum svc_mode *mode, struct svc_out *o)
{
    (void)filter, (void)direction, (void)total, (void)o;
    if (size == 0)
        return SP_ESHORT;
    if (data[0] == 'p')
        *mode = SVC_MODE_PASS;
    else if (data[0] == 'g')
        *mode = SVC_MODE_GATHER;
    else if (data[0] == 'x')
        return SP_EDENIED;
    return SP_OK;
}

static enum sp_err passing(void *filter, enum channel_direction direction, const uint8_t *data,
                           size_t size, size_t at, bool is_last, struct svc_out *o)
{
    size_t *seen = filter;

    (void)direction, (void)data, (void)is_last, (void)o;
    assert_int_equal(at, *seen);
    *seen += size;
    return SP_OK;
}

static enum sp_err whole(void *filter, enum channel_direction direction, uint8_t *data, size_t size,
                         struct svc_out *o)
{
    (void)filter;
    svc_out_lend(o, direction, data, size);
    return svc_out_put(o, svc_back(direction), (const uint8_t *)"ok", 2);
}

static const struct svc_steps steps = {first, passing, whole};

static int fresh(void **state)
{
    (void)state;
    memset(&out, 0, sizeof(out));
    memset(&side, 0, sizeof(side));
    side.buf = held;
    side.capacity = sizeof(held);
    return 0;
}

static enum svc_verdict feed(size_t *seen, uint32_t length, uint32_t flags, char what, size_t size)
{
    struct channel_header header = {length, flags};
    uint8_t *data = malloc(size > 0 ? size : 1);

    assert_non_null(data);
    memset(data, what, size);
    enum svc_verdict verdict = svc_filter_step(&steps, seen, &side, C2S, &header, data, size, &out);
    free(data);
    return verdict;
}

static void passes_chunks(void **state)
{
    size_t seen = 0;

    (void)state;
    assert_int_equal(feed(&seen, 200, CHANNEL_FLAG_FIRST, 'p', 100), SVC_PASS);
    assert_true(out.queue[C2S].is_passing);
    assert_int_equal(feed(&seen, 200, CHANNEL_FLAG_LAST, 'p', 100), SVC_PASS);
    assert_false(out.queue[C2S].is_passing);
    assert_int_equal(seen, 200);
    assert_int_equal(feed(&seen, 0, CHANNEL_FLAG_RESUME, 'p', 0), SVC_REFUSE);
    assert_int_equal(out.fail.code, SP_EVALUE);
}

static void gathers_and_sends_again(void **state)
{
    struct channel_header header;
    const uint8_t *data;
    size_t size, seen = 0;

    (void)state;
    assert_int_equal(feed(&seen, 250, CHANNEL_FLAG_FIRST | CHANNEL_FLAG_SHOW_PROTOCOL, 'g', 150),
                     SVC_DROP);
    assert_false(svc_out_pending(&out, C2S));
    assert_int_equal(feed(&seen, 250, CHANNEL_FLAG_LAST | CHANNEL_FLAG_SHOW_PROTOCOL, 'g', 100),
                     SVC_DROP);
    assert_true(svc_out_next(&out, C2S, 100, &header, &data, &size));
    assert_int_equal(header.length, 250);
    assert_int_equal(header.flags, CHANNEL_FLAG_FIRST | CHANNEL_FLAG_SHOW_PROTOCOL);
    assert_int_equal(size, 100);
    assert_true(svc_out_next(&out, C2S, 100, &header, &data, &size));
    assert_int_equal(header.flags, CHANNEL_FLAG_SHOW_PROTOCOL);
    assert_true(svc_out_next(&out, C2S, 100, &header, &data, &size));
    assert_int_equal(header.flags, CHANNEL_FLAG_LAST | CHANNEL_FLAG_SHOW_PROTOCOL);
    assert_int_equal(size, 50);
    assert_false(svc_out_next(&out, C2S, 100, &header, &data, &size));
    assert_true(svc_out_next(&out, S2C, 100, &header, &data, &size));
    assert_int_equal(header.flags, CHANNEL_FLAG_FIRST | CHANNEL_FLAG_LAST);
    assert_memory_equal(data, "ok", 2);
    assert_int_equal(seen, 0);
}

static void refuses(void **state)
{
    size_t seen = 0;

    assert_int_equal(feed(&seen, 200, CHANNEL_FLAG_FIRST, 'p', SVC_PREFIX_SIZE - 1), SVC_REFUSE);
    assert_int_equal(out.fail.code, SP_EVALUE);
    fresh(state);
    assert_int_equal(feed(&seen, 5000, CHANNEL_FLAG_FIRST, 'g', 4000), SVC_DROP);
    assert_int_equal(feed(&seen, 5000, CHANNEL_FLAG_LAST, 'g', 1000), SVC_REFUSE);
    assert_int_equal(out.fail.code, SP_ELIMIT);
    fresh(state);
    assert_int_equal(feed(&seen, 4, CHANNEL_FLAG_FIRST | CHANNEL_FLAG_LAST, 'x', 4), SVC_REFUSE);
    assert_int_equal(out.fail.code, SP_EDENIED);
    assert_non_null(out.fail.where);
    fresh(state);
    assert_int_equal(feed(&seen, 4, CHANNEL_FLAG_LAST, 'p', 4), SVC_REFUSE);
    assert_int_equal(out.fail.code, SP_ESTATE);
    assert_int_equal(
        feed(&seen, 4, CHANNEL_FLAG_FIRST | CHANNEL_FLAG_LAST | CHANNEL_PACKET_COMPRESSED, 'p', 4),
        SVC_REFUSE);
    assert_int_equal(feed(&seen, CHANNEL_CHUNK_MAX + 1, CHANNEL_FLAG_FIRST | CHANNEL_FLAG_LAST, 'p',
                          CHANNEL_CHUNK_MAX + 1),
                     SVC_REFUSE);
    assert_int_equal(out.fail.code, SP_ELIMIT);
    assert_int_equal(feed(&seen, 0, CHANNEL_FLAG_FIRST | CHANNEL_FLAG_LAST, 'p', 0), SVC_REFUSE);
}

/* An answer waits until the message that passes in its direction is over. */
static void answers_wait(void **state)
{
    struct channel_header header;
    const uint8_t *data;
    size_t size, seen = 0;

    (void)state;
    assert_int_equal(feed(&seen, 200, CHANNEL_FLAG_FIRST, 'p', 100), SVC_PASS);
    assert_int_equal(svc_out_put(&out, C2S, (const uint8_t *)"no", 2), SP_OK);
    assert_false(svc_out_next(&out, C2S, 1600, &header, &data, &size));
    assert_int_equal(feed(&seen, 200, CHANNEL_FLAG_LAST, 'p', 100), SVC_PASS);
    assert_true(svc_out_next(&out, C2S, 1600, &header, &data, &size));
    assert_memory_equal(data, "no", 2);
}

static void bounds_its_queue(void **state)
{
    static const uint8_t message[1000];
    struct channel_header header;
    const uint8_t *data;
    size_t size;
    int fitted = 0;

    (void)state;
    while (svc_out_put(&out, S2C, message, sizeof(message)) == SP_OK)
        fitted++;
    assert_int_equal(fitted, SVC_QUEUE_SIZE / 1004);
    assert_int_equal(out.fail.code, SP_ELIMIT);
    assert_true(svc_out_next(&out, S2C, 1600, &header, &data, &size));
    assert_int_equal(svc_out_put(&out, S2C, message, sizeof(message)), SP_OK);
    for (int i = 0; i < fitted; i++)
        assert_true(svc_out_next(&out, S2C, 1600, &header, &data, &size));
    assert_false(svc_out_pending(&out, S2C));
}

static void keeps_records(void **state)
{
    struct svc_transfer t = {.kind = SVC_TRANSFER_PRINT};

    (void)state;
    assert_false(svc_out_transfer(&out, &t));
    for (uint64_t i = 0; i < SVC_TRANSFERS_MAX + 2; i++) {
        t.bytes = i;
        svc_out_record(&out, &t);
    }
    assert_int_equal(out.transfers_lost, 2);
    for (uint64_t i = 0; i < SVC_TRANSFERS_MAX; i++) {
        assert_true(svc_out_transfer(&out, &t));
        assert_int_equal(t.bytes, i);
    }
    assert_false(svc_out_transfer(&out, &t));
    for (int i = 0; i < SVC_TRANSFERS_MAX + 9; i++) {
        svc_out_refused(&out, SVC_WAY_TO_CLIENT, "drive", i == 0 ? NULL : "C:");
        if (svc_out_transfer(&out, &t))
            assert_string_equal(t.name, i == 0 ? "drive" : "drive: C:");
    }
    assert_int_equal(out.refusals, SVC_TRANSFERS_MAX);
}

static void hashes_in_order(void **state)
{
    static const uint8_t abc[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41,
                                    0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03,
                                    0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff,
                                    0x61, 0xf2, 0x00, 0x15, 0xad}; /* FIPS 180-4 example "abc" */
    struct svc_transfer t = {0};
    struct svc_hash h;

    (void)state;
    svc_hash_init(&h);
    svc_hash_seek(&h, 0);
    svc_hash_update(&h, (const uint8_t *)"a", 1);
    svc_hash_seek(&h, 1);
    svc_hash_update(&h, (const uint8_t *)"bc", 2);
    svc_hash_finish(&h, true, &t);
    assert_true(t.is_hashed);
    assert_memory_equal(t.sha256, abc, sizeof(abc));
    svc_hash_init(&h);
    svc_hash_seek(&h, 1);
    svc_hash_update(&h, (const uint8_t *)"abc", 3);
    svc_hash_finish(&h, true, &t);
    assert_false(t.is_hashed);
    svc_hash_init(&h);
    svc_hash_finish(&h, false, &t);
    assert_false(t.is_hashed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(passes_chunks, fresh),
        cmocka_unit_test_setup(gathers_and_sends_again, fresh),
        cmocka_unit_test_setup(refuses, fresh),
        cmocka_unit_test_setup(answers_wait, fresh),
        cmocka_unit_test_setup(bounds_its_queue, fresh),
        cmocka_unit_test_setup(keeps_records, fresh),
        cmocka_unit_test_setup(hashes_in_order, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
