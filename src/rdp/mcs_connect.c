/* SPDX-License-Identifier: Apache-2.0
 * MCS Connect Initial and Connect Response in BER; T.125 7, MS-RDPBCGR 2.2.1.3 and 2.2.1.4.
 */
#include "rdp/mcs.h"

#include "rdp/ber.h"
#include "rdp/frame.h"

#define TAG_CONNECT_INITIAL  0x7f65
#define TAG_CONNECT_RESPONSE 0x7f66

#define MAX_CHANNEL_IDS_MIN  4
#define MAX_USER_IDS_MIN     3
#define MAX_MCS_PDU_SIZE_MIN 124
#define MCS_PROTOCOL_VERSION 2
#define HEAD_SIZE_MAX        192 /* selectors, flag and three parameter sets of 50 bytes */

static void parameters_read(struct rd *r, struct mcs_domain_parameters *out)
{
    struct rd p;

    ber_open(r, BER_SEQUENCE, &p, "DomainParameters");
    out->max_channel_ids = ber_integer_read(&p, "DomainParameters.maxChannelIds");
    out->max_user_ids = ber_integer_read(&p, "DomainParameters.maxUserIds");
    out->max_token_ids = ber_integer_read(&p, "DomainParameters.maxTokenIds");
    out->num_priorities = ber_integer_read(&p, "DomainParameters.numPriorities");
    out->min_throughput = ber_integer_read(&p, "DomainParameters.minThroughput");
    out->max_height = ber_integer_read(&p, "DomainParameters.maxHeight");
    out->max_mcs_pdu_size = ber_integer_read(&p, "DomainParameters.maxMCSPDUsize");
    out->protocol_version = ber_integer_read(&p, "DomainParameters.protocolVersion");
    rd_end(&p, "DomainParameters");
    rd_adopt(r, &p);
}

static void parameters_write(struct wr *w, const struct mcs_domain_parameters *in)
{
    uint8_t buf[64];
    struct wr p;

    wr_init(&p, buf, sizeof(buf));
    ber_integer_write(&p, in->max_channel_ids);
    ber_integer_write(&p, in->max_user_ids);
    ber_integer_write(&p, in->max_token_ids);
    ber_integer_write(&p, in->num_priorities);
    ber_integer_write(&p, in->min_throughput);
    ber_integer_write(&p, in->max_height);
    ber_integer_write(&p, in->max_mcs_pdu_size);
    ber_integer_write(&p, in->protocol_version);
    wr_u8(w, BER_SEQUENCE);
    wr_u8(w, (uint8_t)p.pos); /* 8 numbers of at most 6 bytes: below 128 */
    wr_bytes(w, buf, p.pos);
}

static enum sp_err merge_pdu_size(const struct mcs_connect_initial *in,
                                  struct mcs_domain_parameters *out, struct sp_fail *fail)
{
    uint32_t target = in->target.max_mcs_pdu_size;
    uint32_t min = in->min.max_mcs_pdu_size;
    uint32_t max = in->max.max_mcs_pdu_size;

    if (target < MAX_MCS_PDU_SIZE_MIN)
        target = max;
    if (target < MAX_MCS_PDU_SIZE_MIN)
        return sp_fail_set(fail, SP_EVALUE, "DomainParameters.maxMCSPDUsize", target,
                           MAX_MCS_PDU_SIZE_MIN);
    if (target > MCS_MAX_PDU_SIZE && (min < MAX_MCS_PDU_SIZE_MIN || min > MCS_MAX_PDU_SIZE))
        return sp_fail_set(fail, SP_EVALUE, "DomainParameters.maxMCSPDUsize", min,
                           MCS_MAX_PDU_SIZE);
    out->max_mcs_pdu_size = target > MCS_MAX_PDU_SIZE ? MCS_MAX_PDU_SIZE : target;
    return SP_OK;
}

enum sp_err mcs_domain_parameters_merge(const struct mcs_connect_initial *in,
                                        struct mcs_domain_parameters *out, struct sp_fail *fail)
{
    const struct mcs_domain_parameters *target = &in->target;
    struct mcs_domain_parameters merged = {
        .max_channel_ids = target->max_channel_ids,
        .max_user_ids = target->max_user_ids,
        .max_token_ids = target->max_token_ids,
        .num_priorities = 1,
        .min_throughput = target->min_throughput,
        .max_height = 1,
        .protocol_version = MCS_PROTOCOL_VERSION,
    };

    /* Stricter than the specification, which would raise it: only an attack (CVE-2012-0002) asks
     * for fewer channels than every connection needs. */
    if (target->max_channel_ids < MAX_CHANNEL_IDS_MIN)
        return sp_fail_set(fail, SP_EVALUE, "DomainParameters.maxChannelIds",
                           target->max_channel_ids, MAX_CHANNEL_IDS_MIN);
    if (target->max_user_ids < MAX_USER_IDS_MIN) {
        if (in->max.max_user_ids < MAX_USER_IDS_MIN)
            return sp_fail_set(fail, SP_EVALUE, "DomainParameters.maxUserIds", in->max.max_user_ids,
                               MAX_USER_IDS_MIN);
        merged.max_user_ids = MAX_USER_IDS_MIN;
    }
    if (in->min.num_priorities > 1)
        return sp_fail_set(fail, SP_EVALUE, "DomainParameters.numPriorities",
                           in->min.num_priorities, 1);
    if (target->max_height != 1 && in->min.max_height > 1)
        return sp_fail_set(fail, SP_EVALUE, "DomainParameters.maxHeight", in->min.max_height, 1);
    if (target->protocol_version != MCS_PROTOCOL_VERSION &&
        (in->min.protocol_version > MCS_PROTOCOL_VERSION ||
         in->max.protocol_version < MCS_PROTOCOL_VERSION))
        return sp_fail_set(fail, SP_EVALUE, "DomainParameters.protocolVersion",
                           target->protocol_version, MCS_PROTOCOL_VERSION);
    if (merge_pdu_size(in, &merged, fail) != SP_OK)
        return SP_EVALUE;
    *out = merged;
    return SP_OK;
}

