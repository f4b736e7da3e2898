/* SPDX-License-Identifier: Apache-2.0
 * Where everything stands: one column, from top to bottom, in the middle of the screen.
 */
#include <stdio.h>
#include <string.h>

#include "lobby/ui.h"

#define PANEL_WIDTH 640
#define MARGIN      24
#define GAP         10
#define BODY_PX     16
#define TITLE_PX    24
#define BUTTON_PAD  18

int ui_px(const struct ui *ui, int px)
{
    return px * ui->scale / 100;
}

const struct font *ui_font(const struct ui *ui, bool is_title)
{
    return font_of((unsigned)ui_px(ui, is_title ? TITLE_PX : BODY_PX));
}

size_t ui_line(const struct font *f, const char *text, int width, const char **next)
{
    const char *at = text, *blank = NULL;
    int used = 0;

    while (*at != '\0' && *at != '\n') {
        const char *letter = at;

        used += font_find(f, font_next(&at))->advance;
        if (*letter == ' ')
            blank = letter;
        if (used <= width || letter == text)
            continue;
        const char *end = blank != NULL ? blank : letter;
        *next = blank != NULL ? blank + 1 : letter;
        return (size_t)(end - text);
    }
    *next = *at == '\n' ? at + 1 : at;
    return (size_t)(at - text);
}

static int text_height(const struct font *f, const char *text, int width)
{
    int lines = 0;

    while (*text != '\0') {
        ui_line(f, text, width, &text);
        lines++;
    }
    return lines * f->line_px;
}

/* The column that is being filled. */
struct column {
    struct ui *ui;
    int x, y, width;
};

static struct ui_widget *add(struct column *c, enum ui_kind kind, const char *text, int height)
{
    struct ui *ui = c->ui;

    SP_BUG(ui->widget_count == UI_WIDGETS_MAX);
    struct ui_widget *w = &ui->widgets[ui->widget_count++];
    *w = (struct ui_widget){
        .kind = kind, .r = {c->x, c->y, c->width, height}, .text = text, .index = 0};
    c->y += height + ui_px(ui, GAP);
    return w;
}

static void add_title(struct column *c, const char *text)
{
    const struct font *f = ui_font(c->ui, true);

    add(c, UI_TITLE, text, text_height(f, text, c->width));
}

static void add_text(struct column *c, const char *text, bool is_alert)
{
    if (text[0] == '\0')
        return;
    add(c, UI_TEXT, text, text_height(ui_font(c->ui, false), text, c->width))->is_alert = is_alert;
}

static void add_entry(struct column *c, const char *label, int index)
{
    const struct font *f = ui_font(c->ui, false);

    add(c, UI_LABEL, label, f->line_px);
    c->y -= ui_px(c->ui, GAP) / 2;
    struct ui_widget *w = add(c, UI_ENTRY, c->ui->entries[index], f->line_px + ui_px(c->ui, 14));
    w->index = index;
    w->can_focus = true;
}

static void add_buttons(struct column *c, const enum ui_button *which, const enum word *words,
                        size_t count)
{
    struct ui *ui = c->ui;
    const struct font *f = ui_font(ui, false);
    int height = f->line_px + ui_px(ui, 14), x = c->x;

    for (size_t i = 0; i < count; i++) {
        const char *text = ui->words[words[i]];
        struct ui_widget *w = add(c, UI_BUTTON, text, height);

        w->r.width = font_width(f, text, strlen(text)) + 2 * ui_px(ui, BUTTON_PAD);
        w->r.x = x;
        w->index = (int)which[i];
        w->can_focus = true;
        x += w->r.width + ui_px(ui, GAP);
        if (i + 1 < count)
            c->y = w->r.y;
    }
}

static const char *note_of(const struct ui *ui, uint32_t needs)
{
    if ((needs & IPC_LOBBY_NEEDS_APPROVAL) != 0)
        return ui->words[WORD_NEEDS_APPROVAL];
    return (needs & IPC_LOBBY_NEEDS_CODE) != 0 ? ui->words[WORD_NEEDS_CODE] : "";
}

static void place_choose(struct column *c)
{
    struct ui *ui = c->ui;
    const struct ipc_lobby_state *s = &ui->state;
    const struct font *f = ui_font(ui, false);

    add_title(c, ui->words[WORD_CHOOSE]);
    add_text(c, s->text, true);
    add_entry(c, ui->words[WORD_SEARCH], 0);
    for (uint32_t i = 0; i < s->count; i++) {
        struct ui_widget *w = add(c, UI_ROW, s->rows[i].name, f->line_px + ui_px(ui, 10));

        w->note = note_of(ui, s->rows[i].needs);
        w->index = (int)i;
        w->can_focus = true;
        c->y -= ui_px(ui, GAP) - 1;
    }
    c->y += ui_px(ui, GAP);
    if (s->total == 0)
        add_text(c, ui->words[WORD_NOTHING_FOUND], false);
    if (s->total > s->count) {
        char first[12], last[12], all[12];
        const char *const values[] = {first, last, all};

        snprintf(first, sizeof(first), "%u", s->offset + 1);
        snprintf(last, sizeof(last), "%u", s->offset + s->count);
        snprintf(all, sizeof(all), "%u", s->total);
        words_fill(ui->footer, sizeof(ui->footer), ui->words[WORD_MORE], values);
        add_text(c, ui->footer, false);
    }
    add_buttons(c, (enum ui_button[]){UI_LEAVE}, (enum word[]){WORD_DISCONNECT}, 1);
}

