/* SPDX-License-Identifier: Apache-2.0
 * What the administrator wrote, checked as a whole and ready to be used: the server's settings, and
 * the catalog of users, groups, targets and rules (catalog.h).
 *
 * A file becomes a struct config or one message that names file, line, field, what was expected and
 * what to do. There is nothing in between: every name in a rule is resolved, every secret fetched,
 * every limit has its unit. docs/policy.md is the reference of the keys.
 */
#ifndef SP_KEEPER_CONFIG_H
#define SP_KEEPER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boot.h"
#include "base/err.h"
#include "base/ipc_msg.h"
#include "base/net.h"
#include "base/penalty.h"
#include "keeper/catalog.h"
#include "keeper/geoip.h"
#include "keeper/config_directory.h"
#include "keeper/config_webhooks.h"
#include "keeper/vault.h"
#include "keeper/guard_account.h"

#define CONFIG_PATH_SIZE   1024 /* every path is absolute after loading                 */
#define CONFIG_SOCKET_SIZE 108  /* what sockaddr_un.sun_path holds                      */
#define CONFIG_ERROR_SIZE  2048
#define CONFIG_TEXT_MAX    (32u * 1024u * 1024u) /* a larger file is refused    */
#define CONFIG_NAMES_MAX   32
#define CONFIG_EXEMPT_MAX  64 /* networks without penalties */

/* Every wait in milliseconds, 0 = no limit only where said. */
struct config_limits {
    uint32_t unauthenticated;    /* connections before authentication, in all          */
    uint32_t per_source;         /* of one IPv4 address or IPv6 /64                    */
    uint32_t early_drop_start;   /* random early drop begins at so many …              */
    uint32_t early_drop_percent; /* … with this chance, rising to 100 at unauthenticated */
    uint32_t first_byte_ms;
    uint32_t authenticate_ms;
    uint32_t connect_timeout_ms; /* name resolution and connect                 */
    uint32_t idle_ms;            /* 0 = none                                    */
    uint32_t drain_ms;           /* how long SIGTERM waits for sessions to end  */
    uint32_t drain_upgrade_ms;   /* how long an upgrade does; 0 = as long as they last */
    uint32_t dials;              /* connections being made at once              */
    uint32_t sessions;           /* authenticated, at once                      */
};

#define CONFIG_ROLE_MAX 32 /* accounts or groups of one role */

/* What somebody may do over the control socket: bits. */
enum config_role {
    CONFIG_ROLE_USER = 1,     /* whoever may open the socket: own things */
    CONFIG_ROLE_AUDITOR = 2,  /* look at everything                      */
    CONFIG_ROLE_APPROVER = 4, /* decide about requests                   */
    CONFIG_ROLE_ADMIN = 8,    /* everything                              */
};

/* An account or a group of this machine that has a role. */
struct config_role_entry {
    enum config_role role;
    bool is_group;
    uint32_t id;
};

#define CONFIG_DECOYS_MAX 64
#define CONFIG_ALLOW_MAX  256
#define CONFIG_BLOCK_MAX  1024

/* lobby: what is asked before a desktop. */
struct config_lobby {
    bool is_enabled, is_contrast;
    uint32_t idle_ms;
};

/* guard: who is kept out, besides penalties. */
struct config_guard {
    struct guard_account_rules account;
    uint8_t decoys[CONFIG_DECOYS_MAX][GUARD_KEY_SIZE]; /* keys of their names */
    uint32_t decoy_count, decoy_ban_ms;
    struct net allow[CONFIG_ALLOW_MAX], block[CONFIG_BLOCK_MAX];
    uint32_t allow_count, block_count;
    uint32_t tarpit_ms, tarpit_max; /* tarpit_ms 0 = refused connections are closed at once */
    char nft_table[32];             /* empty = nothing is mirrored                          */
};

