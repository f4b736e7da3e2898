/* SPDX-License-Identifier: Apache-2.0
 * What every parser must stand: its message cut short anywhere, and any byte of it changed.
 */
#ifndef SP_TEST_PROBE_H
#define SP_TEST_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

/* A parser behind a uniform face; out has the size given to the probe. */
typedef enum sp_err probe_fn(struct rd *r, void *out);

/*
 * Parse every shorter prefix of a vector, each in an allocation of exactly its size. A prefix must
 * fail and leave out alone, unless is_legal says that the message may end there.
 * is_legal NULL when no prefix is legal
 */
void probe_prefixes(const char *vector, probe_fn *parse, size_t out_size,
                    bool (*is_legal)(size_t size));

/*
 * Parse the vector with each byte set to each other value. It may be accepted or refused; a
 * refusal must have a place and leave out alone.
 * Returns how many were refused
 */
size_t probe_bytes(const char *vector, probe_fn *parse, size_t out_size);

/* Parse data of size bytes in an allocation of exactly that size; on SP_OK out is set. */
enum sp_err probe_parse(const uint8_t *data, size_t size, probe_fn *parse, void *out);

#endif
