/* SPDX-License-Identifier: Apache-2.0
 * The splice's channels over plain socket pairs: what the filters refuse is answered to its sender
 * and never seen by the other side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "rdp/errinfo.h"
#include "base/ipc_transfer.h"
#include "rdp/mcs.h"
#include "session/splice_priv.h"

#define CLIENT_USER 1007
#define TARGET_USER 1009
#define ONE_CHUNK   (CHANNEL_FLAG_FIRST | CHANNEL_FLAG_LAST)

/* The client's places, and the ids of both legs. */
enum { CLIPRDR, DRDYNVC, RDPDR, CHANNELS };
#define CLIENT_ID(place) ((uint16_t)(1004 + (place)))
#define TARGET_ID(place) ((uint16_t)(1014 - (place)))

static struct front front;
static struct back back;
static struct keeper_link keeper;
static struct splice splice;
static struct ipc_decide_rsp decision;
static int client, target, keeper_end; /* the far ends */

static void start_splice(void)
{
    static const char *const names[CHANNELS] = {"cliprdr", "drdynvc", "rdpdr"};

    front.user_id = CLIENT_USER;
    front.settings.channel_count = CHANNELS;
    back.user_id = TARGET_USER;
    back.io_channel = MCS_GLOBAL_CHANNEL;
    back.channel_count = CHANNELS;
    for (uint8_t i = 0; i < CHANNELS; i++) {
        memcpy(front.settings.channels[i].name, names[i], strlen(names[i]) + 1);
        back.channel_of[i] = (uint8_t)(CHANNELS - 1 - i); /* another order on the other leg */
        back.channel_ids[back.channel_of[i]] = TARGET_ID(i);
    }
    splice_init(&splice, &front, &back, &keeper, &decision);
    splice.is_noted = splice.is_confirmed = true;
}

static int setup(void **state)
{
    int a[2], b[2], k[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, b) != 0 || ipc_pair(k) != SP_OK)
        return -1;
    memset(&front, 0, sizeof(front));
    memset(&back, 0, sizeof(back));
    memset(&decision, 0, sizeof(decision));
    keeper_link_init(&keeper, k[0]);
    keeper_end = k[1];
    client = a[1];
    target = b[1];
    assert_int_equal(stream_init(&front.stream, a[0], &keeper), SP_OK);
    assert_int_equal(stream_init(&back.stream, b[0], &keeper), SP_OK);
    start_splice();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(front.stream.fd);
    close(back.stream.fd);
    close(keeper.fd);
    close(keeper_end);
    close(client);
    close(target);
    return 0;
}

/* One message of one chunk on a channel. */
static void say(int fd, uint8_t place, const void *data, size_t size)
{
    struct channel_header header = {(uint32_t)size, ONE_CHUNK};
    uint8_t pdu[2048];
    struct wr w;

    wr_init(&w, pdu, sizeof(pdu));
    size_t mark = fd == target ? mcs_send_begin(&w, true, MCS_SERVER_CHANNEL, TARGET_ID(place))
                               : mcs_send_begin(&w, false, CLIENT_USER, CLIENT_ID(place));
    channel_header_write(&w, &header);
    wr_bytes(&w, data, size);
    mcs_send_end(&w, mark);
    assert_true(wr_ok(&w));
    assert_int_equal(send(fd, pdu, w.pos, 0), (ssize_t)w.pos);
}

/* The next message that arrived at a far end; false if there is none. */
static bool hear(int fd, uint8_t *place, uint8_t *data, size_t *size)
{
    uint8_t pdu[4096];
    struct channel_header header;
    struct mcs_pdu mcs;
    struct rd r;

    if (recv(fd, pdu, 4, MSG_DONTWAIT) != 4)
        return false;
    size_t n = (size_t)pdu[2] << 8 | pdu[3];
    assert_int_equal(recv(fd, pdu + 4, n - 4, MSG_DONTWAIT), (ssize_t)n - 4);
    rd_init(&r, pdu, n);
    assert_int_equal(mcs_domain_read(&r, &mcs), SP_OK);
    *place = (uint8_t)(fd == client ? mcs.channel_id - 1004 : 1014 - mcs.channel_id);
    assert_int_equal(channel_header_read(&mcs.data, &header), SP_OK);
    assert_int_equal(header.flags & ONE_CHUNK, ONE_CHUNK);
    assert_int_equal(header.length, mcs.data.left);
    *size = mcs.data.left;
    memcpy(data, mcs.data.at, *size);
    return true;
}

static bool hears_nothing(int fd)
{
    uint8_t byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1;
}

/* Let the loop turn twice: keeper's END is seen in the first turn, after the pumping. */
static void run_for_a_while(void)
{
    struct ipc_end end = {.reason = "enough"};

    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(ipc_send(keeper_end, IPC_END, &end, sizeof(end), NULL, 0, 0), SP_OK);
        assert_int_equal(splice_run(&splice), SP_ECLOSED);
        keeper.is_ended = false;
    }
}

static bool keeper_hears(uint32_t type, void *out, size_t size)
{
    static struct ipc_in in;

    while (ipc_recv(keeper_end, &in, 0) == SP_OK) {
        if (in.msg.head.type == type) {
            memcpy(out, in.msg.bytes, size);
            return true;
        }
    }
    return false;
}

