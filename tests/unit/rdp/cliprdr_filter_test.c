/* SPDX-License-Identifier: Apache-2.0
 * The clipboard filter: directions, kinds, order of answers, and what it refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/svc_lab.h"
#include "support/vector.h"

#define ALL_KINDS (SVC_CLIPBOARD_TEXT | SVC_CLIPBOARD_IMAGES | SVC_CLIPBOARD_FILES)
#define BOTH_WAYS (SVC_WAY_TO_TARGET | SVC_WAY_TO_CLIENT)

static struct svc_lab lab;

static void start(uint32_t ways, uint32_t kinds)
{
    const struct svc_policy policy = {.clipboard = ways, .clipboard_kinds = kinds};

    lab_clear(&lab);
    memset(&lab, 0, sizeof(lab));
    lab_clipboard(&lab, &policy);
}

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

static void send_data(enum channel_direction direction, uint16_t type, uint16_t flags,
                      const void *body, size_t size, enum svc_verdict want)
{
    struct cliprdr_header header = {type, flags, (uint32_t)size};
    uint8_t *message = malloc(CLIPRDR_HEADER_SIZE + size);
    struct wr w;

    assert_non_null(message);
    wr_init(&w, message, CLIPRDR_HEADER_SIZE + size);
    cliprdr_header_write(&w, &header);
    wr_bytes(&w, body, size);
    assert_int_equal(lab_send(&lab, direction, message, w.pos), want);
    free(message);
}

/* The one message that arrived in a direction is this. */
static void expect(enum channel_direction direction, uint16_t type, uint16_t flags, size_t data_len)
{
    struct cliprdr_header header;
    struct rd r;

    assert_int_equal(lab.count[direction], 1);
    rd_init(&r, lab.messages[direction][0].data, lab.messages[direction][0].size);
    assert_int_equal(cliprdr_header_read(&r, lab.messages[direction][0].size, &header), SP_OK);
    assert_int_equal(header.msg_type, type);
    assert_int_equal(header.msg_flags, flags);
    assert_int_equal(header.data_len, data_len);
    assert_int_equal(lab.count[svc_back(direction)], 0);
    lab_forget(&lab);
}

static void expect_record(enum svc_transfer_kind kind, uint32_t way, uint64_t bytes,
                          const char *name)
{
    struct svc_transfer t;

    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.kind, kind);
    assert_int_equal(t.way, way);
    assert_int_equal(t.bytes, bytes);
    assert_string_equal(t.name, name);
    assert_int_equal(t.is_hashed, kind != SVC_TRANSFER_REFUSED);
}

static void expect_no_record(void)
{
    struct svc_transfer t;

    assert_false(svc_out_transfer(&lab.out, &t));
}

static void open_channel(uint32_t ways, uint32_t kinds)
{
    start(ways, kinds);
    assert_int_equal(send_vector(S2C, "caps_server"), SVC_DROP);
    assert_int_equal(lab.count[S2C], 1);
    assert_int_equal(send_vector(S2C, "monitor_ready"), SVC_PASS);
    lab_forget(&lab);
    assert_int_equal(send_vector(C2S, "caps_client"), SVC_DROP);
    expect(C2S, CB_CLIP_CAPS, 0, 16);
    assert_int_equal(send_vector(C2S, "temp_directory"), SVC_DROP);
    assert_int_equal(lab.count[C2S], 0);
}

static void edits_caps(void **state)
{
    (void)state;
    start(BOTH_WAYS, SVC_CLIPBOARD_TEXT);
    assert_int_equal(send_vector(S2C, "caps_server"), SVC_DROP);
    assert_int_equal(lab.messages[S2C][0].data[20], CB_USE_LONG_FORMAT_NAMES);
    start(BOTH_WAYS, ALL_KINDS);
    assert_int_equal(send_vector(S2C, "caps_server"), SVC_DROP);
    assert_int_equal(lab.messages[S2C][0].data[20], 0x0e);
    assert_int_equal(lab.messages[S2C][0].size, 24);
}

