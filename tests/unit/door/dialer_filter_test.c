/* SPDX-License-Identifier: Apache-2.0
 * Which addresses dialer may connect to, and what counts as naming one explicitly.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "door/dialer_filter.h"

static struct ipc_address address(const char *text, uint32_t port)
{
    struct ipc_address a = {.port = port};

    if (inet_pton(AF_INET, text, a.ip + 12) == 1)
        a.ip[10] = a.ip[11] = 0xff;
    else
        assert_int_equal(inet_pton(AF_INET6, text, a.ip), 1);
    return a;
}

static bool allows(const char *text, enum dialer_host kind)
{
    struct ipc_address a = address(text, 3389);

    return dialer_filter_allows(&a, kind, false, NULL, 0);
}

static enum dialer_host kind_of(const char *text)
{
    char host[IPC_HOST_MAX] = {0};

    snprintf(host, sizeof(host), "%s", text);
    return dialer_host_kind(host);
}

static void names_reach_ordinary_addresses(void **state)
{
    static const char *const good[] = {
        "192.0.2.1",         "10.1.2.3", "172.16.0.1",  "192.168.1.1", "2001:db8::1",    "fd00::1",
        "64:ff9b::c000:201", "1.0.0.0",  "126.255.0.1", "128.0.0.1",   "169.253.255.255"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(allows(good[i], DIALER_HOST_NAME));
}

static void names_reach_nothing_special(void **state)
{
    static const char *const bad[] = {"0.0.0.0",
                                      "0.1.2.3",
                                      "127.0.0.1",
                                      "127.255.255.254",
                                      "::",
                                      "::1",
                                      "::127.0.0.1",
                                      "::ffff:127.0.0.1",
                                      "fe80::1",
                                      "febf::1",
                                      "fec0::1",
                                      "169.254.169.254",
                                      "224.0.0.1",
                                      "239.255.255.255",
                                      "240.0.0.1",
                                      "255.255.255.255",
                                      "ff02::1",
                                      "64:ff9b::7f00:1",
                                      "2002:7f00:1::",
                                      "64:ff9b::a9fe:a9fe",
                                      "2002:e000:1::",
                                      "::ffff:0.0.0.0"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(allows(bad[i], DIALER_HOST_NAME));
}

static void literals_reach_what_they_name(void **state)
{
    (void)state;
    assert_true(allows("127.0.0.1", DIALER_HOST_LITERAL));
    assert_true(allows("::1", DIALER_HOST_LITERAL));
    assert_true(allows("169.254.1.1", DIALER_HOST_LITERAL));
    assert_true(allows("fe80::1", DIALER_HOST_LITERAL));
    assert_false(allows("224.0.0.1", DIALER_HOST_LITERAL));
    assert_false(allows("255.255.255.255", DIALER_HOST_LITERAL));
    assert_false(allows("ff02::1", DIALER_HOST_LITERAL));
    assert_false(allows("192.0.2.1", DIALER_HOST_BAD));
}

static void zones_and_ports_are_checked(void **state)
{
    struct ipc_address a = address("2001:db8::1", 3389);

    (void)state;
    a.scope = 2;
    assert_false(dialer_filter_allows(&a, DIALER_HOST_NAME, false, NULL, 0));
    assert_true(dialer_filter_allows(&a, DIALER_HOST_LITERAL, false, NULL, 0));
    a.port = 0;
    assert_false(dialer_filter_allows(&a, DIALER_HOST_LITERAL, false, NULL, 0));
    a.port = 65536;
    assert_false(dialer_filter_allows(&a, DIALER_HOST_LITERAL, false, NULL, 0));
}

static struct boot_listener listener(const char *text, uint32_t port)
{
    struct ipc_address a = address(text, port);
    struct boot_listener l = {.port = port};

    memcpy(l.ip, a.ip, sizeof(l.ip));
    return l;
}

static void own_listeners_are_no_target(void **state)
{
    struct boot_listener one = listener("192.0.2.7", 3389);
    struct boot_listener any4 = listener("0.0.0.0", 3389);
    struct boot_listener any6 = listener("::", 3389);
    struct ipc_address own = address("192.0.2.7", 3389), other = address("192.0.2.8", 3389);
    struct ipc_address port = address("192.0.2.7", 3390);

    (void)state;
    assert_false(dialer_filter_allows(&own, DIALER_HOST_NAME, true, &one, 1));
    assert_true(dialer_filter_allows(&own, DIALER_HOST_LITERAL, true, &one, 1));
    assert_true(dialer_filter_allows(&port, DIALER_HOST_NAME, true, &one, 1));
    assert_true(dialer_filter_allows(&other, DIALER_HOST_NAME, false, &one, 1));
    assert_false(dialer_filter_allows(&own, DIALER_HOST_NAME, true, &any4, 1));
    assert_false(dialer_filter_allows(&own, DIALER_HOST_NAME, true, &any6, 1));
    assert_true(dialer_filter_allows(&other, DIALER_HOST_NAME, false, &any4, 1));
    assert_true(dialer_filter_allows(&port, DIALER_HOST_NAME, true, &any4, 1));
}

static void kinds_of_host(void **state)
{
    char unterminated[IPC_HOST_MAX];

    (void)state;
    assert_int_equal(kind_of("192.0.2.1"), DIALER_HOST_LITERAL);
    assert_int_equal(kind_of("::1"), DIALER_HOST_LITERAL);
    assert_int_equal(kind_of("fe80::1%eth0"), DIALER_HOST_LITERAL);
    assert_int_equal(kind_of("localhost"), DIALER_HOST_LITERAL);
    assert_int_equal(kind_of("LocalHost"), DIALER_HOST_LITERAL);
    assert_int_equal(kind_of("web01.example.org"), DIALER_HOST_NAME);
    assert_int_equal(kind_of("127.1"), DIALER_HOST_NAME);
    assert_int_equal(kind_of("2130706433"), DIALER_HOST_NAME);
    assert_int_equal(kind_of("localhost.example.org"), DIALER_HOST_NAME);
    assert_int_equal(kind_of(""), DIALER_HOST_BAD);
    assert_int_equal(kind_of("web01%eth0"), DIALER_HOST_BAD);
    assert_int_equal(kind_of("192.0.2.1%eth0"), DIALER_HOST_BAD);
    assert_int_equal(kind_of("fe80::1%"), DIALER_HOST_BAD);
    assert_int_equal(kind_of("[::1]"), DIALER_HOST_BAD);
    assert_int_equal(kind_of("web01\n"), DIALER_HOST_BAD);
    assert_int_equal(kind_of("web 01"), DIALER_HOST_BAD);
    memset(unterminated, 'a', sizeof(unterminated));
    assert_int_equal(dialer_host_kind(unterminated), DIALER_HOST_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_reach_ordinary_addresses),
        cmocka_unit_test(names_reach_nothing_special),
        cmocka_unit_test(literals_reach_what_they_name),
        cmocka_unit_test(zones_and_ports_are_checked),
        cmocka_unit_test(own_listeners_are_no_target),
        cmocka_unit_test(kinds_of_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
