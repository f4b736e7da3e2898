/* SPDX-License-Identifier: Apache-2.0
 * MCS domain PDUs: golden bytes, PER oddities, round trips, rewriting in place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/probe.h"
#include "rdp/mcs.h"
#include "support/vector.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define USER         1007

static enum sp_err parse(struct rd *r, void *out)
{
    return mcs_domain_read(r, out);
}

/* A domain PDU of these bytes in a right envelope. */
static enum sp_err read_bytes(const uint8_t *bytes, size_t size, struct mcs_pdu *out)
{
    uint8_t pdu[64] = {3, 0, 0, 0, 2, 0xf0, 0x80};

    assert_true(size <= sizeof(pdu) - 7);
    pdu[3] = (uint8_t)(size + 7);
    if (size > 0)
        memcpy(pdu + 7, bytes, size);
    return probe_parse(pdu, size + 7, parse, out);
}
#define READ(out, ...)                                                                             \
    read_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), out)

/* What each golden PDU says. */
static const struct {
    const char *name;
    struct mcs_pdu want;
    size_t data_size;
} golden[] = {
    {"erect_domain_request", {.type = MCS_ERECT_DOMAIN_REQUEST}, 0},
    {"attach_user_request", {.type = MCS_ATTACH_USER_REQUEST}, 0},
    {"attach_user_confirm",
     {.type = MCS_ATTACH_USER_CONFIRM, .initiator = USER, .has_id = true},
     0},
    {"lab_attach_user_confirm",
     {.type = MCS_ATTACH_USER_CONFIRM, .initiator = 1009, .has_id = true},
     0},
    {"join_request_1007",
     {.type = MCS_CHANNEL_JOIN_REQUEST, .initiator = USER, .channel_id = 1007},
     0},
    {"join_request_1003",
     {.type = MCS_CHANNEL_JOIN_REQUEST, .initiator = USER, .channel_id = 1003},
     0},
    {"join_request_1004",
     {.type = MCS_CHANNEL_JOIN_REQUEST, .initiator = USER, .channel_id = 1004},
     0},
    {"lab_join_request_1007",
     {.type = MCS_CHANNEL_JOIN_REQUEST, .initiator = USER, .channel_id = 1007},
     0},
    {"join_confirm_1007", {MCS_CHANNEL_JOIN_CONFIRM, USER, 1007, 1007, 0, true, 0, {0}, 0}, 0},
    {"join_confirm_1003", {MCS_CHANNEL_JOIN_CONFIRM, USER, 1003, 1003, 0, true, 0, {0}, 0}, 0},
    {"join_confirm_1004", {MCS_CHANNEL_JOIN_CONFIRM, USER, 1004, 1004, 0, true, 0, {0}, 0}, 0},
    {"lab_join_confirm_1007", {MCS_CHANNEL_JOIN_CONFIRM, USER, 1007, 1007, 0, true, 0, {0}, 0}, 0},
    {"disconnect_ultimatum",
     {.type = MCS_DISCONNECT_PROVIDER_ULTIMATUM, .reason = MCS_REASON_USER_REQUESTED},
     0},
    {"send_data_request",
     {MCS_SEND_DATA_REQUEST, USER, 1003, 0, 0, false, 0, {0}, .data_offset = 14},
     30},
    {"send_data_indication",
     {MCS_SEND_DATA_INDICATION, MCS_SERVER_CHANNEL, 1003, 0, 0, false, 0, {0}, 14},
     30},
    {"lab_send_data_request",
     {MCS_SEND_DATA_REQUEST, USER, 1003, 0, 0, false, 0, {0}, .data_offset = 15},
     22},
    {"lab_send_data_indication",
     {MCS_SEND_DATA_INDICATION, USER, 1003, 0, 0, false, 0, {0}, .data_offset = 15},
     20},
};

