/* SPDX-License-Identifier: Apache-2.0
 * Save Session Info: read, written, and rewritten on its way to the client.
 */
#include "rdp/save_session.h"

#include <string.h>

#include "base/mem.h"
#include "rdp/share.h"

#define LOGON_V2_SIZE     18 /* without pad and texts, which is what Size counts (2.2.10.1.1.2) */
#define LOGON_V2_PAD      558
#define PLAIN_PAD         576
#define EXTENDED_PAD      570
#define EXTENDED_SIZE     6 /* Length and FieldsPresent */
#define LOGON_V2_VERSION  1
#define ARC_PACKET_SIZE   28
#define ARC_VERSION       1
#define LOGON_ERRORS_SIZE 8

/* Read what is there of a padding that senders shorten. */
static void skip_pad(struct rd *r, size_t size, const char *where)
{
    rd_skip(r, r->left < size ? r->left : size, where);
}

/* Copy a text that may have its NUL, and any number of units behind it that do not count. */
static void take_text(struct rd *r, uint32_t size, uint8_t *out, uint16_t *out_size,
                      const char *where)
{
    const uint8_t *text = rd_bytes(r, size, where);
    uint16_t used = 0;

    if (text == NULL)
        return;
    while (used + 1U < size && (text[used] != 0 || text[used + 1] != 0))
        used = (uint16_t)(used + 2);
    if (used > 0)
        memcpy(out, text, used);
    *out_size = used;
}

static void check_size(struct rd *r, const char *where, uint32_t size, uint32_t max)
{
    rd_max(r, where, size, max);
    rd_want(r, where, size % 2, 0);
}

static void read_logon_v1(struct rd *r, struct save_session_info *info)
{
    struct rd domain, user;
    uint32_t domain_size = rd_u32le(r, "TS_LOGON_INFO.cbDomain");

    rd_sub(r, SAVE_SESSION_DOMAIN_MAX, &domain, "TS_LOGON_INFO.Domain");

    uint32_t user_size = rd_u32le(r, "TS_LOGON_INFO.cbUserName");

    rd_sub(r, SAVE_SESSION_USER_MAX, &user, "TS_LOGON_INFO.UserName");
    info->session_id = rd_u32le(r, "TS_LOGON_INFO.SessionId");
    check_size(r, "TS_LOGON_INFO.cbDomain", domain_size, SAVE_SESSION_DOMAIN_MAX);
    check_size(r, "TS_LOGON_INFO.cbUserName", user_size, SAVE_SESSION_USER_MAX);
    if (!rd_ok(r))
        return;
    take_text(&domain, domain_size, info->domain, &info->domain_size, "TS_LOGON_INFO.Domain");
    take_text(&user, user_size, info->user, &info->user_size, "TS_LOGON_INFO.UserName");
}

static void read_logon_v2(struct rd *r, struct save_session_info *info)
{
    uint16_t version = rd_u16le(r, "TS_LOGON_INFO_VERSION_2.Version");

    /* Size: servers disagree whether the pad counts, and nothing depends on it. */
    rd_skip(r, 4, "TS_LOGON_INFO_VERSION_2.Size");
    info->session_id = rd_u32le(r, "TS_LOGON_INFO_VERSION_2.SessionId");

    uint32_t domain_size = rd_u32le(r, "TS_LOGON_INFO_VERSION_2.cbDomain");
    uint32_t user_size = rd_u32le(r, "TS_LOGON_INFO_VERSION_2.cbUserName");

    rd_want(r, "TS_LOGON_INFO_VERSION_2.Version", version, LOGON_V2_VERSION);
    check_size(r, "TS_LOGON_INFO_VERSION_2.cbDomain", domain_size, SAVE_SESSION_DOMAIN_MAX);
    check_size(r, "TS_LOGON_INFO_VERSION_2.cbUserName", user_size, SAVE_SESSION_USER_MAX);
    rd_skip(r, LOGON_V2_PAD, "TS_LOGON_INFO_VERSION_2.Pad");
    take_text(r, domain_size, info->domain, &info->domain_size, "TS_LOGON_INFO_VERSION_2.Domain");
    take_text(r, user_size, info->user, &info->user_size, "TS_LOGON_INFO_VERSION_2.UserName");
}

static void read_plain_notify(struct rd *r, struct save_session_info *info)
{
    (void)info;
    skip_pad(r, PLAIN_PAD, "TS_PLAIN_NOTIFY.Pad");
}

/* ARC_SC_PRIVATE_PACKET, 2.2.4.2 */
static void read_arc_cookie(struct rd *r, struct save_session_info *info)
{
    const char *where = "ARC_SC_PRIVATE_PACKET.cbLen";

    rd_want(r, "TS_LOGON_INFO_FIELD.cbFieldData", rd_u32le(r, "TS_LOGON_INFO_FIELD.cbFieldData"),
            ARC_PACKET_SIZE);
    rd_want(r, where, rd_u32le(r, where), ARC_PACKET_SIZE);
    rd_want(r, "ARC_SC_PRIVATE_PACKET.Version", rd_u32le(r, "ARC_SC_PRIVATE_PACKET.Version"),
            ARC_VERSION);
    info->logon_id = rd_u32le(r, "ARC_SC_PRIVATE_PACKET.LogonId");
    rd_copy(r, info->arc_random_bits, sizeof(info->arc_random_bits),
            "ARC_SC_PRIVATE_PACKET.ArcRandomBits");
}

