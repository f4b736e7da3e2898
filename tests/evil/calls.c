/* SPDX-License-Identifier: Apache-2.0
 * System calls that a session has no business with, one a line.
 */
#include "evil.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

struct evil_arg evil_arg;

struct call {
    const char *name;
    long number;
    const void *args[6];
};

static char scratch[4096];
static const char *const no_strings[] = {NULL};
static const char number_of_arg; /* its address stands for evil_arg.number */

#define N(n)      ((const void *)(intptr_t)(n))
#define TEXT      ((const void *)evil_arg.text)
#define NUM       ((const void *)&number_of_arg)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define HERE      N(AT_FDCWD)

/* One line a call. */
/* clang-format off */
static const struct call calls[] = {
    /* files */
    {"open_shadow", SYS_openat, {HERE, "/etc/shadow", N(O_RDONLY)}},
    {"open_passwd", SYS_openat, {HERE, "/etc/passwd", N(O_RDONLY)}},
    {"open_path", SYS_openat, {HERE, TEXT, N(O_RDONLY)}},
    {"open_path_only", SYS_openat, {HERE, TEXT, N(O_PATH)}},
    {"open_for_writing", SYS_openat, {HERE, TEXT, N(O_WRONLY | O_APPEND)}},
    {"open_tmpfile", SYS_openat, {HERE, "/tmp", N(O_RDWR | O_TMPFILE), N(0600)}},
    {"open_create", SYS_openat, {HERE, "/tmp/evil", N(O_WRONLY | O_CREAT), N(0600)}},
    {"open_own_mem", SYS_openat, {HERE, "/proc/self/mem", N(O_RDWR)}},
    {"open_tty", SYS_openat, {HERE, "/dev/tty", N(O_RDWR)}},
    {"open_kmsg", SYS_openat, {HERE, "/dev/kmsg", N(O_RDONLY)}},
#ifdef SYS_open
    {"open_old", SYS_open, {"/etc/passwd", N(O_RDONLY)}},
#endif
    {"openat2", SYS_openat2, {HERE, "/etc/passwd", scratch, N(24)}},
    {"open_tree", SYS_open_tree, {HERE, "/", N(0)}},
    {"stat", SYS_newfstatat, {HERE, "/etc/passwd", scratch, N(0)}},
    {"statx", SYS_statx, {HERE, "/etc/passwd", N(0), N(0), scratch}},
    {"readlink", SYS_readlinkat, {HERE, "/proc/self/exe", scratch, N(64)}},
    {"access", SYS_faccessat, {HERE, "/etc/passwd", N(R_OK)}},
    {"getdents", SYS_getdents64, {N(0), scratch, N(sizeof(scratch))}},
    {"getcwd", SYS_getcwd, {scratch, N(sizeof(scratch))}},
    {"chdir", SYS_chdir, {"/tmp"}},
    {"unlink", SYS_unlinkat, {HERE, TEXT, N(0)}},
    {"rename", SYS_renameat2, {HERE, TEXT, HERE, "/tmp/evil", N(0)}},
    {"link", SYS_linkat, {HERE, TEXT, HERE, "/tmp/evil", N(0)}},
    {"symlink", SYS_symlinkat, {"/etc/shadow", HERE, "/tmp/evil"}},
    {"mkdir", SYS_mkdirat, {HERE, "/tmp/evil", N(0700)}},
    {"mknod", SYS_mknodat, {HERE, "/tmp/evil", N(S_IFIFO | 0600), N(0)}},
    {"chmod", SYS_fchmodat, {HERE, TEXT, N(0666)}},
    {"chown", SYS_fchownat, {HERE, TEXT, N(0), N(0), N(0)}},
    {"truncate", SYS_truncate, {TEXT, N(0)}},
    {"utimens", SYS_utimensat, {HERE, TEXT, N(0), N(0)}},
    {"setxattr", SYS_setxattr, {TEXT, "user.evil", "1", N(1), N(0)}},
    {"name_to_handle_at", SYS_name_to_handle_at, {HERE, "/etc/shadow", scratch, scratch, N(0)}},
    {"open_by_handle_at", SYS_open_by_handle_at, {HERE, scratch, N(O_RDONLY)}},
    {"inotify_init", SYS_inotify_init1, {N(0)}},
    {"fanotify_init", SYS_fanotify_init, {N(0), N(0)}},
    {"quotactl", SYS_quotactl, {N(0), "/dev/root", N(0), scratch}},
    {"acct", SYS_acct, {"/tmp/evil"}},
    /* mounts and roots */
    {"mount", SYS_mount, {"none", "/tmp", "tmpfs", N(0), N(0)}},
    {"umount", SYS_umount2, {"/proc", N(MNT_DETACH)}},
    {"chroot", SYS_chroot, {"/tmp"}},
    {"pivot_root", SYS_pivot_root, {"/tmp", "/tmp"}},
    {"fsopen", SYS_fsopen, {"tmpfs", N(0)}},
    {"move_mount", SYS_move_mount, {HERE, "/tmp", HERE, "/mnt", N(0)}},
    {"mount_setattr", SYS_mount_setattr, {HERE, "/", N(0), scratch, N(32)}},
    /* other processes */
    {"ptrace_attach", SYS_ptrace, {N(PTRACE_ATTACH), NUM, N(0), N(0)}},
    {"ptrace_traceme", SYS_ptrace, {N(PTRACE_TRACEME), N(0), N(0), N(0)}},
    {"process_vm_readv", SYS_process_vm_readv, {NUM, scratch, N(0), scratch, N(0), N(0)}},
    {"process_vm_writev", SYS_process_vm_writev, {NUM, scratch, N(0), scratch, N(0), N(0)}},
    {"pidfd_open", SYS_pidfd_open, {NUM, N(0)}},
    {"pidfd_getfd", SYS_pidfd_getfd, {N(0), N(3), N(0)}},
    {"pidfd_send_signal", SYS_pidfd_send_signal, {N(0), N(SIGKILL), N(0), N(0)}},
    /* Signal 0 only asks: a broken cage must not end the tester. */
    {"kill_pid", SYS_kill, {NUM, N(0)}},
    {"kill_everybody", SYS_kill, {N(-1), N(0)}},
    {"tkill_pid", SYS_tkill, {NUM, N(0)}},
    {"tgkill_pid", SYS_tgkill, {NUM, NUM, N(SIGABRT)}},
    {"sigqueue_pid", SYS_rt_sigqueueinfo, {NUM, N(SIGKILL), scratch}},
    {"kcmp", SYS_kcmp, {NUM, NUM, N(0), N(0), N(0)}},
    {"process_madvise", SYS_process_madvise, {N(0), scratch, N(1), N(MADV_COLD), N(0)}},
    {"prlimit_other", SYS_prlimit64, {NUM, N(RLIMIT_CPU), scratch, N(0)}},
    {"sched_setaffinity", SYS_sched_setaffinity, {NUM, N(8), scratch}},
    {"sched_setscheduler", SYS_sched_setscheduler, {N(0), N(SCHED_FIFO), scratch}},
    {"setpriority", SYS_setpriority, {N(PRIO_PROCESS), N(0), N(-20)}},
    {"setpgid", SYS_setpgid, {N(0), N(0)}},
    {"setsid", SYS_setsid, {N(0)}},
    {"wait", SYS_wait4, {N(-1), N(0), N(0), N(0)}},
    /* new processes, new code */
    {"execve", SYS_execve, {"/bin/true", no_strings, no_strings}},
    {"execveat", SYS_execveat, {HERE, "/bin/true", no_strings, no_strings, N(0)}},
    {"clone", SYS_clone, {N(SIGCHLD)}},
    {"clone_thread", SYS_clone, {N(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)}},
    {"clone3", SYS_clone3, {scratch, N(64)}},
#ifdef SYS_vfork
    {"fork", SYS_fork, {N(0)}},
    {"vfork", SYS_vfork, {N(0)}},
#endif
    {"memfd_create", SYS_memfd_create, {"evil", N(0)}},
    {"memfd_secret", SYS_memfd_secret, {N(0)}},
    {"mmap_exec", SYS_mmap, {N(0), N(4096), N(PROT_READ | PROT_EXEC), N(ANONYMOUS), N(-1)}},
    {"mprotect_exec", SYS_mprotect, {N(0x10000), N(4096), N(PROT_READ | PROT_EXEC)}},
    {"pkey_mprotect", SYS_pkey_mprotect, {N(0x10000), N(4096), N(PROT_EXEC), N(-1)}},
    {"remap_file_pages", SYS_remap_file_pages, {N(0x10000), N(4096), N(0), N(0), N(0)}},
    {"personality", SYS_personality, {N(0x0400000)}},
    {"userfaultfd", SYS_userfaultfd, {N(0)}},
    {"io_uring_setup", SYS_io_uring_setup, {N(8), scratch}},
    {"io_setup", SYS_io_setup, {N(8), scratch}},
    {"bpf", SYS_bpf, {N(BPF_MAP_CREATE), scratch, N(48)}},
    {"perf_event_open", SYS_perf_event_open, {scratch, N(0), N(-1), N(-1), N(0)}},
    {"init_module", SYS_init_module, {scratch, N(0), ""}},
    {"finit_module", SYS_finit_module, {N(0), "", N(0)}},
    {"kexec_load", SYS_kexec_load, {N(0), N(0), N(0), N(0)}},
    /* namespaces, one bit each */
    {"unshare_user", SYS_unshare, {N(CLONE_NEWUSER)}},
    {"unshare_net", SYS_unshare, {N(CLONE_NEWNET)}},
    {"unshare_mount", SYS_unshare, {N(CLONE_NEWNS)}},
    {"unshare_pid", SYS_unshare, {N(CLONE_NEWPID)}},
    {"unshare_ipc", SYS_unshare, {N(CLONE_NEWIPC)}},
    {"unshare_uts", SYS_unshare, {N(CLONE_NEWUTS)}},
    {"unshare_cgroup", SYS_unshare, {N(CLONE_NEWCGROUP)}},
    {"setns", SYS_setns, {N(0), N(0)}},
    /* sockets */
    {"socket_inet", SYS_socket, {N(AF_INET), N(SOCK_STREAM), N(0)}},
    {"socket_inet_dgram", SYS_socket, {N(AF_INET), N(SOCK_DGRAM), N(0)}},
    {"socket_inet_raw", SYS_socket, {N(AF_INET), N(SOCK_RAW), N(1)}},
    {"socket_inet6", SYS_socket, {N(AF_INET6), N(SOCK_STREAM), N(0)}},
    {"socket_unix", SYS_socket, {N(AF_UNIX), N(SOCK_STREAM), N(0)}},
    {"socket_netlink", SYS_socket, {N(AF_NETLINK), N(SOCK_RAW), N(0)}},
    {"socket_packet", SYS_socket, {N(AF_PACKET), N(SOCK_RAW), N(0)}},
    {"socket_vsock", SYS_socket, {N(AF_VSOCK), N(SOCK_STREAM), N(0)}},
    {"socket_alg", SYS_socket, {N(AF_ALG), N(SOCK_SEQPACKET), N(0)}},
    {"socketpair", SYS_socketpair, {N(AF_UNIX), N(SOCK_STREAM), N(0), scratch}},
    {"getsockname", SYS_getsockname, {N(0), scratch, scratch}},
    {"getpeername", SYS_getpeername, {N(0), scratch, scratch}},
    {"sendmmsg", SYS_sendmmsg, {N(0), scratch, N(1), N(0)}},
    {"recvmmsg", SYS_recvmmsg, {N(0), scratch, N(1), N(0), N(0)}},
    /* identity and privilege */
    {"setuid", SYS_setuid, {N(0)}},
    {"setgid", SYS_setgid, {N(0)}},
    {"setresuid", SYS_setresuid, {N(0), N(0), N(0)}},
    {"setgroups", SYS_setgroups, {N(0), N(0)}},
    {"setfsuid", SYS_setfsuid, {N(0)}},
    {"capset", SYS_capset, {scratch, scratch}},
    {"prctl_dumpable", SYS_prctl, {N(PR_SET_DUMPABLE), N(1)}},
    {"prctl_new_privs", SYS_prctl, {N(PR_SET_NO_NEW_PRIVS), N(0)}},
    {"prctl_seccomp", SYS_prctl, {N(PR_SET_SECCOMP), N(0)}},
    {"prctl_name", SYS_prctl, {N(PR_SET_NAME), "keeper"}},
    {"seccomp", SYS_seccomp, {N(SECCOMP_SET_MODE_FILTER), N(0), scratch}},
    {"landlock", SYS_landlock_create_ruleset, {scratch, N(8), N(0)}},
    {"add_key", SYS_add_key, {"user", "evil", "1", N(1), N(KEY_SPEC_SESSION_KEYRING)}},
    {"request_key", SYS_request_key, {"user", "evil", N(0), N(0)}},
    {"keyctl", SYS_keyctl, {N(KEYCTL_GET_KEYRING_ID), N(KEY_SPEC_SESSION_KEYRING), N(1)}},
    /* the machine */
    {"reboot", SYS_reboot, {N(LINUX_REBOOT_MAGIC1), N(0), N(0), N(0)}},
    {"swapon", SYS_swapon, {"/tmp/evil", N(0)}},
    {"sethostname", SYS_sethostname, {"evil", N(4)}},
    {"setdomainname", SYS_setdomainname, {"evil", N(4)}},
    {"clock_settime", SYS_clock_settime, {N(0), N(0)}},
    {"settimeofday", SYS_settimeofday, {N(0), N(0)}},
    {"adjtimex", SYS_adjtimex, {scratch}},
    {"syslog", SYS_syslog, {N(3), scratch, N(64)}},
#ifdef SYS_iopl
    {"iopl", SYS_iopl, {N(3)}},
    {"ioperm", SYS_ioperm, {N(0x80), N(1), N(1)}},
    {"modify_ldt", SYS_modify_ldt, {N(0), scratch, N(64)}},
    {"arch_prctl", SYS_arch_prctl, {N(0x1003), scratch}},
#endif
    /* kernel objects and limits */
    {"shmget", SYS_shmget, {N(0), N(4096), N(01600)}},
    {"semget", SYS_semget, {N(0), N(1), N(01600)}},
    {"msgget", SYS_msgget, {N(0), N(01600)}},
    {"mq_open", SYS_mq_open, {"evil", N(O_RDWR | O_CREAT), N(0600), N(0)}},
    {"timer_create", SYS_timer_create, {N(0), N(0), scratch}},
    {"timerfd_create", SYS_timerfd_create, {N(0), N(0)}},
    {"signalfd", SYS_signalfd4, {N(-1), scratch, N(8), N(0)}},
    {"eventfd", SYS_eventfd2, {N(0), N(0)}},
    {"epoll_create", SYS_epoll_create1, {N(0)}},
    {"pipe", SYS_pipe2, {scratch, N(0)}},
    {"mlock", SYS_mlock, {scratch, N(4096)}},
    {"rlimit_nofile", SYS_prlimit64, {N(0), N(RLIMIT_NOFILE), scratch, N(0)}},
    {"rlimit_core", SYS_prlimit64, {N(0), N(RLIMIT_CORE), scratch, N(0)}},
    {"rlimit_as", SYS_prlimit64, {N(0), N(RLIMIT_AS), scratch, N(0)}},
    {"sigaction", SYS_rt_sigaction, {N(SIGSEGV), N(0), N(0), N(8)}},
    {"nanosleep", SYS_clock_nanosleep, {N(1), N(0), scratch, N(0)}},
    {"uname", SYS_uname, {scratch}},
    {"sysinfo", SYS_sysinfo, {scratch}},
};
/* clang-format on */
#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))

static long value_of(const void *arg)
{
    return arg == (const void *)&number_of_arg ? evil_arg.number : (long)(intptr_t)arg;
}

int evil_call(const char *name, enum evil_result *result)
{
    for (size_t i = 0; i < CALL_COUNT; i++) {
        const struct call *c = &calls[i];

        if (strcmp(name, c->name) != 0)
            continue;
        long got =
            syscall(c->number, value_of(c->args[0]), value_of(c->args[1]), value_of(c->args[2]),
                    value_of(c->args[3]), value_of(c->args[4]), value_of(c->args[5]));
        *result = got < 0 ? EVIL_DENIED : EVIL_OK;
        return 1;
    }
    return 0;
}

const char *evil_call_name(size_t i)
{
    return i < CALL_COUNT ? calls[i].name : NULL;
}
