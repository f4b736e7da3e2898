/* SPDX-License-Identifier: Apache-2.0
 * What the target may ask of the client's devices: drives one way or both, no path upwards.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rdp/rdpdr_priv.h"

#define FILE_OPEN               1
#define FILE_DELETE_ON_CLOSE    0x00001000
#define FILE_RENAME_INFORMATION 10
#define WRITE_DATA_AT           (RDPDR_IOREQUEST_SIZE + 32)

/* FILE_WRITE_DATA, APPEND_DATA, WRITE_EA, WRITE_ATTRIBUTES, DELETE, WRITE_DAC, WRITE_OWNER,
 * GENERIC_ALL, GENERIC_WRITE */
#define WRITE_ACCESS 0x500D0116u

/* Answer a request that may not pass. */
static enum sp_err deny(const struct rdpdr_request *request, struct svc_out *out)
{
    uint8_t message[RDPDR_DENIAL_SIZE];
    struct wr w;

    wr_init(&w, message, sizeof(message));
    rdpdr_denial_write(&w, request, RDPDR_STATUS_ACCESS_DENIED);
    return svc_out_put(out, CHANNEL_CLIENT_TO_SERVER, message, w.pos);
}

static enum sp_err deny_path(const struct rdpdr_request *request, uint32_t way, const char *what,
                             const uint8_t *path, size_t size, struct svc_out *out)
{
    char name[SVC_NAME_SIZE];

    (void)text_utf8_from_utf16le(path, size, name, sizeof(name));
    svc_out_refused(out, way, what, name);
    return deny(request, out);
}

/* Let a request pass if its completion can be followed. */
static enum sp_err pass(struct rdpdr_filter *f, const struct rdpdr_request *request, uint32_t open,
                        uint32_t length, uint64_t offset, enum svc_mode *mode, struct svc_out *out)
{
    if (!rdpdr_pending_add(f, request, open, length, offset))
        return deny(request, out);
    *mode = SVC_MODE_PASS;
    return SP_OK;
}

static enum sp_err on_read(struct rdpdr_filter *f, const struct rdpdr_request *request,
                           struct rdpdr_message *m, enum svc_mode *mode, struct svc_out *out)
{
    struct rdpdr_transfer_request transfer;

    if (rdpdr_transfer_read(&m->body, &transfer) != SP_OK)
        return rdpdr_fail(out, &m->body);
    return pass(f, request, rdpdr_open_find(f, request->device_id, request->file_id),
                transfer.length, transfer.offset, mode, out);
}

static enum sp_err on_write(struct rdpdr_filter *f, const struct rdpdr_request *request,
                            struct rdpdr_message *m, enum svc_mode *mode, struct svc_out *out)
{
    struct rdpdr_transfer_request transfer;
    uint32_t open = rdpdr_open_find(f, request->device_id, request->file_id);

    if (rdpdr_transfer_read(&m->body, &transfer) != SP_OK)
        return rdpdr_fail(out, &m->body);
    rd_skip(&m->body, 20, "DR_WRITE_REQ.Padding");
    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    if (transfer.length > m->total - WRITE_DATA_AT) {
        (void)rd_refuse(&m->body, SP_EVALUE, "DR_WRITE_REQ.Length", transfer.length,
                        (uint32_t)(m->total - WRITE_DATA_AT));
        return rdpdr_exploit(out, &m->body, "CVE-2026-22854");
    }
    enum sp_err err = pass(f, request, open, transfer.length, transfer.offset, mode, out);
    if (err != SP_OK || *mode != SVC_MODE_PASS || open == RDPDR_NO_FILE)
        return err;
    f->moving[m->direction].open = open;
    f->moving[m->direction].begin = WRITE_DATA_AT;
    f->moving[m->direction].end = WRITE_DATA_AT + (size_t)transfer.length;
    /* Printers know no offset. */
    if (!f->open[open].is_print)
        svc_hash_seek(&f->open[open].hash, transfer.offset);
    return SP_OK;
}

static enum sp_err on_query_information(struct rdpdr_filter *f, const struct rdpdr_request *request,
                                        struct rdpdr_message *m, enum svc_mode *mode,
                                        struct svc_out *out)
{
    uint32_t class = rd_u32le(&m->body, "DR_DRIVE_QUERY_INFORMATION_REQ.FsInformationClass");

    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    return pass(f, request, rdpdr_open_find(f, request->device_id, request->file_id), class, 0,
                mode, out);
}

/* Which way a request on a drive moves data; 0 if it moves none. */
static uint32_t ways_of(const struct rdpdr_request *request)
{
    switch (request->major) {
    case IRP_MJ_READ:
        return SVC_WAY_TO_TARGET;
    case IRP_MJ_WRITE:
    case IRP_MJ_SET_INFORMATION:
    case IRP_MJ_SET_VOLUME_INFORMATION:
        return SVC_WAY_TO_CLIENT;
    case IRP_MJ_DEVICE_CONTROL: /* carries what it likes, both ways */
        return SVC_WAY_TO_TARGET | SVC_WAY_TO_CLIENT;
    default:
        return 0;
    }
}

