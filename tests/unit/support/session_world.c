/* SPDX-License-Identifier: Apache-2.0
 * The table of verbs with a world in memory.
 */
#include "support/session_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/ipc_transfer.h"
#include "keeper/ntlm_verify.h"
#include "keeper/session_priv.h"
#include "rdp/ntlm.h"

static const uint8_t user[] = "a\0l\0i\0c\0e"; /* the literal's NUL completes the last unit */
static const uint8_t password[] = "w\0o\0n\0d\0e\0r";

static int64_t on_now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static enum sp_err on_send(void *ctx, struct session *s, uint32_t type, void *msg, size_t size,
                           int fd)
{
    struct world *w = ctx;

    if (w->send_err != SP_OK)
        return w->send_err;
    memcpy(w->sent.bytes, msg, size);
    w->sent.head = (struct ipc_head){type, (uint32_t)size};
    if (type == IPC_BIND_RSP) {
        memcpy(w->nonce, w->sent.bind.nonce, sizeof(w->nonce));
        memcpy(w->exported_key, s->binding.exported_key, sizeof(w->exported_key));
    }
    w->sent_type = type;
    w->sent_size = size;
    w->sent_fd = fd;
    w->sends++;
    return SP_OK;
}

static enum sp_err on_sign(void *ctx, const struct session *s, const struct ipc_sign_req *req,
                           uint8_t *signature, size_t *size)
{
    struct world *w = ctx;

    (void)s;
    (void)req;
    if (w->sign_err != SP_OK)
        return w->sign_err;
    memset(signature, 0x30, 70);
    *size = 70;
    w->signs++;
    return SP_OK;
}

static void on_account(void *ctx, const char *name, const char *domain, struct session_account *out)
{
    (void)name;
    (void)domain;
    *out = ((struct world *)ctx)->account;
}

static const char *on_ticket(void *ctx, struct session *s)
{
    struct world *w = ctx;

    snprintf(s->ticket, sizeof(s->ticket), "t-00000000");
    snprintf(s->person, sizeof(s->person), "bob");
    snprintf(s->ticket_target, sizeof(s->ticket_target), "web01");
    w->ticket_uses++;
    return w->ticket_refusal;
}

static void on_decide(void *ctx, struct session *s, struct session_decision *out)
{
    (void)s;
    *out = ((struct world *)ctx)->decision;
}

static bool on_still(void *ctx, struct session *s, char out[512])
{
    const struct world *w = ctx;

    (void)s;
    snprintf(out, 512, "not any more");
    return !w->is_not_allowed_later;
}

static enum sp_err on_dial(void *ctx, struct session *s)
{
    struct world *w = ctx;

    (void)s;
    w->dials++;
    return w->dial_err;
}

static enum sp_err on_password(void *ctx, const struct session *s, uint8_t out[IPC_NAME_MAX],
                               size_t *size)
{
    struct world *w = ctx;

    (void)s;
    if (w->password_err != SP_OK)
        return w->password_err;
    memcpy(out, WORLD_PASSWORD, 12);
    *size = 12;
    w->passwords++;
    return SP_OK;
}

static enum sp_err on_known(void *ctx, const char *target, const uint8_t key[32], bool *is_new,
                            uint8_t known[32])
{
    struct world *w = ctx;

    (void)target;
    (void)key;
    *is_new = w->known_is_new;
    if (w->known_err == SP_EDENIED)
        memset(known, 0xAA, 32);
    return w->known_err;
}

static uint32_t on_kerberos_min(void *ctx)
{
    return ((struct world *)ctx)->kerberos_min;
}

static bool on_principal(void *ctx, const char *principal, char *name, struct session_account *out)
{
    *out = ((struct world *)ctx)->account;
    snprintf(name, IPC_NAME_MAX, "alice");
    return strcmp(principal, "alice@EXAMPLE.TEST") == 0;
}

static enum sp_err on_gss(void *ctx, struct session *s, uint32_t kind, const uint8_t *data,
                          size_t size)
{
    struct world *w = ctx;

    (void)s;
    (void)kind;
    (void)data;
    (void)size;
    w->gss_asks++;
    return w->gss_ask_err;
}

static void on_redirect(void *ctx, struct session *s, const char *host,
                        struct session_decision *out)
{
    struct world *w = ctx;

