/* SPDX-License-Identifier: Apache-2.0
 * Requests of a target and completions of a client, for the tests of the device filter.
 */
#include "support/rdpdr_irp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/vector.h"

struct svc_lab lab;

static uint8_t message[RDPDR_GATHER_MAX + 4096];

enum svc_verdict irp_vector(enum channel_direction direction, const char *name)
{
    char path[64];
    size_t size;

    snprintf(path, sizeof(path), "rdpdr/%s.hex", name);
    uint8_t *data = vector_load(path, &size);
    enum svc_verdict verdict = lab_send(&lab, direction, data, size);
    free(data);
    return verdict;
}

void irp_start(uint32_t drives, uint32_t devices)
{
    const struct svc_policy policy = {.drives = drives, .devices = devices};

    lab_clear(&lab);
    memset(&lab, 0, sizeof(lab));
    lab_devices(&lab, &policy);
    assert_int_equal(irp_vector(S2C, "server_announce"), SVC_PASS);
    lab_forget(&lab);
}

void irp_announce(uint32_t type, uint32_t id)
{
    struct rdpdr_header header = {RDPDR_CTYP_CORE, PAKID_CORE_DEVICELIST_ANNOUNCE};
    struct wr w;

    wr_init(&w, message, sizeof(message));
    rdpdr_header_write(&w, &header);
    wr_u32le(&w, 1);
    wr_u32le(&w, type);
    wr_u32le(&w, id);
    wr_bytes(&w, type == RDPDR_DTYP_PRINT ? "PRN1\0\0\0" : "X:\0\0\0\0\0", 8);
    wr_u32le(&w, 0);
    assert_int_equal(lab_send(&lab, C2S, message, w.pos), SVC_DROP);
    lab_forget(&lab);
}

static void begin_request(struct wr *w, uint32_t device, uint32_t file, uint32_t completion,
                          uint32_t major, uint32_t minor)
{
    struct rdpdr_header header = {RDPDR_CTYP_CORE, PAKID_CORE_DEVICE_IOREQUEST};

    wr_init(w, message, sizeof(message));
    rdpdr_header_write(w, &header);
    wr_u32le(w, device);
    wr_u32le(w, file);
    wr_u32le(w, completion);
    wr_u32le(w, major);
    wr_u32le(w, minor);
}

enum svc_verdict irp_request(uint32_t device, uint32_t file, uint32_t completion, uint32_t major,
                             uint32_t minor, const void *body, size_t size)
{
    struct wr w;

    begin_request(&w, device, file, completion, major, minor);
    wr_bytes(&w, body, size);
    assert_true(wr_ok(&w));
    return lab_send(&lab, S2C, message, w.pos);
}

enum svc_verdict irp_create(uint32_t device, uint32_t completion, uint32_t access,
                            uint32_t disposition, uint32_t options, const char *path)
{
    size_t units = strlen(path) + 1;
    struct wr w;

    begin_request(&w, device, 0, completion, IRP_MJ_CREATE, 0);
    wr_u32le(&w, access);
    wr_zero(&w, 8 + 4 + 4);
    wr_u32le(&w, disposition);
    wr_u32le(&w, options);
    wr_u32le(&w, (uint32_t)(2 * units));
    for (size_t i = 0; i < units; i++)
        wr_u16le(&w, (uint8_t)path[i]);
    return lab_send(&lab, S2C, message, w.pos);
}

enum svc_verdict irp_transfer(uint32_t device, uint32_t file, uint32_t completion, uint64_t offset,
                              uint32_t length, const void *data, size_t size)
{
    struct wr w;

    begin_request(&w, device, file, completion, data == NULL ? IRP_MJ_READ : IRP_MJ_WRITE, 0);
    wr_u32le(&w, length);
    wr_u64le(&w, offset);
    wr_zero(&w, 20);
    if (data != NULL)
        wr_bytes(&w, data, size);
    assert_true(wr_ok(&w));
    return lab_send(&lab, S2C, message, w.pos);
}

enum svc_verdict irp_complete(uint32_t device, uint32_t completion, uint32_t status, uint32_t value,
                              const void *data, size_t size)
{
    struct rdpdr_header header = {RDPDR_CTYP_CORE, PAKID_CORE_DEVICE_IOCOMPLETION};
    struct wr w;

    wr_init(&w, message, sizeof(message));
    rdpdr_header_write(&w, &header);
    wr_u32le(&w, device);
    wr_u32le(&w, completion);
    wr_u32le(&w, status);
    wr_u32le(&w, value);
    wr_bytes(&w, data, size);
    assert_true(wr_ok(&w));
    return lab_send(&lab, C2S, message, w.pos);
}

void irp_open(uint32_t device, uint32_t file, uint32_t access, const char *path)
{
    assert_int_equal(irp_create(device, 900, access, 1, 0, path), SVC_DROP);
    assert_int_equal(lab.count[S2C], 1);
    assert_int_equal(irp_complete(device, 900, 0, file, "\1", 1), SVC_PASS);
    lab_forget(&lab);
}

void irp_close(uint32_t device, uint32_t file)
{
    static const uint8_t padding[32];

    assert_int_equal(irp_request(device, file, 901, IRP_MJ_CLOSE, 0, padding, sizeof(padding)),
                     SVC_PASS);
    assert_int_equal(irp_complete(device, 901, 0, 0, "", 0), SVC_PASS);
    lab_forget(&lab);
}

void irp_expect_denied(uint32_t completion, size_t size)
{
    struct rdpdr_completion c;
    struct rd r;

    assert_int_equal(lab.count[S2C], 0);
    assert_int_equal(lab.count[C2S], 1);
    assert_int_equal(lab.messages[C2S][0].size, size);
    rd_init(&r, lab.messages[C2S][0].data, size);
    rd_skip(&r, RDPDR_HEADER_SIZE, "header");
    assert_int_equal(rdpdr_completion_read(&r, &c), SP_OK);
    assert_int_equal(c.completion_id, completion);
    assert_int_equal(c.io_status, RDPDR_STATUS_ACCESS_DENIED);
    lab_forget(&lab);
}
