/* SPDX-License-Identifier: Apache-2.0
 * The targets of a catalog: where they are, how Sallyport knows them, how it logs in.
 */
#include "keeper/config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "rdp/credssp.h"

static const char *const verify_names[] = {
    [IPC_TLS_CA] = "ca", [IPC_TLS_PIN] = "pin", [IPC_TLS_TOFU] = "tofu", [IPC_TLS_NONE] = "none"};
static const char *const nla_names[] = {
    [IPC_NLA_REQUIRED] = "required", [IPC_NLA_ALLOWED] = "allowed", [IPC_NLA_OFF] = "off"};
static const char *const login_names[] = {
    [IPC_LOGIN_INJECT] = "inject", [IPC_LOGIN_DELEGATE] = "delegate", [IPC_LOGIN_ASK] = "ask"};

const char *config_verify_name(enum ipc_verify_mode mode)
{
    return (unsigned)mode < IPC_TLS_MODE_COUNT ? verify_names[mode] : "?";
}

const char *config_nla_name(enum ipc_nla nla)
{
    return (unsigned)nla < IPC_NLA_COUNT ? nla_names[nla] : "?";
}

const char *config_login_name(enum ipc_login login)
{
    return (unsigned)login < IPC_LOGIN_COUNT ? login_names[login] : "?";
}

/* One target while it is being checked. */
struct place {
    struct config_load_state *s;
    const struct config_raw_target *raw;
    struct catalog_target *made;
    size_t index;
    char path[CONFIG_FIELD_SIZE];
};

static const char *at(struct place *p, const char *key)
{
    snprintf(p->path, sizeof(p->path), "targets[%zu]%s%s", p->index, key[0] ? "." : "", key);
    return p->path;
}

static int word_of(const char *text, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return -1;
}

static enum sp_err check_name(struct place *p)
{
    struct catalog *c = p->s->catalog;
    const char *name = p->raw->name;

    if (!config_is_label(p->raw->name))
        return config_refuse(p->s, SP_EVALUE, at(p, "name"), NULL, p->raw->name, NULL);
    if (catalog_names_add(&c->target_names, name, (uint32_t)(p->made - c->targets)) != SP_OK)
        return config_refuse_twice(p->s, CONFIG_SECTION_TARGETS,
                                   catalog_names_find(&c->target_names, name), "targets", p->index,
                                   name);
    snprintf(p->made->name, sizeof(p->made->name), "%s", p->raw->name);
    return SP_OK;
}

/* The tag of that name; a new one is made by its first target. */
static uint32_t tag_of(struct catalog *c, const char *name)
{
    uint32_t tag = catalog_names_find(&c->tag_names, name);

    if (tag != CATALOG_NONE)
        return tag;
    tag = (uint32_t)c->tag_count;
    if ((tag & (tag - 1)) == 0) { /* full: 0, 1, 2, 4, … */
        c->tags = reallocarray(c->tags, tag == 0 ? 1 : (size_t)tag * 2, sizeof(*c->tags));
        SP_BUG(c->tags == NULL);
    }
    c->tags[tag] = (struct catalog_tag){0};
    snprintf(c->tags[tag].name, sizeof(c->tags[tag].name), "%s", name);
    SP_BUG(catalog_names_add(&c->tag_names, name, tag) != SP_OK);
    c->tag_count++;
    return tag;
}

static enum sp_err check_tags(struct place *p)
{
    struct catalog *c = p->s->catalog;
    char key[32];

    for (size_t i = 0; i < p->raw->tags_count; i++) {
        snprintf(key, sizeof(key), "tags[%zu]", i);
        if (!config_is_label(p->raw->tags[i]))
            return config_refuse(p->s, SP_EVALUE, at(p, key), NULL, p->raw->tags[i], NULL);
        uint32_t tag = tag_of(c, p->raw->tags[i]);
        catalog_set_add(&p->made->tags, tag);
        catalog_set_add(&c->tags[tag].targets, (uint32_t)(p->made - c->targets));
    }
    return SP_OK;
}

static char *keep(const char *text, size_t size)
{
    char *made = strndup(text, size);

    SP_BUG(made == NULL);
    return made;
}

/* "DOMAIN\user", or "user" with the domain beside it; "user@domain" stays whole (a UPN). */
static enum sp_err check_account(struct place *p, const struct config_raw_inject *inject)
{
    struct catalog_target *made = p->made;
    const char *user = inject->user;
    const char *slash = strchr(user, '\\');
    uint8_t wide[IPC_NAME_MAX];
    size_t n = slash != NULL ? (size_t)(slash - user) : 0;

