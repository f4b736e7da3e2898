/* SPDX-License-Identifier: Apache-2.0
 * What a rule demands of the person: factors, approval, consent; and words that are kept free.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/config_priv.h"

#define SECOND 1000u
#define MINUTE (60 * SECOND)
#define DAY    (24 * 60 * MINUTE)

#define APPROVAL_PRESET (4 * 60 * MINUTE)
#define TICKET_MAX      128
#define CONSENT_MAX     1024
#define SESSIONS_MAX    100000u

/* One rule while it is being checked. */
struct place {
    struct config_load_state *s;
    const struct config_raw_rule *raw;
    struct catalog_rule *made;
    size_t index;
    char path[CONFIG_FIELD_SIZE];
};

static enum sp_err refuse(struct place *p, const char *key, const char *expected, const char *found)
{
    snprintf(p->path, sizeof(p->path), "rules[%zu].%s", p->index, key);
    return config_refuse(p->s, SP_EVALUE, p->path, expected, found, NULL);
}

static char *keep(const char *text)
{
    char *made = strdup(text);

    SP_BUG(made == NULL);
    return made;
}

static enum sp_err check_factors(struct place *p)
{
    static const char *const names[] = {"any", "totp", "webauthn"};
    struct catalog_conditions *made = &p->made->conditions;
    const struct config_raw_rule *raw = p->raw;

    for (int i = 0; raw->mfa != NULL && i < 3; i++)
        if (strcmp(raw->mfa, names[i]) == 0)
            made->mfa = (enum catalog_mfa)(CATALOG_MFA_ANY + i);
    if (raw->mfa != NULL && made->mfa == CATALOG_MFA_NONE)
        return refuse(p, "mfa", NULL, raw->mfa);
    if (raw->fresh == NULL)
        return SP_OK;
    if (raw->mfa == NULL || config_read_duration(raw->fresh, &made->fresh_ms) != SP_OK ||
        made->fresh_ms < SECOND || made->fresh_ms > 7 * DAY)
        return refuse(p, "fresh", NULL, raw->fresh);
    return SP_OK;
}

static enum sp_err check_ticket(struct place *p, const char *text)
{
    regex_t compiled;

    if (text[0] == '\0' || strlen(text) > TICKET_MAX ||
        regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) != 0)
        return refuse(p, "require.approval.ticket", NULL, text);
    regfree(&compiled);
    p->made->conditions.approval.ticket = keep(text);
    return SP_OK;
}

static enum sp_err check_approval(struct place *p)
{
    const struct config_raw_approval *raw =
        p->raw->require != NULL ? p->raw->require->approval : NULL;
    struct catalog_approval *made = &p->made->conditions.approval;

    if (raw == NULL)
        return SP_OK;
    made->is_set = true;
    made->group = catalog_names_find(&p->s->catalog->group_names, raw->by);
    if (made->group == CATALOG_NONE)
        return refuse(p, "require.approval.by", NULL, raw->by);
    made->longest_ms = APPROVAL_PRESET;
    if (raw->longest != NULL && (config_read_duration(raw->longest, &made->longest_ms) != SP_OK ||
                                 made->longest_ms < MINUTE || made->longest_ms > 30 * DAY))
        return refuse(p, "require.approval.longest", NULL, raw->longest);
    made->needs_reason = raw->reason != NULL && strcmp(raw->reason, "required") == 0;
    if (raw->reason != NULL && !made->needs_reason && strcmp(raw->reason, "optional") != 0)
        return refuse(p, "require.approval.reason", NULL, raw->reason);
    return raw->ticket != NULL ? check_ticket(p, raw->ticket) : SP_OK;
}

static enum sp_err check_consent(struct place *p)
{
    const char *text = p->raw->consent;

    if (text == NULL)
        return SP_OK;
    if (text[0] == '\0' || strlen(text) > CONSENT_MAX)
        return refuse(p, "consent", NULL, NULL);
    p->made->conditions.consent = keep(text);
    return SP_OK;
}

static enum sp_err check_number(struct place *p, const char *key, const char *text, uint32_t *out)
{
    if (text != NULL &&
        (config_read_number(text, out) != SP_OK || *out == 0 || *out > SESSIONS_MAX))
        return refuse(p, key, NULL, text);
    return SP_OK;
}

static enum sp_err check_concurrent(struct place *p)
{
    const struct config_raw_concurrent *raw = p->raw->concurrent;

    if (raw == NULL)
        return SP_OK;
    p->s->catalog->counts_sessions = true;
    enum sp_err err =
        check_number(p, "concurrent.user", raw->user, &p->made->conditions.user_sessions);
    if (err == SP_OK)
        err =
            check_number(p, "concurrent.target", raw->target, &p->made->conditions.target_sessions);
    return err;
}

/* A word that would be ignored would be worse than none. */
static enum sp_err check_not_yet(struct place *p)
{
    const struct config_raw_rule *raw = p->raw;

    if (raw->recording != NULL && strcmp(raw->recording, "off") != 0)
        return refuse(p, "recording", NULL, raw->recording);
    if (raw->watermark != NULL)
        return refuse(p, "watermark", NULL, raw->watermark);
    return raw->four_eyes != NULL ? refuse(p, "four_eyes", NULL, raw->four_eyes) : SP_OK;
}

/* A rule that denies gives nothing that could be limited or asked for. */
static enum sp_err check_deny(struct place *p)
{
    static const char expected[] = "nothing, since this rule denies";
    const struct config_raw_rule *raw = p->raw;
    const struct {
        const char *key;
        bool is_set;
    } keys[] = {
        {"mfa", raw->mfa != NULL},
        {"fresh", raw->fresh != NULL},
        {"require", raw->require != NULL},
        {"consent", raw->consent != NULL},
        {"channels", raw->channels != NULL},
        {"concurrent", raw->concurrent != NULL},
        {"idle", raw->idle != NULL},
        {"total", raw->total != NULL},
        {"recording", raw->recording != NULL},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && p->made->is_deny; i++)
        if (keys[i].is_set)
            return refuse(p, keys[i].key, expected, NULL);
    return SP_OK;
}

enum sp_err config_check_demands(struct config_load_state *s, const struct config_raw_rule *raw,
                                 size_t index, struct catalog_rule *made)
{
    struct place p = {.s = s, .raw = raw, .made = made, .index = index};
    enum sp_err err = check_deny(&p);

    if (err == SP_OK)
        err = check_factors(&p);
    if (err == SP_OK)
        err = check_approval(&p);
    if (err == SP_OK)
        err = check_consent(&p);
    if (err == SP_OK)
        err = check_concurrent(&p);
    return err == SP_OK ? check_not_yet(&p) : err;
}
