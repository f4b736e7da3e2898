/* SPDX-License-Identifier: Apache-2.0
 * The splice over plain socket pairs: what passes, what is mapped, what ends it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "rdp/caps.h"
#include "rdp/errinfo.h"
#include "rdp/frame.h"
#include "rdp/mcs.h"
#include "rdp/save_session.h"
#include "rdp/sec.h"
#include "rdp/share.h"
#include "session/splice_priv.h"

#define CLIENT_USER 1007
#define TARGET_USER 1009
#define TARGET_IO   1003
#define TARGET_MSG  1008
#define SHARE_ID    0x000103EAu

static struct front front;
static struct back back;
static struct keeper_link keeper;
static struct splice splice;
static const struct ipc_decide_rsp decision;
static int client, target, keeper_end; /* the far ends */
static uint8_t pdu[65536];

static int setup(void **state)
{
    int a[2], b[2], k[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, b) != 0 || ipc_pair(k) != SP_OK)
        return -1;
    memset(&front, 0, sizeof(front));
    memset(&back, 0, sizeof(back));
    keeper_link_init(&keeper, k[0]);
    keeper_end = k[1];
    client = a[1];
    target = b[1];
    assert_int_equal(stream_init(&front.stream, a[0], &keeper), SP_OK);
    assert_int_equal(stream_init(&back.stream, b[0], &keeper), SP_OK);
    front.user_id = CLIENT_USER;
    front.message_channel = 1006;
    front.settings.core.early_capability_flags = RNS_UD_CS_SUPPORT_ERRINFO_PDU;
    front.settings.channel_count = 2;
    memcpy(front.settings.channels[0].name, "rdpsnd\0", 8);
    memcpy(front.settings.channels[1].name, "evil\0\0\0", 8);
    memcpy(front.typed_user.bytes, "a\0l\0", 4);
    front.typed_user.size = 4;
    back.user_id = TARGET_USER;
    back.io_channel = TARGET_IO;
    back.message_channel = TARGET_MSG;
    back.channel_count = 1;
    back.channel_ids[0] = 1004;
    back.channel_of[0] = 0;
    back.channel_of[1] = BACK_NO_CHANNEL;
    splice_init(&splice, &front, &back, &keeper, &decision);
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

static size_t data_pdu(bool indication, uint16_t user, uint16_t channel, const void *data,
                       size_t size)
{
    struct wr w;

    wr_init(&w, pdu, sizeof(pdu));
    size_t mark = mcs_send_begin(&w, indication, user, channel);
    wr_bytes(&w, data, size);
    mcs_send_end(&w, mark);
    assert_true(wr_ok(&w));
    return w.pos;
}

static size_t share_pdu_of(bool indication, uint16_t user, void (*write)(struct wr *w))
{
    static uint8_t share[8192];
    struct wr w;

    wr_init(&w, share, sizeof(share));
    write(&w);
    assert_true(wr_ok(&w));
    return data_pdu(indication, user, TARGET_IO, share, w.pos);
}

static void demand_active(struct wr *w)
{
    demand_active_write_minimal(w, SHARE_SERVER_CHANNEL, SHARE_ID, 1024, 768, 16);
}

static void confirm_active(struct wr *w)
{
    confirm_active_write_minimal(w, CLIENT_USER, SHARE_ID, 1024, 768, 16);
}

static void frame_acknowledge(struct wr *w)
{
    size_t at = share_data_begin(w, CLIENT_USER, SHARE_ID, PDUTYPE2_FRAME_ACKNOWLEDGE);
    wr_u32le(w, 7);
    share_data_end(w, at);
}

static void persistent_list(struct wr *w)
{
    size_t at = share_data_begin(w, CLIENT_USER, SHARE_ID, PDUTYPE2_BITMAPCACHE_PERSISTENT_LIST);
    wr_zero(w, 24);
    share_data_end(w, at);
}

static void server_only(struct wr *w)
{
    share_write_set_error_info(w, CLIENT_USER, SHARE_ID, 1);
}

static void font_map(struct wr *w)
{
    share_write_font_map(w, SHARE_SERVER_CHANNEL, SHARE_ID);
}

static void error_info(struct wr *w)
{
    share_write_set_error_info(w, SHARE_SERVER_CHANNEL, SHARE_ID, ERRINFO_LOGOFF_BY_USER);
}

static void logon_info(struct wr *w)
{
    struct save_session_info info = {.info_type = INFOTYPE_LOGON_LONG, .user_size = 12};

    memcpy(info.user, "s\0e\0c\0r\0e\0t\0", 12);
    save_session_info_write(w, SHARE_SERVER_CHANNEL, SHARE_ID, &info);
}

