/* SPDX-License-Identifier: Apache-2.0
 * The process that owns the listening sockets and hands readable connections to the spawner.
 */
#include "door/door.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "door/door_priv.h"
#include "door/helper.h"

#define EVENTS_MAX     64
#define FDS_BESIDES    32 /* descriptors that are no connection's: ours, listeners, reserve */
#define CONFIG_MINIMUM 1u

enum sp_err door_watch(struct door *d, int fd, uint32_t events, enum door_event kind,
                       uint32_t index)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)kind << 32 | index};

    return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? SP_OK : SP_ESYS;
}

/* Room for as many connections as are configured, or as the system lets us have. */
static uint32_t descriptor_room(uint32_t wanted, uint32_t held)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    rlim_t besides = (rlim_t)FDS_BESIDES + held;
    if (limit.rlim_cur > (rlim_t)wanted + besides)
        return wanted;
    uint32_t room = limit.rlim_cur > besides + CONFIG_MINIMUM ? (uint32_t)(limit.rlim_cur - besides)
                                                              : CONFIG_MINIMUM;
    helper_log("only %u connections fit the limit of open files, not %u", room, wanted);
    return room;
}

static enum sp_err door_init(struct door *d, const struct boot_config *config, struct sp_fail *fail)
{
    struct limits_config limits = {
        .total_max = descriptor_room(config->max_unauthenticated, config->tarpit_max),
        .source_max = config->max_unauthenticated_per_source,
        .early_drop_start = config->early_drop_start,
        .early_drop_percent = config->early_drop_percent,
    };
    uint64_t seed;
    const struct penalty_table *penalties = penalty_attach(BOOT_FD_PENALTIES);

    if (penalties == NULL)
        return sp_fail_set(fail, SP_ESYS, "penalties", (uint32_t)errno, 0);
    close(BOOT_FD_PENALTIES); /* the mapping stays */
    *d = (struct door){.keeper_fd = BOOT_FD_KEEPER,
                       .spawner_fd = BOOT_FD_PEER,
                       .first_byte_ms = config->first_byte_ms,
                       .penalties = penalties};
    sp_random(&seed, sizeof(seed));
    enum sp_err err = limits_init(&d->limits, &limits, seed);
    if (err != SP_OK)
        return sp_fail_set(fail, err, "max_unauthenticated", limits.total_max, LIMITS_TOTAL_MAX);
    err = tarpit_init(&d->tarpit, config->tarpit_max, config->tarpit_ms);
    if (err != SP_OK)
        return sp_fail_set(fail, err, "tarpit", (uint32_t)errno, config->tarpit_max);
    err = door_conns_init(d);
    if (err != SP_OK)
        return sp_fail_set(fail, err, "connections", (uint32_t)errno, limits.total_max);
    d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    d->reserve_fd = epoll_create1(EPOLL_CLOEXEC); /* any descriptor will do */
    if (d->epoll_fd < 0 || d->reserve_fd < 0)
        return sp_fail_set(fail, SP_ESYS, "epoll", (uint32_t)errno, 0);
    err = door_watch(d, d->keeper_fd, EPOLLIN, DOOR_ON_KEEPER, 0);
    if (err == SP_OK)
        err = door_listen(d, config->listeners, config->listener_count);
    if (err != SP_OK)
        return sp_fail_set(fail, err, "listeners", (uint32_t)errno, 0);
    return SP_OK;
}

/* keeper has two orders for us. SP_ECLOSED: it is gone. */
static enum sp_err on_keeper(struct door *d)
{
    struct ipc_in in;
    enum sp_err err = ipc_recv(d->keeper_fd, &in, 0);

    if (err == SP_ETIME)
        return SP_OK;
    if (err != SP_OK)
        return err;
    if (in.msg.head.type == IPC_DOOR_STOP)
        door_stop(d);
    if (in.msg.head.type == IPC_RETIRE)
        door_retire(d);
    ipc_in_clear(&in);
    return SP_OK;
}

static enum sp_err send_reports(struct door *d, int64_t now_ms)
{
    struct ipc_door_refused msg;

    while (report_take(&d->report, now_ms, &msg)) {
        enum sp_err err = ipc_send(d->keeper_fd, IPC_DOOR_REFUSED, &msg, sizeof(msg), NULL, 0, 0);

        if (err == SP_ECLOSED)
            return err;
        if (err != SP_OK)
            report_give_back(&d->report, &msg);
    }
    return SP_OK;
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static int next_wait_ms(const struct door *d, int64_t now_ms)
{
    int64_t due = door_conns_due_ms(d, now_ms);

    due = earlier(due, tarpit_due_ms(&d->tarpit));
    due = earlier(due, report_due_ms(&d->report));
    due = earlier(due, d->paused ? d->resume_ms : -1);
    return due < 0 ? -1 : clock_left_ms(due);
}

static enum sp_err on_event(struct door *d, uint64_t tag, int64_t now_ms)
{
    uint32_t index = (uint32_t)tag;

    switch ((enum door_event)(tag >> 32)) {
    case DOOR_ON_KEEPER:
        return on_keeper(d);
    case DOOR_ON_LISTENER:
        door_accept(d, index, now_ms);
        return SP_OK;
    case DOOR_ON_CONN:
        return door_conn_event(d, index, now_ms);
    }
    return SP_OK;
}

/* Returns the error that ended the loop; SP_ECLOSED: keeper is gone, or nobody waits after RETIRE;
 * SP_ESTATE: the spawner. */
static enum sp_err door_loop(struct door *d)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int n = epoll_wait(d->epoll_fd, events, EVENTS_MAX, next_wait_ms(d, clock_now_ms()));
        int64_t now_ms = clock_now_ms();
        enum sp_err err = SP_OK;

        if (n < 0 && errno != EINTR)
            return SP_ESYS;
        for (int i = 0; i < n && err == SP_OK; i++)
            err = on_event(d, events[i].data.u64, now_ms);
        if (err == SP_OK)
            err = door_conns_tick(d, now_ms);
        if (err == SP_OK)
            err = send_reports(d, now_ms);
        if (err != SP_OK)
            return err;
        tarpit_tick(&d->tarpit, now_ms);
        door_resume(d, now_ms);
        if (d->is_retiring && d->idle.head == DOOR_NONE && d->pending.head == DOOR_NONE)
            return SP_ECLOSED; /* what was handed over is the sessions' own */
    }
}

static enum sp_err door_start(struct door *d, struct sp_fail *fail)
{
    static struct boot_config config; /* with its PEM too large for a stack */
    SP_FREE char *ca = NULL;
    enum sp_err err = boot_read(BOOT_FD_CONFIG, &config, &ca);

    if (err != SP_OK)
        return sp_fail_set(fail, err, "boot", (uint32_t)errno, 0);
    err = helper_begin("door", config.uid, config.gid, fail);
    if (err == SP_OK)
        err = door_init(d, &config, fail);
    if (err == SP_OK)
        err = sandbox_enter(SANDBOX_DOOR, fail);
    return err;
}

int door_main(void)
{
    struct door door;
    struct sp_fail fail = {0};
    enum sp_err err = door_start(&door, &fail);

    if (err != SP_OK) {
        helper_log_fail("cannot start", err, &fail);
        return 1;
    }
    err = door_loop(&door);
    if (err == SP_ECLOSED)
        return 0;
    if (err == SP_ESTATE)
        helper_log("the spawner is gone");
    else
        helper_log("ended: code=%s errno=%d", sp_err_name(err), errno);
    return 1;
}
