/* SPDX-License-Identifier: Apache-2.0
 * Fuzz share PDUs: the walk consumes what it says, and user ids change nothing else.
 */
#include <string.h>

#include "rdp/share.h"

#define USER     0x03EF
#define OUT_SIZE 70000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_data(struct rd body)
{
    struct share_control_action control;
    struct share_data data;
    struct rd copy;
    uint32_t value;
    uint16_t user;

    if (share_data_read(&body, &data) != SP_OK)
        return;
    copy = data.body;
    (void)!share_read_synchronize(&copy, &user);
    copy = data.body;
    if (share_read_control(&copy, &control) == SP_OK)
        SP_BUG(control.action == 0 || control.action > CTRLACTION_COOPERATE);
    copy = data.body;
    (void)!share_read_set_error_info(&copy, &value);
    copy = data.body;
    (void)!share_read_status_info(&copy, &value);
    (void)share_client_type_allowed(data.pdu_type2);
}

/* To the same id is a copy; to another id changes two places of two bytes at most. */
static void rewrite(const struct share_pdu *pdu)
{
    static uint8_t out[OUT_SIZE];
    size_t changed = 0;
    struct wr w;

    wr_init(&w, out, sizeof(out));
    SP_BUG((share_rewrite_user(pdu, USER, USER, &w) == SP_OK) == pdu->is_flow);
    if (pdu->is_flow)
        return;
    SP_BUG(w.pos != pdu->whole.left || memcmp(out, pdu->whole.at, w.pos) != 0);
    wr_init(&w, out, sizeof(out));
    SP_BUG(share_rewrite_user(pdu, USER, 0x1234, &w) != SP_OK);
    for (size_t i = 0; i < w.pos; i++)
        changed += out[i] != pdu->whole.at[i];
    SP_BUG(changed > 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct share_pdu pdu;
    struct rd r;
    size_t consumed = 0;

    rd_init(&r, data, size);
    while (r.left > 0 && share_next(&r, &pdu) == SP_OK) {
        consumed += pdu.whole.left;
        SP_BUG(consumed != rd_pos(&r));
        rewrite(&pdu);
        if (pdu.type == PDUTYPE_DATAPDU)
            open_data(pdu.body);
    }
    return 0;
}
