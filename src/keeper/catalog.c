/* SPDX-License-Identifier: Apache-2.0
 * A catalog's life, and what is found in it.
 */
#include "keeper/catalog.h"

#include <stdlib.h>

#include "base/mem.h"

struct catalog *catalog_new(void)
{
    struct catalog *made = calloc(1, sizeof(*made));

    SP_BUG(made == NULL);
    made->references = 1;
    return made;
}

struct catalog *catalog_ref(struct catalog *catalog)
{
    SP_BUG(catalog->references == 0 || catalog->references == UINT32_MAX);
    catalog->references++;
    return catalog;
}

static void clear_people(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->user_count; i++) {
        catalog_set_clear(&catalog->users[i].groups);
        catalog_set_clear(&catalog->users[i].rules);
    }
    for (size_t i = 0; i < catalog->group_count; i++) {
        catalog_set_clear(&catalog->groups[i].members);
        catalog_set_clear(&catalog->groups[i].rules);
    }
    if (catalog->users != NULL)
        sp_wipe(catalog->users, catalog->user_count * sizeof(*catalog->users));
    free(catalog->users);
    free(catalog->groups);
}

static void clear_targets(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->target_count; i++) {
        struct catalog_target *t = &catalog->targets[i];

        if (t->login_password != NULL)
            secret_clear(t->login_password);
        free(t->login_password);
        free(t->login_user);
        free(t->login_domain);
        free(t->host);
        free(t->redirects);
        catalog_set_clear(&t->tags);
        catalog_set_clear(&t->rules);
    }
    for (size_t i = 0; i < catalog->tag_count; i++) {
        catalog_set_clear(&catalog->tags[i].targets);
        catalog_set_clear(&catalog->tags[i].rules);
    }
    free(catalog->targets);
    free(catalog->tags);
}

static void clear_rules(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->rule_count; i++) {
        struct catalog_rule *rule = &catalog->rules[i];

        catalog_set_clear(&rule->users);
        catalog_set_clear(&rule->groups);
        catalog_set_clear(&rule->targets);
        catalog_set_clear(&rule->tags);
        free(rule->conditions.sources);
        free(rule->conditions.countries);
        free(rule->conditions.clients);
        free(rule->conditions.approval.ticket);
        free(rule->conditions.consent);
    }
    free(catalog->rules);
}

void catalog_unref(struct catalog **catalog)
{
    struct catalog *c = *catalog;

    *catalog = NULL;
    if (c == NULL || --c->references > 0)
        return;
    clear_people(c);
    clear_targets(c);
    clear_rules(c);
    catalog_names_clear(&c->user_names);
    catalog_names_clear(&c->group_names);
    catalog_names_clear(&c->target_names);
    catalog_names_clear(&c->tag_names);
    catalog_names_clear(&c->rule_names);
    free(c);
}

const struct catalog_user *catalog_find_user(const struct catalog *catalog, const char *name)
{
    uint32_t index = catalog_names_find(&catalog->user_names, name);

    return index != CATALOG_NONE ? &catalog->users[index] : NULL;
}

const struct catalog_group *catalog_find_group(const struct catalog *catalog, const char *name)
{
    uint32_t index = catalog_names_find(&catalog->group_names, name);

    return index != CATALOG_NONE ? &catalog->groups[index] : NULL;
}

const struct catalog_target *catalog_find_target(const struct catalog *catalog, const char *name)
{
    uint32_t index = catalog_names_find(&catalog->target_names, name);

    return index != CATALOG_NONE ? &catalog->targets[index] : NULL;
}

const struct catalog_rule *catalog_find_rule(const struct catalog *catalog, const char *name)
{
    uint32_t index = catalog_names_find(&catalog->rule_names, name);

    return index != CATALOG_NONE ? &catalog->rules[index] : NULL;
}

bool catalog_is_member(const struct catalog *catalog, const struct catalog_user *user,
                       const struct catalog_group *group)
{
    return catalog_set_has(&group->members, (uint32_t)(user - catalog->users));
}

/* Where index stands, or would stand. */
static uint32_t place_of(const struct catalog_set *set, uint32_t index)
{
    uint32_t low = 0, high = set->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (set->items[middle] < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool catalog_set_has(const struct catalog_set *set, uint32_t index)
{
    uint32_t place = place_of(set, index);

    return place < set->count && set->items[place] == index;
}

void catalog_set_add(struct catalog_set *set, uint32_t index)
{
    uint32_t place = place_of(set, index);

    if (place < set->count && set->items[place] == index)
        return;
    if (set->count == set->room) {
        set->room = set->room == 0 ? 2 : set->room * 2;
        set->items = reallocarray(set->items, set->room, sizeof(*set->items));
        SP_BUG(set->items == NULL);
    }
    for (uint32_t i = set->count; i > place; i--)
        set->items[i] = set->items[i - 1];
    set->items[place] = index;
    set->count++;
}

void catalog_set_clear(struct catalog_set *set)
{
    free(set->items);
    *set = (struct catalog_set){0};
}
