/* SPDX-License-Identifier: Apache-2.0
 * Time-based one-time passwords: six digits of half a minute, each of them good once.
 *
 * Pure: the time is a parameter, and what changed is in the struct; whoever holds it makes the
 * change durable before he acts on TOTP_ACCEPTED. Which steps were used is remembered for an hour
 * before the latest one, so that a clock that is set back neither makes a code good again nor locks
 * its owner out; steps older than that count as used.
 */
#ifndef SP_KEEPER_TOTP_H
#define SP_KEEPER_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TOTP_SECRET_SIZE  20 /* 160 bits, RFC 4226 4 (R6) */
#define TOTP_STEP_S       30
#define TOTP_DIGITS       6
#define TOTP_DRIFT_STEPS  1   /* to either side                                      */
#define TOTP_SEEN_STEPS   128 /* how far back used steps are remembered              */
#define TOTP_FAILURES_MAX 20  /* in a row; then nothing is accepted until a reset    */
#define TOTP_URI_SIZE     768
#define TOTP_BASE32_SIZE  40 /* of a secret, with NUL                               */
#define TOTP_NEVER_USED   (-1)

/* One person's generator. */
struct totp {
    uint8_t secret[TOTP_SECRET_SIZE];
    bool is_confirmed; /* its owner has shown a first code */
    uint32_t failures; /* since the last code that was right */
    int64_t last_step; /* the latest one that was used; TOTP_NEVER_USED */
    uint64_t seen[2];  /* bit n % 64 of word n / 64: step last_step - n was used */
};

enum totp_verdict {
    TOTP_ACCEPTED,
    TOTP_WRONG,  /* of none of the three steps, or not six digits */
    TOTP_REUSED, /* right, but it was used before */
    TOTP_LOCKED, /* too many failures; the code was not looked at */
    TOTP_VERDICT_COUNT
};

/* Make a new generator with a random secret, not confirmed. */
void totp_init(struct totp *t);

/* Wipe it. */
void totp_clear(struct totp *t);

/*
 * Check one code and count what came of it: t has changed unless the answer is TOTP_LOCKED.
 * Spec:    RFC 6238 5.2: three steps are tried, whatever the first of them says
 * code     as typed; blanks between digits are ignored
 * now_us   UTC, microseconds since 1970
 */
enum totp_verdict totp_check(struct totp *t, const char *code, int64_t now_us);

/*
 * The code of a step, for tests and for nobody else.
 * digits   6 to 8
 * out      9 bytes
 * Errors:  SP_ECRYPTO
 */
SP_MUST_USE enum sp_err totp_code(const uint8_t *secret, size_t secret_size, int64_t step,
                                  unsigned digits, char out[9]);

/* Write the secret in base 32, for those who cannot scan. out: the caller wipes it */
void totp_base32(const struct totp *t, char out[TOTP_BASE32_SIZE]);

/*
 * Write what an authenticator scans: otpauth://totp/ISSUER:USER?secret=…
 * issuer, user  UTF-8; what is not a letter, digit, '-', '.', '_' or '~' is percent-encoded
 * out      the caller wipes it
 * Errors:  SP_ELIMIT a name is too long
 */
SP_MUST_USE enum sp_err totp_uri(const struct totp *t, const char *issuer, const char *user,
                                 char out[TOTP_URI_SIZE]);

/* The word of a verdict, as it stands in events ("accepted", "wrong", "reused", "locked"). */
const char *totp_verdict_name(enum totp_verdict verdict);

#endif
