/* SPDX-License-Identifier: Apache-2.0
 * Clipboard messages that are judged whole: capabilities, format lists, lists of files.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rdp/cliprdr_priv.h"
#include "rdp/rdpdr.h" /* rdpdr_path_climbs */

static enum sp_err on_caps(struct cliprdr_filter *f, enum channel_direction direction,
                           uint8_t *data, const struct cliprdr_header *header, struct svc_out *out)
{
    const uint32_t of_files = CB_STREAM_FILECLIP_ENABLED | CB_FILECLIP_NO_FILE_PATHS |
                              CB_CAN_LOCK_CLIPDATA | CB_HUGE_FILE_SUPPORT_ENABLED;
    bool has_files =
        f->policy.clipboard != 0 && (f->policy.clipboard_kinds & SVC_CLIPBOARD_FILES) != 0;
    enum sp_err err = cliprdr_caps_edit(data + CLIPRDR_HEADER_SIZE, header->data_len,
                                        has_files ? UINT32_MAX : ~of_files,
                                        &f->owner[direction].caps, &out->fail);

    if (err == SP_OK)
        svc_out_lend(out, direction, data, CLIPRDR_HEADER_SIZE + header->data_len);
    return err;
}

static bool kind_passes(const struct cliprdr_filter *f, enum cliprdr_kind kind)
{
    static const uint32_t bit[] = {
        [CLIPRDR_OTHER] = 0,
        [CLIPRDR_TEXT] = SVC_CLIPBOARD_TEXT,
        [CLIPRDR_IMAGE] = SVC_CLIPBOARD_IMAGES,
        [CLIPRDR_FILES] = SVC_CLIPBOARD_FILES,
    };

    return (f->policy.clipboard_kinds & bit[kind]) != 0;
}

static bool is_announced(const struct cliprdr_owner *o, uint32_t id)
{
    for (size_t i = 0; i < o->format_count; i++) {
        if (o->formats[i].id == id)
            return true;
    }
    return false;
}

static void announce(struct cliprdr_owner *o, const struct cliprdr_format *format,
                     enum cliprdr_kind kind)
{
    struct cliprdr_announced *a = &o->formats[o->format_count++];

    *a = (struct cliprdr_announced){.id = format->id, .kind = kind};
    if (format->id == 1 || format->id == 7 || format->id == 13)
        snprintf(a->name, sizeof(a->name), "text");
    else if (format->name_size == 0)
        snprintf(a->name, sizeof(a->name), "format %u", (unsigned)format->id);
    else if (format->is_ascii)
        snprintf(a->name, sizeof(a->name), "%.*s", (int)format->name_size,
                 (const char *)format->name);
    else
        (void)text_utf8_from_utf16le(format->name, format->name_size, a->name, sizeof(a->name));
}

/* Not a word of it to the other side, and the sender is content. */
static enum sp_err swallow(struct cliprdr_owner *o, enum channel_direction direction,
                           struct svc_out *out)
{
    if (!o->is_list_told)
        svc_out_refused(out, svc_way(direction), "clipboard", NULL);
    o->is_list_told = true;
    return cliprdr_answer(out, svc_back(direction), CB_FORMAT_LIST_RESPONSE, CB_RESPONSE_OK, NULL);
}

static enum sp_err on_format_list(struct cliprdr_filter *f, enum channel_direction direction,
                                  uint8_t *data, const struct cliprdr_header *header,
                                  struct svc_out *out)
{
    struct cliprdr_owner *o = &f->owner[direction];
    bool is_long = (f->owner[0].caps & f->owner[1].caps & CB_USE_LONG_FORMAT_NAMES) != 0;
    struct cliprdr_header kept = *header;
    struct cliprdr_format format;
    struct rd r;
    struct wr w;

    cliprdr_generation_next(o, direction, out);
    if ((f->policy.clipboard & svc_way(direction)) == 0)
        return swallow(o, direction, out);
    rd_init(&r, data + CLIPRDR_HEADER_SIZE, header->data_len);
    kept.data_len = 0;
    while (r.left > 0) {
        if (cliprdr_format_next(&r, is_long, (header->msg_flags & CB_ASCII_NAMES) != 0, &format) !=
            SP_OK)
            return cliprdr_fail(out, &r);
        enum cliprdr_kind kind = cliprdr_format_kind(&format);
        if (!kind_passes(f, kind) || is_announced(o, format.id) ||
            o->format_count == CLIPRDR_FORMATS_MAX)
            continue;
        announce(o, &format, kind);
        memmove(data + CLIPRDR_HEADER_SIZE + kept.data_len, format.raw, format.raw_size);
        kept.data_len += (uint32_t)format.raw_size;
    }
    /* An empty list in place of a refused one would wipe the other side's clipboard. */
    if (kept.data_len == 0 && header->data_len > 0)
        return swallow(o, direction, out);
    wr_init(&w, data, CLIPRDR_HEADER_SIZE);
    cliprdr_header_write(&w, &kept);
    svc_out_lend(out, direction, data, CLIPRDR_HEADER_SIZE + kept.data_len);
    return SP_OK;
}

