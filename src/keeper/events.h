/* SPDX-License-Identifier: Apache-2.0
 * The event log: one JSON object a line, appended to one file (docs/events.md lists them).
 */
#ifndef SP_KEEPER_EVENTS_H
#define SP_KEEPER_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define EVENT_LINE_MAX 8192 /* a longer line is our own mistake: every text in it is bounded */

/* One event being built. INVARIANT: it never holds a secret, and all peer text in it is escaped. */
struct event {
    json_t *root;
    bool is_broken; /* memory ran out or a value was not legal: it cannot be written */
};

/* Called with each event that was written: its name, and its line without the line's end. */
typedef void event_watch_fn(void *ctx, const char *name, const char *line, size_t size);

/* The file behind the log. */
struct event_log {
    int fd;
    uint64_t written, failed; /* events since the start */
    event_watch_fn *watch;    /* NULL = nobody looks; it may write events itself */
    void *ctx;
};

/*
 * Open or create the log for appending, for the owner only.
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err event_log_open(struct event_log *log, const char *path,
                                       struct sp_fail *fail);

/* Close the file. */
void event_log_close(struct event_log *log);

/*
 * Start an event named name, with the time of the wall clock in UTC.
 * name     static text, [a-z_]
 * Owner:   event_write or event_clear ends it
 */
void event_begin(struct event *e, const char *name);

/* Add text that a peer may have chosen: it is escaped (text_escape) and cut at 512 bytes. */
void event_text(struct event *e, const char *key, const char *peer_text);

/* Add our own static text or a name from the configuration. */
void event_word(struct event *e, const char *key, const char *word);

/* Add a number. */
void event_number(struct event *e, const char *key, int64_t value);

/* Add a list of words; it is taken, also on failure. */
void event_list(struct event *e, const char *key, json_t *list);

/* Give up an event that was not written. */
void event_clear(struct event *e);

/*
 * Append the event and end it, whatever comes out.
 * is_durable  true: on stable storage (fdatasync) before this returns
 * Errors:  SP_ESYS nothing of it is in the file, or it is not durable; what it was to allow must
 *          not happen
 */
SP_MUST_USE enum sp_err event_write(struct event_log *log, struct event *e, bool is_durable);

#endif
