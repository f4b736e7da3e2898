/* SPDX-License-Identifier: Apache-2.0
 * The three NTLM messages: reading and writing.
 */
#include "rdp/ntlm.h"

#include <string.h>

#define TYPE_NEGOTIATE    1
#define TYPE_CHALLENGE    2
#define TYPE_AUTHENTICATE 3

/* Fixed parts without Version, which some peers leave out, and with all that we write. */
#define NEGOTIATE_FIXED     32
#define CHALLENGE_FIXED     48
#define AUTHENTICATE_FIXED  64
#define CHALLENGE_HEADER    (CHALLENGE_FIXED + NTLM_VERSION_SIZE)
#define AUTHENTICATE_MIC    (AUTHENTICATE_FIXED + NTLM_VERSION_SIZE)
#define AUTHENTICATE_HEADER (AUTHENTICATE_MIC + NTLM_KEY_SIZE)

static const uint8_t signature[8] = "NTLMSSP";
/* Fixed for everyone, so that nobody learns a build: 6.1.7601, NTLMSSP_REVISION_W2K3. */
static const uint8_t version[NTLM_VERSION_SIZE] = {6, 1, 0xB1, 0x1D, 0, 0, 0, 0x0F};

/* A field's length and place as they stand in the header. */
struct descriptor {
    uint16_t size;
    uint32_t offset;
};

static void read_header(struct rd *r, uint32_t type, size_t max)
{
    const uint8_t *p;

    if (rd_ok(r) && r->left > max)
        rd_refuse(r, SP_ELIMIT, "NTLM message", (uint32_t)r->left, (uint32_t)max);
    p = rd_bytes(r, sizeof(signature), "NTLM.Signature");
    if (p != NULL && memcmp(p, signature, sizeof(signature)) != 0)
        rd_refuse(r, SP_EVALUE, "NTLM.Signature", p[0], signature[0]);
    rd_want(r, "NTLM.MessageType", rd_u32le(r, "NTLM.MessageType"), type);
}

static struct descriptor read_descriptor(struct rd *r, const char *where)
{
    struct descriptor d = {.size = rd_u16le(r, where)};

    rd_skip(r, 2, where); /* MaxLen: to be ignored on receipt */
    d.offset = rd_u32le(r, where);
    return d;
}

/* An empty field's offset means nothing; any other lies behind the fixed part. */
static void resolve(struct rd *r, struct rd message, size_t fixed, struct descriptor d,
                    struct rd *out, const char *where)
{
    if (d.size == 0)
        d.offset = (uint32_t)fixed;
    rd_min(r, where, d.offset, (uint32_t)fixed);
    rd_skip(&message, d.offset, where);
    rd_sub(&message, d.size, out, where);
    rd_adopt(r, &message);
}

enum sp_err ntlm_negotiate_read(struct rd *r, struct ntlm_negotiate *out)
{
    struct ntlm_negotiate n = {0};
    struct rd message = *r;
    struct descriptor domain, workstation;

    read_header(r, TYPE_NEGOTIATE, NTLM_NEGOTIATE_MAX);
    n.flags = rd_u32le(r, "NEGOTIATE.NegotiateFlags");
    domain = read_descriptor(r, "NEGOTIATE.DomainNameFields");
    workstation = read_descriptor(r, "NEGOTIATE.WorkstationFields");
    /* MS-NLMP 2.2.1.1: to be ignored unless the flag says that it was supplied */
    if (!(n.flags & NTLMSSP_NEGOTIATE_OEM_DOMAIN_SUPPLIED))
        domain = (struct descriptor){0};
    if (!(n.flags & NTLMSSP_NEGOTIATE_OEM_WORKSTATION_SUPPLIED))
        workstation = (struct descriptor){0};
    resolve(r, message, NEGOTIATE_FIXED, domain, &n.domain, "NEGOTIATE.DomainNameFields");
    resolve(r, message, NEGOTIATE_FIXED, workstation, &n.workstation,
            "NEGOTIATE.WorkstationFields");
    rd_skip(r, r->left, "NEGOTIATE");
    if (rd_ok(r))
        *out = n;
    return r->fail.code;
}

