/* SPDX-License-Identifier: Apache-2.0
 * What must change so that the objects are what an administrator wants them to be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/objects_priv.h"

#define LINE_SIZE  512
#define SHOWN_SIZE 200

static enum sp_err say(char *error, enum sp_err err, const char *what, const char *name)
{
    char shown[SHOWN_SIZE];

    text_escape(name != NULL ? name : "", shown, sizeof(shown));
    snprintf(error, OBJECTS_ERROR_SIZE, "%s%s%s%s", what, name != NULL ? " \"" : "", shown,
             name != NULL ? "\"" : "");
    return err;
}

/* ---- values ---- */

/* A copy in which every plain value is text, as in the file. NULL: null, or too deep. */
static json_t *as_text(const json_t *value, int depth)
{
    char number[32];
    const char *key;
    json_t *entry, *made;
    size_t i;

    if (json_is_string(value))
        return json_string(json_string_value(value));
    if (json_is_boolean(value))
        return json_string(json_is_true(value) ? "true" : "false");
    if (json_is_integer(value)) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        return json_string(number);
    }
    if (depth == 0 || (!json_is_array(value) && !json_is_object(value)))
        return NULL;
    made = json_is_array(value) ? json_array() : json_object();
    json_array_foreach(value, i, entry)
    {
        if (json_array_append_new(made, as_text(entry, depth - 1)) != 0)
            goto failed;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, entry)
    {
        if (json_object_set_new(made, key, as_text(entry, depth - 1)) != 0)
            goto failed;
    }
    return made;
failed:
    json_decref(made);
    return NULL;
}

/* The secret that is asked for, or that which is there already. */
static enum sp_err settle_secret(enum store_kind kind, const json_t *old, json_t *doc, char *error)
{
    const char *key, *old_key, *name = json_string_value(json_object_get(doc, "name"));
    json_t *holder = objects_secret_holder(kind, doc, &key);
    json_t *old_holder = objects_secret_holder(kind, old, &old_key);
    const char *wanted = json_string_value(json_object_get(holder, key));
    json_t *there = json_object_get(old_holder, old_key);

    if (wanted == NULL)
        return json_object_get(holder, key) == NULL
                   ? SP_OK
                   : say(error, SP_EVALUE, "a secret that is no text, of", name);
    if (strlen(wanted) > SECRET_MAX)
        return say(error, SP_ELIMIT, "a secret that is too long, of", name);
    if (strcmp(wanted, OBJECTS_KEEP) != 0)
        return SP_OK;
    if (there == NULL)
        return say(error, SP_EVALUE, "\"" OBJECTS_KEEP "\" stands where no secret is kept, of",
                   name);
    return json_object_set(holder, key, there) == 0 ? SP_OK : SP_EVALUE;
}

/* ---- lines ---- */

static void add_line(struct objects_plan *plan, char sign, enum store_kind kind, const char *name,
                     const char *more)
{
    char line[LINE_SIZE], shown[SHOWN_SIZE];

    text_escape(name, shown, sizeof(shown));
    snprintf(line, sizeof(line), "%c %s %s%s", sign, store_kind_name(kind), shown, more);
    json_array_append_new(plan->lines, json_string(line));
}

static void add_key(char *to, size_t size, const char *key)
{
    size_t used = strlen(to);
    char shown[64];

    text_escape(key, shown, sizeof(shown));
    if (used + strlen(shown) + 3 < size)
        snprintf(to + used, size - used, "%s%s", used == 0 ? ": " : ", ", shown);
}

/* Names of the keys that differ; never what stands there. */
static void add_changed(struct objects_plan *plan, enum store_kind kind, json_t *old, json_t *made)
{
    char keys[LINE_SIZE / 2] = "";
    const char *key;
    json_t *value;

    json_object_foreach(made, key, value)
    {
        if (!json_equal(value, json_object_get(old, key)))
            add_key(keys, sizeof(keys), key);
    }
    json_object_foreach(old, key, value)
    {
        if (json_object_get(made, key) == NULL)
            add_key(keys, sizeof(keys), key);
    }
    add_line(plan, '~', kind, json_string_value(json_object_get(made, "name")), keys);
}

/* ---- the plan ---- */