    (void)s;
    snprintf(w->redirect_host, sizeof(w->redirect_host), "%s", host != NULL ? host : "");
    *out = w->decision;
    out->is_allowed = host == NULL || strcmp(host, "farm02.example") == 0;
    snprintf(out->host, sizeof(out->host), "%s", host != NULL ? host : w->decision.host);
    snprintf(out->reason, sizeof(out->reason), "not allowed");
}

static enum sp_err on_licence_get(void *ctx, const char *target, const char *scope,
                                  struct ipc_licence_get_rsp *out)
{
    struct world *w = ctx;

    (void)target;
    (void)scope;
    memset(out->licence, 0x4C, 8);
    out->size = 8;
    return w->licence_err;
}

static enum sp_err on_licence_put(void *ctx, const char *target, const struct ipc_licence_put *put)
{
    struct world *w = ctx;

    (void)target;
    w->licence_size = put->size;
    return w->licence_err;
}

static const char *on_attempt(void *ctx, struct session *s)
{
    struct world *w = ctx;

    (void)s;
    w->attempts++;
    return w->refused;
}

static void on_attempted(void *ctx, struct session *s, bool is_proved)
{
    struct world *w = ctx;

    (void)s;
    w->proved += is_proved;
    w->failed += !is_proved;
}

static bool on_penalised(void *ctx, const struct session *s)
{
    const struct world *w = ctx;

    (void)s;
    return w->is_penalised;
}

static void on_charge(void *ctx, const struct session *s, enum penalty_cause cause)
{
    struct world *w = ctx;

    (void)s;
    w->charges[cause]++;
}

static uint64_t on_attack(void *ctx, const char *id)
{
    struct world *w = ctx;

    (void)id;
    return ++w->attacks;
}

static enum sp_err on_event(void *ctx, struct event *e, bool is_durable)
{
    struct world *w = ctx;

    if (e->is_broken)
        abort(); /* an event that cannot be written is our own mistake */
    if ((is_durable && w->event_err != SP_OK) || w->event_count == WORLD_EVENTS_MAX) {
        event_clear(e);
        return w->event_err;
    }
    w->events[w->event_count++] = e->root;
    e->root = NULL;
    w->durable_events += is_durable ? 1 : 0;
    return SP_OK;
}

static uint32_t on_lobby_idle(void *ctx)
{
    (void)ctx;
    return 60000;
}

static void on_lobby_state(void *ctx, struct session *s, struct ipc_lobby_state *out)
{
    (void)ctx, (void)s;
    *out = (struct ipc_lobby_state){.screen = IPC_LOBBY_CHOOSE};
}

static void on_lobby_act(void *ctx, struct session *s, const struct ipc_lobby_action *a)
{
    (void)ctx, (void)s, (void)a;
}

void world_init(struct world *w)
{
    struct ipc_session_started started = {.pid = 4242, .peer = {.port = 1024}};

    memset(w, 0, sizeof(*w));
    started.peer.ip[10] = started.peer.ip[11] = 0xFF;
    started.peer.ip[12] = 192;
    started.peer.ip[15] = 7;
    w->now_ms = 1000;
    session_init(&w->s, &started, -1, -1, w->now_ms, 30000);
    w->s.is_proxied = w->s.is_source_known = true;
    w->account.is_known = true;
    ntlm_nt_hash(password, sizeof(password), w->account.nt_hash);
    w->decision = (struct session_decision){.is_allowed = true,
                                            .nla = IPC_NLA_ALLOWED,
                                            .login = IPC_LOGIN_INJECT,
                                            .tls_mode = IPC_TLS_PIN,
                                            .credssp_min = 5,
                                            .port = 3389,
                                            .user_size = sizeof(user),
                                            .target = "web01",
                                            .host = "web01.example",
                                            .rule = "all"};
    memcpy(w->decision.user, user, sizeof(user));
    memset(w->spki, 0x30, sizeof(w->spki));
    SHA256(w->spki, sizeof(w->spki), w->decision.pin);
    w->ops = (struct session_ops){.ctx = w,
                                  .now_ms = on_now,
                                  .send = on_send,
                                  .sign = on_sign,
                                  .account = on_account,
                                  .decide = on_decide,
                                  .is_still_allowed = on_still,
                                  .dial = on_dial,
                                  .password = on_password,
                                  .known_key = on_known,
                                  .redirect = on_redirect,
                                  .licence_get = on_licence_get,
                                  .licence_put = on_licence_put,
                                  .attempt = on_attempt,
                                  .attempted = on_attempted,
                                  .is_penalised = on_penalised,
                                  .charge = on_charge,
                                  .attack = on_attack,
                                  .event = on_event,
                                  .ticket_use = on_ticket};
    w->ops.lobby_idle_ms = on_lobby_idle;
    w->ops.lobby_state = on_lobby_state;
    w->ops.lobby_act = on_lobby_act;
    w->ops.kerberos_min = on_kerberos_min;
    w->ops.principal = on_principal;
    w->ops.gss = on_gss;
    w->kerberos_min = 5;
}

