/* SPDX-License-Identifier: Apache-2.0
 * Demand Active and Confirm Active: the list of sets, and the splice's edits of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/caps.h"
#include "rdp/share.h"
#include "support/probe.h"
#include "support/vector.h"

#define DA_SPEC  "demand_active/spec.hex"
#define DA_EDIT  "demand_active/edited_sets.hex"
#define DA_EMPTY "demand_active/no_sets.hex"
#define CA_SPEC  "confirm_active/spec.hex"
#define CA_EDIT  "confirm_active/edited_sets.hex"
#define MAX_SIZE 1024

/* Offsets in a Demand Active; a Confirm Active has two bytes more before them. */
#define AT_DESCRIPTOR_SIZE 10
#define AT_COMBINED        12
#define AT_COUNT           18 /* with a descriptor of 4 bytes */
#define AT_FIRST_TYPE      22
#define AT_FIRST_LENGTH    24

static enum sp_err parse_demand(struct rd *r, void *out)
{
    return demand_active_read(r, out);
}

static enum sp_err parse_confirm(struct rd *r, void *out)
{
    return confirm_active_read(r, out);
}

/* The result borrows *data. */
static struct active_pdu load(const char *vector, probe_fn *parse, uint8_t **data)
{
    struct active_pdu pdu;
    size_t size;
    struct rd r;

    *data = vector_load(vector, &size);
    rd_init(&r, *data, size);
    assert_int_equal(parse(&r, &pdu), SP_OK);
    assert_int_equal(r.left, 0);
    return pdu;
}

static void reads_demand_active(void **state)
{
    static const uint16_t types[] = {0x9, 0x1,  0x14, 0x16, 0xe,  0x2, 0x3,
                                     0xa, 0x12, 0x8,  0xd,  0x17, 0x18};
    uint8_t *data;
    struct active_pdu pdu = load(DA_SPEC, parse_demand, &data);

    (void)state;
    assert_false(pdu.is_confirm);
    assert_int_equal(pdu.share_id, 0x000103EA);
    assert_int_equal(pdu.pdu_source, 0x03EA);
    assert_int_equal(pdu.descriptor_size, 4);
    assert_memory_equal(pdu.descriptor, "RDP", 4);
    assert_int_equal(pdu.session_id, 0);
    assert_int_equal(pdu.set_count, 13);
    for (size_t i = 0; i < 13; i++)
        assert_non_null(active_pdu_find(&pdu, types[i]));
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_GENERAL)->data.left, 20);
    assert_null(active_pdu_find(&pdu, 0x77));
    free(data);
}

static void reads_confirm_active(void **state)
{
    uint8_t *data;
    struct active_pdu pdu = load(CA_SPEC, parse_confirm, &data);

    (void)state;
    assert_true(pdu.is_confirm);
    assert_int_equal(pdu.pdu_source, 0x03EF);
    assert_int_equal(pdu.descriptor_size, 6);
    assert_memory_equal(pdu.descriptor, "MSTSC", 6);
    assert_int_equal(pdu.set_count, 18);
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_BITMAPCACHE_REV2)->data.left, 36);
    free(data);
    pdu = load(DA_EMPTY, parse_demand, &data);
    assert_int_equal(pdu.set_count, 0);
    free(data);
}

static void stands_probes(void **state)
{
    (void)state;
    probe_prefixes(DA_SPEC, parse_demand, sizeof(struct active_pdu), NULL);
    probe_prefixes(DA_EMPTY, parse_demand, sizeof(struct active_pdu), NULL);
    probe_prefixes(CA_SPEC, parse_confirm, sizeof(struct active_pdu), NULL);
    assert_true(probe_bytes(DA_EDIT, parse_demand, sizeof(struct active_pdu)) > 0);
    assert_true(probe_bytes(DA_EMPTY, parse_demand, sizeof(struct active_pdu)) > 0);
    assert_true(probe_bytes(CA_EDIT, parse_confirm, sizeof(struct active_pdu)) > 0);
}

static void writes_what_it_read(void **state)
{
    static const struct {
        const char *vector;
        probe_fn *parse;
    } cases[] = {{DA_SPEC, parse_demand},
                 {DA_EDIT, parse_demand},
                 {DA_EMPTY, parse_demand},
                 {CA_SPEC, parse_confirm},
                 {CA_EDIT, parse_confirm}};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        size_t size;
        uint8_t *again = vector_load(cases[i].vector, &size), *data;
        struct active_pdu pdu = load(cases[i].vector, cases[i].parse, &data);
        uint8_t out[MAX_SIZE];
        struct wr w;

        wr_init(&w, out, sizeof(out));
        active_pdu_write(&w, &pdu);
        assert_int_equal(w.pos, size);
        memcpy(out + 12 + pdu.is_confirm * 2 + 2 + pdu.descriptor_size + 2,
               again + 12 + pdu.is_confirm * 2 + 2 + pdu.descriptor_size + 2, 2); /* pad2Octets */
        assert_memory_equal(out, again, size);
        wr_init(&w, out, size - 1);
        active_pdu_write(&w, &pdu);
        assert_int_equal(w.fail.code, SP_ESPACE);
        free(data);
        free(again);
    }
}

