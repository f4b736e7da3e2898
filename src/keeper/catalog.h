/* SPDX-License-Identifier: Apache-2.0
 * Who there is, what there is, and who may reach what: users, groups, targets and rules.
 *
 *   the file's sections ─┐
 *                        ├─ catalog_make ─► one catalog, never changed again, shared by reference
 *   the store's documents┘
 *
 * Server settings stay in struct config. A catalog is replaced as a whole while the service runs:
 * whoever decided by an older one holds a reference to it for as long as it needs what it names.
 */
#ifndef SP_KEEPER_CATALOG_H
#define SP_KEEPER_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipc_msg.h"
#include "base/net.h"
#include "keeper/catalog_names.h"
#include "keeper/secret.h"

#define CATALOG_ACCOUNT_SIZE  257 /* login user and domain of a target, with NUL, UTF-8 */
#define CATALOG_REDIRECT_SIZE 61  /* a host's name there, with NUL                      */
#define CATALOG_PIN_SIZE      32  /* SHA-256 of the DER SubjectPublicKeyInfo            */
#define CATALOG_ZONE_SIZE     48  /* "America/Argentina/ComodRivadavia", with NUL   */
#define CATALOG_ERROR_SIZE    2048
#define CATALOG_SOURCES_MAX   4

#define CATALOG_USERS_MAX     65536
#define CATALOG_GROUPS_MAX    16384
#define CATALOG_TARGETS_MAX   65536
#define CATALOG_RULES_MAX     32768
#define CATALOG_TAGS_MAX      32 /* of one target */
#define CATALOG_REDIRECTS_MAX 32 /* of one target */

/* Indexes, rising, each once. */
struct catalog_set {
    uint32_t *items; /* owned */
    uint32_t count, room;
};

struct catalog_user {
    char name[CATALOG_NAME_SIZE]; /* as written; compared without regard to case    */
    bool is_disabled;             /* to the outside the same as an unknown user     */
    bool has_nt_hash;             /* without one NLA with a password is not for him */
    uint8_t nt_hash[16];
    struct catalog_set groups; /* that he is a member of          */
    struct catalog_set rules;  /* that name him, not his groups   */
};

struct catalog_group {
    char name[CATALOG_NAME_SIZE];
    struct catalog_set members; /* users */
    struct catalog_set rules;
};

/* Where a target may send its clients besides to other targets. */
struct catalog_redirect {
    char host[CATALOG_REDIRECT_SIZE];
    uint16_t port;
};

struct catalog_target {
    char name[CATALOG_NAME_SIZE];
    char *host; /* owned; DNS name or address, IPv6 without brackets */
    uint16_t port;
    struct catalog_set tags; /* indexes of catalog->tags */

    enum ipc_login login;
    char *login_user;              /* owned; inject: account on the target; else empty  */
    char *login_domain;            /* owned; may be empty                               */
    struct secret *login_password; /* owned; inject: UTF-16LE without NUL; else NULL    */

    enum ipc_verify_mode tls_mode;
    uint8_t pin[CATALOG_PIN_SIZE]; /* if tls_mode is IPC_TLS_PIN */
    uint32_t tls_min;              /* 0x0301…0x0304 towards this target */
    enum ipc_nla nla;
    bool is_restricted;                 /* restricted admin mode                              */
    uint32_t credssp_min;               /* 2…6                                                */
    struct catalog_redirect *redirects; /* owned */
    size_t redirect_count;
    struct catalog_set rules; /* that name it, not its tags */
};

struct catalog_tag {
    char name[CATALOG_NAME_SIZE]; /* as it was written first */
    struct catalog_set targets;
    struct catalog_set rules;
};

enum catalog_mfa { CATALOG_MFA_NONE, CATALOG_MFA_ANY, CATALOG_MFA_TOTP, CATALOG_MFA_WEBAUTHN };

/* How somebody has proven who he is on the way in; a rule's nla is a set of bits 1 << kind. */
enum catalog_nla {
    CATALOG_NLA_NONE,
    CATALOG_NLA_NTLM,
    CATALOG_NLA_KERBEROS,
    CATALOG_NLA_TICKET,
    CATALOG_NLA_COUNT
};

/* Days and hours in a time zone. */
struct catalog_when {
    bool is_set;
    uint8_t days; /* bit 0 = Sunday */
    bool has_hours;
    uint16_t from_min, to_min; /* of the local day; from > to goes over midnight */
    char zone[CATALOG_ZONE_SIZE];
};

