/* SPDX-License-Identifier: Apache-2.0
 * Server side of NTLM, raw or in SPNEGO: what the front runs while keeper holds the secrets.
 */
#include "rdp/ntlm_acceptor.h"

#include <string.h>

#include "base/mem.h"

/* What we grant of what the client asked for, beside NTLM_FLAGS_REQUIRED. */
#define FLAGS_OPTIONAL (NTLMSSP_REQUEST_TARGET | NTLMSSP_NEGOTIATE_VERSION | NTLMSSP_NEGOTIATE_56)

typedef enum sp_err acceptor_step_fn(struct ntlm_acceptor *a, struct rd *in, struct wr *out);

void ntlm_acceptor_init(struct ntlm_acceptor *a, const struct ntlm_names *names)
{
    memset(a, 0, sizeof(*a));
    a->names = *names;
    a->state = NTLM_ACCEPTOR_WAIT_NEGOTIATE;
}

static enum sp_err refuse(struct ntlm_acceptor *a, enum sp_err code, const char *where,
                          uint32_t got, uint32_t want)
{
    return sp_fail_set(&a->fail, code, where, got, want);
}

static enum sp_err take_fail(struct ntlm_acceptor *a, const struct sp_fail *fail)
{
    return refuse(a, fail->code, fail->where, fail->got, fail->want);
}

/* Every way out with an error ends the exchange. */
static enum sp_err leave(struct ntlm_acceptor *a, enum sp_err err)
{
    if (err != SP_OK) {
        a->state = NTLM_ACCEPTOR_FAILED;
        sp_fail_set(&a->fail, err, "ntlm_acceptor output", 0, 0);
        sp_wipe(&a->seal, sizeof(a->seal));
    }
    return err;
}

static enum sp_err write_resp(struct ntlm_acceptor *a, struct spnego_resp resp, struct wr *out)
{
    if (!a->is_mech_told) {
        resp.has_supported_mech = true;
        resp.supported_mech = SPNEGO_MECH_NTLM;
        a->is_mech_told = true;
    }
    return spnego_resp_write(out, &resp);
}

/* Keep the raw NEGOTIATE for the MIC and decide the flags. */
static enum sp_err take_negotiate(struct ntlm_acceptor *a, struct rd in)
{
    struct ntlm_negotiate n;
    struct rd raw = in;

    if (ntlm_negotiate_read(&in, &n) != SP_OK)
        return take_fail(a, &in.fail);
    if ((n.flags & NTLM_FLAGS_REQUIRED) != NTLM_FLAGS_REQUIRED)
        return refuse(a, SP_EDENIED, "NEGOTIATE.NegotiateFlags", n.flags, NTLM_FLAGS_REQUIRED);
    a->negotiate_size = raw.left;
    rd_copy(&raw, a->negotiate, a->negotiate_size, "NEGOTIATE");
    a->flags = (n.flags & (NTLM_FLAGS_REQUIRED | FLAGS_OPTIONAL)) | NTLMSSP_NEGOTIATE_TARGET_INFO |
               NTLMSSP_NEGOTIATE_VERSION;
    if (a->flags & NTLMSSP_REQUEST_TARGET)
        a->flags |= NTLMSSP_TARGET_TYPE_SERVER;
    a->state = NTLM_ACCEPTOR_WAIT_CHALLENGE;
    return SP_OK;
}

/*
 * The client's offer. A token for another mechanism than ours (Kerberos, NEGOEX) is not looked at;
 * the client is told to start again with NTLM and to protect the list of mechanisms.
 */
static enum sp_err on_init(struct ntlm_acceptor *a, struct rd *in, struct wr *out)
{
    struct spnego_resp resp = {.has_neg_state = true, .neg_state = SPNEGO_ACCEPT_INCOMPLETE};
    struct spnego_init init;

    if (a->is_spnego)
        return refuse(a, SP_ESTATE, "NegTokenInit", 2, 1);
    if (spnego_init_read(in, &init) != SP_OK)
        return take_fail(a, &in->fail);
    if (!init.has_ntlm)
        return refuse(a, SP_EDENIED, "NegTokenInit.mechTypes", init.mech_count, SPNEGO_MECH_NTLM);
    a->is_spnego = true;
    a->is_first = init.ntlm_index == 0;
    a->mech_types_size = init.mech_types.left;
    rd_copy(&init.mech_types, a->mech_types, a->mech_types_size, "NegTokenInit.mechTypes");
    if (a->is_first && init.has_mech_token)
        return take_negotiate(a, init.mech_token);
    if (!a->is_first)
        resp.neg_state = SPNEGO_REQUEST_MIC;
    return write_resp(a, resp, out);
}