static void name_of(size_t i, char *path, size_t size)
{
    snprintf(path, size, "mcs_domain/%s.hex", golden[i].name);
}

static void reads_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        char path[128];
        size_t size;
        struct mcs_pdu pdu;
        struct rd r;

        name_of(i, path, sizeof(path));
        uint8_t *bytes = vector_load(path, &size);
        rd_init(&r, bytes, size);
        assert_int_equal(mcs_domain_read(&r, &pdu), SP_OK);
        assert_int_equal(pdu.type, golden[i].want.type);
        assert_int_equal(pdu.initiator, golden[i].want.initiator);
        assert_int_equal(pdu.channel_id, golden[i].want.channel_id);
        assert_int_equal(pdu.requested, golden[i].want.requested);
        assert_int_equal(pdu.has_id, golden[i].want.has_id);
        assert_int_equal(pdu.reason, golden[i].want.reason);
        assert_int_equal(pdu.result, 0);
        assert_int_equal(pdu.data.left, golden[i].data_size);
        assert_int_equal(pdu.data_offset, golden[i].want.data_offset);
        if (pdu.data_offset > 0)
            assert_ptr_equal(pdu.data.at, bytes + pdu.data_offset);
        free(bytes);
    }
}

static void stands_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        char path[128];

        name_of(i, path, sizeof(path));
        probe_prefixes(path, parse, sizeof(struct mcs_pdu), NULL);
        assert_true(probe_bytes(path, parse, sizeof(struct mcs_pdu)) > 0);
    }
}

static enum sp_err write_pdu(struct wr *w, const struct mcs_pdu *pdu)
{
    if (pdu->type == MCS_ERECT_DOMAIN_REQUEST)
        return mcs_erect_domain_request_write(w);
    if (pdu->type == MCS_ATTACH_USER_REQUEST)
        return mcs_attach_user_request_write(w);
    if (pdu->type == MCS_ATTACH_USER_CONFIRM)
        return mcs_attach_user_confirm_write(w, pdu->initiator);
    if (pdu->type == MCS_CHANNEL_JOIN_REQUEST)
        return mcs_channel_join_request_write(w, pdu->initiator, pdu->channel_id);
    if (pdu->type == MCS_CHANNEL_JOIN_CONFIRM)
        return mcs_channel_join_confirm_write(w, pdu->initiator, pdu->channel_id);
    if (pdu->type == MCS_DISCONNECT_PROVIDER_ULTIMATUM)
        return mcs_disconnect_ultimatum_write(w, pdu->reason);
    size_t mark =
        mcs_send_begin(w, pdu->type == MCS_SEND_DATA_INDICATION, pdu->initiator, pdu->channel_id);
    wr_bytes(w, pdu->data.at, pdu->data.left);
    mcs_send_end(w, mark);
    return w->fail.code;
}

static void round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        char path[128];
        uint8_t buf[128];
        size_t size;
        struct mcs_pdu pdu, again;
        struct rd r;
        struct wr w;

        name_of(i, path, sizeof(path));
        uint8_t *bytes = vector_load(path, &size);
        rd_init(&r, bytes, size);
        assert_int_equal(mcs_domain_read(&r, &pdu), SP_OK);
        wr_init(&w, buf, sizeof(buf));
        assert_int_equal(write_pdu(&w, &pdu), SP_OK);
        if (pdu.data_offset != 14) { /* our data has two length bytes always */
            assert_int_equal(w.pos, size);
            assert_memory_equal(buf, bytes, size);
        }
        rd_init(&r, buf, w.pos);
        assert_int_equal(mcs_domain_read(&r, &again), SP_OK);
        assert_int_equal(again.data.left, pdu.data.left);
        for (size_t n = 0; n < w.pos; n++) {
            struct wr small;

            wr_init(&small, buf, n);
            assert_int_equal(write_pdu(&small, &pdu), SP_ESPACE);
        }
        free(bytes);
    }
}

