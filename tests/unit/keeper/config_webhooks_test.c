/* SPDX-License-Identifier: Apache-2.0
 * webhooks: of the configuration: what is taken, and what is refused with which field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/config.h"

#define REST      "users: []\ntargets: []\nrules: []\n"
#define SECRET    "0123456789abcdef"
#define HOOK(url) "{url: \"" url "\", secret: " SECRET ", events: [auth_failed, ban_added]}"

static struct config *parse(const char *hooks, char error[CONFIG_ERROR_SIZE])
{
    struct config *config = NULL;
    char text[8192];

    snprintf(text, sizeof(text), REST "webhooks: [%s]\n", hooks);
    if (config_parse("/etc/sp.yaml", text, strlen(text), &config, error, CONFIG_ERROR_SIZE) !=
        SP_OK)
        assert_null(config);
    return config;
}

static void hooks_are_read(void **state)
{
    char error[CONFIG_ERROR_SIZE];
    struct config *c = parse(HOOK("http://127.0.0.1:8080/a?b=c") ", " HOOK("http://[::1]/"), error);

    (void)state;
    assert_non_null(c);
    const struct config_webhooks *w = c->webhooks;
    assert_int_equal(w->boot.hook_count, 2);
    assert_string_equal(w->list[0].origin, "http://127.0.0.1:8080");
    assert_string_equal(w->boot.hooks[0].url, "http://127.0.0.1:8080/a?b=c");
    assert_string_equal(w->boot.hooks[0].host, "127.0.0.1");
    assert_int_equal(w->boot.hooks[0].port, 8080);
    assert_int_equal(w->boot.hooks[0].secret_size, 16);
    assert_memory_equal(w->boot.hooks[0].secret, SECRET, 16);
    assert_string_equal(w->boot.hooks[1].host, "::1");
    assert_int_equal(w->boot.hooks[1].port, 80);
    assert_true(config_webhook_wants(&w->list[1], "ban_added"));
    assert_false(config_webhook_wants(&w->list[1], "ban_add"));
    assert_false(config_webhook_wants(&w->list[1], ""));
    config_free(c);
    c = parse("", error);
    assert_non_null(c);
    assert_null(c->webhooks);
    config_free(c);
}

static const struct {
    const char *text;
    enum sp_err err;
    const char *host;
    uint32_t port;
} urls[] = {
    {"https://hooks.example.com/x", SP_OK, "hooks.example.com", 443},
    {"https://hooks.example.com:8443", SP_OK, "hooks.example.com", 8443},
    {"https://[2001:db8::1]:8443/", SP_OK, "2001:db8::1", 8443},
    {"https://[2001:db8::1]", SP_OK, "2001:db8::1", 443},
    {"https://h?x=:y", SP_OK, "h", 443},
    {"http://127.9.9.9/", SP_OK, "127.9.9.9", 80},
    {"http://10.0.0.1/", SP_EDENIED, NULL, 0},
    {"http://localhost/", SP_EDENIED, NULL, 0}, /* whatever it may resolve to */
    {"http://127.0.0.1.example.com/", SP_EDENIED, NULL, 0},
    {"http://[::2]/", SP_EDENIED, NULL, 0},
    {"ftp://h/", SP_EVALUE, NULL, 0},
    {"HTTPS://h/", SP_EVALUE, NULL, 0},
    {"https:h/", SP_EVALUE, NULL, 0},
    {"https://", SP_EVALUE, NULL, 0},
    {"https:///x", SP_EVALUE, NULL, 0},
    {"https://user@h/", SP_EVALUE, NULL, 0},
    {"https://user:word@h/", SP_EVALUE, NULL, 0},
    {"http://127.0.0.1@evil.example/", SP_EVALUE, NULL, 0},
    {"https://h/#part", SP_EVALUE, NULL, 0},
    {"https://h/a b", SP_EVALUE, NULL, 0},
    {"https://h\\@127.0.0.1/", SP_EVALUE, NULL, 0},
    {"https://h/\xC3\xA4", SP_EVALUE, NULL, 0},
    {"https://h/\r\nX: y", SP_EVALUE, NULL, 0},
    {"https://h:0/", SP_EVALUE, NULL, 0},
    {"https://h:65536/", SP_EVALUE, NULL, 0},
    {"https://h:x/", SP_EVALUE, NULL, 0},
    {"https://[::1/", SP_EVALUE, NULL, 0},
};

