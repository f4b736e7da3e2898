/* SPDX-License-Identifier: Apache-2.0
 * The lobby without a network: what keys and mouse make of each screen, and what is drawn where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lobby/ui.h"

#define LAYOUT_US     0x409u
#define LAYOUT_GERMAN 0x407u
#define LAYOUT_FRENCH 0x40Cu

#define SCAN_ENTER  0x1C
#define SCAN_ESCAPE 0x01
#define SCAN_TAB    0x0F
#define SCAN_SHIFT  0x2A
#define SCAN_ALT    0x38
#define SCAN_DOWN   0x50

static struct ui ui;
static struct ipc_lobby_action action;

static enum ui_result key(uint16_t code, bool is_extended)
{
    struct input_event down = {.kind = INPUT_KEY, .code = code, .is_extended = is_extended};
    struct input_event up = {
        .kind = INPUT_KEY, .code = code, .is_extended = is_extended, .is_release = true};
    enum ui_result result = ui_take(&ui, &down, &action);

    assert_int_equal(ui_take(&ui, &up, &(struct ipc_lobby_action){0}), UI_NOTHING);
    return result;
}

static enum ui_result letter(uint16_t unit)
{
    struct input_event e = {.kind = INPUT_UNICODE, .code = unit};

    return ui_take(&ui, &e, &action);
}

static void show(enum ipc_lobby_screen screen, uint32_t flags)
{
    struct ipc_lobby_state state = {.screen = screen, .flags = flags, .minutes = 90};

    if (screen == IPC_LOBBY_CHOOSE) {
        state.total = 10;
        state.count = IPC_LOBBY_ROWS;
        for (unsigned i = 0; i < IPC_LOBBY_ROWS; i++)
            snprintf(state.rows[i].name, sizeof(state.rows[i].name), "web%02u", i);
    }
    ui_show(&ui, &state);
}

static int begin(void **state)
{
    (void)state;
    ui_init(&ui, 1024, 768, 100, LAYOUT_US);
    return 0;
}

static void typing_searches_and_enter_takes_the_first(void **state)
{
    (void)state;
    show(IPC_LOBBY_CHOOSE, 0);
    assert_int_equal(key(0x11, false), UI_ACT); /* w */
    assert_int_equal(action.verb, IPC_LOBBY_LIST);
    assert_string_equal(action.text, "w");
    show(IPC_LOBBY_CHOOSE, 0);
    assert_int_equal(key(0x12, false), UI_ACT);
    assert_string_equal(action.text, "we"); /* what was typed stays */
    assert_int_equal(key(0x0E, false), UI_ACT);
    assert_string_equal(action.text, "w");
    assert_int_equal(key(SCAN_ENTER, false), UI_ACT);
    assert_int_equal(action.verb, IPC_LOBBY_PICK);
    assert_string_equal(action.text, "web00");
}

static void arrows_choose_a_row_and_pages_turn(void **state)
{
    (void)state;
    show(IPC_LOBBY_CHOOSE, 0);
    assert_int_equal(key(SCAN_DOWN, true), UI_NOTHING);
    assert_int_equal(key(SCAN_DOWN, true), UI_NOTHING);
    assert_int_equal(key(SCAN_ENTER, false), UI_ACT);
    assert_string_equal(action.text, "web01");
    assert_int_equal(key(0x51, true), UI_ACT); /* page down */
    assert_int_equal(action.verb, IPC_LOBBY_LIST);
    assert_int_equal(action.offset, IPC_LOBBY_ROWS);
    assert_int_equal(key(0x49, true), UI_NOTHING); /* it is the first page */
}

static void a_row_is_clicked(void **state)
{
    (void)state;
    show(IPC_LOBBY_CHOOSE, 0);
    for (int i = 0; i < ui.widget_count; i++) {
        const struct ui_widget *w = &ui.widgets[i];
        struct input_event e = {.kind = INPUT_MOUSE,
                                .flags = PTRFLAGS_DOWN | PTRFLAGS_BUTTON1,
                                .x = (uint16_t)(w->r.x + 3),
                                .y = (uint16_t)(w->r.y + 3)};

        if (w->kind != UI_ROW || w->index != 5)
            continue;
        assert_int_equal(ui_take(&ui, &e, &action), UI_ACT);
        assert_string_equal(action.text, "web05");
        e.flags = PTRFLAGS_BUTTON1; /* the button goes up */
        assert_int_equal(ui_take(&ui, &e, &action), UI_NOTHING);
        return;
    }
    fail_msg("no sixth row");
}

