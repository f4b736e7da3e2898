/* SPDX-License-Identifier: Apache-2.0
 * Lists of networks: who is shut out, let in, or let through a closed port. They are kept in files
 * that an administrator can read; what the configuration says stands there and not in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/guard.h"
#include "keeper/state.h"

#define BANS_FILE_MAX (4u * 1024u * 1024u)

static const char *const origins[] = {[GUARD_BY_ADMIN] = "administrator",
                                      [GUARD_BY_CONFIG] = "configuration",
                                      [GUARD_BY_ITSELF] = "guard"};

static struct guard_ban *find(struct guard_list *l, const struct net *net)
{
    for (size_t i = 0; i < l->count; i++) {
        if (memcmp(&l->bans[i].net, net, sizeof(*net)) == 0)
            return &l->bans[i];
    }
    return NULL;
}

static json_t *to_json(const struct guard_list *l, int64_t now_ms)
{
    json_t *list = json_array();
    char text[NET_TEXT_SIZE];

    for (size_t i = 0; i < l->count; i++) {
        const struct guard_ban *ban = &l->bans[i];
        json_int_t until = 0; /* seconds since 1970, 0 = never */

        if (ban->origin == GUARD_BY_CONFIG)
            continue;
        if (ban->until_ms != PENALTY_FOREVER)
            until = (clock_wall_us() / 1000 + ban->until_ms - now_ms + 999) / 1000;
        net_write(&ban->net, text);
        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:s, s:s}", "network", text, "until", until,
                                        "reason", ban->reason, "by", origins[ban->origin]));
    }
    return list;
}

json_t *guard_describe_list(const struct guard *g, enum penalty_list list, int64_t now_ms)
{
    const struct guard_list *l = &g->lists[list];
    json_t *array = json_array();
    char text[NET_TEXT_SIZE], until[SP_TIMESTAMP_SIZE];

    for (size_t i = 0; i < l->count; i++) {
        const struct guard_ban *ban = &l->bans[i];

        net_write(&ban->net, text);
        snprintf(until, sizeof(until), "never");
        if (ban->until_ms != PENALTY_FOREVER)
            clock_format(clock_wall_us() + (ban->until_ms - now_ms) * 1000, until);
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:s, s:s}", "network", text, "until", until,
                                        "reason", ban->reason, "by", origins[ban->origin]));
    }
    return array;
}

/* Written anew and renamed; on stable storage if it was confirmed to somebody. */
static enum sp_err save(struct guard_list *l, bool is_confirmed, int64_t now_ms)
{
    char path[GUARD_PATH_SIZE + 8];
    json_t *list = to_json(l, now_ms);
    SP_FREE char *text = json_dumps(list, JSON_INDENT(1));

    json_decref(list);
    snprintf(path, sizeof(path), "%s.new", l->path);
    SP_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (text == NULL || fd < 0)
        return SP_ESYS;
    size_t size = strlen(text);
    if (write(fd, text, size) != (ssize_t)size || (is_confirmed && fdatasync(fd) != 0) ||
        rename(path, l->path) != 0)
        return SP_ESYS;
    l->is_dirty = false;
    return SP_OK;
}

void guard_bans_step(struct guard *g, int64_t now_ms)
{
    for (size_t i = 0; i < PENALTY_LIST_COUNT; i++) {
        struct guard_list *l = &g->lists[i];

        if (l->is_dirty && save(l, false, now_ms) != SP_OK) {
            l->is_dirty = false;
            fprintf(stderr, "sallyport: cannot write %s: %s\n", l->path, strerror(errno));
        }
    }
}

static bool make_room(struct guard_list *l)
{
    if (l->count < l->room)
        return true;
    size_t room = l->room == 0 ? 16 : l->room * 2;
    struct guard_ban *grown = realloc(l->bans, room * sizeof(*grown));
    if (grown == NULL)
        return false;
    l->bans = grown;
    l->room = room;
    return true;
}

