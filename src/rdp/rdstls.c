/* SPDX-License-Identifier: Apache-2.0
 * RDSTLS: the login that a Server Redirection prepared, three messages inside TLS. Both roles.
 */
#include "rdp/rdstls.h"

#include <string.h>

#include "base/mem.h"

#define RDSTLS_VERSION_1         1
#define RDSTLS_TYPE_CAPABILITIES 1
#define RDSTLS_TYPE_AUTHREQ      2
#define RDSTLS_TYPE_AUTHRSP      4
#define RDSTLS_DATA_CAPABILITIES 1
#define RDSTLS_DATA_PASSWORD     1
#define RDSTLS_DATA_RESULT_CODE  1
#define RDSTLS_CAPABILITIES_SIZE 8
#define RDSTLS_RESULT_SIZE       10
#define RDSTLS_REQUEST_FIELDS    4

enum { STEP_BEGIN, STEP_ASKED, STEP_ENDED };

static const uint16_t field_max[RDSTLS_REQUEST_FIELDS] = {RDSTLS_GUID_MAX, RDSTLS_NAME_MAX + 2,
                                                          RDSTLS_NAME_MAX + 2, RDSTLS_PASSWORD_MAX};

static void read_head(struct rd *r, uint16_t type, uint16_t data_type)
{
    rd_want(r, "RDSTLS.Version", rd_u16le(r, "RDSTLS.Version"), RDSTLS_VERSION_1);
    rd_want(r, "RDSTLS.PduType", rd_u16le(r, "RDSTLS.PduType"), type);
    rd_want(r, "RDSTLS.DataType", rd_u16le(r, "RDSTLS.DataType"), data_type);
}

static void write_head(struct wr *w, uint16_t type, uint16_t data_type)
{
    wr_u16le(w, RDSTLS_VERSION_1);
    wr_u16le(w, type);
    wr_u16le(w, data_type);
}

/* The length of a request, as far as its length fields are there. */
static size_t request_size(struct rd *r)
{
    size_t size = 6;

    rd_want(r, "RDSTLS.DataType", rd_u16le(r, "RDSTLS.DataType"), RDSTLS_DATA_PASSWORD);
    for (size_t i = 0; i < RDSTLS_REQUEST_FIELDS && rd_ok(r); i++) {
        uint16_t n = rd_u16le(r, "RDSTLS.length");

        rd_max(r, "RDSTLS.length", n, field_max[i]);
        size += 2U + n;
        if (i + 1 < RDSTLS_REQUEST_FIELDS)
            rd_skip(r, n, "RDSTLS.field");
    }
    return size;
}

enum sp_err rdstls_size(enum rdstls_role role, const uint8_t *p, size_t have, size_t *size,
                        struct sp_fail *fail)
{
    struct rd r;
    size_t found = 0;

    rd_init(&r, p, have);
    rd_want(&r, "RDSTLS.Version", rd_u16le(&r, "RDSTLS.Version"), RDSTLS_VERSION_1);

    uint16_t type = rd_u16le(&r, "RDSTLS.PduType");

    if (rd_ok(&r) && role == RDSTLS_CLIENT && type == RDSTLS_TYPE_CAPABILITIES)
        found = RDSTLS_CAPABILITIES_SIZE;
    else if (rd_ok(&r) && role == RDSTLS_CLIENT && type == RDSTLS_TYPE_AUTHRSP)
        found = RDSTLS_RESULT_SIZE;
    else if (rd_ok(&r) && role == RDSTLS_SERVER && type == RDSTLS_TYPE_AUTHREQ)
        found = request_size(&r);
    else
        rd_refuse(&r, SP_EVALUE, "RDSTLS.PduType", type, RDSTLS_TYPE_AUTHREQ);
    if (r.fail.code == SP_ESHORT) {
        *size = 0;
        return SP_OK;
    }
    if (!rd_ok(&r)) {
        if (fail != NULL)
            *fail = r.fail;
        return r.fail.code;
    }
    *size = found;
    return SP_OK;
}

static void write_text(struct wr *w, const struct rdstls_text *text, uint16_t max, bool with_nul)
{
    if (text->size > max) {
        wr_refuse(w, SP_ELIMIT, "RDSTLS.length", text->size, max);
        return;
    }
    wr_u16le(w, (uint16_t)(text->size + (with_nul ? 2 : 0)));
    wr_bytes(w, text->bytes, text->size);
    if (with_nul)
        wr_u16le(w, 0);
}

static void write_request(struct wr *w, const struct rdstls_login *login)
{
    write_head(w, RDSTLS_TYPE_AUTHREQ, RDSTLS_DATA_PASSWORD);
    write_text(w, &login->guid, RDSTLS_GUID_MAX, false);
    write_text(w, &login->user, RDSTLS_NAME_MAX, true);
    write_text(w, &login->domain, RDSTLS_NAME_MAX, true);
    write_text(w, &login->password, RDSTLS_PASSWORD_MAX, false);
}

enum sp_err rdstls_client_answer(struct rdstls_client *c, struct rd *r,
                                 const struct rdstls_login *login, struct wr *w)
{
    if (c->step != STEP_BEGIN)
        return sp_fail_set(&c->fail, SP_ESTATE, "RDSTLS.step", c->step, STEP_BEGIN);
    c->step = STEP_ENDED; /* unless all goes well */
    read_head(r, RDSTLS_TYPE_CAPABILITIES, RDSTLS_DATA_CAPABILITIES);
    uint16_t versions = rd_u16le(r, "RDSTLS.SupportedVersions");
    if (rd_ok(r) && (versions & RDSTLS_VERSION_1) == 0)
        rd_refuse(r, SP_EVALUE, "RDSTLS.SupportedVersions", versions, RDSTLS_VERSION_1);
    rd_end(r, "RDSTLS.Capabilities");
    if (!rd_ok(r))
        return sp_fail_set(&c->fail, r->fail.code, r->fail.where, r->fail.got, r->fail.want);
    if (login->guid.size == 0 || login->password.size == 0)
        return sp_fail_set(&c->fail, SP_EVALUE, "RDSTLS login without GUID or password", 0, 1);
    write_request(w, login);
    if (!wr_ok(w))
        return sp_fail_set(&c->fail, w->fail.code, w->fail.where, w->fail.got, w->fail.want);
    c->step = STEP_ASKED;
    return SP_OK;
}

