/* SPDX-License-Identifier: Apache-2.0
 * A session in the hands of an attacker, for tests only: it tries one thing and says how it went.
 */
#ifndef SP_TEST_EVIL_H
#define SP_TEST_EVIL_H

#include <stddef.h>

#include "session/session.h"

/* How a probe went that the process survived. */
enum evil_result {
    EVIL_OK,     /* it worked                                */
    EVIL_DENIED, /* the system said no; errno says why       */
    EVIL_ENDED,  /* keeper hung up                           */
    EVIL_REFUSED /* keeper answered no                       */
};

/* What the tester wrote behind the probe's name: a path, or a number. */
struct evil_arg {
    char text[256];
    long number;
};

struct evil_probe {
    const char *name;
    enum evil_result (*run)(const struct session_start *start);
};

extern struct evil_arg evil_arg;

/* calls.c: one system call each, as a table. */

/*
 * Try the call of that name.
 * Returns  1 and *result if there is one, else 0
 */
int evil_call(const char *name, enum evil_result *result);

/* Name number i of the table, or NULL behind its end. */
const char *evil_call_name(size_t i);

/* tricks.c, keeper.c, login.c: what takes more than one call; ends with an empty name. */
extern const struct evil_probe evil_tricks[];
extern const struct evil_probe evil_misuse[];
extern const struct evil_probe evil_logins[];

#endif
