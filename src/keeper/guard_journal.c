/* SPDX-License-Identifier: Apache-2.0
 * What is counted per account, kept: a file of all accounts, and a file of the attempts since.
 *
 * An attempt is written before it is verified, so that it counts even if keeper dies at once. What
 * stands in "attempts" and not yet in "accounts" or "penalties" is counted again at the start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/guard.h"
#include "keeper/state.h"

#define MAGIC        0x3130414752505053u
#define ACCOUNTS_MAX (GUARD_ACCOUNTS_BUCKETS * GUARD_ACCOUNTS_WAYS)
#define FILE_MAX     (sizeof(struct head) + ACCOUNTS_MAX * sizeof(struct guard_account) + DIGEST)
#define ATTEMPTS_MAX 20000u /* then the accounts are written early */
#define DIGEST       32u

struct head {
    uint64_t magic, count;
    uint64_t attempt; /* the last one that is in here */
    int64_t now_ms, wall_ms;
};

struct record {
    uint64_t attempt;
    int64_t wall_ms;
    uint8_t ip[16], key[GUARD_KEY_SIZE];
    uint32_t kind, is_user, check, reserved;
};
static_assert(sizeof(struct record) == 64, "no hidden padding");

/* A torn record must not count for another account. */
static uint32_t check_of(const struct record *r)
{
    uint8_t words[16];

    memcpy(words, &r->attempt, 8);
    memcpy(words + 8, &r->wall_ms, 8);
    return guard_digest(words) ^ guard_digest(r->ip) * 3 ^ guard_digest(r->key) * 5 ^
           (r->kind << 8 | r->is_user);
}

void guard_journal_add(struct guard *g, enum guard_record_kind kind, const uint8_t ip[16],
                       const struct guard_attempt *attempt)
{
    struct record r = {.attempt = ++g->attempt,
                       .wall_ms = clock_wall_us() / 1000,
                       .kind = kind,
                       .is_user = attempt->is_user};

    memcpy(r.ip, ip, sizeof(r.ip));
    memcpy(r.key, attempt->key, sizeof(r.key));
    r.check = check_of(&r);
    g->unsaved++;
    if (g->attempts_fd >= 0 && write(g->attempts_fd, &r, sizeof(r)) != (ssize_t)sizeof(r)) {
        fprintf(stderr, "sallyport: cannot write %s: %s; attempts since are lost at the end\n",
                g->attempts_path, strerror(errno));
        sp_fd_cleanup(&g->attempts_fd); /* opened again when the accounts are written */
    }
}

void guard_journal_leave(struct guard *g)
{
    sp_fd_cleanup(&g->attempts_fd);
    g->unsaved = 0;
}

static bool begin_attempts(struct guard *g)
{
    char path[GUARD_PATH_SIZE + 8];

    sp_fd_cleanup(&g->attempts_fd);
    snprintf(path, sizeof(path), "%s.new", g->attempts_path);
    g->attempts_fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return g->attempts_fd >= 0 && rename(path, g->attempts_path) == 0;
}

static bool put(int fd, EVP_MD_CTX *digest, const void *data, size_t size)
{
    return write(fd, data, size) == (ssize_t)size && EVP_DigestUpdate(digest, data, size) == 1;
}

static bool write_accounts(const struct guard *g, int fd, EVP_MD_CTX *digest, int64_t now_ms)
{
    struct head head = {
        .magic = MAGIC, .attempt = g->attempt, .now_ms = now_ms, .wall_ms = clock_wall_us() / 1000};
    uint8_t sum[DIGEST];
    unsigned int n = sizeof(sum);

    for (size_t i = 0; i < ACCOUNTS_MAX; i++)
        head.count += g->accounts->slots[i].is_used;
    if (EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 || !put(fd, digest, &head, sizeof(head)))
        return false;
    for (size_t i = 0; i < ACCOUNTS_MAX; i++) {
        const struct guard_account *a = &g->accounts->slots[i];

        if (a->is_used != 0 && !put(fd, digest, a, sizeof(*a)))
            return false;
    }
    return EVP_DigestFinal_ex(digest, sum, &n) == 1 &&
           write(fd, sum, sizeof(sum)) == (ssize_t)sizeof(sum);
}

static bool save_accounts(struct guard *g, int64_t now_ms)
{
    char path[GUARD_PATH_SIZE + 8];
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    snprintf(path, sizeof(path), "%s.new", g->accounts_path);
    SP_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_good = fd >= 0 && digest != NULL && write_accounts(g, fd, digest, now_ms) &&
                   rename(path, g->accounts_path) == 0;
    EVP_MD_CTX_free(digest);
    return is_good;
}

