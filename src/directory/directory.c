/* SPDX-License-Identifier: Apache-2.0
 * The process that proves identities: its start, its loop, and a child for each piece of work.
 */
#include "directory/directory.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/clock.h"
#include "base/helper_life.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "directory/directory_priv.h"

#define KEEPER_PATIENCE_MS 5000

struct work {
    pid_t pid; /* 0 = free */
    int fd;    /* to the child; -1 = it said its last word */
    uint64_t id;
    uint32_t kind;    /* of the question that is open */
    bool is_asked;    /* keeper waits for an answer */
    int64_t until_ms; /* then it is killed */
};

static struct directory_settings settings;
static struct work works[DIRECTORY_WORKS_MAX];

void directory_refuse(struct ipc_directory_answer *answer, enum ipc_directory_status status,
                      const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(answer->why, sizeof(answer->why), format, ap);
    va_end(ap);
    for (char *c = answer->why; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7E)
            *c = '?';
    answer->status = status;
    answer->size = 0;
}

static enum sp_err tell(struct ipc_directory_answer *answer)
{
    enum sp_err err = ipc_send(BOOT_FD_KEEPER, IPC_DIRECTORY_ANSWER, answer, sizeof(*answer), NULL,
                               0, clock_now_ms() + KEEPER_PATIENCE_MS);

    sp_wipe(answer->data, sizeof(answer->data));
    return err;
}

/* The parent answers in place of a child that could not. */
static enum sp_err fail(uint64_t id, uint32_t kind, const char *why)
{
    static struct ipc_directory_answer answer;

    memset(&answer, 0, sizeof(answer));
    answer.id = id;
    answer.kind = kind;
    directory_refuse(&answer, IPC_DIRECTORY_FAILED, "%s", why);
    return tell(&answer);
}

/* One question in a child. Returns  true if it may be asked again */
static bool answer_one(const struct ipc_directory_ask *ask, struct ipc_directory_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->id = ask->id;
    answer->kind = ask->kind;
    if (ask->kind == IPC_DIRECTORY_LDAP) {
        ldap_login(&settings, ask, answer);
        return false;
    }
    return gss_answer(ask, answer);
}

static _Noreturn void child_main(int fd, struct ipc_directory_ask *ask)
{
    static struct ipc_directory_answer answer;
    static struct ipc_in in;
    int keep[] = {fd};
    bool goes_on = true;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_DFL);
    close(BOOT_FD_KEEPER);
    for (size_t i = 0; i < DIRECTORY_WORKS_MAX; i++)
        if (works[i].pid != 0 && works[i].fd >= 0 && works[i].fd != keep[0])
            close(works[i].fd);
    while (goes_on) {
        goes_on = answer_one(ask, &answer);
        sp_wipe(ask, sizeof(*ask));
        if (ipc_send(fd, IPC_DIRECTORY_ANSWER, &answer, sizeof(answer), NULL, 0,
                     clock_now_ms() + KEEPER_PATIENCE_MS) != SP_OK)
            _exit(1);
        sp_wipe(&answer, sizeof(answer));
        if (goes_on && (ipc_recv(fd, &in, clock_now_ms() + DIRECTORY_IDLE_MS) != SP_OK ||
                        in.size != sizeof(*ask)))
            _exit(1);
        memcpy(ask, in.msg.bytes, sizeof(*ask));
        sp_wipe(&in, sizeof(in));
    }
    _exit(0);
}

static void stop(struct work *w)
{
    if (w->pid > 0)
        kill(w->pid, SIGKILL);
    sp_fd_cleanup(&w->fd);
}

static struct work *find(uint64_t id)
{
    for (size_t i = 0; i < DIRECTORY_WORKS_MAX; i++)
        if (works[i].pid != 0 && works[i].fd >= 0 && works[i].id == id)
            return &works[i];
    return NULL;
}

static struct work *unused(void)
{
    for (size_t i = 0; i < DIRECTORY_WORKS_MAX; i++)
        if (works[i].pid == 0)
            return &works[i];
    return NULL;
}

static enum sp_err start(struct ipc_directory_ask *ask)
{
    struct work *w = unused();
    int pair[2];

