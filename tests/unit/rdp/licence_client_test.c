/* SPDX-License-Identifier: Apache-2.0
 * The licensing client against an implementation of its own: every byte that it writes, every
 * prefix and change of what it reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/licence_client.h"
#include "support/vector.h"

static struct licence_client client;
static uint8_t out[LICENCE_MESSAGE_SIZE_MAX];

/* The state that tests/e2e/rdpmini/licence.py makes its vectors with. */
static int fresh(void **state)
{
    (void)state;
    memset(&client, 0, sizeof(client));
    memset(client.client_random, 0x11, sizeof(client.client_random));
    memset(client.premaster, 0x22, sizeof(client.premaster));
    client.premaster[LICENCE_PREMASTER_SIZE - 1] = 1;
    memset(client.hardware_id, 0x33, sizeof(client.hardware_id));
    memcpy(client.user, "worker", 7);
    memcpy(client.machine, "gate", 5);
    return 0;
}

static enum sp_err begin_with(const uint8_t *data, size_t data_size, const char *licence,
                              struct wr *w)
{
    struct licence_request request;
    struct rd r;

    rd_init(&r, data, data_size);
    enum sp_err err = licence_request_read(&r, &request);
    wr_init(w, out, sizeof(out));
    if (err != SP_OK)
        return err;
    return licence_client_begin(&client, &request, (const uint8_t *)licence, strlen(licence), w);
}

static void begin(const char *request, const char *licence, struct wr *w)
{
    size_t size;
    uint8_t *data = vector_load(request, &size);

    assert_int_equal(begin_with(data, size, licence, w), SP_OK);
    free(data);
}

static void check_bytes(const char *name, const uint8_t *bytes, size_t size)
{
    size_t want_size;
    uint8_t *want = vector_load(name, &want_size);

    assert_int_equal(size, want_size);
    assert_memory_equal(bytes, want, size);
    free(want);
}

static void new_request_byte_for_byte(void **state)
{
    uint8_t keys[32];
    struct wr w;

    (void)state;
    begin("licence_client/request_proprietary.hex", "", &w);
    check_bytes("licence_client/new_request.hex", out, w.pos);
    memcpy(keys, client.keys.mac, 16);
    memcpy(keys + 16, client.keys.encryption, 16);
    check_bytes("licence_client/keys.hex", keys, sizeof(keys));
    for (size_t i = 0; i < sizeof(client.premaster); i++)
        assert_int_equal(client.premaster[i], 0);
}

static void licence_info_byte_for_byte(void **state)
{
    struct wr w;

    (void)state;
    begin("licence_client/request_x509.hex", "a licence", &w);
    check_bytes("licence_client/info.hex", out, w.pos);
}

static enum sp_err challenge_with(const uint8_t *data, size_t size, struct wr *w)
{
    struct rd r;

    rd_init(&r, data, size);
    wr_init(w, out, sizeof(out));
    return licence_client_challenge(&client, &r, w);
}

static void response_byte_for_byte(void **state)
{
    size_t size;
    uint8_t *data = vector_load("licence_client/challenge.hex", &size);
    struct wr w;

    (void)state;
    begin("licence_client/request_x509.hex", "", &w);
    assert_int_equal(challenge_with(data, size, &w), SP_OK);
    check_bytes("licence_client/response.hex", out, w.pos);
    assert_int_equal(challenge_with(data, size, &w), SP_ESTATE);
    free(data);
}

static enum sp_err finish_with(const uint8_t *data, size_t data_size, size_t *size)
{
    static uint8_t licence[LICENCE_SIZE_MAX];
    char scope[LICENCE_SCOPE_TEXT_MAX] = "unchanged";
    struct rd r;

    rd_init(&r, data, data_size);
    enum sp_err err = licence_client_finish(&client, &r, scope, licence, size);
    if (err == SP_OK) {
        assert_string_equal(scope, "microsoft.com");
        assert_memory_equal(licence, *size == 9 ? "a licence" : "\0\1\2\3\4\5\6\7\10", 9);
    }
    return err;
}

static void both_kinds_of_licence(void **state)
{
    static const struct {
        const char *name;
        size_t size;
    } cases[] = {{"licence_client/new_licence.hex", 9}, {"licence_client/upgrade.hex", 7168}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t data_size, size = 0;
        uint8_t *data = vector_load(cases[i].name, &data_size);
        struct wr w;

        fresh(NULL);
        assert_int_equal(finish_with(data, data_size, &size), SP_ESTATE); /* before the request */
        begin("licence_client/request_x509.hex", "", &w);
        assert_int_equal(finish_with(data, data_size, &size), SP_OK);
        assert_int_equal(size, cases[i].size);
        assert_int_equal(finish_with(data, data_size, &size), SP_ESTATE);
        free(data);
    }
}

typedef enum sp_err take_fn(const uint8_t *data, size_t size);

static enum sp_err take_request(const uint8_t *data, size_t size)
{
    struct wr w;

    return begin_with(data, size, "", &w);
}

