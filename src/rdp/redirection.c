/* SPDX-License-Identifier: Apache-2.0
 * Server Redirection: a connection broker sends the client elsewhere.
 */
#include "rdp/redirection.h"

#include <stddef.h>
#include <string.h>

#include "rdp/sec.h"
#include "rdp/share.h"

#define PACKET_HEADER_SIZE 12
#define PACKET_PAD         8 /* optional, inside the packet's length */
#define ADDRESSES_MAX      (REDIRECTION_ADDRESS_COUNT * (REDIRECTION_ADDRESS_MAX + 4) + 4)

enum field_form {
    FORM_NAME,  /* UTF-16LE with NUL, no control characters: goes into requests and logs */
    FORM_TEXT,  /* UTF-16LE with NUL                                                     */
    FORM_TOKEN, /* bytes; CR LF only as their end, since they go into our next CR        */
    FORM_BYTES
};

/* In the order of the packet, which is not the order of the flags (2.2.13.1). */
static const struct field_rule {
    uint32_t flag;
    enum field_form form;
    uint32_t max;
    size_t offset;
    const char *where;
} rules[] = {
    {LB_TARGET_NET_ADDRESS, FORM_NAME, REDIRECTION_ADDRESS_MAX,
     offsetof(struct redirection, net_address),
     "RDP_SERVER_REDIRECTION_PACKET.TargetNetAddressLength"},
    {LB_LOAD_BALANCE_INFO, FORM_TOKEN, REDIRECTION_LB_INFO_MAX,
     offsetof(struct redirection, load_balance_info),
     "RDP_SERVER_REDIRECTION_PACKET.LoadBalanceInfoLength"},
    {LB_USERNAME, FORM_NAME, REDIRECTION_USER_MAX, offsetof(struct redirection, user),
     "RDP_SERVER_REDIRECTION_PACKET.UserNameLength"},
    {LB_DOMAIN, FORM_NAME, REDIRECTION_DOMAIN_MAX, offsetof(struct redirection, domain),
     "RDP_SERVER_REDIRECTION_PACKET.DomainLength"},
    {LB_PASSWORD, FORM_TEXT, REDIRECTION_PASSWORD_MAX, offsetof(struct redirection, password),
     "RDP_SERVER_REDIRECTION_PACKET.PasswordLength"},
    {LB_TARGET_FQDN, FORM_NAME, REDIRECTION_FQDN_MAX, offsetof(struct redirection, fqdn),
     "RDP_SERVER_REDIRECTION_PACKET.TargetFQDNLength"},
    {LB_TARGET_NETBIOS_NAME, FORM_NAME, REDIRECTION_NETBIOS_MAX,
     offsetof(struct redirection, netbios),
     "RDP_SERVER_REDIRECTION_PACKET.TargetNetBiosNameLength"},
    {LB_CLIENT_TSV_URL, FORM_BYTES, REDIRECTION_TSV_URL_MAX, offsetof(struct redirection, tsv_url),
     "RDP_SERVER_REDIRECTION_PACKET.TsvUrlLength"},
    {LB_REDIRECTION_GUID, FORM_BYTES, REDIRECTION_GUID_MAX, offsetof(struct redirection, guid),
     "RDP_SERVER_REDIRECTION_PACKET.RedirectionGuidLength"},
    {LB_TARGET_CERTIFICATE, FORM_BYTES, REDIRECTION_CERT_MAX,
     offsetof(struct redirection, certificate),
     "RDP_SERVER_REDIRECTION_PACKET.TargetCertificateLength"},
};

#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