    if (slash != NULL && (inject->domain != NULL || n == 0 || n >= CATALOG_ACCOUNT_SIZE))
        return config_refuse(p->s, SP_EVALUE, at(p, "login.inject.user"), NULL, user,
                             inject->domain != NULL ? "the domain is given twice; remove one"
                                                    : NULL);
    if (slash != NULL) {
        made->login_domain = keep(user, n);
        user = slash + 1;
    } else if (inject->domain != NULL) {
        if (strlen(inject->domain) >= CATALOG_ACCOUNT_SIZE ||
            text_utf16le_from_utf8(inject->domain, wide, sizeof(wide), &n) != SP_OK)
            return config_refuse(p->s, SP_EVALUE, at(p, "login.inject.domain"), NULL,
                                 inject->domain, NULL);
        made->login_domain = keep(inject->domain, strlen(inject->domain));
    }
    if (user[0] == '\0' || strchr(user, '\\') != NULL || strlen(user) >= CATALOG_ACCOUNT_SIZE ||
        text_utf16le_from_utf8(user, wide, sizeof(wide), &n) != SP_OK)
        return config_refuse(p->s, SP_EVALUE, at(p, "login.inject.user"), NULL, inject->user, NULL);
    made->login_user = keep(user, strlen(user));
    return SP_OK;
}

static enum sp_err check_password(struct place *p, const struct config_raw_inject *inject)
{
    char text[SECRET_TEXT_MAX];
    enum sp_err err = config_secret(p->s, at(p, "login.inject.password"), inject->password, text);

    p->made->login_password = calloc(1, sizeof(*p->made->login_password));
    SP_BUG(p->made->login_password == NULL);
    if (err == SP_OK)
        err = secret_from_password(text, p->made->login_password);
    sp_wipe(text, sizeof(text));
    if (err != SP_OK)
        return config_refuse(p->s, err, at(p, "login.inject.password"), NULL, NULL, NULL);
    return SP_OK;
}

static enum sp_err check_login(struct place *p)
{
    const struct config_raw_login *login = p->raw->login;

    if ((login->delegate != NULL) + (login->ask != NULL) + (login->inject != NULL) != 1)
        return config_refuse(p->s, SP_EVALUE, at(p, "login"), NULL, NULL, "write one of them");
    if (login->inject == NULL) {
        bool is_ask = login->ask != NULL;

        if (strcmp(is_ask ? login->ask : login->delegate, "yes") != 0)
            return config_refuse(p->s, SP_EVALUE, at(p, is_ask ? "login.ask" : "login.delegate"),
                                 NULL, NULL, NULL);
        p->made->login = is_ask ? IPC_LOGIN_ASK : IPC_LOGIN_DELEGATE;
        return SP_OK;
    }
    p->made->login = IPC_LOGIN_INJECT;
    enum sp_err err = check_account(p, login->inject);
    return err == SP_OK ? check_password(p, login->inject) : err;
}

/* Old targets need an old TLS; the front's is not touched by it. */
static enum sp_err check_tls_min(struct place *p, const char *text)
{
    static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3"};
    int i = text != NULL ? word_of(text, versions, 4) : 2;

    if (i < 0)
        return config_refuse(p->s, SP_EVALUE, at(p, "tls.min"), NULL, text, NULL);
    p->made->tls_min = 0x0301u + (uint32_t)i;
    return SP_OK;
}

static enum sp_err check_tls(struct place *p)
{
    static const struct config_raw_tls none = {0};
    const struct config_raw_tls *tls = p->raw->tls != NULL ? p->raw->tls : &none;
    bool has_ca = p->s->has_ca;
    int mode = has_ca ? IPC_TLS_CA : IPC_TLS_TOFU;

    if (tls->verify != NULL)
        mode = word_of(tls->verify, verify_names, IPC_TLS_MODE_COUNT);
    else if (tls->pin != NULL)
        mode = IPC_TLS_PIN;
    if (mode < 0)
        return config_refuse(p->s, SP_EVALUE, at(p, "tls.verify"), NULL, tls->verify, NULL);
    if (mode == IPC_TLS_CA && !has_ca)
        return config_refuse(p->s, SP_EVALUE, at(p, "tls.verify"), "pin, tofu or none", "ca",
                             "verify: ca needs the top-level key ca_file, such as "
                             "/etc/ssl/certs/ca-certificates.crt");
    if (mode == IPC_TLS_PIN && tls->pin == NULL)
        return config_refuse(p->s, SP_EVALUE, at(p, "tls.pin"), NULL, NULL, "verify: pin needs it");
    if (mode != IPC_TLS_PIN && tls->pin != NULL)
        return config_refuse(p->s, SP_EVALUE, at(p, "tls.verify"), "pin, since a pin is given",
                             tls->verify, "remove one of the two");
    if (tls->pin != NULL && config_read_pin(tls->pin, p->made->pin) != SP_OK)
        return config_refuse(p->s, SP_EVALUE, at(p, "tls.pin"), NULL, tls->pin, NULL);
    p->made->tls_mode = (enum ipc_verify_mode)mode;
    return check_tls_min(p, tls->min);
}

/* Without NLA the password goes to whoever holds the certificate: it must be a known one. */
static enum sp_err check_nla(struct place *p)
{
    int nla = p->raw->nla != NULL ? word_of(p->raw->nla, nla_names, IPC_NLA_COUNT) : 0;