static bool is_known_major(uint32_t major)
{
    static const uint8_t known[] = {
        IRP_MJ_CREATE,
        IRP_MJ_CLOSE,
        IRP_MJ_READ,
        IRP_MJ_WRITE,
        IRP_MJ_QUERY_INFORMATION,
        IRP_MJ_SET_INFORMATION,
        IRP_MJ_QUERY_VOLUME_INFORMATION,
        IRP_MJ_SET_VOLUME_INFORMATION,
        IRP_MJ_DIRECTORY_CONTROL,
        IRP_MJ_DEVICE_CONTROL,
        IRP_MJ_LOCK_CONTROL,
    };

    for (size_t i = 0; i < sizeof(known); i++) {
        if (known[i] == major)
            return true;
    }
    return false;
}

/* Requests with a path in them are held until it can be read. */
static bool has_path(const struct rdpdr_known *device, const struct rdpdr_request *request)
{
    if (request->major == IRP_MJ_CREATE)
        return device->type == RDPDR_DTYP_FILESYSTEM || device->type == RDPDR_DTYP_PRINT;
    if (device->type != RDPDR_DTYP_FILESYSTEM)
        return false;
    return request->major == IRP_MJ_SET_INFORMATION ||
           (request->major == IRP_MJ_DIRECTORY_CONTROL && request->minor == IRP_MN_QUERY_DIRECTORY);
}

/* What policy and kind of device say to a request, whatever is in it. */
static bool request_passes(const struct rdpdr_filter *f, const struct rdpdr_known *device,
                           const struct rdpdr_request *request)
{
    uint32_t ways = ways_of(request);

    if (!is_known_major(request->major))
        return false;
    if (device->type == RDPDR_DTYP_SMARTCARD)
        return request->major == IRP_MJ_DEVICE_CONTROL;
    return device->type != RDPDR_DTYP_FILESYSTEM || (f->policy.drives & ways) == ways;
}

static enum sp_err deny_request(struct rdpdr_filter *f, const struct rdpdr_request *request,
                                struct svc_out *out)
{
    uint32_t open = rdpdr_open_find(f, request->device_id, request->file_id);
    uint32_t way = ways_of(request) == SVC_WAY_TO_CLIENT ? SVC_WAY_TO_CLIENT : SVC_WAY_TO_TARGET;

    svc_out_refused(out, way, "device request", open != RDPDR_NO_FILE ? f->open[open].name : NULL);
    return deny(request, out);
}

enum sp_err rdpdr_request_first(struct rdpdr_filter *f, struct rdpdr_message *m,
                                enum svc_mode *mode, struct svc_out *out)
{
    struct rdpdr_request request;

    if (rdpdr_request_read(&m->body, &request) != SP_OK)
        return rdpdr_fail(out, &m->body);
    const struct rdpdr_known *device = rdpdr_device_find(f, request.device_id);
    if (device == NULL || !request_passes(f, device, &request))
        return deny_request(f, &request, out);
    if (has_path(device, &request)) {
        if (m->total > RDPDR_GATHER_MAX)
            return deny_request(f, &request, out);
        *mode = SVC_MODE_GATHER;
        return SP_OK;
    }
    if (device->type == RDPDR_DTYP_SMARTCARD)
        f->smartcard_calls++;
    uint32_t open = rdpdr_open_find(f, request.device_id, request.file_id);
    switch (request.major) {
    case IRP_MJ_READ:
        return on_read(f, &request, m, mode, out);
    case IRP_MJ_WRITE:
        return on_write(f, &request, m, mode, out);
    case IRP_MJ_QUERY_INFORMATION:
        return on_query_information(f, &request, m, mode, out);
    default:
        return pass(f, &request, open, 0, 0, mode, out);
    }
}

/* A held request that may pass. */
static enum sp_err pass_whole(struct rdpdr_filter *f, const struct rdpdr_request *request,
                              uint32_t open, const uint8_t *data, size_t size, struct svc_out *out)
{
    enum svc_mode mode = SVC_MODE_DROP;
    enum sp_err err = pass(f, request, open, 0, 0, &mode, out);

    if (err == SP_OK && mode == SVC_MODE_PASS)
        svc_out_lend(out, CHANNEL_SERVER_TO_CLIENT, data, size);
    else if (open != RDPDR_NO_FILE && request->major == IRP_MJ_CREATE)
        rdpdr_open_drop(f, open);
    return err;
}

static bool creates_or_changes(const struct rdpdr_create *create)
{
    return (create->desired_access & WRITE_ACCESS) != 0 || create->disposition != FILE_OPEN ||
           (create->options & FILE_DELETE_ON_CLOSE) != 0;
}

