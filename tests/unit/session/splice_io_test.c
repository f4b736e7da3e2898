/* SPDX-License-Identifier: Apache-2.0
 * The splice's loop when a leg does not take its data, hangs up or breaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "rdp/mcs.h"
#include "session/splice_priv.h"
#include "support/identity.h"

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define USER           1007
#define FRAME          2000

static struct front front;
static struct back back;
static struct keeper_link keeper;
static struct splice splice;
static struct ipc_decide_rsp decision;
static int client, target, keeper_end; /* the far ends */

static int setup(void **state)
{
    int a[2], b[2], k[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, b) != 0 || ipc_pair(k) != SP_OK)
        return -1;
    memset(&front, 0, sizeof(front));
    memset(&back, 0, sizeof(back));
    keeper_link_init(&keeper, k[0]);
    client = a[1];
    target = b[1];
    keeper_end = k[1];
    if (stream_init(&front.stream, a[0], &keeper) != SP_OK ||
        stream_init(&back.stream, b[0], &keeper) != SP_OK)
        return -1;
    front.user_id = back.user_id = USER;
    back.io_channel = MCS_GLOBAL_CHANNEL;
    front.settings.channel_count = back.channel_count = 1;
    back.channel_ids[0] = FRONT_CHANNEL_FIRST;
    decision.idle_ms = 300;
    splice_init(&splice, &front, &back, &keeper, &decision);
    splice.is_confirmed = splice.is_noted = true;
    return 0;
}

static int teardown(void **state)
{
    int all[] = {front.stream.fd, back.stream.fd, keeper.fd, keeper_end, client, target};

    (void)state;
    SSL_free(front.stream.ssl);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i] >= 0)
            close(all[i]);
    return 0;
}

