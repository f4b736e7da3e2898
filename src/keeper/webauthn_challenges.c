/* SPDX-License-Identifier: Apache-2.0
 * WebAuthn's challenges: each is asked of one person, for one purpose, and answered once.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/webauthn.h"

static int64_t forward(struct webauthn_challenges *t, int64_t now_us)
{
    if (now_us > t->latest_us)
        t->latest_us = now_us;
    return t->latest_us;
}

enum sp_err webauthn_ask(struct webauthn_challenges *t, const char *user, enum webauthn_kind kind,
                         int64_t now_us, uint8_t out[WEBAUTHN_CHALLENGE_SIZE])
{
    struct webauthn_challenge *at = &t->list[0];

    if (user[0] == '\0' || strlen(user) >= sizeof(at->user))
        return SP_EVALUE;
    for (size_t i = 0; i < WEBAUTHN_CHALLENGES_MAX && at->user[0] != '\0'; i++) {
        struct webauthn_challenge *other = &t->list[i];

        if (other->user[0] == '\0' || other->asked_us < at->asked_us)
            at = other;
    }
    sp_random(at->bytes, sizeof(at->bytes));
    snprintf(at->user, sizeof(at->user), "%s", user);
    at->kind = kind;
    at->asked_us = forward(t, now_us);
    memcpy(out, at->bytes, sizeof(at->bytes));
    return SP_OK;
}

enum sp_err webauthn_take(struct webauthn_challenges *t,
                          const uint8_t bytes[WEBAUTHN_CHALLENGE_SIZE], const char *user,
                          enum webauthn_kind kind, int64_t now_us)
{
    struct webauthn_challenge *found = NULL;
    int64_t now = forward(t, now_us);

    for (size_t i = 0; i < WEBAUTHN_CHALLENGES_MAX; i++) {
        struct webauthn_challenge *at = &t->list[i];

        if (at->user[0] != '\0' && sp_equal_ct(at->bytes, bytes, WEBAUTHN_CHALLENGE_SIZE))
            found = at;
    }
    if (found == NULL)
        return SP_EDENIED;
    enum sp_err err = SP_OK;
    if (strcmp(found->user, user) != 0 || found->kind != kind)
        err = SP_EDENIED;
    else if (now - found->asked_us > WEBAUTHN_CHALLENGE_US)
        err = SP_ETIME;
    sp_wipe(found, sizeof(*found));
    return err;
}