    if (nla < 0)
        return config_refuse(p->s, SP_EVALUE, at(p, "nla"), NULL, p->raw->nla, NULL);
    if (nla != IPC_NLA_REQUIRED && p->made->tls_mode == IPC_TLS_NONE)
        return config_refuse(p->s, SP_EVALUE, at(p, "nla"), "required, since tls.verify is none",
                             p->raw->nla,
                             "without NLA the password goes only to a verified or pinned "
                             "certificate; set tls.verify to ca, pin or tofu");
    if (nla == IPC_NLA_OFF && p->made->login == IPC_LOGIN_DELEGATE)
        return config_refuse(p->s, SP_EVALUE, at(p, "nla"), "required, since login is delegate",
                             p->raw->nla,
                             "a person's own password is delegated by NLA only; use login: inject");
    if (nla != IPC_NLA_OFF && p->made->login == IPC_LOGIN_ASK)
        return config_refuse(p->s, SP_EVALUE, at(p, "nla"), "off, since login is ask", p->raw->nla,
                             "with NLA there is no login screen before the login; write nla: off, "
                             "or use login: inject or delegate");
    p->made->nla = (enum ipc_nla)nla;
    return SP_OK;
}

/* What of CredSSP a target is offered besides the default. */
static enum sp_err check_credssp(struct place *p)
{
    const char *restricted = p->raw->restricted_admin, *min = p->raw->credssp_min;

    p->made->credssp_min = CREDSSP_VERSION_MIN;
    p->made->is_restricted = restricted != NULL && strcmp(restricted, "true") == 0;
    if (restricted != NULL && !p->made->is_restricted && strcmp(restricted, "false") != 0)
        return config_refuse(p->s, SP_EVALUE, at(p, "restricted_admin"), NULL, restricted, NULL);
    if (p->made->is_restricted && p->made->nla != IPC_NLA_REQUIRED)
        return config_refuse(p->s, SP_EVALUE, at(p, "restricted_admin"),
                             "false, since nla is not required", restricted,
                             "restricted admin mode is a mode of NLA");
    if (min == NULL)
        return SP_OK;
    if (min[0] < '2' || min[0] > '6' || min[1] != '\0')
        return config_refuse(p->s, SP_EVALUE, at(p, "credssp_min"), NULL, min, NULL);
    p->made->credssp_min = (uint32_t)(min[0] - '0');
    if (p->made->credssp_min < CREDSSP_VERSION_MIN && p->made->tls_mode == IPC_TLS_NONE)
        return config_refuse(p->s, SP_EVALUE, at(p, "credssp_min"),
                             "5 or 6, since tls.verify is none", min,
                             "before version 5 a host in between can have the login signed for "
                             "itself (CVE-2018-0886); set tls.verify to ca, pin or tofu");
    return SP_OK;
}

static enum sp_err check_redirects(struct place *p)
{
    const struct config_raw_target *raw = p->raw;

    if (raw->redirects_count == 0)
        return SP_OK;
    p->made->redirects = calloc(raw->redirects_count, sizeof(*p->made->redirects));
    SP_BUG(p->made->redirects == NULL);
    for (size_t i = 0; i < raw->redirects_count; i++) {
        struct catalog_redirect *made = &p->made->redirects[i];
        char host[IPC_HOST_MAX], key[32];

        snprintf(key, sizeof(key), "redirects[%zu]", i);
        if (config_read_address(raw->redirects[i], host, &made->port) != SP_OK ||
            strlen(host) >= sizeof(made->host))
            return config_refuse(p->s, SP_EVALUE, at(p, key), NULL, raw->redirects[i], NULL);
        memcpy(made->host, host, strlen(host) + 1);
    }
    p->made->redirect_count = raw->redirects_count;
    return SP_OK;
}

static enum sp_err check_target(struct place *p)
{
    char host[IPC_HOST_MAX];
    enum sp_err err = check_name(p);

    if (err != SP_OK)
        return err;
    if (config_read_address(p->raw->address, host, &p->made->port) != SP_OK)
        return config_refuse(p->s, SP_EVALUE, at(p, "address"), NULL, p->raw->address, NULL);
    p->made->host = keep(host, strlen(host));
    err = check_tags(p);
    if (err == SP_OK)
        err = check_login(p);
    if (err == SP_OK && p->made->login_domain == NULL)
        p->made->login_domain = keep("", 0);
    if (err == SP_OK && p->made->login_user == NULL)
        p->made->login_user = keep("", 0);
    if (err == SP_OK)
        err = check_tls(p);
    if (err == SP_OK)
        err = check_nla(p);
    if (err == SP_OK)
        err = check_credssp(p);
    return err == SP_OK ? check_redirects(p) : err;
}

enum sp_err config_check_targets(struct config_load_state *s)
{
    struct catalog *c = s->catalog;
    enum sp_err err = SP_OK;

    for (size_t i = 0; i < s->raw->targets_count && err == SP_OK; i++) {
        struct place p = {
            .s = s, .raw = &s->raw->targets[i], .made = &c->targets[c->target_count], .index = i};

        c->target_count++;
        err = check_target(&p);
    }
    return err;
}
