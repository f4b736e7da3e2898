/* SPDX-License-Identifier: Apache-2.0
 * `sallyport explain`: what policy would say of somebody at some moment, and why.
 *
 *   {"cmd":"explain","user":"alice","target":"web01","from":"203.0.113.7","at_us":N,"nla":"ntlm",
 *    "factor":"totp","factor_at_us":N,"client":"PC-7","build":22621}
 *
 * Only user is required. The same reader and the same answer serve the control socket and a file
 * alone.
 */
#ifndef SP_KEEPER_EXPLAIN_H
#define SP_KEEPER_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "keeper/moment.h"
#include "keeper/policy.h"

#define EXPLAIN_RULES_MAX 200 /* shown in one answer */

/* Who, where and when. */
struct explain_request {
    char user[CATALOG_NAME_SIZE], target[CATALOG_NAME_SIZE]; /* target: empty = none named */
    uint8_t source[16];
    char from[NET_TEXT_SIZE]; /* source as text; empty = none was given */
    int64_t at_us;            /* 0 = now */
    enum catalog_nla nla;
    bool has_factor, has_client;
    struct policy_proof proof; /* at_us 0 = at that moment */
    char client[CATALOG_NAME_SIZE];
    uint32_t build;
};

/*
 * Read a request.
 * out      written only on success
 * Returns  NULL, or what is wrong: static text
 */
const char *explain_read(const json_t *root, struct explain_request *out);

/*
 * Answer one.
 * country  of the source, 2 letters; NULL or empty = unknown
 * grants   count running grants of the user, borrowed
 * Returns  as policy_explain, with "user", "target", "from" and "at" beside it
 * Owner:   the caller; NULL if memory ran out
 */
json_t *explain_answer(const struct catalog *catalog, const struct explain_request *request,
                       const struct moment *now, const char *country,
                       const struct policy_grant *grants, size_t count);

#endif
