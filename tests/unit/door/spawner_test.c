/* SPDX-License-Identifier: Apache-2.0
 * The spawner as a process in its real sandbox, executing itself anew; the test plays keeper, door
 * and the session, whose fate the client's first byte chooses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "door/respawn.h"
#include "door/spawner.h"
#include "support/helper_process.h"
#include "session/session.h"

#if defined(__SANITIZE_ADDRESS__)
#define CAN_EXEC false /* ASan wants /proc after exec, which Landlock does not give */
#else
#define CAN_EXEC true
#endif

enum fate { END = 'e', ABORT = 'a', FORBIDDEN = 'f', EXIT_3 = '3', WAIT = 'w' };

/* What the stub session tells keeper of itself. */
struct layout {
    struct ipc_head head;
    uint64_t code;
    uint32_t authenticate_ms;
    uint32_t has_contexts;
    uint32_t open_files;
    uint32_t public_key_size;
};

static uint32_t count_open_files(void)
{
    uint32_t count = 0;

    for (int fd = 0; fd < 64; fd++)
        count += fcntl(fd, F_GETFL) >= 0;
    return count;
}

static void wait_for_keeper(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}

void session_main(const struct session_start *start)
{
    struct layout msg = {
        .code = (uint64_t)(uintptr_t)session_main,
        .authenticate_ms = start->authenticate_ms,
        .has_contexts = start->front_tls != NULL && start->back_tls != NULL,
        .open_files = count_open_files(),
        .public_key_size = (uint32_t)start->public_key_size,
    };
    char fate = 0;

    if (ipc_send(start->keeper_fd, IPC_NOTE, &msg, sizeof(msg), NULL, 0, 0) != SP_OK ||
        recv(start->client_fd, &fate, 1, 0) != 1)
        _exit(9);
    close(start->life_fd);
    if (fate == WAIT)
        wait_for_keeper(start->keeper_fd);
    if (fate == EXIT_3)
        _exit(3);
    if (fate == FORBIDDEN && socket(AF_INET, SOCK_STREAM, 0) >= 0)
        _exit(0);
    SP_BUG(fate == ABORT);
}

static uint32_t make_pem(char *out, size_t room)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    assert_non_null(key);
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    int size = BIO_read(bio, out, (int)room);
    assert_true(size > 0);
    BIO_free(bio);
    X509_free(cert);
    EVP_PKEY_free(key);
    return (uint32_t)size;
}

static struct helper_process start_as(uint32_t uid)
{
    static struct boot_config config;

    memset(&config, 0, sizeof(config));
    config.authenticate_ms = 30000;
    config.tls_min = 0x0303;
    config.uid = config.gid = uid;
    config.pem_size = make_pem(config.pem, sizeof(config.pem) - 1);
    return helper_process_start(spawner_main, &config, NULL, 0);
}

static void stop(struct helper_process *p)
{
    int status = helper_process_stop(p);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* As nobody; that means nothing unless the test runs as root. */
static struct helper_process start(void)
{
    return start_as(65534);
}

struct one {
    int client;
    int life;
    int keeper;
    int32_t pid;
    struct layout layout;
};

/* Play the door: hand over a connection whose first byte is fate. */
static void connection(const struct helper_process *p, enum fate fate, struct one *out)
{
    struct ipc_connection msg = {.peer.port = 4711, .listener = 3, .waited_ms = 4000};
    int client[2], life[2];
    char byte = (char)fate;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, client), 0);
    assert_int_equal(pipe2(life, O_CLOEXEC), 0);
    assert_int_equal(send(client[0], &byte, 1, 0), 1);
    int fds[2] = {client[1], life[1]};
    assert_int_equal(ipc_send(p->peer_fd, IPC_CONNECTION, &msg, sizeof(msg), fds, 2, 0), SP_OK);
    close(client[1]);
    close(life[1]);
    out->client = client[0];
    out->life = life[0];
}

static void expect_started(const struct helper_process *p, struct one *one)
{
    struct ipc_session_started msg;

    helper_process_expect(p->keeper_fd, IPC_SESSION_STARTED, &msg, sizeof(msg), &one->keeper, 1);
    assert_int_equal(msg.peer.port, 4711);
    assert_int_equal(msg.listener, 3);
    one->pid = msg.pid;
    helper_process_expect(one->keeper, IPC_NOTE, &one->layout, sizeof(one->layout), NULL, 0);
}

static int expect_ended(const struct helper_process *p, const struct one *one)
{
    struct ipc_session_ended msg;

    helper_process_expect(p->keeper_fd, IPC_SESSION_ENDED, &msg, sizeof(msg), NULL, 0);
    assert_int_equal(msg.pid, one->pid);
    return msg.status;
}

static void release(struct one *one)
{
    close(one->client);
    close(one->life);
    close(one->keeper);
}

static struct one whole_life(const struct helper_process *p, enum fate fate, int *status)
{
    struct one one;

    connection(p, fate, &one);
    expect_started(p, &one);
    *status = expect_ended(p, &one);
    release(&one);
    return one;
}

