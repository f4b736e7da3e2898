/* SPDX-License-Identifier: Apache-2.0
 * What a session may report, how often, and what becomes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/session_world.h"

static struct world w;

static int begin(void **state)
{
    (void)state;
    world_init(&w);
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

static enum sp_err note(uint32_t kind, const char *text, uint64_t a, uint64_t b)
{
    struct ipc_note n = {.kind = kind, .a = a, .b = b};

    memcpy(n.text, text, strlen(text));
    return world_send(&w, IPC_NOTE, &n, sizeof(n));
}

static enum sp_err failed_at(enum ipc_step step, enum sp_err code)
{
    struct ipc_note n = {.kind = IPC_NOTE_FAILED, .step = step, .code = code};

    w.s.is_failure_logged = false;
    return world_send(&w, IPC_NOTE, &n, sizeof(n));
}

static void failures_before_authentication_cost(void **state)
{
    (void)state;
    world_at(&w, SESSION_SIGNED);
    assert_int_equal(failed_at(IPC_STEP_X224, SP_EVALUE), SP_OK);
    assert_int_equal(failed_at(IPC_STEP_NLA, SP_ECRYPTO), SP_OK);
    assert_int_equal(w.charges[PENALTY_VIOLATION], 2);
    assert_int_equal(failed_at(IPC_STEP_TLS, SP_ECRYPTO), SP_OK); /* it did not like our key */
    assert_int_equal(failed_at(IPC_STEP_NLA, SP_ETIME), SP_OK);
    assert_int_equal(failed_at(IPC_STEP_X224, SP_ECLOSED), SP_OK);
    assert_int_equal(w.charges[PENALTY_NO_AUTH], 3);
    world_at(&w, SESSION_VERIFIED);
    assert_int_equal(failed_at(IPC_STEP_MCS, SP_EVALUE), SP_OK);
    assert_int_equal(failed_at(IPC_STEP_NLA, SP_EVALUE), SP_OK);
    assert_int_equal(w.charges[PENALTY_VIOLATION], 2);
}

static void exploits_cost_their_client_only(void **state)
{
    (void)state;
    world_at(&w, SESSION_SIGNED);
    assert_int_equal(note(IPC_NOTE_EXPLOIT, "CVE-2019-0708", IPC_LEG_CLIENT, 0), SP_OK);
    assert_string_equal(text_of("exploit_attempt", "attack"), "CVE-2019-0708");
    assert_string_equal(text_of("exploit_attempt", "leg"), "client");
    assert_int_equal(w.charges[PENALTY_EXPLOIT], 1);
    assert_int_equal(note(IPC_NOTE_EXPLOIT, "CVE-2018-0886", IPC_LEG_TARGET, 0), SP_OK);
    assert_int_equal(w.charges[PENALTY_EXPLOIT], 1);
    assert_int_equal(w.attacks, 2);
    assert_int_equal(note(IPC_NOTE_EXPLOIT, "x", IPC_LEG_COUNT, 0), SP_EVALUE);
}

