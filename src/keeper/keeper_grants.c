/* SPDX-License-Identifier: Apache-2.0
 * Requests and grants of the running keeper: read from the store, shown to policy, ended by time.
 */
#include "keeper/keeper_grants.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"

#define US_PER_MS       1000
#define PRUNE_EVERY_MS  60000
#define PRUNE_A_TURN    64
#define FOLLOW_EVERY_MS 500
#define KEPT_US         (INT64_C(30) * 24 * 3600 * 1000000) /* after their end */
#define TICK_CHANGES    64

static struct grants_time time_of(struct moment now)
{
    return (struct grants_time){now.wall_us, now.boot_ms};
}

/* The number of this boot; where it cannot be read no clock of an earlier start is believed. */
static void read_boot_id(char out[GRANTS_BOOT_SIZE])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    uint8_t random[16];

    out[0] = '\0';
    if (file != NULL && fgets(out, GRANTS_BOOT_SIZE, file) != NULL)
        out[strcspn(out, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
    if (out[0] != '\0')
        return;
    sp_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(out + 2 * i, GRANTS_BOOT_SIZE - 2 * i, "%02x", random[i]);
}

static void take_row(void *ctx, const struct store_row *row)
{
    struct keeper *k = ctx;
    struct event e;

    if (grants_load(&k->grants, row->id, row->body, time_of(moment_now())) == SP_OK)
        return;
    event_begin(&e, "store_row_refused");
    event_word(&e, "kind", store_kind_name(row->kind));
    event_text(&e, "id", row->id);
    event_word(&e, "reason", "not a request or grant; it grants nothing");
    keeper_event_note(k, &e);
}

/* As keeper.grants_of. */
static size_t grants_of(struct keeper *k, const char *user, struct moment now,
                        struct policy_grant *out, size_t most)
{
    struct grants_time at = time_of(now);
    size_t used = 0;

    for (size_t i = k->grants.count; i > 0 && used < most; i--) {
        const struct grants_record *r = k->grants.list[i - 1];

        if (!grants_is_running(r, at) || !config_name_equal(r->user, user))
            continue;
        int64_t by_boot = now.wall_us + (r->ends_boot_ms - now.boot_ms) * US_PER_MS;
        out[used++] = (struct policy_grant){
            .target = r->target,
            .group = r->is_break_glass ? NULL : r->group,
            .until_us = r->ends_boot_ms != 0 && by_boot < r->ends_us ? by_boot : r->ends_us};
    }
    return used;
}

/* bad: of the grants, how many must not be used */
static enum sp_err read_all(struct keeper *k, size_t *bad)
{
    char boot_id[GRANTS_BOOT_SIZE];

    read_boot_id(boot_id);
    grants_init(&k->grants, boot_id);
    k->grants_of = grants_of;
    enum sp_err err = store_read(k->store, STORE_REQUEST, take_row, k, NULL);
    return err == SP_OK ? store_read(k->store, STORE_GRANT, take_row, k, bad) : err;
}

enum sp_err keeper_grants_load(struct keeper *k)
{
    grants_clear(&k->grants);
    return read_all(k, NULL);
}

/* Whether somebody has written to the store since the last call. */
static bool has_changed(struct keeper *k)
{
    static const char *const names[] = {"store.db", "store.db-wal"};
    char path[CONFIG_PATH_SIZE + 16];
    int64_t stamp = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct stat st = {0};

        snprintf(path, sizeof(path), "%s/%s", k->config->state_dir, names[i]);
        if (stat(path, &st) == 0)
            stamp =
                stamp * 31 + st.st_mtim.tv_sec * INT64_C(1000003) + st.st_mtim.tv_nsec + st.st_size;
    }
    bool is_new = stamp != k->grants_stamp;
    k->grants_stamp = stamp;
    return is_new;
}

