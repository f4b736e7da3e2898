/* SPDX-License-Identifier: Apache-2.0
 * Licences in the state folder: kept apart by target and scope, replaced as a whole, private.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <dirent.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/licences.h"

static char dir[64];

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/licences-XXXXXX");
    return mkdtemp(dir) == NULL;
}

/* Remove the folder with what is in it; returns how many files there were, the last one's mode. */
static int clean(mode_t *mode)
{
    char path[512];
    int count = 0;

    snprintf(path, sizeof(path), "%s/licences", dir);
    DIR *folder = opendir(path);
    for (struct dirent *e = folder != NULL ? readdir(folder) : NULL; e != NULL;
         e = readdir(folder)) {
        struct stat st;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/licences/%s", dir, e->d_name);
        assert_int_equal(stat(path, &st), 0);
        *mode = st.st_mode & 07777;
        unlink(path);
        count++;
    }
    if (folder != NULL)
        closedir(folder);
    snprintf(path, sizeof(path), "%s/licences", dir);
    rmdir(path);
    return count;
}

static int finish(void **state)
{
    mode_t mode;

    (void)state;
    clean(&mode);
    return rmdir(dir);
}

static void put_and_get(void **state)
{
    static struct ipc_licence_get_rsp out, other;
    mode_t mode = 0;

    (void)state;
    assert_int_equal(licences_get(dir, "web01", "microsoft.com", &out), SP_OK);
    assert_int_equal(out.size, 0);
    assert_int_equal(licences_put(dir, "web01", "microsoft.com", (const uint8_t *)"old", 3), SP_OK);
    assert_int_equal(licences_put(dir, "web01", "microsoft.com", (const uint8_t *)"new!", 4),
                     SP_OK);
    assert_int_equal(licences_put(dir, "web02", "microsoft.com", (const uint8_t *)"two", 3), SP_OK);
    assert_int_equal(licences_put(dir, "web01", "../../etc/x", (const uint8_t *)"x", 1), SP_OK);
    assert_int_equal(licences_get(dir, "web01", "microsoft.com", &out), SP_OK);
    assert_int_equal(out.size, 4);
    assert_memory_equal(out.licence, "new!", 4);
    assert_int_equal(licences_get(dir, "web0", "1microsoft.com", &other), SP_OK);
    assert_int_equal(other.size, 0);
    assert_memory_equal(out.hardware_id, other.hardware_id, sizeof(out.hardware_id));
    assert_int_equal(clean(&mode), 3);
    assert_int_equal(mode, 0600);
}

static void largest_licence(void **state)
{
    static struct ipc_licence_get_rsp out;
    static uint8_t data[IPC_LICENCE_MAX + 1];

    (void)state;
    memset(data, 0xC5, sizeof(data));
    assert_int_equal(licences_put(dir, "t", "s", data, IPC_LICENCE_MAX), SP_OK);
    assert_int_equal(licences_get(dir, "t", "s", &out), SP_OK);
    assert_int_equal(out.size, IPC_LICENCE_MAX);
    assert_int_equal(licences_put(dir, "t", "s", data, sizeof(data)), SP_OK);
    assert_int_equal(licences_get(dir, "t", "s", &out), SP_ELIMIT);
    assert_int_equal(out.size, 0);
}

static void no_folder_no_licence(void **state)
{
    static struct ipc_licence_get_rsp out;

    (void)state;
    assert_int_equal(licences_put("/nonexistent", "t", "s", (const uint8_t *)"x", 1), SP_ESYS);
    assert_int_equal(licences_get("/nonexistent", "t", "s", &out), SP_OK);
    assert_int_equal(out.size, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(put_and_get),
        TEST(largest_licence),
        TEST(no_folder_no_licence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
