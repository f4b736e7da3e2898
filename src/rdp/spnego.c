/* SPDX-License-Identifier: Apache-2.0
 * SPNEGO: just enough to find NTLM in what a client offers and to answer it.
 */
#include "rdp/spnego.h"

#include <string.h>

#include "rdp/der.h"

#define NEG_TOKEN_RESP 0xA1
#define NEG_TOKEN_INIT 0xA0

struct oid {
    uint8_t size;
    uint8_t bytes[10];
};

static const struct oid spnego_oid = {6, {0x2B, 6, 1, 5, 5, 2}};

static const struct oid mech_oids[] = {
    [SPNEGO_MECH_OTHER] = {0, {0}},
    [SPNEGO_MECH_NTLM] = {10, {0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10}},
    [SPNEGO_MECH_NEGOEX] = {10, {0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 30}},
    [SPNEGO_MECH_KERBEROS] = {9, {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2}},
    [SPNEGO_MECH_MS_KERBEROS] = {9, {0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 1, 2, 2}},
};

static bool is_oid(const struct rd *r, const struct oid *oid)
{
    return r->left == oid->size && memcmp(r->at, oid->bytes, oid->size) == 0;
}

static enum spnego_mech mech_of(const struct rd *r)
{
    for (unsigned i = SPNEGO_MECH_NTLM; i <= SPNEGO_MECH_MS_KERBEROS; i++) {
        if (is_oid(r, &mech_oids[i]))
            return (enum spnego_mech)i;
    }
    return SPNEGO_MECH_OTHER;
}

enum spnego_kind spnego_classify(const struct rd *r)
{
    static const uint8_t ntlm[8] = "NTLMSSP";

    if (r->left >= sizeof(ntlm) && memcmp(r->at, ntlm, sizeof(ntlm)) == 0)
        return SPNEGO_KIND_RAW_NTLM;
    if (der_at(r, DER_APPLICATION_0))
        return SPNEGO_KIND_INIT;
    return der_at(r, NEG_TOKEN_RESP) ? SPNEGO_KIND_RESP : SPNEGO_KIND_UNKNOWN;
}

bool spnego_is_kerberos(const struct rd *r)
{
    struct rd token = *r, outer, oid;

    der_enter(&token, DER_APPLICATION_0, &outer, "InitialContextToken");
    der_enter(&outer, DER_OID, &oid, "InitialContextToken.thisMech");
    return rd_ok(&outer) && is_oid(&oid, &mech_oids[SPNEGO_MECH_KERBEROS]);
}

static bool read_octets(struct rd *seq, unsigned n, struct rd *out, const char *where)
{
    bool has = der_at(seq, DER_EXPLICIT(n));

    if (has)
        der_enter_explicit(seq, n, DER_OCTET_STRING, out, where);
    return has;
}

/* Go through the list, which keeps its header: the mechListMIC is over the whole of it. */
static void read_mech_types(struct rd *seq, struct spnego_init *out)
{
    const char *where = "NegTokenInit.mechTypes";
    struct rd tagged, list, oid;

    der_enter(seq, DER_EXPLICIT(0), &tagged, where);
    out->mech_types = tagged;
    der_enter(&tagged, DER_SEQUENCE, &list, where);
    rd_end(&tagged, where);
    rd_max(&tagged, where, (uint32_t)out->mech_types.left, SPNEGO_MECH_TYPES_SIZE_MAX);
    rd_adopt(&list, &tagged);
    while (rd_ok(&list) && list.left > 0) {
        enum spnego_mech mech;

        der_enter(&list, DER_OID, &oid, where);
        rd_max(&list, where, out->mech_count + 1, SPNEGO_MECH_COUNT_MAX);
        mech = mech_of(&oid);
        if (out->mech_count == 0)
            out->first = mech;
        if (mech == SPNEGO_MECH_NTLM && !out->has_ntlm) {
            out->has_ntlm = true;
            out->ntlm_index = out->mech_count;
        }
        out->mech_count++;
    }
    if (rd_ok(&list))
        rd_min(&list, where, out->mech_count, 1);
    rd_adopt(seq, &list);
}

/* RFC 2743 3.1: the mechanism's OID, then its token. */
static void enter_init(struct rd *r, struct rd *seq)
{
    struct rd outer, oid;

    der_enter(r, DER_APPLICATION_0, &outer, "InitialContextToken");
    rd_end(r, "InitialContextToken");
    der_enter(&outer, DER_OID, &oid, "InitialContextToken.thisMech");
    if (rd_ok(&outer) && !is_oid(&oid, &spnego_oid))
        rd_refuse(&outer, SP_EVALUE, "InitialContextToken.thisMech", (uint32_t)oid.left,
                  spnego_oid.size);
    der_enter_explicit(&outer, 0, DER_SEQUENCE, seq, "NegTokenInit");
    rd_end(&outer, "NegTokenInit");
    rd_adopt(r, &outer);
}

enum sp_err spnego_init_read(struct rd *r, struct spnego_init *out)
{
    struct spnego_init init = {0};
    struct rd seq, unused;

