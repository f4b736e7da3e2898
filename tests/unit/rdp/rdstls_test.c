/* SPDX-License-Identifier: Apache-2.0
 * RDSTLS: both roles against each other, every prefix, every byte, every message at every step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/rdstls.h"
#include "support/vector.h"

static struct rdstls_login login;
static uint8_t capabilities[16], request[RDSTLS_SIZE_MAX], result[16];
static size_t request_size;

static void put(struct rdstls_text *text, const char *bytes, size_t size)
{
    text->size = (uint16_t)size;
    memcpy(text->bytes, bytes, size);
}

/* The three messages of a good exchange. */
static int make(void **state)
{
    struct rdstls_server server = {0};
    struct rdstls_client client = {0};
    struct wr w;
    struct rd r;

    (void)state;
    memset(&login, 0, sizeof(login));
    put(&login.guid, "Q\0U\0J\0D\0\0\0", 10);
    put(&login.user, "a\0l\0", 4);
    put(&login.domain, "D\0", 2);
    put(&login.password, "\x01\x02\x03", 3);
    wr_init(&w, capabilities, sizeof(capabilities));
    assert_int_equal(rdstls_server_begin(&server, &w), SP_OK);
    assert_int_equal(w.pos, 8);
    rd_init(&r, capabilities, 8);
    wr_init(&w, request, sizeof(request));
    assert_int_equal(rdstls_client_answer(&client, &r, &login, &w), SP_OK);
    request_size = w.pos;
    rd_init(&r, request, request_size);
    wr_init(&w, result, sizeof(result));
    assert_int_equal(rdstls_server_answer(&server, &r, &login, &w), SP_OK);
    assert_int_equal(w.pos, 10);
    assert_true(server.is_admitted);
    rd_init(&r, result, 10);
    assert_int_equal(rdstls_client_result(&client, &r), SP_OK);
    return 0;
}

static void check_vector(const char *name, const uint8_t *bytes, size_t size)
{
    size_t want_size;
    uint8_t *want = vector_load(name, &want_size);

    assert_int_equal(size, want_size);
    assert_memory_equal(bytes, want, size);
    free(want);
}

static void bytes_of_the_three(void **state)
{
    (void)state;
    check_vector("rdstls/capabilities.hex", capabilities, 8);
    check_vector("rdstls/request.hex", request, request_size);
    check_vector("rdstls/result.hex", result, 10);
}

static void every_prefix_of_a_request(void **state)
{
    (void)state;
    for (size_t n = 0; n < request_size; n++) {
        uint8_t *part = vector_prefix(request, n);
        struct rdstls_login out = {.guid = {.size = 77}};
        size_t size = 99;
        struct rd r;

        rd_init(&r, part, n);
        assert_int_equal(rdstls_request_read(&r, &out), SP_ESHORT);
        assert_int_equal(out.guid.size, 77);
        assert_int_equal(rdstls_size(RDSTLS_SERVER, part, n, &size, NULL), SP_OK);
        assert_true(size == 0 || size == request_size);
        free(part);
    }
}

static enum sp_err serve(const uint8_t *bytes, size_t size, bool *admitted, size_t *answered)
{
    struct rdstls_server server = {0};
    uint8_t out[64];
    struct wr w;
    struct rd r;

    wr_init(&w, out, sizeof(out));
    assert_int_equal(rdstls_server_begin(&server, &w), SP_OK);
    wr_init(&w, out, sizeof(out));
    rd_init(&r, bytes, size);
    enum sp_err err = rdstls_server_answer(&server, &r, &login, &w);
    *admitted = server.is_admitted;
    *answered = w.pos;
    if (w.pos == 10)
        assert_int_equal(out[6], err == SP_OK ? 0 : 5);
    return err;
}

