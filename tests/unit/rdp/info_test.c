/* SPDX-License-Identifier: Apache-2.0
 * Client Info: golden bytes, every refusal, and the overflows that others had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/info.h"
#include "support/probe.h"
#include "support/vector.h"

#define LAB  "client_info/lab.hex"
#define SPEC "client_info/spec.hex"

/* Offsets in lab.hex. */
#define AT_SEC_FLAGS   0
#define AT_FLAGS       8
#define AT_CB_DOMAIN   12
#define AT_DOMAIN_NUL  28
#define AT_CB_ADDRESS  68
#define AT_TIME_ZONE   156
#define AT_SESSION_ID  328
#define AT_PERFORMANCE 332
#define AT_COOKIE      336
#define LAB_SIZE       338

static enum sp_err parse(struct rd *r, void *out)
{
    return client_info_read(r, out);
}

static struct client_info load(const char *vector)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct client_info info;

    assert_int_equal(probe_parse(data, size, parse, &info), SP_OK);
    free(data);
    return info;
}

static void assert_text(const struct client_info_text *text, const char *ascii)
{
    assert_int_equal(text->size, 2 * strlen(ascii));
    for (size_t i = 0; i < strlen(ascii); i++) {
        assert_int_equal(text->bytes[2 * i], ascii[i]);
        assert_int_equal(text->bytes[2 * i + 1], 0);
    }
}

static void set_text(struct client_info_text *text, size_t size)
{
    memset(text, 0, sizeof(*text));
    for (size_t i = 0; i < size; i += 2)
        text->bytes[i] = 'x';
    text->size = (uint16_t)size;
}

static void reads_lab_connection(void **state)
{
    struct client_info info = load(LAB);

    (void)state;
    assert_int_equal(info.flags, 0x000b47f3);
    assert_text(&info.domain, "LAB");
    assert_text(&info.user, "alice");
    assert_text(&info.password, "Passw0rd!");
    assert_int_equal(info.shell.size, 0);
    assert_int_equal(info.dir.size, 0);
    assert_true(info.has_extended);
    assert_int_equal(info.address_family, CLIENT_INFO_ADDRESS_FAMILY_INET);
    assert_text(&info.address, "127.0.0.1");
    assert_text(&info.client_dir, "C:\\Windows\\System32\\mstscax.dll");
    assert_true(info.has_time_zone && info.has_session_id && info.has_performance_flags);
    assert_int_equal(info.performance_flags, 0x86);
    assert_true(info.has_cookie_size);
    assert_int_equal(info.cookie_size, 0);
    assert_false(info.has_reserved);
    assert_int_equal(client_info_compression_type(info.flags), 3);
    client_info_wipe(&info);
    assert_int_equal(info.password.size, 0);
    assert_int_equal(info.password.bytes[0], 0);
}

static void reads_specification(void **state)
{
    struct client_info info = load(SPEC);

    (void)state;
    assert_int_equal(info.code_page, 0x04090409);
    assert_int_equal(info.flags, 0x000043b3);
    assert_text(&info.domain, "NTDEV");
    assert_text(&info.user, "eltons");
    assert_int_equal(info.password.size, 0);
    assert_true(info.has_cookie_size);
    assert_int_equal(info.cookie_size, 0);
    assert_int_equal(info.performance_flags, 1);
    assert_int_equal(client_info_compression_type(info.flags), 1);
    assert_int_equal(client_info_compression_type(info.flags & ~(uint32_t)INFO_COMPRESSION), -1);
}

static void round_trip(const char *vector)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct client_info info = load(vector);
    uint8_t out[CLIENT_INFO_SIZE_MAX];
    struct wr w;

    wr_init(&w, out, sizeof(out));
    client_info_write(&w, &info);
    assert_true(wr_ok(&w));
    assert_int_equal(w.pos, size);
    assert_memory_equal(out, data, size);
    free(data);
}

static void writes_what_it_read(void **state)
{
    (void)state;
    round_trip(LAB);
    round_trip(SPEC);
}