    enter_init(r, &seq);
    rd_adopt(&seq, r);
    read_mech_types(&seq, &init);
    if (der_at(&seq, DER_EXPLICIT(1)))
        der_enter_explicit(&seq, 1, DER_BIT_STRING, &unused, "NegTokenInit.reqFlags");
    init.has_mech_token = read_octets(&seq, 2, &init.mech_token, "NegTokenInit.mechToken");
    /* [3] is mechListMIC in RFC 4178 and negHints in MS-SPNG 2.2.1, which has the MIC in [4] */
    for (unsigned n = 3; n <= 4; n++) {
        if (der_at(&seq, DER_EXPLICIT(n)))
            der_enter(&seq, DER_EXPLICIT(n), &unused, "NegTokenInit.negHints");
    }
    rd_end(&seq, "NegTokenInit");
    rd_adopt(r, &seq);
    if (rd_ok(r))
        *out = init;
    return r->fail.code;
}

static size_t mech_list_size(const enum spnego_mech *mechs, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += der_size(mech_oids[mechs[i]].size);
    return size;
}

enum sp_err spnego_init_write(struct wr *w, const enum spnego_mech *mechs, size_t mech_count,
                              const uint8_t *token, size_t token_size)
{
    size_t list = mech_list_size(mechs, mech_count);
    size_t content = der_explicit_size(list) + (token ? der_explicit_size(token_size) : 0);

    der_header(w, DER_APPLICATION_0, der_size(spnego_oid.size) + der_explicit_size(content));
    der_bytes(w, DER_OID, spnego_oid.bytes, spnego_oid.size);
    der_header(w, NEG_TOKEN_INIT, der_size(content));
    der_header(w, DER_SEQUENCE, content);
    der_header(w, DER_EXPLICIT(0), der_size(list));
    der_header(w, DER_SEQUENCE, list);
    for (size_t i = 0; i < mech_count; i++)
        der_bytes(w, DER_OID, mech_oids[mechs[i]].bytes, mech_oids[mechs[i]].size);
    if (token != NULL)
        der_explicit_bytes(w, 2, DER_OCTET_STRING, token, token_size);
    return w->fail.code;
}

static void read_neg_state(struct rd *seq, struct spnego_resp *out)
{
    struct rd state;

    out->has_neg_state = der_at(seq, DER_EXPLICIT(0));
    if (!out->has_neg_state)
        return;
    der_enter_explicit(seq, 0, DER_ENUMERATED, &state, "NegTokenResp.negState");
    if (!rd_ok(seq))
        return;
    out->neg_state = rd_u8(&state, "NegTokenResp.negState");
    rd_end(&state, "NegTokenResp.negState");
    if (rd_ok(&state) && out->neg_state > SPNEGO_REQUEST_MIC)
        rd_refuse(&state, SP_EVALUE, "NegTokenResp.negState", out->neg_state, SPNEGO_REQUEST_MIC);
    rd_adopt(seq, &state);
}

enum sp_err spnego_resp_read(struct rd *r, struct spnego_resp *out)
{
    struct spnego_resp resp = {0};
    struct rd seq, oid;

    der_enter_explicit(r, NEG_TOKEN_RESP & 0x1F, DER_SEQUENCE, &seq, "NegTokenResp");
    rd_end(r, "NegTokenResp");
    read_neg_state(&seq, &resp);
    resp.has_supported_mech = der_at(&seq, DER_EXPLICIT(1));
    if (resp.has_supported_mech) {
        der_enter_explicit(&seq, 1, DER_OID, &oid, "NegTokenResp.supportedMech");
        resp.supported_mech = mech_of(&oid);
    }
    resp.has_response_token =
        read_octets(&seq, 2, &resp.response_token, "NegTokenResp.responseToken");
    resp.has_mech_list_mic = read_octets(&seq, 3, &resp.mech_list_mic, "NegTokenResp.mechListMIC");
    rd_end(&seq, "NegTokenResp");
    rd_adopt(r, &seq);
    if (rd_ok(r))
        *out = resp;
    return r->fail.code;
}

static size_t resp_size(const struct spnego_resp *resp)
{
    size_t size = resp->has_neg_state ? der_explicit_size(1) : 0;

    if (resp->has_supported_mech)
        size += der_explicit_size(mech_oids[resp->supported_mech].size);
    if (resp->has_response_token)
        size += der_explicit_size(resp->response_token.left);
    if (resp->has_mech_list_mic)
        size += der_explicit_size(resp->mech_list_mic.left);
    return size;
}

enum sp_err spnego_resp_write(struct wr *w, const struct spnego_resp *resp)
{
    const struct oid *oid = &mech_oids[resp->supported_mech];
    size_t content = resp_size(resp);

    if (resp->has_supported_mech && resp->supported_mech == SPNEGO_MECH_OTHER)
        return wr_refuse(w, SP_EVALUE, "NegTokenResp.supportedMech", 0, SPNEGO_MECH_NTLM);
    der_header(w, NEG_TOKEN_RESP, der_size(content));
    der_header(w, DER_SEQUENCE, content);
    if (resp->has_neg_state)
        der_explicit_bytes(w, 0, DER_ENUMERATED, &resp->neg_state, 1);
    if (resp->has_supported_mech)
        der_explicit_bytes(w, 1, DER_OID, oid->bytes, oid->size);
    if (resp->has_response_token)
        der_explicit_bytes(w, 2, DER_OCTET_STRING, resp->response_token.at,
                           resp->response_token.left);
    if (resp->has_mech_list_mic)
        der_explicit_bytes(w, 3, DER_OCTET_STRING, resp->mech_list_mic.at,
                           resp->mech_list_mic.left);
    return w->fail.code;
}
