/* SPDX-License-Identifier: Apache-2.0
 * Clipboard messages: headers, capabilities, format lists, lists of files, requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/cliprdr.h"
#include "support/probe.h"
#include "support/vector.h"

static size_t total; /* of the message under probe */

static enum sp_err parse_header(struct rd *r, void *out)
{
    return cliprdr_header_read(r, total, out);
}

static bool past_header(size_t size)
{
    return size >= CLIPRDR_HEADER_SIZE;
}

static void reads_headers(void **state)
{
    struct cliprdr_header header;
    uint8_t *data = vector_load("cliprdr/list_text.hex", &total);
    uint8_t out[CLIPRDR_HEADER_SIZE];
    struct wr w;
    struct rd r;

    (void)state;
    rd_init(&r, data, total);
    assert_int_equal(cliprdr_header_read(&r, total, &header), SP_OK);
    assert_int_equal(header.msg_type, CB_FORMAT_LIST);
    assert_int_equal(header.data_len, 224);
    wr_init(&w, out, sizeof(out));
    cliprdr_header_write(&w, &header);
    assert_memory_equal(out, data, sizeof(out));
    probe_prefixes("cliprdr/list_text.hex", parse_header, sizeof(header), past_header);
    assert_true(probe_bytes("cliprdr/list_text.hex", parse_header, sizeof(header)) > 0);
    for (size_t more = 0; more <= 5; more++) {
        rd_init(&r, data, total);
        assert_int_equal(cliprdr_header_read(&r, total + more, &header),
                         more <= CLIPRDR_SURPLUS_MAX ? SP_OK : SP_EVALUE);
    }
    rd_init(&r, data, total);
    assert_int_equal(cliprdr_header_read(&r, total - 1, &header), SP_EVALUE);
    free(data);
}

static enum sp_err edit(const uint8_t *body, size_t size, uint32_t keep, uint32_t *flags,
                        uint8_t *copy_out)
{
    uint8_t *copy = vector_prefix(body, size);
    struct sp_fail fail = {0};
    enum sp_err err = cliprdr_caps_edit(copy, size, keep, flags, &fail);

    assert_int_equal(fail.code, err);
    if (copy_out != NULL)
        memcpy(copy_out, copy, size);
    free(copy);
    return err;
}

static void edits_caps(void **state)
{
    size_t size;
    uint8_t *data = vector_load("cliprdr/caps_server.hex", &size);
    uint8_t *body = data + CLIPRDR_HEADER_SIZE;
    uint8_t copy[64];
    uint32_t flags = 77;

    (void)state;
    size -= CLIPRDR_HEADER_SIZE;
    assert_int_equal(edit(body, size, UINT32_MAX, &flags, copy), SP_OK);
    assert_int_equal(flags, 0x0e);
    assert_memory_equal(copy, body, size);
    assert_int_equal(edit(body, size, CB_USE_LONG_FORMAT_NAMES, &flags, copy), SP_OK);
    assert_int_equal(flags, CB_USE_LONG_FORMAT_NAMES);
    assert_int_equal(copy[12], CB_USE_LONG_FORMAT_NAMES);
    flags = 77;
    for (size_t n = 0; n < size; n++)
        assert_int_equal(edit(body, n, UINT32_MAX, &flags, NULL), SP_ESHORT);
    assert_int_equal(flags, 77);
    for (size_t i = 0; i < size; i++) {
        for (unsigned v = 0; v < 256; v++) {
            uint8_t old = body[i];

            body[i] = (uint8_t)v;
            sp_ignore(edit(body, size, 0, &flags, NULL));
            body[i] = old;
        }
    }
    free(data);
}

/* FreeRDP CVE-2020-11017, 11018: counts and lengths that the body does not have. */
static void refuses_caps(void **state)
{
    uint8_t body[16] = {0xff, 0xff, 0, 0, 1, 0, 12, 0, 2, 0, 0, 0, 14, 0, 0, 0};
    uint32_t flags = 77;

    (void)state;
    assert_int_equal(edit(body, sizeof(body), 0, &flags, NULL), SP_ELIMIT);
    body[0] = 2, body[1] = 0;
    assert_int_equal(edit(body, sizeof(body), 0, &flags, NULL), SP_ESHORT);
    body[0] = 1;
    for (uint8_t length = 0; length < 12; length++) {
        body[6] = length;
        assert_int_equal(edit(body, sizeof(body), 0, &flags, NULL),
                         length < 4 ? SP_EVALUE : SP_ESHORT);
    }
    body[6] = 13;
    assert_int_equal(edit(body, sizeof(body), 0, &flags, NULL), SP_ESHORT);
    assert_int_equal(flags, 77);
    body[4] = 9, body[6] = 12;
    assert_int_equal(edit(body, sizeof(body), 0, &flags, NULL), SP_OK);
    assert_int_equal(flags, 0);
}

