/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the server side of NTLM with a sequence of tokens { size u16, bytes }, keeper saying yes.
 */
#include "rdp/ntlm_acceptor.h"

#include <string.h>

#define NOW UINT64_C(0x01dd7a91d39b4d80) /* of the captured exchange, so that its tokens fit */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t exported_key[NTLM_KEY_SIZE] = "0123456789abcde";

/* Everything that keeper is promised. */
static void check_input(const struct ntlm_acceptor *a)
{
    static const uint8_t zero[NTLM_KEY_SIZE];
    struct ntlm_verify_input in;
    const struct ntlm_transcript *m = &in.messages;

    SP_BUG(ntlm_acceptor_verify_input(a, &in) != SP_OK);
    SP_BUG(in.user.left == 0 || in.user.left > NTLM_NAME_MAX || in.user.left % 2 != 0);
    SP_BUG(in.domain.left > NTLM_NAME_MAX || in.domain.left % 2 != 0);
    SP_BUG(in.nt_response.left < NTLM_NT_RESPONSE_MIN);
    SP_BUG(in.nt_response.left > NTLM_NT_RESPONSE_MAX);
    SP_BUG(m->negotiate_size + m->challenge_size + m->authenticate_size > 8192);
    SP_BUG(memcmp(m->authenticate + a->auth.mic_offset, zero, sizeof(zero)) != 0);
    SP_BUG(in.nt_response.at < m->authenticate ||
           in.nt_response.at + in.nt_response.left > m->authenticate + m->authenticate_size);
}

/* Do what the front would do between two tokens. */
static void answer(struct ntlm_acceptor *a, struct wr *out)
{
    if (a->state == NTLM_ACCEPTOR_WAIT_CHALLENGE) {
        SP_BUG(ntlm_acceptor_challenge(a, exported_key, NOW, out) != SP_OK);
        SP_BUG(out->pos == 0);
    }
    if (a->state != NTLM_ACCEPTOR_WAIT_VERDICT)
        return;
    check_input(a);
    if (ntlm_acceptor_accept(a, exported_key, out) == SP_OK)
        SP_BUG(a->state != NTLM_ACCEPTOR_DONE || (out->pos > 0) != a->is_spnego);
}

static void step(struct ntlm_acceptor *a, struct rd *token)
{
    static uint8_t reply[4096];
    enum ntlm_acceptor_state before = a->state;
    struct wr out;
    enum sp_err err;

    wr_init(&out, reply, sizeof(reply));
    err = ntlm_acceptor_token(a, token, &out);
    SP_BUG((err != SP_OK) != (a->state == NTLM_ACCEPTOR_FAILED));
    SP_BUG(err == SP_OK && (before == NTLM_ACCEPTOR_FAILED || before == NTLM_ACCEPTOR_DONE));
    SP_BUG(err != SP_OK && a->fail.code == SP_OK);
    wr_init(&out, reply, sizeof(reply));
    answer(a, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ntlm_names names = {"VM", "VM", "vm", "vm"};
    static struct ntlm_acceptor a;
    struct rd r;

    ntlm_acceptor_init(&a, &names);
    rd_init(&r, data, size);
    while (r.left >= 2) {
        struct rd token;
        size_t token_size = rd_u16le(&r, "size");

        rd_sub(&r, token_size < r.left ? token_size : r.left, &token, "token");
        step(&a, &token);
    }
    ntlm_acceptor_clear(&a);
    return 0;
}
