/* SPDX-License-Identifier: Apache-2.0
 * The device filter: which packet may come from whom, and who judges it.
 */
#include "rdp/rdpdr_priv.h"

#define NAME_MAX_SIZE 1024 /* ComputerName, bytes */

typedef enum sp_err handler(struct rdpdr_filter *f, struct rdpdr_message *m, enum svc_mode *mode,
                            struct svc_out *out);

enum sp_err rdpdr_fail(struct svc_out *out, const struct rd *r)
{
    return sp_fail_set(&out->fail, r->fail.code, r->fail.where, r->fail.got, r->fail.want);
}

enum sp_err rdpdr_exploit(struct svc_out *out, const struct rd *r, const char *name)
{
    out->exploit = name;
    out->exploit_where = r->fail.where;
    return rdpdr_fail(out, r);
}

static enum sp_err on_plain(struct rdpdr_filter *f, struct rdpdr_message *m, enum svc_mode *mode,
                            struct svc_out *out)
{
    (void)f, (void)m, (void)out;
    *mode = SVC_MODE_PASS;
    return SP_OK;
}

static enum sp_err on_gathered(struct rdpdr_filter *f, struct rdpdr_message *m, enum svc_mode *mode,
                               struct svc_out *out)
{
    (void)f, (void)m, (void)out;
    *mode = SVC_MODE_GATHER;
    return SP_OK;
}

/* Version and client id, which three messages have alike. */
static enum sp_err on_announce(struct rdpdr_filter *f, struct rdpdr_message *m, enum svc_mode *mode,
                               struct svc_out *out)
{
    rd_skip(&m->body, 8, "DR_CORE_SERVER_ANNOUNCE_REQ");
    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    if (m->header.packet_id == PAKID_CORE_SERVER_ANNOUNCE) {
        /* The sequence begins anew: what was announced before counts no more. */
        while (f->device_count > 0)
            rdpdr_open_forget(f, f->devices[--f->device_count].id, out);
        f->is_announced = true;
    }
    *mode = SVC_MODE_PASS;
    return SP_OK;
}

static enum sp_err on_client_name(struct rdpdr_filter *f, struct rdpdr_message *m,
                                  enum svc_mode *mode, struct svc_out *out)
{
    rd_skip(&m->body, 8, "DR_CORE_CLIENT_NAME_REQ.UnicodeFlag");
    uint32_t size = rd_u32le(&m->body, "DR_CORE_CLIENT_NAME_REQ.ComputerNameLen");

    (void)f;
    rd_max(&m->body, "DR_CORE_CLIENT_NAME_REQ.ComputerNameLen", size, NAME_MAX_SIZE);
    rd_skip(&m->body, size, "DR_CORE_CLIENT_NAME_REQ.ComputerName");
    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    *mode = SVC_MODE_PASS;
    return SP_OK;
}

static enum sp_err on_device_list(struct rdpdr_filter *f, struct rdpdr_message *m,
                                  enum svc_mode *mode, struct svc_out *out)
{
    (void)m;
    if (!f->is_announced)
        return sp_fail_set(&out->fail, SP_ESTATE, "device list before Server Announce", 0, 0);
    *mode = SVC_MODE_GATHER;
    return SP_OK;
}

/* The target's answer to a device; for one that it was not shown there is none. */
static enum sp_err on_device_reply(struct rdpdr_filter *f, struct rdpdr_message *m,
                                   enum svc_mode *mode, struct svc_out *out)
{
    uint32_t id = rd_u32le(&m->body, "DR_CORE_DEVICE_ANNOUNCE_RSP.DeviceId");

    rd_skip(&m->body, 4, "DR_CORE_DEVICE_ANNOUNCE_RSP.ResultCode");
    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    if (rdpdr_device_find(f, id) != NULL)
        *mode = SVC_MODE_PASS;
    return SP_OK;
}

static enum sp_err on_printer(struct rdpdr_filter *f, struct rdpdr_message *m, enum svc_mode *mode,
                              struct svc_out *out)
{
    (void)m, (void)out;
    if ((f->policy.devices & SVC_DEVICE_PRINTERS) != 0)
        *mode = SVC_MODE_PASS;
    return SP_OK;
}

#define FROM_CLIENT 1u
#define FROM_SERVER 2u

static const struct entry {
    uint16_t component, packet_id;
    uint8_t from;
    handler *on;
} entries[] = {
    {RDPDR_CTYP_CORE, PAKID_CORE_DEVICE_IOREQUEST, FROM_SERVER, rdpdr_request_first},
    {RDPDR_CTYP_CORE, PAKID_CORE_DEVICE_IOCOMPLETION, FROM_CLIENT, rdpdr_completion_first},
    {RDPDR_CTYP_CORE, PAKID_CORE_SERVER_ANNOUNCE, FROM_SERVER, on_announce},
    {RDPDR_CTYP_CORE, PAKID_CORE_CLIENTID_CONFIRM, FROM_CLIENT | FROM_SERVER, on_announce},
    {RDPDR_CTYP_CORE, PAKID_CORE_CLIENT_NAME, FROM_CLIENT, on_client_name},
    {RDPDR_CTYP_CORE, PAKID_CORE_SERVER_CAPABILITY, FROM_SERVER, on_gathered},
    {RDPDR_CTYP_CORE, PAKID_CORE_CLIENT_CAPABILITY, FROM_CLIENT, on_gathered},
    {RDPDR_CTYP_CORE, PAKID_CORE_USER_LOGGEDON, FROM_SERVER, on_plain},
    {RDPDR_CTYP_CORE, PAKID_CORE_DEVICELIST_ANNOUNCE, FROM_CLIENT, on_device_list},
    {RDPDR_CTYP_CORE, PAKID_CORE_DEVICE_REPLY, FROM_SERVER, on_device_reply},
    {RDPDR_CTYP_CORE, PAKID_CORE_DEVICELIST_REMOVE, FROM_CLIENT, on_gathered},
    {RDPDR_CTYP_PRN, PAKID_PRN_CACHE_DATA, FROM_SERVER, on_printer},
    {RDPDR_CTYP_PRN, PAKID_PRN_USING_XPS, FROM_SERVER, on_printer},
};

