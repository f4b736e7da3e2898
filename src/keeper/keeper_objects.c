/* SPDX-License-Identifier: Apache-2.0
 * The objects of the store in the running keeper: loaded at the start, changed one change at a
 * time.
 *
 * A change is planned, its catalog made, its events written; then it goes to the store, and only
 * when it lies there do decisions follow it and is it acknowledged.
 */
#include "keeper/keeper_objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/objects_priv.h"
#include "keeper/privilege.h"

/* ---- catalogs ---- */

enum sp_err keeper_objects_catalog(const struct objects *o, const struct config *config,
                                   struct catalog **out, char *error)
{
    if (objects_count(o) == 0) {
        *out = catalog_ref(config->catalog);
        return SP_OK;
    }
    json_t *policy = objects_policy(o, true);
    char *text = json_dumps(policy, JSON_COMPACT);
    struct catalog_source sources[2] = {config_source(config), {.label = "store", .text = text}};
    enum sp_err err;

    json_decref(policy);
    SP_BUG(text == NULL);
    sources[1].size = strlen(text);
    privilege_raise(true); /* the file may name others that are root's */
    err = catalog_make(sources, 2, out, error, CATALOG_ERROR_SIZE);
    privilege_raise(false);
    sp_wipe(text, sources[1].size);
    free(text);
    return err;
}

struct loading {
    struct objects *objects;
    bool is_spoiled;
};

static void on_row(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;

    if (objects_load(l->objects, row) != SP_OK)
        l->is_spoiled = true;
}

/* A rule that forbids, or that somebody is disabled, must not be lost: all or nothing. */
static bool load_all(struct keeper *k, struct objects *out, char *error)
{
    struct loading l = {out, false};

    for (int kind = 0; kind < OBJECTS_KINDS; kind++) {
        size_t bad = 0;
        enum sp_err err = store_read(k->store, (enum store_kind)kind, on_row, &l, &bad);

        if (err == SP_OK && bad == 0 && !l.is_spoiled)
            continue;
        snprintf(error, CATALOG_ERROR_SIZE,
                 "the store has a %s that was damaged or edited; put a backup back, or accept the "
                 "loss with: sallyport vault repair",
                 store_kind_name((enum store_kind)kind));
        if (err != SP_OK)
            snprintf(error, CATALOG_ERROR_SIZE, "the store: %s", store_explain(err));
        return false;
    }
    return true;
}

bool keeper_objects_start(struct keeper *k, char *error)
{
    struct catalog *made = NULL;
    struct objects read;

    objects_init(&read);
    if (!load_all(k, &read, error) ||
        keeper_objects_catalog(&read, k->config, &made, error) != SP_OK) {
        objects_clear(&read);
        return false;
    }
    objects_clear(&k->objects);
    k->objects = read;
    if (k->catalog == NULL)
        k->catalog = made;
    else
        keeper_catalog_replace(k, made);
    return true;
}

void keeper_objects_stop(struct keeper *k)
{
    objects_clear(&k->objects);
}

/* ---- a change ---- */

/* What waits for the store. There is one at a time: k->pending. */
struct objects_pending {
    struct keeper *keeper;
    struct objects_plan plan;
    struct catalog *catalog;
    uint64_t deferred;
    uid_t uid;
};

static void pending_free(struct objects_pending *p)
{
    p->keeper->pending = NULL;
    catalog_unref(&p->catalog);
    objects_plan_clear(&p->plan);
    free(p);
}

static enum sp_err log_change(struct keeper *k, const json_t *lines, uid_t uid, const char *reason)
{
    struct event e;
    json_t *line;
    size_t i;

    json_array_foreach(lines, i, line)
    {
        event_begin(&e, "object_changed");
        event_number(&e, "by_uid", uid);
        event_word(&e, "change", json_string_value(line));
        if (event_write(&k->log, &e, false) != SP_OK)
            return SP_ESYS;
    }
    event_begin(&e, "policy_changed");
    event_number(&e, "by_uid", uid);
    event_number(&e, "changes", (int64_t)json_array_size(lines));
    event_word(&e, "reason", reason);
    return keeper_event(k, &e, true);
}

