/* SPDX-License-Identifier: Apache-2.0
 * From several texts to one catalog: all users, then all groups, targets and rules, whoever
 * defines them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/config_priv.h"

static size_t count_of(const struct config_raw *raw, enum config_section section)
{
    const uint32_t counts[] = {
        [CONFIG_SECTION_USERS] = raw->users_count,
        [CONFIG_SECTION_GROUPS] = raw->groups_count,
        [CONFIG_SECTION_TARGETS] = raw->targets_count,
        [CONFIG_SECTION_RULES] = raw->rules_count,
    };

    return counts[section];
}

enum sp_err config_refuse_twice(struct config_load_state *s, enum config_section section,
                                uint32_t first, const char *key, size_t index, const char *name)
{
    const struct config_load_state *other = s;
    char path[CONFIG_FIELD_SIZE], where[CONFIG_FIELD_SIZE], expected[CONFIG_FIELD_SIZE];
    char label[CONFIG_FIELD_SIZE];

    for (size_t i = 0; i < s->other_count; i++)
        if (s->others[i].bases[section] <= first &&
            first - s->others[i].bases[section] < count_of(s->others[i].raw, section))
            other = &s->others[i];
    snprintf(path, sizeof(path), "%s[%zu].name", key, index);
    snprintf(where, sizeof(where), "%s[%zu].name", key, first - other->bases[section]);
    snprintf(expected, sizeof(expected), "each %.*s's name once (case does not matter)",
             (int)strlen(key) - 1, key);
    if (other == s)
        return config_refuse(s, SP_EVALUE, path, expected, name, "rename one");
    text_escape(other->path, label, sizeof(label));
    snprintf(where + sizeof(where) / 2, sizeof(where) / 2, "%u",
             config_map_line(&other->map, where));
    char remedy[2 * CONFIG_FIELD_SIZE];
    snprintf(remedy, sizeof(remedy), "%s:%s has it as well; rename one, or remove it there", label,
             where + sizeof(where) / 2);
    return config_refuse(s, SP_EVALUE, path, expected, name, remedy);
}

static void *room_for(size_t count, size_t size)
{
    void *made = calloc(count + 1, size);

    SP_BUG(made == NULL);
    return made;
}

/* All sources together have as much room as one file. */
static enum sp_err make_room(struct config_load_state *states, size_t count, struct catalog *c)
{
    static const struct {
        const char *path;
        size_t most;
    } sections[] = {
        [CONFIG_SECTION_USERS] = {"users", CATALOG_USERS_MAX},
        [CONFIG_SECTION_GROUPS] = {"groups", CATALOG_GROUPS_MAX},
        [CONFIG_SECTION_TARGETS] = {"targets", CATALOG_TARGETS_MAX},
        [CONFIG_SECTION_RULES] = {"rules", CATALOG_RULES_MAX},
    };
    size_t totals[CONFIG_SECTION_COUNT] = {0};

    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < CONFIG_SECTION_COUNT; k++) {
            states[i].bases[k] = totals[k];
            totals[k] += count_of(states[i].raw, (enum config_section)k);
            if (totals[k] > sections[k].most)
                return config_refuse(&states[i], SP_ELIMIT, sections[k].path, NULL, NULL,
                                     "there are too many entries in all sources together");
        }
    }
    c->users = room_for(totals[CONFIG_SECTION_USERS], sizeof(*c->users));
    c->groups = room_for(totals[CONFIG_SECTION_GROUPS], sizeof(*c->groups));
    c->targets = room_for(totals[CONFIG_SECTION_TARGETS], sizeof(*c->targets));
    c->rules = room_for(totals[CONFIG_SECTION_RULES], sizeof(*c->rules));
    return SP_OK;
}

typedef enum sp_err check_fn(struct config_load_state *s);

enum sp_err config_make_catalog(struct config_load_state *states, size_t count,
                                struct catalog **out)
{
    static check_fn *const checks[] = {config_check_users, config_check_groups,
                                       config_check_targets, config_check_rules};
    struct catalog *made = catalog_new();
    bool has_ca = false;

    for (size_t i = 0; i < count; i++)
        has_ca = has_ca || states[i].raw->ca_file != NULL;
    enum sp_err err = make_room(states, count, made);
    for (size_t i = 0; i < count; i++) {
        states[i].catalog = made;
        states[i].others = states;
        states[i].other_count = count;
        states[i].has_ca = has_ca;
    }
    for (size_t k = 0; k < sizeof(checks) / sizeof(checks[0]); k++)
        for (size_t i = 0; i < count && err == SP_OK; i++)
            err = checks[k](&states[i]);
    if (err == SP_OK)
        *out = made;
    else
        catalog_unref(&made);
    return err;
}

static enum sp_err read_source(struct config_load_state *s, const struct catalog_source *source,
                               char *error, size_t error_size)
{
    *s = (struct config_load_state){.path = source->label,
                                    .is_file = source->is_file,
                                    .has_mode = source->has_mode,
                                    .mode = source->mode,
                                    .error = error,
                                    .error_size = error_size};
    return config_read(s, source->text, source->size);
}

enum sp_err catalog_make(const struct catalog_source *sources, size_t count, struct catalog **out,
                         char *error, size_t error_size)
{
    struct config_load_state states[CATALOG_SOURCES_MAX];
    enum sp_err err = SP_OK;
    size_t read = 0;

    SP_BUG(count > CATALOG_SOURCES_MAX || error_size == 0);
    error[0] = '\0';
    while (read < count && err == SP_OK) {
        err = read_source(&states[read], &sources[read], error, error_size);
        read++;
    }
    if (err == SP_OK)
        err = config_make_catalog(states, count, out);
    for (size_t i = 0; i < read; i++)
        config_read_clear(&states[i]);
    return err;
}
