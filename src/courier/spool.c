/* SPDX-License-Identifier: Apache-2.0
 * The spool: a folder with one file for each event that a webhook has not got yet.
 */
#include "courier/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define ITEM_SUFFIX  ".item"
#define HALF_PREFIX  "half-"
#define HALF_SECONDS 60 /* then its writer is dead */
#define NAMES_MAX    65536

enum sp_err spool_open(struct spool *s, int dir, struct sp_fail *fail)
{
    *s = (struct spool){.dir = dir, .most = SPOOL_ITEMS_MAX};
    s->lock = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock < 0)
        return sp_fail_set(fail, SP_ESYS, "spool/lock", (uint32_t)errno, 0);
    return SP_OK;
}

static bool lock_as(const struct spool *s, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(s->lock, F_SETLK, &lock) == 0;
}

bool spool_own(struct spool *s)
{
    if (!s->is_own)
        s->is_own = lock_as(s, F_WRLCK);
    return s->is_own;
}

void spool_disown(struct spool *s)
{
    if (s->is_own && lock_as(s, F_UNLCK))
        s->is_own = false;
}

static void to_hex(const uint8_t *in, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * size] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Stops at the first character that is no digit, a NUL included. */
static bool from_hex(const char *text, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high = digit(text[2 * i]);
        int low = high < 0 ? -1 : digit(text[2 * i + 1]);

        if (low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

bool spool_name_read(const char *name, struct spool_item *out)
{
    struct spool_item item = {0};
    uint8_t time[8];

    if (strlen(name) != SPOOL_NAME_SIZE - 1 || !from_hex(name, time, sizeof(time)) ||
        name[16] != '-' || !from_hex(name + 17, item.id, sizeof(item.id)) || name[49] != '-' ||
        !from_hex(name + 50, item.hook, sizeof(item.hook)) || strcmp(name + 66, ITEM_SUFFIX) != 0)
        return false;
    for (size_t i = 0; i < sizeof(time); i++)
        item.time_us = item.time_us << 8 | time[i];
    memcpy(item.name, name, SPOOL_NAME_SIZE);
    *out = item;
    return true;
}

static void name_write(const struct ipc_courier_event *event, char name[SPOOL_NAME_SIZE])
{
    char id[2 * IPC_COURIER_ID_SIZE + 1], hook[2 * IPC_COURIER_HOOK_SIZE + 1];

    to_hex(event->id, sizeof(event->id), id);
    to_hex(event->hook, sizeof(event->hook), hook);
    snprintf(name, SPOOL_NAME_SIZE, "%016llx-%s-%s" ITEM_SUFFIX, (unsigned long long)event->time_us,
             id, hook);
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool write_half(const struct spool *s, const char *half,
                       const struct ipc_courier_event *event)
{
    SP_FD fd = openat(s->dir, half, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return fd >= 0 && write_all(fd, event->body, event->size) && fsync(fd) == 0;
}

enum sp_err spool_put(struct spool *s, const struct ipc_courier_event *event)
{
    char name[SPOOL_NAME_SIZE], half[SPOOL_NAME_SIZE + 32];

    if (event->size == 0 || event->size > sizeof(event->body))
        return SP_EVALUE;
    if (s->count >= s->most)
        return SP_ELIMIT;
    name_write(event, name);
    snprintf(half, sizeof(half), HALF_PREFIX "%d-%s", (int)getpid(), name);
    unlinkat(s->dir, half, 0); /* of one that died and had our number */
    if (!write_half(s, half, event) || renameat(s->dir, half, s->dir, name) != 0 ||
        fsync(s->dir) != 0) {
        int why = errno;

        unlinkat(s->dir, half, 0);
        errno = why;
        return SP_ESYS;
    }
    s->count++;
    return SP_OK;
}

static void remove_half(const struct spool *s, const char *name)
{
    struct stat st;

    if (strncmp(name, HALF_PREFIX, strlen(HALF_PREFIX)) == 0 &&
        fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        time(NULL) - st.st_mtime > HALF_SECONDS)
        unlinkat(s->dir, name, 0);
}

enum sp_err spool_scan(struct spool *s, spool_fn *fn, void *ctx)
{
    SP_FD fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct spool_item item;
    struct dirent *entry;
    size_t count = 0;

    if (dir == NULL)
        return SP_ESYS;
    sp_fd_take(&fd); /* closedir closes it */
    for (size_t i = 0; i < NAMES_MAX && (entry = readdir(dir)) != NULL; i++) {
        if (!spool_name_read(entry->d_name, &item)) {
            if (s->is_own)
                remove_half(s, entry->d_name);
            continue;
        }
        count++;
        if (fn != NULL)
            fn(ctx, &item);
    }
    closedir(dir);
    s->count = count;
    return SP_OK;
}

enum sp_err spool_read(const struct spool *s, const struct spool_item *item, uint8_t *body,
                       size_t *size)
{
    SP_FD fd = openat(s->dir, item->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    size_t used = 0;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return SP_ESYS;
    if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > IPC_COURIER_BODY_MAX)
        return SP_EVALUE;
    while (used < (size_t)st.st_size) {
        ssize_t n = read(fd, body + used, (size_t)st.st_size - used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return SP_ESYS;
        used += (size_t)n;
    }
    *size = used;
    return SP_OK;
}

void spool_remove(struct spool *s, const struct spool_item *item)
{
    if (unlinkat(s->dir, item->name, 0) == 0 && s->count > 0)
        s->count--;
    /* Where this fails, the item may come back after a loss of power: once more is allowed. */
    if (fsync(s->dir) != 0)
        return;
}

void spool_close(struct spool *s)
{
    sp_fd_cleanup(&s->lock); /* and with it the lock */
    s->is_own = false;
}
