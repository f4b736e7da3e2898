/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the configuration file. Oracle: either a whole configuration whose every name resolves, or
 * one printable line that begins with the file's name.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "keeper/config.h"
#include "keeper/policy.h"

static const struct policy_facts facts = {.wall_us = 1};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const char *error)
{
    SP_BUG(strncmp(error, "fuzz.yaml:", 10) != 0);
    SP_BUG(strlen(error) >= CONFIG_ERROR_SIZE - 1);
    for (const char *c = error; *c != '\0'; c++)
        SP_BUG((unsigned char)*c < 0x20 || *c == 0x7F);
}

static void check_config(const struct config *config)
{
    SP_BUG(config->listener_count == 0 || config->listener_count > BOOT_LISTENERS_MAX);
    SP_BUG(config->limits.early_drop_start > config->limits.unauthenticated);

    const struct catalog *c = config->catalog;
    for (size_t i = 0; i < c->target_count; i++) {
        const struct catalog_target *target = &c->targets[i];

        SP_BUG(target->host[0] == '\0' || target->port == 0);
        SP_BUG(target->tls_mode == IPC_TLS_NONE && target->nla != IPC_NLA_REQUIRED);
        SP_BUG((target->login == IPC_LOGIN_INJECT) != (target->login_password != NULL));
    }
    for (size_t i = 0; i < c->user_count; i++) {
        struct policy_decision decision;

        SP_BUG(policy_find_user(c, c->users[i].name) != &c->users[i]);
        policy_decide(c, &c->users[i], NULL, &facts, &decision);
        bool is_allowed = decision.verdict == POLICY_ALLOWED;
        SP_BUG((decision.errinfo == 0) != is_allowed);
        SP_BUG((decision.target != NULL) != (is_allowed || decision.verdict == POLICY_NEEDS));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[CONFIG_ERROR_SIZE];
    struct config *config = NULL;

    if (config_parse("fuzz.yaml", (const char *)data, size, &config, error, sizeof(error)) ==
        SP_OK) {
        check_config(config);
        config_free(config);
    } else {
        SP_BUG(config != NULL);
        check_message(error);
    }
    return 0;
}
