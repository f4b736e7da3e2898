/* SPDX-License-Identifier: Apache-2.0
 * The helper processes: started with exactly their descriptors, started again when they die.
 */
#include "keeper/children.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/boot_courier.h"
#include "base/ipc.h"
#include "base/mem.h"

#define FIRST_SOURCE   64 /* above every number of boot.h, so that no dup2 hits a source */
#define DEATHS_FREE    5
#define DEATH_WINDOW   10000
#define RESTART_FIRST  100
#define RESTART_MAX_MS 5000
static_assert(FIRST_SOURCE >= BOOT_FD_LISTENERS + BOOT_LISTENERS_MAX, "sources stand apart");

static const char *const names[] = {
    [CHILD_SPAWNER] = "spawner",     [CHILD_DIALER] = "dialer",   [CHILD_DOOR] = "door",
    [CHILD_DIRECTORY] = "directory", [CHILD_COURIER] = "courier",
};

const char *child_name(enum child_role role)
{
    return names[role];
}

/* The same open file at a number above FIRST_SOURCE; the low one is closed. */
static enum sp_err lift(int *fd, struct sp_fail *fail)
{
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_SOURCE);

    if (high < 0)
        return sp_fail_set(fail, SP_ESYS, "F_DUPFD_CLOEXEC", (uint32_t)errno, 0);
    close(*fd);
    *fd = high;
    return SP_OK;
}

static enum sp_err lift_pair(int pair[2], struct sp_fail *fail)
{
    if (ipc_pair(pair) != SP_OK)
        return sp_fail_set(fail, SP_ESYS, "socketpair", (uint32_t)errno, 0);
    enum sp_err err = lift(&pair[0], fail);
    return err == SP_OK ? lift(&pair[1], fail) : err;
}

enum sp_err children_init(struct children *c, int boot_fd, const int *listeners,
                          size_t listener_count, struct sp_fail *fail)
{
    int pair[2] = {-1, -1};

    *c = (struct children){.boot_fd = boot_fd,
                           .directory_fd = -1,
                           .directory_program_fd = -1,
                           .courier_fd = -1,
                           .courier_program_fd = -1,
                           .spool_fd = -1,
                           .program_fd = -1,
                           .penalties_fd = -1,
                           .door_end = -1,
                           .spawner_end = -1};
    for (size_t i = 0; i < CHILD_ROLE_COUNT; i++)
        c->child[i].channel = -1;
    for (; c->listener_count < listener_count; c->listener_count++)
        c->listeners[c->listener_count] = listeners[c->listener_count];
    enum sp_err err = lift(&c->boot_fd, fail);
    for (size_t i = 0; err == SP_OK && i < listener_count; i++)
        err = lift(&c->listeners[i], fail);
    if (err == SP_OK)
        err = lift_pair(pair, fail);
    c->door_end = pair[0];
    c->spawner_end = pair[1];
    return err;
}

enum sp_err children_add_directory(struct children *c, int fd, struct sp_fail *fail)
{
    c->directory_fd = fd;
    return fd < 0 ? SP_OK : lift(&c->directory_fd, fail);
}

enum sp_err children_add_courier(struct children *c, int fd, int spool_fd, struct sp_fail *fail)
{
    c->courier_fd = fd;
    c->spool_fd = spool_fd;
    enum sp_err err = fd < 0 ? SP_OK : lift(&c->courier_fd, fail);
    return err != SP_OK || spool_fd < 0 ? err : lift(&c->spool_fd, fail);
}

bool children_wants(const struct children *c, enum child_role role)
{
    if (role == CHILD_COURIER)
        return c->courier_fd >= 0;
    return role != CHILD_DIRECTORY || c->directory_fd >= 0;
}

static int config_of(const struct children *c, enum child_role role)
{
    if (role == CHILD_COURIER)
        return c->courier_fd;
    return role == CHILD_DIRECTORY ? c->directory_fd : c->boot_fd;
}

static int program_of(const struct children *c, enum child_role role)
{
    if (role == CHILD_COURIER)
        return c->courier_program_fd;
    return role == CHILD_DIRECTORY ? c->directory_program_fd : c->program_fd;
}

/* Whatever else is open is close-on-exec: serve.c sees to what our own starter left open. */
static int add_files(const struct children *c, enum child_role role, int keeper_end,
                     posix_spawn_file_actions_t *files)
{
    int bad = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    bad |= posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    bad |= posix_spawn_file_actions_adddup2(files, keeper_end, BOOT_FD_KEEPER);
    bad |= posix_spawn_file_actions_adddup2(files, config_of(c, role), BOOT_FD_CONFIG);
    if (role == CHILD_DOOR) {
        bad |= posix_spawn_file_actions_adddup2(files, c->door_end, BOOT_FD_PEER);
        bad |= posix_spawn_file_actions_adddup2(files, c->penalties_fd, BOOT_FD_PENALTIES);
    }
    if (role == CHILD_SPAWNER)
        bad |= posix_spawn_file_actions_adddup2(files, c->spawner_end, BOOT_FD_PEER);
    if (role == CHILD_COURIER)
        bad |= posix_spawn_file_actions_adddup2(files, c->spool_fd, BOOT_FD_SPOOL);
    for (size_t i = 0; role == CHILD_DOOR && i < c->listener_count; i++)
        bad |= posix_spawn_file_actions_adddup2(files, c->listeners[i], BOOT_FD_LISTENERS + (int)i);
    return bad;
}

