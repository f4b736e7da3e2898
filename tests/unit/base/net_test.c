/* SPDX-License-Identifier: Apache-2.0
 * Networks: what is read, what is refused, what is written, what is inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/net.h"

static void reads_and_writes(void **state)
{
    static const struct {
        const char *text, *shown;
        uint32_t bits;
    } good[] = {
        {"192.0.2.7", "192.0.2.7", 128},
        {"192.0.2.7/32", "192.0.2.7", 128},
        {"10.0.0.0/8", "10.0.0.0/8", 104},
        {"0.0.0.0/0", "0.0.0.0/0", 96},
        {"2001:db8::/32", "2001:db8::/32", 32},
        {"::1", "::1", 128},
        {"::/0", "::/0", 0},
        {"2001:db8::1/128", "2001:db8::1", 128},
        {"::ffff:192.0.2.7", "192.0.2.7", 128},
        {"192.0.2.128/25", "192.0.2.128/25", 121},
    };
    static const char *const bad[] = {
        "",
        "x",
        "192.0.2.7/33",
        "192.0.2.7/8",
        "192.0.2.7/",
        "192.0.2",
        "::1/129",
        "2001:db8::1/64",
        "192.0.2.7/+24",
        "192.0.2.7/ 24",
        "192.0.2.7 ",
        "10.0.0.0/08x",
        "10.0.0.0/8/8",
        "1:2:3:4:5:6:7:8:9",
        "fe80::1%lo",
        "a-name-that-is-longer-than-any-address-that-there-can-be.example"};
    struct net net;
    char text[NET_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(net_read(good[i].text, &net), SP_OK);
        assert_int_equal(net.bits, good[i].bits);
        net_write(&net, text);
        assert_string_equal(text, good[i].shown);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        net.bits = 77;
        assert_int_equal(net_read(bad[i], &net), SP_EVALUE);
        assert_int_equal(net.bits, 77);
    }
}

static bool contains(const char *outer, const char *inner)
{
    struct net a, b;

    assert_int_equal(net_read(outer, &a), SP_OK);
    assert_int_equal(net_read(inner, &b), SP_OK);
    return net_contains(&a, b.ip);
}

static void knows_what_is_inside(void **state)
{
    (void)state;
    assert_true(contains("127.0.0.0/8", "127.9.8.7"));
    assert_false(contains("127.0.0.0/8", "128.0.0.1"));
    assert_true(contains("192.0.2.128/25", "192.0.2.255"));
    assert_false(contains("192.0.2.128/25", "192.0.2.127"));
    assert_true(contains("0.0.0.0/0", "1.2.3.4"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(contains("::/0", "1.2.3.4"));
    assert_true(contains("192.0.2.7", "192.0.2.7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(knows_what_is_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
