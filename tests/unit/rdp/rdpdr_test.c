/* SPDX-License-Identifier: Apache-2.0
 * Device redirection's messages: capabilities, devices, requests, paths, completions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/rdpdr.h"
#include "support/probe.h"
#include "support/vector.h"

static void reads_headers(void **state)
{
    struct rdpdr_header header;
    size_t size;
    uint8_t *data = vector_load("rdpdr/user_logged_on.hex", &size);
    uint8_t out[RDPDR_HEADER_SIZE];
    struct rd r;
    struct wr w;

    (void)state;
    rd_init(&r, data, size);
    assert_int_equal(rdpdr_header_read(&r, &header), SP_OK);
    assert_int_equal(header.component, RDPDR_CTYP_CORE);
    assert_int_equal(header.packet_id, PAKID_CORE_USER_LOGGEDON);
    wr_init(&w, out, sizeof(out));
    rdpdr_header_write(&w, &header);
    assert_memory_equal(out, data, sizeof(out));
    for (size_t n = 0; n < size; n++) { /* xrdp CVE-2022-23477: 0 to 3 bytes */
        uint8_t *prefix = vector_prefix(data, n);

        rd_init(&r, prefix, n);
        assert_int_equal(rdpdr_header_read(&r, &header), SP_ESHORT);
        free(prefix);
    }
    free(data);
}

static enum sp_err edit(const uint8_t *body, size_t size, uint32_t denied, uint8_t *copy_out,
                        size_t *left)
{
    uint8_t *copy = vector_prefix(body, size);
    struct sp_fail fail = {0};
    enum sp_err err = rdpdr_caps_edit(copy, size, denied, left, &fail);

    assert_int_equal(err, fail.code);
    if (err == SP_OK && copy_out != NULL)
        memcpy(copy_out, copy, *left);
    free(copy);
    return err;
}

static void edits_caps(void **state)
{
    size_t size, left = 77;
    uint8_t *data = vector_load("rdpdr/caps_client.hex", &size);
    uint8_t *body = data + RDPDR_HEADER_SIZE;
    uint8_t out[128];

    (void)state;
    size -= RDPDR_HEADER_SIZE;
    assert_int_equal(edit(body, size, 0, out, &left), SP_OK);
    assert_int_equal(left, size);
    assert_memory_equal(out, body, size);
    assert_int_equal(edit(body, size, 1u << CAP_DRIVE_TYPE | 1u << CAP_PRINTER_TYPE, out, &left),
                     SP_OK);
    assert_int_equal(left, size - 16);
    assert_int_equal(out[0], 3);
    assert_memory_equal(out + 4, body + 4, 44);
    assert_int_equal(out[48], CAP_PORT_TYPE);
    assert_int_equal(out[56], CAP_SMARTCARD_TYPE);
    assert_int_equal(edit(body, size, UINT32_MAX, out, &left), SP_OK);
    assert_int_equal(left, 48);
    left = 77;
    for (size_t n = 0; n < size; n++)
        assert_int_not_equal(edit(body, n, 0, NULL, &left), SP_OK);
    for (size_t i = 0; i < size; i++) {
        for (unsigned v = 0; v < 256; v++) {
            uint8_t old = body[i];

            body[i] = (uint8_t)v;
            sp_ignore(edit(body, size, 0x14, NULL, &left));
            body[i] = old;
        }
    }
    left = 77;
    body[0] = 17;
    assert_int_equal(edit(body, size, 0, NULL, &left), SP_ELIMIT);
    body[0] = 5, body[6] = 7;
    assert_int_equal(edit(body, size, 0, NULL, &left), SP_EVALUE);
    body[6] = 44, body[4] = 9; /* no general set */
    assert_int_equal(edit(body, size, 0, NULL, &left), SP_EVALUE);
    body[4] = 1, body[0] = 4;
    assert_int_equal(edit(body, size, 0, NULL, &left), SP_ETRAIL);
    assert_int_equal(left, 77);
    free(data);
}

