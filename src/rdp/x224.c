/* SPDX-License-Identifier: Apache-2.0
 * X.224 Connection Request and Confirm; MS-RDPBCGR 2.2.1.1 and 2.2.1.2.
 */
#include "rdp/x224.h"

#include <string.h>

#include "rdp/frame.h"

#define X224_CR                   0xe0
#define X224_CC                   0xd0
#define X224_SRC_REF              0x1234 /* as in the specification's example */
#define TYPE_RDP_NEG_REQ          0x01
#define TYPE_RDP_NEG_RSP          0x02
#define TYPE_RDP_NEG_FAILURE      0x03
#define TYPE_RDP_CORRELATION_INFO 0x06
#define RDP_NEG_SIZE              8
#define RDP_NEG_CORRELATION_SIZE  36
#define COOKIE_PREFIX             "Cookie: mstshash="
#define PREFIX_SIZE(text)         (sizeof(text) - 1)

/* ---- the envelope of both ---- */

/* Open the TPKT and the fixed part of a TPDU; body is what follows class and options. */
static void tpdu_open(struct rd *pdu, uint8_t code, struct rd *body)
{
    size_t whole = pdu->left;
    uint8_t version = rd_u8(pdu, "TPKT.version");

    rd_skip(pdu, 1, "TPKT.reserved");
    uint16_t length = rd_u16be(pdu, "TPKT.length");
    uint8_t indicator = rd_u8(pdu, "X.224.LI");
    uint8_t got = rd_u8(pdu, "X.224.code");
    rd_skip(pdu, 4, "X.224.references");
    uint8_t class = rd_u8(pdu, "X.224.class");
    if (rd_ok(pdu)) {
        rd_want(pdu, "TPKT.version", version, 3);
        rd_max(pdu, "X.224", length, X224_CONNECTION_REQUEST_SIZE_MAX);
        rd_want(pdu, "TPKT.length", length, (uint32_t)whole);
        rd_want(pdu, "X.224.LI", indicator, (uint32_t)length - TPKT_HEADER_SIZE - 1);
        rd_want(pdu, "X.224.code", got, code);
        rd_want(pdu, "X.224.class", class & 0xf0, 0);
    }
    rd_sub(pdu, pdu->left, body, "X.224");
}

static size_t tpdu_begin(struct wr *w, uint8_t code, uint16_t src_ref)
{
    size_t mark = w->pos;

    wr_u16be(w, 0x0300);
    wr_gap(w, 3);
    wr_u8(w, code);
    wr_u16be(w, 0);
    wr_u16be(w, src_ref);
    wr_u8(w, 0);
    return mark;
}

static enum sp_err tpdu_end(struct wr *w, size_t mark)
{
    size_t size = w->pos - mark;

    if (size > X224_CONNECTION_REQUEST_SIZE_MAX)
        return wr_refuse(w, SP_ELIMIT, "X.224", (uint32_t)size, X224_CONNECTION_REQUEST_SIZE_MAX);
    wr_patch_u16be(w, mark + 2, (uint16_t)size);
    wr_patch_u8(w, mark + TPKT_HEADER_SIZE, (uint8_t)(size - TPKT_HEADER_SIZE - 1));
    return w->fail.code;
}

/* ---- Connection Request ---- */

static bool starts_with(const uint8_t *p, size_t size, const char *prefix)
{
    size_t length = strlen(prefix);

    return size >= length && memcmp(p, prefix, length) == 0;
}

static bool is_token(const uint8_t *p, size_t size)
{
    return starts_with(p, size, "Cookie: msts=") || starts_with(p, size, "tsv://") ||
           starts_with(p, size, "mth://");
}

/* Length of the text before the first CRLF; false if there is none. */
static bool find_line(const uint8_t *p, size_t size, size_t *line)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (p[i] == '\r' && p[i + 1] == '\n') {
            *line = i;
            return true;
        }
    }
    return false;
}

