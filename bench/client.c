/* SPDX-License-Identifier: Apache-2.0
 * The client role of the connection sequence.
 */
#include "client.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "back/back_tls.h"
#include "base/mem.h"
#include "base/text.h"
#include "keeper/ntlm_verify.h"
#include "rdp/caps.h"
#include "rdp/credssp.h"
#include "rdp/gcc.h"
#include "rdp/info.h"
#include "rdp/mcs.h"
#include "rdp/ntlm_initiator.h"
#include "rdp/share.h"
#include "rdp/x224.h"

#define WIDTH_PX  1024
#define HEIGHT_PX 768

static bool failed(struct client *c, const char *why)
{
    if (c->line.why == NULL)
        c->line.why = why;
    return false;
}

static bool send_written(struct client *c, const struct wr *w)
{
    return wr_ok(w) ? line_send(&c->line, w->buf, w->pos) : failed(c, "own message too long");
}

/* --- X.224 ------------------------------------------------------------------------------------ */

static bool negotiate(struct client *c)
{
    struct x224_connection_request request = {
        .has_cookie = true, .cookie = "load", .has_neg_req = true};
    struct x224_connection_confirm confirm;
    uint8_t out[X224_CONNECTION_REQUEST_SIZE_MAX], *pdu;
    size_t size;
    struct wr w;
    struct rd r;

    c->requested = c->plan->is_tls ? PROTOCOL_SSL : PROTOCOL_SSL | PROTOCOL_HYBRID;
    request.requested_protocols = c->requested;
    wr_init(&w, out, sizeof(out));
    if (x224_connection_request_write(&w, &request) != SP_OK || !send_written(c, &w) ||
        !line_message(&c->line, RDP_FRAME_TPKT, &pdu, &size))
        return failed(c, "X.224 request");
    rd_init(&r, pdu, size);
    if (x224_connection_confirm_read(&r, &confirm) != SP_OK || !confirm.has_neg ||
        confirm.is_failure)
        return failed(c, "X.224 refused");
    c->selected = confirm.value;
    return true;
}

/* --- CredSSP ---------------------------------------------------------------------------------- */

/* One NLA exchange; too large for the stack, so it lives in the thread that runs it. */
struct exchange {
    struct ntlm_initiator ntlm;
    struct ntlm_seal seal;
    uint8_t key[2200], nonce[CREDSSP_NONCE_SIZE], exported[NTLM_KEY_SIZE];
    size_t key_size;
    uint8_t user[512], password[512];
    size_t user_size, password_size;
    uint8_t token[NTLM_AUTHENTICATE_MAX], out[TS_REQUEST_MAX];
};

static bool send_ts(struct client *c, struct exchange *x, struct ts_request *req)
{
    struct wr w;

    req->version = CREDSSP_VERSION;
    wr_init(&w, x->out, sizeof(x->out));
    return ts_request_write(&w, req) == SP_OK && send_written(c, &w);
}

static bool receive_ts(struct client *c, struct ts_request *req)
{
    uint8_t *data;
    size_t size;
    struct rd r;

    if (!line_message(&c->line, RDP_FRAME_TSREQUEST, &data, &size))
        return false;
    rd_init(&r, data, size);
    if (ts_request_read(&r, req) != SP_OK || req->has_error)
        return failed(c, "NLA refused");
    return true;
}