static enum sp_err parse_changed(const char *vector, probe_fn *parse, size_t offset, uint16_t value)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct active_pdu pdu;
    enum sp_err err;

    data[offset] = (uint8_t)value;
    data[offset + 1] = (uint8_t)(value >> 8);
    err = probe_parse(data, size, parse, &pdu);
    free(data);
    return err;
}

/* xrdp CVE-2022-23481, CVE-2026-33516. */
static void refuses_bad_lengths(void **state)
{
    (void)state;
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_DESCRIPTOR_SIZE, 400), SP_ESHORT);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_DESCRIPTOR_SIZE, 0xFFFF), SP_ELIMIT);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_COMBINED, 0), SP_EVALUE);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_COMBINED, 3), SP_EVALUE);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_COMBINED, 0x150), SP_ESHORT);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_COMBINED, 0xFFFF), SP_ESHORT);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_COUNT, 12), SP_ETRAIL);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_COUNT, 14), SP_ESHORT);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_COUNT, 65), SP_ELIMIT);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_COUNT, 0xFFFF), SP_ELIMIT);
    for (uint16_t length = 0; length < 4; length++)
        assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_FIRST_LENGTH, length), SP_EVALUE);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_FIRST_LENGTH, 0xFFFF), SP_ESHORT);
    assert_int_equal(parse_changed(DA_SPEC, parse_demand, AT_FIRST_TYPE, CAPSTYPE_GENERAL),
                     SP_EVALUE); /* twice */
}

static void refuses_other_pdus(void **state)
{
    size_t size;
    uint8_t *data = vector_load(DA_SPEC, &size);
    uint8_t more[MAX_SIZE];
    struct active_pdu pdu;

    (void)state;
    assert_int_equal(probe_parse(data, size, parse_confirm, &pdu), SP_EVALUE);
    memcpy(more, data, size);
    memcpy(more + size, data, size);
    assert_int_equal(probe_parse(more, 2 * size, parse_demand, &pdu), SP_ETRAIL);
    assert_int_equal(parse_changed(CA_SPEC, parse_confirm, 10, 0x03EB), SP_EVALUE); /* originator */
    free(data);
}

struct edited {
    uint8_t bytes[MAX_SIZE];
    struct active_pdu pdu; /* of the result, borrowed from bytes */
    struct caps_facts facts;
    size_t size;
};

static void edit(const char *vector, bool is_confirm, const struct caps_policy *policy,
                 struct edited *e)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    wr_init(&w, e->bytes, sizeof(e->bytes));
    if (is_confirm)
        assert_int_equal(confirm_active_edit(&r, policy, 0x0401, &w, &e->facts), SP_OK);
    else
        assert_int_equal(demand_active_edit(&r, policy, &w, &e->facts), SP_OK);
    e->size = w.pos;
    rd_init(&r, e->bytes, e->size);
    assert_int_equal((is_confirm ? parse_confirm : parse_demand)(&r, &e->pdu), SP_OK);
    free(data);
}

