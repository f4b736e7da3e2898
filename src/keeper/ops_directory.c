/* SPDX-License-Identifier: Apache-2.0
 * What the table of verbs sees of directory: principals, and questions about a context.
 */
#include <stdio.h>
#include <string.h>

#include "keeper/keeper_priv.h"
#include "keeper/policy.h"

static uint32_t op_kerberos_min(void *ctx)
{
    const struct keeper *k = ctx;
    const struct config_directory *d = k->config->directory;

    return d != NULL && d->keytab != NULL ? d->credssp_min : 0;
}

static bool op_principal(void *ctx, const char *principal, char *user, struct session_account *out)
{
    const struct keeper *k = ctx;
    char name[CATALOG_NAME_SIZE];

    if (k->config->directory == NULL ||
        !config_directory_user(k->config->directory, principal, name))
        return false;
    const struct catalog_user *found = policy_find_user(k->catalog, name);
    if (found == NULL)
        return false;
    out->is_known = true;
    out->is_disabled = found->is_disabled;
    snprintf(user, IPC_NAME_MAX, "%s", found->name);
    return true;
}

/* The session may be gone by now: it is looked up by its number. */
static void on_done(void *ctx, const struct ipc_directory_answer *answer)
{
    struct keeper *k = ctx;
    struct session *s = registry_by_number(&k->registry, answer->id);

    if (s != NULL && session_gss_answered(s, &k->ops, answer) != SP_OK && s->kill_at_ms == 0)
        s->kill_at_ms = k->ops.now_ms(k) + EXIT_MS;
}

static enum sp_err op_gss(void *ctx, struct session *s, uint32_t kind, const uint8_t *data,
                          size_t size)
{
    struct keeper *k = ctx;
    struct edition **edition = keeper_gss_edition(s);

    if (kind == IPC_DIRECTORY_GSS_STEP && s->gss_steps == 1)
        *edition = k->now;
    if (*edition == NULL)
        return SP_ECLOSED;
    return directory_gss(k, *edition, s->number, kind, data, size, on_done, k);
}

void keeper_ops_directory(struct session_ops *ops)
{
    ops->kerberos_min = op_kerberos_min;
    ops->principal = op_principal;
    ops->gss = op_gss;
}