static void crashes_cost_and_kills_do_not(void **state)
{
    static const struct {
        int status;
        unsigned cost;
    } ends[] = {{0, 0}, {9, 0}, {15, 0}, {11, 1}, {6, 1}, {31, 1}, {1 << 8, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        w.charges[PENALTY_CRASH] = 0;
        w.s.is_ended_report = true;
        w.s.status = ends[i].status;
        session_log_end(&w.s, &w.ops);
        assert_int_equal(w.charges[PENALTY_CRASH], ends[i].cost);
    }
}

static void life_in_notes(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(note(IPC_NOTE_CLIENT, "PC\n1", 2600, 1024u << 16 | 768), SP_OK);
    assert_int_equal(note(IPC_NOTE_CHANNEL, "cliprdr", 1, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_CHANNEL, "MS_T120", 0, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_TARGET_LOGIN, "", 2, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_ACTIVE, "", 0, 0), SP_OK);
    assert_int_equal(w.s.state, SESSION_ACTIVE);
    assert_int_equal(note(IPC_NOTE_LOGGED_ON, "", 0, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_TARGET_ERROR, "", 0xC, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_CLOSED, "client left", 10, 20), SP_OK);
    w.now_ms += 5000;
    session_log_end(&w.s, &w.ops);
    json_t *end = world_event(&w, "session_end");
    assert_int_equal(json_integer_value(json_object_get(end, "duration_ms")), 5000);
    assert_int_equal(json_integer_value(json_object_get(end, "bytes_to_client")), 10);
    assert_int_equal(json_integer_value(json_object_get(end, "bytes_to_target")), 20);
    assert_string_equal(text_of("session_end", "reason"), "client left");
    json_t *channels = json_object_get(end, "channels");
    assert_int_equal(json_array_size(channels), 1);
    assert_string_equal(text_of("client_info", "client"), "PC\\x0a1");
    assert_string_equal(text_of("channel_denied", "channel"), "MS_T120");
    assert_int_equal(world_count(&w, "session_failed"), 0);
}

static void note_refusals(void **state)
{
    struct ipc_note bad[] = {{.kind = IPC_NOTE_KIND_COUNT},
                             {.step = IPC_STEP_COUNT},
                             {.code = SP_ERR_COUNT},
                             {.kind = 0},
                             {.kind = 0}};

    (void)state;
    memset(bad[3].text, 'x', sizeof(bad[3].text));
    memset(bad[4].where, 'x', sizeof(bad[4].where));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(world_send(&w, IPC_NOTE, &bad[i], sizeof(bad[i])), SP_EVALUE);
    assert_int_equal(note(IPC_NOTE_ACTIVE, "", 0, 0), SP_ESTATE);
    assert_int_equal(note(IPC_NOTE_TARGET_LOGIN, "", 0, 0), SP_ESTATE);
    assert_int_equal(w.event_count, 0);
}

static void notes_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < IPC_NOTES_MAX; i++)
        assert_int_equal(note(IPC_NOTE_LOGGED_ON, "", 0, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_LOGGED_ON, "", 0, 0), SP_ELIMIT);
}

static void channels_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < SESSION_CHANNELS_MAX; i++)
        assert_int_equal(note(IPC_NOTE_CHANNEL, "x", 1, 0), SP_OK);
    assert_int_equal(note(IPC_NOTE_CHANNEL, "x", 1, 0), SP_ELIMIT);
}

static void one_note_of_its_kind(void **state)
{
    (void)state;
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(note(IPC_NOTE_ACTIVE, "", 0, 0), SP_OK);
    world_at(&w, SESSION_ADMITTED);
    assert_int_equal(note(IPC_NOTE_ACTIVE, "", 0, 0), SP_ELIMIT);
}

static void failure_is_told_once(void **state)
{
    struct ipc_note n = {.kind = IPC_NOTE_FAILED, .step = IPC_STEP_MCS, .code = SP_EVALUE};

    (void)state;
    memcpy(n.where, "GCC.version", 12);
    assert_int_equal(world_send(&w, IPC_NOTE, &n, sizeof(n)), SP_OK);
    assert_int_equal(world_send(&w, IPC_NOTE, &n, sizeof(n)), SP_OK);
    assert_int_equal(world_count(&w, "session_failed"), 1);
    assert_string_equal(text_of("session_failed", "step"), "mcs");
    assert_string_equal(text_of("session_failed", "code"), "value");
    world_clear(&w);
    world_init(&w);
    n.step = IPC_STEP_TARGET_NLA;
    assert_int_equal(world_send(&w, IPC_NOTE, &n, sizeof(n)), SP_OK);
    assert_int_equal(world_count(&w, "target_login_failed"), 1);
}

static void exploit_is_named(void **state)
{
    (void)state;
    assert_int_equal(note(IPC_NOTE_EXPLOIT, "CVE-2019-0708", 0, 0), SP_OK);
    assert_string_equal(text_of("exploit_attempt", "attack"), "CVE-2019-0708");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(life_in_notes),
        TEST(note_refusals),
        TEST(notes_are_counted),
        TEST(channels_are_counted),
        TEST(one_note_of_its_kind),
        TEST(failure_is_told_once),
        TEST(exploit_is_named),
        TEST(failures_before_authentication_cost),
        TEST(exploits_cost_their_client_only),
        TEST(crashes_cost_and_kills_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
