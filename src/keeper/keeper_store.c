/* SPDX-License-Identifier: Apache-2.0
 * Keeper's store: opened at the start, read anew when another keeper hands over, left to an heir.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"
#include "keeper/privilege.h"

#define STORE_NAME "store.db"

static void on_bad(void *ctx, enum store_kind kind, const char *id, const char *why)
{
    struct keeper *k = ctx;
    struct event e;

    fprintf(stderr, "sallyport: the store: a %s is not used: %s\n", store_kind_name(kind), why);
    event_begin(&e, "store_row_refused");
    event_word(&e, "kind", store_kind_name(kind));
    event_text(&e, "id", id);
    event_word(&e, "reason", why);
    keeper_event_note(k, &e);
}

bool keeper_store_start(struct keeper *k, const struct config *config, char *error)
{
    char path[CONFIG_PATH_SIZE + 16];
    struct vault_options key = {config->state_dir, config->master_key_source, config->master_key,
                                false};
    struct store_options options = {.path = path, .loop = k->loop, .on_bad = on_bad, .ctx = k};

    snprintf(path, sizeof(path), "%s/" STORE_NAME, config->state_dir);
    key.may_make = access(path, F_OK) != 0;
    privilege_raise(true);
    enum sp_err err = vault_open(&key, &k->vault, error);
    privilege_raise(false);
    options.vault = k->vault;
    if (err == SP_OK)
        err = store_open(&options, &k->store, error);
    return err == SP_OK;
}

void keeper_store_stop(struct keeper *k)
{
    store_close(k->store);
    k->store = NULL;
    vault_free(k->vault);
    k->vault = NULL;
}