static enum sp_err put(struct guard *g, enum penalty_list list, const struct guard_ban *ban)
{
    struct guard_list *l = &g->lists[list];
    struct guard_ban *there = find(l, &ban->net);

    if (there == NULL && !make_room(l))
        return SP_ESYS;
    enum sp_err err = penalty_ban(g->table, list, ban->net.ip, ban->net.bits, ban->until_ms);
    if (err != SP_OK)
        return err;
    if (there == NULL)
        there = &l->bans[l->count++];
    *there = *ban;
    if (g->mirror != NULL)
        g->mirror(g->mirror_ctx, list, &ban->net, ban->until_ms);
    return SP_OK;
}

static void take_out(struct guard *g, enum penalty_list list, struct guard_ban *ban)
{
    struct guard_list *l = &g->lists[list];
    struct net net = ban->net;

    penalty_unban(g->table, list, net.ip, net.bits);
    *ban = l->bans[--l->count];
    if (g->mirror != NULL)
        g->mirror(g->mirror_ctx, list, &net, 0);
}

enum sp_err guard_ban(struct guard *g, enum penalty_list list, const struct net *net,
                      int64_t for_ms, const char *reason, int64_t now_ms)
{
    struct guard_ban ban = {.net = *net,
                            .until_ms = for_ms == 0 ? PENALTY_FOREVER : now_ms + for_ms};
    struct guard_list *l = &g->lists[list];
    struct guard_ban *there = find(l, net), before = {0};
    bool was_there = there != NULL;

    if (was_there)
        before = *there;
    snprintf(ban.reason, sizeof(ban.reason), "%s", reason);
    enum sp_err err = put(g, list, &ban);
    if (err != SP_OK)
        return err;
    if (save(l, true, now_ms) == SP_OK)
        return SP_OK;
    if (was_there)
        sp_ignore(put(g, list, &before)); /* its place is there */
    else
        take_out(g, list, find(l, net));
    return SP_ESYS;
}

bool guard_ban_source(struct guard *g, const uint8_t ip[16], int64_t for_ms, const char *reason,
                      int64_t now_ms)
{
    struct guard_list *l = &g->lists[PENALTY_BANNED];
    struct penalty_key keys[2];
    struct guard_ban ban = {.until_ms = now_ms + for_ms, .origin = GUARD_BY_ITSELF};
    size_t own = 0;

    ban.net.bits = penalty_source_keys(ip, keys) == 1 ? 128 : 64;
    penalty_key_ip(&keys[0], ban.net.ip);
    if (find(l, &ban.net) != NULL)
        return true;
    for (size_t i = 0; i < l->count; i++)
        own += l->bans[i].origin == GUARD_BY_ITSELF;
    snprintf(ban.reason, sizeof(ban.reason), "%s", reason);
    if (own >= GUARD_OWN_BANS_MAX || put(g, PENALTY_BANNED, &ban) != SP_OK)
        return false;
    l->is_dirty = true;
    return true;
}

/* The key of a network that is one source; false if it is more or less than one. */
static bool source_key(const struct net *net, struct penalty_key *key)
{
    struct penalty_key keys[2];
    size_t count = penalty_source_keys(net->ip, keys);

    if (net->bits == 128 || (count == 2 && net->bits == 64))
        *key = keys[0];
    else if (count == 2 && net->bits == 56)
        *key = keys[1];
    else
        return false;
    return true;
}

bool guard_unban(struct guard *g, enum penalty_list list, const struct net *net, int64_t now_ms)
{
    struct guard_list *l = &g->lists[list];
    struct guard_ban *ban = find(l, net);
    struct penalty_key key;
    bool was_there = ban != NULL && ban->origin != GUARD_BY_CONFIG;

    if (was_there) {
        take_out(g, list, ban);
        if (save(l, true, now_ms) != SP_OK)
            l->is_dirty = true;
    }
    if (list == PENALTY_BANNED && source_key(net, &key) && penalty_remove(g->table, &key)) {
        g->save.is_wanted = true;
        was_there = true;
    }
    return was_there;
}

