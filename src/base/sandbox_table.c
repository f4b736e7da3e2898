/* SPDX-License-Identifier: Apache-2.0
 * Every system call that a process of ours may make, and why; what is not here kills the process.
 */
#include "base/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Roles. What a session may do its spawner must be allowed too, since its filter is inherited. */
#define SES (1u << SANDBOX_SESSION | 1u << SANDBOX_SPAWNER)
#define DOR (1u << SANDBOX_DOOR)
#define SPA (1u << SANDBOX_SPAWNER)
#define KRB (1u << SANDBOX_DIRECTORY)
#define COU (1u << SANDBOX_COURIER)
/* Whoever resolves and connects. */
#define DIA (1u << SANDBOX_DIALER | KRB | COU)
#define FWL (1u << SANDBOX_FIREWALL)
#define ALL (SES | DOR | DIA | FWL)

/* Conditions on argument n; seccomp sees the numbers only, never what a pointer points to. */
#define IS(n, value)                                                                               \
    {                                                                                              \
        (n), SCMP_CMP_EQ, (uint64_t)(value), 0                                                     \
    }
#define NONE_OF(n, bits)                                                                           \
    {                                                                                              \
        (n), SCMP_CMP_MASKED_EQ, (uint64_t)(bits), 0                                               \
    }

#define CLONE_DANGEROUS                                                                            \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET | CLONE_VM | CLONE_VFORK | CLONE_PARENT | CLONE_PTRACE | CLONE_THREAD)
#define NOT_READING (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY) | O_PATH)

