/* SPDX-License-Identifier: Apache-2.0
 * Sessions in keeper's loop: what their age may and may not bring upon them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "keeper/edition.h"
#include "keeper/keeper_priv.h"

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static struct keeper k;
static struct config config;
static struct edition edition;
static pid_t session_pid; /* a child that does nothing: only its death matters */
static int far_end;       /* the session's end of its channel */
static char log_path[] = "/tmp/sallyport-sessions-XXXXXX";

static int setup(void **state)
{
    struct ipc_session_started started = {0};
    struct sp_fail fail = {0};
    int pair[2], file;

    (void)state;
    memset(&k, 0, sizeof(k));
    snprintf(log_path + sizeof(log_path) - 7, 7, "XXXXXX");
    file = mkstemp(log_path);
    if (file < 0 || ipc_pair(pair) != SP_OK)
        return -1;
    close(file);
    session_pid = fork();
    if (session_pid == 0) {
        pause();
        _exit(0);
    }
    config.limits.unauthenticated = config.limits.sessions = 10;
    config.limits.authenticate_ms = config.limits.connect_timeout_ms = 1000;
    k.config = &config;
    memset(&edition, 0, sizeof(edition));
    edition.keeper = &k;
    edition.config = &config;
    k.now = &edition;
    k.loop = ev_loop_new(EVFLAG_AUTO);
    keeper_ops_init(&k);
    if (event_log_open(&k.log, log_path, &fail) != SP_OK)
        return -1;
    /* Nothing is kept there: the log is a file, not a folder. */
    snprintf(config.state_dir, sizeof(config.state_dir), "%s", log_path);
    config.penalties = penalty_defaults();
    if (keeper_guard_start(&k, &config) != SP_OK)
        return -1;
    started.pid = session_pid;
    far_end = pair[1];
    keeper_session_started(&edition, &started, pair[0]);
    return k.registry.count == 1 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    keeper_sessions_clear(&k);
    if (session_pid > 0) { /* not reaped yet, so the number is still its own */
        kill(session_pid, SIGKILL);
        waitpid(session_pid, NULL, 0);
    }
    close(far_end);
    guard_close(&k.guard, clock_now_ms());
    event_log_close(&k.log);
    ev_loop_destroy(k.loop);
    unlink(log_path);
    return 0;
}

static bool is_logged(const char *event)
{
    static char text[65536];
    char wanted[64];
    int fd = open(log_path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n > 0 ? n : 0] = '\0';
    snprintf(wanted, sizeof(wanted), "\"event\":\"%s\"", event);
    return strstr(text, wanted) != NULL;
}

static void say_closed(void)
{
    struct ipc_note note = {.kind = IPC_NOTE_CLOSED, .step = IPC_STEP_SPLICE, .text = "over"};

    assert_int_equal(ipc_send(far_end, IPC_NOTE, &note, sizeof(note), NULL, 0, 0), SP_OK);
    ev_run(k.loop, EVRUN_NOWAIT);
    assert_int_equal(k.registry.list[0]->state, SESSION_CLOSED);
}

static bool is_killed(void)
{
    int status = 0;

    if (waitpid(session_pid, &status, WNOHANG) != session_pid)
        return false;
    session_pid = -1;
    return WIFSIGNALED(status);
}

/* A session that lived for hours and says goodbye has not failed. */
static void an_old_session_may_say_goodbye(void **state)
{
    int64_t later = clock_now_ms() + 3600000;

    (void)state;
    say_closed();
    keeper_sessions_tick(&k, later);
    keeper_sessions_tick(&k, later + GOODBYE_MS - 1);
    assert_false(is_logged("session_failed"));
    assert_false(is_killed());
}

/* … but its last word gives nobody a life of its own. */
static void goodbye_has_a_bound(void **state)
{
    int64_t later = clock_now_ms() + 3600000;

    (void)state;
    say_closed();
    keeper_sessions_tick(&k, later);
    keeper_sessions_tick(&k, later + GOODBYE_MS);
    bool is_gone = is_killed();
    for (int i = 0; i < 100 && !is_gone; i++) {
        usleep(10000);
        is_gone = is_killed();
    }
    assert_true(is_gone);
}

static void a_session_that_never_logs_in_is_ended(void **state)
{
    int64_t later = clock_now_ms() + config.limits.authenticate_ms + DEADLINE_MARGIN_MS + 1000;
    struct ipc_in in;

    (void)state;
    keeper_sessions_tick(&k, clock_now_ms());
    assert_false(is_logged("session_failed"));
    keeper_sessions_tick(&k, later);
    assert_true(is_logged("session_failed"));
    assert_int_equal(ipc_recv(far_end, &in, 0), SP_OK);
    assert_int_equal(in.msg.head.type, IPC_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_old_session_may_say_goodbye),
        TEST(goodbye_has_a_bound),
        TEST(a_session_that_never_logs_in_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