static void cookie_read(struct rd *r, size_t line, struct x224_connection_request *out)
{
    size_t size = line - PREFIX_SIZE(COOKIE_PREFIX);

    rd_skip(r, PREFIX_SIZE(COOKIE_PREFIX), "X.224 CR.cookie");
    SP_BUG(size >= X224_COOKIE_SIZE); /* the PDU has at most 259 bytes */
    rd_copy(r, out->cookie, size, "X.224 CR.cookie");
    out->cookie[size] = '\0';
    if (memchr(out->cookie, '\0', size) != NULL)
        rd_refuse(r, SP_EVALUE, "X.224 CR.cookie", 0, 1);
    out->has_cookie = true;
}

/* A cookie or routing token, if the text starts like one; spec: mutually exclusive. */
static void line_read(struct rd *r, struct x224_connection_request *out)
{
    size_t line = 0;

    if (!rd_ok(r) || r->left == 0 || r->at[0] == TYPE_RDP_NEG_REQ)
        return;
    if (!find_line(r->at, r->left, &line)) {
        rd_refuse(r, SP_EVALUE, "X.224 CR.cookie without CRLF", r->at[0], TYPE_RDP_NEG_REQ);
        return;
    }
    if (starts_with(r->at, line, COOKIE_PREFIX)) {
        cookie_read(r, line, out);
    } else if (is_token(r->at, line)) {
        SP_BUG(line > X224_TOKEN_SIZE_MAX); /* the PDU has at most 259 bytes */
        out->token_size = line;
        rd_copy(r, out->token, line, "X.224 CR.routingToken");
    } else {
        rd_refuse(r, SP_EVALUE, "X.224 CR.cookie", r->at[0], 'C');
    }
    rd_skip(r, 2, "X.224 CR.cookie");
    if (rd_ok(r) && (starts_with(r->at, r->left, "Cookie:") || is_token(r->at, r->left)))
        rd_refuse(r, SP_EVALUE, "X.224 CR.second cookie", 2, 1);
}

static void correlation_read(struct rd *r, struct x224_connection_request *out)
{
    uint8_t type = rd_u8(r, "RDP_NEG_CORRELATION_INFO.type");
    uint8_t flags = rd_u8(r, "RDP_NEG_CORRELATION_INFO.flags");
    uint16_t length = rd_u16le(r, "RDP_NEG_CORRELATION_INFO.length");

    rd_copy(r, out->correlation_id, X224_CORRELATION_ID_SIZE,
            "RDP_NEG_CORRELATION_INFO.correlationId");
    rd_skip(r, 16, "RDP_NEG_CORRELATION_INFO.reserved");
    if (!rd_ok(r))
        return;
    rd_want(r, "RDP_NEG_CORRELATION_INFO.type", type, TYPE_RDP_CORRELATION_INFO);
    rd_want(r, "RDP_NEG_CORRELATION_INFO.flags", flags, 0);
    rd_want(r, "RDP_NEG_CORRELATION_INFO.length", length, RDP_NEG_CORRELATION_SIZE);
    /* MS-RDPBCGR 2.2.1.1.2: the first byte SHOULD NOT be 00 or F4, no byte may be 0D */
    if (out->correlation_id[0] == 0x00 || out->correlation_id[0] == 0xf4 ||
        memchr(out->correlation_id, 0x0d, X224_CORRELATION_ID_SIZE) != NULL)
        rd_refuse(r, SP_EVALUE, "RDP_NEG_CORRELATION_INFO.correlationId", out->correlation_id[0],
                  0);
    out->has_correlation = true;
}

static void neg_req_read(struct rd *r, struct x224_connection_request *out)
{
    uint8_t type = rd_u8(r, "RDP_NEG_REQ.type");
    uint8_t flags = rd_u8(r, "RDP_NEG_REQ.flags");
    uint16_t length = rd_u16le(r, "RDP_NEG_REQ.length");

    out->has_neg_req = true;
    out->flags = flags;
    out->requested_protocols = rd_u32le(r, "RDP_NEG_REQ.requestedProtocols");
    if (!rd_ok(r))
        return;
    rd_want(r, "RDP_NEG_REQ.type", type, TYPE_RDP_NEG_REQ);
    rd_want(r, "RDP_NEG_REQ.length", length, RDP_NEG_SIZE);
    if ((flags & CORRELATION_INFO_PRESENT) != 0)
        correlation_read(r, out);
}

enum sp_err x224_connection_request_read(struct rd *pdu, struct x224_connection_request *out)
{
    struct x224_connection_request cr = {0};
    struct rd body;