static void passes_text(void **state)
{
    (void)state;
    open_channel(BOTH_WAYS, ALL_KINDS);
    for (int i = 0; i < 2; i++) {
        enum channel_direction owner = i == 0 ? C2S : S2C, asker = svc_back(owner);

        assert_int_equal(send_vector(owner, "list_text"), SVC_DROP);
        /* "Native" and other private formats are gone; RTF, text, Unicode, picture, locale, OEM. */
        expect(owner, CB_FORMAT_LIST, 0, 4 + 34 + 5 * 6);
        assert_int_equal(send_vector(asker, "list_response"), SVC_PASS);
        expect(asker, CB_FORMAT_LIST_RESPONSE, CB_RESPONSE_OK, 0);
        assert_int_equal(send_vector(asker, "data_request"), SVC_PASS);
        expect(asker, CB_FORMAT_DATA_REQUEST, 0, 4);
        assert_int_equal(send_vector(owner, "data_response"), SVC_PASS);
        expect(owner, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_OK, 24);
        expect_record(SVC_TRANSFER_CLIPBOARD_TEXT, svc_way(owner), 24, "text");
        /* A second answer was not asked for. */
        assert_int_equal(send_vector(owner, "data_response"), SVC_DROP);
        assert_int_equal(lab.count[owner], 0);
        expect_no_record();
    }
}

/* SHA-256 of the data alone, over many chunks and without the surplus behind dataLen. */
static void hashes_large_data(void **state)
{
    static uint8_t message[CLIPRDR_HEADER_SIZE + 50000 + 4];
    uint8_t sha256[SHA256_DIGEST_SIZE];
    struct cliprdr_header header = {CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_OK, 50000};
    struct svc_transfer t;
    struct sha256_ctx sha;
    struct wr w;

    (void)state;
    open_channel(BOTH_WAYS, ALL_KINDS);
    send_vector(S2C, "list_images");
    lab_forget(&lab);
    send_data(C2S, CB_FORMAT_DATA_REQUEST, 0, "\x08\0\0\0", 4, SVC_PASS);
    lab_forget(&lab);
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)(i * 7);
    wr_init(&w, message, sizeof(message));
    cliprdr_header_write(&w, &header);
    assert_int_equal(lab_send(&lab, S2C, message, sizeof(message)), SVC_PASS);
    assert_int_equal(lab.messages[S2C][0].size, sizeof(message));
    assert_memory_equal(lab.messages[S2C][0].data, message, sizeof(message));
    sha256_init(&sha);
    sha256_update(&sha, 50000, message + CLIPRDR_HEADER_SIZE);
    sha256_digest(&sha, sizeof(sha256), sha256);
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.kind, SVC_TRANSFER_CLIPBOARD_IMAGE);
    assert_int_equal(t.size, 50000);
    assert_true(t.is_hashed);
    assert_memory_equal(t.sha256, sha256, sizeof(sha256));
    assert_string_equal(t.name, "format 8");
}

/* One way denied: the list is swallowed and content, stale requests fail, the other way lives. */
static void one_way_only(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum channel_direction denied = i == 0 ? C2S : S2C, allowed = svc_back(denied);

        open_channel(svc_way(allowed), ALL_KINDS);
        assert_int_equal(send_vector(denied, "list_text"), SVC_DROP);
        expect(allowed, CB_FORMAT_LIST_RESPONSE, CB_RESPONSE_OK, 0);
        expect_record(SVC_TRANSFER_REFUSED, svc_way(denied), 0, "clipboard");
        assert_int_equal(send_vector(allowed, "data_request"), SVC_DROP);
        expect(denied, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_FAIL, 0);
        assert_int_equal(send_vector(denied, "data_response"), SVC_DROP);
        assert_int_equal(lab.count[denied], 0);
        assert_int_equal(send_vector(allowed, "size_request"), SVC_DROP);
        expect(denied, CB_FILECONTENTS_RESPONSE, CB_RESPONSE_FAIL, 4);
        assert_int_equal(send_vector(allowed, "lock"), SVC_DROP);
        assert_int_equal(send_vector(denied, "lock"), SVC_PASS);
        lab_forget(&lab);
        assert_int_equal(send_vector(allowed, "list_text"), SVC_DROP);
        expect(allowed, CB_FORMAT_LIST, 0, 68);
        assert_int_equal(send_vector(denied, "data_request"), SVC_PASS);
        lab_forget(&lab);
        assert_int_equal(send_vector(allowed, "data_response"), SVC_PASS);
        expect(allowed, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_OK, 24);
    }
}

