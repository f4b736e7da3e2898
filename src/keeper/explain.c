/* SPDX-License-Identifier: Apache-2.0
 * `sallyport explain`: what policy would say of somebody at some moment, and why.
 */
#include "keeper/explain.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/text.h"

static bool copy_text(const json_t *value, char *out, size_t size)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) >= size || strlen(text) != json_string_length(value))
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* True if the field is absent, or text that fits. */
static bool may_have(const json_t *root, const char *key, char *out, size_t size)
{
    const json_t *value = json_object_get(root, key);

    return value == NULL || copy_text(value, out, size);
}

static bool read_time(const json_t *root, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(root, key);

    *out = json_integer_value(value);
    return value == NULL || (json_is_integer(value) && *out > 0 && *out < INT64_MAX / 4);
}

static int word_of(const char *text, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return -1;
}

static const char *read_source(const json_t *root, struct explain_request *made)
{
    struct net net;

    if (!may_have(root, "from", made->from, sizeof(made->from)))
        return "\"from\" must be an address";
    if (made->from[0] == '\0')
        return NULL;
    if (net_read(made->from, &net) != SP_OK || net.bits != 128)
        return "\"from\" must be an address";
    memcpy(made->source, net.ip, sizeof(made->source));
    return NULL;
}

static const char *read_proofs(const json_t *root, struct explain_request *made)
{
    static const char *const factors[] = {
        [POLICY_TOTP] = "totp", [POLICY_WEBAUTHN] = "webauthn", [POLICY_RECOVERY] = "recovery"};
    static const char *const kinds[] = {[CATALOG_NLA_NONE] = "none",
                                        [CATALOG_NLA_NTLM] = "ntlm",
                                        [CATALOG_NLA_KERBEROS] = "kerberos",
                                        [CATALOG_NLA_TICKET] = "ticket"};
    char factor[16] = "", nla[16] = "ntlm";

    if (!may_have(root, "nla", nla, sizeof(nla)) || word_of(nla, kinds, CATALOG_NLA_COUNT) < 0)
        return "\"nla\" must be none, ntlm, kerberos or ticket";
    made->nla = (enum catalog_nla)word_of(nla, kinds, CATALOG_NLA_COUNT);
    made->has_factor = json_object_get(root, "factor") != NULL;
    if (!may_have(root, "factor", factor, sizeof(factor)) ||
        (made->has_factor && word_of(factor, factors, POLICY_FACTOR_COUNT) < 0))
        return "\"factor\" must be totp, webauthn or recovery";
    if (made->has_factor)
        made->proof.kind = (enum policy_factor)word_of(factor, factors, POLICY_FACTOR_COUNT);
    if (!read_time(root, "factor_at_us", &made->proof.at_us))
        return "\"factor_at_us\" must be microseconds since 1970";
    return NULL;
}

static const char *read_client(const json_t *root, struct explain_request *made)
{
    const json_t *build = json_object_get(root, "build");
    json_int_t number = json_integer_value(build);

    made->has_client = build != NULL || json_object_get(root, "client") != NULL;
    if (!may_have(root, "client", made->client, sizeof(made->client)))
        return "\"client\" must be a client's name";
    if (build != NULL && (!json_is_integer(build) || number < 0 || number > UINT32_MAX))
        return "\"build\" must be a client's build";
    made->build = (uint32_t)number;
    return NULL;
}

static const char *check_keys(const json_t *root)
{
    static const char *const keys[] = {"cmd", "user",   "target",       "from",   "at_us",
                                       "nla", "factor", "factor_at_us", "client", "build"};
    size_t known = 0;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        known += json_object_get(root, keys[i]) != NULL;
    return json_object_size(root) == known ? NULL : "a field is not known";
}

const char *explain_read(const json_t *root, struct explain_request *out)
{
    struct explain_request made = {0};
    const char *error = check_keys(root);

    if (error == NULL && (!copy_text(json_object_get(root, "user"), made.user, sizeof(made.user)) ||
                          made.user[0] == '\0'))
        error = "explain needs \"user\"";
    if (error == NULL && !may_have(root, "target", made.target, sizeof(made.target)))
        error = "\"target\" must be a target's name";
    if (error == NULL && !read_time(root, "at_us", &made.at_us))
        error = "\"at_us\" must be microseconds since 1970";
    if (error == NULL)
        error = read_source(root, &made);
    if (error == NULL)
        error = read_proofs(root, &made);
    if (error == NULL)
        error = read_client(root, &made);
    if (error == NULL)
        *out = made;
    return error;
}

json_t *explain_answer(const struct catalog *catalog, const struct explain_request *request,
                       const struct moment *now, const char *country,
                       const struct policy_grant *grants, size_t count)
{
    struct policy_proof proof = request->proof;
    struct policy_facts facts = {
        .wall_us = request->at_us != 0 ? request->at_us : now->wall_us,
        .boot_ms = now->boot_ms,
        .nla = request->nla,
        .is_client_known = request->has_client,
        .client = request->client,
        .build = request->build,
        .proofs = &proof,
        .proof_count = request->has_factor ? 1 : 0,
        .grants = grants,
        .grant_count = count,
    };
    char at[SP_TIMESTAMP_SIZE], user[4 * CATALOG_NAME_SIZE], target[4 * CATALOG_NAME_SIZE];

    memcpy(facts.source, request->source, sizeof(facts.source));
    if (country != NULL && country[0] != '\0')
        memcpy(facts.country, country, 2);
    if (proof.at_us == 0)
        proof.at_us = facts.wall_us;
    proof.at_boot_ms = facts.boot_ms - (facts.wall_us - proof.at_us) / 1000;
    json_t *made = policy_explain(catalog, catalog_find_user(catalog, request->user),
                                  request->target, &facts, EXPLAIN_RULES_MAX);
    if (made == NULL)
        return NULL;
    clock_format(facts.wall_us, at);
    text_escape(request->user, user, sizeof(user));
    text_escape(request->target, target, sizeof(target));
    json_object_set_new(made, "user", json_string(user));
    json_object_set_new(made, "target", json_string(target));
    json_object_set_new(made, "from", json_string(request->from));
    json_object_set_new(made, "country", json_string(facts.country));
    json_object_set_new(made, "at", json_string(at));
    return made;
}
