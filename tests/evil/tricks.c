/* SPDX-License-Identifier: Apache-2.0
 * Probes of what a session holds or may partly do: its descriptors, its memory, other call tables.
 */
#include "evil.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/sandbox.h"

#define FDS 64

static enum evil_result outcome(long result)
{
    return result < 0 ? EVIL_DENIED : EVIL_OK;
}

/* Do one thing to every descriptor; it worked if it worked once. */
static enum evil_result on_all(long number, long a, long b, long c)
{
    enum evil_result result = EVIL_DENIED;

    for (long fd = 0; fd < FDS; fd++)
        if (syscall(number, fd, a, b, c) >= 0)
            result = EVIL_OK;
    return result;
}

static enum evil_result ftruncate_all(const struct session_start *start)
{
    (void)start;
    return on_all(SYS_ftruncate, 0, 0, 0);
}

static enum evil_result pwrite_all(const struct session_start *start)
{
    (void)start;
    return on_all(SYS_pwrite64, (long)"x", 1, 0);
}

static enum evil_result pread_all(const struct session_start *start)
{
    char byte;

    (void)start;
    return on_all(SYS_pread64, (long)&byte, 1, 0);
}

static enum evil_result fallocate_all(const struct session_start *start)
{
    (void)start;
    return on_all(SYS_fallocate, 0, 0, 1);
}

static enum evil_result fchmod_all(const struct session_start *start)
{
    (void)start;
    return on_all(SYS_fchmod, 0666, 0, 0);
}

static enum evil_result fchdir_all(const struct session_start *start)
{
    (void)start;
    return on_all(SYS_fchdir, 0, 0, 0);
}

static enum evil_result tiocsti_all(const struct session_start *start)
{
    (void)start;
    return on_all(SYS_ioctl, TIOCSTI, (long)"x", 0);
}

static enum evil_result ioctl_client(const struct session_start *start)
{
    int count;

    return outcome(ioctl(start->client_fd, FIONREAD, &count));
}

static enum evil_result dup_client(const struct session_start *start)
{
    return outcome(syscall(SYS_dup, start->client_fd));
}

static enum evil_result fcntl_dupfd(const struct session_start *start)
{
    return outcome(fcntl(start->client_fd, F_DUPFD, 100));
}

static enum evil_result fcntl_owner(const struct session_start *start)
{
    return outcome(fcntl(start->client_fd, F_SETOWN, 1));
}

static enum evil_result fcntl_lock(const struct session_start *start)
{
    struct flock lock = {.l_type = F_WRLCK};

    return outcome(fcntl(start->client_fd, F_SETLK, &lock));
}

static enum evil_result listen_client(const struct session_start *start)
{
    return outcome(syscall(SYS_listen, start->client_fd, 1));
}

static enum evil_result accept_client(const struct session_start *start)
{
    return outcome(syscall(SYS_accept4, start->client_fd, NULL, NULL, 0));
}

/* A connected TCP socket can be sent elsewhere by connecting it anew. */
static enum evil_result reconnect(const struct session_start *start, uint16_t family, uint32_t ip)
{
    struct sockaddr_in to = {
        .sin_family = family, .sin_port = htons(80), .sin_addr.s_addr = htonl(ip)};

    return outcome(syscall(SYS_connect, start->client_fd, &to, sizeof(to)));
}

static enum evil_result connect_loopback(const struct session_start *start)
{
    return reconnect(start, AF_INET, INADDR_LOOPBACK);
}

static enum evil_result connect_metadata(const struct session_start *start)
{
    return reconnect(start, AF_INET, 0xA9FEA9FE); /* 169.254.169.254 */
}

static enum evil_result disconnect(const struct session_start *start)
{
    return reconnect(start, AF_UNSPEC, 0);
}

static enum evil_result connect_abstract(const struct session_start *start)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0evil"};

    return outcome(syscall(SYS_connect, start->keeper_fd, &to, sizeof(to)));
}

static enum evil_result bind_client(const struct session_start *start)
{
    struct sockaddr_in to = {.sin_family = AF_INET};

    return outcome(syscall(SYS_bind, start->client_fd, &to, sizeof(to)));
}

static enum evil_result peer_credentials(const struct session_start *start)
{
    struct ucred who;
    socklen_t size = sizeof(who);

    return outcome(getsockopt(start->keeper_fd, SOL_SOCKET, SO_PEERCRED, &who, &size));
}

static enum evil_result peer_pidfd(const struct session_start *start)
{
    int fd;
    socklen_t size = sizeof(fd);

    return outcome(getsockopt(start->keeper_fd, SOL_SOCKET, 77 /* SO_PEERPIDFD */, &fd, &size));
}