static void refuses_trailing_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        char path[128];
        size_t size;
        struct mcs_pdu pdu;

        name_of(i, path, sizeof(path));
        uint8_t *bytes = vector_load(path, &size);
        uint8_t *longer = malloc(size + 1);
        assert_non_null(longer);
        memcpy(longer, bytes, size);
        longer[size] = 0;
        longer[3]++;
        assert_int_equal(probe_parse(longer, size + 1, parse, &pdu), SP_ETRAIL);
        free(longer);
        free(bytes);
    }
}

static void refuses_choices(void **state)
{
    struct mcs_pdu pdu;
    static const uint8_t legal[] = {1, 8, 10, 11, 14, 15, 25, 26};

    (void)state;
    assert_int_equal(READ(&pdu, 0xfc), SP_EVALUE); /* fr 9b733b7d2 */
    for (unsigned choice = 0; choice < 64; choice++) {
        bool known = memchr(legal, (int)choice, sizeof(legal)) != NULL;

        if (!known)
            assert_int_equal(READ(&pdu, (uint8_t)(choice << 2), 0, 0, 0), SP_EVALUE);
    }
    assert_int_equal(read_bytes(NULL, 0, &pdu), SP_ESHORT);
    assert_int_equal(READ(&pdu, 0x29), SP_EVALUE); /* spare bits */
    assert_int_equal(READ(&pdu, 0x2f, 0, 0, 6), SP_EVALUE);
    assert_int_equal(READ(&pdu, 0x65, 0, 6, 3, 0xeb, 0x70, 0), SP_EVALUE);
}

static void reads_negative_confirms(void **state)
{
    struct mcs_pdu pdu;

    (void)state;
    assert_int_equal(READ(&pdu, 0x2c, 14), SP_OK);
    assert_false(pdu.has_id);
    assert_int_equal(pdu.result, 14);
    assert_int_equal(READ(&pdu, 0x3c, 3, 0, 6, 3, 0xeb), SP_OK);
    assert_false(pdu.has_id);
    assert_int_equal(pdu.requested, 1003);
    assert_int_equal(pdu.channel_id, 0);
    assert_int_equal(READ(&pdu, 0x2e, 0, 0xfc, 0x17), SP_EVALUE); /* the id would wrap */
}

static void reads_send_data_oddities(void **state)
{
    struct mcs_pdu pdu;

    (void)state;
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0x70, 0x80, 1, 0xaa), SP_OK);
    assert_int_equal(pdu.data_offset, 15);
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0x70, 0), SP_OK);
    assert_int_equal(pdu.data.left, 0);
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0xb0, 1, 0xaa), SP_OK);     /* low priority */
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0x50, 1, 0xaa), SP_EVALUE); /* no begin */
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0x60, 1, 0xaa), SP_EVALUE); /* no end */
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0x40, 1, 0xaa), SP_EVALUE);
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0x70, 0xc1, 0xaa), SP_EVALUE); /* fragment */
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0x70, 2, 0xaa), SP_ESHORT);
    assert_int_equal(READ(&pdu, 0x64, 0, 6, 3, 0xeb, 0x70, 1, 0xaa, 0xbb), SP_ETRAIL);
    assert_int_equal(READ(&pdu, 0x04, 2, 0, 1, 1, 0), SP_OK); /* values are of no use */
    assert_int_equal(READ(&pdu, 0x04, 0xc1, 0, 1, 0), SP_EVALUE);
}

