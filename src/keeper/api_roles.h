/* SPDX-License-Identifier: Apache-2.0
 * Who may give which command over the control socket.
 */
#ifndef SP_KEEPER_API_ROLES_H
#define SP_KEEPER_API_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "keeper/config.h"

/*
 * The roles of whoever is at the other end.
 * starter  who started the service: an administrator as well
 * uid      written if it is known
 * Returns  a set of enum config_role; 0 if the peer is not known or may not ask at all
 */
unsigned api_roles_of(const struct config *config, int fd, uid_t starter, uid_t *uid);

/* True if one of the roles may give the command; what is in no table is for administrators. */
bool api_roles_allow(unsigned roles, const char *command);

/* The command of a line; empty if there is none. out: size bytes */
void api_roles_command(const char *line, size_t line_size, char *out, size_t size);

/* "admin", "approver", "auditor" or "user": the highest of the set. Owner: static text */
const char *api_roles_name(unsigned roles);

#endif
