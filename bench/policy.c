/* SPDX-License-Identifier: Apache-2.0
 * How long policy takes, as times and in SHA-256 blocks of the same run: a machine that is twice as
 * fast has half of the first and the same of the second.
 *
 * usage: policy ROUNDS; writes one JSON object
 */
#include <locale.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "keeper/catalog.h"
#include "keeper/policy.h"

#define COUNT    10000u
#define SESSIONS 1000u
#define BLOCKS   1024u
#define MONDAY   (INT64_C(1795428000) * 1000000) /* 2026-11-23 10:00 UTC */

struct text {
    char *bytes;
    size_t used, size;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *form, ...)
{
    va_list arguments;

    va_start(arguments, form);
    int n = vsnprintf(t->bytes + t->used, t->size - t->used, form, arguments);
    va_end(arguments);
    SP_BUG(n < 0 || (size_t)n >= t->size - t->used);
    t->used += (size_t)n;
}

/*
 * 10 000 of each. Spread: each rule gives one person one target by day. Worst: each rule names
 * everybody and everything, has hours and a network, and does not hold for anybody but the last.
 */
static struct catalog *make(bool is_worst)
{
    struct text t = {malloc((size_t)COUNT * 600), 0, (size_t)COUNT * 600};
    struct catalog_source source = {.label = "bench", .is_file = true};
    char error[CATALOG_ERROR_SIZE];
    struct catalog *made = NULL;

    SP_BUG(t.bytes == NULL);
    add(&t, "users:\n");
    for (unsigned i = 0; i < COUNT; i++)
        add(&t, "  - {name: user%u}\n", i);
    add(&t, "groups:\n  - name: all\n    members:\n");
    for (unsigned i = 0; i < COUNT; i++)
        add(&t, "      - user%u\n", i);
    add(&t, "targets:\n");
    for (unsigned i = 0; i < COUNT; i++)
        add(&t, "  - {name: target%u, address: h, tags: [all], login: delegate}\n", i);
    add(&t, "rules:\n");
    for (unsigned i = 0; i < COUNT; i++) {
        if (is_worst)
            add(&t, "  - {name: rule%u, groups: [all], tags: [all], sources: [%s], ", i,
                i + 1 < COUNT ? "192.0.2.0/24" : "10.0.0.0/8");
        else
            add(&t, "  - {name: rule%u, users: [user%u], targets: [target%u], ", i, i, i);
        add(&t, "when: {days: [mon-fri], hours: \"08:00-18:00\", zone: Europe/Berlin}}\n");
    }
    source.text = t.bytes;
    source.size = t.used;
    if (catalog_make(&source, 1, &made, error, sizeof(error)) != SP_OK) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    free(t.bytes);
    return made;
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* What is measured: one call for one round. */
struct bench {
    struct catalog *spread, *worst;
    struct policy_facts facts;
    unsigned round;
};

static void hash(struct bench *b)
{
    static uint8_t block[64 * BLOCKS];
    uint8_t digest[32];
    unsigned size = 0;

    (void)b;
    SP_BUG(EVP_Digest(block, sizeof(block), digest, &size, EVP_sha256(), NULL) != 1);
    memcpy(block, digest, sizeof(digest));
}

static void decide(const struct bench *b, const struct catalog *c, unsigned who, const char *target)
{
    struct policy_decision d;

    policy_decide(c, &c->users[who], target, &b->facts, &d);
    SP_BUG(d.verdict != POLICY_ALLOWED && d.verdict != POLICY_TARGET_CHOICE);
}

static void one_spread(struct bench *b)
{
    unsigned who = b->round * 7919 % COUNT;
    char target[32];

    snprintf(target, sizeof(target), "TARGET%u", who);
    decide(b, b->spread, who, target);
}

static void one_worst(struct bench *b)
{
    decide(b, b->worst, b->round * 7919 % COUNT, "target4711");
}

static void choice_worst(struct bench *b)
{
    decide(b, b->worst, b->round * 7919 % COUNT, NULL);
}

/* As keeper does for each session: decide now, and at the next edge. */
static void sessions(struct bench *b)
{
    struct policy_decision d;

    for (unsigned i = 0; i < SESSIONS; i++) {
        char target[32];

        snprintf(target, sizeof(target), "target%u", i);
        const struct catalog_user *user = catalog_find_user(b->spread, b->spread->users[i].name);
        policy_decide(b->spread, user, target, &b->facts, &d);
        SP_BUG(d.verdict != POLICY_ALLOWED || d.edge_us == INT64_MAX);
        struct policy_facts then = b->facts;
        then.wall_us = d.edge_us;
        policy_decide(b->spread, user, target, &then, &d);
        SP_BUG(d.verdict != POLICY_CONDITIONS);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* The median of rounds, in microseconds. */
static double median(struct bench *b, void (*run)(struct bench *b), unsigned rounds)
{
    double *times = calloc(rounds, sizeof(*times));

    SP_BUG(times == NULL);
    for (b->round = 0; b->round < rounds; b->round++) {
        double start = now_us();

        run(b);
        times[b->round] = now_us() - start;
    }
    qsort(times, rounds, sizeof(*times), by_size);
    double middle = times[rounds / 2];
    free(times);
    return middle;
}

int main(int argc, char **argv)
{
    unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    struct bench b = {.facts = {.wall_us = MONDAY, .boot_ms = 1, .nla = CATALOG_NLA_NTLM}};

    if (rounds < 3 || rounds > 100000) {
        fprintf(stderr, "usage: policy ROUNDS\n");
        return 2;
    }
    setlocale(LC_CTYPE, "C.UTF-8");
    b.facts.source[10] = b.facts.source[11] = 0xFF;
    b.facts.source[12] = 10;
    double start = now_us();
    b.spread = make(false);
    double made_us = now_us() - start;
    b.worst = make(true);
    double block = median(&b, hash, rounds) / BLOCKS;
    double spread = median(&b, one_spread, rounds), worst = median(&b, one_worst, rounds);
    double choice = median(&b, choice_worst, rounds);
    double all = median(&b, sessions, rounds / 10 + 3);
    printf("{\"policy_decide_us\": %.2f, \"policy_decide_blocks\": %.0f, "
           "\"policy_worst_us\": %.1f, \"policy_worst_blocks\": %.0f, "
           "\"policy_choice_us\": %.1f, \"policy_sessions_ms\": %.2f, "
           "\"policy_sessions_blocks\": %.0f, \"policy_make_ms\": %.0f, "
           "\"policy_block_ns\": %.1f}\n",
           spread, spread / block, worst, worst / block, choice, all / 1000, all / block,
           made_us / 1000, block * 1000);
    catalog_unref(&b.spread);
    catalog_unref(&b.worst);
    return 0;
}
