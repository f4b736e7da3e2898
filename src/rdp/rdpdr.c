/* SPDX-License-Identifier: Apache-2.0
 * Device redirection's messages: headers, capabilities, devices, requests, completions.
 */
#include "rdp/rdpdr.h"

#include <string.h>

#define CAPS_SETS_MAX   16
#define SET_HEADER_SIZE 8 /* version included */
#define COUNT_SIZE      4 /* numCapabilities and padding */

enum sp_err rdpdr_header_read(struct rd *r, struct rdpdr_header *out)
{
    struct rdpdr_header header;

    header.component = rd_u16le(r, "RDPDR_HEADER.Component");
    header.packet_id = rd_u16le(r, "RDPDR_HEADER.PacketId");
    if (rd_ok(r))
        *out = header;
    return r->fail.code;
}

void rdpdr_header_write(struct wr *w, const struct rdpdr_header *header)
{
    wr_u16le(w, header->component);
    wr_u16le(w, header->packet_id);
}

enum sp_err rdpdr_caps_edit(uint8_t *body, size_t size, uint32_t denied, size_t *size_out,
                            struct sp_fail *fail)
{
    size_t used = COUNT_SIZE;
    uint16_t kept = 0;
    bool has_general = false;
    struct rd r, set;
    struct wr w;

    rd_init(&r, body, size);
    uint16_t count = rd_u16le(&r, "DR_CORE_CAPABILITY.numCapabilities");
    rd_skip(&r, 2, "DR_CORE_CAPABILITY.Padding");
    rd_max(&r, "DR_CORE_CAPABILITY.numCapabilities", count, CAPS_SETS_MAX);
    for (uint16_t i = 0; i < count && rd_ok(&r); i++) {
        const uint8_t *start = r.at;
        uint16_t type = rd_u16le(&r, "CAPABILITY_HEADER.CapabilityType");
        uint16_t length = rd_u16le(&r, "CAPABILITY_HEADER.CapabilityLength");

        rd_min(&r, "CAPABILITY_HEADER.CapabilityLength", length, SET_HEADER_SIZE);
        if (!rd_ok(&r))
            break;
        rd_sub(&r, (size_t)length - 4, &set, "CAPABILITY_SET");
        if (!rd_ok(&r))
            break;
        has_general = has_general || type == CAP_GENERAL_TYPE;
        if (type != CAP_GENERAL_TYPE && type < 32 && (denied & 1u << type) != 0)
            continue;
        memmove(body + used, start, length);
        used += length;
        kept++;
    }
    rd_end(&r, "DR_CORE_CAPABILITY");
    if (rd_ok(&r) && !has_general)
        (void)rd_refuse(&r, SP_EVALUE, "DR_CORE_CAPABILITY without general set", count, 1);
    if (!rd_ok(&r))
        return sp_fail_set(fail, r.fail.code, r.fail.where, r.fail.got, r.fail.want);
    wr_init(&w, body, 2);
    wr_u16le(&w, kept);
    *size_out = used;
    return SP_OK;
}

enum sp_err rdpdr_device_next(struct rd *r, struct rdpdr_device *out)
{
    struct rdpdr_device device = {.raw = r->at};

    device.type = rd_u32le(r, "DEVICE_ANNOUNCE.DeviceType");
    device.id = rd_u32le(r, "DEVICE_ANNOUNCE.DeviceId");
    device.dos_name = rd_bytes(r, 8, "DEVICE_ANNOUNCE.PreferredDosName");
    device.data_size = rd_u32le(r, "DEVICE_ANNOUNCE.DeviceDataLength");
    device.data = rd_bytes(r, device.data_size, "DEVICE_ANNOUNCE.DeviceData");
    if (!rd_ok(r))
        return r->fail.code;
    device.raw_size = (size_t)(r->at - device.raw);
    *out = device;
    return SP_OK;
}

enum sp_err rdpdr_request_read(struct rd *r, struct rdpdr_request *out)
{
    struct rdpdr_request request;

    request.device_id = rd_u32le(r, "DR_DEVICE_IOREQUEST.DeviceId");
    request.file_id = rd_u32le(r, "DR_DEVICE_IOREQUEST.FileId");
    request.completion_id = rd_u32le(r, "DR_DEVICE_IOREQUEST.CompletionId");
    request.major = rd_u32le(r, "DR_DEVICE_IOREQUEST.MajorFunction");
    request.minor = rd_u32le(r, "DR_DEVICE_IOREQUEST.MinorFunction");
    if (rd_ok(r))
        *out = request;
    return r->fail.code;
}