static void redirection(struct wr *w)
{
    size_t at = share_control_begin(w, PDUTYPE_SERVER_REDIR_PKT, SHARE_SERVER_CHANNEL);
    wr_zero(w, 16);
    share_control_end(w, at);
}

static void activate(void)
{
    size_t size = share_pdu_of(true, MCS_SERVER_CHANNEL, demand_active);
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_REPLACE);
    size = share_pdu_of(false, CLIENT_USER, confirm_active);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REPLACE);
    assert_true(splice.is_confirmed);
    splice.to_client.side_size = splice.to_target.side_size = 0; /* as if it had been written */
}

/* What the replaced PDU says on the MCS layer. */
static struct mcs_pdu replaced(const struct flow *f)
{
    struct mcs_pdu mcs;
    struct rd r;

    rd_init(&r, f->side, f->side_size);
    assert_int_equal(mcs_domain_read(&r, &mcs), SP_OK);
    return mcs;
}

static void activation_is_edited_and_mapped(void **state)
{
    (void)state;
    size_t size = share_pdu_of(true, MCS_SERVER_CHANNEL, demand_active);
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_REPLACE);
    size = share_pdu_of(false, CLIENT_USER, confirm_active);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REPLACE);
    struct mcs_pdu mcs = replaced(&splice.to_target);
    struct active_pdu active;
    assert_int_equal(mcs.initiator, TARGET_USER);
    assert_int_equal(confirm_active_read(&mcs.data, &active), SP_OK);
    assert_int_equal(active.pdu_source, TARGET_USER);
    struct mcs_pdu demand = replaced(&splice.to_client);
    assert_int_equal(demand.initiator, MCS_SERVER_CHANNEL);
}

static void confirm_without_demand_is_refused(void **state)
{
    (void)state;
    size_t size = share_pdu_of(false, CLIENT_USER, confirm_active);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REFUSE);
    assert_int_equal(splice.to_target.fail.code, SP_ESTATE);
    setup(state);
    activate();
    size = share_pdu_of(false, CLIENT_USER, confirm_active);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REFUSE);
}

static void nothing_but_activation_before_it(void **state)
{
    uint8_t input[] = {0x04, 0x04, 0x00, 0x1e};
    uint8_t output[] = {0x00, 0x05, 0x03, 0x00, 0x00};

    (void)state;
    assert_int_equal(splice_from_client(&splice, input, sizeof(input)), VERDICT_REFUSE);
    assert_int_equal(splice_from_target(&splice, output, sizeof(output)), VERDICT_REFUSE);
    size_t size = share_pdu_of(false, CLIENT_USER, frame_acknowledge);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REFUSE);
}

static void input_and_output_pass_in_place(void **state)
{
    uint8_t input[] = {0x04, 0x04, 0x00, 0x1e};
    uint8_t bad_input[] = {0x08, 0x04, 0x00, 0x1e}; /* two events announced, one there */
    uint8_t output[] = {0x00, 0x05, 0x03, 0x00, 0x00};
    uint8_t encrypted[] = {0x80, 0x05, 0x03, 0x00, 0x00};

    (void)state;
    activate();
    splice.last_input_ms = 0;
    assert_int_equal(splice_from_client(&splice, input, sizeof(input)), VERDICT_PASS);
    assert_true(splice.last_input_ms > 0);
    assert_int_equal(splice_from_target(&splice, output, sizeof(output)), VERDICT_PASS);
    assert_int_equal(splice_from_client(&splice, bad_input, sizeof(bad_input)), VERDICT_REFUSE);
    assert_int_equal(splice.errinfo, ERRINFO_INPUTPDUBADLENGTH);
    assert_int_equal(splice_from_target(&splice, encrypted, sizeof(encrypted)), VERDICT_REFUSE);
}

static void frame_acknowledgements_reach_the_target(void **state)
{
    (void)state;
    activate();
    size_t size = share_pdu_of(false, CLIENT_USER, frame_acknowledge);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REPLACE);
    struct mcs_pdu mcs = replaced(&splice.to_target);
    struct share_pdu share;
    assert_int_equal(mcs.channel_id, TARGET_IO);
    assert_int_equal(share_next(&mcs.data, &share), SP_OK);
    assert_int_equal(share.pdu_source, TARGET_USER);
}

static void client_pdus_follow_the_allow_list(void **state)
{
    (void)state;
    activate();
    size_t size = share_pdu_of(false, CLIENT_USER, persistent_list);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_DROP);
    size = share_pdu_of(false, CLIENT_USER, server_only);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REFUSE);
    assert_int_equal(splice.errinfo, ERRINFO_UNKNOWNPDUTYPE2);
    setup(state);
    activate();
    size = share_pdu_of(false, CLIENT_USER, redirection);
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REFUSE);
}

