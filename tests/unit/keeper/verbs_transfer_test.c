/* SPDX-License-Identifier: Apache-2.0
 * What a session reports of transfers and dynamic channels, and what is a violation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/ipc_transfer.h"
#include "support/session_world.h"

static struct world w;

static int begin(void **state)
{
    (void)state;
    world_init(&w);
    world_at(&w, SESSION_ACTIVE);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    world_clear(&w);
    return 0;
}

static const char *text_of(const char *event, const char *key)
{
    return json_string_value(json_object_get(world_event(&w, event), key));
}

static void tells_a_whole_file(void **state)
{
    struct ipc_transfer t = {.kind = IPC_TRANSFER_DRIVE_FILE,
                             .way = IPC_WAY_TO_CLIENT,
                             .size = 5,
                             .bytes = 5,
                             .is_hashed = 1,
                             .channel = IPC_TRANSFER_RDPDR,
                             .name = "home\\a\n\"b"};

    (void)state;
    memset(t.sha256, 0xAB, sizeof(t.sha256));
    assert_int_equal(world_send(&w, IPC_TRANSFER, &t, sizeof(t)), SP_OK);
    assert_string_equal(text_of("transfer", "direction"), "to_client");
    assert_string_equal(text_of("transfer", "channel"), "rdpdr");
    assert_string_equal(text_of("transfer", "kind"), "file");
    assert_string_equal(text_of("transfer", "name"), "home\\x5ca\\x0a\\x22b");
    assert_string_equal(text_of("transfer", "result"), "complete");
    assert_int_equal(strlen(text_of("transfer", "sha256")), 64);
    assert_int_equal(strncmp(text_of("transfer", "sha256"), "abab", 4), 0);
}

static void tells_a_part_and_a_refusal(void **state)
{
    struct ipc_transfer part = {.kind = IPC_TRANSFER_CLIPBOARD_TEXT, .way = IPC_WAY_TO_TARGET};
    struct ipc_transfer refused = {
        .kind = IPC_TRANSFER_REFUSED, .way = IPC_WAY_TO_TARGET, .name = "clipboard text"};

    (void)state;
    assert_int_equal(world_send(&w, IPC_TRANSFER, &part, sizeof(part)), SP_OK);
    assert_string_equal(text_of("transfer", "sha256"), "partial");
    assert_string_equal(text_of("transfer", "result"), "partial");
    assert_int_equal(world_send(&w, IPC_TRANSFER, &refused, sizeof(refused)), SP_OK);
    assert_string_equal(text_of("channel_refused", "what"), "clipboard text");
    assert_string_equal(text_of("channel_refused", "channel"), "cliprdr");
    assert_string_equal(text_of("channel_refused", "direction"), "to_target");
}

static void refuses_what_is_not_legal(void **state)
{
    struct ipc_transfer bad[] = {{.kind = IPC_TRANSFER_KIND_COUNT, .way = 1},
                                 {.channel = IPC_TRANSFER_CHANNEL_COUNT, .way = 1},
                                 {.way = 0},
                                 {.way = 3},
                                 {.way = 1, .is_hashed = 2},
                                 {.way = 1}};
    struct ipc_transfer good = {.way = 1};

    (void)state;
    memset(bad[5].name, 'x', sizeof(bad[5].name));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(world_send(&w, IPC_TRANSFER, &bad[i], sizeof(bad[i])), SP_EVALUE);
    w.s.transfers = IPC_TRANSFERS_MAX - 1;
    assert_int_equal(world_send(&w, IPC_TRANSFER, &good, sizeof(good)), SP_OK);
    assert_int_equal(world_send(&w, IPC_TRANSFER, &good, sizeof(good)), SP_ELIMIT);
}

static void tells_dynamic_channels(void **state)
{
    struct ipc_note opened = {.kind = IPC_NOTE_DVC_OPENED, .text = "AUDIO_INPUT"};
    struct ipc_note closed = {.kind = IPC_NOTE_DVC_CLOSED, .text = "AUDIO_INPUT", .a = 3, .b = 4};
    struct ipc_note refused = {.kind = IPC_NOTE_DVC_REFUSED, .text = "URBDRC", .where = "open"};

    (void)state;
    assert_int_equal(world_send(&w, IPC_NOTE, &opened, sizeof(opened)), SP_OK);
    assert_int_equal(world_send(&w, IPC_NOTE, &closed, sizeof(closed)), SP_OK);
    assert_int_equal(world_send(&w, IPC_NOTE, &refused, sizeof(refused)), SP_OK);
    assert_string_equal(text_of("channel_opened", "channel"), "AUDIO_INPUT");
    assert_int_equal(
        json_integer_value(json_object_get(world_event(&w, "channel_closed"), "bytes_to_target")),
        4);
    assert_string_equal(text_of("channel_refused", "channel"), "URBDRC");
    assert_string_equal(text_of("channel_refused", "what"), "open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_a_whole_file, begin, finish),
        cmocka_unit_test_setup_teardown(tells_a_part_and_a_refusal, begin, finish),
        cmocka_unit_test_setup_teardown(refuses_what_is_not_legal, begin, finish),
        cmocka_unit_test_setup_teardown(tells_dynamic_channels, begin, finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