/* The answer to the server's challenge, from the password. */
static bool answer_challenge(struct exchange *x, struct rd *challenge, struct wr *token)
{
    struct ntlm_bind_input in;
    struct ntlm_bind_answer bound;
    struct ntlm_proof_parts out = {0};
    uint8_t hash[NTLM_KEY_SIZE];
    uint64_t now = (uint64_t)time(NULL) * 10000000 + 116444736000000000ull;

    if (ntlm_initiator_challenge(&x->ntlm, challenge, now, &in) != SP_OK)
        return false;
    struct ntlm_bind_ask ask = {.time = in.time,
                                .user = {x->user, x->user_size},
                                .av_pairs = {in.av_pairs.at, in.av_pairs.left}};
    memcpy(ask.server_challenge, in.server_challenge, sizeof(ask.server_challenge));
    ntlm_nt_hash(x->password, x->password_size, hash);
    if (ntlm_bind(&ask, hash, &bound) != SP_OK)
        return false;
    out.flags = in.flags;
    out.negotiate = in.negotiate;
    out.challenge = in.challenge;
    rd_init(&out.nt_response, bound.nt_response, bound.nt_response_size);
    rd_init(&out.user, x->user, x->user_size);
    rd_init(&out.domain, "", 0);
    memcpy(out.encrypted_random_session_key, bound.encrypted_random_session_key,
           sizeof(out.encrypted_random_session_key));
    memcpy(out.exported_key, bound.exported_key, sizeof(out.exported_key));
    memcpy(x->exported, bound.exported_key, sizeof(x->exported));
    ntlm_seal_init(&x->seal, bound.exported_key, false);
    return ntlm_authenticate_prove(&out, token) == SP_OK;
}

static bool prove(struct client *c, struct exchange *x)
{
    struct ts_request req = {.has_nego = true}, answer;
    uint8_t hash[CREDSSP_BINDING_SIZE], sealed[NTLM_SIGNATURE_SIZE + CREDSSP_BINDING_SIZE];
    struct wr token;

    wr_init(&token, x->token, sizeof(x->token));
    if (ntlm_initiator_init(&x->ntlm, "127.0.0.1") != SP_OK ||
        ntlm_initiator_negotiate(&x->ntlm, &token) != SP_OK)
        return failed(c, "NTLM");
    rd_init(&req.nego, x->token, token.pos);
    if (!send_ts(c, x, &req) || !receive_ts(c, &answer))
        return false;
    wr_init(&token, x->token, sizeof(x->token));
    if (!answer.has_nego || !answer_challenge(x, &answer.nego, &token))
        return failed(c, "NTLM challenge");
    sp_random(x->nonce, sizeof(x->nonce));
    credssp_binding_hash(true, x->nonce, x->key, x->key_size, hash);
    ntlm_wrap(&x->seal, hash, sizeof(hash), sealed);
    req = (struct ts_request){.has_nego = true, .has_pub_key_auth = true, .has_nonce = true};
    memcpy(req.nonce, x->nonce, sizeof(req.nonce));
    rd_init(&req.nego, x->token, token.pos);
    rd_init(&req.pub_key_auth, sealed, sizeof(sealed));
    if (!send_ts(c, x, &req) || !receive_ts(c, &answer))
        return false;
    return answer.has_pub_key_auth || failed(c, "no pubKeyAuth");
}

static bool send_credentials(struct client *c, struct exchange *x)
{
    struct ts_request req = {.has_auth_info = true};
    uint8_t sealed[2048];
    size_t used = 0;

    struct ntlm_seal_ask ask = {.user = {x->user, x->user_size},
                                .password = {x->password, x->password_size},
                                .skip = CREDSSP_BINDING_SIZE + 8};

    if (ntlm_seal_credentials(x->exported, &ask, sealed, sizeof(sealed), &used) != SP_OK)
        return failed(c, "credentials");
    rd_init(&req.auth_info, sealed, used);
    return send_ts(c, x, &req);
}

static bool authenticate(struct client *c)
{
    static _Thread_local struct exchange x;
    uint8_t key_sha256[32], cert_sha256[32];

    if ((c->selected & PROTOCOL_HYBRID) == 0)
        return true;
    x.key_size = sizeof(x.key);
    if (back_tls_peer(c->line.ssl, x.key, &x.key_size, key_sha256, cert_sha256) != SP_OK ||
        text_utf16le_from_utf8(c->plan->user, x.user, sizeof(x.user), &x.user_size) != SP_OK ||
        text_utf16le_from_utf8(c->plan->password, x.password, sizeof(x.password),
                               &x.password_size) != SP_OK)
        return failed(c, "NLA input");
    return prove(c, &x) && send_credentials(c, &x);
}