static void every_change_is_denied(void **state)
{
    uint8_t *copy = vector_prefix(request, request_size);
    bool admitted;
    size_t answered;

    (void)state;
    for (size_t i = 0; i < request_size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            copy[i] ^= (uint8_t)(1 << bit);
            assert_int_not_equal(serve(copy, request_size, &admitted, &answered), SP_OK);
            assert_false(admitted);
            copy[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_int_equal(serve(copy, request_size, &admitted, &answered), SP_OK);
    free(copy);
}

/* CVE-2026-73241: a message of the server's own kind at this step must not count as a login. */
static void other_messages_at_the_request_step(void **state)
{
    static const uint8_t empty[] = {1, 0, 2, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0};
    static const uint8_t cookie[] = {1, 0, 2, 0, 2, 0, 7, 0, 0, 0, 28, 0, 28, 0, 0, 0, 1, 0, 0, 0};
    bool admitted;
    size_t answered;

    (void)state;
    assert_int_equal(serve(capabilities, 8, &admitted, &answered), SP_EVALUE);
    assert_true(!admitted && answered == 0);
    assert_int_equal(serve(result, 10, &admitted, &answered), SP_EVALUE);
    assert_true(!admitted && answered == 0);
    assert_int_equal(serve(cookie, sizeof(cookie), &admitted, &answered), SP_EVALUE);
    assert_true(!admitted && answered == 0);
    assert_int_equal(serve(empty, sizeof(empty), &admitted, &answered), SP_EDENIED);
    assert_true(!admitted && answered == 10);
}

static void empty_ticket_admits_nobody(void **state)
{
    static const uint8_t empty[] = {1, 0, 2, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0};
    struct rdstls_login saved = login;
    bool admitted;
    size_t answered;

    (void)state;
    memset(&login, 0, sizeof(login));
    assert_int_equal(serve(empty, sizeof(empty), &admitted, &answered), SP_EDENIED);
    assert_false(admitted);
    login = saved;
}

static void no_ticket_admits_nobody(void **state)
{
    struct rdstls_server server = {0};
    uint8_t out[64];
    struct wr w;
    struct rd r;

    (void)state;
    wr_init(&w, out, sizeof(out));
    assert_int_equal(rdstls_server_begin(&server, &w), SP_OK);
    rd_init(&r, request, request_size);
    assert_int_equal(rdstls_server_answer(&server, &r, NULL, &w), SP_EDENIED);
    /* and the same exchange takes no second request */
    rd_init(&r, request, request_size);
    assert_int_equal(rdstls_server_answer(&server, &r, &login, &w), SP_ESTATE);
    assert_false(server.is_admitted);
    assert_int_equal(rdstls_server_begin(&server, &w), SP_ESTATE);
}

static void server_before_its_capabilities(void **state)
{
    struct rdstls_server server = {0};
    uint8_t out[64];
    struct wr w;
    struct rd r;

    (void)state;
    wr_init(&w, out, sizeof(out));
    rd_init(&r, request, request_size);
    assert_int_equal(rdstls_server_answer(&server, &r, &login, &w), SP_ESTATE);
    assert_int_equal(w.pos, 0);
}

static void client_out_of_step(void **state)
{
    struct rdstls_client client = {0};
    uint8_t out[RDSTLS_SIZE_MAX];
    struct wr w;
    struct rd r;

    (void)state;
    wr_init(&w, out, sizeof(out));
    rd_init(&r, result, 10);
    assert_int_equal(rdstls_client_result(&client, &r), SP_ESTATE);
    rd_init(&r, result, 10); /* a result where the capabilities are due */
    assert_int_equal(rdstls_client_answer(&client, &r, &login, &w), SP_EVALUE);
    rd_init(&r, capabilities, 8);
    assert_int_equal(rdstls_client_answer(&client, &r, &login, &w), SP_ESTATE);
    assert_int_equal(w.pos, 0);
}

static void client_reads_every_result(void **state)
{
    static const uint32_t codes[] = {5, 0x52E, 0x530, 0x532, 0x533, 0x773, 0x775, 0xFFFFFFFF};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct rdstls_client client = {0};
        uint8_t bytes[10], out[RDSTLS_SIZE_MAX];
        struct wr w;
        struct rd r;

        wr_init(&w, out, sizeof(out));
        rd_init(&r, capabilities, 8);
        assert_int_equal(rdstls_client_answer(&client, &r, &login, &w), SP_OK);
        memcpy(bytes, result, 6);
        wr_init(&w, bytes + 6, 4);
        wr_u32le(&w, codes[i]);
        rd_init(&r, bytes, 10);
        assert_int_equal(rdstls_client_result(&client, &r), SP_EDENIED);
        assert_int_equal(client.fail.got, codes[i]);
    }
}

static void fields_have_limits(void **state)
{
    struct rdstls_login big = login;
    struct rdstls_client client = {0};
    uint8_t out[RDSTLS_SIZE_MAX];
    size_t size;
    struct wr w;
    struct rd r;

    (void)state;
    big.guid.size = RDSTLS_GUID_MAX + 1;
    wr_init(&w, out, sizeof(out));
    rd_init(&r, capabilities, 8);
    assert_int_equal(rdstls_client_answer(&client, &r, &big, &w), SP_ELIMIT);
    client = (struct rdstls_client){0};
    big.guid.size = 0; /* no GUID: this was no redirection for RDSTLS */
    rd_init(&r, capabilities, 8);
    assert_int_equal(rdstls_client_answer(&client, &r, &big, &w), SP_EVALUE);
    static const uint8_t long_guid[] = {1, 0, 2, 0, 1, 0, RDSTLS_GUID_MAX + 1, 0};
    rd_init(&r, long_guid, sizeof(long_guid));
    assert_int_equal(rdstls_request_read(&r, &big), SP_ELIMIT);
    assert_int_equal(rdstls_size(RDSTLS_SERVER, long_guid, 8, &size, NULL), SP_ELIMIT);
}

static void sizes_by_role(void **state)
{
    size_t size = 99;

    (void)state;
    assert_int_equal(rdstls_size(RDSTLS_CLIENT, capabilities, 4, &size, NULL), SP_OK);
    assert_int_equal(size, 8);
    assert_int_equal(rdstls_size(RDSTLS_CLIENT, result, 4, &size, NULL), SP_OK);
    assert_int_equal(size, 10);
    assert_int_equal(rdstls_size(RDSTLS_SERVER, request, request_size, &size, NULL), SP_OK);
    assert_int_equal(size, request_size);
    assert_int_equal(rdstls_size(RDSTLS_CLIENT, request, 4, &size, NULL), SP_EVALUE);
    assert_int_equal(rdstls_size(RDSTLS_SERVER, capabilities, 4, &size, NULL), SP_EVALUE);
    assert_int_equal(rdstls_size(RDSTLS_CLIENT, (const uint8_t *)"\2\0", 2, &size, NULL),
                     SP_EVALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_the_three),
        cmocka_unit_test(every_prefix_of_a_request),
        cmocka_unit_test(every_change_is_denied),
        cmocka_unit_test(other_messages_at_the_request_step),
        cmocka_unit_test(empty_ticket_admits_nobody),
        cmocka_unit_test(no_ticket_admits_nobody),
        cmocka_unit_test(server_before_its_capabilities),
        cmocka_unit_test(client_out_of_step),
        cmocka_unit_test(client_reads_every_result),
        cmocka_unit_test(fields_have_limits),
        cmocka_unit_test(sizes_by_role),
    };

    return cmocka_run_group_tests(tests, make, NULL);
}