void guard_journal_step(struct guard *g, bool is_last, int64_t now_ms)
{
    bool is_due = now_ms >= g->accounts_next_ms || g->unsaved > ATTEMPTS_MAX;
    bool are_penalties_saved = !g->save.is_wanted && g->save.fd < 0;

    if (g->unsaved == 0 ||
        (!is_last && (!is_due || !are_penalties_saved) && g->unsaved <= 4 * (uint64_t)ATTEMPTS_MAX))
        return;
    g->accounts_next_ms = now_ms + GUARD_ACCOUNTS_MS;
    if (!save_accounts(g, now_ms) || !begin_attempts(g))
        fprintf(stderr, "sallyport: cannot write %s: %s\n", g->accounts_path, strerror(errno));
    else
        g->unsaved = 0;
}

static bool digest_is_good(const uint8_t *data, size_t size)
{
    uint8_t sum[DIGEST];
    unsigned int n = sizeof(sum);

    return EVP_Digest(data, size - DIGEST, sum, &n, EVP_sha256(), NULL) == 1 &&
           memcmp(sum, data + size - DIGEST, DIGEST) == 0;
}

/* However the wall clock was set in between, nothing lies in the future. */
static bool load_accounts(struct guard *g, int64_t now_ms)
{
    size_t size;
    SP_FREE char *text = state_read_file(g->accounts_path, FILE_MAX, &size);
    const uint8_t *data = (const uint8_t *)text;
    struct head head;

    if (text == NULL)
        return errno == ENOENT;
    if (size < sizeof(head) + DIGEST || !digest_is_good(data, size))
        return false;
    memcpy(&head, data, sizeof(head));
    if (head.magic != MAGIC || head.count > ACCOUNTS_MAX ||
        size != sizeof(head) + head.count * sizeof(struct guard_account) + DIGEST)
        return false;
    for (size_t i = 0; i < head.count; i++) {
        struct guard_account a;

        memcpy(&a, data + sizeof(head) + i * sizeof(a), sizeof(a));
        if (a.known_count > GUARD_KNOWN_MAX || a.next_try >= GUARD_TRIES_MAX)
            continue;
        *guard_account_get(g->accounts, a.key, a.is_user != 0, a.last_ms) = a;
    }
    int64_t passed = clock_wall_us() / 1000 - head.wall_ms;
    guard_accounts_shift(g->accounts, now_ms - (passed < 0 ? 0 : passed) - head.now_ms);
    g->attempt = head.attempt;
    return true;
}

/* Count once more what happened at_ms. */
static void replay(struct guard *g, const struct config *config, const struct record *r,
                   int64_t at_ms)
{
    struct guard_attempt attempt = {.is_user = r->is_user != 0};
    bool is_charged = r->wall_ms < g->penalties_wall_ms; /* it is in "penalties" already */
    struct penalty_rules none = {0};

    memcpy(attempt.key, r->key, sizeof(attempt.key));
    guard_source_id(r->ip, attempt.source);
    struct guard_account *a = guard_account_get(g->accounts, r->key, attempt.is_user, at_ms);
    if (r->kind == GUARD_RECORD_TRY) {
        (void)guard_account_begin(a, &config->guard.account, attempt.source, false, at_ms);
        (void)guard_account_is_sprayed(a, at_ms); /* tight again */
        if (!is_charged)
            guard_charge(g, config, r->ip, PENALTY_AUTH_FAILED, 1, at_ms);
    } else if (r->kind == GUARD_RECORD_PROVED) {
        guard_account_proved(a, attempt.source, at_ms);
        penalty_forgive(g->table, is_charged ? &none : &config->penalties, r->ip,
                        PENALTY_AUTH_FAILED, is_charged ? 0 : 1, at_ms);
    } else if (r->kind == GUARD_RECORD_FORGIVEN) {
        a->consecutive = a->consecutive_known = a->refused = 0;
        memset(a->tries, 0, sizeof(a->tries));
    }
}

static void load_attempts(struct guard *g, const struct config *config, int64_t now_ms)
{
    SP_FD fd = open(g->attempts_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int64_t wall_ms = clock_wall_us() / 1000;
    struct record r;

    while (fd >= 0 && read(fd, &r, sizeof(r)) == (ssize_t)sizeof(r)) {
        if (r.check != check_of(&r) || r.attempt <= g->attempt)
            continue;
        int64_t age = wall_ms - r.wall_ms;
        replay(g, config, &r, now_ms - (age < 0 ? 0 : age));
        g->attempt = r.attempt;
        g->unsaved++;
    }
}

bool guard_journal_open(struct guard *g, const struct config *config, int64_t now_ms)
{
    bool is_good = load_accounts(g, now_ms);

    load_attempts(g, config, now_ms);
    g->accounts_next_ms = now_ms + GUARD_ACCOUNTS_MS;
    if (!save_accounts(g, now_ms) || !begin_attempts(g))
        fprintf(stderr, "sallyport: cannot write %s: %s\n", g->accounts_path, strerror(errno));
    g->unsaved = 0;
    if (g->save.is_wanted)
        guard_save_all(g, now_ms);
    return is_good;
}
