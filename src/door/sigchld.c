/* SPDX-License-Identifier: Apache-2.0
 * Waiting for messages and for the ends of children at once, without a race between the two.
 */
#include "door/sigchld.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

/* Its only effect is that ppoll returns. */
static void on_child(int number)
{
    (void)number;
}

enum sp_err sigchld_begin(void)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || sigaction(SIGCHLD, &action, NULL) != 0)
        return SP_ESYS;
    return SP_OK;
}

int sigchld_wait(struct pollfd *fds, size_t count, int timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                               .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    sigset_t awake;

    sigprocmask(SIG_BLOCK, NULL, &awake);
    sigdelset(&awake, SIGCHLD);
    int n = ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, &awake);
    if (n >= 0 || errno != EINTR)
        return n;
    for (size_t i = 0; i < count; i++)
        fds[i].revents = 0;
    return 0;
}

void sigchld_forget(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;

    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
