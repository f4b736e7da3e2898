/* SPDX-License-Identifier: Apache-2.0
 * Telling the service manager how we are: sd_notify(3)'s protocol over NOTIFY_SOCKET.
 */
#include "keeper/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/mem.h"

void notify_say(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = path != NULL ? strlen(path) : 0;

    if (size < 2 || size >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, size);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* the kernel's way to write an abstract name */
    SP_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody there or a full queue: the manager has its own timeouts. */
    if (fd >= 0)
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
}

void notify_reloading(void)
{
    char text[96];

    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_now_ms() * 1000);
    notify_say(text);
}

void notify_main_pid(pid_t pid)
{
    char text[64];

    snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1", (int)pid);
    notify_say(text);
}