/* A colon is a letter of a name for some senders, and a drive or a stream for others: cut it. */
static void clean_names(uint8_t *descriptors, uint32_t count)
{
    const size_t name_at = CLIPRDR_DESCRIPTOR_SIZE - CLIPRDR_FILE_NAME_SIZE;

    for (uint32_t i = 0; i < count; i++) {
        uint8_t *name = descriptors + (size_t)i * CLIPRDR_DESCRIPTOR_SIZE + name_at;

        for (size_t k = 0; k < CLIPRDR_FILE_NAME_SIZE; k += 2) {
            if (name[k + 1] != 0)
                continue;
            if (name[k] == 0)
                break;
            if (name[k] < 0x20 || name[k] == ':')
                name[k] = '_';
        }
    }
}

static size_t file_name_size(const uint8_t *name)
{
    size_t size = 0;

    while (size < CLIPRDR_FILE_NAME_SIZE && (name[size] != 0 || name[size + 1] != 0))
        size += 2;
    return size;
}

/* A name that no honest sender makes, as against one that is only odd. */
static bool is_attack(const struct cliprdr_file *file)
{
    for (size_t k = 0; k + 1 < file->name_size; k += 2) {
        bool is_backslash = file->name[k] == '\\' && k == 0;

        if (file->name[k + 1] == 0 && (file->name[k] == '/' || is_backslash))
            return true;
    }
    return rdpdr_path_climbs(file->name, file->name_size);
}

/* Judge a list of files, whose names are cleaned in place; count is written only on SP_OK. */
static enum sp_err check_files(uint8_t *body, size_t size, uint32_t *count, struct svc_out *out)
{
    struct cliprdr_file file = {0};
    struct rd r;
    uint32_t n;

    rd_init(&r, body, size);
    enum sp_err err = cliprdr_files_read(&r, &n);
    if (err != SP_OK)
        return err;
    clean_names(body + rd_pos(&r), n);
    for (uint32_t i = 0; i < n && err == SP_OK; i++)
        err = cliprdr_file_next(&r, &file);
    if (err == SP_OK) {
        *count = n;
        return SP_OK;
    }
    file.name = r.at - CLIPRDR_FILE_NAME_SIZE;
    file.name_size = file_name_size(file.name);
    if (err == SP_EVALUE || is_attack(&file)) {
        out->exploit = "CVE-2019-0887";
        out->exploit_where = r.fail.where;
    }
    return err;
}

static enum sp_err on_file_list(struct cliprdr_filter *f, enum channel_direction direction,
                                uint8_t *data, const struct cliprdr_header *header,
                                struct svc_out *out)
{
    struct cliprdr_owner *o = &f->owner[direction];
    uint32_t count;
    struct rd r;

    if (check_files(data + CLIPRDR_HEADER_SIZE, header->data_len, &count, out) != SP_OK) {
        svc_out_refused(out, svc_way(direction), "clipboard file list with bad names", NULL);
        enum sp_err err =
            cliprdr_answer(out, direction, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_FAIL, NULL);
        return err != SP_OK ? err : cliprdr_answer_denied(o, direction, out);
    }
    if (o->gathering_generation == o->generation) {
        o->has_files = true;
        rd_init(&r, data + CLIPRDR_HEADER_SIZE, header->data_len);
        rd_skip(&r, 4, "CLIPRDR_FILELIST.cItems");
        cliprdr_names_keep(o, r, count);
    }
    svc_out_lend(out, direction, data, CLIPRDR_HEADER_SIZE + header->data_len);
    return cliprdr_answer_denied(o, direction, out);
}

enum sp_err cliprdr_whole(void *filter, enum channel_direction direction, uint8_t *data,
                          size_t size, struct svc_out *out)
{
    struct cliprdr_filter *f = filter;
    struct cliprdr_header header;
    struct rd r;

    rd_init(&r, data, size);
    if (cliprdr_header_read(&r, size, &header) != SP_OK)
        return cliprdr_fail(out, &r);
    if (header.msg_type == CB_CLIP_CAPS)
        return on_caps(f, direction, data, &header, out);
    if (header.msg_type == CB_FORMAT_LIST)
        return on_format_list(f, direction, data, &header, out);
    return on_file_list(f, direction, data, &header, out);
}
