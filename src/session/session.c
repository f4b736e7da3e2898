/* SPDX-License-Identifier: Apache-2.0
 * One connection's life, read from top to bottom as the connection sequence.
 */
#include "session/session.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "back/back.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "front/front.h"
#include "front/keyless.h"
#include "rdp/channel.h"
#include "rdp/errinfo.h"
#include "rdp/x224.h"
#include "session/signatures.h"
#include "session/lobby.h"
#include "session/proxied.h"
#include "session/splice.h"

#define SETTINGS_MS 30000 /* from NLA to licensing, on the client's leg         */
#define TARGET_MS   30000 /* from the connected socket to Demand Active          */

/* Everything of one connection; one a process, so it is static and untouched pages cost nothing. */
struct session {
    const struct session_start *start;
    struct keeper_link keeper;
    struct front front;
    struct back back;
    struct front_credentials credentials;
    struct ipc_decide_rsp decision;
    struct back_wishes wishes;
    struct splice splice;
    bool is_spliced, had_lobby;
};

static struct session the_session;
static struct lobby the_lobby;

static enum sp_err sign_by_keeper(void *arg, uint16_t scheme, const uint8_t *tbs, size_t tbs_size,
                                  uint8_t *signature, size_t *size)
{
    uint8_t answer[IPC_SIG_MAX];
    size_t used = 0;
    enum sp_err err = keeper_sign(arg, scheme, tbs, tbs_size, answer, &used);

    if (err != SP_OK)
        return err;
    if (used > *size)
        return SP_ESPACE;
    memcpy(signature, answer, used);
    *size = used;
    return SP_OK;
}

/* One failure of what a leg sent, one note; errinfo is what the client will be told. */
static void note_leg_failure(struct session *s, enum ipc_step step, enum ipc_leg leg,
                             const struct sp_fail *fail, uint32_t errinfo)
{
    const struct signature *attack = signature_find(leg, step, fail);

    if (attack != NULL) {
        struct ipc_note note = {.kind = IPC_NOTE_EXPLOIT,
                                .step = step,
                                .code = fail->code,
                                .got = fail->got,
                                .want = fail->want,
                                .a = leg};

        snprintf(note.where, sizeof(note.where), "%s", fail->where);
        snprintf(note.text, sizeof(note.text), "%s", attack->id);
        keeper_note(&s->keeper, &note);
        return;
    }
    keeper_note_failure(&s->keeper, step, fail, errinfo);
}

static void note_failure(struct session *s, enum ipc_step step, const struct sp_fail *fail,
                         uint32_t errinfo)
{
    note_leg_failure(s, step, signature_leg(step), fail, errinfo);
}

/* From the first byte to a proven person. told: keeper has written the event itself. */
static enum sp_err authenticate(struct session *s, enum ipc_step *step, bool *told)
{
    struct front_identity identity = {s->start->public_key, s->start->public_key_size};

    *told = false;
    *step = IPC_STEP_PROXY;
    enum sp_err err = s->start->is_proxied ? proxied_source(&s->front.stream) : SP_OK;
    if (err != SP_OK)
        return err;
    *step = IPC_STEP_X224;
    err = front_negotiate(&s->front);
    if (err != SP_OK)
        return err;
    *step = IPC_STEP_TLS;
    err = stream_tls_accept(&s->front.stream, s->start->front_tls);
    if (err != SP_OK)
        return err;
    *step = IPC_STEP_NLA;
    return front_nla(&s->front, &identity, &s->credentials, told);
}

/* The person's own password goes to keeper at once, if the decision wants it, and is then gone. */
static enum sp_err hand_over_credentials(struct session *s)
{
    static struct ipc_delegate_req req;
    const struct front_credentials *c = &s->credentials;
    uint32_t errinfo = 0;
    enum sp_err err = SP_OK;

    if (s->decision.errinfo == 0 && s->decision.login == IPC_LOGIN_DELEGATE) {
        memset(&req, 0, sizeof(req));
        req.user_size = c->user_size;
        req.domain_size = c->domain_size;
        req.password_size = c->password_size;
        memcpy(req.user, c->user, sizeof(req.user));
        memcpy(req.domain, c->domain, sizeof(req.domain));
        memcpy(req.password, c->password, sizeof(req.password));
        err = keeper_delegate(&s->keeper, &req, &errinfo);
        /* The account stays the one that keeper named: its proof is made for no other. */
        if (err == SP_OK && errinfo != 0)
            s->decision.errinfo = errinfo;
    }
    return err;
}

