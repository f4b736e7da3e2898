/* SPDX-License-Identifier: Apache-2.0
 * Fuzz AV pairs: as a target's list that we answer, and as the list inside an NTLMv2 response.
 */
#include "rdp/ntlm.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Our own list is well-formed and says what it has to say, whatever it was made from. */
static void check_augmented(struct rd pairs)
{
    struct ntlm_av av = {.id = MsvAvFlags};
    struct rd value;
    unsigned flags = 0, names = 0;

    SP_BUG(!ntlm_av_find(pairs, MsvAvFlags, &value) || value.left != 4);
    SP_BUG(!(rd_u32le(&value, "flags") & NTLM_AV_FLAG_MIC));
    while (av.id != MsvAvEOL) {
        SP_BUG(ntlm_av_next(&pairs, &av) != SP_OK);
        flags += av.id == MsvAvFlags;
        names += av.id == MsvAvTargetName;
    }
    SP_BUG(pairs.left != 0 || flags != 1 || names != 1);
}

static void check_response(const uint8_t *data, size_t size)
{
    static uint8_t response[NTLM_NT_RESPONSE_MAX];
    struct ntlmv2_response v;
    struct rd r;

    if (size > sizeof(response) - NTLM_NT_RESPONSE_MIN)
        return;
    memset(response, 0, NTLM_NT_RESPONSE_MIN);
    response[16] = response[17] = 1;
    if (size > 0)
        memcpy(response + NTLM_NT_RESPONSE_MIN, data, size);
    rd_init(&r, response, NTLM_NT_RESPONSE_MIN + size);
    if (ntlmv2_response_read(r, &v, NULL) != SP_OK)
        return;
    SP_BUG(v.av_pairs.left < 4 || v.av_pairs.left > size);
    SP_BUG(v.temp.left != NTLM_NT_RESPONSE_MIN - NTLM_KEY_SIZE + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[1 << 17];
    struct rd r, value;
    struct wr w;

    check_response(data, size);
    rd_init(&r, data, size);
    for (unsigned id = 0; id < 12; id++) {
        if (ntlm_av_find(r, (uint16_t)id, &value))
            SP_BUG(value.at < data || value.left > size);
    }
    wr_init(&w, out, sizeof(out));
    if (size > sizeof(out) / 2 || ntlm_target_info_augment(&w, r, "TERMSRV/host") != SP_OK)
        return 0;
    rd_init(&r, out, w.pos);
    check_augmented(r);
    return 0;
}
