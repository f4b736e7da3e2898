/* SPDX-License-Identifier: Apache-2.0
 * Tests of the configuration: what a good file becomes, and what bent ones do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/config.h"

#define HASH "8846f7eaee8fb117ad06bdd830b7586c"
#define PIN  "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Lines 1 to 3 of most files here; the case's own text begins on line 4. */
#define REST  "users: []\ntargets: []\nrules: []\n"
#define USERS "users: [{name: a, nt_hash: " HASH "}]\n"
/* Lines 1 to 5, so that a target's own keys begin on line 6. */
#define TARGET "users: []\nrules: []\ntargets:\n  - name: x\n    address: h\n"
#define INJECT "    login: {inject: {user: u, password: hunter2}}\n"

#define RULE(text)                                                                                 \
    USERS "targets: [{name: t, address: h, tags: [g], login: delegate}]\nrules:\n  - " text "\n"

static struct config *parse(const char *text, char error[CONFIG_ERROR_SIZE])
{
    struct config *config = NULL;
    /* An allocation of exactly that size shows over-reads. */
    size_t size = strlen(text);
    char *exact = malloc(size > 0 ? size : 1);

    assert_non_null(exact);
    memcpy(exact, text, size);
    if (config_parse("/etc/sp.yaml", exact, size, &config, error, CONFIG_ERROR_SIZE) != SP_OK)
        assert_null(config);
    free(exact);
    return config;
}

static struct config *parse_good(const char *text)
{
    char error[CONFIG_ERROR_SIZE];
    struct config *config = parse(text, error);

    if (config == NULL)
        fail_msg("%s", error);
    return config;
}

static void test_defaults(void **state)
{
    char listener[64];

    (void)state;
    struct config *config = parse_good(REST);
    assert_int_equal(config->listener_count, 2);
    config_listener_text(&config->listeners[0], listener, sizeof(listener));
    assert_string_equal(listener, "0.0.0.0:3389");
    config_listener_text(&config->listeners[1], listener, sizeof(listener));
    assert_string_equal(listener, "[::]:3389");
    assert_string_equal(config->path, "/etc/sp.yaml");
    assert_string_equal(config->state_dir, "/var/lib/sallyport");
    assert_string_equal(config->event_log, "/var/lib/sallyport/events.jsonl");
    assert_string_equal(config->control_socket, "/var/lib/sallyport/control.sock");
    assert_string_equal(config->certificate, "");
    assert_int_equal(config->tls_min, 0x0303);
    const struct config_limits wanted = {
        .unauthenticated = 256,
        .per_source = 8,
        .early_drop_start = 64,
        .early_drop_percent = 30,
        .first_byte_ms = 5000,
        .authenticate_ms = 30000,
        .connect_timeout_ms = 10000,
        .idle_ms = 0,
        .drain_ms = 10000,
        .dials = 64,
        .sessions = 1000,
    };
    assert_memory_equal(&config->limits, &wanted, sizeof(wanted));
    struct penalty_rules penalties = penalty_defaults();
    assert_memory_equal(&config->penalties, &penalties, sizeof(penalties));
    assert_int_equal(config->exempt_count, 0);
    config_free(config);
    config_free(NULL);
}

static void test_service(void **state)
{
    (void)state;
    struct config *config = parse_good(
        "\xEF\xBB\xBF" REST "listeners: [\"[2001:db8::1]:4000\"]\nstate_dir: state\n"
        "event_log: /var/log/e.jsonl\ntls_min: 1.3\nnames: [gw.example, 192.0.2.1, \"::1\"]\n"
        "limits: {unauthenticated: 2, early_drop: \"1:100\", first_byte: 500ms, idle: 2h,\n"
        "  drain: 0, connect_timeout: 1m,\n"
        "  penalties: {auth_failure: 7s, crash: 0, min: 1s, exempt: [127.0.0.0/8, \"::1\"]}}\n");
    assert_int_equal(config->penalties.weight_ms[PENALTY_AUTH_FAILED], 7000);
    assert_int_equal(config->penalties.weight_ms[PENALTY_CRASH], 0);
    assert_int_equal(config->penalties.weight_ms[PENALTY_EXPLOIT], 600000);
    assert_int_equal(config->penalties.min_ms, 1000);
    assert_int_equal(config->exempt_count, 2);
    assert_int_equal(config->exempt[0].bits, 104);
    assert_int_equal(config->listener_count, 1);
    assert_int_equal(config->listeners[0].port, 4000);
    assert_int_equal(config->listeners[0].ip[0], 0x20);
    assert_string_equal(config->state_dir, "/etc/state");
    assert_string_equal(config->control_socket, "/etc/state/control.sock");
    assert_string_equal(config->event_log, "/var/log/e.jsonl");
    assert_int_equal(config->tls_min, 0x0304);
    assert_int_equal(config->name_count, 3);
    assert_int_equal(config->limits.early_drop_percent, 100);
    assert_int_equal(config->limits.first_byte_ms, 500);
    assert_int_equal(config->limits.idle_ms, 7200000);
    assert_int_equal(config->limits.drain_ms, 0);
    assert_int_equal(config->limits.connect_timeout_ms, 60000);
    config_free(config);
}

