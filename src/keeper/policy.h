/* SPDX-License-Identifier: Apache-2.0
 * Who may reach which target: pure decisions over a catalog. Deny by default.
 *
 * A person types NAME, NAME#TARGET, or either with a DOMAIN\ or @DOMAIN that we ignore: Sallyport's
 * users are its own. Without #TARGET the only reachable target is meant.
 */
#ifndef SP_KEEPER_POLICY_H
#define SP_KEEPER_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "keeper/catalog.h"

#define POLICY_REASON_SIZE 512

/* What a person typed, taken apart. */
struct policy_name {
    char user[CATALOG_NAME_SIZE];
    char target[CATALOG_NAME_SIZE]; /* empty if there was no # */
    bool has_target;
};

enum policy_factor { POLICY_TOTP, POLICY_WEBAUTHN, POLICY_RECOVERY, POLICY_FACTOR_COUNT };

/* A factor that was proven, and when, by both clocks. */
struct policy_proof {
    enum policy_factor kind;
    int64_t at_us;      /* wall clock     */
    int64_t at_boot_ms; /* CLOCK_BOOTTIME */
};

/* A running grant of the person. */
struct policy_grant {
    const char *target;
    const char *group; /* that approved it; NULL = break glass, good for any */
    int64_t until_us;  /* the earlier of its two ends, as wall time          */
};

/* The world at the moment of a decision. Everything is borrowed for the call. */
struct policy_facts {
    int64_t wall_us;      /* a session's own never runs back (keeper_facts) */
    int64_t boot_ms;      /* CLOCK_BOOTTIME                                 */
    uint8_t source[16];   /* IPv4 as ::ffff:a.b.c.d                         */
    char country[3];      /* of the source; empty = unknown                 */
    enum catalog_nla nla; /* NONE = nothing was proven by NLA               */
    bool is_client_known; /* the client has sent its settings …             */
    bool is_client_due;   /* … or should have: what is not known is no      */
    const char *client;   /* its name; NULL = empty                         */
    uint32_t build;
    const struct policy_proof *proofs;
    size_t proof_count;
    const struct policy_grant *grants;
    size_t grant_count;
    const char *consented;  /* the rule whose text the person has accepted; NULL = none */
    bool is_running;        /* a session that is admitted already: not counted again     */
    uint32_t user_sessions; /* of this person, without the one that is decided on        */
    /* Sessions to a target, without the one that is decided on; NULL = none. */
    uint32_t (*target_sessions)(const void *ctx, const char *target);
    const void *ctx;
};

/* What a rule asks beside who and what. */
enum policy_check {
    POLICY_CHECK_SOURCE,
    POLICY_CHECK_COUNTRY,
    POLICY_CHECK_WHEN,
    POLICY_CHECK_NLA,
    POLICY_CHECK_CLIENT,
    POLICY_CHECK_FACTOR,
    POLICY_CHECK_APPROVAL,
    POLICY_CHECK_CONSENT,
    POLICY_CHECK_SESSIONS,
    POLICY_CHECK_COUNT
};

enum policy_answer {
    POLICY_NOT_ASKED, /* the rule does not care                          */
    POLICY_YES,
    POLICY_LATER, /* not known yet; asked again before anything passes   */
    POLICY_NEED,  /* no, but the person can change it                    */
    POLICY_NO,
    POLICY_ANSWER_COUNT
};

/* What the person can do about it; a set. */
enum policy_need {
    POLICY_NEED_FACTOR = 1,
    POLICY_NEED_APPROVAL = 2,
    POLICY_NEED_CONSENT = 4,
    POLICY_NEED_CHOICE = 8,
};

/* One rule against the facts. */
struct policy_judgement {
    uint8_t answers[POLICY_CHECK_COUNT]; /* enum policy_answer                              */
    enum policy_answer result;           /* the worst of them; YES if nothing is asked      */
    uint32_t needs;                      /* set of enum policy_need                         */
    int64_t edge_us;                     /* when time alone may change it; INT64_MAX = never */
};

enum policy_verdict {
    POLICY_ALLOWED,
    POLICY_NEEDS,          /* allowed once the person has done what needs says           */
    POLICY_USER_UNKNOWN,   /* no such user; only for callers that decide without a proof */
    POLICY_USER_DISABLED,  /* disabled in the file                                       */
    POLICY_NOTHING,        /* no rule gives this person any target                       */
    POLICY_TARGET_UNKNOWN, /* named a target that does not exist                         */
    POLICY_TARGET_DENIED,  /* named a target that exists, but no rule allows it          */
    POLICY_CONDITIONS,     /* rules name both, but their conditions do not hold          */
    POLICY_RULE_DENIES,    /* a rule with effect: deny holds                             */
    POLICY_TARGET_CHOICE,  /* several targets and none named                             */
    POLICY_VERDICT_COUNT
};

