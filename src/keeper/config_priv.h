/* SPDX-License-Identifier: Apache-2.0
 * How a configuration file is read, for the files config*.c alone.
 *
 *   text ─ config_map (YAML events: line of every field; no anchors, no doubles)
 *        ─ libcyaml with config_schema.c (which keys, lists, mappings) → struct config_raw, text
 * only ─ config_check*.c (meaning, names, secrets, sets) → struct config
 */
#ifndef SP_KEEPER_CONFIG_PRIV_H
#define SP_KEEPER_CONFIG_PRIV_H

#include <cyaml/cyaml.h>

#include "keeper/config.h"

#define CONFIG_FIELD_SIZE  256
#define CONFIG_NETS_MAX    256 /* sources or countries of one rule */
#define CONFIG_CLIENTS_MAX 64  /* patterns of one rule             */

/* ---- config_map.c ---- */

enum config_node_kind { CONFIG_NODE_TEXT, CONFIG_NODE_LIST, CONFIG_NODE_MAP };

struct config_node {
    char *path; /* "targets[1].tls.pin"; "" is the whole file */
    uint32_t line;
    enum config_node_kind kind;
    bool is_empty; /* nothing, not even quotes: "key:" */
};

struct config_map {
    struct config_node *nodes;
    size_t count, room;
};

/* The sections that make a catalog. */
enum config_section {
    CONFIG_SECTION_USERS,
    CONFIG_SECTION_GROUPS,
    CONFIG_SECTION_TARGETS,
    CONFIG_SECTION_RULES,
    CONFIG_SECTION_COUNT
};

/* The state of one load. */
struct config_load_state {
    const char *path;
    char dir[CONFIG_PATH_SIZE]; /* absolute folder of path */
    bool has_mode;              /* mode is known: text came from a file */
    uint32_t mode;              /* permission bits of the file          */
    struct config_map map;
    struct config *config;                  /* NULL where only a catalog is made                  */
    struct catalog *catalog;                /* being made; shared by all sources                  */
    const struct config_load_state *others; /* all sources of the catalog …            */
    size_t other_count;                     /* … of which this is one                  */
    bool is_file, has_ca;                   /* see catalog_source; ca_file is set       */
    struct config_raw *raw;                 /* owned until the catalog is made          */
    size_t bases[CONFIG_SECTION_COUNT];     /* index in the catalog of this source's first entry */
    enum sp_err err;                        /* of the first refusal; later ones are ignored */
    char *error;
    size_t error_size;
};

/*
 * Walk the YAML once: remember the line of every field; refuse what is not YAML, doubled keys,
 * anchors, aliases, tags, several documents and NUL characters. Writes "login: delegate" or "ask"
 * as a mapping, which is the one form a libcyaml schema can take. text     size bytes normal heap,
 * *normal_size bytes, set on SP_OK; the caller wipes and frees it
 */
SP_MUST_USE enum sp_err config_map_build(struct config_load_state *s, const char *text, size_t size,
                                         char **normal, size_t *normal_size);

/* The node of a path, or NULL. */
const struct config_node *config_map_find(const struct config_map *map, const char *path);

/* The line of a path, or of the nearest parent that has one; 1 if there is none. */
uint32_t config_map_line(const struct config_map *map, const char *path);

/* Free what config_map_build remembered. */
void config_map_clear(struct config_map *map);

/* ---- config_schema.c ---- */

struct config_raw_inject {
    char *user, *domain, *password;
};

struct config_raw_login {
    char *delegate, *ask;
    struct config_raw_inject *inject;
};

struct config_raw_tls {
    char *verify, *pin, *min;
};

struct config_raw_listener {
    char *address, *proxy_protocol, *limit, *jit_port;
    char **trusted;
    uint32_t trusted_count;
};

struct config_raw_master_key {
    char *file, *credential, *passphrase_file;
};

struct config_raw_api {
    char **admins, **approvers, **auditors;
    uint32_t admins_count, approvers_count, auditors_count;
};

struct config_raw_break_glass {
    char *group;
};