static void test_targets(void **state)
{
    (void)state;
    struct config *config = parse_good(
        "# \xC3\xBC \xE2\x82\xAC: wide characters before what is rewritten\r\n"
        "users: []\nrules: []\ntargets:\n"
        "  - {name: a, address: h, login: delegate}\n"
        "  - name: b\n    address: \"[2001:db8::1]:4000\"\n    login: \"delegate\"\n"
        "    tags: [x, Y]\n    tls: {pin: \"" PIN "\"}\n"
        "  - name: c\n    address: 192.0.2.1:3390\n    nla: off\n"
        "    login: {inject: {user: 'DOM\\u', password: \"p\xC3\xA4\"}}\n"
        "  - {name: d, address: h, login: {inject: {user: u, domain: DOM, password: p}},\n"
        "     tls: {verify: none}}\n"
        "  - {name: e, address: h, login: {inject: {user: u@dom, password: p}}, nla: allowed,\n"
        "     tls: {verify: pin, pin: \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}}\n"
        "  - {name: f, address: h, login: ask, nla: \"off\"}\n"
        "  - {name: g, address: h, login: delegate, restricted_admin: true, credssp_min: 2}\n");
    const struct catalog_target *t = config->catalog->targets;
    assert_int_equal(config->catalog->target_count, 7);
    assert_string_equal(t[0].host, "h");
    assert_int_equal(t[0].port, 3389);
    assert_int_equal(t[0].login, IPC_LOGIN_DELEGATE);
    assert_int_equal(t[0].tls_mode, IPC_TLS_TOFU);
    assert_int_equal(t[0].nla, IPC_NLA_REQUIRED);
    assert_string_equal(t[1].host, "2001:db8::1");
    assert_int_equal(t[1].port, 4000);
    assert_int_equal(t[1].login, IPC_LOGIN_DELEGATE);
    assert_string_equal(config->catalog->tags[t[1].tags.items[1]].name, "Y");
    assert_int_equal(t[1].tls_mode, IPC_TLS_PIN);
    assert_int_equal(t[1].pin[31], 0x1f);
    assert_string_equal(t[2].login_user, "u");
    assert_string_equal(t[2].login_domain, "DOM");
    assert_int_equal(t[2].login_password->size, 4);
    assert_int_equal(t[2].nla, IPC_NLA_OFF);
    assert_string_equal(t[3].login_domain, "DOM");
    assert_int_equal(t[3].tls_mode, IPC_TLS_NONE);
    assert_string_equal(t[4].login_user, "u@dom");
    assert_string_equal(t[4].login_domain, "");
    assert_memory_equal(t[4].pin, t[1].pin, CATALOG_PIN_SIZE);
    assert_false(t[4].is_restricted);
    assert_int_equal(t[4].credssp_min, 5);
    assert_int_equal(t[5].login, IPC_LOGIN_ASK);
    assert_string_equal(t[5].login_user, "");
    assert_null(t[5].login_password);
    assert_true(t[6].is_restricted);
    assert_int_equal(t[6].credssp_min, 2);
    config_free(config);
}

static const struct catalog_rule *rule_of(struct config **config, const char *text)
{
    *config = parse_good(text);
    assert_int_equal((*config)->catalog->rule_count, 1);
    return &(*config)->catalog->rules[0];
}

