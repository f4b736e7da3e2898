/* SPDX-License-Identifier: Apache-2.0
 * The lobby of one connection.
 */
#include "session/lobby.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rdp/frame.h"

#define SEND_MS     20000 /* a client that takes no picture for so long is gone */
#define ACTIVATE_MS 60000 /* Demand Active to Font List                         */
#define HASH_BASIS  0xCBF29CE484222325u
#define HASH_PRIME  0x100000001B3u

enum sp_err lobby_open(struct lobby *l, struct front *f, struct keeper_link *keeper,
                       uint32_t idle_ms)
{
    const struct gcc_client_core *core = &f->settings.core;

    l->keeper = keeper;
    l->idle_ms = idle_ms;
    l->why = "lobby";
    ui_init(&l->ui, core->desktop_width, core->desktop_height, core->desktop_scale_factor,
            core->keyboard_layout);
    f->stream.deadline_ms = clock_now_ms() + SEND_MS;
    l->until_ms = clock_now_ms() + (idle_ms < ACTIVATE_MS ? ACTIVATE_MS : idle_ms);
    return front_desk_demand(&l->desk, f);
}

/* FNV-1a over the pixels, and never 0. */
static uint64_t hash_of(const struct canvas *c)
{
    uint64_t hash = HASH_BASIS;

    for (int y = 0; y < c->tile.height; y++)
        for (int x = 0; x < c->tile.width; x++)
            hash = (hash ^ c->px[y * CANVAS_TILE + x]) * HASH_PRIME;
    return hash | 1;
}

static enum sp_err draw_tile(struct lobby *l, size_t place, struct canvas_rect r)
{
    canvas_colour colour;

    canvas_begin(&l->canvas, r, 0);
    ui_draw(&l->ui, &l->canvas);
    uint64_t hash = hash_of(&l->canvas);
    if (l->drawn[place] == hash)
        return SP_OK;
    l->drawn[place] = hash;
    struct bitmap_tile tile = {.x = (uint16_t)r.x,
                               .y = (uint16_t)r.y,
                               .width = (uint16_t)r.width,
                               .height = (uint16_t)r.height,
                               .is_plain = canvas_is_plain(&l->canvas, &colour),
                               .pixels = l->canvas.px,
                               .stride = CANVAS_TILE};
    return front_desk_draw(&l->desk, &tile);
}

/* Send whatever looks other than it did. */
static enum sp_err draw(struct lobby *l)
{
    struct front_desk *d = &l->desk;
    size_t place = 0;
    enum sp_err err = SP_OK;

    if (!d->is_active || d->is_hidden)
        return SP_OK;
    if (d->must_redraw)
        memset(l->drawn, 0, sizeof(l->drawn));
    d->must_redraw = false;
    d->front->stream.deadline_ms = clock_now_ms() + SEND_MS;
    for (int y = 0; err == SP_OK && y < l->ui.height; y += CANVAS_TILE)
        for (int x = 0; err == SP_OK && x < l->ui.width; x += CANVAS_TILE) {
            int right = l->ui.width - x, down = l->ui.height - y;

            SP_BUG(place == LOBBY_TILES_MAX);
            err = draw_tile(l, place++,
                            (struct canvas_rect){x, y, right < CANVAS_TILE ? right : CANVAS_TILE,
                                                 down < CANVAS_TILE ? down : CANVAS_TILE});
        }
    return err == SP_OK ? front_desk_flush(d) : err;
}

static enum sp_err end(struct lobby *l, enum sp_err err, const char *why)
{
    l->why = why;
    return err;
}

/* The person's events of one frame. */
static enum sp_err take_events(struct lobby *l)
{
    struct ipc_lobby_action action;

    for (size_t i = 0; i < l->desk.event_count; i++) {
        enum ui_result result = ui_take(&l->ui, &l->desk.events[i], &action);

        if (l->desk.events[i].kind != INPUT_OTHER)
            l->until_ms = clock_now_ms() + l->idle_ms;
        if (result == UI_ACT)
            keeper_lobby_action(l->keeper, &action);
        if (result == UI_END)
            return end(l, SP_ECLOSED, "left the lobby");
    }
    sp_wipe(l->desk.events, l->desk.event_count * sizeof(l->desk.events[0]));
    return SP_OK;
}

/* Whatever the client has sent by now. SP_ETIME: no more of it. */
static enum sp_err hear_client(struct lobby *l)
{
    struct stream *in = &l->desk.front->stream;

