/* SPDX-License-Identifier: Apache-2.0
 * Files of drives and print jobs between their opening and their close, and what moves in them.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rdp/rdpdr_priv.h"

#define READ_DATA_AT       (RDPDR_COMPLETION_SIZE + 4)
#define FILE_STANDARD_INFO 5
#define CVE_READ_LENGTH    "CVE-2026-22854"

uint32_t rdpdr_open_find(const struct rdpdr_filter *f, uint32_t device_id, uint32_t file_id)
{
    for (uint32_t i = 0; i < RDPDR_OPEN_MAX; i++) {
        const struct rdpdr_open *o = &f->open[i];

        if (o->state == RDPDR_OPEN && o->device_id == device_id && o->file_id == file_id)
            return i;
    }
    return RDPDR_NO_FILE;
}

uint32_t rdpdr_open_start(struct rdpdr_filter *f, const struct rdpdr_known *device,
                          const struct rdpdr_create *create)
{
    for (uint32_t i = 0; i < RDPDR_OPEN_MAX; i++) {
        struct rdpdr_open *o = &f->open[i];

        if (o->state != RDPDR_FREE)
            continue;
        *o = (struct rdpdr_open){.state = RDPDR_OPENING,
                                 .is_print = device->type == RDPDR_DTYP_PRINT,
                                 .device_id = device->id};
        svc_hash_init(&o->hash);
        int used = snprintf(o->name, sizeof(o->name), "%s", device->name);
        if (!o->is_print)
            (void)text_utf8_from_utf16le(create->path, create->path_size, o->name + used,
                                         sizeof(o->name) - (size_t)used);
        return i;
    }
    return RDPDR_NO_FILE;
}

void rdpdr_open_drop(struct rdpdr_filter *f, uint32_t open)
{
    f->open[open].state = RDPDR_FREE;
    for (size_t d = 0; d < 2; d++) {
        if (f->moving[d].open == open)
            f->moving[d].open = RDPDR_NO_FILE;
    }
    for (size_t i = 0; i < f->pending_count; i++) {
        if (f->pending[i].open == open)
            f->pending[i].open = RDPDR_NO_FILE;
    }
}

/* The record of a file or job; false if nothing moved. The entry is free then. */
static bool finish(struct rdpdr_filter *f, uint32_t open, struct svc_transfer *record)
{
    struct rdpdr_open *o = &f->open[open];
    bool is_read = o->bytes_read > 0;
    bool is_written = o->bytes_written > 0;

    *record =
        (struct svc_transfer){.kind = o->is_print ? SVC_TRANSFER_PRINT : SVC_TRANSFER_DRIVE_FILE,
                              .way = is_written ? SVC_WAY_TO_CLIENT : SVC_WAY_TO_TARGET,
                              .bytes = is_written ? o->bytes_written : o->bytes_read};
    record->size = !is_written && o->has_size ? o->size : record->bytes;
    memcpy(record->name, o->name, sizeof(record->name));
    svc_hash_finish(&o->hash, is_read != is_written && record->size == o->hash.next, record);
    rdpdr_open_drop(f, open);
    return is_read || is_written;
}

static void close_file(struct rdpdr_filter *f, uint32_t open, struct svc_out *out)
{
    struct rdpdr_open *o = &f->open[open];
    struct svc_transfer record;
    uint64_t bytes_read = o->bytes_read;
    bool is_both = bytes_read > 0 && o->bytes_written > 0;

    if (!finish(f, open, &record))
        return;
    svc_out_record(out, &record);
    if (!is_both)
        return;
    record.way = SVC_WAY_TO_TARGET;
    record.size = record.bytes = bytes_read;
    svc_out_record(out, &record);
}

void rdpdr_open_forget(struct rdpdr_filter *f, uint32_t device_id, struct svc_out *out)
{
    for (uint32_t i = 0; i < RDPDR_OPEN_MAX; i++) {
        if (f->open[i].state != RDPDR_FREE && f->open[i].device_id == device_id)
            close_file(f, i, out);
    }
}

bool rdpdr_filter_end(struct rdpdr_filter *f, struct svc_transfer *transfer)
{
    for (uint32_t i = 0; i < RDPDR_OPEN_MAX; i++) {
        if (f->open[i].state != RDPDR_FREE && finish(f, i, transfer))
            return true;
    }
    return false;
}

static void pending_remove(struct rdpdr_filter *f, size_t i)
{
    f->pending_count--;
    memmove(f->pending + i, f->pending + i + 1, (f->pending_count - i) * sizeof(f->pending[0]));
}

static size_t pending_find(const struct rdpdr_filter *f, uint32_t device_id, uint32_t completion_id)
{
    for (size_t i = 0; i < f->pending_count; i++) {
        if (f->pending[i].request.device_id == device_id &&
            f->pending[i].request.completion_id == completion_id)
            return i;
    }
    return f->pending_count;
}

/* Make room: a wait for a change may last for ever, and some clients never end it. */
static bool pending_evict(struct rdpdr_filter *f)
{
    for (size_t i = 0; i < f->pending_count; i++) {
        if (f->pending[i].request.major == IRP_MJ_DIRECTORY_CONTROL &&
            f->pending[i].request.minor == IRP_MN_NOTIFY_CHANGE_DIRECTORY) {
            pending_remove(f, i);
            return true;
        }
    }
    return false;
}

