/* SPDX-License-Identifier: Apache-2.0
 * The event log: one JSON object a line, appended to one file.
 */
#include "keeper/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define TEXT_MAX 512

enum sp_err event_log_open(struct event_log *log, const char *path, struct sp_fail *fail)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);

    if (fd < 0)
        return sp_fail_set(fail, SP_ESYS, "event file", (uint32_t)errno, 0);
    if (fchmod(fd, 0600) != 0) {
        sp_fail_set(fail, SP_ESYS, "event file mode", (uint32_t)errno, 0);
        close(fd);
        return SP_ESYS;
    }
    *log = (struct event_log){.fd = fd};
    return SP_OK;
}

void event_log_close(struct event_log *log)
{
    sp_fd_cleanup(&log->fd);
}

static void set(struct event *e, const char *key, json_t *value)
{
    if (e->root == NULL || value == NULL) {
        json_decref(value);
        e->is_broken = true;
        return;
    }
    if (json_object_set_new(e->root, key, value) != 0)
        e->is_broken = true;
}

void event_begin(struct event *e, const char *name)
{
    char now[SP_TIMESTAMP_SIZE];

    *e = (struct event){.root = json_object()};
    clock_format(clock_wall_us(), now);
    set(e, "time", json_string(now));
    set(e, "event", json_string(name));
}

void event_text(struct event *e, const char *key, const char *peer_text)
{
    char escaped[TEXT_MAX + 1];

    text_escape(peer_text, escaped, sizeof(escaped));
    set(e, key, json_string(escaped));
}

void event_word(struct event *e, const char *key, const char *word)
{
    event_text(e, key, word);
}

void event_number(struct event *e, const char *key, int64_t value)
{
    set(e, key, json_integer(value));
}

void event_list(struct event *e, const char *key, json_t *list)
{
    set(e, key, list);
}

void event_clear(struct event *e)
{
    json_decref(e->root);
    e->root = NULL;
}

/* One write(2) a line: O_APPEND keeps it whole. A short one (disk full) is taken back. */
static enum sp_err append(int fd, const char *line, size_t size)
{
    struct stat before;
    ssize_t n;

    if (fstat(fd, &before) != 0)
        return SP_ESYS;
    do {
        n = write(fd, line, size);
    } while (n < 0 && errno == EINTR);
    if (n == (ssize_t)size)
        return SP_OK;
    if (n > 0 && S_ISREG(before.st_mode) && ftruncate(fd, before.st_size) != 0)
        return SP_ESYS;
    return SP_ESYS;
}

enum sp_err event_write(struct event_log *log, struct event *e, bool is_durable)
{
    char line[EVENT_LINE_MAX];
    enum sp_err err = SP_ESYS;
    size_t n = 0;

    if (!e->is_broken)
        n = json_dumpb(e->root, line, sizeof(line) - 1, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (n > 0 && n < sizeof(line)) {
        line[n] = '\n';
        err = append(log->fd, line, n + 1);
    }
    if (err == SP_OK && is_durable && fdatasync(log->fd) != 0 && errno != EINVAL)
        err = SP_ESYS; /* EINVAL: a pipe or a terminal, which an administrator chose */
    if (err == SP_OK)
        log->written++;
    else
        log->failed++;
    if (err == SP_OK && log->watch != NULL)
        log->watch(log->ctx, json_string_value(json_object_get(e->root, "event")), line, n);
    event_clear(e);
    return err;
}
