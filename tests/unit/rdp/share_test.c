/* SPDX-License-Identifier: Apache-2.0
 * Share headers: the walk over several PDUs, the small PDUs in both roles, user ids exchanged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/errinfo.h"
#include "rdp/share.h"
#include "support/probe.h"
#include "support/vector.h"

#define LAB_USER  0x03EF
#define LAB_SHARE 0x000103EF

/* What a data PDU comes to. */
struct read_pdu {
    uint16_t pdu_source;
    uint32_t share_id;
    uint8_t pdu_type2;
    uint32_t value;
    struct share_control_action control;
};

static enum sp_err read_body(struct share_data *data, struct read_pdu *pdu)
{
    uint16_t user = 0;
    enum sp_err err = SP_OK;

    if (data->pdu_type2 == PDUTYPE2_SYNCHRONIZE)
        err = share_read_synchronize(&data->body, &user);
    else if (data->pdu_type2 == PDUTYPE2_CONTROL)
        err = share_read_control(&data->body, &pdu->control);
    else if (data->pdu_type2 == PDUTYPE2_SET_ERROR_INFO_PDU)
        err = share_read_set_error_info(&data->body, &pdu->value);
    else if (data->pdu_type2 == PDUTYPE2_STATUS_INFO_PDU)
        err = share_read_status_info(&data->body, &pdu->value);
    if (user != 0)
        pdu->value = user;
    return err;
}

/* One whole data PDU with nothing behind it. */
static enum sp_err parse(struct rd *r, void *out)
{
    struct read_pdu pdu = {0};
    struct share_data data;
    struct share_pdu share;

    if (share_next(r, &share) != SP_OK)
        return r->fail.code;
    rd_end(r, "test");
    if (share.type != PDUTYPE_DATAPDU)
        rd_refuse(r, SP_EVALUE, "test", share.type, PDUTYPE_DATAPDU);
    if (!rd_ok(r))
        return r->fail.code;
    if (share_data_read(&share.body, &data) != SP_OK) {
        rd_adopt(r, &share.body);
        return r->fail.code;
    }
    pdu.pdu_source = share.pdu_source;
    pdu.share_id = data.share_id;
    pdu.pdu_type2 = data.pdu_type2;
    if (read_body(&data, &pdu) != SP_OK)
        rd_adopt(r, &data.body);
    if (rd_ok(r))
        memcpy(out, &pdu, sizeof(pdu));
    return r->fail.code;
}

static struct read_pdu load(const char *vector)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct read_pdu pdu;

    assert_int_equal(probe_parse(data, size, parse, &pdu), SP_OK);
    free(data);
    return pdu;
}

static void reads_finalization(void **state)
{
    struct read_pdu pdu = load("share/lab_synchronize.hex");

    (void)state;
    assert_int_equal(pdu.pdu_source, LAB_USER);
    assert_int_equal(pdu.share_id, LAB_SHARE);
    assert_int_equal(pdu.pdu_type2, PDUTYPE2_SYNCHRONIZE);
    assert_int_equal(pdu.value, LAB_USER);
    assert_int_equal(load("share/lab_cooperate.hex").control.action, CTRLACTION_COOPERATE);
    assert_int_equal(load("share/lab_request_control.hex").control.action,
                     CTRLACTION_REQUEST_CONTROL);
    pdu = load("share/lab_granted_control.hex");
    assert_int_equal(pdu.control.action, CTRLACTION_GRANTED_CONTROL);
    assert_int_equal(pdu.control.grant_id, LAB_USER);
    assert_int_equal(pdu.control.control_id, SHARE_SERVER_CHANNEL);
    assert_int_equal(load("share/lab_font_list.hex").pdu_type2, PDUTYPE2_FONTLIST);
    assert_int_equal(load("share/lab_font_map.hex").pdu_type2, PDUTYPE2_FONTMAP);
}