static enum sp_err decide(struct session *s)
{
    enum sp_err err = keeper_decide(&s->keeper, &s->decision);

    if (err == SP_OK && s->decision.is_lobby) {
        s->keeper.lobby = &the_lobby.state; /* what is to be shown may come at any time now */
        return SP_OK;                       /* which target they are for is not decided yet */
    }
    if (err == SP_OK)
        err = hand_over_credentials(s);
    sp_wipe(&s->credentials, sizeof(s->credentials));
    if (err != SP_OK)
        return sp_fail_set(&s->front.stream.fail, err, "keeper: decide", 0, 0);
    return SP_OK;
}

static void note_client(struct session *s)
{
    const struct gcc_client *c = &s->front.settings;
    struct ipc_note note = {.kind = IPC_NOTE_CLIENT,
                            .step = IPC_STEP_MCS,
                            .a = c->core.client_build,
                            .b = (uint64_t)c->core.desktop_width << 16 | c->core.desktop_height};
    size_t size = 0;

    while (size + 2 <= sizeof(c->core.client_name) &&
           (c->core.client_name[size] | c->core.client_name[size + 1]) != 0)
        size += 2;
    text_utf8_from_utf16le(c->core.client_name, size, note.text, sizeof(note.text));
    keeper_note(&s->keeper, &note);
}

/* Which channels the decision lets pass. */
static void note_channels(struct session *s)
{
    const struct gcc_client *c = &s->front.settings;

    for (size_t i = 0; i < c->channel_count; i++) {
        struct ipc_note channel = {.kind = IPC_NOTE_CHANNEL, .step = IPC_STEP_MCS};

        snprintf(channel.text, sizeof(channel.text), "%s", c->channels[i].name);
        channel.a = channel_name_allowed(c->channels[i].name, &s->decision.channels);
        keeper_note(&s->keeper, &channel);
    }
}

static void make_wishes(struct session *s)
{
    struct back_wishes *w = &s->wishes;
    const struct front *f = &s->front;

    w->decision = &s->decision;
    w->settings = f->settings;
    w->info_flags = f->info_flags;
    w->code_page = f->code_page;
    w->performance_flags = f->performance_flags;
    w->has_time_zone = f->has_time_zone;
    memcpy(w->time_zone, f->time_zone, sizeof(w->time_zone));
    w->dst_key_name = f->dst_key_name;
    w->dst_disabled = f->dst_disabled;
}

static void note_target_login(struct session *s)
{
    struct ipc_note note = {
        .kind = IPC_NOTE_TARGET_LOGIN, .step = IPC_STEP_TARGET_NLA, .a = s->back.selected_protocol};

    keeper_note(&s->keeper, &note);
}

/*
 * From keeper's yes to the target's Demand Active, or to its redirection.
 * errinfo  what the client is to be told after a failure
 * told     keeper has written the event itself
 */
static enum sp_err reach_hop(struct session *s, enum ipc_step *step, uint32_t *errinfo, bool *told)
{
    SP_FD fd = -1;
    uint32_t refused = 0;

    *told = false;
    *step = IPC_STEP_CONNECT;
    enum sp_err err = keeper_connect(&s->keeper, &fd, &refused);
    if (err != SP_OK)
        return sp_fail_set(&s->back.stream.fail, err, "keeper: connect", 0, 0);
    if (refused != 0) {
        *errinfo = refused;
        *told = true;
        return SP_EDENIED;
    }
    err = stream_init(&s->back.stream, sp_fd_take(&fd), &s->keeper);
    s->back.stream.deadline_ms = clock_now_ms() + TARGET_MS;
    *errinfo = ERRINFO_CB_REDIRECTING_TO_DESTINATION;
    *step = IPC_STEP_TARGET_X224;
    if (err == SP_OK)
        err = back_negotiate(&s->back, &s->decision);
    if (err != SP_OK)
        return err;
    *step = IPC_STEP_TARGET_TLS;
    err = back_tls(&s->back, s->start->back_tls, &s->decision, &refused);
    *told = refused != 0;
    if (err != SP_OK)
        return err;
    *step = IPC_STEP_TARGET_NLA;
    err = back_nla(&s->back, &s->decision);
    if (err != SP_OK)
        return err;
    if (s->back.selected_protocol != PROTOCOL_SSL)
        note_target_login(s);
    *step = IPC_STEP_TARGET_MCS;
    make_wishes(s);
    err = back_settings(&s->back, &s->wishes);
    if (err != SP_OK)
        return err;
    uint32_t own = 0;
    err = back_await_activation(&s->back, step, &own);
    if (own != 0)
        *errinfo = own;
    return err;
}