void world_gss_answer(struct world *w, uint32_t kind, uint32_t status, const char *principal)
{
    static struct ipc_directory_answer answer;

    memset(&answer, 0, sizeof(answer));
    answer.kind = kind;
    answer.status = status;
    answer.size = 16;
    memset(answer.data, 0x47, answer.size);
    snprintf(answer.principal, sizeof(answer.principal), "%s", principal);
    w->gss_err = session_gss_answered(&w->s, &w->ops, &answer);
}

void world_clear(struct world *w)
{
    for (size_t i = 0; i < w->event_count; i++)
        json_decref(w->events[i]);
    w->event_count = 0;
    session_clear(&w->s);
}

void world_at(struct world *w, enum session_state state)
{
    struct session *s = &w->s;

    s->state = state;
    if (state >= SESSION_CHALLENGED) {
        memset(s->challenge, 0x5C, sizeof(s->challenge));
        s->challenge_until_ms = w->now_ms + SESSION_CHALLENGE_MS;
    }
    if (state >= SESSION_VERIFIED) {
        s->user_size = sizeof(user);
        memcpy(s->user, user, sizeof(user));
        memcpy(s->user_text, "alice", 6);
    }
    s->lobby.is_used = state == SESSION_LOBBY;
    if (state >= SESSION_DECIDED)
        s->decision = w->decision;
    if (state >= SESSION_TRUSTED)
        SHA256(w->spki, sizeof(w->spki), s->target_key_sha256);
    if (state >= SESSION_BOUND) {
        uint8_t sealed[IPC_PUB_KEY_AUTH_MAX];

        memset(s->binding.exported_key, 0x77, sizeof(s->binding.exported_key));
        memset(w->exported_key, 0x77, sizeof(w->exported_key));
        target_binding_make(&s->binding, CREDSSP_VERSION, w->nonce,
                            w->spki + WORLD_SPKI_SIZE - WORLD_KEY_SIZE, WORLD_KEY_SIZE, sealed);
    }
}

enum sp_err world_send(struct world *w, uint32_t type, const void *msg, size_t size)
{
    memset(&w->in, 0, sizeof(w->in));
    memcpy(w->in.msg.bytes, msg, size);
    w->in.msg.head = (struct ipc_head){type, (uint32_t)size};
    w->in.size = size;
    w->in.fds[0] = w->in.fds[1] = -1;
    w->fail = (struct sp_fail){0};
    return session_message(&w->s, &w->ops, &w->in, &w->fail);
}