static enum sp_err parse_list(struct rd *r, void *out)
{
    struct cliprdr_format format, last = {0};

    rd_skip(r, CLIPRDR_HEADER_SIZE, "header");
    do {
        if (cliprdr_format_next(r, true, false, &format) == SP_OK)
            last = format;
    } while (rd_ok(r) && r->left > 0);
    if (rd_ok(r))
        memcpy(out, &last.id, sizeof(last.id));
    return r->fail.code;
}

/* A list may end after any of its entries. */
static bool ends_entry(size_t size)
{
    return size == 26 || size == 32 || size == 38;
}

static void reads_long_names(void **state)
{
    static const enum cliprdr_kind kinds[] = {
        CLIPRDR_TEXT,  CLIPRDR_OTHER, CLIPRDR_OTHER, CLIPRDR_TEXT, CLIPRDR_TEXT,
        CLIPRDR_OTHER, CLIPRDR_OTHER, CLIPRDR_IMAGE, CLIPRDR_TEXT, CLIPRDR_TEXT};
    struct cliprdr_format format;
    size_t size;
    uint8_t *data = vector_load("cliprdr/list_text.hex", &size);
    struct rd r;

    (void)state;
    rd_init(&r, data, size);
    rd_skip(&r, CLIPRDR_HEADER_SIZE, "header");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_int_equal(cliprdr_format_next(&r, true, false, &format), SP_OK);
        assert_int_equal(cliprdr_format_kind(&format), kinds[i]);
    }
    assert_int_equal(r.left, 0);
    free(data);
    data = vector_load("cliprdr/list_files.hex", &size);
    rd_init(&r, data + CLIPRDR_HEADER_SIZE, size - CLIPRDR_HEADER_SIZE);
    assert_int_equal(cliprdr_format_next(&r, true, false, &format), SP_OK);
    assert_int_equal(cliprdr_format_kind(&format), CLIPRDR_FILES);
    assert_int_equal(format.id, 0xc079);
    free(data);
    probe_prefixes("cliprdr/list_images.hex", parse_list, 4, ends_entry);
    assert_true(probe_bytes("cliprdr/list_images.hex", parse_list, 4) > 0);
}

static enum cliprdr_kind short_kind(const char *name, size_t size, bool is_ascii)
{
    uint8_t entry[36] = {0x79, 0xc0};
    struct cliprdr_format format;
    struct rd r;

    for (size_t i = 0; i < size; i++)
        entry[4 + (is_ascii ? i : 2 * i)] = (uint8_t)name[i];
    rd_init(&r, entry, sizeof(entry));
    assert_int_equal(cliprdr_format_next(&r, false, is_ascii, &format), SP_OK);
    assert_int_equal(format.raw_size, sizeof(entry));
    for (size_t n = 0; n < sizeof(entry); n++) {
        rd_init(&r, entry, n);
        struct cliprdr_format out;
        assert_int_equal(cliprdr_format_next(&r, false, is_ascii, &out), SP_ESHORT);
    }
    rd_init(&r, entry, sizeof(entry));
    assert_int_equal(cliprdr_format_next(&r, false, is_ascii, &format), SP_OK);
    return cliprdr_format_kind(&format);
}

static void reads_short_names(void **state)
{
    (void)state;
    assert_int_equal(short_kind("FileGroupDescriptorW", 15, false), CLIPRDR_FILES);
    assert_int_equal(short_kind("FileGroupDescriptorW", 16, false), CLIPRDR_FILES);
    assert_int_equal(short_kind("FileGroupDescriptorW", 14, false), CLIPRDR_OTHER);
    assert_int_equal(short_kind("FileGroupDescriptorW", 20, true), CLIPRDR_FILES);
    assert_int_equal(short_kind("FileGroupDescriptor", 19, true), CLIPRDR_OTHER);
    assert_int_equal(short_kind("HTML Format", 11, false), CLIPRDR_TEXT);
    assert_int_equal(short_kind("Rich Text Format", 16, false), CLIPRDR_TEXT);
    assert_int_equal(short_kind("", 0, false), CLIPRDR_OTHER);
}

static enum sp_err parse_files(struct rd *r, void *out)
{
    struct cliprdr_file file;
    uint32_t count;