/* An approval that somebody has to give before. */
struct catalog_approval {
    bool is_set, needs_reason;
    uint32_t group; /* who may give it, index in groups */
    uint32_t longest_ms;
    char *ticket; /* owned; POSIX extended regular expression, or NULL */
};

/* What must hold beside who and what; empty = does not matter. */
struct catalog_conditions {
    struct net *sources; /* owned */
    size_t source_count;
    char (*countries)[3]; /* owned; ISO 3166, upper case */
    size_t country_count;
    struct catalog_when when;
    uint32_t nla;                       /* 0 = any */
    char (*clients)[CATALOG_NAME_SIZE]; /* owned; patterns with * and ? */
    size_t client_count;
    bool has_builds;
    uint32_t build_least, build_most;
    enum catalog_mfa mfa;
    uint32_t fresh_ms; /* 0 = however long ago */
    struct catalog_approval approval;
    char *consent;                           /* owned; NULL = none is asked */
    uint32_t user_sessions, target_sessions; /* at most so many at once; 0 = no limit */
};

/* Who may reach what. Its place in the array is its place in the order of rules. */
struct catalog_rule {
    char name[CATALOG_NAME_SIZE];
    bool is_deny; /* it takes away what others give */
    struct catalog_set users, groups, targets, tags;
    struct catalog_conditions conditions;
    struct ipc_channels channels;
    bool has_idle;     /* else limits.idle holds             */
    uint32_t idle_ms;  /* 0 = none                           */
    uint32_t total_ms; /* of the whole session; 0 = no limit */
};

struct catalog {
    uint32_t references;
    struct catalog_user *users; /* owned arrays; an empty one may be NULL */
    struct catalog_group *groups;
    struct catalog_target *targets;
    struct catalog_tag *tags;
    struct catalog_rule *rules;
    size_t user_count, group_count, target_count, tag_count, rule_count;
    bool counts_sessions; /* some rule limits sessions at once */
    struct catalog_names user_names, group_names, target_names, tag_names, rule_names;
};

/* One text with the sections users, groups, targets and rules. All of it is borrowed. */
struct catalog_source {
    const char *label; /* of messages: a file's path, or such as "store"                     */
    const char *text;  /* YAML, so JSON as well                                              */
    size_t size;
    bool is_file;  /* the configuration file: server settings may stand in it, secrets may be
                      file:PATH or env:NAME. False: none of it, as whoever may change the store
                      need not be allowed to read keeper's files                             */
    bool has_mode; /* of a file: its permission bits are known …                             */
    uint32_t mode; /* … and refuse secrets in it if others may read them                     */
};

/* ---- catalog_make.c ---- */

/*
 * Read, check and resolve the sources as one whole: any may name what another defines, and a name
 * that two define is an error that names both.
 * out      written only on SP_OK, with one reference, the caller's
 * error    error_size bytes, CATALOG_ERROR_SIZE is enough: "LABEL:LINE: field …: …", as config_load
 * Errors:  SP_EVALUE, SP_ELIMIT, SP_EDENIED, SP_ESYS
 */
SP_MUST_USE enum sp_err catalog_make(const struct catalog_source *sources, size_t count,
                                     struct catalog **out, char *error, size_t error_size);

/* ---- catalog.c ---- */

/* Take one more reference. Returns  catalog */
struct catalog *catalog_ref(struct catalog *catalog);

/* Give a reference back and set it to NULL; the last one wipes and frees. NULL is allowed. */
void catalog_unref(struct catalog **catalog);

/* A catalog of nothing, with one reference. */
struct catalog *catalog_new(void);

/*
 * Find by name, without regard to case. How long it takes depends on the name that is asked for,
 * not on whether there is one.
 * Returns  a pointer into catalog, or NULL
 */
const struct catalog_user *catalog_find_user(const struct catalog *catalog, const char *name);
/* As catalog_find_user. */
const struct catalog_group *catalog_find_group(const struct catalog *catalog, const char *name);
/* As catalog_find_user. */
const struct catalog_target *catalog_find_target(const struct catalog *catalog, const char *name);
/* As catalog_find_user. */
const struct catalog_rule *catalog_find_rule(const struct catalog *catalog, const char *name);

/* True if a user (of this catalog) is a member of a group (of this catalog). */
bool catalog_is_member(const struct catalog *catalog, const struct catalog_user *user,
                       const struct catalog_group *group);

/* True if index is in the set. */
bool catalog_set_has(const struct catalog_set *set, uint32_t index);

/* Add an index to a set; what is there already is not added twice. */
void catalog_set_add(struct catalog_set *set, uint32_t index);

/* Free what a set holds. */
void catalog_set_clear(struct catalog_set *set);

#endif
