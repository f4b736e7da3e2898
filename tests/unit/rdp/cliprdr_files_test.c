/* SPDX-License-Identifier: Apache-2.0
 * Files through the clipboard filter: names, requests for contents, locks, hashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/svc_lab.h"
#include "support/vector.h"

static struct svc_lab lab;
static uint8_t file[100000];

static enum svc_verdict send_vector(enum channel_direction direction, const char *name)
{
    char path[64];
    size_t size;

    snprintf(path, sizeof(path), "cliprdr/%s.hex", name);
    uint8_t *data = vector_load(path, &size);
    enum svc_verdict verdict = lab_send(&lab, direction, data, size);
    free(data);
    return verdict;
}

static void start(uint32_t ways)
{
    const struct svc_policy policy = {.clipboard = ways, .clipboard_kinds = SVC_CLIPBOARD_FILES};

    lab_clear(&lab);
    memset(&lab, 0, sizeof(lab));
    lab_clipboard(&lab, &policy);
    send_vector(S2C, "caps_server");
    send_vector(C2S, "caps_client");
    lab_forget(&lab);
}

/* The client copies the two files of the specification's example. */
static void copy_files(void)
{
    assert_int_equal(send_vector(C2S, "list_files"), SVC_DROP);
    assert_int_equal(send_vector(S2C, "files_request"), SVC_PASS);
    assert_int_equal(send_vector(C2S, "files_response"), SVC_DROP);
    assert_int_equal(lab.count[C2S], 2);
    assert_int_equal(lab.messages[C2S][1].size, 1196);
    lab_forget(&lab);
}

static enum svc_verdict ask(uint32_t lindex, uint32_t flags, uint64_t offset, uint32_t requested,
                            uint32_t clip_data_id)
{
    struct cliprdr_header header = {CB_FILECONTENTS_REQUEST, 0, clip_data_id != 0 ? 28 : 24};
    uint8_t message[36];
    struct wr w;

    wr_init(&w, message, sizeof(message));
    cliprdr_header_write(&w, &header);
    wr_u32le(&w, 2);
    wr_u32le(&w, lindex);
    wr_u32le(&w, flags);
    wr_u32le(&w, (uint32_t)offset);
    wr_u32le(&w, (uint32_t)(offset >> 32));
    wr_u32le(&w, requested);
    if (clip_data_id != 0)
        wr_u32le(&w, clip_data_id);
    return lab_send(&lab, S2C, message, w.pos);
}

static enum svc_verdict answer(const void *data, size_t size, uint16_t flags)
{
    static uint8_t message[CLIPRDR_HEADER_SIZE + 4 + sizeof(file)];
    struct cliprdr_header header = {CB_FILECONTENTS_RESPONSE, flags, (uint32_t)size + 4};
    struct wr w;

    wr_init(&w, message, sizeof(message));
    cliprdr_header_write(&w, &header);
    wr_u32le(&w, 2);
    wr_bytes(&w, data, size);
    assert_true(wr_ok(&w));
    return lab_send(&lab, C2S, message, w.pos);
}

static void transfer(uint32_t lindex, uint64_t offset, size_t size)
{
    assert_int_equal(ask(lindex, FILECONTENTS_RANGE, offset, (uint32_t)size, 0), SVC_PASS);
    assert_int_equal(answer(file + offset, size, CB_RESPONSE_OK), SVC_PASS);
    lab_forget(&lab);
}

static void expect_file(uint64_t size, uint64_t bytes, const char *name, size_t hashed)
{
    uint8_t sha256[SHA256_DIGEST_SIZE];
    struct sha256_ctx sha;
    struct svc_transfer t;

    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.kind, SVC_TRANSFER_CLIPBOARD_FILE);
    assert_int_equal(t.way, SVC_WAY_TO_TARGET);
    assert_int_equal(t.size, size);
    assert_int_equal(t.bytes, bytes);
    assert_string_equal(t.name, name);
    assert_int_equal(t.is_hashed, hashed > 0);
    if (hashed == 0)
        return;
    sha256_init(&sha);
    sha256_update(&sha, hashed, file);
    sha256_digest(&sha, sizeof(sha256), sha256);
    assert_memory_equal(t.sha256, sha256, sizeof(sha256));
}

