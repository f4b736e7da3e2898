/* SPDX-License-Identifier: Apache-2.0
 * The libcyaml schema: which keys exist, where lists and mappings stand. All values are text here.
 */
#include "keeper/config_fields.h"
#include "keeper/config_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t inject_fields[] = {
    FIELD_TEXT(config_raw_inject, user, TEXT),
    FIELD_TEXT(config_raw_inject, domain, OPTIONAL),
    FIELD_TEXT(config_raw_inject, password, TEXT),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t login_fields[] = {
    FIELD_TEXT(config_raw_login, delegate, OPTIONAL),
    FIELD_TEXT(config_raw_login, ask, OPTIONAL),
    FIELD_MAP(config_raw_login, inject, OPTIONAL, inject_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t tls_fields[] = {
    FIELD_TEXT(config_raw_tls, verify, OPTIONAL),
    FIELD_TEXT(config_raw_tls, pin, OPTIONAL),
    FIELD_TEXT(config_raw_tls, min, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t certificate_fields[] = {
    FIELD_TEXT(config_raw_certificate, cert, TEXT),
    FIELD_TEXT(config_raw_certificate, key, TEXT),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t master_key_fields[] = {
    FIELD_TEXT(config_raw_master_key, file, OPTIONAL),
    FIELD_TEXT(config_raw_master_key, credential, OPTIONAL),
    FIELD_TEXT(config_raw_master_key, passphrase_file, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t api_fields[] = {
    FIELD_LIST(config_raw_api, admins, OPTIONAL, &text_entry, CONFIG_ROLE_MAX),
    FIELD_LIST(config_raw_api, approvers, OPTIONAL, &text_entry, CONFIG_ROLE_MAX),
    FIELD_LIST(config_raw_api, auditors, OPTIONAL, &text_entry, CONFIG_ROLE_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t break_glass_fields[] = {
    FIELD_TEXT(config_raw_break_glass, group, TEXT),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t penalties_fields[] = {
    FIELD_TEXT(config_raw_penalties, no_auth, OPTIONAL),
    FIELD_TEXT(config_raw_penalties, auth_failure, OPTIONAL),
    FIELD_TEXT(config_raw_penalties, violation, OPTIONAL),
    FIELD_TEXT(config_raw_penalties, crash, OPTIONAL),
    FIELD_TEXT(config_raw_penalties, exploit, OPTIONAL),
    FIELD_TEXT(config_raw_penalties, factor_failure, OPTIONAL),
    FIELD_TEXT(config_raw_penalties, min, OPTIONAL),
    FIELD_TEXT(config_raw_penalties, max, OPTIONAL),
    FIELD_LIST(config_raw_penalties, exempt, OPTIONAL, &text_entry, CONFIG_EXEMPT_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t nftables_fields[] = {
    FIELD_TEXT(config_raw_nftables, table, TEXT),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t lobby_fields[] = {
    FIELD_TEXT(config_raw_lobby, enabled, OPTIONAL),
    FIELD_TEXT(config_raw_lobby, idle, OPTIONAL),
    FIELD_TEXT(config_raw_lobby, contrast, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t guard_fields[] = {
    FIELD_TEXT(config_raw_guard, account_tries, OPTIONAL),
    FIELD_TEXT(config_raw_guard, account_consecutive, OPTIONAL),
    FIELD_LIST(config_raw_guard, decoys, OPTIONAL, &text_entry, CONFIG_DECOYS_MAX),
    FIELD_TEXT(config_raw_guard, decoy_ban, OPTIONAL),
    FIELD_LIST(config_raw_guard, allow, OPTIONAL, &text_entry, CONFIG_ALLOW_MAX),
    FIELD_LIST(config_raw_guard, block, OPTIONAL, &text_entry, CONFIG_BLOCK_MAX),
    FIELD_TEXT(config_raw_guard, tarpit, OPTIONAL),
    FIELD_TEXT(config_raw_guard, tarpit_max, OPTIONAL),
    FIELD_MAP(config_raw_guard, nftables, OPTIONAL, nftables_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
    FIELD_TEXT(config_raw_limits, unauthenticated, OPTIONAL),
    FIELD_TEXT(config_raw_limits, per_source, OPTIONAL),
    FIELD_TEXT(config_raw_limits, early_drop, OPTIONAL),
    FIELD_TEXT(config_raw_limits, first_byte, OPTIONAL),
    FIELD_TEXT(config_raw_limits, authenticate, OPTIONAL),
    FIELD_TEXT(config_raw_limits, connect_timeout, OPTIONAL),
    FIELD_TEXT(config_raw_limits, idle, OPTIONAL),
    FIELD_TEXT(config_raw_limits, drain, OPTIONAL),
    FIELD_TEXT(config_raw_limits, drain_upgrade, OPTIONAL),
    FIELD_TEXT(config_raw_limits, dials, OPTIONAL),
    FIELD_TEXT(config_raw_limits, sessions, OPTIONAL),
    FIELD_MAP(config_raw_limits, penalties, OPTIONAL, penalties_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t user_fields[] = {
    FIELD_TEXT(config_raw_user, name, TEXT),
    FIELD_TEXT(config_raw_user, nt_hash, OPTIONAL),
    FIELD_TEXT(config_raw_user, disabled, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t group_fields[] = {
    FIELD_TEXT(config_raw_group, name, TEXT),
    FIELD_LIST(config_raw_group, members, TEXT, &text_entry, CATALOG_USERS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t target_fields[] = {
    FIELD_TEXT(config_raw_target, name, TEXT),
    FIELD_TEXT(config_raw_target, address, TEXT),
    FIELD_LIST(config_raw_target, tags, OPTIONAL, &text_entry, CATALOG_TAGS_MAX),
    FIELD_MAP(config_raw_target, login, TEXT, login_fields),
    FIELD_MAP(config_raw_target, tls, OPTIONAL, tls_fields),
    FIELD_TEXT(config_raw_target, nla, OPTIONAL),
    FIELD_TEXT(config_raw_target, restricted_admin, OPTIONAL),
    FIELD_TEXT(config_raw_target, credssp_min, OPTIONAL),
    FIELD_LIST(config_raw_target, redirects, OPTIONAL, &text_entry, CATALOG_REDIRECTS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t channel_fields[] = {
    FIELD_TEXT(config_raw_channels, clipboard, OPTIONAL),
    FIELD_LIST(config_raw_channels, clipboard_kinds, OPTIONAL, &text_entry, 3),
    FIELD_TEXT(config_raw_channels, drives, OPTIONAL),
    FIELD_TEXT(config_raw_channels, printers, OPTIONAL),
    FIELD_TEXT(config_raw_channels, smartcards, OPTIONAL),
    FIELD_TEXT(config_raw_channels, ports, OPTIONAL),
    FIELD_TEXT(config_raw_channels, usb, OPTIONAL),
    FIELD_TEXT(config_raw_channels, camera, OPTIONAL),
    FIELD_TEXT(config_raw_channels, microphone, OPTIONAL),
    FIELD_TEXT(config_raw_channels, sound, OPTIONAL),
    FIELD_TEXT(config_raw_channels, display_control, OPTIONAL),
    FIELD_TEXT(config_raw_channels, remoteapp, OPTIONAL),
    FIELD_TEXT(config_raw_channels, webauthn, OPTIONAL),
    FIELD_TEXT(config_raw_channels, graphics, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t when_fields[] = {
    FIELD_LIST(config_raw_when, days, OPTIONAL, &text_entry, 7),
    FIELD_TEXT(config_raw_when, hours, OPTIONAL),
    FIELD_TEXT(config_raw_when, zone, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t clients_fields[] = {
    FIELD_LIST(config_raw_clients, names, OPTIONAL, &text_entry, CONFIG_CLIENTS_MAX),
    FIELD_TEXT(config_raw_clients, builds, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t approval_fields[] = {
    FIELD_TEXT(config_raw_approval, by, TEXT),
    FIELD_TEXT(config_raw_approval, longest, OPTIONAL),
    FIELD_TEXT(config_raw_approval, reason, OPTIONAL),
    FIELD_TEXT(config_raw_approval, ticket, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t require_fields[] = {
    FIELD_MAP(config_raw_require, approval, OPTIONAL, approval_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t concurrent_fields[] = {
    FIELD_TEXT(config_raw_concurrent, user, OPTIONAL),
    FIELD_TEXT(config_raw_concurrent, target, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t rule_fields[] = {
    FIELD_TEXT(config_raw_rule, name, TEXT),
    FIELD_TEXT(config_raw_rule, effect, OPTIONAL),
    FIELD_LIST(config_raw_rule, sources, OPTIONAL, &text_entry, CONFIG_NETS_MAX),
    FIELD_LIST(config_raw_rule, countries, OPTIONAL, &text_entry, CONFIG_NETS_MAX),
    FIELD_MAP(config_raw_rule, when, OPTIONAL, when_fields),
    FIELD_TEXT(config_raw_rule, mfa, OPTIONAL),
    FIELD_TEXT(config_raw_rule, fresh, OPTIONAL),
    FIELD_LIST(config_raw_rule, nla, OPTIONAL, &text_entry, CATALOG_NLA_COUNT),
    FIELD_MAP(config_raw_rule, clients, OPTIONAL, clients_fields),
    FIELD_MAP(config_raw_rule, require, OPTIONAL, require_fields),
    FIELD_TEXT(config_raw_rule, consent, OPTIONAL),
    FIELD_MAP(config_raw_rule, concurrent, OPTIONAL, concurrent_fields),
    FIELD_TEXT(config_raw_rule, recording, OPTIONAL),
    FIELD_TEXT(config_raw_rule, watermark, OPTIONAL),
    FIELD_TEXT(config_raw_rule, four_eyes, OPTIONAL),
    FIELD_LIST(config_raw_rule, users, OPTIONAL, &text_entry, CATALOG_USERS_MAX),
    FIELD_LIST(config_raw_rule, groups, OPTIONAL, &text_entry, CATALOG_GROUPS_MAX),
    FIELD_LIST(config_raw_rule, targets, OPTIONAL, &text_entry, CATALOG_TARGETS_MAX),
    FIELD_LIST(config_raw_rule, tags, OPTIONAL, &text_entry, CATALOG_TARGETS_MAX),
    FIELD_TEXT(config_raw_rule, idle, OPTIONAL),
    FIELD_TEXT(config_raw_rule, total, OPTIONAL),
    FIELD_MAP(config_raw_rule, channels, OPTIONAL, channel_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t listener_fields[] = {
    FIELD_TEXT(config_raw_listener, address, TEXT),
    FIELD_TEXT(config_raw_listener, proxy_protocol, OPTIONAL),
    FIELD_TEXT(config_raw_listener, limit, OPTIONAL),
    FIELD_TEXT(config_raw_listener, jit_port, OPTIONAL),
    FIELD_LIST(config_raw_listener, trusted, OPTIONAL, &text_entry, BOOT_TRUSTED_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t listener_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_listener, listener_fields),
};

static const cyaml_schema_value_t user_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_user, user_fields),
};
static const cyaml_schema_value_t group_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_group, group_fields),
};
static const cyaml_schema_value_t target_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_target, target_fields),
};
static const cyaml_schema_value_t rule_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_rule, rule_fields),
};

static const cyaml_schema_field_t top_fields[] = {
    FIELD_LIST(config_raw, listeners, OPTIONAL, &listener_entry, BOOT_LISTENERS_MAX),
    FIELD_MAP(config_raw, certificate, OPTIONAL, certificate_fields),
    FIELD_MAP(config_raw, master_key, OPTIONAL, master_key_fields),
    FIELD_MAP(config_raw, api, OPTIONAL, api_fields),
    FIELD_MAP(config_raw, break_glass, OPTIONAL, break_glass_fields),
    FIELD_TEXT(config_raw, state_dir, OPTIONAL),
    FIELD_TEXT(config_raw, event_log, OPTIONAL),
    FIELD_TEXT(config_raw, control_socket, OPTIONAL),
    FIELD_TEXT(config_raw, user, OPTIONAL),
    FIELD_TEXT(config_raw, tls_min, OPTIONAL),
    FIELD_LIST(config_raw, names, OPTIONAL, &text_entry, CONFIG_NAMES_MAX),
    FIELD_TEXT(config_raw, ca_file, OPTIONAL),
    FIELD_TEXT(config_raw, geoip, OPTIONAL),
    FIELD_MAP(config_raw, limits, OPTIONAL, limits_fields),
    FIELD_MAP(config_raw, directory, OPTIONAL, config_directory_fields),
    FIELD_LIST(config_raw, webhooks, OPTIONAL, &config_webhook_entry, BOOT_COURIER_HOOKS_MAX),
    FIELD_MAP(config_raw, guard, OPTIONAL, guard_fields),
    FIELD_MAP(config_raw, lobby, OPTIONAL, lobby_fields),
    FIELD_LIST(config_raw, users, TEXT, &user_entry, CATALOG_USERS_MAX),
    FIELD_LIST(config_raw, groups, OPTIONAL, &group_entry, CATALOG_GROUPS_MAX),
    FIELD_LIST(config_raw, targets, TEXT, &target_entry, CATALOG_TARGETS_MAX),
    FIELD_LIST(config_raw, rules, TEXT, &rule_entry, CATALOG_RULES_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t top_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_raw, top_fields),
};

/* ---- what libcyaml logs when it refuses ---- */

enum problem { PROBLEM_OTHER, PROBLEM_UNKNOWN_KEY, PROBLEM_MISSING, PROBLEM_TYPE, PROBLEM_MANY };

#define FRAMES_MAX 16

/* libcyaml's backtrace, innermost first. */
struct frame {
    char field[CONFIG_FIELD_SIZE / 4]; /* empty for a list's entry, or before the first key */
    uint32_t entry;                    /* counted from 1 */
    bool is_entry;
};

struct trace {
    enum problem problem;
    char key[CONFIG_FIELD_SIZE / 2]; /* unknown or missing */
    struct frame frames[FRAMES_MAX];
    size_t count;
};

static bool take_after(const char *line, const char *start, char *out, size_t size)
{
    size_t n = strlen(start);

    if (strncmp(line, start, n) != 0)
        return false;
    snprintf(out, size, "%s", line + n);
    out[strcspn(out, "\n'")] = '\0';
    return true;
}

static void take_frame(struct trace *trace, const char *line)
{
    struct frame *frame = &trace->frames[trace->count];
    char number[16];

    if (trace->count == FRAMES_MAX)
        return;
    *frame = (struct frame){0};
    if (take_after(line, "  in sequence entry '", number, sizeof(number))) {
        frame->is_entry = config_read_number(number, &frame->entry) == SP_OK;
        trace->count++;
    } else if (take_after(line, "  in mapping field '", frame->field, sizeof(frame->field)) ||
               strncmp(line, "  in mapping (", 14) == 0) {
        trace->count++;
    }
}

/* Called by libcyaml for each line of its log; values of the file stay unread. */
static void __attribute__((format(printf, 3, 0)))
on_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct trace *trace = context;
    char line[CONFIG_FIELD_SIZE];

    if (level < CYAML_LOG_ERROR)
        return;
    vsnprintf(line, sizeof(line), format, arguments);
    if (take_after(line, "Load: Unexpected key: ", trace->key, sizeof(trace->key)))
        trace->problem = PROBLEM_UNKNOWN_KEY;
    else if (take_after(line, "Load: Missing required mapping field: ", trace->key,
                        sizeof(trace->key)))
        trace->problem = PROBLEM_MISSING;
    else if (strncmp(line, "Load: Expecting ", 16) == 0)
        trace->problem = PROBLEM_TYPE;
    else if (strncmp(line, "Load: Excessive entries", 23) == 0)
        trace->problem = PROBLEM_MANY;
    else
        take_frame(trace, line);
    sp_wipe(line, sizeof(line));
}

/* The path of the innermost frame but `skip`, outermost first. */
static void path_of(const struct trace *trace, size_t skip, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = trace->count; i > skip; i--) {
        const struct frame *frame = &trace->frames[i - 1];
        int n = frame->is_entry
                    ? snprintf(out + used, size - used, "[%u]", frame->entry - 1)
                    : snprintf(out + used, size - used, "%s%s", used > 0 ? "." : "", frame->field);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}

static void add_key(char *path, size_t size, const char *key)
{
    size_t used = strlen(path);

    snprintf(path + used, size - used, "%s%s", used > 0 ? "." : "", key);
}

static enum sp_err refuse_unknown(struct config_load_state *s, const struct trace *trace)
{
    char path[CONFIG_FIELD_SIZE], parent[CONFIG_FIELD_SIZE], keys[512], shown[512 + 16];

    path_of(trace, 1, parent, sizeof(parent));
    snprintf(path, sizeof(path), "%s", parent);
    add_key(path, sizeof(path), trace->key);
    config_known_keys(parent, keys, sizeof(keys));
    snprintf(shown, sizeof(shown), "one of %s", keys);
    uint32_t line = config_map_line(&s->map, path);
    const struct config_node *node = config_map_find(&s->map, path);
    /* A key without a value may be a value that lost its blank, even a secret: not shown. */
    bool is_key = node != NULL && !(node->kind == CONFIG_NODE_TEXT && node->is_empty);
    if (is_key)
        return config_refuse(s, SP_EVALUE, path, shown, NULL, "this key is not known; remove it");
    return config_refuse_text(s, SP_EVALUE, line,
                              "field %s: expected %s, found a key that is not known and has no "
                              "value; write \"key: value\" with a blank after ':'",
                              parent[0] != '\0' ? parent : "(top)", shown);
}

static bool is_list(const char *path)
{
    return strncmp(config_expected(path), "a list", 6) == 0;
}

static enum sp_err refuse_by_trace(struct config_load_state *s, const struct trace *trace)
{
    char path[CONFIG_FIELD_SIZE];
    const struct config_node *node;
    static const char *const kinds[] = {"one value", "a list", "a mapping"};

    switch (trace->problem) {
    case PROBLEM_UNKNOWN_KEY:
        return refuse_unknown(s, trace);
    case PROBLEM_MISSING:
        path_of(trace, 1, path, sizeof(path));
        add_key(path, sizeof(path), trace->key);
        return config_refuse(s, SP_EVALUE, path, NULL, NULL, "this key is missing; add it");
    case PROBLEM_MANY:
        path_of(trace, 1, path, sizeof(path));
        return config_refuse(s, SP_ELIMIT, path, NULL, NULL, "there are too many entries");
    case PROBLEM_TYPE:
        path_of(trace, 0, path, sizeof(path));
        node = config_map_find(&s->map, path);
        return config_refuse_text(
            s, SP_EVALUE, config_map_line(&s->map, path), "field %s: expected %s, found %s%s",
            path[0] != '\0' ? path : "(top)", config_expected(path),
            node == NULL     ? "something else"
            : node->is_empty ? "nothing"
                             : kinds[node->kind],
            node != NULL && node->is_empty && is_list(path) ? "; write [] for an empty list" : "");
    case PROBLEM_OTHER:
    default:
        path_of(trace, 0, path, sizeof(path));
        return config_refuse(s, SP_EVALUE, path, NULL, NULL, NULL);
    }
}

/* libcyaml's memory: it holds every text of the file, so it is wiped when it is given back. */
static void *wiping_memory(void *context, void *old, size_t size)
{
    size_t *head = old != NULL ? (size_t *)old - 2 : NULL;
    size_t *made = NULL;

    (void)context;
    if (head != NULL && size > 0 && size <= head[0])
        return old;
    if (size > 0) {
        /* A list grows by one entry at a time; without room to spare that would be quadratic. */
        size_t room = head != NULL ? size + size / 2 : size;
        made = malloc(2 * sizeof(size_t) + room);
        if (made == NULL)
            return NULL;
        made[0] = room;
        if (head != NULL)
            memcpy(made + 2, old, head[0] < size ? head[0] : size);
    }
    if (head != NULL) {
        sp_wipe(head, 2 * sizeof(size_t) + head[0]);
        free(head);
    }
    return made != NULL ? made + 2 : NULL;
}

enum sp_err config_raw_load(struct config_load_state *s, const char *text, size_t size,
                            struct config_raw **out)
{
    struct trace trace = {0};
    cyaml_config_t config = {
        .log_fn = on_log,
        .log_ctx = &trace,
        .mem_fn = wiping_memory,
        .log_level = CYAML_LOG_ERROR,
    };
    cyaml_data_t *data = NULL;
    cyaml_err_t err =
        cyaml_load_data((const uint8_t *)text, size, &config, &top_schema, &data, NULL);

    if (err != CYAML_OK || data == NULL)
        return refuse_by_trace(s, &trace);
    *out = data;
    return SP_OK;
}

void config_raw_free(struct config_raw *raw)
{
    cyaml_config_t config = {.mem_fn = wiping_memory, .log_level = CYAML_LOG_ERROR};

    if (raw != NULL)
        (void)cyaml_free(&config, &top_schema, raw, 0);
}