void mcs_connect_initial_defaults(struct mcs_connect_initial *out)
{
    *out = (struct mcs_connect_initial){
        .target = {34, 2, 0, 1, 0, 1, 65535, MCS_PROTOCOL_VERSION},
        .min = {1, 1, 1, 1, 0, 1, 1056, MCS_PROTOCOL_VERSION},
        .max = {65535, 64535, 65535, 1, 0, 1, 65535, MCS_PROTOCOL_VERSION},
    };
}

/* Open TPKT, X.224 and the connect PDU's outermost tag, which must fill the rest. */
static void connect_open(struct rd *pdu, uint16_t tag, struct rd *body, const char *where)
{
    struct rd payload;
    bool disconnect = false;

    rd_init(&payload, NULL, 0);
    if (rdp_data_open(pdu, &payload, &disconnect) != SP_OK)
        payload.fail = pdu->fail;
    else if (disconnect)
        rd_refuse(&payload, SP_ECLOSED, "X.224 Disconnect Request", 0, 0);
    ber_open(&payload, tag, body, where);
    rd_end(&payload, where);
    rd_adopt(pdu, &payload);
}

/* Take the last field, and let the failures of the contents become the PDU's. */
static void user_data_read(struct rd *pdu, struct rd *body, struct rd *user_data, const char *where)
{
    ber_open(body, BER_OCTET_STRING, user_data, where);
    rd_end(body, where);
    rd_adopt(pdu, body);
}

/* Append the whole connect PDU: head is all its contents before the user data. */
static enum sp_err connect_write(struct wr *w, uint16_t tag, const struct wr *head,
                                 const struct rd *user_data)
{
    size_t size = user_data->left;
    size_t mark = rdp_data_begin(w);

    SP_BUG(!wr_ok(head));
    ber_header_write(w, tag, head->pos + ber_header_size(BER_OCTET_STRING, size) + size);
    wr_bytes(w, head->buf, head->pos);
    ber_header_write(w, BER_OCTET_STRING, size);
    wr_bytes(w, user_data->at, size);
    rdp_data_end(w, mark);
    return w->fail.code;
}

enum sp_err mcs_connect_initial_read(struct rd *pdu, struct mcs_connect_initial *out)
{
    struct mcs_connect_initial ci = {0};
    struct rd body, skipped;

    connect_open(pdu, TAG_CONNECT_INITIAL, &body, "Connect-Initial");
    ber_open(&body, BER_OCTET_STRING, &skipped, "Connect-Initial.callingDomainSelector");
    ber_open(&body, BER_OCTET_STRING, &skipped, "Connect-Initial.calledDomainSelector");
    ber_open(&body, BER_BOOLEAN, &skipped, "Connect-Initial.upwardFlag");
    if (rd_ok(&body))
        rd_want(&body, "Connect-Initial.upwardFlag", (uint32_t)skipped.left, 1);
    parameters_read(&body, &ci.target);
    parameters_read(&body, &ci.min);
    parameters_read(&body, &ci.max);
    user_data_read(pdu, &body, &ci.user_data, "Connect-Initial.userData");
    if (rd_ok(pdu))
        *out = ci;
    return pdu->fail.code;
}

enum sp_err mcs_connect_initial_write(struct wr *w, const struct mcs_connect_initial *in)
{
    uint8_t buf[HEAD_SIZE_MAX];
    struct wr head;

    wr_init(&head, buf, sizeof(buf));
    wr_bytes(&head, (const uint8_t[]){BER_OCTET_STRING, 1, 1, BER_OCTET_STRING, 1, 1}, 6);
    wr_bytes(&head, (const uint8_t[]){BER_BOOLEAN, 1, 0xff}, 3);
    parameters_write(&head, &in->target);
    parameters_write(&head, &in->min);
    parameters_write(&head, &in->max);
    return connect_write(w, TAG_CONNECT_INITIAL, &head, &in->user_data);
}

enum sp_err mcs_connect_response_read(struct rd *pdu, struct mcs_connect_response *out)
{
    struct mcs_connect_response cr = {0};
    struct rd body;

    connect_open(pdu, TAG_CONNECT_RESPONSE, &body, "Connect-Response");
    cr.result = ber_enumerated_read(&body, "Connect-Response.result");
    (void)ber_integer_read(&body, "Connect-Response.calledConnectId");
    parameters_read(&body, &cr.parameters);
    user_data_read(pdu, &body, &cr.user_data, "Connect-Response.userData");
    if (rd_ok(pdu))
        *out = cr;
    return pdu->fail.code;
}

enum sp_err mcs_connect_response_write(struct wr *w, const struct mcs_connect_response *in)
{
    uint8_t buf[HEAD_SIZE_MAX];
    struct wr head;

    wr_init(&head, buf, sizeof(buf));
    wr_bytes(&head, (const uint8_t[]){BER_ENUMERATED, 1, in->result}, 3);
    ber_integer_write(&head, 0); /* calledConnectId */
    parameters_write(&head, &in->parameters);
    return connect_write(w, TAG_CONNECT_RESPONSE, &head, &in->user_data);
}
