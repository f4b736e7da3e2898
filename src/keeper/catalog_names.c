/* SPDX-License-Identifier: Apache-2.0
 * Names found without regard to case, in a time that does not tell whether they are there.
 */
#include "keeper/catalog_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define ROOM_MIN 16u

enum sp_err catalog_fold(const char *name, uint8_t out[CATALOG_FOLDED_SIZE])
{
    uint8_t made[CATALOG_FOLDED_SIZE] = {0};
    size_t used = 0;
    enum sp_err err = text_utf16le_from_utf8(name, made, sizeof(made) - 2, &used);

    if (err != SP_OK)
        return err;
    text_upper_utf16le(made, used);
    memcpy(out, made, sizeof(made));
    return SP_OK;
}

/* Over the whole array: the time does not depend on the name's length. */
static uint64_t hash_of(uint64_t seed, const uint8_t folded[CATALOG_FOLDED_SIZE])
{
    uint64_t hash = seed;

    for (size_t i = 0; i < CATALOG_FOLDED_SIZE; i += 2) {
        hash ^= (uint64_t)folded[i] | (uint64_t)folded[i + 1] << 8;
        hash *= 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* The first free slot for a hash; also says how far from home it is. */
static struct catalog_slot *free_slot(struct catalog_names *names, uint64_t hash, uint32_t *far)
{
    uint32_t mask = names->room - 1;

    for (uint32_t i = 0;; i++) {
        struct catalog_slot *slot = &names->slots[((uint32_t)hash + i) & mask];

        if (slot->index != CATALOG_NONE)
            continue;
        *far = i + 1;
        return slot;
    }
}

static void place(struct catalog_names *names, const struct catalog_slot *made)
{
    uint32_t far;
    struct catalog_slot *slot = free_slot(names, made->hash, &far);

    *slot = *made;
    names->longest = far > names->longest ? far : names->longest;
}

static void grow(struct catalog_names *names)
{
    struct catalog_slot *old = names->slots;
    uint32_t old_room = names->room;

    names->room = old_room == 0 ? ROOM_MIN : old_room * 2;
    names->longest = 0;
    names->slots = reallocarray(NULL, names->room, sizeof(*names->slots));
    SP_BUG(names->slots == NULL);
    for (uint32_t i = 0; i < names->room; i++)
        names->slots[i] = (struct catalog_slot){.index = CATALOG_NONE};
    for (uint32_t i = 0; i < old_room; i++)
        if (old[i].index != CATALOG_NONE)
            place(names, &old[i]);
    free(old);
}

static void grow_folded(struct catalog_names *names)
{
    names->folded_room = names->folded_room == 0 ? ROOM_MIN : names->folded_room * 2;
    names->folded = reallocarray(names->folded, names->folded_room, sizeof(*names->folded));
    SP_BUG(names->folded == NULL);
}

enum sp_err catalog_names_add(struct catalog_names *names, const char *name, uint32_t index)
{
    uint8_t folded[CATALOG_FOLDED_SIZE];

    if (name[0] == '\0' || catalog_fold(name, folded) != SP_OK)
        return SP_EVALUE;
    if (catalog_names_find(names, name) != CATALOG_NONE)
        return SP_ELIMIT;
    if (names->room == 0)
        sp_random(&names->seed, sizeof(names->seed));
    if ((uint64_t)(names->count + 1) * 4 > names->room)
        grow(names);
    if (names->count == names->folded_room)
        grow_folded(names);
    memcpy(names->folded[names->count], folded, sizeof(folded));
    struct catalog_slot made = {hash_of(names->seed, folded), index, names->count++};
    place(names, &made);
    return SP_OK;
}

uint32_t catalog_names_find(const struct catalog_names *names, const char *name)
{
    uint8_t folded[CATALOG_FOLDED_SIZE];
    uint32_t found = CATALOG_NONE, candidate = 0;

    if (catalog_fold(name, folded) != SP_OK || names->count == 0)
        return CATALOG_NONE;
    uint64_t hash = hash_of(names->seed, folded);
    for (uint32_t i = 0; i < names->longest; i++) {
        const struct catalog_slot *slot = &names->slots[((uint32_t)hash + i) & (names->room - 1)];
        uint32_t is_it = (uint32_t)(slot->hash == hash && slot->index != CATALOG_NONE);

        found = is_it != 0 ? slot->index : found;
        candidate = is_it != 0 ? slot->name : candidate;
    }
    /* The first name stands in where nothing was found, so that one is compared in any case. */
    return sp_equal_ct(names->folded[candidate], folded, sizeof(folded)) ? found : CATALOG_NONE;
}

void catalog_names_clear(struct catalog_names *names)
{
    free(names->slots);
    free(names->folded);
    *names = (struct catalog_names){0};
}
