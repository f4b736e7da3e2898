/* SPDX-License-Identifier: Apache-2.0
 * Fuzz a whole session, both legs, over socket pairs, from the first byte to the last (PRE-04).
 *
 * The session's own code runs, session.c included, with these seams: TLS is left out, so that what
 * the fuzzer writes is what the session reads; there is no sandbox; the wall clock stands still,
 * and a wait in which nothing comes is over after IDLE_MS, as if its whole time had passed. A
 * thread plays keeper: its challenge and its session key are zeros, and each proof is right, so
 * that a recorded exchange fits again and the binding to the TLS key is still checked.
 *
 * Input: 16 bits, big-endian: the top one says that the target hangs up after its last byte, the
 * others how many bytes are the client's, who always does; the rest is the target's.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "back/back.h"
#include "base/stream.h"

static enum sp_err no_tls(struct stream *s, SSL_CTX *context)
{
    (void)s;
    (void)context;
    return SP_OK;
}

static enum sp_err no_target_tls(struct back *b, SSL_CTX *context,
                                 const struct ipc_decide_rsp *decision, uint32_t *errinfo)
{
    static const uint8_t sha256[32];

    (void)context;
    (void)decision;
    return keeper_certificate(b->stream.keeper, sha256, sha256, true, errinfo);
}

#define stream_tls_accept             no_tls
#define back_tls                      no_target_tls
#define sandbox_session_authenticated no_sandbox
static void no_sandbox(void)
{
}
#include "session/session.c"

#define INPUT_MAX 16384 /* of each leg: it must fit into a socket's buffer at once */
#define TIME_US   1700000000000000
#define IDLE_MS   30

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int64_t __wrap_clock_wall_us(void);
int64_t __wrap_clock_now_ms(void);
int64_t __real_clock_now_ms(void);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

int64_t __wrap_clock_wall_us(void)
{
    return TIME_US;
}

static _Thread_local int64_t skipped_ms;
static _Thread_local bool is_keeper;

int64_t __wrap_clock_now_ms(void)
{
    return __real_clock_now_ms() + skipped_ms;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (is_keeper || timeout_ms <= IDLE_MS)
        return __real_poll(fds, count, timeout_ms);
    int n = __real_poll(fds, count, IDLE_MS);
    if (n == 0)
        skipped_ms += timeout_ms;
    return n;
}

/* --- keeper ------------------------------------------------------------------------------------
 */

struct keeper {
    int fd, target_fd;
    bool is_decided, is_verified;
};

union answer {
    struct ipc_challenge_rsp challenge;
    struct ipc_verify_rsp verify;
    struct ipc_decide_rsp decide;
    struct ipc_connect_rsp connect;
    struct ipc_status_rsp status;
    struct ipc_clear_rsp clear;
};

/* Answer one verb. Returns false if the session said what keeper would end it for. */
static bool answer(struct keeper *k, const struct ipc_in *in)
{
    static const uint8_t user[] = {'w', 0};
    static union answer out;
    uint32_t type = in->msg.head.type + 1;
    size_t size, fds = 0;

    memset(&out, 0, sizeof(out));
    switch (in->msg.head.type) {
    case IPC_NOTE:
    case IPC_TRANSFER:
        return true;
    case IPC_CHALLENGE_REQ:
        size = sizeof(out.challenge);
        break;
    case IPC_VERIFY_REQ:
        k->is_verified = true;
        size = sizeof(out.verify);
        break;
    case IPC_DECIDE_REQ:
        SP_BUG(!k->is_verified);
        k->is_decided = true;
        out.decide.nla = IPC_NLA_OFF;
        out.decide.tls_min = 0x0303;
        out.decide.user_size = sizeof(user);
        memcpy(out.decide.user, user, sizeof(user));
        size = sizeof(out.decide);
        break;
    case IPC_CONNECT_REQ:
        SP_BUG(!k->is_decided || k->target_fd < 0);
        size = sizeof(out.connect);
        fds = 1;
        break;
    case IPC_CERTIFICATE_REQ:
        size = sizeof(out.status);
        break;
    case IPC_CLEAR_REQ:
        size = sizeof(out.clear);
        break;
    default:
        return false; /* NLA towards the target, redirection and licences end here */
    }
    bool sent = ipc_send(k->fd, type, &out, size, &k->target_fd, fds, 0) == SP_OK;
    if (fds > 0) {
        close(k->target_fd);
        k->target_fd = -1;
    }
    return sent;
}

static void *play_keeper(void *arg)
{
    static struct ipc_in in;
    struct keeper *k = arg;

    is_keeper = true;
    while (ipc_recv(k->fd, &in, clock_now_ms() + 60000) == SP_OK && answer(k, &in))
        ipc_in_clear(&in);
    close(k->fd);
    return NULL;
}

/* --- one connection -----------------------------------------------------------------------------
 */

/* A peer that has said all it will: its end, and in *ours the session's. */
static int peer(const uint8_t *data, size_t size, bool hangs_up, int *ours)
{
    int pair[2], room = 1 << 20;

    SP_BUG(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0);
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    SP_BUG(size > 0 && send(pair[0], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size);
    if (hangs_up)
        shutdown(pair[0], SHUT_WR);
    *ours = pair[1];
    return pair[0];
}

static void dump(int client)
{
    const char *path = getenv("SP_HANDSHAKE_ANSWERS"); /* for make_seeds_handshake.py */
    static uint8_t said[1 << 16];
    ssize_t n = recv(client, said, sizeof(said), MSG_DONTWAIT);
    FILE *f = path != NULL ? fopen(path, "we") : NULL;

    if (f != NULL && n > 0)
        (void)fwrite(said, 1, (size_t)n, f);
    if (f != NULL)
        fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t public_key[] = "the key of a certificate that is not there";
    struct session_start start = {.authenticate_ms = 5000,
                                  .public_key = public_key,
                                  .public_key_size = sizeof(public_key) - 1};
    struct keeper keeper = {0};
    pthread_t thread;
    int link[2];

    if (size < 2)
        return 0;
    size_t first = (size_t)(data[0] & 0x7f) << 8 | data[1], rest = size - 2;
    first = first > rest ? rest : first;
    if (first > INPUT_MAX || rest - first > INPUT_MAX)
        return 0;
    int client = peer(data + 2, first, true, &start.client_fd);
    int target = peer(data + 2 + first, rest - first, (data[0] & 0x80) != 0, &keeper.target_fd);
    SP_BUG(ipc_pair(link) != SP_OK);
    start.keeper_fd = link[0];
    keeper.fd = link[1];
    start.life_fd = fcntl(link[0], F_DUPFD_CLOEXEC, 100);
    SP_BUG(pthread_create(&thread, NULL, play_keeper, &keeper) != 0);
    memset(&the_session, 0, sizeof(the_session));
    session_main(&start);
    close(start.keeper_fd);
    close(start.life_fd); /* gone already if the person was proven: its number is nobody's */
    pthread_join(thread, NULL);
    if (keeper.target_fd >= 0)
        close(keeper.target_fd);
    dump(client);
    close(client);
    close(target);
    return 0;
}