static void reads_erect_domain_of_rdesktop(void **state)
{
    static const char path[] = "mcs_domain/rdesktop_erect_domain_request.hex";
    size_t size;
    uint8_t *bytes = vector_load(path, &size);
    struct mcs_pdu pdu;

    (void)state;
    assert_int_equal(probe_parse(bytes, size, parse, &pdu), SP_OK);
    assert_int_equal(pdu.type, MCS_ERECT_DOMAIN_REQUEST);
    assert_int_equal(pdu.data_offset, 0);
    probe_prefixes(path, parse, sizeof(struct mcs_pdu), NULL);
    probe_bytes(path, parse, sizeof(struct mcs_pdu));
    /* Just these four bytes, and nothing behind them. */
    assert_int_equal(READ(&pdu, 0x04, 0, 1, 0, 2), SP_ETRAIL);
    assert_int_equal(READ(&pdu, 0x04, 0, 1, 0, 1, 0), SP_ETRAIL);
    assert_int_equal(READ(&pdu, 0x04, 1, 0, 1, 0, 0), SP_ETRAIL);
    assert_int_equal(READ(&pdu, 0x28, 0, 1, 0, 1), SP_ETRAIL);
    free(bytes);
}

static void reads_reasons(void **state)
{
    struct mcs_pdu pdu;

    (void)state;
    assert_int_equal(READ(&pdu, 0x20, 0x80), SP_OK);
    assert_int_equal(pdu.reason, MCS_REASON_PROVIDER_INITIATED);
    assert_int_equal(READ(&pdu, 0x21, 0x80), SP_OK);
    assert_int_equal(pdu.reason, MCS_REASON_USER_REQUESTED);
    assert_int_equal(READ(&pdu, 0x22, 0x00), SP_OK);
    assert_int_equal(pdu.reason, MCS_REASON_MAX);
    assert_int_equal(READ(&pdu, 0x22, 0x80), SP_EVALUE);
    assert_int_equal(READ(&pdu, 0x21), SP_ESHORT);
}

static void knows_disconnect(void **state)
{
    size_t size;
    uint8_t *bytes = vector_load("mcs_domain/x224_disconnect.hex", &size);
    struct mcs_pdu pdu;

    (void)state;
    assert_int_equal(probe_parse(bytes, size, parse, &pdu), SP_ECLOSED);
    free(bytes);
}

static void patches_in_place(void **state)
{
    size_t size;
    uint8_t *bytes = vector_load("mcs_domain/lab_send_data_request.hex", &size);
    uint8_t *before = vector_prefix(bytes, size);
    struct mcs_pdu pdu;

    (void)state;
    mcs_send_patch(bytes, size, MCS_SEND_DATA_INDICATION, MCS_SERVER_CHANNEL, 1006);
    assert_int_equal(probe_parse(bytes, size, parse, &pdu), SP_OK);
    assert_int_equal(pdu.type, MCS_SEND_DATA_INDICATION);
    assert_int_equal(pdu.initiator, MCS_SERVER_CHANNEL);
    assert_int_equal(pdu.channel_id, 1006);
    mcs_send_patch(bytes, size, MCS_SEND_DATA_REQUEST, USER, 1003);
    assert_memory_equal(bytes, before, size);
    free(before);
    free(bytes);
}

static void refuses_large_payload(void **state)
{
    static uint8_t buf[MCS_SEND_DATA_MAX + 64];
    struct wr w;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        wr_init(&w, buf, sizeof(buf));
        size_t mark = mcs_send_begin(&w, true, MCS_SERVER_CHANNEL, MCS_GLOBAL_CHANNEL);
        wr_zero(&w, MCS_SEND_DATA_MAX + extra);
        mcs_send_end(&w, mark);
        assert_int_equal(w.fail.code, extra == 0 ? SP_OK : SP_ELIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_golden),
        cmocka_unit_test(stands_damage),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(refuses_trailing_bytes),
        cmocka_unit_test(refuses_choices),
        cmocka_unit_test(reads_negative_confirms),
        cmocka_unit_test(reads_send_data_oddities),
        cmocka_unit_test(reads_erect_domain_of_rdesktop),
        cmocka_unit_test(reads_reasons),
        cmocka_unit_test(knows_disconnect),
        cmocka_unit_test(patches_in_place),
        cmocka_unit_test(refuses_large_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
