/* SPDX-License-Identifier: Apache-2.0
 * The small part of DER that CredSSP and SPNEGO use: definite lengths, explicit tags, 16 KiB.
 */
#ifndef SP_RDP_DER_H
#define SP_RDP_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define DER_LENGTH_MAX 0x4000 /* content bytes of any element, ours and the peer's */

#define DER_INTEGER       0x02
#define DER_BIT_STRING    0x03
#define DER_OCTET_STRING  0x04
#define DER_OID           0x06
#define DER_ENUMERATED    0x0A
#define DER_SEQUENCE      0x30
#define DER_APPLICATION_0 0x60
#define DER_EXPLICIT(n)   ((uint8_t)(0xA0 | (n)))

/*
 * Open one element of the given tag: child covers its content, r steps over it.
 * Lengths may be longer than minimal, but have at most two octets after the first.
 * child    empty and failed when r failed
 * Errors:  SP_EVALUE other tag, indefinite length or more than two length octets;
 *          SP_ELIMIT more than DER_LENGTH_MAX; SP_ESHORT
 */
void der_enter(struct rd *r, uint8_t tag, struct rd *child, const char *where);

/* True if r has not failed and its next byte is this tag. */
bool der_at(const struct rd *r, uint8_t tag);

/*
 * Read explicit [n] holding exactly one element of the given tag; child covers the inner content.
 * Errors:  as der_enter; SP_ETRAIL bytes after the inner element
 */
void der_enter_explicit(struct rd *r, unsigned n, uint8_t tag, struct rd *child, const char *where);

/*
 * Read an INTEGER or ENUMERATED of the given tag that fits int64_t.
 * Returns  its value; 0 after a failure
 * Errors:  SP_EVALUE empty or more than 8 content octets; as der_enter
 */
int64_t der_integer(struct rd *r, uint8_t tag, const char *where);

/* Size of a whole element (tag, minimal length, content) with content_size bytes of content. */
size_t der_size(size_t content_size);

/*
 * Write a tag and a minimal length; the caller appends content_size bytes of content.
 * Errors:  SP_ELIMIT more than DER_LENGTH_MAX; SP_ESPACE
 */
void der_header(struct wr *w, uint8_t tag, size_t content_size);

/* Write a whole element of the given tag around size bytes. Errors: SP_ELIMIT, SP_ESPACE */
void der_bytes(struct wr *w, uint8_t tag, const void *data, size_t size);

/* Size of explicit [n] { element of size bytes of content }. */
size_t der_explicit_size(size_t size);

/* Write explicit [n] { element of the given tag around size bytes }. Errors: SP_ELIMIT, SP_ESPACE
 */
void der_explicit_bytes(struct wr *w, unsigned n, uint8_t tag, const void *data, size_t size);

#endif
