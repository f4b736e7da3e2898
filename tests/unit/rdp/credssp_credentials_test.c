/* SPDX-License-Identifier: Apache-2.0
 * TSCredentials: the captured password, Microsoft's smart card sample, and every refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/nla.h"
#include "rdp/credssp.h"
#include "support/vector.h"

static enum sp_err parse(struct rd *r, void *out)
{
    return ts_credentials_read(r, out);
}

static void assert_ascii(const struct rd *text, const char *want)
{
    assert_int_equal(text->left, 2 * strlen(want));
    for (size_t i = 0; i < strlen(want); i++) {
        assert_int_equal(text->at[2 * i], want[i]);
        assert_int_equal(text->at[2 * i + 1], 0);
    }
}

static void password_is_read_and_written(void **state)
{
    struct golden g = nla_golden("ts_credentials/freerdp_password");
    struct rd r = nla_reader(g);
    struct ts_credentials c;
    uint8_t out[256];
    struct wr w;

    (void)state;
    assert_int_equal(ts_credentials_read(&r, &c), SP_OK);
    assert_int_equal(c.type, TS_CRED_PASSWORD);
    assert_false(c.password.is_empty);
    assert_ascii(&c.password.domain, "LAB");
    assert_ascii(&c.password.user, "alice");
    assert_ascii(&c.password.password, "Passw0rd!");
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ts_credentials_write(&w, &c.password), SP_OK);
    assert_int_equal(w.pos, g.size);
    assert_memory_equal(out, g.data, g.size);
    wr_init(&w, out, g.size - 1);
    assert_int_equal(ts_credentials_write(&w, &c.password), SP_ESPACE);
}

static void smartcard_is_recognised(void **state)
{
    struct rd r = nla_reader(nla_golden("ts_credentials/cssp_smartcard"));
    struct ts_credentials c;

    (void)state;
    assert_int_equal(ts_credentials_read(&r, &c), SP_OK);
    assert_int_equal(c.type, TS_CRED_SMARTCARD);
    assert_int_equal(c.password.password.left, 0);
}

static void prefixes_and_changes(void **state)
{
    static const char *const names[] = {"ts_credentials/freerdp_password",
                                        "ts_credentials/cssp_smartcard"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        nla_check_prefixes(names[i], nla_golden(names[i]).size, parse);
        nla_check_changes(names[i], parse);
    }
}

static enum sp_err read_bytes(const char *bytes, size_t size, struct ts_credentials *c)
{
    uint8_t *exact = vector_prefix((const uint8_t *)bytes, size);
    struct rd r;
    enum sp_err err;

    rd_init(&r, exact, size);
    err = ts_credentials_read(&r, c);
    free(exact);
    return err;
}

#define READ(bytes) read_bytes(bytes, sizeof(bytes) - 1, &c)
#define EMPTY       "\xA0\x02\x04\x00\xA1\x02\x04\x00\xA2\x02\x04\x00"

static void restricted_admin_is_empty(void **state)
{
    struct ts_credentials c;

    (void)state;
    assert_int_equal(READ("\x30\x17\xA0\x03\x02\x01\x01\xA1\x10\x04\x0E\x30\x0C" EMPTY), SP_OK);
    assert_true(c.password.is_empty);
}

static void refusals(void **state)
{
    struct ts_credentials c;

    (void)state;
    assert_int_equal(READ("\x30\x17\xA0\x03\x02\x01\x06\xA1\x10\x04\x0E\x30\x0C" EMPTY),
                     SP_EDENIED);
    assert_int_equal(READ("\x30\x17\xA0\x03\x02\x01\x03\xA1\x10\x04\x0E\x30\x0C" EMPTY), SP_EVALUE);
    assert_int_equal(READ("\x30\x17\xA0\x03\x02\x01\x00\xA1\x10\x04\x0E\x30\x0C" EMPTY), SP_EVALUE);
    /* garbage behind the inner structure, the outer one, and inside */
    assert_int_equal(READ("\x30\x18\xA0\x03\x02\x01\x01\xA1\x11\x04\x0F\x30\x0C" EMPTY "x"),
                     SP_ETRAIL);
    assert_int_equal(READ("\x30\x17\xA0\x03\x02\x01\x01\xA1\x10\x04\x0E\x30\x0C" EMPTY "x"),
                     SP_ETRAIL);
    assert_int_equal(
        READ("\x30\x1B\xA0\x03\x02\x01\x01\xA1\x14\x04\x12\x30\x10" EMPTY "\xA3\x02\x04\x00"),
        SP_ETRAIL);
    /* text of odd length; a missing password */
    assert_int_equal(READ("\x30\x18\xA0\x03\x02\x01\x01\xA1\x11\x04\x0F\x30\x0D\xA0\x03\x04\x01x"
                          "\xA1\x02\x04\x00\xA2\x02\x04\x00"),
                     SP_EVALUE);
    assert_int_equal(READ("\x30\x13\xA0\x03\x02\x01\x01\xA1\x0C\x04\x0A\x30\x08\xA0\x02\x04\x00"
                          "\xA1\x02\x04\x00"),
                     SP_ESHORT);
}

/* TSSmartCardCreds with the given rest behind an empty PIN. */
static void csp_details(void **state)
{
    struct ts_credentials c;

    (void)state;
    /* every optional name missing */
    assert_int_equal(READ("\x30\x1A\xA0\x03\x02\x01\x02\xA1\x13\x04\x11\x30\x0F\xA0\x02\x04\x00"
                          "\xA1\x09\x30\x07\xA0\x03\x02\x01\x01\xA1\x00"),
                     SP_ESHORT);
    assert_int_equal(READ("\x30\x18\xA0\x03\x02\x01\x02\xA1\x11\x04\x0F\x30\x0D\xA0\x02\x04\x00"
                          "\xA1\x07\x30\x05\xA0\x03\x02\x01\x01"),
                     SP_OK);
    /* keySpec missing, and the whole TSCspDataDetail */
    assert_int_equal(READ("\x30\x13\xA0\x03\x02\x01\x02\xA1\x0C\x04\x0A\x30\x08\xA0\x02\x04\x00"
                          "\xA1\x02\x30\x00"),
                     SP_ESHORT);
    assert_int_equal(READ("\x30\x0F\xA0\x03\x02\x01\x02\xA1\x08\x04\x06\x30\x04\xA0\x02\x04\x00"),
                     SP_ESHORT);
    /* hints */
    assert_int_equal(READ("\x30\x20\xA0\x03\x02\x01\x02\xA1\x19\x04\x17\x30\x15\xA0\x02\x04\x00"
                          "\xA1\x07\x30\x05\xA0\x03\x02\x01\x01\xA2\x02\x04\x00\xA3\x02\x04\x00"),
                     SP_OK);
}

static void writer_refuses_too_much(void **state)
{
    static uint8_t big[0x4001], out[0x8000];
    struct ts_password p;
    struct wr w;

    (void)state;
    rd_init(&p.domain, big, 0);
    rd_init(&p.user, big, 0);
    rd_init(&p.password, big, sizeof(big));
    wr_init(&w, out, sizeof(out));
    assert_int_equal(ts_credentials_write(&w, &p), SP_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(password_is_read_and_written),
        cmocka_unit_test(smartcard_is_recognised),
        cmocka_unit_test(prefixes_and_changes),
        cmocka_unit_test(restricted_admin_is_empty),
        cmocka_unit_test(refusals),
        cmocka_unit_test(csp_details),
        cmocka_unit_test(writer_refuses_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
