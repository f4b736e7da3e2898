/* SPDX-License-Identifier: Apache-2.0
 * Golden bytes for unit tests: one case a file under tests/vectors, hexadecimal with # comments.
 */
#ifndef SP_TEST_VECTOR_H
#define SP_TEST_VECTOR_H

#include <stddef.h>
#include <stdint.h>

/*
 * Load tests/vectors/<name>: hex digits, blanks ignored, "#" starts a comment.
 * Returns  heap bytes for the caller to free, in an allocation of exactly *size bytes; a missing
 *          or malformed file ends the test program
 */
uint8_t *vector_load(const char *name, size_t *size);

/*
 * Copy the first size bytes into an allocation of exactly that size, so that ASan sees any
 * over-read.
 * Returns  heap bytes for the caller to free; non-NULL also for size 0
 */
uint8_t *vector_prefix(const uint8_t *data, size_t size);

#endif