static void read_logon_errors(struct rd *r, struct save_session_info *info)
{
    rd_want(r, "TS_LOGON_INFO_FIELD.cbFieldData", rd_u32le(r, "TS_LOGON_INFO_FIELD.cbFieldData"),
            LOGON_ERRORS_SIZE);
    info->error_type = rd_u32le(r, "TS_LOGON_ERRORS_INFO.ErrorNotificationType");
    info->error_data = rd_u32le(r, "TS_LOGON_ERRORS_INFO.ErrorNotificationData");
}

static void read_extended(struct rd *r, struct save_session_info *info)
{
    uint16_t length = rd_u16le(r, "TS_LOGON_INFO_EXTENDED.Length");
    struct rd fields;

    info->fields_present = rd_u32le(r, "TS_LOGON_INFO_EXTENDED.FieldsPresent");
    rd_min(r, "TS_LOGON_INFO_EXTENDED.Length", length, EXTENDED_SIZE);
    rd_want(r, "TS_LOGON_INFO_EXTENDED.FieldsPresent",
            info->fields_present & ~(uint32_t)(LOGON_EX_AUTORECONNECTCOOKIE | LOGON_EX_LOGONERRORS),
            0);
    if (!rd_ok(r))
        return;
    rd_sub(r, length - EXTENDED_SIZE, &fields, "TS_LOGON_INFO_EXTENDED.Length");
    if ((info->fields_present & LOGON_EX_AUTORECONNECTCOOKIE) != 0)
        read_arc_cookie(&fields, info);
    if ((info->fields_present & LOGON_EX_LOGONERRORS) != 0)
        read_logon_errors(&fields, info);
    rd_end(&fields, "TS_LOGON_INFO_EXTENDED.Length");
    rd_adopt(r, &fields);
    skip_pad(r, EXTENDED_PAD, "TS_LOGON_INFO_EXTENDED.Pad");
}

enum sp_err save_session_info_read(struct rd *r, struct save_session_info *out)
{
    typedef void read_fn(struct rd *, struct save_session_info *);
    static read_fn *const readers[] = {
        [INFOTYPE_LOGON] = read_logon_v1,
        [INFOTYPE_LOGON_LONG] = read_logon_v2,
        [INFOTYPE_LOGON_PLAINNOTIFY] = read_plain_notify,
        [INFOTYPE_LOGON_EXTENDED_INFO] = read_extended,
    };
    struct save_session_info info;

    memset(&info, 0, sizeof(info));
    info.info_type = rd_u32le(r, "TS_SAVE_SESSION_INFO_PDU_DATA.infoType");
    if (rd_ok(r) && info.info_type > INFOTYPE_LOGON_EXTENDED_INFO)
        rd_refuse(r, SP_EVALUE, "TS_SAVE_SESSION_INFO_PDU_DATA.infoType", info.info_type,
                  INFOTYPE_LOGON_EXTENDED_INFO);
    if (rd_ok(r))
        readers[info.info_type](r, &info);
    rd_end(r, "TS_SAVE_SESSION_INFO_PDU_DATA");
    if (rd_ok(r))
        *out = info;
    sp_wipe(&info, sizeof(info));
    return r->fail.code;
}

/* ---- writing ---- */

static void write_fixed_text(struct wr *w, const uint8_t *text, uint16_t size, size_t field_size)
{
    wr_u32le(w, size + 2U);
    wr_bytes(w, text, size);
    wr_zero(w, field_size - size);
}

static void write_logon_v1(struct wr *w, const struct save_session_info *info)
{
    write_fixed_text(w, info->domain, info->domain_size, SAVE_SESSION_DOMAIN_MAX);
    write_fixed_text(w, info->user, info->user_size, SAVE_SESSION_USER_MAX);
    wr_u32le(w, info->session_id);
}

static void write_logon_v2(struct wr *w, const struct save_session_info *info)
{
    wr_u16le(w, LOGON_V2_VERSION);
    wr_u32le(w, LOGON_V2_SIZE);
    wr_u32le(w, info->session_id);
    wr_u32le(w, info->domain_size + 2U);
    wr_u32le(w, info->user_size + 2U);
    wr_zero(w, LOGON_V2_PAD);
    wr_bytes(w, info->domain, info->domain_size);
    wr_u16le(w, 0);
    wr_bytes(w, info->user, info->user_size);
    wr_u16le(w, 0);
}

