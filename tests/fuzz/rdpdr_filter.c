/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the device filter between a client and a target: whatever both say, no device, request or
 * path that policy forbids arrives.
 */
#include "support/svc_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct svc_lab lab;

static uint32_t type_of(const struct svc_lab *l, uint32_t id)
{
    for (size_t i = 0; i < l->rdpdr->device_count; i++) {
        if (l->rdpdr->devices[i].id == id)
            return l->rdpdr->devices[i].type;
    }
    return 0;
}

/* A request that reached the client. */
static void check_request(const struct svc_lab *l, struct rd r)
{
    uint32_t drives = l->rdpdr->policy.drives;
    struct rdpdr_request request;
    struct rdpdr_create create;

    SP_BUG(rdpdr_request_read(&r, &request) != SP_OK);
    uint32_t type = type_of(l, request.device_id);
    SP_BUG(type == 0);
    SP_BUG(type == RDPDR_DTYP_SMARTCARD && request.major != IRP_MJ_DEVICE_CONTROL);
    if (type != RDPDR_DTYP_FILESYSTEM)
        return;
    SP_BUG(request.major == IRP_MJ_READ && (drives & SVC_WAY_TO_TARGET) == 0);
    SP_BUG(request.major == IRP_MJ_WRITE && (drives & SVC_WAY_TO_CLIENT) == 0);
    SP_BUG(request.major == IRP_MJ_SET_INFORMATION && (drives & SVC_WAY_TO_CLIENT) == 0);
    if (request.major != IRP_MJ_CREATE)
        return;
    SP_BUG(rdpdr_create_read(&r, &create) != SP_OK);
    SP_BUG(rdpdr_path_climbs(create.path, create.path_size));
    SP_BUG(create.disposition != 1 && (drives & SVC_WAY_TO_CLIENT) == 0);
}

static void check_list(const struct svc_lab *l, struct rd r)
{
    const struct svc_policy *p = &l->rdpdr->policy;
    uint32_t count = rd_u32le(&r, "count");
    struct rdpdr_device device;

    for (uint32_t i = 0; i < count; i++) {
        SP_BUG(rdpdr_device_next(&r, &device) != SP_OK);
        SP_BUG(device.type == RDPDR_DTYP_FILESYSTEM && p->drives == 0);
        SP_BUG(device.type == RDPDR_DTYP_PRINT && (p->devices & SVC_DEVICE_PRINTERS) == 0);
        SP_BUG(device.type == RDPDR_DTYP_SMARTCARD && (p->devices & SVC_DEVICE_SMARTCARDS) == 0);
    }
    SP_BUG(r.left != 0);
}

static void check(const struct svc_lab *l)
{
    for (size_t d = 0; d < 2; d++) {
        for (size_t i = 0; i < l->count[d]; i++) {
            const struct lab_message *m = &l->messages[d][i];
            struct rdpdr_header header;
            struct rd r;

            rd_init(&r, m->data, m->size);
            SP_BUG(rdpdr_header_read(&r, &header) != SP_OK);
            if (header.packet_id == PAKID_CORE_DEVICE_IOREQUEST)
                check_request(l, r);
            if (header.packet_id == PAKID_CORE_DEVICELIST_ANNOUNCE)
                check_list(l, r);
        }
    }
}

/* Input: drives and devices u8, then records as lab_replay reads them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct svc_transfer transfer;
    struct rd r;

    rd_init(&r, data, size);
    uint8_t choice = rd_u8(&r, "policy");
    const struct svc_policy policy = {.drives = choice & 3u, .devices = choice >> 2 & 7u};
    lab = (struct svc_lab){0};
    lab_devices(&lab, &policy);
    if (rd_ok(&r))
        lab_replay(&lab, &r, check);
    while (rdpdr_filter_end(lab.rdpdr, &transfer))
        SP_BUG(transfer.bytes == 0);
    lab_clear(&lab);
    return 0;
}
