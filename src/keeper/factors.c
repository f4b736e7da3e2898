/* SPDX-License-Identifier: Apache-2.0
 * Second factors of people: what each has, and what came of the codes that were tried.
 */
#include "keeper/factors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/config.h"
#include "keeper/factors_priv.h"

void factors_clear(struct factors *f)
{
    if (f->list != NULL)
        sp_wipe(f->list, f->count * sizeof(*f->list));
    free(f->list);
    *f = (struct factors){0};
}

struct factor *factors_find(struct factors *f, const char *user)
{
    for (size_t i = 0; i < f->count; i++) {
        if (config_name_equal(f->list[i].user, user))
            return &f->list[i];
    }
    return NULL;
}

struct factor *factors_add(struct factors *f)
{
    if (f->count == FACTORS_MAX)
        return NULL;
    if (f->count == f->room) {
        size_t room = f->room == 0 ? 16 : f->room * 2;
        struct factor *list = calloc(room, sizeof(*list));

        if (list == NULL)
            return NULL;
        if (f->count > 0) { /* not realloc: secrets would stay behind */
            memcpy(list, f->list, f->count * sizeof(*list));
            sp_wipe(f->list, f->count * sizeof(*list));
        }
        free(f->list);
        f->list = list;
        f->room = room;
    }
    return &f->list[f->count++];
}

void factors_remove(struct factors *f, struct factor *factor)
{
    size_t last = f->count - 1;

    if (factor != &f->list[last])
        *factor = f->list[last];
    sp_wipe(&f->list[last], sizeof(f->list[last]));
    f->count = last;
}

enum sp_err factors_enrol(struct factors *f, const char *user, int64_t now_us, struct factor **out)
{
    struct factor *at = factors_find(f, user);

    if (!config_is_user_name(user) || strlen(user) >= FACTORS_NAME_SIZE)
        return SP_EVALUE;
    if (at != NULL && at->totp.is_confirmed)
        return SP_ESTATE;
    if (at == NULL) {
        at = factors_add(f);
        if (at == NULL)
            return SP_ELIMIT;
        snprintf(at->user, sizeof(at->user), "%s", user); /* one spelling, as its row's id has it */
    }
    at->enrolled_us = now_us;
    at->proven_us = 0;
    totp_init(&at->totp);
    *out = at;
    return SP_OK;
}

enum sp_err factors_confirm(struct factors *f, const char *user, const char *code, int64_t now_us)
{
    struct factor *at = factors_find(f, user);

    if (at == NULL || at->totp.is_confirmed)
        return SP_ESTATE;
    if (now_us - at->enrolled_us > FACTORS_UNCONFIRMED_US)
        return SP_ETIME;
    if (at->totp.failures >= FACTORS_TRIES_MAX)
        return SP_ELIMIT;
    if (totp_check(&at->totp, code, now_us) != TOTP_ACCEPTED)
        return SP_ECRYPTO;
    at->totp.is_confirmed = true;
    return SP_OK;
}

enum factors_verdict factors_check(struct factors *f, const char *user, const char *code,
                                   int64_t now_us, struct factors_challenge *challenge,
                                   bool *must_store)
{
    struct factor *at = factors_find(f, user);

    *must_store = false;
    if (challenge->tries >= FACTORS_TRIES_MAX)
        return FACTORS_ENOUGH;
    challenge->tries++;
    if (at == NULL || !at->totp.is_confirmed)
        return FACTORS_NONE;
    switch (totp_check(&at->totp, code, now_us)) {
    case TOTP_ACCEPTED:
        *must_store = true;
        at->proven_us = now_us;
        return FACTORS_PROVEN;
    case TOTP_REUSED:
        *must_store = true;
        return FACTORS_REUSED;
    case TOTP_LOCKED:
        return FACTORS_LOCKED;
    case TOTP_WRONG:
    case TOTP_VERDICT_COUNT:
        break;
    }
    *must_store = true;
    return FACTORS_WRONG;
}

const char *factors_verdict_name(enum factors_verdict verdict)
{
    static const char *const names[] = {
        [FACTORS_PROVEN] = "proven",      [FACTORS_WRONG] = "wrong",
        [FACTORS_REUSED] = "used before", [FACTORS_LOCKED] = "locked",
        [FACTORS_NONE] = "none",          [FACTORS_ENOUGH] = "too many tries"};

    return verdict < FACTORS_VERDICT_COUNT ? names[verdict] : "?";
}
