/* SPDX-License-Identifier: Apache-2.0
 * Second factors in the running keeper: the store's rows, codes, and the administrator's commands.
 */
#include "keeper/keeper_factors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/api_identity.h"

#define ISSUER "Sallyport"

static void take_row(void *ctx, const struct store_row *row)
{
    struct keeper *k = ctx;
    struct event e;

    if (factors_load(&k->factors, row->id, row->body, row->secret, row->secret_size) == SP_OK)
        return;
    event_begin(&e, "store_row_refused");
    event_word(&e, "kind", "factor");
    event_text(&e, "id", row->id);
    event_word(&e, "reason", "not a factor; it proves nothing");
    keeper_event_note(k, &e);
}

enum sp_err keeper_factors_load(struct keeper *k)
{
    factors_clear(&k->factors);
    return store_read(k->store, STORE_FACTOR, take_row, k, NULL);
}

static enum sp_err put(struct keeper *k, const struct factor *factor, store_done_fn *done,
                       void *ctx)
{
    struct store_change change = {.kind = STORE_FACTOR, .body = factors_body(factor)};

    if (change.body == NULL)
        return SP_ESYS;
    factors_id(factor, change.id);
    memcpy(change.secret.bytes, factor->totp.secret, TOTP_SECRET_SIZE);
    change.secret.size = TOTP_SECRET_SIZE;
    return store_write(k->store, &change, 1, done, ctx);
}

/* ---- codes ---- */

struct check {
    factors_done_fn *done;
    void *ctx;
    enum factors_verdict verdict;
};

static void on_checked(void *ctx, enum sp_err err)
{
    struct check *c = ctx;

    c->done(c->ctx, err == SP_OK ? c->verdict : FACTORS_WRONG);
    free(c);
}

void keeper_factors_check(struct keeper *k, const char *user, const char *code,
                          struct factors_challenge *challenge, factors_done_fn *done, void *ctx)
{
    bool must_store = false;
    enum factors_verdict verdict =
        factors_check(&k->factors, user, code, clock_wall_us(), challenge, &must_store);
    struct check *c = must_store ? malloc(sizeof(*c)) : NULL;

    if (!must_store) {
        done(ctx, verdict);
        return;
    }
    if (c != NULL) {
        *c = (struct check){done, ctx, verdict};
        if (put(k, factors_find(&k->factors, user), on_checked, c) == SP_OK)
            return;
    }
    free(c);
    done(ctx, FACTORS_WRONG);
}

/* ---- the administrator's commands ---- */

struct pending {
    struct keeper *k;
    uint64_t deferred;
    const char *event; /* what happened, once it is stored */
    bool is_delete;
    char user[FACTORS_NAME_SIZE];
    json_t *answer; /* owned */
    uid_t uid;
};

static void on_stored(void *ctx, enum sp_err err)
{
    struct pending *p = ctx;
    struct factor *factor = factors_find(&p->k->factors, p->user);
    struct event e;

    if (err == SP_OK && p->is_delete && factor != NULL)
        factors_remove(&p->k->factors, factor);
    if (err == SP_OK) {
        event_begin(&e, p->event);
        event_text(&e, "person", p->user);
        event_word(&e, "kind", "totp");
        event_number(&e, "by_uid", p->uid);
        keeper_event_note(p->k, &e);
    }
    control_answer(p->k, p->deferred,
                   err == SP_OK ? json_incref(p->answer) : api_refusal(store_explain(err)));
    json_decref(p->answer);
    free(p);
}

/* NULL: control_answer follows. answer: taken */
static json_t *store(const struct identity_ask *ask, struct factor *factor, const char *event,
                     bool is_delete, json_t *answer)
{
    struct pending *p = calloc(1, sizeof(*p));
    struct store_change gone = {.kind = STORE_FACTOR, .is_delete = true};
    enum sp_err err = SP_ESYS;

    if (p != NULL) {
        *p = (struct pending){.k = ask->k,
                              .event = event,
                              .is_delete = is_delete,
                              .answer = answer,
                              .uid = ask->c->uid};
        snprintf(p->user, sizeof(p->user), "%s", factor->user);
        factors_id(factor, gone.id);
        err = is_delete ? store_write(ask->k->store, &gone, 1, on_stored, p)
                        : put(ask->k, factor, on_stored, p);
    }
    if (err == SP_OK) {
        p->deferred = control_defer(ask->c);
        return NULL;
    }
    json_decref(answer);
    free(p);
    return api_refusal(store_explain(err));
}

json_t *api_factor_enrol(const struct identity_ask *ask)
{
    const struct catalog_user *user =
        catalog_find_user(ask->k->catalog, identity_text(ask, "user"));
    char uri[TOTP_URI_SIZE], secret[TOTP_BASE32_SIZE];
    struct factor *made = NULL;

    if (user == NULL)
        return api_refusal("there is no such user; \"sallyport check\" shows them");
    enum sp_err err = factors_enrol(&ask->k->factors, user->name, clock_wall_us(), &made);
    if (err != SP_OK)
        return api_refusal(err == SP_ESTATE
                               ? "this person has a factor; remove it before another is enrolled"
                               : "there is no room for one more factor");
    totp_base32(&made->totp, secret);
    if (totp_uri(&made->totp, ISSUER, user->name, uri) != SP_OK)
        return api_refusal("the user's name is too long for an authenticator");
    json_t *answer = json_pack("{s:b, s:s, s:s, s:s}", "ok", 1, "user", user->name, "uri", uri,
                               "secret", secret);
    sp_wipe(uri, sizeof(uri));
    sp_wipe(secret, sizeof(secret));
    return store(ask, made, "factor_enrolled", false, answer);
}

json_t *api_factor_confirm(const struct identity_ask *ask)
{
    const char *user = identity_text(ask, "user");
    enum sp_err err =
        factors_confirm(&ask->k->factors, user, identity_text(ask, "code"), clock_wall_us());

    if (err != SP_OK)
        return api_refusal(
            err == SP_ESTATE    ? "there is nothing to confirm; begin with: factor enrol"
            : err == SP_ETIME   ? "the enrolment is older than an hour; begin anew"
            : err == SP_ECRYPTO ? "the code is wrong; compare the clocks, and take the next one"
                                : "five wrong codes; begin anew with: factor enrol");
    return store(ask, factors_find(&ask->k->factors, user), "factor_confirmed", false,
                 json_pack("{s:b}", "ok", 1));
}

json_t *api_factor_remove(const struct identity_ask *ask)
{
    struct factor *factor = factors_find(&ask->k->factors, identity_text(ask, "user"));

    if (factor == NULL)
        return api_refusal("this person has no factor");
    return store(ask, factor, "factor_removed", true, json_pack("{s:b}", "ok", 1));
}

static const char *state_of(const struct factor *factor)
{
    if (!factor->totp.is_confirmed)
        return "unconfirmed";
    return factor->totp.failures >= TOTP_FAILURES_MAX ? "locked" : "good";
}

json_t *api_factors(const struct identity_ask *ask)
{
    const struct factors *f = &ask->k->factors;
    json_t *list = json_array();

    for (size_t i = 0; i < f->count; i++) {
        char proven[SP_TIMESTAMP_SIZE] = "";

        if (f->list[i].proven_us != 0)
            clock_format(f->list[i].proven_us, proven);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s}", "user", f->list[i].user, "kind",
                                        "totp", "state", state_of(&f->list[i]), "proven", proven));
    }
    return json_pack("{s:b, s:o}", "ok", 1, "factors", list);
}
