/* SPDX-License-Identifier: Apache-2.0
 * The few BER forms of the MCS connect PDUs: definite lengths and small numbers only.
 */
#ifndef SP_RDP_BER_H
#define SP_RDP_BER_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define BER_BOOLEAN      0x01
#define BER_INTEGER      0x02
#define BER_OCTET_STRING 0x04
#define BER_ENUMERATED   0x0a
#define BER_SEQUENCE     0x30

/*
 * Read a definite length of at most 4 octets; 0 after a failure.
 * Spec:    X.690 8.1.3
 * Errors:  SP_ESHORT; SP_EVALUE indefinite; SP_ELIMIT more than 4 length octets
 */
size_t ber_length_read(struct rd *r, const char *where);

/*
 * Step over tag and length, and open a reader on the contents.
 * tag      one octet, or two when above 0xff (0x7f65)
 * Errors:  SP_ESHORT; SP_EVALUE another tag; SP_ELIMIT
 */
void ber_open(struct rd *r, uint16_t tag, struct rd *contents, const char *where);

/*
 * Read an INTEGER that is not negative; 0 after a failure.
 * Two content octets are read as unsigned, since mstsc writes 65535 as 02 02 ff ff (MS-RDPBCGR
 * 4.1.3); other encodings with the sign bit set are refused.
 * Errors:  SP_ESHORT; SP_EVALUE negative or empty; SP_ELIMIT more than 4 content octets
 */
uint32_t ber_integer_read(struct rd *r, const char *where);

/* Read an ENUMERATED of one octet; 0 after a failure. Errors: SP_ESHORT; SP_EVALUE */
uint8_t ber_enumerated_read(struct rd *r, const char *where);

/* Number of bytes that ber_header_write appends. */
size_t ber_header_size(uint16_t tag, size_t contents_size);

/*
 * Append tag and the shortest definite length of contents that follow.
 * Errors:  SP_ELIMIT above 65535
 */
void ber_header_write(struct wr *w, uint16_t tag, size_t contents_size);

/*
 * Append an INTEGER in the shortest form, with a leading 0 where the sign bit would be set.
 * v        above INT32_MAX is our own mistake (SP_BUG)
 */
void ber_integer_write(struct wr *w, uint32_t v);

#endif
