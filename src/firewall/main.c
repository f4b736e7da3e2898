/* SPDX-License-Identifier: Apache-2.0
 * sallyport-firewall: the one process that may change the kernel's packet filter, and nothing else.
 *
 * Keeper starts it before it gives up root. It keeps CAP_NET_ADMIN alone, and starts its worker
 * again when that dies, since keeper could not give it the capability a second time. It ends with
 * keeper, and reads nothing itself.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/sandbox.h"
#include "firewall/worker.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   5000
#define PAUSE_STEADY_S 10 /* who lived so long is started again at once */

static int complain(const char *what)
{
    fprintf(stderr, "sallyport firewall: %s: %s\n", what, strerror(errno));
    return 1;
}

/* Become somebody else with CAP_NET_ADMIN and no other right. */
static const char *drop(unsigned long uid, unsigned long gid)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{0}};

    sets[0].permitted = sets[0].effective = 1u << CAP_NET_ADMIN;
    if (geteuid() == 0 && uid != 0) {
        if (prctl(PR_SET_KEEPCAPS, 1) != 0 || setgroups(0, NULL) != 0)
            return "setgroups";
        if (setresgid((gid_t)gid, (gid_t)gid, (gid_t)gid) != 0)
            return "setresgid";
        if (setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) != 0)
            return "setresuid";
    }
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1; cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* best effort, as no new privileges follow */
    if (syscall(SYS_capset, &head, sets) != 0)
        return "CAP_NET_ADMIN";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return "prctl";
    return NULL;
}

static bool keeper_is_gone(void)
{
    struct pollfd p = {.fd = BOOT_FD_KEEPER};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static int run_worker(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return 1;
    prctl(PR_SET_NAME, "sp-firewall-w");
    return firewall_worker(BOOT_FD_KEEPER);
}

static int watch(void)
{
    long pause_ms = PAUSE_FIRST_MS;
    pid_t self = getpid();

    while (!keeper_is_gone()) {
        time_t started = time(NULL);
        pid_t worker = fork();

        if (worker == 0)
            _exit(run_worker(self));
        while (worker > 0 && waitpid(worker, NULL, 0) < 0 && errno == EINTR)
            ;
        if (time(NULL) - started >= PAUSE_STEADY_S)
            pause_ms = PAUSE_FIRST_MS;
        const struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000};
        nanosleep(&pause, NULL);
        pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const int keep[] = {BOOT_FD_KEEPER};

    if (argc != 3) {
        fputs(
            "sallyport-firewall is a part of the service, which starts it; use: sallyport serve\n",
            stderr);
        return 2;
    }
    prctl(PR_SET_NAME, "sp-firewall");
    sandbox_close_except(STDERR_FILENO + 1, keep, 1);
    const char *bad = drop(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10));
    if (bad != NULL)
        return complain(bad);
    return watch();
}