static enum sp_err parse_devices(struct rd *r, void *out)
{
    struct rdpdr_device device;

    rd_skip(r, 8, "head");
    for (int i = 0; i < 3; i++) {
        if (rdpdr_device_next(r, &device) != SP_OK)
            return r->fail.code;
    }
    memcpy(out, &device.id, 4);
    return SP_OK;
}

static void reads_devices(void **state)
{
    size_t size;
    uint8_t *data = vector_load("rdpdr/device_list.hex", &size);
    uint32_t id;

    (void)state;
    assert_int_equal(probe_parse(data, size, parse_devices, &id), SP_OK);
    assert_int_equal(id, 1);
    free(data);
    probe_prefixes("rdpdr/device_list.hex", parse_devices, 4, NULL);
    assert_true(probe_bytes("rdpdr/device_list.hex", parse_devices, 4) > 0);
}

static enum sp_err parse_create(struct rd *r, void *out)
{
    struct rdpdr_request request;
    struct rdpdr_create create;

    rd_skip(r, RDPDR_HEADER_SIZE, "header");
    if (rdpdr_request_read(r, &request) == SP_OK && rdpdr_create_read(r, &create) == SP_OK)
        memcpy(out, &create.disposition, 4);
    return r->fail.code;
}

static enum sp_err read_path(const uint8_t *path, uint32_t length, size_t size,
                             struct rdpdr_create *create)
{
    uint8_t *body = calloc(1, 32 + size);
    struct rd r;
    struct wr w;

    assert_non_null(body);
    wr_init(&w, body + 28, 4);
    wr_u32le(&w, length);
    memcpy(body + 32, path, size);
    rd_init(&r, body, 32 + size);
    enum sp_err err = rdpdr_create_read(&r, create);
    free(body);
    return err;
}

static void reads_creates(void **state)
{
    static const uint8_t big[RDPDR_PATH_MAX + 2];
    struct rdpdr_create create;
    size_t size;
    uint8_t *data = vector_load("rdpdr/create_request.hex", &size);
    uint32_t disposition;

    (void)state;
    assert_int_equal(probe_parse(data, size, parse_create, &disposition), SP_OK);
    assert_int_equal(disposition, 1);
    free(data);
    probe_prefixes("rdpdr/create_request.hex", parse_create, 4, NULL);
    assert_true(probe_bytes("rdpdr/create_request.hex", parse_create, 4) > 0);
    assert_int_equal(read_path((const uint8_t *)"\\\0a\0\0", 6, 6, &create), SP_OK);
    assert_true(create.has_nul);
    assert_int_equal(create.path_size, 4);
    assert_int_equal(read_path((const uint8_t *)"\\\0a", 4, 4, &create), SP_OK);
    assert_false(create.has_nul);
    assert_int_equal(read_path((const uint8_t *)"\\\0a", 3, 3, &create), SP_EVALUE);
    assert_int_equal(read_path((const uint8_t *)"\\\0a", 6, 4, &create), SP_ESHORT);
    assert_int_equal(read_path(big, RDPDR_PATH_MAX, RDPDR_PATH_MAX, &create), SP_OK);
    assert_int_equal(read_path(big, RDPDR_PATH_MAX + 2, RDPDR_PATH_MAX + 2, &create), SP_ELIMIT);
}

static bool climbs(const char *path, size_t length)
{
    uint8_t *wide = calloc(1, 2 * length + 1);

    assert_non_null(wide);
    for (size_t i = 0; i < length; i++)
        wide[2 * i] = (uint8_t)path[i];
    bool is_climbing = rdpdr_path_climbs(wide, 2 * length);
    free(wide);
    return is_climbing;
}