void world_proof(struct world *w, struct ipc_verify_req *req)
{
    static const uint8_t av_eol[4], client_challenge[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t key[16] = {9, 9, 9};
    struct ntlm_bind_ask ask = {.user = {user, sizeof(user)}, .av_pairs = {av_eol, 4}};
    struct ntlm_bind_answer answer;
    struct ntlm_transcript t;

    memset(req, 0, sizeof(*req));
    memcpy(ask.server_challenge, w->s.challenge, 8);
    if (ntlm_bind_with(&ask, w->account.nt_hash, client_challenge, key, &answer) != SP_OK)
        abort();
    req->user_size = sizeof(user);
    memcpy(req->user, user, sizeof(user));
    req->nt_response_size = (uint16_t)answer.nt_response_size;
    memcpy(req->nt_response, answer.nt_response, answer.nt_response_size);
    memcpy(req->encrypted_random_session_key, answer.encrypted_random_session_key, 16);
    req->negotiate_size = 40;
    req->challenge_size = 60;
    req->authenticate_size = 100;
    memset(req->messages, 0x42, 200);
    t = (struct ntlm_transcript){
        req->messages, req->messages + 40, req->messages + 100, 40, 60, 100};
    ntlm_mic(key, &t, req->mic);
}

size_t world_echo(struct world *w, uint32_t version, uint8_t *out)
{
    uint8_t plain[WORLD_KEY_SIZE];
    size_t size = CREDSSP_BINDING_SIZE;
    const uint8_t *key = w->spki + WORLD_SPKI_SIZE - WORLD_KEY_SIZE;
    struct ntlm_seal seal;

    if (version >= CREDSSP_VERSION_MIN) {
        credssp_binding_hash(false, w->nonce, key, WORLD_KEY_SIZE, plain);
    } else {
        memcpy(plain, key, size = WORLD_KEY_SIZE);
        plain[0]++;
    }
    ntlm_seal_init(&seal, w->exported_key, true);
    ntlm_wrap(&seal, plain, size, out);
    return NTLM_SIGNATURE_SIZE + size;
}

static size_t good_bind(const struct world *w, struct ipc_bind_req *req)
{
    req->flags = NTLM_FLAGS_REQUIRED;
    req->version = CREDSSP_VERSION;
    req->av_size = 4;
    req->negotiate_size = 40;
    req->challenge_size = 60;
    req->spki_size = WORLD_SPKI_SIZE;
    req->key_size = WORLD_KEY_SIZE;
    memcpy(req->spki, w->spki, WORLD_SPKI_SIZE);
    return sizeof(*req);
}

size_t world_good(struct world *w, uint32_t type, struct ipc_in *in)
{
    struct ipc_delegate_req *delegate = (struct ipc_delegate_req *)(void *)in->msg.bytes;
    struct ipc_certificate_req *certificate = (struct ipc_certificate_req *)(void *)in->msg.bytes;
    struct ipc_bind_req *bind = (struct ipc_bind_req *)(void *)in->msg.bytes;
    struct ipc_seal_req *seal = (struct ipc_seal_req *)(void *)in->msg.bytes;
    struct ipc_transfer *transfer = (void *)in->msg.bytes;

    memset(in, 0, sizeof(*in));
    struct ipc_licence_put *licence = (struct ipc_licence_put *)(void *)in->msg.bytes;
    struct ipc_redirect_req *redirect = (struct ipc_redirect_req *)(void *)in->msg.bytes;

    switch (type) {
    case IPC_LICENCE_GET_REQ:
        return sizeof(struct ipc_licence_get_req);
    case IPC_LOBBY_ACTION:
        return sizeof(struct ipc_lobby_action);
    case IPC_LICENCE_PUT:
        licence->size = 8;
        return sizeof(*licence);
    case IPC_REDIRECT_REQ:
        redirect->host_count = 1;
        memcpy(redirect->hosts[0], "farm02.example", 15);
        return sizeof(*redirect);
    case IPC_SIGN_REQ:
        return sizeof(struct ipc_sign_req);
    case IPC_VERIFY_REQ:
        world_proof(w, (struct ipc_verify_req *)(void *)in->msg.bytes);
        return sizeof(struct ipc_verify_req);
    case IPC_DELEGATE_REQ:
        delegate->user_size = sizeof(user);
        memcpy(delegate->user, user, sizeof(user));
        delegate->password_size = sizeof(password);
        memcpy(delegate->password, password, sizeof(password));
        return sizeof(*delegate);
    case IPC_CERTIFICATE_REQ:
        SHA256(w->spki, sizeof(w->spki), certificate->key_sha256);
        return sizeof(*certificate);
    case IPC_BIND_REQ:
        return good_bind(w, bind);
    case IPC_SEAL_REQ:
        seal->echo_size = (uint32_t)world_echo(w, CREDSSP_VERSION, seal->echo);
        return sizeof(*seal);
    case IPC_NOTE:
        return sizeof(struct ipc_note);
    case IPC_PROXIED:
        return sizeof(struct ipc_proxied);
    case IPC_TRANSFER:
        transfer->way = IPC_WAY_TO_TARGET;
        return sizeof(*transfer);
    default:
        return sizeof(struct ipc_plain);
    }
}

enum sp_err world_send_good(struct world *w, uint32_t type)
{
    static struct ipc_in in;

    size_t size = world_good(w, type, &in);

    return world_send(w, type, in.msg.bytes, size);
}