/* Check a UTF-16LE text whose NUL is counted, and leave the NUL out of it. */
static void check_text(struct rd *r, struct redirection_field *field, bool is_name,
                       const char *where)
{
    uint32_t size = field->size;

    if (size < 2 || size % 2 != 0 || field->data[size - 1] != 0 || field->data[size - 2] != 0) {
        rd_refuse(r, SP_EVALUE, where, size, size + 2);
        return;
    }
    field->size = size - 2;
    for (uint32_t i = 0; is_name && i < field->size; i += 2) {
        if (field->data[i + 1] == 0 && (field->data[i] < 0x20 || field->data[i] == 0x7F)) {
            rd_refuse(r, SP_EVALUE, where, field->data[i], 0x20);
            return;
        }
    }
}

static void check_token(struct rd *r, const struct redirection_field *field, const char *where)
{
    uint32_t size = field->size;

    if (size >= 2 && field->data[size - 2] == '\r' && field->data[size - 1] == '\n')
        size -= 2;
    for (uint32_t i = 0; i < size; i++) {
        if (field->data[i] == '\r' || field->data[i] == '\n') {
            rd_refuse(r, SP_EVALUE, where, field->data[i], 0x20);
            return;
        }
    }
}

static void read_field(struct rd *r, const struct field_rule *rule, enum field_form form,
                       struct redirection_field *field)
{
    field->size = rd_u32le(r, rule->where);
    rd_max(r, rule->where, field->size, rule->max);
    rd_min(r, rule->where, field->size, 1);
    if (rd_ok(r))
        field->data = rd_bytes(r, field->size, rule->where);
    if (!rd_ok(r))
        return;
    if (form == FORM_NAME || form == FORM_TEXT)
        check_text(r, field, form == FORM_NAME, rule->where);
    else if (form == FORM_TOKEN)
        check_token(r, field, rule->where);
}

static struct redirection_field *field_of(struct redirection *red, const struct field_rule *rule)
{
    return (struct redirection_field *)(void *)((char *)red + rule->offset);
}

static const struct redirection_field *const_field_of(const struct redirection *red,
                                                      const struct field_rule *rule)
{
    return (const struct redirection_field *)(const void *)((const char *)red + rule->offset);
}

static void read_addresses(struct rd *r, struct redirection *red)
{
    static const struct field_rule rule = {0, FORM_NAME, REDIRECTION_ADDRESS_MAX, 0,
                                           "TARGET_NET_ADDRESS.addressLength"};
    const char *where = "RDP_SERVER_REDIRECTION_PACKET.TargetNetAddressesLength";
    uint32_t size = rd_u32le(r, where);
    struct rd list;

    rd_max(r, where, size, ADDRESSES_MAX);
    rd_sub(r, size, &list, where);
    red->address_count = rd_u32le(&list, "TARGET_NET_ADDRESSES.addressCount");
    rd_max(&list, "TARGET_NET_ADDRESSES.addressCount", red->address_count,
           REDIRECTION_ADDRESS_COUNT);
    for (uint32_t i = 0; rd_ok(&list) && i < red->address_count; i++)
        read_field(&list, &rule, FORM_NAME, &red->addresses[i]);
    rd_end(&list, where);
    rd_adopt(r, &list);
}

static void read_packet(struct rd *r, struct redirection *red)
{
    red->session_id = rd_u32le(r, "RDP_SERVER_REDIRECTION_PACKET.SessionID");
    red->flags = rd_u32le(r, "RDP_SERVER_REDIRECTION_PACKET.RedirFlags");
    for (size_t i = 0; i < RULE_COUNT; i++) {
        enum field_form form = rules[i].form;

        if (!rd_ok(r) || (red->flags & rules[i].flag) == 0)
            continue;
        if (rules[i].flag == LB_PASSWORD && (red->flags & LB_PASSWORD_IS_PK_ENCRYPTED) != 0)
            form = FORM_BYTES;
        read_field(r, &rules[i], form, field_of(red, &rules[i]));
    }
    if ((red->flags & LB_TARGET_NET_ADDRESSES) != 0)
        read_addresses(r, red);
    if (r->left == PACKET_PAD)
        rd_skip(r, PACKET_PAD, "RDP_SERVER_REDIRECTION_PACKET.Pad");
    rd_end(r, "RDP_SERVER_REDIRECTION_PACKET.Length");
}

