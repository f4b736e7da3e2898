/* SPDX-License-Identifier: Apache-2.0
 * Load generator: many connection sequences, echoes and bulk, measured without a script in the way.
 *
 *   load --port N [--user NAME] [--until tcp|x224|tls|nla|active] [--bare | --no-nla]
 *        [--count N] [--concurrency N] [--sources N] [--echo N] [--drain] [--hold]
 *
 * The password is in SP_LOAD_PASSWORD. Each connection has a loopback address of its own, counted
 * from 127.100.0.1 plus --sources. One JSON line says how it went. With --hold the connections then
 * stay open until the end of stdin; each line there is answered with the bytes drained so far.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"

#define COUNT_MAX       100000
#define CONCURRENCY_MAX 1000
#define ECHO_SIZE       100
#define STACK_SIZE      (512 * 1024)

struct load {
    struct client_plan plan;
    long count, concurrency, first_source, echoes;
    bool is_held, is_drained;
    atomic_long next, failed;
    atomic_uint_fast64_t drained;
    struct client **held; /* count pointers, if is_held        */
    double *took_ms;      /* count, of those that came through */
    double *echo_us;      /* echoes                            */
    const char *_Atomic why;
    char cipher[64];
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- what is done on a connection --------------------------------------------------------------
 */

/* A fast-path input PDU of 48 key events, 100 bytes; the target answers with as many. */
static bool echo_once(struct line *l)
{
    uint8_t out[ECHO_SIZE] = {0x00, 0x80 | (ECHO_SIZE >> 8), ECHO_SIZE & 0xff, 48}, *answer;
    size_t size;

    for (size_t i = 4; i < sizeof(out); i += 2)
        out[i] = i % 4 == 0 ? 0x00 : 0x01, out[i + 1] = 0x1e;
    if (!line_send(l, out, sizeof(out)))
        return false;
    do {
        if (!line_message(l, RDP_FRAME_ACTIVE, &answer, &size))
            return false;
    } while (!rdp_is_fastpath(answer[0]));
    return true;
}

static bool echo_all(struct load *x, struct client *c)
{
    for (long i = 0; i < x->echoes; i++) {
        double start = now_s();

        if (!echo_once(&c->line))
            return false;
        x->echo_us[i] = (now_s() - start) * 1e6;
    }
    return true;
}

static void drain(struct load *x, struct client *c)
{
    do {
        atomic_fetch_add(&x->drained, c->line.end - c->line.start);
        c->line.start = c->line.end;
    } while (line_read(&c->line));
}

static void one(struct load *x, long number)
{
    struct client *c = calloc(1, sizeof(*c));
    uint32_t n = (uint32_t)(x->first_source + number);
    uint32_t source = htonl(0x7f640001u + n / 250 * 256 + n % 250);
    double start = now_s();

    bool good = c != NULL && client_run(c, &x->plan, source);
    x->took_ms[number] = good ? (now_s() - start) * 1e3 : -1;
    if (good && number == 0 && c->line.ssl != NULL)
        snprintf(x->cipher, sizeof(x->cipher), "%s", SSL_get_cipher_name(c->line.ssl));
    if (good && x->is_drained && x->plan.is_bare)
        good = line_send(&c->line, "S", 1); /* a bare source starts when asked */
    if (good && x->echoes > 0)
        good = echo_all(x, c);
    if (!good) {
        atomic_fetch_add(&x->failed, 1);
        x->why = c != NULL && c->line.why != NULL ? c->line.why : "no memory";
    }
    if (good && x->is_held) {
        x->held[number] = c;
        return;
    }
    if (c != NULL)
        line_close(&c->line);
    free(c);
}

static void *work(void *arg)
{
    struct load *x = arg;

    for (long n; (n = atomic_fetch_add(&x->next, 1)) < x->count;)
        one(x, n);
    return NULL;
}

static void *drain_all(void *arg)
{
    struct load *x = arg;
    long n = atomic_fetch_add(&x->next, 1);

    if (n < x->count && x->held[n] != NULL)
        drain(x, x->held[n]);
    return NULL;
}

/* Start so many threads; the caller joins them or lets them be. */
static void start(struct load *x, void *(*run)(void *), pthread_t *threads, long count)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    for (long i = 0; i < count; i++)
        if (pthread_create(&threads[i], &attr, run, x) != 0) {
            fputs("load: no thread\n", stderr);
            exit(2);
        }
    pthread_attr_destroy(&attr);
}

/* --- what is said about it ----------------------------------------------------------------------
 */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double quantile(double *values, long count, double q)
{
    if (count == 0)
        return 0;
    qsort(values, (size_t)count, sizeof(*values), by_value);
    long at = (long)(q * (double)count);
    return values[at < count ? at : count - 1];
}

