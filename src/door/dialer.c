/* SPDX-License-Identifier: Apache-2.0
 * The process that resolves and connects to the targets that keeper names: parent and children.
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
    pid_t pid; /* 0 = free */
    uint64_t id;
    int64_t kill_ms;
    bool overdue; /* killed by us */
};

struct dialer {
    int keeper_fd;
    uint32_t dials_max;
    struct dial *dials;
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
static _Noreturn void child_main(const struct dialer *d, const struct ipc_dial *msg,
                                 int64_t deadline_ms)
{
    int keep[] = {d->keeper_fd};
    struct dialer_request request = {.host = msg->host,
                                     .port = msg->port,
                                     .deadline_ms = deadline_ms,
                                     .listeners = d->listeners,
                                     .listener_count = d->listener_count};
    struct dialer_answer a;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigchld_forget();
    sandbox_close_except(BOOT_FD_KEEPER, keep, 1);
    dialer_connect(&request, &a);
    _exit(answer(d, msg->id, &a) == SP_OK ? 0 : 1);
}

static struct dial *find_dial(struct dialer *d, pid_t pid)
{
    for (uint32_t i = 0; i < d->dials_max; i++) {
        if (d->dials[i].pid == pid)
            return &d->dials[i];
    }
    return NULL;
}

static enum sp_err start_dial(struct dialer *d, const struct ipc_dial *msg)
{
    struct dial *free_dial = find_dial(d, 0);
    int64_t deadline_ms = clock_now_ms() + msg->timeout_ms;

    if (msg->timeout_ms == 0 || msg->timeout_ms > TIMEOUT_MAX_MS)
        return answer_failed(d, msg->id, IPC_DIAL_FAILED, EINVAL);
    if (free_dial == NULL)
        return answer_failed(d, msg->id, IPC_DIAL_FAILED, EAGAIN);
    pid_t pid = fork();
    if (pid < 0) {
        int saved = errno;

        helper_log("cannot dial: fork: errno=%d", saved);
        return answer_failed(d, msg->id, IPC_DIAL_FAILED, saved);
    }
    if (pid == 0)
        child_main(d, msg, deadline_ms);
    *free_dial = (struct dial){.pid = pid, .id = msg->id, .kill_ms = deadline_ms + GRACE_MS};
    return SP_OK;
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

        if (dial->pid == 0 || dial->overdue)
            continue;
        if (dial->kill_ms <= now_ms) {
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
        struct pollfd fds[1] = {{.fd = d->keeper_fd, .events = POLLIN}};

        if (sigchld_wait(fds, 1, end_overdue(d, clock_now_ms())) < 0)
            return SP_ESYS;
        enum sp_err err = reap(d); /* first, since it makes room */
        if (err == SP_OK && fds[0].revents != 0)
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
    if (d->dials == NULL || sigchld_begin() != SP_OK)
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