static void a_code_is_sent_and_not_kept(void **state)
{
    (void)state;
    show(IPC_LOBBY_CODE, 0);
    assert_int_equal(key(SCAN_ENTER, false), UI_NOTHING); /* nothing was typed */
    for (uint16_t scan = 0x02; scan < 0x08; scan++)
        assert_int_equal(key(scan, false), UI_NOTHING);
    assert_int_equal(key(SCAN_ENTER, false), UI_ACT);
    assert_int_equal(action.verb, IPC_LOBBY_PROVE);
    assert_string_equal(action.text, "123456");
    show(IPC_LOBBY_CODE, IPC_LOBBY_IS_WRONG);
    assert_string_equal(ui.entries[0], "");
}

static void a_request_has_reason_and_minutes(void **state)
{
    (void)state;
    show(IPC_LOBBY_ASK, IPC_LOBBY_WANTS_TICKET);
    letter('w');
    letter('h');
    letter('y');
    key(SCAN_TAB, false);
    assert_string_equal(ui.entries[1], "90");
    key(0x0E, false);
    key(SCAN_TAB, false);
    letter('C');
    assert_int_equal(key(SCAN_ENTER, false), UI_ACT);
    assert_int_equal(action.verb, IPC_LOBBY_WANT);
    assert_string_equal(action.text, "why");
    assert_string_equal(action.ticket, "C");
    assert_int_equal(action.minutes, 9);
}

static void escape_goes_back_or_leaves(void **state)
{
    (void)state;
    show(IPC_LOBBY_FAILED, IPC_LOBBY_MAY_CHOOSE);
    assert_int_equal(key(SCAN_ESCAPE, false), UI_ACT);
    assert_int_equal(action.verb, IPC_LOBBY_BACK);
    assert_int_equal(key(SCAN_ENTER, false), UI_ACT);
    assert_int_equal(action.verb, IPC_LOBBY_RETRY);
    show(IPC_LOBBY_DENIED, 0);
    assert_int_equal(key(SCAN_ESCAPE, false), UI_END);
    assert_int_equal(key(SCAN_ENTER, false), UI_END); /* its only button */
    show(IPC_LOBBY_CONSENT, 0);
    assert_int_equal(key(SCAN_ENTER, false), UI_ACT);
    assert_int_equal(action.verb, IPC_LOBBY_ACCEPT);
}

static void nothing_can_be_done_while_connecting(void **state)
{
    (void)state;
    show(IPC_LOBBY_CHOOSE, 0);
    ui_connecting(&ui, "web01");
    assert_int_equal(key(SCAN_ENTER, false), UI_NOTHING);
    assert_int_equal(key(SCAN_ESCAPE, false), UI_NOTHING);
}

