/* SPDX-License-Identifier: Apache-2.0
 * The clipboard channel's messages: headers, capabilities, format lists, file lists.
 */
#include "rdp/cliprdr.h"

#define CAPS_SETS_MAX       16
#define CB_CAPSTYPE_GENERAL 1
#define GENERAL_SET_SIZE    12
#define SET_HEADER_SIZE     4
#define FD_FILESIZE         0x00000040

enum sp_err cliprdr_header_read(struct rd *r, size_t total, struct cliprdr_header *out)
{
    struct cliprdr_header header;

    header.msg_type = rd_u16le(r, "CLIPRDR_HEADER.msgType");
    header.msg_flags = rd_u16le(r, "CLIPRDR_HEADER.msgFlags");
    header.data_len = rd_u32le(r, "CLIPRDR_HEADER.dataLen");
    if (!rd_ok(r))
        return r->fail.code;
    size_t body = total - CLIPRDR_HEADER_SIZE;
    if (header.data_len > body || body - header.data_len > CLIPRDR_SURPLUS_MAX)
        return rd_refuse(r, SP_EVALUE, "CLIPRDR_HEADER.dataLen", header.data_len, (uint32_t)body);
    *out = header;
    return SP_OK;
}

void cliprdr_header_write(struct wr *w, const struct cliprdr_header *header)
{
    wr_u16le(w, header->msg_type);
    wr_u16le(w, header->msg_flags);
    wr_u32le(w, header->data_len);
}

/* Clear flags of one set; flags_at is where generalFlags stand in the body. */
static void edit_set(struct rd *set, uint16_t type, uint8_t *body, size_t flags_at, uint32_t keep,
                     uint32_t *flags)
{
    struct wr w;

    if (type != CB_CAPSTYPE_GENERAL)
        return;
    rd_skip(set, 4, "CLIPRDR_GENERAL_CAPABILITY.version");
    uint32_t general = rd_u32le(set, "CLIPRDR_GENERAL_CAPABILITY.generalFlags");
    rd_end(set, "CLIPRDR_GENERAL_CAPABILITY");
    if (!rd_ok(set))
        return;
    *flags = general & keep;
    wr_init(&w, body + flags_at, 4);
    wr_u32le(&w, *flags);
}

enum sp_err cliprdr_caps_edit(uint8_t *body, size_t size, uint32_t keep, uint32_t *flags,
                              struct sp_fail *fail)
{
    uint32_t stayed = 0;
    struct rd r, set;

    rd_init(&r, body, size);
    uint16_t count = rd_u16le(&r, "CLIPRDR_CAPS.cCapabilitiesSets");
    rd_skip(&r, 2, "CLIPRDR_CAPS.pad1");
    rd_max(&r, "CLIPRDR_CAPS.cCapabilitiesSets", count, CAPS_SETS_MAX);
    for (uint16_t i = 0; i < count && rd_ok(&r); i++) {
        uint16_t type = rd_u16le(&r, "CLIPRDR_CAPS_SET.capabilitySetType");
        uint16_t length = rd_u16le(&r, "CLIPRDR_CAPS_SET.lengthCapability");

        rd_min(&r, "CLIPRDR_CAPS_SET.lengthCapability", length, SET_HEADER_SIZE);
        if (!rd_ok(&r))
            break;
        size_t flags_at = rd_pos(&r) + 4;
        rd_sub(&r, (size_t)length - SET_HEADER_SIZE, &set, "CLIPRDR_CAPS_SET");
        edit_set(&set, type, body, flags_at, keep, &stayed);
        rd_adopt(&r, &set);
    }
    if (!rd_ok(&r))
        return sp_fail_set(fail, r.fail.code, r.fail.where, r.fail.got, r.fail.want);
    *flags = stayed;
    return SP_OK;
}

