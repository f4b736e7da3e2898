/* SPDX-License-Identifier: Apache-2.0
 * The state folder and the certificate: made once, kept, checked, and never the key to the helpers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/state.h"

static char dir[64], error[STATE_ERROR_SIZE];
static struct config config;
static struct boot_config boot;

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/sallyport-state-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    memset(&config, 0, sizeof(config));
    memset(&boot, 0, sizeof(boot));
    snprintf(config.state_dir, sizeof(config.state_dir), "%s/state", dir);
    snprintf(config.names[0], sizeof(config.names[0]), "gate.example");
    config.name_count = 1;
    return 0;
}

static int finish(void **state)
{
    static const char *const names[] = {"state/certificate.pem", "state/key.pem", "both.pem"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(config.state_dir);
    return rmdir(dir);
}

static void a_folder_inside_is_made_private(void **state)
{
    char path[128];
    struct stat st;

    (void)state;
    assert_int_equal(state_folder(&config, "spool", error), -1); /* no state folder yet */
    assert_non_null(strstr(error, "spool"));
    assert_int_equal(state_prepare(&config, error), SP_OK);
    for (int i = 0; i < 2; i++) { /* the second start finds it */
        int fd = state_folder(&config, "spool", error);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        close(fd);
    }
    snprintf(path, sizeof(path), "%s/state/spool", dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_int_equal(state_folder(&config, "spool", error), -1); /* it leads elsewhere */
    assert_int_equal(unlink(path), 0);
}

static void folder_is_made_private(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(state_prepare(&config, error), SP_OK);
    assert_int_equal(stat(config.state_dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(state_prepare(&config, error), SP_OK); /* the second start */
    assert_int_equal(chmod(config.state_dir, 0777), 0);
    assert_int_equal(state_prepare(&config, error), SP_EDENIED);
    assert_non_null(strstr(error, "chmod go-w"));
}

static void missing_parent_is_explained(void **state)
{
    (void)state;
    snprintf(config.state_dir, sizeof(config.state_dir), "%s/a/b", dir);
    assert_int_equal(state_prepare(&config, error), SP_ESYS);
    assert_non_null(strstr(error, "make its parent"));
    snprintf(config.state_dir, sizeof(config.state_dir), "%s/state", dir);
}

static void certificate_is_made_once(void **state)
{
    static struct boot_config again;
    struct signer *signer;

    (void)state;
    assert_int_equal(state_prepare(&config, error), SP_OK);
    assert_int_equal(state_certificate(&config, &boot, &signer, error), SP_OK);
    signer_free(signer);
    assert_null(strstr(boot.pem, "PRIVATE"));
    assert_int_equal(boot.pem_size, strlen(boot.pem));
    assert_int_equal(state_certificate(&config, &again, &signer, error), SP_OK);
    signer_free(signer);
    assert_string_equal(boot.pem, again.pem);
}

static void make_pair(void)
{
    struct signer *signer;

    assert_int_equal(state_prepare(&config, error), SP_OK);
    assert_int_equal(state_certificate(&config, &boot, &signer, error), SP_OK);
    signer_free(signer);
    snprintf(config.certificate, sizeof(config.certificate), "%s/state/certificate.pem", dir);
    snprintf(config.key, sizeof(config.key), "%s/state/key.pem", dir);
}

static void check_refused(enum sp_err err, const char *text)
{
    struct signer *signer = NULL;

    assert_int_equal(state_certificate(&config, &boot, &signer, error), err);
    assert_null(signer);
    assert_non_null(strstr(error, text));
}

static void key_in_the_certificate_file_is_refused(void **state)
{
    char both[128];
    size_t size;
    FILE *f;

    (void)state;
    make_pair();
    snprintf(both, sizeof(both), "%s/both.pem", dir);
    f = fopen(both, "we");
    assert_non_null(f);
    char *key = state_read_file(config.key, 65536, &size);
    fwrite(boot.pem, 1, boot.pem_size, f);
    fwrite(key, 1, size, f);
    fclose(f);
    free(key);
    snprintf(config.certificate, sizeof(config.certificate), "%s", both);
    memset(&boot, 0, sizeof(boot));
    check_refused(SP_EVALUE, "private key in the certificate file");
    assert_int_equal(boot.pem_size, 0);
}

static void another_keys_certificate_is_refused(void **state)
{
    char old[128];

    (void)state;
    make_pair();
    snprintf(old, sizeof(old), "%s/both.pem", dir);
    assert_int_equal(rename(config.certificate, old), 0);
    config.certificate[0] = config.key[0] = '\0';
    make_pair();
    snprintf(config.certificate, sizeof(config.certificate), "%s", old);
    check_refused(SP_ECRYPTO, "another key");
}

static void missing_files_are_named(void **state)
{
    (void)state;
    make_pair();
    assert_int_equal(unlink(config.key), 0);
    check_refused(SP_ESYS, "key.pem");
    assert_int_equal(unlink(config.certificate), 0);
    check_refused(SP_ESYS, "certificate.pem");
}

static void large_file_is_refused(void **state)
{
    size_t size;

    (void)state;
    make_pair();
    assert_null(state_read_file(config.certificate, 10, &size));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(folder_is_made_private),
        TEST(a_folder_inside_is_made_private),
        TEST(missing_parent_is_explained),
        TEST(certificate_is_made_once),
        TEST(key_in_the_certificate_file_is_refused),
        TEST(another_keys_certificate_is_refused),
        TEST(missing_files_are_named),
        TEST(large_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