/* As reach_hop, following redirections; keeper allows each and counts them. */
static enum sp_err reach_target(struct session *s, enum ipc_step *step, uint32_t *errinfo,
                                bool *told)
{
    enum sp_err err = reach_hop(s, step, errinfo, told);

    while (err == SP_OK && s->back.next.is_set) {
        struct ipc_redirect_req req = {.flags = s->back.next.flags,
                                       .session_id = s->back.next.session_id,
                                       .host_count = (uint32_t)s->back.next.host_count};

        memcpy(req.hosts, s->back.next.hosts, sizeof(req.hosts));
        err = keeper_redirect(&s->keeper, &req, &s->decision);
        if (err != SP_OK)
            return sp_fail_set(&s->back.stream.fail, err, "keeper: redirect", 0, 0);
        if (s->decision.errinfo != 0) {
            *errinfo = s->decision.errinfo;
            *told = true;
            return SP_EDENIED;
        }
        back_follow(&s->back);
        err = reach_hop(s, step, errinfo, told);
    }
    return err;
}

/* A target that could not be reached: said once, and nothing of it left. */
static void give_target_up(struct session *s, enum ipc_step step, uint32_t errinfo, bool told)
{
    if (!told)
        note_failure(s, step, &s->back.stream.fail, errinfo);
    back_goodbye(&s->back);
    memset(&s->back, 0, sizeof(s->back));
    s->back.stream.fd = -1;
}

/* The lobby, and each target that is tried from it, until one is there. Arguments as reach_hop. */
static enum sp_err through_lobby(struct session *s, enum ipc_step *step, uint32_t *errinfo,
                                 bool *told)
{
    struct lobby *l = &the_lobby;
    enum sp_err err = lobby_open(l, &s->front, &s->keeper, s->decision.idle_ms);

    for (;;) {
        *step = IPC_STEP_DECIDE;
        *errinfo = 0;
        if (err == SP_OK)
            err = lobby_run(l);
        *told = err == SP_ECLOSED || err == SP_ETIME || s->keeper.is_ended;
        if (err != SP_OK) {
            *errinfo = err == SP_ETIME ? ERRINFO_IDLE_TIMEOUT : 0;
            return err;
        }
        err = keeper_lobby_enter(&s->keeper, &s->decision);
        if (err == SP_OK && s->decision.is_lobby) {
            lobby_ask_again(l);
            continue;
        }
        *told = true;
        *errinfo = s->decision.errinfo;
        if (err == SP_OK)
            err = *errinfo != 0 ? SP_EDENIED : hand_over_credentials(s);
        if (err == SP_OK)
            err = lobby_connecting(l, s->decision.target);
        if (err != SP_OK)
            return err;
        err = reach_target(s, step, errinfo, told);
        if (err == SP_OK) {
            note_channels(s);
            return lobby_leave(l);
        }
        if (s->keeper.is_ended)
            return err;
        give_target_up(s, *step, *errinfo, *told);
        err = lobby_failed(l, *step);
    }
}

/* The last note: how much passed and why it ended. */
static void note_closed(struct session *s, const char *why)
{
    struct ipc_note note = {.kind = IPC_NOTE_CLOSED, .step = IPC_STEP_SPLICE};

    if (s->is_spliced) {
        note.a = s->front.stream.sent;
        note.b = s->back.stream.sent;
    }
    snprintf(note.text, sizeof(note.text), "%s", why);
    keeper_note(&s->keeper, &note);
}

static const char *end_reason(const struct session *s, const char *otherwise)
{
    return s->keeper.end_reason[0] != '\0' ? s->keeper.end_reason : otherwise;
}

