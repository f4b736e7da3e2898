/* SPDX-License-Identifier: Apache-2.0
 * What a person does in the lobby, and how it looks.
 */
#include "lobby/ui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SCALE_MIN 100
#define SCALE_MAX 300

struct theme {
    canvas_colour back, panel, text, dim, line, accent, on_accent, alert, field;
};

static const struct theme themes[] = {
    {0x1B2A3A, 0x22364A, 0xF2F5F8, 0xB9C7D4, 0x4A647C, 0x4FA3E3, 0x0B1620, 0xFFC66D, 0x16222F},
    {0x000000, 0x000000, 0xFFFFFF, 0xFFFFFF, 0xFFFFFF, 0xFFFF00, 0x000000, 0xFFFF00, 0x000000},
};

/* What the client says, or what its screen suggests: letters stay readable on a large one. */
static int choose_scale(int width, int height, uint32_t said)
{
    int by_size = height >= 2000 ? 200 : height >= 1400 ? 150 : 100;
    int scale = said >= SCALE_MIN && said <= 500 ? (int)said : by_size;

    if (scale > SCALE_MAX)
        scale = SCALE_MAX;
    while (scale > SCALE_MIN && (width * 100 / scale < 600 || height * 100 / scale < 460))
        scale -= 25;
    return scale;
}

void ui_init(struct ui *ui, int width, int height, uint32_t scale, uint32_t layout)
{
    *ui = (struct ui){.width = width,
                      .height = height,
                      .scale = choose_scale(width, height, scale),
                      .words = words_of(layout)};
    keys_init(&ui->keys, layout);
    ui_layout(ui);
}

void ui_clear(struct ui *ui)
{
    sp_wipe(ui->entries, sizeof(ui->entries));
}

void ui_show(struct ui *ui, const struct ipc_lobby_state *state)
{
    bool is_same = ui->has_state && ui->busy == NULL && ui->state.screen == state->screen;
    bool is_kept = is_same && state->screen != IPC_LOBBY_CODE;

    if (!is_kept)
        ui_clear(ui);
    if (!is_same)
        ui->focus = 0;
    ui->state = *state;
    ui->has_state = true;
    if (!ui->is_told)
        ui->is_contrast = (state->flags & IPC_LOBBY_CONTRAST) != 0;
    ui->is_told = true;
    ui->busy = NULL;
    if (state->screen == IPC_LOBBY_ASK && !is_same)
        snprintf(ui->entries[1], sizeof(ui->entries[1]), "%u", state->minutes);
    ui_layout(ui);
}

void ui_connecting(struct ui *ui, const char *target)
{
    words_fill(ui->busy_text, sizeof(ui->busy_text), ui->words[WORD_CONNECTING], &target);
    ui->busy = ui->busy_text;
    ui_layout(ui);
}

void ui_failed(struct ui *ui, enum word why, bool may_choose)
{
    struct ipc_lobby_state state = {.screen = IPC_LOBBY_FAILED,
                                    .flags = may_choose ? IPC_LOBBY_MAY_CHOOSE : 0};

    memcpy(state.target, ui->state.target, sizeof(state.target));
    snprintf(state.text, sizeof(state.text), "%s", ui->words[why]);
    ui_show(ui, &state);
}

static const struct ui_widget *focused(const struct ui *ui)
{
    for (int i = 0; i < ui->widget_count; i++)
        if (ui->widgets[i].is_focused)
            return &ui->widgets[i];
    return NULL;
}

static void start(struct ipc_lobby_action *a, enum ipc_lobby_verb verb, const char *text)
{
    *a = (struct ipc_lobby_action){.verb = verb};
    snprintf(a->text, sizeof(a->text), "%s", text);
}

static enum ui_result list(const struct ui *ui, uint32_t offset, struct ipc_lobby_action *a)
{
    start(a, IPC_LOBBY_LIST, ui->entries[0]);
    a->offset = offset;
    return UI_ACT;
}

/* What the screen's own button does; Enter in a text field is the same. */
static enum ui_result go_on(const struct ui *ui, struct ipc_lobby_action *a)
{
    switch ((enum ipc_lobby_screen)ui->state.screen) {
    case IPC_LOBBY_CHOOSE:
        if (ui->state.count == 0)
            return UI_NOTHING;
        start(a, IPC_LOBBY_PICK, ui->state.rows[0].name);
        return UI_ACT;
    case IPC_LOBBY_CODE:
        if (ui->entries[0][0] == '\0')
            return UI_NOTHING;
        start(a, IPC_LOBBY_PROVE, ui->entries[0]);
        return UI_ACT;
    case IPC_LOBBY_ASK:
        start(a, IPC_LOBBY_WANT, ui->entries[0]);
        a->minutes = (uint32_t)strtoul(ui->entries[1], NULL, 10);
        snprintf(a->ticket, sizeof(a->ticket), "%.*s", IPC_LOBBY_NAME - 1, ui->entries[2]);
        return UI_ACT;
    case IPC_LOBBY_CONSENT:
        start(a, IPC_LOBBY_ACCEPT, "");
        return UI_ACT;
    case IPC_LOBBY_WAITING:
    case IPC_LOBBY_DENIED:
    case IPC_LOBBY_FAILED:
    case IPC_LOBBY_GO:
    case IPC_LOBBY_SCREEN_COUNT:
    default:
        return UI_NOTHING;
    }
}

