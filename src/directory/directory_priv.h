/* SPDX-License-Identifier: Apache-2.0
 * What the files of directory share.
 */
#ifndef SP_DIRECTORY_DIRECTORY_PRIV_H
#define SP_DIRECTORY_DIRECTORY_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boot_directory.h"
#include "base/err.h"
#include "base/ipc_directory.h"

#define DIRECTORY_WORKS_MAX 32    /* contexts and questions at once                    */
#define DIRECTORY_IDLE_MS   15000 /* how long a context waits for its next question */
#define DIRECTORY_ASK_MS    20000 /* no question takes longer                       */

/* Everything that was read at the start. */
struct directory_settings {
    struct boot_directory boot;
    uint8_t *keytab; /* boot.keytab_size bytes, owned; wiped once the acceptor has it */
    char *ca;        /* boot.ca_size bytes of PEM, NUL-terminated, owned              */
};

/* Fill in what went wrong; text is ours or was made printable. */
void directory_refuse(struct ipc_directory_answer *answer, enum ipc_directory_status status,
                      const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- gss.c ---- */

/*
 * Take the keytab into memory and make the acceptor's credentials of it, before the cage.
 * rcache_fd  a memfd that remembers tickets which were shown already; stays open
 * Errors:  SP_EVALUE the keytab cannot be used; SP_ESYS
 */
SP_MUST_USE enum sp_err gss_begin(const uint8_t *keytab, size_t size, int rcache_fd,
                                  struct sp_fail *fail);

/*
 * In a child: take one question about the child's one context.
 * answer   zeroed by the caller, its kind and id excepted
 * Returns  true if the context may be asked again
 */
bool gss_answer(const struct ipc_directory_ask *ask, struct ipc_directory_answer *answer);

/* ---- ldap_login.c ---- */

/* In a child: bind as the person, and find the groups. answer: as gss_answer */
void ldap_login(const struct directory_settings *settings, const struct ipc_directory_ask *ask,
                struct ipc_directory_answer *answer);

/*
 * Put a name into an LDAP filter at {user}.
 * Spec:    RFC 4515 3
 * out      out_size bytes, NUL-terminated
 * Errors:  SP_ESPACE; SP_EVALUE the template has no {user}
 */
SP_MUST_USE enum sp_err ldap_filter(const char *format, const char *user, char *out,
                                    size_t out_size);

/*
 * True if two distinguished names are the same, without regard to case and blanks around commas.
 */
bool ldap_same_dn(const char *a, const char *b);

#endif
