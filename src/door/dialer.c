/* SPDX-License-Identifier: Apache-2.0
 * The process that resolves and connects to the targets that keeper names: parent and children.
 *
 * Addresses are connected to by the parent, whose loop waits for them all; names are a child's.
 */
#include "door/dialer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "door/sigchld.h"
#include "door/dialer_connect.h"
#include "door/helper.h"

#define TIMEOUT_MAX_MS     120000
#define GRACE_MS           500 /* a child ends itself at its deadline; a resolver may not */
#define KEEPER_PATIENCE_MS 5000
#define DIALS_MAX          4096u

struct dial {
    bool is_taken;
    pid_t pid; /* 0 = no child: out.fd is being connected here */
    uint64_t id;
    int64_t kill_ms;
    bool overdue; /* killed by us */
    struct dialer_answer out;
};

struct dialer {
    int keeper_fd;
    uint32_t dials_max;
    struct dial *dials;
    struct pollfd *fds; /* keeper and the connects under way, in the order of dials */
    uint32_t listener_count;
    struct boot_listener listeners[BOOT_LISTENERS_MAX];
};

/* Errors: SP_ECLOSED keeper is gone; SP_ETIME it does not read; SP_ESYS */
static enum sp_err answer(const struct dialer *d, uint64_t id, const struct dialer_answer *a)
{
    struct ipc_dialed msg = {
        .id = id, .status = (uint32_t)a->status, .sys = (uint32_t)a->sys, .address = a->address};

    return ipc_send(d->keeper_fd, IPC_DIALED, &msg, sizeof(msg), &a->fd, a->fd >= 0 ? 1 : 0,
                    clock_now_ms() + KEEPER_PATIENCE_MS);
}

static enum sp_err answer_failed(const struct dialer *d, uint64_t id, enum ipc_dial_status status,
                                 int sys)
{
    struct dialer_answer a = {.status = status, .sys = sys, .fd = -1};

    return answer(d, id, &a);
}

/* In the child: dial, answer keeper directly, and end with 0 if it has heard. */
static _Noreturn void child_main(const struct dialer *d, uint64_t id,
                                 const struct dialer_request *request)
{
    int keep[] = {d->keeper_fd};
    struct dialer_answer a;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigchld_forget();
    sandbox_close_except(BOOT_FD_KEEPER, keep, 1);
    dialer_connect(request, &a);
    _exit(answer(d, id, &a) == SP_OK ? 0 : 1);
}

/* The dial of a child, or a free one if pid is 0; NULL if there is none. */
static struct dial *find_dial(struct dialer *d, pid_t pid)
{
    for (uint32_t i = 0; i < d->dials_max; i++) {
        if (d->dials[i].pid == pid && d->dials[i].is_taken == (pid != 0))
            return &d->dials[i];
    }
    return NULL;
}

/* Tell keeper how a dial ended that this process has made itself, and forget it. */
static enum sp_err conclude(const struct dialer *d, uint64_t id, struct dialer_answer *out)
{
    enum sp_err err = answer(d, id, out);

    sp_fd_cleanup(&out->fd);
    return err;
}

static enum sp_err start_child(struct dialer *d, struct dial *dial,
                               const struct dialer_request *request)
{
    pid_t pid = fork();

    if (pid < 0) {
        int saved = errno;

        helper_log("cannot dial: fork: errno=%d", saved);
        return answer_failed(d, dial->id, IPC_DIAL_FAILED, saved);
    }
    if (pid == 0)
        child_main(d, dial->id, request);
    dial->pid = pid;
    dial->is_taken = true;
    dial->kill_ms += GRACE_MS;
    return SP_OK;
}

static enum sp_err start_dial(struct dialer *d, const struct ipc_dial *msg)
{
    struct dial *dial = find_dial(d, 0);
    struct dialer_request request = {.host = msg->host,
                                     .port = msg->port,
                                     .deadline_ms = clock_now_ms() + msg->timeout_ms,
                                     .listeners = d->listeners,
                                     .listener_count = d->listener_count};

    if (msg->timeout_ms == 0 || msg->timeout_ms > TIMEOUT_MAX_MS)
        return answer_failed(d, msg->id, IPC_DIAL_FAILED, EINVAL);
    if (dial == NULL)
        return answer_failed(d, msg->id, IPC_DIAL_FAILED, EAGAIN);
    *dial = (struct dial){.id = msg->id, .kill_ms = request.deadline_ms};
    switch (dialer_begin(&request, &dial->out)) {
    case DIALER_NEEDS_CHILD:
        return start_child(d, dial, &request);
    case DIALER_DECIDED:
        return conclude(d, dial->id, &dial->out);
    case DIALER_UNDER_WAY:
        dial->is_taken = true;
        return SP_OK;
    }
    return SP_OK;
}

/* What the loop waits for. Returns how many of d->fds. */
static size_t gather(struct dialer *d)
{
    size_t count = 1;

    d->fds[0] = (struct pollfd){.fd = d->keeper_fd, .events = POLLIN};
    for (uint32_t i = 0; i < d->dials_max; i++) {
        if (d->dials[i].is_taken && d->dials[i].pid == 0)
            d->fds[count++] = (struct pollfd){.fd = d->dials[i].out.fd, .events = POLLOUT};
    }
    return count;
}

