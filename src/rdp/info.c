/* SPDX-License-Identifier: Apache-2.0
 * Client Info PDU: who logs on, with which password, from where, and how it should look.
 */
#include "rdp/info.h"

#include <string.h>

#include "base/mem.h"
#include "rdp/sec.h"

/* The unit itself stays out of the failure's numbers: it may belong to a password. */
static void read_nul(struct rd *r, const char *where)
{
    if (rd_u16le(r, where) != 0)
        rd_refuse(r, SP_EVALUE, where, 1, 0);
}

/* A NUL after the text, which the length does not count (2.2.1.11.1.1). */
static void read_text_and_nul(struct rd *r, uint16_t size, struct client_info_text *out,
                              const char *where)
{
    rd_copy(r, out->bytes, size, where);
    out->size = size;
    read_nul(r, where);
}

/* A text whose length counts its NUL; an empty text may come without one. */
static void read_text_with_nul(struct rd *r, uint16_t max, struct client_info_text *out,
                               const char *where)
{
    uint16_t size = rd_u16le(r, where);

    rd_max(r, where, size, max);
    rd_want(r, where, size % 2, 0);
    if (!rd_ok(r) || size == 0)
        return;
    rd_copy(r, out->bytes, (size_t)size - 2, where);
    out->size = (uint16_t)(size - 2);
    read_nul(r, where);
}

/* The cb… fields are checked together, before any of the texts is touched. */
static void read_texts(struct rd *r, struct client_info *info)
{
    static const char *const where[5] = {
        "TS_INFO_PACKET.cbDomain", "TS_INFO_PACKET.cbUserName", "TS_INFO_PACKET.cbPassword",
        "TS_INFO_PACKET.cbAlternateShell", "TS_INFO_PACKET.cbWorkingDir"};
    struct client_info_text *const texts[5] = {&info->domain, &info->user, &info->password,
                                               &info->shell, &info->dir};
    uint16_t sizes[5];

    for (int i = 0; i < 5; i++) {
        sizes[i] = rd_u16le(r, where[i]);
        rd_max(r, where[i], sizes[i], CLIENT_INFO_TEXT_MAX);
        rd_want(r, where[i], sizes[i] % 2, 0);
    }
    for (int i = 0; i < 5 && rd_ok(r); i++)
        read_text_and_nul(r, sizes[i], texts[i], where[i]);
}

static void read_time_zone(struct rd *r, struct client_info *info)
{
    rd_copy(r, info->time_zone, sizeof(info->time_zone), "TS_EXTENDED_INFO_PACKET.clientTimeZone");
    info->has_time_zone = true;
}

static void read_session_id(struct rd *r, struct client_info *info)
{
    info->session_id = rd_u32le(r, "TS_EXTENDED_INFO_PACKET.clientSessionId");
    info->has_session_id = true;
}

static void read_performance_flags(struct rd *r, struct client_info *info)
{
    info->performance_flags = rd_u32le(r, "TS_EXTENDED_INFO_PACKET.performanceFlags");
    info->has_performance_flags = true;
}

static void read_cookie(struct rd *r, struct client_info *info)
{
    uint16_t size = rd_u16le(r, "TS_EXTENDED_INFO_PACKET.cbAutoReconnectCookie");

    if (size != 0)
        rd_want(r, "TS_EXTENDED_INFO_PACKET.cbAutoReconnectCookie", size, CLIENT_INFO_COOKIE_SIZE);
    if (!rd_ok(r))
        return;
    rd_copy(r, info->cookie, size, "TS_EXTENDED_INFO_PACKET.autoReconnectCookie");
    info->cookie_size = size;
    info->has_cookie_size = true;
}

static void read_reserved(struct rd *r, struct client_info *info)
{
    info->reserved1 = rd_u16le(r, "TS_EXTENDED_INFO_PACKET.reserved1");
    info->reserved2 = rd_u16le(r, "TS_EXTENDED_INFO_PACKET.reserved2");
    info->has_reserved = true;
}

static void read_key_name(struct rd *r, struct client_info *info)
{
    const char *where = "TS_EXTENDED_INFO_PACKET.cbDynamicDSTTimeZoneKeyName";
    uint16_t size = rd_u16le(r, where);

    rd_max(r, where, size, CLIENT_INFO_KEY_NAME_MAX);
    rd_want(r, where, size % 2, 0);
    if (!rd_ok(r))
        return;
    rd_copy(r, info->key_name.bytes, size, where);
    info->key_name.size = size;
    info->has_key_name = true;
}

static void read_dynamic_dst(struct rd *r, struct client_info *info)
{
    info->dynamic_dst_disabled = rd_u16le(r, "TS_EXTENDED_INFO_PACKET.dynamicDaylightTimeDisabled");
    info->has_dynamic_dst_disabled = true;
}

/* Each field is optional and implies those before it, so the packet may end between any two. */
static void read_extended(struct rd *r, struct client_info *info)
{
    typedef void read_fn(struct rd *, struct client_info *);
    static read_fn *const fields[] = {read_time_zone,  read_session_id, read_performance_flags,
                                      read_cookie,     read_reserved,   read_key_name,
                                      read_dynamic_dst};

    if (!rd_ok(r) || r->left == 0)
        return;
    info->address_family = rd_u16le(r, "TS_EXTENDED_INFO_PACKET.clientAddressFamily");
    read_text_with_nul(r, CLIENT_INFO_ADDRESS_MAX, &info->address,
                       "TS_EXTENDED_INFO_PACKET.clientAddress");
    read_text_with_nul(r, CLIENT_INFO_DIR_MAX, &info->client_dir,
                       "TS_EXTENDED_INFO_PACKET.clientDir");
    info->has_extended = true;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && rd_ok(r) && r->left > 0; i++)
        fields[i](r, info);
}

