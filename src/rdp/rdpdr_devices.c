/* SPDX-License-Identifier: Apache-2.0
 * Which of the client's devices the target gets to see.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rdp/rdpdr_priv.h"

#define LIST_HEAD     (RDPDR_HEADER_SIZE + 4)
#define DOS_NAME_AT   8 /* in DEVICE_ANNOUNCE */
#define DOS_NAME_SIZE 8

const struct rdpdr_known *rdpdr_device_find(const struct rdpdr_filter *f, uint32_t id)
{
    for (size_t i = 0; i < f->device_count; i++) {
        if (f->devices[i].id == id)
            return &f->devices[i];
    }
    return NULL;
}

static bool type_passes(const struct svc_policy *policy, uint32_t type)
{
    switch (type) {
    case RDPDR_DTYP_SERIAL:
    case RDPDR_DTYP_PARALLEL:
        return (policy->devices & SVC_DEVICE_PORTS) != 0;
    case RDPDR_DTYP_PRINT:
        return (policy->devices & SVC_DEVICE_PRINTERS) != 0;
    case RDPDR_DTYP_FILESYSTEM:
        return policy->drives != 0;
    case RDPDR_DTYP_SMARTCARD:
        return (policy->devices & SVC_DEVICE_SMARTCARDS) != 0;
    default:
        return false;
    }
}

static const char *type_name(uint32_t type)
{
    switch (type) {
    case RDPDR_DTYP_SERIAL:
    case RDPDR_DTYP_PARALLEL:
        return "port";
    case RDPDR_DTYP_PRINT:
        return "printer";
    case RDPDR_DTYP_FILESYSTEM:
        return "drive";
    case RDPDR_DTYP_SMARTCARD:
        return "smart card";
    default:
        return "device of an unknown type";
    }
}

/* The driver's name of a printer, MS-RDPEPC 2.2.2.1; empty if it cannot be read. */
static void driver_name(const struct rdpdr_device *device, char *out, size_t out_size)
{
    struct rd r;

    out[0] = '\0';
    rd_init(&r, device->data, device->data_size);
    rd_skip(&r, 8, "DR_PRN_DEVICE_ANNOUNCE.Flags");
    uint32_t pnp_size = rd_u32le(&r, "DR_PRN_DEVICE_ANNOUNCE.PnPNameLen");
    uint32_t driver_size = rd_u32le(&r, "DR_PRN_DEVICE_ANNOUNCE.DriverNameLen");
    rd_skip(&r, 8, "DR_PRN_DEVICE_ANNOUNCE.PrintNameLen");
    rd_skip(&r, pnp_size, "DR_PRN_DEVICE_ANNOUNCE.PnPName");
    const uint8_t *name = rd_bytes(&r, driver_size, "DR_PRN_DEVICE_ANNOUNCE.DriverName");
    if (!rd_ok(&r))
        return;
    size_t size = 0;
    while (size + 1 < driver_size && (name[size] != 0 || name[size + 1] != 0))
        size += 2;
    (void)text_utf8_from_utf16le(name, size, out, out_size);
}

/* Names of devices become names of files and devices on the target: nothing but plain letters. */
static void clean_dos_name(uint8_t *name)
{
    for (size_t i = 0; i < DOS_NAME_SIZE && name[i] != 0; i++) {
        if (name[i] < 0x20 || name[i] > 0x7e || name[i] == '\\' || name[i] == '/')
            name[i] = '_';
    }
}

static void device_name(const struct rdpdr_device *device, char *out, size_t out_size)
{
    char driver[64];

    snprintf(out, out_size, "%.*s", DOS_NAME_SIZE, (const char *)device->dos_name);
    if (device->type != RDPDR_DTYP_PRINT)
        return;
    driver_name(device, driver, sizeof(driver));
    if (driver[0] != '\0')
        snprintf(out, out_size, "%.*s (%s)", DOS_NAME_SIZE, (const char *)device->dos_name, driver);
}

/* Enter a device in the table; one that is announced again, as smart cards are, takes its place. */
static bool remember(struct rdpdr_filter *f, const struct rdpdr_device *device)
{
    struct rdpdr_known *known = NULL;

    for (size_t i = 0; i < f->device_count && known == NULL; i++) {
        if (f->devices[i].id == device->id)
            known = &f->devices[i];
    }
    if (known == NULL && f->device_count < RDPDR_DEVICES_MAX)
        known = &f->devices[f->device_count++];
    if (known == NULL)
        return false;
    known->id = device->id;
    known->type = device->type;
    device_name(device, known->name, sizeof(known->name));
    return true;
}