/* One line a rule. */
/* clang-format off */
const struct sandbox_rule sandbox_table[] = {
    /* Bytes in and out of descriptors that the process was given. */
    {"read", ALL, 0, {{0}}, "peer bytes; OpenSSL's socket BIO"},
    {"readv", SES, 0, {{0}}, "gathering reads of the splice"},
    {"recvfrom", ALL, 0, {{0}}, "recv() from the peer"},
    {"recvmsg", ALL, 0, {{0}}, "messages from our own processes, with descriptors"},
    {"write", ALL, 0, {{0}}, "peer bytes; the last words of an internal error"},
    {"writev", SES, 0, {{0}}, "gathering writes of the splice"},
    {"sendto", ALL, 0, {{0}}, "send() to the peer"},
    {"sendmsg", ALL, 0, {{0}}, "messages to our own processes"},
    {"poll", ALL, 0, {{0}}, "every wait has a deadline"},
    {"ppoll", ALL, 0, {{0}}, "poll() where the C library has only this"},
    {"close", ALL, 0, {{0}}, "give back a descriptor"},
    {"shutdown", ALL, 0, {{0}}, "half-close, so that last words arrive"},
    {"fcntl", ALL, 0, {IS(1, F_GETFL)}, "before setting O_NONBLOCK"},
    {"fcntl", ALL, 0, {IS(1, F_SETFL)}, "O_NONBLOCK for the splice"},
    {"setsockopt", ALL, 0, {IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)}, "input must not wait"},
    {"getsockopt", ALL, 0, {IS(1, SOL_SOCKET), IS(2, SO_ERROR)}, "why a connection broke"},
    /* Time and chance. */
    {"clock_gettime", ALL, 0, {{0}}, "deadlines, where the vDSO cannot say"},
    {"gettimeofday", ALL, 0, {{0}}, "OpenSSL's time, where the vDSO cannot say"},
    {"getrandom", ALL, 0, {{0}}, "nonces; seeds of OpenSSL's generator"},
    {"getpid", ALL, 0, {{0}}, "OpenSSL's generator notices a fork"},
    /* Memory, never executable. */
    {"brk", ALL, 0, {{0}}, "malloc"},
    {"mmap", ALL, 0, {NONE_OF(2, PROT_EXEC)}, "malloc of large blocks"},
    {"munmap", ALL, 0, {{0}}, "free of large blocks"},
    {"mremap", ALL, 0, {{0}}, "realloc of large blocks"},
    {"madvise", ALL, 0, {{0}}, "malloc gives memory back"},
    {"futex", ALL, 0, {{0}}, "OpenSSL's locks and once-only initialisation"},
    /* Ending, in order or not. */
    {"exit", ALL, 0, {{0}}, "end"},
    {"exit_group", ALL, 0, {{0}}, "end"},
    {"rt_sigreturn", ALL, 0, {{0}}, "return from a signal's handler"},
    {"rt_sigprocmask", ALL, 0, {{0}}, "abort(), signals that wait"},
    {"rt_sigaction", ALL, 0, {IS(0, SIGABRT)}, "abort() puts the default back"},
    {"gettid", ALL, 0, {{0}}, "abort()"},
    {"tgkill", ALL & ~SPA, 0, {IS(0, SANDBOX_OWN_PID), IS(2, SIGABRT)}, "abort() of itself only"},
    {"tgkill", SPA, 0, {IS(2, SIGABRT)}, "the children's abort(); their filter names their pid"},
    {"restart_syscall", ALL, 0, {{0}}, "the kernel goes on with a wait after SIGSTOP"},
    {"prlimit64", SES, 0, {IS(0, 0), IS(1, RLIMIT_CPU)}, "sandbox_session_authenticated"},

    /* Door and spawner: an event loop. */
    {"accept4", DOR, 0, {{0}}, "new connections"},
    {"epoll_create1", DOR | SPA | DIA, 0, {{0}}, "event loop"},
    {"epoll_ctl", DOR | SPA | DIA, 0, {{0}}, "event loop"},
    {"epoll_wait", DOR | SPA | DIA, 0, {{0}}, "event loop"},
    {"epoll_pwait", DOR | SPA | DIA, 0, {{0}}, "event loop"},
    {"eventfd2", DOR | SPA | DIA, 0, {{0}}, "libev wakes itself after a signal"},
    {"timerfd_create", DOR | SPA | DIA, 0, {{0}}, "libev notices a jump of the clock"},
    {"timerfd_settime", DOR | SPA | DIA, 0, {{0}}, "libev notices a jump of the clock"},
    {"signalfd4", DOR | SPA | DIA, 0, {{0}}, "signals as events"},
    {"rt_sigaction", DOR | SPA | DIA, 0, {{0}}, "signals as events"},
    {"clock_nanosleep", DOR | SPA | DIA, 0, {{0}}, "a pause when descriptors run out"},
    {"fcntl", DOR | SPA | DIA, 0, {IS(1, F_GETFD)}, "is a descriptor open, is it close-on-exec"},
    {"fcntl", DOR | SPA | DIA, 0, {IS(1, F_SETFD)}, "close-on-exec"},
    {"getpeername", DOR, 0, {{0}}, "who connected"},
    {"getsockname", DOR | DIA, 0, {{0}}, "which listener; glibc sorts addresses (RFC 3484)"},
    {"setsockopt", DOR, 0, {IS(1, SOL_SOCKET), IS(2, SO_LINGER)}, "refuse without TIME_WAIT"},
    {"setsockopt", DOR | DIA, 0, {IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)}, "notice a dead peer"},
    {"setsockopt", DOR | DIA, 0, {IS(1, IPPROTO_TCP)}, "keep-alive times"},
    {"pipe2", DOR | SPA | DIA, 0, {{0}}, "a connection's life; a child's answer"},
    {"prctl", DOR | DIA, 0, {IS(0, PR_SET_DUMPABLE), IS(1, 0)}, "never dumpable"},
    {"prlimit64", DOR | DIA, 0, {IS(0, 0), IS(2, 0)}, "read own limits"},
    {"uname", DOR | SPA | DIA, 0, {{0}}, "libev asks for the kernel's version; glibc's resolver"},

    /* Spawner: forks sessions, and executes itself anew. */
    {"clone", SPA | DIA, 0, {NONE_OF(0, CLONE_DANGEROUS)}, "fork(), without namespaces or threads"},
    {"clone3", SPA | DIA, ENOSYS, {{0}}, "cannot be looked into; glibc falls back to clone"},
    {"set_robust_list", SPA | DIA, 0, {{0}}, "glibc in the child of fork()"},
    {"rseq", SPA | DIA, 0, {{0}}, "glibc at start and in the child of fork()"},
    {"wait4", SPA | DIA, 0, {{0}}, "reap children"},
    {"waitid", SPA | DIA, 0, {{0}}, "reap children"},
    {"kill", SPA | DIA, 0, {{0}}, "end a child; Landlock keeps it in the family"},
    {"socketpair", SPA | DIA, 0, {IS(0, AF_UNIX)}, "a session's channel to keeper"},
    {"dup", SPA, 0, {{0}}, "arrange a child's descriptors"},
    {"dup2", SPA, 0, {{0}}, "arrange a child's descriptors"},
    {"dup3", SPA, 0, {{0}}, "arrange a child's descriptors"},
    {"fcntl", SPA, 0, {IS(1, F_DUPFD_CLOEXEC)}, "arrange a child's descriptors"},
    {"close_range", SPA | DIA, 0, {{0}}, "close what a child must not have"},
    {"prctl", SPA, 0, {IS(0, PR_SET_NO_NEW_PRIVS), IS(1, 1)}, "a child's cage"},
    {"prctl", SPA, 0, {IS(0, PR_SET_DUMPABLE), IS(1, 0)}, "a child's cage"},
    {"prctl", SPA | DIA, 0, {IS(0, PR_SET_PDEATHSIG)}, "children do not outlive it"},
    {"prctl", SPA | DIA, 0, {IS(0, PR_SET_NAME)}, "a child's name in ps"},
    {"prctl", SPA, 0, {IS(0, PR_CAPBSET_READ)}, "a child's cage: capabilities are gone"},
    {"prctl", SPA, 0, {IS(0, PR_CAPBSET_DROP)}, "a child's cage: capabilities are gone"},
    {"capset", SPA, 0, {{0}}, "a child's cage: capabilities are gone"},
    {"prlimit64", SPA, 0, {IS(0, 0)}, "a child's cage"},
    {"seccomp", SPA, 0, {{0}}, "a child's cage; filters only add up"},
    {"landlock_create_ruleset", SPA, 0, {{0}}, "a child's cage"},
    {"landlock_restrict_self", SPA, 0, {{0}}, "a child's cage"},
    {"getppid", SPA | DIA, 0, {{0}}, "is the parent still there"},
    {"execve", SPA, 0, {{0}}, "itself, for a new address layout; Landlock forbids others"},
    {"mmap", SPA | DIA, 0, {NONE_OF(2, PROT_WRITE)}, "ld.so maps code, never writable"},
    {"mprotect", SPA | DIA, 0, {NONE_OF(2, PROT_EXEC)}, "ld.so makes relocations read-only"},
    {"arch_prctl", SPA, 0, {{0}}, "ld.so: thread pointer"},
    {"set_tid_address", SPA, 0, {{0}}, "ld.so"},
    {"access", SPA | DIA, 0, {{0}}, "ld.so: /etc/ld.so.preload"},
    {"faccessat", SPA | DIA, 0, {{0}}, "ld.so, where there is no access"},
    {"openat", SPA | DIA, 0, {NONE_OF(2, NOT_READING)}, "libraries, openssl.cnf; resolver's files"},
    {"newfstatat", SPA | DIA, 0, {{0}}, "libraries; resolver's files"},
    {"fstat", SPA | DIA, 0, {{0}}, "libraries; resolver's files"},
    {"lseek", SPA | DIA, 0, {{0}}, "stdio; resolver's files"},
    {"pread64", SPA | DIA, 0, {{0}}, "ld.so; boot data from the memfd"},
    {"readlink", SPA, 0, {{0}}, "its own path"},
    {"readlinkat", SPA, 0, {{0}}, "its own path"},
    {"getuid", SPA | DIA, 0, {{0}}, "OpenSSL: not set-uid"},
    {"geteuid", SPA | DIA, 0, {{0}}, "already unprivileged"},
    {"getgid", SPA | DIA, 0, {{0}}, "OpenSSL: not set-gid"},
    {"getegid", SPA | DIA, 0, {{0}}, "OpenSSL: not set-gid"},
    {"sysinfo", SPA | DIA, 0, {{0}}, "glibc's qsort asks how much memory there is"},
    {"sched_getaffinity", SPA | DIA, 0, {{0}}, "glibc counts processors"},
    {"sched_yield", SPA | DIA, 0, {{0}}, "locks at start"},
    {"sigaltstack", SPA, 0, {{0}}, "C library at start"},

    /* Dialer: names to addresses, addresses to connections. */
    {"socket", DIA, 0, {IS(0, AF_INET)}, "targets, name servers"},
    {"socket", DIA, 0, {IS(0, AF_INET6)}, "targets, name servers"},
    {"socket", DIA, 0, {IS(0, AF_UNIX)}, "nscd, systemd-resolved"},
    {"socket", DIA, 0, {IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE)}, "glibc: has this host IPv6"},
    {"connect", DIA, 0, {{0}}, "its job"},
    {"bind", DIA, 0, {{0}}, "glibc binds its netlink socket; Landlock denies TCP ports"},
    {"setsockopt", DIA, 0, {IS(1, IPPROTO_IP), IS(2, IP_RECVERR)}, "glibc's resolver"},
    {"setsockopt", DIA, 0, {IS(1, IPPROTO_IPV6), IS(2, IPV6_RECVERR)}, "glibc's resolver"},
    {"sendmmsg", DIA, 0, {{0}}, "glibc asks for A and AAAA at once"},
    {"recvmmsg", DIA, 0, {{0}}, "glibc's resolver"},
    {"ioctl", DIA, 0, {IS(1, FIONREAD)}, "glibc's resolver: how long is the answer"},
    {"select", DIA, 0, {{0}}, "name service modules"},
    {"pselect6", DIA, 0, {{0}}, "name service modules"},
    {"statfs", DIA, EACCES, {{0}}, "name service modules; none of their business"},
    {"getdents64", DIA & ~COU, EACCES, {{0}}, "name service modules; none of their business"},
    /* Directory: libraries that speak Kerberos and LDAP. */
    {"openat", KRB, 0, {IS(2, O_RDWR | O_CREAT)}, "libkrb5's replay cache, a memfd; Landlock"},
    {"fcntl", KRB | COU, 0, {IS(1, F_SETLK)}, "libkrb5's replay cache; the spool's lock"},
    {"fcntl", KRB, 0, {IS(1, F_OFD_SETLKW)}, "libkrb5's replay cache"},
    {"fcntl", KRB, 0, {IS(1, F_SETLKW)}, "libkrb5's replay cache"},
    {"ftruncate", KRB, 0, {{0}}, "libkrb5's replay cache"},
    {"fsync", KRB | COU, 0, {{0}}, "libkrb5's replay cache; the spool"},
    {"memfd_create", KRB, 0, {{0}}, "the CA, for libldap, which reads it from a file"},
    {"setsockopt", KRB, 0, {IS(1, SOL_SOCKET)}, "time limits of libldap"},
    {"getpeername", KRB | COU, 0, {{0}}, "libldap and libcurl ask whom they reached"},
    {"getsockopt", KRB, 0, {IS(1, SOL_SOCKET)}, "libldap"},
    {"writev", KRB, 0, {{0}}, "GnuTLS"},
    {"lstat", KRB, 0, {{0}}, "libraries"},
    {"stat", KRB, 0, {{0}}, "libraries"},
    /* Courier: the spool. */
    {"openat", COU, 0, {IS(2, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC)}, "a new file of the spool"},
    {"renameat", COU, 0, {{0}}, "a file of the spool is whole; Landlock"},
    {"unlinkat", COU, 0, {{0}}, "a file of the spool is delivered; Landlock"},
    {"getdents64", COU, 0, {{0}}, "what is in the spool; Landlock"},
    {"statx", DIA, ENOSYS, {{0}}, "name service modules fall back to fstat"},

    /* Firewall: a netlink socket that is open already. */
    {"getsockopt", FWL, 0, {IS(1, SOL_SOCKET)}, "libnftables: how much fits into its socket"},
    {"setsockopt", FWL, 0, {IS(1, SOL_SOCKET)}, "libnftables: more shall fit into its socket"},
    {"pselect6", FWL, 0, {{0}}, "libnftables waits for the kernel's answer"},
    {"select", FWL, 0, {{0}}, "libnftables waits for the kernel's answer"},
    {"lseek", FWL, 0, {{0}}, "stdio"},
    {"fstat", FWL, 0, {{0}}, "stdio"},
    {"newfstatat", FWL, EACCES, {{0}}, "libnftables looks for includes; there are none"},
    {"openat", FWL, EACCES, {{0}}, "libnftables looks for names; addresses have none here"},
};
/* clang-format on */
const size_t sandbox_table_count = sizeof(sandbox_table) / sizeof(sandbox_table[0]);

static bool is_first_of_call(size_t at, uint32_t role_bit)
{
    for (size_t i = 0; i < at; i++)
        if ((sandbox_table[i].roles & role_bit) != 0 &&
            strcmp(sandbox_table[i].call, sandbox_table[at].call) == 0)
            return false;
    return true;
}

size_t sandbox_call_count(enum sandbox_role role)
{
    uint32_t role_bit = 1u << role;
    size_t count = 0;

    for (size_t i = 0; i < sandbox_table_count; i++)
        if ((sandbox_table[i].roles & role_bit) != 0 && is_first_of_call(i, role_bit))
            count++;
    return count;
}
