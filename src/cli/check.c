/* SPDX-License-Identifier: Apache-2.0
 * `sallyport check`: is the configuration good, and what does it allow?
 */
#include "cli/cli.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "keeper/config.h"
#include "keeper/policy.h"

#define TEXT_SIZE 2048

/* Append to a text of TEXT_SIZE bytes; what does not fit is left out. */
static void append(char *to, const char *separator, const char *text)
{
    size_t used = strlen(to);

    snprintf(to + used, TEXT_SIZE - used, "%s%s", used > 0 ? separator : "", text);
}

static void address_text(const struct catalog_target *target, char *out, size_t size)
{
    bool is_v6 = strchr(target->host, ':') != NULL;

    snprintf(out, size, is_v6 ? "[%s]:%u" : "%s:%u", target->host, target->port);
}

static void print_service(const struct config *config)
{
    char listeners[TEXT_SIZE] = "", one[64];

    for (size_t i = 0; i < config->listener_count; i++) {
        config_listener_text(&config->listeners[i], one, sizeof(one));
        append(listeners, ", ", one);
    }
    printf("%s is good.\n\n", config->path);
    printf("Listeners    %s (TLS %s and newer)\n", listeners,
           config->tls_min == 0x0304 ? "1.3" : "1.2");
    printf("Certificate  %s\n", config->certificate[0] != '\0'
                                    ? config->certificate
                                    : "generated and self-signed, kept in the state folder");
    printf("State        %s\n", config->state_dir);
    printf("Events       %s\n", config->event_log);
    printf("Control      %s\n", config->control_socket);
    if (config->run_as[0] != '\0')
        printf("Account      %s\n", config->run_as);
}

static void print_targets(const struct catalog *catalog)
{
    static const char *const headline[] = {"TARGET", "ADDRESS", "LOGIN", "TLS", "NLA", "TAGS"};
    struct cli_table table;

    cli_table_init(&table, 6, headline);
    for (size_t i = 0; i < catalog->target_count; i++) {
        const struct catalog_target *target = &catalog->targets[i];
        char address[IPC_HOST_MAX + 16], tags[TEXT_SIZE] = "", login[TEXT_SIZE] = "";

        address_text(target, address, sizeof(address));
        for (size_t k = 0; k < target->tags.count; k++)
            append(tags, ", ", catalog->tags[target->tags.items[k]].name);
        append(login, "", config_login_name(target->login));
        append(login, " ", target->login_user);
        const char *cells[] = {target->name,
                               address,
                               login,
                               config_verify_name(target->tls_mode),
                               config_nla_name(target->nla),
                               tags};
        cli_table_add(&table, cells);
    }
    putchar('\n');
    cli_table_print(&table);
    cli_table_clear(&table);
}

static void print_users(const struct catalog *catalog)
{
    static const char *const headline[] = {"USER", "MAY REACH"};
    struct cli_table table;

    cli_table_init(&table, 2, headline);
    for (size_t i = 0; i < catalog->user_count; i++) {
        char reach[TEXT_SIZE] = "", one[2 * CATALOG_NAME_SIZE + 16], name[4 * CATALOG_NAME_SIZE];
        size_t count = 0;
        SP_FREE struct policy_choice *choices =
            policy_choices(catalog, &catalog->users[i], NULL, &count);

        for (size_t k = 0; k < count; k++) {
            snprintf(one, sizeof(one), "%s (%s)", choices[k].target->name, choices[k].rule->name);
            append(reach, ", ", one);
        }
        text_escape(catalog->users[i].name, name, sizeof(name));
        const char *cells[] = {name, catalog->users[i].is_disabled ? "disabled"
                                     : reach[0] != '\0'            ? reach
                                                                   : "nothing"};
        cli_table_add(&table, cells);
    }
    putchar('\n');
    cli_table_print(&table);
    cli_table_clear(&table);
}