struct config {
    char path[CONFIG_PATH_SIZE]; /* the file itself */
    char state_dir[CONFIG_PATH_SIZE];
    char event_log[CONFIG_PATH_SIZE];
    char control_socket[CONFIG_SOCKET_SIZE];
    char certificate[CONFIG_PATH_SIZE]; /* PEM chain; empty = generate one in state_dir */
    char key[CONFIG_PATH_SIZE];         /* PEM; empty exactly if certificate is         */
    enum vault_source master_key_source;
    char master_key[CONFIG_PATH_SIZE]; /* of the key or the passphrase; empty = in state_dir */
    struct config_role_entry roles[3 * CONFIG_ROLE_MAX];
    size_t role_count;
    char break_glass[CATALOG_NAME_SIZE]; /* whose members may; empty = nobody    */
    char ca_file[CONFIG_PATH_SIZE];      /* PEM; empty = none                            */
    char geoip_path[CONFIG_PATH_SIZE];   /* MaxMind DB; empty = none */
    struct geoip *geoip;                 /* owned; NULL = no country is known */
    char run_as[CATALOG_NAME_SIZE];      /* whom we become when started as root          */
    uint32_t run_as_uid, run_as_gid;     /* both 0 if not started as root                */
    uint32_t tls_min;                    /* 0x0303 or 0x0304                             */

    struct boot_listener listeners[BOOT_LISTENERS_MAX];
    size_t listener_count;
    char names[CONFIG_NAMES_MAX][IPC_HOST_MAX]; /* by which people call us */
    size_t name_count;
    struct config_limits limits;
    struct penalty_rules penalties;
    struct net exempt[CONFIG_EXEMPT_MAX];
    size_t exempt_count;
    struct config_guard guard;
    struct config_lobby lobby;

    struct config_directory *directory; /* owned; NULL = none */
    struct config_webhooks *webhooks;   /* owned; NULL = none */

    struct catalog *catalog; /* of this file alone; one reference, owned           */
    char *text;              /* owned: the file itself, so that a catalog of it and the store
                                can be made anew; may hold secrets                 */
    size_t text_size;
    bool has_mode; /* the file's permission bits are known */
    uint32_t mode;
};

/*
 * Read, check and resolve one configuration file.
 * out      written only on SP_OK; the caller frees it with config_free
 * error    error_size bytes, CONFIG_ERROR_SIZE is enough: "FILE:LINE: field …: expected …, found …;
 *          remedy". NUL-terminated, without a secret and with peer-chosen text escaped
 * Errors:  SP_ESYS the file cannot be read; SP_EDENIED others may read its secrets; SP_EVALUE
 */
SP_MUST_USE enum sp_err config_load(const char *path, struct config **out, char *error,
                                    size_t error_size);

/*
 * The same over text that is already in memory: what config_load, tests and the fuzzer share.
 * path     names the file in messages; relative paths in the text start from its folder
 * text     size bytes, need not be NUL-terminated
 * Errors:  as config_load
 */
SP_MUST_USE enum sp_err config_parse(const char *path, const char *text, size_t size,
                                     struct config **out, char *error, size_t error_size);

/* Wipe and free a configuration; NULL is allowed. */
void config_free(struct config *config);

/* The file's text as a source of a catalog. Owner: borrows from config */
struct catalog_source config_source(const struct config *config);

/* True for a user's name: UTF-8 without # \ @ / : and control characters or blanks at its ends. */
bool config_is_user_name(const char *text);

/* True if both are names and equal without regard to case. */
bool config_name_equal(const char *a, const char *b);

/*
 * The words of the configuration file for enum values ("pin", "required", "inject").
 * Owner:   static text; "?" for a value outside the enum
 */
const char *config_verify_name(enum ipc_verify_mode mode);
/* As config_verify_name. */
const char *config_nla_name(enum ipc_nla nla);
/* As config_verify_name. */
const char *config_login_name(enum ipc_login login);

/*
 * Write a listener as it stands in the configuration: "0.0.0.0:3389", "[::]:3389".
 * out      out_size bytes ≥ 56
 */
void config_listener_text(const struct boot_listener *listener, char *out, size_t out_size);

#endif
