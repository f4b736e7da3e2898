/* SPDX-License-Identifier: Apache-2.0
 * The only place that turns bytes into integers and back.
 *
 * A reader is a cursor over borrowed bytes. The check lives in the read, the error sticks, and the
 * first one wins: after a failed read every further read gives 0, so that a parser reads like the
 * table in the specification and tests once, with rd_ok, before it uses any value.
 * A writer is a cursor over the caller's buffer; it sticks in the same way.
 */
#ifndef SP_BASE_WIRE_H
#define SP_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rd {
    const uint8_t *start; /* first byte given to rd_init          */
    const uint8_t *at;    /* next byte to be read                 */
    size_t left;          /* INVARIANT: at + left is the end      */
    struct sp_fail fail;
};

struct wr {
    uint8_t *buf;
    size_t size; /* capacity of buf                                */
    size_t pos;  /* INVARIANT: pos <= size                         */
    struct sp_fail fail;
};

/* ---- reading ---- */

/*
 * Start reading size bytes at data.
 * Owner:   data is borrowed for as long as r is used
 */
void rd_init(struct rd *r, const void *data, size_t size);

/* True while no read has failed. */
bool rd_ok(const struct rd *r);

/* Number of bytes consumed so far. */
size_t rd_pos(const struct rd *r);

/*
 * Record a failure of the caller's own check; the first failure stays.
 * Returns  the sticking code, never SP_OK
 */
enum sp_err rd_refuse(struct rd *r, enum sp_err code, const char *where, uint32_t got,
                      uint32_t want);

/* Read one byte; 0 after a failure. Errors: SP_ESHORT */
uint8_t rd_u8(struct rd *r, const char *where);
/* Read 16 bits, little-endian; 0 after a failure. Errors: SP_ESHORT */
uint16_t rd_u16le(struct rd *r, const char *where);
/* Read 16 bits, big-endian; 0 after a failure. Errors: SP_ESHORT */
uint16_t rd_u16be(struct rd *r, const char *where);
/* Read 32 bits, little-endian; 0 after a failure. Errors: SP_ESHORT */
uint32_t rd_u32le(struct rd *r, const char *where);
/* Read 32 bits, big-endian; 0 after a failure. Errors: SP_ESHORT */
uint32_t rd_u32be(struct rd *r, const char *where);
/* Read 64 bits, little-endian; 0 after a failure. Errors: SP_ESHORT */
uint64_t rd_u64le(struct rd *r, const char *where);

/*
 * Borrow the next size bytes and step over them.
 * Returns  pointer into the reader's data, or NULL after a failure (also when size is 0: non-NULL)
 * Errors:  SP_ESHORT
 */
const uint8_t *rd_bytes(struct rd *r, size_t size, const char *where);

/* Copy the next size bytes to dst; dst is zeroed after a failure. Errors: SP_ESHORT */
void rd_copy(struct rd *r, void *dst, size_t size, const char *where);

/* Step over size bytes. Errors: SP_ESHORT */
void rd_skip(struct rd *r, size_t size, const char *where);

/*
 * Open a reader on the next size bytes, which cannot leave its block, and step over them.
 * child    empty and failed when r has failed; the child's later failure is the caller's to return
 * Errors:  SP_ESHORT
 */
void rd_sub(struct rd *r, size_t size, struct rd *child, const char *where);

/* Refuse unless got == want. Errors: SP_EVALUE */
void rd_want(struct rd *r, const char *where, uint32_t got, uint32_t want);

/* Refuse unless got <= max. Errors: SP_ELIMIT */
void rd_max(struct rd *r, const char *where, uint32_t got, uint32_t max);

/* Refuse unless got >= min. Errors: SP_EVALUE */
void rd_min(struct rd *r, const char *where, uint32_t got, uint32_t min);

/* Refuse bytes that are left over. Errors: SP_ETRAIL */
void rd_end(struct rd *r, const char *where);

/* Take over a child's failure, if it has one, as r's own. */
void rd_adopt(struct rd *r, const struct rd *child);

/* ---- writing ---- */

/* Start writing into buf of size bytes. Owner: buf is borrowed for as long as w is used */
void wr_init(struct wr *w, void *buf, size_t size);

/* True while everything fitted. */
bool wr_ok(const struct wr *w);

/* Append one byte. Errors: SP_ESPACE */
void wr_u8(struct wr *w, uint8_t v);
/* Append 16 bits, little-endian. Errors: SP_ESPACE */
void wr_u16le(struct wr *w, uint16_t v);
/* Append 16 bits, big-endian. Errors: SP_ESPACE */
void wr_u16be(struct wr *w, uint16_t v);
/* Append 32 bits, little-endian. Errors: SP_ESPACE */
void wr_u32le(struct wr *w, uint32_t v);
/* Append 32 bits, big-endian. Errors: SP_ESPACE */
void wr_u32be(struct wr *w, uint32_t v);
/* Append 64 bits, little-endian. Errors: SP_ESPACE */
void wr_u64le(struct wr *w, uint64_t v);
/* Append size bytes. Errors: SP_ESPACE */
void wr_bytes(struct wr *w, const void *data, size_t size);
/* Append size zero bytes. Errors: SP_ESPACE */
void wr_zero(struct wr *w, size_t size);

/*
 * Leave room for size bytes that wr_patch_* fills later.
 * Returns  the position of the gap, to be given to wr_patch_*
 */
size_t wr_gap(struct wr *w, size_t size);

/* Fill a gap of 1 byte. A position outside what was written is our own mistake (SP_BUG). */
void wr_patch_u8(struct wr *w, size_t pos, uint8_t v);
/* Fill a gap of 2 bytes, little-endian. */
void wr_patch_u16le(struct wr *w, size_t pos, uint16_t v);
/* Fill a gap of 2 bytes, big-endian. */
void wr_patch_u16be(struct wr *w, size_t pos, uint16_t v);
/* Fill a gap of 4 bytes, little-endian. */
void wr_patch_u32le(struct wr *w, size_t pos, uint32_t v);

/* Refuse further writing; the first failure stays. Returns the sticking code. */
enum sp_err wr_refuse(struct wr *w, enum sp_err code, const char *where, uint32_t got,
                      uint32_t want);

#endif