static void keyboards_give_their_letters(void **state)
{
    static const struct {
        uint32_t layout;
        bool is_shift, is_altgr;
        uint16_t scan;
        const char *text;
    } cases[] = {
        {LAYOUT_US, false, false, 0x15, "y"},     {LAYOUT_US, true, false, 0x03, "@"},
        {LAYOUT_GERMAN, false, false, 0x15, "z"}, {LAYOUT_GERMAN, false, true, 0x10, "@"},
        {LAYOUT_GERMAN, false, false, 0x27, "ö"}, {LAYOUT_GERMAN, true, false, 0x03, "\""},
        {LAYOUT_GERMAN, false, true, 0x12, "€"},  {LAYOUT_FRENCH, false, false, 0x10, "a"},
        {LAYOUT_FRENCH, true, false, 0x02, "1"},  {LAYOUT_FRENCH, false, true, 0x0B, "@"},
        {0x809u, true, false, 0x04, "£"},         {LAYOUT_US, false, false, 0x4F, "1"},
        {LAYOUT_US, false, false, 0x39, " "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct input_event shift = {.kind = INPUT_KEY, .code = SCAN_SHIFT};
        struct input_event altgr = {.kind = INPUT_KEY, .code = SCAN_ALT, .is_extended = true};

        ui_init(&ui, 1024, 768, 100, cases[i].layout);
        show(IPC_LOBBY_CODE, 0);
        if (cases[i].is_shift)
            ui_take(&ui, &shift, &action);
        if (cases[i].is_altgr)
            ui_take(&ui, &altgr, &action);
        key(cases[i].scan, false);
        assert_string_equal(ui.entries[0], cases[i].text);
    }
}

static void long_text_is_bounded(void **state)
{
    (void)state;
    show(IPC_LOBBY_CODE, 0);
    for (int i = 0; i < 1000; i++)
        letter(0x20AC);
    assert_in_range(strlen(ui.entries[0]), UI_ENTRY_SIZE - 3, UI_ENTRY_SIZE - 1);
    assert_int_equal(strlen(ui.entries[0]) % 3, 0); /* no letter is cut */
}

/* How many pixels of the screen are not background. */
static size_t drawn(int width, int height)
{
    static struct canvas c;
    size_t count = 0;

    for (int y = 0; y + CANVAS_TILE <= height; y += CANVAS_TILE)
        for (int x = 0; x + CANVAS_TILE <= width; x += CANVAS_TILE) {
            canvas_begin(&c, (struct canvas_rect){x, y, CANVAS_TILE, CANVAS_TILE}, 0);
            ui_draw(&ui, &c);
            for (size_t i = 0; i < CANVAS_TILE * CANVAS_TILE; i++)
                count += c.px[i] != 0x1B2A3A;
        }
    return count;
}

static void every_size_of_screen_shows_it(void **state)
{
    static const struct {
        int width, height;
        uint32_t scale;
    } sizes[] = {
        {640, 480, 100}, {800, 600, 0}, {1920, 1080, 150}, {3840, 2160, 0}, {200, 200, 500}};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ui_init(&ui, sizes[i].width, sizes[i].height, sizes[i].scale, LAYOUT_US);
        show(IPC_LOBBY_ASK, IPC_LOBBY_WANTS_TICKET);
        for (int w = 0; w < ui.widget_count; w++) {
            assert_true(ui.widgets[w].r.x >= 0);
            assert_true(ui.widgets[w].r.y >= 0);
            if (sizes[i].height >= 480)
                assert_true(ui.widgets[w].r.y + ui.widgets[w].r.height <= sizes[i].height);
        }
        assert_true(drawn(sizes[i].width, sizes[i].height) > 5000);
    }
    assert_int_equal(ui.scale, 100); /* a tiny screen is not scaled away */
}

static void text_is_broken_at_blanks(void **state)
{
    const struct font *f = font_of(16);
    const char *next = "one two three\nfour";
    size_t size = ui_line(f, next, font_width(f, "one two ", 8) + 2, &next);

    (void)state;
    assert_int_equal(size, 7);
    assert_string_equal(next, "three\nfour");
    assert_int_equal(ui_line(f, next, 1000, &next), 5);
    assert_string_equal(next, "four");
    size = ui_line(f, next, 1, &next); /* too narrow: a letter a line, never none */
    assert_int_equal(size, 1);
}

static void bytes_that_are_no_letters_are_shown_as_such(void **state)
{
    const char *text = "\xFF\xC3";

    (void)state;
    assert_int_equal(font_next(&text), FONT_REPLACEMENT);
    assert_int_equal(font_next(&text), FONT_REPLACEMENT);
    assert_int_equal(*text, '\0');
    assert_int_equal(font_find(font_of(16), 0x4E2D)->code, FONT_REPLACEMENT);
    assert_int_equal(font_find(font_of(16), 0xDF)->code, 0xDF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(typing_searches_and_enter_takes_the_first, begin),
        cmocka_unit_test_setup(arrows_choose_a_row_and_pages_turn, begin),
        cmocka_unit_test_setup(a_row_is_clicked, begin),
        cmocka_unit_test_setup(a_code_is_sent_and_not_kept, begin),
        cmocka_unit_test_setup(a_request_has_reason_and_minutes, begin),
        cmocka_unit_test_setup(escape_goes_back_or_leaves, begin),
        cmocka_unit_test_setup(nothing_can_be_done_while_connecting, begin),
        cmocka_unit_test_setup(keyboards_give_their_letters, begin),
        cmocka_unit_test_setup(long_text_is_bounded, begin),
        cmocka_unit_test_setup(every_size_of_screen_shows_it, begin),
        cmocka_unit_test_setup(text_is_broken_at_blanks, begin),
        cmocka_unit_test_setup(bytes_that_are_no_letters_are_shown_as_such, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
