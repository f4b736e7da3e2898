/* SPDX-License-Identifier: Apache-2.0
 * TSCredentials: what a client delegates inside authInfo.
 */
#include "rdp/credssp.h"
#include "rdp/der.h"

static void read_text(struct rd *seq, unsigned n, struct rd *out, const char *where)
{
    der_enter_explicit(seq, n, DER_OCTET_STRING, out, where);
    if (rd_ok(seq) && out->left % 2 != 0)
        rd_refuse(seq, SP_EVALUE, where, (uint32_t)out->left, 0);
}

static void read_optional_text(struct rd *seq, unsigned n, const char *where)
{
    struct rd unused;

    if (der_at(seq, DER_EXPLICIT(n)))
        read_text(seq, n, &unused, where);
}

/* MS-CSSP 2.2.1.2.1 */
static void read_password(struct rd *creds, struct ts_password *out)
{
    struct rd seq;

    der_enter(creds, DER_SEQUENCE, &seq, "TSPasswordCreds");
    read_text(&seq, 0, &out->domain, "TSPasswordCreds.domainName");
    read_text(&seq, 1, &out->user, "TSPasswordCreds.userName");
    read_text(&seq, 2, &out->password, "TSPasswordCreds.password");
    rd_end(&seq, "TSPasswordCreds");
    rd_adopt(creds, &seq);
    if (rd_ok(creds))
        out->is_empty = out->domain.left + out->user.left + out->password.left == 0;
}

/* MS-CSSP 2.2.1.2.2.1; every name in it is optional (FreeRDP a7b051b59) */
static void check_csp_detail(struct rd *seq)
{
    struct rd detail, key_spec;

    der_enter_explicit(seq, 1, DER_SEQUENCE, &detail, "TSCspDataDetail");
    der_enter_explicit(&detail, 0, DER_INTEGER, &key_spec, "TSCspDataDetail.keySpec");
    read_optional_text(&detail, 1, "TSCspDataDetail.cardName");
    read_optional_text(&detail, 2, "TSCspDataDetail.readerName");
    read_optional_text(&detail, 3, "TSCspDataDetail.containerName");
    read_optional_text(&detail, 4, "TSCspDataDetail.cspName");
    rd_end(&detail, "TSCspDataDetail");
    rd_adopt(seq, &detail);
}

/* MS-CSSP 2.2.1.2.2; the PIN goes nowhere */
static void check_smartcard(struct rd *creds)
{
    struct rd seq, pin;

    der_enter(creds, DER_SEQUENCE, &seq, "TSSmartCardCreds");
    read_text(&seq, 0, &pin, "TSSmartCardCreds.pin");
    check_csp_detail(&seq);
    read_optional_text(&seq, 2, "TSSmartCardCreds.userHint");
    read_optional_text(&seq, 3, "TSSmartCardCreds.domainHint");
    rd_end(&seq, "TSSmartCardCreds");
    rd_adopt(creds, &seq);
}

static uint32_t read_type(struct rd *seq)
{
    struct rd tagged;
    int64_t type;

    der_enter(seq, DER_EXPLICIT(0), &tagged, "TSCredentials.credType");
    type = der_integer(&tagged, DER_INTEGER, "TSCredentials.credType");
    rd_end(&tagged, "TSCredentials.credType");
    rd_adopt(seq, &tagged);
    if (!rd_ok(seq))
        return 0;
    if (type == TS_CRED_REMOTE_GUARD)
        rd_refuse(seq, SP_EDENIED, "TSCredentials.credType", (uint32_t)type, TS_CRED_PASSWORD);
    else if (type != TS_CRED_PASSWORD && type != TS_CRED_SMARTCARD)
        rd_refuse(seq, SP_EVALUE, "TSCredentials.credType", (uint32_t)type, TS_CRED_PASSWORD);
    return (uint32_t)type;
}

enum sp_err ts_credentials_read(struct rd *r, struct ts_credentials *out)
{
    struct ts_credentials c = {0};
    struct rd seq, creds;

    der_enter(r, DER_SEQUENCE, &seq, "TSCredentials");
    rd_end(r, "TSCredentials");
    c.type = read_type(&seq);
    der_enter_explicit(&seq, 1, DER_OCTET_STRING, &creds, "TSCredentials.credentials");
    rd_end(&seq, "TSCredentials");
    rd_adopt(r, &seq);
    if (!rd_ok(r))
        return r->fail.code;
    if (c.type == TS_CRED_PASSWORD)
        read_password(&creds, &c.password);
    else
        check_smartcard(&creds);
    rd_end(&creds, "TSCredentials.credentials");
    rd_adopt(r, &creds);
    if (rd_ok(r))
        *out = c;
    return r->fail.code;
}

enum sp_err ts_credentials_write(struct wr *w, const struct ts_password *p)
{
    static const uint8_t type = TS_CRED_PASSWORD;
    size_t content = der_explicit_size(p->domain.left) + der_explicit_size(p->user.left) +
                     der_explicit_size(p->password.left);
    size_t creds = der_size(content);

    der_header(w, DER_SEQUENCE, der_explicit_size(sizeof(type)) + der_explicit_size(creds));
    der_explicit_bytes(w, 0, DER_INTEGER, &type, sizeof(type));
    der_header(w, DER_EXPLICIT(1), der_size(creds));
    der_header(w, DER_OCTET_STRING, creds);
    der_header(w, DER_SEQUENCE, content);
    der_explicit_bytes(w, 0, DER_OCTET_STRING, p->domain.at, p->domain.left);
    der_explicit_bytes(w, 1, DER_OCTET_STRING, p->user.at, p->user.left);
    der_explicit_bytes(w, 2, DER_OCTET_STRING, p->password.at, p->password.left);
    return w->fail.code;
}
