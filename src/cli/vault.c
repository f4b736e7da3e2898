/* SPDX-License-Identifier: Apache-2.0
 * `sallyport vault` and `backup`: the store's key, its repair, and a copy of it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/policy.h"
#include "keeper/config.h"
#include "keeper/store.h"

static bool load_config(const struct cli_args *args, struct config **out)
{
    const char *path = args->options.config != NULL ? args->options.config : CLI_CONFIG_DEFAULT;
    char error[CONFIG_ERROR_SIZE];

    if (config_load(path, out, error, sizeof(error)) == SP_OK)
        return true;
    cli_complain(&args->options, error);
    return false;
}

static int done(const struct cli_args *args, const char *text)
{
    if (args->options.is_json)
        cli_print_json(json_pack("{s:b}", "ok", 1));
    else
        puts(text);
    return CLI_OK;
}

static int rotate(const struct cli_args *args)
{
    json_t *answer = cli_control_ask(&args->options, json_pack("{s:s}", "cmd", "vault_rotate"));

    if (answer == NULL)
        return CLI_FAILED;
    json_decref(answer);
    return done(args, "Everything is sealed with a new master key.");
}

static int repair(const struct cli_args *args)
{
    struct config *config = NULL;
    char path[CONFIG_PATH_SIZE + 16], error[STORE_ERROR_SIZE] = "", text[96];
    struct store_options options = {.path = path};
    size_t removed = 0;

    if (!load_config(args, &config))
        return CLI_FAILED;
    /* It would go on with what was removed, and write over what was repaired. */
    if (cli_control_is_answered(config->control_socket)) {
        config_free(config);
        cli_complain(&args->options, "the service is running; stop it, then repair the store");
        return CLI_FAILED;
    }
    struct vault_options key = {config->state_dir, config->master_key_source, config->master_key,
                                false};
    snprintf(path, sizeof(path), "%s/store.db", config->state_dir);
    enum sp_err err = vault_open(&key, &options.vault, error);
    if (err == SP_OK)
        err = store_repair(&options, &removed, error);
    vault_free(options.vault);
    config_free(config);
    if (err != SP_OK) {
        cli_complain(&args->options, error);
        return CLI_FAILED;
    }
    snprintf(text, sizeof(text), "%zu rows were removed; the others are as they were.", removed);
    return done(args, text);
}

int cli_vault(int argc, char **argv)
{
    struct cli_args args;
    int status = cli_args_read(argc, argv, NULL, 0, &args);

    if (status >= 0)
        return status;
    if (args.count == 1 && strcmp(args.words[0], "rotate") == 0)
        return rotate(&args);
    if (args.count == 1 && strcmp(args.words[0], "repair") == 0)
        return repair(&args);
    return cli_args_usage(&args, "vault takes rotate or repair");
}

int cli_backup(int argc, char **argv)
{
    struct config *config = NULL;
    char path[CONFIG_PATH_SIZE + 16], error[STORE_ERROR_SIZE] = "";
    struct cli_args args;
    int status = cli_args_read(argc, argv, NULL, 0, &args);

    if (status >= 0)
        return status;
    if (args.count != 1)
        return cli_args_usage(&args, "backup takes the name of a file that does not exist");
    if (!load_config(&args, &config))
        return CLI_FAILED;
    snprintf(path, sizeof(path), "%s/store.db", config->state_dir);
    config_free(config);
    if (store_backup(path, args.words[0], error) == SP_OK)
        return done(&args, "The store was copied; only the master key opens it.");
    cli_complain(&args.options, error);
    return CLI_FAILED;
}