enum sp_err client_info_read(struct rd *r, struct client_info *out)
{
    struct client_info info;
    size_t size = r->left;
    uint16_t flags = sec_header_read(r);

    memset(&info, 0, sizeof(info));
    rd_want(r, "TS_SECURITY_HEADER.flags", flags & SEC_INFO_PKT, SEC_INFO_PKT);
    rd_max(r, "TS_INFO_PACKET", size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
           CLIENT_INFO_SIZE_MAX);
    info.code_page = rd_u32le(r, "TS_INFO_PACKET.CodePage");
    info.flags = rd_u32le(r, "TS_INFO_PACKET.flags");
    rd_want(r, "TS_INFO_PACKET.flags", info.flags & INFO_UNICODE, INFO_UNICODE);
    read_texts(r, &info);
    read_extended(r, &info);
    rd_end(r, "TS_INFO_PACKET");
    if (rd_ok(r))
        *out = info;
    client_info_wipe(&info);
    return r->fail.code;
}

static bool check_text(struct wr *w, const struct client_info_text *text, uint32_t max,
                       const char *where)
{
    if (text->size > max)
        wr_refuse(w, SP_ELIMIT, where, text->size, max);
    else if (text->size % 2 != 0)
        wr_refuse(w, SP_EVALUE, where, text->size, text->size + 1U);
    return wr_ok(w);
}

static void write_texts(struct wr *w, const struct client_info *info)
{
    const struct client_info_text *const texts[5] = {&info->domain, &info->user, &info->password,
                                                     &info->shell, &info->dir};

    for (int i = 0; i < 5; i++) {
        if (!check_text(w, texts[i], CLIENT_INFO_TEXT_MAX, "TS_INFO_PACKET.cb"))
            return;
        wr_u16le(w, texts[i]->size);
    }
    for (int i = 0; i < 5; i++) {
        wr_bytes(w, texts[i]->bytes, texts[i]->size);
        wr_u16le(w, 0);
    }
}

static void write_text_with_nul(struct wr *w, const struct client_info_text *text, uint16_t max,
                                const char *where)
{
    if (!check_text(w, text, max - 2U, where))
        return;
    wr_u16le(w, (uint16_t)(text->size + 2));
    wr_bytes(w, text->bytes, text->size);
    wr_u16le(w, 0);
}

static void write_cookie(struct wr *w, const struct client_info *info)
{
    if (info->cookie_size != 0 && info->cookie_size != CLIENT_INFO_COOKIE_SIZE) {
        wr_refuse(w, SP_EVALUE, "TS_EXTENDED_INFO_PACKET.cbAutoReconnectCookie", info->cookie_size,
                  CLIENT_INFO_COOKIE_SIZE);
        return;
    }
    wr_u16le(w, info->cookie_size);
    wr_bytes(w, info->cookie, info->cookie_size);
}

/* What follows the cookie. */
static void write_extended_tail(struct wr *w, const struct client_info *info)
{
    if (!info->has_reserved)
        return;
    wr_u16le(w, info->reserved1);
    wr_u16le(w, info->reserved2);
    if (!info->has_key_name || !check_text(w, &info->key_name, CLIENT_INFO_KEY_NAME_MAX,
                                           "TS_EXTENDED_INFO_PACKET.cbDynamicDSTTimeZoneKeyName"))
        return;
    wr_u16le(w, info->key_name.size);
    wr_bytes(w, info->key_name.bytes, info->key_name.size);
    if (info->has_dynamic_dst_disabled)
        wr_u16le(w, info->dynamic_dst_disabled);
}

static void write_extended(struct wr *w, const struct client_info *info)
{
    if (!info->has_extended)
        return;
    wr_u16le(w, info->address_family);
    write_text_with_nul(w, &info->address, CLIENT_INFO_ADDRESS_MAX,
                        "TS_EXTENDED_INFO_PACKET.clientAddress");
    write_text_with_nul(w, &info->client_dir, CLIENT_INFO_DIR_MAX,
                        "TS_EXTENDED_INFO_PACKET.clientDir");
    if (!info->has_time_zone)
        return;
    wr_bytes(w, info->time_zone, sizeof(info->time_zone));
    if (!info->has_session_id)
        return;
    wr_u32le(w, info->session_id);
    if (!info->has_performance_flags)
        return;
    wr_u32le(w, info->performance_flags);
    if (!info->has_cookie_size)
        return;
    write_cookie(w, info);
    write_extended_tail(w, info);
}

void client_info_write(struct wr *w, const struct client_info *info)
{
    sec_header_write(w, SEC_INFO_PKT);
    wr_u32le(w, info->code_page);
    wr_u32le(w, info->flags);
    write_texts(w, info);
    write_extended(w, info);
}

void client_info_wipe(struct client_info *info)
{
    sp_wipe(info, sizeof(*info));
}

int client_info_compression_type(uint32_t flags)
{
    if ((flags & INFO_COMPRESSION) == 0)
        return -1;
    return (int)((flags & INFO_COMPRESSION_TYPE_MASK) >> INFO_COMPRESSION_TYPE_SHIFT);
}
