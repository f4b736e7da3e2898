/* SPDX-License-Identifier: Apache-2.0
 * Fuzz MCS domain PDUs: what was read, written again, reads the same; the payload lies where
 * data_offset says, and rewriting in place changes nothing else.
 */
#include <string.h>

#include "rdp/mcs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_send(const struct mcs_pdu *pdu)
{
    return pdu->type == MCS_SEND_DATA_REQUEST || pdu->type == MCS_SEND_DATA_INDICATION;
}

static void write_pdu(struct wr *w, const struct mcs_pdu *pdu)
{
    enum sp_err err = SP_OK;

    if (is_send(pdu)) {
        size_t mark = mcs_send_begin(w, pdu->type == MCS_SEND_DATA_INDICATION, pdu->initiator,
                                     pdu->channel_id);
        wr_bytes(w, pdu->data.at, pdu->data.left);
        mcs_send_end(w, mark);
    } else if (pdu->type == MCS_ERECT_DOMAIN_REQUEST) {
        err = mcs_erect_domain_request_write(w);
    } else if (pdu->type == MCS_ATTACH_USER_REQUEST) {
        err = mcs_attach_user_request_write(w);
    } else if (pdu->type == MCS_ATTACH_USER_CONFIRM) {
        err = mcs_attach_user_confirm_write(w, pdu->initiator);
    } else if (pdu->type == MCS_CHANNEL_JOIN_REQUEST) {
        err = mcs_channel_join_request_write(w, pdu->initiator, pdu->channel_id);
    } else if (pdu->type == MCS_CHANNEL_JOIN_CONFIRM) {
        err = mcs_channel_join_confirm_write(w, pdu->initiator, pdu->channel_id);
    } else {
        err = mcs_disconnect_ultimatum_write(w, pdu->reason);
    }
    SP_BUG(err != SP_OK || !wr_ok(w));
}

/* Writers of confirms write only success, with the channel that was requested. */
static bool is_writable(const struct mcs_pdu *pdu)
{
    if (pdu->type != MCS_ATTACH_USER_CONFIRM && pdu->type != MCS_CHANNEL_JOIN_CONFIRM)
        return true;
    return pdu->has_id && pdu->result == 0 && pdu->requested == pdu->channel_id;
}

static void check_same(const struct mcs_pdu *a, const struct mcs_pdu *b)
{
    SP_BUG(a->type != b->type || a->initiator != b->initiator || a->has_id != b->has_id);
    SP_BUG(a->channel_id != b->channel_id || a->requested != b->requested);
    SP_BUG(a->result != b->result || a->reason != b->reason || a->data.left != b->data.left);
    SP_BUG(a->data.left > 0 && memcmp(a->data.at, b->data.at, a->data.left) != 0);
}

static void check_patch(const struct mcs_pdu *pdu, const uint8_t *data, size_t size)
{
    static uint8_t copy[70000];

    SP_BUG(pdu->data.at != data + pdu->data_offset || pdu->data.left != size - pdu->data_offset);
    memcpy(copy, data, size);
    mcs_send_patch(copy, size, pdu->type, pdu->initiator, pdu->channel_id);
    SP_BUG(memcmp(copy, data, size) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[70000];
    struct mcs_pdu pdu, again;
    struct rd r;
    struct wr w;

    if (size > sizeof(out) - MCS_SEND_OVERHEAD_MAX)
        return 0;
    rd_init(&r, data, size);
    if (mcs_domain_read(&r, &pdu) != SP_OK) {
        SP_BUG(r.fail.where == NULL);
        return 0;
    }
    if (is_send(&pdu))
        check_patch(&pdu, data, size);
    if (!is_writable(&pdu))
        return 0;
    wr_init(&w, out, sizeof(out));
    write_pdu(&w, &pdu);
    rd_init(&r, out, w.pos);
    SP_BUG(mcs_domain_read(&r, &again) != SP_OK);
    check_same(&pdu, &again);
    return 0;
}
