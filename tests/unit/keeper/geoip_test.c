/* SPDX-License-Identifier: Apache-2.0
 * Tests of the country look-up, on a database made by tests/tools/make_geoip.py.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/net.h"
#include "keeper/geoip.h"

static void path_of(const char *name, char *out, size_t size)
{
    const char *folder = getenv("SP_VECTORS");

    snprintf(out, size, "%s/geoip/%s", folder != NULL ? folder : "tests/vectors", name);
}

static void is_in(const struct geoip *g, const char *address, const char *wanted)
{
    struct net net;
    char country[3] = "??";

    assert_int_equal(net_read(address, &net), SP_OK);
    geoip_country(g, net.ip, country);
    assert_string_equal(country, wanted);
}

static void test_countries(void **state)
{
    char path[512];
    const char *why = NULL;
    struct geoip *g = NULL;

    (void)state;
    path_of("countries.mmdb", path, sizeof(path));
    assert_int_equal(geoip_open(path, &g, &why), SP_OK);
    is_in(g, "127.7.1.2", "AT");
    is_in(g, "192.0.2.255", "DE");
    is_in(g, "192.0.3.0", "");
    is_in(g, "2001:db8:1::1", "CH");
    is_in(g, "2001:db9::1", "");
    is_in(g, "::1", "");
    is_in(NULL, "127.7.1.2", "");
    geoip_close(g);
    geoip_close(NULL);
}

static void test_refusals(void **state)
{
    const char *why = NULL;
    struct geoip *g = NULL;

    (void)state;
    assert_int_equal(geoip_open("/nonexistent.mmdb", &g, &why), SP_ESYS);
    assert_non_null(why);
    assert_int_equal(geoip_open("/etc/passwd", &g, &why), SP_EVALUE);
    assert_null(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_countries),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