static void reads_specification(void **state)
{
    (void)state;
    assert_int_equal(load("share/spec_synchronize_client.hex").value, 0x03EA);
    assert_int_equal(load("share/spec_synchronize_server.hex").value, 0x4463);
    assert_int_equal(load("share/spec_cooperate_client.hex").control.action, CTRLACTION_COOPERATE);
    assert_int_equal(load("share/spec_cooperate_server.hex").control.action, CTRLACTION_COOPERATE);
    assert_int_equal(load("share/spec_request_control.hex").control.action,
                     CTRLACTION_REQUEST_CONTROL);
    assert_int_equal(load("share/spec_granted_control.hex").control.grant_id, 0x03EF);
    assert_int_equal(load("share/spec_persistent_key_list.hex").pdu_type2,
                     PDUTYPE2_BITMAPCACHE_PERSISTENT_LIST);
    assert_int_equal(load("share/spec_font_list.hex").pdu_type2, PDUTYPE2_FONTLIST);
    assert_int_equal(load("share/spec_font_map.hex").pdu_type2, PDUTYPE2_FONTMAP);
    assert_int_equal(load("share/spec_shutdown_request.hex").pdu_type2, PDUTYPE2_SHUTDOWN_REQUEST);
    assert_int_equal(load("share/spec_shutdown_denied.hex").pdu_type2, PDUTYPE2_SHUTDOWN_DENIED);
    assert_int_equal(load("share/set_error_info.hex").value,
                     ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES);
    assert_int_equal(load("share/status_info.hex").value, TS_STATUS_LOADING_DESTINATION);
}

static void stands_probes(void **state)
{
    static const char *const vectors[] = {
        "share/lab_synchronize.hex", "share/lab_granted_control.hex", "share/lab_font_map.hex",
        "share/set_error_info.hex",  "share/status_info.hex",         "share/spec_font_list.hex",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        probe_prefixes(vectors[i], parse, sizeof(struct read_pdu), NULL);
        assert_true(probe_bytes(vectors[i], parse, sizeof(struct read_pdu)) > 0);
    }
}

static void expect_bytes(const struct wr *w, const char *vector)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);

    assert_true(wr_ok(w));
    assert_int_equal(w->pos, size);
    /* uncompressedLength differs between stacks and is never read. */
    if (size > SHARE_DATA_SIZE && data[2] == 0x17)
        memcpy(data + 12, w->buf + 12, 2);
    assert_memory_equal(w->buf, data, size);
    free(data);
}

static void writes_lab_bytes(void **state)
{
    uint8_t out[64];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    share_write_synchronize(&w, LAB_USER, LAB_SHARE, LAB_USER);
    expect_bytes(&w, "share/lab_synchronize.hex");
    wr_init(&w, out, sizeof(out));
    share_write_control(&w, LAB_USER, LAB_SHARE, CTRLACTION_COOPERATE, 0, 0);
    expect_bytes(&w, "share/lab_cooperate.hex");
    wr_init(&w, out, sizeof(out));
    share_write_control(&w, LAB_USER, LAB_SHARE, CTRLACTION_REQUEST_CONTROL, 0, 0);
    expect_bytes(&w, "share/lab_request_control.hex");
    wr_init(&w, out, sizeof(out));
    share_write_control(&w, LAB_USER, LAB_SHARE, CTRLACTION_GRANTED_CONTROL, LAB_USER,
                        SHARE_SERVER_CHANNEL);
    expect_bytes(&w, "share/lab_granted_control.hex");
    wr_init(&w, out, sizeof(out));
    share_write_font_list(&w, LAB_USER, LAB_SHARE);
    expect_bytes(&w, "share/lab_font_list.hex");
    wr_init(&w, out, sizeof(out));
    share_write_font_map(&w, LAB_USER, LAB_SHARE);
    expect_bytes(&w, "share/lab_font_map.hex");
}

static void writes_messages(void **state)
{
    uint8_t out[64];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    share_write_set_error_info(&w, 0x03EA, 0x000103EA, 9);
    expect_bytes(&w, "share/set_error_info.hex");
    assert_int_equal(out[12], 8); /* counted from pduType2 on, as Windows does */
    wr_init(&w, out, sizeof(out));
    share_write_status_info(&w, 0x03EA, 0x000103EA, TS_STATUS_LOADING_DESTINATION);
    expect_bytes(&w, "share/status_info.hex");
    wr_init(&w, out, sizeof(out));
    share_write_deactivate_all(&w, 0x03EA, 0x000103EA);
    expect_bytes(&w, "share/deactivate_all.hex");
    wr_init(&w, out, sizeof(out));
    share_write_shutdown_request(&w, 0x03EF, 0x000203EA);
    assert_int_equal(w.pos, SHARE_DATA_SIZE);
    assert_int_equal(out[14], PDUTYPE2_SHUTDOWN_REQUEST);
    wr_init(&w, out, sizeof(out));
    share_write_shutdown_denied(&w, 0x03EA, 0x000203EA);
    assert_int_equal(w.pos, SHARE_DATA_SIZE);
    assert_int_equal(out[14], PDUTYPE2_SHUTDOWN_DENIED);
}