/* True if a rule that allows names the target, and somebody. */
static bool is_reached(const struct catalog *catalog, const struct catalog_set *rules)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct catalog_rule *rule = &catalog->rules[rules->items[i]];

        if (rule->is_deny)
            continue;
        if (rule->users.count > 0)
            return true;
        for (uint32_t k = 0; k < rule->groups.count; k++)
            if (catalog->groups[rule->groups.items[k]].members.count > 0)
                return true;
    }
    return false;
}

/* What is legal and probably not meant. */
static void print_warnings(const struct catalog *catalog)
{
    for (size_t k = 0; k < catalog->target_count; k++) {
        const struct catalog_target *target = &catalog->targets[k];
        bool has_rule = is_reached(catalog, &target->rules);

        for (uint32_t i = 0; i < target->tags.count && !has_rule; i++)
            has_rule = is_reached(catalog, &catalog->tags[target->tags.items[i]].rules);
        if (!has_rule)
            fprintf(stderr, "Warning: no rule lets anybody reach target %s.\n", target->name);
        if (target->tls_mode == IPC_TLS_NONE)
            fprintf(stderr,
                    "Warning: target %s accepts any certificate; tls.verify: tofu is safer.\n",
                    target->name);
    }
}

static json_t *describe_targets(const struct catalog *catalog)
{
    json_t *list = json_array();

    for (size_t i = 0; i < catalog->target_count; i++) {
        const struct catalog_target *target = &catalog->targets[i];
        char address[IPC_HOST_MAX + 16];
        json_t *tags = json_array();

        address_text(target, address, sizeof(address));
        for (size_t k = 0; k < target->tags.count; k++)
            json_array_append_new(tags, json_string(catalog->tags[target->tags.items[k]].name));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "name",
                                              target->name, "address", address, "login",
                                              config_login_name(target->login), "tls",
                                              config_verify_name(target->tls_mode), "nla",
                                              config_nla_name(target->nla), "tags", tags));
    }
    return list;
}

static json_t *describe_users(const struct catalog *catalog)
{
    json_t *list = json_array();

    for (size_t i = 0; i < catalog->user_count; i++) {
        json_t *reach = json_array();
        size_t count = 0;
        SP_FREE struct policy_choice *choices =
            policy_choices(catalog, &catalog->users[i], NULL, &count);

        for (size_t k = 0; k < count; k++)
            json_array_append_new(reach, json_pack("{s:s, s:s}", "target", choices[k].target->name,
                                                   "rule", choices[k].rule->name));
        json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "name", catalog->users[i].name,
                                              "disabled", (int)catalog->users[i].is_disabled,
                                              "may_reach", reach));
    }
    return list;
}

static void print_as_json(const struct config *config)
{
    json_t *listeners = json_array();
    char one[64];

    for (size_t i = 0; i < config->listener_count; i++) {
        config_listener_text(&config->listeners[i], one, sizeof(one));
        json_array_append_new(listeners, json_string(one));
    }
    cli_print_json(json_pack("{s:b, s:s, s:o, s:s, s:s, s:s, s:o, s:o}", "ok", 1, "file",
                             config->path, "listeners", listeners, "state_dir", config->state_dir,
                             "event_log", config->event_log, "control_socket",
                             config->control_socket, "users", describe_users(config->catalog),
                             "targets", describe_targets(config->catalog)));
}

int cli_check(const struct cli_options *options)
{
    const char *path = options->config != NULL ? options->config : CLI_CONFIG_DEFAULT;
    char error[CONFIG_ERROR_SIZE];
    struct config *config = NULL;

    if (config_load(path, &config, error, sizeof(error)) != SP_OK) {
        cli_complain(options, error);
        return CLI_FAILED;
    }
    if (options->is_json) {
        print_as_json(config);
    } else {
        print_service(config);
        print_targets(config->catalog);
        print_users(config->catalog);
        fflush(stdout);
        print_warnings(config->catalog);
    }
    config_free(config);
    return CLI_OK;
}
