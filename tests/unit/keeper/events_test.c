/* SPDX-License-Identifier: Apache-2.0
 * The event log: whole lines, escaped text, private file, failures that are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/events.h"

static char path[64];
static char text[65536];

static int begin(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/sallyport-events-XXXXXX");
    fd = mkstemp(path);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    return unlink(path);
}

static void read_back(void)
{
    FILE *f = fopen(path, "re");
    size_t n;

    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
}

struct seen {
    char name[32], line[256];
    int count;
};

static void see(void *ctx, const char *name, const char *line, size_t size)
{
    struct seen *s = ctx;

    snprintf(s->name, sizeof(s->name), "%s", name);
    snprintf(s->line, sizeof(s->line), "%.*s", (int)size, line);
    s->count++;
}

static void whoever_watches_sees_what_was_written(void **state)
{
    struct seen seen = {0};
    struct event_log log;
    struct event e;

    (void)state;
    assert_int_equal(event_log_open(&log, path, NULL), SP_OK);
    log.watch = see;
    log.ctx = &seen;
    event_begin(&e, "test");
    assert_int_equal(event_write(&log, &e, false), SP_OK);
    read_back();
    text[strcspn(text, "\n")] = '\0';
    assert_string_equal(seen.name, "test");
    assert_string_equal(seen.line, text);
    event_log_close(&log);
    event_begin(&e, "unwritten");
    assert_int_equal(event_write(&log, &e, false), SP_ESYS);
    assert_int_equal(seen.count, 1);
}

static void one_line_an_event(void **state)
{
    struct event_log log;
    struct event e;
    json_t *root;

    (void)state;
    assert_int_equal(event_log_open(&log, path, NULL), SP_OK);
    for (int i = 0; i < 2; i++) {
        event_begin(&e, "test");
        event_text(&e, "user", "a\nb\"c\\d\x1b\xff\xe2\x80\xae");
        event_number(&e, "n", i);
        assert_int_equal(event_write(&log, &e, i == 1), SP_OK);
    }
    event_log_close(&log);
    read_back();
    char *second = strchr(text, '\n') + 1;
    assert_int_equal(strchr(second, '\n')[1], '\0');
    root = json_loads(second, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "user")),
                        "a\\x0ab\\x22c\\x5cd\\x1b\\xff\\xe2\\x80\\xae");
    assert_int_equal(strlen(json_string_value(json_object_get(root, "time"))), 27);
    assert_int_equal(json_integer_value(json_object_get(root, "n")), 1);
    json_decref(root);
}

static void file_is_private(void **state)
{
    struct event_log log;
    struct stat st;

    (void)state;
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(event_log_open(&log, path, NULL), SP_OK);
    assert_int_equal(fstat(log.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fcntl(log.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    event_log_close(&log);
}

static void link_is_not_followed(void **state)
{
    char link[80];
    struct event_log log;
    struct sp_fail fail = {0};

    (void)state;
    snprintf(link, sizeof(link), "%s.link", path);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(event_log_open(&log, link, &fail), SP_ESYS);
    assert_string_equal(fail.where, "event file");
    unlink(link);
}

static void broken_event_is_not_written(void **state)
{
    struct event_log log;
    struct event e;

    (void)state;
    assert_int_equal(event_log_open(&log, path, NULL), SP_OK);
    event_begin(&e, "test");
    event_list(&e, "channels", NULL); /* memory ran out */
    assert_int_equal(event_write(&log, &e, false), SP_ESYS);
    assert_int_equal(log.failed, 1);
    event_log_close(&log);
    read_back();
    assert_string_equal(text, "");
}

static void full_disk_is_a_failure(void **state)
{
    struct event_log log = {.fd = open("/dev/full", O_WRONLY | O_CLOEXEC)};
    struct event e;

    (void)state;
    event_begin(&e, "test");
    assert_int_equal(event_write(&log, &e, true), SP_ESYS);
    event_log_close(&log);
}

static void long_text_is_cut(void **state)
{
    static char long_text[4000];
    struct event_log log;
    struct event e;

    (void)state;
    memset(long_text, 0x01, sizeof(long_text) - 1);
    assert_int_equal(event_log_open(&log, path, NULL), SP_OK);
    event_begin(&e, "test");
    event_text(&e, "user", long_text);
    assert_int_equal(event_write(&log, &e, false), SP_OK);
    event_log_close(&log);
    read_back();
    assert_true(strlen(text) < 1200);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_line_an_event),
        TEST(file_is_private),
        TEST(link_is_not_followed),
        TEST(whoever_watches_sees_what_was_written),
        TEST(file_is_private),
        TEST(link_is_not_followed),
        TEST(broken_event_is_not_written),
        TEST(full_disk_is_a_failure),
        TEST(long_text_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