static void nothing_passes_when_off(void **state)
{
    (void)state;
    open_channel(0, ALL_KINDS);
    send_vector(C2S, "list_text");
    expect(S2C, CB_FORMAT_LIST_RESPONSE, CB_RESPONSE_OK, 0);
    send_vector(S2C, "list_text");
    expect(C2S, CB_FORMAT_LIST_RESPONSE, CB_RESPONSE_OK, 0);
    send_vector(S2C, "data_request");
    expect(C2S, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_FAIL, 0);
}

static void kinds_are_told_apart(void **state)
{
    (void)state;
    open_channel(BOTH_WAYS, SVC_CLIPBOARD_IMAGES);
    send_vector(C2S, "list_text");
    expect(C2S, CB_FORMAT_LIST, 0, 6);
    send_vector(S2C, "data_request"); /* Unicode text, which was taken from the list */
    expect(C2S, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_FAIL, 0);
    /* Nothing allowed in it: an empty list would wipe the target's clipboard. */
    send_vector(C2S, "list_files");
    expect(S2C, CB_FORMAT_LIST_RESPONSE, CB_RESPONSE_OK, 0);
    /* An empty one by its sender's will passes. */
    send_data(C2S, CB_FORMAT_LIST, 0, "", 0, SVC_DROP);
    expect(C2S, CB_FORMAT_LIST, 0, 0);
    open_channel(BOTH_WAYS, SVC_CLIPBOARD_TEXT);
    send_vector(C2S, "list_images");
    expect(S2C, CB_FORMAT_LIST_RESPONSE, CB_RESPONSE_OK, 0);
}

/* A format's number announced twice counts once: the second name cannot change its kind. */
static void first_name_counts(void **state)
{
    static const uint8_t list[] = {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'x', 0, 0, 0, 1, 0, 0, 0, 0, 0};

    (void)state;
    open_channel(BOTH_WAYS, ALL_KINDS);
    send_data(C2S, CB_FORMAT_LIST, 0, list, sizeof(list), SVC_DROP);
    expect(C2S, CB_FORMAT_LIST, 0, 6);
}

static void short_names(void **state)
{
    uint8_t list[72] = {0x79, 0xc0, 0, 0};
    const char *name = "FileGroupDescriptorW";

    (void)state;
    start(BOTH_WAYS, SVC_CLIPBOARD_FILES);
    memcpy(list + 4, name, strlen(name));
    list[36] = 13;
    send_data(C2S, CB_FORMAT_LIST, CB_ASCII_NAMES, list, sizeof(list), SVC_DROP);
    expect(C2S, CB_FORMAT_LIST, CB_ASCII_NAMES, 36);
    send_data(C2S, CB_FORMAT_LIST, CB_ASCII_NAMES, list, 71, SVC_REFUSE);
    assert_int_equal(lab.out.fail.code, SP_ESHORT);
}

/* Answers carry no number, so ours waits for those before it. */
static void answers_keep_their_order(void **state)
{
    (void)state;
    open_channel(BOTH_WAYS, ALL_KINDS);
    send_vector(C2S, "list_text");
    lab_forget(&lab);
    assert_int_equal(send_vector(S2C, "data_request"), SVC_PASS);
    send_data(S2C, CB_FORMAT_DATA_REQUEST, 0, "\x99\0\0\0", 4, SVC_DROP);
    assert_int_equal(send_vector(S2C, "data_request"), SVC_PASS);
    assert_int_equal(lab.count[C2S], 0);
    lab_forget(&lab);
    assert_int_equal(send_vector(C2S, "data_response"), SVC_PASS);
    assert_int_equal(lab.count[C2S], 2);
    assert_int_equal(lab.messages[C2S][0].size, 32);
    assert_int_equal(lab.messages[C2S][1].data[2], CB_RESPONSE_FAIL);
    lab_forget(&lab);
    assert_int_equal(send_vector(C2S, "data_response"), SVC_PASS);
    expect(C2S, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_OK, 24);
}

static void requests_are_bounded(void **state)
{
    (void)state;
    open_channel(BOTH_WAYS, ALL_KINDS);
    send_vector(C2S, "list_text");
    for (int i = 0; i < CLIPRDR_REQUESTS_MAX; i++)
        assert_int_equal(send_vector(S2C, "data_request"), SVC_PASS);
    lab_forget(&lab);
    assert_int_equal(send_vector(S2C, "data_request"), SVC_DROP);
    expect(C2S, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_FAIL, 0);
}