static void write_extended(struct wr *w, const struct save_session_info *info)
{
    size_t begin = wr_gap(w, 2);

    wr_u32le(w, info->fields_present);
    if ((info->fields_present & LOGON_EX_AUTORECONNECTCOOKIE) != 0) {
        wr_u32le(w, ARC_PACKET_SIZE);
        wr_u32le(w, ARC_PACKET_SIZE);
        wr_u32le(w, ARC_VERSION);
        wr_u32le(w, info->logon_id);
        wr_bytes(w, info->arc_random_bits, sizeof(info->arc_random_bits));
    }
    if ((info->fields_present & LOGON_EX_LOGONERRORS) != 0) {
        wr_u32le(w, LOGON_ERRORS_SIZE);
        wr_u32le(w, info->error_type);
        wr_u32le(w, info->error_data);
    }
    if (wr_ok(w))
        wr_patch_u16le(w, begin, (uint16_t)(w->pos - begin));
    wr_zero(w, EXTENDED_PAD);
}

void save_session_info_write(struct wr *w, uint16_t pdu_source, uint32_t share_id,
                             const struct save_session_info *info)
{
    size_t begin = share_data_begin(w, pdu_source, share_id, PDUTYPE2_SAVE_SESSION_INFO);

    SP_BUG(info->info_type > INFOTYPE_LOGON_EXTENDED_INFO);
    if (info->domain_size > SAVE_SESSION_DOMAIN_MAX - 2)
        wr_refuse(w, SP_ELIMIT, "TS_LOGON_INFO.cbDomain", info->domain_size,
                  SAVE_SESSION_DOMAIN_MAX - 2);
    if (info->user_size > SAVE_SESSION_USER_MAX - 2)
        wr_refuse(w, SP_ELIMIT, "TS_LOGON_INFO.cbUserName", info->user_size,
                  SAVE_SESSION_USER_MAX - 2);
    if (!wr_ok(w))
        return;
    wr_u32le(w, info->info_type);
    if (info->info_type == INFOTYPE_LOGON)
        write_logon_v1(w, info);
    else if (info->info_type == INFOTYPE_LOGON_LONG)
        write_logon_v2(w, info);
    else if (info->info_type == INFOTYPE_LOGON_PLAINNOTIFY)
        wr_zero(w, PLAIN_PAD);
    else
        write_extended(w, info);
    share_data_end(w, begin);
}

/* ---- the splice's edit ---- */

/* Cut to what the field holds beside its NUL, never in the middle of a unit or a pair. */
static uint16_t cut_text(uint8_t *out, size_t out_size, const uint8_t *text, size_t size)
{
    size_t used = size - size % 2;

    if (used > out_size - 2)
        used = out_size - 2;
    if (used < size && used >= 2 && (text[used - 1] & 0xFC) == 0xD8)
        used -= 2;
    memset(out, 0, out_size);
    if (used > 0)
        memcpy(out, text, used);
    return (uint16_t)used;
}

static enum sp_err read_pdu(struct rd *payload, struct share_pdu *pdu, struct share_data *data,
                            struct save_session_info *info)
{
    enum sp_err err = share_next(payload, pdu);

    if (err != SP_OK)
        return err;
    if (pdu->is_flow || pdu->type != PDUTYPE_DATAPDU)
        return rd_refuse(payload, SP_EVALUE, "TS_SHARECONTROLHEADER.pduType", pdu->type,
                         PDUTYPE_DATAPDU);
    if (share_data_read(&pdu->body, data) != SP_OK) {
        rd_adopt(payload, &pdu->body);
        return payload->fail.code;
    }
    rd_want(payload, "TS_SHAREDATAHEADER.pduType2", data->pdu_type2, PDUTYPE2_SAVE_SESSION_INFO);
    rd_want(payload, "TS_SHAREDATAHEADER.compressedType", data->compressed_type & PACKET_COMPRESSED,
            0);
    rd_end(payload, "TS_SAVE_SESSION_INFO_PDU_DATA");
    if (rd_ok(payload) && save_session_info_read(&data->body, info) != SP_OK)
        rd_adopt(payload, &data->body);
    return payload->fail.code;
}

enum sp_err save_session_info_rewrite(struct rd *payload, const uint8_t *domain, size_t domain_size,
                                      const uint8_t *user, size_t user_size, bool strip_cookie,
                                      struct wr *out)
{
    struct save_session_info info;
    struct share_data data;
    struct share_pdu pdu;
    enum sp_err err = read_pdu(payload, &pdu, &data, &info);

    if (err != SP_OK)
        return err;
    if (info.info_type == INFOTYPE_LOGON || info.info_type == INFOTYPE_LOGON_LONG) {
        info.domain_size = cut_text(info.domain, sizeof(info.domain), domain, domain_size);
        info.user_size = cut_text(info.user, sizeof(info.user), user, user_size);
    }
    if (strip_cookie) {
        info.fields_present &= ~(uint32_t)LOGON_EX_AUTORECONNECTCOOKIE;
        sp_wipe(info.arc_random_bits, sizeof(info.arc_random_bits));
    }
    save_session_info_write(out, pdu.pdu_source, data.share_id, &info);
    sp_wipe(&info, sizeof(info));
    return out->fail.code;
}
