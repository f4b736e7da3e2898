/* SPDX-License-Identifier: Apache-2.0
 * Inputs that broke other RDP programs, one a file under tests/vectors/known_inputs/<parser>/:
 * each is refused by the parser that would meet it, with a place, and without its answer touched.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/channel.h"
#include "rdp/cliprdr.h"
#include "rdp/credssp.h"
#include "rdp/drdynvc.h"
#include "rdp/gcc.h"
#include "rdp/info.h"
#include "rdp/mcs.h"
#include "rdp/ntlm.h"
#include "rdp/rdpdr.h"
#include "rdp/rdstls.h"
#include "rdp/redirection.h"
#include "rdp/share.h"
#include "rdp/spnego.h"
#include "rdp/x224.h"
#include "support/vector.h"

/* Room for the answer of any parser; it must stay as it was. */
union answer {
    uint8_t bytes[65536];
    uint64_t align;
};

typedef enum sp_err parser_fn(struct rd *r, union answer *out);

#define PARSER(name, call)                                                                         \
    static enum sp_err of_##name(struct rd *r, union answer *out)                                  \
    {                                                                                              \
        return call;                                                                               \
    }

PARSER(x224_request, x224_connection_request_read(r, (void *)out))
PARSER(x224_confirm, x224_connection_confirm_read(r, (void *)out))
PARSER(mcs_connect_initial, mcs_connect_initial_read(r, (void *)out))
PARSER(mcs_domain, mcs_domain_read(r, (void *)out))
PARSER(gcc_client, gcc_client_read(r, true, (void *)out))
PARSER(gcc_server, gcc_server_read(r, (void *)out))
PARSER(client_info, client_info_read(r, (void *)out))
PARSER(ts_request, ts_request_read(r, (void *)out))
PARSER(ts_credentials, ts_credentials_read(r, (void *)out))
PARSER(ntlm_negotiate, ntlm_negotiate_read(r, (void *)out))
PARSER(ntlm_authenticate, ntlm_authenticate_read(r, (void *)out))
PARSER(spnego_init, spnego_init_read(r, (void *)out))
PARSER(rdstls_request, rdstls_request_read(r, (void *)out))
PARSER(channel_header, channel_header_read(r, (void *)out))
PARSER(drdynvc_header, drdynvc_header_read(r, (void *)out))
PARSER(drdynvc_name, drdynvc_name_read(r, (void *)out))
PARSER(rdpdr_header, rdpdr_header_read(r, (void *)out))
PARSER(cliprdr_files, cliprdr_files_read(r, (void *)out))

static enum sp_err of_redirection(struct rd *r, union answer *out)
{
    struct share_pdu pdu;

    if (share_next(r, &pdu) != SP_OK)
        return r->fail.code;
    enum sp_err err = redirection_read(&pdu.body, (void *)out);
    if (err != SP_OK)
        r->fail = pdu.body.fail;
    return err;
}

static const struct {
    const char *folder;
    parser_fn *parse;
} parsers[] = {
    {"x224_request", of_x224_request},
    {"x224_confirm", of_x224_confirm},
    {"mcs_connect_initial", of_mcs_connect_initial},
    {"mcs_domain", of_mcs_domain},
    {"gcc_client", of_gcc_client},
    {"gcc_server", of_gcc_server},
    {"client_info", of_client_info},
    {"ts_request", of_ts_request},
    {"ts_credentials", of_ts_credentials},
    {"ntlm_negotiate", of_ntlm_negotiate},
    {"ntlm_authenticate", of_ntlm_authenticate},
    {"spnego_init", of_spnego_init},
    {"rdstls_request", of_rdstls_request},
    {"channel_header", of_channel_header},
    {"drdynvc_header", of_drdynvc_header},
    {"drdynvc_name", of_drdynvc_name},
    {"rdpdr_header", of_rdpdr_header},
    {"cliprdr_files", of_cliprdr_files},
    {"redirection", of_redirection},
};
#define PARSER_COUNT (sizeof(parsers) / sizeof(parsers[0]))

static int failures;

static void refuse(parser_fn *parse, const char *name)
{
    static union answer out;
    size_t size;
    uint8_t *data = vector_load(name, &size);
    struct rd r;

    memset(&out, 0xA5, sizeof(out));
    rd_init(&r, data, size);
    enum sp_err err = parse(&r, &out);
    free(data);
    bool is_touched = false;
    for (size_t i = 0; i < sizeof(out); i++)
        is_touched = is_touched || out.bytes[i] != 0xA5;
    if (err == SP_OK || r.fail.where == NULL || is_touched) {
        print_error("%s: %s at %s%s\n", name, sp_err_name(err),
                    r.fail.where != NULL ? r.fail.where : "no place",
                    is_touched ? ", touched" : "");
        failures++;
    }
}

static void each_is_refused(void **state)
{
    const char *root = getenv("SP_VECTORS");
    size_t count = 0, folders = 0;
    char path[512];

    (void)state;
    assert_non_null(root);
    for (size_t i = 0; i < PARSER_COUNT; i++) {
        size_t before = count;

        snprintf(path, sizeof(path), "%s/known_inputs/%s", root, parsers[i].folder);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof(path), "known_inputs/%s/%s", parsers[i].folder, entry->d_name);
            refuse(parsers[i].parse, path);
            count++;
        }
        closedir(dir);
        folders += count > before ? 1 : 0;
    }
    assert_int_equal(failures, 0);
    assert_int_equal(folders, PARSER_COUNT);
    assert_true(count >= 90);
}

/* A folder without a parser would be looked at by nobody. */
static void each_folder_has_its_parser(void **state)
{
    const char *root = getenv("SP_VECTORS");
    size_t folders = 0;
    char path[512];

    (void)state;
    assert_non_null(root);
    snprintf(path, sizeof(path), "%s/known_inputs", root);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        folders += entry->d_name[0] != '.' ? 1 : 0;
    closedir(dir);
    assert_int_equal(folders, PARSER_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_refused),
        cmocka_unit_test(each_folder_has_its_parser),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