enum sp_err redirection_read(struct rd *r, struct redirection *out)
{
    struct redirection red;
    struct rd packet;

    memset(&red, 0, sizeof(red));
    rd_skip(r, 2, "TS_ENHANCED_SECURITY_SERVER_REDIRECTION.pad2Octets");
    rd_want(r, "RDP_SERVER_REDIRECTION_PACKET.Flags",
            rd_u16le(r, "RDP_SERVER_REDIRECTION_PACKET.Flags"), SEC_REDIRECTION_PKT);

    uint16_t length = rd_u16le(r, "RDP_SERVER_REDIRECTION_PACKET.Length");

    rd_min(r, "RDP_SERVER_REDIRECTION_PACKET.Length", length, PACKET_HEADER_SIZE);
    if (!rd_ok(r))
        return r->fail.code;
    rd_sub(r, length - 4U, &packet, "RDP_SERVER_REDIRECTION_PACKET.Length");
    read_packet(&packet, &red);
    rd_adopt(r, &packet);
    if (rd_ok(r) && r->left == 1)
        rd_skip(r, 1, "TS_ENHANCED_SECURITY_SERVER_REDIRECTION.pad1Octet");
    rd_end(r, "TS_ENHANCED_SECURITY_SERVER_REDIRECTION");
    if (rd_ok(r))
        *out = red;
    return r->fail.code;
}

static void write_field(struct wr *w, const struct redirection_field *field, bool with_nul)
{
    wr_u32le(w, field->size + (with_nul ? 2U : 0U));
    wr_bytes(w, field->data, field->size);
    if (with_nul)
        wr_u16le(w, 0);
}

static void write_addresses(struct wr *w, const struct redirection *red)
{
    uint32_t size = 4;

    for (uint32_t i = 0; i < red->address_count; i++)
        size += 4 + red->addresses[i].size + 2;
    wr_u32le(w, size);
    wr_u32le(w, red->address_count);
    for (uint32_t i = 0; i < red->address_count; i++)
        write_field(w, &red->addresses[i], true);
}

/* The plain flags of red and a flag for each field that is there. */
static uint32_t flags_of(const struct redirection *red)
{
    uint32_t flags = red->flags & ~(uint32_t)LB_TARGET_NET_ADDRESSES;

    for (size_t i = 0; i < RULE_COUNT; i++) {
        flags &= ~rules[i].flag;
        if (const_field_of(red, &rules[i])->data != NULL)
            flags |= rules[i].flag;
    }
    return red->address_count > 0 ? flags | LB_TARGET_NET_ADDRESSES : flags;
}

void redirection_write(struct wr *w, uint16_t pdu_source, const struct redirection *red)
{
    size_t begin = share_control_begin(w, PDUTYPE_SERVER_REDIR_PKT, pdu_source);
    uint32_t flags = flags_of(red);

    SP_BUG(red->address_count > REDIRECTION_ADDRESS_COUNT);
    wr_u16le(w, 0);

    size_t packet = w->pos;

    wr_u16le(w, SEC_REDIRECTION_PKT);
    size_t length = wr_gap(w, 2);

    wr_u32le(w, red->session_id);
    wr_u32le(w, flags);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        enum field_form form = rules[i].form;
        bool is_opaque = rules[i].flag == LB_PASSWORD && (flags & LB_PASSWORD_IS_PK_ENCRYPTED) != 0;

        if ((flags & rules[i].flag) != 0)
            write_field(w, const_field_of(red, &rules[i]),
                        !is_opaque && (form == FORM_NAME || form == FORM_TEXT));
    }
    if ((flags & LB_TARGET_NET_ADDRESSES) != 0)
        write_addresses(w, red);
    if (wr_ok(w))
        wr_patch_u16le(w, length, (uint16_t)(w->pos - packet));
    wr_u8(w, 0);
    share_control_end(w, begin);
}
