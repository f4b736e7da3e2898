/* SPDX-License-Identifier: Apache-2.0
 * session_main of an attacker: reads one line, tries that, and reports if it is still alive.
 *
 *   "probe NAME [ARG]\n"  →  what the probe says, then "ok" | "denied ERRNO" | "ended" | "refused"
 * | "unknown", or no word "list\n"              →  every probe's name, a line each
 */
#include "evil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(int fd, const char *text)
{
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* One line, without its end. */
static int hear_line(int fd, char *line, size_t size)
{
    for (size_t used = 0; used + 1 < size; used++) {
        if (recv(fd, line + used, 1, 0) != 1)
            return 0;
        if (line[used] == '\n') {
            line[used] = '\0';
            return 1;
        }
    }
    return 0;
}

static void list(int fd)
{
    const struct evil_probe *groups[] = {evil_tricks, evil_misuse, evil_logins};
    char line[64];

    for (size_t i = 0; evil_call_name(i) != NULL; i++) {
        (void)snprintf(line, sizeof(line), "%s\n", evil_call_name(i));
        say(fd, line);
    }
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct evil_probe *p = groups[g]; p->name != NULL; p++) {
            (void)snprintf(line, sizeof(line), "%s\n", p->name);
            say(fd, line);
        }
    }
}

static int run(const struct session_start *start, const char *name, enum evil_result *result)
{
    const struct evil_probe *groups[] = {evil_tricks, evil_misuse, evil_logins};

    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct evil_probe *p = groups[g]; p->name != NULL; p++) {
            if (strcmp(p->name, name) != 0)
                continue;
            *result = p->run(start);
            return 1;
        }
    }
    return evil_call(name, result);
}

static void probe(const struct session_start *start, char *name)
{
    char *arg = strchr(name, ' ');
    enum evil_result result;
    char line[32];

    if (arg != NULL) {
        *arg = '\0';
        (void)snprintf(evil_arg.text, sizeof(evil_arg.text), "%s", arg + 1);
        evil_arg.number = strtol(arg + 1, NULL, 10);
    }
    errno = 0;
    if (!run(start, name, &result)) {
        say(start->client_fd, "unknown\n");
        return;
    }
    switch (result) {
    case EVIL_OK:
        (void)snprintf(line, sizeof(line), "ok\n");
        break;
    case EVIL_DENIED:
        (void)snprintf(line, sizeof(line), "denied %d\n", errno);
        break;
    case EVIL_ENDED:
        (void)snprintf(line, sizeof(line), "ended\n");
        break;
    case EVIL_REFUSED:
        (void)snprintf(line, sizeof(line), "refused\n");
        break;
    }
    say(start->client_fd, line);
}

void session_main(const struct session_start *start)
{
    char line[300];

    /* The door's sockets do not block; we wait. */
    (void)fcntl(start->client_fd, F_SETFL, 0);
    if (!hear_line(start->client_fd, line, sizeof(line)))
        return;
    if (strcmp(line, "list") == 0)
        list(start->client_fd);
    else if (strncmp(line, "probe ", 6) == 0)
        probe(start, line + 6);
    /* The tester closes first: a reset would overtake our words. */
    (void)shutdown(start->client_fd, SHUT_WR);
    (void)recv(start->client_fd, line, sizeof(line), 0);
}
