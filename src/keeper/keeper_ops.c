/* SPDX-License-Identifier: Apache-2.0
 * What the table of verbs sees of the world: configuration, policy, signer, dialer, log, clock.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_priv.h"
#include "keeper/keeper_tickets.h"
#include "keeper/licences.h"
#include "keeper/policy.h"
#include "keeper/session_priv.h"

#define COMPLAINT_MS 10000 /* between two complaints about the log on standard error */

enum sp_err keeper_event(struct keeper *k, struct event *e, bool is_durable)
{
    int64_t now = clock_now_ms();
    enum sp_err err = event_write(&k->log, e, is_durable);

    if (err != SP_OK && (k->log_said_ms == 0 || now - k->log_said_ms > COMPLAINT_MS)) {
        k->log_said_ms = now;
        fprintf(stderr,
                "sallyport: cannot write the event log %s: %s; no one is let in until it "
                "can be written\n",
                k->config->event_log, strerror(errno));
    }
    return err;
}

void keeper_event_note(struct keeper *k, struct event *e)
{
    enum sp_err err = keeper_event(k, e, false);

    (void)err; /* said on standard error */
}

static int64_t op_now(void *ctx)
{
    (void)ctx;
    return clock_now_ms();
}

static enum sp_err op_send(void *ctx, struct session *s, uint32_t type, void *msg, size_t size,
                           int fd)
{
    (void)ctx;
    if (s->fd < 0)
        return SP_ECLOSED;
    return ipc_send(s->fd, type, msg, size, &fd, fd >= 0 ? 1 : 0, 0);
}

/* By the key whose certificate the session has, which a reload may have replaced meanwhile. */
static enum sp_err op_sign(void *ctx, const struct session *s, const struct ipc_sign_req *req,
                           uint8_t *signature, size_t *size)
{
    const struct edition *e = keeper_edition_of(s);

    (void)ctx;
    if (e == NULL || e->signer == NULL ||
        signer_tbs_version(req->tbs, req->tbs_size) < e->config->tls_min)
        return SP_EDENIED;
    return signer_sign(e->signer, req->scheme, req->tbs, req->tbs_size, signature, size);
}

static void op_account(void *ctx, const char *user, const char *domain, struct session_account *out)
{
    struct keeper *k = ctx;
    const struct catalog_user *found = policy_find_user(k->catalog, user);
    bool has_hash = found != NULL && found->has_nt_hash;
    uint8_t ticket_hash[TICKET_HASH_SIZE];
    const uint8_t *hash = has_hash ? found->nt_hash : k->nobody_hash;

    /* Whoever is asked for, both are looked up: how long it takes tells nothing. */
    out->is_ticket = keeper_tickets_account(k, user, ticket_hash) && found == NULL;
    if (out->is_ticket)
        hash = ticket_hash;
    (void)domain; /* Sallyport's users are its own, whatever domain a client adds */
    out->is_known = has_hash || out->is_ticket;
    out->is_disabled = found != NULL && found->is_disabled;
    memcpy(out->nt_hash, hash, sizeof(out->nt_hash));
    sp_wipe(ticket_hash, sizeof(ticket_hash));
}

static const char *op_ticket_use(void *ctx, struct session *s)
{
    return keeper_tickets_use(ctx, s);
}

static enum sp_err op_dial(void *ctx, struct session *s)
{
    struct keeper *k = ctx;
    struct ipc_dial msg = {
        .id = s->number, .port = s->decision.port, .timeout_ms = s->decision.dial_timeout_ms};
    int fd = k->now->children.child[CHILD_DIALER].channel;

    memcpy(msg.host, s->decision.host, sizeof(msg.host));
    return fd < 0 ? SP_ECLOSED : ipc_send(fd, IPC_DIAL, &msg, sizeof(msg), NULL, 0, 0);
}

static enum sp_err op_password(void *ctx, const struct session *s, uint8_t out[IPC_NAME_MAX],
                               size_t *size)
{
    const struct catalog_target *t = s->decision.secret;

    (void)ctx;
    if (t == NULL || t->login_password == NULL || t->login_password->size > IPC_NAME_MAX)
        return SP_EDENIED;
    memcpy(out, t->login_password->bytes, t->login_password->size);
    *size = t->login_password->size;
    return SP_OK;
}

/* Another keeper may have learned a key meanwhile; what cannot be read leaves what is known. */
static void refresh_known(struct keeper *k)
{
    struct known_targets fresh;
    struct sp_fail fail = {0};

    if (known_targets_load(k->config->state_dir, &fresh, &fail) != SP_OK)
        return;
    known_targets_clear(&k->known);
    k->known = fresh;
}

static enum sp_err op_known_key(void *ctx, const char *target, const uint8_t key[32], bool *is_new,
                                uint8_t known[32])
{
    struct keeper *k = ctx;

    if (k->is_finishing || k->remaining > 0)
        refresh_known(k);
    return known_targets_check(&k->known, target, key, is_new, known);
}

static enum sp_err op_licence_get(void *ctx, const char *target, const char *scope,
                                  struct ipc_licence_get_rsp *out)
{
    const struct keeper *k = ctx;

    return licences_get(k->config->state_dir, target, scope, out);
}

static enum sp_err op_licence_put(void *ctx, const char *target, const struct ipc_licence_put *put)
{
    const struct keeper *k = ctx;

    return licences_put(k->config->state_dir, target, put->scope, put->licence, put->size);
}

static bool op_is_penalised(void *ctx, const struct session *s)
{
    const struct keeper *k = ctx;

    return guard_refuses(&k->guard, s->peer.ip, clock_now_ms());
}

static void op_charge(void *ctx, const struct session *s, enum penalty_cause cause)
{
    if (s->is_proxied && !s->is_source_known)
        return; /* the proxy did nothing wrong */
    keeper_charge(ctx, &s->peer, cause, 1);
}

static uint64_t op_attack(void *ctx, const char *id)
{
    struct keeper *k = ctx;

    return guard_attack(&k->guard, id);
}

static enum sp_err op_event(void *ctx, struct event *e, bool is_durable)
{
    return keeper_event(ctx, e, is_durable);
}

void keeper_ops_init(struct keeper *k)
{
    sp_random(k->nobody_hash, sizeof(k->nobody_hash));
    k->ops = (struct session_ops){.ctx = k,
                                  .now_ms = op_now,
                                  .send = op_send,
                                  .sign = op_sign,
                                  .account = op_account,
                                  .ticket_use = op_ticket_use,
                                  .decide = keeper_on_decide,
                                  .lobby_idle_ms = keeper_lobby_idle_ms,
                                  .lobby_state = keeper_lobby_state,
                                  .lobby_act = keeper_lobby_act,
                                  .is_still_allowed = keeper_is_still_allowed,
                                  .dial = op_dial,
                                  .password = op_password,
                                  .known_key = op_known_key,
                                  .redirect = keeper_on_redirect,
                                  .licence_get = op_licence_get,
                                  .licence_put = op_licence_put,
                                  .attempt = keeper_attempt,
                                  .attempted = keeper_attempted,
                                  .is_penalised = op_is_penalised,
                                  .charge = op_charge,
                                  .attack = op_attack,
                                  .event = op_event};
    keeper_ops_directory(&k->ops);
}