static void judges_paths(void **state)
{
    static const char *const good[] = {"",      "\\",     "\\a",    "\\a..b",   "\\..a",
                                       "\\a..", "\\.\\a", "\\.. a", "\\.hidden"};
    static const char *const bad[] = {"..",   "\\..",     "\\..\\a", "a\\..\\b", "/../x",
                                      "a/..", "\\.. \\a", "\\...",   "\\a\\.."};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_false(climbs(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(climbs(bad[i], strlen(bad[i])));
    assert_true(climbs("a\0..", 4));
    assert_true(climbs("..\0a", 4));
}

static enum sp_err parse_write(struct rd *r, void *out)
{
    struct rdpdr_request request;
    struct rdpdr_transfer_request transfer;

    rd_skip(r, RDPDR_HEADER_SIZE, "header");
    if (rdpdr_request_read(r, &request) == SP_OK && rdpdr_transfer_read(r, &transfer) == SP_OK)
        memcpy(out, &transfer.length, 4);
    return r->fail.code;
}

static bool past_offset(size_t size)
{
    return size >= RDPDR_IOREQUEST_SIZE + 12;
}

static enum sp_err parse_completion(struct rd *r, void *out)
{
    struct rdpdr_completion completion;

    rd_skip(r, RDPDR_HEADER_SIZE, "header");
    if (rdpdr_completion_read(r, &completion) == SP_OK)
        memcpy(out, &completion.completion_id, 4);
    return r->fail.code;
}

static bool past_completion(size_t size)
{
    return size >= RDPDR_COMPLETION_SIZE;
}

static void reads_transfers(void **state)
{
    size_t size;
    uint8_t *data = vector_load("rdpdr/write_request.hex", &size);
    uint32_t value;

    (void)state;
    assert_int_equal(probe_parse(data, size, parse_write, &value), SP_OK);
    assert_int_equal(value, 9);
    free(data);
    probe_prefixes("rdpdr/write_request.hex", parse_write, 4, past_offset);
    probe_prefixes("rdpdr/create_response.hex", parse_completion, 4, past_completion);
    assert_int_equal(probe_bytes("rdpdr/create_response.hex", parse_completion, 4), 0);
}

/* The specification's completions have the sizes that ours have when they refuse. */
static void writes_denials(void **state)
{
    static const struct {
        uint32_t major;
        const char *like;
    } cases[] = {
        {IRP_MJ_CREATE, "rdpdr/create_response.hex"},
        {IRP_MJ_CLOSE, "rdpdr/close_response.hex"},
        {IRP_MJ_WRITE, "rdpdr/write_response.hex"},
        {IRP_MJ_DEVICE_CONTROL, "rdpdr/control_response.hex"},
        {IRP_MJ_SET_INFORMATION, "rdpdr/set_information_response.hex"},
        {IRP_MJ_DIRECTORY_CONTROL, "rdpdr/notify_response.hex"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rdpdr_request request = {
            .device_id = 0x01020304, .completion_id = 0x11121314, .major = cases[i].major};
        size_t size;
        uint8_t *like = vector_load(cases[i].like, &size);
        uint8_t out[RDPDR_DENIAL_SIZE];
        struct wr w;

        wr_init(&w, out, sizeof(out));
        rdpdr_denial_write(&w, &request, RDPDR_STATUS_ACCESS_DENIED);
        assert_true(wr_ok(&w));
        assert_int_equal(w.pos, size);
        assert_memory_equal(out, "\x72\x44\x43\x49\x04\x03\x02\x01\x14\x13\x12\x11\x22\0\0\xc0",
                            16);
        free(like);
    }
}

static void writes_replies(void **state)
{
    size_t size;
    uint8_t *data = vector_load("rdpdr/device_reply.hex", &size);
    uint8_t out[16];
    struct wr w;

    (void)state;
    wr_init(&w, out, sizeof(out));
    rdpdr_device_reply_write(&w, 1, 0);
    assert_int_equal(w.pos, size);
    assert_memory_equal(out, data, size);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers),  cmocka_unit_test(edits_caps),
        cmocka_unit_test(reads_devices),  cmocka_unit_test(reads_creates),
        cmocka_unit_test(judges_paths),   cmocka_unit_test(reads_transfers),
        cmocka_unit_test(writes_denials), cmocka_unit_test(writes_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
