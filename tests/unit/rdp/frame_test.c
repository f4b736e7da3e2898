/* SPDX-License-Identifier: Apache-2.0
 * Message boundaries by kind, and the TPKT + X.224 envelope.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/frame.h"
#include "support/vector.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static size_t size_of(enum rdp_frame_kind kind, const uint8_t *p, size_t have)
{
    size_t size = 4711;
    struct sp_fail fail = {0};
    uint8_t *exact = vector_prefix(p, have);

    assert_int_equal(rdp_frame_size(kind, exact, have, &size, &fail), SP_OK);
    assert_int_equal(fail.code, SP_OK);
    free(exact);
    return size;
}

static void refuses(enum sp_err want, enum rdp_frame_kind kind, const uint8_t *p, size_t have)
{
    size_t size = 4711;
    struct sp_fail fail = {0};

    assert_int_equal(rdp_frame_size(kind, p, have, &size, &fail), want);
    assert_int_equal(fail.code, want);
    assert_non_null(fail.where);
    assert_int_equal(size, 4711);
    assert_int_equal(rdp_frame_size(kind, p, have, &size, NULL), want);
}

static void waits_for_the_header(void **state)
{
    (void)state;
    size_t size = 1;

    assert_int_equal(rdp_frame_size(RDP_FRAME_TPKT, NULL, 0, &size, NULL), SP_OK);
    assert_int_equal(size, 0);
    assert_int_equal(rdp_frame_size(RDP_FRAME_ACTIVE, NULL, 0, &size, NULL), SP_OK);
    assert_int_equal(rdp_frame_size(RDP_FRAME_TSREQUEST, NULL, 0, &size, NULL), SP_OK);
    for (size_t n = 1; n < 4; n++)
        assert_int_equal(size_of(RDP_FRAME_TPKT, (const uint8_t[]){3, 0, 0, 7}, n), 0);
}

static void sizes_tpkt(void **state)
{
    (void)state;
    assert_int_equal(size_of(RDP_FRAME_TPKT, BYTES(3, 0, 0, 7)), 7);
    assert_int_equal(size_of(RDP_FRAME_TPKT, BYTES(3, 0xff, 1, 2)), 258);
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, BYTES(3, 0, 0xff, 0xff)), 65535);
    for (uint8_t n = 0; n < 7; n++)
        refuses(SP_EVALUE, RDP_FRAME_TPKT, BYTES(3, 0, 0, n));
    /* a Hyper-V preconnection PDU, TLS, fast-path and HTTP are refused at the first byte */
    refuses(SP_EVALUE, RDP_FRAME_TPKT, BYTES(0x12));
    refuses(SP_EVALUE, RDP_FRAME_TPKT, BYTES(0x16));
    refuses(SP_EVALUE, RDP_FRAME_TPKT, BYTES(0x00));
    refuses(SP_EVALUE, RDP_FRAME_TPKT, BYTES('G'));
}

static void sizes_fastpath(void **state)
{
    size_t size;
    uint8_t *input = vector_load("frame/fastpath_lab.hex", &size);

    (void)state;
    /* two length bytes although the length is 8 */
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, input, size), size);
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, input, 1), 0);
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, input, 2), 0);
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, input, 3), 8);
    free(input);
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, BYTES(0x00, 0x84, 0x61)), 1121);
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, BYTES(0x04, 0x03)), 3);
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, BYTES(0x30, 0x7f)), 127);
    assert_int_equal(size_of(RDP_FRAME_ACTIVE, BYTES(0x00, 0xff, 0xff)), FASTPATH_SIZE_MAX);
    refuses(SP_EVALUE, RDP_FRAME_ACTIVE, BYTES(0x00, 0x02));
    refuses(SP_EVALUE, RDP_FRAME_ACTIVE, BYTES(0x00, 0x80, 0x02));
    refuses(SP_EVALUE, RDP_FRAME_ACTIVE, BYTES(0x80, 0x10)); /* encrypted */
    refuses(SP_EVALUE, RDP_FRAME_ACTIVE, BYTES(0x40));       /* secure checksum */
    refuses(SP_EVALUE, RDP_FRAME_ACTIVE, BYTES(0x01));
    refuses(SP_EVALUE, RDP_FRAME_ACTIVE, BYTES(0x02));
    assert_true(rdp_is_fastpath(0x00));
    assert_true(rdp_is_fastpath(0x30));
    assert_false(rdp_is_fastpath(0x03));
}

