/* SPDX-License-Identifier: Apache-2.0
 * Bans: added, ended, and kept in a file that an administrator can read.
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

static struct guard_ban *find(struct guard *g, const struct net *net)
{
    for (size_t i = 0; i < g->ban_count; i++) {
        if (memcmp(&g->bans[i].net, net, sizeof(*net)) == 0)
            return &g->bans[i];
    }
    return NULL;
}

static json_t *to_json(const struct guard *g, int64_t now_ms)
{
    json_t *list = json_array();
    char text[NET_TEXT_SIZE];

    for (size_t i = 0; i < g->ban_count; i++) {
        const struct guard_ban *ban = &g->bans[i];
        json_int_t until = 0; /* seconds since 1970, 0 = never */

        if (ban->until_ms != PENALTY_FOREVER)
            until = (clock_wall_us() / 1000 + ban->until_ms - now_ms + 999) / 1000;
        net_write(&ban->net, text);
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "network", text, "until", until,
                                              "reason", ban->reason));
    }
    return list;
}

/* Written anew and renamed, and on stable storage: a ban that was confirmed stays. */
static enum sp_err save(const struct guard *g, int64_t now_ms)
{
    char path[GUARD_PATH_SIZE + 8];
    json_t *list = to_json(g, now_ms);
    SP_FREE char *text = json_dumps(list, JSON_INDENT(1));

    json_decref(list);
    snprintf(path, sizeof(path), "%s.new", g->bans_path);
    SP_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (text == NULL || fd < 0)
        return SP_ESYS;
    size_t size = strlen(text);
    if (write(fd, text, size) != (ssize_t)size || fdatasync(fd) != 0 ||
        rename(path, g->bans_path) != 0)
        return SP_ESYS;
    return SP_OK;
}

static bool make_room(struct guard *g)
{
    if (g->ban_count < g->ban_room)
        return true;
    size_t room = g->ban_room == 0 ? 16 : g->ban_room * 2;
    struct guard_ban *grown = realloc(g->bans, room * sizeof(*grown));
    if (grown == NULL)
        return false;
    g->bans = grown;
    g->ban_room = room;
    return true;
}

static enum sp_err put(struct guard *g, const struct guard_ban *ban)
{
    struct guard_ban *there = find(g, &ban->net);

    if (there == NULL && !make_room(g))
        return SP_ESYS;
    enum sp_err err = penalty_ban(g->table, ban->net.ip, ban->net.bits, ban->until_ms);
    if (err != SP_OK)
        return err;
    if (there == NULL)
        there = &g->bans[g->ban_count++];
    *there = *ban;
    return SP_OK;
}

static void take_out(struct guard *g, struct guard_ban *ban)
{
    penalty_unban(g->table, ban->net.ip, ban->net.bits);
    *ban = g->bans[--g->ban_count];
}

enum sp_err guard_ban(struct guard *g, const struct net *net, int64_t for_ms, const char *reason,
                      int64_t now_ms)
{
    struct guard_ban ban = {.net = *net,
                            .until_ms = for_ms == 0 ? PENALTY_FOREVER : now_ms + for_ms};
    struct guard_ban *there = find(g, net), before = {0};
    bool was_there = there != NULL;

    if (was_there)
        before = *there;
    snprintf(ban.reason, sizeof(ban.reason), "%s", reason);
    enum sp_err err = put(g, &ban);
    if (err != SP_OK)
        return err;
    if (save(g, now_ms) == SP_OK)
        return SP_OK;
    if (was_there)
        sp_ignore(put(g, &before)); /* its place is there */
    else
        take_out(g, find(g, net));
    return SP_ESYS;
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

bool guard_unban(struct guard *g, const struct net *net, int64_t now_ms)
{
    struct guard_ban *ban = find(g, net);
    struct penalty_key key;
    bool was_there = ban != NULL;

    if (ban != NULL) {
        take_out(g, ban);
        if (save(g, now_ms) != SP_OK)
            fprintf(stderr, "sallyport: cannot write %s: %s; the ban comes back with a restart\n",
                    g->bans_path, strerror(errno));
    }
    if (source_key(net, &key) && penalty_remove(g->table, &key)) {
        g->save.is_wanted = true;
        was_there = true;
    }
    return was_there;
}

bool guard_expire(struct guard *g, int64_t now_ms, struct guard_ban *out)
{
    for (size_t i = 0; i < g->ban_count; i++) {
        if (g->bans[i].until_ms > now_ms)
            continue;
        *out = g->bans[i];
        take_out(g, &g->bans[i]);
        return true; /* the file forgets it with the next change, and its end stands there */
    }
    return false;
}

static bool load_one(struct guard *g, const json_t *entry, int64_t now_ms)
{
    const char *network = json_string_value(json_object_get(entry, "network"));
    const char *reason = json_string_value(json_object_get(entry, "reason"));
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
    snprintf(ban.reason, sizeof(ban.reason), "%s", reason);
    return put(g, &ban) == SP_OK;
}

bool guard_bans_load(struct guard *g, int64_t now_ms)
{
    size_t size, i;
    SP_FREE char *text = state_read_file(g->bans_path, BANS_FILE_MAX, &size);
    json_t *entry;
    bool is_good;

    if (text == NULL)
        return errno == ENOENT;
    json_t *list = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    is_good = json_is_array(list);
    json_array_foreach(list, i, entry)
    {
        is_good = load_one(g, entry, now_ms) && is_good;
    }
    json_decref(list);
    return is_good;
}