bool rdpdr_pending_add(struct rdpdr_filter *f, const struct rdpdr_request *request, uint32_t open,
                       uint32_t length, uint64_t offset)
{
    size_t same = pending_find(f, request->device_id, request->completion_id);

    /* The same number twice: a completion could mean either, so that only one may be open. */
    if (same < f->pending_count)
        return false;
    if (f->pending_count == RDPDR_PENDING_MAX && !pending_evict(f))
        return false;
    f->pending[f->pending_count++] = (struct rdpdr_pending){*request, open, length, offset};
    return true;
}

static enum sp_err on_created(struct rdpdr_filter *f, const struct rdpdr_pending *p,
                              const struct rdpdr_completion *c, struct rdpdr_message *m,
                              struct svc_out *out)
{
    if (p->open == RDPDR_NO_FILE)
        return SP_OK;
    if (c->io_status != 0) {
        rdpdr_open_drop(f, p->open);
        return SP_OK;
    }
    uint32_t file_id = rd_u32le(&m->body, "DR_CREATE_RSP.FileId");
    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    /* A number in use again: the file that had it is gone. */
    uint32_t old = rdpdr_open_find(f, c->device_id, file_id);
    if (old != RDPDR_NO_FILE)
        close_file(f, old, out);
    f->open[p->open].file_id = file_id;
    f->open[p->open].state = RDPDR_OPEN;
    return SP_OK;
}

static enum sp_err on_read(struct rdpdr_filter *f, const struct rdpdr_pending *p,
                           const struct rdpdr_completion *c, struct rdpdr_message *m,
                           struct svc_out *out)
{
    if (c->io_status != 0)
        return SP_OK;
    uint32_t length = rd_u32le(&m->body, "DR_READ_RSP.Length");
    if (!rd_ok(&m->body))
        return rdpdr_fail(out, &m->body);
    rd_max(&m->body, "DR_READ_RSP.Length", length, p->length);
    if (length > m->total - READ_DATA_AT)
        (void)rd_refuse(&m->body, SP_EVALUE, "DR_READ_RSP.Length", length,
                        (uint32_t)(m->total - READ_DATA_AT));
    if (!rd_ok(&m->body))
        return rdpdr_exploit(out, &m->body, CVE_READ_LENGTH);
    f->moving[m->direction].open = p->open;
    f->moving[m->direction].begin = READ_DATA_AT;
    f->moving[m->direction].end = READ_DATA_AT + (size_t)length;
    if (p->open != RDPDR_NO_FILE && !f->open[p->open].is_print && length > 0)
        svc_hash_seek(&f->open[p->open].hash, p->offset);
    return SP_OK;
}

static void on_written(struct rdpdr_filter *f, const struct rdpdr_pending *p,
                       const struct rdpdr_completion *c, struct rdpdr_message *m)
{
    uint32_t length = rd_u32le(&m->body, "DR_WRITE_RSP.Length");

    /* What the client did not take is in the hash already. */
    if (p->open != RDPDR_NO_FILE && (c->io_status != 0 || !rd_ok(&m->body) || length != p->length))
        f->open[p->open].hash.is_ordered = false;
}

/* FileStandardInformation, MS-FSCC 2.4.47: the size of the file, by which "whole" is judged. */
static void on_information(struct rdpdr_filter *f, const struct rdpdr_pending *p,
                           const struct rdpdr_completion *c, struct rdpdr_message *m)
{
    if (p->open == RDPDR_NO_FILE || c->io_status != 0 || p->length != FILE_STANDARD_INFO)
        return;
    rd_skip(&m->body, 4 + 8, "FileStandardInformation.AllocationSize");
    uint64_t size = rd_u64le(&m->body, "FileStandardInformation.EndOfFile");
    if (!rd_ok(&m->body))
        return;
    f->open[p->open].has_size = true;
    f->open[p->open].size = size;
}

enum sp_err rdpdr_completion_first(struct rdpdr_filter *f, struct rdpdr_message *m,
                                   enum svc_mode *mode, struct svc_out *out)
{
    struct rdpdr_completion c;

    if (rdpdr_completion_read(&m->body, &c) != SP_OK)
        return rdpdr_fail(out, &m->body);
    size_t i = pending_find(f, c.device_id, c.completion_id);
    /* The answer to a request that we answered, or that nobody made. */
    if (i == f->pending_count)
        return SP_OK;
    struct rdpdr_pending p = f->pending[i];
    pending_remove(f, i);
    *mode = SVC_MODE_PASS;
    switch (p.request.major) {
    case IRP_MJ_CREATE:
        return on_created(f, &p, &c, m, out);
    case IRP_MJ_CLOSE:
        if (p.open != RDPDR_NO_FILE)
            close_file(f, p.open, out);
        return SP_OK;
    case IRP_MJ_READ:
        return on_read(f, &p, &c, m, out);
    case IRP_MJ_WRITE:
        on_written(f, &p, &c, m);
        return SP_OK;
    case IRP_MJ_QUERY_INFORMATION:
        on_information(f, &p, &c, m);
        return SP_OK;
    default:
        return SP_OK;
    }
}

void rdpdr_moving(struct rdpdr_filter *f, enum channel_direction direction, const uint8_t *data,
                  size_t size, size_t at)
{
    size_t begin = f->moving[direction].begin;
    size_t end = f->moving[direction].end < at + size ? f->moving[direction].end : at + size;
    size_t skip = at < begin ? begin - at : 0;

    if (f->moving[direction].open == RDPDR_NO_FILE || at + skip >= end)
        return;
    struct rdpdr_open *o = &f->open[f->moving[direction].open];
    svc_hash_update(&o->hash, data + skip, end - at - skip);
    if (direction == CHANNEL_SERVER_TO_CLIENT)
        o->bytes_written += end - at - skip;
    else
        o->bytes_read += end - at - skip;
}