/* The extended fields are optional one by one, so the packet may end between any two. */
static bool lab_may_end(size_t size)
{
    return size == AT_CB_ADDRESS - 2 || size == AT_TIME_ZONE || size == AT_SESSION_ID ||
           size == AT_PERFORMANCE || size == AT_COOKIE;
}

static void refuses_every_other_prefix(void **state)
{
    (void)state;
    probe_prefixes(LAB, parse, sizeof(struct client_info), lab_may_end);
}

static void survives_every_byte(void **state)
{
    (void)state;
    assert_true(probe_bytes(LAB, parse, sizeof(struct client_info)) > 0);
    assert_true(probe_bytes(SPEC, parse, sizeof(struct client_info)) > 0);
}

/* Set 16 bits of lab.hex and expect a refusal. */
static void refuse_with(size_t offset, uint16_t value, enum sp_err want)
{
    size_t size;
    uint8_t *data = vector_load(LAB, &size);
    struct client_info info;

    data[offset] = (uint8_t)value;
    data[offset + 1] = (uint8_t)(value >> 8);
    assert_int_equal(probe_parse(data, size, parse, &info), want);
    free(data);
}

static void refuses_bad_fields(void **state)
{
    (void)state;
    refuse_with(AT_SEC_FLAGS, 0x0008, SP_EVALUE);  /* not INFO_PKT  */
    refuse_with(AT_FLAGS, 0x47e3, SP_EVALUE);      /* not UNICODE   */
    refuse_with(AT_DOMAIN_NUL, 0x0041, SP_EVALUE); /* no NUL        */
    refuse_with(AT_CB_ADDRESS, 82, SP_ELIMIT);
    refuse_with(AT_CB_ADDRESS, 21, SP_EVALUE);
    refuse_with(AT_COOKIE, CLIENT_INFO_COOKIE_SIZE, SP_ESHORT);
}

/* xrdp CVE-2025-68670 and its family. */
static void refuses_bad_lengths(void **state)
{
    static const struct {
        uint16_t value;
        enum sp_err want;
    } cases[] = {{510, SP_ESHORT},    {512, SP_ELIMIT}, {0xFFFE, SP_ELIMIT},
                 {0xFFFF, SP_ELIMIT}, {7, SP_EVALUE},   {511, SP_ELIMIT}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t field = 0; field < 5; field++)
            refuse_with(AT_CB_DOMAIN + 2 * field, cases[i].value, cases[i].want);
    }
}

static void ignores_encrypt_bit_and_flags_hi(void **state)
{
    size_t size;
    uint8_t *data = vector_load(LAB, &size);
    struct client_info info;

    (void)state;
    data[0] |= 0x08; /* old clients set SEC_ENCRYPT under TLS too */
    data[2] = 0x5a;
    data[3] = 0xa5;
    assert_int_equal(probe_parse(data, size, parse, &info), SP_OK);
    free(data);
}

static void refuses_bad_cookie_lengths(void **state)
{
    static const uint16_t sizes[] = {1, 27, 29, 0xFFFF};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        refuse_with(AT_COOKIE, sizes[i], SP_EVALUE);
}

static size_t write_info(const struct client_info *info, uint8_t *out, size_t size)
{
    struct wr w;

    wr_init(&w, out, size);
    client_info_write(&w, info);
    assert_true(wr_ok(&w));
    return w.pos;
}

/* Everything at its limit: redemption's buffer was too small for five texts of 510 bytes. */
static void carries_largest_texts(void **state)
{
    struct client_info info, back;
    uint8_t out[CLIENT_INFO_SIZE_MAX + 2];
    size_t size;

    (void)state;
    memset(&info, 0, sizeof(info));
    info.flags = INFO_UNICODE;
    set_text(&info.domain, CLIENT_INFO_TEXT_MAX);
    info.user = info.password = info.shell = info.dir = info.client_dir = info.domain;
    set_text(&info.address, CLIENT_INFO_ADDRESS_MAX - 2);
    set_text(&info.key_name, CLIENT_INFO_KEY_NAME_MAX);
    info.has_extended = info.has_time_zone = info.has_session_id = true;
    info.has_performance_flags = info.has_cookie_size = info.has_reserved = true;
    info.has_key_name = info.has_dynamic_dst_disabled = true;
    info.cookie_size = CLIENT_INFO_COOKIE_SIZE;
    info.reserved1 = 100;
    info.dynamic_dst_disabled = 1;
    size = write_info(&info, out, sizeof(out));
    assert_int_equal(probe_parse(out, size, parse, &back), SP_OK);
    assert_memory_equal(&back, &info, sizeof(info));
    assert_int_equal(probe_parse(out, size - 1, parse, &back), SP_ESHORT);
    out[size] = 0;
    assert_int_equal(probe_parse(out, size + 1, parse, &back), SP_ETRAIL);
}