/* The heir decides now; what it writes holds for the sessions that finish here too. */
static void follow_heir(struct keeper *k, int64_t now_ms)
{
    struct grants before = k->grants;
    size_t bad = 0;

    if (now_ms < k->grants_prune_ms || k->registry.count == 0)
        return;
    k->grants_prune_ms = now_ms + FOLLOW_EVERY_MS;
    if (!has_changed(k))
        return;
    enum sp_err err = read_all(k, &bad);
    if (err == SP_OK && bad == 0) {
        grants_clear(&before);
        keeper_reevaluate(k);
        return;
    }
    if (err != SP_OK)
        k->grants_stamp = 0; /* tried again */
    /* Perhaps it is sealed anew with a key that we do not have: what we know ends by time. */
    grants_clear(&k->grants);
    k->grants = before;
}

void keeper_grants_report(struct keeper *k)
{
    struct grants_time now = time_of(moment_now());

    for (size_t i = 0; i < k->grants.count; i++)
        if (grants_is_running(k->grants.list[i], now))
            sp_ignore(
                keeper_grants_say(k, "access_granted_until", k->grants.list[i], NULL, -1, false));
}

bool keeper_grants_are_frozen(const struct keeper *k)
{
    return !k->is_ready || k->is_finishing || k->heir_fd >= 0;
}

/* What time has ended, for the store. */
struct ended {
    struct keeper *k;
    struct store_change changes[TICK_CHANGES];
    size_t count;
};

static void store_ended(struct ended *ended)
{
    /* What stays as it was in the store is over all the same, and is found so at the next start. */
    if (ended->count > 0)
        sp_ignore(store_write(ended->k->store, ended->changes, ended->count, NULL, NULL));
    ended->count = 0;
}

static void on_ended(void *ctx, const struct grants_record *r)
{
    struct ended *ended = ctx;

    sp_ignore(keeper_grants_say(ended->k, r->is_grant ? "access_over" : "request_expired", r, NULL,
                                -1, false));
    if (ended->count == TICK_CHANGES)
        store_ended(ended);
    if (keeper_grants_row(ended->k, r, &ended->changes[ended->count]))
        ended->count++;
}

static void prune(struct keeper *k, int64_t now_ms)
{
    struct store_change changes[PRUNE_A_TURN] = {0};
    struct grants_record r;
    size_t count = 0;

    if (now_ms < k->grants_prune_ms)
        return;
    while (count < PRUNE_A_TURN && grants_forget(&k->grants, moment_now().wall_us - KEPT_US, &r)) {
        changes[count].kind = r.is_grant ? STORE_GRANT : STORE_REQUEST;
        changes[count].is_delete = true;
        snprintf(changes[count++].id, STORE_ID_SIZE, "%s", r.id);
    }
    k->grants_prune_ms = count == PRUNE_A_TURN ? now_ms : now_ms + PRUNE_EVERY_MS;
    if (count > 0)
        sp_ignore(store_write(k->store, changes, count, NULL, NULL));
}

void keeper_grants_tick(struct keeper *k, int64_t now_ms)
{
    struct ended ended = {.k = k};

    if (k->is_finishing)
        follow_heir(k, now_ms);
    if (keeper_grants_are_frozen(k))
        return;
    grants_tick(&k->grants, time_of(moment_now()), on_ended, &ended);
    store_ended(&ended);
    prune(k, now_ms);
}

struct grant_view keeper_grants_state(struct keeper *k, const char *user, const char *target)
{
    struct grants_time now = time_of(moment_now());
    struct grant_view view = {0};

    for (size_t i = 0; i < k->grants.count; i++) {
        const struct grants_record *r = k->grants.list[i];

        if (!config_name_equal(r->user, user) || !config_name_equal(r->target, target))
            continue;
        if (!r->is_grant) {
            if (view.request == NULL || r->made_us >= view.request->made_us)
                view.request = r;
        } else if (grants_is_running(r, now)) {
            if (view.grant == NULL || r->ends_us >= view.grant->ends_us)
                view.grant = r;
        }
    }
    if (view.grant != NULL)
        view.left_ms = grants_left_ms(&k->grants, user, target, view.grant->group, now);
    return view;
}