enum sp_err ntlm_negotiate_write(struct wr *w, uint32_t flags)
{
    wr_bytes(w, signature, sizeof(signature));
    wr_u32le(w, TYPE_NEGOTIATE);
    wr_u32le(w, flags);
    wr_zero(w, 16); /* no domain, no workstation */
    wr_bytes(w, version, sizeof(version));
    return w->fail.code;
}

static void check_av_pairs(struct rd *r, struct rd pairs)
{
    struct ntlm_av av = {.id = MsvAvTimestamp};

    while (rd_ok(&pairs) && av.id != MsvAvEOL) {
        if (ntlm_av_next(&pairs, &av) != SP_OK)
            break;
    }
    rd_adopt(r, &pairs);
}

enum sp_err ntlm_challenge_read(struct rd *r, struct ntlm_challenge *out)
{
    struct ntlm_challenge c = {0};
    struct rd message = *r;
    struct descriptor name, info;

    read_header(r, TYPE_CHALLENGE, NTLM_PEER_CHALLENGE_MAX);
    name = read_descriptor(r, "CHALLENGE.TargetNameFields");
    c.flags = rd_u32le(r, "CHALLENGE.NegotiateFlags");
    rd_copy(r, c.server_challenge, sizeof(c.server_challenge), "CHALLENGE.ServerChallenge");
    rd_skip(r, 8, "CHALLENGE.Reserved");
    info = read_descriptor(r, "CHALLENGE.TargetInfoFields");
    rd_max(r, "CHALLENGE.TargetInfoLen", info.size, NTLM_TARGET_INFO_MAX);
    resolve(r, message, CHALLENGE_FIXED, name, &c.target_name, "CHALLENGE.TargetNameFields");
    resolve(r, message, CHALLENGE_FIXED, info, &c.target_info, "CHALLENGE.TargetInfoFields");
    if (rd_ok(r) && info.size > 0)
        check_av_pairs(r, c.target_info);
    rd_skip(r, r->left, "CHALLENGE");
    if (rd_ok(r))
        *out = c;
    return r->fail.code;
}

/* Write the descriptor of a field of this size and step the payload's position over it. */
static void put_descriptor(struct wr *w, const struct rd *field, size_t *offset)
{
    if (field->left > UINT16_MAX)
        wr_refuse(w, SP_ELIMIT, "NTLM field", (uint32_t)field->left, UINT16_MAX);
    wr_u16le(w, (uint16_t)field->left);
    wr_u16le(w, (uint16_t)field->left);
    wr_u32le(w, (uint32_t)*offset);
    *offset += field->left;
}

static void put_field(struct wr *w, const struct rd *field)
{
    wr_bytes(w, field->at, field->left);
}

enum sp_err ntlm_challenge_write(struct wr *w, const struct ntlm_challenge *c)
{
    size_t offset = CHALLENGE_HEADER;

    wr_bytes(w, signature, sizeof(signature));
    wr_u32le(w, TYPE_CHALLENGE);
    put_descriptor(w, &c->target_name, &offset);
    wr_u32le(w, c->flags);
    wr_bytes(w, c->server_challenge, sizeof(c->server_challenge));
    wr_zero(w, 8);
    put_descriptor(w, &c->target_info, &offset);
    wr_bytes(w, version, sizeof(version));
    put_field(w, &c->target_name);
    put_field(w, &c->target_info);
    return w->fail.code;
}

/* The descriptors of AUTHENTICATE in the order of the header. */
enum {
    AUTH_LM,
    AUTH_NT,
    AUTH_DOMAIN,
    AUTH_USER,
    AUTH_WORKSTATION,
    AUTH_SESSION_KEY,
    AUTH_FIELD_COUNT
};

static const char *const auth_where[AUTH_FIELD_COUNT] = {
    [AUTH_LM] = "AUTHENTICATE.LmChallengeResponseFields",
    [AUTH_NT] = "AUTHENTICATE.NtChallengeResponseFields",
    [AUTH_DOMAIN] = "AUTHENTICATE.DomainNameFields",
    [AUTH_USER] = "AUTHENTICATE.UserNameFields",
    [AUTH_WORKSTATION] = "AUTHENTICATE.WorkstationFields",
    [AUTH_SESSION_KEY] = "AUTHENTICATE.EncryptedRandomSessionKeyFields",
};

/*
 * The MIC stands before the payload if there is room for it: behind Version, which is zero when
 * not negotiated, or in its place with peers that leave it out.
 */
