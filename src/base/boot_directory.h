/* SPDX-License-Identifier: Apache-2.0
 * What keeper hands to directory: one sealed memfd with its configuration, its keytab and the CA.
 */
#ifndef SP_BASE_BOOT_DIRECTORY_H
#define SP_BASE_BOOT_DIRECTORY_H

#include <stdint.h>

#include "base/err.h"
#include "base/ipc_directory.h"

#define BOOT_KEYTAB_MAX       (256u * 1024u)
#define BOOT_LDAP_CA_MAX      (1024u * 1024u)
#define BOOT_LDAP_TEXT_MAX    512
#define BOOT_DIRECTORY_GROUPS 64
#define BOOT_DIRECTORY_MAGIC  0x53504449u

struct boot_directory_group {
    char dn[BOOT_LDAP_TEXT_MAX];
    char group[IPC_DIRECTORY_GROUP_SIZE];
};

struct boot_directory {
    uint32_t magic, size;
    uint32_t uid, gid;
    uint32_t keytab_size; /* 0 = no Kerberos; the bytes follow the struct          */
    uint32_t ca_size;     /* of LDAP's CA bundle, PEM, behind the keytab           */
    uint32_t group_count;
    uint32_t is_start_tls;             /* uri is ldap://, StartTLS comes first        */
    char ldap_uri[BOOT_LDAP_TEXT_MAX]; /* empty = no LDAP                            */
    char base[BOOT_LDAP_TEXT_MAX];
    char bind_dn[BOOT_LDAP_TEXT_MAX];
    char bind_password[BOOT_LDAP_TEXT_MAX];
    char user_filter[BOOT_LDAP_TEXT_MAX]; /* {user} stands for the escaped name      */
    char group_attribute[IPC_DIRECTORY_GROUP_SIZE];
    struct boot_directory_group groups[BOOT_DIRECTORY_GROUPS];
};

/*
 * Make a sealed memfd of two blobs behind a head, each may be empty.
 * Returns  the descriptor (close-on-exec), or -1 with errno
 */
int boot_blob_write(const void *head, size_t head_size, const void *a, size_t a_size, const void *b,
                    size_t b_size);

#endif
