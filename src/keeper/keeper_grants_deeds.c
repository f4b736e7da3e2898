/* SPDX-License-Identifier: Apache-2.0
 * What people do with requests and grants: checked, stored, logged, and only then true.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_grants.h"
#include "keeper/policy.h"

/* A change that is being stored. */
struct job {
    struct keeper *k;
    enum grant_deed deed;
    struct grants_step step;
    char by[GRANTS_NAME_SIZE];
    int64_t uid;
    keeper_grants_done_fn *done;
    void *ctx;
};

static struct grants_time now(void)
{
    struct moment m = moment_now();

    return (struct grants_time){m.wall_us, m.boot_ms};
}

static enum sp_err no(enum sp_err err, const char *text, const char **why)
{
    *why = text;
    return err;
}

enum sp_err keeper_grants_say(struct keeper *k, const char *name, const struct grants_record *r,
                              const char *by, int64_t uid, bool is_durable)
{
    char text[SP_TIMESTAMP_SIZE];
    struct event e;

    event_begin(&e, name);
    event_word(&e, r->is_grant ? "grant" : "request", r->id);
    if (r->other[0] != '\0')
        event_word(&e, r->is_grant ? "request" : "grant", r->other);
    event_text(&e, "person", r->user);
    event_word(&e, "target", r->target);
    if (r->rule[0] != '\0')
        event_word(&e, "rule", r->rule);
    event_word(&e, "group", r->group);
    if (by != NULL)
        event_text(&e, "by", by);
    else if (r->decided_by[0] != '\0')
        event_text(&e, "by", r->decided_by);
    if (uid >= 0)
        event_number(&e, "by_uid", uid);
    if (!r->is_grant)
        event_number(&e, "for_s", r->wanted_ms / 1000);
    clock_format(r->ends_us, text);
    event_word(&e, "until", text);
    if (r->word[0] != '\0')
        event_text(&e, "word", r->word);
    if (r->ticket[0] != '\0')
        event_text(&e, "ticket", r->ticket);
    if (r->reason[0] != '\0')
        event_text(&e, "reason", r->reason);
    return keeper_event(k, &e, is_durable);
}

bool keeper_grants_row(const struct keeper *k, const struct grants_record *r,
                       struct store_change *out)
{
    *out = (struct store_change){.kind = r->is_grant ? STORE_GRANT : STORE_REQUEST,
                                 .body = grants_to_json(&k->grants, r)};
    snprintf(out->id, sizeof(out->id), "%s", r->id);
    return out->body != NULL;
}

/* What each deed is called in the log. A grant is the first record of its step. */
static enum sp_err say_deed(struct job *j)
{
    static const char *const names[] = {
        [GRANT_ASK] = "access_requested",       [GRANT_BREAK_GLASS] = "break_glass",
        [GRANT_APPROVE] = "access_approved",    [GRANT_REFUSE] = "access_refused",
        [GRANT_WITHDRAW] = "request_withdrawn", [GRANT_EXTEND] = "access_extended",
        [GRANT_REVOKE] = "access_revoked",
    };
    const struct grants_record *first = &j->step.records[0];
    bool runs = first->is_grant && first->state == GRANTS_RUNNING;
    const struct grants_record *told = j->deed == GRANT_APPROVE ? &j->step.records[1] : first;
    enum sp_err err = keeper_grants_say(j->k, names[j->deed], told, j->by, j->uid, !runs);

    if (err == SP_OK && runs)
        err = keeper_grants_say(j->k, "access_granted_until", first, j->by, j->uid, true);
    return err;
}

/* Put back what the store had before, as good as that goes: it could not be logged. */
static void undo(struct job *j)
{
    struct store_change changes[2] = {0};
    size_t count = j->step.count;

    for (size_t i = 0; i < count; i++) {
        const struct grants_record *r = &j->step.records[i];
        const struct grants_record *old = grants_find(&j->k->grants, r->id);

        if (old != NULL && keeper_grants_row(j->k, old, &changes[i]))
            continue;
        changes[i].kind = r->is_grant ? STORE_GRANT : STORE_REQUEST;
        changes[i].is_delete = true;
        snprintf(changes[i].id, STORE_ID_SIZE, "%s", r->id);
    }
    if (store_write(j->k->store, changes, count, NULL, NULL) != SP_OK)
        fprintf(stderr, "sallyport: a grant that cannot be logged could not be taken back; it is "
                        "refused until the next start\n");
    grants_abort(&j->k->grants, &j->step);
}

