/* SPDX-License-Identifier: Apache-2.0
 * Fuzz a person in the lobby: input of both paths, against each screen; what is drawn stays in its
 * tile, what is sent is text that ends.
 *
 * The first byte chooses the path, the second the screen; fast-path PDUs follow one another.
 */
#include <string.h>

#include "lobby/ui.h"
#include "rdp/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ui ui;
static struct canvas canvas;
static struct input_event events[INPUT_EVENTS_MAX];

static void show(uint8_t how)
{
    struct ipc_lobby_state state = {.screen = how % IPC_LOBBY_SCREEN_COUNT,
                                    .flags = how >> 3,
                                    .total = 20,
                                    .count = IPC_LOBBY_ROWS,
                                    .offset = 8,
                                    .minutes = 120};

    memcpy(state.text, "line one\nline two, which is longer", 34);
    for (size_t i = 0; i < IPC_LOBBY_ROWS; i++)
        memcpy(state.rows[i].name, "desktop", 7);
    ui_show(&ui, &state);
}

static void draw(int x, int y)
{
    canvas_begin(&canvas, (struct canvas_rect){x, y, CANVAS_TILE, CANVAS_TILE}, 0);
    ui_draw(&ui, &canvas);
}

static void take(size_t count)
{
    struct ipc_lobby_action action;

    for (size_t i = 0; i < count; i++) {
        if (ui_take(&ui, &events[i], &action) != UI_ACT)
            continue;
        SP_BUG(action.verb >= IPC_LOBBY_VERB_COUNT);
        SP_BUG(memchr(action.text, 0, sizeof(action.text)) == NULL);
        SP_BUG(memchr(action.ticket, 0, sizeof(action.ticket)) == NULL);
        if (i % 16 == 0)
            show((uint8_t)action.verb);
    }
    draw(256, 192);
    draw(320, 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = 0, frame;
    struct rd r;

    if (size < 2)
        return 0;
    ui_init(&ui, 640, 480, data[1], data[1] % 3 == 0 ? 0x407 : data[1] % 3 == 1 ? 0x40C : 0x409);
    show(data[1]);
    if (data[0] % 2 == 0) {
        rd_init(&r, data + 2, size - 2);
        if (input_slowpath_read(&r, events, &count) == SP_OK)
            take(count);
        return 0;
    }
    for (data += 2, size -= 2; size > 0; data += frame, size -= frame) {
        struct sp_fail fail = {0};

        if (rdp_frame_size(RDP_FRAME_ACTIVE, data, size, &frame, &fail) != SP_OK || frame == 0 ||
            frame > size || !rdp_is_fastpath(data[0]))
            return 0;
        rd_init(&r, data, frame);
        if (input_fastpath_read(&r, events, &count) == SP_OK)
            take(count);
    }
    return 0;
}
