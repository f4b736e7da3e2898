/* SPDX-License-Identifier: Apache-2.0
 * What a session may ask of keeper: the table, and a session's record.
 */
#include "keeper/session_table.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ipc_transfer.h"
#include "base/mem.h"
#include "keeper/session_priv.h"

#define IN(state) (1u << (state))
/* A note may come while the session lives. */
#define IN_ANY (IN(SESSION_CLOSED) - 1u)
/* In the lobby, and back to it from a target that could not be reached. */
#define IN_LOBBY ((IN(SESSION_ACTIVE) - IN(SESSION_LOBBY)) | IN(SESSION_REFUSED))

struct row {
    uint32_t type;
    size_t size;
    uint32_t states;
    bool is_once;
    bool may_carry_fds;
    verb_fn *handler;
};

static const struct row table[] = {
    {IPC_SIGN_REQ, sizeof(struct ipc_sign_req), IN(SESSION_OPEN), true, false, verb_sign},
    {IPC_GSS_STEP_REQ, sizeof(struct ipc_gss_req), IN(SESSION_SIGNED) | IN(SESSION_GSS), false,
     false, verb_gss_step},
    {IPC_GSS_UNWRAP_REQ, sizeof(struct ipc_gss_req), IN(SESSION_VERIFIED), false, false,
     verb_gss_unwrap},
    {IPC_GSS_WRAP_REQ, sizeof(struct ipc_gss_req), IN(SESSION_VERIFIED), true, false,
     verb_gss_wrap},
    {IPC_CHALLENGE_REQ, sizeof(struct ipc_plain), IN(SESSION_SIGNED), true, false, verb_challenge},
    {IPC_VERIFY_REQ, sizeof(struct ipc_verify_req), IN(SESSION_CHALLENGED), true, false,
     verb_verify},
    {IPC_DECIDE_REQ, sizeof(struct ipc_plain), IN(SESSION_VERIFIED), true, false, verb_decide},
    {IPC_LOBBY_ACTION, sizeof(struct ipc_lobby_action), IN_LOBBY, false, false, verb_lobby_action},
    {IPC_LOBBY_ENTER_REQ, sizeof(struct ipc_plain), IN(SESSION_LOBBY), false, false,
     verb_lobby_enter},
    {IPC_DELEGATE_REQ, sizeof(struct ipc_delegate_req), IN(SESSION_DECIDED), true, false,
     verb_delegate},
    {IPC_CONNECT_REQ, sizeof(struct ipc_plain), IN(SESSION_DECIDED), true, false, verb_connect},
    {IPC_CERTIFICATE_REQ, sizeof(struct ipc_certificate_req), IN(SESSION_CONNECTED), true, false,
     verb_certificate},
    {IPC_BIND_REQ, sizeof(struct ipc_bind_req), IN(SESSION_TRUSTED), true, false, verb_bind},
    {IPC_SEAL_REQ, sizeof(struct ipc_seal_req), IN(SESSION_BOUND), true, false, verb_seal},
    {IPC_CLEAR_REQ, sizeof(struct ipc_plain), IN(SESSION_TRUSTED), true, false, verb_clear},
    {IPC_RDSTLS_REQ, sizeof(struct ipc_plain), IN(SESSION_TRUSTED), true, false, verb_rdstls},
    {IPC_LICENCE_GET_REQ, sizeof(struct ipc_licence_get_req), IN(SESSION_ADMITTED), true, false,
     verb_licence_get},
    {IPC_LICENCE_PUT, sizeof(struct ipc_licence_put), IN(SESSION_ADMITTED), true, false,
     verb_licence_put},
    {IPC_REDIRECT_REQ, sizeof(struct ipc_redirect_req), IN(SESSION_ADMITTED), false, false,
     verb_redirect},
    {IPC_PROXIED, sizeof(struct ipc_proxied), IN(SESSION_OPEN), true, false, verb_proxied},
    {IPC_NOTE, sizeof(struct ipc_note), IN_ANY, false, false, verb_note},
    {IPC_TRANSFER, sizeof(struct ipc_transfer), IN(SESSION_ADMITTED) | IN(SESSION_ACTIVE), false,
     false, verb_transfer},
};
#define ROW_COUNT (sizeof(table) / sizeof(table[0]))
static_assert(ROW_COUNT <= 32, "used has a bit for each row");