static void a_denied_dynamic_channel_is_answered(void **state)
{
    static const uint8_t create[] = "\x10\x05URBDRC", echo[] = "\x10\x06"
                                                               "ECHO";
    static const uint8_t denied[] = {0x10, 5, 0x05, 0x00, 0x07, 0x80};
    struct ipc_note note;
    uint8_t place, data[2048];
    size_t size;

    (void)state;
    say(target, DRDYNVC, create, sizeof(create));
    say(target, DRDYNVC, echo, sizeof(echo));
    run_for_a_while();
    assert_true(hear(target, &place, data, &size));
    assert_int_equal(place, DRDYNVC);
    assert_int_equal(size, sizeof(denied));
    assert_memory_equal(data, denied, size);
    assert_true(hears_nothing(target));
    assert_true(hear(client, &place, data, &size)); /* the other one passed */
    assert_int_equal(place, DRDYNVC);
    assert_memory_equal(data, echo, sizeof(echo));
    assert_true(hears_nothing(client));
    assert_true(keeper_hears(IPC_NOTE, &note, sizeof(note)));
    assert_int_equal(note.kind, IPC_NOTE_DVC_REFUSED);
    assert_string_equal(note.text, "URBDRC");
}

static void a_compressed_dynamic_channel_ends_it(void **state)
{
    static const uint8_t compressed[] = {0x70, 1, 0xe0, 0xf0, 0xff, 0xff, 0xff};

    (void)state;
    say(target, DRDYNVC, compressed, sizeof(compressed));
    assert_int_equal(splice_run(&splice), SP_EVALUE);
    assert_string_equal(splice.to_client.fail.where, "DYNVC.Cmd");
    assert_true(hears_nothing(client));
}

/* "Monitor ready", then the client announces text that it must not give. */
static void a_forbidden_clipboard_is_answered(void **state)
{
    static const uint8_t ready[] = {1, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t list[44] = {2, 0, 0, 0, 36, 0, 0, 0, 13};
    uint8_t place, data[2048];
    struct ipc_transfer transfer;
    size_t size;

    (void)state;
    decision.channels.clipboard = IPC_WAY_TO_CLIENT;
    decision.channels.clipboard_kinds = IPC_CLIPBOARD_TEXT;
    start_splice();
    say(target, CLIPRDR, ready, sizeof(ready));
    say(client, CLIPRDR, list, sizeof(list));
    run_for_a_while();
    assert_true(hears_nothing(target));
    assert_true(hear(client, &place, data, &size));
    assert_int_equal(data[0], 1);
    assert_true(hear(client, &place, data, &size));
    assert_int_equal(place, CLIPRDR);
    assert_int_equal(data[0], 3); /* FORMAT_LIST_RESPONSE … */
    assert_int_equal(data[2], 1); /* … OK */
    assert_true(hears_nothing(client));
    assert_true(keeper_hears(IPC_TRANSFER, &transfer, sizeof(transfer)));
    assert_int_equal(transfer.kind, IPC_TRANSFER_REFUSED);
    assert_int_equal(transfer.way, IPC_WAY_TO_TARGET);
    assert_int_equal(transfer.channel, IPC_TRANSFER_CLIPRDR);
}

static void an_allowed_clipboard_passes(void **state)
{
    static const uint8_t list[44] = {2, 0, 0, 0, 36, 0, 0, 0, 13};
    uint8_t place, data[2048];
    size_t size;

    (void)state;
    decision.channels.clipboard = IPC_WAY_TO_TARGET;
    decision.channels.clipboard_kinds = IPC_CLIPBOARD_TEXT;
    start_splice();
    say(client, CLIPRDR, list, sizeof(list));
    run_for_a_while();
    assert_true(hear(target, &place, data, &size));
    assert_int_equal(place, CLIPRDR);
    assert_int_equal(size, sizeof(list));
    assert_memory_equal(data, list, size);
    assert_true(hears_nothing(client));
}

static void broken_channel_data_ends_it(void **state)
{
    static const uint8_t short_rdpdr[] = {0x72, 0x44, 0x41};

    (void)state;
    say(client, RDPDR, short_rdpdr, sizeof(short_rdpdr));
    assert_int_not_equal(splice_run(&splice), SP_OK);
    assert_int_equal(splice.errinfo, ERRINFO_VCHANNELDATATOOSHORT);
    assert_true(hears_nothing(target));
}

static void the_whole_time_is_a_limit(void **state)
{
    (void)state;
    decision.total_ms = 20;
    start_splice();
    assert_int_equal(splice_run(&splice), SP_ETIME);
    assert_int_equal(splice.errinfo, ERRINFO_LOGON_TIMEOUT);
    assert_string_equal(splice.why, "time is up");
}

/* A target that asks without end for what it may not have fills our answers, not our memory. */
static void a_flood_of_denied_channels_is_bounded(void **state)
{
    static const uint8_t create[] = "\x10\x05URBDRC";
    uint8_t place, data[2048];
    size_t size, answers = 0;

    (void)state;
    for (int i = 0; i < 200; i++)
        say(target, DRDYNVC, create, sizeof(create));
    run_for_a_while();
    while (hear(target, &place, data, &size))
        answers++;
    assert_int_equal(answers, 200);
    assert_true(keeper.note_count <= IPC_NOTES_MAX / 2);
    assert_true(hears_nothing(client));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_denied_dynamic_channel_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_compressed_dynamic_channel_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forbidden_clipboard_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(an_allowed_clipboard_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_channel_data_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_whole_time_is_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_of_denied_channels_is_bounded, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
