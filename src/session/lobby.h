/* SPDX-License-Identifier: Apache-2.0
 * The lobby of one connection: drawn here, asked by keeper, left for a target's desktop.
 */
#ifndef SP_SESSION_LOBBY_H
#define SP_SESSION_LOBBY_H

#include "front/front_desk.h"
#include "lobby/ui.h"

#define LOBBY_TILES_MAX 16384 /* of 64 x 64 px: the largest desktop that the front allows */

struct lobby {
    struct front_desk desk;
    struct ui ui;
    struct canvas canvas;
    struct ipc_lobby_state state; /* as keeper_link puts it there */
    struct keeper_link *keeper;
    uint32_t idle_ms;
    int64_t until_ms;                /* when the person has been idle too long */
    const char *why;                 /* it ended, for the log */
    uint64_t drawn[LOBBY_TILES_MAX]; /* what each tile shows, as a hash; 0 = nothing yet */
};

/*
 * Start the client's desktop: Demand Active is on its way. l: all zero before, but for state,
 * where keeper->lobby points already
 * Errors:  of stream_send
 */
SP_MUST_USE enum sp_err lobby_open(struct lobby *l, struct front *f, struct keeper_link *keeper,
                                   uint32_t idle_ms);

/*
 * Ask until nothing is left to ask.
 * Returns  SP_OK: keeper_lobby_enter may be called; SP_ECLOSED: the person left; SP_ETIME: idle;
 *          others: the client's leg failed, or keeper ended it. l->why says it in words
 */
SP_MUST_USE enum sp_err lobby_run(struct lobby *l);

/* Show which target is being reached. Errors: of stream_send */
SP_MUST_USE enum sp_err lobby_connecting(struct lobby *l, const char *target);

/* Show that it could not be, and let the person say what next: then lobby_run goes on. */
SP_MUST_USE enum sp_err lobby_failed(struct lobby *l, enum ipc_step step);

/* What keeper said last is not so any more: wait for what it says next. */
void lobby_ask_again(struct lobby *l);

/* Take the desktop away; everything of the lobby is wiped. Errors: of stream_send */
SP_MUST_USE enum sp_err lobby_leave(struct lobby *l);

#endif