static const char *const state_names[] = {
    [SESSION_OPEN] = "open",           [SESSION_SIGNED] = "signed",
    [SESSION_GSS] = "kerberos",        [SESSION_CHALLENGED] = "login",
    [SESSION_VERIFIED] = "verified",   [SESSION_LOBBY] = "lobby",
    [SESSION_DECIDED] = "decided",     [SESSION_CONNECTING] = "connecting",
    [SESSION_CONNECTED] = "connected", [SESSION_TRUSTED] = "trusted",
    [SESSION_BOUND] = "bound",         [SESSION_ADMITTED] = "admitted",
    [SESSION_ACTIVE] = "active",       [SESSION_REFUSED] = "refused",
    [SESSION_CLOSED] = "closed",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == SESSION_STATE_COUNT, "all named");

const char *session_state_name(enum session_state state)
{
    return state_names[state];
}

uint64_t session_new_number(void)
{
    static uint64_t count;

    return ++count;
}

void session_init(struct session *s, const struct ipc_session_started *started, int fd, int pidfd,
                  int64_t now_ms, uint32_t authenticate_ms)
{
    uint8_t random[8];

    sp_random(random, sizeof(random));
    *s = (struct session){.number = session_new_number(),
                          .fd = fd,
                          .pidfd = pidfd,
                          .pid = started->pid,
                          .peer = started->peer,
                          .listener = started->listener,
                          .started_ms = now_ms,
                          .started_wall_us = clock_wall_us(),
                          .deadline_ms = now_ms + authenticate_ms,
                          .lease_at_ms = now_ms + SESSION_LEASE_EVERY_MS,
                          .target_fd = -1};
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(s->id + 2 * i, 3, "%02x", random[i]);
}

const char *session_person(const struct session *s)
{
    return s->ticket[0] != '\0' ? s->person : s->user_text;
}

void session_clear(struct session *s)
{
    sp_fd_cleanup(&s->fd);
    sp_fd_cleanup(&s->pidfd);
    sp_fd_cleanup(&s->target_fd);
    sp_wipe(s, sizeof(*s));
    s->fd = s->pidfd = s->target_fd = -1;
}

static const struct row *find_row(uint32_t type)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (table[i].type == type)
            return &table[i];
    }
    return NULL;
}

uint32_t session_row_bit(uint32_t type)
{
    return 1u << (find_row(type) - table);
}

const char *session_lobby_target(const struct session *s, const struct policy_name *typed)
{
    if (s->ticket[0] != '\0')
        return s->ticket_target;
    if (s->lobby.target[0] != '\0')
        return s->lobby.target;
    return typed->has_target && !s->lobby.is_free ? typed->target : NULL;
}

void session_next_target(struct session *s)
{
    static const uint32_t types[] = {IPC_CONNECT_REQ,     IPC_CERTIFICATE_REQ, IPC_BIND_REQ,
                                     IPC_SEAL_REQ,        IPC_CLEAR_REQ,       IPC_RDSTLS_REQ,
                                     IPC_LICENCE_GET_REQ, IPC_LICENCE_PUT};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        s->used &= ~(1u << (find_row(types[i]) - table));
    s->note_kinds &= ~(1u << IPC_NOTE_TARGET_LOGIN);
    s->is_dialed = false;
}

