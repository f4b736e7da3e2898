/* SPDX-License-Identifier: Apache-2.0
 * Scripted target: the server role with TLS alone, which pours, echoes or sits idle.
 *
 *   target CERTIFICATE KEY pour|echo|idle [bare]
 *
 * Says its port on stdout and ends with stdin. "bare" leaves RDP out, for reference relays: bulk
 * starts after one byte then.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "rdp/caps.h"
#include "rdp/gcc.h"
#include "rdp/licence.h"
#include "rdp/mcs.h"
#include "rdp/share.h"
#include "rdp/x224.h"

#define USER_ID    1007
#define SHARE_ID   0x103efu
#define PDU_SIZE   16383 /* a fast-path PDU that fills a TLS record */
#define BATCH      4     /* records in a segment                    */
#define STACK_SIZE (512 * 1024)

struct target {
    SSL_CTX *tls;
    enum { POUR, ECHO, IDLE } mode;
    bool is_bare;
    int listener;
};

struct connection {
    const struct target *target;
    uint32_t requested;
    uint16_t width, height;
    struct line line;
};

static bool send_written(struct connection *c, const struct wr *w)
{
    return wr_ok(w) && line_send(&c->line, w->buf, w->pos);
}

static bool negotiate(struct connection *c)
{
    struct x224_connection_request request;
    struct x224_connection_confirm confirm = {.has_neg = true, .flags = 3, .value = PROTOCOL_SSL};
    uint8_t out[X224_CONNECTION_CONFIRM_SIZE_MAX], *pdu;
    size_t size;
    struct wr w;
    struct rd r;

    if (!line_message(&c->line, RDP_FRAME_TPKT, &pdu, &size))
        return false;
    rd_init(&r, pdu, size);
    if (x224_connection_request_read(&r, &request) != SP_OK)
        return false;
    c->requested = request.requested_protocols;
    wr_init(&w, out, sizeof(out));
    return x224_connection_confirm_write(&w, &confirm) == SP_OK && send_written(c, &w);
}

static bool connect_mcs(struct connection *c)
{
    struct mcs_connect_initial initial;
    struct mcs_connect_response response = {.result = RESULT_RT_SUCCESSFUL};
    struct gcc_client client;
    struct gcc_server server = {.version = RDP_VERSION_5,
                                .has_requested_protocols = true,
                                .requested_protocols = c->requested,
                                .io_channel = MCS_GLOBAL_CHANNEL};
    uint8_t blocks[512], out[1024], *pdu;
    struct sp_fail fail;
    size_t size;
    struct wr w;
    struct rd r;

    if (!line_message(&c->line, RDP_FRAME_TPKT, &pdu, &size))
        return false;
    rd_init(&r, pdu, size);
    if (mcs_connect_initial_read(&r, &initial) != SP_OK ||
        mcs_domain_parameters_merge(&initial, &response.parameters, &fail) != SP_OK ||
        gcc_client_read(&initial.user_data, true, &client) != SP_OK)
        return false;
    c->width = client.core.desktop_width;
    c->height = client.core.desktop_height;
    server.channel_count = client.channel_count;
    for (size_t i = 0; i < client.channel_count; i++)
        server.channel_ids[i] = (uint16_t)(MCS_GLOBAL_CHANNEL + 1 + i);
    wr_init(&w, blocks, sizeof(blocks));
    if (gcc_server_write(&w, &server) != SP_OK)
        return false;
    rd_init(&response.user_data, blocks, w.pos);
    wr_init(&w, out, sizeof(out));
    return mcs_connect_response_write(&w, &response) == SP_OK && send_written(c, &w);
}

/* Everything up to Client Info, whose place the first data PDU has. */
static bool join_domain(struct connection *c)
{
    for (;;) {
        struct mcs_pdu pdu;
        uint8_t out[32], *data;
        size_t size;
        struct wr w;
        struct rd r;

        if (!line_message(&c->line, RDP_FRAME_TPKT, &data, &size))
            return false;
        rd_init(&r, data, size);
        if (mcs_domain_read(&r, &pdu) != SP_OK)
            return false;
        wr_init(&w, out, sizeof(out));
        if (pdu.type == MCS_SEND_DATA_REQUEST)
            return true;
        if (pdu.type == MCS_ATTACH_USER_REQUEST)
            sp_ignore(mcs_attach_user_confirm_write(&w, USER_ID));
        else if (pdu.type == MCS_CHANNEL_JOIN_REQUEST)
            sp_ignore(mcs_channel_join_confirm_write(&w, USER_ID, pdu.channel_id));
        if (w.pos > 0 && !send_written(c, &w))
            return false;
    }
}

static void put(struct wr *w, const uint8_t *data, size_t size)
{
    size_t mark = mcs_send_begin(w, true, MCS_SERVER_CHANNEL, MCS_GLOBAL_CHANNEL);

    wr_bytes(w, data, size);
    mcs_send_end(w, mark);
}

static bool demand(struct connection *c)
{
    uint8_t body[1024], out[2048];
    struct wr w, b;

    wr_init(&w, out, sizeof(out));
    wr_init(&b, body, sizeof(body));
    licence_write_valid_client(&b);
    put(&w, body, b.pos);
    wr_init(&b, body, sizeof(body));
    demand_active_write_minimal(&b, SHARE_SERVER_CHANNEL, SHARE_ID, c->width, c->height, 32);
    put(&w, body, b.pos);
    return send_written(c, &w);
}