/* What a rule lets pass: nothing that carries files, hears or sees, unless it says so. */
static void test_channels(void **state)
{
    static const char all[] =
        RULE("{name: r, users: [a], targets: [t], idle: 15m, total: 8h, channels: {clipboard: "
             "to-client, clipboard_kinds: [files, text], drives: read, printers: true, "
             "smartcards: true, ports: true, usb: true, camera: true, microphone: true, sound: "
             "false, display_control: false, remoteapp: true, webauthn: true, graphics: false}}");
    struct config *config;
    const struct catalog_rule *rule = rule_of(&config, RULE("{name: r, users: [a], targets: [t]}"));

    (void)state;
    assert_int_equal(rule->channels.clipboard, IPC_WAY_TO_TARGET | IPC_WAY_TO_CLIENT);
    assert_int_equal(rule->channels.clipboard_kinds, IPC_CLIPBOARD_TEXT | IPC_CLIPBOARD_IMAGES);
    assert_int_equal(rule->channels.drives, 0);
    assert_int_equal(rule->channels.devices,
                     IPC_DEVICE_SOUND | IPC_DEVICE_DISPLAY_CONTROL | IPC_DEVICE_GRAPHICS);
    assert_false(rule->has_idle);
    assert_int_equal(rule->total_ms, 0);
    config_free(config);
    rule = rule_of(&config, all);
    assert_int_equal(rule->channels.clipboard, IPC_WAY_TO_CLIENT);
    assert_int_equal(rule->channels.clipboard_kinds, IPC_CLIPBOARD_TEXT | IPC_CLIPBOARD_FILES);
    assert_int_equal(rule->channels.drives, IPC_WAY_TO_TARGET);
    assert_int_equal(rule->channels.devices, IPC_DEVICE_PRINTERS | IPC_DEVICE_SMARTCARDS |
                                                 IPC_DEVICE_PORTS | IPC_DEVICE_USB |
                                                 IPC_DEVICE_CAMERA | IPC_DEVICE_MICROPHONE |
                                                 IPC_DEVICE_REMOTEAPP | IPC_DEVICE_WEBAUTHN);
    assert_true(rule->has_idle);
    assert_int_equal(rule->idle_ms, 15 * 60000);
    assert_int_equal(rule->total_ms, 8 * 3600000);
    config_free(config);
    rule = rule_of(&config, RULE("{name: r, users: [a], targets: [t], idle: 0, channels: "
                                 "{clipboard_kinds: [], drives: write}}"));
    assert_true(rule->has_idle);
    assert_int_equal(rule->idle_ms, 0);
    assert_int_equal(rule->channels.clipboard_kinds, 0);
    assert_int_equal(rule->channels.drives, IPC_WAY_TO_CLIENT);
    config_free(config);
}

static void test_tls_min(void **state)
{
    struct config *config = parse_good(TARGET INJECT);

    (void)state;
    assert_int_equal(config->catalog->targets[0].tls_min, 0x0303);
    config_free(config);
    config = parse_good(TARGET INJECT "    tls: {min: \"1.0\"}\n");
    assert_int_equal(config->catalog->targets[0].tls_min, 0x0301);
    config_free(config);
}

static void test_default_verify_is_ca(void **state)
{
    char path[] = "/tmp/sallyport-ca-XXXXXX", text[256];
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    snprintf(text, sizeof(text), "ca_file: %s\n" TARGET "    login: delegate\n", path);
    struct config *config = parse_good(text);
    assert_int_equal(config->catalog->targets[0].tls_mode, IPC_TLS_CA);
    assert_string_equal(config->ca_file, path);
    config_free(config);
    unlink(path);
}

static void load_with_mode(const char *text, mode_t mode, enum sp_err wanted, const char *message)
{
    char path[] = "/tmp/sallyport-config-XXXXXX", error[CONFIG_ERROR_SIZE] = "";
    struct config *config = NULL;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    enum sp_err err = config_load(path, &config, error, sizeof(error));
    if (err != wanted || strstr(error, message) == NULL)
        fail_msg("%s: %s", sp_err_name(err), error);
    assert_int_equal(config != NULL, err == SP_OK);
    assert_null(strstr(error, "hunter2"));
    config_free(config);
    unlink(path);
}