enum sp_err rdstls_client_result(struct rdstls_client *c, struct rd *r)
{
    if (c->step != STEP_ASKED)
        return sp_fail_set(&c->fail, SP_ESTATE, "RDSTLS.step", c->step, STEP_ASKED);
    c->step = STEP_ENDED;
    read_head(r, RDSTLS_TYPE_AUTHRSP, RDSTLS_DATA_RESULT_CODE);
    uint32_t result = rd_u32le(r, "RDSTLS.ResultCode");
    rd_end(r, "RDSTLS.AuthRsp");
    if (!rd_ok(r))
        return sp_fail_set(&c->fail, r->fail.code, r->fail.where, r->fail.got, r->fail.want);
    if (result != RDSTLS_RESULT_SUCCESS)
        return sp_fail_set(&c->fail, SP_EDENIED, "RDSTLS.ResultCode", result, 0);
    return SP_OK;
}

enum sp_err rdstls_server_begin(struct rdstls_server *s, struct wr *w)
{
    if (s->step != STEP_BEGIN)
        return sp_fail_set(&s->fail, SP_ESTATE, "RDSTLS.step", s->step, STEP_BEGIN);
    s->step = STEP_ASKED;
    write_head(w, RDSTLS_TYPE_CAPABILITIES, RDSTLS_DATA_CAPABILITIES);
    wr_u16le(w, RDSTLS_VERSION_1);
    return wr_ok(w) ? SP_OK : w->fail.code;
}

static void read_text(struct rd *r, struct rdstls_text *out, uint16_t max, bool with_nul)
{
    uint16_t size = rd_u16le(r, "RDSTLS.length");

    rd_max(r, "RDSTLS.length", size, max + (with_nul ? 2U : 0U));
    const uint8_t *bytes = rd_bytes(r, rd_ok(r) ? size : 0, "RDSTLS.field");
    if (!rd_ok(r))
        return;
    if (with_nul && (size < 2 || size % 2 != 0 || bytes[size - 1] != 0 || bytes[size - 2] != 0)) {
        rd_refuse(r, SP_EVALUE, "RDSTLS.field", size, size);
        return;
    }
    out->size = (uint16_t)(size - (with_nul ? 2 : 0));
    if (out->size > 0)
        memcpy(out->bytes, bytes, out->size);
}

enum sp_err rdstls_request_read(struct rd *r, struct rdstls_login *out)
{
    struct rdstls_login login;

    memset(&login, 0, sizeof(login));
    read_head(r, RDSTLS_TYPE_AUTHREQ, RDSTLS_DATA_PASSWORD);
    read_text(r, &login.guid, RDSTLS_GUID_MAX, false);
    read_text(r, &login.user, RDSTLS_NAME_MAX, true);
    read_text(r, &login.domain, RDSTLS_NAME_MAX, true);
    read_text(r, &login.password, RDSTLS_PASSWORD_MAX, false);
    rd_end(r, "RDSTLS.AuthReq");
    if (rd_ok(r))
        *out = login;
    sp_wipe(&login, sizeof(login));
    return r->fail.code;
}

/* Unused bytes are zero on both sides, so all of the arrays are compared. */
static bool is_same(const struct rdstls_login *a, const struct rdstls_login *b)
{
    bool same = a->guid.size > 0 && a->password.size > 0;

    same &= sp_equal_ct(&a->guid, &b->guid, sizeof(a->guid));
    same &= sp_equal_ct(&a->user, &b->user, sizeof(a->user));
    same &= sp_equal_ct(&a->domain, &b->domain, sizeof(a->domain));
    same &= sp_equal_ct(&a->password, &b->password, sizeof(a->password));
    return same;
}

enum sp_err rdstls_server_answer(struct rdstls_server *s, struct rd *r,
                                 const struct rdstls_login *ticket, struct wr *w)
{
    struct rdstls_login login;

    if (s->step != STEP_ASKED)
        return sp_fail_set(&s->fail, SP_ESTATE, "RDSTLS.step", s->step, STEP_ASKED);
    s->step = STEP_ENDED;
    enum sp_err err = rdstls_request_read(r, &login);
    if (err != SP_OK)
        return sp_fail_set(&s->fail, err, r->fail.where, r->fail.got, r->fail.want);
    bool is_right = ticket != NULL && is_same(&login, ticket);
    sp_wipe(&login, sizeof(login));
    write_head(w, RDSTLS_TYPE_AUTHRSP, RDSTLS_DATA_RESULT_CODE);
    wr_u32le(w, is_right ? RDSTLS_RESULT_SUCCESS : RDSTLS_RESULT_ACCESS_DENIED);
    if (!wr_ok(w))
        return sp_fail_set(&s->fail, w->fail.code, w->fail.where, w->fail.got, w->fail.want);
    s->is_admitted = is_right;
    return is_right
               ? SP_OK
               : sp_fail_set(&s->fail, SP_EDENIED, "RDSTLS.ticket", 0, RDSTLS_RESULT_ACCESS_DENIED);
}