static json_int_t next_order(const json_t *kind)
{
    json_int_t most = 0;
    const char *id;
    json_t *entry;

    json_object_foreach((json_t *)(uintptr_t)kind, id, entry)
    {
        json_int_t order = json_integer_value(json_object_get(entry, "order"));
        most = order > most ? order : most;
    }
    return most + 1;
}

struct planning {
    struct objects_plan *plan;
    enum store_kind kind;
    json_t *seen; /* ids that policy names, in its order */
    json_int_t order;
    char *error;
};

static enum sp_err plan_one(struct planning *p, const json_t *wanted)
{
    json_t *kind = p->plan->next.kinds[p->kind];
    json_t *doc = json_is_object(wanted) ? as_text(wanted, OBJECTS_DEPTH_MAX) : NULL;
    const char *name = json_string_value(json_object_get(doc, "name"));
    char id[STORE_ID_SIZE];
    enum sp_err err = SP_OK;

    if (name == NULL || !objects_fold(name, id))
        err = say(p->error, SP_EVALUE, "an entry without a name that can be, under",
                  objects_section(p->kind));
    else if (json_object_get(p->seen, id) != NULL)
        err = say(p->error, SP_EVALUE, "a name that stands there twice:", name);
    json_t *entry = err == SP_OK ? json_object_get(kind, id) : NULL;
    json_t *old = json_object_get(entry, "doc");
    if (err == SP_OK)
        err = settle_secret(p->kind, old, doc, p->error);
    if (err != SP_OK) {
        json_decref(doc);
        return err;
    }
    json_object_set_new(p->seen, id, json_true());
    if (json_equal(old, doc)) {
        json_decref(doc);
        return SP_OK;
    }
    if (old == NULL)
        add_line(p->plan, '+', p->kind, name, "");
    else
        add_changed(p->plan, p->kind, old, doc);
    json_int_t order =
        old != NULL ? json_integer_value(json_object_get(entry, "order")) : p->order++;
    json_object_set_new(kind, id, json_pack("{s:I, s:o}", "order", order, "doc", doc));
    return SP_OK;
}

static void prune_kind(struct planning *p)
{
    json_t *kind = p->plan->next.kinds[p->kind];
    const char *id;
    void *safe;
    json_t *entry;

    json_object_foreach_safe(kind, safe, id, entry)
    {
        if (json_object_get(p->seen, id) != NULL)
            continue;
        json_t *doc = json_object_get(entry, "doc");
        add_line(p->plan, '-', p->kind, json_string_value(json_object_get(doc, "name")), "");
        json_object_del(kind, id);
    }
}

/* Rules count by their order: those that policy names stand as they stand there, the others after
 * them. */
static void order_rules(struct planning *p)
{
    json_t *kind = p->plan->next.kinds[p->kind];
    size_t count, at = 0;
    SP_FREE json_t **list = objects_sorted(&p->plan->next, p->kind, &count);
    SP_FREE json_t **wanted = calloc(count + 1, sizeof(json_t *));
    char fold[STORE_ID_SIZE];
    bool is_moved = false;
    const char *id;
    json_t *value;

    SP_BUG(wanted == NULL);
    json_object_foreach(p->seen, id, value) wanted[at++] = json_object_get(kind, id);
    for (size_t i = 0; i < count; i++) {
        const json_t *doc = json_object_get(list[i], "doc");
        bool is_named = objects_fold(json_string_value(json_object_get(doc, "name")), fold) &&
                        json_object_get(p->seen, fold) != NULL;

        if (!is_named)
            wanted[at++] = list[i];
    }
    for (size_t i = 0; i < count; i++)
        is_moved = is_moved || wanted[i] != list[i];
    for (size_t i = 0; is_moved && i < count; i++) {
        json_t *doc = json_object_get(wanted[i], "doc");
        json_t *entry = json_pack("{s:I, s:O}", "order", (json_int_t)i + 1, "doc", doc);

        if (objects_fold(json_string_value(json_object_get(doc, "name")), fold))
            json_object_set_new(kind, fold, entry);
        else
            json_decref(entry);
    }
    if (is_moved)
        json_array_append_new(p->plan->lines, json_string("~ order of rules"));
}