/* Authentication and decision; true if the person may go on. */
static bool admit(struct session *s)
{
    enum ipc_step step;
    bool told;
    enum sp_err err;

    s->front.stream.deadline_ms = clock_now_ms() + s->start->authenticate_ms;
    err = authenticate(s, &step, &told);
    if (err == SP_OK) {
        step = IPC_STEP_DECIDE;
        err = decide(s);
    }
    if (err != SP_OK) {
        if (!told)
            note_failure(s, step, &s->front.stream.fail, 0);
        note_closed(s, end_reason(s, "not authenticated"));
        front_goodbye(&s->front, 0);
        return false;
    }
    close(s->start->life_fd);
    sandbox_session_authenticated();
    s->front.stream.deadline_ms = clock_now_ms() + SETTINGS_MS;
    err = front_early_result(&s->front, s->decision.errinfo == 0);
    if (err == SP_OK &&
        (s->decision.errinfo == 0 || s->front.selected_protocol != PROTOCOL_HYBRID_EX))
        return true;
    if (err != SP_OK)
        note_failure(s, IPC_STEP_DECIDE, &s->front.stream.fail, 0);
    note_closed(s, end_reason(s, "denied"));
    front_goodbye(&s->front, 0);
    return false;
}

/* The client's settings, then the target's desktop; true if both legs stand at Demand Active. */
static bool prepare(struct session *s)
{
    enum ipc_step step;
    uint32_t errinfo = s->decision.errinfo;
    bool told = true;
    const char *why = s->decision.errinfo != 0 ? "denied" : "failed";
    const struct sp_fail *fail = &s->front.stream.fail;
    enum sp_err err = front_settings(&s->front, &step);

    if (err == SP_OK) {
        note_client(s);
        if (!s->decision.is_lobby)
            note_channels(s);
        if (s->decision.is_lobby) {
            err = through_lobby(s, &step, &errinfo, &told);
            s->had_lobby = true;
            why = the_lobby.why != NULL ? the_lobby.why : why;
        } else if (errinfo == 0) {
            err = reach_target(s, &step, &errinfo, &told);
            fail = &s->back.stream.fail;
        } else {
            err = SP_EDENIED; /* keeper has logged its own decision */
        }
    } else {
        told = false;
    }
    if (err == SP_OK)
        return true;
    if (s->keeper.end_errinfo != 0)
        errinfo = s->keeper.end_errinfo;
    if (!told)
        note_failure(s, step, fail, errinfo);
    note_closed(s, end_reason(s, why));
    back_goodbye(&s->back);
    front_goodbye(&s->front, errinfo);
    return false;
}

static void run_splice(struct session *s)
{
    s->is_spliced = true;
    /* What the handshakes used is over: give it back, since there are many of us. */
    sp_release(&s->wishes, sizeof(s->wishes));
    sp_release(&s->credentials, sizeof(s->credentials));
    malloc_trim(0);
    stream_read_ahead(&s->front.stream);
    stream_read_ahead(&s->back.stream);
    splice_init(&s->splice, &s->front, &s->back, &s->keeper, &s->decision);
    s->splice.had_lobby = s->had_lobby;
    enum sp_err err = splice_run(&s->splice);
    bool is_target = s->splice.to_client.fail.code != SP_OK; /* what goes to the client is its */
    const struct sp_fail *fail = is_target ? &s->splice.to_client.fail : &s->splice.to_target.fail;

    if (err != SP_OK && fail->code != SP_OK)
        note_leg_failure(s, IPC_STEP_SPLICE, is_target ? IPC_LEG_TARGET : IPC_LEG_CLIENT, fail,
                         s->splice.errinfo);
    note_closed(s, s->splice.why);
    back_goodbye(&s->back);
    front_goodbye(&s->front, s->splice.errinfo);
}

void session_main(const struct session_start *start)
{
    struct session *s = &the_session;

    s->start = start;
    s->back.stream.fd = -1;
    keeper_link_init(&s->keeper, start->keeper_fd);
    keyless_set_signer(sign_by_keeper, &s->keeper);
    if (stream_init(&s->front.stream, start->client_fd, &s->keeper) != SP_OK)
        return;
    if (admit(s) && prepare(s))
        run_splice(s);
}