    tpdu_open(pdu, X224_CR, &body);
    line_read(&body, &cr);
    if (rd_ok(&body) && body.left > 0)
        neg_req_read(&body, &cr);
    rd_end(&body, "X.224 CR");
    rd_adopt(pdu, &body);
    if (rd_ok(pdu))
        *out = cr;
    return pdu->fail.code;
}

static bool has_line_break(const void *text, size_t size)
{
    return memchr(text, '\r', size) != NULL || memchr(text, '\n', size) != NULL;
}

enum sp_err x224_connection_request_write(struct wr *w, const struct x224_connection_request *in)
{
    bool cookie = in->has_cookie || in->cookie[0] != '\0';
    size_t cookie_size = strnlen(in->cookie, sizeof(in->cookie));
    size_t mark = tpdu_begin(w, X224_CR, 0);

    SP_BUG(in->token_size > sizeof(in->token));
    if ((cookie && in->token_size > 0) || has_line_break(in->cookie, cookie_size) ||
        has_line_break(in->token, in->token_size))
        return wr_refuse(w, SP_EVALUE, "X.224 CR.cookie", 0, 0);
    if (cookie) {
        wr_bytes(w, COOKIE_PREFIX, PREFIX_SIZE(COOKIE_PREFIX));
        wr_bytes(w, in->cookie, cookie_size);
    }
    wr_bytes(w, in->token, in->token_size);
    if (cookie || in->token_size > 0)
        wr_bytes(w, "\r\n", 2);
    if (in->has_neg_req) {
        wr_u8(w, TYPE_RDP_NEG_REQ);
        wr_u8(w, in->flags);
        wr_u16le(w, RDP_NEG_SIZE);
        wr_u32le(w, in->requested_protocols);
    }
    if (in->has_neg_req && (in->flags & CORRELATION_INFO_PRESENT) != 0) {
        wr_u8(w, TYPE_RDP_CORRELATION_INFO);
        wr_u8(w, 0);
        wr_u16le(w, RDP_NEG_CORRELATION_SIZE);
        wr_bytes(w, in->correlation_id, X224_CORRELATION_ID_SIZE);
        wr_zero(w, 16);
    }
    return tpdu_end(w, mark);
}

/* ---- Connection Confirm ---- */

static void neg_rsp_read(struct rd *r, struct x224_connection_confirm *out)
{
    uint8_t type = rd_u8(r, "RDP_NEG_RSP.type");
    uint8_t flags = rd_u8(r, "RDP_NEG_RSP.flags");
    uint16_t length = rd_u16le(r, "RDP_NEG_RSP.length");
    uint32_t value = rd_u32le(r, "RDP_NEG_RSP.selectedProtocol");

    if (!rd_ok(r))
        return;
    if (type != TYPE_RDP_NEG_FAILURE)
        rd_want(r, "RDP_NEG_RSP.type", type, TYPE_RDP_NEG_RSP);
    rd_want(r, "RDP_NEG_RSP.length", length, RDP_NEG_SIZE);
    *out = (struct x224_connection_confirm){true, type == TYPE_RDP_NEG_FAILURE, flags, value};
}

enum sp_err x224_connection_confirm_read(struct rd *pdu, struct x224_connection_confirm *out)
{
    struct x224_connection_confirm cc = {0};
    struct rd body;

    tpdu_open(pdu, X224_CC, &body);
    if (rd_ok(&body) && body.left > 0)
        neg_rsp_read(&body, &cc);
    rd_end(&body, "X.224 CC");
    rd_adopt(pdu, &body);
    if (rd_ok(pdu))
        *out = cc;
    return pdu->fail.code;
}

enum sp_err x224_connection_confirm_write(struct wr *w, const struct x224_connection_confirm *in)
{
    size_t mark = tpdu_begin(w, X224_CC, X224_SRC_REF);

    if (in->has_neg) {
        wr_u8(w, in->is_failure ? TYPE_RDP_NEG_FAILURE : TYPE_RDP_NEG_RSP);
        wr_u8(w, in->flags);
        wr_u16le(w, RDP_NEG_SIZE);
        wr_u32le(w, in->value);
    }
    return tpdu_end(w, mark);
}
