/* SPDX-License-Identifier: Apache-2.0
 * Users, groups, targets and rules of the store, as documents.
 */
#include "keeper/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "keeper/catalog_names.h"
#include "keeper/objects_priv.h"

static const char *const sections[OBJECTS_KINDS] = {"users", "groups", "targets", "rules"};

void objects_init(struct objects *o)
{
    for (size_t i = 0; i < OBJECTS_KINDS; i++) {
        o->kinds[i] = json_object();
        SP_BUG(o->kinds[i] == NULL);
    }
}

void objects_clear(struct objects *o)
{
    for (size_t i = 0; i < OBJECTS_KINDS; i++) {
        json_decref(o->kinds[i]);
        o->kinds[i] = NULL;
    }
}

size_t objects_count(const struct objects *o)
{
    size_t count = 0;

    for (size_t i = 0; i < OBJECTS_KINDS; i++)
        count += json_object_size(o->kinds[i]);
    return count;
}

const char *objects_section(enum store_kind kind)
{
    return sections[kind];
}

bool objects_kind(const char *name, enum store_kind *out)
{
    for (int i = 0; i < OBJECTS_KINDS; i++) {
        if (strcmp(name, sections[i]) == 0 ||
            strcmp(name, store_kind_name((enum store_kind)i)) == 0) {
            *out = (enum store_kind)i;
            return true;
        }
    }
    return false;
}

bool objects_fold(const char *name, char out[STORE_ID_SIZE])
{
    uint8_t folded[CATALOG_FOLDED_SIZE];

    if (name == NULL || name[0] == '\0' || catalog_fold(name, folded) != SP_OK)
        return false;
    size_t size = 0;
    while (size + 1 < sizeof(folded) && (folded[size] != 0 || folded[size + 1] != 0))
        size += 2;
    return text_utf8_from_utf16le(folded, size, out, STORE_ID_SIZE) < STORE_ID_SIZE - 4;
}

static json_t *find_entry(const struct objects *o, enum store_kind kind, const char *name)
{
    char id[STORE_ID_SIZE];

    return objects_fold(name, id) ? json_object_get(o->kinds[kind], id) : NULL;
}

json_t *objects_find(const struct objects *o, enum store_kind kind, const char *name)
{
    return json_object_get(find_entry(o, kind, name), "doc");
}

/* ---- secrets ---- */

json_t *objects_secret_holder(enum store_kind kind, const json_t *doc, const char **key)
{
    if (kind == STORE_USER) {
        *key = "nt_hash";
        return (json_t *)(uintptr_t)doc; /* whoever has no const may change it */
    }
    *key = "password";
    return kind == STORE_TARGET ? json_object_get(json_object_get(doc, "login"), "inject") : NULL;
}

json_t *objects_veiled(enum store_kind kind, const json_t *doc)
{
    json_t *copy = json_deep_copy(doc);
    const char *key;
    json_t *holder = objects_secret_holder(kind, copy, &key);

    SP_BUG(copy == NULL);
    if (json_object_get(holder, key) != NULL)
        json_object_set_new(holder, key, json_string(OBJECTS_KEEP));
    return copy;
}

/* ---- rows ---- */

json_t *objects_body(enum store_kind kind, const json_t *entry, struct secret *secret)
{
    json_t *doc = json_deep_copy(json_object_get(entry, "doc"));
    const char *key;
    json_t *holder = objects_secret_holder(kind, doc, &key);
    const char *text = json_string_value(json_object_get(holder, key));

    SP_BUG(doc == NULL);
    secret_clear(secret);
    if (text != NULL) {
        size_t size = strlen(text);

        SP_BUG(size > sizeof(secret->bytes)); /* objects_plan refuses it */
        memcpy(secret->bytes, text, size);
        secret->size = size;
        json_object_del(holder, key);
    }
    return json_pack("{s:O, s:o}", "order", json_object_get(entry, "order"), "doc", doc);
}

enum sp_err objects_load(struct objects *o, const struct store_row *row)
{
    char id[STORE_ID_SIZE];
    const char *key;
    const json_t *doc = json_object_get(row->body, "doc");

    if (row->kind >= OBJECTS_KINDS || !json_is_object(doc) ||
        !json_is_integer(json_object_get(row->body, "order")) ||
        !objects_fold(json_string_value(json_object_get(doc, "name")), id) ||
        strcmp(id, row->id) != 0)
        return SP_EVALUE;
    json_t *entry = json_deep_copy(row->body);
    json_t *holder = objects_secret_holder(row->kind, json_object_get(entry, "doc"), &key);
    if (row->secret_size > 0 &&
        json_object_set_new(holder, key,
                            json_stringn((const char *)row->secret, row->secret_size)) != 0) {
        json_decref(entry);
        return SP_EVALUE;
    }
    return json_object_set_new(o->kinds[row->kind], id, entry) == 0 ? SP_OK : SP_EVALUE;
}

/* ---- all of them ---- */

static int by_order(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "order"));
    json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "order"));

    return (x > y) - (x < y);
}

json_t **objects_sorted(const struct objects *o, enum store_kind kind, size_t *count)
{
    json_t **list = calloc(json_object_size(o->kinds[kind]) + 1, sizeof(json_t *));
    const char *id;
    json_t *entry;

    SP_BUG(list == NULL);
    *count = 0;
    json_object_foreach(o->kinds[kind], id, entry) list[(*count)++] = entry;
    qsort(list, *count, sizeof(json_t *), by_order);
    return list;
}

json_t *objects_policy(const struct objects *o, bool with_secrets)
{
    json_t *policy = json_object();

    for (int k = 0; k < OBJECTS_KINDS; k++) {
        enum store_kind kind = (enum store_kind)k;
        size_t count;
        SP_FREE json_t **list = objects_sorted(o, kind, &count);
        json_t *section = json_array();

        for (size_t i = 0; i < count; i++) {
            json_t *doc = json_object_get(list[i], "doc");
            json_array_append_new(section,
                                  with_secrets ? json_incref(doc) : objects_veiled(kind, doc));
        }
        json_object_set_new(policy, sections[k], section);
    }
    return policy;
}