static void forget(struct rdpdr_filter *f, uint32_t id, struct svc_out *out)
{
    rdpdr_open_forget(f, id, out);
    for (size_t i = 0; i < f->device_count; i++) {
        if (f->devices[i].id == id) {
            f->devices[i] = f->devices[--f->device_count];
            return;
        }
    }
}

/* Tell the client that the target does not want this device. */
static enum sp_err refuse_device(struct rdpdr_filter *f, const struct rdpdr_device *device,
                                 struct svc_out *out)
{
    uint8_t message[RDPDR_HEADER_SIZE + 8];
    char name[RDPDR_NAME_SIZE];
    struct wr w;

    forget(f, device->id, out);
    device_name(device, name, sizeof(name));
    svc_out_refused(out, SVC_WAY_TO_TARGET, type_name(device->type), name);
    wr_init(&w, message, sizeof(message));
    rdpdr_device_reply_write(&w, device->id, RDPDR_STATUS_ACCESS_DENIED);
    return svc_out_put(out, CHANNEL_SERVER_TO_CLIENT, message, w.pos);
}

static void patch_count(uint8_t *data, uint32_t count)
{
    struct wr w;

    wr_init(&w, data + RDPDR_HEADER_SIZE, 4);
    wr_u32le(&w, count);
}

enum sp_err rdpdr_device_list(struct rdpdr_filter *f, uint8_t *data, size_t size,
                              struct svc_out *out)
{
    size_t used = LIST_HEAD;
    uint32_t kept = 0;
    struct rdpdr_device device;
    struct rd r;

    rd_init(&r, data, size);
    rd_skip(&r, RDPDR_HEADER_SIZE, "RDPDR_HEADER");
    uint32_t count = rd_u32le(&r, "DR_CORE_DEVICELIST_ANNOUNCE_REQ.DeviceCount");
    rd_max(&r, "DR_CORE_DEVICELIST_ANNOUNCE_REQ.DeviceCount", count, RDPDR_DEVICES_MAX);
    for (uint32_t i = 0; i < count && rd_ok(&r); i++) {
        if (rdpdr_device_next(&r, &device) != SP_OK)
            break;
        clean_dos_name(data + (device.raw - data) + DOS_NAME_AT);
        if (!type_passes(&f->policy, device.type) || !remember(f, &device)) {
            enum sp_err err = refuse_device(f, &device, out);
            if (err != SP_OK)
                return err;
            continue;
        }
        memmove(data + used, device.raw, device.raw_size);
        used += device.raw_size;
        kept++;
    }
    rd_end(&r, "DR_CORE_DEVICELIST_ANNOUNCE_REQ");
    if (!rd_ok(&r))
        return rdpdr_exploit(out, &r, "CVE-2022-23480");
    patch_count(data, kept);
    svc_out_lend(out, CHANNEL_CLIENT_TO_SERVER, data, used);
    return SP_OK;
}

enum sp_err rdpdr_device_remove(struct rdpdr_filter *f, uint8_t *data, size_t size,
                                struct svc_out *out)
{
    uint32_t kept = 0;
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    rd_skip(&r, RDPDR_HEADER_SIZE, "RDPDR_HEADER");
    uint32_t count = rd_u32le(&r, "DR_DEVICELIST_REMOVE.DeviceCount");
    rd_max(&r, "DR_DEVICELIST_REMOVE.DeviceCount", count, RDPDR_DEVICES_MAX);
    wr_init(&w, data + LIST_HEAD, size > LIST_HEAD ? size - LIST_HEAD : 0);
    for (uint32_t i = 0; i < count && rd_ok(&r); i++) {
        uint32_t id = rd_u32le(&r, "DR_DEVICELIST_REMOVE.DeviceIds");

        if (!rd_ok(&r) || rdpdr_device_find(f, id) == NULL)
            continue;
        forget(f, id, out);
        wr_u32le(&w, id); /* behind the reader: INVARIANT kept <= i */
        kept++;
    }
    rd_end(&r, "DR_DEVICELIST_REMOVE");
    if (!rd_ok(&r))
        return rdpdr_fail(out, &r);
    if (kept == 0)
        return SP_OK;
    patch_count(data, kept);
    svc_out_lend(out, CHANNEL_CLIENT_TO_SERVER, data, LIST_HEAD + 4 * (size_t)kept);
    return SP_OK;
}
