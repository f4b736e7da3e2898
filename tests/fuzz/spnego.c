/* SPDX-License-Identifier: Apache-2.0
 * Fuzz SPNEGO: offers stay in their bounds; replies survive a round trip.
 */
#include "rdp/spnego.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(bool has_a, const struct rd *a, bool has_b, const struct rd *b)
{
    SP_BUG(has_a != has_b);
    SP_BUG(has_a && (a->left != b->left || memcmp(a->at, b->at, a->left) != 0));
}

static void check_init(struct rd r)
{
    struct spnego_init init;
    const uint8_t *data = r.at;
    size_t size = r.left;

    if (spnego_init_read(&r, &init) != SP_OK)
        return;
    SP_BUG(init.mech_count == 0 || init.mech_count > SPNEGO_MECH_COUNT_MAX);
    SP_BUG(init.has_ntlm && init.ntlm_index >= init.mech_count);
    SP_BUG((init.first == SPNEGO_MECH_NTLM) != (init.has_ntlm && init.ntlm_index == 0));
    SP_BUG(init.mech_types.left > SPNEGO_MECH_TYPES_SIZE_MAX);
    SP_BUG(init.mech_types.at < data || init.mech_types.left > size);
    SP_BUG(init.has_mech_token && (init.mech_token.at < data || init.mech_token.left > size));
}

static void check_resp(struct rd r)
{
    static uint8_t out[1 << 16];
    struct spnego_resp resp, again;
    struct wr w;

    if (spnego_resp_read(&r, &resp) != SP_OK)
        return;
    if (resp.supported_mech == SPNEGO_MECH_OTHER)
        resp.has_supported_mech = false;
    wr_init(&w, out, sizeof(out));
    SP_BUG(spnego_resp_write(&w, &resp) != SP_OK);
    rd_init(&r, out, w.pos);
    SP_BUG(spnego_resp_read(&r, &again) != SP_OK);
    SP_BUG(resp.has_neg_state != again.has_neg_state || resp.neg_state != again.neg_state);
    SP_BUG(resp.has_supported_mech != again.has_supported_mech ||
           resp.supported_mech != again.supported_mech);
    compare(resp.has_response_token, &resp.response_token, again.has_response_token,
            &again.response_token);
    compare(resp.has_mech_list_mic, &resp.mech_list_mic, again.has_mech_list_mic,
            &again.mech_list_mic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r;

    rd_init(&r, data, size);
    (void)spnego_classify(&r);
    check_init(r);
    check_resp(r);
    return 0;
}
