/* SPDX-License-Identifier: Apache-2.0
 * Names found without regard to case, in a time that does not tell whether they are there.
 *
 * A table of hashes that is at most a quarter full. Every look-up visits the same number of slots,
 * namely as many as the unluckiest name needs, and compares one whole name.
 */
#ifndef SP_KEEPER_CATALOG_NAMES_H
#define SP_KEEPER_CATALOG_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CATALOG_NAME_SIZE   65 /* user, group, target, rule, tag; with NUL, UTF-8 */
#define CATALOG_FOLDED_SIZE (CATALOG_NAME_SIZE * 2)
#define CATALOG_NONE        UINT32_MAX

struct catalog_slot {
    uint64_t hash;
    uint32_t index; /* CATALOG_NONE: free */
    uint32_t name;  /* which of names     */
};

struct catalog_names {
    struct catalog_slot *slots; /* owned; room is a power of two */
    uint8_t (*folded)[CATALOG_FOLDED_SIZE];
    uint32_t room, count, folded_room;
    uint32_t longest; /* slots that a look-up visits */
    uint64_t seed;    /* of the hash                 */
};

/*
 * Fold a name for comparison without regard to case.
 * out      zero-filled, so that equal names are equal arrays
 * Errors:  SP_EVALUE not UTF-8; SP_ESPACE longer than a name can be
 */
SP_MUST_USE enum sp_err catalog_fold(const char *name, uint8_t out[CATALOG_FOLDED_SIZE]);

/*
 * Remember a name.
 * Errors:  SP_EVALUE it is no name; SP_ELIMIT it is there already
 */
SP_MUST_USE enum sp_err catalog_names_add(struct catalog_names *names, const char *name,
                                          uint32_t index);

/* The index of a name, or CATALOG_NONE. */
uint32_t catalog_names_find(const struct catalog_names *names, const char *name);

/* Free what the table holds. */
void catalog_names_clear(struct catalog_names *names);

#endif
