/* SPDX-License-Identifier: Apache-2.0
 * Tickets: a name and a password that let one person reach one target, once, for some minutes.
 */
#include "keeper/tickets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "keeper/secret.h"
#include "keeper/tickets_priv.h"
#include "rdp/ntlm_crypto.h"

#define PASSWORD_LETTERS 28

/* Letters that nobody mistakes for another. */
static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

void tickets_clear(struct tickets *t)
{
    if (t->list != NULL)
        sp_wipe(t->list, t->count * sizeof(*t->list));
    free(t->list);
    *t = (struct tickets){0};
}

/* A clock that was set back stands still here until it is where it was. */
static int64_t forward(struct tickets *t, int64_t now_us)
{
    if (now_us > t->latest_us)
        t->latest_us = now_us;
    return t->latest_us;
}

static void random_letters(char *out, size_t count)
{
    uint8_t values[PASSWORD_LETTERS];

    sp_random(values, count);
    for (size_t i = 0; i < count; i++)
        out[i] = letters[values[i] % 32];
    sp_wipe(values, sizeof(values));
}

static void make_id(struct tickets *t, char out[TICKET_ID_SIZE])
{
    do {
        memcpy(out, "t-", 2);
        random_letters(out + 2, TICKET_ID_SIZE - 3);
        out[TICKET_ID_SIZE - 1] = '\0';
    } while (tickets_find(t, out) != NULL);
}

static enum sp_err make_password(char out[TICKET_PASSWORD_SIZE], uint8_t hash[TICKET_HASH_SIZE])
{
    char plain[PASSWORD_LETTERS];
    struct secret wide = {0};
    size_t used = 0;

    random_letters(plain, sizeof(plain));
    for (size_t i = 0; i < PASSWORD_LETTERS; i++) {
        if (i > 0 && i % 4 == 0)
            out[used++] = '-';
        out[used++] = plain[i];
    }
    out[used] = '\0';
    sp_wipe(plain, sizeof(plain));
    enum sp_err err = secret_from_password(out, &wide);
    if (err == SP_OK)
        ntlm_nt_hash(wide.bytes, wide.size, hash);
    secret_clear(&wide);
    return err;
}

static bool is_name(const char *name)
{
    return name != NULL && name[0] != '\0' && strlen(name) < TICKET_NAME_SIZE;
}

struct ticket *tickets_add(struct tickets *t, const struct ticket *ticket)
{
    if (t->count == TICKETS_MAX)
        return NULL;
    if (t->count == t->room) {
        size_t room = t->room == 0 ? 16 : t->room * 2;
        struct ticket *list = calloc(room, sizeof(*list));

        if (list == NULL)
            return NULL;
        if (t->count > 0) { /* not realloc: hashes would stay behind */
            memcpy(list, t->list, t->count * sizeof(*list));
            sp_wipe(t->list, t->count * sizeof(*list));
        }
        free(t->list);
        t->list = list;
        t->room = room;
    }
    t->list[t->count] = *ticket;
    return &t->list[t->count++];
}

enum sp_err tickets_issue(struct tickets *t, const struct ticket_ask *ask, int64_t now_us,
                          const struct ticket **out, char password[TICKET_PASSWORD_SIZE])
{
    struct ticket made = {.by_uid = ask->by_uid};

    if (!is_name(ask->user) || !is_name(ask->target))
        return SP_EVALUE;
    if (ask->for_us < TICKET_FOR_MIN_US || ask->for_us > TICKET_FOR_MAX_US)
        return SP_ELIMIT;
    made.issued_us = forward(t, now_us);
    made.expires_us = made.issued_us + ask->for_us;
    snprintf(made.user, sizeof(made.user), "%s", ask->user);
    snprintf(made.target, sizeof(made.target), "%s", ask->target);
    made.has_source = ask->source != NULL;
    if (made.has_source)
        made.source = *ask->source;
    make_id(t, made.id);
    enum sp_err err = make_password(password, made.nt_hash);
    const struct ticket *added = err == SP_OK ? tickets_add(t, &made) : NULL;
    sp_wipe(&made, sizeof(made));
    if (err == SP_OK && added == NULL)
        err = SP_ELIMIT;
    if (err == SP_OK)
        *out = added;
    else
        sp_wipe(password, TICKET_PASSWORD_SIZE);
    return err;
}

bool ticket_is_id(const char *name)
{
    if (strlen(name) != TICKET_ID_SIZE - 1 || strncasecmp(name, "t-", 2) != 0)
        return false;
    for (const char *c = name + 2; *c != '\0'; c++) {
        char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;

        if (strchr(letters, lower) == NULL)
            return false;
    }
    return true;
}

struct ticket *tickets_find(struct tickets *t, const char *id)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcasecmp(t->list[i].id, id) == 0)
            return &t->list[i];
    }
    return NULL;
}

enum ticket_verdict tickets_judge(struct tickets *t, const struct ticket *ticket,
                                  const uint8_t source[16], int64_t now_us)
{
    int64_t now = forward(t, now_us);

    if (ticket->state == TICKET_USED)
        return TICKET_WAS_USED;
    if (ticket->state == TICKET_REVOKED)
        return TICKET_WAS_REVOKED;
    if (now >= ticket->expires_us)
        return TICKET_EXPIRED;
    if (ticket->has_source && !net_contains(&ticket->source, source))
        return TICKET_WRONG_SOURCE;
    return TICKET_GOOD;
}

void tickets_use(struct tickets *t, struct ticket *ticket, int64_t now_us)
{
    SP_BUG(ticket->state != TICKET_UNUSED);
    ticket->state = TICKET_USED;
    ticket->ended_us = forward(t, now_us);
}

enum sp_err tickets_revoke(struct tickets *t, struct ticket *ticket, int64_t now_us)
{
    if (ticket->state != TICKET_UNUSED)
        return SP_ESTATE;
    ticket->state = TICKET_REVOKED;
    ticket->ended_us = forward(t, now_us);
    return SP_OK;
}

void tickets_forget(struct tickets *t, struct ticket *ticket)
{
    size_t last = t->count - 1;

    if (ticket != &t->list[last])
        *ticket = t->list[last];
    sp_wipe(&t->list[last], sizeof(t->list[last]));
    t->count = last;
}

bool tickets_expire(struct tickets *t, int64_t now_us, char id[TICKET_ID_SIZE])
{
    int64_t now = forward(t, now_us);

    for (size_t i = 0; i < t->count; i++) {
        struct ticket *ticket = &t->list[i];
        int64_t dead = ticket->ended_us != 0 ? ticket->ended_us : ticket->expires_us;

        if (now < dead + TICKET_KEPT_US)
            continue;
        memcpy(id, ticket->id, TICKET_ID_SIZE);
        tickets_forget(t, ticket);
        return true;
    }
    return false;
}

const char *ticket_verdict_reason(enum ticket_verdict verdict)
{
    static const char *const reasons[] = {
        [TICKET_GOOD] = "the ticket is good",
        [TICKET_WAS_USED] = "the ticket was used before",
        [TICKET_WAS_REVOKED] = "the ticket was revoked",
        [TICKET_EXPIRED] = "the ticket has expired",
        [TICKET_WRONG_SOURCE] = "the ticket is for another source",
    };

    return verdict < TICKET_VERDICT_COUNT ? reasons[verdict] : "?";
}