    if (w == NULL)
        return fail(ask->id, ask->kind, "directory has too much to do");
    if (ipc_pair(pair) != SP_OK)
        return fail(ask->id, ask->kind, "directory has no descriptors");
    pid_t pid = fork();
    if (pid < 0) {
        close(pair[0]);
        close(pair[1]);
        return fail(ask->id, ask->kind, "directory cannot fork");
    }
    if (pid == 0) {
        close(pair[0]);
        child_main(pair[1], ask);
    }
    close(pair[1]);
    *w = (struct work){.pid = pid,
                       .fd = pair[0],
                       .id = ask->id,
                       .kind = ask->kind,
                       .is_asked = true,
                       .until_ms = clock_now_ms() + ask->timeout_ms};
    return SP_OK;
}

/* The next question about a context that a child has. */
static enum sp_err pass_on(struct work *w, struct ipc_directory_ask *ask)
{
    if (w->is_asked || ask->kind > IPC_DIRECTORY_GSS_WRAP)
        return fail(ask->id, ask->kind, "a second question at once");
    w->is_asked = true;
    w->kind = ask->kind;
    w->until_ms = clock_now_ms() + ask->timeout_ms;
    if (ipc_send(w->fd, IPC_DIRECTORY_ASK, ask, sizeof(*ask), NULL, 0, 0) == SP_OK)
        return SP_OK;
    stop(w);
    w->is_asked = false;
    return fail(ask->id, ask->kind, "the context is gone");
}

static enum sp_err on_keeper(void)
{
    static struct ipc_in in;
    static struct ipc_directory_ask ask;
    enum sp_err err = ipc_recv(BOOT_FD_KEEPER, &in, 0);

    if (err != SP_OK)
        return err == SP_ECLOSED ? err : SP_OK;
    bool is_ask = in.msg.head.type == IPC_DIRECTORY_ASK && in.size == sizeof(ask);
    memcpy(&ask, in.msg.bytes, sizeof(ask));
    ipc_in_clear(&in);
    sp_wipe(&in, sizeof(in));
    if (!is_ask || ask.kind >= IPC_DIRECTORY_KIND_COUNT || ask.size > sizeof(ask.data))
        return SP_OK;
    ask.user[sizeof(ask.user) - 1] = '\0';
    if (ask.timeout_ms == 0 || ask.timeout_ms > DIRECTORY_ASK_MS)
        ask.timeout_ms = DIRECTORY_ASK_MS;
    struct work *w = find(ask.id);
    if (ask.kind == IPC_DIRECTORY_GSS_END) {
        if (w != NULL)
            stop(w);
    } else if (w != NULL) {
        err = pass_on(w, &ask);
    } else if (ask.kind == IPC_DIRECTORY_GSS_UNWRAP || ask.kind == IPC_DIRECTORY_GSS_WRAP) {
        err = fail(ask.id, ask.kind, "there is no such context");
    } else {
        err = start(&ask);
    }
    sp_wipe(&ask, sizeof(ask));
    return err == SP_ECLOSED ? err : SP_OK;
}

/* What a child says is passed on if it answers the question that was asked; nothing else is. */
static enum sp_err on_child(struct work *w)
{
    static struct ipc_in in;
    static struct ipc_directory_answer answer;
    enum sp_err err = ipc_recv(w->fd, &in, 0);

    if (err == SP_ETIME)
        return SP_OK;
    if (err != SP_OK || in.size != sizeof(answer) || !w->is_asked) {
        bool was_asked = w->is_asked;

        if (err == SP_OK)
            ipc_in_clear(&in);
        stop(w);
        w->is_asked = false;
        return was_asked ? fail(w->id, w->kind, "it ended without an answer") : SP_OK;
    }
    memcpy(&answer, in.msg.bytes, sizeof(answer));
    ipc_in_clear(&in);
    sp_wipe(&in, sizeof(in));
    answer.id = w->id;
    answer.kind = w->kind;
    w->is_asked = false;
    w->until_ms = clock_now_ms() + DIRECTORY_IDLE_MS;
    return tell(&answer);
}

static void reap(void)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (size_t i = 0; i < DIRECTORY_WORKS_MAX; i++)
            if (works[i].pid == pid && works[i].fd < 0)
                works[i].pid = 0;
            else if (works[i].pid == pid)
                works[i].pid = -1; /* its last words are still to be read */
}

