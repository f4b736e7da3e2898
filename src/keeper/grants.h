/* SPDX-License-Identifier: Apache-2.0
 * Just-in-time access: requests, their approval, and grants that end by themselves.
 *
 *   OPEN ─approve─► APPROVED (a grant)    OPEN ─refuse─► REFUSED    OPEN ─withdraw─► WITHDRAWN
 *   OPEN ─(time)─► EXPIRED                grant: runs ─(time)─► over      runs ─revoke─► over
 *
 * Everything here is in memory and clocked by its caller. A change is made in two steps, so that
 * nothing is granted that is not on disk: grants_ask … prepare a struct grants_step, the caller
 * stores what it says, and grants_commit makes it true. Meanwhile the record is busy, and a second
 * change of it is refused: of two approvers at the same moment one decides.
 *
 * A grant ends at a moment of the wall clock and at one of CLOCK_BOOTTIME, whichever is first: a
 * clock that is set back lengthens nothing.
 */
#ifndef SP_KEEPER_GRANTS_H
#define SP_KEEPER_GRANTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define GRANTS_ID_SIZE        20 /* "r-" or "g-", 16 hexadecimal digits, NUL */
#define GRANTS_NAME_SIZE      65
#define GRANTS_TEXT_SIZE      256
#define GRANTS_BOOT_SIZE      40    /* the kernel's boot id and NUL              */
#define GRANTS_OPEN_MAX       10000 /* open requests in all …                    */
#define GRANTS_OPEN_USER      20    /* … and of one person                       */
#define GRANTS_MAX            50000 /* records in all; the oldest that are over go first */
#define GRANTS_REQUEST_MS     (24LL * 3600 * 1000)      /* a request waits so long */
#define GRANTS_LONGEST_MS     (30LL * 24 * 3600 * 1000) /* no grant is longer      */
#define GRANTS_BREAK_GLASS_MS (4LL * 3600 * 1000)       /* the longest without an approver */

/* The two clocks, read at the same moment. */
struct grants_time {
    int64_t wall_us; /* CLOCK_REALTIME, UTC         */
    int64_t boot_ms; /* CLOCK_BOOTTIME, never back  */
};

enum grants_state {
    GRANTS_OPEN,      /* a request that waits                            */
    GRANTS_APPROVED,  /* a request that became a grant                   */
    GRANTS_REFUSED,   /* by an approver, with a word                     */
    GRANTS_WITHDRAWN, /* by the person                                   */
    GRANTS_EXPIRED,   /* nobody answered in time                         */
    GRANTS_RUNNING,   /* a grant; over once its end has passed           */
    GRANTS_REVOKED,   /* a grant that somebody ended                     */
    GRANTS_OVER,      /* a grant whose end has passed                    */
    GRANTS_STATE_COUNT
};

/* A request or a grant. Text is UTF-8, NUL-terminated, unescaped. */
struct grants_record {
    char id[GRANTS_ID_SIZE];
    enum grants_state state;
    bool is_grant;
    bool is_break_glass; /* a grant that nobody approved                       */
    bool is_busy;        /* a step of it is being stored                       */
    char user[GRANTS_NAME_SIZE], target[GRANTS_NAME_SIZE];
    char rule[GRANTS_NAME_SIZE];  /* whose approval is asked                   */
    char group[GRANTS_NAME_SIZE]; /* who may approve; break glass: its group   */
    char reason[GRANTS_TEXT_SIZE], ticket[GRANTS_NAME_SIZE];
    char decided_by[GRANTS_NAME_SIZE], word[GRANTS_TEXT_SIZE];
    char other[GRANTS_ID_SIZE]; /* a request's grant, a grant's request; else empty */
    int64_t made_us;            /* wall clock */
    int64_t decided_us;         /* 0 = not yet */
    int64_t wanted_ms, longest_ms;
    int64_t starts_us, ends_us; /* grant: when it runs; request: until when it waits is ends_us */
    int64_t ends_boot_ms;       /* the same end on the other clock; 0 = of another boot */
};

/* What a rule demands of a request. */
struct grants_terms {
    const char *rule, *group;
    int64_t longest_ms;
    bool needs_reason;
    const char *ticket_pattern; /* POSIX extended regular expression; NULL = none asked */
};

/* What a person asks for. */
struct grants_wish {
    const char *user, *target, *reason, *ticket; /* reason, ticket: NULL = none */
    int64_t wanted_ms;                           /* 0 = as long as the rule allows */
};

/* A change that is ready to be stored: at most a request and its grant. */
struct grants_step {
    struct grants_record records[2];
    size_t count;
};

struct grants {
    struct grants_record **list; /* owned, in order of arrival */
    size_t count, room;
    char boot_id[GRANTS_BOOT_SIZE];
};

/* Start empty. boot_id: the kernel's, so that CLOCK_BOOTTIME of another boot is not believed. */
void grants_init(struct grants *g, const char *boot_id);

/* Free all records. */
void grants_clear(struct grants *g);