/* Read share PDUs until Font List. */
static bool await_font_list(struct connection *c)
{
    for (;;) {
        struct mcs_pdu pdu;
        uint8_t *frame;
        size_t size;
        struct rd r;

        if (!line_message(&c->line, RDP_FRAME_ACTIVE, &frame, &size))
            return false;
        if (rdp_is_fastpath(frame[0]))
            continue;
        rd_init(&r, frame, size);
        if (mcs_domain_read(&r, &pdu) != SP_OK || pdu.type != MCS_SEND_DATA_REQUEST)
            return false;
        while (pdu.data.left > 0) {
            struct share_pdu share;
            struct share_data data;

            if (share_next(&pdu.data, &share) != SP_OK)
                return false;
            if (share.type == PDUTYPE_DATAPDU && share_data_read(&share.body, &data) == SP_OK &&
                data.pdu_type2 == PDUTYPE2_FONTLIST)
                return true;
        }
    }
}

static bool activate(struct connection *c)
{
    uint8_t body[128], out[1024];
    struct wr w, b;

    if (!demand(c) || !await_font_list(c))
        return false;
    wr_init(&w, out, sizeof(out));
    for (int step = 0; step < 4; step++) {
        wr_init(&b, body, sizeof(body));
        if (step == 0)
            share_write_synchronize(&b, SHARE_SERVER_CHANNEL, SHARE_ID, USER_ID);
        else if (step == 1)
            share_write_control(&b, SHARE_SERVER_CHANNEL, SHARE_ID, CTRLACTION_COOPERATE, 0, 0);
        else if (step == 2)
            share_write_control(&b, SHARE_SERVER_CHANNEL, SHARE_ID, CTRLACTION_GRANTED_CONTROL,
                                USER_ID, SHARE_SERVER_CHANNEL);
        else
            share_write_font_map(&b, SHARE_SERVER_CHANNEL, SHARE_ID);
        put(&w, body, b.pos);
    }
    return send_written(c, &w);
}

/* --- what it does then --------------------------------------------------------------------------
 */

static void pour(struct connection *c)
{
    static const uint8_t head[] = {0x00, 0x80 | (PDU_SIZE >> 8), PDU_SIZE & 0xff};
    uint8_t pdu[PDU_SIZE];

    for (size_t i = 0; i < sizeof(pdu); i++)
        pdu[i] = (uint8_t)(i * 7);
    memcpy(pdu, head, sizeof(head));
    for (;;) {
        for (int i = 0; i < BATCH; i++)
            if (!line_queue(&c->line, pdu, sizeof(pdu)))
                return;
        if (!line_flush(&c->line))
            return;
    }
}

/* Fast-path input goes back as fast-path output of the same size. */
static void echo(struct connection *c)
{
    uint8_t *frame;
    size_t size;

    while (line_message(&c->line, RDP_FRAME_ACTIVE, &frame, &size))
        if (rdp_is_fastpath(frame[0]) && !line_send(&c->line, frame, size))
            return;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    bool good;

    if (c->target->is_bare)
        good = line_tls(&c->line, c->target->tls, true) &&
               (c->target->mode != POUR || line_read(&c->line));
    else
        good = negotiate(c) && line_tls(&c->line, c->target->tls, true) && connect_mcs(c) &&
               join_domain(c) && activate(c);
    if (good && c->target->mode == POUR)
        pour(c);
    else if (good && c->target->mode == ECHO)
        echo(c);
    while (good && line_read(&c->line))
        c->line.start = c->line.end;
    line_close(&c->line);
    free(c);
    return NULL;
}

static void *accept_all(void *arg)
{
    const struct target *t = arg;
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (int fd; (fd = accept(t->listener, NULL, NULL)) != -2;) {
        struct connection *c = fd >= 0 ? calloc(1, sizeof(*c)) : NULL;
        pthread_t thread;

        if (c == NULL)
            continue;
        c->target = t;
        line_init(&c->line, fd);
        if (pthread_create(&thread, &attr, serve, c) != 0) {
            line_close(&c->line);
            free(c);
        }
    }
    return NULL;
}

static bool listen_somewhere(struct target *t)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(a);

    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(t->listener, (const struct sockaddr *)&a, size) != 0 ||
        listen(t->listener, 1024) != 0 ||
        getsockname(t->listener, (struct sockaddr *)&a, &size) != 0)
        return false;
    printf("%u\n", ntohs(a.sin_port));
    fflush(stdout);
    return true;
}

static SSL_CTX *tls_new(const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return NULL;
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

int main(int argc, char **argv)
{
    static struct target t;
    pthread_t thread;

    if (argc < 4 || argc > 5)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    t.mode = strcmp(argv[3], "pour") == 0 ? POUR : strcmp(argv[3], "echo") == 0 ? ECHO : IDLE;
    t.is_bare = argc == 5;
    t.tls = tls_new(argv[1], argv[2]);
    if (t.tls == NULL || !listen_somewhere(&t) ||
        pthread_create(&thread, NULL, accept_all, &t) != 0) {
        fputs("target: cannot start\n", stderr);
        return 2;
    }
    while (getchar() != EOF)
        continue;
    return 0;
}
