/* SPDX-License-Identifier: Apache-2.0
 * Listeners say what is wrong and what to do; the control socket is private and never stolen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/listen.h"

static char dir[64], path[96], error[512];

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/sallyport-listen-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/control.sock", dir);
    error[0] = '\0';
    return 0;
}

static int finish(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static struct boot_listener loopback(void)
{
    struct boot_listener l = {.ip = {[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1}};

    return l; /* port 0: any */
}

static void busy_port_is_explained(void **state)
{
    struct boot_listener l = loopback();
    struct sockaddr_in a;
    socklen_t size = sizeof(a);
    int first = listen_tcp(&l, error, sizeof(error));

    (void)state;
    assert_true(first >= 0);
    assert_int_equal(getsockname(first, (struct sockaddr *)&a, &size), 0);
    l.port = ntohs(a.sin_port);
    assert_int_equal(listen_tcp(&l, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "127.0.0.1:"));
    assert_non_null(strstr(error, "another program listens there"));
    close(first);
}

static void foreign_address_is_explained(void **state)
{
    struct boot_listener l = loopback();

    (void)state;
    l.ip[12] = 192;
    l.ip[13] = 0;
    l.ip[14] = 2;
    assert_int_equal(listen_tcp(&l, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "no such address"));
}

static void ipv6_socket_takes_no_ipv4(void **state)
{
    struct boot_listener l = {0}; /* [::]:0 */
    int on = 0;
    socklen_t size = sizeof(on);
    int fd = listen_tcp(&l, error, sizeof(error));

    (void)state;
    if (fd < 0)
        skip(); /* a machine without IPv6 */
    assert_int_equal(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, &size), 0);
    assert_int_equal(on, 1);
    close(fd);
}

static void control_socket_is_private(void **state)
{
    int fd = listen_control(path, 0, 0, error, sizeof(error));
    struct stat st;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(listen_control(path, 0, 0, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "runs already"));
    close(fd); /* as after kill -9: the name is left */
    fd = listen_control(path, 0, 0, error, sizeof(error));
    assert_true(fd >= 0);
    close(fd);
}

static void other_file_is_not_replaced(void **state)
{
    FILE *f = fopen(path, "we");

    (void)state;
    assert_non_null(f);
    fclose(f);
    assert_int_equal(listen_control(path, 0, 0, error, sizeof(error)), -1);
    assert_int_equal(access(path, F_OK), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(busy_port_is_explained),     TEST(foreign_address_is_explained),
        TEST(ipv6_socket_takes_no_ipv4),  TEST(control_socket_is_private),
        TEST(other_file_is_not_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