static void wrong_initiator_and_channel_are_refused(void **state)
{
    static const uint16_t channels[] = {1002, 1006 + 1, 1003 + 40, 0xffff};
    uint8_t chunk[] = {1, 0, 0, 0, 3, 0, 0, 0, 0x55};

    (void)state;
    activate();
    size_t size = data_pdu(false, CLIENT_USER + 1, 1004, chunk, sizeof(chunk));
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REFUSE);
    for (size_t i = 0; i < 4; i++) {
        size = data_pdu(false, CLIENT_USER, channels[i], chunk, sizeof(chunk));
        assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REFUSE);
        size =
            data_pdu(true, MCS_SERVER_CHANNEL, (uint16_t)(channels[i] + 100), chunk, sizeof(chunk));
        assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_REFUSE);
    }
}

static void channels_are_mapped_or_dropped(void **state)
{
    uint8_t chunk[] = {1, 0, 0, 0, 3, 0, 0, 0, 0x55};
    uint8_t open_end[] = {9, 0, 0, 0, 2, 0, 0, 0, 0x55}; /* LAST without FIRST */
    struct mcs_pdu mcs;
    struct rd r;

    (void)state;
    activate();
    size_t size = data_pdu(false, CLIENT_USER, 1004, chunk, sizeof(chunk));
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_PASS);
    rd_init(&r, pdu, size);
    assert_int_equal(mcs_domain_read(&r, &mcs), SP_OK);
    assert_int_equal(mcs.initiator, TARGET_USER);
    size = data_pdu(false, CLIENT_USER, 1005, chunk, sizeof(chunk));
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_DROP);
    assert_int_equal(splice.dropped_channel_pdus, 1);
    size = data_pdu(true, MCS_SERVER_CHANNEL, 1004, chunk, sizeof(chunk));
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_PASS);
    size = data_pdu(true, MCS_SERVER_CHANNEL, 1004, chunk, 7);
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_REFUSE);
    size = data_pdu(false, CLIENT_USER, 1004, open_end, sizeof(open_end));
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_REFUSE);
}

static void injected_names_are_replaced(void **state)
{
    (void)state;
    activate();
    size_t size = share_pdu_of(true, MCS_SERVER_CHANNEL, logon_info);
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_REPLACE);
    assert_null(memmem(splice.to_client.side, splice.to_client.side_size, "s\0e\0c\0r\0", 8));
    assert_non_null(memmem(splice.to_client.side, splice.to_client.side_size, "a\0l\0", 4));
}

static void redirection_never_passes(void **state)
{
    (void)state;
    size_t size = share_pdu_of(true, MCS_SERVER_CHANNEL, redirection);
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_REFUSE);
    assert_int_equal(splice.to_client.fail.code, SP_EDENIED);
}

static void error_info_only_for_those_who_can_read_it(void **state)
{
    (void)state;
    activate();
    size_t size = share_pdu_of(true, MCS_SERVER_CHANNEL, error_info);
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_PASS);
    assert_int_equal(back.target_errinfo, ERRINFO_LOGOFF_BY_USER);
    front.settings.core.early_capability_flags = 0;
    size = share_pdu_of(true, MCS_SERVER_CHANNEL, error_info);
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_DROP);
}

static void message_channel_passes_only_what_was_asked_for(void **state)
{
    uint8_t rtt[] = {0x00, 0x10, 0, 0, 6, 0, 1, 0, 1, 0};
    uint8_t rsp[] = {0x00, 0x20, 0, 0, 6, 1, 1, 0, 0, 0};
    uint8_t udp[28] = {0x02, 0x00, 0, 0, 1, 0, 0, 0, 1, 0};

    (void)state;
    activate();
    size_t size = data_pdu(true, MCS_SERVER_CHANNEL, TARGET_MSG, rtt, sizeof(rtt));
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_DROP);
    front.settings.core.early_capability_flags |= RNS_UD_CS_SUPPORT_NETCHAR_AUTODETECT;
    size = data_pdu(true, MCS_SERVER_CHANNEL, TARGET_MSG, rtt, sizeof(rtt));
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_PASS);
    size = data_pdu(true, MCS_SERVER_CHANNEL, TARGET_MSG, udp, sizeof(udp));
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_DROP);
    size = data_pdu(false, CLIENT_USER, 1006, rsp, sizeof(rsp));
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_PASS);
    size = data_pdu(false, CLIENT_USER, 1006, rtt, sizeof(rtt));
    assert_int_equal(splice_from_client(&splice, pdu, size), VERDICT_DROP);
}