static void a_session_starts_and_ends_in_order(void **state)
{
    struct helper_process p = start();
    int status;
    struct one one = whole_life(&p, END, &status);

    (void)state;
    assert_int_equal(status, 0);
    assert_int_equal(one.layout.authenticate_ms, 30000 - 4000); /* counted from accept */
    assert_true(one.layout.has_contexts);
    assert_int_equal(one.layout.public_key_size, 65);
    assert_int_equal(one.layout.open_files, 3 + 3); /* standard ones, and its own */
    struct one again = whole_life(&p, END, &status);
    assert_int_equal(one.layout.code, again.layout.code); /* no needless exec */
    stop(&p);
}

/* After any abnormal end the next session has another address layout. */
static void an_abnormal_end_renews_the_layout(void **state)
{
    (void)state;
    if (!CAN_EXEC)
        skip();
    static const enum fate fates[] = {ABORT, FORBIDDEN, EXIT_3};
    static const int want[] = {SIGABRT, SIGSYS, 3 << 8};
    struct helper_process p = start();
    int status;
    struct one before = whole_life(&p, END, &status);

    for (size_t i = 0; i < 3; i++) {
        whole_life(&p, fates[i], &status);
        assert_int_equal(status, want[i]);
        struct one after = whole_life(&p, END, &status);
        assert_int_equal(status, 0);
        assert_int_not_equal(after.layout.code, before.layout.code);
        before = after;
    }
    usleep(3 * RESPAWN_GATHER_MS * 1000);
    struct one idle = whole_life(&p, END, &status);
    assert_int_equal(idle.layout.code, before.layout.code);
    stop(&p);
}

static void live_sessions_outlive_the_exec(void **state)
{
    (void)state;
    if (!CAN_EXEC)
        skip();
    struct helper_process p = start();
    struct one living, queued[3];
    int status;

    connection(&p, WAIT, &living);
    expect_started(&p, &living);
    whole_life(&p, ABORT, &status);
    for (int i = 0; i < 3; i++) /* during the exec: they wait in the channel */
        connection(&p, WAIT, &queued[i]);
    for (int i = 0; i < 3; i++)
        expect_started(&p, &queued[i]);
    for (int i = 0; i < 3; i++) {
        shutdown(queued[i].keeper, SHUT_RDWR);
        assert_int_equal(expect_ended(&p, &queued[i]), 0);
        release(&queued[i]);
    }
    close(living.keeper); /* it ends by itself; the new image reaps it */
    living.keeper = -1;
    assert_int_equal(expect_ended(&p, &living), 0);
    stop(&p);
}

static void sessions_outlive_the_spawner(void **state)
{
    struct helper_process p = start();
    struct one living;
    int status;

    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans become ours */
    connection(&p, WAIT, &living);
    expect_started(&p, &living);
    assert_int_equal(kill(p.pid, SIGKILL), 0);
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    usleep(50000);
    assert_int_equal(waitpid(living.pid, &status, WNOHANG), 0);
    close(living.keeper);
    assert_int_equal(waitpid(living.pid, &status, 0), living.pid);
    assert_int_equal(status, 0);
    close(p.keeper_fd);
    close(p.peer_fd);
}

static void no_session_no_connection(void **state)
{
    struct helper_process p = start_as(0); /* so that its limits can be changed */
    struct rlimit none, before;
    struct one one;
    char byte;
    int status;

    (void)state;
    whole_life(&p, END, &status); /* it runs by now */
    assert_int_equal(prlimit(p.pid, RLIMIT_NOFILE, NULL, &before), 0);
    none = (struct rlimit){.rlim_cur = 6, .rlim_max = before.rlim_max};
    assert_int_equal(prlimit(p.pid, RLIMIT_NOFILE, &none, NULL), 0);
    connection(&p, END, &one);
    assert_true(recv(one.client, &byte, 1, 0) <= 0);
    close(one.client);
    close(one.life);
    assert_int_equal(prlimit(p.pid, RLIMIT_NOFILE, &before, NULL), 0);
    whole_life(&p, END, &status);
    stop(&p);
}

static void what_is_no_connection_is_dropped(void **state)
{
    struct helper_process p = start();
    struct ipc_connection msg = {0};
    int status;

    (void)state;
    assert_int_equal(ipc_send(p.peer_fd, IPC_CONNECTION, &msg, sizeof(msg), NULL, 0, 0), SP_OK);
    assert_int_equal(ipc_send(p.peer_fd, IPC_DIAL, &msg, sizeof(msg), NULL, 0, 0), SP_OK);
    whole_life(&p, END, &status);
    stop(&p);
}

static void without_a_door_it_ends(void **state)
{
    struct helper_process p = start();
    int status;

    (void)state;
    close(p.peer_fd);
    p.peer_fd = -1;
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    assert_int_equal(WEXITSTATUS(status), 1);
    close(p.keeper_fd);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_starts_and_ends_in_order),
        cmocka_unit_test(an_abnormal_end_renews_the_layout),
        cmocka_unit_test(live_sessions_outlive_the_exec),
        cmocka_unit_test(sessions_outlive_the_spawner),
        cmocka_unit_test(no_session_no_connection),
        cmocka_unit_test(what_is_no_connection_is_dropped),
        cmocka_unit_test(without_a_door_it_ends),
    };

    if (argc > 1 && strcmp(argv[1], "--role=spawner") == 0)
        return spawner_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
