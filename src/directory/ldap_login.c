/* SPDX-License-Identifier: Apache-2.0
 * LDAP: find the person as the service, bind as the person, map the groups. Over verified TLS only.
 */
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "directory/directory_priv.h"

#define WAIT_S        8
#define DN_MAX        1024
#define FILTER_MAX    2048
#define GROUPS_LOOKED 4096 /* values of the group attribute that are compared */

enum sp_err ldap_filter(const char *format, const char *user, char *out, size_t out_size)
{
    static const char hole[] = "{user}";
    const char *at = strstr(format, hole);
    size_t used = 0;

    if (at == NULL)
        return SP_EVALUE;
    for (; at != NULL; at = strstr(format, hole)) {
        int n = snprintf(out + used, out_size - used, "%.*s", (int)(at - format), format);
        if (n < 0 || (size_t)n >= out_size - used)
            return SP_ESPACE;
        used += (size_t)n;
        for (const unsigned char *c = (const unsigned char *)user; *c != '\0'; c++) {
            bool is_plain = *c >= 0x20 && *c < 0x7F && strchr("*()\\", *c) == NULL;

            n = snprintf(out + used, out_size - used, is_plain ? "%c" : "\\%02x", *c);
            if (n < 0 || (size_t)n >= out_size - used)
                return SP_ESPACE;
            used += (size_t)n;
        }
        format = at + sizeof(hole) - 1;
    }
    int n = snprintf(out + used, out_size - used, "%s", format);
    return n >= 0 && (size_t)n < out_size - used ? SP_OK : SP_ESPACE;
}

bool ldap_same_dn(const char *a, const char *b)
{
    for (;;) {
        while (*a == ' ' && (a[1] == ',' || a[1] == ' ' || a[1] == '\0'))
            a++;
        while (*b == ' ' && (b[1] == ',' || b[1] == ' ' || b[1] == '\0'))
            b++;
        if (*a == '\0' || *b == '\0')
            return *a == *b;
        if (strncasecmp(a, b, 1) != 0)
            return false;
        bool is_comma = *a == ',';
        a++;
        b++;
        while (is_comma && *a == ' ')
            a++;
        while (is_comma && *b == ' ')
            b++;
    }
}

static void ldap_why(struct ipc_directory_answer *answer, enum ipc_directory_status status,
                     const char *what, int code)
{
    directory_refuse(answer, status, "LDAP: %s: %s", what, ldap_err2string(code));
}

/* libldap's own code says little; what its TLS library said is kept apart. */
static void no_connection(struct ipc_directory_answer *answer, LDAP *ld, int code)
{
    char *detail = NULL;

    if (ld != NULL)
        ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &detail);
    directory_refuse(answer, IPC_DIRECTORY_FAILED, "LDAP: no verified connection: %s %.80s",
                     ldap_err2string(code), detail != NULL ? detail : "");
    ldap_memfree(detail);
}

/* A connection whose peer was verified, before a byte of a question is said. */
static LDAP *connect_verified(const struct boot_directory *b, int ca_fd,
                              struct ipc_directory_answer *answer)
{
    const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, server = 0;
    const int oldest = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    const struct timeval wait = {.tv_sec = WAIT_S};
    char ca[64];
    LDAP *ld = NULL;

    snprintf(ca, sizeof(ca), "/proc/self/fd/%d", ca_fd);
    int code = ldap_initialize(&ld, b->ldap_uri);
    if (code == LDAP_SUCCESS && (ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) != 0 ||
                                 ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != 0 ||
                                 ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &wait) != 0 ||
                                 ldap_set_option(ld, LDAP_OPT_TIMEOUT, &wait) != 0 ||
                                 ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca) != 0 ||
                                 ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) != 0 ||
                                 ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &oldest) != 0 ||
                                 ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &server) != 0))
        code = LDAP_LOCAL_ERROR;
    if (code == LDAP_SUCCESS)
        code = b->is_start_tls != 0 ? ldap_start_tls_s(ld, NULL, NULL) : ldap_connect(ld);
    if (code == LDAP_SUCCESS && !ldap_tls_inplace(ld))
        code = LDAP_CONFIDENTIALITY_REQUIRED;
    if (code == LDAP_SUCCESS)
        return ld;
    no_connection(answer, ld, code);
    if (ld != NULL)
        ldap_unbind_ext_s(ld, NULL, NULL);
    return NULL;
}