static void writers_need_space(void **state)
{
    uint8_t out[64];
    struct wr w;

    (void)state;
    for (size_t space = 0; space < 26; space++) {
        wr_init(&w, out, space);
        share_write_font_map(&w, LAB_USER, LAB_SHARE);
        assert_int_equal(w.fail.code, SP_ESPACE);
    }
}

static void refuses_pdu_longer_than_its_field(void **state)
{
    static uint8_t out[0x9000];
    struct wr w;
    size_t begin;

    (void)state;
    wr_init(&w, out, sizeof(out));
    begin = share_control_begin(&w, PDUTYPE_DEACTIVATEALLPDU, 1);
    wr_zero(&w, 0x7FFF - SHARE_CONTROL_SIZE);
    share_control_end(&w, begin);
    assert_true(wr_ok(&w));
    wr_init(&w, out, sizeof(out));
    begin = share_control_begin(&w, PDUTYPE_DEACTIVATEALLPDU, 1);
    wr_zero(&w, 0x8000 - SHARE_CONTROL_SIZE);
    share_control_end(&w, begin);
    assert_int_equal(w.fail.code, SP_ELIMIT);
}

static void walks_several_pdus(void **state)
{
    size_t size;
    uint8_t *data = vector_load("share/three_in_one.hex", &size);
    struct share_pdu pdu;
    struct rd r;

    (void)state;
    rd_init(&r, data, size);
    assert_int_equal(share_next(&r, &pdu), SP_OK);
    assert_int_equal(pdu.type, PDUTYPE_DATAPDU);
    assert_int_equal(pdu.whole.left, 22);
    assert_int_equal(pdu.body.left, 16);
    assert_int_equal(share_next(&r, &pdu), SP_OK);
    assert_true(pdu.is_flow);
    assert_int_equal(pdu.whole.left, 8);
    assert_int_equal(pdu.body.left, 0);
    assert_int_equal(share_next(&r, &pdu), SP_OK);
    assert_false(pdu.is_flow);
    assert_int_equal(pdu.pdu_source, LAB_USER);
    assert_int_equal(r.left, 0);
    assert_int_equal(share_next(&r, &pdu), SP_ESHORT);
    free(data);
}

static enum sp_err next(const uint8_t *bytes, size_t size, struct share_pdu *pdu)
{
    uint8_t *exact = vector_prefix(bytes, size);
    struct rd r;
    enum sp_err err;

    rd_init(&r, exact, size);
    err = share_next(&r, pdu);
    free(exact);
    return err;
}

static void refuses_bad_lengths(void **state)
{
    static const uint8_t zero[] = {0, 0, 0x17, 0, 1, 2};
    static const uint8_t three[] = {3, 0, 0x17, 0, 1, 2};
    static const uint8_t bare_data[] = {4, 0, 0x17, 0};
    static const uint8_t five[] = {5, 0, 0x17, 0, 1};
    static const uint8_t longer[] = {7, 0, 0x17, 0, 1, 2};
    static const uint8_t flow[] = {0, 0x80, 0x42, 0, 0, 1, 0xea};
    static const uint8_t bare_deactivate[] = {4, 0, 0x16, 0};
    struct share_pdu pdu;

    (void)state;
    assert_int_equal(next(zero, sizeof(zero), &pdu), SP_EVALUE);
    assert_int_equal(next(three, sizeof(three), &pdu), SP_EVALUE);
    assert_int_equal(next(bare_data, sizeof(bare_data), &pdu), SP_EVALUE);
    assert_int_equal(next(five, sizeof(five), &pdu), SP_ESHORT);
    assert_int_equal(next(longer, sizeof(longer), &pdu), SP_ESHORT);
    assert_int_equal(next(flow, sizeof(flow), &pdu), SP_ESHORT);
    assert_int_equal(next(zero, 1, &pdu), SP_ESHORT);
    assert_int_equal(next(bare_deactivate, sizeof(bare_deactivate), &pdu), SP_OK);
    assert_int_equal(pdu.type, PDUTYPE_DEACTIVATEALLPDU);
    assert_int_equal(pdu.pdu_source, 0);
}

