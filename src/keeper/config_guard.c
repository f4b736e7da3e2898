/* SPDX-License-Identifier: Apache-2.0
 * guard: limits per account, decoys, lists, tarpit and firewall.
 */
#include "keeper/config_priv.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS           (24u * 3600u * 1000u)
#define TIGHT_TRIES      3u
#define TARPIT_MAX       4096u
#define TARPIT_LONGEST   600000u
#define CONSECUTIVE_MOST 1000u

static enum sp_err check_number(struct config_load_state *s, const char *path, const char *text,
                                uint32_t least, uint32_t most, uint32_t *out)
{
    uint32_t value;

    if (text == NULL)
        return SP_OK;
    if (config_read_number(text, &value) != SP_OK || value < least || value > most)
        return config_refuse(s, SP_EVALUE, path, NULL, text, NULL);
    *out = value;
    return SP_OK;
}

static enum sp_err check_time(struct config_load_state *s, const char *path, const char *text,
                              uint32_t most, uint32_t *out)
{
    uint32_t value;

    if (text == NULL)
        return SP_OK;
    if (config_read_duration(text, &value) != SP_OK || value > most)
        return config_refuse(s, SP_EVALUE, path, NULL, text, NULL);
    *out = value;
    return SP_OK;
}

static enum sp_err check_nets(struct config_load_state *s, const char *key, char *const *texts,
                              uint32_t count, struct net *out)
{
    for (uint32_t i = 0; i < count; i++) {
        char path[CONFIG_FIELD_SIZE];

        snprintf(path, sizeof(path), "guard.%s[%u]", key, i);
        if (net_read(texts[i], &out[i]) != SP_OK)
            return config_refuse(s, SP_EVALUE, path, NULL, texts[i], NULL);
    }
    return SP_OK;
}

static enum sp_err check_decoys(struct config_load_state *s, const struct config_raw_guard *raw)
{
    struct config_guard *made = &s->config->guard;

    for (uint32_t i = 0; i < raw->decoys_count; i++) {
        char path[CONFIG_FIELD_SIZE];

        snprintf(path, sizeof(path), "guard.decoys[%u]", i);
        if (!config_is_user_name(raw->decoys[i]))
            return config_refuse(s, SP_EVALUE, path, NULL, raw->decoys[i], NULL);
        guard_account_key(raw->decoys[i], made->decoys[i], NULL);
    }
    made->decoy_count = raw->decoys_count;
    return SP_OK;
}

/* The name goes into commands for nftables: letters, digits and _ only. */
static enum sp_err check_nftables(struct config_load_state *s, const struct config_raw_guard *raw)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    struct config_guard *made = &s->config->guard;

    if (raw->nftables == NULL)
        return SP_OK;
    const char *table = raw->nftables->table;
    size_t n = strlen(table);
    if (n == 0 || n >= sizeof(made->nft_table) || strspn(table, good) != n || table[0] <= '9')
        return config_refuse(s, SP_EVALUE, "guard.nftables.table", NULL, table, NULL);
    snprintf(made->nft_table, sizeof(made->nft_table), "%s", table);
    return SP_OK;
}

static enum sp_err check_values(struct config_load_state *s, const struct config_raw_guard *raw)
{
    struct config_guard *made = &s->config->guard;
    enum sp_err err = check_number(s, "guard.account_tries", raw->account_tries, 0, GUARD_TRIES_MAX,
                                   &made->account.tries);

    if (err == SP_OK)
        err = check_number(s, "guard.account_consecutive", raw->account_consecutive, 5,
                           CONSECUTIVE_MOST, &made->account.consecutive);
    if (err == SP_OK)
        err = check_time(s, "guard.decoy_ban", raw->decoy_ban, 7 * DAY_MS, &made->decoy_ban_ms);
    if (err == SP_OK)
        err = check_time(s, "guard.tarpit", raw->tarpit, TARPIT_LONGEST, &made->tarpit_ms);
    if (err == SP_OK)
        err =
            check_number(s, "guard.tarpit_max", raw->tarpit_max, 1, TARPIT_MAX, &made->tarpit_max);
    return err;
}

enum sp_err config_check_guard(struct config_load_state *s, const struct config_raw_guard *raw)
{
    struct config_guard *made = &s->config->guard;

    *made = (struct config_guard){
        .account = {10, TIGHT_TRIES, 100}, .decoy_ban_ms = DAY_MS, .tarpit_max = 200};
    if (raw == NULL)
        return SP_OK;
    enum sp_err err = check_values(s, raw);
    if (err == SP_OK)
        err = check_decoys(s, raw);
    if (err == SP_OK)
        err = check_nets(s, "allow", raw->allow, raw->allow_count, made->allow);
    if (err == SP_OK)
        err = check_nets(s, "block", raw->block, raw->block_count, made->block);
    if (err == SP_OK)
        err = check_nftables(s, raw);
    made->allow_count = raw->allow_count;
    made->block_count = raw->block_count;
    return err;
}
