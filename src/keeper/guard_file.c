/* SPDX-License-Identifier: Apache-2.0
 * Penalties in a file: written in small steps and renamed, read back with its checksum checked.
 *
 * One header, records, and one record of kind END with the count, then the SHA-256 of all of that.
 * The format is of this machine and this version; another one's file is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/guard.h"

#define MAGIC        0x3150505344525053u /* also says the byte order */
#define DIGEST_SIZE  32u
#define RECORDS_STEP 4096u /* in one step; buckets that hold nothing cost next to nothing */
#define END_KIND     0xffffffffu

struct file_head {
    uint64_t magic;
    int64_t wall_ms;
};

struct file_record {
    uint64_t value[2]; /* END: the count of the others */
    int64_t left_ms, age_ms;
    uint32_t kind, strikes, is_refusing, reserved;
};
static_assert(sizeof(struct file_record) == 48, "no hidden padding");

static void save_abort(struct guard *g)
{
    EVP_MD_CTX_free(g->save.digest);
    g->save.digest = NULL;
    sp_fd_cleanup(&g->save.fd);
}

static bool put(struct guard *g, const void *data, size_t size)
{
    return write(g->save.fd, data, size) == (ssize_t)size &&
           EVP_DigestUpdate(g->save.digest, data, size) == 1;
}