struct config_raw_certificate {
    char *cert, *key;
};

struct config_raw_penalties {
    char *no_auth, *auth_failure, *violation, *crash, *exploit, *factor_failure, *min, *max;
    char **exempt;
    uint32_t exempt_count;
};

struct config_raw_nftables {
    char *table;
};

struct config_raw_lobby {
    char *enabled, *idle, *contrast;
};

struct config_raw_guard {
    char *account_tries, *account_consecutive, *decoy_ban, *tarpit, *tarpit_max;
    char **decoys, **allow, **block;
    uint32_t decoys_count, allow_count, block_count;
    struct config_raw_nftables *nftables;
};

struct config_raw_limits {
    char *unauthenticated, *per_source, *early_drop, *first_byte, *authenticate, *connect_timeout;
    char *idle, *drain, *drain_upgrade, *dials, *sessions;
    struct config_raw_penalties *penalties;
};

struct config_raw_user {
    char *name, *nt_hash, *disabled;
};

struct config_raw_group {
    char *name;
    char **members;
    uint32_t members_count;
};

struct config_raw_target {
    char *name, *address, *nla, *restricted_admin, *credssp_min;
    char **tags, **redirects;
    uint32_t tags_count, redirects_count;
    struct config_raw_login *login;
    struct config_raw_tls *tls;
};

struct config_raw_channels {
    char *clipboard, *drives, *printers, *smartcards, *ports, *usb, *camera, *microphone;
    char *sound, *display_control, *remoteapp, *webauthn, *graphics;
    char **clipboard_kinds;
    uint32_t clipboard_kinds_count;
};

struct config_raw_when {
    char **days;
    uint32_t days_count;
    char *hours, *zone;
};

struct config_raw_clients {
    char **names;
    uint32_t names_count;
    char *builds;
};

struct config_raw_approval {
    char *by, *longest, *reason, *ticket;
};

struct config_raw_require {
    struct config_raw_approval *approval;
};

struct config_raw_concurrent {
    char *user, *target;
};

struct config_raw_rule {
    char *name, *effect, *idle, *total, *mfa, *fresh, *consent;
    char *recording, *watermark, *four_eyes;
    struct config_raw_channels *channels;
    struct config_raw_when *when;
    struct config_raw_clients *clients;
    struct config_raw_require *require;
    struct config_raw_concurrent *concurrent;
    char **users, **groups, **targets, **tags, **sources, **countries, **nla;
    uint32_t users_count, groups_count, targets_count, tags_count, sources_count, countries_count;
    uint32_t nla_count;
};

struct config_raw_principal {
    char *principal, *user;
};

struct config_raw_kerberos {
    char *keytab, *realm, *users, *credssp_min;
    struct config_raw_principal *principals;
    uint32_t principals_count;
};

struct config_raw_ldap_group {
    char *dn, *group;
};

struct config_raw_ldap {
    char *uri, *ca_file, *base, *bind_dn, *bind_password, *user_filter, *group_attribute;
    struct config_raw_ldap_group *groups;
    uint32_t groups_count;
};

struct config_raw_directory {
    struct config_raw_kerberos *kerberos;
    struct config_raw_ldap *ldap;
};

struct config_raw_webhook {
    char *url, *secret, **events;
    uint32_t events_count;
};

/* The file as libcyaml gives it: a key that is absent is NULL. */
struct config_raw {
    char *state_dir, *event_log, *control_socket, *user, *tls_min, *ca_file, *geoip;
    struct config_raw_listener *listeners;
    char **names;
    uint32_t listeners_count, names_count;
    struct config_raw_certificate *certificate;
    struct config_raw_master_key *master_key;
    struct config_raw_api *api;
    struct config_raw_break_glass *break_glass;
    struct config_raw_limits *limits;
    struct config_raw_directory *directory;
    struct config_raw_webhook *webhooks;
    uint32_t webhooks_count;
    struct config_raw_guard *guard;
    struct config_raw_lobby *lobby;
    struct config_raw_user *users;
    struct config_raw_group *groups;
    struct config_raw_target *targets;
    struct config_raw_rule *rules;
    uint32_t users_count, groups_count, targets_count, rules_count;
};

