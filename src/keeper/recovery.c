/* SPDX-License-Identifier: Apache-2.0
 * Recovery codes: ten words for the day on which the telephone is lost, each of them good once.
 */
#include "keeper/recovery.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

#define LETTERS_A_CODE 16

/* Without i, l, o, u: nothing that is mistaken for something else. */
static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Sixteen letters in groups of four. */
static void write_code(const uint8_t values[LETTERS_A_CODE], char out[RECOVERY_CODE_SIZE])
{
    size_t used = 0;

    for (size_t i = 0; i < LETTERS_A_CODE; i++) {
        if (i > 0 && i % 4 == 0)
            out[used++] = '-';
        out[used++] = letters[values[i] % 32];
    }
    out[used] = '\0';
}

void recovery_codes(char out[RECOVERY_CODES][RECOVERY_CODE_SIZE])
{
    uint8_t values[LETTERS_A_CODE];

    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        sp_random(values, sizeof(values));
        write_code(values, out[i]);
    }
    sp_wipe(values, sizeof(values));
}

enum sp_err recovery_hash(const uint8_t salt[RECOVERY_SALT_SIZE], const char *code,
                          uint8_t out[RECOVERY_HASH_SIZE])
{
    static_assert(RECOVERY_SALT_SIZE == crypto_pwhash_SALTBYTES, "libsodium's salt");

    if (crypto_pwhash(out, RECOVERY_HASH_SIZE, code, strlen(code), salt, RECOVERY_PASSES,
                      RECOVERY_MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return SP_ESYS;
    return SP_OK;
}

enum sp_err recovery_make(char codes[RECOVERY_CODES][RECOVERY_CODE_SIZE], struct recovery *out)
{
    struct recovery made = {.unused = (1u << RECOVERY_CODES) - 1};
    enum sp_err err = SP_OK;

    sp_random(made.salt, sizeof(made.salt));
    for (size_t i = 0; i < RECOVERY_CODES && err == SP_OK; i++)
        err = recovery_hash(made.salt, codes[i], made.hashes[i]);
    if (err == SP_OK)
        *out = made;
    sp_wipe(&made, sizeof(made));
    return err;
}

/* What people write for what they read. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    if (c == 'o')
        c = '0';
    if (c == 'i' || c == 'l')
        c = '1';
    const char *at = c != '\0' ? strchr(letters, c) : NULL;
    return at != NULL ? (int)(at - letters) : -1;
}

enum sp_err recovery_read(const char *typed, char out[RECOVERY_CODE_SIZE])
{
    uint8_t values[LETTERS_A_CODE];
    size_t used = 0;
    enum sp_err err = SP_OK;

    for (; *typed != '\0' && err == SP_OK; typed++) {
        if (*typed == ' ' || *typed == '-')
            continue;
        int value = value_of(*typed);
        if (value < 0 || used == LETTERS_A_CODE)
            err = SP_EVALUE;
        else
            values[used++] = (uint8_t)value;
    }
    if (err == SP_OK && used != LETTERS_A_CODE)
        err = SP_EVALUE;
    if (err == SP_OK)
        write_code(values, out);
    sp_wipe(values, sizeof(values));
    return err;
}

enum sp_err recovery_use(struct recovery *r, const uint8_t hash[RECOVERY_HASH_SIZE])
{
    size_t found = RECOVERY_CODES;

    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        if (sp_equal_ct(r->hashes[i], hash, RECOVERY_HASH_SIZE))
            found = i;
    }
    if (found == RECOVERY_CODES)
        return SP_ECRYPTO;
    if ((r->unused & 1u << found) == 0)
        return SP_ESTATE;
    r->unused &= ~(1u << found);
    return SP_OK;
}

unsigned recovery_left(const struct recovery *r)
{
    unsigned left = 0;

    for (size_t i = 0; i < RECOVERY_CODES; i++)
        left += r->unused >> i & 1u;
    return left;
}