/* Pointers are into the catalog. */
struct policy_decision {
    enum policy_verdict verdict;
    uint32_t errinfo; /* 0, or what the client is told; the same for every no          */
    uint32_t needs;   /* NEEDS, CHOICE: set of enum policy_need                         */
    const struct catalog_target *target; /* ALLOWED and NEEDS; else NULL                */
    const struct catalog_rule *rule;     /* that decided; NULL if none did               */
    int64_t edge_us; /* when time alone may change the answer; INT64_MAX = never         */
    char reason[POLICY_REASON_SIZE]; /* for the administrator's log only; UTF-8, unescaped */
};

/* One target that a person may reach, or could. */
struct policy_choice {
    const struct catalog_target *target;
    const struct catalog_rule *rule;
    uint32_t needs; /* 0 = reachable as things stand */
};

/*
 * Take a typed name apart: DOMAIN\ in front, @DOMAIN at the end of either part, #TARGET.
 * typed    UTF-8, NUL-terminated
 * out      written only on SP_OK
 * Errors:  SP_EVALUE the name or the target is empty; SP_ELIMIT longer than any name can be
 */
SP_MUST_USE enum sp_err policy_split_name(const char *typed, struct policy_name *out);

/*
 * Find the user of a typed name. A disabled user is found too: the caller must treat him as unknown
 * towards the client, and policy_decide refuses him in any case.
 * typed    UTF-8, with or without #TARGET and domain
 * Returns  a pointer into catalog, or NULL
 */
const struct catalog_user *policy_find_user(const struct catalog *catalog, const char *typed);

/*
 * Decide whether user may go on, and to which target. A rule that denies wins over all that allow;
 * among those that allow, one that asks for nothing more wins, then the first.
 * user     points into catalog->users; NULL is refused
 * target   name as typed, any case; NULL or empty if none was typed
 * out      always written
 */
void policy_decide(const struct catalog *catalog, const struct catalog_user *user,
                   const char *target, const struct policy_facts *facts,
                   struct policy_decision *out);

/*
 * All targets that user may reach now, or once he has done what is asked.
 * facts    NULL: whom a rule may let in, whatever its conditions and what other rules deny
 * count    how many
 * Owner:   the caller frees the array; NULL if there are none
 */
struct policy_choice *policy_choices(const struct catalog *catalog, const struct catalog_user *user,
                                     const struct policy_facts *facts, size_t *count);

/*
 * The first rule that may allow user to reach target, whatever its conditions are.
 * Returns  a pointer into catalog, or NULL if none does
 */
const struct catalog_rule *policy_rule_for(const struct catalog *catalog, size_t user_index,
                                           size_t target_index);

/*
 * The first rule that lets user reach target once somebody has approved it, whatever else it asks.
 * Returns  a pointer into catalog, or NULL if none does
 */
const struct catalog_rule *policy_approval_rule(const struct catalog *catalog, size_t user_index,
                                                size_t target_index);

/* ---- policy_judge.c ---- */

/*
 * Judge one rule's conditions; who and what are not looked at.
 * target   NULL leaves out what depends on the target: an approval is needed then
 * is_whole false stops at the first no, which is all that a decision needs
 */
void policy_judge(const struct catalog *catalog, const struct catalog_rule *rule,
                  const struct catalog_target *target, const struct policy_facts *facts,
                  bool is_whole, struct policy_judgement *out);

/* True if a pattern with * and ? covers a whole text; ASCII letters in any case. */
bool policy_matches(const char *pattern, const char *text);

/* The words of events and of explain: "source", "when", …. Owner: static text, never NULL */
const char *policy_check_name(enum policy_check check);
/* "yes", "no", "later", "needed". As policy_check_name. */
const char *policy_answer_name(enum policy_answer answer);

/* ---- policy_explain.c ---- */

/*
 * Explain a decision: each rule that names the user or the target, what holds in it and what not.
 * most     rules at most, those that name both first
 * Returns  {"verdict", "reason", "needs", "rules": [{"rule", "effect", "who", "what", "result",
 *          check: answer, …}], "more"}; NULL if memory ran out
 * Owner:   the caller
 */
json_t *policy_explain(const struct catalog *catalog, const struct catalog_user *user,
                       const char *target, const struct policy_facts *facts, size_t most);

/*
 * The same for an event: the rules that name both, as far as they fit, in one line such as
 * "office no, source yes, when no; night allows".
 * out      size bytes ≥ 8; always NUL-terminated
 */
void policy_explain_short(const struct catalog *catalog, const struct catalog_user *user,
                          const char *target, const struct policy_facts *facts, char *out,
                          size_t size);

/*
 * The short name of a verdict, as it stands in events ("allowed", "target_denied", …).
 * Owner:   static text, never NULL
 */
const char *policy_verdict_name(enum policy_verdict verdict);

#endif