/* What is held on its way while a message of the same direction passes. */
static void answers_wait_for_the_message(void **state)
{
    static uint8_t message[4000] = {CB_FORMAT_DATA_RESPONSE, 0, CB_RESPONSE_OK, 0};
    struct wr w;

    (void)state;
    open_channel(BOTH_WAYS, ALL_KINDS);
    send_vector(C2S, "list_text");
    send_vector(S2C, "data_request");
    lab_forget(&lab);
    wr_init(&w, message + 4, 4);
    wr_u32le(&w, sizeof(message) - CLIPRDR_HEADER_SIZE);
    assert_int_equal(lab_chunk(&lab, C2S, sizeof(message), CHANNEL_FLAG_FIRST, message, 1600),
                     SVC_PASS);
    send_vector(S2C, "size_request");
    assert_int_equal(lab.count[C2S], 0);
    assert_int_equal(lab_chunk(&lab, C2S, sizeof(message), 0, message + 1600, 1600), SVC_PASS);
    assert_int_equal(lab_chunk(&lab, C2S, sizeof(message), CHANNEL_FLAG_LAST, message + 3200, 800),
                     SVC_PASS);
    assert_int_equal(lab.count[C2S], 2);
    assert_int_equal(lab.messages[C2S][1].data[0], CB_FILECONTENTS_RESPONSE);
}

static void refuses(void **state)
{
    static const uint8_t unknown[8] = {12};

    (void)state;
    start(BOTH_WAYS, ALL_KINDS);
    assert_int_equal(send_vector(C2S, "monitor_ready"), SVC_REFUSE);
    assert_int_equal(send_vector(S2C, "temp_directory"), SVC_REFUSE);
    assert_int_equal(lab_send(&lab, C2S, unknown, sizeof(unknown)), SVC_REFUSE);
    assert_string_equal(lab.out.fail.where, "CLIPRDR_HEADER.msgType");
    send_data(C2S, CB_FORMAT_DATA_REQUEST, 0, "abc", 3, SVC_REFUSE);
    send_data(C2S, CB_LOCK_CLIPDATA, 0, "abc", 3, SVC_REFUSE);
    send_data(C2S, CB_FILECONTENTS_REQUEST, 0, "abc", 3, SVC_REFUSE);
    send_data(C2S, CB_FILECONTENTS_RESPONSE, 0, "abc", 3, SVC_REFUSE);
    send_data(C2S, CB_CLIP_CAPS, 0, "\xff\xff\0\0", 4, SVC_REFUSE);
    assert_int_equal(lab.out.fail.code, SP_ELIMIT);
    send_data(S2C, CB_FORMAT_LIST, 0, "abc", 3, SVC_REFUSE);
}

/* Each byte of each message changed, and each message cut: judged, and never a crash. */
static void stands_changes(void **state)
{
    static const char *const names[] = {"caps_client",   "list_text",      "list_files",
                                        "data_response", "size_request",   "range_request",
                                        "size_response", "range_response", "lock"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64];
        size_t size;

        snprintf(path, sizeof(path), "cliprdr/%s.hex", names[i]);
        uint8_t *data = vector_load(path, &size);
        for (size_t at = 0; at < size; at++) {
            for (unsigned v = 1; v < 256; v <<= 1) {
                if (at % 8 == 0)
                    open_channel(BOTH_WAYS, ALL_KINDS);
                data[at] ^= (uint8_t)v;
                if (lab_send(&lab, C2S, data, size) == SVC_REFUSE)
                    open_channel(BOTH_WAYS, ALL_KINDS);
                data[at] ^= (uint8_t)v;
            }
            open_channel(BOTH_WAYS, ALL_KINDS);
            assert_int_equal(lab_send(&lab, C2S, data, at), SVC_REFUSE);
        }
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_caps),
        cmocka_unit_test(passes_text),
        cmocka_unit_test(hashes_large_data),
        cmocka_unit_test(one_way_only),
        cmocka_unit_test(nothing_passes_when_off),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(first_name_counts),
        cmocka_unit_test(short_names),
        cmocka_unit_test(answers_keep_their_order),
        cmocka_unit_test(requests_are_bounded),
        cmocka_unit_test(answers_wait_for_the_message),
        cmocka_unit_test(refuses),
        cmocka_unit_test(stands_changes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    lab_clear(&lab);
    return failed;
}
