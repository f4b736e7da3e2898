/* SPDX-License-Identifier: Apache-2.0
 * How a helper process is born, how it dies with keeper, and how it logs.
 */
#include "base/helper_life.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/sandbox.h"

static const char *helper_name = "helper";

/* True if the other end of keeper's channel is closed. */
static bool keeper_gone(void)
{
    struct pollfd p = {.fd = BOOT_FD_KEEPER, .events = 0};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static enum sp_err ignore_group_signals(struct sp_fail *fail)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction action = {.sa_handler = SIG_IGN};

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (sigaction(ignored[i], &action, NULL) != 0)
            return sp_fail_set(fail, SP_ESYS, "sigaction", (uint32_t)errno, 0);
    }
    return SP_OK;
}

enum sp_err helper_begin(const char *name, uint32_t uid, uint32_t gid, struct sp_fail *fail)
{
    pid_t parent = getppid();
    char title[16];

    helper_name = name;
    snprintf(title, sizeof(title), "sp-%s", name);
    if (prctl(PR_SET_NAME, title) != 0)
        return sp_fail_set(fail, SP_ESYS, "PR_SET_NAME", (uint32_t)errno, 0);
    enum sp_err err = ignore_group_signals(fail);
    if (err == SP_OK)
        err = sandbox_drop_identity(uid, gid, fail);
    if (err != SP_OK)
        return err;
    /* After the change of identity, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return sp_fail_set(fail, SP_ESYS, "PR_SET_PDEATHSIG", (uint32_t)errno, 0);
    /* keeper may have died before the signal was asked for. */
    if (getppid() != parent || keeper_gone())
        return sp_fail_set(fail, SP_ECLOSED, "keeper", 0, 0);
    return SP_OK;
}

void helper_log(const char *format, ...)
{
    char text[200];
    char line[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    int size = snprintf(line, sizeof(line), "sallyport %s: %s\n", helper_name, text);
    /* Not dprintf: it seeks, which not every sandbox allows. A log that is full or gone is no
     * reason to stop. */
    if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0)
        return;
}

void helper_log_fail(const char *what, enum sp_err err, const struct sp_fail *fail)
{
    helper_log("%s: code=%s where=%s got=%u want=%u", what, sp_err_name(err),
               fail->where != NULL ? fail->where : "-", fail->got, fail->want);
}