    rd_skip(r, CLIPRDR_HEADER_SIZE, "header");
    if (cliprdr_files_read(r, &count) != SP_OK)
        return r->fail.code;
    for (uint32_t i = 0; i < count; i++) {
        if (cliprdr_file_next(r, &file) != SP_OK)
            return r->fail.code;
    }
    memcpy(out, &file.size, sizeof(file.size));
    return SP_OK;
}

static void reads_files(void **state)
{
    uint64_t size_out;
    size_t size;
    uint8_t *data = vector_load("cliprdr/files_response.hex", &size);

    (void)state;
    assert_int_equal(probe_parse(data, size, parse_files, &size_out), SP_OK);
    assert_int_equal(size_out, 10);
    probe_prefixes("cliprdr/files_response.hex", parse_files, sizeof(size_out), NULL);
    free(data);
}

static void refuses_counts(void **state)
{
    static const uint32_t counts[] = {0, 2, 0x10000000, 0xFFFFFFFF};
    uint8_t body[4 + CLIPRDR_DESCRIPTOR_SIZE] = {0};
    uint32_t count = 77;
    struct rd r;
    struct wr w;

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        wr_init(&w, body, sizeof(body));
        wr_u32le(&w, counts[i]);
        rd_init(&r, body, sizeof(body));
        assert_int_equal(cliprdr_files_read(&r, &count), SP_EVALUE);
    }
    assert_int_equal(count, 77);
}

static enum sp_err judge_name(const char *name)
{
    uint8_t entry[CLIPRDR_DESCRIPTOR_SIZE] = {0};
    struct cliprdr_file file;
    struct rd r;

    for (size_t i = 0; name[i] != '\0'; i++)
        entry[72 + 2 * i] = (uint8_t)name[i];
    rd_init(&r, entry, sizeof(entry));
    return cliprdr_file_next(&r, &file);
}

/* CVE-2019-0887, and CVE-2020-0655, which went round its repair with slashes. */
static void judges_names(void **state)
{
    static const char *const good[] = {"a",   "File1.txt", "folder\\file", "a..b",
                                       "..a", ".bashrc",   "a.",           "a b"};
    static const char *const bad[] = {
        "",    "..",    ".",    "..\\x", "..\\..\\x", "../x",   "x/y",    "a\\..\\b",
        "C:x", "C:\\x", "\\x",  "/x",    "\\\\h\\s",  "a\\",    "a\\\\b", "a\\.. \\b",
        ". .", "x:ads", "a\nb", "...",   " ",         "a/../b", "..\\",   "a\\."};
    uint8_t full[CLIPRDR_DESCRIPTOR_SIZE];
    struct cliprdr_file file;
    struct rd r;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(judge_name(good[i]), SP_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(judge_name(bad[i]), SP_EDENIED);
    memset(full, 'x', sizeof(full));
    rd_init(&r, full, sizeof(full));
    assert_int_equal(cliprdr_file_next(&r, &file), SP_EVALUE);
}

static enum sp_err parse_contents(struct rd *r, void *out)
{
    struct cliprdr_contents_request request;

    rd_skip(r, CLIPRDR_HEADER_SIZE, "header");
    if (cliprdr_contents_request_read(r, &request) == SP_OK)
        memcpy(out, &request.requested, sizeof(request.requested));
    return r->fail.code;
}

static void reads_contents_requests(void **state)
{
    struct cliprdr_contents_request request;
    size_t size;
    uint8_t *data = vector_load("cliprdr/range_request.hex", &size);
    struct rd r;

    (void)state;
    rd_init(&r, data + CLIPRDR_HEADER_SIZE, size - CLIPRDR_HEADER_SIZE);
    assert_int_equal(cliprdr_contents_request_read(&r, &request), SP_OK);
    assert_int_equal(request.stream_id, 2);
    assert_int_equal(request.lindex, 1);
    assert_false(request.is_size);
    assert_int_equal(request.requested, 0x10000);
    assert_false(request.has_clip_data_id);
    free(data);
    probe_prefixes("cliprdr/range_request.hex", parse_contents, 4, NULL);
    probe_prefixes("cliprdr/size_request.hex", parse_contents, 4, NULL);
    assert_true(probe_bytes("cliprdr/size_request.hex", parse_contents, 4) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers),
        cmocka_unit_test(edits_caps),
        cmocka_unit_test(refuses_caps),
        cmocka_unit_test(reads_long_names),
        cmocka_unit_test(reads_short_names),
        cmocka_unit_test(reads_files),
        cmocka_unit_test(refuses_counts),
        cmocka_unit_test(judges_names),
        cmocka_unit_test(reads_contents_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