/* Bytes up to the NUL unit, or all of them; unit is 1 or 2. */
static size_t name_length(const uint8_t *name, size_t size, size_t unit)
{
    for (size_t i = 0; i + unit <= size; i += unit) {
        if (name[i] == 0 && name[i + unit - 1] == 0)
            return i;
    }
    return size;
}

enum sp_err cliprdr_format_next(struct rd *r, bool is_long, bool is_ascii,
                                struct cliprdr_format *out)
{
    struct cliprdr_format format = {.raw = r->at, .is_ascii = !is_long && is_ascii};

    format.id = rd_u32le(r, "formatId");
    if (!is_long) {
        format.name = rd_bytes(r, CLIPRDR_SHORT_NAME_SIZE, "CLIPRDR_SHORT_FORMAT_NAME.formatName");
        if (!rd_ok(r))
            return r->fail.code;
        format.name_size = name_length(format.name, CLIPRDR_SHORT_NAME_SIZE, is_ascii ? 1 : 2);
    } else {
        format.name = r->at;
        format.name_size = rd_ok(r) ? name_length(r->at, r->left, 2) : 0;
        rd_skip(r, format.name_size + 2, "CLIPRDR_LONG_FORMAT_NAME.wszFormatName");
        if (!rd_ok(r))
            return r->fail.code;
    }
    format.raw_size = (size_t)(r->at - format.raw);
    *out = format;
    return SP_OK;
}

/* True if a format's name is this text, which a short name may cut. */
static bool name_is(const struct cliprdr_format *format, const char *text)
{
    size_t unit = format->is_ascii ? 1 : 2;
    size_t units = format->name_size / unit;
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    bool is_cut = format->raw_size == 4 + CLIPRDR_SHORT_NAME_SIZE &&
                  units + 1 >= CLIPRDR_SHORT_NAME_SIZE / unit && units < length;
    if (units != length && !is_cut)
        return false;
    for (size_t i = 0; i < units; i++) {
        if (format->name[i * unit] != (uint8_t)text[i] ||
            (unit == 2 && format->name[i * unit + 1] != 0))
            return false;
    }
    return true;
}

enum cliprdr_kind cliprdr_format_kind(const struct cliprdr_format *format)
{
    switch (format->id) {
    case 1:  /* CF_TEXT        */
    case 7:  /* CF_OEMTEXT     */
    case 13: /* CF_UNICODETEXT */
    case 16: /* CF_LOCALE      */
        return CLIPRDR_TEXT;
    case 2:  /* CF_BITMAP       */
    case 3:  /* CF_METAFILEPICT */
    case 8:  /* CF_DIB          */
    case 17: /* CF_DIBV5        */
        return CLIPRDR_IMAGE;
    default:
        break;
    }
    /* Numbers of registered formats differ from machine to machine; their names do not. */
    if (name_is(format, "HTML Format") || name_is(format, "Rich Text Format"))
        return CLIPRDR_TEXT;
    if (name_is(format, "FileGroupDescriptorW"))
        return CLIPRDR_FILES;
    return CLIPRDR_OTHER;
}

enum sp_err cliprdr_files_read(struct rd *r, uint32_t *count)
{
    uint32_t n = rd_u32le(r, "CLIPRDR_FILELIST.cItems");

    if (rd_ok(r) &&
        (r->left % CLIPRDR_DESCRIPTOR_SIZE != 0 || r->left / CLIPRDR_DESCRIPTOR_SIZE != n))
        return rd_refuse(r, SP_EVALUE, "CLIPRDR_FILELIST.cItems", n,
                         (uint32_t)(r->left / CLIPRDR_DESCRIPTOR_SIZE));
    if (rd_ok(r))
        *count = n;
    return r->fail.code;
}

/* One unit of a file name; 0 at its end. */
static uint16_t unit_at(const uint8_t *name, size_t size, size_t i)
{
    return 2 * i + 1 < size ? (uint16_t)(name[2 * i] | (unsigned)name[2 * i + 1] << 8) : 0;
}