static uint32_t field32(const struct edited *e, uint16_t type, size_t offset)
{
    const struct caps_set *set = active_pdu_find(&e->pdu, type);
    const uint8_t *at;

    assert_non_null(set);
    at = set->data.at + offset;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void edits_demand_active(void **state)
{
    struct caps_policy strict = {0};
    struct edited e;

    (void)state;
    edit(DA_EDIT, false, &strict, &e);
    assert_int_equal(e.pdu.pdu_source, 0x03EF); /* T to C: passes */
    assert_int_equal(field32(&e, CAPSTYPE_GENERAL, 10) & 0xFFFF, 0x0415);
    assert_int_equal(field32(&e, CAPSTYPE_VIRTUALCHANNEL, 0), 0);
    assert_int_equal(field32(&e, CAPSTYPE_VIRTUALCHANNEL, 4), CAPS_CHUNK_MAX);
    assert_int_equal(field32(&e, CAPSETTYPE_MULTIFRAGMENTUPDATE, 0), 0x7FFFFFFF);
    assert_int_equal(field32(&e, CAPSTYPE_SHARE, 0) & 0xFFFF, 0x03EA);
    assert_int_equal(field32(&e, CAPSTYPE_BITMAPCACHE_REV2, 0), 0x05000002);
    assert_null(active_pdu_find(&e.pdu, CAPSTYPE_RAIL));
    assert_null(active_pdu_find(&e.pdu, CAPSTYPE_WINDOW));
    assert_int_equal(active_pdu_find(&e.pdu, 0x77)->data.left, 3);
    assert_int_equal(e.facts.share_id, 0x000103EF);
    assert_int_equal(e.facts.width, 1024);
    assert_int_equal(e.facts.height, 768);
    assert_int_equal(e.facts.bits_per_pixel, 32);
    assert_int_equal(e.facts.vc_chunk_size, CAPS_CHUNK_MAX);
    assert_int_equal(e.facts.max_request_size, 0x7FFFFFFF);
    assert_int_equal(e.facts.general_extra_flags, 0x0415);
    assert_int_equal(e.facts.sets_dropped, 2);
    assert_true(e.facts.has_surface_commands && e.facts.has_bitmap_codecs);
    assert_true(e.facts.has_frame_acknowledge);
}

static void edits_confirm_active(void **state)
{
    struct caps_policy strict = {0};
    struct edited e;

    (void)state;
    edit(CA_EDIT, true, &strict, &e);
    assert_int_equal(e.pdu.pdu_source, 0x0401);
    assert_int_equal(field32(&e, CAPSTYPE_GENERAL, 10) & 0xFFFF, 0x0415);
    assert_int_equal(field32(&e, CAPSTYPE_VIRTUALCHANNEL, 0), 0);
    assert_int_equal(field32(&e, CAPSTYPE_VIRTUALCHANNEL, 4), 0xFFFF); /* means nothing: passes */
    assert_int_equal(field32(&e, CAPSETTYPE_MULTIFRAGMENTUPDATE, 0), CAPS_MAX_REQUEST_SIZE);
    assert_int_equal(field32(&e, CAPSTYPE_SHARE, 0) & 0xFFFF, 0);
    assert_int_equal(field32(&e, CAPSTYPE_BITMAPCACHE_REV2, 0), 0x05000002);
    assert_null(active_pdu_find(&e.pdu, CAPSTYPE_RAIL));
    assert_int_equal(e.facts.max_request_size, CAPS_MAX_REQUEST_SIZE);
    assert_int_equal(e.facts.sets_dropped, 2);
}

static void keeps_what_policy_allows(void **state)
{
    struct caps_policy open = {true, true, true};
    struct edited e;

    (void)state;
    edit(CA_EDIT, true, &open, &e);
    assert_int_equal(field32(&e, CAPSTYPE_GENERAL, 10) & 0xFFFF, 0x041d);
    assert_int_equal(field32(&e, CAPSTYPE_BITMAPCACHE_REV2, 0), 0x05000003);
    assert_non_null(active_pdu_find(&e.pdu, CAPSTYPE_RAIL));
    assert_non_null(active_pdu_find(&e.pdu, CAPSTYPE_WINDOW));
    assert_int_equal(e.facts.sets_dropped, 0);
}

/* Real peers' sets pass but for the fields that are edited. */
static void changes_nothing_else(void **state)
{
    struct caps_policy open = {true, true, true};
    size_t size, changed = 0;
    uint8_t *data = vector_load(DA_SPEC, &size);
    struct edited e;

    (void)state;
    edit(DA_SPEC, false, &open, &e);
    assert_int_equal(e.size, size);
    for (size_t i = 0; i < size; i++)
        changed += e.bytes[i] != data[i];
    assert_true(changed <= 3); /* pad2Octets 0x3534 and VCCAPS_COMPR_CS_8K */
    assert_int_equal(e.facts.vc_chunk_size, CAPS_CHUNK_DEFAULT); /* old servers send no size */
    assert_int_equal(field32(&e, CAPSTYPE_VIRTUALCHANNEL, 0), 0);
    free(data);
    edit(CA_SPEC, true, &(struct caps_policy){0}, &e);
    assert_int_equal(field32(&e, CAPSTYPE_BITMAPCACHE_REV2, 0) & 0xFFFF, 2);
    edit(DA_EMPTY, false, &open, &e);
    assert_int_equal(e.facts.vc_chunk_size, CAPS_CHUNK_DEFAULT);
    assert_int_equal(e.facts.max_request_size, 0);
}

/* A set with its one-byte-too-few data in a PDU of its own. */
static enum sp_err edit_short_set(uint16_t type, size_t data_size)
{
    static const uint8_t zeros[64];
    struct active_pdu pdu = {.share_id = 1, .set_count = 1, .sets = {{.type = type}}};
    struct caps_policy policy = {0};
    struct caps_facts facts;
    uint8_t in[MAX_SIZE], out[MAX_SIZE];
    enum sp_err err;
    struct rd r;
    struct wr w;

    rd_init(&pdu.sets[0].data, zeros, data_size);
    wr_init(&w, in, sizeof(in));
    active_pdu_write(&w, &pdu);
    rd_init(&r, in, w.pos);
    wr_init(&w, out, sizeof(out));
    err = demand_active_edit(&r, &policy, &w, &facts);
    assert_int_equal(wr_ok(&w), err == SP_OK); /* nothing half-edited goes out */
    return err;
}

static void refuses_sets_too_small_to_edit(void **state)
{
    static const struct {
        uint16_t type;
        size_t size;
    } cases[] = {{CAPSTYPE_GENERAL, 12},       {CAPSTYPE_BITMAP, 12},
                 {CAPSTYPE_VIRTUALCHANNEL, 4}, {CAPSETTYPE_MULTIFRAGMENTUPDATE, 4},
                 {CAPSTYPE_SHARE, 2},          {CAPSTYPE_BITMAPCACHE_REV2, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(edit_short_set(cases[i].type, cases[i].size), SP_OK);
        assert_int_equal(edit_short_set(cases[i].type, cases[i].size - 1), SP_ESHORT);
        assert_int_equal(edit_short_set(cases[i].type, 0), SP_ESHORT);
    }
}

static void edits_need_space_and_a_pdu(void **state)
{
    size_t size;
    uint8_t *data = vector_load(DA_EDIT, &size);
    struct caps_policy policy = {0};
    struct caps_facts facts;
    uint8_t out[MAX_SIZE];
    struct rd r;
    struct wr w;

    (void)state;
    rd_init(&r, data, size);
    wr_init(&w, out, 100);
    assert_int_equal(demand_active_edit(&r, &policy, &w, &facts), SP_ESPACE);
    rd_init(&r, data, size - 1);
    wr_init(&w, out, sizeof(out));
    assert_int_equal(demand_active_edit(&r, &policy, &w, &facts), SP_ESHORT);
    rd_init(&r, data, size);
    assert_int_equal(confirm_active_edit(&r, &policy, 1, &w, &facts), SP_EVALUE);
    assert_int_equal(w.pos, 0);
    free(data);
}

static void writes_minimal_pdus(void **state)
{
    uint8_t out[MAX_SIZE];
    struct active_pdu pdu;
    struct rd r;
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    demand_active_write_minimal(&w, 1002, 0x000103EA, 800, 600, 16);
    rd_init(&r, out, w.pos);
    assert_int_equal(demand_active_read(&r, &pdu), SP_OK);
    assert_int_equal(pdu.set_count, 10);
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_BITMAP)->data.left, 24);
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_BITMAP)->data.at[0], 16);
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_ORDER)->data.left, 84);
    assert_null(active_pdu_find(&pdu, CAPSTYPE_BRUSH));
    wr_init(&w, out, sizeof(out));
    confirm_active_write_minimal(&w, 1007, 0x000103EA, 800, 600, 32);
    rd_init(&r, out, w.pos);
    assert_int_equal(confirm_active_read(&r, &pdu), SP_OK);
    assert_int_equal(pdu.set_count, 15);
    assert_int_equal(pdu.pdu_source, 1007);
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_GENERAL)->data.left, 20);
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_INPUT)->data.left, 84);
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_BITMAPCACHE)->data.left, 36);
    assert_int_equal(active_pdu_find(&pdu, CAPSTYPE_GLYPHCACHE)->data.left, 48);
    wr_init(&w, out, 100);
    confirm_active_write_minimal(&w, 1007, 1, 800, 600, 32);
    assert_int_equal(w.fail.code, SP_ESPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_demand_active),
        cmocka_unit_test(reads_confirm_active),
        cmocka_unit_test(stands_probes),
        cmocka_unit_test(writes_what_it_read),
        cmocka_unit_test(refuses_bad_lengths),
        cmocka_unit_test(refuses_other_pdus),
        cmocka_unit_test(edits_demand_active),
        cmocka_unit_test(edits_confirm_active),
        cmocka_unit_test(keeps_what_policy_allows),
        cmocka_unit_test(changes_nothing_else),
        cmocka_unit_test(refuses_sets_too_small_to_edit),
        cmocka_unit_test(edits_need_space_and_a_pdu),
        cmocka_unit_test(writes_minimal_pdus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
