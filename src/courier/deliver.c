/* SPDX-License-Identifier: Apache-2.0
 * One attempt at a time for each webhook, each in a child, the oldest event first.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/clock.h"
#include "base/mem.h"
#include "courier/courier_priv.h"

#define SCAN_MS     1000     /* another courier may have written something            */
#define OWN_MS      100      /* it may have given up the spool                        */
#define STRANGER_US 60000000 /* an item of no webhook: another courier may know it … */

struct work {
    pid_t pid; /* 0 = no attempt is running */
    int fd;    /* the child's answer        */
    int64_t until_ms;
    bool has_item;
    struct spool_item item; /* the oldest; being delivered if pid is not 0 */
    int64_t next_ms, wait_ms;
    bool is_failing;
};

static struct courier_settings *settings;
static struct spool *spool;
static struct work works[BOOT_COURIER_HOOKS_MAX];
static bool must_scan, is_retired;
static int64_t scan_ms;

void deliver_begin(struct courier_settings *s, struct spool *from)
{
    settings = s;
    spool = from;
    for (size_t i = 0; i < BOOT_COURIER_HOOKS_MAX; i++)
        works[i] = (struct work){.fd = -1};
}

void deliver_look(void)
{
    must_scan = true;
}

void deliver_retire(void)
{
    is_retired = true;
}

static const uint8_t *id_of(const struct work *w)
{
    return settings->boot.hooks[w - works].id;
}

static enum sp_err give_up(struct work *w, const char *why)
{
    spool_remove(spool, &w->item);
    w->has_item = false;
    must_scan = true;
    return courier_news(IPC_COURIER_DROPPED, id_of(w), why);
}

/* A wait that doubles, and a quarter of chance, so that many gateways do not come at once. */
static void put_off(struct work *w, int64_t now_ms)
{
    uint32_t chance;

    w->wait_ms = w->wait_ms == 0 ? COURIER_BACKOFF_MS : 2 * w->wait_ms;
    if (w->wait_ms > COURIER_BACKOFF_MOST)
        w->wait_ms = COURIER_BACKOFF_MOST;
    sp_random(&chance, sizeof(chance));
    w->next_ms = now_ms + w->wait_ms + (int64_t)chance % (w->wait_ms / 4);
}

static enum sp_err failed(struct work *w, const char *why)
{
    bool was_failing = w->is_failing;

    w->is_failing = true;
    put_off(w, clock_now_ms());
    return was_failing ? SP_OK : courier_news(IPC_COURIER_FAILING, id_of(w), why);
}

static enum sp_err finished(struct work *w, const struct post_result *result)
{
    bool was_failing = w->is_failing;

    if (!post_is_taken(result->status) && !post_is_final(result->status))
        return failed(w, result->why);
    w->is_failing = false;
    w->wait_ms = 0;
    w->next_ms = 0;
    if (post_is_final(result->status))
        return give_up(w, result->why);
    spool_remove(spool, &w->item);
    w->has_item = false;
    must_scan = true;
    return was_failing ? courier_news(IPC_COURIER_WORKING, id_of(w), result->why) : SP_OK;
}

static void end_child(struct work *w)
{
    sp_fd_cleanup(&w->fd);
    kill(w->pid, SIGKILL);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    w->pid = 0;
}

static _Noreturn void child_main(const struct work *w, int fd, const uint8_t *body, size_t size)
{
    struct post_result result;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(BOOT_FD_KEEPER);
    close(BOOT_FD_SPOOL);
    close(spool->lock); /* a lock of fcntl(2) is its process's alone */
    for (size_t i = 0; i < BOOT_COURIER_HOOKS_MAX; i++)
        if (works[i].fd >= 0)
            close(works[i].fd);
    post_item(settings, (size_t)(w - works), &w->item, body, size, &result);
    _exit(write(fd, &result, sizeof(result)) == (ssize_t)sizeof(result) ? 0 : 1);
}

static enum sp_err start(struct work *w, int64_t now_ms)
{
    static uint8_t body[IPC_COURIER_BODY_MAX];
    int ends[2];
    size_t size;
    enum sp_err err = spool_read(spool, &w->item, body, &size);