/* Change one byte of a vector's body and expect a refusal. */
static void refuse_byte(const char *vector, size_t offset, uint8_t value, enum sp_err want)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct read_pdu pdu;

    data[offset] = value;
    assert_int_equal(probe_parse(data, size, parse, &pdu), want);
    free(data);
}

static void refuses_bad_bodies(void **state)
{
    (void)state;
    refuse_byte("share/lab_synchronize.hex", 18, 2, SP_EVALUE);
    refuse_byte("share/lab_granted_control.hex", 18, 0, SP_EVALUE);
    refuse_byte("share/lab_granted_control.hex", 18, 5, SP_EVALUE);
    /* a Control read as a Synchronize is too long, the other way round too short */
    refuse_byte("share/lab_granted_control.hex", 14, PDUTYPE2_SET_ERROR_INFO_PDU, SP_ETRAIL);
    refuse_byte("share/lab_granted_control.hex", 14, PDUTYPE2_STATUS_INFO_PDU, SP_ETRAIL);
    refuse_byte("share/lab_synchronize.hex", 14, PDUTYPE2_CONTROL, SP_ESHORT);
}

static void lets_clients_send_only_their_types(void **state)
{
    static const uint8_t allowed[] = {0x1C, 0x1F, 0x14, 0x21, 0x23, 0x24, 0x27,
                                      0x2B, 0x2C, 0x2E, 0x30, 0x31, 0x38};

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        bool want = memchr(allowed, (int)type, sizeof(allowed)) != NULL;

        assert_int_equal(share_client_type_allowed((uint8_t)type), want);
    }
}

static size_t rewrite(const char *vector, uint16_t from, uint16_t to, uint8_t *out, size_t space)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct share_pdu pdu;
    struct rd r;
    struct wr w;
    enum sp_err err;

    rd_init(&r, data, size);
    assert_int_equal(share_next(&r, &pdu), SP_OK);
    wr_init(&w, out, space);
    err = share_rewrite_user(&pdu, from, to, &w);
    assert_int_equal(err, w.fail.code);
    free(data);
    return err == SP_OK ? w.pos : 0;
}

static void exchanges_user_ids(void **state)
{
    uint8_t out[64];

    (void)state;
    assert_int_equal(rewrite("share/lab_synchronize.hex", 0x03EF, 0x0401, out, sizeof(out)), 22);
    assert_memory_equal(out + 4, "\x01\x04", 2);
    assert_memory_equal(out + 20, "\x01\x04", 2);
    assert_int_equal(rewrite("share/lab_granted_control.hex", 0x03EF, 0x0401, out, sizeof(out)),
                     26);
    assert_memory_equal(out + 20, "\x01\x04\xea\x03\0\0", 6);
    /* Cooperate names nobody; mstsc's Synchronize names the server channel. */
    assert_int_equal(rewrite("share/lab_cooperate.hex", 0, 0x0401, out, sizeof(out)), 26);
    assert_memory_equal(out + 18, "\x04\0\0\0\0\0\0\0", 8);
    assert_int_equal(rewrite("share/spec_synchronize_client.hex", 0x03EF, 0x0401, out, 64), 22);
    assert_memory_equal(out + 4, "\x01\x04", 2);
    assert_memory_equal(out + 20, "\xea\x03", 2);
    assert_int_equal(rewrite("share/deactivate_all_bare.hex", 0, 0x0401, out, sizeof(out)), 4);
    assert_int_equal(rewrite("share/flow.hex", 0, 1, out, sizeof(out)), 0);
    assert_int_equal(rewrite("share/lab_cooperate.hex", 0, 1, out, 25), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_finalization),
        cmocka_unit_test(reads_specification),
        cmocka_unit_test(stands_probes),
        cmocka_unit_test(writes_lab_bytes),
        cmocka_unit_test(writes_messages),
        cmocka_unit_test(writers_need_space),
        cmocka_unit_test(refuses_pdu_longer_than_its_field),
        cmocka_unit_test(walks_several_pdus),
        cmocka_unit_test(refuses_bad_lengths),
        cmocka_unit_test(refuses_bad_bodies),
        cmocka_unit_test(lets_clients_send_only_their_types),
        cmocka_unit_test(exchanges_user_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
