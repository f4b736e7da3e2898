/* SPDX-License-Identifier: Apache-2.0
 * Fuzz AUTHENTICATE: a round trip, and the policy never lets a weak response through.
 */
#include <string.h>

#include "rdp/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct rd *a, const struct rd *b)
{
    SP_BUG(a->left != b->left || (a->left > 0 && memcmp(a->at, b->at, a->left) != 0));
}

static void check_policy(const struct ntlm_authenticate *a)
{
    struct ntlm_facts facts;
    struct sp_fail fail = {0};
    struct rd no_pairs;
    enum sp_err err;

    rd_init(&no_pairs, "\0\0\0", 4);
    err = ntlm_authenticate_check(a, no_pairs, &facts, &fail);
    SP_BUG(err != fail.code);
    if (err != SP_OK)
        return;
    SP_BUG(a->user.left == 0 || !a->has_mic || (a->flags & NTLMSSP_ANONYMOUS) != 0);
    SP_BUG(a->nt_response.left < NTLM_NT_RESPONSE_MIN);
    SP_BUG(a->nt_response.left > NTLM_NT_RESPONSE_MAX);
    SP_BUG(a->encrypted_random_session_key.left != NTLM_KEY_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[6 * NTLM_AUTHENTICATE_MAX];
    struct ntlm_authenticate a, again;
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    if (ntlm_authenticate_read(&r, &a) != SP_OK)
        return 0;
    SP_BUG(a.has_mic && a.mic_offset + NTLM_KEY_SIZE > size);
    check_policy(&a);
    wr_init(&w, out, sizeof(out));
    SP_BUG(ntlm_authenticate_write(&w, &a) != SP_OK);
    if (w.pos > NTLM_AUTHENTICATE_MAX) /* the fields overlapped */
        return 0;
    rd_init(&r, out, w.pos);
    SP_BUG(ntlm_authenticate_read(&r, &again) != SP_OK || !again.has_mic);
    SP_BUG(a.flags != again.flags || memcmp(a.mic, again.mic, NTLM_KEY_SIZE) != 0);
    compare(&a.lm_response, &again.lm_response);
    compare(&a.nt_response, &again.nt_response);
    compare(&a.domain, &again.domain);
    compare(&a.user, &again.user);
    compare(&a.workstation, &again.workstation);
    compare(&a.encrypted_random_session_key, &again.encrypted_random_session_key);
    return 0;
}