/* --- MCS, Client Info, licence ------------------------------------------------------------------
 */

static bool connect_mcs(struct client *c)
{
    struct gcc_client settings = {.core = {.version = RDP_VERSION_5,
                                           .desktop_width = WIDTH_PX,
                                           .desktop_height = HEIGHT_PX,
                                           .color_depth = 0xca01,
                                           .sas_sequence = 0xaa03,
                                           .keyboard_layout = 0x409,
                                           .client_build = 2600,
                                           .keyboard_type = 4,
                                           .keyboard_function_key = 12,
                                           .field_count = GCC_CORE_SERVER_SELECTED_PROTOCOL,
                                           .post_beta2_color_depth = 0xca01,
                                           .client_product_id = 1,
                                           .high_color_depth = 24,
                                           .supported_color_depths = 15},
                                  .has_security = true};
    struct mcs_connect_initial initial;
    struct mcs_connect_response response;
    struct gcc_server server;
    uint8_t blocks[1024], out[1536], *pdu;
    size_t size;
    struct wr w;
    struct rd r;

    settings.core.early_capability_flags =
        RNS_UD_CS_SUPPORT_ERRINFO_PDU | RNS_UD_CS_WANT_32BPP_SESSION;
    settings.core.server_selected_protocol = c->selected;
    mcs_connect_initial_defaults(&initial);
    wr_init(&w, blocks, sizeof(blocks));
    if (gcc_client_write(&w, &settings) != SP_OK)
        return failed(c, "GCC request");
    rd_init(&initial.user_data, blocks, w.pos);
    wr_init(&w, out, sizeof(out));
    if (mcs_connect_initial_write(&w, &initial) != SP_OK || !send_written(c, &w) ||
        !line_message(&c->line, RDP_FRAME_TPKT, &pdu, &size))
        return failed(c, "MCS Connect Initial");
    rd_init(&r, pdu, size);
    if (mcs_connect_response_read(&r, &response) != SP_OK ||
        gcc_server_read(&response.user_data, &server) != SP_OK)
        return failed(c, "MCS Connect Response");
    c->io_channel = server.io_channel;
    return true;
}

static bool await(struct client *c, enum mcs_type type, struct mcs_pdu *pdu)
{
    uint8_t *data;
    size_t size;
    struct rd r;

    if (!line_message(&c->line, RDP_FRAME_TPKT, &data, &size))
        return false;
    rd_init(&r, data, size);
    return (mcs_domain_read(&r, pdu) == SP_OK && pdu->type == type) || failed(c, "MCS PDU");
}

static bool join(struct client *c, uint16_t channel)
{
    uint8_t out[32];
    struct mcs_pdu pdu;
    struct wr w;

    wr_init(&w, out, sizeof(out));
    return mcs_channel_join_request_write(&w, c->user_id, channel) == SP_OK &&
           send_written(c, &w) && await(c, MCS_CHANNEL_JOIN_CONFIRM, &pdu);
}

static bool join_domain(struct client *c)
{
    uint8_t out[32];
    struct mcs_pdu pdu;
    struct wr w;

    wr_init(&w, out, sizeof(out));
    if (mcs_erect_domain_request_write(&w) != SP_OK || mcs_attach_user_request_write(&w) != SP_OK ||
        !send_written(c, &w) || !await(c, MCS_ATTACH_USER_CONFIRM, &pdu))
        return failed(c, "MCS attach");
    c->user_id = pdu.initiator;
    return join(c, c->user_id) && join(c, c->io_channel);
}

