/* SPDX-License-Identifier: Apache-2.0
 * `sallyport serve`: from a configuration file to a running keeper.
 *
 * The order is: read, open what needs rights, give up the rights, and only then start a helper.
 */
#include "keeper/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sandbox.h"
#include "keeper/crypto_memory.h"
#include "keeper/keeper.h"
#include "keeper/listen.h"
#include "keeper/load.h"
#include "keeper/privilege.h"
#include "keeper/programs.h"
#include "keeper/takeover.h"

#define DESCRIPTORS 65536 /* wanted: a channel and a pidfd a session */

struct serve {
    struct keeper_start start;
    char program[CONFIG_PATH_SIZE];
    char error[LOAD_ERROR_SIZE];
};

/* Nobody reads our memory: no core, no ptrace by other processes of our user. */
static bool harden(struct serve *v)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;

    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(v->error, sizeof(v->error), "cannot protect our memory: %s", strerror(errno));
        return false;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < DESCRIPTORS ? files.rlim_max : DESCRIPTORS;
        setrlimit(RLIMIT_NOFILE, &files); /* fewer descriptors, fewer sessions: not fatal */
    }
    return true;
}

/* What an elder has open is shared; what it has not is opened. */
static bool open_sockets(struct serve *v, struct takeover *from)
{
    const struct config *c = v->start.load.config;

    if (!load_listen(&v->start.load, from->sockets, from->socket_count))
        return false;
    if (from->control_fd >= 0 && strcmp(c->control_socket, from->begin.control) == 0) {
        v->start.control_fd = sp_fd_take(&from->control_fd);
        return true;
    }
    v->start.control_fd =
        listen_control(c->control_socket, c->run_as_uid, c->run_as_gid, v->error, sizeof(v->error));
    return v->start.control_fd >= 0;
}

static bool failed(struct serve *v, const char *what, const struct sp_fail *fail)
{
    snprintf(v->error, sizeof(v->error), "%s: %s: %s", what, fail->where,
             fail->code == SP_ESYS ? strerror((int)fail->got) : sp_err_name(fail->code));
    return false;
}

/* What is written later is opened or read as the user who will write it. */
static bool become_ourselves(struct serve *v)
{
    const struct config *c = v->start.load.config;
    struct sp_fail fail = {0};

    privilege_keep();
    if (sandbox_drop_identity(c->run_as_uid, c->run_as_gid, &fail) != SP_OK)
        return failed(v, "cannot become the user of run_as", &fail);
    privilege_settle();
    if (!harden(
            v)) /* once more: a change of identity makes a process dumpable as the system likes */
        return false;
    if (event_log_open(&v->start.log, c->event_log, &fail) != SP_OK)
        return failed(v, c->event_log, &fail);
    if (known_targets_load(c->state_dir, &v->start.known, &fail) != SP_OK) {
        snprintf(v->error, sizeof(v->error),
                 "%s/known_targets: %s %u cannot be used; correct or remove that line",
                 c->state_dir, fail.where, fail.got);
        return false;
    }
    return true;
}

/* While we are root still: later nobody could give it its one right. */
static bool start_firewall(struct serve *v)
{
    const struct config *c = v->start.load.config;

    if (v->start.elder_fd >= 0)
        return true; /* an upgrade is refused where there is one */
    return firewall_start(&v->start.firewall, c, v->error, sizeof(v->error)) == SP_OK;
}

static bool prepare(struct serve *v, struct takeover *from, const char *path)
{
    ssize_t n = readlink("/proc/self/exe", v->program, sizeof(v->program) - 1);

    v->program[n > 0 ? n : 0] = '\0';
    v->start.program = v->program;
    /* towupper over all of Unicode for NTLM user names (MS-NLMP 3.3.2), whatever the locale is */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        snprintf(v->error, sizeof(v->error),
                 "the locale C.UTF-8 is missing; it is part of libc-bin");
        return false;
    }
    /* Helpers get exactly what they are given, whatever our own starter left open. */
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    v->start.net_fd = program_open("sallyport-net", v->error, sizeof(v->error));
    char missing[sizeof(v->error)]; /* only a configuration that wants it is in error */
    v->start.directory_program_fd = program_open("sallyport-directory", missing, sizeof(missing));
    v->start.courier_program_fd = program_open("sallyport-courier", missing, sizeof(missing));
    return v->start.net_fd >= 0 && harden(v) && load_read(&v->start.load, path) &&
           open_sockets(v, from) && start_firewall(v) && become_ourselves(v);
}

static int serve(struct serve *v, struct takeover *from, const char *path)
{
    struct load *l = &v->start.load;
    int status = 1;

    load_init(l);
    crypto_memory_wipe_freed();
    bool is_good = prepare(v, from, path);
    takeover_clear(from);
    if (is_good)
        status = keeper_run(&v->start);
    const char *error = v->error[0] != '\0' ? v->error : l->error;
    if (error[0] != '\0')
        fprintf(stderr, "sallyport: %s\n", error);
    if (error[0] != '\0' && v->start.control_fd >= 0 && v->start.elder_fd < 0)
        unlink(l->config->control_socket);
    firewall_stop(&v->start.firewall);
    load_clear(l);
    return status;
}

int serve_main(const char *config_path)
{
    struct serve v = {
        .start = {
            .control_fd = -1, .elder_fd = -1, .starter_uid = getuid(), .firewall = {.fd = -1}}};
    struct takeover nothing = {.control_fd = -1};

    return serve(&v, &nothing, config_path);
}

int serve_heir_main(void)
{
    struct serve v = {.start = {.control_fd = -1, .elder_fd = TAKEOVER_FD, .firewall = {.fd = -1}}};
    struct takeover from;
    enum sp_err err = takeover_take(TAKEOVER_FD, &from);

    fcntl(TAKEOVER_FD, F_SETFD, FD_CLOEXEC);
    if (err != SP_OK) {
        fprintf(stderr, "sallyport: the old process does not hand over: %s\n", sp_err_name(err));
        takeover_clear(&from);
        return 1;
    }
    v.start.starter_uid = from.begin.starter_uid;
    return serve(&v, &from, from.begin.config);
}