static void sizes_tsrequest(void **state)
{
    (void)state;
    assert_int_equal(size_of(RDP_FRAME_TSREQUEST, BYTES(0x30)), 0);
    assert_int_equal(size_of(RDP_FRAME_TSREQUEST, BYTES(0x30, 0x5b)), 0x5d);
    assert_int_equal(size_of(RDP_FRAME_TSREQUEST, BYTES(0x30, 0x81)), 0);
    assert_int_equal(size_of(RDP_FRAME_TSREQUEST, BYTES(0x30, 0x81, 0x9f)), 0xa2);
    assert_int_equal(size_of(RDP_FRAME_TSREQUEST, BYTES(0x30, 0x82, 0x01)), 0);
    assert_int_equal(size_of(RDP_FRAME_TSREQUEST, BYTES(0x30, 0x82, 0x01, 0xaf)), 435);
    assert_int_equal(size_of(RDP_FRAME_TSREQUEST, BYTES(0x30, 0x82, 0x3f, 0xfc)), 16384);
    refuses(SP_ELIMIT, RDP_FRAME_TSREQUEST, BYTES(0x30, 0x82, 0x3f, 0xfd));
    refuses(SP_EVALUE, RDP_FRAME_TSREQUEST, BYTES(0x30, 0x80));
    refuses(SP_EVALUE, RDP_FRAME_TSREQUEST, BYTES(0x30, 0x83));
    refuses(SP_EVALUE, RDP_FRAME_TSREQUEST, BYTES(0x03, 0x00));
}

static enum sp_err open_data(const uint8_t *p, size_t size, struct rd *payload, bool *disconnect)
{
    struct rd r;

    rd_init(&r, p, size);
    return rdp_data_open(&r, payload, disconnect);
}

static void opens_and_writes_data(void **state)
{
    uint8_t buf[16];
    struct wr w;
    struct rd payload;
    bool disconnect = true;

    (void)state;
    wr_init(&w, buf, sizeof(buf));
    wr_u8(&w, 0xee); /* a PDU may begin anywhere in the buffer */
    size_t mark = rdp_data_begin(&w);
    wr_u16be(&w, 0xabcd);
    rdp_data_end(&w, mark);
    assert_true(wr_ok(&w));
    assert_int_equal(open_data(buf + 1, w.pos - 1, &payload, &disconnect), SP_OK);
    assert_false(disconnect);
    assert_int_equal(payload.left, 2);
    assert_int_equal(rd_u16be(&payload, "payload"), 0xabcd);
    for (size_t n = 0; n < w.pos - 1; n++) {
        uint8_t *prefix = vector_prefix(buf + 1, n);
        assert_int_equal(open_data(prefix, n, &payload, &disconnect), SP_ESHORT);
        free(prefix);
    }
}

static void opens_disconnect(void **state)
{
    size_t size;
    uint8_t *pdu = vector_load("mcs_domain/x224_disconnect.hex", &size);
    struct rd payload;
    bool disconnect = false;

    (void)state;
    assert_int_equal(open_data(pdu, size, &payload, &disconnect), SP_OK);
    assert_true(disconnect);
    assert_int_equal(payload.left, 0);
    pdu[4]++; /* length indicator */
    assert_int_equal(open_data(pdu, size, &payload, &disconnect), SP_EVALUE);
    free(pdu);
}

static void refuses_bad_envelopes(void **state)
{
    struct rd p;
    bool d = false;

    (void)state;
    assert_int_equal(open_data(BYTES(3, 0, 0, 7, 2, 0xf0, 0x80, 1), &p, &d), SP_ETRAIL);
    assert_int_equal(open_data(BYTES(3, 0, 0, 8, 2, 0xf0, 0x80), &p, &d), SP_ESHORT);
    assert_int_equal(open_data(BYTES(4, 0, 0, 7, 2, 0xf0, 0x80), &p, &d), SP_EVALUE);
    assert_int_equal(open_data(BYTES(3, 0, 0, 6, 2, 0xf0, 0x80), &p, &d), SP_EVALUE);
    assert_int_equal(open_data(BYTES(3, 0, 0, 7, 3, 0xf0, 0x80), &p, &d), SP_EVALUE);
    assert_int_equal(open_data(BYTES(3, 0, 0, 7, 2, 0xe0, 0x80), &p, &d), SP_EVALUE);
    /* no segmentation: EOT must be set */
    assert_int_equal(open_data(BYTES(3, 0, 0, 7, 2, 0xf0, 0x00), &p, &d), SP_EVALUE);
}

static void writes_no_more_than_fits(void **state)
{
    static uint8_t buf[TPKT_SIZE_MAX + 1];
    struct wr w;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        wr_init(&w, buf, sizeof(buf));
        size_t mark = rdp_data_begin(&w);
        wr_zero(&w, TPKT_SIZE_MAX - RDP_DATA_OFFSET + extra);
        rdp_data_end(&w, mark);
        assert_int_equal(w.fail.code, extra == 0 ? SP_OK : SP_ESPACE);
    }
    wr_init(&w, buf, 6);
    rdp_data_end(&w, rdp_data_begin(&w));
    assert_int_equal(w.fail.code, SP_ESPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_the_header),  cmocka_unit_test(sizes_tpkt),
        cmocka_unit_test(sizes_fastpath),        cmocka_unit_test(sizes_tsrequest),
        cmocka_unit_test(opens_and_writes_data), cmocka_unit_test(opens_disconnect),
        cmocka_unit_test(refuses_bad_envelopes), cmocka_unit_test(writes_no_more_than_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
