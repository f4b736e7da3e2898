/* SPDX-License-Identifier: Apache-2.0
 * What keeper keeps of root: two capabilities, raised only while a configuration is read.
 */
#include "keeper/privilege.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP(n) (1u << (n))
/* Read root's files; open ports below 1024. */
#define KEPT (CAP(CAP_DAC_READ_SEARCH) | CAP(CAP_NET_BIND_SERVICE))

struct sets {
    struct __user_cap_data_struct half[2]; /* capabilities 0-31, 32-63 */
};

static bool get(struct sets *sets)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &head, sets->half) == 0;
}

static void set(const struct sets *sets)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    /* Less is never refused; where more is, a file or a port will be refused and say so. */
    (void)syscall(SYS_capset, &head, sets->half);
}

void privilege_keep(void)
{
    struct sets sets;

    /* Inheritable now, since the bounding set, which it may not exceed later, is about to go. */
    if (geteuid() != 0 || !get(&sets) || prctl(PR_SET_KEEPCAPS, 1) != 0)
        return;
    sets.half[0].inheritable = sets.half[0].permitted & KEPT;
    set(&sets);
}

void privilege_settle(void)
{
    struct sets sets;

    if (geteuid() == 0 || !get(&sets))
        return; /* root without a user to become: it stays what it is */
    sets.half[0].permitted &= KEPT;
    sets.half[0].inheritable &= sets.half[0].permitted;
    sets.half[0].effective = 0;
    sets.half[1] = (struct __user_cap_data_struct){0};
    set(&sets);
    prctl(PR_SET_KEEPCAPS, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

void privilege_raise(bool is_raised)
{
    struct sets sets;

    if (geteuid() == 0 || !get(&sets))
        return;
    sets.half[0].effective = is_raised ? sets.half[0].permitted & KEPT : 0;
    set(&sets);
}

void privilege_pass_on(void)
{
    struct sets sets;

    if (!get(&sets))
        return;
    for (unsigned long cap = 0; cap < 32; cap++) {
        if ((sets.half[0].inheritable & sets.half[0].permitted & KEPT & CAP(cap)) != 0)
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
    }
}
