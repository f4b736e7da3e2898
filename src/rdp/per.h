/* SPDX-License-Identifier: Apache-2.0
 * The few aligned-PER forms of the MCS domain PDUs and of GCC.
 */
#ifndef SP_RDP_PER_H
#define SP_RDP_PER_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define PER_LENGTH_MAX 0x3fff

/*
 * Read a length determinant of one or two bytes; two bytes are legal for small values too.
 * Spec:    X.691 10.9.3
 * Returns  0…16383; 0 after a failure
 * Errors:  SP_ESHORT; SP_EVALUE a fragmented length (top bits 11)
 */
uint16_t per_length_read(struct rd *r, const char *where);

/* Append a length in the shortest form. Errors: SP_ELIMIT above PER_LENGTH_MAX */
void per_length_write(struct wr *w, size_t length);

/* Leave room for a two-byte length. Returns the mark for per_length_end */
size_t per_length_gap(struct wr *w);

/* Fill the gap with what was appended behind it. Errors: SP_ELIMIT above PER_LENGTH_MAX */
void per_length_end(struct wr *w, size_t mark);

/*
 * Read an id that PER writes less its lower bound of 1001; 0 after a failure.
 * Spec:    T.125 7 (UserId, DynamicChannelId)
 * Errors:  SP_ESHORT; SP_EVALUE the sum is above 65535
 */
uint16_t per_user_id_read(struct rd *r, const char *where);

/* Append an id less 1001; a smaller one is our own mistake (SP_BUG). */
void per_user_id_write(struct wr *w, uint16_t id);

#endif
