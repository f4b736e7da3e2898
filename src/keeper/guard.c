/* SPDX-License-Identifier: Apache-2.0
 * Who is kept out: charging sources, asking, and describing it to an administrator.
 */
#include "keeper/guard.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Number of the first descriptor that no helper has at a place of its own; see children.c. */
#define DOOR_FD_FIRST 64

static void name_files(struct guard *g, const char *dir)
{
    static const char *const lists[] = {[PENALTY_ALLOWED] = "allowed.json",
                                        [PENALTY_BANNED] = "bans.json",
                                        [PENALTY_OPEN] = "opened.json"};

    snprintf(g->path, sizeof(g->path), "%s/penalties", dir);
    snprintf(g->path_new, sizeof(g->path_new), "%s/penalties.new", dir);
    snprintf(g->accounts_path, sizeof(g->accounts_path), "%s/accounts", dir);
    snprintf(g->attempts_path, sizeof(g->attempts_path), "%s/attempts", dir);
    for (size_t i = 0; i < PENALTY_LIST_COUNT; i++)
        snprintf(g->lists[i].path, sizeof(g->lists[i].path), "%s/%s", dir, lists[i]);
}

enum sp_err guard_open(struct guard *g, const struct config *config, const char **spoiled,
                       int64_t now_ms)
{
    SP_FD fd = -1;

    *g = (struct guard){.door_fd = -1, .attempts_fd = -1, .save = {.fd = -1}};
    *spoiled = NULL;
    name_files(g, config->state_dir);
    g->accounts = guard_accounts_new();
    g->spray = calloc(1, sizeof(*g->spray));
    g->table = penalty_create(&fd);
    if (g->table == NULL || g->accounts == NULL || g->spray == NULL)
        return SP_ESYS;
    g->door_fd = fcntl(fd, F_DUPFD_CLOEXEC, DOOR_FD_FIRST);
    if (g->door_fd < 0)
        return SP_ESYS;
    if (!guard_load(g, config->penalties.max_ms, now_ms))
        *spoiled = g->path;
    const char *list = guard_bans_load(g, now_ms);
    if (list != NULL)
        *spoiled = list;
    guard_configure(g, config, now_ms);
    if (!guard_journal_open(g, config, now_ms))
        *spoiled = g->accounts_path;
    return SP_OK;
}

void guard_close(struct guard *g, int64_t now_ms)
{
    if (g->table != NULL) {
        guard_bans_step(g, now_ms);
        guard_save_all(g, now_ms);
        guard_journal_step(g, true, now_ms);
        penalty_detach(g->table);
    }
    sp_fd_cleanup(&g->door_fd);
    sp_fd_cleanup(&g->attempts_fd);
    for (size_t i = 0; i < PENALTY_LIST_COUNT; i++)
        free(g->lists[i].bans);
    free(g->accounts);
    free(g->spray);
    *g = (struct guard){.door_fd = -1, .attempts_fd = -1, .save = {.fd = -1}};
}

static bool is_exempt(const struct config *config, const uint8_t ip[16])
{
    for (size_t i = 0; i < config->exempt_count; i++) {
        if (net_contains(&config->exempt[i], ip))
            return true;
    }
    return false;
}

bool guard_charge(struct guard *g, const struct config *config, const uint8_t ip[16],
                  enum penalty_cause cause, uint32_t times, int64_t now_ms)
{
    if (is_exempt(config, ip) || penalty_is_listed(g->table, PENALTY_ALLOWED, ip, now_ms))
        return false;
    g->save.is_wanted = true;
    return penalty_charge(g->table, &config->penalties, ip, cause, times, now_ms);
}

bool guard_refuses(const struct guard *g, const uint8_t ip[16], int64_t now_ms)
{
    return penalty_refuses(g->table, ip, now_ms);
}

int64_t guard_left_ms(const struct guard *g, const uint8_t ip[16], int64_t now_ms)
{
    struct penalty_key keys[2];
    size_t count = penalty_source_keys(ip, keys);
    int64_t left = 0;

    for (size_t i = 0; i < count; i++) {
        struct penalty_score score;

        if (penalty_find(g->table, &keys[i], now_ms, &score) && score.is_refusing != 0 &&
            score.until_ms - now_ms > left)
            left = score.until_ms - now_ms;
    }
    return left;
}

uint64_t guard_attack(struct guard *g, const char *id)
{
    for (size_t i = 0; i < g->attack_count; i++) {
        if (strcmp(g->attacks[i].id, id) == 0)
            return ++g->attacks[i].count;
    }
    if (g->attack_count == GUARD_ATTACKS_MAX)
        return 1; /* more names than we know: somebody makes them up */
    struct guard_attack *attack = &g->attacks[g->attack_count++];
    snprintf(attack->id, sizeof(attack->id), "%s", id);
    attack->count = 1;
    return 1;
}

static void describe_source(json_t *list, const struct penalty_key *key,
                            const struct penalty_score *score, int64_t now_ms)
{
    static const uint32_t bits[] = {[PENALTY_V4] = 128, [PENALTY_V6] = 64, [PENALTY_V6_NET] = 56};
    struct net net = {.bits = key->kind <= PENALTY_V6_NET ? bits[key->kind] : 128};
    char text[NET_TEXT_SIZE], until[SP_TIMESTAMP_SIZE];

    penalty_key_ip(key, net.ip);
    net_write(&net, text);
    clock_format(clock_wall_us() + (score->until_ms - now_ms) * 1000, until);
    json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:I}", "source", text, "until", until,
                                          "offences", (int)(score->strikes & 0x7fffffff), "left_ms",
                                          (json_int_t)(score->until_ms - now_ms)));
}

/* Those that are refused now, GUARD_LIST_MAX at most; *total is how many there are. */
static json_t *describe_penalties(struct guard *g, int64_t now_ms, json_int_t *total)
{
    struct penalty_key keys[PENALTY_WAYS];
    struct penalty_score scores[PENALTY_WAYS];
    json_t *list = json_array();

    *total = 0;
    for (uint32_t bucket = 0; bucket < PENALTY_BUCKETS; bucket++) {
        size_t count = penalty_sweep(g->table, bucket, now_ms, keys, scores);

        for (size_t i = 0; i < count; i++) {
            if (scores[i].is_refusing == 0)
                continue;
            if (++*total <= GUARD_LIST_MAX)
                describe_source(list, &keys[i], &scores[i], now_ms);
        }
    }
    return list;
}

json_t *guard_describe(struct guard *g, int64_t now_ms)
{
    json_int_t total;
    json_t *penalties = describe_penalties(g, now_ms, &total);
    json_t *attacks = json_object();

    for (size_t i = 0; i < g->attack_count; i++)
        json_object_set_new(attacks, g->attacks[i].id,
                            json_integer((json_int_t)g->attacks[i].count));
    return json_pack("{s:b, s:o, s:o, s:I, s:o}", "ok", 1, "bans",
                     guard_describe_list(g, PENALTY_BANNED, now_ms), "penalties", penalties,
                     "penalised", total, "attacks", attacks);
}
