/* SPDX-License-Identifier: Apache-2.0
 * Second factors of people: what each has, and what came of the codes that were tried.
 *
 * Pure and clocked. A code is checked in two halves: factors_check counts it and says what must be
 * stored; only when that is durable does the caller tell anybody what the verdict was. A code that
 * was right is used up in memory at once, so that it is good once even if the store fails.
 */
#ifndef SP_KEEPER_FACTORS_H
#define SP_KEEPER_FACTORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "keeper/totp.h"

#define FACTORS_MAX            20000
#define FACTORS_NAME_SIZE      65
#define FACTORS_ID_SIZE        192
#define FACTORS_TRIES_MAX      5 /* of one challenge: one screen that asks for a code */
#define FACTORS_UNCONFIRMED_US (INT64_C(3600) * 1000000) /* then an enrolment is forgotten */

/* One person's time-based codes. */
struct factor {
    char user[FACTORS_NAME_SIZE]; /* compared without regard to case */
    int64_t enrolled_us;
    int64_t proven_us; /* the last code that was right; 0 = never */
    struct totp totp;
};

/* INVARIANT: list[0…count), users are unique. */
struct factors {
    struct factor *list; /* owned */
    size_t count, room;
};

/* One screen that asks. Zero = new. */
struct factors_challenge {
    uint32_t tries;
};

enum factors_verdict {
    FACTORS_PROVEN,
    FACTORS_WRONG,
    FACTORS_REUSED,
    FACTORS_LOCKED, /* TOTP_FAILURES_MAX in a row; an administrator resets it */
    FACTORS_NONE,   /* the person has no confirmed factor */
    FACTORS_ENOUGH, /* too many tries of this challenge; nothing was looked at */
    FACTORS_VERDICT_COUNT
};

/* Wipe and free all. */
void factors_clear(struct factors *f);

/* The factor of a user, confirmed or not; NULL if there is none. Borrowed */
struct factor *factors_find(struct factors *f, const char *user);

/*
 * Begin an enrolment: a new secret that factors_confirm makes good. An older unconfirmed one is
 * replaced.
 * out      written only on SP_OK
 * Errors:  SP_EVALUE not a user's name; SP_ESTATE there is a confirmed one, remove it first;
 *          SP_ELIMIT too many
 */
SP_MUST_USE enum sp_err factors_enrol(struct factors *f, const char *user, int64_t now_us,
                                      struct factor **out);

/*
 * End an enrolment by the first code, which is used up by it.
 * Errors:  SP_ESTATE nothing to confirm, or confirmed already; SP_ETIME it is too old; SP_ECRYPTO
 *          a wrong code; SP_ELIMIT too many wrong ones: enrol anew
 */
SP_MUST_USE enum sp_err factors_confirm(struct factors *f, const char *user, const char *code,
                                        int64_t now_us);

/*
 * Check a code of a person who proves himself.
 * must_store  true: the factor has changed and is to be stored before the verdict is told
 */
enum factors_verdict factors_check(struct factors *f, const char *user, const char *code,
                                   int64_t now_us, struct factors_challenge *challenge,
                                   bool *must_store);

/* Take a factor out, after its row is deleted. */
void factors_remove(struct factors *f, struct factor *factor);

/* The id of its row: "totp:" and the user's name as it was enrolled. */
void factors_id(const struct factor *factor, char out[FACTORS_ID_SIZE]);

/* What the store keeps besides the secret. Owner: the caller; NULL if memory ran out */
json_t *factors_body(const struct factor *factor);

/*
 * Take one row of the store.
 * Errors:  SP_EVALUE not a factor as factors_body wrote it; nothing is taken
 */
SP_MUST_USE enum sp_err factors_load(struct factors *f, const char *id, const json_t *body,
                                     const uint8_t *secret, size_t secret_size);

/* The word of a verdict for events. Owner: static text */
const char *factors_verdict_name(enum factors_verdict verdict);

#endif