static enum ui_result press(const struct ui *ui, const struct ui_widget *w,
                            struct ipc_lobby_action *a)
{
    if (w->kind == UI_ROW) {
        start(a, IPC_LOBBY_PICK, ui->state.rows[w->index].name);
        return UI_ACT;
    }
    if (w->kind == UI_ENTRY)
        return go_on(ui, a);
    switch ((enum ui_button)w->index) {
    case UI_GO_ON:
        return go_on(ui, a);
    case UI_GO_BACK:
        start(a, IPC_LOBBY_BACK, "");
        return UI_ACT;
    case UI_TRY_AGAIN:
        start(a, IPC_LOBBY_RETRY, "");
        return UI_ACT;
    case UI_LEAVE:
    default:
        return UI_END;
    }
}

/* Text goes into the field that has the focus; on the list, into the search. */
static char *field_of(struct ui *ui)
{
    const struct ui_widget *w = focused(ui);

    if (w != NULL && w->kind == UI_ENTRY)
        return ui->entries[w->index];
    return ui->state.screen == IPC_LOBBY_CHOOSE ? ui->entries[0] : NULL;
}

static enum ui_result edited(struct ui *ui, struct ipc_lobby_action *a)
{
    ui_layout(ui);
    if (ui->state.screen != IPC_LOBBY_CHOOSE)
        return UI_NOTHING;
    ui->focus = 0;
    return list(ui, 0, a);
}

static enum ui_result type(struct ui *ui, uint32_t code, struct ipc_lobby_action *a)
{
    char *field = field_of(ui), letter[4];
    size_t size = field != NULL ? strlen(field) : 0;
    int n = keys_utf8(code, letter);

    if (field == NULL || size + (size_t)n >= UI_ENTRY_SIZE)
        return UI_NOTHING;
    memcpy(field + size, letter, (size_t)n);
    field[size + (size_t)n] = '\0';
    return edited(ui, a);
}

static enum ui_result erase(struct ui *ui, struct ipc_lobby_action *a)
{
    char *field = field_of(ui);
    size_t size = field != NULL ? strlen(field) : 0;

    if (size == 0)
        return UI_NOTHING;
    do
        size--;
    while (size > 0 && ((uint8_t)field[size] & 0xC0) == 0x80);
    field[size] = '\0';
    return edited(ui, a);
}

static enum ui_result turn_page(struct ui *ui, bool is_down, struct ipc_lobby_action *a)
{
    const struct ipc_lobby_state *s = &ui->state;

    if (s->screen != IPC_LOBBY_CHOOSE)
        return UI_NOTHING;
    if (is_down && s->offset + s->count < s->total)
        return list(ui, s->offset + IPC_LOBBY_ROWS, a);
    if (!is_down && s->offset > 0)
        return list(ui, s->offset > IPC_LOBBY_ROWS ? s->offset - IPC_LOBBY_ROWS : 0, a);
    return UI_NOTHING;
}

/* Esc goes back where there is a way back, else it leaves. */
static enum ui_result escape(struct ui *ui, struct ipc_lobby_action *a)
{
    if ((ui->state.flags & IPC_LOBBY_MAY_CHOOSE) == 0)
        return UI_END;
    start(a, IPC_LOBBY_BACK, "");
    return UI_ACT;
}

static enum ui_result on_key(struct ui *ui, const struct key *key, struct ipc_lobby_action *a)
{
    const struct ui_widget *w = focused(ui);

    switch (key->kind) {
    case KEY_CHAR:
        if (key->code == ' ' && w != NULL && w->kind == UI_BUTTON)
            return press(ui, w, a);
        return type(ui, key->code, a);
    case KEY_BACKSPACE:
        return erase(ui, a);
    case KEY_ENTER:
        return w != NULL ? press(ui, w, a) : go_on(ui, a);
    case KEY_ESCAPE:
        return escape(ui, a);
    case KEY_TAB:
    case KEY_DOWN:
        ui->focus++;
        break;
    case KEY_BACKTAB:
    case KEY_UP:
        ui->focus--;
        break;
    case KEY_PAGE_UP:
    case KEY_PAGE_DOWN:
        return turn_page(ui, key->kind == KEY_PAGE_DOWN, a);
    case KEY_CONTRAST:
        ui->is_contrast = !ui->is_contrast;
        break;
    case KEY_NONE:
    default:
        return UI_NOTHING;
    }
    ui_layout(ui);
    return UI_NOTHING;
}

