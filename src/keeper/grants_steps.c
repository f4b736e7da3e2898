/* SPDX-License-Identifier: Apache-2.0
 * What people may do with requests and grants: each step is checked here and made true later.
 */
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "keeper/grants_priv.h"

#define US_PER_MS 1000

static enum sp_err no(enum sp_err err, const char *text, const char **why)
{
    *why = text;
    return err;
}

static void make_id(char kind, char out[GRANTS_ID_SIZE])
{
    uint8_t random[8];
    int used = snprintf(out, GRANTS_ID_SIZE, "%c-", kind);

    sp_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        used += snprintf(out + used, GRANTS_ID_SIZE - (size_t)used, "%02x", random[i]);
}

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t")] == '\0';
}

/* The whole ticket must match. */
static bool matches(const char *pattern, const char *text)
{
    regex_t re;
    regmatch_t at;

    if (text == NULL || strlen(text) >= GRANTS_NAME_SIZE ||
        regcomp(&re, pattern, REG_EXTENDED) != 0)
        return false;
    bool is_match =
        regexec(&re, text, 1, &at, 0) == 0 && at.rm_so == 0 && (size_t)at.rm_eo == strlen(text);
    regfree(&re);
    return is_match;
}

static const struct grants_record *open_request(const struct grants *g, const char *user,
                                                const char *target, size_t *of_user, size_t *of_all)
{
    const struct grants_record *found = NULL;

    *of_user = *of_all = 0;
    for (size_t i = 0; i < g->count; i++) {
        const struct grants_record *r = g->list[i];

        if (r->state != GRANTS_OPEN)
            continue;
        ++*of_all;
        if (strcasecmp(r->user, user) != 0)
            continue;
        ++*of_user;
        if (strcasecmp(r->target, target) == 0)
            found = r;
    }
    return found;
}

static enum sp_err check_wish(const struct grants_terms *terms, const struct grants_wish *wish,
                              const char **why)
{
    if (terms->needs_reason && is_blank(wish->reason))
        return no(SP_EVALUE, "say why you need it: the rule asks for a reason", why);
    if (terms->ticket_pattern != NULL && !matches(terms->ticket_pattern, wish->ticket))
        return no(SP_EVALUE, "the rule asks for a ticket number, and this is none", why);
    if (wish->wanted_ms < 0 || wish->wanted_ms > terms->longest_ms ||
        terms->longest_ms > GRANTS_LONGEST_MS)
        return no(SP_ELIMIT, "that is longer than the rule allows", why);
    return SP_OK;
}

static enum sp_err fill(const struct grants_wish *wish, const char *rule, const char *group,
                        struct grants_record *r, const char **why)
{
    if (!grants_take(wish->user, r->user, sizeof(r->user)) ||
        !grants_take(wish->target, r->target, sizeof(r->target)) ||
        !grants_take(rule, r->rule, sizeof(r->rule)) ||
        !grants_take(group, r->group, sizeof(r->group)))
        return no(SP_ELIMIT, "a name is too long", why);
    if (!grants_take(wish->reason, r->reason, sizeof(r->reason)))
        return no(SP_ELIMIT, "the reason is too long: 255 bytes at most", why);
    if (!grants_take(wish->ticket, r->ticket, sizeof(r->ticket)))
        return no(SP_ELIMIT, "the ticket number is too long: 64 bytes at most", why);
    return SP_OK;
}

enum sp_err grants_ask(struct grants *g, const struct grants_terms *terms,
                       const struct grants_wish *wish, struct grants_time now,
                       struct grants_step *step, char found[GRANTS_ID_SIZE], const char **why)
{
    struct grants_record r = {.state = GRANTS_OPEN, .longest_ms = terms->longest_ms};
    size_t of_user, of_all;
    const struct grants_record *old = open_request(g, wish->user, wish->target, &of_user, &of_all);