static enum sp_err check(const struct session *s, const struct row *row, const struct ipc_in *in,
                         struct sp_fail *fail)
{
    if (row == NULL)
        return sp_fail_set(fail, SP_EVALUE, "ipc.type", in->msg.head.type, 0);
    if (in->size != row->size || in->msg.head.size != row->size)
        return sp_fail_set(fail, SP_EVALUE, "ipc.size", (uint32_t)in->size, (uint32_t)row->size);
    if (in->fd_count > 0 && !row->may_carry_fds)
        return sp_fail_set(fail, SP_EVALUE, "ipc.descriptors", (uint32_t)in->fd_count, 0);
    if (s->deferred != 0 && row->type != IPC_NOTE)
        return sp_fail_set(fail, SP_ESTATE, "ipc.deferred", row->type, s->deferred_type);
    if (row->is_once && (s->used & 1u << (row - table)) != 0)
        return sp_fail_set(fail, SP_ELIMIT, "ipc.once", row->type, 0);
    if (row->type == IPC_SIGN_REQ && s->is_proxied && !s->is_source_known)
        return sp_fail_set(fail, SP_ESTATE, "ipc.source", 0, 1);
    if ((row->states & IN(s->state)) == 0)
        return sp_fail_set(fail, SP_ESTATE, "ipc.state", s->state, row->states);
    return SP_OK;
}

enum sp_err session_message(struct session *s, const struct session_ops *ops, struct ipc_in *in,
                            struct sp_fail *fail)
{
    const struct row *row = find_row(in->msg.head.type);
    struct verb v = {s, ops, in, fail};
    enum sp_err err = check(s, row, in, fail);

    if (err == SP_OK) {
        s->used |= 1u << (row - table);
        err = row->handler(&v);
    }
    ipc_in_clear(in);
    /* A delegated password may have been in it; the head stays for the event of a violation. */
    sp_wipe(in->msg.bytes + sizeof(in->msg.head), sizeof(in->msg) - sizeof(in->msg.head));
    return err;
}

enum sp_err verb_answer(struct verb *v, uint32_t type, void *msg, size_t size, int fd)
{
    enum sp_err err = v->ops->send(v->ops->ctx, v->s, type, msg, size, fd);

    if (err != SP_OK)
        return sp_fail_set(v->fail, err, "ipc.answer", type, 0);
    return SP_OK;
}

void session_refuse(struct session *s, const char *reason)
{
    s->state = SESSION_REFUSED;
    s->decision.secret = NULL; /* no target any more */
    s->is_failure_logged = true;
    snprintf(s->end_reason, sizeof(s->end_reason), "%s", reason);
}

enum sp_err session_end(struct session *s, const struct session_ops *ops, uint32_t errinfo,
                        const char *reason)
{
    struct ipc_end msg = {.errinfo = errinfo};

    snprintf(msg.reason, sizeof(msg.reason), "%s", reason);
    snprintf(s->end_reason, sizeof(s->end_reason), "%s", reason);
    s->is_failure_logged = true; /* whatever it reports now follows from this */
    return ops->send(ops->ctx, s, IPC_END, &msg, sizeof(msg), -1);
}

enum sp_err session_lease(struct session *s, const struct session_ops *ops)
{
    struct ipc_lease msg = {.lease_ms = SESSION_LEASE_MS};

    s->lease_at_ms = ops->now_ms(ops->ctx) + SESSION_LEASE_EVERY_MS;
    return ops->send(ops->ctx, s, IPC_LEASE, &msg, sizeof(msg), -1);
}

void session_source(const struct ipc_address *a, char out[64])
{
    static const uint8_t v4[12] = {[10] = 0xFF, [11] = 0xFF};
    char ip[INET6_ADDRSTRLEN];

    if (memcmp(a->ip, v4, sizeof(v4)) == 0) {
        inet_ntop(AF_INET, a->ip + 12, ip, sizeof(ip));
        snprintf(out, 64, "%s:%u", ip, a->port & 0xFFFF);
        return;
    }
    inet_ntop(AF_INET6, a->ip, ip, sizeof(ip));
    snprintf(out, 64, "[%s]:%u", ip, a->port & 0xFFFF);
}
