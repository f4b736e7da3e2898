/* SPDX-License-Identifier: Apache-2.0
 * The words between two keepers, of which one takes over from the other.
 */
#include "keeper/takeover.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define WORD_MS 5000

static_assert(sizeof(struct takeover_begin) == 20 + CONFIG_PATH_SIZE + CONFIG_SOCKET_SIZE,
              "no hidden padding");
static_assert(sizeof(struct takeover_socket) == 32, "no hidden padding");

enum sp_err takeover_give(int channel, struct takeover_begin *begin,
                          const struct load_socket *sockets, size_t socket_count, int control_fd)
{
    int64_t until_ms = clock_now_ms() + WORD_MS;

    begin->version = TAKEOVER_VERSION;
    begin->socket_count = (uint32_t)socket_count;
    enum sp_err err = ipc_send(channel, TAKEOVER_BEGIN, begin, sizeof(*begin), NULL, 0, until_ms);
    for (size_t i = 0; err == SP_OK && i < socket_count; i++) {
        struct takeover_socket msg = {.port = sockets[i].address.port};

        memcpy(msg.ip, sockets[i].address.ip, sizeof(msg.ip));
        err = ipc_send(channel, TAKEOVER_SOCKET, &msg, sizeof(msg), &sockets[i].fd, 1, until_ms);
    }
    struct takeover_socket control = {.is_control = 1};
    if (err == SP_OK)
        err =
            ipc_send(channel, TAKEOVER_SOCKET, &control, sizeof(control), &control_fd, 1, until_ms);
    return err;
}

/* One message of exactly this type, size and number of descriptors. */
static enum sp_err expect(int channel, uint32_t type, void *out, size_t size, int *fd,
                          int64_t until_ms)
{
    struct ipc_in in;
    enum sp_err err = ipc_recv(channel, &in, until_ms);

    if (err != SP_OK)
        return err;
    if (in.msg.head.type != type || in.size != size || in.fd_count != (fd != NULL ? 1u : 0u)) {
        ipc_in_clear(&in);
        return SP_EVALUE;
    }
    memcpy(out, in.msg.bytes, size);
    if (fd != NULL)
        *fd = in.fds[0];
    return SP_OK;
}

static enum sp_err take_socket(int channel, struct takeover *out, int64_t until_ms)
{
    struct takeover_socket msg;
    int fd = -1;
    enum sp_err err = expect(channel, TAKEOVER_SOCKET, &msg, sizeof(msg), &fd, until_ms);

    if (err != SP_OK)
        return err;
    if (msg.is_control != 0) {
        sp_fd_cleanup(&out->control_fd);
        out->control_fd = fd;
        return SP_OK;
    }
    struct load_socket *s = &out->sockets[out->socket_count++];
    s->fd = fd;
    s->address = (struct boot_listener){.port = msg.port};
    memcpy(s->address.ip, msg.ip, sizeof(msg.ip));
    return SP_OK;
}

enum sp_err takeover_take(int channel, struct takeover *out)
{
    int64_t until_ms = clock_now_ms() + WORD_MS;

    *out = (struct takeover){.control_fd = -1};
    enum sp_err err =
        expect(channel, TAKEOVER_BEGIN, &out->begin, sizeof(out->begin), NULL, until_ms);
    if (err != SP_OK)
        return err;
    const struct takeover_begin *b = &out->begin;
    if (b->version != TAKEOVER_VERSION || b->socket_count > BOOT_LISTENERS_MAX ||
        memchr(b->config, '\0', sizeof(b->config)) == NULL ||
        memchr(b->control, '\0', sizeof(b->control)) == NULL)
        return SP_EVALUE;
    for (uint32_t i = 0; err == SP_OK && i <= b->socket_count; i++)
        err = take_socket(channel, out, until_ms);
    if (err == SP_OK && (out->control_fd < 0 || out->socket_count != b->socket_count))
        err = SP_EVALUE;
    return err;
}

void takeover_clear(struct takeover *t)
{
    for (size_t i = 0; i < t->socket_count; i++)
        sp_fd_cleanup(&t->sockets[i].fd);
    t->socket_count = 0;
    sp_fd_cleanup(&t->control_fd);
}

enum sp_err takeover_say(int channel, enum takeover_type type, uint32_t count)
{
    struct takeover_word msg = {.count = count};

    return ipc_send(channel, (uint32_t)type, &msg, sizeof(msg), NULL, 0, 0);
}

enum sp_err takeover_hear(int channel, enum takeover_type *type, uint32_t *count)
{
    struct ipc_in in;
    struct takeover_word msg;
    enum sp_err err = ipc_recv(channel, &in, 0);

    if (err != SP_OK)
        return err;
    bool is_good = in.size == sizeof(msg) && in.fd_count == 0 &&
                   in.msg.head.type >= TAKEOVER_READY && in.msg.head.type <= TAKEOVER_STOP;
    ipc_in_clear(&in);
    if (!is_good)
        return SP_EVALUE;
    memcpy(&msg, in.msg.bytes, sizeof(msg));
    *type = (enum takeover_type)msg.head.type;
    *count = msg.count;
    return SP_OK;
}