/* End what is overdue; give back what is over. Returns  milliseconds to the next, or -1 */
static int tick(int64_t now_ms, enum sp_err *err)
{
    int64_t next_ms = -1;

    for (size_t i = 0; i < DIRECTORY_WORKS_MAX; i++) {
        struct work *w = &works[i];

        if (w->pid == -1 && w->fd < 0)
            w->pid = 0;
        if (w->pid == 0 || w->fd < 0)
            continue;
        if (now_ms >= w->until_ms) {
            stop(w);
            if (w->is_asked)
                *err = fail(w->id, w->kind, "no answer in time");
            w->is_asked = false;
        } else if (next_ms < 0 || w->until_ms < next_ms) {
            next_ms = w->until_ms;
        }
    }
    return next_ms < 0 ? -1 : clock_left_ms(next_ms);
}

static enum sp_err loop(void)
{
    for (;;) {
        struct pollfd fds[DIRECTORY_WORKS_MAX + 1] = {{.fd = BOOT_FD_KEEPER, .events = POLLIN}};
        enum sp_err err = SP_OK;

        reap();
        int wait_ms = tick(clock_now_ms(), &err);
        for (size_t i = 0; i < DIRECTORY_WORKS_MAX; i++)
            fds[i + 1] =
                (struct pollfd){.fd = works[i].pid != 0 ? works[i].fd : -1, .events = POLLIN};
        if (err == SP_OK && poll(fds, DIRECTORY_WORKS_MAX + 1, wait_ms) < 0 && errno != EINTR)
            return SP_ESYS;
        for (size_t i = 0; i < DIRECTORY_WORKS_MAX && err == SP_OK; i++)
            if (fds[i + 1].revents != 0)
                err = on_child(&works[i]);
        if (err == SP_OK && fds[0].revents != 0)
            err = on_keeper();
        if (err == SP_ECLOSED)
            return err;
    }
}

static enum sp_err read_blob(size_t size, off_t at, uint8_t **out, struct sp_fail *f)
{
    *out = calloc(1, size + 1);
    if (*out == NULL || pread(BOOT_FD_CONFIG, *out, size, at) != (ssize_t)size)
        return sp_fail_set(f, SP_ESHORT, "boot", (uint32_t)size, 0);
    return SP_OK;
}

static enum sp_err read_settings(struct sp_fail *f)
{
    struct boot_directory *b = &settings.boot;
    uint8_t *ca;

    if (pread(BOOT_FD_CONFIG, b, sizeof(*b), 0) != (ssize_t)sizeof(*b) ||
        b->magic != BOOT_DIRECTORY_MAGIC || b->size != sizeof(*b) ||
        b->keytab_size > BOOT_KEYTAB_MAX || b->ca_size > BOOT_LDAP_CA_MAX ||
        b->group_count > BOOT_DIRECTORY_GROUPS)
        return sp_fail_set(f, SP_EVALUE, "boot", b->size, sizeof(*b));
    enum sp_err err = read_blob(b->keytab_size, sizeof(*b), &settings.keytab, f);
    if (err == SP_OK)
        err = read_blob(b->ca_size, (off_t)(sizeof(*b) + b->keytab_size), &ca, f);
    if (err == SP_OK)
        settings.ca = (char *)ca;
    return err;
}

static enum sp_err begin(struct sp_fail *f)
{
    enum sp_err err = read_settings(f);

    if (err == SP_OK)
        err = helper_begin("directory", settings.boot.uid, settings.boot.gid, f);
    if (err == SP_OK && settings.boot.keytab_size > 0) {
        int rcache = memfd_create("replays", MFD_CLOEXEC); /* open as long as we live */

        if (rcache < 0)
            return sp_fail_set(f, SP_ESYS, "memfd_create", (uint32_t)errno, 0);
        err = gss_begin(settings.keytab, settings.boot.keytab_size, rcache, f);
        sp_wipe(settings.keytab, settings.boot.keytab_size);
    }
    for (size_t i = 0; i < DIRECTORY_WORKS_MAX; i++)
        works[i].fd = -1;
    /* Nothing of the machine's ldap.conf has a say in how a server is verified. */
    if (err == SP_OK && setenv("LDAPNOINIT", "1", 1) != 0)
        return sp_fail_set(f, SP_ESYS, "setenv", (uint32_t)errno, 0);
    return err == SP_OK ? sandbox_enter(SANDBOX_DIRECTORY, f) : err;
}

int directory_main(void)
{
    struct sp_fail f = {0};
    enum sp_err err = begin(&f);

    if (err != SP_OK) {
        helper_log_fail("cannot start", err, &f);
        return 1;
    }
    err = loop();
    if (err == SP_ECLOSED)
        return 0;
    helper_log("ended: code=%s errno=%d", sp_err_name(err), errno);
    return 1;
}
