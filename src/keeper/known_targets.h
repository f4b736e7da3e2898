/* SPDX-License-Identifier: Apache-2.0
 * Keys of targets that are trusted on first use: one small file, replaced as a whole.
 *
 * A line is 64 hexadecimal digits (SHA-256 of the SubjectPublicKeyInfo), a space, and the target's
 * name. To accept a new key an administrator removes the target's line while the service is down.
 */
#ifndef SP_KEEPER_KNOWN_TARGETS_H
#define SP_KEEPER_KNOWN_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KNOWN_TARGETS_MAX      4096
#define KNOWN_TARGETS_FILE_MAX (1024u * 1024u)
#define KNOWN_TARGET_NAME_SIZE 128

struct known_target {
    char name[KNOWN_TARGET_NAME_SIZE];
    uint8_t key[32];
};

struct known_targets {
    char dir[1024]; /* the file stands in it */
    struct known_target *list;
    size_t count;
};

/*
 * Read state_dir/known_targets; no such file is an empty list. A temporary file that a crash left
 * behind is not looked at.
 * out      written only on SP_OK; known_targets_clear ends it
 * Errors:  SP_ESYS; SP_EVALUE a line is not as above, its number in fail->got; SP_ELIMIT too large
 */
SP_MUST_USE enum sp_err known_targets_load(const char *state_dir, struct known_targets *out,
                                           struct sp_fail *fail);

/*
 * The same over text in memory.
 * Errors:  SP_EVALUE, SP_ELIMIT, SP_ESYS no memory
 */
SP_MUST_USE enum sp_err known_targets_parse(const char *text, size_t size,
                                            struct known_targets *out, struct sp_fail *fail);

/*
 * Compare a key with the known one; learn it, durably before this returns, if there is none.
 * known    the other key, written only on SP_EDENIED
 * Errors:  SP_EDENIED another key is known; SP_ESYS it could not be kept and is not trusted;
 *          SP_ELIMIT the list is full; SP_EVALUE a name that no line can hold
 */
SP_MUST_USE enum sp_err known_targets_check(struct known_targets *k, const char *name,
                                            const uint8_t key[32], bool *is_new, uint8_t known[32]);

/* Free the list. */
void known_targets_clear(struct known_targets *k);

#endif
