/* SPDX-License-Identifier: Apache-2.0
 * The spool: whole files or none, bounded, owned by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "courier/spool.h"

#define NAME "0000000000000007-000102030405060708090a0b0c0d0e0f-a0a1a2a3a4a5a6a7.item"

static char folder[64];
static struct spool s;

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/sallyport-spool-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    return spool_open(&s, open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), NULL) == SP_OK ? 0 : -1;
}

static void drop(void *ctx, const struct spool_item *item)
{
    (void)ctx;
    unlinkat(s.dir, item->name, 0);
}

static int finish(void **state)
{
    (void)state;
    sp_ignore(spool_scan(&s, drop, NULL));
    unlinkat(s.dir, "lock", 0);
    spool_close(&s);
    close(s.dir);
    return rmdir(folder);
}

static struct ipc_courier_event event_of(uint64_t time_us, const char *body)
{
    struct ipc_courier_event e = {.time_us = time_us, .size = (uint32_t)strlen(body)};

    for (uint8_t i = 0; i < sizeof(e.id); i++)
        e.id[i] = i;
    for (uint8_t i = 0; i < sizeof(e.hook); i++)
        e.hook[i] = (uint8_t)(0xA0 + i);
    memcpy(e.body, body, e.size);
    return e;
}

static void put(uint64_t time_us, const char *body)
{
    struct ipc_courier_event e = event_of(time_us, body);

    assert_int_equal(spool_put(&s, &e), SP_OK);
}

static void write_file(const char *name, const char *text, mode_t type)
{
    if (type == S_IFDIR) {
        assert_int_equal(mkdirat(s.dir, name, 0700), 0);
        return;
    }
    int fd = openat(s.dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void last(void *ctx, const struct spool_item *item)
{
    struct spool_item *out = ctx;

    if (strcmp(item->name, out->name) > 0)
        *out = *item;
}

static void what_is_put_comes_back(void **state)
{
    struct spool_item item = {0};
    uint8_t body[IPC_COURIER_BODY_MAX];
    size_t size;

    (void)state;
    put(7, "{\"a\":1}");
    put(7, "{\"a\":1}"); /* the same again */
    assert_int_equal(spool_scan(&s, last, &item), SP_OK);
    assert_int_equal(s.count, 1);
    assert_string_equal(item.name, NAME);
    assert_int_equal(item.time_us, 7);
    assert_int_equal(item.id[15], 15);
    assert_int_equal(item.hook[7], 0xA7);
    assert_int_equal(spool_read(&s, &item, body, &size), SP_OK);
    assert_int_equal(size, 7);
    assert_memory_equal(body, "{\"a\":1}", 7);
    put(0x7fffffffffffffff, "x");
    assert_int_equal(spool_scan(&s, last, &item), SP_OK);
    assert_int_equal(item.time_us, 0x7fffffffffffffff);
    assert_int_equal(s.count, 2);
    spool_remove(&s, &item);
    assert_int_equal(s.count, 1);
    assert_int_equal(spool_read(&s, &item, body, &size), SP_ESYS);
    spool_remove(&s, &item); /* it is gone already */
    assert_int_equal(spool_scan(&s, NULL, NULL), SP_OK);
    assert_int_equal(s.count, 1);
}

static void bounds(void **state)
{
    struct ipc_courier_event e = event_of(1, "x");

    (void)state;
    e.size = 0;
    assert_int_equal(spool_put(&s, &e), SP_EVALUE);
    e.size = IPC_COURIER_BODY_MAX + 1;
    assert_int_equal(spool_put(&s, &e), SP_EVALUE);
    s.most = 3;
    for (uint64_t i = 0; i < 3; i++)
        put(i, "kept");
    e = event_of(4, "too many");
    assert_int_equal(spool_put(&s, &e), SP_ELIMIT);
    assert_int_equal(spool_scan(&s, NULL, NULL), SP_OK);
    assert_int_equal(s.count, 3); /* the old ones stay */
}

static void a_folder_that_is_gone_is_said(void **state)
{
    struct ipc_courier_event e = event_of(1, "x");
    struct spool broken = s;

    (void)state;
    broken.dir = -1;
    assert_int_equal(spool_put(&broken, &e), SP_ESYS);
    assert_int_equal(errno, EBADF);
    assert_int_equal(spool_scan(&broken, NULL, NULL), SP_ESYS);
}