static enum evil_result attach_filter(const struct session_start *start)
{
    return outcome(setsockopt(start->client_fd, SOL_SOCKET, SO_ATTACH_FILTER, "", 0));
}

static enum evil_result bind_to_device(const struct session_start *start)
{
    return outcome(setsockopt(start->client_fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
}

/* Claim to be somebody else towards keeper. */
static enum evil_result forge_credentials(const struct session_start *start)
{
    struct ucred who = {.pid = 1};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(who))];
    } control = {0};
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr mh = {.msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = sizeof(control.room)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_CREDENTIALS;
    c->cmsg_len = CMSG_LEN(sizeof(who));
    memcpy(CMSG_DATA(c), &who, sizeof(who));
    return outcome(sendmsg(start->keeper_fd, &mh, MSG_NOSIGNAL));
}

static enum evil_result much_memory(const struct session_start *start)
{
    (void)start;
    return malloc(512u * 1024 * 1024) == NULL ? EVIL_DENIED : EVIL_OK;
}

static enum evil_result make_memory_executable(const struct session_start *start)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)start;
    return outcome(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static enum evil_result jump_into_data(const struct session_start *start)
{
    static char code[] = "\xc3"; /* ret */
    void (*run)(void);
    char *p = code;

    (void)start;
    memcpy(&run, &p, sizeof(run));
    run();
    return EVIL_OK;
}

#if defined(__x86_64__)
static enum evil_result x32_getpid(const struct session_start *start)
{
    (void)start;
    return outcome(syscall(SYS_getpid | 0x40000000));
}

static enum evil_result x32_open(const struct session_start *start)
{
    (void)start;
    return outcome(syscall(2 | 0x40000000, "/etc/passwd", O_RDONLY));
}

/* The 32-bit table: 20 is getpid there, and writev here, which we may call. */
static enum evil_result int80(const struct session_start *start)
{
    long result = 20;

    (void)start;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return outcome(result);
}
#endif

static enum evil_result unknown_call(const struct session_start *start)
{
    (void)start;
    return outcome(syscall(9999));
}

static enum evil_result abort_self(const struct session_start *start)
{
    (void)start;
    abort();
}

static enum evil_result crash(const struct session_start *start)
{
    (void)start;
    (void)raise(SIGSEGV); /* tgkill with a signal that is not allowed */
    return EVIL_OK;
}

/* ---- what is allowed, so that the table of expectations is not all one word ---- */

static enum evil_result own_memory(const struct session_start *start)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)start;
    return p == MAP_FAILED ? EVIL_DENIED : EVIL_OK;
}

static enum evil_result more_cpu(const struct session_start *start)
{
    struct rlimit now;

    (void)start;
    sandbox_session_authenticated();
    if (getrlimit(RLIMIT_CPU, &now) != 0)
        return EVIL_DENIED;
    return now.rlim_cur == now.rlim_max ? EVIL_OK : EVIL_DENIED;
}

static enum evil_result non_blocking(const struct session_start *start)
{
    int flags = fcntl(start->client_fd, F_GETFL);

    return outcome(fcntl(start->client_fd, F_SETFL, flags | O_NONBLOCK));
}

const struct evil_probe evil_tricks[] = {
    {"ftruncate_all", ftruncate_all},
    {"pwrite_all", pwrite_all},
    {"pread_all", pread_all},
    {"fallocate_all", fallocate_all},
    {"fchmod_all", fchmod_all},
    {"fchdir_all", fchdir_all},
    {"tiocsti_all", tiocsti_all},
    {"ioctl_client", ioctl_client},
    {"dup_client", dup_client},
    {"fcntl_dupfd", fcntl_dupfd},
    {"fcntl_owner", fcntl_owner},
    {"fcntl_lock", fcntl_lock},
    {"listen_client", listen_client},
    {"accept_client", accept_client},
    {"connect_loopback", connect_loopback},
    {"connect_metadata", connect_metadata},
    {"disconnect", disconnect},
    {"connect_abstract", connect_abstract},
    {"bind_client", bind_client},
    {"peer_credentials", peer_credentials},
    {"peer_pidfd", peer_pidfd},
    {"attach_filter", attach_filter},
    {"bind_to_device", bind_to_device},
    {"forge_credentials", forge_credentials},
    {"much_memory", much_memory},
    {"make_memory_executable", make_memory_executable},
    {"jump_into_data", jump_into_data},
#if defined(__x86_64__)
    {"x32_getpid", x32_getpid},
    {"x32_open", x32_open},
    {"int80", int80},
#endif
    {"unknown_call", unknown_call},
    {"abort_self", abort_self},
    {"crash", crash},
    {"own_memory", own_memory},
    {"more_cpu", more_cpu},
    {"non_blocking", non_blocking},
    {NULL, NULL},
};
