/* SPDX-License-Identifier: Apache-2.0
 * The one type in which keeper holds a password or a hash, and where a secret may come from.
 *
 * In the configuration a secret is written inline, as "file:PATH" or as "env:NAME". A file that
 * others can read is refused, since the secret in it is one no longer.
 */
#ifndef SP_KEEPER_SECRET_H
#define SP_KEEPER_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define SECRET_MAX         512 /* bytes: 256 units of UTF-16 or an NT hash */
#define SECRET_TEXT_MAX    1024
#define SECRET_MESSAGE_MAX 512

/* INVARIANT: bytes past size are zero; never copied by assignment into another lifetime. */
struct secret {
    size_t size;
    uint8_t bytes[SECRET_MAX];
};

/* Where a configured secret stands. */
enum secret_source { SECRET_INLINE, SECRET_FILE, SECRET_ENV };

/* Overwrite the secret and make it empty. */
void secret_clear(struct secret *s);

/* Where the written value says that the secret is: by its prefix "file:" or "env:", or inline. */
enum secret_source secret_source_of(const char *written);

/*
 * Fetch the text that a configured value stands for. One line end at the end of a file is dropped.
 * written  as in the configuration
 * dir      folder that a relative file: path starts from
 * out      SECRET_TEXT_MAX bytes, NUL-terminated, written only on SP_OK; the caller wipes it
 * message  message_size bytes: what was wrong and what to do, without the secret
 * Errors:  SP_ESYS cannot be read; SP_EDENIED others may read the file; SP_ELIMIT too long;
 *          SP_EVALUE empty, or a NUL or a second line inside
 */
SP_MUST_USE enum sp_err secret_resolve(const char *written, const char *dir, char *out,
                                       char *message, size_t message_size);

/*
 * Read 32 hexadecimal digits of an NT hash.
 * out      16 bytes, written only on SP_OK
 * Errors:  SP_EVALUE
 */
SP_MUST_USE enum sp_err secret_from_nt_hash(const char *text, struct secret *out);

/*
 * Turn a password into UTF-16LE, as every Windows protocol wants it.
 * Errors:  SP_EVALUE empty or not UTF-8; SP_ELIMIT more than 255 units
 */
SP_MUST_USE enum sp_err secret_from_password(const char *text, struct secret *out);

/*
 * True if a file of this mode and owner may hold secrets: not accessible to others, and to its
 * group only if root or we ourselves own it and the mode gives the group no more than reading.
 */
bool secret_mode_is_private(mode_t mode, uid_t owner);

#endif