static bool takes_away(enum grant_deed deed)
{
    return deed == GRANT_REFUSE || deed == GRANT_WITHDRAW || deed == GRANT_REVOKE;
}

static void on_stored(void *ctx, enum sp_err err)
{
    struct job *j = ctx;
    struct keeper *k = j->k;
    const char *why = NULL;
    const struct grants_record *r = NULL;

    if (err != SP_OK) {
        grants_abort(&k->grants, &j->step);
        why = store_explain(err);
    } else {
        err = say_deed(j);
        if (err != SP_OK)
            why = "the event log cannot be written";
        if (err != SP_OK && !takes_away(j->deed)) {
            undo(j);
        } else if (grants_commit(&k->grants, &j->step) == SP_OK) {
            r = err == SP_OK ? grants_find(&k->grants, j->step.records[0].id) : NULL;
            keeper_reevaluate(k);
        } else {
            err = SP_ELIMIT;
            why = "there are too many requests and grants";
            undo(j);
        }
    }
    j->done(j->ctx, err, why, r);
    free(j);
}

static struct job *job_new(struct keeper *k, const struct grant_actor *actor, enum grant_deed deed,
                           keeper_grants_done_fn *done, void *ctx)
{
    struct job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    *j = (struct job){.k = k, .deed = deed, .uid = actor->uid, .done = done, .ctx = ctx};
    if (actor->person != NULL)
        snprintf(j->by, sizeof(j->by), "%s", actor->person->name);
    else
        snprintf(j->by, sizeof(j->by), "account %.56s", actor->account);
    return j;
}

/* Store what the step says. The job is taken. */
static enum sp_err run(struct job *j, const char **why)
{
    struct store_change changes[2] = {0};
    struct keeper *k = j->k;
    bool is_whole = true;

    for (size_t i = 0; i < j->step.count; i++)
        is_whole = keeper_grants_row(k, &j->step.records[i], &changes[i]) && is_whole;
    enum sp_err err = SP_ESYS;
    if (is_whole)
        err = store_write(k->store, changes, j->step.count, on_stored, j);
    else
        store_changes_clear(changes, j->step.count);
    if (err == SP_OK)
        return SP_OK;
    grants_abort(&k->grants, &j->step);
    free(j);
    return no(err, store_explain(err), why);
}

/* What holds for every deed. */
static enum sp_err begin(struct keeper *k, const struct grant_actor *actor, enum grant_deed deed,
                         keeper_grants_done_fn *done, void *ctx, struct job **out, const char **why)
{
    if (keeper_grants_are_frozen(k))
        return no(SP_ESTATE, "the service is starting or another process takes over; try again",
                  why);
    if (actor->person == NULL && deed != GRANT_REVOKE)
        return no(SP_EDENIED, "your account is no person here", why);
    if (actor->person != NULL && actor->person->is_disabled)
        return no(SP_EDENIED, "this person is disabled", why);
    *out = job_new(k, actor, deed, done, ctx);
    return *out != NULL ? SP_OK : no(SP_ESYS, "there is no memory left", why);
}

/* Policy is shown so many grants of a person; one more would not count. */
static bool has_room(struct keeper *k, const char *user)
{
    struct policy_grant grants[FACTS_GRANTS_MAX];

    return k->grants_of(k, user, moment_now(), grants, FACTS_GRANTS_MAX) < FACTS_GRANTS_MAX;
}

enum sp_err keeper_grants_ask(struct keeper *k, const struct grant_actor *actor,
                              const struct catalog_target *target, const struct catalog_rule *rule,
                              struct grants_wish wish, keeper_grants_done_fn *done, void *ctx,
                              char *id, bool *is_there, const char **why)
{
    const struct catalog_approval *approval = &rule->conditions.approval;
    struct job *j = NULL;
    enum sp_err err = begin(k, actor, GRANT_ASK, done, ctx, &j, why);

    if (err != SP_OK)
        return err;
    const struct grants_terms terms = {.rule = rule->name,
                                       .group = k->catalog->groups[approval->group].name,
                                       .longest_ms = approval->longest_ms,
                                       .needs_reason = approval->needs_reason,
                                       .ticket_pattern = approval->ticket};
    wish.user = actor->person->name;
    wish.target = target->name;
    err = grants_ask(&k->grants, &terms, &wish, now(), &j->step, id, why);
    *is_there = err == SP_OK && j->step.count == 0;
    if (err == SP_OK && !*is_there)
        return run(j, why);
    free(j);
    return err;
}