static enum sp_err plan_kind(struct objects_plan *plan, enum store_kind kind, const json_t *policy,
                             bool prune, char *error)
{
    const json_t *section = json_object_get(policy, objects_section(kind));
    struct planning p = {plan, kind, json_object(), next_order(plan->next.kinds[kind]), error};
    enum sp_err err = SP_OK;
    json_t *wanted;
    size_t i;

    if (section != NULL && !json_is_array(section))
        err = say(error, SP_EVALUE, "expected a list under", objects_section(kind));
    json_array_foreach(section, i, wanted)
    {
        if (err == SP_OK)
            err = plan_one(&p, wanted);
    }
    if (err == SP_OK && prune)
        prune_kind(&p);
    if (err == SP_OK && kind == STORE_RULE && json_array_size(section) > 1)
        order_rules(&p);
    json_decref(p.seen);
    return err;
}

/* ---- rows that must be written ---- */

static struct store_change *add_change(struct objects_plan *plan, enum store_kind kind,
                                       const char *id)
{
    struct store_change *c = &plan->changes[plan->count++];

    *c = (struct store_change){.kind = kind};
    snprintf(c->id, sizeof(c->id), "%s", id);
    return c;
}

static void diff_kind(const struct objects *o, struct objects_plan *plan, enum store_kind kind)
{
    const char *id;
    json_t *entry;

    json_object_foreach(plan->next.kinds[kind], id, entry)
    {
        if (json_equal(entry, json_object_get(o->kinds[kind], id)))
            continue;
        struct store_change *c = add_change(plan, kind, id);
        c->body = objects_body(kind, entry, &c->secret);
    }
    json_object_foreach(o->kinds[kind], id, entry)
    {
        if (json_object_get(plan->next.kinds[kind], id) == NULL)
            add_change(plan, kind, id)->is_delete = true;
    }
}

static void diff(const struct objects *o, struct objects_plan *plan)
{
    size_t room = 1;

    for (size_t k = 0; k < OBJECTS_KINDS; k++)
        room += json_object_size(o->kinds[k]) + json_object_size(plan->next.kinds[k]);
    plan->changes = calloc(room, sizeof(*plan->changes));
    SP_BUG(plan->changes == NULL);
    for (int k = 0; k < OBJECTS_KINDS; k++)
        diff_kind(o, plan, (enum store_kind)k);
}

/* The mappings are copied, their entries are shared: nothing changes an entry in place. */
static void plan_begin(const struct objects *o, struct objects_plan *plan)
{
    *plan = (struct objects_plan){.lines = json_array()};
    for (size_t k = 0; k < OBJECTS_KINDS; k++) {
        plan->next.kinds[k] = json_copy(o->kinds[k]);
        SP_BUG(plan->next.kinds[k] == NULL);
    }
}

enum sp_err objects_plan(const struct objects *o, const json_t *policy, bool prune,
                         struct objects_plan *out, char *error)
{
    enum sp_err err = SP_OK;
    enum store_kind known;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)policy, key, value)
    {
        if (!objects_kind(key, &known) || strcmp(objects_section(known), key) != 0)
            return say(error, SP_EVALUE, "expected users, groups, targets and rules only, found",
                       key);
    }
    plan_begin(o, out);
    for (int k = 0; err == SP_OK && k < OBJECTS_KINDS; k++)
        err = plan_kind(out, (enum store_kind)k, policy, prune, error);
    if (err == SP_OK)
        diff(o, out);
    if (err == SP_OK && out->count > STORE_CHANGES_MAX)
        err = say(error, SP_ELIMIT, "more changes than one write takes", NULL);
    if (err != SP_OK)
        objects_plan_clear(out);
    return err;
}

enum sp_err objects_plan_remove(const struct objects *o, enum store_kind kind, const char *name,
                                struct objects_plan *out, char *error)
{
    char id[STORE_ID_SIZE];

    if (!objects_fold(name, id) || json_object_get(o->kinds[kind], id) == NULL)
        return say(error, SP_EVALUE, "the store has nothing of that kind with the name", name);
    plan_begin(o, out);
    add_line(out, '-', kind, name, "");
    json_object_del(out->next.kinds[kind], id);
    diff(o, out);
    return SP_OK;
}

void objects_plan_clear(struct objects_plan *plan)
{
    objects_clear(&plan->next);
    if (plan->changes != NULL)
        store_changes_clear(plan->changes, plan->count);
    free(plan->changes);
    json_decref(plan->lines);
    *plan = (struct objects_plan){0};
}
