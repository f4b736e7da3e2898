/* SPDX-License-Identifier: Apache-2.0
 * Second factors as rows of the store.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/config.h"
#include "keeper/factors_priv.h"

#define PREFIX "totp:"

void factors_id(const struct factor *factor, char out[FACTORS_ID_SIZE])
{
    snprintf(out, FACTORS_ID_SIZE, PREFIX "%s", factor->user);
}

json_t *factors_body(const struct factor *factor)
{
    const struct totp *t = &factor->totp;

    /* JSON's integers are signed here: the bits go through and come back as they were. */
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "user", factor->user, "kind",
                     "totp", "confirmed", t->is_confirmed, "failures", (json_int_t)t->failures,
                     "last_step", (json_int_t)t->last_step, "seen0", (json_int_t)t->seen[0],
                     "seen1", (json_int_t)t->seen[1], "enrolled_us",
                     (json_int_t)factor->enrolled_us, "proven_us", (json_int_t)factor->proven_us);
}

static bool read_number(const json_t *body, const char *key, int64_t min, int64_t *out)
{
    const json_t *value = json_object_get(body, key);

    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= min;
}

static bool read_totp(const json_t *body, struct totp *out)
{
    const json_t *confirmed = json_object_get(body, "confirmed");
    int64_t failures, seen0, seen1;

    if (!json_is_boolean(confirmed) || !read_number(body, "failures", 0, &failures) ||
        failures > TOTP_FAILURES_MAX ||
        !read_number(body, "last_step", TOTP_NEVER_USED, &out->last_step) ||
        !read_number(body, "seen0", INT64_MIN, &seen0) ||
        !read_number(body, "seen1", INT64_MIN, &seen1))
        return false;
    out->is_confirmed = json_is_true(confirmed);
    out->failures = (uint32_t)failures;
    out->seen[0] = (uint64_t)seen0;
    out->seen[1] = (uint64_t)seen1;
    /* Whoever is confirmed has used a step: a row without one would make codes good again. */
    return !out->is_confirmed || out->last_step != TOTP_NEVER_USED;
}

enum sp_err factors_load(struct factors *f, const char *id, const json_t *body,
                         const uint8_t *secret, size_t secret_size)
{
    const char *user = json_string_value(json_object_get(body, "user"));
    const char *kind = json_string_value(json_object_get(body, "kind"));
    struct factor made = {0};
    struct factor *at = NULL;
    enum sp_err err = SP_EVALUE;

    if (user != NULL && kind != NULL && strcmp(kind, "totp") == 0 && config_is_user_name(user) &&
        strlen(user) < FACTORS_NAME_SIZE && strncmp(id, PREFIX, strlen(PREFIX)) == 0 &&
        strcmp(id + strlen(PREFIX), user) == 0 && factors_find(f, user) == NULL &&
        secret_size == TOTP_SECRET_SIZE && read_totp(body, &made.totp) &&
        read_number(body, "enrolled_us", 0, &made.enrolled_us) &&
        read_number(body, "proven_us", 0, &made.proven_us)) {
        snprintf(made.user, sizeof(made.user), "%s", user);
        memcpy(made.totp.secret, secret, TOTP_SECRET_SIZE);
        at = factors_add(f);
        err = at != NULL ? SP_OK : SP_ELIMIT;
    }
    if (at != NULL)
        *at = made;
    sp_wipe(&made, sizeof(made));
    return err;
}
