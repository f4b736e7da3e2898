/* SPDX-License-Identifier: Apache-2.0
 * directory: of the configuration, which is Kerberos and LDAP.
 */
#include "keeper/config_directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/config_priv.h"

#define CREDSSP_MIN_DEFAULT 5

void config_directory_free(struct config_directory *d)
{
    if (d == NULL)
        return;
    free(d->keytab);
    free(d->ldap_ca);
    free(d->principals);
    sp_wipe(d, sizeof(*d));
    free(d);
}

bool config_directory_user(const struct config_directory *d, const char *principal, char *out)
{
    const char *realm = strrchr(principal, '@');

    for (size_t i = 0; i < d->principal_count; i++) {
        if (strcmp(d->principals[i].principal, principal) != 0)
            continue;
        memcpy(out, d->principals[i].user, CATALOG_NAME_SIZE);
        return true;
    }
    if (d->realm[0] == '\0' || realm == NULL || strcmp(realm + 1, d->realm) != 0)
        return false;
    size_t size = (size_t)(realm - principal);
    char name[CATALOG_NAME_SIZE] = {0};
    if (size == 0 || size >= sizeof(name))
        return false;
    memcpy(name, principal, size);
    if (!config_is_user_name(name)) /* a host's or a service's: host/web01 */
        return false;
    memcpy(out, name, sizeof(name));
    return true;
}

/* Copy a text that has to fit. */
static enum sp_err take(struct config_load_state *s, const char *path, const char *text, char *out,
                        size_t out_size)
{
    size_t size = strlen(text);

    if (size == 0 || size >= out_size)
        return config_refuse(s, SP_EVALUE, path, NULL, text, NULL);
    memcpy(out, text, size);
    return SP_OK;
}

static enum sp_err take_path(struct config_load_state *s, const char *path, const char *text,
                             bool is_secret, char **out)
{
    *out = calloc(1, CONFIG_PATH_SIZE);
    if (*out == NULL)
        return SP_ESYS;
    enum sp_err err = config_path(s, path, text, *out, CONFIG_PATH_SIZE);
    return err == SP_OK ? config_check_file(s, path, *out, is_secret) : err;
}

static enum sp_err check_principals(struct config_load_state *s, struct config_directory *d,
                                    const struct config_raw_kerberos *raw)
{
    d->principals = calloc(raw->principals_count + 1u, sizeof(*d->principals));
    if (d->principals == NULL)
        return SP_ESYS;
    for (uint32_t i = 0; i < raw->principals_count; i++) {
        struct config_principal *p = &d->principals[i];
        char path[CONFIG_FIELD_SIZE];

        snprintf(path, sizeof(path), "directory.kerberos.principals[%u].principal", i);
        enum sp_err err =
            take(s, path, raw->principals[i].principal, p->principal, sizeof(p->principal));
        if (err == SP_OK && strchr(p->principal, '@') == NULL)
            err = config_refuse(s, SP_EVALUE, path, NULL, p->principal, NULL);
        snprintf(path, sizeof(path), "directory.kerberos.principals[%u].user", i);
        if (err == SP_OK && !config_is_user_name(raw->principals[i].user))
            err = config_refuse(s, SP_EVALUE, path, NULL, raw->principals[i].user, NULL);
        if (err == SP_OK)
            err = take(s, path, raw->principals[i].user, p->user, sizeof(p->user));
        if (err != SP_OK)
            return err;
        d->principal_count++;
    }
    return SP_OK;
}

static enum sp_err check_kerberos(struct config_load_state *s, struct config_directory *d,
                                  const struct config_raw_kerberos *raw)
{
    const char *oldest = "directory.kerberos.credssp_min";
    enum sp_err err = take_path(s, "directory.kerberos.keytab", raw->keytab, true, &d->keytab);

    d->credssp_min = CREDSSP_MIN_DEFAULT;
    if (err == SP_OK && raw->credssp_min != NULL &&
        (config_read_number(raw->credssp_min, &d->credssp_min) != SP_OK || d->credssp_min < 2 ||
         d->credssp_min > 6))
        return config_refuse(s, SP_EVALUE, oldest, NULL, raw->credssp_min, NULL);
    if (err == SP_OK && raw->users != NULL && strcmp(raw->users, "strip-realm") != 0)
        return config_refuse(s, SP_EVALUE, "directory.kerberos.users", NULL, raw->users, NULL);
    if (err == SP_OK && (raw->users != NULL) != (raw->realm != NULL))
        return config_refuse(s, SP_EVALUE, "directory.kerberos.users",
                             "realm: and users: strip-realm together, or neither", raw->users,
                             "say both, or list principals");
    if (err == SP_OK && raw->realm != NULL)
        err = take(s, "directory.kerberos.realm", raw->realm, d->realm, sizeof(d->realm));
    return err == SP_OK ? check_principals(s, d, raw) : err;
}

