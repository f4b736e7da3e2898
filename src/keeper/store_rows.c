/* SPDX-License-Identifier: Apache-2.0
 * Rows of the store: sealed together with what they say, and counted into a digest over all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/store_priv.h"

#define SET_NAME "set"
#define KEY_NAME "key"
#define SET_SIZE (32 + 8)

static const char *const kind_names[STORE_KIND_COUNT] = {
    [STORE_USER] = "user",       [STORE_GROUP] = "group",   [STORE_TARGET] = "target",
    [STORE_RULE] = "rule",       [STORE_FACTOR] = "factor", [STORE_TICKET] = "ticket",
    [STORE_REQUEST] = "request", [STORE_GRANT] = "grant",   [STORE_GUARD] = "guard",
};

const char *store_kind_name(enum store_kind kind)
{
    return (unsigned)kind < STORE_KIND_COUNT ? kind_names[kind] : "?";
}

static bool kind_of(const char *name, enum store_kind *out)
{
    for (int i = 0; i < STORE_KIND_COUNT; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *out = (enum store_kind)i;
            return true;
        }
    }
    return false;
}

/* kind NUL id NUL rest: what a seal or a digest speaks about. Owner: the caller */
static uint8_t *join(const char *kind, const char *id, const void *rest, size_t rest_size,
                     size_t *size)
{
    size_t kind_size = strlen(kind) + 1, id_size = strlen(id) + 1;
    uint8_t *joined = malloc(kind_size + id_size + rest_size);

    SP_BUG(joined == NULL);
    memcpy(joined, kind, kind_size);
    memcpy(joined + kind_size, id, id_size);
    if (rest_size > 0)
        memcpy(joined + kind_size + id_size, rest, rest_size);
    *size = kind_size + id_size + rest_size;
    return joined;
}

/* ---- one row ---- */

static enum sp_err open_body(const struct engine_row *row, struct store_opened *out,
                             const char **why)
{
    *why = "its body is too large";
    if (row->body_size > STORE_BODY_MAX)
        return SP_ELIMIT;
    out->body = json_loadb(row->body, row->body_size, JSON_REJECT_DUPLICATES, NULL);
    *why = "its body is not a JSON object";
    return json_is_object(out->body) ? SP_OK : SP_EVALUE;
}

enum sp_err store_row_open(struct vault *vault, const struct engine_row *row,
                           struct store_opened *out, const char **why)
{
    size_t size;

    *out = (struct store_opened){0};
    *why = "its kind or its id cannot be";
    if (!kind_of(row->kind, &out->kind) || row->id[0] == '\0' || strlen(row->id) >= STORE_ID_SIZE)
        return SP_EVALUE;
    *why = "its seal is no seal";
    if (row->sealed_size < VAULT_OVERHEAD || row->sealed_size > ENGINE_SEALED_MAX)
        return SP_EVALUE;
    *why = "it does not belong to its seal: it was damaged or edited";
    SP_FREE uint8_t *aad = join(row->kind, row->id, row->body, row->body_size, &size);
    enum sp_err err = vault_unseal(vault, VAULT_FOR_ROW, aad, size, row->sealed, row->sealed_size,
                                   out->secret.bytes);
    if (err == SP_OK) {
        out->secret.size = row->sealed_size - VAULT_OVERHEAD;
        err = open_body(row, out, why);
    }
    if (err != SP_OK)
        store_opened_clear(out);
    return err;
}

void store_opened_clear(struct store_opened *opened)
{
    json_decref(opened->body);
    opened->body = NULL;
    secret_clear(&opened->secret);
}

/* ---- all rows ---- */

static void row_digest(struct vault *vault, const struct engine_row *row, uint8_t out[32])
{
    size_t size;
    SP_FREE uint8_t *text = join(row->kind, row->id, row->sealed, row->sealed_size, &size);

    vault_digest(vault, VAULT_FOR_SET, text, size, out);
}

