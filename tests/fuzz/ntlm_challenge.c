/* SPDX-License-Identifier: Apache-2.0
 * Fuzz CHALLENGE: what was read, written again, reads the same.
 */
#include <string.h>

#include "rdp/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct rd *a, const struct rd *b)
{
    SP_BUG(a->left != b->left || (a->left > 0 && memcmp(a->at, b->at, a->left) != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[2 * NTLM_PEER_CHALLENGE_MAX];
    struct ntlm_challenge c, again;
    struct rd r, value;
    struct wr w;

    rd_init(&r, data, size);
    if (ntlm_challenge_read(&r, &c) != SP_OK)
        return 0;
    (void)ntlm_av_find(c.target_info, MsvAvTimestamp, &value);
    wr_init(&w, out, sizeof(out));
    SP_BUG(ntlm_challenge_write(&w, &c) != SP_OK);
    if (w.pos > NTLM_PEER_CHALLENGE_MAX) /* the fields overlapped */
        return 0;
    rd_init(&r, out, w.pos);
    SP_BUG(ntlm_challenge_read(&r, &again) != SP_OK);
    SP_BUG(c.flags != again.flags);
    SP_BUG(memcmp(c.server_challenge, again.server_challenge, NTLM_CHALLENGE_SIZE) != 0);
    compare(&c.target_name, &again.target_name);
    compare(&c.target_info, &again.target_info);
    return 0;
}