static bool save_begin(struct guard *g, int64_t now_ms)
{
    struct file_head head = {.magic = MAGIC, .wall_ms = clock_wall_us() / 1000};
    struct guard_save *s = &g->save;

    s->is_wanted = false;
    g->penalties_wall_ms = head.wall_ms;
    s->bucket = 0;
    s->count = 0;
    s->next_ms = now_ms + GUARD_SAVE_MS;
    s->fd = open(g->path_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    s->digest = EVP_MD_CTX_new();
    return s->fd >= 0 && s->digest != NULL &&
           EVP_DigestInit_ex(s->digest, EVP_sha256(), NULL) == 1 && put(g, &head, sizeof(head));
}

/* Write buckets until limit records are written. False on failure. */
static bool save_buckets(struct guard *g, int64_t now_ms, size_t limit)
{
    struct penalty_key keys[PENALTY_WAYS];
    struct penalty_score scores[PENALTY_WAYS];
    struct file_record records[PENALTY_WAYS];
    size_t written = 0;

    for (; g->save.bucket < PENALTY_BUCKETS && written < limit; g->save.bucket++) {
        size_t count = penalty_sweep(g->table, g->save.bucket, now_ms, keys, scores);

        for (size_t i = 0; i < count; i++)
            records[i] = (struct file_record){.value = {keys[i].value[0], keys[i].value[1]},
                                              .left_ms = scores[i].until_ms - now_ms,
                                              .age_ms = now_ms - scores[i].counted_ms,
                                              .kind = keys[i].kind,
                                              .strikes = scores[i].strikes,
                                              .is_refusing = scores[i].is_refusing};
        if (count > 0 && !put(g, records, count * sizeof(records[0])))
            return false;
        written += count;
    }
    g->save.count += written;
    return true;
}

/* No flush to the disk: what a power cut takes is at most ten minutes of penalties. */
static bool save_end(struct guard *g)
{
    struct file_record end = {.value = {g->save.count, 0}, .kind = END_KIND};
    uint8_t digest[DIGEST_SIZE];
    unsigned int size = sizeof(digest);

    return put(g, &end, sizeof(end)) && EVP_DigestFinal_ex(g->save.digest, digest, &size) == 1 &&
           write(g->save.fd, digest, sizeof(digest)) == (ssize_t)sizeof(digest) &&
           rename(g->path_new, g->path) == 0;
}

static void save_some(struct guard *g, int64_t now_ms, size_t limit)
{
    bool is_good = g->save.fd >= 0 || save_begin(g, now_ms);

    if (is_good)
        is_good = save_buckets(g, now_ms, limit);
    if (is_good && g->save.bucket < PENALTY_BUCKETS)
        return;
    if (!is_good || !save_end(g)) {
        fprintf(stderr, "sallyport: cannot write %s: %s; penalties end with this process\n",
                g->path, strerror(errno));
        g->save.next_ms = now_ms + 60 * (int64_t)GUARD_SAVE_MS;
    }
    save_abort(g);
}

void guard_save_step(struct guard *g, int64_t now_ms)
{
    if (g->save.fd >= 0 || (g->save.is_wanted && now_ms >= g->save.next_ms))
        save_some(g, now_ms, RECORDS_STEP);
}

void guard_save_all(struct guard *g, int64_t now_ms)
{
    if (g->save.fd < 0 && !g->save.is_wanted)
        return;
    save_abort(g);
    save_some(g, now_ms, SIZE_MAX);
}

static bool digest_is_good(const uint8_t *data, size_t size)
{
    uint8_t digest[DIGEST_SIZE];
    unsigned int n = sizeof(digest);

    return EVP_Digest(data, size - DIGEST_SIZE, digest, &n, EVP_sha256(), NULL) == 1 &&
           memcmp(digest, data + size - DIGEST_SIZE, DIGEST_SIZE) == 0;
}

/* However the wall clock was set in between, nothing is punished for longer than it was. */
static void restore(struct guard *g, const struct file_record *r, uint32_t max_ms,
                    int64_t passed_ms, int64_t now_ms)
{
    struct penalty_key key = {{r->value[0], r->value[1]}, r->kind, 0};
    struct penalty_score score = {.strikes = r->strikes, .is_refusing = r->is_refusing};
    int64_t left = r->left_ms > passed_ms ? r->left_ms - passed_ms : 0;
    int64_t age = r->age_ms < 0 ? 0 : r->age_ms;

    if (left > (int64_t)max_ms)
        left = max_ms;
    score.until_ms = now_ms + left;
    score.counted_ms = now_ms - age - passed_ms;
    if (!penalty_score_melt(&score, now_ms))
        penalty_put(g->table, &key, &score, now_ms);
}

static bool restore_all(struct guard *g, const uint8_t *data, size_t size, uint32_t max_ms,
                        int64_t now_ms)
{
    struct file_head head;
    struct file_record r;
    size_t at = sizeof(head), end = size - DIGEST_SIZE;
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;

    memcpy(&head, data, sizeof(head));
    if (head.magic != MAGIC || (end - at) % sizeof(r) != 0)
        return false;
    memcpy(&r, data + end - sizeof(r), sizeof(r));
    if (r.kind != END_KIND || r.value[0] != (end - at) / sizeof(r) - 1)
        return false;
    int64_t passed = clock_wall_us() / 1000 - head.wall_ms;
    g->penalties_wall_ms = head.wall_ms;
    passed = passed < 0 ? 0 : passed > day_ms ? day_ms : passed;
    for (; at + sizeof(r) < end; at += sizeof(r)) {
        memcpy(&r, data + at, sizeof(r));
        restore(g, &r, max_ms, passed, now_ms);
    }
    return true;
}

bool guard_load(struct guard *g, uint32_t max_ms, int64_t now_ms)
{
    SP_FD fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    struct stat st;
    const size_t least = sizeof(struct file_head) + sizeof(struct file_record) + DIGEST_SIZE;

    if (fd < 0)
        return errno == ENOENT;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)least ||
        st.st_size > (off_t)sizeof(struct penalty_table))
        return false;
    size_t size = (size_t)st.st_size, used = 0;
    SP_FREE uint8_t *data = malloc(size);
    if (data == NULL)
        return false;
    while (used < size) {
        ssize_t n = read(fd, data + used, size - used);
        if (n <= 0)
            return false;
        used += (size_t)n;
    }
    return digest_is_good(data, size) && restore_all(g, data, size, max_ms, now_ms);
}