/* Open a NegTokenResp of the client, which has to carry a token. */
static enum sp_err enter_resp(struct ntlm_acceptor *a, struct rd *in, struct spnego_resp *resp)
{
    if (spnego_classify(in) != SPNEGO_KIND_RESP)
        return refuse(a, SP_EVALUE, "NegTokenResp", in->left > 0 ? in->at[0] : 0, 0xA1);
    if (spnego_resp_read(in, resp) != SP_OK)
        return take_fail(a, &in->fail);
    if (resp->has_neg_state && resp->neg_state == SPNEGO_REJECT)
        return refuse(a, SP_EDENIED, "NegTokenResp.negState", SPNEGO_REJECT, 0);
    if (!resp->has_response_token)
        return refuse(a, SP_EVALUE, "NegTokenResp.responseToken", 0, 1);
    return SP_OK;
}

static enum sp_err on_negotiate(struct ntlm_acceptor *a, struct rd *in, struct wr *out)
{
    enum spnego_kind kind = spnego_classify(in);
    struct spnego_resp resp;
    enum sp_err err;

    if (kind == SPNEGO_KIND_RAW_NTLM && !a->is_spnego)
        return take_negotiate(a, *in);
    if (kind == SPNEGO_KIND_INIT)
        return on_init(a, in, out);
    if (!a->is_spnego)
        return refuse(a, SP_EVALUE, "negoToken", kind, SPNEGO_KIND_RAW_NTLM);
    err = enter_resp(a, in, &resp);
    return err != SP_OK ? err : take_negotiate(a, resp.response_token);
}

/* Keep AUTHENTICATE with its MIC zeroed, as the MIC is computed. */
static enum sp_err take_authenticate(struct ntlm_acceptor *a, struct rd in)
{
    struct rd target_info;
    struct rd raw = in;
    enum sp_err err;

    if (in.left > sizeof(a->authenticate))
        return refuse(a, SP_ELIMIT, "AUTHENTICATE", (uint32_t)in.left, sizeof(a->authenticate));
    a->authenticate_size = raw.left;
    rd_copy(&raw, a->authenticate, a->authenticate_size, "AUTHENTICATE");
    rd_init(&in, a->authenticate, a->authenticate_size);
    if (ntlm_authenticate_read(&in, &a->auth) != SP_OK)
        return take_fail(a, &in.fail);
    rd_init(&target_info, a->challenge + a->target_info_offset, a->target_info_size);
    err = ntlm_authenticate_check(&a->auth, target_info, &a->facts, &a->fail);
    if (err != SP_OK)
        return err;
    memset(a->authenticate + a->auth.mic_offset, 0, NTLM_KEY_SIZE);
    a->state = NTLM_ACCEPTOR_WAIT_VERDICT;
    return SP_OK;
}

static enum sp_err take_mech_list_mic(struct ntlm_acceptor *a, struct spnego_resp *resp)
{
    a->has_mech_list_mic = resp->has_mech_list_mic;
    if (!a->has_mech_list_mic) /* MS-SPNG <8>: mandatory where AUTHENTICATE has a MIC */
        return refuse(a, SP_EDENIED, "NegTokenResp.mechListMIC", 0, NTLM_SIGNATURE_SIZE);
    if (resp->mech_list_mic.left != NTLM_SIGNATURE_SIZE)
        return refuse(a, SP_EVALUE, "NegTokenResp.mechListMIC", (uint32_t)resp->mech_list_mic.left,
                      NTLM_SIGNATURE_SIZE);
    rd_copy(&resp->mech_list_mic, a->mech_list_mic, NTLM_SIGNATURE_SIZE, "mechListMIC");
    return SP_OK;
}

static enum sp_err on_authenticate(struct ntlm_acceptor *a, struct rd *in, struct wr *out)
{
    struct spnego_resp resp;
    enum sp_err err;

    (void)out;
    if (!a->is_spnego)
        return take_authenticate(a, *in);
    err = enter_resp(a, in, &resp);
    if (err == SP_OK)
        err = take_mech_list_mic(a, &resp);
    return err != SP_OK ? err : take_authenticate(a, resp.response_token);
}

static acceptor_step_fn *const steps[NTLM_ACCEPTOR_STATE_COUNT] = {
    [NTLM_ACCEPTOR_WAIT_NEGOTIATE] = on_negotiate,       /* MS-NLMP 3.2.5.1.1 */
    [NTLM_ACCEPTOR_WAIT_AUTHENTICATE] = on_authenticate, /* MS-NLMP 3.2.5.1.2 */
};

enum sp_err ntlm_acceptor_token(struct ntlm_acceptor *a, struct rd *in, struct wr *out)
{
    acceptor_step_fn *step = steps[a->state];

    if (step == NULL)
        return leave(a, refuse(a, SP_ESTATE, "negoToken", a->state, 0));
    return leave(a, step(a, in, out));
}

