/* SPDX-License-Identifier: Apache-2.0
 * What one keeper hands to the next: all of it, or nothing is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/takeover.h"

static int channel[2];

static int begin(void **state)
{
    (void)state;
    return ipc_pair(channel) == SP_OK ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    close(channel[0]);
    close(channel[1]);
    return 0;
}

static size_t open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

static bool same_file(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static struct takeover_begin good(void)
{
    return (struct takeover_begin){
        .starter_uid = 7, .config = "/etc/sallyport.yaml", .control = "/run/control.sock"};
}

static void everything_arrives(void **state)
{
    struct load_socket sockets[BOOT_LISTENERS_MAX];
    struct takeover_begin b = good();
    struct takeover t;
    int pipe_fds[2];
    size_t before;

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    for (uint32_t i = 0; i < BOOT_LISTENERS_MAX; i++)
        sockets[i] =
            (struct load_socket){{.ip = {[15] = (uint8_t)i}, .port = 1000 + i}, pipe_fds[0]};
    before = open_descriptors();
    assert_int_equal(takeover_give(channel[0], &b, sockets, BOOT_LISTENERS_MAX, channel[0]), SP_OK);
    assert_int_equal(takeover_take(channel[1], &t), SP_OK);
    assert_int_equal(t.begin.starter_uid, 7);
    assert_string_equal(t.begin.config, "/etc/sallyport.yaml");
    assert_string_equal(t.begin.control, "/run/control.sock");
    assert_int_equal(t.socket_count, BOOT_LISTENERS_MAX);
    for (uint32_t i = 0; i < BOOT_LISTENERS_MAX; i++) {
        assert_true(load_same_address(&t.sockets[i].address, &sockets[i].address));
        assert_true(same_file(t.sockets[i].fd, pipe_fds[0]));
        assert_int_equal(fcntl(t.sockets[i].fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    }
    assert_true(same_file(t.control_fd, channel[0]));
    takeover_clear(&t);
    assert_int_equal(open_descriptors(), before);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void send_begin(struct takeover_begin *b, size_t size)
{
    assert_int_equal(ipc_send(channel[0], TAKEOVER_BEGIN, b, size, NULL, 0, 0), SP_OK);
}

static void expect_refused(void)
{
    struct takeover t;
    size_t before = open_descriptors();

    shutdown(channel[0], SHUT_WR); /* so that nobody waits for more */
    assert_int_not_equal(takeover_take(channel[1], &t), SP_OK);
    takeover_clear(&t);
    assert_int_equal(open_descriptors(), before);
}

static void another_version_is_refused(void **state)
{
    struct takeover_begin b = good();

    (void)state;
    b.version = TAKEOVER_VERSION + 1;
    send_begin(&b, sizeof(b));
    expect_refused();
}

static void another_size_is_refused(void **state)
{
    struct takeover_begin b = good();

    (void)state;
    b.version = TAKEOVER_VERSION;
    send_begin(&b, sizeof(b) - 4);
    expect_refused();
}

static void too_many_sockets_are_refused(void **state)
{
    struct takeover_begin b = good();

    (void)state;
    b.version = TAKEOVER_VERSION;
    b.socket_count = BOOT_LISTENERS_MAX + 1;
    send_begin(&b, sizeof(b));
    expect_refused();
}

static void a_path_without_end_is_refused(void **state)
{
    struct takeover_begin b = good();

    (void)state;
    b.version = TAKEOVER_VERSION;
    memset(b.config, 'x', sizeof(b.config));
    send_begin(&b, sizeof(b));
    expect_refused();
}

/* More listeners than announced, then nothing: the control socket is missing. */
static void a_missing_control_socket_is_refused(void **state)
{
    struct takeover_begin b = good();
    struct takeover_socket s = {.port = 3389};

    (void)state;
    b.version = TAKEOVER_VERSION;
    b.socket_count = 1;
    send_begin(&b, sizeof(b));
    for (int i = 0; i < 2; i++)
        assert_int_equal(ipc_send(channel[0], TAKEOVER_SOCKET, &s, sizeof(s), &channel[0], 1, 0),
                         SP_OK);
    expect_refused();
}

static void a_socket_without_descriptor_is_refused(void **state)
{
    struct takeover_begin b = good();
    struct takeover_socket s = {.is_control = 1};

    (void)state;
    b.version = TAKEOVER_VERSION;
    send_begin(&b, sizeof(b));
    assert_int_equal(ipc_send(channel[0], TAKEOVER_SOCKET, &s, sizeof(s), NULL, 0, 0), SP_OK);
    expect_refused();
}

static void words_are_heard(void **state)
{
    enum takeover_type type;
    uint32_t count;
    struct takeover_begin b = good();

    (void)state;
    assert_int_equal(takeover_hear(channel[1], &type, &count), SP_ETIME);
    assert_int_equal(takeover_say(channel[0], TAKEOVER_REMAINING, 5), SP_OK);
    assert_int_equal(takeover_hear(channel[1], &type, &count), SP_OK);
    assert_int_equal(type, TAKEOVER_REMAINING);
    assert_int_equal(count, 5);
    send_begin(&b, sizeof(b));
    assert_int_equal(takeover_hear(channel[1], &type, &count), SP_EVALUE);
    shutdown(channel[0], SHUT_WR);
    assert_int_equal(takeover_hear(channel[1], &type, &count), SP_ECLOSED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(everything_arrives),
        CASE(another_version_is_refused),
        CASE(another_size_is_refused),
        CASE(too_many_sockets_are_refused),
        CASE(a_path_without_end_is_refused),
        CASE(a_missing_control_socket_is_refused),
        CASE(a_socket_without_descriptor_is_refused),
        CASE(words_are_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