static void test_file_mode(void **state)
{
    char error[CONFIG_ERROR_SIZE];
    struct config *config = NULL;

    (void)state;
    load_with_mode(REST, 0644, SP_OK, "");
    load_with_mode(TARGET INJECT, 0600, SP_OK, "");
    load_with_mode(TARGET INJECT, 0640, SP_OK, "");
    load_with_mode(TARGET INJECT, 0644, SP_EDENIED,
                   ":6: field targets[0].login.inject.password: a secret stands in a file that is "
                   "open to others (mode 0644); run: chmod 0600 /tmp/sallyport-config-");
    load_with_mode(USERS "targets: []\nrules: []\n", 0604, SP_EDENIED,
                   ":1: field users[0].nt_hash: a secret stands in a file");
    assert_int_equal(config_load("/nonexistent.yaml", &config, error, sizeof(error)), SP_ESYS);
    assert_string_equal(error, "/nonexistent.yaml: cannot be read: No such file or directory; name "
                               "the file with -c FILE");
    assert_int_equal(config_load("/tmp", &config, error, sizeof(error)), SP_ESYS);
    assert_non_null(strstr(error, "is not a regular file"));
    assert_null(config);
}

/* Every shorter prefix of a good file is accepted or refused with a message, never a crash. */
static void test_prefixes(void **state)
{
    static const char text[] = RULE("{name: r, users: [a], tags: [g]}");
    char error[CONFIG_ERROR_SIZE], cut[sizeof(text)];

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        memcpy(cut, text, i);
        cut[i] = '\0';
        error[0] = '\0';
        struct config *config = parse(cut, error);
        if (config == NULL)
            assert_int_equal(strncmp(error, "/etc/sp.yaml:", 13), 0);
        config_free(config);
    }
}

static void test_every_byte_changed(void **state)
{
    static const char text[] = RULE("{name: r, users: [a], tags: [g]}");
    static const char bytes[] = "\x01\"'{}[]:,#&*!|>%@`-?\n\t \x80\xff";
    char error[CONFIG_ERROR_SIZE], bent[sizeof(text)];

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
            memcpy(bent, text, sizeof(text));
            bent[i] = bytes[k];
            config_free(parse(bent, error));
        }
    }
}

static void test_names(void **state)
{
    uint8_t folded[CATALOG_NAME_SIZE * 2];

    (void)state;
    assert_true(config_name_equal("alice", "ALICE"));
    assert_false(config_name_equal("alice", "alic"));
    assert_false(config_name_equal("\xff", "\xff"));
    assert_int_equal(catalog_fold("\xff", folded), SP_EVALUE);
    assert_true(config_is_user_name("alice smith"));
    assert_false(config_is_user_name("alice\x7f"));
    assert_string_equal(config_verify_name(IPC_TLS_PIN), "pin");
    assert_string_equal(config_nla_name(IPC_NLA_OFF), "off");
    assert_string_equal(config_login_name(IPC_LOGIN_DELEGATE), "delegate");
    assert_string_equal(config_login_name(IPC_LOGIN_ASK), "ask");
    assert_string_equal(config_verify_name(IPC_TLS_MODE_COUNT), "?");
}

/* Too large, too many: refused before anything is built from it. */
static void test_too_much(void **state)
{
    char error[CONFIG_ERROR_SIZE];
    struct config *config = NULL;
    char *large = malloc(CONFIG_TEXT_MAX + 1);

    (void)state;
    assert_non_null(large);
    memset(large, ' ', CONFIG_TEXT_MAX + 1);
    assert_int_equal(config_parse("a", large, CONFIG_TEXT_MAX + 1, &config, error, sizeof(error)),
                     SP_ELIMIT);
    assert_string_equal(error, "a: the file is larger than 32 MiB");
    memset(large, ',', CONFIG_TEXT_MAX);
    memcpy(large, "users: [", 8);
    for (size_t i = 8; i + 1 < 4100000; i += 2)
        large[i] = 'a';
    large[4100000] = ']';
    large[4100001] = '\n';
    assert_int_equal(config_parse("a", large, 4100002, &config, error, sizeof(error)), SP_ELIMIT);
    assert_non_null(strstr(error, "too many entries in this file"));
    free(large);

    char keys[70 * 8 + 1];
    size_t n = 0;
    for (int i = 0; i < 70; i++)
        n += (size_t)snprintf(keys + n, sizeof(keys) - n, "k%d: 1\n", i);
    assert_int_equal(config_parse("a", keys, n, &config, error, sizeof(error)), SP_ELIMIT);
    assert_non_null(strstr(error, "a:65: too many keys in one mapping"));
    assert_null(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_service),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_tls_min),
        cmocka_unit_test(test_default_verify_is_ca),
        cmocka_unit_test(test_file_mode),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