/*
 * Ask for access. A person's open request for the same target is given back as it is, with no step.
 * step     count 0 if there is nothing to store
 * found    the existing request's id, or the new one's
 * why      on failure: static text for the person
 * Errors:  SP_EVALUE a reason or ticket is missing or does not match; SP_ELIMIT too many requests,
 *          too long a time or text; SP_ESYS no memory
 */
SP_MUST_USE enum sp_err grants_ask(struct grants *g, const struct grants_terms *terms,
                                   const struct grants_wish *wish, struct grants_time now,
                                   struct grants_step *step, char found[GRANTS_ID_SIZE],
                                   const char **why);

/*
 * Approve a request for for_ms (0 = as long as was asked).
 * approver       who; never the person who asked, in whatever spelling
 * is_in_group    the caller has found approver in the record's group
 * Errors:  SP_EDENIED not an approver, or one's own request; SP_ESTATE not open any more, or being
 *          decided at this moment; SP_ELIMIT longer than was asked for; SP_EVALUE no such request
 */
SP_MUST_USE enum sp_err grants_approve(struct grants *g, const char *id, const char *approver,
                                       bool is_in_group, int64_t for_ms, struct grants_time now,
                                       struct grants_step *step, const char **why);

/* Refuse a request with a word for the person. Errors: as grants_approve */
SP_MUST_USE enum sp_err grants_refuse(struct grants *g, const char *id, const char *approver,
                                      bool is_in_group, const char *word, struct grants_time now,
                                      struct grants_step *step, const char **why);

/* Take back one's own request. Errors: as grants_approve */
SP_MUST_USE enum sp_err grants_withdraw(struct grants *g, const char *id, const char *user,
                                        struct grants_time now, struct grants_step *step,
                                        const char **why);

/*
 * Lengthen a running grant by more_ms from its present end.
 * Errors:  as grants_approve; SP_ELIMIT longer than the rule's longest from now on
 */
SP_MUST_USE enum sp_err grants_extend(struct grants *g, const char *id, const char *approver,
                                      bool is_in_group, int64_t more_ms, struct grants_time now,
                                      struct grants_step *step, const char **why);

/* End a running grant now; the caller has checked that by may. Errors: SP_ESTATE, SP_EVALUE */
SP_MUST_USE enum sp_err grants_revoke(struct grants *g, const char *id, const char *by,
                                      const char *word, struct grants_time now,
                                      struct grants_step *step, const char **why);

/*
 * A grant without an approver, for whom the policy trusts with it; the caller has checked that and
 * makes the event loud.
 * Errors:  SP_EVALUE no reason; SP_ELIMIT longer than GRANTS_BREAK_GLASS_MS; SP_ESYS
 */
SP_MUST_USE enum sp_err grants_break_glass(struct grants *g, const char *group,
                                           const struct grants_wish *wish, struct grants_time now,
                                           struct grants_step *step, const char **why);

/* What grants_step prepared is on disk: make it true. Errors: SP_ESYS no memory, nothing changed */
SP_MUST_USE enum sp_err grants_commit(struct grants *g, const struct grants_step *step);

/* It could not be stored: forget it. */
void grants_abort(struct grants *g, const struct grants_step *step);

/* The record of that id, or NULL. */
const struct grants_record *grants_find(const struct grants *g, const char *id);

/*
 * How much longer user may reach target by any running grant.
 * group    the grant must have been approved by this group, or be a break-glass one
 * Returns  milliseconds; 0 = no grant runs
 */
int64_t grants_left_ms(const struct grants *g, const char *user, const char *target,
                       const char *group, struct grants_time now);

/* True if a grant runs at that moment, on both clocks. */
bool grants_is_running(const struct grants_record *r, struct grants_time now);

/*
 * Mark what time has ended. For each record that has changed, changed is called once; the caller
 * writes the event and stores it.
 * Returns  how many have changed
 */
size_t grants_tick(struct grants *g, struct grants_time now,
                   void (*changed)(void *ctx, const struct grants_record *r), void *ctx);

/*
 * Take one record out of the list that ended before a moment.
 * out      what it was; written only if true is returned
 * Returns  false if there is none
 */
bool grants_forget(struct grants *g, int64_t before_us, struct grants_record *out);

/* Milliseconds until grants_tick has something to do; -1 = nothing waits. */
int64_t grants_due_ms(const struct grants *g, struct grants_time now);

/* ---- grants_rows.c: how a record is stored ---- */

/* A record as the store's JSON. Owner: the caller; NULL if memory ran out */
json_t *grants_to_json(const struct grants *g, const struct grants_record *r);

/*
 * Take a stored record in. A running grant of this boot keeps its end of the other clock.
 * Errors:  SP_EVALUE a field is missing or out of bounds: the record grants nothing; SP_ESYS
 */
SP_MUST_USE enum sp_err grants_load(struct grants *g, const char *id, const json_t *body,
                                    struct grants_time now);

/* A state's word in events, JSON and tables ("open", "running", …). Owner: static text */
const char *grants_state_name(enum grants_state state);

#endif
