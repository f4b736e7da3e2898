/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the client side of NTLM with a target's CHALLENGE: our AUTHENTICATE is always a good one.
 */
#include "rdp/ntlm_initiator.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What keeper would answer, with a proof of zeros. */
static struct ntlm_proof_parts bind_zeros(const struct ntlm_bind_input *in)
{
    static uint8_t response[NTLM_NT_RESPONSE_MAX];
    struct ntlm_proof_parts out = {
        .flags = in->flags, .negotiate = in->negotiate, .challenge = in->challenge};

    memset(response, 0, NTLM_NT_RESPONSE_MIN);
    response[16] = response[17] = 1;
    SP_BUG(in->av_pairs.left > sizeof(response) - NTLM_NT_RESPONSE_MIN - 4);
    memcpy(response + NTLM_NT_RESPONSE_MIN, in->av_pairs.at, in->av_pairs.left);
    rd_init(&out.nt_response, response, NTLM_NT_RESPONSE_MIN + in->av_pairs.left);
    rd_init(&out.user, "u\0s\0", 4);
    rd_init(&out.domain, "d\0", 2);
    return out;
}

static void check_authenticate(const uint8_t *data, size_t size)
{
    struct ntlm_authenticate a;
    struct ntlm_facts facts;
    struct rd r, no_pairs;

    rd_init(&r, data, size);
    SP_BUG(ntlm_authenticate_read(&r, &a) != SP_OK || !a.has_mic);
    rd_init(&no_pairs, "\0\0\0", 4);
    SP_BUG(ntlm_authenticate_check(&a, no_pairs, &facts, NULL) != SP_OK);
    SP_BUG(!facts.has_spn || facts.has_channel_bindings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ntlm_initiator i;
    static uint8_t out[8192];
    struct ntlm_bind_input in;
    struct ntlm_proof_parts bound;
    struct rd r;
    struct wr w;

    SP_BUG(ntlm_initiator_init(&i, "host") != SP_OK);
    wr_init(&w, out, sizeof(out));
    SP_BUG(ntlm_initiator_negotiate(&i, &w) != SP_OK);
    rd_init(&r, data, size);
    if (ntlm_initiator_challenge(&i, &r, 1, &in) != SP_OK) {
        SP_BUG(i.state != NTLM_INITIATOR_FAILED || i.fail.code == SP_OK);
        return 0;
    }
    bound = bind_zeros(&in);
    wr_init(&w, out, sizeof(out));
    SP_BUG(ntlm_authenticate_prove(&bound, &w) != SP_OK);
    check_authenticate(out, w.pos);
    return 0;
}