    *step = (struct grants_step){0};
    if (old != NULL) {
        memcpy(found, old->id, GRANTS_ID_SIZE);
        return SP_OK;
    }
    if (of_user >= GRANTS_OPEN_USER || of_all >= GRANTS_OPEN_MAX)
        return no(SP_ELIMIT, "too many requests are open: withdraw one first", why);
    enum sp_err err = check_wish(terms, wish, why);
    if (err == SP_OK)
        err = fill(wish, terms->rule, terms->group, &r, why);
    if (err != SP_OK)
        return err;
    make_id('r', r.id);
    r.wanted_ms = wish->wanted_ms > 0 ? wish->wanted_ms : terms->longest_ms;
    r.made_us = now.wall_us;
    r.ends_us = now.wall_us + GRANTS_REQUEST_MS * US_PER_MS;
    r.ends_boot_ms = now.boot_ms + GRANTS_REQUEST_MS;
    step->records[0] = r;
    step->count = 1;
    memcpy(found, r.id, GRANTS_ID_SIZE);
    return SP_OK;
}

/* The request or grant of that id, if it may be changed now. */
static enum sp_err changeable(struct grants *g, const char *id, enum grants_state state,
                              struct grants_time now, struct grants_record **out, const char **why)
{
    struct grants_record *r = grants_get(g, id);

    if (r == NULL)
        return no(SP_EVALUE, "there is no such request or grant", why);
    if (r->is_busy)
        return no(SP_ESTATE, "somebody else decides it at this moment", why);
    bool is_late =
        r->ends_us <= now.wall_us || (r->ends_boot_ms != 0 && r->ends_boot_ms <= now.boot_ms);
    if (r->state != state || is_late)
        return no(SP_ESTATE,
                  state == GRANTS_OPEN ? "it is not open any more" : "it does not run any more",
                  why);
    *out = r;
    return SP_OK;
}

/* As changeable, by an approver. */
static enum sp_err decidable(struct grants *g, const char *id, enum grants_state state,
                             const char *approver, bool is_in_group, struct grants_time now,
                             struct grants_record **out, const char **why)
{
    struct grants_record *r = NULL;
    enum sp_err err = changeable(g, id, state, now, &r, why);

    if (err != SP_OK)
        return err;
    if (strcasecmp(r->user, approver) == 0)
        return no(SP_EDENIED, "nobody decides on their own request", why);
    if (!is_in_group)
        return no(SP_EDENIED, "only members of the rule's approving group may decide", why);
    *out = r;
    return SP_OK;
}

/* Put a changed copy into the step; the record is busy until commit or abort. */
static struct grants_record *begin(struct grants_record *r, struct grants_step *step)
{
    struct grants_record *copy = &step->records[step->count++];

    r->is_busy = true;
    *copy = *r;
    return copy;
}

static void decided(struct grants_record *r, enum grants_state state, const char *by,
                    const char *word, struct grants_time now)
{
    r->state = state;
    r->decided_us = now.wall_us;
    snprintf(r->decided_by, sizeof(r->decided_by), "%s", by);
    snprintf(r->word, sizeof(r->word), "%s", word != NULL ? word : "");
}

static void runs_for(struct grants_record *grant, int64_t for_ms, struct grants_time now)
{
    grant->is_grant = true;
    grant->state = GRANTS_RUNNING;
    grant->starts_us = now.wall_us;
    grant->ends_us = now.wall_us + for_ms * US_PER_MS;
    grant->ends_boot_ms = now.boot_ms + for_ms;
}

enum sp_err grants_approve(struct grants *g, const char *id, const char *approver, bool is_in_group,
                           int64_t for_ms, struct grants_time now, struct grants_step *step,
                           const char **why)
{
    struct grants_record *r = NULL;

    *step = (struct grants_step){0};
    enum sp_err err = decidable(g, id, GRANTS_OPEN, approver, is_in_group, now, &r, why);
    if (err != SP_OK)
        return err;
    if (for_ms < 0 || for_ms > r->wanted_ms)
        return no(SP_ELIMIT, "that is longer than was asked for", why);
    struct grants_record *grant = begin(r, step);
    make_id('g', grant->id);
    memcpy(grant->other, r->id, sizeof(grant->other));
    decided(grant, GRANTS_RUNNING, approver, NULL, now);
    runs_for(grant, for_ms > 0 ? for_ms : r->wanted_ms, now);
    struct grants_record *request = begin(r, step);
    memcpy(request->other, grant->id, sizeof(request->other));
    decided(request, GRANTS_APPROVED, approver, NULL, now);
    return SP_OK;
}