static void late_input_during_reactivation_is_dropped(void **state)
{
    uint8_t input[] = {0x04, 0x04, 0x00, 0x1e};
    struct wr w;
    uint8_t share[64];

    (void)state;
    activate();
    wr_init(&w, share, sizeof(share));
    share_write_deactivate_all(&w, SHARE_SERVER_CHANNEL, SHARE_ID);
    size_t size = data_pdu(true, MCS_SERVER_CHANNEL, TARGET_IO, share, w.pos);
    assert_int_equal(splice_from_target(&splice, pdu, size), VERDICT_PASS);
    assert_int_equal(splice_from_client(&splice, input, sizeof(input)), VERDICT_DROP);
    activate();
    assert_int_equal(splice_from_client(&splice, input, sizeof(input)), VERDICT_PASS);
}

/* The loop itself: two PDUs and an edited one between them arrive whole and in order. */
static void run_moves_everything_in_order(void **state)
{
    uint8_t output[] = {0x00, 0x05, 0x03, 0x00, 0x00};
    uint8_t got[8192];
    size_t size;

    (void)state;
    activate();
    assert_int_equal(send(target, output, sizeof(output), 0), sizeof(output));
    size = share_pdu_of(true, MCS_SERVER_CHANNEL, logon_info);
    assert_int_equal(send(target, pdu, size, 0), (ssize_t)size);
    size = share_pdu_of(true, MCS_SERVER_CHANNEL, font_map);
    assert_int_equal(send(target, pdu, size, 0), (ssize_t)size);
    shutdown(target, SHUT_WR);
    assert_int_equal(splice_run(&splice), SP_OK);
    assert_string_equal(splice.why, "target ended");
    ssize_t n = recv(client, got, sizeof(got), MSG_DONTWAIT);
    assert_true(n > (ssize_t)(sizeof(output) + size));
    assert_memory_equal(got, output, sizeof(output));
    assert_int_equal(got[sizeof(output)], 0x03);
    assert_memory_equal(got + n - 8, pdu + size - 8, 8);
}

static void half_a_frame_waits_and_a_broken_one_ends(void **state)
{
    (void)state;
    activate();
    assert_int_equal(send(client, "\x04\x04", 2, 0), 2);
    assert_int_equal(send(client, "\x00\x1e\x01\x00", 4, 0), 4);
    assert_int_not_equal(splice_run(&splice), SP_OK);
    assert_int_equal(splice.to_target.fail.code, SP_EVALUE);
    uint8_t got[16];
    assert_int_equal(recv(target, got, sizeof(got), MSG_DONTWAIT), -1);
}

static void keeper_ends_it(void **state)
{
    struct ipc_end end = {.errinfo = ERRINFO_RPC_INITIATED_DISCONNECT, .reason = "killed"};

    (void)state;
    activate();
    assert_int_equal(ipc_send(keeper_end, IPC_END, &end, sizeof(end), NULL, 0, 0), SP_OK);
    assert_int_equal(splice_run(&splice), SP_ECLOSED);
    assert_int_equal(splice.errinfo, ERRINFO_RPC_INITIATED_DISCONNECT);
    assert_string_equal(splice.why, "killed");
}

static void idle_and_lease_are_limits(void **state)
{
    (void)state;
    activate();
    splice.idle_ms = 20;
    assert_int_equal(splice_run(&splice), SP_ETIME);
    assert_int_equal(splice.errinfo, ERRINFO_IDLE_TIMEOUT);
    setup(state);
    activate();
    keeper.lease_until_ms = 1;
    splice.idle_ms = 1000000;
    assert_int_equal(send(target, "\x00\x05\x03\x00\x00", 5, 0), 5);
    assert_int_equal(splice_run(&splice), SP_ETIME);
    assert_string_equal(splice.why, "lease not renewed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(activation_is_edited_and_mapped, setup, teardown),
        cmocka_unit_test_setup_teardown(confirm_without_demand_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_but_activation_before_it, setup, teardown),
        cmocka_unit_test_setup_teardown(input_and_output_pass_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(frame_acknowledgements_reach_the_target, setup, teardown),
        cmocka_unit_test_setup_teardown(client_pdus_follow_the_allow_list, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_initiator_and_channel_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(channels_are_mapped_or_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(injected_names_are_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(redirection_never_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(error_info_only_for_those_who_can_read_it, setup, teardown),
        cmocka_unit_test_setup_teardown(message_channel_passes_only_what_was_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(late_input_during_reactivation_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(run_moves_everything_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_frame_waits_and_a_broken_one_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(keeper_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_and_lease_are_limits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