void store_set_add(struct vault *vault, const struct engine_row *row, struct store_set *set)
{
    uint8_t digest[32];
    unsigned carry = 0;

    row_digest(vault, row, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        carry += (unsigned)set->sum[i] + digest[i];
        set->sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
    set->count++;
}

static void set_remove(struct vault *vault, const struct engine_row *row, struct store_set *set)
{
    uint8_t digest[32];
    unsigned borrow = 0;

    row_digest(vault, row, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        unsigned left = 256u + set->sum[i] - digest[i] - borrow;

        set->sum[i] = (uint8_t)left;
        borrow = left < 256 ? 1 : 0;
    }
    set->count--;
}

enum sp_err store_set_read(const struct engine_ops *ops, struct engine *e, struct vault *vault,
                           struct store_set *out, bool *is_there)
{
    uint8_t sealed[ENGINE_VALUE_MAX], plain[SET_SIZE];
    size_t size = sizeof(sealed);
    enum sp_err err = ops->get_value(e, SET_NAME, sealed, &size);

    *out = (struct store_set){0};
    *is_there = size > 0;
    if (err != SP_OK || size == 0)
        return err;
    if (size != SET_SIZE + VAULT_OVERHEAD)
        return SP_EVALUE;
    err = vault_unseal(vault, VAULT_FOR_SET, SET_NAME, sizeof(SET_NAME), sealed, size, plain);
    if (err != SP_OK)
        return err;
    memcpy(out->sum, plain, sizeof(out->sum));
    for (size_t i = 0; i < 8; i++)
        out->count = out->count << 8 | plain[32 + i];
    return SP_OK;
}

enum sp_err store_set_write(const struct engine_ops *ops, struct engine *e, struct vault *vault,
                            const struct store_set *set)
{
    uint8_t plain[SET_SIZE], sealed[SET_SIZE + VAULT_OVERHEAD], id[VAULT_ID_SIZE];

    memcpy(plain, set->sum, sizeof(set->sum));
    for (size_t i = 0; i < 8; i++)
        plain[32 + i] = (uint8_t)(set->count >> (56 - 8 * i));
    vault_seal(vault, VAULT_FOR_SET, SET_NAME, sizeof(SET_NAME), plain, sizeof(plain), sealed);
    vault_id(vault, id);
    enum sp_err err = ops->put_value(e, SET_NAME, sealed, sizeof(sealed));
    return err == SP_OK ? ops->put_value(e, KEY_NAME, id, sizeof(id)) : err;
}

enum sp_err store_settle_key(const struct engine_ops *ops, struct engine *e, struct vault *vault,
                             char *error)
{
    uint8_t id[VAULT_ID_SIZE];
    size_t size = sizeof(id);
    enum sp_err err = ops->get_value(e, KEY_NAME, id, &size);

    if (err == SP_OK && size != 0 && size != sizeof(id))
        err = SP_EVALUE;
    if (err != SP_OK)
        snprintf(error, STORE_ERROR_SIZE, "the store: %s", store_explain(err));
    return err == SP_OK && size != 0 ? vault_settle(vault, id, error) : err;
}

/* ---- a change ---- */

struct removal {
    struct vault *vault;
    struct store_set *set;
};

static bool remove_old(void *ctx, const struct engine_row *row)
{
    struct removal *r = ctx;

    set_remove(r->vault, row, r->set);
    return true;
}

static enum sp_err put(const struct engine_ops *ops, struct engine *e, struct vault *vault,
                       const struct store_item *item, struct store_set *set)
{
    uint8_t sealed[ENGINE_SEALED_MAX];
    struct engine_row row = {.kind = kind_names[item->kind],
                             .id = item->id,
                             .body = item->body,
                             .body_size = item->body_size,
                             .sealed = sealed,
                             .sealed_size = item->secret.size + VAULT_OVERHEAD};
    size_t size;
    SP_FREE uint8_t *aad = join(row.kind, row.id, row.body, row.body_size, &size);

    vault_seal(vault, VAULT_FOR_ROW, aad, size, item->secret.bytes, item->secret.size, sealed);
    store_set_add(vault, &row, set);
    return ops->put(e, &row);
}

enum sp_err store_row_apply(const struct engine_ops *ops, struct engine *e, struct vault *vault,
                            const struct store_item *item, struct store_set *set)
{
    const char *kind = kind_names[item->kind];
    struct removal old = {vault, set};
    enum sp_err err = ops->each(e, kind, item->id, remove_old, &old);

    if (err != SP_OK)
        return err;
    return item->is_delete ? ops->erase(e, kind, item->id) : put(ops, e, vault, item, set);
}
