/* SPDX-License-Identifier: Apache-2.0
 * Text that a peer chose: UTF-16 to UTF-8 and back, and escaping before it is shown.
 */
#ifndef SP_BASE_TEXT_H
#define SP_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Convert UTF-16LE to UTF-8; unpaired surrogates and NUL units become U+FFFD.
 * in       in_size bytes; an odd last byte is ignored
 * out      out_size bytes ≥ 1; always NUL-terminated; cut at a character's border if too small
 * Returns  bytes written without the NUL
 */
size_t text_utf8_from_utf16le(const uint8_t *in, size_t in_size, char *out, size_t out_size);

/*
 * Convert UTF-8 to UTF-16LE without a terminating NUL.
 * in       NUL-terminated
 * out      out_size bytes
 * out_used bytes written, only on SP_OK
 * Errors:  SP_EVALUE not UTF-8; SP_ESPACE out too small
 */
SP_MUST_USE enum sp_err text_utf16le_from_utf8(const char *in, uint8_t *out, size_t out_size,
                                               size_t *out_used);

/*
 * Upper-case UTF-16LE in place, one unit to one unit, as NTLM wants user names (MS-NLMP 3.3.2).
 */
void text_upper_utf16le(uint8_t *text, size_t size);

/*
 * Make peer text fit for one log line: control bytes, quotes, backslashes and bytes that are not
 * UTF-8 become \xNN.
 * out      out_size bytes ≥ 1; always NUL-terminated; cut if too small
 */
void text_escape(const char *in, char *out, size_t out_size);

#endif