static enum sp_err take_challenge(const uint8_t *data, size_t size)
{
    struct wr w;

    begin("licence_client/request_x509.hex", "", &w);
    return challenge_with(data, size, &w);
}

static enum sp_err take_licence(const uint8_t *data, size_t size)
{
    struct wr w;
    size_t used;

    begin("licence_client/request_x509.hex", "", &w);
    return finish_with(data, size, &used);
}

static const struct {
    const char *name;
    take_fn *take;
    bool is_sealed; /* every change must be refused: a checksum covers it all */
} messages[] = {
    {"licence_client/request_proprietary.hex", take_request, false},
    {"licence_client/request_x509.hex", take_request, false},
    {"licence_client/challenge.hex", take_challenge, true},
    {"licence_client/new_licence.hex", take_licence, true},
};

static void every_prefix_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        size_t size;
        uint8_t *data = vector_load(messages[i].name, &size);

        for (size_t n = 0; n < size; n++) {
            uint8_t *part = vector_prefix(data, n);

            fresh(NULL);
            assert_int_not_equal(messages[i].take(part, n), SP_OK);
            free(part);
        }
        free(data);
    }
}

/* Flags, version and the blob's type are advice; the client's flags of a challenge are reserved. */
static bool is_advice(const char *name, size_t at)
{
    size_t blob = strstr(name, "challenge") != NULL ? 12 : 8;

    return at < 4 || at == 5 || (at >= 8 && at < blob + 2) ||
           (at == 4 && strstr(name, "new_licence") != NULL);
}

static void every_change_is_taken_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        size_t size;
        uint8_t *data = vector_load(messages[i].name, &size);

        for (size_t at = 0; at < size; at++) {
            for (unsigned value = 1; value < 256; value = value * 3 + 1) {
                data[at] ^= (uint8_t)value;
                fresh(NULL);
                enum sp_err err = messages[i].take(data, size);
                if (messages[i].is_sealed && !is_advice(messages[i].name, at))
                    assert_int_not_equal(err, SP_OK);
                data[at] ^= (uint8_t)value;
            }
        }
        free(data);
    }
}

/* The specification's own request: a chain of two with a key of 2048 bits. */
static void request_of_the_specification(void **state)
{
    size_t size, want_size;
    uint8_t *data = vector_load("licence_client/spec_request.hex", &size);
    uint8_t *want = vector_load("licence_client/spec_modulus.hex", &want_size);
    struct licence_request request;
    struct licence_public_key key;
    struct rd r;

    (void)state;
    rd_init(&r, data, size);
    assert_int_equal(licence_request_read(&r, &request), SP_OK);
    assert_string_equal(request.scope, "microsoft.com");
    assert_memory_equal(request.server_random, data + 8, LICENCE_RANDOM_SIZE);
    assert_int_equal(licence_public_key_read(&request.certificate, &key), SP_OK);
    assert_int_equal(key.exponent, 65537);
    assert_int_equal(key.size, want_size);
    assert_memory_equal(key.modulus, want, want_size);
    free(data);
    free(want);
}

/* The specification's answers come from other connections: their shape is what can be compared. */
static void shape_of_the_specifications_answers(void **state)
{
    size_t size;
    uint8_t *data = vector_load("licence_client/spec_request.hex", &size);
    uint8_t *want = vector_load("licence_client/spec_new_request.hex", &size);
    struct wr w;

    (void)state;
    memcpy(client.user, "Administrator", 14);
    memcpy(client.machine, "RODENT", 7);
    free(data);
    begin("licence_client/spec_request.hex", "", &w);
    assert_int_equal(w.pos, size);
    assert_memory_equal(out, want, 12);                     /* up to the algorithm          */
    assert_memory_equal(out + 48, want + 48, 4);            /* the secret's type and length */
    assert_memory_equal(out + 308, want + 308, size - 308); /* its padding, the names */
    free(want);
}

static void requests_that_cannot_be_answered(void **state)
{
    size_t size;
    uint8_t *data = vector_load("licence_client/request_proprietary.hex", &size);
    uint8_t *magic = memmem(data, size, "RSA1", 4);
    struct wr w;

    (void)state;
    assert_non_null(magic);
    magic[0] = 'X';
    assert_int_equal(begin_with(data, size, "", &w), SP_EVALUE);
    assert_int_equal(w.pos, 0);
    magic[0] = 'R';
    fresh(NULL);
    magic[16] = 1; /* exponent 65537 becomes … */
    magic[18] = 0; /* … 1: the secret would go in clear */
    assert_int_equal(begin_with(data, size, "", &w), SP_EVALUE);
    assert_string_equal(client.fail.where, "RSA.exponent");
    free(data);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_request_byte_for_byte),        TEST(licence_info_byte_for_byte),
        TEST(response_byte_for_byte),           TEST(both_kinds_of_licence),
        TEST(every_prefix_is_refused),          TEST(every_change_is_taken_or_refused),
        TEST(request_of_the_specification),     TEST(shape_of_the_specifications_answers),
        TEST(requests_that_cannot_be_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
