/* SPDX-License-Identifier: Apache-2.0
 * The helper processes: sallyport-net, with base/boot.h's descriptors and no more.
 *
 * keeper keeps both ends of the pair between door and spawner, and the listening sockets: a helper
 * that died finds, when it is started again, what was waiting for it.
 */
#ifndef SP_KEEPER_CHILDREN_H
#define SP_KEEPER_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/boot.h"
#include "base/err.h"

enum child_role {
    CHILD_SPAWNER,
    CHILD_DIALER,
    CHILD_DOOR,
    CHILD_DIRECTORY, /* only where it is configured */
    CHILD_COURIER,   /* only where it is configured */
    CHILD_ROLE_COUNT
};

struct child {
    pid_t pid;                      /* 0 when not running                                  */
    int channel;                    /* keeper's end; -1 when not running                   */
    int64_t started_ms, restart_ms; /* restart_ms: not before this, if not running     */
    int64_t window_ms;              /* start of the 10 s in which deaths are counted   */
    uint32_t deaths, wait_ms;
};

struct children {
    int boot_fd;              /* sealed memfd for all that have none of their own */
    int directory_program_fd; /* as program_fd, of directory */
    int directory_fd; /* sealed memfd for directory; -1 = it is not wanted; set before a start */
    int courier_program_fd; /* as program_fd, of courier */
    int courier_fd;         /* as directory_fd, of courier                  */
    int spool_fd;           /* for courier: the folder of its spool; -1 = it is not wanted */
    int door_end, spawner_end;
    int program_fd;   /* what they run, O_PATH, close-on-exec; borrowed, set before a start */
    int penalties_fd; /* for door; borrowed, above all numbers of boot.h; set before a start */
    int listeners[BOOT_LISTENERS_MAX];
    size_t listener_count;
    bool is_stopping; /* deaths are expected, nothing is started again */
    struct child child[CHILD_ROLE_COUNT];
};

/*
 * Take what all helpers get.
 * boot_fd, listeners  taken, also on failure
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err children_init(struct children *c, int boot_fd, const int *listeners,
                                      size_t listener_count, struct sp_fail *fail);

/*
 * Start one helper that is not running.
 * Errors:  SP_ESYS; the helper is due again later
 */
SP_MUST_USE enum sp_err children_start(struct children *c, enum child_role role, int64_t now_ms,
                                       struct sp_fail *fail);

/*
 * Note that a process ended, and when the helper it was may start again: at once, but after more
 * than 5 deaths in 10 s later and later, up to 5 s.
 * role     which it was, written only if true is returned
 * Returns  false if pid is none of the helpers
 */
bool children_reaped(struct children *c, pid_t pid, int64_t now_ms, enum child_role *role);

/*
 * Take the memfd of directory.
 * fd       taken; -1 = it is not wanted
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err children_add_directory(struct children *c, int fd, struct sp_fail *fail);

/*
 * Take the memfd of courier and the folder of its spool.
 * fds      both taken; -1 = it is not wanted
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err children_add_courier(struct children *c, int fd, int spool_fd,
                                             struct sp_fail *fail);

/* True if a helper is to run at all. */
bool children_wants(const struct children *c, enum child_role role);

/* True if a helper is not running and may be started now. */
bool children_due(const struct children *c, enum child_role role, int64_t now_ms);

/* True if the helper has entered its cage and listens to keeper. */
bool children_is_ready(const struct children *c, enum child_role role);

/* Give up what door and spawner share and what they listen on; nothing is started again. */
void children_retire(struct children *c);

/* End all helpers: their channels close, and who is still there gets SIGKILL. */
void children_stop(struct children *c);

/* Close everything. */
void children_clear(struct children *c);

/* "door", "spawner", "dialer". Owner: static text */
const char *child_name(enum child_role role);

#endif