    if (err == SP_EVALUE)
        return give_up(w, "the file in the spool is spoiled");
    if (err != SP_OK)
        return failed(w, "the spool cannot be read");
    if (pipe2(ends, 0) != 0)
        return failed(w, "courier has no descriptors");
    pid_t pid = fork();
    if (pid == 0)
        child_main(w, ends[1], body, size);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return failed(w, "courier cannot fork");
    }
    w->pid = pid;
    w->fd = ends[0];
    w->until_ms = now_ms + COURIER_CHILD_MS;
    return SP_OK;
}

/* A child says one struct, which fits a pipe; its text is not trusted to end. */
static enum sp_err heard(struct work *w)
{
    struct post_result result = {0};

    if (read(w->fd, &result, sizeof(result)) != (ssize_t)sizeof(result))
        result = (struct post_result){.why = "the attempt ended without a result"};
    result.why[sizeof(result.why) - 1] = '\0';
    end_child(w);
    return finished(w, &result);
}

static struct work *work_of(const uint8_t *hook)
{
    for (size_t i = 0; i < settings->boot.hook_count; i++)
        if (memcmp(settings->boot.hooks[i].id, hook, IPC_COURIER_HOOK_SIZE) == 0)
            return &works[i];
    return NULL;
}

static void on_item(void *ctx, const struct spool_item *item)
{
    struct work *w = work_of(item->hook);
    enum sp_err *err = ctx;

    if (w == NULL) {
        if (*err != SP_OK || clock_wall_us() - (int64_t)item->time_us < STRANGER_US)
            return;
        spool_remove(spool, item);
        *err =
            courier_news(IPC_COURIER_DROPPED, item->hook, "the webhook is not configured any more");
        return;
    }
    if (w->pid != 0 || (w->has_item && strcmp(w->item.name, item->name) <= 0))
        return;
    w->item = *item;
    w->has_item = true;
}

static enum sp_err scan(int64_t now_ms)
{
    enum sp_err err = SP_OK;

    must_scan = false;
    scan_ms = now_ms + SCAN_MS;
    for (size_t i = 0; i < BOOT_COURIER_HOOKS_MAX; i++)
        if (works[i].pid == 0)
            works[i].has_item = false;
    /* Whoever does not own the spool only counts. */
    if (spool_scan(spool, spool->is_own ? on_item : NULL, &err) != SP_OK)
        must_scan = true;
    return err;
}

static bool is_working(void)
{
    for (size_t i = 0; i < BOOT_COURIER_HOOKS_MAX; i++)
        if (works[i].pid != 0)
            return true;
    return false;
}

static void settle_owner(void)
{
    if (is_retired && !is_working())
        spool_disown(spool);
    if (!is_retired && !spool->is_own && spool_own(spool))
        must_scan = true;
}

void deliver_poll(struct pollfd *fds)
{
    for (size_t i = 0; i < BOOT_COURIER_HOOKS_MAX; i++)
        fds[i] = (struct pollfd){.fd = works[i].fd, .events = POLLIN};
}

static enum sp_err step_one(struct work *w, short revents, int64_t now_ms, int64_t *next_ms)
{
    enum sp_err err = SP_OK;

    if (w->pid != 0 && revents != 0) {
        err = heard(w);
    } else if (w->pid != 0 && now_ms >= w->until_ms) {
        end_child(w);
        err = finished(w, &(struct post_result){.why = "no answer in time"});
    }
    if (err == SP_OK && w->pid == 0 && w->has_item && !is_retired && spool->is_own) {
        if (now_ms >= w->next_ms)
            err = start(w, now_ms);
        if (w->pid == 0 && w->has_item && w->next_ms < *next_ms)
            *next_ms = w->next_ms;
    }
    if (w->pid != 0 && w->until_ms < *next_ms)
        *next_ms = w->until_ms;
    return err;
}

enum sp_err deliver_step(const struct pollfd *fds, int *wait_ms)
{
    int64_t now_ms = clock_now_ms();
    enum sp_err err = SP_OK;

    settle_owner();
    if (must_scan || now_ms >= scan_ms)
        err = scan(now_ms);
    int64_t next_ms = now_ms + (spool->is_own || is_retired ? SCAN_MS : OWN_MS);
    for (size_t i = 0; i < settings->boot.hook_count && err == SP_OK; i++)
        err = step_one(&works[i], works[i].fd == fds[i].fd ? fds[i].revents : 0, now_ms, &next_ms);
    *wait_ms = must_scan ? 0 : clock_left_ms(next_ms);
    return err;
}
