/* SPDX-License-Identifier: Apache-2.0
 * What the lobby says, in each language that it speaks.
 */
#ifndef SP_LOBBY_WORDS_H
#define SP_LOBBY_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum word {
    WORD_CHOOSE,
    WORD_SEARCH,
    WORD_NOTHING_FOUND,
    WORD_MORE, /* #: first and last shown, and of how many */
    WORD_CODE,
    WORD_CODE_LABEL,
    WORD_ASK,
    WORD_REASON,
    WORD_TICKET,
    WORD_MINUTES, /* #: the most that can be asked for */
    WORD_WAITING,
    WORD_CONSENT,
    WORD_DENIED,
    WORD_FAILED,
    WORD_CONNECTING, /* #: the target */
    WORD_DISCONNECT,
    WORD_CONTINUE,
    WORD_BACK,
    WORD_RETRY,
    WORD_ACCEPT,
    WORD_SEND,
    WORD_HINT,
    WORD_NEEDS_CODE,
    WORD_NEEDS_APPROVAL,
    WORD_NO_ANSWER,
    WORD_NO_TRUST,
    WORD_NO_LOGIN,
    WORD_NO_SEQUENCE,
    WORD_COUNT
};

/* The table for a keyboard layout's language; English for what we do not speak. */
const char *const *words_of(uint32_t layout);

/*
 * Copy text with each # in it replaced by the next value.
 * out      size bytes; cut if it does not fit
 * values   as many as text has #
 */
void words_fill(char *out, size_t size, const char *text, const char *const *values);

#endif