static void other_files_are_no_items(void **state)
{
    static const char *const names[] = {
        "",
        ".item",
        "0000000000000007-000102030405060708090a0b0c0d0e0f-a0a1a2a3a4a5a6a7.ite",
        "0000000000000007-000102030405060708090a0b0c0d0e0f-a0a1a2a3a4a5a6a7.itemx",
        "0000000000000007-000102030405060708090a0b0c0d0e0f-a0a1a2a3a4a5a6a7-item",
        "0000000000000007-000102030405060708090a0b0c0d0e0f_a0a1a2a3a4a5a6a7.item",
        "0000000000000007_000102030405060708090a0b0c0d0e0f-a0a1a2a3a4a5a6a7.item",
        "000000000000000G-000102030405060708090a0b0c0d0e0f-a0a1a2a3a4a5a6a7.item",
        "0000000000000007-000102030405060708090A0b0c0d0e0f-a0a1a2a3a4a5a6a7.item",
        "0000000000000007-000102030405060708090a0b0c0d0e0f-a0a1a2a3a4a5a6/7.item",
        "half-1-" NAME,
    };
    struct spool_item item = {.time_us = 99};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_false(spool_name_read(names[i], &item));
    assert_int_equal(item.time_us, 99);
    assert_true(spool_name_read(NAME, &item));
}

static void spoiled_files_are_found_out(void **state)
{
    uint8_t body[IPC_COURIER_BODY_MAX];
    struct spool_item item;
    size_t size;

    (void)state;
    assert_true(spool_name_read(NAME, &item));
    write_file(NAME, "", S_IFREG);
    assert_int_equal(spool_read(&s, &item, body, &size), SP_EVALUE);
    int fd = openat(s.dir, NAME, O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, IPC_COURIER_BODY_MAX + 1), 0);
    close(fd);
    assert_int_equal(spool_read(&s, &item, body, &size), SP_EVALUE);
    spool_remove(&s, &item);
    write_file(NAME, NULL, S_IFDIR);
    assert_int_equal(spool_read(&s, &item, body, &size), SP_EVALUE);
    assert_int_equal(unlinkat(s.dir, NAME, AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("lock", s.dir, NAME), 0);
    assert_int_equal(spool_read(&s, &item, body, &size), SP_ESYS);
}

/* The halves of a courier that died go when they are old, and only by the owner's hand. */
static void halves_of_the_dead_are_removed(void **state)
{
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    (void)state;
    write_file("half-1-a", "old", S_IFREG);
    write_file("half-1-b", "young", S_IFREG);
    write_file("foreign", "not ours", S_IFREG);
    assert_int_equal(utimensat(s.dir, "half-1-a", old, 0), 0);
    assert_int_equal(utimensat(s.dir, "foreign", old, 0), 0);
    assert_int_equal(spool_scan(&s, NULL, NULL), SP_OK);
    assert_int_equal(faccessat(s.dir, "half-1-a", F_OK, 0), 0);
    assert_true(spool_own(&s));
    assert_int_equal(spool_scan(&s, NULL, NULL), SP_OK);
    assert_int_equal(s.count, 0);
    assert_int_equal(faccessat(s.dir, "half-1-a", F_OK, 0), -1);
    assert_int_equal(unlinkat(s.dir, "half-1-b", 0), 0);
    assert_int_equal(unlinkat(s.dir, "foreign", 0), 0);
}

static bool another_can_own(void)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct spool other;

        if (spool_open(&other, s.dir, NULL) != SP_OK)
            _exit(9);
        _exit(spool_own(&other) ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 1;
}

static void one_owner_at_a_time(void **state)
{
    (void)state;
    assert_true(another_can_own());
    assert_true(spool_own(&s));
    assert_true(spool_own(&s));
    assert_false(another_can_own());
    spool_disown(&s);
    assert_false(s.is_own);
    assert_true(another_can_own()); /* and died with it */
    assert_true(spool_own(&s));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_comes_back),        TEST(bounds),
        TEST(a_folder_that_is_gone_is_said), TEST(other_files_are_no_items),
        TEST(spoiled_files_are_found_out),   TEST(halves_of_the_dead_are_removed),
        TEST(one_owner_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
