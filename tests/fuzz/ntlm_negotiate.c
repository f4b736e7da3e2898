/* SPDX-License-Identifier: Apache-2.0
 * Fuzz NEGOTIATE: names only with their flags and inside the message; flags survive a round trip.
 */
#include "rdp/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const struct rd *field, const uint8_t *data, size_t size)
{
    SP_BUG(field->at < data || field->left > size);
    SP_BUG((size_t)(field->at - data) > size - field->left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ntlm_negotiate n, again;
    uint8_t out[64];
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    if (ntlm_negotiate_read(&r, &n) != SP_OK)
        return 0;
    check_inside(&n.domain, data, size);
    check_inside(&n.workstation, data, size);
    SP_BUG(!(n.flags & NTLMSSP_NEGOTIATE_OEM_DOMAIN_SUPPLIED) && n.domain.left > 0);
    wr_init(&w, out, sizeof(out));
    SP_BUG(ntlm_negotiate_write(&w, n.flags) != SP_OK);
    rd_init(&r, out, w.pos);
    SP_BUG(ntlm_negotiate_read(&r, &again) != SP_OK || again.flags != n.flags);
    return 0;
}
