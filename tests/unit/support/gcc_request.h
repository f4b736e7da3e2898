/* SPDX-License-Identifier: Apache-2.0
 * Client GCC data put together block by block, with right lengths around them.
 */
#ifndef SP_TEST_GCC_REQUEST_H
#define SP_TEST_GCC_REQUEST_H

#include <stdbool.h>

#include "rdp/gcc.h"

#define GCC_REQUEST_HEADER 23 /* to the first block, when both lengths have two bytes */
#define GCC_CORE_SIZE_MIN  132
#define GCC_CORE_SIZE_MAX  234

/*
 * Begin with CS_CORE of core_size bytes in all, taken from a capture, and an empty CS_SECURITY.
 * Returns  a writer into storage of this module: one request at a time
 */
struct wr gcc_request_begin(size_t core_size);

/* Append the header of a block whose body has body_size bytes. */
void gcc_request_block(struct wr *w, uint16_t type, size_t body_size);

/* Read what was put together, in an allocation of its exact size; on a failure where is set. */
enum sp_err gcc_request_read(const struct wr *w, bool extended, struct gcc_client *out,
                             const char **where);

#endif
