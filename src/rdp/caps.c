/* SPDX-License-Identifier: Apache-2.0
 * Demand Active and Confirm Active: the list of capability sets, read and written.
 */
#include "rdp/caps.h"

#include <string.h>

#include "rdp/share.h"

#define SET_HEADER_SIZE 4
#define COUNT_SIZE      4 /* numberCapabilities and its pad, counted by the combined length */

/* numberCapabilities and the sets fill the combined length to the byte. */
static void read_sets(struct rd *r, struct active_pdu *pdu)
{
    pdu->set_count = rd_u16le(r, "TS_DEMAND_ACTIVE_PDU.numberCapabilities");
    rd_skip(r, 2, "TS_DEMAND_ACTIVE_PDU.pad2Octets");
    rd_max(r, "TS_DEMAND_ACTIVE_PDU.numberCapabilities", pdu->set_count, CAPS_SET_MAX);
    for (uint16_t i = 0; i < pdu->set_count && rd_ok(r); i++) {
        struct caps_set *set = &pdu->sets[i];
        uint16_t size;

        set->type = rd_u16le(r, "TS_CAPS_SET.capabilitySetType");
        size = rd_u16le(r, "TS_CAPS_SET.lengthCapability");
        rd_min(r, "TS_CAPS_SET.lengthCapability", size, SET_HEADER_SIZE);
        if (!rd_ok(r))
            return;
        rd_sub(r, (size_t)size - SET_HEADER_SIZE, &set->data, "TS_CAPS_SET.lengthCapability");
    }
    rd_end(r, "TS_DEMAND_ACTIVE_PDU.lengthCombinedCapabilities");
}

static void refuse_duplicates(struct rd *r, const struct active_pdu *pdu)
{
    for (uint16_t i = 1; i < pdu->set_count && rd_ok(r); i++) {
        for (uint16_t k = 0; k < i; k++) {
            if (pdu->sets[k].type == pdu->sets[i].type)
                rd_refuse(r, SP_EVALUE, "TS_CAPS_SET.capabilitySetType", pdu->sets[i].type, 0);
        }
    }
}

static void read_body(struct rd *r, struct active_pdu *pdu)
{
    struct rd sets;

    pdu->share_id = rd_u32le(r, "TS_DEMAND_ACTIVE_PDU.shareId");
    if (pdu->is_confirm)
        rd_want(r, "TS_CONFIRM_ACTIVE_PDU.originatorID",
                rd_u16le(r, "TS_CONFIRM_ACTIVE_PDU.originatorID"), CAPS_ORIGINATOR);
    pdu->descriptor_size = rd_u16le(r, "TS_DEMAND_ACTIVE_PDU.lengthSourceDescriptor");

    uint16_t combined = rd_u16le(r, "TS_DEMAND_ACTIVE_PDU.lengthCombinedCapabilities");

    rd_max(r, "TS_DEMAND_ACTIVE_PDU.lengthSourceDescriptor", pdu->descriptor_size,
           CAPS_DESCRIPTOR_MAX);
    rd_min(r, "TS_DEMAND_ACTIVE_PDU.lengthCombinedCapabilities", combined, COUNT_SIZE);
    pdu->descriptor = rd_bytes(r, pdu->descriptor_size, "TS_DEMAND_ACTIVE_PDU.sourceDescriptor");
    rd_sub(r, combined, &sets, "TS_DEMAND_ACTIVE_PDU.lengthCombinedCapabilities");
    read_sets(&sets, pdu);
    rd_adopt(r, &sets);
    refuse_duplicates(r, pdu);
    if (!pdu->is_confirm)
        pdu->session_id = rd_u32le(r, "TS_DEMAND_ACTIVE_PDU.sessionId");
    rd_end(r, "TS_DEMAND_ACTIVE_PDU");
}

static enum sp_err read_active(struct rd *r, uint8_t type, struct active_pdu *out)
{
    struct active_pdu pdu;
    struct share_pdu share;
    enum sp_err err = share_next(r, &share);

    if (err != SP_OK)
        return err;
    rd_end(r, "TS_SHARECONTROLHEADER.totalLength");
    rd_want(r, "TS_SHARECONTROLHEADER.pduType", share.type, type);
    if (!rd_ok(r))
        return r->fail.code;
    memset(&pdu, 0, sizeof(pdu));
    pdu.is_confirm = type == PDUTYPE_CONFIRMACTIVEPDU;
    pdu.pdu_source = share.pdu_source;
    read_body(&share.body, &pdu);
    rd_adopt(r, &share.body);
    if (rd_ok(r))
        *out = pdu;
    return r->fail.code;
}

enum sp_err demand_active_read(struct rd *r, struct active_pdu *out)
{
    return read_active(r, PDUTYPE_DEMANDACTIVEPDU, out);
}

enum sp_err confirm_active_read(struct rd *r, struct active_pdu *out)
{
    return read_active(r, PDUTYPE_CONFIRMACTIVEPDU, out);
}

void active_pdu_write(struct wr *w, const struct active_pdu *pdu)
{
    uint16_t type = pdu->is_confirm ? PDUTYPE_CONFIRMACTIVEPDU : PDUTYPE_DEMANDACTIVEPDU;
    size_t begin = share_control_begin(w, type | PDU_VERSION, pdu->pdu_source);

    wr_u32le(w, pdu->share_id);
    if (pdu->is_confirm)
        wr_u16le(w, CAPS_ORIGINATOR);
    wr_u16le(w, pdu->descriptor_size);

    size_t combined = wr_gap(w, 2);

    wr_bytes(w, pdu->descriptor, pdu->descriptor_size);

    size_t sets = w->pos;

    wr_u16le(w, pdu->set_count);
    wr_u16le(w, 0);
    for (uint16_t i = 0; i < pdu->set_count; i++) {
        const struct rd *data = &pdu->sets[i].data;

        wr_u16le(w, pdu->sets[i].type);
        wr_u16le(w, (uint16_t)(data->left + SET_HEADER_SIZE));
        wr_bytes(w, data->at, data->left);
    }
    if (wr_ok(w))
        wr_patch_u16le(w, combined, (uint16_t)(w->pos - sets));
    if (!pdu->is_confirm)
        wr_u32le(w, pdu->session_id);
    share_control_end(w, begin);
}

const struct caps_set *active_pdu_find(const struct active_pdu *pdu, uint16_t type)
{
    for (uint16_t i = 0; i < pdu->set_count; i++) {
        if (pdu->sets[i].type == type)
            return &pdu->sets[i];
    }
    return NULL;
}
