/* SPDX-License-Identifier: Apache-2.0
 * Just-in-time access over the control socket: who asks, and what he wants done.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/api_identity.h"
#include "keeper/keeper_grants.h"
#include "keeper/policy.h"

#define ACCOUNT_ROOM 4096

/* An answer that waits for the store. */
struct pending {
    struct keeper *k;
    uint64_t deferred;
};

/* The kernel says the number, this machine's own files the name; the peer says nothing. */
static void account_of(uid_t uid, char out[GRANTS_NAME_SIZE])
{
    char room[ACCOUNT_ROOM];
    struct passwd account, *found = NULL;

    out[0] = '\0';
    if (getpwuid_r(uid, &account, room, sizeof(room), &found) != 0 || found == NULL)
        snprintf(out, GRANTS_NAME_SIZE, "%ld", (long)uid);
    else if (strlen(found->pw_name) < GRANTS_NAME_SIZE)
        snprintf(out, GRANTS_NAME_SIZE, "%s", found->pw_name);
}

bool api_grants_who(const struct identity_ask *ask, struct grant_actor *out, const char **error)
{
    const struct catalog *catalog = ask->k->catalog;
    const char *as = identity_text(ask, "as");

    *out = (struct grant_actor){.uid = ask->c->uid,
                                .is_admin = (ask->c->roles & CONFIG_ROLE_ADMIN) != 0};
    account_of(ask->c->uid, out->account);
    if (as != NULL && !out->is_admin) {
        *error = "only administrators speak for others";
        return false;
    }
    out->is_admin = out->is_admin && as == NULL; /* one may what he may for whom one speaks */
    out->person = catalog_find_user(catalog, as != NULL ? as : out->account);
    *error = as != NULL ? "there is no such user"
                        : "your account is no user of Sallyport; an administrator says --as USER";
    return out->person != NULL || (as == NULL && out->is_admin);
}

static void on_done(void *ctx, enum sp_err err, const char *why, const struct grants_record *r)
{
    struct pending *p = ctx;

    if (err == SP_OK)
        control_answer(p->k, p->deferred,
                       json_pack("{s:b, s:o}", "ok", 1, r->is_grant ? "grant" : "request",
                                 api_grants_row(p->k, r)));
    else
        control_answer(p->k, p->deferred, api_refusal(why));
    free(p);
}

static struct pending *pending_new(const struct identity_ask *ask)
{
    struct pending *p = calloc(1, sizeof(*p));

    if (p != NULL)
        p->k = ask->k;
    return p;
}

/* NULL: on_done answers. */
static json_t *answer_later(const struct identity_ask *ask, struct pending *p, enum sp_err err,
                            const char *why)
{
    if (err == SP_OK) {
        p->deferred = control_defer(ask->c);
        return NULL;
    }
    free(p);
    return api_refusal(why);
}

/* A time in whole seconds; 0 if it is not there; -1 if it cannot be. */
static int64_t time_ms(const struct identity_ask *ask)
{
    const json_t *value = json_object_get(ask->root, "for_s");
    json_int_t for_s = json_integer_value(value);

    if (value == NULL)
        return 0;
    return for_s > 0 && for_s <= GRANTS_LONGEST_MS / 1000 ? for_s * 1000 : -1;
}

/* Who wants what, by which rule. */
struct wanted {
    struct grant_actor actor;
    const struct catalog_target *target;
    const struct catalog_rule *rule;
    struct grants_wish wish;
};

static const char *read_wish(const struct identity_ask *ask, struct wanted *out)
{
    const struct catalog *c = ask->k->catalog;
    const char *error;

    if (!api_grants_who(ask, &out->actor, &error))
        return error;
    if (out->actor.person == NULL)
        return "your account is no user of Sallyport; an administrator says --as USER";
    out->target = catalog_find_target(c, identity_text(ask, "target"));
    out->wish = (struct grants_wish){.reason = identity_text(ask, "reason"),
                                     .ticket = identity_text(ask, "ticket"),
                                     .wanted_ms = time_ms(ask)};
    if (out->wish.wanted_ms < 0)
        return "a time is 1 second to 30 days";
    if (out->target != NULL)
        out->rule = policy_approval_rule(c, (size_t)(out->actor.person - c->users),
                                         (size_t)(out->target - c->targets));
    /* One who may not reach a target does not learn whether there is one. */
    return out->rule != NULL ? NULL : "no rule lets this person ask for this target";
}

json_t *api_request_add(const struct identity_ask *ask)
{
    struct wanted w = {0};
    const char *why = read_wish(ask, &w);
    char id[GRANTS_ID_SIZE];
    bool is_there = false;

    if (why != NULL)
        return api_refusal(why);
    struct pending *p = pending_new(ask);
    if (p == NULL)
        return api_refusal("there is no memory left");
    enum sp_err err = keeper_grants_ask(ask->k, &w.actor, w.target, w.rule, w.wish, on_done, p, id,
                                        &is_there, &why);
    if (err != SP_OK || !is_there)
        return answer_later(ask, p, err, why);
    free(p);
    return json_pack("{s:b, s:b, s:o}", "ok", 1, "was_there", 1, "request",
                     api_grants_row(ask->k, grants_find(&ask->k->grants, id)));
}

json_t *api_break_glass(const struct identity_ask *ask)
{
    struct wanted w = {0};
    const char *why = read_wish(ask, &w);

    if (why != NULL)
        return api_refusal(why);
    struct pending *p = pending_new(ask);
    if (p == NULL)
        return api_refusal("there is no memory left");
    enum sp_err err =
        keeper_grants_break_glass(ask->k, &w.actor, w.target, w.wish, on_done, p, &why);
    return answer_later(ask, p, err, why);
}

static json_t *change(const struct identity_ask *ask, enum grant_deed deed)
{
    int64_t for_ms = time_ms(ask);
    struct grant_actor actor;
    const char *why;

    if (!api_grants_who(ask, &actor, &why))
        return api_refusal(why);
    if (for_ms < 0)
        return api_refusal("a time is 1 second to 30 days");
    struct pending *p = pending_new(ask);
    if (p == NULL)
        return api_refusal("there is no memory left");
    enum sp_err err = keeper_grants_change(ask->k, &actor, deed, identity_text(ask, "id"), for_ms,
                                           identity_text(ask, "reason"), on_done, p, &why);
    return answer_later(ask, p, err, why);
}

json_t *api_request_withdraw(const struct identity_ask *ask)
{
    return change(ask, GRANT_WITHDRAW);
}

json_t *api_grant_approve(const struct identity_ask *ask)
{
    return change(ask, GRANT_APPROVE);
}

json_t *api_grant_refuse(const struct identity_ask *ask)
{
    return change(ask, GRANT_REFUSE);
}

json_t *api_grant_extend(const struct identity_ask *ask)
{
    return change(ask, GRANT_EXTEND);
}

json_t *api_grant_revoke(const struct identity_ask *ask)
{
    return change(ask, GRANT_REVOKE);
}