/*
 * A name that stays in the folder where it is pasted. A slash counts as a separator for some
 * receivers and not for others, which CVE-2020-0655 lived on: so there may be none.
 */
static bool name_stays(const uint8_t *name, size_t size)
{
    bool is_dots = true; /* the component is empty, or dots and blanks, which Windows cuts */

    if (size == 0)
        return false;
    for (size_t i = 0; i <= size / 2; i++) {
        uint16_t unit = unit_at(name, size, i);

        if (unit == '\\' || unit == 0) {
            if (is_dots)
                return false;
            is_dots = true;
            continue;
        }
        if (unit < 0x20 || unit == '/' || unit == ':')
            return false;
        is_dots = is_dots && (unit == '.' || unit == ' ');
    }
    return true;
}

enum sp_err cliprdr_file_next(struct rd *r, struct cliprdr_file *out)
{
    struct cliprdr_file file;

    uint32_t flags = rd_u32le(r, "CLIPRDR_FILEDESCRIPTOR.flags");
    rd_skip(r, 32 + 4 + 16 + 8, "CLIPRDR_FILEDESCRIPTOR");
    uint64_t high = rd_u32le(r, "CLIPRDR_FILEDESCRIPTOR.fileSizeHigh");
    uint64_t low = rd_u32le(r, "CLIPRDR_FILEDESCRIPTOR.fileSizeLow");
    file.name = rd_bytes(r, CLIPRDR_FILE_NAME_SIZE, "CLIPRDR_FILEDESCRIPTOR.fileName");
    if (!rd_ok(r))
        return r->fail.code;
    file.has_size = (flags & FD_FILESIZE) != 0;
    file.size = file.has_size ? high << 32 | low : 0;
    file.name_size = name_length(file.name, CLIPRDR_FILE_NAME_SIZE, 2);
    if (file.name_size == CLIPRDR_FILE_NAME_SIZE)
        return rd_refuse(r, SP_EVALUE, "CLIPRDR_FILEDESCRIPTOR.fileName", CLIPRDR_FILE_NAME_SIZE,
                         CLIPRDR_FILE_NAME_SIZE - 2);
    if (!name_stays(file.name, file.name_size))
        return rd_refuse(r, SP_EDENIED, "CLIPRDR_FILEDESCRIPTOR.fileName", (uint32_t)file.name_size,
                         0);
    *out = file;
    return SP_OK;
}

enum sp_err cliprdr_contents_request_read(struct rd *r, struct cliprdr_contents_request *out)
{
    struct cliprdr_contents_request request;

    request.stream_id = rd_u32le(r, "CLIPRDR_FILECONTENTS_REQUEST.streamId");
    request.lindex = rd_u32le(r, "CLIPRDR_FILECONTENTS_REQUEST.lindex");
    uint32_t flags = rd_u32le(r, "CLIPRDR_FILECONTENTS_REQUEST.dwFlags");
    uint64_t low = rd_u32le(r, "CLIPRDR_FILECONTENTS_REQUEST.nPositionLow");
    uint64_t high = rd_u32le(r, "CLIPRDR_FILECONTENTS_REQUEST.nPositionHigh");
    request.requested = rd_u32le(r, "CLIPRDR_FILECONTENTS_REQUEST.cbRequested");
    request.is_size = flags == FILECONTENTS_SIZE;
    request.offset = high << 32 | low;
    if (!request.is_size)
        rd_want(r, "CLIPRDR_FILECONTENTS_REQUEST.dwFlags", flags, FILECONTENTS_RANGE);
    rd_max(r, "CLIPRDR_FILECONTENTS_REQUEST.lindex", request.lindex, INT32_MAX);
    request.has_clip_data_id = rd_ok(r) && r->left >= 4;
    request.clip_data_id =
        request.has_clip_data_id ? rd_u32le(r, "CLIPRDR_FILECONTENTS_REQUEST.clipDataId") : 0;
    if (rd_ok(r))
        *out = request;
    return r->fail.code;
}