/* A group of its own, so that Ctrl-C reaches keeper only; signals as at the start of a program. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_setsigmask(attr, &none) | posix_spawnattr_setsigdefault(attr, &all) |
           posix_spawnattr_setpgroup(attr, 0) |
           posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
}

static int spawn(const struct children *c, enum child_role role, int keeper_end, pid_t *pid)
{
    char program[] = "sallyport-net", path[32], option[32];
    char *argv[] = {program, option, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;

    /* By its descriptor: what was there at the start, whatever has become of the file. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", program_of(c, role));
    snprintf(option, sizeof(option), "--role=%s", names[role]);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    int bad = add_files(c, role, keeper_end, &files) | set_attributes(&attr);
    if (bad == 0)
        bad = posix_spawn(pid, path, &files, &attr, argv, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return bad;
}

enum sp_err children_start(struct children *c, enum child_role role, int64_t now_ms,
                           struct sp_fail *fail)
{
    struct child *child = &c->child[role];
    int pair[2] = {-1, -1};
    enum sp_err err = lift_pair(pair, fail);
    SP_FD ours = pair[0];
    SP_FD theirs = pair[1];
    pid_t pid;

    child->restart_ms = now_ms + RESTART_FIRST;
    if (err != SP_OK)
        return err;
    int bad = spawn(c, role, theirs, &pid);
    if (bad != 0)
        return sp_fail_set(fail, SP_ESYS, "posix_spawn", (uint32_t)bad, 0);
    child->pid = pid;
    child->channel = sp_fd_take(&ours);
    child->started_ms = now_ms;
    return SP_OK;
}

static void plan_restart(struct child *child, int64_t now_ms)
{
    if (now_ms - child->window_ms > DEATH_WINDOW) {
        child->window_ms = now_ms;
        child->deaths = 0;
        child->wait_ms = 0;
    }
    child->deaths++;
    if (child->deaths > DEATHS_FREE) {
        child->wait_ms = child->wait_ms == 0 ? RESTART_FIRST : child->wait_ms * 2;
        if (child->wait_ms > RESTART_MAX_MS)
            child->wait_ms = RESTART_MAX_MS;
        child->window_ms = now_ms; /* the count starts anew only after 10 quiet seconds */
    }
    child->restart_ms = now_ms + child->wait_ms;
}

bool children_reaped(struct children *c, pid_t pid, int64_t now_ms, enum child_role *role)
{
    for (size_t i = 0; i < CHILD_ROLE_COUNT; i++) {
        struct child *child = &c->child[i];

        if (child->pid != pid)
            continue;
        child->pid = 0;
        sp_fd_cleanup(&child->channel);
        plan_restart(child, now_ms);
        *role = (enum child_role)i;
        return true;
    }
    return false;
}

bool children_due(const struct children *c, enum child_role role, int64_t now_ms)
{
    const struct child *child = &c->child[role];

    return !c->is_stopping && children_wants(c, role) && child->pid == 0 &&
           now_ms >= child->restart_ms;
}

/* A line of /proc/PID/status; it is world-readable whatever a process does to hide. */
bool children_is_ready(const struct children *c, enum child_role role)
{
    char path[64], text[4096];

    if (!children_wants(c, role))
        return true;
    if (c->child[role].pid == 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)c->child[role].pid);
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
#if defined(__SANITIZE_ADDRESS__)
    return strncmp(text, "Name:\tsp-", 9) == 0; /* no filter in a build for the sanitizers */
#else
    return strstr(text, "\nSeccomp:\t2\n") != NULL;
#endif
}

static bool wait_gone(struct child *child, int tries)
{
    const struct timespec pause = {.tv_nsec = 10000000};

    for (int i = 0; i < tries; i++) {
        if (waitpid(child->pid, NULL, WNOHANG) != 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

void children_stop(struct children *c)
{
    c->is_stopping = true;
    for (size_t i = 0; i < CHILD_ROLE_COUNT; i++)
        sp_fd_cleanup(&c->child[i].channel);
    for (size_t i = 0; i < CHILD_ROLE_COUNT; i++) {
        struct child *child = &c->child[i];

        if (child->pid == 0)
            continue;
        if (!wait_gone(child, 50)) {
            kill(child->pid, SIGKILL);
            wait_gone(child, 100);
        }
        child->pid = 0;
    }
}

void children_retire(struct children *c)
{
    c->is_stopping = true;
    for (size_t i = 0; i < c->listener_count; i++)
        sp_fd_cleanup(&c->listeners[i]);
    c->listener_count = 0;
    sp_fd_cleanup(&c->door_end);
    sp_fd_cleanup(&c->spawner_end);
}

void children_clear(struct children *c)
{
    for (size_t i = 0; i < CHILD_ROLE_COUNT; i++)
        sp_fd_cleanup(&c->child[i].channel);
    for (size_t i = 0; i < c->listener_count; i++)
        sp_fd_cleanup(&c->listeners[i]);
    c->listener_count = 0;
    sp_fd_cleanup(&c->door_end);
    sp_fd_cleanup(&c->spawner_end);
    sp_fd_cleanup(&c->directory_fd);
    sp_fd_cleanup(&c->courier_fd);
    sp_fd_cleanup(&c->spool_fd);
    sp_fd_cleanup(&c->boot_fd);
}