static void log_failure(struct keeper *k, uid_t uid, const char *why)
{
    struct event e;

    event_begin(&e, "policy_change_failed");
    event_number(&e, "by_uid", uid);
    event_word(&e, "reason", why);
    keeper_event_note(k, &e);
}

static json_t *plan_answer(const struct objects_plan *plan)
{
    return json_pack("{s:b, s:O}", "ok", 1, "plan", plan->lines);
}

static void on_written(void *ctx, enum sp_err err)
{
    struct objects_pending *p = ctx;
    struct keeper *k = p->keeper;

    if (err == SP_OK) {
        objects_clear(&k->objects);
        k->objects = p->plan.next;
        memset(&p->plan.next, 0, sizeof(p->plan.next));
        keeper_catalog_replace(k, p->catalog);
        p->catalog = NULL;
        control_answer(k, p->deferred, plan_answer(&p->plan));
    } else {
        log_failure(k, p->uid, store_explain(err));
        control_answer(k, p->deferred, api_refusal(store_explain(err)));
    }
    pending_free(p);
    if (k->must_reload && k->next == NULL) {
        k->must_reload = false;
        keeper_reload(k);
    }
}

/* "rules[12]" of all the store's says little: name it. */
static json_t *refuse_catalog(const struct objects *next, const char *error)
{
    char text[CATALOG_ERROR_SIZE + 256];

    snprintf(text, sizeof(text), "%s", error);
    for (int kind = 0; kind < OBJECTS_KINDS; kind++) {
        const char *section = objects_section((enum store_kind)kind);
        const char *field = strstr(error, "field ");
        const char *at =
            field != NULL && strncmp(field + 6, section, strlen(section)) == 0 ? field + 6 : NULL;
        size_t count, index;

        if (strncmp(error, "store:", 6) != 0 || at == NULL || at[strlen(section)] != '[')
            continue;
        index = strtoul(at + strlen(section) + 1, NULL, 10);
        SP_FREE json_t **list = objects_sorted(next, (enum store_kind)kind, &count);
        if (index < count)
            snprintf(
                text, sizeof(text), "%s %s: %s", store_kind_name((enum store_kind)kind),
                json_string_value(json_object_get(json_object_get(list[index], "doc"), "name")),
                at);
        break;
    }
    return api_refusal(text);
}

static json_t *start_change(struct control_client *c, struct objects_plan *plan,
                            struct catalog *made, const char *reason)
{
    struct keeper *k = c->keeper;
    struct objects_pending *p = calloc(1, sizeof(*p));

    SP_BUG(p == NULL);
    *p = (struct objects_pending){.keeper = k, .plan = *plan, .catalog = made, .uid = c->uid};
    *plan = (struct objects_plan){0};
    enum sp_err err = log_change(k, p->plan.lines, c->uid, reason);
    if (err != SP_OK) {
        pending_free(p);
        return api_refusal("the event log cannot be written, so nothing was changed");
    }
    err = store_write(k->store, p->plan.changes, p->plan.count, on_written, p);
    if (err != SP_OK) {
        log_failure(k, c->uid, store_explain(err));
        pending_free(p);
        return api_refusal(store_explain(err));
    }
    k->pending = p;
    p->deferred = control_defer(c);
    return NULL;
}

json_t *keeper_objects_change(struct control_client *c, struct objects_plan *plan, bool is_dry,
                              const char *reason)
{
    char error[CATALOG_ERROR_SIZE];
    struct catalog *made = NULL;
    json_t *answer;

    if (keeper_objects_catalog(&plan->next, c->keeper->config, &made, error) != SP_OK) {
        answer = refuse_catalog(&plan->next, error);
    } else if (is_dry || plan->count == 0) {
        answer = plan_answer(plan);
    } else {
        answer = start_change(c, plan, made, reason);
        made = NULL;
    }
    catalog_unref(&made);
    objects_plan_clear(plan);
    return answer;
}

bool keeper_objects_may_change(const struct keeper *k, const char **why)
{
    *why = "another change is being written; try again";
    if (k->pending != NULL)
        return false;
    *why = "the service is starting, changing or stopping; try again";
    return k->is_ready && !k->is_draining && !k->is_finishing && k->next == NULL && k->heir_fd < 0;
}