static void place_ask(struct column *c)
{
    struct ui *ui = c->ui;
    char most[12];
    const char *value = most;

    add_title(c, ui->words[WORD_ASK]);
    add_text(c, ui->state.text, (ui->state.flags & IPC_LOBBY_IS_WRONG) != 0);
    add_entry(c, ui->words[WORD_REASON], 0);
    snprintf(most, sizeof(most), "%u", ui->state.minutes);
    words_fill(ui->label, sizeof(ui->label), ui->words[WORD_MINUTES], &value);
    add_entry(c, ui->label, 1);
    if ((ui->state.flags & IPC_LOBBY_WANTS_TICKET) != 0)
        add_entry(c, ui->words[WORD_TICKET], 2);
}

/* Title and text; what can be pressed is the same list, in the same order, for each screen. */
static void place_plain(struct column *c, enum word title, bool is_alert)
{
    add_title(c, c->ui->words[title]);
    add_text(c, c->ui->state.target, false);
    add_text(c, c->ui->state.text, is_alert);
}

static void place_buttons(struct column *c, enum word go_on, bool may_retry)
{
    enum ui_button which[4];
    enum word words[4];
    size_t n = 0;

    if (go_on != WORD_COUNT) {
        which[n] = UI_GO_ON;
        words[n++] = go_on;
    }
    if (may_retry) {
        which[n] = UI_TRY_AGAIN;
        words[n++] = WORD_RETRY;
    }
    if ((c->ui->state.flags & IPC_LOBBY_MAY_CHOOSE) != 0) {
        which[n] = UI_GO_BACK;
        words[n++] = WORD_BACK;
    }
    which[n] = UI_LEAVE;
    words[n++] = WORD_DISCONNECT;
    add_buttons(c, which, words, n);
}

static void place_state(struct column *c)
{
    struct ui *ui = c->ui;
    bool is_wrong = (ui->state.flags & IPC_LOBBY_IS_WRONG) != 0;

    switch ((enum ipc_lobby_screen)ui->state.screen) {
    case IPC_LOBBY_CHOOSE:
        place_choose(c);
        return;
    case IPC_LOBBY_CODE:
        place_plain(c, WORD_CODE, is_wrong);
        add_entry(c, ui->words[WORD_CODE_LABEL], 0);
        place_buttons(c, WORD_CONTINUE, false);
        return;
    case IPC_LOBBY_ASK:
        place_ask(c);
        place_buttons(c, WORD_SEND, false);
        return;
    case IPC_LOBBY_WAITING:
        place_plain(c, WORD_WAITING, false);
        place_buttons(c, WORD_COUNT, false);
        return;
    case IPC_LOBBY_CONSENT:
        place_plain(c, WORD_CONSENT, false);
        place_buttons(c, WORD_ACCEPT, false);
        return;
    case IPC_LOBBY_DENIED:
        place_plain(c, WORD_DENIED, true);
        place_buttons(c, WORD_COUNT, false);
        return;
    case IPC_LOBBY_FAILED:
        place_plain(c, WORD_FAILED, true);
        place_buttons(c, WORD_COUNT, true);
        return;
    case IPC_LOBBY_GO:
    case IPC_LOBBY_SCREEN_COUNT:
    default:
        return;
    }
}

/* The panel in the middle; what is too tall begins at the top. */
static void centre(struct ui *ui, int bottom)
{
    int free = ui->height - bottom - ui_px(ui, MARGIN);
    int down = free > 0 ? free / 2 : 0;

    for (int i = 0; i < ui->widget_count; i++)
        ui->widgets[i].r.y += down;
}

static void place_focus(struct ui *ui)
{
    int able = 0;

    for (int i = 0; i < ui->widget_count; i++)
        able += ui->widgets[i].can_focus;
    ui->focus = able == 0 ? 0 : ui->focus < 0 ? able - 1 : ui->focus % able;
    for (int i = 0, n = 0; i < ui->widget_count; i++)
        if (ui->widgets[i].can_focus)
            ui->widgets[i].is_focused = n++ == ui->focus;
}

void ui_layout(struct ui *ui)
{
    int room = ui->width - 2 * ui_px(ui, MARGIN);
    int wide = ui_px(ui, PANEL_WIDTH);
    struct column c = {.ui = ui, .width = wide < room ? wide : room, .y = ui_px(ui, MARGIN)};

    c.x = (ui->width - c.width) / 2;
    ui->widget_count = 0;
    if (ui->busy != NULL)
        add_title(&c, ui->busy);
    else if (ui->has_state)
        place_state(&c);
    if (ui->busy == NULL)
        add(&c, UI_HINT, ui->words[WORD_HINT], ui_font(ui, false)->line_px);
    centre(ui, c.y);
    place_focus(ui);
}