static void expect_no_record(void)
{
    struct svc_transfer t;

    assert_false(svc_out_transfer(&lab.out, &t));
}

/* File 0 has 44 bytes, as its descriptor says. */
static void hashes_a_file(void **state)
{
    (void)state;
    start(SVC_WAY_TO_TARGET);
    copy_files();
    transfer(0, 0, 20);
    expect_no_record();
    transfer(0, 20, 24);
    expect_file(44, 44, "File1.txt", 44);
    expect_no_record();
}

/* The size comes by an answer, and the contents over many chunks. */
static void hashes_a_large_file(void **state)
{
    (void)state;
    start(SVC_WAY_TO_TARGET);
    copy_files();
    assert_int_equal(ask(1, FILECONTENTS_SIZE, 0, 8, 0), SVC_PASS);
    assert_int_equal(answer("\xa0\x86\x01\0\0\0\0\0", 8, CB_RESPONSE_OK), SVC_PASS);
    lab_forget(&lab);
    transfer(1, 0, 65536);
    transfer(1, 65536, sizeof(file) - 65536);
    expect_file(sizeof(file), sizeof(file), "File2.txt", sizeof(file));
}

static void says_partial(void **state)
{
    struct svc_transfer t;

    (void)state;
    start(SVC_WAY_TO_TARGET);
    copy_files();
    transfer(0, 20, 24); /* out of order */
    transfer(0, 0, 20);
    expect_no_record();
    send_vector(C2S, "list_files"); /* the clipboard changes */
    lab_forget(&lab);
    expect_file(44, 44, "File1.txt", 0);
    copy_files();
    transfer(0, 0, 20);
    assert_true(cliprdr_filter_end(lab.clip, &t));
    assert_int_equal(t.bytes, 20);
    assert_int_equal(t.size, 44);
    assert_false(t.is_hashed);
    assert_false(cliprdr_filter_end(lab.clip, &t));
}

static void contents_need_a_list(void **state)
{
    struct svc_transfer t;

    (void)state;
    start(SVC_WAY_TO_TARGET);
    assert_int_equal(ask(0, FILECONTENTS_SIZE, 0, 8, 0), SVC_DROP);
    assert_int_equal(lab.count[C2S], 1);
    assert_int_equal(lab.messages[C2S][0].data[2], CB_RESPONSE_FAIL);
    assert_int_equal(lab.messages[C2S][0].data[8], 2);
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.kind, SVC_TRANSFER_REFUSED);
    lab_forget(&lab);
    assert_int_equal(answer("12345678", 8, CB_RESPONSE_OK), SVC_DROP);
    assert_int_equal(lab.count[C2S], 0);
    /* The way is denied. */
    start(SVC_WAY_TO_CLIENT);
    send_vector(C2S, "list_files");
    assert_int_equal(ask(0, FILECONTENTS_SIZE, 0, 8, 0), SVC_DROP);
}

static void answers_keep_their_size(void **state)
{
    (void)state;
    start(SVC_WAY_TO_TARGET);
    copy_files();
    assert_int_equal(ask(0, FILECONTENTS_RANGE, 0, 100, 0), SVC_PASS);
    assert_int_equal(answer(file, 101, CB_RESPONSE_OK), SVC_DROP);
    assert_int_equal(lab.count[C2S], 1);
    assert_int_equal(lab.messages[C2S][0].data[2], CB_RESPONSE_FAIL);
    lab_forget(&lab);
    assert_int_equal(ask(0, FILECONTENTS_SIZE, 0, 8, 0), SVC_PASS);
    assert_int_equal(answer(file, 9, CB_RESPONSE_OK), SVC_DROP);
    assert_int_equal(ask(0, FILECONTENTS_RANGE, 0, 100, 0), SVC_PASS);
    assert_int_equal(answer(file, 0, CB_RESPONSE_FAIL), SVC_PASS);
    /* Fewer than asked for: the file ends here, and was not as long as announced. */
    assert_int_equal(ask(0, FILECONTENTS_RANGE, 0, 100, 0), SVC_PASS);
    assert_int_equal(answer(file, 30, CB_RESPONSE_OK), SVC_PASS);
}

