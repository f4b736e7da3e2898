/* SPDX-License-Identifier: Apache-2.0
 * The lobby as a person sees it: one panel, what can be typed and pressed in it, and what that
 * makes of it. No I/O: keeper's state and events come in, tiles and actions go out.
 */
#ifndef SP_LOBBY_UI_H
#define SP_LOBBY_UI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ipc_lobby.h"
#include "lobby/canvas.h"
#include "lobby/keys.h"
#include "lobby/words.h"

#define UI_ENTRIES     3
#define UI_ENTRY_SIZE  IPC_LOBBY_ANSWER
#define UI_WIDGETS_MAX 24

enum ui_kind { UI_TITLE, UI_TEXT, UI_LABEL, UI_ENTRY, UI_ROW, UI_BUTTON, UI_HINT };

struct ui_widget {
    enum ui_kind kind;
    struct canvas_rect r;
    const char *text; /* borrowed from ui or static */
    const char *note; /* ROW */
    int index;        /* ENTRY, ROW: which; BUTTON: enum ui_button */
    bool can_focus, is_focused, is_alert;
};

enum ui_button { UI_LEAVE, UI_GO_ON, UI_GO_BACK, UI_TRY_AGAIN };

struct ui {
    int width, height; /* px of the desktop         */
    int scale;         /* percent: 100, 150, 200, … */
    const char *const *words;
    bool is_contrast, is_told; /* is_told: keeper has said how it should look */
    struct keys keys;
    bool has_state;
    struct ipc_lobby_state state;
    const char *busy; /* shown instead of the state; NULL = none */
    char busy_text[IPC_LOBBY_TEXT];
    char label[IPC_LOBBY_TEXT], footer[64];
    char entries[UI_ENTRIES][UI_ENTRY_SIZE];
    int focus; /* of those that can have it, in order */
    struct ui_widget widgets[UI_WIDGETS_MAX];
    int widget_count;
};

/* What comes of an event. */
enum ui_result {
    UI_NOTHING, /* at most something to draw   */
    UI_ACT,     /* *action is to be sent       */
    UI_END      /* the person wants to be gone */
};

/*
 * Start with an empty panel.
 * scale    desktopScaleFactor of the client in percent, 0 = it said none
 * layout   its keyboardLayout
 */
void ui_init(struct ui *ui, int width, int height, uint32_t scale, uint32_t layout);

/* Show what keeper sent. Text typed stays if it is the same screen and the answer was wrong. */
void ui_show(struct ui *ui, const struct ipc_lobby_state *state);

/* Show that the target is being reached. */
void ui_connecting(struct ui *ui, const char *target);

/* Show that the target could not be reached. why: of words.h */
void ui_failed(struct ui *ui, enum word why, bool may_choose);

/* Take one event. action: written if UI_ACT is returned; the caller wipes it */
enum ui_result ui_take(struct ui *ui, const struct input_event *e, struct ipc_lobby_action *action);

/* Draw what lies in a tile. */
void ui_draw(const struct ui *ui, struct canvas *c);

/* Wipe everything that was typed. */
void ui_clear(struct ui *ui);

/* ---- ui_layout.c ---- */

/* Place every widget of what is shown. */
void ui_layout(struct ui *ui);

/*
 * The next line of text that fits into width.
 * text     not at its NUL
 * Returns  bytes of the line; *next is where the one after it begins
 */
size_t ui_line(const struct font *f, const char *text, int width, const char **next);

/* px that stand for so many at 100 percent. */
int ui_px(const struct ui *ui, int px);

/* The fonts of text and of titles. */
const struct font *ui_font(const struct ui *ui, bool is_title);

#endif