static void refuses_long_key_name_and_packet(void **state)
{
    struct client_info info;
    uint8_t out[CLIENT_INFO_SIZE_MAX + 1];
    size_t at;

    (void)state;
    info = load(LAB);
    info.has_reserved = info.has_key_name = true;
    at = write_info(&info, out, sizeof(out)) - 2;
    out[at] = 0x00; /* cbDynamicDSTTimeZoneKeyName 256 */
    out[at + 1] = 0x01;
    assert_int_equal(probe_parse(out, at + 2, parse, &info), SP_ELIMIT);
    out[at] = 3;
    out[at + 1] = 0;
    assert_int_equal(probe_parse(out, at + 2, parse, &info), SP_EVALUE);
    memset(out + at, 0, sizeof(out) - at);
    assert_int_equal(probe_parse(out, sizeof(out), parse, &info), SP_ELIMIT);
}

static void expect_write(const struct client_info *info, size_t space, enum sp_err want)
{
    uint8_t out[CLIENT_INFO_SIZE_MAX];
    struct wr w;

    wr_init(&w, out, space);
    client_info_write(&w, info);
    assert_int_equal(w.fail.code, want);
}

static void writer_refuses(void **state)
{
    struct client_info info = load(LAB);

    (void)state;
    expect_write(&info, LAB_SIZE - 1, SP_ESPACE);
    info.user.size = 512;
    expect_write(&info, CLIENT_INFO_SIZE_MAX, SP_ELIMIT);
    info.user.size = 3;
    expect_write(&info, CLIENT_INFO_SIZE_MAX, SP_EVALUE);
    info = load(LAB);
    info.address.size = CLIENT_INFO_ADDRESS_MAX;
    expect_write(&info, CLIENT_INFO_SIZE_MAX, SP_ELIMIT);
    info = load(LAB);
    info.cookie_size = 27;
    expect_write(&info, CLIENT_INFO_SIZE_MAX, SP_EVALUE);
}

/* Optional fields stop at the first that is missing. */
static void writer_stops_at_missing_field(void **state)
{
    struct client_info info = load(LAB);
    uint8_t out[CLIENT_INFO_SIZE_MAX];

    (void)state;
    info.has_cookie_size = false;
    assert_int_equal(write_info(&info, out, sizeof(out)), AT_COOKIE);
    info.has_performance_flags = false;
    assert_int_equal(write_info(&info, out, sizeof(out)), AT_PERFORMANCE);
    info.has_session_id = false;
    assert_int_equal(write_info(&info, out, sizeof(out)), AT_SESSION_ID);
    info.has_time_zone = false;
    assert_int_equal(write_info(&info, out, sizeof(out)), AT_TIME_ZONE);
    info.has_extended = false;
    assert_int_equal(write_info(&info, out, sizeof(out)), AT_CB_ADDRESS - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lab_connection),
        cmocka_unit_test(reads_specification),
        cmocka_unit_test(writes_what_it_read),
        cmocka_unit_test(refuses_every_other_prefix),
        cmocka_unit_test(survives_every_byte),
        cmocka_unit_test(refuses_bad_fields),
        cmocka_unit_test(refuses_bad_lengths),
        cmocka_unit_test(ignores_encrypt_bit_and_flags_hi),
        cmocka_unit_test(refuses_bad_cookie_lengths),
        cmocka_unit_test(carries_largest_texts),
        cmocka_unit_test(refuses_long_key_name_and_packet),
        cmocka_unit_test(writer_refuses),
        cmocka_unit_test(writer_stops_at_missing_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
