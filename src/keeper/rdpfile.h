/* SPDX-License-Identifier: Apache-2.0
 * .rdp files: a connection's settings as text, signed so that mstsc trusts them.
 *
 * The signature is that of Windows' rdpsign: over those settings that could lead a person
 * elsewhere or open his machine, in a fixed order, as UTF-16LE; a setting outside that list is not
 * covered and nothing depends on it. "signscope" names what is covered, "signature" is base 64 of
 * a header of twelve bytes and a detached PKCS #7 signature.
 */
#ifndef SP_KEEPER_RDPFILE_H
#define SP_KEEPER_RDPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipc_msg.h"
#include "keeper/signer.h"

#define RDPFILE_TEXT_MAX  32768 /* bytes of UTF-8, signature included */
#define RDPFILE_LINE_MAX  1024
#define RDPFILE_LINES_MAX 64

/* What a file is to say. Texts are borrowed, UTF-8 without control characters. */
struct rdpfile {
    const char *host; /* our own name or address, IPv6 without brackets */
    uint16_t port;
    const char *user; /* what the person signs in as, with #TARGET; NULL leaves it to him */
    struct ipc_channels channels; /* what is worth offering */
};

/*
 * Write the settings, without a signature.
 * out      out_size bytes, lines end in CR LF, NUL-terminated; RDPFILE_TEXT_MAX is enough
 * Errors:  SP_EVALUE a text has a control character; SP_ESPACE
 */
SP_MUST_USE enum sp_err rdpfile_write(const struct rdpfile *file, char *out, size_t out_size);

/*
 * Sign settings.
 * text     NUL-terminated UTF-8, lines ending in CR LF; an older signature in it is left out
 * out      out_size bytes ≥ 1: the text with "signscope" and "signature" behind it
 * Errors:  SP_EVALUE no line that is signed, a control character, or not UTF-8; SP_ELIMIT too many
 *          or too long lines; SP_ESPACE; SP_ECRYPTO, SP_ESTATE as signer_detached
 */
SP_MUST_USE enum sp_err rdpfile_sign(const char *text, const struct signer *signer, char *out,
                                     size_t out_size);

#endif