static enum ui_result on_mouse(struct ui *ui, const struct input_event *e,
                               struct ipc_lobby_action *a)
{
    if ((e->flags & PTRFLAGS_WHEEL) != 0)
        return turn_page(ui, (e->flags & PTRFLAGS_WHEEL_NEGATIVE) != 0, a);
    if ((e->flags & PTRFLAGS_DOWN) == 0 || (e->flags & PTRFLAGS_BUTTON1) == 0)
        return UI_NOTHING;
    for (int i = 0, n = 0; i < ui->widget_count; i++) {
        const struct ui_widget *w = &ui->widgets[i];

        if (!w->can_focus)
            continue;
        if (canvas_contains(w->r, e->x, e->y)) {
            ui->focus = n;
            ui_layout(ui);
            return w->kind == UI_ENTRY ? UI_NOTHING : press(ui, &ui->widgets[i], a);
        }
        n++;
    }
    return UI_NOTHING;
}

enum ui_result ui_take(struct ui *ui, const struct input_event *e, struct ipc_lobby_action *action)
{
    struct key key;

    if (ui->busy != NULL || !ui->has_state)
        return UI_NOTHING;
    if (e->kind == INPUT_MOUSE)
        return on_mouse(ui, e, action);
    keys_take(&ui->keys, e, &key);
    return key.kind != KEY_NONE ? on_key(ui, &key, action) : UI_NOTHING;
}

/* ---- how it looks ---- */

static void draw_lines(struct canvas *c, const struct font *f, struct canvas_rect r,
                       const char *text, canvas_colour colour)
{
    int y = r.y;

    while (*text != '\0') {
        const char *line = text;
        size_t size = ui_line(f, line, r.width, &text);

        canvas_text(c, f, r.x, y, line, size, colour);
        y += f->line_px;
    }
}

static void draw_entry(const struct ui *ui, struct canvas *c, const struct ui_widget *w,
                       const struct theme *t)
{
    const struct font *f = ui_font(ui, false);
    int pad = ui_px(ui, 7), room = w->r.width - 2 * pad;
    const char *text = w->text;

    canvas_fill(c, w->r, t->field);
    canvas_frame(c, w->r, ui_px(ui, w->is_focused ? 2 : 1), w->is_focused ? t->accent : t->line);
    /* Of a long text the end is shown: that is where letters are added. */
    while (font_width(f, text, strlen(text)) > room)
        font_next(&text);
    int end = canvas_text(c, f, w->r.x + pad, w->r.y + pad, text, strlen(text), t->text);
    if (w->is_focused)
        canvas_fill(c, (struct canvas_rect){end + 1, w->r.y + pad, ui_px(ui, 2), f->line_px},
                    t->text);
}

static void draw_pressable(const struct ui *ui, struct canvas *c, const struct ui_widget *w,
                           const struct theme *t)
{
    const struct font *f = ui_font(ui, false);
    bool is_row = w->kind == UI_ROW;
    canvas_colour text = w->is_focused ? t->on_accent : t->text;
    int x = w->r.x + ui_px(ui, is_row ? 8 : 18);
    int y = w->r.y + (w->r.height - f->line_px) / 2;

    canvas_fill(c, w->r, w->is_focused ? t->accent : t->panel);
    if (!is_row)
        canvas_frame(c, w->r, ui_px(ui, 1), t->line);
    int end = canvas_text(c, f, x, y, w->text, strlen(w->text), text);
    if (!is_row || w->note[0] == '\0')
        return;
    int wide = font_width(f, w->note, strlen(w->note));
    int note_x = w->r.x + w->r.width - wide - ui_px(ui, 8);
    canvas_text(c, f, note_x > end + ui_px(ui, 16) ? note_x : end + ui_px(ui, 16), y, w->note,
                strlen(w->note), w->is_focused ? t->on_accent : t->dim);
}

static void draw_widget(const struct ui *ui, struct canvas *c, const struct ui_widget *w,
                        const struct theme *t)
{
    const struct font *f = ui_font(ui, w->kind == UI_TITLE);

    switch (w->kind) {
    case UI_ENTRY:
        draw_entry(ui, c, w, t);
        return;
    case UI_ROW:
    case UI_BUTTON:
        draw_pressable(ui, c, w, t);
        return;
    case UI_TITLE:
        draw_lines(c, f, w->r, w->text, t->text);
        return;
    case UI_TEXT:
        draw_lines(c, f, w->r, w->text, w->is_alert ? t->alert : t->text);
        return;
    case UI_LABEL:
    case UI_HINT:
    default:
        draw_lines(c, f, w->r, w->text, t->dim);
        return;
    }
}

void ui_draw(const struct ui *ui, struct canvas *c)
{
    const struct theme *t = &themes[ui->is_contrast];
    int pad = ui_px(ui, 16);

    canvas_fill(c, c->tile, t->back);
    if (ui->widget_count == 0)
        return;
    const struct ui_widget *first = &ui->widgets[0], *last = &ui->widgets[ui->widget_count - 1];
    struct canvas_rect panel = {first->r.x - pad, first->r.y - pad, first->r.width + 2 * pad,
                                last->r.y + last->r.height - first->r.y + 2 * pad};
    canvas_fill(c, panel, t->panel);
    canvas_frame(c, panel, ui_px(ui, 1), t->line);
    for (int i = 0; i < ui->widget_count; i++)
        draw_widget(ui, c, &ui->widgets[i], t);
}