/* Write our CHALLENGE into a->challenge. */
static enum sp_err make_challenge(struct ntlm_acceptor *a,
                                  const uint8_t challenge[NTLM_CHALLENGE_SIZE], uint64_t now)
{
    uint8_t info[NTLM_CHALLENGE_MAX];
    struct ntlm_challenge c = {.flags = a->flags};
    struct wr w;
    struct rd pairs;

    wr_init(&w, info, sizeof(info));
    if (ntlm_target_info_write(&w, &a->names, now) != SP_OK)
        return take_fail(a, &w.fail);
    memcpy(c.server_challenge, challenge, NTLM_CHALLENGE_SIZE);
    rd_init(&c.target_info, info, w.pos);
    pairs = c.target_info;
    if (!(a->flags & NTLMSSP_REQUEST_TARGET) ||
        !ntlm_av_find(pairs, MsvAvNbComputerName, &c.target_name))
        rd_init(&c.target_name, info, 0);
    wr_init(&w, a->challenge, sizeof(a->challenge));
    if (ntlm_challenge_write(&w, &c) != SP_OK)
        return take_fail(a, &w.fail);
    a->challenge_size = w.pos;
    a->target_info_size = c.target_info.left;
    a->target_info_offset = w.pos - c.target_info.left; /* it is the last field */
    return SP_OK;
}

static enum sp_err send_challenge(struct ntlm_acceptor *a,
                                  const uint8_t challenge[NTLM_CHALLENGE_SIZE], uint64_t now,
                                  struct wr *out)
{
    struct spnego_resp resp = {.has_neg_state = true, .neg_state = SPNEGO_ACCEPT_INCOMPLETE};
    enum sp_err err;

    if (a->state != NTLM_ACCEPTOR_WAIT_CHALLENGE)
        return refuse(a, SP_ESTATE, "ntlm_acceptor_challenge", a->state, 0);
    err = make_challenge(a, challenge, now);
    if (err != SP_OK)
        return err;
    a->state = NTLM_ACCEPTOR_WAIT_AUTHENTICATE;
    resp.has_response_token = true;
    rd_init(&resp.response_token, a->challenge, a->challenge_size);
    if (a->is_spnego)
        return write_resp(a, resp, out);
    wr_bytes(out, a->challenge, a->challenge_size);
    return out->fail.code;
}

enum sp_err ntlm_acceptor_challenge(struct ntlm_acceptor *a,
                                    const uint8_t challenge[NTLM_CHALLENGE_SIZE], uint64_t now,
                                    struct wr *out)
{
    return leave(a, send_challenge(a, challenge, now, out));
}

enum sp_err ntlm_acceptor_verify_input(const struct ntlm_acceptor *a, struct ntlm_verify_input *out)
{
    struct ntlm_verify_input in = {
        .user = a->auth.user,
        .domain = a->auth.domain,
        .nt_response = a->auth.nt_response,
        .messages = {.negotiate = a->negotiate,
                     .challenge = a->challenge,
                     .authenticate = a->authenticate,
                     .negotiate_size = a->negotiate_size,
                     .challenge_size = a->challenge_size,
                     .authenticate_size = a->authenticate_size},
    };
    struct rd key = a->auth.encrypted_random_session_key;

    if (a->state != NTLM_ACCEPTOR_WAIT_VERDICT)
        return SP_ESTATE;
    rd_copy(&key, in.encrypted_random_session_key, NTLM_KEY_SIZE, "session key");
    memcpy(in.mic, a->auth.mic, NTLM_KEY_SIZE);
    *out = in;
    return SP_OK;
}

/* Check the client's signature of the offer, give ours, and restart the streams. */
static enum sp_err finish_spnego(struct ntlm_acceptor *a, struct wr *out)
{
    struct spnego_resp resp = {.has_neg_state = true, .neg_state = SPNEGO_ACCEPT_COMPLETED};
    uint8_t mic[NTLM_SIGNATURE_SIZE];
    enum sp_err err = ntlm_mech_list_mic_check(&a->seal, a->mech_types, a->mech_types_size,
                                               a->mech_list_mic, &a->fail);

    if (err != SP_OK)
        return err;
    ntlm_mech_list_mic_make(&a->seal, a->mech_types, a->mech_types_size, mic);
    ntlm_seal_reset_handles(&a->seal);
    resp.has_mech_list_mic = true;
    rd_init(&resp.mech_list_mic, mic, sizeof(mic));
    return spnego_resp_write(out, &resp);
}

enum sp_err ntlm_acceptor_accept(struct ntlm_acceptor *a, const uint8_t exported_key[NTLM_KEY_SIZE],
                                 struct wr *out)
{
    enum sp_err err = SP_OK;

    if (a->state != NTLM_ACCEPTOR_WAIT_VERDICT)
        return leave(a, refuse(a, SP_ESTATE, "ntlm_acceptor_accept", a->state, 0));
    ntlm_seal_init(&a->seal, exported_key, true);
    if (a->is_spnego)
        err = finish_spnego(a, out);
    if (err == SP_OK)
        a->state = NTLM_ACCEPTOR_DONE;
    return leave(a, err);
}

void ntlm_acceptor_clear(struct ntlm_acceptor *a)
{
    sp_wipe(a, sizeof(*a));
}
