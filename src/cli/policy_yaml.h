/* SPDX-License-Identifier: Apache-2.0
 * YAML to JSON and back, for policies: every scalar is text.
 */
#ifndef SP_CLI_POLICY_YAML_H
#define SP_CLI_POLICY_YAML_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Read one YAML document.
 * error    error_size bytes: "LINE: what is wrong"
 * Returns  for the caller to json_decref; NULL after a mistake
 */
json_t *yaml_read(const char *text, size_t size, char *error, size_t error_size);

/* Write a value as a YAML document. Returns  false if it cannot be written */
bool yaml_write(FILE *to, const json_t *value);

#endif
