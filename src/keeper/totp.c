/* SPDX-License-Identifier: Apache-2.0
 * Time-based one-time passwords: six digits of half a minute, each of them good once.
 */
#include "keeper/totp.h"

#include <assert.h>
#include <liboath/oath.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define STEP_US ((int64_t)TOTP_STEP_S * 1000000)

void totp_init(struct totp *t)
{
    *t = (struct totp){.last_step = TOTP_NEVER_USED};
    sp_random(t->secret, sizeof(t->secret));
}

void totp_clear(struct totp *t)
{
    sp_wipe(t, sizeof(*t));
    t->last_step = TOTP_NEVER_USED;
}

enum sp_err totp_code(const uint8_t *secret, size_t secret_size, int64_t step, unsigned digits,
                      char out[9])
{
    if (step < 0 || digits < 6 || digits > 8)
        return SP_EVALUE;
    /* liboath takes the secret as char * and only reads it. */
    if (oath_hotp_generate((const char *)secret, secret_size, (uint64_t)step, digits, false,
                           OATH_HOTP_DYNAMIC_TRUNCATION, out) != OATH_OK)
        return SP_ECRYPTO;
    return SP_OK;
}

/* Exactly six digits, blanks aside. */
static bool read_code(const char *typed, char out[TOTP_DIGITS + 1])
{
    size_t used = 0;

    for (; *typed != '\0'; typed++) {
        if (*typed == ' ')
            continue;
        if (*typed < '0' || *typed > '9' || used == TOTP_DIGITS)
            return false;
        out[used++] = *typed;
    }
    out[used] = '\0';
    return used == TOTP_DIGITS;
}

/* Steps older than what is remembered count as used: nobody can say that they were not. */
static bool is_used(const struct totp *t, int64_t step)
{
    int64_t back = t->last_step - step;

    if (t->last_step == TOTP_NEVER_USED || back < 0)
        return false;
    if (back >= TOTP_SEEN_STEPS)
        return true;
    return (t->seen[back / 64] >> (back % 64) & 1u) != 0;
}

static void use(struct totp *t, int64_t step)
{
    int64_t ahead = step - t->last_step;

    if (t->last_step == TOTP_NEVER_USED || ahead >= TOTP_SEEN_STEPS) {
        t->seen[0] = t->seen[1] = 0;
        t->last_step = step;
    }
    for (; t->last_step < step; t->last_step++) {
        t->seen[1] = t->seen[1] << 1 | t->seen[0] >> 63;
        t->seen[0] <<= 1;
    }
    int64_t back = t->last_step - step;
    t->seen[back / 64] |= UINT64_C(1) << (back % 64);
}

/* The step whose code this is; an unused one if two have the same code. Tries all of them. */
static bool find_step(const struct totp *t, const char *code, int64_t now_step, int64_t *step,
                      bool *is_fresh)
{
    bool is_found = false;

    *is_fresh = false;
    for (int64_t at = now_step - TOTP_DRIFT_STEPS; at <= now_step + TOTP_DRIFT_STEPS; at++) {
        char good[9] = "";
        bool is_equal = totp_code(t->secret, sizeof(t->secret), at, TOTP_DIGITS, good) == SP_OK &&
                        sp_equal_ct(good, code, TOTP_DIGITS);

        sp_wipe(good, sizeof(good));
        if (!is_equal || *is_fresh)
            continue;
        is_found = true;
        *step = at;
        *is_fresh = !is_used(t, at);
    }
    return is_found;
}

enum totp_verdict totp_check(struct totp *t, const char *code, int64_t now_us)
{
    char digits[TOTP_DIGITS + 1];
    bool is_fresh = false, is_found = false;
    int64_t step = 0;

    if (t->failures >= TOTP_FAILURES_MAX)
        return TOTP_LOCKED;
    if (now_us >= 0 && read_code(code, digits))
        is_found = find_step(t, digits, now_us / STEP_US, &step, &is_fresh);
    sp_wipe(digits, sizeof(digits));
    if (!is_fresh) {
        t->failures++;
        return is_found ? TOTP_REUSED : TOTP_WRONG;
    }
    use(t, step);
    t->failures = 0;
    return TOTP_ACCEPTED;
}

void totp_base32(const struct totp *t, char out[TOTP_BASE32_SIZE])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    static_assert(TOTP_SECRET_SIZE % 5 == 0, "no padding");

    for (size_t i = 0; i < TOTP_SECRET_SIZE / 5; i++) {
        uint64_t group = 0;

        for (size_t j = 0; j < 5; j++)
            group = group << 8 | t->secret[5 * i + j];
        for (size_t j = 0; j < 8; j++)
            out[8 * i + j] = letters[group >> (35 - 5 * j) & 31];
    }
    out[TOTP_SECRET_SIZE / 5 * 8] = '\0';
}

static bool percent_encode(const char *in, char *out, size_t out_size)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t used = 0;

    for (; *in != '\0'; in++) {
        if (used + 4 > out_size)
            return false;
        if (strchr(plain, *in) != NULL)
            out[used++] = *in;
        else
            used += (size_t)snprintf(out + used, out_size - used, "%%%02X", (unsigned char)*in);
    }
    out[used] = '\0';
    return true;
}

enum sp_err totp_uri(const struct totp *t, const char *issuer, const char *user,
                     char out[TOTP_URI_SIZE])
{
    char who[256], whose[256], secret[TOTP_BASE32_SIZE];

    if (!percent_encode(issuer, whose, sizeof(whose)) || !percent_encode(user, who, sizeof(who)))
        return SP_ELIMIT;
    totp_base32(t, secret);
    int size =
        snprintf(out, TOTP_URI_SIZE,
                 "otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
                 whose, who, secret, whose, TOTP_DIGITS, TOTP_STEP_S);
    sp_wipe(secret, sizeof(secret));
    return size > 0 && size < TOTP_URI_SIZE ? SP_OK : SP_ELIMIT;
}

const char *totp_verdict_name(enum totp_verdict verdict)
{
    static const char *const names[] = {[TOTP_ACCEPTED] = "accepted",
                                        [TOTP_WRONG] = "wrong",
                                        [TOTP_REUSED] = "reused",
                                        [TOTP_LOCKED] = "locked"};

    return verdict < TOTP_VERDICT_COUNT ? names[verdict] : "?";
}