static void make_narrow(int fd)
{
    int size = 4096;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

static void send_chunks(int count)
{
    static uint8_t chunk[1608] = {0x40, 0x06, 0, 0, 3}; /* 1600 bytes, FIRST and LAST */
    uint8_t pdu[2048];

    for (int i = 0; i < count; i++) {
        struct wr w;

        wr_init(&w, pdu, sizeof(pdu));
        size_t mark = mcs_send_begin(&w, false, USER, FRONT_CHANNEL_FIRST);
        wr_bytes(&w, chunk, sizeof(chunk));
        mcs_send_end(&w, mark);
        assert_int_equal(send(client, pdu, w.pos, 0), (ssize_t)w.pos);
    }
}

static int64_t cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The target takes nothing and the client hangs up meanwhile: that is waited for asleep. */
static void a_hang_up_does_not_keep_us_awake(void **state)
{
    (void)state;
    make_narrow(back.stream.fd);
    send_chunks(50);
    close(client);
    client = -1;
    int64_t before = cpu_ms();
    assert_int_equal(splice_run(&splice), SP_ETIME);
    assert_string_equal(splice.why, "idle");
    assert_true(cpu_ms() - before < 100);
}

/* In a process of its own: read everything, slowly at first. Ends with 0 if only whole frames came.
 */
static pid_t slow_reader(void)
{
    pid_t pid = fork();
    static uint8_t got[65536];
    size_t total = 0;
    ssize_t n;

    if (pid != 0)
        return pid;
    close(front.stream.fd);
    usleep(200000);
    while ((n = read(client, got, sizeof(got))) > 0)
        total += (size_t)n;
    _exit(n == 0 && total > 0 && total % FRAME == 0 ? 0 : 1);
}

/* What is said to the client after a refusal must not fall into the middle of a PDU. */
static void a_refusal_leaves_whole_frames(void **state)
{
    static uint8_t output[FRAME] = {0x00, 0x80 | FRAME >> 8, FRAME & 0xff};
    int status = -1;

    (void)state;
    make_narrow(front.stream.fd);
    for (int i = 0; i < 30; i++)
        assert_int_equal(send(target, output, sizeof(output), 0), sizeof(output));
    assert_int_equal(send(client, "\x04\x04\x00\x1e\x01\x00", 6, 0), 6);
    pid_t reader = slow_reader();
    assert_int_not_equal(splice_run(&splice), SP_OK);
    assert_string_equal(splice.why, "PDU refused");
    close(front.stream.fd);
    front.stream.fd = -1;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
}

/* A client in a process of its own: a good handshake, then a record that is none. */
static pid_t broken_tls_client(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
    SSL_set_fd(ssl, client);
    if (SSL_connect(ssl) != 1)
        _exit(1);
    if (send(client, "\x17\x03\x03\x00\x20 This is thirty-two bytes long.", 37, 0) != 37)
        _exit(2);
    usleep(200000);
    _exit(0);
}

static SSL_CTX *server_context(void)
{
    static struct identity id;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    identity_make(IDENTITY_P256, 1, &id);
    BIO *cert = BIO_new_mem_buf(id.cert, -1), *key = BIO_new_mem_buf(id.key, -1);
    X509 *x509 = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    assert_int_equal(SSL_CTX_use_certificate(ctx, x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pkey), 1);
    X509_free(x509);
    EVP_PKEY_free(pkey);
    BIO_free(cert);
    BIO_free(key);
    return ctx;
}

/* Bytes changed on the way are a failure with a reason, not a connection that simply ended. */
static void broken_tls_is_told(void **state)
{
    SSL_CTX *ctx = server_context();
    int status = -1;

    (void)state;
    pid_t pid = broken_tls_client();
    front.stream.deadline_ms = clock_now_ms() + 5000;
    assert_int_equal(stream_tls_accept(&front.stream, ctx), SP_OK);
    assert_true((SSL_get_options(front.stream.ssl) & SSL_OP_CLEANSE_PLAINTEXT) != 0);
    stream_read_ahead(&front.stream);
    assert_true((SSL_get_options(front.stream.ssl) & SSL_OP_CLEANSE_PLAINTEXT) == 0);
    assert_int_equal(splice_run(&splice), SP_ECRYPTO);
    assert_int_equal(splice.to_target.fail.code, SP_ECRYPTO);
    assert_string_equal(splice.to_target.fail.where, "TLS");
    assert_string_equal(splice.why, "TLS failed");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    SSL_CTX_free(ctx);
}

static enum sp_err size_four(const uint8_t *p, size_t have, size_t *size, struct sp_fail *fail)
{
    (void)p;
    (void)have;
    (void)fail;
    *size = 4;
    return SP_OK;
}

/* Before the splice: whoever keeps sending cannot outrun the deadline. */
static void a_deadline_holds_although_bytes_are_there(void **state)
{
    uint8_t *data;
    size_t size;

    (void)state;
    assert_int_equal(send(client, "12345678", 8, 0), 8);
    front.stream.deadline_ms = clock_now_ms() + 5000;
    assert_int_equal(stream_message(&front.stream, size_four, 4, &data, &size), SP_OK);
    front.stream.deadline_ms = clock_now_ms() - 1;
    assert_int_equal(stream_message(&front.stream, size_four, 4, &data, &size), SP_ETIME);
    assert_string_equal(front.stream.fail.where, "deadline");
}

/* A read that gave less than there was room for is the last until poll has spoken. */
static void an_empty_socket_is_not_asked_twice(void **state)
{
    char got[16];

    (void)state;
    BIO *bio = stream_bio_new(&front.stream);
    assert_non_null(bio);
    assert_int_equal(send(client, "1234", 4, 0), 4);
    assert_int_equal(BIO_read(bio, got, 3), 3); /* all that was asked for: there may be more */
    assert_int_equal(BIO_read(bio, got, sizeof(got)), 1);
    assert_int_equal(send(client, "56", 2, 0), 2);
    assert_int_equal(BIO_read(bio, got, sizeof(got)), -1);
    assert_true(BIO_should_read(bio));
    stream_ready(&front.stream);
    assert_int_equal(BIO_read(bio, got, sizeof(got)), 2);
    assert_int_equal(BIO_write(bio, "789", 3), 3);
    assert_int_equal(recv(client, got, sizeof(got), 0), 3);
    close(client);
    client = -1;
    stream_ready(&front.stream);
    assert_int_equal(BIO_read(bio, got, sizeof(got)), 0);
    assert_false(BIO_should_retry(bio));
    BIO_free(bio);
}

/* Only what follows a PDU of a target that draws by itself may lie for a moment. */
static void an_answer_is_never_held(void **state)
{
    (void)state;
    splice.last_input_ms = clock_now_ms() - 2 * SPLICE_HASTE_MS;
    assert_true(splice_may_gather(&splice, true, false));
    assert_false(splice_may_gather(&splice, false, false));
    assert_false(splice_may_gather(&splice, true, true));
    splice.to_target.out_size = 1;
    assert_false(splice_may_gather(&splice, true, false));
    splice.to_target.out_size = 0;
    splice.last_input_ms = clock_now_ms();
    assert_false(splice_may_gather(&splice, true, false));
}

/* PDUs that a drawing target sends apart, the last with its end: all arrive, whole and in order. */
static void what_was_gathered_arrives(void **state)
{
    static uint8_t output[FRAME] = {0x00, 0x80 | FRAME >> 8, FRAME & 0xff}, got[FRAME];

    (void)state;
    splice.last_input_ms = clock_now_ms() - 2 * SPLICE_HASTE_MS;
    pid_t pid = fork();
    if (pid == 0) {
        for (uint8_t i = 0; i < 20; i++) {
            output[3] = i;
            if (send(target, output, sizeof(output), 0) != FRAME ||
                recv(client, got, FRAME, MSG_WAITALL) != FRAME || got[3] != i)
                _exit(1);
        }
        shutdown(target, SHUT_WR);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(splice_run(&splice), SP_OK);
    assert_string_equal(splice.why, "target ended");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hang_up_does_not_keep_us_awake),
        TEST(a_refusal_leaves_whole_frames),
        TEST(broken_tls_is_told),
        TEST(a_deadline_holds_although_bytes_are_there),
        TEST(an_empty_socket_is_not_asked_twice),
        TEST(an_answer_is_never_held),
        TEST(what_was_gathered_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