enum sp_err rdpdr_create_read(struct rd *r, struct rdpdr_create *out)
{
    struct rdpdr_create create;

    create.desired_access = rd_u32le(r, "DR_CREATE_REQ.DesiredAccess");
    rd_skip(r, 8 + 4 + 4, "DR_CREATE_REQ.AllocationSize");
    create.disposition = rd_u32le(r, "DR_CREATE_REQ.CreateDisposition");
    create.options = rd_u32le(r, "DR_CREATE_REQ.CreateOptions");
    uint32_t length = rd_u32le(r, "DR_CREATE_REQ.PathLength");
    rd_max(r, "DR_CREATE_REQ.PathLength", length, RDPDR_PATH_MAX);
    rd_want(r, "DR_CREATE_REQ.PathLength", length & 1, 0);
    create.path = rd_bytes(r, length, "DR_CREATE_REQ.Path");
    if (!rd_ok(r))
        return r->fail.code;
    create.has_nul = length >= 2 && create.path[length - 1] == 0 && create.path[length - 2] == 0;
    create.path_size = create.has_nul ? length - 2 : length;
    *out = create;
    return SP_OK;
}

bool rdpdr_path_climbs(const uint8_t *path, size_t size)
{
    size_t units = 0, dots = 0;

    for (size_t i = 0; i <= size; i += 2) {
        uint32_t unit = i + 1 < size ? path[i] | (uint32_t)path[i + 1] << 8 : 0;

        /* What stands behind a NUL is not there for some readers and is for others. */
        if (unit == '\\' || unit == '/' || unit == 0) {
            if (dots >= 2 && dots == units)
                return true;
            units = dots = 0;
            continue;
        }
        units++;
        if (unit == '.')
            dots++;
        else if (unit == ' ' && dots > 0)
            units--; /* ".. " is ".." to Windows */
    }
    return false;
}

enum sp_err rdpdr_transfer_read(struct rd *r, struct rdpdr_transfer_request *out)
{
    struct rdpdr_transfer_request request;

    request.length = rd_u32le(r, "DR_READ_REQ.Length");
    request.offset = rd_u64le(r, "DR_READ_REQ.Offset");
    if (rd_ok(r))
        *out = request;
    return r->fail.code;
}

enum sp_err rdpdr_completion_read(struct rd *r, struct rdpdr_completion *out)
{
    struct rdpdr_completion completion;

    completion.device_id = rd_u32le(r, "DR_DEVICE_IOCOMPLETION.DeviceId");
    completion.completion_id = rd_u32le(r, "DR_DEVICE_IOCOMPLETION.CompletionId");
    completion.io_status = rd_u32le(r, "DR_DEVICE_IOCOMPLETION.IoStatus");
    if (rd_ok(r))
        *out = completion;
    return r->fail.code;
}

/* Bytes of zeros that follow the head of a completion which failed. */
static size_t denial_body(uint32_t major)
{
    switch (major) {
    case IRP_MJ_READ:
    case IRP_MJ_CLOSE:
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_QUERY_INFORMATION:
    case IRP_MJ_SET_VOLUME_INFORMATION:
        return 4; /* Length, OutputBufferLength or padding */
    default:
        return 5; /* FileId and Information, Length and padding, or padding */
    }
}

void rdpdr_denial_write(struct wr *w, const struct rdpdr_request *request, uint32_t status)
{
    struct rdpdr_header header = {RDPDR_CTYP_CORE, PAKID_CORE_DEVICE_IOCOMPLETION};

    rdpdr_header_write(w, &header);
    wr_u32le(w, request->device_id);
    wr_u32le(w, request->completion_id);
    wr_u32le(w, status);
    wr_zero(w, denial_body(request->major));
}

void rdpdr_device_reply_write(struct wr *w, uint32_t device_id, uint32_t status)
{
    struct rdpdr_header header = {RDPDR_CTYP_CORE, PAKID_CORE_DEVICE_REPLY};

    rdpdr_header_write(w, &header);
    wr_u32le(w, device_id);
    wr_u32le(w, status);
}