/* After poll, before anything changes: answer for the connects that are decided. */
static enum sp_err take_connected(struct dialer *d, size_t count)
{
    size_t at = 1;
    enum sp_err err = SP_OK;

    for (uint32_t i = 0; i < d->dials_max && at < count && err != SP_ECLOSED; i++) {
        struct dial *dial = &d->dials[i];

        if (!dial->is_taken || dial->pid != 0 || d->fds[at++].revents == 0)
            continue;
        dialer_finish(&dial->out, 0);
        dial->is_taken = false;
        err = conclude(d, dial->id, &dial->out);
    }
    return err == SP_ECLOSED ? err : SP_OK;
}

/* Answer for every child that ended without having answered. */
static enum sp_err reap(struct dialer *d)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct dial *ended = find_dial(d, pid);
        enum sp_err err = SP_OK;

        if (ended == NULL)
            continue;
        struct dial was = *ended;
        *ended = (struct dial){0};
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            continue;
        if (was.overdue)
            err = answer_failed(d, was.id, IPC_DIAL_TIMEOUT, ETIMEDOUT);
        else
            err = answer_failed(d, was.id, IPC_DIAL_FAILED, 0);
        if (err == SP_ECLOSED)
            return err;
    }
    return SP_OK;
}

/* End what is overdue. Returns the milliseconds until the next child will be, or -1. */
static int end_overdue(struct dialer *d, int64_t now_ms)
{
    int64_t next_ms = -1;

    for (uint32_t i = 0; i < d->dials_max; i++) {
        struct dial *dial = &d->dials[i];

        if (!dial->is_taken || dial->overdue)
            continue;
        if (dial->kill_ms <= now_ms && dial->pid == 0) {
            dialer_finish(&dial->out, ETIMEDOUT);
            dial->is_taken = false;
            sp_ignore(conclude(d, dial->id, &dial->out)); /* poll tells if keeper is gone */
        } else if (dial->kill_ms <= now_ms) {
            dial->overdue = true;
            kill(dial->pid, SIGKILL);
        } else if (next_ms < 0 || dial->kill_ms < next_ms) {
            next_ms = dial->kill_ms;
        }
    }
    return next_ms < 0 ? -1 : clock_left_ms(next_ms);
}

/* Errors: SP_ECLOSED keeper is gone */
static enum sp_err on_keeper(struct dialer *d)
{
    struct ipc_in in;
    struct ipc_dial msg;
    enum sp_err err = ipc_recv(d->keeper_fd, &in, 0);

    if (err != SP_OK)
        return err == SP_ECLOSED ? err : SP_OK;
    bool is_dial = in.msg.head.type == IPC_DIAL && in.size == sizeof(msg);
    memcpy(&msg, in.msg.bytes, sizeof(msg));
    ipc_in_clear(&in);
    if (!is_dial)
        return SP_OK;
    err = start_dial(d, &msg);
    return err == SP_ECLOSED ? err : SP_OK;
}

/* Returns the error that ended the loop; SP_ECLOSED: keeper is gone. */
static enum sp_err dialer_loop(struct dialer *d)
{
    for (;;) {
        int timeout_ms = end_overdue(d, clock_now_ms());
        size_t count = gather(d);

        if (sigchld_wait(d->fds, count, timeout_ms) < 0)
            return SP_ESYS;
        enum sp_err err = take_connected(d, count); /* first, since it makes room */
        if (err == SP_OK)
            err = reap(d);
        if (err == SP_OK && d->fds[0].revents != 0)
            err = on_keeper(d);
        if (err != SP_OK)
            return err;
    }
}

static enum sp_err dialer_start(struct dialer *d, struct sp_fail *fail)
{
    static struct boot_config config; /* with its PEM too large for a stack */
    SP_FREE char *ca = NULL;
    enum sp_err err = boot_read(BOOT_FD_CONFIG, &config, &ca);

    if (err != SP_OK)
        return sp_fail_set(fail, err, "boot", (uint32_t)errno, 0);
    err = helper_begin("dialer", config.uid, config.gid, fail);
    if (err != SP_OK)
        return err;
    if (config.dials_max == 0 || config.dials_max > DIALS_MAX)
        return sp_fail_set(fail, SP_ELIMIT, "dials_max", config.dials_max, DIALS_MAX);
    *d = (struct dialer){.keeper_fd = BOOT_FD_KEEPER,
                         .dials_max = config.dials_max,
                         .listener_count = config.listener_count};
    memcpy(d->listeners, config.listeners, sizeof(d->listeners));
    d->dials = calloc(d->dials_max, sizeof(*d->dials));
    d->fds = calloc((size_t)d->dials_max + 1, sizeof(*d->fds));
    if (d->dials == NULL || d->fds == NULL || sigchld_begin() != SP_OK)
        return sp_fail_set(fail, SP_ESYS, "dials", (uint32_t)errno, d->dials_max);
    return sandbox_enter(SANDBOX_DIALER, fail);
}

int dialer_main(void)
{
    struct dialer dialer;
    struct sp_fail fail = {0};
    enum sp_err err = dialer_start(&dialer, &fail);

    if (err != SP_OK) {
        helper_log_fail("cannot start", err, &fail);
        return 1;
    }
    err = dialer_loop(&dialer);
    if (err == SP_ECLOSED)
        return 0;
    helper_log("ended: code=%s errno=%d", sp_err_name(err), errno);
    return 1;
}
