/* SPDX-License-Identifier: Apache-2.0
 * Tickets: a name and a password that let one person reach one target, once, for some minutes.
 *
 * Pure and clocked: the wall clock is a parameter, and never runs backwards here, so that setting
 * it back lengthens nothing. What is kept of a password is its NT hash. A ticket that was used,
 * revoked or is too old stays known for a day, so that whoever tries it again is told apart from a
 * guesser in the event log; the client sees a wrong password either way. Whoever holds this table
 * makes a change durable before he acts on it.
 */
#ifndef SP_KEEPER_TICKETS_H
#define SP_KEEPER_TICKETS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/net.h"

#define TICKET_ID_SIZE       11 /* "t-xxxxxxxx" and its NUL */
#define TICKET_NAME_SIZE     65
#define TICKET_PASSWORD_SIZE 35 /* seven groups of four letters, hyphens, NUL: 140 bits */
#define TICKET_HASH_SIZE     16
#define TICKETS_MAX          4096
#define TICKET_FOR_MIN_US    (INT64_C(10) * 1000000)
#define TICKET_FOR_MAX_US    (INT64_C(86400) * 1000000)
#define TICKET_KEPT_US       (INT64_C(86400) * 1000000) /* after its end, for the log's sake */

enum ticket_state { TICKET_UNUSED, TICKET_USED, TICKET_REVOKED, TICKET_STATE_COUNT };

struct ticket {
    char id[TICKET_ID_SIZE];
    char user[TICKET_NAME_SIZE];
    char target[TICKET_NAME_SIZE];
    bool has_source;
    struct net source;
    enum ticket_state state;
    int64_t issued_us, expires_us;
    int64_t ended_us; /* used or revoked; 0 = neither */
    int64_t by_uid;   /* who asked for it */
    uint8_t nt_hash[TICKET_HASH_SIZE];
};

/* All that are remembered. INVARIANT: list[0…count) are in no order, ids are unique. */
struct tickets {
    struct ticket *list; /* owned, room for room */
    size_t count, room;
    int64_t latest_us; /* the latest moment that was ever seen */
};

/* What a ticket is to be good for. Texts are borrowed. */
struct ticket_ask {
    const char *user, *target;
    const struct net *source; /* NULL = from anywhere */
    int64_t for_us;
    int64_t by_uid;
};

enum ticket_verdict {
    TICKET_GOOD,
    TICKET_WAS_USED,
    TICKET_WAS_REVOKED,
    TICKET_EXPIRED,
    TICKET_WRONG_SOURCE,
    TICKET_VERDICT_COUNT
};

/* Wipe and free all. */
void tickets_clear(struct tickets *t);

/*
 * Make a ticket.
 * out      points into t until the next call that changes it; written only on SP_OK
 * password of it, for the person; the caller wipes it
 * Errors:  SP_EVALUE a name that is none; SP_ELIMIT too many tickets, or too short or long a time
 */
SP_MUST_USE enum sp_err tickets_issue(struct tickets *t, const struct ticket_ask *ask,
                                      int64_t now_us, const struct ticket **out,
                                      char password[TICKET_PASSWORD_SIZE]);

/* True if a name has the form of a ticket's id, whatever case its letters have. */
bool ticket_is_id(const char *name);

/* The ticket of that id, in any case of letters; NULL if none is remembered. Borrowed */
struct ticket *tickets_find(struct tickets *t, const char *id);

/*
 * Whether a ticket may be used now; its password has been verified already.
 * source   16 bytes, IPv4 as ::ffff:a.b.c.d
 */
enum ticket_verdict tickets_judge(struct tickets *t, const struct ticket *ticket,
                                  const uint8_t source[16], int64_t now_us);

/* Mark a ticket that is TICKET_GOOD as used: there is no way back. */
void tickets_use(struct tickets *t, struct ticket *ticket, int64_t now_us);

/*
 * Revoke a ticket.
 * Errors:  SP_ESTATE it was used or revoked before
 */
SP_MUST_USE enum sp_err tickets_revoke(struct tickets *t, struct ticket *ticket, int64_t now_us);

/* Take a ticket out, when it could not be stored. */
void tickets_forget(struct tickets *t, struct ticket *ticket);

/*
 * Take out one ticket that has been dead for TICKET_KEPT_US.
 * id       of it, to be deleted from the store
 * Returns  false if there is none left
 */
bool tickets_expire(struct tickets *t, int64_t now_us, char id[TICKET_ID_SIZE]);

/* What the store keeps besides the hash. Owner: the caller; NULL if memory ran out */
json_t *ticket_body(const struct ticket *ticket);

/*
 * Take one row of the store.
 * hash     hash_size bytes, the NT hash
 * Errors:  SP_EVALUE not a ticket as ticket_body wrote it; nothing is taken
 */
SP_MUST_USE enum sp_err tickets_load(struct tickets *t, const char *id, const json_t *body,
                                     const uint8_t *hash, size_t hash_size);

/* Why a ticket is refused, for the event log. Owner: static text */
const char *ticket_verdict_reason(enum ticket_verdict verdict);

/* "unused", "used", "revoked" or "expired". Owner: static text */
const char *ticket_state_word(const struct ticket *ticket, int64_t now_us);

#endif
