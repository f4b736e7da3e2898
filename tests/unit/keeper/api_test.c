/* SPDX-License-Identifier: Apache-2.0
 * The administrator's lines, and the registry's description of sessions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/api.h"
#include "keeper/registry.h"
#include "support/session_world.h"

static enum sp_err parse(const char *line, struct api_request *out)
{
    const char *error = NULL;
    enum sp_err err = api_parse(line, strlen(line), out, &error);

    assert_true((err == SP_OK) == (error == NULL));
    return err;
}

static void good_lines(void **state)
{
    struct api_request r;

    (void)state;
    assert_int_equal(parse("{\"cmd\":\"sessions\"}", &r), SP_OK);
    assert_int_equal(r.command, API_SESSIONS);
    assert_int_equal(parse("{\"cmd\":\"reload\"}", &r), SP_OK);
    assert_int_equal(r.command, API_RELOAD);
    assert_int_equal(parse("{\"cmd\":\"upgrade\"}", &r), SP_OK);
    assert_int_equal(r.command, API_UPGRADE);
    assert_int_equal(parse(" {\"cmd\":\"kill\", \"id\":\"0123456789abcdef\"} ", &r), SP_OK);
    assert_int_equal(r.command, API_KILL);
    assert_string_equal(r.id, "0123456789abcdef");
    assert_string_equal(r.reason, "");
    assert_int_equal(parse("{\"cmd\":\"kill\",\"id\":\"a\",\"reason\":\"la{[\\\"te\"}", &r), SP_OK);
    assert_string_equal(r.reason, "la{[\"te");
}

static void good_bans(void **state)
{
    struct api_request r;
    char text[NET_TEXT_SIZE];

    (void)state;
    assert_int_equal(parse("{\"cmd\":\"bans\"}", &r), SP_OK);
    assert_int_equal(r.command, API_BANS);
    assert_int_equal(parse("{\"cmd\":\"ban\",\"network\":\"10.0.0.0/8\"}", &r), SP_OK);
    assert_int_equal(r.command, API_BAN);
    assert_true(r.for_ms == 0 && r.reason[0] == '\0');
    net_write(&r.net, text);
    assert_string_equal(text, "10.0.0.0/8");
    assert_int_equal(
        parse("{\"cmd\":\"ban\",\"network\":\"::1\",\"for_s\":60,\"reason\":\"w\"}", &r), SP_OK);
    assert_true(r.for_ms == 60000);
    assert_string_equal(r.reason, "w");
    assert_int_equal(parse("{\"cmd\":\"unban\",\"network\":\"10.0.0.1\"}", &r), SP_OK);
    assert_int_equal(r.command, API_UNBAN);
}

static void bad_lines(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "\"sessions\"",
        "{\"cmd\":1}",
        "{\"cmd\":\"stop\"}",
        "{\"cmd\":\"sessions\",\"x\":1}",
        "{\"cmd\":\"reload\",\"file\":\"x\"}",
        "{\"cmd\":\"upgrade\",\"to\":\"x\"}",
        "{\"cmd\":\"sessions\",\"cmd\":\"kill\"}",
        "{\"cmd\":\"bans\",\"x\":1}",
        "{\"cmd\":\"ban\"}",
        "{\"cmd\":\"ban\",\"network\":\"10.0.0.1/8\"}",
        "{\"cmd\":\"ban\",\"network\":\"::1\",\"for_s\":0}",
        "{\"cmd\":\"ban\",\"network\":\"::1\",\"for_s\":\"1\"}",
        "{\"cmd\":\"ban\",\"network\":\"::1\",\"for_s\":315360001}",
        "{\"cmd\":\"ban\",\"network\":\"::1\",\"reason\":7}",
        "{\"cmd\":\"ban\",\"network\":\"::1\",\"x\":7}",
        "{\"cmd\":\"unban\"}",
        "{\"cmd\":\"unban\",\"network\":\"::1\",\"reason\":\"x\"}",
        "{\"cmd\":\"kill\"}",
        "{\"cmd\":\"kill\",\"id\":7}",
        "{\"cmd\":\"kill\",\"id\":\"0123456789abcdef0\"}",
        "{\"cmd\":\"kill\",\"id\":\"a\\u0000b\"}",
        "{\"cmd\":\"kill\",\"id\":\"a\",\"reason\":[]}",
        "{\"cmd\":\"kill\",\"id\":\"a\",\"reason\":1}",
        "{\"cmd\":\"kill\",\"id\":\"a\",\"force\":1}",
        "{\"cmd\":\"sessions\"} x",
        "{\"cmd\":\"\xff\"}",
        "{\"cmd\":{\"cmd\":\"sessions\"}}",
    };
    struct api_request r = {.command = API_KILL, .id = "kept"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(bad[i], &r), SP_EVALUE);
        assert_string_equal(r.id, "kept");
    }
}

static void long_line(void **state)
{
    static char line[API_LINE_MAX + 1];
    const char *error;
    struct api_request r;

    (void)state;
    memset(line, ' ', sizeof(line));
    assert_int_equal(api_parse(line, sizeof(line), &r, &error), SP_ELIMIT);
}

static void every_prefix_is_refused(void **state)
{
    static const char line[] = "{\"cmd\":\"kill\",\"id\":\"a\",\"reason\":\"b\"}";

    (void)state;
    for (size_t n = 0; n < sizeof(line) - 1; n++) {
        struct api_request r;
        const char *error;
        char *exact = malloc(n + 1);
        memcpy(exact, line, n);
        assert_int_equal(api_parse(exact, n, &r, &error), SP_EVALUE);
        free(exact);
    }
}

static void answers_are_lines(void **state)
{
    char *line = api_line(api_refusal("no"));

    (void)state;
    assert_string_equal(line, "{\"ok\":false,\"error\":\"no\"}\n");
    free(line);
    assert_null(api_line(NULL));
}

static void sessions_are_found_and_described(void **state)
{
    static struct world w;
    struct registry r = {0};

    (void)state;
    world_init(&w);
    world_at(&w, SESSION_ACTIVE);
    memcpy(w.s.client, "PC\n", 4);
    w.s.fd = 0; /* any open one; taken back below */
    assert_int_equal(registry_add(&r, &w.s), SP_OK);
    assert_ptr_equal(registry_by_id(&r, w.s.id), &w.s);
    assert_ptr_equal(registry_by_number(&r, w.s.number), &w.s);
    assert_ptr_equal(registry_by_pid(&r, 4242), &w.s);
    assert_null(registry_by_id(&r, "none"));
    assert_null(registry_by_pid(&r, 1));
    assert_int_equal(registry_admitted(&r), 1);
    json_t *list = registry_describe(&r);
    json_t *one = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(one, "user")), "alice");
    assert_string_equal(json_string_value(json_object_get(one, "client")), "PC\\x0a");
    assert_string_equal(json_string_value(json_object_get(one, "state")), "active");
    assert_string_equal(json_string_value(json_object_get(one, "source")), "192.0.0.7:1024");
    json_decref(list);
    w.s.fd = -1;
    registry_remove(&r, &w.s);
    assert_int_equal(r.count, 0);
    registry_clear(&r);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines),
        cmocka_unit_test(good_bans),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(long_line),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(answers_are_lines),
        cmocka_unit_test(sessions_are_found_and_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
