/* SPDX-License-Identifier: Apache-2.0
 * The line to the running service: one JSON question, one JSON answer, over its Unix socket.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "keeper/config.h"

#define WAIT_SECONDS 20 /* a reload waits for new helper processes */
#define MESSAGE_SIZE 1024

static const char *remedy_of(int error)
{
    switch (error) {
    case ENOENT:
        return "the service is not running, or its socket is elsewhere; start it, or name the "
               "socket with -s";
    case ECONNREFUSED:
        return "the service is not running; start it with: sallyport serve";
    case EACCES:
    case EPERM:
        return "only root and the service's own account may ask; use sudo";
    default:
        return "look into the service's log";
    }
}

/* Where the service listens: -s, or what the configuration says. */
static bool find_socket(const struct cli_options *options, char out[CONFIG_SOCKET_SIZE])
{
    char error[CONFIG_ERROR_SIZE];
    struct config *config = NULL;
    const char *path = options->config != NULL ? options->config : CLI_CONFIG_DEFAULT;

    if (options->socket != NULL) {
        if (strlen(options->socket) >= CONFIG_SOCKET_SIZE) {
            cli_complain(options, "the socket's path is longer than 107 bytes; use a shorter one");
            return false;
        }
        snprintf(out, CONFIG_SOCKET_SIZE, "%s", options->socket);
        return true;
    }
    if (config_load(path, &config, error, sizeof(error)) != SP_OK) {
        size_t n = strlen(error);

        snprintf(error + n, sizeof(error) - n, "; or name the service's socket with -s");
        cli_complain(options, error);
        return false;
    }
    snprintf(out, CONFIG_SOCKET_SIZE, "%s", config->control_socket);
    config_free(config);
    return true;
}

static void complain_errno(const struct cli_options *options, const char *what, const char *path,
                           int error)
{
    char shown[MESSAGE_SIZE / 2], message[MESSAGE_SIZE];

    text_escape(path, shown, sizeof(shown));
    snprintf(message, sizeof(message), "%s %s: %s; %s", what, shown,
             error == EAGAIN ? "no answer within 20 seconds" : strerror(error), remedy_of(error));
    cli_complain(options, message);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = WAIT_SECONDS};
    SP_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return -1;
    return sp_fd_take(&fd);
}

bool cli_control_is_answered(const char *path)
{
    SP_FD fd = connect_to(path);

    return fd >= 0;
}

static bool send_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

/* Read up to the first line end into heap text; NULL with errno if none came. */
static char *receive_line(int fd)
{
    size_t room = 65536, used = 0;
    char *text = malloc(room);

    SP_BUG(text == NULL);
    for (;;) {
        ssize_t n = recv(fd, text + used, room - used - 1, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ECONNRESET : errno;
            break;
        }
        char *end = memchr(text + used, '\n', (size_t)n);
        used += (size_t)n;
        if (end != NULL) {
            *end = '\0';
            return text;
        }
        if (used + 1 < room)
            continue;
        errno = EMSGSIZE;
        if (room >= CLI_ANSWER_MAX)
            break;
        char *grown = realloc(text, room * 2);
        SP_BUG(grown == NULL);
        text = grown;
        room *= 2;
    }
    int saved = errno;
    free(text);
    errno = saved;
    return NULL;
}

static json_t *exchange(const struct cli_options *options, const char *path, const char *line)
{
    SP_FD fd = connect_to(path);

    if (fd < 0) {
        complain_errno(options, "cannot reach the service at", path, errno);
        return NULL;
    }
    SP_FREE char *text = NULL;
    if (send_all(fd, line, strlen(line)) && send_all(fd, "\n", 1))
        text = receive_line(fd);
    if (text == NULL) {
        complain_errno(options, "no answer from the service at", path, errno);
        return NULL;
    }
    json_t *answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(answer) || !json_is_boolean(json_object_get(answer, "ok"))) {
        json_decref(answer);
        cli_complain(options, "the answer is not Sallyport's; is this the right socket?");
        return NULL;
    }
    return answer;
}

json_t *cli_control_ask(const struct cli_options *options, json_t *question)
{
    char path[CONFIG_SOCKET_SIZE], shown[MESSAGE_SIZE / 2], message[MESSAGE_SIZE];
    SP_FREE char *line = json_dumps(question, JSON_COMPACT);
    json_t *answer = NULL;

    json_decref(question);
    SP_BUG(line == NULL);
    if (find_socket(options, path))
        answer = exchange(options, path, line);
    if (answer == NULL || json_is_true(json_object_get(answer, "ok")))
        return answer;
    const char *why = json_string_value(json_object_get(answer, "error"));
    text_escape(why != NULL ? why : "no reason given", shown, sizeof(shown));
    snprintf(message, sizeof(message), "the service refused: %s", shown);
    cli_complain(options, message);
    json_decref(answer);
    return NULL;
}
