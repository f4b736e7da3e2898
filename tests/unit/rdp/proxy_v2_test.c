/* SPDX-License-Identifier: Apache-2.0
 * PROXY protocol: golden headers, every shorter one, every changed byte, every refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/proxy_v2.h"
#include "support/vector.h"

static const char *const golden[] = {
    "tcp4", "tcp6", "tcp4_tlv", "tcp6_tlv", "local_with_address", "local", "unspec", "longest"};
#define GOLDEN (sizeof(golden) / sizeof(golden[0]))

static uint8_t *load(const char *name, size_t *size)
{
    char path[64];

    snprintf(path, sizeof(path), "proxy_v2/%s.hex", name);
    return vector_load(path, size);
}

static enum sp_err read_bytes(const uint8_t *data, size_t size, struct proxy_v2 *out,
                              struct sp_fail *fail)
{
    struct rd r;

    rd_init(&r, data, size);
    enum sp_err err = proxy_v2_read(&r, out);
    *fail = r.fail;
    return err;
}

static struct proxy_v2 read_golden(const char *name)
{
    struct proxy_v2 out;
    struct sp_fail fail = {0};
    size_t size, told;
    uint8_t *data = load(name, &size);

    assert_int_equal(read_bytes(data, size, &out, &fail), SP_OK);
    assert_int_equal(proxy_v2_size(data, size, &told, &fail), SP_OK);
    assert_int_equal(told, size);
    free(data);
    return out;
}

static void addresses_are_read(void **state)
{
    static const uint8_t v4[16] = {[10] = 0xFF, [11] = 0xFF, 192, 0, 2, 7};
    static const uint8_t v6[16] = {0x20, 0x01, 0x0D, 0xB8, [15] = 7};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct proxy_v2 p = read_golden(golden[i]);

        assert_true(p.has_source);
        assert_memory_equal(p.source, strncmp(golden[i], "tcp4", 4) == 0 ? v4 : v6, 16);
        assert_int_equal(p.source_port, 51000);
    }
    assert_true(read_golden("longest").has_source);
}

static void a_proxy_may_speak_for_itself(void **state)
{
    (void)state;
    assert_false(read_golden("local").has_source);
    assert_false(read_golden("local_with_address").has_source);
    assert_false(read_golden("unspec").has_source);
}

static void every_shorter_one_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN; i++) {
        size_t size;
        uint8_t *data = load(golden[i], &size);

        for (size_t n = 0; n < size; n++) {
            uint8_t *part = vector_prefix(data, n);
            struct proxy_v2 out = {.source_port = 4711};
            struct sp_fail fail = {0};
            size_t told = 1;

            assert_int_equal(read_bytes(part, n, &out, &fail), SP_ESHORT);
            assert_int_equal(out.source_port, 4711);
            assert_int_equal(proxy_v2_size(part, n, &told, &fail), SP_OK);
            assert_int_equal(told, n < PROXY_V2_HEADER_SIZE ? 0 : size);
            free(part);
        }
        free(data);
    }
}

static void every_changed_byte_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN; i++) {
        size_t size;
        uint8_t *data = load(golden[i], &size);

        for (size_t at = 0; at < size; at++) {
            for (unsigned v = 0; v < 256; v++) {
                uint8_t *copy = vector_prefix(data, size);
                struct proxy_v2 out;
                struct sp_fail fail = {0};
                size_t told;

                copy[at] = (uint8_t)v;
                sp_ignore(proxy_v2_size(copy, size, &told, &fail));
                fail = (struct sp_fail){0};
                if (read_bytes(copy, size, &out, &fail) == SP_OK && at < 12)
                    assert_int_equal(v, data[at]);
                free(copy);
            }
        }
        free(data);
    }
}

static void refused(const char *name, size_t at, uint8_t value, enum sp_err code, const char *where)
{
    struct proxy_v2 out;
    struct sp_fail fail = {0};
    size_t size;
    uint8_t *data = load(name, &size);

    data[at] = value;
    assert_int_equal(read_bytes(data, size, &out, &fail), code);
    assert_string_equal(fail.where, where);
    free(data);
}

static void each_refusal_is_named(void **state)
{
    (void)state;
    refused("tcp4", 0, 'G', SP_EVALUE, "PROXY.signature");
    refused("tcp4", 12, 0x11, SP_EVALUE, "PROXY.command"); /* version 1 in binary */
    refused("tcp4", 12, 0x22, SP_EVALUE, "PROXY.command");
    refused("tcp4", 13, 0x12, SP_EVALUE, "PROXY.family"); /* UDP */
    refused("tcp4", 13, 0x31, SP_EVALUE, "PROXY.family"); /* a Unix socket */
    refused("tcp4", 14, 0xFF, SP_ELIMIT, "PROXY.length");
    refused("tcp4", 15, 11, SP_ESHORT, "PROXY.destination port");
    refused("tcp6", 15, 35, SP_ESHORT, "PROXY.destination port");
    refused("tcp4_tlv", 30, 0xFF, SP_ESHORT, "PROXY.TLV.value");
    refused("local", 15, 1, SP_ESHORT, "PROXY.body");
}

static void bytes_behind_are_refused(void **state)
{
    struct proxy_v2 out;
    struct sp_fail fail = {0};
    size_t size;
    uint8_t *data = load("tcp4_tlv", &size);

    (void)state;
    data[15] = 12;
    assert_int_equal(read_bytes(data, size, &out, &fail), SP_ETRAIL);
    free(data);
}

static void the_first_bytes_tell(void **state)
{
    struct sp_fail fail = {0};
    size_t size;

    (void)state;
    assert_int_equal(proxy_v2_size((const uint8_t *)"P", 1, &size, &fail), SP_EVALUE);
    assert_string_equal(fail.where, "PROXY.version 1");
    fail = (struct sp_fail){0};
    assert_int_equal(proxy_v2_size((const uint8_t *)"\3\0", 2, &size, &fail), SP_EVALUE);
    assert_string_equal(fail.where, "PROXY.signature");
    fail = (struct sp_fail){0};
    assert_int_equal(
        proxy_v2_size((const uint8_t *)"\r\n\r\n\0\r\nQUIT\n\x21\x11\x02\x09", 16, &size, &fail),
        SP_ELIMIT);
    assert_string_equal(fail.where, "PROXY.length");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(a_proxy_may_speak_for_itself),
        cmocka_unit_test(every_shorter_one_is_refused),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(each_refusal_is_named),
        cmocka_unit_test(bytes_behind_are_refused),
        cmocka_unit_test(the_first_bytes_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