static void ranges_are_bounded(void **state)
{
    (void)state;
    start(SVC_WAY_TO_TARGET);
    copy_files();
    for (int i = 0; i < CLIPRDR_RANGES_MAX; i++)
        assert_int_equal(ask(0, FILECONTENTS_RANGE, 0, 100, 0), SVC_PASS);
    assert_int_equal(ask(0, FILECONTENTS_RANGE, 0, 100, 0), SVC_DROP);
}

/* More files at once than are followed: the one that rested longest gets its record. */
static void files_are_bounded(void **state)
{
    struct svc_transfer t;
    int left = 0;

    (void)state;
    start(SVC_WAY_TO_TARGET);
    copy_files();
    for (uint32_t i = 0; i <= CLIPRDR_FILES_MAX; i++)
        transfer(2 * i, 0, 10);
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_string_equal(t.name, "File1.txt");
    expect_no_record();
    while (cliprdr_filter_end(lab.clip, &t))
        left++;
    assert_int_equal(left, CLIPRDR_FILES_MAX);
}

/* A lock keeps the files of a clipboard that has changed since. */
static void locks_keep_files(void **state)
{
    (void)state;
    start(SVC_WAY_TO_TARGET);
    copy_files();
    assert_int_equal(send_vector(S2C, "lock"), SVC_PASS);
    lab_forget(&lab);
    transfer(0, 0, 20);
    assert_int_equal(send_vector(C2S, "list_files"), SVC_DROP);
    expect_no_record();
    assert_int_equal(ask(0, FILECONTENTS_RANGE, 20, 24, 0), SVC_DROP);
    assert_int_equal(ask(0, FILECONTENTS_RANGE, 20, 24, 9), SVC_DROP);
    assert_int_equal(ask(0, FILECONTENTS_RANGE, 20, 24, 8), SVC_PASS);
    assert_int_equal(answer(file + 20, 24, CB_RESPONSE_OK), SVC_PASS);
    struct svc_transfer t;
    do
        assert_true(svc_out_transfer(&lab.out, &t));
    while (t.kind == SVC_TRANSFER_REFUSED);
    assert_true(t.is_hashed);
    assert_int_equal(ask(1, FILECONTENTS_RANGE, 0, 5, 8), SVC_PASS);
    assert_int_equal(answer(file, 5, CB_RESPONSE_OK), SVC_PASS);
    assert_int_equal(send_vector(S2C, "unlock"), SVC_PASS);
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.bytes, 5);
    assert_int_equal(ask(1, FILECONTENTS_RANGE, 5, 5, 8), SVC_DROP);
    for (int i = 0; i < CLIPRDR_LOCKS_MAX + 1; i++)
        assert_int_equal(send_vector(S2C, "lock"), SVC_PASS);
}

/* A list with a name that leaves the folder is not shown at all. */
static void refuses_bad_names(void **state)
{
    size_t size;
    uint8_t *data = vector_load("cliprdr/files_response.hex", &size);
    struct svc_transfer t;

    (void)state;
    start(SVC_WAY_TO_TARGET);
    send_vector(C2S, "list_files");
    send_vector(S2C, "files_request");
    lab_forget(&lab);
    memcpy(data + 12 + 72, ".\0.\0\\\0", 6);
    assert_int_equal(lab_send(&lab, C2S, data, size), SVC_DROP);
    assert_string_equal(lab.out.exploit, "CVE-2019-0887");
    assert_non_null(lab.out.exploit_where);
    assert_int_equal(lab.count[C2S], 1);
    assert_int_equal(lab.messages[C2S][0].size, CLIPRDR_HEADER_SIZE);
    assert_int_equal(lab.messages[C2S][0].data[2], CB_RESPONSE_FAIL);
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.kind, SVC_TRANSFER_REFUSED);
    lab_forget(&lab);
    assert_int_equal(ask(0, FILECONTENTS_SIZE, 0, 8, 0), SVC_DROP);
    lab_forget(&lab);
    /* A count that the descriptors do not bear out. */
    send_vector(S2C, "files_request");
    lab_forget(&lab);
    data[11] = 0x10;
    assert_int_equal(lab_send(&lab, C2S, data, size), SVC_DROP);
    assert_int_equal(lab.messages[C2S][0].data[2], CB_RESPONSE_FAIL);
    free(data);
}

