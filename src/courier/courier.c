/* SPDX-License-Identifier: Apache-2.0
 * The process that carries events to webhooks: its start, its loop, and what it says to keeper.
 */
#include "courier/courier.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/clock.h"
#include "base/helper_life.h"
#include "base/ipc_msg.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "courier/courier_priv.h"

#define KEEPER_PATIENCE_MS 5000
#define SPOOL_FIRST        32   /* events taken in before anything else is looked at */
#define DRAIN_MOST         1000 /* … so many times when keeper has gone              */

static struct courier_settings settings;
static struct spool spool;

enum sp_err courier_news(enum ipc_courier_news_kind kind, const uint8_t *hook, const char *why)
{
    struct ipc_courier_news msg;

    memset(&msg, 0, sizeof(msg));
    msg.kind = kind;
    memcpy(msg.hook, hook, sizeof(msg.hook));
    snprintf(msg.why, sizeof(msg.why), "%s", why);
    for (char *c = msg.why; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7E)
            *c = '?';
    return ipc_send(BOOT_FD_KEEPER, IPC_COURIER_NEWS, &msg, sizeof(msg), NULL, 0,
                    clock_now_ms() + KEEPER_PATIENCE_MS);
}

static bool is_ours(const uint8_t *hook)
{
    for (size_t i = 0; i < settings.boot.hook_count; i++)
        if (memcmp(settings.boot.hooks[i].id, hook, IPC_COURIER_HOOK_SIZE) == 0)
            return true;
    return false;
}

/* Nothing is said to be taken before it is durable. */
static enum sp_err take(const struct ipc_courier_event *event)
{
    struct ipc_courier_taken answer;
    enum sp_err err = is_ours(event->hook) ? spool_put(&spool, event) : SP_ESTATE;

    memset(&answer, 0, sizeof(answer));
    answer.number = event->number;
    answer.is_refused = err != SP_OK;
    if (err == SP_ESYS)
        snprintf(answer.why, sizeof(answer.why), "the spool cannot be written: %s",
                 strerror(errno));
    else if (err != SP_OK)
        snprintf(answer.why, sizeof(answer.why), "%s",
                 err == SP_ELIMIT   ? "the spool is full"
                 : err == SP_ESTATE ? "the webhook is not configured any more"
                                    : "the event is too long");
    else
        deliver_look();
    return ipc_send(BOOT_FD_KEEPER, IPC_COURIER_TAKEN, &answer, sizeof(answer), NULL, 0,
                    clock_now_ms() + KEEPER_PATIENCE_MS);
}

/* What is in the channel when keeper closes it is spooled before we see the end. */
static enum sp_err on_keeper(void)
{
    static struct ipc_in in;
    static struct ipc_courier_event event;
    enum sp_err err = SP_OK;

    for (int i = 0; i < SPOOL_FIRST && err == SP_OK; i++) {
        err = ipc_recv(BOOT_FD_KEEPER, &in, 0);
        if (err != SP_OK)
            break;
        if (in.msg.head.type == IPC_RETIRE) {
            deliver_retire();
        } else if (in.msg.head.type == IPC_COURIER_EVENT && in.size == sizeof(event)) {
            memcpy(&event, in.msg.bytes, sizeof(event));
            err = take(&event);
            /* keeper has closed its end, or ends: the event is in the spool all the same. */
            if (err == SP_ECLOSED)
                err = SP_OK;
        }
        ipc_in_clear(&in);
    }
    return err == SP_ETIME ? SP_OK : err;
}

static enum sp_err loop(void)
{
    struct pollfd fds[BOOT_COURIER_HOOKS_MAX + 1];
    int wait_ms = 0;

    for (;;) {
        fds[BOOT_COURIER_HOOKS_MAX] = (struct pollfd){.fd = BOOT_FD_KEEPER, .events = POLLIN};
        deliver_poll(fds);
        if (poll(fds, BOOT_COURIER_HOOKS_MAX + 1, wait_ms) < 0) {
            if (errno != EINTR)
                return SP_ESYS;
            continue;
        }
        enum sp_err err = fds[BOOT_COURIER_HOOKS_MAX].revents != 0 ? on_keeper() : SP_OK;
        if (err == SP_OK)
            err = deliver_step(fds, &wait_ms);
        if (err == SP_OK)
            continue;
        /* Keeper has closed: what it had said before is still taken in. */
        for (int i = 0; i < DRAIN_MOST && err == SP_ECLOSED && on_keeper() == SP_OK; i++)
            continue;
        return err;
    }
}

static enum sp_err read_settings(struct sp_fail *f)
{
    struct boot_courier *b = &settings.boot;

    if (pread(BOOT_FD_CONFIG, b, sizeof(*b), 0) != (ssize_t)sizeof(*b) ||
        b->magic != BOOT_COURIER_MAGIC || b->size != sizeof(*b) || b->ca_size > BOOT_CA_MAX ||
        b->hook_count > BOOT_COURIER_HOOKS_MAX)
        return sp_fail_set(f, SP_EVALUE, "boot", b->size, sizeof(*b));
    settings.ca = calloc(1, (size_t)b->ca_size + 1);
    if (settings.ca == NULL ||
        pread(BOOT_FD_CONFIG, settings.ca, b->ca_size, sizeof(*b)) != (ssize_t)b->ca_size)
        return sp_fail_set(f, SP_ESHORT, "boot", b->ca_size, 0);
    close(BOOT_FD_CONFIG); /* a child must not read the secrets there */
    return SP_OK;
}

static enum sp_err begin(struct sp_fail *f)
{
    enum sp_err err = read_settings(f);

    if (err == SP_OK)
        err = helper_begin("courier", settings.boot.uid, settings.boot.gid, f);
    if (err == SP_OK)
        err = spool_open(&spool, BOOT_FD_SPOOL, f);
    if (err == SP_OK)
        err = post_begin(f);
    if (err == SP_OK)
        deliver_begin(&settings, &spool);
    return err == SP_OK ? sandbox_enter(SANDBOX_COURIER, f) : err;
}

int courier_main(void)
{
    struct sp_fail f = {0};
    enum sp_err err = begin(&f);

    if (err != SP_OK) {
        helper_log_fail("cannot start", err, &f);
        return 1;
    }
    err = loop();
    if (err == SP_ECLOSED)
        return 0;
    helper_log("ended: code=%s errno=%d", sp_err_name(err), errno);
    return 1;
}