    for (;;) {
        size_t size = 0, have = in->end - in->start;
        enum sp_err err =
            rdp_frame_size(RDP_FRAME_ACTIVE, in->buf + in->start, have, &size, &in->fail);

        if (err != SP_OK)
            return end(l, err, "client's PDU refused");
        if (size == 0 || size > have) {
            err = stream_read_some(in);
            if (err == SP_OK)
                continue;
            return err == SP_ETIME ? err : end(l, err, "client is gone");
        }
        uint8_t *frame = in->buf + in->start;
        in->start += size;
        err = front_desk_take(&l->desk, frame, size);
        sp_wipe(frame, size); /* what is typed here may be a code */
        if (err == SP_OK)
            err = take_events(l);
        if (err != SP_OK)
            return end(l, err, err == SP_ECLOSED ? "left the lobby" : "client's PDU refused");
        if (l->desk.wants_end)
            return end(l, SP_ECLOSED, "left the lobby");
    }
}

static enum sp_err wait_for_work(struct lobby *l)
{
    struct pollfd p[2] = {{.fd = l->desk.front->stream.fd, .events = POLLIN},
                          {.fd = l->keeper->fd, .events = POLLIN}};
    int64_t until_ms = l->until_ms;

    if (l->keeper->lease_until_ms != 0 && l->keeper->lease_until_ms < until_ms)
        until_ms = l->keeper->lease_until_ms;
    if (poll(p, 2, clock_left_ms(until_ms)) < 0 && errno != EINTR)
        return end(l, SP_ESYS, "poll failed");
    if (p[0].revents != 0)
        stream_ready(&l->desk.front->stream);
    if (p[1].revents != 0 && keeper_link_poll(l->keeper) != SP_OK)
        return end(l, SP_ESTATE, "keeper is gone");
    int64_t now_ms = clock_now_ms();
    if (l->keeper->lease_until_ms != 0 && now_ms > l->keeper->lease_until_ms)
        return end(l, SP_ESTATE, "lease not renewed");
    return now_ms >= l->until_ms ? end(l, SP_ETIME, "idle in the lobby") : SP_OK;
}

/* Until the client shows pictures there is nothing to ask, or to hand over from. */
static bool is_done(const struct lobby *l)
{
    return l->desk.is_active && l->ui.has_state && l->ui.busy == NULL &&
           l->ui.state.screen == IPC_LOBBY_GO;
}

enum sp_err lobby_run(struct lobby *l)
{
    for (;;) {
        if (l->keeper->has_lobby) {
            l->keeper->has_lobby = false;
            l->state.text[sizeof(l->state.text) - 1] = '\0';
            if (l->state.count > IPC_LOBBY_ROWS)
                return end(l, SP_ESTATE, "keeper's state");
            ui_show(&l->ui, &l->state);
        }
        if (is_done(l))
            return SP_OK;
        enum sp_err err = draw(l);
        if (err != SP_OK)
            return end(l, err, "client takes no picture");
        err = hear_client(l);
        if (err != SP_ETIME)
            return err;
        err = draw(l);
        if (err != SP_OK)
            return end(l, err, "client takes no picture");
        if (l->keeper->has_lobby)
            continue;
        err = wait_for_work(l);
        if (err != SP_OK)
            return err;
    }
}

enum sp_err lobby_connecting(struct lobby *l, const char *target)
{
    ui_connecting(&l->ui, target);
    return draw(l);
}

enum sp_err lobby_failed(struct lobby *l, enum ipc_step step)
{
    enum word why = WORD_NO_SEQUENCE;

    if (step == IPC_STEP_CONNECT)
        why = WORD_NO_ANSWER;
    else if (step == IPC_STEP_TARGET_TLS)
        why = WORD_NO_TRUST;
    else if (step == IPC_STEP_TARGET_NLA)
        why = WORD_NO_LOGIN;
    l->until_ms = clock_now_ms() + l->idle_ms;
    ui_failed(&l->ui, why, (l->state.flags & IPC_LOBBY_MAY_CHOOSE) != 0);
    return draw(l);
}

void lobby_ask_again(struct lobby *l)
{
    l->ui.has_state = false;
}

enum sp_err lobby_leave(struct lobby *l)
{
    l->keeper->lobby = NULL;
    l->desk.front->stream.deadline_ms = clock_now_ms() + SEND_MS;
    enum sp_err err = front_desk_leave(&l->desk);
    sp_release(l, sizeof(*l));
    return err;
}