/* Odd names: cut where that is enough, refused where not, and told from attacks. */
static void cuts_odd_names(void **state)
{
    static const struct {
        const char *name, *arrives; /* NULL = refused */
        bool is_attack;
    } cases[] = {
        {"12:30.txt", "12_30.txt", false},
        {"C:\\x", "C_\\x", false},
        {"a\nb", "a_b", false},
        {"dir\\file", "dir\\file", false},
        {"a\\", NULL, false},
        {"\\x", NULL, true},
        {"/x", NULL, true},
        {"a/b", NULL, true},
        {"..\\..\\x", NULL, true},
        {"C:\\..\\x", NULL, true},
    };
    size_t size;
    uint8_t *data = vector_load("cliprdr/files_response.hex", &size);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(SVC_WAY_TO_TARGET);
        send_vector(C2S, "list_files");
        send_vector(S2C, "files_request");
        lab_forget(&lab);
        memset(data + 12 + 72, 0, CLIPRDR_FILE_NAME_SIZE);
        for (size_t k = 0; cases[i].name[k] != '\0'; k++)
            data[12 + 72 + 2 * k] = (uint8_t)cases[i].name[k];
        assert_int_equal(lab_send(&lab, C2S, data, size), SVC_DROP);
        assert_int_equal(lab.out.exploit != NULL, cases[i].is_attack);
        const struct lab_message *m = &lab.messages[C2S][0];
        assert_int_equal(m->size, cases[i].arrives != NULL ? size : CLIPRDR_HEADER_SIZE);
        for (size_t k = 0; cases[i].arrives != NULL && cases[i].arrives[k] != '\0'; k++)
            assert_int_equal(m->data[12 + 72 + 2 * k], cases[i].arrives[k]);
    }
    memset(data + 12 + 72, 'x', CLIPRDR_FILE_NAME_SIZE); /* 260 units without NUL */
    start(SVC_WAY_TO_TARGET);
    send_vector(C2S, "list_files");
    send_vector(S2C, "files_request");
    assert_int_equal(lab_send(&lab, C2S, data, size), SVC_DROP);
    assert_non_null(lab.out.exploit);
    free(data);
}

static void refuses_a_huge_list(void **state)
{
    struct cliprdr_header header = {CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_OK, CLIPRDR_GATHER_MAX};
    uint8_t *data = calloc(1, CLIPRDR_HEADER_SIZE + CLIPRDR_GATHER_MAX);
    struct wr w;

    (void)state;
    assert_non_null(data);
    start(SVC_WAY_TO_TARGET);
    send_vector(C2S, "list_files");
    send_vector(S2C, "files_request");
    lab_forget(&lab);
    wr_init(&w, data, CLIPRDR_HEADER_SIZE);
    cliprdr_header_write(&w, &header);
    assert_int_equal(lab_send(&lab, C2S, data, CLIPRDR_HEADER_SIZE + CLIPRDR_GATHER_MAX), SVC_DROP);
    assert_int_equal(lab.count[C2S], 1);
    assert_int_equal(lab.messages[C2S][0].data[2], CB_RESPONSE_FAIL);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_a_file),
        cmocka_unit_test(hashes_a_large_file),
        cmocka_unit_test(says_partial),
        cmocka_unit_test(contents_need_a_list),
        cmocka_unit_test(answers_keep_their_size),
        cmocka_unit_test(ranges_are_bounded),
        cmocka_unit_test(files_are_bounded),
        cmocka_unit_test(locks_keep_files),
        cmocka_unit_test(refuses_bad_names),
        cmocka_unit_test(refuses_a_huge_list),
        cmocka_unit_test(cuts_odd_names),
    };

    for (size_t i = 0; i < sizeof(file); i++)
        file[i] = (uint8_t)(i * 31 + (i >> 8));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lab_clear(&lab);
    return failed;
}