static void report(struct load *x, double seconds)
{
    long failed = atomic_load(&x->failed);
    double *good = calloc((size_t)x->count, sizeof(*good));
    long kept = 0;
    const char *why = x->why;

    for (long i = 0; good != NULL && i < x->count; i++)
        if (x->took_ms[i] >= 0)
            good[kept++] = x->took_ms[i];
    printf(
        "{\"done\": %ld, \"failed\": %ld, \"why\": \"%s\", \"seconds\": %.4f, \"cipher\": \"%s\", "
        "\"median_ms\": %.3f, \"max_ms\": %.3f, \"echo_median_us\": %.2f, "
        "\"echo_p99_us\": %.2f}\n",
        x->count - failed, failed, why != NULL ? why : "", seconds, x->cipher,
        quantile(good, kept, 0.5), quantile(good, kept, 1.0),
        failed > 0 ? 0 : quantile(x->echo_us, x->echoes, 0.5),
        failed > 0 ? 0 : quantile(x->echo_us, x->echoes, 0.99));
    fflush(stdout);
    free(good);
}

static void hold(struct load *x, pthread_t *threads)
{
    char line[64];

    if (x->is_drained) {
        atomic_store(&x->next, 0);
        start(x, drain_all, threads, x->count);
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        printf("{\"bytes\": %" PRIuFAST64 ", \"at\": %.6f}\n", atomic_load(&x->drained), now_s());
        fflush(stdout);
    }
}

/* --- options ------------------------------------------------------------------------------------
 */

static bool number(const char *text, long min, long max, long *out)
{
    char *end;

    *out = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *out >= min && *out <= max;
}

static bool stage(const char *text, enum client_stage *out)
{
    static const char *const names[] = {"tcp", "x224", "tls", "nla", "active"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum client_stage)i;
            return true;
        }
    return false;
}

static bool options(struct load *x, int argc, char **argv)
{
    static const struct option all[] = {
        {"port", 1, NULL, 'p'},    {"user", 1, NULL, 'u'},        {"until", 1, NULL, 't'},
        {"bare", 0, NULL, 'b'},    {"no-nla", 0, NULL, 'n'},      {"count", 1, NULL, 'c'},
        {"sources", 1, NULL, 's'}, {"concurrency", 1, NULL, 'k'}, {"echo", 1, NULL, 'e'},
        {"drain", 0, NULL, 'd'},   {"hold", 0, NULL, 'h'},        {NULL, 0, NULL, 0}};
    bool good = true;
    long port = 0;

    for (int c; good && (c = getopt_long(argc, argv, "", all, NULL)) != -1;)
        switch (c) {
        case 'p':
            good = number(optarg, 1, 65535, &port);
            break;
        case 'u':
            x->plan.user = optarg;
            break;
        case 't':
            good = stage(optarg, &x->plan.until);
            break;
        case 'b':
            x->plan.is_bare = true;
            break;
        case 'n':
            x->plan.is_tls = true;
            break;
        case 'c':
            good = number(optarg, 1, COUNT_MAX, &x->count);
            break;
        case 's':
            good = number(optarg, 0, 1000000, &x->first_source);
            break;
        case 'k':
            good = number(optarg, 1, CONCURRENCY_MAX, &x->concurrency);
            break;
        case 'e':
            good = number(optarg, 1, 1000000, &x->echoes);
            break;
        case 'd':
            x->is_drained = x->is_held = true;
            break;
        case 'h':
            x->is_held = true;
            break;
        default:
            good = false;
        }
    x->plan.port = (uint16_t)port;
    return good && port != 0 && optind == argc && (!x->is_drained || x->count <= CONCURRENCY_MAX);
}

static SSL_CTX *tls_new(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL || SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 65536);
    return context;
}

int main(int argc, char **argv)
{
    static struct load x = {.count = 1, .concurrency = 1};
    pthread_t *threads = calloc(CONCURRENCY_MAX, sizeof(*threads));
    const char *password = getenv("SP_LOAD_PASSWORD");

    x.plan.until = CLIENT_ACTIVE;
    x.plan.user = "demo";
    x.plan.password = password != NULL ? password : "";
    if (!options(&x, argc, argv)) {
        fputs("load: see the top of bench/load.c for its options\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    x.plan.tls = tls_new();
    x.held = calloc((size_t)x.count, sizeof(*x.held));
    x.took_ms = calloc((size_t)x.count, sizeof(*x.took_ms));
    x.echo_us = calloc((size_t)x.echoes + 1, sizeof(*x.echo_us));
    if (threads == NULL || x.plan.tls == NULL || x.held == NULL || x.took_ms == NULL ||
        x.echo_us == NULL)
        return 2;
    double began = now_s();
    start(&x, work, threads, x.concurrency);
    for (long i = 0; i < x.concurrency; i++)
        pthread_join(threads[i], NULL);
    report(&x, now_s() - began);
    if (x.is_held)
        hold(&x, threads);
    return atomic_load(&x.failed) == 0 ? 0 : 1;
}
