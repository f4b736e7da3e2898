/* SPDX-License-Identifier: Apache-2.0
 * The device filter: announcements, capabilities, kinds of devices, and who may send what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/rdpdr_irp.h"
#include "support/vector.h"

#define BOTH_WAYS   (SVC_WAY_TO_TARGET | SVC_WAY_TO_CLIENT)
#define ALL_DEVICES (SVC_DEVICE_PRINTERS | SVC_DEVICE_SMARTCARDS | SVC_DEVICE_PORTS)

static void passes_the_sequence(void **state)
{
    (void)state;
    irp_start(BOTH_WAYS, ALL_DEVICES);
    assert_int_equal(irp_vector(C2S, "client_announce"), SVC_PASS);
    assert_int_equal(irp_vector(C2S, "client_name"), SVC_PASS);
    assert_int_equal(irp_vector(S2C, "caps_server"), SVC_DROP);
    assert_int_equal(irp_vector(S2C, "client_id_confirm"), SVC_PASS);
    assert_int_equal(irp_vector(C2S, "caps_client"), SVC_DROP);
    assert_int_equal(irp_vector(S2C, "user_logged_on"), SVC_PASS);
    assert_int_equal(irp_vector(C2S, "device_list"), SVC_DROP);
    assert_int_equal(irp_vector(S2C, "device_reply"), SVC_PASS);
    assert_int_equal(irp_vector(C2S, "device_remove"), SVC_DROP);
    assert_int_equal(lab.count[C2S], 5);
    assert_int_equal(lab.count[S2C], 4);
    assert_int_equal(lab.messages[C2S][2].size, 84);
    assert_int_equal(lab.messages[C2S][3].size, 68);
    assert_int_equal(lab.messages[C2S][4].size, 12);
    /* The device is gone: neither a reply nor a second removal goes on. */
    assert_int_equal(irp_vector(S2C, "device_reply"), SVC_DROP);
    assert_int_equal(irp_vector(C2S, "device_remove"), SVC_DROP);
    assert_int_equal(lab.count[C2S], 5);
}

static void clears_caps(void **state)
{
    (void)state;
    irp_start(0, SVC_DEVICE_SMARTCARDS);
    assert_int_equal(irp_vector(S2C, "caps_server"), SVC_DROP);
    assert_int_equal(lab.messages[S2C][0].size, 84 - 24);
    assert_int_equal(lab.messages[S2C][0].data[4], 2);
    assert_int_equal(irp_vector(C2S, "caps_client"), SVC_DROP);
    assert_int_equal(lab.messages[C2S][0].size, 84 - 24);
    assert_int_equal(lab.messages[C2S][0].data[52], CAP_SMARTCARD_TYPE);
}

static void denies_drives(void **state)
{
    struct svc_transfer t;

    (void)state;
    irp_start(0, ALL_DEVICES);
    assert_int_equal(irp_vector(C2S, "device_list"), SVC_DROP);
    assert_int_equal(lab.count[C2S], 1);
    assert_int_equal(lab.messages[C2S][0].size, 8);
    assert_memory_equal(lab.messages[C2S][0].data + 4, "\0\0\0\0", 4);
    assert_int_equal(lab.count[S2C], 3);
    for (uint8_t i = 0; i < 3; i++) {
        const uint8_t *reply = lab.messages[S2C][i].data;

        assert_int_equal(lab.messages[S2C][i].size, 12);
        assert_memory_equal(reply, "\x72\x44\x72\x64", 4);
        assert_int_equal(reply[4], 3 - i);
        assert_memory_equal(reply + 8, "\x22\0\0\xc0", 4);
        assert_true(svc_out_transfer(&lab.out, &t));
        assert_int_equal(t.kind, SVC_TRANSFER_REFUSED);
    }
    assert_string_equal(t.name, "drive: C:");
    lab_forget(&lab);
    /* The target asks all the same. */
    assert_int_equal(irp_vector(S2C, "create_request"), SVC_DROP);
    irp_expect_denied(1, 21);
    assert_int_equal(irp_vector(S2C, "read_request"), SVC_DROP);
    irp_expect_denied(3, 20);
}

