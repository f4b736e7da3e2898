/* SPDX-License-Identifier: Apache-2.0
 * What the client's and the server's GCC data have in common; private to gcc*.c.
 */
#ifndef SP_RDP_GCC_BLOCK_H
#define SP_RDP_GCC_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define GCC_BLOCK_HEADER_SIZE 4

/* How one kind of block is read; body ends where the block ends. */
struct gcc_block_kind {
    uint16_t type;
    void (*read)(struct rd *body, void *out);
};

/*
 * Read blocks to the end of r: each known one at most once, unknown ones are skipped.
 * Spec:    MS-RDPBCGR 2.2.1.3.1, 2.2.1.4.1
 * kinds    count entries, at most 32; out goes to their read
 * Returns  the set of kinds seen, bit i for kinds[i]
 * Errors:  SP_ESHORT; SP_EVALUE length below 4; SP_ESTATE a block twice; SP_ETRAIL block too long
 */
uint32_t gcc_blocks_read(struct rd *r, const struct gcc_block_kind *kinds, size_t count, void *out);

/* Append a block header. Returns the mark for gcc_block_end */
size_t gcc_block_begin(struct wr *w, uint16_t type);

/* Back-fill the length of the block begun at mark. */
void gcc_block_end(struct wr *w, size_t mark);

/* Read the T.124 object key that opens ConnectData. Spec: T.124 8.7. Errors: SP_EVALUE */
void gcc_key_read(struct rd *r);

/* Append the T.124 object key. */
void gcc_key_write(struct wr *w);

/* Read the four letters that name the sender's settings ("Duca", "McDn"). Errors: SP_EVALUE */
void gcc_h221_read(struct rd *r, const char *key);

#endif