static const struct entry *find_entry(const struct rdpdr_header *header)
{
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (entries[i].component == header->component && entries[i].packet_id == header->packet_id)
            return &entries[i];
    }
    return NULL;
}

static enum sp_err first(void *filter, enum channel_direction direction, const uint8_t *data,
                         size_t size, size_t total, enum svc_mode *mode, struct svc_out *out)
{
    uint8_t from = direction == CHANNEL_CLIENT_TO_SERVER ? FROM_CLIENT : FROM_SERVER;
    struct rdpdr_filter *f = filter;
    struct rdpdr_message m = {.direction = direction, .total = total};

    f->moving[direction].open = RDPDR_NO_FILE;
    rd_init(&m.body, data, size);
    if (rdpdr_header_read(&m.body, &m.header) != SP_OK)
        return rdpdr_fail(out, &m.body);
    const struct entry *entry = find_entry(&m.header);
    if (entry == NULL) {
        svc_out_refused(out, svc_way(direction), "device packet of an unknown kind", NULL);
        return SP_OK;
    }
    if ((entry->from & from) == 0)
        return sp_fail_set(&out->fail, SP_EVALUE, "RDPDR_HEADER.PacketId", m.header.packet_id, 0);
    return entry->on(f, &m, mode, out);
}

static enum sp_err passing(void *filter, enum channel_direction direction, const uint8_t *data,
                           size_t size, size_t at, bool is_last, struct svc_out *out)
{
    (void)is_last, (void)out;
    rdpdr_moving(filter, direction, data, size, at);
    return SP_OK;
}

static uint32_t denied_caps(const struct svc_policy *policy)
{
    uint32_t denied = 0;

    if ((policy->devices & SVC_DEVICE_PRINTERS) == 0)
        denied |= 1u << CAP_PRINTER_TYPE;
    if ((policy->devices & SVC_DEVICE_PORTS) == 0)
        denied |= 1u << CAP_PORT_TYPE;
    if (policy->drives == 0)
        denied |= 1u << CAP_DRIVE_TYPE;
    if ((policy->devices & SVC_DEVICE_SMARTCARDS) == 0)
        denied |= 1u << CAP_SMARTCARD_TYPE;
    return denied;
}

static enum sp_err whole_caps(struct rdpdr_filter *f, enum channel_direction direction,
                              uint8_t *data, size_t size, struct svc_out *out)
{
    size_t kept;
    enum sp_err err = rdpdr_caps_edit(data + RDPDR_HEADER_SIZE, size - RDPDR_HEADER_SIZE,
                                      denied_caps(&f->policy), &kept, &out->fail);

    if (err == SP_OK)
        svc_out_lend(out, direction, data, RDPDR_HEADER_SIZE + kept);
    return err;
}

static enum sp_err whole(void *filter, enum channel_direction direction, uint8_t *data, size_t size,
                         struct svc_out *out)
{
    struct rdpdr_filter *f = filter;
    struct rdpdr_message m = {.direction = direction, .total = size};

    rd_init(&m.body, data, size);
    if (rdpdr_header_read(&m.body, &m.header) != SP_OK)
        return rdpdr_fail(out, &m.body);
    switch (m.header.packet_id) {
    case PAKID_CORE_DEVICE_IOREQUEST:
        return rdpdr_request_whole(f, &m, data, out);
    case PAKID_CORE_DEVICELIST_ANNOUNCE:
        return rdpdr_device_list(f, data, size, out);
    case PAKID_CORE_DEVICELIST_REMOVE:
        return rdpdr_device_remove(f, data, size, out);
    default:
        return whole_caps(f, direction, data, size, out);
    }
}

static const struct svc_steps steps = {first, passing, whole};

void rdpdr_filter_init(struct rdpdr_filter *f, const struct svc_policy *policy)
{
    f->policy = *policy;
    for (size_t i = 0; i < 2; i++) {
        f->side[i].buf = f->gathered[i];
        f->side[i].capacity = sizeof(f->gathered[i]);
        f->moving[i].open = RDPDR_NO_FILE;
    }
}

enum svc_verdict rdpdr_filter_chunk(struct rdpdr_filter *f, enum channel_direction direction,
                                    const struct channel_header *header, const uint8_t *data,
                                    size_t size, struct svc_out *out)
{
    return svc_filter_step(&steps, f, &f->side[direction], direction, header, data, size, out);
}