/* A mixed list: printer, smart card, port, drive and a kind that nobody knows. */
static void tells_kinds_apart(void **state)
{
    static const struct {
        uint32_t drives, devices;
        uint8_t ids[5];
        size_t kept;
    } cases[] = {
        {0, SVC_DEVICE_PRINTERS, {1}, 1},
        {0, SVC_DEVICE_SMARTCARDS, {2}, 1},
        {0, SVC_DEVICE_PORTS, {3, 4}, 2},
        {SVC_WAY_TO_TARGET, 0, {5}, 1},
        {BOTH_WAYS, ALL_DEVICES, {1, 2, 3, 4, 5}, 5},
    };
    static const uint32_t types[] = {RDPDR_DTYP_PRINT,    RDPDR_DTYP_SMARTCARD,  RDPDR_DTYP_SERIAL,
                                     RDPDR_DTYP_PARALLEL, RDPDR_DTYP_FILESYSTEM, 0x40};
    struct rdpdr_header header = {RDPDR_CTYP_CORE, PAKID_CORE_DEVICELIST_ANNOUNCE};
    uint8_t list[256];
    struct wr w;

    (void)state;
    wr_init(&w, list, sizeof(list));
    rdpdr_header_write(&w, &header);
    wr_u32le(&w, 6);
    for (uint32_t i = 0; i < 6; i++) {
        wr_u32le(&w, types[i]);
        wr_u32le(&w, i + 1);
        wr_bytes(&w, "a/\\\x80\x01:\0\0", 8);
        wr_u32le(&w, 2);
        wr_bytes(&w, "xy", 2);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        irp_start(cases[i].drives, cases[i].devices);
        assert_int_equal(lab_send(&lab, C2S, list, w.pos), SVC_DROP);
        const struct lab_message *m = &lab.messages[C2S][0];
        assert_int_equal(m->size, 8 + 22 * cases[i].kept);
        assert_int_equal(m->data[4], cases[i].kept);
        for (size_t k = 0; k < cases[i].kept; k++) {
            assert_int_equal(m->data[8 + 22 * k + 4], cases[i].ids[k]);
            assert_memory_equal(m->data + 8 + 22 * k + 8, "a____:\0\0", 8);
        }
        assert_int_equal(lab.count[S2C], 6 - cases[i].kept);
    }
}

/* xrdp CVE-2022-23480: counts and lengths that the list does not bear out. */
static void refuses_lists(void **state)
{
    size_t size;
    uint8_t *data = vector_load("rdpdr/device_list.hex", &size);

    (void)state;
    for (size_t n = 4; n < size; n++) {
        irp_start(BOTH_WAYS, ALL_DEVICES);
        assert_int_equal(lab_send(&lab, C2S, data, n), SVC_REFUSE);
        assert_string_equal(lab.out.exploit, "CVE-2022-23480");
    }
    irp_start(BOTH_WAYS, ALL_DEVICES);
    data[4] = 2;
    assert_int_equal(lab_send(&lab, C2S, data, size), SVC_REFUSE);
    assert_int_equal(lab.out.fail.code, SP_ETRAIL);
    irp_start(BOTH_WAYS, ALL_DEVICES);
    data[4] = RDPDR_DEVICES_MAX + 1;
    assert_int_equal(lab_send(&lab, C2S, data, size), SVC_REFUSE);
    assert_int_equal(lab.out.fail.code, SP_ELIMIT);
    irp_start(BOTH_WAYS, ALL_DEVICES);
    data[4] = 3;
    memset(data + 24, 0xff, 4);
    assert_int_equal(lab_send(&lab, C2S, data, size), SVC_REFUSE);
    assert_int_equal(lab.out.fail.code, SP_ESHORT);
    free(data);
    irp_start(BOTH_WAYS, ALL_DEVICES);
    assert_int_equal(lab_send(&lab, C2S, (const uint8_t *)"\x72\x44\x4d\x44\2\0\0\0\1\0\0\0", 12),
                     SVC_REFUSE);
    assert_int_equal(lab_send(&lab, C2S, (const uint8_t *)"\x72\x44\x4d\x44\xff\xff\0\0", 8),
                     SVC_REFUSE);
}

/* Hot plug without end: what does not fit the table is refused, the session lives. */
static void bounds_devices(void **state)
{
    struct rdpdr_header header = {RDPDR_CTYP_CORE, PAKID_CORE_DEVICELIST_ANNOUNCE};
    uint8_t list[28];
    struct wr w;

    (void)state;
    irp_start(BOTH_WAYS, ALL_DEVICES);
    for (uint32_t i = 0; i < RDPDR_DEVICES_MAX; i++)
        irp_announce(RDPDR_DTYP_FILESYSTEM, i);
    irp_announce(RDPDR_DTYP_FILESYSTEM, 0); /* again: takes its own place */
    wr_init(&w, list, sizeof(list));
    rdpdr_header_write(&w, &header);
    wr_u32le(&w, 1);
    wr_u32le(&w, RDPDR_DTYP_FILESYSTEM);
    wr_u32le(&w, 1000);
    wr_zero(&w, 12);
    assert_int_equal(lab_send(&lab, C2S, list, w.pos), SVC_DROP);
    assert_int_equal(lab.count[S2C], 1);
    assert_int_equal(lab.messages[S2C][0].data[11], 0xc0);
    lab_forget(&lab);
    /* A new beginning by the server: the table is empty. */
    assert_int_equal(irp_vector(S2C, "server_announce"), SVC_PASS);
    assert_int_equal(irp_vector(S2C, "create_request"), SVC_DROP);
    lab_forget(&lab);
    assert_int_equal(lab_send(&lab, C2S, list, w.pos), SVC_DROP);
    assert_int_equal(lab.count[S2C], 0);
}