static bool say_who(struct client *c)
{
    static _Thread_local struct client_info info;
    uint8_t out[2048];
    struct mcs_pdu pdu;
    size_t used = 0;
    struct wr w;

    memset(&info, 0, sizeof(info));
    info.flags = INFO_MOUSE | INFO_UNICODE | INFO_LOGONNOTIFY | INFO_DISABLECTRLALTDEL;
    if (text_utf16le_from_utf8(c->plan->user, info.user.bytes, CLIENT_INFO_TEXT_MAX, &used) !=
        SP_OK)
        return failed(c, "user name");
    info.user.size = (uint16_t)used;
    wr_init(&w, out, sizeof(out));
    size_t mark = mcs_send_begin(&w, false, c->user_id, c->io_channel);
    client_info_write(&w, &info);
    mcs_send_end(&w, mark);
    return send_written(c, &w) && await(c, MCS_SEND_DATA_INDICATION, &pdu); /* the licence */
}

/* --- activation ------------------------------------------------------------------------------- */

/* Wait for a share PDU of a type; data_type counts only for PDUTYPE_DATAPDU. */
static bool await_share(struct client *c, uint8_t type, uint8_t data_type, uint32_t *share_id)
{
    for (;;) {
        struct mcs_pdu pdu;
        uint8_t *frame;
        size_t size;
        struct rd r;

        if (!line_message(&c->line, RDP_FRAME_ACTIVE, &frame, &size))
            return false;
        if (rdp_is_fastpath(frame[0]))
            continue;
        rd_init(&r, frame, size);
        if (mcs_domain_read(&r, &pdu) != SP_OK || pdu.type != MCS_SEND_DATA_INDICATION)
            return failed(c, "ended before Font Map");
        while (pdu.channel_id == c->io_channel && pdu.data.left > 0) {
            struct share_pdu share;
            struct share_data data = {0};

            if (share_next(&pdu.data, &share) != SP_OK)
                return failed(c, "share PDU");
            if (share.is_flow || share.type != type)
                continue;
            if (type == PDUTYPE_DEMANDACTIVEPDU)
                *share_id = rd_u32le(&share.body, "shareId");
            else if (share_data_read(&share.body, &data) != SP_OK || data.pdu_type2 != data_type)
                continue;
            return true;
        }
    }
}

static bool activate(struct client *c)
{
    uint8_t body[1024], out[2048];
    uint32_t share_id = 0;
    struct wr w, b;

    if (!await_share(c, PDUTYPE_DEMANDACTIVEPDU, 0, &share_id))
        return false;
    wr_init(&w, out, sizeof(out));
    for (int step = 0; step < 5; step++) {
        wr_init(&b, body, sizeof(body));
        if (step == 0)
            confirm_active_write_minimal(&b, c->user_id, share_id, WIDTH_PX, HEIGHT_PX, 32);
        else if (step == 1)
            share_write_synchronize(&b, c->user_id, share_id, MCS_SERVER_CHANNEL);
        else if (step == 2)
            share_write_control(&b, c->user_id, share_id, CTRLACTION_COOPERATE, 0, 0);
        else if (step == 3)
            share_write_control(&b, c->user_id, share_id, CTRLACTION_REQUEST_CONTROL, 0, 0);
        else
            share_write_font_list(&b, c->user_id, share_id);
        size_t mark = mcs_send_begin(&w, false, c->user_id, c->io_channel);
        wr_bytes(&w, body, b.pos);
        mcs_send_end(&w, mark);
    }
    return send_written(c, &w) && await_share(c, PDUTYPE_DATAPDU, PDUTYPE2_FONTMAP, &share_id);
}

bool client_run(struct client *c, const struct client_plan *plan, uint32_t source)
{
    c->plan = plan;
    if (!line_dial(&c->line, plan->port, source))
        return false;
    if (plan->is_bare)
        return plan->until < CLIENT_TLS || line_tls(&c->line, plan->tls, false);
    if (plan->until >= CLIENT_X224 && !negotiate(c))
        return false;
    if (plan->until >= CLIENT_TLS && !line_tls(&c->line, plan->tls, false))
        return false;
    if (plan->until >= CLIENT_NLA && !authenticate(c))
        return false;
    return plan->until < CLIENT_ACTIVE ||
           (connect_mcs(c) && join_domain(c) && say_who(c) && activate(c));
}