static int bind_as(LDAP *ld, const char *dn, const char *password, size_t size)
{
    struct berval secret = {size, (char *)(uintptr_t)password};

    return ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

static void add_group(const struct boot_directory *b, const char *dn,
                      struct ipc_directory_answer *answer)
{
    for (uint32_t i = 0; i < b->group_count; i++) {
        if (!ldap_same_dn(b->groups[i].dn, dn) || answer->group_count >= IPC_DIRECTORY_GROUPS_MAX)
            continue;
        memcpy(answer->groups[answer->group_count++], b->groups[i].group, IPC_DIRECTORY_GROUP_SIZE);
    }
}

static void map_groups(LDAP *ld, LDAPMessage *entry, const struct boot_directory *b,
                       struct ipc_directory_answer *answer)
{
    struct berval **values = ldap_get_values_len(ld, entry, b->group_attribute);

    for (size_t i = 0; values != NULL && values[i] != NULL && i < GROUPS_LOOKED; i++) {
        char dn[DN_MAX];

        if (values[i]->bv_len >= sizeof(dn) ||
            memchr(values[i]->bv_val, '\0', values[i]->bv_len) != NULL)
            continue;
        memcpy(dn, values[i]->bv_val, values[i]->bv_len);
        dn[values[i]->bv_len] = '\0';
        add_group(b, dn, answer);
    }
    ldap_value_free_len(values);
}

/* Exactly one entry is a person; none and several are refused alike. */
static bool find_person(LDAP *ld, const struct boot_directory *b, const char *filter,
                        char dn[DN_MAX], struct ipc_directory_answer *answer)
{
    char attribute[IPC_DIRECTORY_GROUP_SIZE];
    char *attributes[] = {attribute, NULL};
    LDAPMessage *result = NULL;
    bool is_found = false;

    memcpy(attribute, b->group_attribute, sizeof(attribute));
    int code = ldap_search_ext_s(ld, b->base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL, NULL,
                                 NULL, 2, &result);
    if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED) {
        ldap_why(answer, IPC_DIRECTORY_FAILED, "search", code);
    } else if (ldap_count_entries(ld, result) != 1) {
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "LDAP: %s",
                         ldap_count_entries(ld, result) > 1 ? "more than one entry has that name"
                                                            : "unknown user");
    } else {
        LDAPMessage *entry = ldap_first_entry(ld, result);
        char *text = ldap_get_dn(ld, entry);

        is_found = text != NULL && snprintf(dn, DN_MAX, "%s", text) < DN_MAX && dn[0] != '\0';
        ldap_memfree(text);
        if (is_found)
            map_groups(ld, entry, b, answer);
        else
            directory_refuse(answer, IPC_DIRECTORY_FAILED, "LDAP: the entry has no usable name");
    }
    ldap_msgfree(result);
    return is_found;
}

static void log_in(LDAP *ld, const struct boot_directory *b, const struct ipc_directory_ask *ask,
                   struct ipc_directory_answer *answer)
{
    char filter[FILTER_MAX], dn[DN_MAX];

    if (ldap_filter(b->user_filter, ask->user, filter, sizeof(filter)) != SP_OK) {
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "LDAP: the name does not fit the filter");
        return;
    }
    int code = bind_as(ld, b->bind_dn, b->bind_password, strlen(b->bind_password));
    if (code != LDAP_SUCCESS) {
        ldap_why(answer, IPC_DIRECTORY_FAILED, "bind_dn is refused", code);
        return;
    }
    if (!find_person(ld, b, filter, dn, answer))
        return;
    code = bind_as(ld, dn, (const char *)ask->data, ask->size);
    if (code == LDAP_SUCCESS) {
        answer->status = IPC_DIRECTORY_OK;
        return;
    }
    answer->group_count = 0;
    memset(answer->groups, 0, sizeof(answer->groups));
    if (code == LDAP_INVALID_CREDENTIALS)
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "LDAP: wrong password");
    else
        ldap_why(answer, IPC_DIRECTORY_FAILED, "bind as the person", code);
}

void ldap_login(const struct directory_settings *settings, const struct ipc_directory_ask *ask,
                struct ipc_directory_answer *answer)
{
    const struct boot_directory *b = &settings->boot;
    SP_FD ca = memfd_create("ca", MFD_CLOEXEC);

    answer->status = IPC_DIRECTORY_FAILED;
    if (b->ldap_uri[0] == '\0') {
        directory_refuse(answer, IPC_DIRECTORY_FAILED, "LDAP is not configured");
        return;
    }
    /* RFC 4513 5.1.2: a bind without a password succeeds and proves nothing. */
    if (ask->size == 0 || memchr(ask->data, '\0', ask->size) != NULL || ask->user[0] == '\0') {
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "LDAP: no name or no password");
        return;
    }
    if (ca < 0 || write(ca, settings->ca, b->ca_size) != (ssize_t)b->ca_size) {
        directory_refuse(answer, IPC_DIRECTORY_FAILED, "LDAP: no memory for the CA");
        return;
    }
    LDAP *ld = connect_verified(b, ca, answer);
    if (ld == NULL)
        return;
    log_in(ld, b, ask, answer);
    ldap_unbind_ext_s(ld, NULL, NULL);
}
