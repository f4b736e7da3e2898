/* SPDX-License-Identifier: Apache-2.0
 * "directory_test": whether a directory takes a name and password, and which groups it gives.
 */
#ifndef SP_KEEPER_API_DIRECTORY_H
#define SP_KEEPER_API_DIRECTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct control_client;

/*
 * Answer "directory_test"; nothing of its password is left behind but in line.
 * answer   NULL: it comes later; written only if true is returned
 * Returns  false if it is another command
 */
bool keeper_directory_answer(struct control_client *c, const char *line, size_t size,
                             json_t **answer);

#endif