const struct guard_ban *guard_listed(const struct guard *g, enum penalty_list list,
                                     const uint8_t ip[16], int64_t now_ms)
{
    for (size_t i = 0; i < g->lists[list].count; i++) {
        const struct guard_ban *ban = &g->lists[list].bans[i];

        if (ban->until_ms > now_ms && net_contains(&ban->net, ip))
            return ban;
    }
    return NULL;
}

static void configure_list(struct guard *g, enum penalty_list list, const struct net *nets,
                           size_t count)
{
    struct guard_list *l = &g->lists[list];

    for (size_t i = l->count; i > 0; i--) {
        if (l->bans[i - 1].origin == GUARD_BY_CONFIG)
            take_out(g, list, &l->bans[i - 1]);
    }
    for (size_t i = 0; i < count; i++) {
        struct guard_ban ban = {nets[i], PENALTY_FOREVER, GUARD_BY_CONFIG,
                                "the configuration says so"};

        if (put(g, list, &ban) != SP_OK)
            fprintf(stderr, "sallyport: no room for a network of the configuration's guard\n");
    }
}

void guard_configure(struct guard *g, const struct config *config, int64_t now_ms)
{
    (void)now_ms;
    configure_list(g, PENALTY_ALLOWED, config->guard.allow, config->guard.allow_count);
    configure_list(g, PENALTY_BANNED, config->guard.block, config->guard.block_count);
}

bool guard_expire(struct guard *g, int64_t now_ms, enum penalty_list *list, struct guard_ban *out)
{
    for (int n = 0; n < PENALTY_LIST_COUNT; n++) {
        struct guard_list *l = &g->lists[n];

        for (size_t i = 0; i < l->count; i++) {
            if (l->bans[i].until_ms > now_ms)
                continue;
            *out = l->bans[i];
            *list = (enum penalty_list)n;
            take_out(g, *list, &l->bans[i]);
            l->is_dirty = true;
            return true;
        }
    }
    return false;
}

static bool load_one(struct guard *g, enum penalty_list list, const json_t *entry, int64_t now_ms)
{
    const char *network = json_string_value(json_object_get(entry, "network"));
    const char *reason = json_string_value(json_object_get(entry, "reason"));
    const char *by = json_string_value(json_object_get(entry, "by"));
    const json_t *until = json_object_get(entry, "until");
    struct guard_ban ban = {.until_ms = PENALTY_FOREVER};

    if (network == NULL || reason == NULL || !json_is_integer(until) ||
        net_read(network, &ban.net) != SP_OK)
        return false;
    int64_t wall_s = clock_wall_us() / 1000000, end_s = json_integer_value(until);
    if (end_s != 0 && end_s <= wall_s)
        return true; /* over */
    if (end_s != 0 && end_s - wall_s < INT32_MAX)
        ban.until_ms = now_ms + (end_s - wall_s) * 1000;
    if (by != NULL && strcmp(by, origins[GUARD_BY_ITSELF]) == 0)
        ban.origin = GUARD_BY_ITSELF;
    snprintf(ban.reason, sizeof(ban.reason), "%s", reason);
    return put(g, list, &ban) == SP_OK;
}

static bool load(struct guard *g, enum penalty_list list, int64_t now_ms)
{
    size_t size, i;
    SP_FREE char *text = state_read_file(g->lists[list].path, BANS_FILE_MAX, &size);
    json_t *entry;
    bool is_good;

    if (text == NULL)
        return errno == ENOENT;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    is_good = json_is_array(root);
    json_array_foreach(root, i, entry)
    {
        is_good = load_one(g, list, entry, now_ms) && is_good;
    }
    json_decref(root);
    return is_good;
}

const char *guard_bans_load(struct guard *g, int64_t now_ms)
{
    const char *bad = NULL;

    for (int i = 0; i < PENALTY_LIST_COUNT; i++) {
        if (!load(g, (enum penalty_list)i, now_ms))
            bad = g->lists[i].path;
    }
    return bad;
}