static void find_mic(struct rd message, size_t payload, struct ntlm_authenticate *a)
{
    if (payload >= AUTHENTICATE_HEADER)
        a->mic_offset = AUTHENTICATE_MIC;
    else if (payload >= AUTHENTICATE_FIXED + NTLM_KEY_SIZE &&
             !(a->flags & NTLMSSP_NEGOTIATE_VERSION))
        a->mic_offset = AUTHENTICATE_FIXED;
    else
        return;
    rd_skip(&message, a->mic_offset, "AUTHENTICATE.MIC");
    rd_copy(&message, a->mic, sizeof(a->mic), "AUTHENTICATE.MIC");
    a->has_mic = rd_ok(&message);
}

static void check_text(struct rd *r, const struct rd *text, const char *where)
{
    if (!rd_ok(r))
        return;
    rd_max(r, where, (uint32_t)text->left, NTLM_NAME_MAX);
    rd_want(r, where, text->left % 2, 0);
}

/* Resolve all fields; returns where the first of them starts, the message's end if none has. */
static size_t read_fields(struct rd *r, struct rd message, const struct descriptor *fields,
                          struct ntlm_authenticate *a)
{
    struct rd *outs[AUTH_FIELD_COUNT] = {
        [AUTH_LM] = &a->lm_response,          [AUTH_NT] = &a->nt_response,
        [AUTH_DOMAIN] = &a->domain,           [AUTH_USER] = &a->user,
        [AUTH_WORKSTATION] = &a->workstation, [AUTH_SESSION_KEY] = &a->encrypted_random_session_key,
    };
    size_t payload = message.left;

    for (size_t i = 0; i < AUTH_FIELD_COUNT; i++) {
        resolve(r, message, AUTHENTICATE_FIXED, fields[i], outs[i], auth_where[i]);
        if (fields[i].size > 0 && fields[i].offset < payload)
            payload = fields[i].offset;
    }
    check_text(r, &a->domain, auth_where[AUTH_DOMAIN]);
    check_text(r, &a->user, auth_where[AUTH_USER]);
    check_text(r, &a->workstation, auth_where[AUTH_WORKSTATION]);
    return payload;
}

enum sp_err ntlm_authenticate_read(struct rd *r, struct ntlm_authenticate *out)
{
    struct ntlm_authenticate a = {0};
    struct descriptor fields[AUTH_FIELD_COUNT];
    struct rd message = *r;
    size_t payload;

    read_header(r, TYPE_AUTHENTICATE, NTLM_AUTHENTICATE_MAX);
    for (size_t i = 0; i < AUTH_FIELD_COUNT; i++)
        fields[i] = read_descriptor(r, auth_where[i]);
    a.flags = rd_u32le(r, "AUTHENTICATE.NegotiateFlags");
    payload = read_fields(r, message, fields, &a);
    rd_skip(r, r->left, "AUTHENTICATE");
    if (!rd_ok(r))
        return r->fail.code;
    find_mic(message, payload, &a);
    *out = a;
    return SP_OK;
}

/* The payload's order is the names, the responses, the key: that of Windows and FreeRDP. */
enum sp_err ntlm_authenticate_write(struct wr *w, const struct ntlm_authenticate *a)
{
    size_t names = AUTHENTICATE_HEADER;
    size_t lm = names + a->domain.left + a->user.left + a->workstation.left;
    size_t nt = lm + a->lm_response.left, key = nt + a->nt_response.left;

    wr_bytes(w, signature, sizeof(signature));
    wr_u32le(w, TYPE_AUTHENTICATE);
    put_descriptor(w, &a->lm_response, &lm);
    put_descriptor(w, &a->nt_response, &nt);
    put_descriptor(w, &a->domain, &names);
    put_descriptor(w, &a->user, &names);
    put_descriptor(w, &a->workstation, &names);
    put_descriptor(w, &a->encrypted_random_session_key, &key);
    wr_u32le(w, a->flags);
    wr_bytes(w, version, sizeof(version));
    wr_bytes(w, a->mic, sizeof(a->mic));
    put_field(w, &a->domain);
    put_field(w, &a->user);
    put_field(w, &a->workstation);
    put_field(w, &a->lm_response);
    put_field(w, &a->nt_response);
    put_field(w, &a->encrypted_random_session_key);
    return w->fail.code;
}