/* FreeRDP b4b18045f: each end's packets come from that end only. */
static void refuses_the_wrong_sender(void **state)
{
    static const char *const server[] = {"server_announce", "caps_server", "user_logged_on",
                                         "device_reply", "create_request"};
    static const char *const client[] = {"client_name", "caps_client", "device_list",
                                         "device_remove", "create_response"};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        irp_start(BOTH_WAYS, ALL_DEVICES);
        assert_int_equal(irp_vector(C2S, server[i]), SVC_REFUSE);
        assert_string_equal(lab.out.fail.where, "RDPDR_HEADER.PacketId");
        irp_start(BOTH_WAYS, ALL_DEVICES);
        assert_int_equal(irp_vector(S2C, client[i]), SVC_REFUSE);
    }
}

static void refuses_malformed(void **state)
{
    const struct svc_policy policy = {.drives = BOTH_WAYS};

    (void)state;
    irp_start(BOTH_WAYS, ALL_DEVICES);
    for (size_t n = 0; n < 4; n++)
        assert_int_equal(lab_send(&lab, C2S, (const uint8_t *)"\x72\x44\x41\x44", n), SVC_REFUSE);
    assert_int_equal(lab_send(&lab, C2S, (const uint8_t *)"\x72\x44\x43\x43\0\0", 6), SVC_REFUSE);
    assert_int_equal(lab_send(&lab, S2C, (const uint8_t *)"\x72\x44\x72\x64\0\0", 6), SVC_REFUSE);
    assert_int_equal(lab_send(&lab, S2C, (const uint8_t *)"\x72\x44\x50\x53\0\0", 6), SVC_REFUSE);
    assert_int_equal(lab_send(&lab, S2C, (const uint8_t *)"\x72\x44\x52\x49\0\0", 6), SVC_REFUSE);
    assert_int_equal(lab_send(&lab, C2S, (const uint8_t *)"\x72\x44\x43\x49\0\0", 6), SVC_REFUSE);
    assert_int_equal(lab_send(&lab, C2S,
                              (const uint8_t *)"\x72\x44\x4e\x43\1\0\0\0\0\0\0\0\xff\xff\xff\xff",
                              16),
                     SVC_REFUSE);
    assert_int_equal(lab.out.fail.code, SP_ELIMIT);
    lab_clear(&lab);
    memset(&lab, 0, sizeof(lab));
    lab_devices(&lab, &policy);
    assert_int_equal(irp_vector(C2S, "device_list"), SVC_REFUSE);
    assert_int_equal(lab.out.fail.code, SP_ESTATE);
}

static void drops_the_unknown(void **state)
{
    struct svc_transfer t;

    (void)state;
    irp_start(BOTH_WAYS, 0);
    assert_int_equal(lab_send(&lab, C2S, (const uint8_t *)"\x72\x44\x99\x99", 4), SVC_DROP);
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.kind, SVC_TRANSFER_REFUSED);
    assert_int_equal(lab_send(&lab, S2C, (const uint8_t *)"\x52\x50\x43\x50", 4), SVC_DROP);
    irp_start(0, SVC_DEVICE_PRINTERS);
    assert_int_equal(lab_send(&lab, S2C, (const uint8_t *)"\x52\x50\x43\x50", 4), SVC_PASS);
    assert_int_equal(lab_send(&lab, C2S, (const uint8_t *)"\x52\x50\x43\x50", 4), SVC_REFUSE);
}

/* Each bit of each message changed: judged, and never a crash. */
static void stands_changes(void **state)
{
    static const char *const names[] = {
        "caps_server",       "create_request",      "close_request",          "read_request",
        "write_request",     "control_request",     "volume_request",         "set_volume_request",
        "directory_request", "information_request", "set_information_request"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64];
        size_t size;

        snprintf(path, sizeof(path), "rdpdr/%s.hex", names[i]);
        uint8_t *data = vector_load(path, &size);
        irp_start(BOTH_WAYS, ALL_DEVICES);
        irp_vector(C2S, "device_list");
        for (size_t at = 0; at < size; at++) {
            for (unsigned v = 1; v < 256; v <<= 1) {
                data[at] ^= (uint8_t)v;
                (void)lab_send(&lab, S2C, data, size);
                data[at] ^= (uint8_t)v;
                lab_forget(&lab);
                lab.rdpdr->pending_count = 0;
            }
            irp_start(BOTH_WAYS, ALL_DEVICES);
            irp_vector(C2S, "device_list");
            (void)lab_send(&lab, S2C, data, at);
        }
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_the_sequence),
        cmocka_unit_test(clears_caps),
        cmocka_unit_test(denies_drives),
        cmocka_unit_test(tells_kinds_apart),
        cmocka_unit_test(refuses_lists),
        cmocka_unit_test(bounds_devices),
        cmocka_unit_test(refuses_the_wrong_sender),
        cmocka_unit_test(refuses_malformed),
        cmocka_unit_test(drops_the_unknown),
        cmocka_unit_test(stands_changes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    lab_clear(&lab);
    return failed;
}