enum sp_err keeper_grants_break_glass(struct keeper *k, const struct grant_actor *actor,
                                      const struct catalog_target *target, struct grants_wish wish,
                                      keeper_grants_done_fn *done, void *ctx, const char **why)
{
    const struct catalog_group *group = catalog_find_group(k->catalog, k->config->break_glass);
    struct job *j = NULL;
    enum sp_err err = begin(k, actor, GRANT_BREAK_GLASS, done, ctx, &j, why);

    if (err != SP_OK)
        return err;
    wish.user = actor->person->name;
    wish.target = target->name;
    if (k->config->break_glass[0] == '\0' || group == NULL ||
        !catalog_is_member(k->catalog, actor->person, group))
        err = no(SP_EDENIED, "only members of break_glass.group may break the glass", why);
    else if (!has_room(k, wish.user))
        err = no(SP_ELIMIT, "this person has 64 running grants", why);
    else
        err = grants_break_glass(&k->grants, group->name, &wish, now(), &j->step, why);
    if (err == SP_OK)
        return run(j, why);
    free(j);
    return err;
}

static bool is_in(const struct keeper *k, const struct catalog_user *person, const char *name)
{
    const struct catalog_group *group = catalog_find_group(k->catalog, name);

    return person != NULL && group != NULL && catalog_is_member(k->catalog, person, group);
}

/* An administrator, whoever may approve, and the person that has the grant. */
static enum sp_err end_early(struct job *j, const struct grant_actor *actor,
                             const struct grants_record *r, const char *word, const char **why)
{
    bool is_own = actor->person != NULL && config_name_equal(actor->person->name, r->user);

    if (!actor->is_admin && !is_own && !is_in(j->k, actor->person, r->group))
        return no(SP_EDENIED, "only its approvers, its owner and administrators may revoke it",
                  why);
    return grants_revoke(&j->k->grants, r->id, j->by, word, now(), &j->step, why);
}

static enum sp_err prepare(struct job *j, const struct grant_actor *actor, const char *id,
                           int64_t for_ms, const char *word, const char **why)
{
    struct grants *g = &j->k->grants;
    const struct grants_record *r = grants_find(g, id);

    if (r == NULL)
        return no(SP_EVALUE, "there is no such request or grant", why);
    bool is_in_group = !r->is_break_glass && is_in(j->k, actor->person, r->group);
    switch (j->deed) {
    case GRANT_APPROVE:
        if (!has_room(j->k, r->user))
            return no(SP_ELIMIT, "this person has 64 running grants", why);
        return grants_approve(g, id, j->by, is_in_group, for_ms, now(), &j->step, why);
    case GRANT_REFUSE:
        return grants_refuse(g, id, j->by, is_in_group, word, now(), &j->step, why);
    case GRANT_WITHDRAW:
        return grants_withdraw(g, id, j->by, now(), &j->step, why);
    case GRANT_EXTEND:
        return grants_extend(g, id, j->by, is_in_group, for_ms, now(), &j->step, why);
    case GRANT_REVOKE:
        return end_early(j, actor, r, word, why);
    case GRANT_ASK:
    case GRANT_BREAK_GLASS:
        break;
    }
    SP_BUG(true);
    return SP_ESTATE;
}

enum sp_err keeper_grants_change(struct keeper *k, const struct grant_actor *actor,
                                 enum grant_deed deed, const char *id, int64_t for_ms,
                                 const char *word, keeper_grants_done_fn *done, void *ctx,
                                 const char **why)
{
    struct job *j = NULL;

    if (word != NULL && strlen(word) >= GRANTS_TEXT_SIZE)
        return no(SP_ELIMIT, "the reason is too long: 255 bytes at most", why);
    enum sp_err err = begin(k, actor, deed, done, ctx, &j, why);
    if (err == SP_OK)
        err = prepare(j, actor, id, for_ms, word, why);
    else
        return err;
    if (err == SP_OK)
        return run(j, why);
    free(j);
    return err;
}