/*
 * Load YAML by the schema.
 * out      set on SP_OK; free with config_raw_free
 * Errors:  SP_EVALUE, with the message written through config_refuse
 */
SP_MUST_USE enum sp_err config_raw_load(struct config_load_state *s, const char *text, size_t size,
                                        struct config_raw **out);

/* Wipe and free; NULL is allowed. */
void config_raw_free(struct config_raw *raw);

/* ---- config_explain.c ---- */

/*
 * Refuse a field: compose the message unless one is there already.
 * path     of the field; its last [i] and .key may be absent from the file
 * expected what should stand there; NULL = what the table of fields says
 * found    what stands there, or NULL to show nothing; never a secret. It is escaped and quoted
 * remedy   what to do; NULL = what the table of fields says
 * Returns  code
 */
enum sp_err config_refuse(struct config_load_state *s, enum sp_err code, const char *path,
                          const char *expected, const char *found, const char *remedy);

/*
 * The same for a message of another form: "FILE:LINE: text".
 * line     0 leaves the line out
 */
enum sp_err config_refuse_text(struct config_load_state *s, enum sp_err code, uint32_t line,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * What the table says should stand at a path; indexes in it do not matter.
 * Owner:   static text; never NULL
 */
const char *config_expected(const char *path);

/* True if the table has the path, so that its name may be shown: no text from the file in it. */
bool config_is_known(const char *path);

/*
 * The keys that a mapping may have, comma-separated, for messages.
 * out      out_size bytes; empty if the path is not a mapping of ours
 */
void config_known_keys(const char *path, char *out, size_t out_size);

/* ---- config_values.c ---- */

/* Read "5s", "500ms", "10m", "2h", "1d" or "0" as milliseconds. Errors: SP_EVALUE, SP_ELIMIT */
SP_MUST_USE enum sp_err config_read_duration(const char *text, uint32_t *out_ms);

/* Read a decimal number. Errors: SP_EVALUE, SP_ELIMIT above 2^32 - 1 */
SP_MUST_USE enum sp_err config_read_number(const char *text, uint32_t *out);

/* Read "0.0.0.0:3389" or "[::]:3389". Errors: SP_EVALUE */
SP_MUST_USE enum sp_err config_read_listener(const char *text, struct boot_listener *out);

/*
 * Read "host", "host:port", "[v6]" or "[v6]:port"; the port is 3389 if absent.
 * host     IPC_HOST_MAX bytes
 * Errors:  SP_EVALUE
 */
SP_MUST_USE enum sp_err config_read_address(const char *text, char *host, uint16_t *port);

/* True for a DNS name or an address without a port. */
bool config_is_host(const char *text);

/* Read "sha256:" and 64 hexadecimal digits (colons between pairs allowed) or base64. SP_EVALUE */
SP_MUST_USE enum sp_err config_read_pin(const char *text, uint8_t out[CATALOG_PIN_SIZE]);

/* True for the name of a group, target, rule or tag: letters, digits, '.', '_', '-'. */
bool config_is_label(const char *text);

/* ---- config_check.c: the file's own keys ---- */

/* Check everything but users, groups, targets and rules; fills s->config. */
SP_MUST_USE enum sp_err config_check_service(struct config_load_state *s,
                                             const struct config_raw *raw);

/* Check master_key and api; part of config_check_service. */
SP_MUST_USE enum sp_err config_check_api(struct config_load_state *s, const struct config_raw *raw);

/* Check the listeners; part of config_check_service. */
SP_MUST_USE enum sp_err config_check_listeners(struct config_load_state *s,
                                               const struct config_raw *raw);

/* Check limits; a NULL is all defaults. */
SP_MUST_USE enum sp_err config_check_limits(struct config_load_state *s,
                                            const struct config_raw_limits *raw);

/* Check webhooks, after ca_file. */
SP_MUST_USE enum sp_err config_check_webhooks(struct config_load_state *s,
                                              const struct config_raw *raw);

/* Check directory; a NULL is none. */
SP_MUST_USE enum sp_err config_check_directory(struct config_load_state *s,
                                               const struct config_raw_directory *raw);

/*
 * A file that must be there now, so that `check` finds a wrong path before `serve` does.
 * is_secret  others may not read it
 */
SP_MUST_USE enum sp_err config_check_file(struct config_load_state *s, const char *field,
                                          const char *path, bool is_secret);
/* Check lobby; a NULL is all defaults. */
SP_MUST_USE enum sp_err config_check_lobby(struct config_load_state *s,
                                           const struct config_raw_lobby *raw);

/* Check guard; a NULL is all defaults. */
SP_MUST_USE enum sp_err config_check_guard(struct config_load_state *s,
                                           const struct config_raw_guard *raw);

/* Check limits.penalties; a NULL is all defaults. */
SP_MUST_USE enum sp_err config_check_penalties(struct config_load_state *s,
                                               const struct config_raw_penalties *raw);

/* ---- config_read.c ---- */

/*
 * Read a source as far as libcyaml does: s->map and s->raw are set on success, and whatever there
 * is of them is given back by config_read_clear in any case.
 * text     size bytes
 */
SP_MUST_USE enum sp_err config_read(struct config_load_state *s, const char *text, size_t size);

/* Wipe and free what config_read made. */
void config_read_clear(struct config_load_state *s);

/* ---- catalog_make.c ---- */

/*
 * Make the catalog of sources that were read.
 * states   count of them; what is refused is said in the one where it stands
 * out      written only on SP_OK
 */
SP_MUST_USE enum sp_err config_make_catalog(struct config_load_state *states, size_t count,
                                            struct catalog **out);

/*
 * Refuse a name that is there already.
 * first    index in the catalog of who has it
 * key      of the section, "users"
 * index    of the entry in s
 */
enum sp_err config_refuse_twice(struct config_load_state *s, enum config_section section,
                                uint32_t first, const char *key, size_t index, const char *name);

/* ---- config_access.c, config_rules.c, config_targets.c, config_channels.c ---- */

/* Check the users of one source, and add them to s->catalog, which has the room. */
SP_MUST_USE enum sp_err config_check_users(struct config_load_state *s);

/* As config_check_users, once all users are known. */
SP_MUST_USE enum sp_err config_check_groups(struct config_load_state *s);

/* As config_check_users. */
SP_MUST_USE enum sp_err config_check_targets(struct config_load_state *s);

/* As config_check_users, once all others are known. */
SP_MUST_USE enum sp_err config_check_rules(struct config_load_state *s);

/* Fill a rule's channels and limits, with what holds where it says nothing. */
SP_MUST_USE enum sp_err config_check_channels(struct config_load_state *s,
                                              const struct config_raw_rule *raw, size_t index,
                                              struct catalog_rule *made);

/* ---- config_conditions.c, config_demands.c ---- */

/* Fill what a rule is on condition of: where from, when, by which client and which NLA. */
SP_MUST_USE enum sp_err config_check_conditions(struct config_load_state *s,
                                                const struct config_raw_rule *raw, size_t index,
                                                struct catalog_rule *made);

/* Fill what a rule demands of the person: factors, approval, consent; and the words kept free. */
SP_MUST_USE enum sp_err config_check_demands(struct config_load_state *s,
                                             const struct config_raw_rule *raw, size_t index,
                                             struct catalog_rule *made);

/*
 * Fetch a secret of the file: refuses an inline one in a file that others can read.
 * out      SECRET_TEXT_MAX bytes; the caller wipes it
 */
SP_MUST_USE enum sp_err config_secret(struct config_load_state *s, const char *path,
                                      const char *written, char *out);

/*
 * Make a path absolute from the file's folder.
 * Errors:  refused if it does not fit out_size
 */
SP_MUST_USE enum sp_err config_path(struct config_load_state *s, const char *field,
                                    const char *written, char *out, size_t out_size);

#endif