enum sp_err grants_refuse(struct grants *g, const char *id, const char *approver, bool is_in_group,
                          const char *word, struct grants_time now, struct grants_step *step,
                          const char **why)
{
    struct grants_record *r = NULL;

    *step = (struct grants_step){0};
    enum sp_err err = decidable(g, id, GRANTS_OPEN, approver, is_in_group, now, &r, why);
    if (err == SP_OK)
        decided(begin(r, step), GRANTS_REFUSED, approver, word, now);
    return err;
}

enum sp_err grants_withdraw(struct grants *g, const char *id, const char *user,
                            struct grants_time now, struct grants_step *step, const char **why)
{
    struct grants_record *r = NULL;

    *step = (struct grants_step){0};
    enum sp_err err = changeable(g, id, GRANTS_OPEN, now, &r, why);
    if (err != SP_OK)
        return err;
    if (strcasecmp(r->user, user) != 0)
        return no(SP_EDENIED, "it is somebody else's request", why);
    decided(begin(r, step), GRANTS_WITHDRAWN, user, NULL, now);
    return SP_OK;
}

enum sp_err grants_extend(struct grants *g, const char *id, const char *approver, bool is_in_group,
                          int64_t more_ms, struct grants_time now, struct grants_step *step,
                          const char **why)
{
    struct grants_record *r = NULL;

    *step = (struct grants_step){0};
    enum sp_err err = decidable(g, id, GRANTS_RUNNING, approver, is_in_group, now, &r, why);
    if (err != SP_OK)
        return err;
    if (more_ms <= 0 || more_ms > GRANTS_LONGEST_MS ||
        r->ends_us - now.wall_us > (r->longest_ms - more_ms) * US_PER_MS)
        return no(SP_ELIMIT, "that is longer than the rule allows from now on", why);
    struct grants_record *grant = begin(r, step);
    decided(grant, GRANTS_RUNNING, approver, NULL, now);
    grant->ends_us += more_ms * US_PER_MS;
    if (grant->ends_boot_ms != 0)
        grant->ends_boot_ms += more_ms;
    return SP_OK;
}

enum sp_err grants_revoke(struct grants *g, const char *id, const char *by, const char *word,
                          struct grants_time now, struct grants_step *step, const char **why)
{
    struct grants_record *r = NULL;

    *step = (struct grants_step){0};
    enum sp_err err = changeable(g, id, GRANTS_RUNNING, now, &r, why);
    if (err == SP_OK)
        decided(begin(r, step), GRANTS_REVOKED, by, word, now);
    return err;
}

enum sp_err grants_break_glass(struct grants *g, const char *group, const struct grants_wish *wish,
                               struct grants_time now, struct grants_step *step, const char **why)
{
    struct grants_record r = {.is_break_glass = true, .longest_ms = GRANTS_BREAK_GLASS_MS};

    (void)g;
    *step = (struct grants_step){0};
    if (is_blank(wish->reason))
        return no(SP_EVALUE, "say why: breaking the glass needs a reason", why);
    if (wish->wanted_ms <= 0 || wish->wanted_ms > GRANTS_BREAK_GLASS_MS)
        return no(SP_ELIMIT, "breaking the glass opens for four hours at most", why);
    enum sp_err err = fill(wish, "", group, &r, why);
    if (err != SP_OK)
        return err;
    make_id('g', r.id);
    r.made_us = now.wall_us;
    r.wanted_ms = wish->wanted_ms;
    decided(&r, GRANTS_RUNNING, wish->user, NULL, now);
    runs_for(&r, wish->wanted_ms, now);
    step->records[0] = r;
    step->count = 1;
    return SP_OK;
}