static enum sp_err whole_create(struct rdpdr_filter *f, const struct rdpdr_known *device,
                                const struct rdpdr_request *request, struct rdpdr_message *m,
                                const uint8_t *data, struct svc_out *out)
{
    struct rdpdr_create create;

    if (rdpdr_create_read(&m->body, &create) != SP_OK)
        return rdpdr_fail(out, &m->body);
    if (device->type == RDPDR_DTYP_FILESYSTEM) {
        if ((!create.has_nul && create.path_size > 0) ||
            rdpdr_path_climbs(create.path, create.path_size))
            return deny_path(request, SVC_WAY_TO_TARGET, "path that leaves its drive", create.path,
                             create.path_size, out);
        if ((f->policy.drives & SVC_WAY_TO_CLIENT) == 0 && creates_or_changes(&create))
            return deny_path(request, SVC_WAY_TO_CLIENT, "writing to a drive", create.path,
                             create.path_size, out);
    }
    uint32_t open = rdpdr_open_start(f, device, &create);
    if (open == RDPDR_NO_FILE)
        return deny_path(request, SVC_WAY_TO_TARGET, "too many open files", create.path,
                         create.path_size, out);
    return pass_whole(f, request, open, data, m->total, out);
}

static enum sp_err whole_set_information(struct rdpdr_filter *f,
                                         const struct rdpdr_request *request,
                                         struct rdpdr_message *m, const uint8_t *data,
                                         struct svc_out *out)
{
    uint32_t open = rdpdr_open_find(f, request->device_id, request->file_id);
    uint32_t class = rd_u32le(&m->body, "DR_DRIVE_SET_INFORMATION_REQ.FsInformationClass");
    uint32_t length = rd_u32le(&m->body, "DR_DRIVE_SET_INFORMATION_REQ.Length");
    struct rd set;

    rd_skip(&m->body, 24, "DR_DRIVE_SET_INFORMATION_REQ.Padding");
    rd_sub(&m->body, length, &set, "DR_DRIVE_SET_INFORMATION_REQ.SetBuffer");
    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    if (class != FILE_RENAME_INFORMATION)
        return pass_whole(f, request, open, data, m->total, out);
    rd_skip(&set, 2, "RDP_FILE_RENAME_INFORMATION.ReplaceIfExists");
    uint32_t size = rd_u32le(&set, "RDP_FILE_RENAME_INFORMATION.FileNameLength");
    const uint8_t *name = rd_bytes(&set, size, "RDP_FILE_RENAME_INFORMATION.FileName");
    if (!rd_ok(&set))
        return rdpdr_fail(out, &set);
    if ((size & 1) != 0 || rdpdr_path_climbs(name, size))
        return deny_path(request, SVC_WAY_TO_CLIENT, "path that leaves its drive", name, size, out);
    return pass_whole(f, request, open, data, m->total, out);
}

static enum sp_err whole_query_directory(struct rdpdr_filter *f,
                                         const struct rdpdr_request *request,
                                         struct rdpdr_message *m, const uint8_t *data,
                                         struct svc_out *out)
{
    rd_skip(&m->body, 4 + 1, "DR_DRIVE_QUERY_DIRECTORY_REQ.FsInformationClass");
    uint32_t size = rd_u32le(&m->body, "DR_DRIVE_QUERY_DIRECTORY_REQ.PathLength");
    rd_max(&m->body, "DR_DRIVE_QUERY_DIRECTORY_REQ.PathLength", size, RDPDR_PATH_MAX);
    rd_skip(&m->body, 23, "DR_DRIVE_QUERY_DIRECTORY_REQ.Padding");
    const uint8_t *path = rd_bytes(&m->body, size, "DR_DRIVE_QUERY_DIRECTORY_REQ.Path");

    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    if ((size & 1) != 0 || rdpdr_path_climbs(path, size))
        return deny_path(request, SVC_WAY_TO_TARGET, "path that leaves its drive", path, size, out);
    return pass_whole(f, request, rdpdr_open_find(f, request->device_id, request->file_id), data,
                      m->total, out);
}

enum sp_err rdpdr_request_whole(struct rdpdr_filter *f, struct rdpdr_message *m,
                                const uint8_t *data, struct svc_out *out)
{
    struct rdpdr_request request;

    if (rdpdr_request_read(&m->body, &request) != SP_OK)
        return rdpdr_fail(out, &m->body);
    /* The client may have taken the device away since the first chunk. */
    const struct rdpdr_known *device = rdpdr_device_find(f, request.device_id);
    if (device == NULL || !request_passes(f, device, &request))
        return deny_request(f, &request, out);
    switch (request.major) {
    case IRP_MJ_CREATE:
        return whole_create(f, device, &request, m, data, out);
    case IRP_MJ_SET_INFORMATION:
        return whole_set_information(f, &request, m, data, out);
    default:
        return whole_query_directory(f, &request, m, data, out);
    }
}
