/* SPDX-License-Identifier: Apache-2.0
 * Client side of raw NTLM: the back's half, which parses, and keeper's, which has the keys.
 */
#include "rdp/ntlm_initiator.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FLAGS_ASKED                                                                                \
    (NTLM_FLAGS_REQUIRED | NTLMSSP_REQUEST_TARGET | NTLMSSP_NEGOTIATE_VERSION |                    \
     NTLMSSP_NEGOTIATE_56)
#define MIC_OFFSET          72 /* where ntlm_authenticate_write puts it */
#define LM_RESPONSE_SIZE    24
#define AUTHENTICATE_BUFFER (NTLM_PEER_CHALLENGE_MAX + 3 * NTLM_NAME_MAX)

static enum sp_err refuse(struct ntlm_initiator *i, enum sp_err code, const char *where,
                          uint32_t got, uint32_t want)
{
    i->state = NTLM_INITIATOR_FAILED;
    return sp_fail_set(&i->fail, code, where, got, want);
}

static enum sp_err take_fail(struct ntlm_initiator *i, const struct sp_fail *fail)
{
    return refuse(i, fail->code, fail->where, fail->got, fail->want);
}

static enum sp_err want_state(struct ntlm_initiator *i, enum ntlm_initiator_state state)
{
    if (i->state == state)
        return SP_OK;
    return refuse(i, SP_ESTATE, "ntlm_initiator", i->state, state);
}

enum sp_err ntlm_initiator_init(struct ntlm_initiator *i, const char *host)
{
    memset(i, 0, sizeof(*i));
    if (strlen(host) > NTLM_HOST_MAX)
        return refuse(i, SP_ELIMIT, "target host", (uint32_t)strlen(host), NTLM_HOST_MAX);
    snprintf(i->spn, sizeof(i->spn), "TERMSRV/%s", host);
    i->state = NTLM_INITIATOR_START;
    return SP_OK;
}

enum sp_err ntlm_initiator_negotiate(struct ntlm_initiator *i, struct wr *out)
{
    struct wr w;

    if (want_state(i, NTLM_INITIATOR_START) != SP_OK)
        return i->fail.code;
    wr_init(&w, i->negotiate, sizeof(i->negotiate));
    if (ntlm_negotiate_write(&w, FLAGS_ASKED) != SP_OK)
        return take_fail(i, &w.fail);
    i->negotiate_size = w.pos;
    wr_bytes(out, i->negotiate, i->negotiate_size);
    if (!wr_ok(out))
        return take_fail(i, &out->fail);
    i->state = NTLM_INITIATOR_WAIT_CHALLENGE;
    return SP_OK;
}

/* Keep the raw CHALLENGE for the MIC, and the flags both sides have. */
static enum sp_err take_challenge(struct ntlm_initiator *i, struct rd *in, struct ntlm_challenge *c)
{
    struct rd raw = *in;

    if (ntlm_challenge_read(in, c) != SP_OK)
        return take_fail(i, &in->fail);
    if ((c->flags & NTLM_FLAGS_REQUIRED) != NTLM_FLAGS_REQUIRED)
        return refuse(i, SP_EDENIED, "CHALLENGE.NegotiateFlags", c->flags, NTLM_FLAGS_REQUIRED);
    if (!(c->flags & NTLMSSP_NEGOTIATE_TARGET_INFO) || c->target_info.left == 0)
        return refuse(i, SP_EDENIED, "CHALLENGE.TargetInfo", c->flags,
                      NTLMSSP_NEGOTIATE_TARGET_INFO);
    i->flags = (c->flags & FLAGS_ASKED) | NTLMSSP_NEGOTIATE_TARGET_INFO;
    i->challenge_size = raw.left;
    rd_copy(&raw, i->challenge, i->challenge_size, "CHALLENGE");
    return SP_OK;
}

enum sp_err ntlm_initiator_challenge(struct ntlm_initiator *i, struct rd *in, uint64_t now,
                                     struct ntlm_bind_input *out)
{
    struct ntlm_challenge c;
    struct rd timestamp;
    struct wr w;

    if (want_state(i, NTLM_INITIATOR_WAIT_CHALLENGE) != SP_OK || take_challenge(i, in, &c) != SP_OK)
        return i->fail.code;
    wr_init(&w, i->av_pairs, sizeof(i->av_pairs));
    if (ntlm_target_info_augment(&w, c.target_info, i->spn) != SP_OK)
        return take_fail(i, &w.fail);
    i->av_pairs_size = w.pos;
    if (ntlm_av_find(c.target_info, MsvAvTimestamp, &timestamp) && timestamp.left == 8)
        now = rd_u64le(&timestamp, "MsvAvTimestamp");
    *out = (struct ntlm_bind_input){.time = now, .flags = i->flags};
    memcpy(out->server_challenge, c.server_challenge, NTLM_CHALLENGE_SIZE);
    rd_init(&out->av_pairs, i->av_pairs, i->av_pairs_size);
    rd_init(&out->negotiate, i->negotiate, i->negotiate_size);
    rd_init(&out->challenge, i->challenge, i->challenge_size);
    i->state = NTLM_INITIATOR_DONE;
    return SP_OK;
}

enum sp_err ntlm_authenticate_prove(const struct ntlm_proof_parts *p, struct wr *out)
{
    static const uint8_t no_lm[LM_RESPONSE_SIZE]; /* MS-NLMP 3.1.5.1.2: zeros with a timestamp */
    uint8_t message[AUTHENTICATE_BUFFER], mic[NTLM_KEY_SIZE];
    struct ntlm_authenticate a = {.flags = p->flags & (FLAGS_ASKED | NTLMSSP_NEGOTIATE_TARGET_INFO),
                                  .user = p->user,
                                  .domain = p->domain,
                                  .nt_response = p->nt_response};
    struct wr w;

    if (p->user.left > NTLM_NAME_MAX || p->domain.left > NTLM_NAME_MAX)
        return sp_fail_set(&out->fail, SP_ELIMIT, "AUTHENTICATE.UserName", (uint32_t)p->user.left,
                           NTLM_NAME_MAX);
    rd_init(&a.lm_response, no_lm, sizeof(no_lm));
    rd_init(&a.workstation, no_lm, 0);
    rd_init(&a.encrypted_random_session_key, p->encrypted_random_session_key, NTLM_KEY_SIZE);
    wr_init(&w, message, sizeof(message));
    if (ntlm_authenticate_write(&w, &a) != SP_OK)
        return sp_fail_set(&out->fail, w.fail.code, w.fail.where, w.fail.got, w.fail.want);
    struct ntlm_transcript t = {p->negotiate.at,   p->challenge.at,   message,
                                p->negotiate.left, p->challenge.left, w.pos};
    ntlm_mic(p->exported_key, &t, mic); /* while its own field is zero */
    memcpy(message + MIC_OFFSET, mic, sizeof(mic));
    wr_bytes(out, message, w.pos);
    return out->fail.code;
}

void ntlm_initiator_clear(struct ntlm_initiator *i)
{
    sp_wipe(i, sizeof(*i));
}
