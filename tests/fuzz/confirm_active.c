/* SPDX-License-Identifier: Apache-2.0
 * Fuzz Confirm Active: written again it has the same bytes, and the edits hold.
 */
#include <string.h>

#include "rdp/caps.h"

#define OUT_SIZE  0x9000
#define BACK_USER 0x0401

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[OUT_SIZE];

static void write_again(const struct active_pdu *pdu, size_t size)
{
    struct active_pdu again;
    struct rd r;
    struct wr w;

    wr_init(&w, out, sizeof(out));
    active_pdu_write(&w, pdu);
    SP_BUG(!wr_ok(&w) || w.pos != size);
    rd_init(&r, out, w.pos);
    SP_BUG(confirm_active_read(&r, &again) != SP_OK);
    SP_BUG(again.set_count != pdu->set_count || again.share_id != pdu->share_id);
    for (uint16_t i = 0; i < pdu->set_count; i++) {
        SP_BUG(again.sets[i].type != pdu->sets[i].type);
        SP_BUG(again.sets[i].data.left != pdu->sets[i].data.left);
        SP_BUG(memcmp(again.sets[i].data.at, pdu->sets[i].data.at, again.sets[i].data.left) != 0);
    }
}

static void edit(const uint8_t *data, size_t size, const struct caps_policy *policy)
{
    static const uint8_t none[4];
    const struct caps_set *channels;
    struct caps_facts facts;
    struct active_pdu pdu;
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    wr_init(&w, out, sizeof(out));
    if (confirm_active_edit(&r, policy, BACK_USER, &w, &facts) != SP_OK) {
        SP_BUG(wr_ok(&w) && w.pos != 0);
        return;
    }
    rd_init(&r, out, w.pos);
    SP_BUG(confirm_active_read(&r, &pdu) != SP_OK);
    SP_BUG(facts.vc_chunk_size < CAPS_CHUNK_DEFAULT || facts.vc_chunk_size > CAPS_CHUNK_MAX);
    channels = active_pdu_find(&pdu, CAPSTYPE_VIRTUALCHANNEL);
    SP_BUG(channels != NULL && memcmp(channels->data.at, none, sizeof(none)) != 0);
    if (policy->allow_remoteapp)
        return;
    SP_BUG(active_pdu_find(&pdu, CAPSTYPE_RAIL) != NULL);
    SP_BUG((facts.general_extra_flags & AUTORECONNECT_SUPPORTED) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct caps_policy strict, open = {true, true, true};
    struct active_pdu pdu;
    struct rd r;

    rd_init(&r, data, size);
    if (confirm_active_read(&r, &pdu) != SP_OK)
        return 0;
    write_again(&pdu, size);
    edit(data, size, &strict);
    edit(data, size, &open);
    return 0;
}