static void what_a_url_may_be(void **state)
{
    char origin[WEBHOOK_ORIGIN_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct boot_courier_hook hook = {.port = 77777};

        if (webhook_url_read(urls[i].text, &hook, origin) != urls[i].err)
            fail_msg("%s", urls[i].text);
        if (urls[i].err != SP_OK) {
            assert_int_equal(hook.port, 77777);
            continue;
        }
        assert_string_equal(hook.host, urls[i].host);
        assert_int_equal(hook.port, urls[i].port);
        assert_int_equal(hook.is_tls, strncmp(urls[i].text, "https", 5) == 0);
    }
    char text[BOOT_COURIER_URL_SIZE + 1];
    struct boot_courier_hook hook;
    memset(text, 'a', sizeof(text));
    memcpy(text, "https://h/", 10);
    text[BOOT_COURIER_URL_SIZE] = '\0';
    assert_int_equal(webhook_url_read(text, &hook, origin), SP_EVALUE);
    text[BOOT_COURIER_URL_SIZE - 1] = '\0';
    assert_int_equal(webhook_url_read(text, &hook, origin), SP_OK);
    memset(text + 8, 'a', 300);
    assert_int_equal(webhook_url_read(text, &hook, origin), SP_EVALUE);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *hooks, *field;
    } cases[] = {
        {HOOK("http://10.0.0.1/token"), "webhooks[0].url"},
        {HOOK("gopher://h/token"), "webhooks[0].url"},
        {HOOK("https://h/token"), "ca_file"},
        {HOOK("http://127.0.0.1/token") ", " HOOK("http://127.0.0.1/token"), "webhooks[1].url"},
        {"{url: http://127.0.0.1/, secret: 0123456789token, events: [a]}", "webhooks[0].secret"},
        {"{url: http://127.0.0.1/, secret: 'file:/nowhere/at/all', events: [a]}",
         "webhooks[0].secret"},
        {"{url: http://127.0.0.1/, secret: " SECRET ", events: []}", "webhooks[0].events"},
        {"{url: http://127.0.0.1/, secret: " SECRET ", events: [Ban]}", "webhooks[0].events[0]"},
        {"{url: http://127.0.0.1/, secret: " SECRET ", events: [a, webhook_dropped]}",
         "webhooks[0].events[1]"},
        {"{url: http://127.0.0.1/, secret: " SECRET ", events: ['']}", "webhooks[0].events[0]"},
        {"{url: http://127.0.0.1/, events: [a]}", "webhooks[0].secret"},
        {"{url: http://127.0.0.1/, secret: " SECRET "}", "webhooks[0].events"},
        {"{url: http://127.0.0.1/, secret: " SECRET ", events: [a], retry: 5}",
         "webhooks[0].retry"},
    };
    char error[CONFIG_ERROR_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(parse(cases[i].hooks, error));
        if (strstr(error, cases[i].field) == NULL || strstr(error, "/etc/sp.yaml:") == NULL)
            fail_msg("%s: %s", cases[i].hooks, error);
        assert_null(strstr(error, "token")); /* a path may be a secret */
    }
}

static void no_more_than_there_is_room_for(void **state)
{
    char error[CONFIG_ERROR_SIZE], hooks[8192] = "";

    (void)state;
    for (int i = 0; i <= BOOT_COURIER_HOOKS_MAX; i++) {
        size_t used = strlen(hooks);

        snprintf(hooks + used, sizeof(hooks) - used,
                 "%s{url: 'http://127.0.0.1/%d', secret: " SECRET ", events: [a]}",
                 i > 0 ? ", " : "", i);
    }
    assert_null(parse(hooks, error));
    assert_non_null(strstr(error, "webhooks"));
    *strrchr(hooks, '{') = '\0';
    *strrchr(hooks, ',') = '\0';
    struct config *c = parse(hooks, error);
    assert_non_null(c);
    assert_int_equal(c->webhooks->boot.hook_count, BOOT_COURIER_HOOKS_MAX);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_are_read),
        cmocka_unit_test(what_a_url_may_be),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(no_more_than_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
