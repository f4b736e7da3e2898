/* SPDX-License-Identifier: Apache-2.0
 * directory: of the configuration, as keeper and the process need it.
 */
#ifndef SP_KEEPER_CONFIG_DIRECTORY_H
#define SP_KEEPER_CONFIG_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boot_directory.h"
#include "keeper/catalog_names.h"

#define CONFIG_PRINCIPALS_MAX 1024

struct config_principal {
    char principal[IPC_DIRECTORY_NAME_MAX];
    char user[CATALOG_NAME_SIZE];
};

struct config_directory {
    char *keytab;  /* owned path; NULL = no Kerberos                                 */
    char *ldap_ca; /* owned path; NULL = no LDAP                                     */
    char realm[IPC_DIRECTORY_NAME_MAX];  /* whose principals are users; empty = of none */
    uint32_t credssp_min;                /* oldest CredSSP version with Kerberos, 2…6  */
    struct config_principal *principals; /* owned */
    size_t principal_count;
    struct boot_directory boot; /* its secrets included */
};

/* Wipe and free; NULL is allowed. */
void config_directory_free(struct config_directory *d);

/*
 * The user that a principal stands for: by the list, or by its realm.
 * out      CATALOG_NAME_SIZE bytes; written only if true is returned
 */
bool config_directory_user(const struct config_directory *d, const char *principal, char *out);

#endif
