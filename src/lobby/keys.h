/* SPDX-License-Identifier: Apache-2.0
 * From key presses to letters: a small keyboard of our own, for the lobby's text fields.
 */
#ifndef SP_LOBBY_KEYS_H
#define SP_LOBBY_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "rdp/input.h"

enum key_kind {
    KEY_NONE,
    KEY_CHAR, /* code: a Unicode code point */
    KEY_ENTER,
    KEY_TAB,
    KEY_BACKTAB,
    KEY_ESCAPE,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_BACKSPACE,
    KEY_CONTRAST, /* F2 */
};

struct key {
    enum key_kind kind;
    uint32_t code;
};

/* Which keys are held, and the layout. */
struct keys {
    const char *const *layout; /* plain, shift, AltGr: see keys.c */
    bool is_shift, is_caps, is_altgr, is_control;
    uint16_t high_surrogate; /* the first half of a Unicode event's pair; 0 = none */
};

/* layout: keyboardLayout of the client's core data; unknown ones are US. */
void keys_init(struct keys *k, uint32_t layout);

/* Take one event. out: kind KEY_NONE if it gives nothing */
void keys_take(struct keys *k, const struct input_event *e, struct key *out);

/* Write a code point as UTF-8. Returns its bytes, 1 to 4; out has room for 4 */
int keys_utf8(uint32_t code, char out[4]);

#endif
