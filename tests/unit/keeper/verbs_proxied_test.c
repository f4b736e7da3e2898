/* SPDX-License-Identifier: Apache-2.0
 * Who is behind a proxy: told once, before the signature, and only where a proxy is trusted.
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
    w.s.is_source_known = false;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    world_clear(&w);
    return 0;
}

static struct ipc_proxied behind(void)
{
    return (struct ipc_proxied){
        .source = {.ip = {[10] = 0xFF, [11] = 0xFF, 203, 0, 113, 9}, .port = 4000, .scope = 7},
        .has_source = 1};
}

static enum sp_err tell(const struct ipc_proxied *msg)
{
    return world_send(&w, IPC_PROXIED, msg, sizeof(*msg));
}

static const char *text_of(const char *event, const char *key)
{
    return json_string_value(json_object_get(world_event(&w, event), key));
}

static void the_source_replaces_the_proxy(void **state)
{
    struct ipc_proxied msg = behind();

    (void)state;
    assert_int_equal(tell(&msg), SP_OK);
    assert_memory_equal(w.s.peer.ip, msg.source.ip, 16);
    assert_int_equal(w.s.peer.port, 4000);
    assert_int_equal(w.s.peer.scope, 0);
    assert_string_equal(text_of("proxied_source", "source"), "203.0.113.9:4000");
    assert_string_equal(text_of("proxied_source", "proxy"), "192.0.0.7:1024");
    assert_int_equal(w.s.state, SESSION_OPEN);
    assert_int_equal(world_send_good(&w, IPC_SIGN_REQ), SP_OK);
}

static void a_proxy_of_its_own_stays(void **state)
{
    struct ipc_proxied msg = {0};
    struct ipc_address before = w.s.peer;

    (void)state;
    assert_int_equal(tell(&msg), SP_OK);
    assert_memory_equal(&w.s.peer, &before, sizeof(before));
    assert_int_equal(world_count(&w, "proxied_source"), 0);
    assert_int_equal(world_send_good(&w, IPC_SIGN_REQ), SP_OK);
}

static void no_signature_before_it(void **state)
{
    (void)state;
    assert_int_equal(world_send_good(&w, IPC_SIGN_REQ), SP_ESTATE);
    assert_int_equal(w.signs, 0);
}

static void once_only(void **state)
{
    struct ipc_proxied msg = behind();

    (void)state;
    assert_int_equal(tell(&msg), SP_OK);
    assert_int_equal(tell(&msg), SP_ELIMIT);
}

static void never_without_a_proxy(void **state)
{
    struct ipc_proxied msg = behind();
    struct ipc_address before = w.s.peer;

    (void)state;
    w.s.is_proxied = false;
    assert_int_equal(tell(&msg), SP_EVALUE);
    assert_memory_equal(&w.s.peer, &before, sizeof(before));
    assert_int_equal(world_send_good(&w, IPC_SIGN_REQ), SP_OK);
}

static void nonsense_is_a_violation(void **state)
{
    struct ipc_proxied msg = behind();

    (void)state;
    msg.has_source = 2;
    assert_int_equal(tell(&msg), SP_EVALUE);
    world_clear(&w);
    begin(state);
    msg = behind();
    msg.source.port = 65536;
    assert_int_equal(tell(&msg), SP_EVALUE);
}

static void who_is_penalised_is_turned_away(void **state)
{
    struct ipc_proxied msg = behind();

    (void)state;
    w.is_penalised = true;
    assert_int_equal(tell(&msg), SP_OK);
    assert_int_equal(w.s.state, SESSION_REFUSED);
    assert_int_equal(w.sent_type, IPC_END);
    assert_string_equal(text_of("connection_refused", "source"), "203.0.113.9:4000");
    assert_int_equal(world_send_good(&w, IPC_SIGN_REQ), SP_ESTATE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_source_replaces_the_proxy),   CASE(a_proxy_of_its_own_stays),
        CASE(no_signature_before_it),          CASE(once_only),
        CASE(never_without_a_proxy),           CASE(nonsense_is_a_violation),
        CASE(who_is_penalised_is_turned_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
