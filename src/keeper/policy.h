/* SPDX-License-Identifier: Apache-2.0
 * Who may reach which target: pure decisions over a catalog. Deny by default.
 *
 * A person types NAME, NAME#TARGET, or either with a DOMAIN\ or @DOMAIN that we ignore: Sallyport's
 * users are its own. Without #TARGET the only reachable target is meant.
 */
#ifndef SP_KEEPER_POLICY_H
#define SP_KEEPER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "keeper/catalog.h"

#define POLICY_REASON_SIZE 512

/* What a person typed, taken apart. */
struct policy_name {
    char user[CATALOG_NAME_SIZE];
    char target[CATALOG_NAME_SIZE]; /* empty if there was no # */
    bool has_target;
};

enum policy_verdict {
    POLICY_ALLOWED,
    POLICY_USER_UNKNOWN,   /* no such user; only for callers that decide without a proof */
    POLICY_USER_DISABLED,  /* disabled in the file                                       */
    POLICY_NOTHING,        /* no rule gives this person any target                       */
    POLICY_TARGET_UNKNOWN, /* named a target that does not exist                         */
    POLICY_TARGET_DENIED,  /* named a target that exists, but no rule allows it          */
    POLICY_TARGET_CHOICE,  /* several targets and none named                             */
    POLICY_VERDICT_COUNT
};

/* Pointers are into the catalog. */
struct policy_decision {
    enum policy_verdict verdict;
    uint32_t errinfo;                    /* 0, or what the client is told; the same for every no  */
    const struct catalog_target *target; /* NULL unless allowed                                   */
    const struct catalog_rule *rule;     /* the first rule that allows it; NULL unless allowed    */
    char reason[POLICY_REASON_SIZE];     /* for the administrator's log only; UTF-8, unescaped    */
};

/*
 * Take a typed name apart: DOMAIN\ in front, @DOMAIN at the end of either part, #TARGET.
 * typed    UTF-8, NUL-terminated
 * out      written only on SP_OK
 * Errors:  SP_EVALUE the name or the target is empty; SP_ELIMIT longer than any name can be
 */
SP_MUST_USE enum sp_err policy_split_name(const char *typed, struct policy_name *out);

/*
 * Find the user of a typed name. A disabled user is found too: the caller must treat him as unknown
 * towards the client, and policy_decide refuses him in any case.
 * typed    UTF-8, with or without #TARGET and domain
 * Returns  a pointer into catalog, or NULL
 */
const struct catalog_user *policy_find_user(const struct catalog *catalog, const char *typed);

/*
 * Decide whether user may go on, and to which target.
 * user     points into catalog->users; NULL is refused
 * target   name as typed, any case; NULL or empty if none was typed
 * out      always written
 */
void policy_decide(const struct catalog *catalog, const struct catalog_user *user,
                   const char *target, struct policy_decision *out);

/*
 * The first rule that allows user to reach target.
 * Returns  a pointer into catalog, or NULL if none does
 */
const struct catalog_rule *policy_rule_for(const struct catalog *catalog, size_t user_index,
                                           size_t target_index);

/*
 * The short name of a verdict, as it stands in events ("allowed", "target_denied", …).
 * Owner:   static text, never NULL
 */
const char *policy_verdict_name(enum policy_verdict verdict);

#endif