static enum sp_err check_groups(struct config_load_state *s, struct boot_directory *b,
                                const struct config_raw_ldap *raw)
{
    for (uint32_t i = 0; i < raw->groups_count; i++) {
        char path[CONFIG_FIELD_SIZE];

        snprintf(path, sizeof(path), "directory.ldap.groups[%u].dn", i);
        enum sp_err err =
            take(s, path, raw->groups[i].dn, b->groups[i].dn, sizeof(b->groups[i].dn));
        snprintf(path, sizeof(path), "directory.ldap.groups[%u].group", i);
        if (err == SP_OK && !config_is_label(raw->groups[i].group))
            err = config_refuse(s, SP_EVALUE, path, NULL, raw->groups[i].group, NULL);
        if (err == SP_OK)
            err =
                take(s, path, raw->groups[i].group, b->groups[i].group, sizeof(b->groups[i].group));
        if (err != SP_OK)
            return err;
        b->group_count++;
    }
    return SP_OK;
}

static enum sp_err check_bind(struct config_load_state *s, struct boot_directory *b,
                              const struct config_raw_ldap *raw)
{
    const char *field = "directory.ldap.bind_password";
    char text[SECRET_TEXT_MAX];
    enum sp_err err =
        take(s, "directory.ldap.bind_dn", raw->bind_dn, b->bind_dn, sizeof(b->bind_dn));

    if (err == SP_OK)
        err = config_secret(s, field, raw->bind_password, text);
    if (err != SP_OK)
        return err;
    if (strlen(text) >= sizeof(b->bind_password))
        err = config_refuse(s, SP_ELIMIT, field, NULL, NULL, "it is too long");
    else
        memcpy(b->bind_password, text, strlen(text) + 1);
    sp_wipe(text, sizeof(text));
    return err;
}

static enum sp_err check_ldap(struct config_load_state *s, struct config_directory *d,
                              const struct config_raw_ldap *raw)
{
    struct boot_directory *b = &d->boot;
    const char *attribute = raw->group_attribute != NULL ? raw->group_attribute : "memberOf";
    enum sp_err err = take(s, "directory.ldap.uri", raw->uri, b->ldap_uri, sizeof(b->ldap_uri));

    b->is_start_tls = strncmp(raw->uri, "ldap://", 7) == 0;
    if (err == SP_OK && !b->is_start_tls && strncmp(raw->uri, "ldaps://", 8) != 0)
        err = config_refuse(s, SP_EVALUE, "directory.ldap.uri", NULL, raw->uri, NULL);
    if (err == SP_OK)
        err = take_path(s, "directory.ldap.ca_file", raw->ca_file, false, &d->ldap_ca);
    if (err == SP_OK)
        err = take(s, "directory.ldap.base", raw->base, b->base, sizeof(b->base));
    if (err == SP_OK)
        err = check_bind(s, b, raw);
    if (err == SP_OK)
        err = take(s, "directory.ldap.user_filter", raw->user_filter, b->user_filter,
                   sizeof(b->user_filter));
    if (err == SP_OK && strstr(b->user_filter, "{user}") == NULL)
        err = config_refuse(s, SP_EVALUE, "directory.ldap.user_filter", NULL, b->user_filter, NULL);
    if (err == SP_OK)
        err = take(s, "directory.ldap.group_attribute", attribute, b->group_attribute,
                   sizeof(b->group_attribute));
    return err == SP_OK ? check_groups(s, b, raw) : err;
}

enum sp_err config_check_directory(struct config_load_state *s,
                                   const struct config_raw_directory *raw)
{
    struct config_directory *d;
    enum sp_err err = SP_OK;

    if (raw == NULL)
        return SP_OK;
    if (raw->kerberos == NULL && raw->ldap == NULL)
        return config_refuse(s, SP_EVALUE, "directory", NULL, NULL, NULL);
    d = s->config->directory = calloc(1, sizeof(*d));
    if (d == NULL)
        return SP_ESYS;
    if (raw->kerberos != NULL)
        err = check_kerberos(s, d, raw->kerberos);
    if (err == SP_OK && raw->ldap != NULL)
        err = check_ldap(s, d, raw->ldap);
    return err;
}
